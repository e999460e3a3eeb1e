//! `slow-under-lock`: a slow step in a transaction that already stops all reads and writes of a table.

use super::{Context, Said, add_index, column_rewrite, constraint, mixed, unique};
use crate::migrations::operation::{Kind, Operation};
use crate::python::Span;
use beanpole_model::Severity;

pub(in crate::migrations) const RULE: &str = "slow-under-lock";

/// Rules whose findings read or write a whole table.
const SLOW: [&str; 5] = [
    add_index::RULE,
    column_rewrite::RULE,
    constraint::RULE,
    constraint::EXCLUSION,
    unique::RULE,
];

/// Looks at what the rules have said of an operation, and remembers its lock.
pub(super) fn check(context: &mut Context<'_>, operation: &Operation, said_before: usize) {
    // Statements of SQL are looked at one by one.
    if !context.migration.atomic || matches!(operation.kind, Kind::RunSql(_)) {
        return;
    }
    let said = |context: &Context<'_>, rules: &[&str]| {
        let mut new = context.findings.iter().skip(said_before);
        new.any(|finding| rules.contains(&finding.rule.as_str()))
    };
    // The index of a new column is built at the end of the transaction that has added the column.
    let indexed =
        matches!(operation.kind, Kind::AddField { .. }) && said(context, &[add_index::RULE]);
    if indexed {
        context.facts.locked.get_or_insert("AddField");
    }
    if said(context, &SLOW) {
        statement(context, operation.span, "reads a whole table");
    }
    // It lets others read and write; the lock of an earlier operation does not.
    if let Kind::ValidateConstraint { model, .. } = &operation.kind
        && context.old_table(model).is_some()
    {
        let what = "validates a constraint, which reads a whole table,";
        statement(context, operation.span, what);
    }
    if !only_builds_indexes(&operation.kind) && mixed::changes_old_table(context, operation) {
        context.facts.locked.get_or_insert(operation.kind.name());
    }
}

/// Building an index lets others read; everything else that changes a table does not.
fn only_builds_indexes(kind: &Kind) -> bool {
    match kind {
        Kind::AddIndex { .. } | Kind::AlterIndexTogether { .. } => true,
        Kind::AddConstraint { constraint, .. } => constraint.is_index,
        _ => false,
    }
}

/// Says that something slow runs under the lock of an earlier operation, if there is one.
pub(super) fn statement(context: &mut Context<'_>, span: Span, what: &str) {
    let Some(first) = context.facts.locked else {
        return;
    };
    context.say(Said {
        rule: RULE,
        severity: Severity::Warning,
        span,
        message: format!("{what} while the lock of {first} is held"),
        reason: "the lock of the earlier operation stops all reads and writes of its table until the transaction ends, and this step \
                 makes the transaction long",
        remedy: "put it into a migration of its own".to_owned(),
    });
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::migrations::testing::Case;

    const ALTER: &str = "migrations.AddField('order', 'size', models.IntegerField(null=True)),";
    const INDEX: &str = "migrations.AddIndex('order', models.Index(fields=['number'], name='a')),";

    fn says(operations: &str, attributes: &str) -> bool {
        Case::new()
            .adds_after("0002_change", "0001_initial", operations, attributes)
            .all()
            .contains(&RULE.to_owned())
    }

    #[test]
    fn a_slow_step_after_a_lock_is_found() {
        assert!(says(&format!("{ALTER}\n        {INDEX}"), ""));
        // The index of the new column is built under the lock that added the column.
        let indexed =
            "migrations.AddField('order', 'a', models.IntegerField(null=True, db_index=True)),";
        assert!(says(indexed, ""));
        for sql in [
            "ALTER TABLE shop_order ADD COLUMN a int; CREATE INDEX b ON shop_order (number)",
            "ALTER TABLE shop_order DROP COLUMN gone; CREATE INDEX b ON labels (text)",
        ] {
            assert!(
                says(
                    &format!("migrations.RunSQL({sql:?}, migrations.RunSQL.noop),"),
                    ""
                ),
                "{sql}"
            );
        }
    }

    #[test]
    fn a_constraint_is_validated_in_a_migration_of_its_own() {
        const ADD: &str = "AddConstraintNotValid('order', models.CheckConstraint(condition=Q(count__gte=0), name='a')),";
        const VALIDATE: &str = "ValidateConstraint('order', 'a'),";
        let both = format!("{ADD}\n        {VALIDATE}");
        assert!(says(&both, ""));
        assert!(says(&format!("{ALTER}\n        {VALIDATE}"), ""));
        assert!(!says(&both, "atomic = False"));
        let apart = Case::new()
            .adds_after("0002_add", "0001_initial", ADD, "")
            .adds_after("0003_validate", "0002_add", VALIDATE, "");
        assert!(apart.all().is_empty());
        let new = "migrations.CreateModel('Draft', [('id', models.BigAutoField(primary_key=True)), ('count', models.IntegerField())]),";
        let of_new = both.replace("'order'", "'draft'");
        assert!(!says(&format!("{new}\n        {of_new}"), ""));
    }

    #[test]
    fn an_index_stops_no_reads() {
        let constraint = |arguments: &str| {
            format!(
                "migrations.AddConstraint('order', models.UniqueConstraint({arguments}, name='one')),"
            )
        };
        for operation in [
            "migrations.AlterIndexTogether('order', {('number', 'customer')}),",
            &constraint("fields=['number'], condition=Q(count=1)"),
            &constraint("fields=['number'], include=['note']"),
            &constraint("Lower('number')"),
        ] {
            assert!(
                !says(&format!("{operation}\n        {INDEX}"), ""),
                "{operation}"
            );
        }
        for arguments in [
            "fields=['number']",
            "fields=['number'], condition=None, include=()",
        ] {
            let operation = constraint(arguments);
            assert!(
                says(&format!("{operation}\n        {INDEX}"), ""),
                "{operation}"
            );
        }
    }

    #[test]
    fn the_other_order_and_own_migrations_are_fine() {
        assert!(!says(&format!("{INDEX}\n        {ALTER}"), ""));
        assert!(!says(ALTER, "") && !says(INDEX, ""));
        let plain = "migrations.AddField('order', 'a', models.DecimalField(db_default=Random())),";
        assert!(!says(plain, ""));
        assert!(!says(
            &format!("{ALTER}\n        {INDEX}"),
            "atomic = False"
        ));
        let new =
            "migrations.CreateModel('Draft', [('id', models.BigAutoField(primary_key=True))]),";
        assert!(!says(&format!("{new}\n        {INDEX}"), ""));
        let sql = "CREATE INDEX b ON shop_order (number); ALTER TABLE shop_order ADD COLUMN a int";
        assert!(!says(
            &format!("migrations.RunSQL({sql:?}, migrations.RunSQL.noop),"),
            ""
        ));
    }
}
