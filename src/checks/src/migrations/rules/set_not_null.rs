//! `set-not-null`: a column that took NULL takes none any more.

use super::{Context, Said};
use crate::migrations::operation::{Kind, Operation};
use beanpole_model::Severity;

pub(super) const RULE: &str = "set-not-null";

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
    if !before.has_column() || !field.has_column() || !before.takes_null() || field.takes_null() {
        return;
    }
    // A validated check has kept NULL out already: the serving code lives with it, and Postgres 12 skips the scan.
    if old.checks_not_null(name) || field.incomplete.is_some() || field.null_is_hidden {
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
            "makes {}.{column} NOT NULL while the serving code may write NULL",
            old.table
        ),
        reason: "the serving code's model says null=True, so its inserts and updates may fail; the change also reads the whole \
                 table under a lock that stops all reads and writes, and fails if one row holds NULL",
        remedy: format!(
            "release code that always fills {name} first; then AddConstraintNotValid with CheckConstraint(Q({name}__isnull=False)), \
             ValidateConstraint in its own migration, and null=False in a later release"
        ),
    });
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::migrations::testing::Case;

    const NOT_NULL: &str = r#"migrations.AlterField("order", "note", models.TextField()),"#;

    #[test]
    fn a_column_that_may_hold_null_is_not_closed() {
        assert_eq!(Case::new().adds(NOT_NULL).errors(), [RULE]);
        let with_default =
            r#"migrations.AlterField("order", "note", models.TextField(default="")),"#;
        assert_eq!(Case::new().adds(with_default).errors(), [RULE]);
    }

    #[test]
    fn a_check_that_was_released_keeps_null_out() {
        let check =
            r#"models.CheckConstraint(condition=Q(note__isnull=False), name="note_is_there")"#;
        let case = Case::new()
            .released(
                "0002_check",
                "0001_initial",
                &format!("AddConstraintNotValid(model_name='order', constraint={check}),"),
            )
            .released(
                "0003_validate",
                "0002_check",
                "ValidateConstraint(model_name='order', name='note_is_there'),",
            )
            .adds_after("0004_not_null", "0003_validate", NOT_NULL, "");
        assert!(case.errors().is_empty());
        let not_validated = Case::new()
            .released(
                "0002_check",
                "0001_initial",
                &format!("AddConstraintNotValid(model_name='order', constraint={check}),"),
            )
            .adds_after("0003_not_null", "0002_check", NOT_NULL, "");
        assert_eq!(not_validated.errors(), [RULE]);
    }

    #[test]
    fn a_check_that_sql_has_made_keeps_null_out_as_well() {
        const ADD: &str = r#"ALTER TABLE "shop_order" ADD CONSTRAINT "there" CHECK ("note" IS NOT NULL) NOT VALID"#;
        const VALIDATE: &str = "ALTER TABLE shop_order VALIDATE CONSTRAINT there";
        const DROP: &str = "ALTER TABLE shop_order DROP CONSTRAINT there";
        let sql = |text: &str| format!("migrations.RunSQL({text:?}, migrations.RunSQL.noop),");
        let staged = |first: &str, second: &str| {
            Case::new()
                .released("0002_check", "0001_initial", &sql(first))
                .released("0003_validate", "0002_check", &sql(second))
        };
        let closes = [
            NOT_NULL.to_owned(),
            sql("ALTER TABLE shop_order ALTER COLUMN note SET NOT NULL"),
        ];
        for close in closes {
            let errors = |case: Case| {
                case.adds_after("0004_close", "0003_validate", &close, "")
                    .errors()
            };
            assert!(errors(staged(ADD, VALIDATE)).is_empty(), "{close}");
            assert_eq!(errors(staged(ADD, "SELECT 1")), [RULE], "{close}");
            let valid = ADD.replace("NOT VALID", "");
            assert!(errors(staged(&valid, "SELECT 1")).is_empty(), "{close}");
            assert_eq!(errors(staged(&valid, DROP)), [RULE], "{close}");
            let or = ADD.replace("IS NOT NULL", "IS NOT NULL OR count > 0");
            assert_eq!(errors(staged(&or, VALIDATE)), [RULE], "{close}");
        }
    }

    #[test]
    fn a_check_may_be_made_by_separate_operations_and_by_code() {
        let check = "ALTER TABLE shop_order ADD CONSTRAINT there CHECK (note IS NOT NULL)";
        for operation in [
            format!(
                "migrations.SeparateDatabaseAndState(database_operations=[migrations.RunSQL({check:?})]),"
            ),
            format!("migrations.RunPython(lambda apps, editor: editor.execute({check:?})),"),
        ] {
            let case = Case::new()
                .released("0002_check", "0001_initial", &operation)
                .adds_after("0003_close", "0002_check", NOT_NULL, "");
            assert!(case.errors().is_empty(), "{operation}");
        }
    }

    #[test]
    fn other_alterations_say_nothing_of_null() {
        let case = Case::new().adds(
            r#"migrations.AlterField("order", "note", models.TextField(null=True, help_text="for the packer")),
            migrations.AlterField("order", "number", models.CharField(max_length=20, null=True)),"#,
        );
        assert!(case.all().is_empty());
    }
}
