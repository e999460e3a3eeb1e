//! The lines that coverage.py leaves out, and with them what belongs to them.
//!
//! Follows coverage.py 7.17: patterns are searched in the whole text (`parser.py`, `lines_matching`); a line that is left out
//! takes its statement along, and the head of a block its block (`parser.py`, `_raw_parse`).

use super::Lines;
use super::regular_expression::in_rust;
use super::statements::LongStatements;
use regex::{Regex, RegexBuilder};
use ruff_python_ast::token::{TokenKind, Tokens};
use ruff_text_size::{Ranged, TextSize};
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// `exclude_lines` unless a project sets it (`config.py`, `DEFAULT_EXCLUDE`): the comment, bodies of `...`, and what only type
/// checkers read.
const STANDARD: [&str; 3] = [
    r"#\s*(pragma|PRAGMA)[:\s]?\s*(no|NO)\s*(cover|COVER)",
    r"^\s*(((async )?def .*?)?[\])]+(\s*->.*?)?:\s*)?\.\.\.\s*(#|$)",
    r"^\s*if (typing\.)?TYPE_CHECKING:",
];

/// The most memory that a compiled pattern may take, in bytes, and that all of a project may take together.
const LARGEST: usize = 1 << 20;
const LARGEST_TOGETHER: usize = 1 << 25;

/// The longest pattern that is read, in bytes.
const LONGEST: usize = 4096;

/// Patterns of lines that do not count.
#[derive(Clone, Debug)]
pub(crate) struct Exclusion {
    /// All in one, as coverage.py searches them. None without any.
    pattern: Option<Regex>,
}

impl Exclusion {
    /// coverage.py's own patterns.
    pub(crate) fn standard() -> &'static Self {
        static OWN: LazyLock<Exclusion> =
            LazyLock::new(|| Exclusion::new(STANDARD.map(str::to_owned)).0);
        &OWN
    }

    /// The patterns that `exclude_lines` and `exclude_also` make; the first replace coverage.py's own. Beside it those that
    /// cannot be searched here, as Python knows more than regular expressions, each with the reason.
    pub(crate) fn of_settings(
        lines: Option<Vec<String>>,
        also: Vec<String>,
    ) -> (Self, Vec<(String, String)>) {
        let lines = lines.unwrap_or_else(|| STANDARD.map(str::to_owned).to_vec());
        Self::new(lines.into_iter().chain(also))
    }

    fn new(patterns: impl IntoIterator<Item = String>) -> (Self, Vec<(String, String)>) {
        let mut unknown = Vec::new();
        let mut alternatives: Vec<String> = Vec::new();
        for pattern in patterns {
            if pattern.len() > LONGEST {
                unknown.push((pattern, "it is too long".to_owned()));
                continue;
            }
            let plain = in_rust(&pattern);
            match compile(&plain, LARGEST) {
                Ok(_) => alternatives.push(format!("(?:{plain})")),
                Err(why) => unknown.push((pattern, why)),
            }
        }
        let pattern = match alternatives.as_slice() {
            [] => None,
            all => compile(&all.join("|"), LARGEST_TOGETHER)
                .map_err(|why| unknown.push((all.join("|"), why)))
                .ok(),
        };
        (Self { pattern }, unknown)
    }

    /// The lines that fit, and those that go with them. All are first lines of statements.
    pub(super) fn lines(
        &self,
        text: &str,
        tokens: &Tokens,
        lines: &Lines,
        long: &LongStatements,
    ) -> BTreeSet<u32> {
        let Some(pattern) = &self.pattern else {
            return BTreeSet::new();
        };
        // To coverage.py, every line ends as those of Unix do.
        let unix = text.contains('\r').then(|| text.replace("\r\n", "\n"));
        let unix_lines = unix.as_ref().map(|text| Lines::new(text.as_bytes()));
        let searched = unix.as_deref().unwrap_or(text);
        let searched_lines = unix_lines.as_ref().unwrap_or(lines);
        let at = |offset: usize| searched_lines.line(u32::try_from(offset).unwrap_or(u32::MAX));
        let fitting: BTreeSet<u32> = pattern
            .find_iter(searched)
            .flat_map(|found| at(found.start())..=at(found.end()))
            .map(|line| long.first_line(line))
            .collect();
        if fitting.is_empty() {
            return fitting;
        }
        let mut suites = Suites::new(fitting);
        for token in tokens {
            let line = |offset: TextSize| lines.line(offset.to_u32());
            suites.take(token.kind(), line(token.start()), line(token.end()));
        }
        let all = suites.excluded.into_iter();
        all.map(|line| long.first_line(line)).collect()
    }
}

/// # Errors
/// Why Rust's regular expressions cannot search for it.
fn compile(pattern: &str, largest: usize) -> Result<Regex, String> {
    RegexBuilder::new(pattern)
        .multi_line(true)
        .size_limit(largest)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
            // The last line says what is wrong, those above show where.
            other => {
                let text = other.to_string();
                let last = text.lines().next_back().unwrap_or_default();
                last.trim_start_matches("error: ").to_owned()
            }
        })
}

/// Blocks whose head is left out.
struct Suites {
    excluded: BTreeSet<u32>,
    indent: u32,
    nesting: u32,
    /// The first line of the statement that is being read.
    first: Option<u32>,
    /// The indent of the head whose block is left out.
    head: Option<u32>,
}

impl Suites {
    const fn new(excluded: BTreeSet<u32>) -> Self {
        Self {
            excluded,
            indent: 0,
            nesting: 0,
            first: None,
            head: None,
        }
    }

    /// Takes the next token, with the lines on which it begins and ends.
    fn take(&mut self, kind: TokenKind, start: u32, end: u32) {
        match kind {
            TokenKind::Indent => self.indent += 1,
            TokenKind::Dedent => self.indent = self.indent.saturating_sub(1),
            TokenKind::Newline => self.first = None,
            TokenKind::Comment | TokenKind::NonLogicalNewline | TokenKind::EndOfFile => {}
            _ => {
                self.bracket(kind);
                if kind == TokenKind::Colon && self.nesting == 0 {
                    self.colon(end);
                }
                if self.first.is_none() {
                    self.begin(start, end);
                }
            }
        }
    }

    const fn bracket(&mut self, kind: TokenKind) {
        match kind {
            TokenKind::Lpar | TokenKind::Lsqb | TokenKind::Lbrace => self.nesting += 1,
            TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace => {
                self.nesting = self.nesting.saturating_sub(1);
            }
            _ => {}
        }
    }

    /// Perhaps the end of a head. Other colons do no harm: nothing is indented after them.
    fn colon(&mut self, line: u32) {
        let first = self.first.unwrap_or(line);
        if self.head.is_none() && self.excluded.range(first..=line).next().is_some() {
            self.excluded.insert(line);
            self.head = Some(self.indent);
        }
    }

    /// The first token of a statement.
    fn begin(&mut self, start: u32, end: u32) {
        self.first = Some(start);
        self.head = self.head.filter(|head| self.indent > *head);
        if self.head.is_some() {
            self.excluded.insert(end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::python::statements;

    fn counted(text: &str, lines: Option<&[&str]>, also: &[&str]) -> Vec<u32> {
        let owned = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect();
        let (exclusion, unknown) = Exclusion::of_settings(lines.map(owned), owned(also));
        assert_eq!(unknown, []);
        statements(text.as_bytes(), &exclusion).unwrap().executable
    }

    #[test]
    fn patterns_of_a_project_come_on_top_or_instead() {
        let text = "def f():\n    raise NotImplementedError\nif DEBUG:\n    a = 1\n    b = 2\nc = 3  # pragma: no cover\n";
        assert_eq!(counted(text, None, &[]), [1, 2, 3, 4, 5]);
        assert_eq!(
            counted(text, None, &["raise NotImplementedError", "if DEBUG"]),
            [1]
        );
        assert_eq!(counted(text, Some(&["if DEBUG:"]), &[]), [1, 2, 6]);
        assert_eq!(counted(text, Some(&[]), &[]), [1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn a_pattern_may_span_lines_and_hit_the_middle_of_a_statement() {
        let text = "a = f(\n    1,\n    left_out,\n)\nb = 2\n# on\nc = 3\nd = 4\n# off\ne = 5\n";
        assert_eq!(
            counted(text, None, &["left_out", "# on(?s:.)*?# off"]),
            [5, 10]
        );
        let with_returns = text.replace('\n', "\r\n");
        assert_eq!(
            counted(&with_returns, None, &["left_out,$", "^d = 4$"]),
            [5, 7, 10]
        );
    }

    #[test]
    fn patterns_mean_what_they_mean_to_python() {
        let text = "b = {}\nc = a[1]\nd = 1 & 2\ne = 3\n";
        assert_eq!(counted(text, None, &["b = {}"]), [2, 3, 4]);
        assert_eq!(counted(text, None, &["[[&&]"]), [1, 4]);
        assert_eq!(counted(text, None, &[r"3\n\Z"]), [1, 2, 3]);
    }

    #[test]
    fn many_patterns_are_searched_together() {
        let many: Vec<String> = (0..80).map(|n| format!(r"^\s*def __x{n}\w+\(")).collect();
        let (exclusion, unknown) = Exclusion::of_settings(None, many);
        assert_eq!(unknown, []);
        let found = statements(b"a = 1  # pragma: no cover\r\nb = 2\r\n", &exclusion).unwrap();
        assert_eq!(found.executable, [2]);
        let text = "a = 1\r\n# on\r\nb = 2\r\n# off\r\nc = 3\r\n";
        assert_eq!(counted(text, None, &["# on\n(.*\n)*?# off"]), [1, 5]);
    }

    #[test]
    fn other_clauses_are_heads_too() {
        let text = "try:\n    a = 1\nexcept E:\n    b = 2\nelse:  # pragma: no cover\n    c = 3\nfinally:  # pragma: no cover\n    d = 4\nfor x in y:\n    e = 1\nelse:  # pragma: no cover\n    f = 1\n";
        assert_eq!(counted(text, None, &[]), [1, 2, 3, 4, 9, 10]);
        let text = "match x:\n    case 1:\n        a = 1\n    case _:\n        raise Never  # pragma: no cover\n";
        assert_eq!(counted(text, None, &[]), [1, 2, 3]);
        let text = "a = {1: f\"{b:>3}\"}; c = lambda: 1  # pragma: no cover\nd = e[1:2]\n";
        assert_eq!(counted(text, None, &[]), [2]);
    }

    #[test]
    fn what_python_alone_can_search_is_named() {
        let patterns = [r"(?<!x)y", r"(a)\1", "(", "good", r"\w{999}{999}"];
        let (exclusion, unknown) = Exclusion::new(patterns.map(str::to_owned));
        assert!(exclusion.pattern.is_some());
        let said: Vec<_> = unknown.iter().map(|(_, why)| why.as_str()).collect();
        assert_eq!(said.len(), 4);
        assert!(said[0].contains("look-around"), "{said:?}");
        assert!(said[1].contains("backreferences"), "{said:?}");
        assert_eq!(said[3], "it is too large");
        let (none, unknown) = Exclusion::new(["(".to_owned()]);
        assert!(none.pattern.is_none() && unknown.len() == 1);
    }
}
