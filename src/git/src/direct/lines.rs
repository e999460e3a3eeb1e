//! The lines that changed between two states.
//!
//! Lines are compared as git does it by default: Myers' algorithm, with hunks slid to where indentation suggests them
//! (git-diff(1), `--indent-heuristic`). Where both would be right, the two may still differ in which of several equal lines they call
//! new. Attributes decide what is compared line by line at all (gitattributes(5), `diff`), but that a file with NUL bytes which they call
//! text counts whole.

use gix::ObjectId;
use gix::bstr::{BStr, ByteSlice as _};
use gix::diff::blob::pipeline::{Mode as Conversion, WorktreeRoots};
use gix::diff::blob::platform::prepare_diff::Operation;
use gix::diff::blob::platform::resource::Data;
use gix::diff::blob::sources::byte_lines;
use gix::diff::blob::{
    Algorithm, InternedInput, Platform, ResourceKind, diff_with_slider_heuristics,
};
use gix::objs::tree::EntryKind;

use super::compare::{self, Difference, Directory, Kept};
use super::objects::Objects;
use super::{Direct, tree_of};
use crate::commit::CommitId;
use crate::entry::Mode;
use crate::selection::{Changes, Former, Lines, SelectedChange, SelectedKind};

impl Direct {
    /// What is different in the index from a commit or tree.
    pub(crate) fn staged_changes(&self, tree: &str) -> Option<Changes> {
        let repository = self.repository()?;
        let index = self.index(&repository)?;
        let before = if tree == "HEAD" {
            repository.head_commit().ok()?.tree_id().ok()?.detach()
        } else {
            tree_of(&repository, tree)?
        };
        let before = Directory::Tree(before);
        let found = compare::compare(&repository, before, compare::index(&index))?;
        self.changes(&repository, found)
    }

    /// What is different between two commits.
    pub(crate) fn changes_between(&self, from: &CommitId, to: &CommitId) -> Option<Changes> {
        let repository = self.repository()?;
        let tree = |commit: &CommitId| tree_of(&repository, commit.as_str());
        let (before, after) = (Directory::Tree(tree(from)?), Directory::Tree(tree(to)?));
        let found = compare::compare(&repository, before, after)?;
        self.changes(&repository, found)
    }

    /// The changes with their lines; none if git has to look at them.
    fn changes(&self, repository: &gix::Repository, found: Vec<Difference>) -> Option<Changes> {
        if !is_plain(&found) {
            return None;
        }
        let mut changes = Changes::default();
        if found.is_empty() {
            return Some(changes);
        }
        let sides = found.iter().flat_map(|one| [one.before, one.after]);
        self.keep(sides.flatten().map(|kept| kept.object).collect())?;
        let known = self.known();
        let objects = Objects {
            known: &known,
            repository,
        };
        let roots = WorktreeRoots::default();
        let mut platform = repository
            .diff_resource_cache(Conversion::ToGit, roots)
            .ok()?;
        for difference in found {
            let (lines, counts) = lines(&objects, &mut platform, &difference)?;
            let Ok(path) = difference.path.to_str() else {
                let shown = difference.path.to_str_lossy().into_owned();
                changes.names_not_text.push(shown);
                continue;
            };
            let kind = match (difference.before, difference.after) {
                (None, _) => SelectedKind::Added,
                (Some(_), None) => SelectedKind::Deleted,
                (Some(_), Some(_)) => SelectedKind::Modified,
            };
            let former = difference.before.map(|kept| Former {
                mode: kept.mode,
                object: kept.object.to_string(),
            });
            changes.changes.push(SelectedChange {
                path: path.to_owned(),
                kind,
                lines,
                counts,
                former,
            });
        }
        Some(changes)
    }
}

/// Whether nothing can have been moved, and only files are concerned.
fn is_plain(found: &[Difference]) -> bool {
    let is_file = |kept: Option<Kept>| {
        kept.is_none_or(|kept| matches!(kept.mode, Mode::File | Mode::Executable))
    };
    let has = |is_kind: fn(&Difference) -> bool| found.iter().any(is_kind);
    let may_be_moved = has(|one| one.before.is_none()) && has(|one| one.after.is_none());
    !may_be_moved
        && found
            .iter()
            .all(|one| is_file(one.before) && is_file(one.after))
}

/// Lines added and removed; none if they are not counted.
type Counts = Option<(u32, u32)>;

fn lines(
    objects: &Objects<'_>,
    platform: &mut Platform,
    difference: &Difference,
) -> Option<(Lines, Counts)> {
    let path = difference.path.as_bstr();
    platform.clear_resource_cache_keep_allocation();
    set(
        objects,
        platform,
        path,
        difference.before,
        ResourceKind::OldOrSource,
    )?;
    set(
        objects,
        platform,
        path,
        difference.after,
        ResourceKind::NewOrDestination,
    )?;
    let (added, counts) = match compared(platform)? {
        Compared::ByLine { added, counts } => (Lines::Only(added), Some(counts)),
        Compared::Whole => (Lines::All, None),
    };
    let lines = match (difference.before, difference.after) {
        (_, None) => Lines::Only(Vec::new()),
        (None, Some(_)) => Lines::All,
        (Some(_), Some(_)) => added,
    };
    Some((lines, counts))
}

/// Names one side of the comparison. A side that is not there has the id of nothing.
fn set(
    objects: &Objects<'_>,
    platform: &mut Platform,
    path: &BStr,
    kept: Option<Kept>,
    side: ResourceKind,
) -> Option<()> {
    let nothing = ObjectId::null(objects.repository.object_hash());
    let object = kept.map_or(nothing, |kept| kept.object);
    let is_executable = kept.is_some_and(|kept| kept.mode == Mode::Executable);
    let kind = if is_executable {
        EntryKind::BlobExecutable
    } else {
        EntryKind::Blob
    };
    platform
        .set_resource(object, kind, path, side, objects)
        .ok()
}

/// What a comparison says.
enum Compared {
    /// The new lines, first and last of each group, and how many lines were added and removed.
    ByLine {
        added: Vec<(u32, u32)>,
        counts: (u32, u32),
    },
    /// Both sides are different, and not made of lines.
    Whole,
}

/// Compares both sides; none if git has to do it.
fn compared(platform: &mut Platform) -> Option<Compared> {
    let outcome = platform.prepare_diff().ok()?;
    match outcome.operation {
        Operation::InternalDiff { .. } => {}
        Operation::SourceOrDestinationIsBinary => return Some(Compared::Whole),
        Operation::ExternalCommand { .. } => return None,
    }
    let (old, new) = (bytes(outcome.old.data), bytes(outcome.new.data));
    let input = InternedInput::new(byte_lines(old), byte_lines(new));
    let diff = diff_with_slider_heuristics(Algorithm::Myers, &input);
    let added = diff
        .hunks()
        .filter(|hunk| !hunk.after.is_empty())
        .map(|hunk| (hunk.after.start + 1, hunk.after.end))
        .collect();
    let counts = (diff.count_additions(), diff.count_removals());
    Some(Compared::ByLine { added, counts })
}

/// A side that is not there is empty.
fn bytes(data: Data<'_>) -> &[u8] {
    data.as_slice().unwrap_or_default()
}
