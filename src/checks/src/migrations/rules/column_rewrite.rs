//! `new-column-rewrites`, `shared-default`: what a new column costs and what the old rows get.

use super::{Context, Said};
use crate::migrations::field::{Field, InitialValue};
use crate::migrations::operation::{Kind, Operation};
use crate::sql::Fill;
use beanpole_model::Severity;

pub(in crate::migrations) const RULE: &str = "new-column-rewrites";
pub(in crate::migrations) const SHARED: &str = "shared-default";

/// The first release of Postgres that adds a column with a constant default without writing the rows.
const CONSTANT_DEFAULT_IS_FREE: u32 = 11;

pub(super) fn check(context: &mut Context<'_>, operation: &Operation) {
    let Kind::AddField { model, name, field } = &operation.kind else {
        return;
    };
    let Some(old) = context.old_table(model) else {
        return;
    };
    if !field.has_column() {
        return;
    }
    if let Some((why, remedy)) = rewrites(field, context.settings.postgres) {
        context.say(Said {
            rule: RULE,
            severity: context.lock_severity(old),
            span: operation.span,
            message: format!(
                "adding {}.{} writes every row: {why}",
                old.table,
                field.column(name)
            ),
            reason: "Postgres writes the whole table anew and stops all reads and writes meanwhile",
            remedy: remedy.to_owned(),
        });
    }
    // With a default of the database Django asks for none of Python.
    if let InitialValue::Callable(function) = &field.default
        && field.db_default.is_none()
        && !field.unique
        && is_meant_to_differ(function)
    {
        context.say(Said {
            rule: SHARED,
            severity: Severity::Warning,
            span: operation.span,
            message: format!(
                "every row of {} gets the same value of {function} in {}",
                old.table,
                field.column(name)
            ),
            reason: "Django calls the default once for all rows that are there",
            remedy:
                "add the field with null=True, and give each row its own value in a data migration"
                    .to_owned(),
        });
    }
}

const SET_LATER: &str = "add the column without it and with null=True, fill the rows in batches, and set the default in a later release";
/// Postgres cannot make a plain column a generated one.
const NOT_GENERATED: &str = "add a plain column with null=True that the code or a trigger fills, and fill the old rows in batches; \
                             a plain column cannot become a generated one later, so if it must be one, take a maintenance window";

/// Why all rows are written, and what to do instead.
fn rewrites(field: &Field, postgres: Option<u32>) -> Option<(&'static str, &'static str)> {
    if field.stored {
        return Some((
            "a stored generated column is computed for each",
            NOT_GENERATED,
        ));
    }
    let why = has_values_of_each_row(field, postgres)?;
    Some((why, SET_LATER))
}

fn has_values_of_each_row(field: &Field, postgres: Option<u32>) -> Option<&'static str> {
    if matches!(
        field.known(),
        "AutoField" | "BigAutoField" | "SmallAutoField"
    ) {
        return Some(COUNTS);
    }
    if field.db_default.as_deref().is_some_and(is_volatile) {
        return Some("its default differs from row to row");
    }
    let has_default =
        field.db_default.is_some() || (field.has_effective_default() && !field.takes_null());
    (writes_defaults(postgres) && has_default).then_some(DEFAULTS_ARE_WRITTEN)
}

const COUNTS: &str = "each gets a number of its own";
const DEFAULTS_ARE_WRITTEN: &str = "Postgres before 11 writes defaults into the rows";

fn writes_defaults(postgres: Option<u32>) -> bool {
    postgres.is_some_and(|major| major < CONSTANT_DEFAULT_IS_FREE)
}

/// Why SQL that adds a column writes every row, if it does. Of defaults that differ from row to row squawk speaks.
pub(super) fn rewrites_by_sql(fill: Fill, postgres: Option<u32>) -> Option<&'static str> {
    match fill {
        Fill::Counter => Some(COUNTS),
        Fill::Default if writes_defaults(postgres) => Some(DEFAULTS_ARE_WRITTEN),
        Fill::Default | Fill::Nothing => None,
    }
}

/// Whether a database default is a function that Postgres calls for each row. `Now()` is stable: called once.
fn is_volatile(normal_form: &str) -> bool {
    let text = normal_form.to_lowercase();
    [
        "random",
        "uuid",
        "clock_timestamp",
        "nextval",
        "statement_timestamp",
    ]
    .iter()
    .any(|word| text.contains(word))
}

fn is_meant_to_differ(function: &str) -> bool {
    let name = function.to_lowercase();
    [
        "uuid", "random", "token", "secret", "nonce", "generate", "unique",
    ]
    .iter()
    .any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::{RULE, SHARED};
    use crate::migrations::testing::Case;

    fn add(field: &str) -> Case {
        Case::new().adds(&format!(
            r#"migrations.AddField("order", "extra", {field}),"#
        ))
    }

    #[test]
    fn values_that_differ_from_row_to_row_are_written() {
        for field in [
            "models.UUIDField(db_default=django.db.models.functions.RandomUUID())",
            "models.GeneratedField(expression=models.F('count'), output_field=models.IntegerField(), db_persist=True)",
            "models.AutoField()",
        ] {
            assert_eq!(add(field).warnings(), [RULE], "{field}");
        }
    }

    #[test]
    fn a_plain_column_does_not_become_a_generated_one() {
        let remedy = |field: &str| add(field).review().findings[0].remedy.clone().unwrap();
        let generated = "models.GeneratedField(expression=models.F('count'), output_field=models.IntegerField(), db_persist=True)";
        assert!(remedy(generated).contains("maintenance window"));
        let random = "models.UUIDField(db_default=django.db.models.functions.RandomUUID())";
        assert!(remedy(random).contains("set the default in a later release"));
    }

    #[test]
    fn constants_are_free_since_postgres_11() {
        let field = "models.DateTimeField(db_default=django.db.models.functions.Now())";
        let mut case = add(field);
        assert!(case.all().is_empty());
        case.settings.postgres = Some(10);
        assert_eq!(case.warnings(), [RULE]);
    }

    #[test]
    fn one_uuid_for_all_rows_is_said() {
        assert_eq!(
            add("models.UUIDField(default=uuid.uuid4, null=True)").warnings(),
            [SHARED]
        );
        let of_database = add(
            "models.UUIDField(default=uuid.uuid4, db_default=django.db.models.functions.RandomUUID())",
        );
        assert_eq!(of_database.warnings(), [RULE]);
        assert!(
            add("models.JSONField(default=dict, null=True)")
                .all()
                .is_empty()
        );
    }
}
