//! Indexes and constraints.

use super::OperationReader;
use crate::migrations::operation::{Constraint, ConstraintKind};
use crate::python::{Call, Expr, ExprKind};

impl OperationReader<'_> {
    pub(super) fn index_name(&self, expr: &Expr) -> Option<String> {
        self.names
            .literal(expr)
            .as_call()?
            .keyword("name")?
            .as_str()
            .map(str::to_owned)
    }

    pub(super) fn constraint(&mut self, expr: &Expr) -> Option<Constraint> {
        let value = self.names.literal(expr).clone();
        let Some(call) = value.as_call() else {
            return self.cannot_see("a constraint is computed", expr.span);
        };
        let class = call.callee.as_name().unwrap_or_default();
        let kind = match class.rsplit('.').next().unwrap_or_default() {
            "UniqueConstraint" => ConstraintKind::Unique,
            "CheckConstraint" => ConstraintKind::Check,
            "ExclusionConstraint" => ConstraintKind::Exclusion,
            _ => ConstraintKind::Other,
        };
        let mut not_null_fields = Vec::new();
        if kind == ConstraintKind::Check
            && let Some(condition) = call.keyword("check").or_else(|| call.keyword("condition"))
        {
            not_null_of(condition, &mut not_null_fields);
        }
        Some(Constraint {
            kind,
            name: call
                .keyword("name")
                .and_then(Expr::as_str)
                .map(str::to_owned),
            not_null_fields,
            is_index: kind == ConstraintKind::Unique && is_unique_index(call),
        })
    }
}

/// Whether `CREATE UNIQUE INDEX` makes the constraint (`_create_unique_sql` in django/db/backends/base/schema.py).
fn is_unique_index(call: &Call) -> bool {
    let is_given = |name: &str| {
        let value = call.keyword(name);
        value.is_some_and(|value| {
            let is_empty = value.elements().is_some_and(<[Expr]>::is_empty);
            !is_empty && !matches!(value.kind, ExprKind::None)
        })
    };
    !call.args.is_empty()
        || ["condition", "include", "opclasses"]
            .into_iter()
            .any(is_given)
}

/// The fields that `Q(a__isnull=False)`, also as a part of a list of conditions, holds to be filled.
fn not_null_of(condition: &Expr, into: &mut Vec<String>) {
    let Some(call) = condition.as_call() else {
        return;
    };
    for (key, value) in &call.keywords {
        if value.as_bool() == Some(false)
            && let Some(field) = key.as_deref().and_then(|key| key.strip_suffix("__isnull"))
        {
            into.push(field.to_owned());
        }
    }
    for arg in &call.args {
        if let Some([key, value]) = arg.elements()
            && value.as_bool() == Some(false)
            && let Some(field) = key.as_str().and_then(|key| key.strip_suffix("__isnull"))
        {
            into.push(field.to_owned());
        }
    }
}
