//! Coverage: thresholds on the whole, on paths, on what changed, and never lower than before.
//!
//! Stages, each a module: reports to lines (`report` with `xml`, `json`, `lcov`, and `database`), their paths to the project's (`paths`), all
//! of them together (`merged`), what changed of it (`changed`), figures as coverage.py computes them (`figures`), and the
//! rules (`rules`). Nothing is measured here: a report that is missing, unreadable or about other files is a finding.

mod changed;
mod database;
mod figures;
mod json;
mod lcov;
mod lines;
mod merged;
mod paths;
mod report;
mod reporting;
mod rules;
#[cfg(test)]
mod same_run;
mod settings;
mod stored;
#[cfg(test)]
mod testing;
mod xml;

pub use database::is_database;
pub use figures::{Numbers, Tally, shown};
pub use rules::{JudgedCoverage, RULES, check};
pub use settings::Settings;
pub use stored::{StoredCoverage, StoredCoverageError, store};

use crate::SourceTree;

/// What was measured, as someone else has read it.
#[derive(Clone, Debug, Default)]
pub struct CoverageInput {
    /// The name of each report, for messages, and its bytes. Several are united: a line that one of them saw run has run.
    pub reports: Vec<(String, Vec<u8>)>,
    /// What [`database_wants`], for reports that are a database ([`is_database`]).
    pub sources: SourceTree,
    /// The figures of the base, if there are any: what [`store`] made there.
    pub base: Option<StoredCoverage>,
    /// Why the base has none, although its coverage was given.
    pub base_unreadable: Option<String>,
}

/// Whether the content of that path may be needed for a database, which knows neither the statements nor which of them count:
/// Python files and coverage.py's settings.
#[must_use]
pub fn database_wants(path: &str) -> bool {
    changed::is_python(path) || reporting::is_settings(path)
}

/// Whether the content of that path is needed even if it did not change. Coverage looks only at changed files.
#[must_use]
pub fn wants(_path: &str) -> bool {
    false
}
