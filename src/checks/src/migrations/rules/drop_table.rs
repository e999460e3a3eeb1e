//! `drop-table`: a table goes while code that serves still reads it.

use super::{Context, Said};
use crate::migrations::operation::{Kind, Operation};
use beanpole_model::Severity;

pub(super) const RULE: &str = "drop-table";

pub(super) fn check(context: &mut Context<'_>, operation: &Operation) {
    let Kind::DeleteModel { model } = &operation.kind else {
        return;
    };
    let (Some(old), Some(serving)) = (context.old_table(model), context.serving) else {
        return;
    };
    if serving.model_on(&old.table).is_none() {
        return;
    }
    context.say(Said {
        rule: RULE,
        severity: Severity::Error,
        span: operation.span,
        message: format!(
            "deletes {}.{model} with its table {}, which the serving code still uses",
            old.app, old.table
        ),
        reason: "the migration runs before the new version serves; until then every query on the table fails, and a roll-back \
                 meets a table that is gone",
        remedy: format!(
            "release the code without the model first and keep the table: SeparateDatabaseAndState(state_operations=\
             [migrations.DeleteModel(\"{model}\")]); drop the table in a later release"
        ),
    });
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::migrations::testing::Case;

    const DROP: &str = r#"migrations.DeleteModel(name="Label"),"#;

    #[test]
    fn a_table_that_the_serving_code_uses_is_not_dropped() {
        let case = Case::new().adds(DROP);
        assert_eq!(case.errors(), [RULE]);
        let review = case.review();
        assert!(review.blocked);
        assert!(review.findings[0].message.contains("table labels"));
        assert_eq!(
            review.findings[0].location.as_ref().unwrap().to_string(),
            "shop/migrations/0002_change.py:20:9"
        );
    }

    #[test]
    fn the_second_step_of_a_removal_is_fine() {
        // The serving code has no such model any more, though its migrations still do.
        let without = |models: &str| models.split("class Label").next().unwrap().to_owned();
        assert!(
            Case::new()
                .serving_models(without)
                .adds(DROP)
                .all()
                .is_empty()
        );
    }

    #[test]
    fn a_removal_from_the_state_alone_is_the_first_step() {
        let case = Case::new().adds(&format!(
            "migrations.SeparateDatabaseAndState(state_operations=[{DROP}]),"
        ));
        assert!(case.errors().is_empty());
    }

    #[test]
    fn a_table_that_left_the_state_may_be_dropped_by_name() {
        let case = Case::new()
            .released(
                "0002_state",
                "0001_initial",
                &format!("migrations.SeparateDatabaseAndState(state_operations=[{DROP}]),"),
            )
            .adds_after(
                "0003_drop",
                "0002_state",
                &format!("migrations.SeparateDatabaseAndState(database_operations=[{DROP}]),"),
                "",
            );
        assert!(case.errors().is_empty());
    }

    #[test]
    fn a_table_of_the_same_release_may_come_and_go() {
        let case = Case::new().adds(
            r#"migrations.CreateModel(name="Draft", fields=[("id", models.BigAutoField(primary_key=True))]),
            migrations.DeleteModel(name="Draft"),"#,
        );
        assert!(case.all().is_empty());
    }
}
