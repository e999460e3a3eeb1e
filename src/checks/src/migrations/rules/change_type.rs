//! `narrow-column`, `change-column-type`, `rewrite-column`: a column gets another type.

use super::{Context, Said};
use crate::migrations::field::Field;
use crate::migrations::operation::{Kind, Operation};
use beanpole_model::Severity;

/// Values that fit may fit no more.
pub(super) const NARROWED: &str = "narrow-column";
/// Old code reads or writes something else than the column holds.
pub(super) const CHANGED: &str = "change-column-type";
/// Everything fits, but the table is written anew under a lock.
pub(super) const REWRITTEN: &str = "rewrite-column";

/// What a change of a column's type means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    /// Postgres changes its catalogue only.
    None,
    Narrowed,
    Rewritten,
    Changed,
    /// Classes of the project that are not known; their type is not known either.
    Unknown,
}

/// Types of columns, as far as changes between them matter.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Column {
    /// `varchar(n)`; no length is no bound.
    Varchar(Option<i64>),
    Text,
    /// Bytes of a whole number.
    Integer(u8),
    Numeric(Option<i64>, Option<i64>),
    Other(String),
    /// A column whose type the target of a relation decides.
    Key(String),
}

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
    if !before.has_column() || !field.has_column() {
        return;
    }
    let column = before.column(name);
    let used = serving.uses_column(&old.table, &column);
    let (from, to) = (describe(before), describe(field));
    let table = &old.table;
    let (rule, severity, reason, remedy) = match change(before, field) {
        Change::None | Change::Unknown => return,
        Change::Narrowed if used => (
            NARROWED,
            Severity::Error,
            "the serving code may still write what no longer fits, the migration fails if a row does not fit, and the table is read \
             or written anew under a lock that stops all reads and writes",
            "release code that writes what fits first, look for rows that do not, and narrow the column in a later release",
        ),
        Change::Changed if used => (
            CHANGED,
            Severity::Error,
            "the serving code reads and writes the old type, and the table is written anew under a lock that stops all reads and \
             writes",
            "add a column of the new type, fill both from the code, move the old rows in batches, and drop the old column in a \
             later release",
        ),
        Change::Narrowed | Change::Changed | Change::Rewritten => (
            REWRITTEN,
            context.lock_severity(old),
            "Postgres writes every row anew and stops all reads and writes of the table meanwhile",
            "on a large table add a column of the new type, move the rows in batches, and switch in a later release",
        ),
    };
    context.say(Said {
        rule,
        severity,
        span: operation.span,
        message: format!("changes the type of {table}.{column} from {from} to {to}"),
        reason,
        remedy: remedy.to_owned(),
    });
}

fn describe(field: &Field) -> String {
    match (field.max_length, field.max_digits, field.decimal_places) {
        (Some(length), _, _) => format!("{}({length})", field.class),
        (None, Some(digits), Some(places)) => format!("{}({digits}, {places})", field.class),
        _ => field.class.clone(),
    }
}

fn change(before: &Field, after: &Field) -> Change {
    if before.builtin.is_none() || after.builtin.is_none() {
        // A class of some package: the same class with the same arguments has the same type.
        return if before.class == after.class && before.max_length == after.max_length {
            Change::None
        } else {
            Change::Unknown
        };
    }
    match (column(before), column(after)) {
        (Column::Varchar(_), Column::Varchar(None) | Column::Text)
        | (Column::Text, Column::Text | Column::Varchar(None)) => Change::None,
        (Column::Varchar(Some(old)), Column::Varchar(Some(new))) => {
            if new >= old {
                Change::None
            } else {
                Change::Narrowed
            }
        }
        (Column::Varchar(None) | Column::Text, Column::Varchar(Some(_))) => Change::Narrowed,
        (Column::Integer(old), Column::Integer(new)) => match new.cmp(&old) {
            std::cmp::Ordering::Less => Change::Narrowed,
            std::cmp::Ordering::Equal => Change::None,
            std::cmp::Ordering::Greater => Change::Rewritten,
        },
        (Column::Numeric(digits, places), Column::Numeric(new_digits, new_places)) => {
            if places != new_places {
                // Another scale rounds, or needs more digits; all rows are written anew either way.
                if new_places < places || whole(new_digits, new_places) < whole(digits, places) {
                    Change::Narrowed
                } else {
                    Change::Rewritten
                }
            } else if new_digits.is_none() || (digits.is_some() && new_digits >= digits) {
                Change::None
            } else {
                Change::Narrowed
            }
        }
        (Column::Key(old), Column::Key(new)) if old.eq_ignore_ascii_case(&new) => Change::None,
        // The type of the other end is not looked up; most keys are whole numbers of one size.
        (Column::Key(_), _) | (_, Column::Key(_)) => Change::Unknown,
        (Column::Integer(_), Column::Numeric(..)) => Change::Rewritten,
        (Column::Other(old), Column::Other(new)) if old == new => Change::None,
        (old, new) if old == new => Change::None,
        _ => Change::Changed,
    }
}

/// Digits before the point.
fn whole(digits: Option<i64>, places: Option<i64>) -> i64 {
    digits
        .unwrap_or(i64::MAX)
        .saturating_sub(places.unwrap_or(0))
}

fn column(field: &Field) -> Column {
    let known = field.known();
    match known {
        "CharField" | "SlugField" | "EmailField" | "URLField" | "FileField" | "ImageField"
        | "FilePathField" => Column::Varchar(field.max_length),
        "CommaSeparatedIntegerField" => Column::Varchar(field.max_length),
        "TextField" => Column::Text,
        "SmallIntegerField" | "PositiveSmallIntegerField" | "SmallAutoField" => Column::Integer(2),
        "IntegerField" | "PositiveIntegerField" | "AutoField" => Column::Integer(4),
        "BigIntegerField" | "PositiveBigIntegerField" | "BigAutoField" | "DurationField" => {
            if known == "DurationField" {
                Column::Other(known.to_owned())
            } else {
                Column::Integer(8)
            }
        }
        "DecimalField" => Column::Numeric(field.max_digits, field.decimal_places),
        "ForeignKey" | "OneToOneField" | "ParentalKey" => {
            Column::Key(field.to.clone().unwrap_or_default())
        }
        "BooleanField" | "NullBooleanField" => Column::Other("boolean".to_owned()),
        "IPAddressField" | "GenericIPAddressField" => Column::Other("inet".to_owned()),
        "JSONField" => Column::Other("jsonb".to_owned()),
        "GeneratedField" | "ArrayField" => Column::Other(format!("{known}:{}", field.type_details)),
        other => Column::Other(other.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::{CHANGED, NARROWED, REWRITTEN};
    use crate::migrations::testing::Case;

    fn alter(name: &str, field: &str) -> Vec<String> {
        Case::new()
            .adds(&format!(
                r#"migrations.AlterField("order", "{name}", {field}),"#
            ))
            .all()
    }

    #[test]
    fn what_postgres_does_in_its_catalogue_is_silent() {
        for (name, field) in [
            ("number", "models.CharField(max_length=40)"),
            ("number", "models.TextField()"),
            (
                "number",
                "models.CharField(max_length=20, verbose_name='No.')",
            ),
            ("number", "models.SlugField(max_length=20, db_index=False)"),
            (
                "total",
                "models.DecimalField(max_digits=12, decimal_places=2)",
            ),
            ("count", "models.PositiveIntegerField(default=0)"),
        ] {
            assert!(
                alter(name, field).is_empty(),
                "{field}: {:?}",
                alter(name, field)
            );
        }
    }

    #[test]
    fn what_may_not_fit_is_an_error() {
        for (name, field) in [
            ("number", "models.CharField(max_length=10)"),
            ("note", "models.CharField(max_length=10, null=True)"),
            ("count", "models.SmallIntegerField(default=0)"),
            (
                "total",
                "models.DecimalField(max_digits=6, decimal_places=2)",
            ),
            (
                "total",
                "models.DecimalField(max_digits=8, decimal_places=1)",
            ),
            (
                "total",
                "models.DecimalField(max_digits=8, decimal_places=3)",
            ),
        ] {
            assert_eq!(alter(name, field), [NARROWED], "{field}");
        }
    }

    #[test]
    fn what_is_written_anew_is_a_warning_and_an_error_on_a_hot_table() {
        let grow = r#"migrations.AlterField("order", "count", models.BigIntegerField(default=0)),"#;
        assert_eq!(Case::new().adds(grow).warnings(), [REWRITTEN]);
        assert_eq!(
            Case::new().hot("shop_order").adds(grow).errors(),
            [REWRITTEN]
        );
        assert_eq!(
            Case::new().hot("shop.Order").adds(grow).errors(),
            [REWRITTEN]
        );
    }

    #[test]
    fn another_kind_of_value_breaks_the_serving_code() {
        assert_eq!(alter("number", "models.IntegerField()"), [CHANGED]);
        assert_eq!(alter("note", "models.JSONField(null=True)"), [CHANGED]);
    }

    #[test]
    fn the_old_field_is_the_one_after_all_changes_before() {
        let case = Case::new()
            .released(
                "0002_wide",
                "0001_initial",
                r#"migrations.AlterField("order", "number", models.CharField(max_length=200)),"#,
            )
            .adds_after(
                "0003_less",
                "0002_wide",
                r#"migrations.AlterField("order", "number", models.CharField(max_length=100)),"#,
                "",
            );
        assert_eq!(case.all(), [NARROWED]);
    }
}
