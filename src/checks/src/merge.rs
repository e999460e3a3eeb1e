//! The state that a merge of a branch into its base will have.
//!
//! Two branches that are each in order can break the base together: both bring a migration after the same one. Neither shows
//! it alone; the files of both do.

use crate::report::file;
use crate::{Change, ChangeKind, Entry, Scope, Unseen};
use std::collections::BTreeMap;

/// A file that the base has changed since the branch left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseChange {
    /// Its path on the base, or the one that it had there.
    pub path: String,
    /// What happened to it on the base.
    pub kind: ChangeKind,
    /// How the base keeps it. None if it is gone.
    pub entry: Option<Entry>,
    /// What the base holds there, if it was read.
    pub content: Option<Vec<u8>>,
}

/// A branch with what its base has got since.
#[derive(Clone, Debug, Default)]
pub struct Merged {
    /// The files of both, and the changes of the branch: only those are judged.
    pub scope: Scope,
    /// Files that both sides changed.
    pub unseen: Vec<Unseen>,
}

impl Scope {
    /// The state that a merge into the base will have, with what the base has changed since this branch left it.
    ///
    /// A file that both sides changed stays as the branch has it, at the path to which the base moved it, if it did. That is
    /// said: joining texts is git's work.
    #[must_use]
    pub fn merged_with(self, base: Vec<BaseChange>) -> Merged {
        let mut merge = Merge {
            touched: touched(&self.changes),
            scope: self,
            unseen: Vec::new(),
        };
        for change in base {
            merge.take(change);
        }
        merge
            .scope
            .changes
            .sort_by(|one, other| one.path.cmp(&other.path));
        Merged {
            scope: merge.scope,
            unseen: merge.unseen,
        }
    }
}

/// What the branch changed: where each file is now, by its path now and by the one before.
fn touched(changes: &[Change]) -> BTreeMap<String, Option<String>> {
    let mut touched = BTreeMap::new();
    for change in changes {
        let now = change.is_there().then(|| change.path.clone());
        if let ChangeKind::Renamed { from } = &change.kind {
            touched.insert(from.clone(), now.clone());
        }
        touched.insert(change.path.clone(), now);
    }
    touched
}

struct Merge {
    scope: Scope,
    touched: BTreeMap<String, Option<String>>,
    unseen: Vec<Unseen>,
}

impl Merge {
    fn take(&mut self, change: BaseChange) {
        match &change.kind {
            ChangeKind::Added | ChangeKind::Modified => self.bring(change),
            ChangeKind::Deleted => self.delete(&change.path),
            ChangeKind::Renamed { from } => {
                let from = from.clone();
                self.move_here(&from, change);
            }
        }
    }

    /// A file that the base has made or changed.
    fn bring(&mut self, change: BaseChange) {
        match self.touched.get(&change.path).cloned() {
            None => self.put(change),
            Some(now) => self.both_changed(&change, now),
        }
    }

    fn delete(&mut self, path: &str) {
        match self.touched.get(path).cloned() {
            None => self.remove(path),
            // Both deleted it.
            Some(None) => {}
            Some(Some(now)) => self.say(&now, "the base deleted it"),
        }
    }

    /// A file that the base has moved.
    fn move_here(&mut self, from: &str, change: BaseChange) {
        match self.touched.get(from).cloned() {
            None => {
                self.remove(from);
                self.bring(change);
            }
            Some(Some(now)) if now == from && !self.touched.contains_key(&change.path) => {
                self.follow(from, &change.path);
                self.both_changed(&change, Some(change.path.clone()));
            }
            Some(now) => self.both_changed(&change, now),
        }
    }

    /// The branch's own version of a file goes where the base has moved the file.
    fn follow(&mut self, from: &str, to: &str) {
        if let Some(entry) = self.scope.entries.remove(from) {
            self.scope.entries.insert(to.to_owned(), entry);
        }
        self.scope.tree.rename(from, to);
        let changes = self.scope.changes.iter_mut();
        for change in changes.filter(|change| change.path == from) {
            to.clone_into(&mut change.path);
        }
    }

    /// A file that both sides have changed, and where the branch has it now.
    fn both_changed(&mut self, change: &BaseChange, now: Option<String>) {
        let Some(now) = now else {
            return self.say(&change.path, "the base changed it, and it is deleted here");
        };
        let mode = |entry: Option<&Entry>| entry.map(|entry| entry.mode);
        let is_same = now == change.path
            && change.content.is_some()
            && self.scope.tree.get(&now) == change.content.as_deref()
            && mode(self.scope.entries.get(&now)) == mode(change.entry.as_ref());
        if !is_same {
            self.say(&now, "the base changed it as well");
        }
    }

    fn say(&mut self, path: &str, what: &str) {
        self.unseen.push(Unseen {
            location: Some(file(path)),
            why: format!(
                "{what}: judged as it is here, which may not be what the merge makes of it"
            ),
        });
    }

    fn put(&mut self, change: BaseChange) {
        self.remove(&change.path);
        if let Some(content) = change.content {
            self.scope.tree.insert(change.path.clone(), content);
        }
        if let Some(entry) = change.entry {
            self.scope.entries.insert(change.path, entry);
        }
    }

    fn remove(&mut self, path: &str) {
        self.scope.entries.remove(path);
        self.scope.tree.remove(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ChangedLines, FileMode};

    /// A branch that has those files, and has changed some of them.
    fn branch(files: &[(&str, &str)], changes: &[(&str, ChangeKind)]) -> Scope {
        let mut scope = Scope::all(files.iter().copied().collect());
        scope.changes = changes
            .iter()
            .map(|(path, kind)| Change {
                path: (*path).to_owned(),
                kind: kind.clone(),
                lines: ChangedLines::All,
                counts: None,
            })
            .collect();
        scope
    }

    fn on_base(path: &str, kind: ChangeKind, content: Option<&str>) -> BaseChange {
        BaseChange {
            path: path.to_owned(),
            kind,
            entry: content.map(|_| Entry {
                mode: FileMode::Regular,
                size: None,
            }),
            content: content.map(Into::into),
        }
    }

    fn moved(from: &str) -> ChangeKind {
        ChangeKind::Renamed {
            from: from.to_owned(),
        }
    }

    /// The files of the merge as `path=content`, and the paths of which something is said.
    fn merged(scope: Scope, base: Vec<BaseChange>) -> (Vec<String>, Vec<String>) {
        let merged = scope.merged_with(base);
        let tree = &merged.scope.tree;
        let files: Vec<String> = tree
            .iter()
            .map(|(path, bytes)| format!("{path}={}", String::from_utf8_lossy(bytes)))
            .collect();
        let entries: Vec<&str> = merged.scope.entries.keys().map(String::as_str).collect();
        let paths: Vec<&str> = tree.iter().map(|(path, _)| path).collect();
        assert_eq!(entries, paths);
        let unseen = merged.unseen.into_iter();
        (
            files,
            unseen.map(|one| one.location.unwrap().path).collect(),
        )
    }

    #[test]
    fn what_the_base_did_alone_is_taken_and_not_judged() {
        let scope = branch(
            &[("a", "1"), ("b", "2"), ("c", "3"), ("new", "ours")],
            &[("new", ChangeKind::Added)],
        );
        let base = vec![
            on_base("a", ChangeKind::Modified, Some("theirs")),
            on_base("b", ChangeKind::Deleted, None),
            on_base("d", moved("c"), Some("3")),
            on_base("e", ChangeKind::Added, Some("4")),
        ];
        assert_eq!(
            scope.clone().merged_with(base.clone()).scope.changes.len(),
            1
        );
        let (files, unseen) = merged(scope, base);
        assert_eq!(files, ["a=theirs", "d=3", "e=4", "new=ours"]);
        assert_eq!(unseen, [""; 0]);
    }

    #[test]
    fn what_both_changed_stays_and_is_said() {
        let scope = branch(
            &[("a", "ours"), ("b", "ours"), ("same", "1"), ("to", "ours")],
            &[
                ("a", ChangeKind::Modified),
                ("b", ChangeKind::Added),
                ("gone", ChangeKind::Deleted),
                ("gone too", ChangeKind::Deleted),
                ("same", ChangeKind::Modified),
                ("to", moved("from")),
            ],
        );
        let base = vec![
            on_base("a", ChangeKind::Deleted, None),
            on_base("b", ChangeKind::Added, Some("theirs")),
            on_base("from", ChangeKind::Modified, Some("theirs")),
            on_base("gone", ChangeKind::Modified, Some("theirs")),
            on_base("gone too", ChangeKind::Deleted, None),
            on_base("same", ChangeKind::Modified, Some("1")),
        ];
        let (files, unseen) = merged(scope, base);
        assert_eq!(files, ["a=ours", "b=ours", "same=1", "to=ours"]);
        assert_eq!(unseen, ["a", "b", "to", "gone"]);
    }

    #[test]
    fn a_file_goes_where_the_base_moves_it() {
        let scope = branch(&[("a", "ours")], &[("a", ChangeKind::Modified)]);
        let base = vec![on_base("z", moved("a"), Some("theirs"))];
        let paths: Vec<String> = (scope
            .clone()
            .merged_with(base.clone())
            .scope
            .changes
            .into_iter())
        .map(|change| change.path)
        .collect();
        assert_eq!(paths, ["z"]);
        let (files, unseen) = merged(scope, base);
        assert_eq!(
            (files, unseen),
            (vec!["z=ours".to_owned()], vec!["z".to_owned()])
        );
        // Two moves of one file: each side has its own name for it.
        let scope = branch(&[("b", "ours")], &[("b", moved("a"))]);
        let (files, unseen) = merged(scope, vec![on_base("z", moved("a"), Some("theirs"))]);
        assert_eq!(
            (files, unseen),
            (vec!["b=ours".to_owned()], vec!["b".to_owned()])
        );
    }
}
