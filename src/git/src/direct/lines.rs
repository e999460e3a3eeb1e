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
use super::{Direct, tree_of};
use crate::commit::CommitId;
use crate::entry::Mode;
use crate::selection::{Changes, Former, Lines, SelectedChange, SelectedKind};

/// The largest file that is compared here, in bytes. Git compares larger ones, in a process of its own.
const LARGEST: u64 = 32 * 1024 * 1024;

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
        changes(&repository, found)
    }

    /// What is different between two commits.
    pub(crate) fn changes_between(&self, from: &CommitId, to: &CommitId) -> Option<Changes> {
        let repository = self.repository()?;
        let tree = |commit: &CommitId| tree_of(&repository, commit.as_str());
        let (before, after) = (Directory::Tree(tree(from)?), Directory::Tree(tree(to)?));
        let found = compare::compare(&repository, before, after)?;
        changes(&repository, found)
    }
}

/// The changes with their lines; none if git has to look at them.
fn changes(repository: &gix::Repository, found: Vec<Difference>) -> Option<Changes> {
    if !is_plain(&found) {
        return None;
    }
    let mut comparison = Comparison::new(repository, &found)?;
    let mut changes = Changes::default();
    for difference in found {
        let (lines, counts) = comparison.lines(&difference)?;
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

struct Comparison<'r> {
    repository: &'r gix::Repository,
    platform: Option<Platform>,
}

impl<'r> Comparison<'r> {
    fn new(repository: &'r gix::Repository, found: &[Difference]) -> Option<Self> {
        let platform = if found.is_empty() {
            None
        } else {
            let roots = WorktreeRoots::default();
            Some(
                repository
                    .diff_resource_cache(Conversion::ToGit, roots)
                    .ok()?,
            )
        };
        Some(Self {
            repository,
            platform,
        })
    }

    fn lines(&mut self, difference: &Difference) -> Option<(Lines, Counts)> {
        let path = difference.path.as_bstr();
        let platform = self.platform.as_mut()?;
        platform.clear_resource_cache_keep_allocation();
        set(
            self.repository,
            platform,
            path,
            difference.before,
            ResourceKind::OldOrSource,
        )?;
        set(
            self.repository,
            platform,
            path,
            difference.after,
            ResourceKind::NewOrDestination,
        )?;
        let is_new = difference.before.is_none();
        let is_gone = difference.after.is_none();
        let lines = match compared(platform)? {
            None if is_gone => (Lines::Only(Vec::new()), None),
            None => (Lines::All, None),
            Some(compared) => {
                let lines = if is_new {
                    Lines::All
                } else {
                    Lines::Only(compared.added)
                };
                (lines, Some(compared.counts))
            }
        };
        Some(lines)
    }
}

/// Names one side of the comparison. A side that is not there has the id of nothing.
fn set(
    repository: &gix::Repository,
    platform: &mut Platform,
    path: &BStr,
    kept: Option<Kept>,
    side: ResourceKind,
) -> Option<()> {
    let (object, kind) = match kept {
        None => (ObjectId::null(repository.object_hash()), EntryKind::Blob),
        Some(kept) => {
            if repository.find_header(kept.object).ok()?.size() > LARGEST {
                return None;
            }
            let kind = match kept.mode {
                Mode::Executable => EntryKind::BlobExecutable,
                Mode::File | Mode::Symlink | Mode::Submodule => EntryKind::Blob,
            };
            (kept.object, kind)
        }
    };
    let objects = &repository.objects;
    platform
        .set_resource(object, kind, path, side, objects)
        .ok()
}

/// The lines of the new side, first and last, and how many lines were added and removed.
struct Compared {
    added: Vec<(u32, u32)>,
    counts: (u32, u32),
}

/// Compares both sides line by line; none inside if they are not to be compared so.
fn compared(platform: &mut Platform) -> Option<Option<Compared>> {
    let outcome = platform.prepare_diff().ok()?;
    let is_compared = match outcome.operation {
        Operation::InternalDiff { .. } => true,
        Operation::SourceOrDestinationIsBinary => false,
        Operation::ExternalCommand { .. } => return None,
    };
    if !is_compared {
        return Some(None);
    }
    let bytes = |data: Data<'_>| data.as_slice().unwrap_or_default().to_vec();
    let (old, new) = (bytes(outcome.old.data), bytes(outcome.new.data));
    let input = InternedInput::new(byte_lines(&old), byte_lines(&new));
    let diff = diff_with_slider_heuristics(Algorithm::Myers, &input);
    let added = diff
        .hunks()
        .filter(|hunk| !hunk.after.is_empty())
        .map(|hunk| (hunk.after.start + 1, hunk.after.end))
        .collect();
    let counts = (diff.count_additions(), diff.count_removals());
    Some(Some(Compared { added, counts }))
}
