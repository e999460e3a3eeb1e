//! From what git lists to what the rules see: each content is read once, and only if a group wants it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use beanpole_checks::{
    Change, ChangeKind, ChangedLines, Entry, FileMode, Group, Scope, SourceTree, Unseen, migrations,
};
use beanpole_git::{
    BlobReader, CommitId, Lines, Mode, Selected, SelectedChange, SelectedEntry, SelectedKind,
    Selection,
};
use beanpole_model::{Location, Report};

use super::merging::{self, Merge};
use super::{Rulebook, Site};

/// The largest content that is read, in bytes: as much as is searched for secrets.
const LARGEST: u64 = 32 * 1024 * 1024;

/// What was read.
#[derive(Default)]
pub(super) struct Reading {
    pub(super) scope: Scope,
    /// The Python files of the code that serves, if the migrations are judged against one: those of the base.
    pub(super) serving: Option<SourceTree>,
    /// The state after a merge into the base, if that is another one.
    pub(super) merged: Option<Scope>,
    pub(super) unseen: Vec<Unseen>,
}

/// Reads a state.
///
/// # Errors
/// What went wrong with git.
pub(super) fn read(
    site: &Site,
    rulebook: &Rulebook,
    selected: &Selected,
    merge: Option<&Merge>,
) -> Result<Reading, Report> {
    let mut reader = site.repository.read_blobs()?;
    let mut reading = Reading {
        scope: Scope {
            entries: entries(&selected.entries),
            tree: SourceTree::new(),
            changes: selected.changes.iter().map(change).collect(),
        },
        serving: None,
        merged: None,
        unseen: said(selected),
    };
    let wanted = wanted(rulebook, selected);
    contents(site, &mut reader, &wanted, &mut reading)?;
    let settings = &rulebook.settings.migrations;
    if rulebook.groups.contains(&Group::Migrations)
        && migrations::is_touched(&reading.scope, settings)
    {
        let more: Vec<&SelectedEntry> = files(selected)
            .filter(|entry| migrations::wants(&entry.path))
            .filter(|entry| reading.scope.tree.get(&entry.path).is_none())
            .collect();
        contents(site, &mut reader, &more, &mut reading)?;
        if let Some(base) = &selected.base {
            let moved = merge.filter(|merge| merge.tip != *base);
            let before = match moved {
                Some(merge) => merge.brings(site)?,
                None => commit(site, base)?,
            };
            let serving = serving(&mut reader, &before, selected, &reading.scope)?;
            if moved.is_some() {
                merging::merge(&before, &serving, settings, &mut reading);
            }
            reading.serving = Some(serving);
        }
    }
    Ok(reading)
}

/// The files whose content is read in any case. Migrations need all Python files, and so come later.
fn wanted<'s>(rulebook: &Rulebook, selected: &'s Selected) -> Vec<&'s SelectedEntry> {
    let changed: BTreeSet<&str> = selected
        .changes
        .iter()
        .map(|change| change.path.as_str())
        .collect();
    let groups = || rulebook.groups.iter();
    let usually = || groups().filter(|group| **group != Group::Migrations);
    let further = |path: &str| rulebook.requirements.iter().any(|one| one.matches(path));
    files(selected)
        .filter(|entry| {
            let path = entry.path.as_str();
            if changed.contains(path) {
                groups().any(|group| group.wants_changed(path)) || further(path)
            } else {
                usually().any(|group| group.wants(path)) || further(path)
            }
        })
        .collect()
}

/// Those with a content of their own. That of a link is where it leads, and nothing is written there.
fn files(selected: &Selected) -> impl Iterator<Item = &SelectedEntry> {
    selected
        .entries
        .iter()
        .filter(|entry| matches!(entry.mode, Mode::File | Mode::Executable))
}

/// Reads the contents into the tree, and notes the sizes. What is too large to be read is said.
fn contents(
    site: &Site,
    reader: &mut BlobReader,
    files: &[&SelectedEntry],
    reading: &mut Reading,
) -> Result<(), Report> {
    let objects: Vec<&str> = files.iter().map(|entry| entry.object.as_str()).collect();
    let read = reader.read_all_up_to(&objects, LARGEST)?;
    let mut large: Vec<&SelectedEntry> = Vec::new();
    for (entry, content) in files.iter().zip(read) {
        match content {
            Some(content) => {
                note_size(
                    &mut reading.scope,
                    &entry.path,
                    u64::try_from(content.len()).ok(),
                );
                reading.scope.tree.insert(entry.path.clone(), content);
            }
            None => large.push(entry),
        }
    }
    let objects: Vec<&str> = large.iter().map(|entry| entry.object.as_str()).collect();
    let sizes = site.repository.object_sizes(&objects)?;
    for (entry, size) in large.iter().zip(sizes) {
        note_size(&mut reading.scope, &entry.path, size);
        reading.unseen.push(Unseen {
            location: Some(file(&entry.path)),
            why: "the file is larger than 32 MiB, so its content was not read".to_owned(),
        });
    }
    Ok(())
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

/// The Python files of the base. What the judged state has as well is not read again.
fn serving(
    reader: &mut BlobReader,
    before: &Selected,
    selected: &Selected,
    scope: &Scope,
) -> Result<SourceTree, Report> {
    let known: HashMap<&str, &str> = files(selected)
        .map(|entry| (entry.object.as_str(), entry.path.as_str()))
        .collect();
    let mut tree = SourceTree::new();
    let mut unread: Vec<&SelectedEntry> = Vec::new();
    for entry in files(before).filter(|entry| migrations::wants(&entry.path)) {
        let content = known.get(entry.object.as_str());
        match content.and_then(|path| scope.tree.get(path)) {
            Some(content) => tree.insert(entry.path.clone(), content),
            None => unread.push(entry),
        }
    }
    let objects: Vec<&str> = unread.iter().map(|entry| entry.object.as_str()).collect();
    let read = reader.read_all_up_to(&objects, LARGEST)?;
    for (entry, content) in unread.iter().zip(read) {
        if let Some(content) = content {
            tree.insert(entry.path.clone(), content);
        }
    }
    Ok(tree)
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

fn file(path: &str) -> Location {
    Location {
        path: path.to_owned(),
        line: None,
        column: None,
    }
}
