//! What a project demands of its coverage.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Settings of the coverage rules. Without a threshold only the changed lines that no test ran are reported, and a figure
/// below the base's, if a base is given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Settings {
    /// The least percentage of the whole, as coverage.py's `fail_under`: 100 means every line, anything else is compared
    /// after rounding.
    pub total: Option<f64>,
    /// Decimal places of the comparison, as coverage.py's `precision`. The threshold's own places count if they are more.
    pub precision: u8,
    /// The least percentage of the files that fit a glob, by glob.
    pub paths: BTreeMap<String, f64>,
    /// The least percentage of the changed statements.
    pub diff: Option<f64>,
    /// Below that many changed statements `diff` does not apply, as diff-cover's `--minimum-change`.
    pub minimum_changed_lines: u32,
    /// Whether the whole may not fall below the base's figure.
    pub never_lower: bool,
    /// How many percentage points it may fall nevertheless: tests that meet other branches each time need some.
    pub tolerance: f64,
    /// Whether changed lines that no test ran are reported one by one.
    pub uncovered: bool,
    /// Globs of Python files that need not be in a report.
    pub omit: Vec<String>,
    /// Beginnings of paths in reports, with what stands there in the project: `/app/` becomes `backend/`. For reports from a
    /// container whose directories the project does not have.
    pub source_paths: BTreeMap<String, String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            total: None,
            precision: 0,
            paths: BTreeMap::new(),
            diff: None,
            minimum_changed_lines: 0,
            never_lower: true,
            tolerance: 0.0,
            uncovered: true,
            // What coverage.py is usually told to omit: measured rarely, and no loss.
            omit: [
                "**/migrations/**",
                "**/tests/**",
                "**/test/**",
                "test_*.py",
                "*_test.py",
                "tests.py",
                "conftest.py",
                "/manage.py",
                "/setup.py",
                "/docs/**",
            ]
            .map(str::to_owned)
            .to_vec(),
            source_paths: BTreeMap::new(),
        }
    }
}
