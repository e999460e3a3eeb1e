//! Cases for the tests of the rules.

use super::{Settings, check};
use crate::{Change, ChangeKind, ChangedLines, Scope, SourceTree};
use beanpole_model::{Finding, Severity};

/// A workflow to be judged; all of it is new unless a test says otherwise.
#[derive(Clone)]
pub(super) struct Case {
    path: String,
    bytes: Vec<u8>,
    lines: Option<ChangedLines>,
    counts: (u32, u32),
    pub(super) settings: Settings,
}

impl Case {
    pub(super) fn new(text: impl Into<Vec<u8>>) -> Self {
        Self {
            path: ".github/workflows/ci.yml".to_owned(),
            bytes: text.into(),
            lines: None,
            counts: (0, 0),
            settings: Settings::default(),
        }
    }

    /// Steps of a job of a workflow that is otherwise in order. The first line of the steps is line 7.
    pub(super) fn steps(steps: &str) -> Self {
        Self::new(format!(
            "on: push\npermissions: {{}}\njobs:\n  a:\n    runs-on: x\n    steps:\n{steps}"
        ))
    }

    pub(super) fn at(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    pub(super) fn changed(mut self, lines: &[(u32, u32)], counts: (u32, u32)) -> Self {
        self.lines = Some(ChangedLines::Only(lines.to_vec()));
        self.counts = counts;
        self
    }

    pub(super) fn findings(&self) -> Vec<Finding> {
        let tree: SourceTree = [(self.path.clone(), self.bytes.clone())]
            .into_iter()
            .collect();
        let mut scope = Scope::all(tree);
        if let Some(lines) = &self.lines {
            scope.changes = vec![Change {
                path: self.path.clone(),
                kind: ChangeKind::Modified,
                lines: lines.clone(),
                counts: Some(self.counts),
            }];
        }
        check(&scope, &self.settings)
    }

    /// All findings as `path:line:column rule`.
    pub(super) fn all(&self) -> Vec<String> {
        self.findings()
            .iter()
            .map(|finding| {
                let location = finding.location.as_ref().map(ToString::to_string);
                format!("{} {}", location.unwrap_or_default(), finding.rule)
            })
            .collect()
    }

    /// All findings as `line:column rule`, and whether each is an error.
    pub(super) fn places(&self) -> Vec<(String, bool)> {
        self.findings()
            .iter()
            .map(|finding| {
                let place = finding
                    .location
                    .as_ref()
                    .and_then(|location| Some(format!("{}:{}", location.line?, location.column?)));
                let text = format!("{} {}", place.unwrap_or_default(), finding.rule);
                (text, finding.severity == Severity::Error)
            })
            .collect()
    }

    pub(super) fn rules(&self) -> Vec<String> {
        self.findings()
            .into_iter()
            .map(|finding| finding.rule)
            .collect()
    }
}
