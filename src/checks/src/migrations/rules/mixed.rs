//! `data-and-schema-mixed`: rows and tables changed in one transaction.

use super::{Context, Said};
use crate::migrations::operation::{Kind, Operation};
use crate::sql::{Statement, StatementKind};
use beanpole_model::Severity;

pub(in crate::migrations) const RULE: &str = "data-and-schema-mixed";

pub(super) fn check(context: &mut Context<'_>, operation: &Operation, sql: &[&[Statement]]) {
    if !context.migration.atomic {
        return;
    }
    let name = operation.kind.name();
    if changes_data(operation, sql) {
        context.facts.data.get_or_insert(name);
    } else if changes_old_table(context, operation) {
        context.facts.schema.get_or_insert(name);
    }
    if let (Some(data), Some(schema), false) = (
        context.facts.data,
        context.facts.schema,
        context.facts.mixed_is_said,
    ) {
        context.facts.mixed_is_said = true;
        context.say(Said {
            rule: RULE,
            severity: Severity::Warning,
            span: operation.span,
            message: format!("{data} and {schema} in one transaction"),
            reason: "the lock of the schema change is held until the last row is changed, and Postgres may refuse: \"pending trigger \
                     events\"",
            remedy: "put the change of rows into a migration of its own".to_owned(),
        });
    }
}

fn changes_data(operation: &Operation, sql: &[&[Statement]]) -> bool {
    match &operation.kind {
        Kind::RunPython(python) => {
            !python.noop && python.code.as_ref().is_none_or(|code| !code.is_empty)
        }
        Kind::RunSql(_) => sql.iter().copied().flatten().any(|statement| {
            matches!(
                statement.kind,
                StatementKind::Change { .. } | StatementKind::Insert
            )
        }),
        _ => false,
    }
}

pub(super) fn changes_old_table(context: &Context<'_>, operation: &Operation) -> bool {
    match &operation.kind {
        Kind::AddField { model, field, .. } => {
            field.has_column() && context.old_table(model).is_some()
        }
        Kind::RemoveField { model, .. }
        | Kind::AddIndex { model, .. }
        | Kind::AddConstraint { model, .. }
        | Kind::AlterUniqueTogether { model, .. }
        | Kind::AlterIndexTogether { model, .. }
        | Kind::RenameField { model, .. }
        | Kind::DeleteModel { model } => context.old_table(model).is_some(),
        Kind::AlterField { model, name, field } => context.old_table(model).is_some_and(|old| {
            // Choices, texts and validators change no table.
            old.fields.get(name).is_none_or(|before| {
                before.null != field.null
                    || before.class != field.class
                    || before.max_length != field.max_length
                    || before.unique != field.unique
                    || before.db_index != field.db_index
            })
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::migrations::testing::Case;

    const FILL: &str = "migrations.RunPython(lambda apps, editor: apps.get_model('shop', 'Order').objects.filter(count=0).update(count=1), migrations.RunPython.noop),";
    const ADD: &str = "migrations.AddField('order', 'size', models.IntegerField(null=True)),";

    #[test]
    fn rows_and_tables_in_one_transaction_are_said_once() {
        let case = Case::new().adds(&format!("{ADD}\n        {FILL}\n        {FILL}"));
        assert_eq!(case.warnings(), [RULE]);
        let sql = "migrations.RunSQL('UPDATE shop_order SET count = 1 WHERE count = 0', migrations.RunSQL.noop),";
        assert_eq!(
            Case::new()
                .adds(&format!("{sql}\n        {ADD}"))
                .warnings(),
            [RULE]
        );
    }

    #[test]
    fn each_alone_is_fine() {
        assert!(
            Case::new().adds(FILL).all().is_empty(),
            "{:?}",
            Case::new().adds(FILL).review()
        );
        assert!(Case::new().adds(ADD).all().is_empty());
        let case = Case::new().adds_after(
            "0002_both",
            "0001_initial",
            &format!("{ADD}\n        {FILL}"),
            "atomic = False",
        );
        assert!(case.all().is_empty());
    }
}
