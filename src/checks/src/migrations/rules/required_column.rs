//! `required-column`: a new column that old code does not fill and that takes no NULL.

use super::{Context, Said};
use crate::migrations::operation::{Kind, Operation};
use beanpole_model::Severity;

pub(super) const RULE: &str = "required-column";

pub(super) fn check(context: &mut Context<'_>, operation: &Operation) {
    if let Kind::AlterOrderWithRespectTo { model, ordered } = &operation.kind {
        return order(context, operation, model, *ordered);
    }
    let Kind::AddField { model, name, field } = &operation.kind else {
        return;
    };
    let (Some(old), Some(serving)) = (context.old_table(model), context.serving) else {
        return;
    };
    if !field.has_column()
        || field.takes_null()
        || field.is_filled_by_database()
        || field.incomplete.is_some()
    {
        return;
    }
    let column = field.column(name);
    // The serving code may know the column already: it was added by hand, or the field came back into the state.
    let Some(writer) = serving.model_on(&old.table) else {
        return;
    };
    if writer.column_owner(&column).is_some() {
        return;
    }
    let table = &old.table;
    if let Some(null) = field.hides("null") {
        let why =
            format!("adds {table}.{column}, and whether it takes NULL cannot be seen: null={null}");
        return context.cannot_see(operation.span, why);
    }
    let (message, reason) = if field.null_is_hidden {
        (
            format!("adds {table}.{column}; its class decides itself whether that is NOT NULL"),
            "if it is, INSERTs of the old code fail until the new version serves, and again after a roll-back",
        )
    } else if field.has_effective_default() {
        (
            format!("adds {table}.{column} as NOT NULL; the serving code inserts rows without it"),
            "Django uses the default of Python for the rows that are there and then drops it from the column: an INSERT of the old \
             code fails until the new version serves, and again after a roll-back",
        )
    } else {
        (
            format!("adds {table}.{column} as NOT NULL without any default"),
            "on a table with rows the migration fails, and INSERTs of the old code fail until the new version serves",
        )
    };
    let remedy = if context.settings.has_db_default() {
        "give the field a `db_default` (Django 5.0), which stays in the database, or `null=True` now and NOT NULL in a later \
         release"
    } else {
        "add the field with `null=True`, fill it, and make it NOT NULL in a later release (from Django 5.0 on, `db_default` does \
         it in one step)"
    };
    context.say(Said {
        rule: RULE,
        severity: if field.null_is_hidden {
            Severity::Warning
        } else {
            Severity::Error
        },
        span: operation.span,
        message,
        reason,
        remedy: remedy.to_owned(),
    });
}

/// Fields that leave the models while their columns stay: the new code inserts rows without them.
pub(super) fn left_behind(context: &mut Context<'_>, database: &[Operation], state: &[Operation]) {
    // SQL and Python may have let the columns take NULL.
    let is_by_hand = |inner: &Operation| matches!(inner.kind, Kind::RunSql(_) | Kind::RunPython(_));
    if database.iter().any(is_by_hand) {
        return;
    }
    for operation in state {
        let Kind::RemoveField { model, name } = &operation.kind else {
            continue;
        };
        let touches = |inner: &Operation| match &inner.kind {
            Kind::RemoveField {
                model: on,
                name: of,
            }
            | Kind::AlterField {
                model: on,
                name: of,
                ..
            } => on.eq_ignore_ascii_case(model) && of == name,
            _ => false,
        };
        let Some(old) = context.old_table(model) else {
            continue;
        };
        let Some(field) = old.fields.get(name) else {
            continue;
        };
        let is_filled = field.takes_null() || field.is_filled_by_database() || field.null_is_hidden;
        if !field.has_column()
            || is_filled
            || field.incomplete.is_some()
            || database.iter().any(touches)
        {
            continue;
        }
        context.say(Said {
            rule: RULE,
            severity: Severity::Error,
            span: operation.span,
            message: format!(
                "takes {}.{} out of the models and leaves it NOT NULL without a default in the database",
                old.table,
                field.column(name)
            ),
            reason: "the new code inserts rows without the column, and each INSERT fails until the column is dropped",
            remedy: format!(
                "before it, let the column take NULL: `database_operations=[migrations.AlterField(\"{model}\", \"{name}\", …, \
                 null=True)]`, or a `db_default` in an earlier release"
            ),
        });
    }
}

/// `order_with_respect_to` has a column `_order` that takes no NULL.
fn order(context: &mut Context<'_>, operation: &Operation, model: &str, ordered: bool) {
    let Some(old) = context.old_table(model) else {
        return;
    };
    if context
        .serving
        .is_none_or(|serving| serving.model_on(&old.table).is_none())
    {
        return;
    }
    context.say(Said {
        rule: if ordered { RULE } else { super::drop_column::RULE },
        severity: Severity::Error,
        span: operation.span,
        message: format!(
            "{} the column {}._order of order_with_respect_to",
            if ordered { "adds" } else { "drops" },
            old.table
        ),
        reason: "the column takes no NULL and has no default in the database: the serving code's inserts fail without it, and its \
                 queries fail when it is gone",
        remedy: "keep the order in a field of your own".to_owned(),
    });
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::migrations::testing::Case;

    fn add(field: &str) -> Case {
        Case::new().adds(&format!(
            r#"migrations.AddField(model_name="order", name="extra", field={field}),"#
        ))
    }

    #[test]
    fn not_null_without_a_default_fails_at_once() {
        let case = add("models.IntegerField()");
        assert_eq!(case.errors(), [RULE]);
        assert!(
            case.review().findings[0]
                .message
                .contains("without any default")
        );
    }

    #[test]
    fn a_default_of_python_does_not_help_the_serving_code() {
        for field in [
            "models.IntegerField(default=0)",
            "models.CharField(max_length=10, blank=True)",
            "models.BooleanField(default=False)",
            "models.DateTimeField(auto_now_add=True)",
        ] {
            let case = add(field);
            assert_eq!(case.errors(), [RULE], "{field}");
            assert!(
                case.review().findings[0]
                    .message
                    .contains("inserts rows without it"),
                "{field}"
            );
        }
    }

    #[test]
    fn a_column_that_stays_behind_has_to_take_null() {
        let removed = |field: &str, database: &str| {
            Case::new().adds(&format!(
                r#"migrations.SeparateDatabaseAndState(
                    database_operations=[{database}],
                    state_operations=[migrations.RemoveField("order", "{field}")],
                ),"#
            ))
        };
        for field in ["number", "count"] {
            assert_eq!(removed(field, "").errors(), [RULE], "{field}");
        }
        for field in ["note", "state", "labels"] {
            assert!(removed(field, "").errors().is_empty(), "{field}");
        }
        for database in [
            r#"migrations.AlterField("order", "number", models.CharField(max_length=20, null=True))"#,
            r#"migrations.RunSQL("ALTER TABLE shop_order ALTER COLUMN number DROP NOT NULL", "")"#,
        ] {
            assert!(
                removed("number", database).errors().is_empty(),
                "{database}"
            );
        }
    }

    #[test]
    fn what_the_database_fills_is_fine() {
        for field in [
            "models.IntegerField(null=True)",
            "models.IntegerField(db_default=0)",
            "models.CharField(max_length=3, default='a', db_default='a')",
            "models.ManyToManyField('shop.Customer')",
            "models.GeneratedField(expression=models.F('count') + 1, output_field=models.IntegerField(), db_persist=True)",
        ] {
            assert!(!add(field).errors().contains(&RULE.to_owned()), "{field}");
        }
    }

    #[test]
    fn a_database_default_of_nothing_is_none() {
        assert_eq!(
            add("models.IntegerField(db_default=models.NOT_PROVIDED)").errors(),
            [RULE]
        );
    }

    #[test]
    fn a_class_may_decide_about_null_itself() {
        let judged = |init: &str| {
            let fields = format!(
                "from django.db import models\n\n\nclass CodeField(models.CharField):\n    \
                 def __init__(self, *args, **kwargs):\n        {init}\n        super().__init__(*args, **kwargs)\n"
            );
            let text = crate::migrations::testing::migration_text(
                "0001_initial",
                "migrations.AddField('order', 'code', shop.fields.CodeField(max_length=9)),",
                "",
            );
            Case::new().file("shop/fields.py", fields).file(
                "shop/migrations/0002_code.py",
                format!("import shop.fields\n{text}"),
            )
        };
        assert_eq!(judged("kwargs['unique'] = True").errors(), [RULE]);
        let mut installed = judged("kwargs['null'] = True");
        let fields = installed.head.get("shop/fields.py").unwrap().to_vec();
        installed.head.insert("src/shop/fields.py", fields);
        installed.head.remove("shop/fields.py");
        assert_eq!(installed.errors(), [""; 0]);
        let own = judged("kwargs['null'] = True");
        assert_eq!(own.errors(), [""; 0]);
        assert_eq!(own.warnings(), [RULE]);
    }

    #[test]
    fn a_name_from_elsewhere_may_say_that_it_takes_null() {
        let case = add("models.IntegerField(null=NULLABLE)");
        assert_eq!(case.all(), ["migration-not-analysed"]);
        assert_eq!(case.review().not_analysed.len(), 1);
        let here = |value: &str| {
            let operation =
                r#"migrations.AddField("order", "extra", models.IntegerField(null=NULLABLE)),"#;
            let attribute = format!("NULLABLE = {value}");
            Case::new().adds_after("0002_change", "0001_initial", operation, &attribute)
        };
        assert!(here("True").all().is_empty());
        assert_eq!(here("False").all(), [RULE]);
    }

    #[test]
    fn the_hidden_column_of_order_is_a_column() {
        let order = |to: &str| {
            Case::new().adds(&format!(
                "migrations.AlterOrderWithRespectTo('order', {to}),"
            ))
        };
        assert_eq!(order("'customer'").errors(), [RULE]);
        assert_eq!(order("None").errors(), ["drop-column"]);
    }

    #[test]
    fn a_new_table_has_no_old_inserts() {
        let case = Case::new().adds(
            r#"migrations.CreateModel("Draft", [("id", models.BigAutoField(primary_key=True))]),
            migrations.AddField("draft", "size", models.IntegerField()),"#,
        );
        assert!(case.all().is_empty());
    }

    #[test]
    fn a_table_of_a_migration_of_the_same_release_is_new() {
        let case = Case::new()
            .adds(r#"migrations.CreateModel("Draft", [("id", models.BigAutoField(primary_key=True))]),"#)
            .adds_after("0003_size", "0002_change", r#"migrations.AddField("draft", "size", models.IntegerField()),"#, "");
        assert!(case.all().is_empty());
    }

    #[test]
    fn the_remedy_knows_the_release_of_django() {
        let mut case = add("models.IntegerField(default=0)");
        let remedy = |case: &Case| case.review().findings[0].remedy.clone().unwrap();
        assert!(remedy(&case).starts_with("give the field a `db_default`"));
        case.settings.django = Some((4, 2));
        assert!(remedy(&case).starts_with("add the field with `null=True`"));
    }

    #[test]
    fn nobody_serves_before_the_first_release() {
        let case = add("models.IntegerField()");
        let review = crate::migrations::review(&crate::migrations::Review {
            base: None,
            head: &case.head,
            settings: &case.settings,
        });
        assert_eq!(review.added.len(), 2);
        assert!(review.findings.is_empty(), "{:?}", review.findings);
    }
}
