//! `rename-table`: a table gets another name under the feet of the code that serves.

use super::{Context, Said};
use crate::migrations::operation::{Kind, Operation};
use crate::migrations::state::default_table;
use beanpole_model::Severity;

pub(super) const RULE: &str = "rename-table";

pub(super) fn check(context: &mut Context<'_>, operation: &Operation) {
    if let Kind::RenameField { model, old, new } = &operation.kind {
        return between(context, operation, model, old, new);
    }
    let (model, new_table) = match &operation.kind {
        Kind::RenameModel { old, new } => (old, default_table(context.app(), new)),
        Kind::AlterModelTable { model, table } => (
            model,
            table
                .clone()
                .unwrap_or_else(|| default_table(context.app(), model)),
        ),
        _ => return,
    };
    let (Some(old), Some(serving)) = (context.old_table(model), context.serving) else {
        return;
    };
    let keeps_name = matches!(operation.kind, Kind::RenameModel { .. }) && old.table_is_fixed;
    if keeps_name || new_table == old.table || serving.model_on(&old.table).is_none() {
        return;
    }
    let remedy = format!(
        "keep the table: give the model `db_table = \"{}\"` in its Meta before it is renamed",
        old.table
    );
    context.say(said(operation, &old.table, &new_table, remedy));
}

/// The table that Django makes for a many-to-many field has the field's name in its own.
fn between(context: &mut Context<'_>, operation: &Operation, model: &str, old: &str, new: &str) {
    let (Some(found), Some(serving)) = (context.old_table(model), context.serving) else {
        return;
    };
    let is_renamed = (found.fields.get(old)).is_some_and(|field| field.names_its_table());
    let table = format!("{}_{old}", found.table);
    if !is_renamed || !serving.uses_table(&table) {
        return;
    }
    let new_table = format!("{}_{new}", found.table);
    let remedy =
        format!("keep the table: give the field `db_table=\"{table}\"` before it is renamed");
    context.say(said(operation, &table, &new_table, remedy));
}

fn said(operation: &Operation, old: &str, new: &str, remedy: String) -> Said {
    Said {
        rule: RULE,
        severity: Severity::Error,
        span: operation.span,
        message: format!(
            "renames the table {old} to {new} while the serving code uses the old name"
        ),
        reason: "no moment exists at which old and new code both find their table: one of them fails during the whole release, \
                 and a roll-back needs the old name again",
        remedy,
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::migrations::testing::Case;

    #[test]
    fn a_renamed_model_takes_its_table_along() {
        let case = Case::new().adds(r#"migrations.RenameModel("Customer", "Client"),"#);
        assert_eq!(case.errors(), [RULE]);
        assert!(
            case.review().findings[0]
                .message
                .contains("shop_customer to shop_client")
        );
    }

    #[test]
    fn a_many_to_many_field_takes_its_table_along() {
        let case = Case::new().adds(r#"migrations.RenameField("order", "labels", "tags"),"#);
        assert_eq!(case.errors(), [RULE]);
        let message = &case.review().findings[0].message;
        assert!(message.contains("shop_order_labels to shop_order_tags"));
        let named = Case::new()
            .released(
                "0002_named",
                "0001_initial",
                r#"migrations.AlterField("order", "labels", models.ManyToManyField("shop.label", db_table="order_labels")),"#,
            )
            .adds_after(
                "0003_tags",
                "0002_named",
                r#"migrations.RenameField("order", "labels", "tags"),"#,
                "",
            );
        assert_eq!(named.errors(), [""; 0]);
    }

    #[test]
    fn a_fixed_table_stays() {
        let case = Case::new().adds(
            r#"migrations.AlterModelTable("customer", "shop_customer"),
            migrations.RenameModel("Customer", "Client"),"#,
        );
        assert!(case.all().is_empty());
    }

    #[test]
    fn a_table_with_another_name_is_lost() {
        let case =
            Case::new().adds(r#"migrations.AlterModelTable(name="customer", table="clients"),"#);
        assert_eq!(case.errors(), [RULE]);
        let case = Case::new().adds(r#"migrations.AlterModelTable(name="label", table=None),"#);
        assert_eq!(case.errors(), [RULE]);
    }
}
