//! Findings in the forms that people and machines read: text, annotations, SARIF, JUnit, Markdown.
//!
//! Rules: each form is a function from the same values to one text, so that they cannot disagree. What comes
//! from files (paths, lines, messages) can neither move the cursor, nor turn the text around, nor pose as a
//! command of GitHub's runner.

mod annotations;
mod junit;
mod markdown;
mod plain;
mod sarif;
mod text;

use beanpole_model::{Finding, Severity};

pub use annotations::annotations;
pub(crate) use annotations::data;
pub use junit::junit;
pub use markdown::markdown;
pub use sarif::{SarifRule, SarifTool, sarif};
pub use text::text;

/// A finding with what helps to show it.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// The finding.
    pub finding: &'a Finding,
    /// Its line, where it may be shown.
    pub source: Option<&'a str>,
    /// What it is known by, wherever its line stands.
    pub fingerprint: Option<&'a str>,
}

impl<'a> Shown<'a> {
    /// A finding by itself.
    #[must_use]
    pub const fn new(finding: &'a Finding) -> Self {
        Self {
            finding,
            source: None,
            fingerprint: None,
        }
    }

    fn path(&self) -> Option<&'a str> {
        let place = self.finding.location.as_ref();
        place.map(|place| place.path.as_str())
    }

    fn line(&self) -> Option<u32> {
        self.finding.location.as_ref().and_then(|place| place.line)
    }

    fn column(&self) -> Option<u32> {
        let place = self.finding.location.as_ref();
        // A column without a line says nothing.
        place.filter(|place| place.line.is_some())?.column
    }
}

/// The word for a severity.
const fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

/// How many findings there are, in words: `2 errors, 1 warning`. Empty if there are none.
fn counted(shown: &[Shown<'_>]) -> String {
    let parts: Vec<String> = [Severity::Error, Severity::Warning, Severity::Note]
        .into_iter()
        .filter_map(|severity| {
            let findings = shown.iter().map(|shown| shown.finding);
            let count = findings
                .filter(|finding| finding.severity == severity)
                .count();
            let plural = if count == 1 { "" } else { "s" };
            (count > 0).then(|| format!("{count} {}{plural}", word(severity)))
        })
        .collect();
    parts.join(", ")
}

#[cfg(test)]
pub(crate) mod testing {
    use beanpole_model::{Finding, Location, Severity};

    pub(crate) fn finding(
        rule: &str,
        severity: Severity,
        place: Option<(&str, u32, u32)>,
    ) -> Finding {
        Finding {
            rule: rule.to_owned(),
            severity,
            location: place.map(|(path, line, column)| Location {
                path: path.to_owned(),
                line: (line > 0).then_some(line),
                column: (column > 0).then_some(column),
            }),
            message: format!("`{rule}` is broken"),
            reason: "The old version still reads it.".to_owned(),
            remedy: Some("do it in two releases".to_owned()),
        }
    }
}
