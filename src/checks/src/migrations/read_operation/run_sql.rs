//! `RunSQL`: the texts of its statements.

use super::placeholders::filled;
use super::{DEEPEST, OperationReader};
use crate::migrations::operation::{Reverse, RunSql};
use crate::python::{Call, Expr, ExprKind, Span};

impl OperationReader<'_> {
    pub(super) fn run_sql(&mut self, call: &Call, span: Span, depth: u32) -> RunSql {
        let mut sql = Vec::new();
        let unseen = self.unseen.len();
        if let Some(text) = call.argument(0, "sql") {
            self.sql_texts(text, &mut sql, 0);
        }
        let reverse = call.argument(1, "reverse_sql");
        let _ = span;
        RunSql {
            sql,
            is_whole: self.unseen.len() == unseen,
            reverse: match reverse {
                None => Reverse::Missing,
                Some(value) if matches!(value.kind, ExprKind::None) => Reverse::Missing,
                Some(_) => Reverse::Given,
            },
            state: self.inner_list(call.argument(2, "state_operations"), depth),
        }
    }

    fn sql_texts(&mut self, expr: &Expr, into: &mut Vec<(String, Span)>, depth: u32) {
        if depth > DEEPEST {
            return;
        }
        match &expr.kind {
            ExprKind::Str(text) => into.push((text.clone(), expr.span)),
            ExprKind::Name(name) if name.ends_with("RunSQL.noop") => {}
            ExprKind::Name(name) => match self.names.constant(name).cloned() {
                Some(value) => self.sql_texts(&value, into, depth + 1),
                None => {
                    self.cannot_see::<()>(
                        format!("the SQL in `{name}` is made elsewhere"),
                        expr.span,
                    );
                }
            },
            ExprKind::List(items) | ExprKind::Tuple(items) => {
                for item in items {
                    match item.elements() {
                        Some([statement, values]) => {
                            let first = into.len();
                            self.sql_texts(statement, into, depth + 1);
                            if !matches!(values.kind, ExprKind::None) {
                                let new = into.iter_mut().skip(first);
                                new.for_each(|(text, _)| *text = filled(text));
                            }
                        }
                        _ => self.sql_texts(item, into, depth + 1),
                    }
                }
            }
            ExprKind::Add(..) => match self.joined(expr, 0) {
                Some(text) => into.push((text, expr.span)),
                None => {
                    self.cannot_see::<()>("the SQL is computed", expr.span);
                }
            },
            ExprKind::Either(one, other) => {
                self.sql_texts(one, into, depth + 1);
                self.sql_texts(other, into, depth + 1);
            }
            _ => {
                self.cannot_see::<()>("the SQL is computed or read from a file", expr.span);
            }
        }
    }

    /// Texts that are added to each other.
    pub(super) fn joined(&self, expr: &Expr, depth: u32) -> Option<String> {
        match &self.names.literal(expr).kind {
            ExprKind::Str(text) => Some(text.clone()),
            ExprKind::Add(left, right) if depth < 64 => {
                Some(self.joined(left, depth + 1)? + &self.joined(right, depth + 1)?)
            }
            _ => None,
        }
    }
}
