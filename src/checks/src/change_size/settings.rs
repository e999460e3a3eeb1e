//! What a team thinks that a reviewer can take in.

use serde::{Deserialize, Serialize};

/// Settings of the check of the size of a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Settings {
    /// From so many changed lines on there is a warning; 0: never.
    pub warn_at: u32,
    /// From so many changed lines on there is an error; 0: never.
    pub error_at: u32,
    /// Whether migrations count.
    pub count_migrations: bool,
    /// Whether the lines of deleted files count.
    pub count_deleted_files: bool,
    /// Further files that do not count: `*.snap` in any directory, `fixtures/**` from the top.
    pub exclude: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            warn_at: 300,
            error_at: 500,
            count_migrations: true,
            count_deleted_files: true,
            exclude: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_keys_are_refused() {
        let read: Settings = serde_json::from_str(r#"{"warn-at": 5}"#).unwrap();
        assert_eq!((read.warn_at, read.error_at), (5, 500));
        assert!(serde_json::from_str::<Settings>(r#"{"warn_at": 5}"#).is_err());
    }
}
