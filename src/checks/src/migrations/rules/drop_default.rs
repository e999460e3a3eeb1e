//! `drop-db-default`: a default that old inserts rely on leaves the database.

use super::{Context, Said};
use crate::migrations::operation::{Kind, Operation};
use beanpole_model::Severity;

pub(super) const RULE: &str = "drop-db-default";

pub(super) fn check(context: &mut Context<'_>, operation: &Operation) {
    let Kind::AlterField { model, name, field } = &operation.kind else {
        return;
    };
    let (Some(old), Some(serving)) = (context.old_table(model), context.serving) else {
        return;
    };
    let Some(before) = old.fields.get(name) else {
        return;
    };
    if before.db_default.is_none() || field.db_default.is_some() || field.takes_null() {
        return;
    }
    let column = before.column(name);
    if !serving.uses_column(&old.table, &column) {
        return;
    }
    context.say(Said {
        rule: RULE,
        severity: Severity::Error,
        span: operation.span,
        message: format!(
            "drops the database default of {}.{column}, which the serving code's inserts use",
            old.table
        ),
        reason: "the serving code writes DEFAULT for the column; without one that is NULL, and the column takes no NULL",
        remedy: "release code that gives the value itself first, and drop the default in a later release".to_owned(),
    });
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::migrations::testing::Case;

    #[test]
    fn a_default_that_inserts_use_stays() {
        let case = Case::new()
            .adds(r#"migrations.AlterField("order", "state", models.CharField(max_length=10, default="new")),"#);
        assert_eq!(case.errors(), [RULE]);
    }

    #[test]
    fn another_default_is_a_default() {
        let case = Case::new()
            .adds(r#"migrations.AlterField("order", "state", models.CharField(max_length=10, db_default="open")),"#);
        assert!(case.all().is_empty());
    }
}
