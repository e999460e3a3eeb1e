//! From what git lists to what the rules see: each content is read once, and only if a group wants it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use beanpole_checks::{
    Change, ChangeKind, ChangedLines, Entry, FileMode, Group, Scope, SourceTree, Unseen, coverage,
    migrations, pins,
};
use beanpole_git::{
    CommitId, Fork, Lines, Mode, Selected, SelectedChange, SelectedEntry, SelectedKind, Selection,
};
use beanpole_model::{Location, Report};

use super::contents::{Contents, key, place};
use super::merging;
use super::{Rulebook, Site};
use crate::side_by_side::side_by_side;

/// How far links of requirements files are followed, link by link.
const DEEPEST_INCLUDE: usize = 16;

/// What was read.
#[derive(Default)]
pub(crate) struct Reading {
    pub(super) scope: Scope,
    /// The Python files of the code that serves, if the migrations are judged against one: those of the base.
    pub(super) serving: Option<SourceTree>,
    /// Whether the change matters to migrations, if they are judged at all.
    pub(super) touches_migrations: bool,
    /// The state after a merge into the base, if that is another one.
    pub(super) merged: Option<Scope>,
    pub(super) unseen: Vec<Unseen>,
    /// Where the rest is, for rules that ask for it.
    contents: Option<Arc<Contents>>,
}

impl Reading {
    /// What was too large to be read: asked when the rules have read all that they need.
    ///
    /// # Errors
    /// A content that git could not give. Without it, what was found is not the whole.
    pub(super) fn too_large(&self) -> Result<Vec<Unseen>, Report> {
        let Some(contents) = &self.contents else {
            return Ok(Vec::new());
        };
        contents.failure()?;
        Ok(contents.too_large())
    }

    /// What coverage.py's database does not tell: all Python files of the state and coverage.py's settings, each read when it is
    /// asked for.
    pub(super) fn files_of_coverage(&self, selected: &Selected) -> SourceTree {
        let mut files = self.scope.tree.clone();
        if let Some(contents) = &self.contents {
            files.add(later(contents, selected, coverage::database_wants));
        }
        files
    }
}

/// Reads a state.
///
/// # Errors
/// What went wrong with git.
pub(super) fn read(
    site: &Site,
    rulebook: &Rulebook,
    selected: &Selected,
    merge: Option<&Fork>,
) -> Result<Reading, Report> {
    let contents = Contents::new(site.repository.read_blobs()?);
    let mut reading = Reading {
        scope: Scope {
            entries: entries(&selected.entries),
            tree: SourceTree::new(),
            changes: selected.changes.iter().map(change).collect(),
        },
        serving: None,
        touches_migrations: false,
        merged: None,
        unseen: said(selected),
        contents: Some(Arc::clone(&contents)),
    };
    let settings = &rulebook.settings.migrations;
    let judges_migrations = rulebook.groups.contains(&Group::Migrations);
    let mut groups: Vec<Group> = rulebook.groups.iter().copied().collect();
    let says_place =
        judges_migrations && migrations::is_touched_by_place(&reading.scope.changes, settings);
    if says_place {
        // Whatever is needed comes later.
        groups.retain(|group| *group != Group::Migrations);
    }
    let wanted = || wanted(&groups, rulebook, selected);
    let later = || later(&contents, selected, migrations::wants);
    // What was taken away may have been in a package that only the settings name.
    if says_place || (judges_migrations && selected.changes.iter().any(takes_away)) {
        let (wanted, later) = side_by_side(wanted, later);
        read_now(site, &contents, &wanted, &mut reading.scope)?;
        reading.scope.tree.add(later);
        reading.touches_migrations = says_place || migrations::is_touched(&reading.scope, settings);
    } else {
        read_now(site, &contents, &wanted(), &mut reading.scope)?;
        reading.touches_migrations =
            judges_migrations && migrations::is_touched(&reading.scope, settings);
        if reading.touches_migrations {
            reading.scope.tree.add(later());
        }
    }
    if rulebook.groups.contains(&Group::Pins) {
        read_included(site, &contents, rulebook, selected, &mut reading.scope)?;
    }
    if let Some(base) = selected
        .base
        .as_ref()
        .filter(|_| reading.touches_migrations)
    {
        let moved = merge.filter(|merge| merge.tip != *base);
        let serving = match moved {
            Some(merge) => {
                let before = merging::brought(site, merge)?;
                let serving = tree_of(&contents, &before, selected, &reading.scope.tree);
                merging::merge(&before, &serving, settings, &mut reading);
                serving
            }
            None if selected.tells_base() => before(&contents, selected, &reading.scope.tree),
            None => {
                let before = commit(site, base)?;
                tree_of(&contents, &before, selected, &reading.scope.tree)
            }
        };
        reading.serving = Some(serving);
    }
    Ok(reading)
}

/// The files whose content is read in any case, for these groups. Migrations need all Python files, and so come later; but what
/// changed tells whether they are touched.
fn wanted<'s>(
    groups: &[Group],
    rulebook: &Rulebook,
    selected: &'s Selected,
) -> Vec<&'s SelectedEntry> {
    let patterns = [&rulebook.requirements, &rulebook.development_requirements];
    if groups.is_empty() && patterns.iter().all(|patterns| patterns.is_empty()) {
        return Vec::new();
    }
    let changed: BTreeSet<&str> = selected
        .changes
        .iter()
        .map(|change| change.path.as_str())
        .collect();
    let usually = || groups.iter().filter(|group| **group != Group::Migrations);
    let further = |path: &str| {
        let mut patterns = patterns.into_iter().flatten();
        patterns.any(|one| one.matches(path))
    };
    files(selected)
        .filter(|entry| {
            let path = entry.path.as_str();
            if changed.contains(path) {
                groups.iter().any(|group| group.wants_changed(path)) || further(path)
            } else {
                usually().any(|group| group.wants(path)) || further(path)
            }
        })
        .collect()
}

/// Those with a content of their own. That of a link is where it leads, and nothing is written there.
fn files(selected: &Selected) -> impl Iterator<Item = &SelectedEntry> {
    selected.entries.iter().filter(|entry| is_file(entry.mode))
}

const fn is_file(mode: Mode) -> bool {
    matches!(mode, Mode::File | Mode::Executable)
}

/// Reads the contents into the tree, and notes the sizes.
fn read_now(
    site: &Site,
    contents: &Contents,
    files: &[&SelectedEntry],
    scope: &mut Scope,
) -> Result<(), Report> {
    let places: Vec<(&str, &str)> = files.iter().map(|entry| place(entry)).collect();
    let mut large: Vec<&SelectedEntry> = Vec::new();
    let read = contents.read(&places);
    contents.failure()?;
    for (entry, content) in files.iter().zip(read) {
        match content {
            Some(content) => {
                note_size(scope, &entry.path, u64::try_from(content.len()).ok());
                scope.tree.insert(entry.path.clone(), content);
            }
            None => large.push(entry),
        }
    }
    let objects: Vec<&str> = large.iter().map(|entry| entry.object.as_str()).collect();
    let sizes = site.repository.object_sizes(&objects)?;
    for (entry, size) in large.iter().zip(sizes) {
        note_size(scope, &entry.path, size);
    }
    Ok(())
}

/// Reads what requirements files include, which may have any name: all links of one depth at once.
fn read_included(
    site: &Site,
    contents: &Contents,
    rulebook: &Rulebook,
    selected: &Selected,
    scope: &mut Scope,
) -> Result<(), Report> {
    // One that is too large stays unread.
    let mut asked: BTreeSet<String> = BTreeSet::new();
    for _ in 0..DEEPEST_INCLUDE {
        let mut included = pins::included(&scope.tree, &rulebook.settings.pins);
        included.retain(|path| !scope.tree.has(path) && !asked.contains(path));
        let open: Vec<&SelectedEntry> = (included.iter())
            .filter_map(|path| entry_of(selected, path))
            .filter(|entry| is_file(entry.mode))
            .collect();
        if open.is_empty() {
            break;
        }
        read_now(site, contents, &open, scope)?;
        asked.extend(included);
    }
    Ok(())
}

fn entry_of<'s>(selected: &'s Selected, path: &str) -> Option<&'s SelectedEntry> {
    let found = (selected.entries).binary_search_by(|other| other.path.as_str().cmp(path));
    selected.entries.get(found.ok()?)
}

/// Files that some rules may lead to: each is read when it is asked for.
fn later(
    contents: &Arc<Contents>,
    selected: &Selected,
    wants: impl Fn(&str) -> bool,
) -> SourceTree {
    let wanted = files(selected).filter(|entry| wants(&entry.path));
    let keyed = wanted.map(|entry| (entry.path.clone(), key(&entry.object, &entry.path)));
    SourceTree::later(&contents.source(), keyed)
}

fn note_size(scope: &mut Scope, path: &str, size: Option<u64>) {
    if let Some(entry) = scope.entries.get_mut(path) {
        entry.size = size;
    }
}

/// Everything in a commit.
fn commit(site: &Site, commit: &CommitId) -> Result<Selected, Report> {
    let selection = Selection::Commit(commit.to_string());
    Ok(site.repository.select(&selection, &site.under)?)
}

/// Whether a Python file is not where it was.
fn takes_away(change: &SelectedChange) -> bool {
    match &change.kind {
        SelectedKind::Deleted => migrations::wants(&change.path),
        SelectedKind::Renamed { from } => migrations::wants(from),
        SelectedKind::Added | SelectedKind::Modified => false,
    }
}

/// The files of another state, for migrations. What the judged state has as well is shared with it.
fn tree_of(
    contents: &Arc<Contents>,
    before: &Selected,
    selected: &Selected,
    tree: &SourceTree,
) -> SourceTree {
    let source = contents.source();
    let same = |entry: &SelectedEntry| {
        entry_of(selected, &entry.path).is_some_and(|other| other.object == entry.object)
    };
    let mut serving = SourceTree::new();
    for entry in files(before).filter(|entry| migrations::wants(&entry.path)) {
        let path = entry.path.as_str();
        if !(same(entry) && serving.share(path, tree, path)) {
            serving.insert_later(path, &source, key(&entry.object, path));
        }
    }
    serving
}

/// The files of the base, from the judged ones and what changed in them.
fn before(contents: &Arc<Contents>, selected: &Selected, tree: &SourceTree) -> SourceTree {
    let source = contents.source();
    let mut serving = tree.clone();
    for change in &selected.changes {
        serving.remove(&change.path);
    }
    for change in &selected.changes {
        let path = match &change.kind {
            SelectedKind::Renamed { from } => from,
            SelectedKind::Added | SelectedKind::Modified | SelectedKind::Deleted => &change.path,
        };
        let Some(former) = &change.former else {
            continue;
        };
        if is_file(former.mode) && migrations::wants(path) {
            serving.insert_later(path.clone(), &source, key(&former.object, path));
        }
    }
    serving
}

pub(super) fn entries(selected: &[SelectedEntry]) -> BTreeMap<String, Entry> {
    let entry = |mode| Entry {
        mode: match mode {
            Mode::File => FileMode::Regular,
            Mode::Executable => FileMode::Executable,
            Mode::Symlink => FileMode::Link,
            Mode::Submodule => FileMode::Submodule,
        },
        size: None,
    };
    selected
        .iter()
        .map(|selected| (selected.path.clone(), entry(selected.mode)))
        .collect()
}

pub(super) fn change(selected: &SelectedChange) -> Change {
    Change {
        path: selected.path.clone(),
        kind: match &selected.kind {
            SelectedKind::Added => ChangeKind::Added,
            SelectedKind::Modified => ChangeKind::Modified,
            SelectedKind::Renamed { from } => ChangeKind::Renamed { from: from.clone() },
            SelectedKind::Deleted => ChangeKind::Deleted,
        },
        lines: match &selected.lines {
            Lines::All => ChangedLines::All,
            Lines::Only(lines) => ChangedLines::Only(lines.clone()),
        },
        counts: selected.counts,
    }
}

/// What git lists and nobody can judge.
fn said(selected: &Selected) -> Vec<Unseen> {
    let conflicts = selected.conflicts.iter().map(|path| Unseen {
        location: Some(file(path)),
        why: "a conflict is open: which of its contents would be committed is not decided"
            .to_owned(),
    });
    let names = selected.names_not_text.iter().map(|name| Unseen {
        location: None,
        why: format!("the name of `{name}` is not UTF-8"),
    });
    conflicts.chain(names).collect()
}

pub(super) fn file(path: &str) -> Location {
    Location {
        path: path.to_owned(),
        line: None,
        column: None,
    }
}
