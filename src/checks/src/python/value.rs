//! A settings module as a list of statements with their values: closer to the source than [`super::Expr`], since settings
//! compute with the environment (`os.environ.get("DEBUG", "") == "1"`) where migrations only name things.

use super::Span;

/// An expression with its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Value {
    pub(crate) kind: ValueKind,
    pub(crate) span: Span,
}

/// The forms of expressions that settings are made of.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ValueKind {
    None,
    Bool(bool),
    Int(i64),
    Str(String),
    /// A list, a tuple or a set.
    List(Vec<Value>),
    /// A missing key is `**mapping`.
    Dict(Vec<(Option<Value>, Value)>),
    /// A dotted name.
    Name(String),
    /// What is called, positional arguments, keyword arguments; a missing name is `**mapping`.
    Call(Box<Value>, Vec<Value>, Vec<(Option<String>, Value)>),
    /// `value.name` of a computed value.
    Attribute(Box<Value>, String),
    /// `value[key]`.
    Index(Box<Value>, Box<Value>),
    Add(Box<Value>, Box<Value>),
    Not(Box<Value>),
    /// `a or b`.
    Or(Vec<Value>),
    /// `a and b`.
    And(Vec<Value>),
    /// `a == b`.
    Equal(Box<Value>, Box<Value>),
    /// `a in b`.
    In(Box<Value>, Box<Value>),
    /// `*value`.
    Starred(Box<Value>),
    /// `then if test else otherwise`: test, then, otherwise.
    Either(Box<Value>, Box<Value>, Box<Value>),
    /// Anything else.
    Opaque,
}

impl Value {
    /// The text, if this is a string.
    pub(crate) fn as_str(&self) -> Option<&str> {
        match &self.kind {
            ValueKind::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The dotted name, if this is one.
    pub(crate) fn as_name(&self) -> Option<&str> {
        match &self.kind {
            ValueKind::Name(name) => Some(name),
            _ => None,
        }
    }
}

/// A value given to a name, or to a part of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Assign {
    pub(crate) name: String,
    /// The keys on the way to the part: `DATABASES["default"]["HOST"]` has two. A missing one is computed.
    pub(crate) keys: Vec<Option<String>>,
    pub(crate) value: Value,
    /// `+=`, `.append`, `.extend`, `.insert`, `.update`: what was there stays.
    pub(crate) adds: bool,
    pub(crate) span: Span,
}

/// One way through `if` or `try`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Branch {
    /// None: `else`.
    pub(crate) test: Option<Value>,
    pub(crate) body: Vec<Statement>,
}

/// A statement as far as it binds names.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Statement {
    Assign(Assign),
    /// `from module import *`, with the leading dots. Or a name out of it with the name that it gets.
    Import {
        module: String,
        names: Option<Vec<(String, String)>>,
        span: Span,
    },
    If(Vec<Branch>),
    /// The body, and what may come instead.
    Try(Vec<Statement>, Vec<Vec<Statement>>),
    /// A block that runs some number of times.
    Maybe(Vec<Statement>),
    /// A class with bases: a settings class of django-configurations, perhaps.
    Class {
        name: String,
        span: Span,
        body: Vec<Statement>,
    },
    /// A call or `del` that changes a name in ways that we do not follow.
    Effect(String, Span),
    /// The call of a function whose text arguments may matter: `os.environ.setdefault("A", "b")`.
    Call(Value),
}
