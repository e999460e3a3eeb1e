//! What a project says about its secrets.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Settings of the secrets rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Settings {
    /// Fingerprints of findings that are known: those that a finding's message ends with. For adopting the check in an old
    /// project, and for examples in documents.
    pub baseline: BTreeSet<String>,
    /// Globs of files in which nothing is judged.
    pub allow_paths: Vec<String>,
    /// Globs of files like `.env` that hold no secrets.
    pub allow_files: Vec<String>,
    /// Globs of files whose assignments (`password = "…"`) are made up. Keys of known formats are judged there as well.
    pub test_paths: Vec<String>,
    /// Regular expressions of texts that look like secrets and are none.
    pub allow: Vec<String>,
    /// Whether assignments to names like `password` and `api_key` are judged.
    pub assignments: bool,
}

impl Default for Settings {
    fn default() -> Self {
        let list = |globs: &[&str]| globs.iter().map(|glob| (*glob).to_owned()).collect();
        Self {
            baseline: BTreeSet::new(),
            allow_paths: Vec::new(),
            allow_files: list(&[
                ".env.example",
                ".env.*.example",
                ".env.sample",
                ".env.template",
                ".env.dist",
                ".env.defaults",
                "example.env",
                "sample.env",
            ]),
            test_paths: list(&[
                "**/tests/**",
                "**/test/**",
                "**/testing/**",
                "**/fixtures/**",
                "tests.py",
                "test_*.py",
                "*_test.*",
                "*_tests.*",
                "conftest.py",
                "factories.py",
                ".env.example",
                ".env.sample",
                ".env.template",
                ".env.dist",
                "*.lock",
                "package-lock.json",
                "*.min.js",
                "*.po",
            ]),
            allow: Vec::new(),
            assignments: true,
        }
    }
}
