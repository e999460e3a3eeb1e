//! `rename-table`: a table gets another name under the feet of the code that serves.

use super::{Context, Said};
use crate::migrations::operation::{Kind, Operation};
use crate::migrations::state::default_table;
use beanpole_model::Severity;

pub(super) const RULE: &str = "rename-table";

pub(super) fn check(context: &mut Context<'_>, operation: &Operation) {
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
    context.say(Said {
        rule: RULE,
        severity: Severity::Error,
        span: operation.span,
        message: format!(
            "renames the table {} to {new_table} while the serving code uses the old name",
            old.table
        ),
        reason: "no moment exists at which old and new code both find their table: one of them fails during the whole release, \
                 and a roll-back needs the old name again",
        remedy: format!(
            "keep the table: give the model `db_table = \"{}\"` in its Meta before it is renamed",
            old.table
        ),
    });
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
    fn a_fixed_table_stays() {
        assert!(
            Case::new()
                .adds(r#"migrations.RenameModel("Label", "Tag"),"#)
                .all()
                .is_empty()
        );
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
