//! What is different between the last commit and the files on disk.

use camino::Utf8PathBuf;
use serde::Serialize;

/// In what way a path differs from the last commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// The difference is staged for the next commit.
    Staged,
    /// The difference is on disk only.
    Unstaged,
    /// Partly staged.
    StagedAndUnstaged,
    /// Git does not know the file, and does not ignore it.
    Untracked,
    /// A merge left a conflict.
    Conflicted,
    /// The submodule is not at the commit that is recorded, or has changes inside.
    Submodule,
}

/// One path that differs from the last commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The path, relative to the directory that was asked about. What is not UTF-8 in it is shown
    /// with marks.
    pub path: Utf8PathBuf,
    /// In what way it differs.
    pub kind: ChangeKind,
}

/// Reads the output of `git status --porcelain=v2 -z`. Paths are relative to the repository's root.
pub(crate) fn parse_status(output: &[u8]) -> Result<Vec<Change>, String> {
    let mut changes = Vec::new();
    let mut records = output.split(|byte| *byte == 0);
    while let Some(record) = records.next() {
        let record = String::from_utf8_lossy(record);
        let unexpected = || format!("`{record}`");
        // The number of fields before the path differs by kind; the path may hold spaces.
        let (kind, fields) = match record.split_once(' ') {
            None if record.is_empty() => continue,
            None => return Err(unexpected()),
            Some(("#" | "!", _)) => continue,
            Some(("?", path)) => {
                changes.push(Change {
                    path: path.into(),
                    kind: ChangeKind::Untracked,
                });
                continue;
            }
            Some(("1", _)) => (None, 8),
            Some(("2", _)) => {
                // The former path is a record of its own.
                records.next();
                (None, 9)
            }
            Some(("u", _)) => (Some(ChangeKind::Conflicted), 10),
            Some(_) => return Err(unexpected()),
        };
        let mut parts = record.splitn(fields + 1, ' ').skip(1);
        let state = parts.next().ok_or_else(unexpected)?;
        let submodule = parts.next().ok_or_else(unexpected)?;
        let path = parts.last().ok_or_else(unexpected)?;
        let kind = match kind {
            Some(kind) => kind,
            None if submodule.starts_with('S') => ChangeKind::Submodule,
            None => match (state.starts_with('.'), state.ends_with('.')) {
                (false, true) => ChangeKind::Staged,
                (true, false) => ChangeKind::Unstaged,
                (false, false) => ChangeKind::StagedAndUnstaged,
                (true, true) => return Err(unexpected()),
            },
        };
        changes.push(Change {
            path: path.into(),
            kind,
        });
    }
    Ok(changes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_every_kind_of_record() {
        let zero = "0".repeat(40);
        let ordinary = |state: &str, submodule: &str, path: &str| {
            format!("1 {state} {submodule} 100644 100644 100644 {zero} {zero} {path}\0")
        };
        let output = [
            ordinary("M.", "N...", "staged file.py"),
            ordinary(".M", "N...", "unstaged.py"),
            ordinary("MM", "N...", "both.py"),
            ordinary(".M", "SC..", "vendored"),
            format!("2 R. N... 100644 100644 100644 {zero} {zero} R100 new name.py\0old name.py\0"),
            format!("u UU N... 100644 100644 100644 100644 {zero} {zero} {zero} fight.py\0"),
            "? new\nline.py\0".to_owned(),
            "! ignored.py\0".to_owned(),
        ]
        .concat();
        let changes: Vec<_> = parse_status(output.as_bytes())
            .unwrap()
            .into_iter()
            .map(|change| (change.path.into_string(), change.kind))
            .collect();
        let expected = [
            ("staged file.py", ChangeKind::Staged),
            ("unstaged.py", ChangeKind::Unstaged),
            ("both.py", ChangeKind::StagedAndUnstaged),
            ("vendored", ChangeKind::Submodule),
            ("new name.py", ChangeKind::Staged),
            ("fight.py", ChangeKind::Conflicted),
            ("new\nline.py", ChangeKind::Untracked),
        ];
        assert_eq!(
            changes,
            expected.map(|(path, kind)| (path.to_owned(), kind))
        );
    }

    proptest! {
        #[test]
        fn never_panics(output in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse_status(&output);
        }
    }
}
