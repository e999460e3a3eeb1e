//! What SQL of migrations does to the constraints of tables. The rest of what it does is not followed: columns are of models.

use super::operation::{Constraint, ConstraintKind};
use super::state::{Model, State};
use crate::python::Span;
use crate::sql::{self, Action, StatementKind};

/// Takes in what texts of SQL do to constraints.
pub(super) fn apply(state: &mut State, texts: &[(String, Span)]) {
    for (text, _) in texts.iter().filter(|(text, _)| may_matter(text)) {
        for statement in sql::read(text) {
            if let StatementKind::AlterTable { table, actions } = &statement.kind
                && let Some(model) = state.table_mut(table)
            {
                actions.iter().for_each(|action| take_in(model, action));
            }
        }
    }
}

/// Most SQL says nothing of constraints and needs not be parsed.
fn may_matter(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    text.contains("constraint") || text.contains("check")
}

fn take_in(model: &mut Model, action: &Action) {
    match action {
        Action::AddConstraint {
            not_valid,
            name,
            filled,
            ..
        } if !filled.is_empty() => {
            let fields = filled
                .iter()
                .filter_map(|column| model.column_owner(column));
            let fields = fields.map(|(field, _)| field.to_owned()).collect();
            if let (true, Some(name)) = (not_valid, name) {
                model.not_valid.insert(name.clone());
            }
            model.constraints.push(Constraint {
                kind: ConstraintKind::Check,
                name: name.clone(),
                not_null_fields: fields,
                is_index: false,
            });
        }
        Action::ValidateConstraint(name) => {
            model.not_valid.remove(name);
        }
        Action::DropConstraint(name) => {
            let stays = |one: &Constraint| one.name.as_ref() != Some(name);
            model.constraints.retain(stays);
        }
        _ => {}
    }
}
