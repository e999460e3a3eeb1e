//! `set-not-null`: a column that took NULL takes none any more.

use super::{Context, Said};
use crate::migrations::field::Field;
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
    if !before.has_column() || !field.has_column() || field.incomplete.is_some() {
        return;
    }
    // A validated check has kept NULL out already: the serving code lives with it, and Postgres 12 skips the scan.
    let column = before.column(name);
    if old.checks_not_null(name) || !serving.uses_column(&old.table, &column) {
        return;
    }
    if is_hidden(before, field) {
        let why = format!(
            "whether {}.{column} takes NULL before and after cannot be seen",
            old.table
        );
        return context.cannot_see(operation.span, why);
    }
    if !before.takes_null() || field.takes_null() || field.null_is_hidden {
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

/// Whether the column may cease to take NULL, and the files do not show it.
fn is_hidden(before: &Field, after: &Field) -> bool {
    match (before.hides("null"), after.hides("null")) {
        (None, None) => false,
        (Some(_), Some(_)) => !before.hides_as(after, "null"),
        (Some(_), None) => !after.takes_null(),
        (None, Some(_)) => before.takes_null(),
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::migrations::rules::NOT_ANALYSED as UNSEEN;
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
    fn what_a_name_from_elsewhere_says_of_null_is_not_guessed() {
        let alter = |null: &str| {
            format!(r#"migrations.AlterField("order", "note", models.TextField(null={null})),"#)
        };
        let after = |before: &str, null: &str| {
            Case::new()
                .released("0002_elsewhere", "0001_initial", &alter(before))
                .adds_after("0003_change", "0002_elsewhere", &alter(null), "")
        };
        assert_eq!(Case::new().adds(&alter("NULLABLE")).all(), [UNSEEN]);
        assert_eq!(after("NULLABLE", "False").all(), [UNSEEN]);
        assert!(after("NULLABLE", "NULLABLE").all().is_empty());
        assert!(after("NULLABLE", "True").all().is_empty());
        let here = Case::new().adds_after(
            "0002_change",
            "0001_initial",
            &alter("NULLABLE"),
            "NULLABLE = False",
        );
        assert_eq!(here.all(), [RULE]);
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
