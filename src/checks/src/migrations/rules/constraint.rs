//! `constraint-scans-table`, `exclusion-scans-table`: every row is checked under a lock.

use super::{Context, Said};
use crate::migrations::field::Field;
use crate::migrations::operation::{ConstraintKind, Kind, Operation};

pub(in crate::migrations) const RULE: &str = "constraint-scans-table";
pub(in crate::migrations) const EXCLUSION: &str = "exclusion-scans-table";

pub(super) fn check(context: &mut Context<'_>, operation: &Operation) {
    if let Kind::AlterField { model, name, field } = &operation.kind {
        return positive(context, operation, (model, name), field);
    }
    let Kind::AddConstraint {
        model,
        constraint,
        validated: true,
    } = &operation.kind
    else {
        return;
    };
    let Some(old) = context.old_table(model) else {
        return;
    };
    let name = constraint.name.as_deref().unwrap_or("without a name");
    let said = match constraint.kind {
        ConstraintKind::Check | ConstraintKind::Other => Said {
            rule: RULE,
            severity: context.lock_severity(old),
            span: operation.span,
            message: format!("adds the constraint {name} to {} and checks all rows at once", old.table),
            reason: "Postgres reads the whole table under a lock that stops all reads and writes, and the serving code may write rows \
                     that break the constraint",
            remedy: "use AddConstraintNotValid (django.contrib.postgres.operations), and ValidateConstraint in a migration of its own"
                .to_owned(),
        },
        ConstraintKind::Exclusion => Said {
            rule: EXCLUSION,
            severity: context.lock_severity(old),
            span: operation.span,
            message: format!("adds the exclusion constraint {name} to {}", old.table),
            reason: "Postgres builds its index under a lock that stops all reads and writes; no way without the lock exists",
            remedy: "add it to a new table and move the rows, or take a maintenance window".to_owned(),
        },
        // Its own rule.
        ConstraintKind::Unique => return,
    };
    context.say(said);
}

/// A column that becomes one of numbers that are not negative gets a check.
fn positive(
    context: &mut Context<'_>,
    operation: &Operation,
    (model, name): (&str, &str),
    field: &Field,
) {
    let Some(old) = context.old_table(model) else {
        return;
    };
    let Some(before) = old.fields.get(name) else {
        return;
    };
    if before.column_class.is_none() || before.is_positive() || !field.is_positive() {
        return;
    }
    let column = field.column(name);
    context.say(Said {
        rule: RULE,
        severity: context.lock_severity(old),
        span: operation.span,
        message: format!("adds CHECK ({column} >= 0) to {} and checks all rows at once", old.table),
        reason: "Postgres reads the whole table under a lock that stops all reads and writes, and the serving code may write rows \
                 that break the constraint",
        remedy: "put AlterField into the state_operations of SeparateDatabaseAndState; add the check NOT VALID with RunSQL in its \
                 database_operations, and VALIDATE CONSTRAINT in a migration of its own"
            .to_owned(),
    });
}

#[cfg(test)]
mod tests {
    use super::{EXCLUSION, RULE};
    use crate::migrations::testing::Case;

    const CHECK: &str =
        r#"models.CheckConstraint(check=Q(count__gte=0), name="count_is_positive")"#;

    #[test]
    fn a_check_that_is_validated_at_once_locks() {
        let case = Case::new().adds(&format!("migrations.AddConstraint('order', {CHECK}),"));
        assert_eq!(case.warnings(), [RULE]);
        let case = Case::new()
            .hot("shop_order")
            .adds(&format!("migrations.AddConstraint('order', {CHECK}),"));
        assert_eq!(case.errors(), [RULE]);
    }

    #[test]
    fn a_column_without_negative_numbers_has_a_check() {
        let alter = |class: &str| {
            format!("migrations.AlterField('order', 'count', models.{class}(default=0)),")
        };
        let positive = alter("PositiveIntegerField");
        assert_eq!(Case::new().adds(&positive).warnings(), [RULE]);
        let hot = Case::new().hot("shop_order").adds(&positive);
        assert_eq!(hot.errors(), [RULE]);
        for class in ["IntegerField", "PositiveBigIntegerField"] {
            let case = Case::new()
                .released("0002_positive", "0001_initial", &positive)
                .adds_after("0003_change", "0002_positive", &alter(class), "");
            assert!(!case.all().contains(&RULE.to_owned()), "{class}");
        }
    }

    #[test]
    fn a_check_that_is_validated_later_is_fine() {
        let case = Case::new().adds(&format!("AddConstraintNotValid('order', {CHECK}),"));
        assert!(case.all().is_empty());
    }

    #[test]
    fn a_new_table_has_no_rows() {
        let case = Case::new().adds(&format!(
            r#"migrations.CreateModel("Draft", [("id", models.BigAutoField(primary_key=True)), ("count", models.IntegerField())]),
            migrations.AddConstraint("draft", {CHECK}),"#
        ));
        assert!(case.all().is_empty());
    }

    #[test]
    fn exclusion_has_no_safe_form() {
        let case = Case::new().adds(
            "migrations.AddConstraint('order', ExclusionConstraint(name='one', expressions=[])),",
        );
        assert_eq!(case.warnings(), [EXCLUSION]);
    }
}
