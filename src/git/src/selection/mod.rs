//! The state that checks judge, and what changed in it: staged files, a branch since its base, or everything.
//!
//! Rules: what is read is what git has, never the work tree; nothing is stashed, and nothing is written. Few
//! processes are run, and those that do not wait for each other run side by side. Patches are read as a
//! stream: of a huge one, only the line numbers are kept.

mod changes;
mod entries;
mod fork;
mod merge;
mod patch;
mod raw;

use camino::{Utf8Path, Utf8PathBuf};

use crate::commit::CommitId;
use crate::entry::Mode;
use crate::error::Error;
use crate::head::{HeadState, Operation};
use crate::repository::Repository;
pub(crate) use changes::Changes;
pub(crate) use entries::{Listing, mode};
pub use fork::Fork;

/// Which state is judged, and against what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// The index against the last commit. On a branch without a commit, everything in the index is new.
    ///
    /// While a merge is in progress, a file counts as changed if it differs from every parent, and of its
    /// lines those that differ from every parent: what came whole from either side was judged there, and
    /// what is left is what the person who merges has written. [`Selected::merged`] names the rest.
    Staged,
    /// A commit against another one, as they are.
    Between(Fork),
    /// A commit against the merge base that it has with another one: what a pull request would bring.
    Since {
        /// The other one: `origin/main`.
        base: String,
        /// The commit that is judged: `HEAD`.
        head: String,
    },
    /// Everything in the index: what the next commit will hold.
    Index,
    /// Everything in a commit. Needs no index, and so works in a bare repository.
    Commit(String),
}

/// A path of the judged state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectedEntry {
    /// The path, relative to the directory that was asked for, with `/` between the parts.
    pub path: String,
    /// How git keeps it.
    pub mode: Mode,
    /// The id of its blob; for a submodule the id of its commit.
    pub object: String,
}

/// What happened to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SelectedKind {
    /// It is new.
    Added,
    /// Its content or mode is another.
    Modified,
    /// It had another path, and may have changed as well.
    Renamed {
        /// The former path.
        from: String,
    },
    /// It is gone.
    Deleted,
}

/// Some lines of a file, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lines {
    /// Every line: the file is new, all files are judged, or git does not compare it line by line
    /// (binary files, and those with the attribute `-diff`, which must not hide anything).
    All,
    /// These lines: first and last, sorted, without overlap.
    Only(Vec<(u32, u32)>),
}

/// A file that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectedChange {
    /// The path, as in [`SelectedEntry::path`].
    pub path: String,
    /// What happened.
    pub kind: SelectedKind,
    /// The lines that are new or other than before.
    pub lines: Lines,
    /// How many lines were added and removed; none for binary files, and where everything is judged.
    pub counts: Option<(u32, u32)>,
    /// What the compared state had there, or at the former path of a moved file; none for a new file, and where
    /// everything is judged.
    pub former: Option<Former>,
}

/// What a file was before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Former {
    /// How git kept it.
    pub mode: Mode,
    /// The id of its blob; for a submodule the id of its commit.
    pub object: String,
}

/// A state to be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selected {
    /// All paths of the state, sorted.
    pub entries: Vec<SelectedEntry>,
    /// What changed, sorted by path.
    pub changes: Vec<SelectedChange>,
    /// Paths that a merge in progress has taken from one side as they are, sorted.
    pub merged: Vec<String>,
    /// Paths in the index that wait for a conflict to be resolved, sorted. They are neither entries nor
    /// changes: which of their contents would be committed is open.
    pub conflicts: Vec<String>,
    /// Names that are not UTF-8, with a mark in place of what is not valid. They are not judged, which
    /// has to be said.
    pub names_not_text: Vec<String>,
    /// The commit that the state was compared with, if there was one.
    pub base: Option<CommitId>,
    /// Where the repository stands, if that had to be asked: for [`Selection::Staged`].
    pub head: Option<HeadState>,
}

impl Selected {
    /// Whether the changes tell everything that is different in the base. While conflicts are open or a merge is in progress
    /// they do not, and where everything is judged there is no base.
    #[must_use]
    pub const fn tells_base(&self) -> bool {
        self.base.is_some() && self.merged.is_empty() && self.conflicts.is_empty()
    }
}

impl Repository {
    /// Reads a state and what changed in it, under a directory: absolute, or relative to the root; `""`
    /// is the whole repository. Paths are relative to that directory; a file that was moved into it
    /// counts as new.
    ///
    /// # Errors
    /// [`Error::ObjectMissing`] and [`Error::NoCommonCommit`] for a base that is not there, as in a
    /// shallow clone; [`Error::UnbornBranch`], [`Error::OutsideRepository`], or what went wrong with git.
    pub fn select(&self, selection: &Selection, under: &Utf8Path) -> Result<Selected, Error> {
        let under = self.relative(under)?;
        match selection {
            Selection::Staged => self.select_staged(&under),
            Selection::Since { base, head } => self.select_since(base, head, &under),
            Selection::Between(fork) => self.select_between(fork.base.clone(), &fork.head, &under),
            Selection::Index => Ok(whole(self.index_listing()?, &under)),
            Selection::Commit(name) => {
                let commit = self.commit_named(name)?;
                Ok(whole(self.commit_listing(&commit)?, &under))
            }
        }
    }

    fn select_staged(&self, under: &Utf8PathBuf) -> Result<Selected, Error> {
        let (state, listing, changes, merged) = self.staged_now()?;
        let mut selected = selected(listing, changes, under);
        selected.merged = merged
            .iter()
            .filter_map(|path| inside(path, under))
            .collect();
        selected.base.clone_from(&state.commit);
        selected.head = Some(state);
        Ok(selected)
    }

    /// Where the repository stands, the index, what is different in it from every parent of the next commit, and what a merge
    /// took as it was.
    fn staged_now(&self) -> Result<(HeadState, Listing, Changes, Vec<String>), Error> {
        let state = self.head_state()?;
        let mut parents: Vec<CommitId> = state.commit.iter().cloned().collect();
        if let Some(Operation::Merge { with }) = &state.operation {
            parents.extend(with.iter().cloned());
        }
        let (listing, differences) = std::thread::scope(|scope| {
            let listing = scope.spawn(|| self.index_listing());
            let differences = if parents.is_empty() {
                self.empty_tree()
                    .and_then(|tree| Ok(vec![self.staged_changes(&tree)?]))
            } else {
                parents
                    .iter()
                    .map(|parent| self.staged_changes(parent.as_str()))
                    .collect()
            };
            (joined(listing.join()), differences)
        });
        let (changes, merged) = merge::common(differences?);
        Ok((state, listing?, changes, merged))
    }

    fn select_since(&self, base: &str, head: &str, under: &Utf8PathBuf) -> Result<Selected, Error> {
        let Fork { base, head, .. } = self.fork(base, head)?;
        self.select_between(base, &head, under)
    }

    fn select_between(
        &self,
        base: CommitId,
        head: &CommitId,
        under: &Utf8PathBuf,
    ) -> Result<Selected, Error> {
        let (listing, changes) = std::thread::scope(|scope| {
            let listing = scope.spawn(|| self.commit_listing(head));
            let changes = self.changes_between(&base, head);
            (joined(listing.join()), changes)
        });
        let mut selected = selected(listing?, changes?, under);
        selected.base = Some(base);
        Ok(selected)
    }

    /// The commit that a name stands for.
    ///
    /// # Errors
    /// [`Error::UnbornBranch`] for `HEAD` without a commit, else [`Error::ObjectMissing`].
    pub fn commit_named(&self, name: &str) -> Result<CommitId, Error> {
        self.resolve(name)?.ok_or_else(|| {
            if name == "HEAD" {
                Error::UnbornBranch {
                    root: self.root().to_owned(),
                }
            } else {
                self.missing(name)
            }
        })
    }
}

/// What a thread has found. A panic there goes on here: it is our own fault, and is reported as one.
pub(crate) fn joined<T>(ended: std::thread::Result<T>) -> T {
    ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Everything is judged, whole.
fn whole(listing: Listing, under: &Utf8PathBuf) -> Selected {
    let mut selected = selected(listing, Changes::default(), under);
    selected.changes = selected
        .entries
        .iter()
        .map(|entry| SelectedChange {
            path: entry.path.clone(),
            kind: SelectedKind::Added,
            lines: Lines::All,
            counts: None,
            former: None,
        })
        .collect();
    selected
}

/// Puts both sides together, cut to the directory.
fn selected(listing: Listing, changes: Changes, under: &Utf8PathBuf) -> Selected {
    let mut names_not_text = [listing.names_not_text, changes.names_not_text].concat();
    if !under.as_str().is_empty() {
        names_not_text.retain(|name| name.starts_with(&format!("{under}/")));
    }
    names_not_text.sort();
    names_not_text.dedup();
    let mut entries = listing.entries;
    if !under.as_str().is_empty() {
        entries = entries
            .into_iter()
            .filter_map(|entry| {
                Some(SelectedEntry {
                    path: inside(&entry.path, under)?,
                    ..entry
                })
            })
            .collect();
    }
    entries.sort_by(|one, other| one.path.cmp(&other.path));
    let mut conflicts: Vec<String> = listing
        .conflicts
        .iter()
        .filter_map(|path| inside(path, under))
        .collect();
    conflicts.sort();
    conflicts.dedup();
    let mut changes: Vec<SelectedChange> = changes
        .changes
        .into_iter()
        .filter_map(|change| change_inside(change, under))
        .filter(|change| conflicts.binary_search(&change.path).is_err())
        .collect();
    changes.sort_by(|one, other| one.path.cmp(&other.path));
    Selected {
        entries,
        changes,
        merged: Vec::new(),
        conflicts,
        names_not_text,
        base: None,
        head: None,
    }
}

/// A change as it looks from the directory: what was moved in is new, what was moved out is gone.
fn change_inside(change: SelectedChange, under: &Utf8PathBuf) -> Option<SelectedChange> {
    let from = match &change.kind {
        SelectedKind::Renamed { from } => inside(from, under),
        SelectedKind::Added | SelectedKind::Modified | SelectedKind::Deleted => None,
    };
    match (inside(&change.path, under), change.kind, from) {
        (Some(path), SelectedKind::Renamed { .. }, Some(from)) => Some(SelectedChange {
            path,
            kind: SelectedKind::Renamed { from },
            ..change
        }),
        (Some(path), SelectedKind::Renamed { .. }, None) => Some(SelectedChange {
            path,
            kind: SelectedKind::Added,
            lines: Lines::All,
            counts: change.counts,
            former: None,
        }),
        (Some(path), kind, _) => Some(SelectedChange {
            path,
            kind,
            ..change
        }),
        (None, SelectedKind::Renamed { .. }, Some(from)) => Some(SelectedChange {
            path: from,
            kind: SelectedKind::Deleted,
            lines: Lines::Only(Vec::new()),
            counts: None,
            former: change.former,
        }),
        (None, _, _) => None,
    }
}

/// A path as it is named from the directory, if it is inside.
fn inside(path: &str, under: &Utf8PathBuf) -> Option<String> {
    if under.as_str().is_empty() {
        return Some(path.to_owned());
    }
    path.strip_prefix(under.as_str())?
        .strip_prefix('/')
        .map(str::to_owned)
}
