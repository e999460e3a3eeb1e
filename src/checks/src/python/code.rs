//! Of which lines Python makes code: those are the statements that coverage.py can see run.
//!
//! CPython makes none of what it can tell never to be reached: what follows a `return`, a `raise` or an endless loop, and what stands
//! under a constant condition. The rules here are those of its releases 3.10 to 3.13, found with coverage.py 7.17.

use super::statements::LongStatements;
use super::verdict::verdict;
use ruff_python_ast::{self as ast, Expr as Node, Stmt};
use ruff_text_size::{Ranged, TextSize};
use std::collections::BTreeSet;

/// How deep blocks are followed. CPython gives up at 100.
const DEEPEST_BLOCK: u32 = 200;

/// First lines of statements, sorted.
pub(super) struct Code {
    pub(super) executable: Vec<u32>,
    /// Bare annotations, as in `size: int`, of modules and classes.
    pub(super) annotations: Vec<u32>,
}

/// Finds the code of a module, without the statements that begin on the excluded lines. `line` gives the line of an offset.
pub(super) fn code(
    module: &[Stmt],
    excluded: BTreeSet<u32>,
    long: &LongStatements,
    line: impl Fn(TextSize) -> u32,
) -> Code {
    let mut walk = Walk {
        line,
        long,
        excluded,
        docstrings: BTreeSet::new(),
        executable: BTreeSet::new(),
        annotations: BTreeSet::new(),
        is_in_function: false,
        breaks: false,
    };
    walk.body(module, 0);
    let counts = |line: &u32| !walk.excluded.contains(line) && !walk.docstrings.contains(line);
    Code {
        executable: walk.executable.into_iter().filter(counts).collect(),
        annotations: walk.annotations.into_iter().filter(counts).collect(),
    }
}

struct Walk<'l, F> {
    line: F,
    long: &'l LongStatements,
    excluded: BTreeSet<u32>,
    /// The lines on which docstrings begin: nothing else on them counts.
    docstrings: BTreeSet<u32>,
    executable: BTreeSet<u32>,
    annotations: BTreeSet<u32>,
    is_in_function: bool,
    /// Whether the loop that is walked has a `break`.
    breaks: bool,
}

impl<F: Fn(TextSize) -> u32> Walk<'_, F> {
    /// The first line of the statement there.
    fn at(&self, offset: TextSize) -> u32 {
        self.long.first_line((self.line)(offset))
    }
}

/// Each walk tells whether the end is reached.
impl<F: Fn(TextSize) -> u32> Walk<'_, F> {
    fn block(&mut self, statements: &[Stmt], depth: u32) -> bool {
        depth > DEEPEST_BLOCK
            || (statements.iter()).all(|statement| self.statement(statement, depth + 1))
    }

    /// The block of a module, a class or a function.
    fn body(&mut self, body: &[Stmt], depth: u32) -> bool {
        match body {
            [Stmt::Expr(first), rest @ ..] if first.value.is_string_literal_expr() => {
                self.docstrings.insert((self.line)(first.start()));
                self.block(rest, depth)
            }
            all => self.block(all, depth),
        }
    }

    fn statement(&mut self, statement: &Stmt, depth: u32) -> bool {
        match statement {
            Stmt::FunctionDef(function) => {
                let (decorators, name) = (&function.decorator_list, &function.name);
                self.definition(decorators, name, &function.body, true, depth)
            }
            Stmt::ClassDef(class) => {
                let (decorators, name) = (&class.decorator_list, &class.name);
                self.definition(decorators, name, &class.body, false, depth)
            }
            Stmt::Global(_) | Stmt::Nonlocal(_) => true,
            // Of an attribute or an item, what stands before it is looked up.
            Stmt::AnnAssign(bare) if bare.value.is_none() && bare.target.is_name_expr() => {
                if !self.is_in_function {
                    self.annotations.insert(self.at(statement.start()));
                }
                true
            }
            other => {
                self.executable.insert(self.at(other.start()));
                self.compound(other, depth)
            }
        }
    }

    /// A statement whose first line is code.
    fn compound(&mut self, statement: &Stmt, depth: u32) -> bool {
        match statement {
            Stmt::If(branch) => self.branch(branch, depth),
            Stmt::For(repeat) => {
                let breaks = self.repeated(&repeat.body, depth);
                self.block(&repeat.orelse, depth) || breaks
            }
            Stmt::While(repeat) => {
                let truth = truth(&repeat.test);
                let breaks = truth != Some(false) && self.repeated(&repeat.body, depth);
                (truth != Some(true) && self.block(&repeat.orelse, depth)) || breaks
            }
            Stmt::With(with) => {
                self.block(&with.body, depth);
                // It may keep an exception to itself.
                true
            }
            Stmt::Try(attempt) => self.attempt(attempt, depth),
            Stmt::Match(choice) => {
                let mut ends = !choice.cases.iter().any(is_taken_always);
                for case in &choice.cases {
                    ends |= self.case(case, depth);
                }
                ends
            }
            Stmt::Break(_) => {
                self.breaks = true;
                false
            }
            Stmt::Return(_) | Stmt::Raise(_) | Stmt::Continue(_) => false,
            Stmt::Assert(assert) => truth(&assert.test) != Some(false),
            _ => true,
        }
    }

    /// All of it is left out with its head or a decorator.
    fn definition(
        &mut self,
        decorators: &[ast::Decorator],
        name: &ast::Identifier,
        body: &[Stmt],
        is_function: bool,
        depth: u32,
    ) -> bool {
        let line = self.at(name.start());
        let above: Vec<u32> = decorators
            .iter()
            .map(|decorator| self.at(decorator.start()))
            .collect();
        let first = above.first().copied().unwrap_or(line).min(line);
        if self.excluded.range(first..=line).next().is_none() {
            self.executable.extend(above);
            self.executable.insert(line);
            let around = (self.is_in_function, self.breaks);
            self.is_in_function = is_function;
            self.body(body, depth);
            (self.is_in_function, self.breaks) = around;
        }
        true
    }

    fn branch(&mut self, branch: &ast::StmtIf, depth: u32) -> bool {
        let mut test = truth(&branch.test);
        let mut ends = test != Some(false) && self.block(&branch.body, depth);
        for clause in &branch.elif_else_clauses {
            if test == Some(true) {
                break;
            }
            test = match &clause.test {
                Some(condition) => {
                    self.executable.insert(self.at(clause.start()));
                    truth(condition)
                }
                None => Some(true),
            };
            ends |= test != Some(false) && self.block(&clause.body, depth);
        }
        ends || test != Some(true)
    }

    /// Whether a loop's body has a `break`.
    fn repeated(&mut self, body: &[Stmt], depth: u32) -> bool {
        let around = std::mem::replace(&mut self.breaks, false);
        self.block(body, depth);
        std::mem::replace(&mut self.breaks, around)
    }

    fn attempt(&mut self, attempt: &ast::StmtTry, depth: u32) -> bool {
        let mut ends = self.block(&attempt.body, depth) && self.block(&attempt.orelse, depth);
        for handler in &attempt.handlers {
            let ast::ExceptHandler::ExceptHandler(handler) = handler;
            self.executable.insert(self.at(handler.start()));
            ends |= self.block(&handler.body, depth);
        }
        self.block(&attempt.finalbody, depth) && ends
    }

    /// One that is taken whatever comes, as an `else` is, is left out with its body, unless that has long statements: coverage.py
    /// compares their lines one by one.
    fn case(&mut self, case: &ast::MatchCase, depth: u32) -> bool {
        let head = self.at(case.start());
        self.executable.insert(head);
        let is_never = (case.guard.as_deref()).is_some_and(|guard| truth(guard) == Some(false));
        if is_never {
            return false;
        }
        let ends = self.block(&case.body, depth);
        if let ([first, ..], [.., last], true) = (&*case.body, &*case.body, is_taken_always(case)) {
            let lines = self.at(first.start())..=self.at(last.end());
            let mut body = self.executable.range(lines).peekable();
            let is_out =
                |line: &u32| self.excluded.contains(line) && self.long.last_line(*line) == *line;
            if body.peek().is_some() && body.all(is_out) {
                self.excluded.insert(head);
            }
        }
        ends
    }
}

fn is_taken_always(case: &ast::MatchCase) -> bool {
    case.guard.is_none() && case.pattern.is_irrefutable()
}

/// What a condition always is, as far as CPython folds it.
fn truth(test: &Node) -> Option<bool> {
    match test {
        Node::BooleanLiteral(literal) => Some(literal.value),
        Node::NoneLiteral(_) => Some(false),
        Node::EllipsisLiteral(_) => Some(true),
        Node::StringLiteral(literal) => Some(!literal.value.is_empty()),
        Node::BytesLiteral(literal) => Some(!literal.value.is_empty()),
        Node::NumberLiteral(literal) => Some(match &literal.value {
            ast::Number::Int(int) => *int != ast::Int::ZERO,
            ast::Number::Float(float) => *float != 0.0,
            ast::Number::Complex { real, imag } => *real != 0.0 || *imag != 0.0,
        }),
        // Python without `-O`.
        Node::Name(name) if name.id == "__debug__" => Some(true),
        Node::UnaryOp(not) if not.op == ast::UnaryOp::Not => truth(&not.operand).map(|is| !is),
        Node::BoolOp(joined) => {
            let decides = joined.op == ast::BoolOp::Or;
            // Each once: they may nest deeply.
            let values: Vec<_> = joined.values.iter().map(truth).collect();
            verdict(&values, decides)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::python::{Exclusion, statements};

    /// Lines that end with `# counts` are those that coverage.py 7.17.3 counts, with CPython 3.10, 3.11, 3.12 and 3.13 alike.
    #[test]
    fn what_is_never_reached_does_not_count() {
        let text = include_str!("../../tests/data/coverage/unreached.py.txt");
        let expected: Vec<u32> = (1..)
            .zip(text.lines())
            .filter(|(_, line)| line.ends_with("# counts"))
            .map(|(number, _)| number)
            .collect();
        assert!(expected.len() > 80);
        let found = statements(text.as_bytes(), Exclusion::standard()).unwrap();
        assert_eq!(found.executable, expected);
    }
}
