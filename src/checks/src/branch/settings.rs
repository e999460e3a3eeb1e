//! What a team agrees on about its branches.

use serde::{Deserialize, Serialize};

/// Settings of the checks of branches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Settings {
    /// The allowed forms, made of `{type}`, `{ticket}`, `{developer}`, `{name}` and plain text.
    pub templates: Vec<String>,
    /// A regular expression for the whole name, instead of the templates.
    pub pattern: Option<String>,
    /// The words that `{type}` may be.
    pub types: Vec<String>,
    /// A regular expression for `{ticket}`.
    pub ticket_pattern: String,
    /// Branches that nobody commits to directly. `*` matches anything but a slash.
    pub protected: Vec<String>,
    /// Further branches whose names are not judged. `*` matches anything but a slash, `**` anything.
    pub exempt: Vec<String>,
    /// Whether a merge commit on a protected branch is refused as well. `git pull` makes some.
    pub refuse_merges: bool,
}

impl Default for Settings {
    fn default() -> Self {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Self {
            templates: words(&[
                "{type}/{ticket}/{name}",
                "{type}/{name}",
                "{developer}/{type}/{name}",
            ]),
            pattern: None,
            types: words(&[
                "build", "chore", "ci", "docs", "feat", "feature", "fix", "hotfix", "perf",
                "refactor", "release", "revert", "style", "test",
            ]),
            ticket_pattern: "[A-Z][A-Z0-9]+-[0-9]+".to_owned(),
            protected: words(&["main", "master", "production"]),
            exempt: words(&[
                "develop",
                "staging",
                "gh-pages",
                "dependabot/**",
                "renovate/**",
            ]),
            refuse_merges: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_keys_are_refused_and_missing_ones_have_defaults() {
        let read: Settings = serde_json::from_str(r#"{"refuse-merges": true}"#).unwrap();
        assert!(read.refuse_merges && read.protected == Settings::default().protected);
        assert!(serde_json::from_str::<Settings>(r#"{"patern": "x"}"#).is_err());
    }
}
