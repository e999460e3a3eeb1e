//! Lists of operations inside of an operation.

use super::{DEEPEST, OperationReader};
use crate::migrations::operation::Operation;
use crate::python::{Expr, ExprKind};

impl OperationReader<'_> {
    pub(super) fn inner_list(&mut self, list: Option<&Expr>, depth: u32) -> Vec<Operation> {
        let Some(list) = list else {
            return Vec::new();
        };
        if matches!(list.kind, ExprKind::None) {
            return Vec::new();
        }
        let mut operations = Vec::new();
        self.flatten(list, &mut operations, depth + 1);
        operations
    }

    fn flatten(&mut self, list: &Expr, into: &mut Vec<Operation>, depth: u32) {
        if depth > DEEPEST {
            self.cannot_see::<()>("operations nest too deeply", list.span);
            return;
        }
        match &list.kind {
            ExprKind::List(items) | ExprKind::Tuple(items) => {
                for item in items {
                    match &item.kind {
                        ExprKind::Starred(inner) => self.flatten(inner, into, depth + 1),
                        _ => into.extend(self.read(item, depth)),
                    }
                }
            }
            ExprKind::Add(left, right) | ExprKind::Either(left, right) => {
                self.flatten(left, into, depth + 1);
                self.flatten(right, into, depth + 1);
            }
            ExprKind::Name(name) => match self.names.constant(name).cloned() {
                Some(value) => self.flatten(&value, into, depth + 1),
                None => {
                    self.cannot_see::<()>(
                        format!("the operations in `{name}` are built elsewhere"),
                        list.span,
                    );
                }
            },
            _ => {
                self.cannot_see::<()>("a list of operations is computed", list.span);
            }
        }
    }
}
