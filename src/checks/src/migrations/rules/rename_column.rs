//! `rename-column`: a column gets another name under the feet of the code that serves.

use super::{Context, Said};
use crate::migrations::operation::{Kind, Operation};
use beanpole_model::Severity;

pub(super) const RULE: &str = "rename-column";

pub(super) fn check(context: &mut Context<'_>, operation: &Operation) {
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
            if !old.has_column() || !field.has_column() {
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
            migrations.RenameField("order", "note", "remark"),
            migrations.RenameField("order", "labels", "tags"),"#,
        );
        assert!(case.errors().is_empty());
    }
}
