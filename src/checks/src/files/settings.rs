//! What a team wants in its files.

use crate::Rule;
use crate::pattern::path_patterns;
use crate::report::finding;
use beanpole_model::Finding;
use serde::{Deserialize, Serialize};

/// Settings of the checks of files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Settings {
    /// The largest file, in KiB, that may be added or changed; 0: any.
    pub largest_file_kib: u64,
    /// Files that may be larger: `*.csv` in any directory, `data/**` from the top.
    pub large_files: Vec<String>,
    /// Whether `print(…)` counts as a debug statement.
    pub print: bool,
    /// Files in which debug statements stay: patterns as above.
    pub debug_files: Vec<String>,
    /// Further modules that only debugging needs: `my_project.debug`.
    pub debug_modules: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            largest_file_kib: 500,
            large_files: Vec::new(),
            print: false,
            debug_files: Vec::new(),
            debug_modules: Vec::new(),
        }
    }
}

/// Patterns that cannot be read.
pub(super) fn unreadable_patterns(settings: &Settings) -> Vec<Finding> {
    let of = |rule: &Rule, name: &str, patterns: &[String]| -> Vec<Finding> {
        let (_, unreadable) = path_patterns(patterns);
        unreadable
            .into_iter()
            .map(|pattern| {
                finding(
                    rule,
                    None,
                    format!("`{name}` holds `{pattern}`, which is no pattern for paths"),
                    "a pattern that cannot be read exempts nothing",
                    format!("correct `{name}` in beanpole.yaml"),
                )
            })
            .collect()
    };
    let mut findings = of(
        &super::large::LARGE,
        "checks.files.large",
        &settings.large_files,
    );
    findings.extend(of(
        &super::debug::RULE,
        "checks.files.debug",
        &settings.debug_files,
    ));
    findings
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    #[test]
    fn unknown_keys_are_refused() {
        let read: Settings = serde_json::from_str(r#"{"print": true}"#).unwrap();
        assert!(read.print && read.largest_file_kib == 500);
        assert!(serde_json::from_str::<Settings>(r#"{"prints": true}"#).is_err());
    }

    #[test]
    fn broken_patterns_are_said() {
        let settings = Settings {
            large_files: vec!["[".to_owned()],
            debug_files: vec!["[".to_owned()],
            ..Settings::default()
        };
        assert_eq!(found(&[], &settings), [" large-file", " debug-statement"]);
    }
}
