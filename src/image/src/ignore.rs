//! Docker's own rules for `.dockerignore`.
//!
//! They are not git's: patterns are rooted at the context, a trailing slash means nothing, the last
//! pattern that matches a path or one of its parents decides, and `!` brings paths back even below an
//! excluded folder. The rules here follow the documented behaviour of Docker's matcher: each
//! pattern becomes a regular expression. No maintained crate offers them.

use regex::Regex;

/// Why a pattern was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the pattern `{pattern}` is malformed: {reason}")]
pub struct IgnoreError {
    /// The pattern as written.
    pub pattern: String,
    /// The line it stands on, from 1.
    pub line: usize,
    /// What is wrong.
    pub reason: &'static str,
}

/// The rules of one ignore file. The default has none and excludes nothing.
#[derive(Clone, Debug, Default)]
pub struct IgnoreRules {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
struct Rule {
    /// The cleaned pattern, without `!`.
    pattern: String,
    /// True for `!pattern`: it brings back what earlier rules excluded.
    exception: bool,
    /// Matches the paths that the pattern names, and everything below them.
    matcher: Regex,
}

impl IgnoreRules {
    /// Reads an ignore file's text: one pattern a line, `#` in the first column for comments.
    ///
    /// # Errors
    /// [`IgnoreError`] for the first malformed pattern.
    pub fn parse(text: &str) -> Result<Self, IgnoreError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut rules = Vec::new();
        for (index, line) in text.lines().enumerate() {
            // Only a `#` in the very first column starts a comment.
            if line.starts_with('#') {
                continue;
            }
            let trimmed = line.trim();
            if trimmed.is_empty() {
                continue;
            }
            let refuse = |reason| IgnoreError {
                pattern: trimmed.to_owned(),
                line: index + 1,
                reason,
            };
            let (exception, body) = match trimmed.strip_prefix('!') {
                Some(rest) => (true, rest.trim()),
                None => (false, trimmed),
            };
            if body.is_empty() {
                return Err(refuse("an exception needs a pattern after `!`"));
            }
            let pattern = clean(body);
            let matcher = compile(&pattern).map_err(refuse)?;
            rules.push(Rule {
                pattern,
                exception,
                matcher,
            });
        }
        Ok(Self { rules })
    }

    /// True if the path stays out of the context. `path` is relative to the context, with `/`
    /// between its parts and none at its ends.
    #[must_use]
    pub fn excludes(&self, path: &str) -> bool {
        self.rules
            .iter()
            .rev()
            .find(|rule| rule.matcher.is_match(path))
            .is_some_and(|rule| !rule.exception)
    }

    /// True if an exception may bring back something below the excluded folder `path`, so that the
    /// folder must be walked.
    #[must_use]
    pub fn may_bring_back_below(&self, path: &str) -> bool {
        let folder = format!("{path}/");
        self.rules.iter().filter(|rule| rule.exception).any(|rule| {
            let fixed: String = rule
                .pattern
                .chars()
                .take_while(|character| !matches!(character, '*' | '?' | '[' | '\\'))
                .collect();
            // A pattern with wild cards may match anywhere that its fixed start allows.
            if fixed.len() < rule.pattern.len() {
                fixed.starts_with(&folder) || folder.starts_with(&fixed)
            } else {
                format!("{fixed}/").starts_with(&folder)
            }
        })
    }
}

/// Go's `path.Clean`, which Docker applies to each pattern, and without the leading slash.
fn clean(pattern: &str) -> String {
    let rooted = pattern.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in pattern.split('/') {
        match part {
            "" | "." => {}
            ".." => match parts.last() {
                Some(&last) if last != ".." => {
                    parts.pop();
                }
                _ if rooted => {}
                _ => parts.push(".."),
            },
            other => parts.push(other),
        }
    }
    if parts.is_empty() {
        ".".to_owned()
    } else {
        parts.join("/")
    }
}

/// Docker's translation: `*` and `?` stop at a slash, `**` with or without a slash after it matches
/// any number of folders, and at the end everything. What follows a match is matched too, since a
/// match of a parent counts for all that is below.
fn compile(pattern: &str) -> Result<Regex, &'static str> {
    let mut expression = String::from("(?s)^");
    let mut rest = pattern.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '*' if rest.next_if_eq(&'*').is_some() => {
                let _ = rest.next_if_eq(&'/');
                expression.push_str(if rest.peek().is_none() {
                    ".*"
                } else {
                    "(?:.*/)?"
                });
            }
            '*' => expression.push_str("[^/]*"),
            '?' => expression.push_str("[^/]"),
            '\\' => {
                let escaped = rest.next().ok_or("it ends in a backslash")?;
                push_literal(&mut expression, escaped);
            }
            '[' => push_class(&mut expression, &mut rest)?,
            other => push_literal(&mut expression, other),
        }
    }
    expression.push_str("(?:/.*)?$");
    Regex::new(&expression).map_err(|_| "a character class has a range that runs backwards")
}

/// A character class as Go's `path.Match` has it: `[^a-z\]]`.
fn push_class(
    expression: &mut String,
    rest: &mut std::iter::Peekable<std::str::Chars<'_>>,
) -> Result<(), &'static str> {
    const UNCLOSED: &str = "a `[` has no `]`";
    expression.push('[');
    if rest.next_if_eq(&'^').is_some() {
        expression.push('^');
    }
    let mut members = 0_usize;
    loop {
        match rest.next().ok_or(UNCLOSED)? {
            ']' if members > 0 => break,
            ']' => return Err("a character class is empty"),
            '\\' => push_literal(expression, rest.next().ok_or(UNCLOSED)?),
            '-' => return Err("a range of a character class has no start"),
            other => push_literal(expression, other),
        }
        members += 1;
        if rest.next_if_eq(&'-').is_some() {
            expression.push('-');
            match rest.next().ok_or(UNCLOSED)? {
                ']' | '-' => return Err("a range of a character class has no end"),
                '\\' => push_literal(expression, rest.next().ok_or(UNCLOSED)?),
                other => push_literal(expression, other),
            }
        }
    }
    expression.push(']');
    Ok(())
}

fn push_literal(expression: &mut String, character: char) {
    expression.push_str(&regex::escape(character.encode_utf8(&mut [0; 4])));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excludes(rules: &str, path: &str) -> bool {
        IgnoreRules::parse(rules).unwrap().excludes(path)
    }

    #[track_caller]
    fn check(rules: &str, out: &[&str], kept: &[&str]) {
        for path in out {
            assert!(excludes(rules, path), "{rules:?} should exclude {path}");
        }
        for path in kept {
            assert!(!excludes(rules, path), "{rules:?} should keep {path}");
        }
    }

    /// The table of the Dockerfile reference, ".dockerignore file".
    #[test]
    fn documented_examples() {
        check(
            "# comment\n*/temp*",
            &["a/temporary.txt", "a/temp", "a/temp/below"],
            &["temp", "a/b/temp"],
        );
        check(
            "*/*/temp*",
            &["a/b/temporary.txt"],
            &["a/temporary.txt", "a/b/c/temp"],
        );
        check(
            "temp?",
            &["tempa", "tempb", "tempa/x"],
            &["temp", "tempab", "a/tempa"],
        );
        check(
            "**/*.go",
            &["x.go", "a/x.go", "a/b/x.go"],
            &["x.goo", "a/xgo"],
        );
        check(
            "*.md\n!README.md",
            &["NEWS.md"],
            &["README.md", "docs/NEWS.md"],
        );
        check(
            "*.md\n!README*.md\nREADME-secret.md",
            &["NEWS.md", "README-secret.md"],
            &["README.md", "README-more.md"],
        );
        check(
            "*.md\nREADME-secret.md\n!README*.md",
            &["NEWS.md"],
            &["README-secret.md", "README.md"],
        );
    }

    #[test]
    fn patterns_are_rooted_and_slashes_at_the_ends_mean_nothing() {
        for rule in [
            "foo",
            "/foo",
            "foo/",
            "./foo",
            "/foo/",
            "foo/.",
            "bar/../foo",
        ] {
            check(
                rule,
                &["foo", "foo/bar", "foo/bar/baz"],
                &["a/foo", "foobar", "fo"],
            );
        }
    }

    #[test]
    fn a_trailing_slash_does_not_ask_for_a_folder_as_git_would() {
        check("build/", &["build"], &["src/build"]);
    }

    #[test]
    fn the_last_match_decides() {
        check("*\n!src", &["README", "a/b"], &["src", "src/deep/file"]);
        check("*\n!src\nsrc/generated", &["src/generated/x"], &["src/x"]);
        check("!src\nsrc", &["src/x"], &[]);
        check(
            "node_modules\n!node_modules/keep/me",
            &["node_modules/other"],
            &["node_modules/keep/me/too"],
        );
    }

    #[test]
    fn two_stars() {
        check("**", &["a", "a/b"], &[]);
        check(
            "**\n!**/keep.txt",
            &["a", "a/b.txt"],
            &["keep.txt", "a/b/keep.txt"],
        );
        check("a/**", &["a/b", "a/b/c"], &["a"]);
        check("**/a", &["a", "b/a", "b/c/a/x"], &["ba", "ab"]);
        check("a/**/b", &["a/b", "a/x/b", "a/x/y/b"], &["ab", "a/xb"]);
        check(
            "**/__pycache__",
            &["__pycache__", "a/__pycache__/x.pyc"],
            &["a/pycache"],
        );
        check(
            "**/.git",
            &[".git/config", "vendor/.git"],
            &[".gitignore", "a/.github"],
        );
    }

    #[test]
    fn classes_and_escapes() {
        check("[a-c]?.tx[^u]", &["ax.txt"], &["dx.txt", "ax.txu"]);
        check(r"\*\[x\].txt", &["*[x].txt"], &["a[x].txt", "*x.txt"]);
        check(r"a[\]\-]b", &["a]b", "a-b"], &["axb", "a\\b"]);
        check("a.b$c+(d)", &["a.b$c+(d)"], &["aXb$c+(d)"]);
        check(r"\!important", &["!important"], &["important"]);
    }

    #[test]
    fn comments_blank_lines_and_byte_order_marks() {
        check(
            "\u{feff}foo\n\n   \n#bar\n  baz  \r\n",
            &["foo", "baz"],
            &["bar", "#bar"],
        );
        // A `#` after white space is a pattern, as in Docker.
        check(" #bar", &["#bar"], &["bar"]);
    }

    #[test]
    fn malformed_patterns_name_the_line() {
        for (text, line) in [
            ("a\n!", 2),
            ("[", 1),
            ("x[]", 1),
            ("a\\", 1),
            ("[z-a]", 1),
            ("[a-]", 1),
            ("!  ", 1),
        ] {
            let error = IgnoreRules::parse(text).unwrap_err();
            assert_eq!(error.line, line, "{text:?}: {error}");
        }
    }

    #[test]
    fn folders_are_walked_only_if_something_below_may_come_back() {
        let rules = |text| IgnoreRules::parse(text).unwrap();
        assert!(!rules("node_modules").may_bring_back_below("node_modules"));
        assert!(!rules("*\n!src").may_bring_back_below("docs"));
        assert!(rules("*\n!src/deep/file").may_bring_back_below("src"));
        assert!(rules("*\n!src/deep/file").may_bring_back_below("src/deep"));
        assert!(rules("*\n!**/keep").may_bring_back_below("docs"));
        assert!(rules("*\n!docs/*.md").may_bring_back_below("docs"));
        assert!(!rules("*\n!docs/*.md").may_bring_back_below("src"));
        assert!(rules("*\n!do*/x").may_bring_back_below("docs"));
    }

    proptest::proptest! {
        /// Skipping a folder must never lose a path that the rules keep.
        #[test]
        fn pruning_loses_nothing(
            lines in proptest::collection::vec("(!)?(\\*\\*/)?[ab*?]{1,2}(/[ab*]{1,2}){0,2}", 1..5),
            path in "[ab]{1,2}(/[ab]{1,2}){1,3}",
        ) {
            let rules = IgnoreRules::parse(&lines.join("\n")).unwrap();
            if !rules.excludes(&path) {
                for (end, _) in path.match_indices('/') {
                    let folder = &path[..end];
                    proptest::prop_assert!(
                        !rules.excludes(folder) || rules.may_bring_back_below(folder),
                        "{lines:?} {path} {folder}"
                    );
                }
            }
        }
    }
}
