//! `narrow-column`, `change-column-type`, `rewrite-column`: a column gets another type.

use super::{Context, Said};
use crate::migrations::column::{Change, Column, change_in};
use crate::migrations::field::Field;
use crate::migrations::operation::{Kind, Operation};
use beanpole_model::Severity;

/// Values that fit may fit no more.
pub(super) const NARROWED: &str = "narrow-column";
/// Old code reads or writes something else than the column holds.
pub(super) const CHANGED: &str = "change-column-type";
/// Everything fits, but the table is written anew under a lock.
pub(super) const REWRITTEN: &str = "rewrite-column";

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
    let column = before.column(name);
    let used = serving.uses_column(&old.table, &column);
    let (from, to) = (describe(before), describe(field));
    let table = &old.table;
    let (rule, severity, reason, remedy) = match change_in(
        &context.fold.database,
        old,
        before,
        field,
    ) {
        Change::None => return,
        Change::Unknown => {
            let hidden = if Column::of(field) == Column::Hidden {
                &to
            } else {
                &from
            };
            let why = format!(
                "{table}.{column} changes from {from} to {to}, and the type of {hidden} cannot be seen"
            );
            return context.cannot_see(operation.span, why);
        }
        Change::PerhapsNarrowed => (
            NARROWED,
            Severity::Warning,
            "the type of the class cannot be seen; if its column has that length, the serving code may still write what no \
             longer fits, and the migration fails if a row does not fit",
            "release code that writes what fits first, look for rows that do not, and narrow the column in a later release",
        ),
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

/// A field's type for a person: `CharField(20)`, `ArrayField(IntegerField)`.
fn describe(field: &Field) -> String {
    let class = &field.class;
    if let (true, Some(to)) = (field.is_foreign_key(), &field.to) {
        return format!("{class}({to})");
    }
    if let Some(base) = &field.base {
        return format!("{class}({})", describe(base));
    }
    match (field.max_length, field.max_digits, field.decimal_places) {
        (Some(length), _, _) => format!("{class}({length})"),
        (None, Some(digits), Some(places)) => format!("{class}({digits}, {places})"),
        _ => class.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::{CHANGED, NARROWED, REWRITTEN};
    use crate::migrations::rules::NOT_ANALYSED as UNSEEN;
    use crate::migrations::testing::{Case, migration_text};

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

    /// What is found when a released field of that kind becomes another.
    fn from_to(before: &str, after: &str) -> Case {
        let add = format!(r#"migrations.AddField("order", "extra", {before}),"#);
        let alter = format!(r#"migrations.AlterField("order", "extra", {after}),"#);
        Case::new()
            .serving_models(|models| {
                models.replace("    note =", "    extra = models.Field()\n    note =")
            })
            .released("0002_extra", "0001_initial", &add)
            .adds_after("0003_change", "0002_extra", &alter, "")
    }

    /// What is found when a column becomes one of a class of the project.
    fn to_own(name: &str, field: &str, classes: &str) -> Case {
        let operation =
            format!(r#"migrations.AlterField("order", "{name}", shop.fields.{field}),"#);
        let text = migration_text("0001_initial", &operation, "");
        Case::new()
            .file(
                "shop/fields.py",
                format!("from django.db import models\n\n\n{classes}"),
            )
            .file(
                "shop/migrations/0002_change.py",
                format!("import shop.fields\n{text}"),
            )
    }

    fn list_of(base: &str) -> String {
        format!(
            "django.contrib.postgres.fields.ArrayField(base_field=models.{base}, null=True, size=None)"
        )
    }

    #[test]
    fn a_key_has_the_type_of_what_it_points_to() {
        let made = r#"migrations.CreateModel("Card", [("code", models.UUIDField(primary_key=True)), ("number", models.IntegerField(unique=True))]),
        migrations.CreateModel("Gold", [("card_ptr", models.OneToOneField("shop.card", models.CASCADE, primary_key=True))]),"#;
        let judged = |field: &str| {
            let alter = format!(r#"migrations.AlterField("order", "customer", models.{field}),"#);
            let case = Case::new()
                .released("0002_card", "0001_initial", made)
                .adds_after("0003_change", "0002_card", &alter, "");
            let mut rules = case.all();
            rules.retain(|rule| rule != "foreign-key-locks" && rule != "drop-index-locks");
            rules
        };
        let none: [&str; 0] = [];
        assert_eq!(judged("ForeignKey('shop.label', models.CASCADE)"), none);
        assert_eq!(judged("ForeignKey('other.thing', models.CASCADE)"), none);
        assert_eq!(judged("ForeignKey('shop.card', models.CASCADE)"), [CHANGED]);
        assert_eq!(judged("ForeignKey('Gold', models.CASCADE)"), [CHANGED]);
        let by_number = "ForeignKey('shop.card', models.CASCADE, to_field='number')";
        assert_eq!(judged(by_number), [NARROWED]);
        let plain = |class: &str| judged(&format!("{class}(db_column='customer_id')"));
        assert_eq!(plain("BigIntegerField"), none);
        assert_eq!(plain("IntegerField"), [NARROWED]);
    }

    #[test]
    fn lists_are_compared_by_the_type_of_what_they_hold() {
        let judged = |old: &str, new: &str| from_to(&list_of(old), &list_of(new));
        for (old, new) in [
            (
                "CharField(max_length=10, choices=[('a', 'A')])",
                "CharField(choices=[('a', 'A'), ('b', 'B')], max_length=10)",
            ),
            ("IntegerField()", "IntegerField(blank=True)"),
            ("IntegerField()", "PositiveIntegerField()"),
        ] {
            assert!(judged(old, new).all().is_empty(), "{old} {new}");
        }
        let wider = judged("CharField(max_length=10)", "CharField(max_length=50)");
        assert_eq!(wider.all(), [REWRITTEN]);
        let less = judged("CharField(max_length=50)", "CharField(max_length=10)");
        assert_eq!(less.all(), [NARROWED]);
        let other = judged("CharField(max_length=10)", "DateField()");
        assert_eq!(other.all(), [CHANGED]);
        let message = other.review().findings[0].message.clone();
        assert!(message.contains("from ArrayField(CharField(10)) to ArrayField(DateField)"));
        let unseen = judged("CharField(max_length=10)", "CharField(max_length=LONGEST)");
        assert_eq!(unseen.all(), [UNSEEN]);
    }

    #[test]
    fn lists_of_lists_are_compared_as_well() {
        let nested = |length: u32, choices: &str| {
            let inner = list_of(&format!(
                "CharField(max_length={length}, choices={choices})"
            ));
            list_of("F()").replace("models.F()", &inner)
        };
        let judged = |length: u32| from_to(&nested(10, "[]"), &nested(length, "[('a', 'A')]"));
        assert!(judged(10).all().is_empty());
        assert_eq!(judged(9).all(), [NARROWED]);
    }

    #[test]
    fn a_list_of_a_class_of_the_project_is_not_guessed() {
        let classes = "from django.contrib.postgres.fields import ArrayField\n\n\nclass ChoicesField(ArrayField):\n    \
                       def __init__(self, **kwargs):\n        super().__init__(models.CharField(max_length=9), **kwargs)\n";
        let case = to_own("note", "ChoicesField(null=True)", classes);
        assert_eq!(case.all(), [UNSEEN]);
    }

    #[test]
    fn a_generated_column_is_compared_by_its_type() {
        let generated = |output: &str| {
            format!(
                "models.GeneratedField(expression=models.F('count'), output_field=models.{output}, db_persist=True)"
            )
        };
        let judged = |output: &str| from_to(&generated("IntegerField()"), &generated(output)).all();
        assert!(judged("IntegerField(help_text='for the packer')").is_empty());
        assert_eq!(judged("TextField()"), [CHANGED]);
    }

    #[test]
    fn what_a_class_sets_itself_is_not_guessed() {
        let money = "class Money(models.DecimalField):\n    def __init__(self, *args, **kwargs):\n        \
                     kwargs['max_digits'] = 8\n        kwargs['decimal_places'] = 2\n        super().__init__(*args, **kwargs)\n";
        assert_eq!(to_own("total", "Money()", money).all(), [UNSEEN]);
        let written = "Money(max_digits=8, decimal_places=2)";
        assert!(to_own("total", written, money).all().is_empty());
        let less = "Money(max_digits=6, decimal_places=2)";
        assert_eq!(to_own("total", less, money).all(), [NARROWED]);
    }

    #[test]
    fn a_length_from_elsewhere_is_not_taken_for_none() {
        let text = |length: &str| format!("models.CharField(max_length={length}, null=True)");
        let judged = |old: &str, new: &str| from_to(&text(old), &text(new)).all();
        assert_eq!(judged("LONGEST", "300"), [UNSEEN]);
        assert_eq!(judged("300", "LONGEST"), [UNSEEN]);
        assert_eq!(judged("2 * 10", "3 * 10"), [UNSEEN]);
        assert!(judged("LONGEST", "LONGEST, help_text='for the packer'").is_empty());
    }

    #[test]
    fn a_class_that_cannot_be_read_is_said() {
        for (name, field) in [
            ("note", "encrypted.fields.EncryptedTextField(null=True)"),
            ("count", "encrypted.fields.EncryptedTextField()"),
            (
                "number",
                "django_countries.fields.CountryField(max_length=20)",
            ),
        ] {
            assert_eq!(alter(name, field), [UNSEEN], "{field}");
        }
        let bytes = "class Enc(models.TextField):\n    def db_type(self, connection):\n        return 'bytea'\n";
        assert_eq!(to_own("note", "Enc(null=True)", bytes).all(), [UNSEEN]);
        let mixed = "from encrypted import EncryptedMixin\n\n\nclass Enc(EncryptedMixin, models.TextField):\n    pass\n";
        assert_eq!(to_own("note", "Enc(null=True)", mixed).all(), [UNSEEN]);
    }

    #[test]
    fn a_class_that_cannot_be_read_and_stays_is_silent() {
        let country = |arguments: &str| {
            format!("django_countries.fields.CountryField({arguments}, null=True)")
        };
        let judged = |old: &str, new: &str| from_to(&country(old), &country(new));
        for new in [
            "max_length=20, help_text='a'",
            "max_length=20, multiple=False",
            "max_length=30",
        ] {
            assert!(judged("max_length=20", new).all().is_empty(), "{new}");
        }
        let less = judged("max_length=20", "max_length=2");
        assert_eq!(
            (less.warnings(), less.errors()),
            (vec![NARROWED.to_owned()], vec![])
        );
        assert_eq!(judged("blank=True", "max_length=2").all(), [UNSEEN]);
        assert_eq!(judged("srid=4326", "srid=3857").all(), [UNSEEN]);
    }

    #[test]
    fn a_class_that_names_the_type_of_django_is_seen() {
        let json = "class Json(models.JSONField):\n    def from_db_value(self, value, *rest):\n        return value\n";
        assert_eq!(to_own("note", "Json(null=True)", json).all(), [CHANGED]);
        let text = "class Packed(models.Field):\n    def get_internal_type(self):\n        \"The column.\"\n        return \"TextField\"\n";
        assert!(to_own("note", "Packed(null=True)", text).all().is_empty());
        let computed = text.replace("return \"TextField\"", "return super().get_internal_type()");
        assert_eq!(
            to_own("note", "Packed(null=True)", &computed).all(),
            [UNSEEN]
        );
        let tree = "mptt.fields.TreeForeignKey(to='shop.customer', on_delete=models.CASCADE)";
        let operation = format!(r#"migrations.AlterField("order", "customer", {tree}),"#);
        let text = migration_text("0001_initial", &operation, "");
        let case = Case::new().file(
            "shop/migrations/0002_change.py",
            format!("import mptt.fields\n{text}"),
        );
        assert!(case.all().is_empty(), "{:?}", case.review());
    }
}
