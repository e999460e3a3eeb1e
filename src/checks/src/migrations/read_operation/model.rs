//! New models and their fields.

use super::OperationReader;
use super::literal::{entry, field_sets};
use crate::migrations::field::Field;
use crate::migrations::migration::{CannotSee, Hidden};
use crate::migrations::operation::CreateModel;
use crate::python::{Call, Expr, ExprKind, Span};
use std::sync::Arc;

impl OperationReader<'_> {
    pub(super) fn field(&mut self, expr: &Expr) -> Option<Field> {
        let value = self.names.literal(expr);
        let Some(field) = Field::read(value, self.names) else {
            let span = expr.span;
            return self.cannot_see("a field is computed", span);
        };
        if let Some(why) = field.incomplete {
            self.unseen.push(CannotSee {
                why: format!("the field's {why}"),
                span: expr.span,
                what: Hidden::Operations,
            });
        }
        Some(field)
    }

    pub(super) fn create_model(&mut self, call: &Call) -> Option<CreateModel> {
        let model = self
            .names
            .literal(call.argument(0, "name")?)
            .as_str()?
            .to_owned();
        let list = self.names.literal(call.argument(1, "fields")?).clone();
        let Some(pairs) = list.elements() else {
            return self.cannot_see("the fields of a new model are computed", list.span);
        };
        let mut fields = Vec::with_capacity(pairs.len());
        for pair in pairs {
            let Some([name, field]) = pair.elements() else {
                self.cannot_see::<()>("a field of a new model is computed", pair.span);
                continue;
            };
            if let (Some(name), Some(field)) = (
                self.names.literal(name).as_str().map(str::to_owned),
                self.field(field),
            ) {
                fields.push((name, Arc::new(field)));
            }
        }
        let empty = Expr {
            kind: ExprKind::None,
            span: Span::default(),
        };
        let options = call
            .argument(2, "options")
            .map_or(empty, |options| self.names.literal(options).clone());
        if let ExprKind::Opaque(_) | ExprKind::Call(_) | ExprKind::Name(_) = options.kind {
            self.cannot_see::<()>("the options of a new model are computed", options.span);
        }
        let list = |key: &str| {
            entry(&options, key)
                .and_then(Expr::elements)
                .unwrap_or_default()
                .to_vec()
        };
        let constraint_list = list("constraints");
        Some(CreateModel {
            model,
            fields,
            table: entry(&options, "db_table")
                .map(|value| self.names.literal(value))
                .and_then(Expr::as_str)
                .map(str::to_owned),
            managed: entry(&options, "managed")
                .and_then(Expr::as_bool)
                .unwrap_or(true),
            proxy: entry(&options, "proxy")
                .and_then(Expr::as_bool)
                .unwrap_or(false),
            unique_together: entry(&options, "unique_together")
                .and_then(field_sets)
                .unwrap_or_default(),
            index_together: entry(&options, "index_together")
                .and_then(field_sets)
                .unwrap_or_default(),
            constraints: constraint_list
                .iter()
                .filter_map(|constraint| self.constraint(constraint))
                .collect(),
        })
    }
}
