//! `unique-on-existing-data`, `unique-default`: rows that are there must suddenly differ.

use super::{Context, Said};
use crate::migrations::field::InitialValue;
use crate::migrations::operation::{ConstraintKind, Kind, Operation};
use beanpole_model::Severity;

pub(in crate::migrations) const RULE: &str = "unique-on-existing-data";
pub(in crate::migrations) const SHARED: &str = "unique-default";

pub(super) fn check(context: &mut Context<'_>, operation: &Operation) {
    let (model, what) = match &operation.kind {
        Kind::AddConstraint {
            model, constraint, ..
        } if constraint.kind == ConstraintKind::Unique => (
            model,
            constraint.name.as_ref().map_or_else(
                || "a unique constraint".to_owned(),
                |name| format!("the unique constraint {name}"),
            ),
        ),
        Kind::AlterUniqueTogether { model, sets } => {
            let Some(new) = context
                .old_table(model)
                .and_then(|old| sets.difference(&old.unique_together).next())
            else {
                return;
            };
            (model, format!("unique_together ({})", new.join(", ")))
        }
        Kind::AlterField { model, name, field } => {
            let Some(before) = context
                .old_table(model)
                .and_then(|old| old.fields.get(name))
            else {
                return;
            };
            let was = before.unique || before.primary_key;
            if was || !(field.unique || field.primary_key) {
                return;
            }
            (model, format!("unique=True on {name}"))
        }
        Kind::AddField { .. } => return added(context, operation),
        _ => return,
    };
    let Some(old) = context.old_table(model) else {
        return;
    };
    context.say(Said {
        rule: RULE,
        severity: context.lock_severity(old),
        span: operation.span,
        message: format!("adds {what} to {}, which has rows", old.table),
        reason: "the migration fails if two rows are equal, writes of the table wait until the index is built, and the serving code \
                 may still write equal rows",
        remedy: "look for equal rows first; build the index with RunSQL(\"CREATE UNIQUE INDEX CONCURRENTLY …\") in a migration with \
                 `atomic = False`, then add the constraint USING INDEX"
            .to_owned(),
    });
}

/// A new column that must be unique and that Django fills with one value.
fn added(context: &mut Context<'_>, operation: &Operation) {
    let Kind::AddField { model, name, field } = &operation.kind else {
        return;
    };
    let Some(old) = context.old_table(model) else {
        return;
    };
    let filled = field.default != InitialValue::None
        || (field.has_effective_default() && !field.takes_null());
    // With a default of the database Django asks for none of Python.
    let filled = filled && field.db_default.is_none();
    if !(field.unique || field.primary_key) || !field.has_column() || !filled {
        return;
    }
    context.say(Said {
        rule: SHARED,
        severity: Severity::Error,
        span: operation.span,
        message: format!(
            "adds {}.{} as unique with a default",
            old.table,
            field.column(name)
        ),
        reason: "Django asks for the default once and writes it to every row, also if it is a function: with two rows the migration \
                 fails",
        remedy: "add the field with null=True and without a default, fill the rows in a data migration, make it unique in a later \
                 one"
            .to_owned(),
    });
}

#[cfg(test)]
mod tests {
    use super::{RULE, SHARED};
    use crate::migrations::testing::Case;

    #[test]
    fn every_way_to_ask_for_unique_rows_is_seen() {
        for operation in [
            r#"migrations.AlterField("order", "number", models.CharField(max_length=20, unique=True)),"#,
            r#"migrations.AddConstraint("order", models.UniqueConstraint(fields=["number"], name="one_number")),"#,
            r#"migrations.AlterUniqueTogether("order", {("number", "customer")}),"#,
            r#"migrations.AlterUniqueTogether(name="order", unique_together=set([("number", "customer")])),"#,
        ] {
            let case = Case::new().adds(operation);
            assert_eq!(case.warnings(), [RULE], "{operation}");
            assert_eq!(
                Case::new().hot("shop_order").adds(operation).errors(),
                [RULE]
            );
        }
    }

    #[test]
    fn what_was_unique_or_ceases_to_be_is_fine() {
        let unique = r#"migrations.AlterUniqueTogether("order", {("number", "customer")}),"#;
        let case = Case::new()
            .released("0002_unique", "0001_initial", unique)
            .adds_after(
                "0003_less",
                "0002_unique",
                r#"migrations.AlterUniqueTogether("order", set()),"#,
                "",
            );
        assert!(case.all().is_empty());
        let case = Case::new().adds(
            r#"migrations.CreateModel("Draft", [("id", models.BigAutoField(primary_key=True)), ("a", models.TextField())]),
            migrations.AlterUniqueTogether("draft", {("id", "a")}),
            migrations.AlterField("draft", "a", models.TextField(unique=True)),"#,
        );
        assert!(case.all().is_empty());
    }

    #[test]
    fn one_default_for_all_rows_cannot_be_unique() {
        let case = Case::new().adds(
            r#"migrations.AddField("order", "token", models.UUIDField(default=uuid.uuid4, unique=True, null=True)),"#,
        );
        assert_eq!(case.errors(), [SHARED]);
        let of_database = Case::new().adds(
            r#"migrations.AddField("order", "token", models.UUIDField(default=uuid.uuid4, db_default=django.db.models.functions.RandomUUID(), unique=True)),"#,
        );
        assert!(of_database.errors().is_empty());
        let case = Case::new().adds(
            r#"migrations.AddField("order", "token", models.UUIDField(unique=True, null=True)),"#,
        );
        assert!(case.errors().is_empty());
    }
}
