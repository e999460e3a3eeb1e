//! Test files that nobody runs: discovery misses them, and the green build does not say so.
//!
//! Stages, each a module: who looks for tests (`runner`, with `pytest` and `ini` for its settings), the tests in a file
//! (`content`), and the rules. Files are judged by what they hold, not by their names alone.

mod clash;
mod content;
mod package;
mod pytest;
mod runner;
mod settings;
mod shadow;
mod undiscovered;

pub use settings::{Runner, Settings};

use crate::fix::Proposal;
use crate::pattern::{PathPattern, path_patterns};
use crate::python::with_deep_stack;
use crate::report::finding;
use crate::{Change, ChangeKind, Rule, Scope};
use beanpole_model::Finding;
use pytest::FilePatterns;
use runner::{Runner as Found, Runners};

/// The rules of this group.
pub const RULES: &[Rule] = &[undiscovered::RULE, package::RULE, shadow::RULE, clash::RULE];

/// The rule with a fix.
pub(crate) const MISSING_PACKAGE: &str = package::RULE.id;

/// Whether the content of that path has to be read, even if it did not change.
#[must_use]
pub fn wants(path: &str) -> bool {
    pytest::is_config(path) || runner::is_django_settings(path)
}

/// Whether the content of that path has to be read if it changed.
#[must_use]
pub fn wants_changed(path: &str) -> bool {
    wants(path) || path.ends_with(".py")
}

/// What the rules look at.
struct Context<'a> {
    scope: &'a Scope,
    runners: Runners<'a>,
    exclude: Vec<PathPattern>,
    /// The patterns of the check's own settings.
    own: Option<FilePatterns>,
    unittest: FilePatterns,
    unknown: FilePatterns,
}

/// Judges the test files.
#[must_use]
pub fn check(scope: &Scope, settings: &Settings) -> Vec<Finding> {
    let (exclude, unreadable) = path_patterns(&settings.exclude);
    let mut findings: Vec<Finding> = unreadable.into_iter().map(bad_pattern).collect();
    if !scope.changes.iter().any(|change| matters(&change.path)) {
        return findings;
    }
    let judge = || {
        let context = Context::new(scope, settings, exclude);
        let mut findings = undiscovered::check(&context);
        findings.extend(package::check(&context));
        findings.extend(shadow::check(&context));
        findings.extend(clash::check(&context));
        findings
    };
    // All files on one thread: its start costs more than a file. Without one, other rules say what cannot be read.
    findings.extend(with_deep_stack(judge).unwrap_or_default());
    findings
}

/// What can be done about findings of this group: the files that make packages of directories. Others of the findings are
/// left.
#[must_use]
pub fn fixes(scope: &Scope, settings: &Settings, findings: &[Finding]) -> Vec<Proposal> {
    if !findings.iter().any(|found| found.rule == MISSING_PACKAGE) {
        return Vec::new();
    }
    let propose = || {
        let (exclude, _) = path_patterns(&settings.exclude);
        package::fixes(&Context::new(scope, settings, exclude), findings)
    };
    with_deep_stack(propose).unwrap_or_default()
}

fn matters(path: &str) -> bool {
    path.ends_with(".py") || pytest::is_config(path)
}

impl<'a> Context<'a> {
    /// Reads the project. Call it on a deep stack.
    fn new(scope: &'a Scope, settings: &'a Settings, exclude: Vec<PathPattern>) -> Self {
        Self {
            scope,
            own: (!settings.patterns.is_empty())
                .then(|| FilePatterns::new(settings.patterns.clone())),
            unittest: FilePatterns::new(vec!["test*.py".to_owned()]),
            unknown: FilePatterns::new(vec!["test*.py".to_owned(), "*_test.py".to_owned()]),
            runners: Runners::new(scope, settings),
            exclude,
        }
    }
}

impl Context<'_> {
    /// The names of files that the runner looks into.
    fn patterns_for<'p>(&'p self, runner: &Found<'p>) -> &'p FilePatterns {
        match (&self.own, runner) {
            (Some(own), _) => own,
            (None, Found::Pytest(pytest)) => &pytest.python_files,
            (None, Found::Django { .. }) => &self.unittest,
            (None, Found::Unknown) => &self.unknown,
        }
    }

    /// Whether the file may hold tests of the project: Python, not excluded, and not in a directory that no runner enters.
    fn is_judged(&self, path: &str) -> bool {
        let is_foreign = |part: &str| {
            matches!(
                part,
                "node_modules"
                    | "venv"
                    | "site-packages"
                    | "build"
                    | "dist"
                    | "migrations"
                    | "__pycache__"
            ) || part.starts_with('.')
                || part.contains("{{")
        };
        path.ends_with(".py")
            && !path.split('/').any(is_foreign)
            && !self.exclude.iter().any(|pattern| pattern.matches(path))
    }

    /// Whether that file is there.
    fn exists(&self, path: &str) -> bool {
        self.scope.entries.contains_key(path)
    }

    /// Whether this change deleted or moved that file away.
    fn is_gone(&self, path: &str) -> bool {
        self.scope.changes.iter().any(|change| match &change.kind {
            ChangeKind::Deleted => change.path == path,
            ChangeKind::Renamed { from } => from == path,
            ChangeKind::Added | ChangeKind::Modified => false,
        })
    }

    /// The directories, with a slash at the end, whose `__init__.py` this change deleted or moved away.
    fn lost_packages(&self) -> impl Iterator<Item = &str> {
        self.scope
            .changes
            .iter()
            .filter_map(|change| match &change.kind {
                ChangeKind::Deleted => Some(change.path.as_str()),
                ChangeKind::Renamed { from } => Some(from.as_str()),
                ChangeKind::Added | ChangeKind::Modified => None,
            })
            .filter_map(|path| path.strip_suffix("__init__.py"))
    }

    /// Whether the file has its path only since this change.
    fn is_new(&self, path: &str) -> bool {
        self.scope.change(path).is_some_and(has_new_path)
    }
}

fn has_new_path(change: &Change) -> bool {
    matches!(change.kind, ChangeKind::Added | ChangeKind::Renamed { .. })
}

fn bad_pattern(pattern: &str) -> Finding {
    finding(
        &undiscovered::RULE,
        None,
        format!("`checks.test_names.exclude` holds `{pattern}`, which is no pattern for paths"),
        "a pattern that cannot be read excludes nothing",
        "correct `checks.test_names.exclude` in beanpole.yaml",
    )
}

#[cfg(test)]
mod testing {
    use super::{Settings, check};
    use crate::{Change, ChangeKind, ChangedLines, Scope};

    pub(super) const CASE: &str = "from django.test import TestCase\n\n\nclass BasketTests(TestCase):\n    def test_total(self):\n        pass\n";

    pub(super) fn new(files: &[(&str, &str)]) -> Scope {
        Scope::all(files.iter().copied().collect())
    }

    /// A scope in which only this change happened.
    pub(super) fn changed(
        files: &[(&str, &str)],
        path: &str,
        kind: ChangeKind,
        lines: &[(u32, u32)],
    ) -> Scope {
        let mut scope = new(files);
        scope.changes = vec![Change {
            path: path.to_owned(),
            kind,
            lines: ChangedLines::Only(lines.to_vec()),
            counts: None,
        }];
        scope
    }

    /// `path:line:column rule` of everything found.
    pub(super) fn found(scope: &Scope) -> Vec<String> {
        check(scope, &Settings::default())
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
    use super::testing::{CASE, found, new};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_rule_has_its_page() {
        crate::pages::assert_pages(RULES);
    }

    #[test]
    fn a_good_project_passes() {
        for config in ["manage.py", "conftest.py"] {
            let scope = new(&[
                (config, ""),
                ("shop/__init__.py", ""),
                ("shop/tests/__init__.py", ""),
                ("shop/tests/test_basket.py", CASE),
                ("shop/tests/base.py", CASE),
                ("shop/views.py", "def test_func(self): ...\n"),
            ]);
            assert_eq!(found(&scope), [""; 0], "{config}");
        }
    }

    #[test]
    fn excluded_and_foreign_files_are_left() {
        let scope = new(&[
            ("pytest.ini", ""),
            ("venv/shop/tests.py", CASE),
            ("{{name}}/tests.py", CASE),
            ("shop/tests.py", CASE),
        ]);
        assert_eq!(found(&scope), ["shop/tests.py:4:7 undiscovered-test"]);
        let settings = Settings {
            exclude: vec!["shop/*".to_owned(), "[".to_owned()],
            ..Settings::default()
        };
        let findings = check(&scope, &settings);
        assert_eq!(findings.len(), 1);
        assert!(findings[0].message.contains("`[`"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn arbitrary_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200), config in prop::sample::select(&["pytest.ini", "setup.cfg", "tox.ini", "pyproject.toml", "config/settings.py"][..])) {
            let tree = [(config, bytes.clone()), ("shop/tests.py", bytes), ("manage.py", Vec::new())].into_iter().collect();
            let _ = check(&Scope::all(tree), &Settings::default());
        }

        #[test]
        fn almost_settings(text in "(\\[pytest\\]\n|\\[tool\\.pytest\\.ini_options\\]\n|python_files|testpaths|addopts| ?= ?|\\*|\\[|\\]|\\{|\\}|!|\\?|\\\\|test_|\\.py|/|\n|  |'|\"|#|;|é){0,30}", config in prop::sample::select(&["pytest.ini", "pyproject.toml"][..])) {
            let _ = found(&new(&[(config, &text), ("shop/tests.py", CASE), ("shop/tests/test_a.py", CASE)]));
        }

        #[test]
        fn almost_tests(text in "(class |def |test|Test|TestCase|A|\\(|\\)|:|\n|    |\\.\\.\\.|import pytest|,){0,40}") {
            let _ = found(&new(&[("manage.py", ""), ("shop/tests/a.py", &text), ("shop/test_b.py", &text)]));
        }
    }
}
