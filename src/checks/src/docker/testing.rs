//! Cases for the tests of the rules.

use super::{Settings, check};
use crate::{Change, ChangeKind, ChangedLines, FileMode, Scope, SourceTree};
use beanpole_model::{Finding, Severity};
use std::collections::BTreeSet;

/// A project to be judged: everything is new unless a test says otherwise.
#[derive(Clone, Default)]
pub(super) struct Case {
    tree: SourceTree,
    executable: BTreeSet<String>,
    changes: Option<Vec<Change>>,
    pub(super) settings: Settings,
}

impl Case {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn file(mut self, path: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.tree.insert(path, bytes);
        self
    }

    pub(super) fn executable(mut self, path: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.executable.insert(path.to_owned());
        self.file(path, bytes)
    }

    /// Only these lines of that file changed, and nothing else.
    pub(super) fn changed(self, path: &str, lines: &[(u32, u32)]) -> Self {
        self.changed_by(path, lines, (1, 1))
    }

    /// The same, with the numbers of lines that came and went.
    pub(super) fn changed_by(
        mut self,
        path: &str,
        lines: &[(u32, u32)],
        counts: (u32, u32),
    ) -> Self {
        self.changes = Some(vec![Change {
            path: path.to_owned(),
            kind: ChangeKind::Modified,
            lines: ChangedLines::Only(lines.to_vec()),
            counts: Some(counts),
        }]);
        self
    }

    pub(super) fn scope(&self) -> Scope {
        let mut scope = Scope::all(self.tree.clone());
        for path in &self.executable {
            if let Some(entry) = scope.entries.get_mut(path) {
                entry.mode = FileMode::Executable;
            }
        }
        if let Some(changes) = &self.changes {
            scope.changes.clone_from(changes);
        }
        scope
    }

    pub(super) fn findings(&self) -> Vec<Finding> {
        check(&self.scope(), &self.settings)
    }

    /// All findings as `path:line:column rule`.
    pub(super) fn all(&self) -> Vec<String> {
        shown(&self.findings(), None)
    }

    pub(super) fn errors(&self) -> Vec<String> {
        shown(&self.findings(), Some(Severity::Error))
    }

    pub(super) fn warnings(&self) -> Vec<String> {
        shown(&self.findings(), Some(Severity::Warning))
    }

    pub(super) fn notes(&self) -> Vec<String> {
        shown(&self.findings(), Some(Severity::Note))
    }

    /// The rules of all findings.
    pub(super) fn rules(&self) -> Vec<String> {
        self.findings()
            .into_iter()
            .map(|finding| finding.rule)
            .collect()
    }
}

fn shown(findings: &[Finding], severity: Option<Severity>) -> Vec<String> {
    findings
        .iter()
        .filter(|finding| severity.is_none_or(|severity| finding.severity == severity))
        .map(|finding| {
            let location = finding.location.as_ref().map(ToString::to_string);
            format!("{} {}", location.unwrap_or_default(), finding.rule)
        })
        .collect()
}
