//! The actions of `ALTER TABLE`.

use super::name::{column_ref, constraint_ref, filled_columns, table_name};
use super::{Action, ConstraintSort, Fill};
use squawk_syntax::ast::{
    AddColumn, AlterColumnOption, AlterTableAction, AstNode, Constraint, NameLike,
};

pub(super) fn action(action: &AlterTableAction) -> Action {
    match action {
        AlterTableAction::AddColumn(add) => {
            let constraints: Vec<Constraint> = add.constraints().collect();
            let has = |wanted: fn(&Constraint) -> bool| constraints.iter().any(wanted);
            Action::AddColumn {
                column: add
                    .column_name()
                    .map_or_else(String::new, |name| name.text()),
                not_null: has(|one| {
                    matches!(
                        one,
                        Constraint::NotNullConstraint(_) | Constraint::PrimaryKeyConstraint(_)
                    )
                }),
                has_default: has(|one| {
                    matches!(
                        one,
                        Constraint::DefaultConstraint(_) | Constraint::GeneratedConstraint(_)
                    )
                }) || is_serial(add),
                fill: fill(add, &constraints),
            }
        }
        AlterTableAction::DropColumn(drop) => {
            Action::DropColumn(column_ref(drop.column_name_ref()))
        }
        AlterTableAction::RenameColumn(rename) => Action::RenameColumn {
            old: column_ref(rename.column_name_ref()),
            new: rename
                .column_name()
                .map_or_else(String::new, |name| name.text()),
        },
        AlterTableAction::TableRenameTo(rename) => {
            Action::RenameTable(table_name(rename.table_name()))
        }
        AlterTableAction::AlterColumn(alter) => {
            let column = column_ref(alter.column_name_ref());
            match alter.option() {
                Some(AlterColumnOption::SetNotNull(_)) => Action::SetNotNull(column),
                Some(AlterColumnOption::SetDefault(_)) => Action::SetDefault(column),
                Some(AlterColumnOption::DropDefault(_)) => Action::DropDefault(column),
                Some(AlterColumnOption::SetType(_)) => Action::SetType(column),
                _ => Action::Other,
            }
        }
        AlterTableAction::AddConstraint(add) => {
            let not_valid = add
                .syntax()
                .text()
                .to_string()
                .to_lowercase()
                .split_whitespace()
                .collect::<Vec<_>>()
                .windows(2)
                .any(|pair| matches!(pair, [not, valid] if *not == "not" && valid.starts_with("valid")));
            let (kind, using_index) = match add.constraint() {
                Some(Constraint::CheckConstraint(_)) => (ConstraintSort::Check, false),
                Some(Constraint::ForeignKeyConstraint(_) | Constraint::ReferencesConstraint(_)) => {
                    (ConstraintSort::ForeignKey, false)
                }
                Some(Constraint::UniqueConstraint(unique)) => {
                    (ConstraintSort::Unique, unique.using_index().is_some())
                }
                Some(Constraint::PrimaryKeyConstraint(key)) => (
                    ConstraintSort::Unique,
                    key.syntax()
                        .text()
                        .to_string()
                        .to_lowercase()
                        .contains("using index"),
                ),
                Some(Constraint::ExcludeConstraint(_)) => (ConstraintSort::Exclude, false),
                Some(Constraint::NotNullConstraint(_)) => (ConstraintSort::NotNull, false),
                _ => return Action::Other,
            };
            Action::AddConstraint {
                kind,
                not_valid,
                using_index,
                name: add.constraint().and_then(|one| name(&one)),
                filled: match add.constraint() {
                    Some(Constraint::CheckConstraint(check)) => check
                        .expr()
                        .map(|condition| filled_columns(&condition.syntax().text().to_string()))
                        .unwrap_or_default(),
                    _ => Vec::new(),
                },
            }
        }
        AlterTableAction::ValidateConstraint(validate) => {
            Action::ValidateConstraint(constraint_ref(validate.constraint_name_ref()))
        }
        AlterTableAction::DropConstraint(drop) => {
            Action::DropConstraint(constraint_ref(drop.constraint_name_ref()))
        }
        _ => Action::Other,
    }
}

fn is_serial(add: &AddColumn) -> bool {
    add.ty().is_some_and(|ty| {
        let text = ty.syntax().text().to_string();
        text.to_lowercase().contains("serial")
    })
}

/// What the old rows get. A default of NULL is none.
fn fill(add: &AddColumn, constraints: &[Constraint]) -> Fill {
    if is_serial(add) {
        return Fill::Counter;
    }
    let fills = |one: &Constraint| match one {
        Constraint::DefaultConstraint(default) => default.expr().is_some_and(|value| {
            let text = value.syntax().text().to_string();
            !text.trim().eq_ignore_ascii_case("null")
        }),
        _ => false,
    };
    if constraints.iter().any(fills) {
        Fill::Default
    } else {
        Fill::Nothing
    }
}

/// The name in front of a constraint.
fn name(constraint: &Constraint) -> Option<String> {
    let clause = match constraint {
        Constraint::CheckConstraint(check) => check.constraint_name_clause(),
        Constraint::ForeignKeyConstraint(key) => key.constraint_name_clause(),
        Constraint::NotNullConstraint(filled) => filled.constraint_name_clause(),
        _ => None,
    };
    Some(clause?.constraint_name()?.text())
}
