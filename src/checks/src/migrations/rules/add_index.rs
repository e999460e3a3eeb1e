//! `index-locks-writes`, `drop-index-locks`: indexes built and dropped without CONCURRENTLY.

use super::{Context, Said};
use crate::migrations::operation::{Kind, Operation};
use crate::migrations::state::Model;
use beanpole_model::Severity;

pub(in crate::migrations) const RULE: &str = "index-locks-writes";
pub(in crate::migrations) const DROPPED: &str = "drop-index-locks";

pub(super) fn check(context: &mut Context<'_>, operation: &Operation) {
    match &operation.kind {
        Kind::AddIndex {
            model,
            name,
            concurrently: false,
        } => {
            if let Some(old) = context.old_table(model) {
                let name = name.as_deref().unwrap_or("without a name");
                say_index(context, operation, old, &format!("the index {name}"), false);
            }
        }
        Kind::AlterIndexTogether { model, sets } => {
            if let Some(old) = context.old_table(model)
                && let Some(new) = sets.difference(&old.index_together).next()
            {
                say_index(
                    context,
                    operation,
                    old,
                    &format!("an index on {}", new.join(", ")),
                    false,
                );
            }
        }
        Kind::AlterField { model, name, field } => {
            if let Some(old) = context.old_table(model)
                && let Some(before) = old.fields.get(name)
                && field.db_index
                && !before.db_index
                && !before.unique
                && !field.unique
            {
                say_index(
                    context,
                    operation,
                    old,
                    &format!("an index on {name}"),
                    false,
                );
            }
        }
        Kind::AddField { model, name, field } => {
            if let Some(old) = context.old_table(model)
                && field.has_column()
                && (field.db_index || field.unique)
                // The rule of foreign keys speaks for both.
                && !(field.is_foreign_key() && field.db_constraint)
            {
                // All rows are equal: quick to build, but every row is read.
                say_index(
                    context,
                    operation,
                    old,
                    &format!("an index on the new {name}"),
                    true,
                );
            }
        }
        Kind::RemoveIndex {
            model,
            name,
            concurrently: false,
        } => {
            if let Some(old) = context.old_table(model) {
                let severity = if context.is_hot(old) {
                    Severity::Warning
                } else {
                    Severity::Note
                };
                context.say(Said {
                    rule: DROPPED,
                    severity,
                    span: operation.span,
                    message: format!("drops the index {name} of {} without CONCURRENTLY", old.table),
                    reason: "the lock is short but stops all reads and writes, and waits behind every query that runs",
                    remedy: "use RemoveIndexConcurrently in a migration with `atomic = False`".to_owned(),
                });
            }
        }
        _ => {}
    }
}

fn say_index(
    context: &mut Context<'_>,
    operation: &Operation,
    old: &Model,
    what: &str,
    on_new_column: bool,
) {
    let severity = match (context.is_hot(old), on_new_column) {
        (true, _) => Severity::Error,
        (false, true) => Severity::Note,
        (false, false) => Severity::Warning,
    };
    context.say(Said {
        rule: RULE,
        severity,
        span: operation.span,
        message: format!("builds {what} of {} without CONCURRENTLY", old.table),
        reason: "every write of the table waits until the index is built",
        remedy: if on_new_column {
            "add the field without an index (db_index=False), and the index with AddIndexConcurrently in a migration with \
             `atomic = False`"
        } else {
            "use AddIndexConcurrently (django.contrib.postgres.operations) in a migration of its own with `atomic = False`"
        }
        .to_owned(),
    });
}

#[cfg(test)]
mod tests {
    use super::{DROPPED, RULE};
    use crate::migrations::testing::Case;

    const INDEX: &str =
        r#"migrations.AddIndex("order", models.Index(fields=["number"], name="by_number")),"#;

    #[test]
    fn every_way_to_ask_for_an_index_is_seen() {
        for operation in [
            INDEX,
            r#"migrations.AlterField("order", "number", models.CharField(max_length=20, db_index=True)),"#,
            r#"migrations.AlterIndexTogether("order", {("number", "customer")}),"#,
        ] {
            assert_eq!(
                Case::new().adds(operation).warnings(),
                [RULE],
                "{operation}"
            );
            assert_eq!(
                Case::new().hot("shop_order").adds(operation).errors(),
                [RULE]
            );
        }
        let case = Case::new()
            .adds(r#"migrations.AddField("order", "tag", models.SlugField(null=True)),"#);
        // The index itself is a note; that it is built under the lock of its column is another rule.
        assert_eq!(case.found(beanpole_model::Severity::Note), [RULE]);
        assert_eq!(case.warnings(), ["slow-under-lock"]);
    }

    #[test]
    fn a_second_index_on_an_old_table_counts_after_one_on_a_new_table() {
        let case = Case::new().adds(&format!(
            r#"migrations.CreateModel("Draft", [("id", models.BigAutoField(primary_key=True))]),
            migrations.AddIndex("draft", models.Index(fields=["id"], name="a")),
            {INDEX}"#
        ));
        assert_eq!(case.warnings(), [RULE]);
        assert!(case.review().findings[0].message.contains("by_number"));
    }

    #[test]
    fn an_index_may_be_built_beside_the_traffic() {
        let case = Case::new().adds_after(
            "0002_index",
            "0001_initial",
            r#"AddIndexConcurrently("order", models.Index(fields=["number"], name="by_number")),"#,
            "atomic = False",
        );
        assert!(case.all().is_empty());
    }

    #[test]
    fn a_dropped_index_is_a_note() {
        let case = Case::new()
            .released("0002_index", "0001_initial", INDEX)
            .adds_after(
                "0003_drop",
                "0002_index",
                r#"migrations.RemoveIndex("order", "by_number"),"#,
                "",
            );
        assert_eq!(case.all(), [DROPPED]);
        assert!(case.warnings().is_empty());
    }
}
