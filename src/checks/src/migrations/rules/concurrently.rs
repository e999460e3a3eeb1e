//! `concurrently-in-transaction`, `concurrently-not-alone`: where CONCURRENTLY can work.

use super::{Context, Said};
use crate::migrations::operation::{Kind, Operation};
use beanpole_model::Severity;

pub(super) const RULE: &str = "concurrently-in-transaction";
pub(in crate::migrations) const NOT_ALONE: &str = "concurrently-not-alone";

pub(super) fn check(context: &mut Context<'_>, operation: &Operation) {
    let (Kind::AddIndex {
        concurrently: true, ..
    }
    | Kind::RemoveIndex {
        concurrently: true, ..
    }) = &operation.kind
    else {
        return;
    };
    let name = operation.kind.name();
    if context.migration.atomic {
        context.say(Said {
            rule: RULE,
            severity: Severity::Error,
            span: operation.span,
            message: format!("{name} in a migration that runs in a transaction"),
            reason: "Django refuses: \"cannot be executed inside a transaction\"; the release step fails",
            remedy: "put it into a migration of its own with `atomic = False`".to_owned(),
        });
    } else if context.facts.operations > 1 {
        context.say(Said {
            rule: NOT_ALONE,
            severity: Severity::Note,
            span: operation.span,
            message: format!("{name} is one of {} operations without a transaction", context.facts.operations),
            reason: "if one of them fails, those before it stay: the migration can then neither be repeated nor taken back without \
                     work by hand",
            remedy: "give it a migration of its own".to_owned(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{NOT_ALONE, RULE};
    use crate::migrations::testing::Case;

    const ADD: &str =
        r#"AddIndexConcurrently("order", models.Index(fields=["number"], name="by_number")),"#;

    #[test]
    fn a_transaction_is_an_error() {
        assert_eq!(Case::new().adds(ADD).errors(), [RULE]);
        let case = Case::new().adds(r#"RemoveIndexConcurrently("order", "by_number"),"#);
        assert_eq!(case.errors(), [RULE]);
    }

    #[test]
    fn atomic_may_come_from_a_base_class_of_the_project() {
        let base = "from django.db import migrations\n\n\nclass Plain(migrations.Migration):\n    atomic = False\n";
        let text = crate::migrations::testing::migration_text("0001_initial", ADD, "")
            .replace(
                "class Migration(migrations.Migration)",
                "class Migration(Plain)",
            )
            .replace("import uuid", "import uuid\nfrom shop.plain import Plain");
        let case = Case::new()
            .file("shop/plain.py", base)
            .file("shop/migrations/0002_index.py", text);
        assert!(case.all().is_empty(), "{:?}", case.review());
    }

    #[test]
    fn company_is_a_note() {
        let both = format!(
            "{ADD}\n        AddIndexConcurrently('order', models.Index(fields=['count'], name='by_count')),"
        );
        let case = Case::new().adds_after("0002_two", "0001_initial", &both, "atomic = False");
        assert_eq!(case.all(), [NOT_ALONE, NOT_ALONE]);
    }
}
