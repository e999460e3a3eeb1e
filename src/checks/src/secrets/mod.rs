//! Secrets in what is about to be committed: keys of known formats, passwords in URLs and assignments, Django's own, and files
//! that hold nothing else.
//!
//! Stages, each a module: files by their names (`file_names`), bytes to lines worth a look (`window`), known formats (`formats`
//! with `proof` for their checksums), assignments of any name (`assignment`), Django's settings by their syntax (`django`),
//! what is no secret (`placeholder`, `entropy`), and the words of a finding (`hit`).
//!
//! Rule above all: no message, reason or remedy holds any part of a secret beyond the public prefix of its format.

mod assignment;
mod django;
mod entropy;
mod file_names;
mod formats;
mod hiding;
mod hit;
mod placeholder;
mod proof;
mod scan;
mod search;
mod settings;
#[cfg(test)]
mod testing;
mod text;
mod window;

pub(crate) use hiding::hide;
pub use hit::{RULES, fingerprint};
pub(crate) use placeholder::is_any_word;
pub use scan::Scanner;
pub use settings::Settings;

use crate::{ChangedLines, FileMode, Scope};
use beanpole_model::Finding;

/// Whether the content of that path is needed even if it did not change. Only what is added is judged.
#[must_use]
pub fn wants(_path: &str) -> bool {
    false
}

/// The secrets on the changed lines of all changed files, and changed files that are secrets as a whole.
#[must_use]
pub fn check(scope: &Scope, settings: &Settings) -> Vec<Finding> {
    let scanner = Scanner::new(settings);
    let mut findings = scanner.setting_findings();
    for change in scope.changes.iter().filter(|change| change.is_there()) {
        let bytes = scope.tree.get(&change.path);
        findings.extend(scanner.file(&change.path, bytes, &change.lines));
        // git counts the lines of text files only, so this one should have been read.
        if bytes.is_none()
            && change.counts.is_some_and(|(added, _)| added > 0)
            && is_file(scope, &change.path)
        {
            findings.push(hit::not_scanned(&change.path, "its content was not read"));
        }
    }
    findings
}

fn is_file(scope: &Scope, path: &str) -> bool {
    scope
        .entries
        .get(path)
        .is_some_and(|entry| matches!(entry.mode, FileMode::Regular | FileMode::Executable))
}

/// The secrets in one blob, with default settings: for the blobs of a range of commits, each with the lines that its commit
/// added. Keep a [`Scanner`] to use other settings.
#[must_use]
pub fn scan(path: &str, bytes: &[u8], lines: &ChangedLines) -> Vec<Finding> {
    Scanner::new(&Settings::default()).file(path, Some(bytes), lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Change, ChangeKind, Entry};

    fn scope(path: &str, mode: FileMode) -> Scope {
        Scope {
            entries: [(path.to_owned(), Entry { mode, size: None })].into(),
            changes: vec![Change {
                path: path.to_owned(),
                kind: ChangeKind::Added,
                lines: ChangedLines::All,
                counts: Some((3, 0)),
            }],
            ..Scope::default()
        }
    }

    fn rules(scope: &Scope) -> Vec<String> {
        check(scope, &Settings::default())
            .into_iter()
            .map(|finding| finding.rule)
            .collect()
    }

    #[test]
    fn a_text_that_nobody_read_is_said() {
        assert_eq!(
            rules(&scope("a.py", FileMode::Regular)),
            ["secret-not-scanned"]
        );
        assert!(rules(&scope("vendor", FileMode::Submodule)).is_empty());
        assert_eq!(
            rules(&scope(".env", FileMode::Regular)),
            ["secret-file", "secret-not-scanned"]
        );
    }

    #[test]
    fn a_file_that_is_gone_is_let_be() {
        let mut gone = scope(".env", FileMode::Regular);
        gone.changes[0].kind = ChangeKind::Deleted;
        assert!(rules(&gone).is_empty());
    }

    #[test]
    fn examples_of_environment_files_are_let_be() {
        let scope = Scope::all(
            [
                (".env.example", "DB_PASSWORD=q8Zr2\n"),
                ("b/.env.production", "DB_PASSWORD=q8Zr2\n"),
            ]
            .into_iter()
            .collect(),
        );
        let found = check(&scope, &Settings::default());
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].location.as_ref().unwrap().path,
            "b/.env.production"
        );
    }

    #[test]
    fn settings_are_strict() {
        let read = serde_json::from_str::<Settings>;
        let settings = read(r#"{"allow-paths": ["docs/["]}"#).unwrap();
        assert!(settings.assignments, "the others keep their defaults");
        assert_eq!(
            check(&Scope::default(), &settings).len(),
            1,
            "a glob that is none is said"
        );
        assert!(read(r#"{"allow_paths": []}"#).is_err());
    }
}
