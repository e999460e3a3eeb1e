//! Literals of Python that options are written in.

use crate::python::{Expr, ExprKind};
use std::collections::BTreeSet;

/// The value of a key of a dictionary.
pub(super) fn entry<'e>(dict: &'e Expr, key: &str) -> Option<&'e Expr> {
    let ExprKind::Dict(items) = &dict.kind else {
        return None;
    };
    items
        .iter()
        .find(|(name, _)| name.as_ref().and_then(Expr::as_str) == Some(key))
        .map(|(_, value)| value)
}

/// `{("a", "b")}`, `[["a", "b"]]`, `("a", "b")`, `None`, `set()`.
pub(super) fn field_sets(expr: &Expr) -> Option<BTreeSet<Vec<String>>> {
    if matches!(expr.kind, ExprKind::None) {
        return Some(BTreeSet::new());
    }
    if let Some(call) = expr.as_call() {
        return match (call.callee.as_name(), call.args.first()) {
            (Some("set" | "tuple" | "list"), None) => Some(BTreeSet::new()),
            (Some("set" | "tuple" | "list"), Some(inner)) => field_sets(inner),
            _ => None,
        };
    }
    let items = expr.elements()?;
    if items.iter().all(|item| item.as_str().is_some()) {
        let one: Vec<String> = items
            .iter()
            .filter_map(|item| item.as_str().map(str::to_owned))
            .collect();
        return Some(if one.is_empty() {
            BTreeSet::new()
        } else {
            BTreeSet::from([one])
        });
    }
    items
        .iter()
        .map(|item| {
            item.elements()?
                .iter()
                .map(|name| name.as_str().map(str::to_owned))
                .collect()
        })
        .collect()
}
