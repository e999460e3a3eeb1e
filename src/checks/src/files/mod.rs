//! What should not be committed in any file: conflict markers, debugging aids, large blobs, Python that nobody can read.

mod conflict;
mod debug;
mod large;
mod python;
mod settings;
mod template;

pub use settings::Settings;

use crate::attributes::is_attributes;
use crate::{Rule, Scope};
use beanpole_model::Finding;

/// The rules of this group.
pub const RULES: &[Rule] = &[
    conflict::RULE,
    debug::RULE,
    large::LARGE,
    large::NOT_IN_LFS,
    python::RULE,
];

/// Whether the content of that path has to be read, even if it did not change.
#[must_use]
pub fn wants(path: &str) -> bool {
    is_attributes(path)
}

/// Whether the content of that path has to be read if it changed. All are: markers may stand in any text.
#[must_use]
pub fn wants_changed(_path: &str) -> bool {
    true
}

/// Judges the files that changed.
#[must_use]
pub fn check(scope: &Scope, settings: &Settings) -> Vec<Finding> {
    let mut findings = settings::unreadable_patterns(settings);
    findings.extend(large::check(scope, settings));
    for (change, bytes) in scope.changed_files() {
        findings.extend(conflict::check(change, bytes));
        findings.extend(template::check(change, bytes));
    }
    findings.extend(python::check(scope, settings));
    findings
}

/// Whether the content is no text, as git decides it: a zero byte among the first 8,000.
fn is_binary(bytes: &[u8]) -> bool {
    bytes.iter().take(8_000).any(|byte| *byte == 0)
}

#[cfg(test)]
mod testing {
    use super::{Settings, check};
    use crate::{Change, ChangeKind, ChangedLines, Scope, SourceTree};

    /// `path:line:column rule` of everything found when all files are new.
    pub(super) fn found(files: &[(&str, &str)], settings: &Settings) -> Vec<String> {
        let tree: SourceTree = files.iter().copied().collect();
        shown(&Scope::all(tree), settings)
    }

    /// The same, when only these lines of the first file changed.
    pub(super) fn found_on(
        path: &str,
        text: &str,
        lines: &[(u32, u32)],
        settings: &Settings,
    ) -> Vec<String> {
        let mut scope = Scope::all([(path, text)].into_iter().collect());
        scope.changes = vec![Change {
            path: path.to_owned(),
            kind: ChangeKind::Modified,
            lines: ChangedLines::Only(lines.to_vec()),
            counts: None,
        }];
        shown(&scope, settings)
    }

    pub(super) fn shown(scope: &Scope, settings: &Settings) -> Vec<String> {
        check(scope, settings)
            .into_iter()
            .map(|finding| {
                let place = finding
                    .location
                    .map_or(String::new(), |place| place.to_string());
                format!("{place} {}", finding.rule)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::testing::found;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_rule_has_its_page() {
        crate::pages::assert_pages(RULES);
    }

    #[test]
    fn binary_files_are_not_text() {
        assert!(is_binary(b"a\0b") && !is_binary(b"ab"));
        assert_eq!(
            found(&[("a", "\0\n<<<<<<< HEAD\n")], &Settings::default()),
            [""; 0]
        );
    }

    proptest! {
        #[test]
        fn arbitrary_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            for path in ["a.py", "a.html", ".gitattributes", "a"] {
                let tree = [(path, bytes.clone())].into_iter().collect();
                let _ = check(&Scope::all(tree), &Settings { print: true, ..Settings::default() });
            }
        }

        #[test]
        fn almost_conflicts(text in "(<{6,8}|>{6,8}|={6,8}|\\|{7}| |a|\n|\r|\\{% debug %\\}|\\{%|import pdb|breakpoint\\(\\)|;|\\(){0,30}") {
            for path in ["a.py", "a.html", "a.rst"] {
                let _ = found(&[(path, &text)], &Settings::default());
            }
        }
    }
}
