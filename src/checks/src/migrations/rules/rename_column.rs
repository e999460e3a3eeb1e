//! `rename-column`: a column gets another name under the feet of the code that serves.

use super::{Context, Said};
use crate::migrations::field::Field;
use crate::migrations::operation::{Kind, Operation};
use crate::migrations::state::Model;
use beanpole_model::Severity;

pub(super) const RULE: &str = "rename-column";

pub(super) fn check(context: &mut Context<'_>, operation: &Operation) {
    if let Kind::RenameModel { old, new } = &operation.kind {
        return between(context, operation, old, new);
    }
    let (model, field_name, before, after) = match &operation.kind {
        Kind::RenameField { model, old, new } => {
            let Some(field) = context
                .old_table(model)
                .and_then(|found| found.fields.get(old))
            else {
                return;
            };
            if !field.has_column() {
                return;
            }
            (model, old, field.column(old), field.column(new))
        }
        Kind::AlterField { model, name, field } => {
            let Some(old) = context
                .old_table(model)
                .and_then(|found| found.fields.get(name))
            else {
                return;
            };
            if !old.has_column() || !field.has_column() || !is_name_seen(old, field) {
                return;
            }
            (model, name, old.column(name), field.column(name))
        }
        _ => return,
    };
    let (Some(old), Some(serving)) = (context.old_table(model), context.serving) else {
        return;
    };
    if before == after || !serving.uses_column(&old.table, &before) {
        return;
    }
    context.say(Said {
        rule: RULE,
        severity: Severity::Error,
        span: operation.span,
        message: format!(
            "renames the column {}.{before} to {after} while the serving code uses the old name",
            old.table
        ),
        reason: "no moment exists at which old and new code both find their column: one of them fails during the whole release, \
                 and a roll-back needs the old name again",
        remedy: format!(
            "keep the column: give the renamed field `db_column=\"{before}\"` (the field is {model}.{field_name}), or add a new \
             column, fill both, and drop the old one in a later release"
        ),
    });
}

/// The tables that Django makes for many-to-many fields name their columns after the models, whatever the models' tables are
/// called.
fn between(context: &mut Context<'_>, operation: &Operation, old: &str, new: &str) {
    let (Some(renamed), Some(serving)) = (context.old_table(old), context.serving) else {
        return;
    };
    // Where the table is renamed as well, that is said.
    if !renamed.table_is_fixed {
        return;
    }
    let leads_here = |model: &Model, field: &Field| {
        let is_own = model.app == renamed.app && model.name == renamed.name;
        field.names_its_columns() && (is_own || field.leads_to(&model.app, &renamed.app, old))
    };
    let models = context.fold.database.models.values();
    let tables: Vec<String> = models
        .filter(|model| model.has_table() && !context.is_new(model))
        .flat_map(|model| {
            let fields = (model.fields.iter()).filter(|(_, field)| leads_here(model, field));
            fields.map(|(name, _)| format!("{}_{name}", model.table))
        })
        .filter(|table| serving.uses_table(table))
        .collect();
    let (old, new) = (old.to_lowercase(), new.to_lowercase());
    for table in tables {
        context.say(Said {
            rule: RULE,
            severity: Severity::Error,
            span: operation.span,
            message: format!(
                "renames the column {table}.{old}_id to {new}_id while the serving code uses the old name"
            ),
            reason: "the column of a table that Django makes between two models has the model's name: one of old and new code \
                     fails during the whole release, and a roll-back needs the old name again",
            remedy: "keep the model's name, or give the field a `through` model of its own before, whose columns keep their \
                     names with `db_column`"
                .to_owned(),
        });
    }
}

/// Whether it can be seen what the column is called before and after: a class that is not known may be a foreign key, whose
/// column ends in `_id`.
fn is_name_seen(before: &Field, after: &Field) -> bool {
    let is_seen = |one: &Field| one.column_class.is_some() || one.db_column.is_some();
    before.is_foreign_key() == after.is_foreign_key() || (is_seen(before) && is_seen(after))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::migrations::testing::Case;

    #[test]
    fn a_renamed_field_takes_its_column_along() {
        let case = Case::new().adds(r#"migrations.RenameField("order", "note", "remark"),"#);
        assert_eq!(case.errors(), [RULE]);
    }

    #[test]
    fn a_changed_column_name_is_a_rename() {
        let case = Case::new().adds(
            r#"migrations.AlterField("order", "note", models.TextField(null=True, db_column="remark")),"#,
        );
        assert_eq!(case.errors(), [RULE]);
    }

    #[test]
    fn a_column_that_stays_is_fine() {
        let case = Case::new().adds(
            r#"migrations.AlterField("order", "note", models.TextField(null=True, db_column="note")),
            migrations.RenameField("order", "note", "remark"),"#,
        );
        assert!(case.errors().is_empty());
    }

    #[test]
    fn a_renamed_model_renames_columns_between_two() {
        // Its own table is fixed, that of `Order.labels` is not.
        let case = Case::new().adds(r#"migrations.RenameModel("Label", "Tag"),"#);
        assert_eq!(case.errors(), [RULE]);
        let message = &case.review().findings[0].message;
        assert!(
            message.contains("shop_order_labels.label_id to tag_id"),
            "{message}"
        );
        let case = Case::new().adds(
            r#"migrations.AlterModelTable("order", "shop_order"),
            migrations.RenameModel("Order", "Purchase"),"#,
        );
        assert_eq!(case.errors(), [RULE]);
    }

    #[test]
    fn a_class_that_is_not_known_may_be_a_key() {
        let case = Case::new().adds(
            r#"migrations.AlterField("order", "customer", other.fields.TreeKey(to="shop.customer", on_delete=models.CASCADE)),"#,
        );
        assert_eq!(case.all(), ["migration-not-analysed"]);
    }
}
