//! A call in a list of operations to an [`Operation`].

mod constraint;
pub(super) mod imported;
mod kind;
mod list;
mod literal;
mod model;
mod placeholders;
mod python_sql;
mod run_python;
mod run_sql;

use super::migration::{CannotSee, Hidden};
use super::names::{Meaning, Names};
use super::operation::Operation;
use crate::python::{Expr, ExprKind, Span};

/// How deep operations nest in each other, and classes derive from each other.
const DEEPEST: u32 = 8;

/// Reads operations of one file.
pub(crate) struct OperationReader<'r> {
    pub(crate) names: &'r Names<'r>,
    pub(crate) unseen: &'r mut Vec<CannotSee>,
}

impl OperationReader<'_> {
    fn cannot_see<T>(&mut self, why: impl Into<String>, span: Span) -> Option<T> {
        self.unseen.push(CannotSee {
            why: why.into(),
            span,
            what: Hidden::Operations,
        });
        None
    }

    fn cannot_see_code<T>(&mut self, why: impl Into<String>, span: Span) -> Option<T> {
        self.unseen.push(CannotSee {
            why: why.into(),
            span,
            what: Hidden::Code,
        });
        None
    }

    /// Reads one element of the list.
    pub(crate) fn read(&mut self, item: &Expr, depth: u32) -> Option<Operation> {
        if depth > DEEPEST {
            return self.cannot_see("operations nest too deeply", item.span);
        }
        if let ExprKind::Name(name) = &item.kind {
            return match self.names.constant(name).cloned() {
                Some(value) => self.read(&value, depth + 1),
                None => self.cannot_see(
                    format!("the operation `{name}` is made elsewhere"),
                    item.span,
                ),
            };
        }
        let Some(call) = item.as_call() else {
            return self.cannot_see("an operation is computed", item.span);
        };
        let Some(callee) = call.callee.as_name() else {
            return self.cannot_see("an operation's class is computed", item.span);
        };
        let class = self.operation_class(callee, item.span, 0)?;
        if call.has_spread() {
            return self.cannot_see(
                format!("the arguments of {class} come from a list or a mapping"),
                item.span,
            );
        }
        let Some(kind) = self.kind(&class, call, item.span, depth) else {
            // A part that could not be read has been said already, or is missing.
            if !self.unseen.iter().any(|one| within(one.span, item.span)) {
                return self.cannot_see(
                    format!("the arguments of {class} cannot be read"),
                    item.span,
                );
            }
            return None;
        };
        Some(Operation {
            kind,
            span: item.span,
        })
    }

    /// Django's operation that a name stands for, through subclasses of the project.
    fn operation_class(&mut self, callee: &str, span: Span, depth: u32) -> Option<String> {
        if depth > DEEPEST {
            return self.cannot_see(format!("the base classes of {callee} do not end"), span);
        }
        match self.names.meaning(callee) {
            Meaning::Django(path) => path.rsplit('.').next().map(str::to_owned),
            Meaning::Class(module, path, class) => {
                let own: Vec<&str> = ["__init__", "database_forwards", "state_forwards"]
                    .into_iter()
                    .filter(|method| class.body.functions.contains_key(*method))
                    .collect();
                if own.contains(&"__init__") || own.contains(&"state_forwards") {
                    return self.cannot_see(
                        format!("the operation {callee} has its own `{}`", own.join("`, `")),
                        span,
                    );
                }
                if own.contains(&"database_forwards") {
                    self.unseen.push(CannotSee {
                        why: format!("the operation {callee} changes the database in its own way"),
                        span,
                        what: Hidden::OwnMethod,
                    });
                }
                let names = Names {
                    path: &path,
                    module: &module,
                    class: None,
                    modules: self.names.modules,
                };
                let base = class
                    .bases
                    .iter()
                    .filter_map(Expr::as_name)
                    .find(|base| *base != callee)
                    .map(str::to_owned);
                match base {
                    Some(base) => OperationReader {
                        names: &names,
                        unseen: self.unseen,
                    }
                    .operation_class(&base, span, depth + 1),
                    None => self.cannot_see(
                        format!("the operation {callee} has no base class that we can read"),
                        span,
                    ),
                }
            }
            Meaning::Unknown(path) => {
                if self.names.module.body.functions.contains_key(callee) {
                    return self
                        .cannot_see(format!("the function `{callee}` makes an operation"), span);
                }
                self.cannot_see(
                    format!("the operation {path} is in none of the project's files"),
                    span,
                )
            }
        }
    }
}

fn within(inner: Span, outer: Span) -> bool {
    inner.start >= outer.start && inner.end <= outer.end
}
