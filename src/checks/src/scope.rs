//! What is judged: the files of a project, and which of their lines changed.

use crate::SourceTree;
use std::collections::BTreeMap;

/// How git keeps a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileMode {
    /// A file.
    Regular,
    /// A file with the execute bit.
    Executable,
    /// A symbolic link: its content is its target.
    Link,
    /// A commit of a submodule: it has no content here.
    Submodule,
}

/// A path of the judged state, read or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// How git keeps it.
    pub mode: FileMode,
    /// Its size in bytes, as git stores it (of an LFS file: the pointer's). 0 for a submodule. None: nobody asked.
    pub size: Option<u64>,
}

/// What happened to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// Its content or mode is another.
    Modified,
    /// It had another path, and may have changed as well.
    Renamed {
        /// The former path.
        from: String,
    },
    /// It is gone. It has no entry and no content.
    Deleted,
}

/// Some lines of a file, counted from 1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ChangedLines {
    /// Every line: the file is new, or all files are judged.
    #[default]
    All,
    /// These lines: first and last, sorted, without overlap.
    Only(Vec<(u32, u32)>),
}

impl ChangedLines {
    /// Whether that line is among them.
    #[must_use]
    pub fn contains(&self, line: u32) -> bool {
        match self {
            Self::All => true,
            Self::Only(ranges) => ranges
                .binary_search_by(|&(first, last)| {
                    if last < line {
                        std::cmp::Ordering::Less
                    } else if first > line {
                        std::cmp::Ordering::Greater
                    } else {
                        std::cmp::Ordering::Equal
                    }
                })
                .is_ok(),
        }
    }

    /// Whether one of the lines from `first` to `last` is among them.
    #[must_use]
    pub fn touches(&self, first: u32, last: u32) -> bool {
        match self {
            Self::All => true,
            Self::Only(ranges) => ranges.iter().any(|&(from, to)| from <= last && to >= first),
        }
    }
}

/// A file to be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its path from the project's root, `/` between directories.
    pub path: String,
    /// What happened to it. When all files are judged: `Added`.
    pub kind: ChangeKind,
    /// The lines that are new or other than before.
    pub lines: ChangedLines,
    /// How many lines were added and removed, as `git diff --numstat` counts. None for binary files, or if nobody asked.
    pub counts: Option<(u32, u32)>,
}

impl Change {
    /// Whether the file is there afterwards.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.kind != ChangeKind::Deleted
    }
}

/// What the rules see: the state to be judged, and what changed in it.
///
/// A rule reports what lies on a changed line, or what a change anywhere has brought about; with every file
/// [`ChangedLines::All`] it reports all.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// All paths of the judged state.
    pub entries: BTreeMap<String, Entry>,
    /// The contents that were read: at least those for which the groups of rules asked.
    pub tree: SourceTree,
    /// What changed, in the order of the paths.
    pub changes: Vec<Change>,
}

impl Scope {
    /// A scope in which every file of the tree is judged whole.
    #[must_use]
    pub fn all(tree: SourceTree) -> Self {
        let entry = |bytes: &[u8]| Entry {
            mode: FileMode::Regular,
            size: u64::try_from(bytes.len()).ok(),
        };
        Self {
            entries: tree
                .iter()
                .map(|(path, bytes)| (path.to_owned(), entry(bytes)))
                .collect(),
            changes: tree
                .iter()
                .map(|(path, _)| Change {
                    path: path.to_owned(),
                    kind: ChangeKind::Added,
                    lines: ChangedLines::All,
                    counts: None,
                })
                .collect(),
            tree,
        }
    }

    /// The files to be judged that are there and were read: the change and the content.
    pub fn changed_files(&self) -> impl Iterator<Item = (&Change, &[u8])> {
        self.changes
            .iter()
            .filter(|change| change.is_there())
            .filter_map(|change| Some((change, self.tree.get(&change.path)?)))
    }

    /// The change of that path, if it changed.
    #[must_use]
    pub fn change(&self, path: &str) -> Option<&Change> {
        self.changes
            .binary_search_by(|change| change.path.as_str().cmp(path))
            .ok()
            .and_then(|index| self.changes.get(index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_in_their_ranges() {
        let lines = ChangedLines::Only(vec![(2, 3), (7, 7)]);
        let found: Vec<u32> = (0..10).filter(|line| lines.contains(*line)).collect();
        assert_eq!(found, [2, 3, 7]);
        assert!(lines.touches(4, 7) && lines.touches(1, 2) && !lines.touches(4, 6));
        assert!(ChangedLines::All.contains(99) && ChangedLines::All.touches(1, 1));
    }

    #[test]
    fn everything_is_judged_without_a_base() {
        let scope = Scope::all([("b.py", "x"), ("a.py", "y")].into_iter().collect());
        let judged: Vec<_> = scope
            .changed_files()
            .map(|(change, bytes)| (change.path.as_str(), bytes))
            .collect();
        assert_eq!(judged, [("a.py", b"y".as_slice()), ("b.py", b"x")]);
        assert!(scope.change("b.py").is_some() && scope.change("c.py").is_none());
    }
}
