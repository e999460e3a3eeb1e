//! `composite-primary-key`: a primary key of several columns on a table that is there.

use super::{Context, Said};
use crate::migrations::operation::{Kind, Operation};
use beanpole_model::Severity;

pub(in crate::migrations) const RULE: &str = "composite-primary-key";

const CLASS: &str = "CompositePrimaryKey";

pub(super) fn check(context: &mut Context<'_>, operation: &Operation) {
    let (model, name, after) = match &operation.kind {
        Kind::AddField { model, name, field } | Kind::AlterField { model, name, field } => {
            (model, name, Some(field))
        }
        Kind::RemoveField { model, name } => (model, name, None),
        _ => return,
    };
    let Some(old) = context.old_table(model) else {
        return;
    };
    let before = old.fields.get(name);
    let is_composite = before.is_some_and(|field| field.known() == CLASS)
        || after.is_some_and(|field| field.known() == CLASS);
    if !is_composite {
        return;
    }
    context.say(Said {
        rule: RULE,
        severity: Severity::Error,
        span: operation.span,
        message: format!("changes the composite primary key of {}", old.table),
        reason: "Django makes a composite primary key only with the table: this migration changes the models and not the database",
        remedy: "make a new model with the key, copy the rows, and switch in a later release".to_owned(),
    });
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::migrations::testing::Case;

    #[test]
    fn a_key_on_an_old_table_is_an_error() {
        for operation in [
            "migrations.AddField('order', 'pk', models.CompositePrimaryKey('number', 'count')),",
            "migrations.AlterField('order', 'id', models.CompositePrimaryKey('number', 'count')),",
        ] {
            assert!(
                Case::new()
                    .adds(operation)
                    .errors()
                    .contains(&RULE.to_owned()),
                "{operation}"
            );
        }
    }

    #[test]
    fn a_new_table_may_have_one() {
        let case = Case::new().adds(
            "migrations.CreateModel('Draft', [('pk', models.CompositePrimaryKey('a', 'b')), ('a', models.IntegerField()), ('b', models.IntegerField())]),",
        );
        assert!(case.all().is_empty(), "{:?}", case.review().findings);
    }
}
