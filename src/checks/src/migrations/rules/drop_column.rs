//! `drop-column`: a column goes while code that serves still names it.

use super::{Context, Said};
use crate::migrations::operation::{Kind, Operation};
use beanpole_model::Severity;

pub(super) const RULE: &str = "drop-column";

pub(super) fn check(context: &mut Context<'_>, operation: &Operation) {
    let Kind::RemoveField { model, name } = &operation.kind else {
        return;
    };
    let (Some(old), Some(serving)) = (context.old_table(model), context.serving) else {
        return;
    };
    let Some(field) = old.fields.get(name) else {
        return;
    };
    let what = if field.has_column() {
        let column = field.column(name);
        if !serving.uses_column(&old.table, &column) {
            return;
        }
        format!("the column {}.{column}", old.table)
    } else if field.makes_table() {
        if !serving.has_field(&old.table, name) {
            return;
        }
        format!("the table {}_{name}", old.table)
    } else {
        return;
    };
    context.say(Said {
        rule: RULE,
        severity: Severity::Error,
        span: operation.span,
        message: format!(
            "removes {model}.{name} with {what}, which the serving code still uses"
        ),
        reason: "Django names every column of a model in its queries: until the new version serves, each read and write of the \
                 model fails; a roll-back meets a column that is gone",
        remedy: format!(
            "in this release remove the field from the model and only from the state: SeparateDatabaseAndState(state_operations=\
             [migrations.RemoveField(\"{model}\", \"{name}\")]){}; drop it in a later release",
            if field.takes_null() || field.db_default.is_some() || !field.has_column() {
                ""
            } else {
                ", and let the column take NULL so that new rows need no value"
            }
        ),
    });
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::migrations::testing::Case;

    const DROP: &str = r#"migrations.RemoveField(model_name="order", name="note"),"#;

    #[test]
    fn a_column_that_the_serving_code_uses_is_not_dropped() {
        let case = Case::new().adds(DROP);
        assert_eq!(case.errors(), [RULE]);
        assert!(
            case.review().findings[0]
                .message
                .contains("shop_order.note")
        );
    }

    #[test]
    fn arguments_may_be_positional() {
        let case = Case::new().adds(r#"migrations.RemoveField("Order", "customer"),"#);
        assert_eq!(case.errors(), [RULE]);
        assert!(
            case.review().findings[0]
                .message
                .contains("shop_order.customer_id")
        );
    }

    #[test]
    fn a_many_to_many_field_has_a_table_of_its_own() {
        let case = Case::new().adds(r#"migrations.RemoveField("order", "labels"),"#);
        assert_eq!(case.errors(), [RULE]);
        assert!(
            case.review().findings[0]
                .message
                .contains("table shop_order_labels")
        );
    }

    #[test]
    fn a_field_that_left_the_serving_models_may_go() {
        let without = |models: &str| models.replace("    note = models.TextField(null=True)\n", "");
        assert!(
            Case::new()
                .serving_models(without)
                .adds(DROP)
                .all()
                .is_empty()
        );
    }

    #[test]
    fn a_base_class_that_cannot_be_seen_may_hold_the_field() {
        let hidden = |models: &str| {
            models
                .replace("    note = models.TextField(null=True)\n", "")
                .replace(
                    "class Order(models.Model)",
                    "class Order(Noted, models.Model)",
                )
                .replace(
                    "from django.db import models",
                    "from django.db import models\nfrom noted import Noted",
                )
        };
        assert_eq!(
            Case::new().serving_models(hidden).adds(DROP).errors(),
            [RULE]
        );
    }

    #[test]
    fn a_field_of_an_abstract_base_class_is_a_field() {
        let inherited = |models: &str| {
            models
                .replace("    note = models.TextField(null=True)\n", "")
                .replace(
                    "class Order(models.Model)",
                    "class Noted(models.Model):\n    note = models.TextField(null=True)\n\n    class Meta:\n        abstract = True\n\n\nclass Order(Noted)",
                )
        };
        assert_eq!(
            Case::new().serving_models(inherited).adds(DROP).errors(),
            [RULE]
        );
    }

    #[test]
    fn columns_of_new_tables_may_go() {
        let case = Case::new().adds(
            r#"migrations.CreateModel("Draft", [("id", models.BigAutoField(primary_key=True)), ("a", models.TextField())]),
            migrations.RemoveField("draft", "a"),"#,
        );
        assert!(case.all().is_empty());
    }

    #[test]
    fn the_first_step_only_changes_the_state() {
        let case = Case::new().adds(&format!(
            "migrations.SeparateDatabaseAndState(state_operations=[{DROP}], database_operations=[]),"
        ));
        assert!(case.errors().is_empty());
    }
}
