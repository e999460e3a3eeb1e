//! Patterns for paths, as git and pytest read them.

use globset::{GlobBuilder, GlobMatcher};

/// Longer patterns are nobody's; compiling costs memory in proportion.
const LONGEST: usize = 1_000;

/// A pattern of `.gitattributes` or of a setting: without a slash it names a file in any directory, with one it counts from
/// the directory of the pattern. `*` stops at a slash, `**` does not.
#[derive(Clone, Debug)]
pub(crate) struct PathPattern {
    glob: GlobMatcher,
}

impl PathPattern {
    /// `None` for what is not a pattern.
    pub(crate) fn new(pattern: &str) -> Option<Self> {
        if pattern.is_empty() {
            return None;
        }
        let trimmed = pattern.strip_prefix('/').unwrap_or(pattern);
        let anchored = pattern.contains('/');
        let mut text = String::new();
        if !anchored {
            text.push_str("**/");
        }
        text.push_str(trimmed);
        if trimmed.ends_with('/') {
            text.push_str("**");
        }
        Some(Self {
            glob: compile(&text, true)?,
        })
    }

    /// Whether the path, counted from the directory of the pattern, is meant.
    pub(crate) fn matches(&self, path: &str) -> bool {
        self.glob.is_match(path)
    }
}

/// The patterns that could be read, and those that could not.
pub(crate) fn path_patterns(patterns: &[String]) -> (Vec<PathPattern>, Vec<&str>) {
    let mut read = Vec::new();
    let mut unreadable = Vec::new();
    for pattern in patterns {
        match PathPattern::new(pattern) {
            Some(pattern) => read.push(pattern),
            None => unreadable.push(pattern.as_str()),
        }
    }
    (read, unreadable)
}

/// A pattern of Python's `fnmatch`: `*` also matches slashes.
pub(crate) fn fnmatch(pattern: &str) -> Option<GlobMatcher> {
    compile(&without_alternatives(pattern), false)
}

/// A pattern of paths of coverage.py (`files.py`, `_glob_to_regex`): `*` stops at a slash unless it is the first or last part,
/// `**` does not; without a slash it names a file in any directory.
pub(crate) fn coverage_glob(pattern: &str) -> Option<GlobMatcher> {
    let parts: Vec<&str> = pattern.split('/').collect();
    let is_mixed = |part: &&str| part.contains("**") && part.chars().any(|letter| letter != '*');
    if pattern.contains("***") || pattern.contains("**/**") || parts.iter().any(is_mixed) {
        return None;
    }
    let last = parts.len() - 1;
    let part = |(index, part): (usize, &&str)| match *part {
        "*" if index == 0 && last > 0 => "**".to_owned(),
        "*" if index > 0 && index == last => "**".to_owned(),
        other => without_alternatives(other),
    };
    let parts: Vec<String> = parts.iter().enumerate().map(part).collect();
    let anywhere = if last == 0 { "**/" } else { "" };
    compile(&format!("{anywhere}{}", parts.join("/")), true)
}

/// Braces, commas and backslashes are plain characters to Python's patterns.
fn without_alternatives(pattern: &str) -> String {
    let mut text = String::new();
    for letter in pattern.chars() {
        match letter {
            '{' | '}' | '\\' | ',' => {
                text.push('[');
                text.push(letter);
                text.push(']');
            }
            _ => text.push(letter),
        }
    }
    text
}

fn compile(pattern: &str, separates: bool) -> Option<GlobMatcher> {
    if pattern.is_empty() || pattern.len() > LONGEST {
        return None;
    }
    GlobBuilder::new(pattern)
        .literal_separator(separates)
        .backslash_escape(separates)
        .build()
        .ok()
        .map(|glob| glob.compile_matcher())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(pattern: &str, path: &str) -> bool {
        PathPattern::new(pattern).unwrap().matches(path)
    }

    #[test]
    fn a_name_is_found_in_any_directory() {
        assert!(path("*.lock", "uv.lock") && path("*.lock", "a/b/uv.lock"));
        assert!(!path("*.lock", "uv.lock.md"));
    }

    #[test]
    fn a_path_counts_from_its_directory() {
        assert!(path("vendor/**", "vendor/a/b.js") && !path("vendor/**", "x/vendor/a.js"));
        assert!(path("/a.txt", "a.txt") && !path("/a.txt", "b/a.txt"));
        assert!(path("static/", "static/a/b.css"));
        assert!(path("a/*.py", "a/b.py") && !path("a/*.py", "a/b/c.py"));
    }

    #[test]
    fn fnmatch_does_not_stop_at_slashes() {
        let pattern = fnmatch("tests/*_{x}.py").unwrap();
        assert!(pattern.is_match("tests/a/b_{x}.py") && !pattern.is_match("tests/b_x.py"));
    }

    #[test]
    fn what_is_no_pattern_is_said() {
        let settings = ["[".to_owned(), "*.py".to_owned(), String::new()];
        let (read, unreadable) = path_patterns(&settings);
        assert_eq!((read.len(), unreadable), (1, vec!["[", ""]));
        assert!(fnmatch(&"*".repeat(5_000)).is_none());
    }
}
