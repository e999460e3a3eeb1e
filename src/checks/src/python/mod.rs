//! Python source to plain values of our own: the only place that knows the parser.
//!
//! Rules: nothing is executed and nothing is guessed. An expression that is not one of the simple forms becomes
//! [`ExprKind::Opaque`] with the reason. Nesting is bounded, so that what comes out can be walked and dropped by recursion.

mod code;
mod convert;
mod exclusion;
mod facts;
mod guard;
mod regular_expression;
mod same;
mod script;
mod statements;
mod text;
mod uses;
mod value;
mod vendor;
mod verdict;

pub(crate) use convert::read;
pub(crate) use exclusion::Exclusion;
pub(crate) use facts::{CallFact, Executed, FunctionFacts, TextValue, Times};
pub use guard::LARGEST_FILE;
pub(crate) use guard::{joined, on_all_cores, side_by_side, spawn_deep, with_deep_stack};
pub(crate) use same::do_the_same;
pub(crate) use script::script;
pub(crate) use statements::{LongStatements, long_statements, statements};
pub(crate) use text::{Lines, decode};
pub(crate) use uses::{Uses, uses};
pub(crate) use value::{Assign, Branch, Statement, Value, ValueKind};
pub(crate) use verdict::verdict;

use std::collections::BTreeMap;

/// A range of bytes in the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    /// The first byte.
    pub(crate) start: u32,
    /// One behind the last byte.
    pub(crate) end: u32,
}

/// Why a file could not be read as Python.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable {
    /// In words for a person.
    pub(crate) why: String,
    /// Where, if the parser said.
    pub(crate) at: Option<Span>,
}

/// An expression with its place.
#[derive(Clone, Debug)]
pub(crate) struct Expr {
    pub(crate) kind: ExprKind,
    pub(crate) span: Span,
}

/// The forms of expressions that migrations are made of.
#[derive(Clone, Debug)]
pub(crate) enum ExprKind {
    None,
    Bool(bool),
    Int(i64),
    /// Any other number, as written.
    Number(String),
    Str(String),
    List(Vec<Expr>),
    Tuple(Vec<Expr>),
    Set(Vec<Expr>),
    Dict(Vec<(Option<Expr>, Expr)>),
    /// A dotted name.
    Name(String),
    Call(Box<Call>),
    /// `left + right`.
    Add(Box<Expr>, Box<Expr>),
    /// `*value`.
    Starred(Box<Expr>),
    /// `body if … else orelse`: either may be meant.
    Either(Box<Expr>, Box<Expr>),
    Lambda(Box<FunctionFacts>),
    /// Something else; says what.
    Opaque(&'static str),
}

/// A call.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// What is called.
    pub(crate) callee: Expr,
    /// Positional arguments.
    pub(crate) args: Vec<Expr>,
    /// Keyword arguments; a name that is missing is `**mapping`.
    pub(crate) keywords: Vec<(Option<String>, Expr)>,
}

impl Call {
    /// The keyword argument of that name, or else the positional one at that place.
    pub(crate) fn argument(&self, position: usize, name: &str) -> Option<&Expr> {
        self.keyword(name).or_else(|| {
            let before = self.args.get(..=position)?;
            if before
                .iter()
                .any(|arg| matches!(arg.kind, ExprKind::Starred(_)))
            {
                return None;
            }
            before.last()
        })
    }

    /// The keyword argument of that name.
    pub(crate) fn keyword(&self, name: &str) -> Option<&Expr> {
        self.keywords
            .iter()
            .find(|(key, _)| key.as_deref() == Some(name))
            .map(|(_, value)| value)
    }

    /// Whether arguments come from `*` or `**`.
    pub(crate) fn has_spread(&self) -> bool {
        self.keywords.iter().any(|(key, _)| key.is_none())
            || self
                .args
                .iter()
                .any(|arg| matches!(arg.kind, ExprKind::Starred(_)))
    }
}

impl Expr {
    /// The text, if this is a string.
    pub(crate) fn as_str(&self) -> Option<&str> {
        match &self.kind {
            ExprKind::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The dotted name, if this is one.
    pub(crate) fn as_name(&self) -> Option<&str> {
        match &self.kind {
            ExprKind::Name(name) => Some(name),
            _ => None,
        }
    }

    /// The call, if this is one.
    pub(crate) fn as_call(&self) -> Option<&Call> {
        match &self.kind {
            ExprKind::Call(call) => Some(call),
            _ => None,
        }
    }

    /// The elements, if this is a list, a tuple or a set.
    pub(crate) fn elements(&self) -> Option<&[Expr]> {
        match &self.kind {
            ExprKind::List(items) | ExprKind::Tuple(items) | ExprKind::Set(items) => Some(items),
            _ => None,
        }
    }

    /// The value, if this is a Boolean.
    pub(crate) fn as_bool(&self) -> Option<bool> {
        match self.kind {
            ExprKind::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// The value, if this is a whole number.
    pub(crate) fn as_int(&self) -> Option<i64> {
        match self.kind {
            ExprKind::Int(value) => Some(value),
            _ => None,
        }
    }

    /// One form for all spellings of the same expression. `None` if a part of it could not be read.
    pub(crate) fn normal_form(&self) -> Option<String> {
        let mut text = String::new();
        self.write_normal_form(&mut text).then_some(text)
    }

    fn write_normal_form(&self, out: &mut String) -> bool {
        use std::fmt::Write as _;
        let sequence = |out: &mut String, open: char, items: &[Expr], close: char| {
            out.push(open);
            let mut whole = true;
            for item in items {
                whole &= item.write_normal_form(out);
                out.push(',');
            }
            out.push(close);
            whole
        };
        match &self.kind {
            ExprKind::None => out.push_str("None"),
            ExprKind::Bool(value) => out.push_str(if *value { "True" } else { "False" }),
            ExprKind::Int(value) => {
                let _ = write!(out, "{value}");
            }
            ExprKind::Number(text) | ExprKind::Name(text) => out.push_str(text),
            ExprKind::Str(text) => {
                let _ = write!(out, "{text:?}");
            }
            ExprKind::List(items) => return sequence(out, '[', items, ']'),
            ExprKind::Tuple(items) => return sequence(out, '(', items, ')'),
            ExprKind::Set(items) => return sequence(out, '{', items, '}'),
            ExprKind::Dict(items) => {
                out.push('{');
                let mut whole = true;
                for (key, value) in items {
                    whole &= key.as_ref().is_some_and(|key| key.write_normal_form(out));
                    out.push(':');
                    whole &= value.write_normal_form(out);
                    out.push(',');
                }
                out.push('}');
                return whole;
            }
            ExprKind::Call(call) => {
                let mut whole = call.callee.write_normal_form(out);
                whole &= sequence(out, '(', &call.args, ';');
                let mut keywords: Vec<_> = call.keywords.iter().collect();
                keywords.sort_by(|left, right| left.0.cmp(&right.0));
                for (key, value) in keywords {
                    let _ = write!(out, "{}=", key.as_deref().unwrap_or("**"));
                    whole &= value.write_normal_form(out);
                    out.push(',');
                }
                out.push(')');
                return whole;
            }
            ExprKind::Add(left, right) => {
                let whole = left.write_normal_form(out);
                out.push('+');
                return whole & right.write_normal_form(out);
            }
            ExprKind::Starred(value) => {
                out.push('*');
                return value.write_normal_form(out);
            }
            ExprKind::Either(..) | ExprKind::Lambda(_) | ExprKind::Opaque(_) => {
                out.push('?');
                return false;
            }
        }
        true
    }
}

/// What an import binds a name to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Import {
    /// Leading dots.
    pub(crate) level: u32,
    /// The module, without the dots.
    pub(crate) module: String,
    /// The name in the module; `None` for `import module`.
    pub(crate) name: Option<String>,
    /// Where it is written.
    pub(crate) span: Span,
}

/// One assignment to a name, in a module or in a class body.
#[derive(Clone, Debug)]
pub(crate) struct Assignment {
    pub(crate) name: String,
    pub(crate) value: Expr,
    /// `name += value`.
    pub(crate) adds: bool,
    /// Inside `if`, `try`, `with`, `for` or `while`: it may not happen.
    pub(crate) conditional: bool,
    /// Inside a loop.
    pub(crate) looped: bool,
    pub(crate) span: Span,
}

/// A class.
#[derive(Clone, Debug)]
pub(crate) struct Class {
    pub(crate) name: String,
    pub(crate) bases: Vec<Expr>,
    pub(crate) is_decorated: bool,
    pub(crate) body: Body,
    pub(crate) span: Span,
}

/// The statements of a module or of a class that bind names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Body {
    pub(crate) assignments: Vec<Assignment>,
    pub(crate) functions: BTreeMap<String, FunctionFacts>,
    pub(crate) classes: Vec<Class>,
    /// Statements that change names in ways that we do not follow: `operations.append(…)`, `del`, `exec`.
    /// The first word is the name that is touched.
    pub(crate) effects: Vec<(String, Span)>,
}

impl Body {
    /// All assignments to that name, in order.
    pub(crate) fn assignments_to<'a>(
        &'a self,
        name: &'a str,
    ) -> impl Iterator<Item = &'a Assignment> {
        self.assignments
            .iter()
            .filter(move |assignment| assignment.name == name)
    }
}

/// A file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Module {
    pub(crate) imports: BTreeMap<String, Import>,
    /// Modules whose names are all imported, with their dots.
    pub(crate) star_imports: Vec<Import>,
    pub(crate) body: Body,
}
