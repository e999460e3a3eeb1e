//! Suppressions in the settings.

use beanpole_model::Location;
use globset::{GlobBuilder, GlobMatcher};
use jiff::civil::Date;

/// Paths, as people write them: `*` stops at `/`, `**` does not, and a directory stands for all below it.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: String,
    itself: GlobMatcher,
    below: GlobMatcher,
}

/// A pattern that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{pattern}` is not a pattern of paths: {why}")]
pub struct PatternError {
    /// The pattern.
    pub pattern: String,
    /// What is wrong with it.
    pub why: String,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`PatternError`].
    pub fn new(text: &str) -> Result<Self, PatternError> {
        let plain = text.trim_start_matches("./").trim_end_matches('/');
        if plain.is_empty() || plain.starts_with('/') {
            return Err(PatternError {
                pattern: text.to_owned(),
                why: "paths begin at the project's root, without `/`".to_owned(),
            });
        }
        let compiled = |pattern: &str| {
            GlobBuilder::new(pattern)
                .literal_separator(true)
                .build()
                .map(|glob| glob.compile_matcher())
                .map_err(|error| PatternError {
                    pattern: text.to_owned(),
                    why: error.kind().to_string(),
                })
        };
        Ok(Self {
            text: text.to_owned(),
            itself: compiled(plain)?,
            below: compiled(&format!("{plain}/**"))?,
        })
    }

    /// Whether a path is meant.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        self.itself.is_match(path) || self.below.is_match(path)
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// A suppression in the settings.
#[derive(Clone, Debug)]
pub struct Ignore {
    /// The files.
    pub paths: Vec<Pattern>,
    /// The ids of the rules.
    pub rules: Vec<String>,
    /// Why.
    pub reason: Option<String>,
    /// The last day on which it holds.
    pub until: Option<Date>,
    /// Where the settings say so.
    pub location: Location,
}

impl Ignore {
    pub(super) fn covers(&self, rule: &str, path: &str) -> bool {
        self.rules.iter().any(|known| known == rule)
            && self.paths.iter().any(|pattern| pattern.matches(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_mean_what_people_mean() {
        for (pattern, path, expected) in [
            ("blog/*.py", "blog/a.py", true),
            ("blog/*.py", "blog/x/a.py", false),
            ("**/migrations/*.py", "migrations/0001.py", true),
            ("**/migrations/*.py", "a/b/migrations/0001.py", true),
            ("legacy", "legacy/a/b.py", true),
            ("./legacy/", "legacy/a/b.py", true),
            ("legacy", "legacy2/a.py", false),
            ("{a,b}/**", "b/c.py", true),
        ] {
            let found = Pattern::new(pattern).unwrap().matches(path);
            assert_eq!(found, expected, "{pattern} {path}");
        }
        for bad in ["", "/etc", "a[", "./"] {
            assert!(Pattern::new(bad).is_err(), "{bad}");
        }
    }
}
