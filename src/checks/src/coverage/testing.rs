//! A small project with coverage, for tests.

use super::{CoverageInput, JudgedCoverage, Numbers, Settings, StoredCoverage, Tally};
use crate::{Change, ChangeKind, ChangedLines, Entry, FileMode, Scope};
use beanpole_model::Finding;

#[derive(Clone)]
pub(super) struct Case {
    scope: Scope,
    input: CoverageInput,
    settings: Settings,
}

/// The figures of a base with one file: covered, all.
pub(super) fn stored(path: &str, (covered, statements): (u64, u64)) -> StoredCoverage {
    let total = Tally {
        statements,
        covered,
        ..Tally::default()
    };
    StoredCoverage {
        format: StoredCoverage::FORMAT,
        total,
        files: [(path.to_owned(), total)].into(),
    }
}

impl Case {
    pub(super) fn new() -> Self {
        Self {
            scope: Scope::default(),
            input: CoverageInput::default(),
            settings: Settings::default(),
        }
        .entry("shop/a.py")
        .entry("blog/b.py")
    }

    fn entry(mut self, path: &str) -> Self {
        let entry = Entry {
            mode: FileMode::Regular,
            size: None,
        };
        self.scope.entries.insert(path.to_owned(), entry);
        self
    }

    fn change(mut self, path: &str, kind: ChangeKind, lines: ChangedLines) -> Self {
        self.scope.changes.push(Change {
            path: path.to_owned(),
            kind,
            lines,
            counts: None,
        });
        self.scope
            .changes
            .sort_by(|left, right| left.path.cmp(&right.path));
        self
    }

    pub(super) fn changed(mut self, path: &str, text: &str, lines: &[(u32, u32)]) -> Self {
        self.scope.tree.insert(path, text);
        self.entry(path).change(
            path,
            ChangeKind::Modified,
            ChangedLines::Only(lines.to_vec()),
        )
    }

    pub(super) fn added(mut self, path: &str, text: &str) -> Self {
        self.scope.tree.insert(path, text);
        self.entry(path)
            .change(path, ChangeKind::Added, ChangedLines::All)
    }

    pub(super) fn deleted(self, path: &str) -> Self {
        self.change(path, ChangeKind::Deleted, ChangedLines::All)
    }

    /// All files are judged whole.
    pub(super) fn everything(mut self) -> Self {
        self.scope = Scope::all(self.scope.tree);
        self
    }

    pub(super) fn report(mut self, name: &str, bytes: &[u8]) -> Self {
        self.input.reports.push((name.to_owned(), bytes.to_vec()));
        self
    }

    pub(super) fn lcov(self, text: &str) -> Self {
        self.report("lcov.info", text.as_bytes())
    }

    pub(super) fn base(mut self, base: StoredCoverage) -> Self {
        self.input.base = Some(base);
        self
    }

    pub(super) fn with(mut self, set: impl FnOnce(&mut Settings)) -> Self {
        set(&mut self.settings);
        self
    }

    pub(super) fn check(&self) -> Vec<Finding> {
        self.judged().findings
    }

    fn judged(&self) -> JudgedCoverage {
        super::check(&self.input, &self.scope, &self.settings)
    }

    pub(super) fn rules(&self) -> Vec<String> {
        self.check()
            .into_iter()
            .map(|finding| finding.rule)
            .collect()
    }

    pub(super) fn numbers(&self) -> Numbers {
        self.judged().numbers
    }
}
