//! Where the statements of a file begin, and which of them can be executed: what a coverage report counts.
//!
//! Follows coverage.py's `parser.py`: a statement is known by its first line, whatever its length; docstrings, `global` and
//! lines that are left out do not count.

use super::code::{Code, code};
use super::exclusion::Exclusion;
use super::{Lines, Unreadable, decode, guard, with_deep_stack};
use ruff_python_ast as ast;
use ruff_python_ast::token::TokenKind;
use ruff_python_parser::Parsed;
use ruff_text_size::{Ranged, TextSize};

/// The statements of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Statements {
    pub(crate) long: LongStatements,
    /// First lines of statements that can be executed. Sorted.
    pub(crate) executable: Vec<u32>,
    /// First lines of bare annotations, as in `size: int`, of modules and classes. Python makes code of them up to 3.13 (PEP 649).
    pub(crate) annotations: Vec<u32>,
}

/// First and last line of each statement, or head of a block, that has more than one line. Sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LongStatements(Vec<(u32, u32)>);

impl LongStatements {
    /// The first line of the statement that has that line.
    pub(super) fn first_line(&self, line: u32) -> u32 {
        let behind = self.0.partition_point(|(first, _)| *first <= line);
        let before = behind.checked_sub(1).and_then(|index| self.0.get(index));
        before
            .filter(|(_, last)| line <= *last)
            .map_or(line, |(first, _)| *first)
    }

    /// The last line of the statement that begins on that line.
    pub(crate) fn last_line(&self, first: u32) -> u32 {
        self.0
            .binary_search_by_key(&first, |(first, _)| *first)
            .ok()
            .and_then(|index| self.0.get(index))
            .map_or(first, |(_, last)| *last)
    }

    fn of(
        tokens: impl Iterator<Item = (TokenKind, TextSize)>,
        at: impl Fn(TextSize) -> u32,
    ) -> Self {
        let mut long = Vec::new();
        let mut first: Option<TextSize> = None;
        for (kind, start) in tokens {
            match kind {
                TokenKind::Newline => {
                    let lines = first.take().map(|first| (at(first), at(start)));
                    long.extend(lines.filter(|(first, last)| last > first));
                }
                TokenKind::Comment
                | TokenKind::NonLogicalNewline
                | TokenKind::Indent
                | TokenKind::Dedent
                | TokenKind::EndOfFile => {}
                _ => {
                    first.get_or_insert(start);
                }
            }
        }
        Self(long)
    }
}

/// Reads the long statements of a file alone.
///
/// # Errors
/// Those of [`statements`].
pub(crate) fn long_statements(bytes: &[u8]) -> Result<LongStatements, Unreadable> {
    let text = decode(bytes)?;
    let lines = Lines::new(bytes);
    with_deep_stack(|| parse(&text).map(|parsed| long(&parsed, &lines)))?
}

/// Reads the statements of a file.
///
/// # Errors
/// The file is too large, nests too deeply, or is not Python.
pub(crate) fn statements(bytes: &[u8], exclusion: &Exclusion) -> Result<Statements, Unreadable> {
    let text = decode(bytes)?;
    let lines = Lines::new(bytes);
    with_deep_stack(|| read(&text, &lines, exclusion))?
}

fn parse(text: &str) -> Result<Parsed<ast::ModModule>, Unreadable> {
    guard::check(text)?;
    ruff_python_parser::parse_module(text).map_err(|error| Unreadable {
        why: format!("not valid Python: {}", error.error),
        at: Some(super::convert::span(error.location)),
    })
}

fn long(parsed: &Parsed<ast::ModModule>, lines: &Lines) -> LongStatements {
    let tokens = parsed.tokens().iter();
    let tokens = tokens.map(|token| (token.kind(), token.start()));
    LongStatements::of(tokens, |offset| lines.line(offset.to_u32()))
}

fn read(text: &str, lines: &Lines, exclusion: &Exclusion) -> Result<Statements, Unreadable> {
    let parsed = parse(text)?;
    let long = long(&parsed, lines);
    let excluded = exclusion.lines(text, parsed.tokens(), lines, &long);
    let line = |offset: TextSize| lines.line(offset.to_u32());
    let Code {
        executable,
        annotations,
    } = code(parsed.suite(), excluded, &long, line);
    Ok(Statements {
        long,
        executable,
        annotations,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Statements {
        statements(text.as_bytes(), Exclusion::standard()).unwrap()
    }

    #[test]
    fn a_long_call_is_one_statement() {
        let found = read("x = 1\ny = f(\n    1,\n    # two\n    2,\n)\nz = 3\n");
        let lasts: Vec<u32> = (1..=7).map(|line| found.long.last_line(line)).collect();
        assert_eq!(lasts, [1, 6, 3, 4, 5, 6, 7]);
        assert_eq!(found.executable, [1, 2, 7]);
        let text = "x = 1\ny = f(\n    1,\n    # two\n    2,\n)\nz = 3\n";
        assert_eq!(long_statements(text.as_bytes()).unwrap(), found.long);
    }

    #[test]
    fn the_head_of_a_function_is_one_statement() {
        let found = read("@a\n@b(\n    1\n)\ndef f(\n    x,\n):\n    return x\n");
        assert_eq!(found.executable, [1, 2, 5, 8]);
        assert_eq!(found.long.last_line(2), 4);
        assert_eq!(found.long.last_line(5), 7);
        assert_eq!(found.long.last_line(8), 8);
    }

    #[test]
    fn what_makes_no_code_does_not_count() {
        assert!(
            read("\"\"\"Words.\n\nMore.\n\"\"\"\n# only this\n")
                .executable
                .is_empty()
        );
        assert!(read("").executable.is_empty());
        let text = "def f():\n    \"\"\"Words.\"\"\"\n    global a\n    x: int\n    a = 1\n";
        assert_eq!(read(text).executable, [1, 5]);
    }

    #[test]
    fn excluded_lines_take_their_block_along() {
        let text = "def f():  # pragma: no cover\n    a = 1\n\nif x:\n    b = 2\nelse:  # pragma:no cover\n    c = 3\nd = 4  # PRAGMA NO COVER\n";
        assert_eq!(read(text).executable, [4, 5]);
        assert_eq!(
            read("if TYPE_CHECKING:\n    import a\nelse:\n    a = 1\n").executable,
            [4]
        );
    }

    #[test]
    fn every_clause_is_followed() {
        let text = "try:\n    a = 1\nexcept E:\n    b = 2\nelse:\n    c = 3\nfinally:\n    d = 4\nfor x in y:\n    e\nwith a:\n    f\nmatch x:\n    case 1:\n        g\n";
        assert_eq!(
            read(text).executable,
            [1, 2, 3, 4, 6, 8, 9, 10, 11, 12, 13, 14, 15]
        );
    }

    /// The statements that coverage.py 7.17.3 counts in that file.
    #[test]
    fn the_same_lines_count_as_in_coverage_py() {
        let text = include_str!("../../tests/data/coverage/never.py.txt");
        let counted = [
            2, 7, 12, 15, 16, 17, 20, 21, 22, 24, 26, 28, 29, 32, 33, 34, 36, 39, 40, 43, 49, 50,
            59, 60, 61, 62, 66, 67, 68,
        ];
        assert_eq!(read(text).executable, counted);
    }

    #[test]
    fn what_is_not_python_is_said() {
        let read = |bytes: &[u8]| statements(bytes, Exclusion::standard());
        assert!(read(b"def (").is_err());
        assert!(read(b"\xff\xfe").is_err());
    }
}
