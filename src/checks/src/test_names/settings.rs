//! How a project runs its tests.

use serde::{Deserialize, Serialize};

/// The program that looks for tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Runner {
    /// pytest where it is configured or a `conftest.py` is there, else Django where a `manage.py` is.
    #[default]
    Auto,
    /// pytest.
    Pytest,
    /// `manage.py test`, or unittest.
    Django,
}

/// Settings of the checks of test files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Settings {
    /// The program that looks for tests.
    pub runner: Runner,
    /// The names of test files, instead of what the project's files say: `test_*.py`. For projects that give `--pattern` on
    /// the command line.
    pub patterns: Vec<String>,
    /// Files that are not judged: `*_cases.py` in any directory, `tools/**` from the top.
    pub exclude: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runners_are_written_in_kebab_case() {
        let read: Settings = serde_json::from_str(r#"{"runner": "django"}"#).unwrap();
        assert_eq!(read.runner, Runner::Django);
        assert!(serde_json::from_str::<Settings>(r#"{"runner": "nose"}"#).is_err());
        assert!(serde_json::from_str::<Settings>(r#"{"pattern": []}"#).is_err());
    }
}
