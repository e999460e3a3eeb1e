//! Where the statements of a file begin, and which of them can be executed: what a coverage report counts.
//!
//! Follows coverage.py's `parser.py`: a statement is known by its first line, whatever its length; docstrings, `global` and
//! lines under `# pragma: no cover` do not count.

use super::{Lines, Unreadable, decode, guard, with_deep_stack};
use ruff_python_ast::token::TokenKind;
use ruff_python_ast::{self as ast, Expr as Node, Stmt};
use ruff_python_parser::Parsed;
use ruff_text_size::{Ranged, TextSize};
use std::collections::BTreeSet;

/// How deep blocks are followed. CPython gives up at 100.
const DEEPEST_BLOCK: u32 = 200;

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
pub(crate) fn statements(bytes: &[u8]) -> Result<Statements, Unreadable> {
    let text = decode(bytes)?;
    let lines = Lines::new(bytes);
    with_deep_stack(|| read(&text, &lines))?
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

fn read(text: &str, lines: &Lines) -> Result<Statements, Unreadable> {
    let parsed = parse(text)?;
    let at = |offset: TextSize| lines.line(offset.to_u32());
    let excluded = parsed
        .tokens()
        .iter()
        .filter(|token| token.kind() == TokenKind::Comment)
        .filter(|token| {
            let range = token.start().to_usize()..token.end().to_usize();
            text.get(range).is_some_and(is_no_cover)
        })
        .map(|token| at(token.start()))
        .collect();
    let long = long(&parsed, lines);
    let mut walk = Walk {
        at,
        excluded,
        long: &long,
        executable: BTreeSet::new(),
        annotations: BTreeSet::new(),
        functions: 0,
    };
    walk.block(parsed.suite(), 0);
    let executable = walk.executable.into_iter().collect();
    let annotations = walk.annotations.into_iter().collect();
    Ok(Statements {
        long,
        executable,
        annotations,
    })
}

/// coverage.py's first default of `exclude_lines`: `#\s*(pragma|PRAGMA)[:\s]?\s*(no|NO)\s*(cover|COVER)`.
fn is_no_cover(comment: &str) -> bool {
    let words: String = comment
        .trim_start_matches('#')
        .chars()
        .filter(|char| !char.is_whitespace() && *char != ':')
        .collect();
    words.to_lowercase().starts_with("pragmanocover")
}

struct Walk<'l, F> {
    at: F,
    excluded: BTreeSet<u32>,
    long: &'l LongStatements,
    executable: BTreeSet<u32>,
    annotations: BTreeSet<u32>,
    /// How many functions are around.
    functions: u32,
}

impl<F: Fn(TextSize) -> u32> Walk<'_, F> {
    fn block(&mut self, statements: &[Stmt], depth: u32) {
        if depth > DEEPEST_BLOCK {
            return;
        }
        for statement in statements {
            self.statement(statement, depth + 1);
        }
    }

    /// A head with its block; the block goes with its head when that is excluded.
    fn headed(&mut self, start: TextSize, counts: bool, body: &[Stmt], depth: u32) {
        let line = (self.at)(start);
        let last = body.first().map_or(line, |inner| {
            (self.at)(inner.start()).saturating_sub(1).max(line)
        });
        if self.excluded.range(line..=last).next().is_some() {
            return;
        }
        if counts {
            self.executable.insert(line);
        }
        self.block(body, depth);
    }

    fn definition(
        &mut self,
        decorators: &[ast::Decorator],
        name: TextSize,
        body: &[Stmt],
        depth: u32,
    ) {
        let line = (self.at)(name);
        let first = decorators
            .first()
            .map_or(line, |decorator| (self.at)(decorator.start()));
        let end = self.long.last_line(line);
        // `def stub(self): ...` on one line is left out by coverage.py since 7.6.
        let is_stub = matches!(body, [Stmt::Expr(only)]
            if matches!(only.value.as_ref(), Node::EllipsisLiteral(_)) && (self.at)(only.start()) <= end);
        if is_stub || self.excluded.range(first..=end).next().is_some() {
            return;
        }
        for decorator in decorators {
            self.executable.insert((self.at)(decorator.start()));
        }
        self.headed(name, true, body, depth);
    }

    /// The first line of a simple statement, unless it is left out.
    fn not_excluded(&self, statement: &Stmt) -> Option<u32> {
        let first = (self.at)(statement.start());
        let last = (self.at)(statement.end());
        (self.excluded.range(first..=last).next().is_none()).then_some(first)
    }

    fn statement(&mut self, statement: &Stmt, depth: u32) {
        match statement {
            Stmt::FunctionDef(function) => {
                self.functions += 1;
                self.definition(
                    &function.decorator_list,
                    function.name.start(),
                    &function.body,
                    depth,
                );
                self.functions -= 1;
            }
            Stmt::ClassDef(class) => {
                self.definition(
                    &class.decorator_list,
                    class.name.start(),
                    &class.body,
                    depth,
                );
            }
            Stmt::If(branch) => {
                // Excluded by coverage.py since 7.10.
                if !is_type_checking(&branch.test) {
                    self.headed(branch.start(), true, &branch.body, depth);
                }
                for clause in &branch.elif_else_clauses {
                    self.headed(clause.start(), clause.test.is_some(), &clause.body, depth);
                }
            }
            Stmt::For(repeat) => {
                self.headed(repeat.start(), true, &repeat.body, depth);
                self.block(&repeat.orelse, depth);
            }
            Stmt::While(repeat) => {
                self.headed(repeat.start(), true, &repeat.body, depth);
                // Python makes no code for what can never be reached.
                if !is_always(&repeat.test) {
                    self.block(&repeat.orelse, depth);
                }
            }
            Stmt::With(with) => self.headed(with.start(), true, &with.body, depth),
            Stmt::Try(attempt) => {
                self.headed(attempt.start(), true, &attempt.body, depth);
                for handler in &attempt.handlers {
                    let ast::ExceptHandler::ExceptHandler(handler) = handler;
                    self.headed(handler.start(), true, &handler.body, depth);
                }
                self.block(&attempt.orelse, depth);
                self.block(&attempt.finalbody, depth);
            }
            Stmt::Match(choice) => {
                self.headed(choice.start(), true, &[], depth);
                for case in &choice.cases {
                    self.headed(case.start(), true, &case.body, depth);
                }
            }
            other if is_code(other) => {
                if let Some(first) = self.not_excluded(other) {
                    self.executable.insert(first);
                }
            }
            Stmt::AnnAssign(bare) if self.functions == 0 => {
                let first = self.not_excluded(statement);
                // An attribute's or an item's annotation is only for readers.
                self.annotations
                    .extend(first.filter(|_| bare.target.is_name_expr()));
            }
            _ => {}
        }
    }
}

fn is_always(test: &Node) -> bool {
    match test {
        Node::BooleanLiteral(literal) => literal.value,
        Node::NumberLiteral(literal) => {
            matches!(&literal.value, ast::Number::Int(int) if *int != ast::Int::ZERO)
        }
        _ => false,
    }
}

fn is_type_checking(test: &Node) -> bool {
    super::convert::dotted(test)
        .is_some_and(|name| name == "TYPE_CHECKING" || name == "typing.TYPE_CHECKING")
}

/// Whether Python makes code of a simple statement. Constants on their own, docstrings among them, leave none.
fn is_code(statement: &Stmt) -> bool {
    match statement {
        Stmt::Global(_) | Stmt::Nonlocal(_) => false,
        Stmt::AnnAssign(assign) => assign.value.is_some(),
        Stmt::Expr(alone) => !matches!(
            alone.value.as_ref(),
            Node::StringLiteral(_)
                | Node::BytesLiteral(_)
                | Node::NumberLiteral(_)
                | Node::BooleanLiteral(_)
                | Node::NoneLiteral(_)
                | Node::EllipsisLiteral(_)
        ),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Statements {
        statements(text.as_bytes()).unwrap()
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
        assert!(statements(b"def (").is_err());
        assert!(statements(b"\xff\xfe").is_err());
    }
}
