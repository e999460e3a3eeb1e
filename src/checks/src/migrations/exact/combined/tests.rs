use super::*;
use crate::migrations::testing::{Case, migration_text};

const PATH: &str = "shop/migrations/0002_change.py";

fn id(name: &str) -> MigrationId {
    MigrationId {
        app: "shop".to_owned(),
        name: name.to_owned(),
        path: format!("shop/migrations/{name}.py"),
    }
}

fn reviewed(case: &Case, answers: &[ExactAnswer]) -> MigrationReview {
    let review = Review {
        base: Some(&case.base),
        head: &case.head,
        settings: &case.settings,
    };
    review_with_sql(&review, answers, false)
}

/// The review with this SQL of the migration of the release, in Django's transaction.
fn with_sql(case: &Case, sql: &str) -> MigrationReview {
    reviewed(
        case,
        &[ExactAnswer {
            migration: id("0002_change"),
            sql: Ok(format!("BEGIN;\n--\n-- Change\n--\n{sql}\nCOMMIT;\n")),
        }],
    )
}

fn said(review: &MigrationReview) -> Vec<String> {
    let findings = review.findings.iter();
    findings
        .map(|finding| {
            let line = finding.location.as_ref().and_then(|place| place.line);
            format!("{}:{}", finding.rule, line.unwrap_or_default())
        })
        .collect()
}

fn failed(name: &str, why: &str) -> ExactAnswer {
    ExactAnswer {
        migration: id(name),
        sql: Err(NotMade {
            why: why.to_owned(),
            remedy: "look".to_owned(),
        }),
    }
}

const DROP_NOTE: &str = r#"ALTER TABLE "shop_order" DROP COLUMN "note" CASCADE;"#;
const DROP_NUMBER: &str = r#"ALTER TABLE "shop_order" DROP COLUMN "number" CASCADE;"#;

#[test]
fn what_the_review_has_seen_stays_at_its_line() {
    let case = Case::new().adds("migrations.RemoveField('order', 'note'),");
    let before = said(&case.review());
    assert_eq!(said(&with_sql(&case, DROP_NOTE)), before);
    // All operations are seen: what the SQL says more of the same is no news.
    let both = format!("{DROP_NOTE}\n{DROP_NUMBER}");
    assert_eq!(said(&with_sql(&case, &both)), before);
}

#[test]
fn what_a_helper_makes_is_found_beside_what_is_seen() {
    let case = Case::new().adds("migrations.RemoveField('order', 'note'),\n        *more(),");
    let both = format!("{DROP_NOTE}\n{DROP_NUMBER}");
    let found = with_sql(&case, &both);
    let drops: Vec<&Finding> = (found.findings.iter())
        .filter(|finding| finding.rule == "drop-column")
        .collect();
    assert_eq!(drops.len(), 2, "{found:#?}");
    assert!(
        drops
            .iter()
            .any(|drop| drop.message.contains("shop_order.number"))
    );
    assert!(found.blocked && found.not_analysed.is_empty());
    assert!(!said(&found).iter().any(|one| one.contains("not-analysed")));
}

#[test]
fn sql_shows_operations_and_not_what_python_does() {
    let hidden = Case::new().adds("*make(),");
    assert_eq!(said(&hidden.review()).len(), 1);
    let harmless = r#"ALTER TABLE "shop_order" ADD COLUMN "more" text NULL;"#;
    assert_eq!(said(&with_sql(&hidden, harmless)), [""; 0]);
    for comment in [
        "-- (no-op)",
        &format!("{harmless}\n-- THIS OPERATION CANNOT BE WRITTEN AS SQL"),
        &format!("-- MIGRATION NOW PERFORMS OPERATION THAT CANNOT BE WRITTEN AS SQL:\n{harmless}"),
    ] {
        let found = with_sql(&hidden, comment);
        assert_eq!(said(&found), said(&hidden.review()), "{comment}");
        assert_eq!(found.not_analysed.len(), 1);
    }
    let code = Case::new().adds(
        "migrations.RunPython(partial(print, 1), migrations.RunPython.noop),\n        *make(),",
    );
    assert_eq!(said(&code.review()).len(), 2);
    let sql = format!("-- THIS OPERATION CANNOT BE WRITTEN AS SQL\n{harmless}");
    let found = with_sql(&code, &sql);
    assert_eq!(found.not_analysed.len(), 1, "{found:#?}");
    assert_eq!(found.not_analysed[0].what, Hidden::Code);
    assert_eq!(said(&found).len(), 1);
}

#[test]
fn a_method_of_an_operation_is_shown_only_by_what_it_prints() {
    let own = "class Drop(migrations.RemoveField):\n    def database_forwards(self, *args):\n        pass\n\n\nclass Migration";
    let text = migration_text("0001_initial", "Drop('order', 'note'),", "")
        .replace("class Migration", own);
    let case = Case::new().file(PATH, text);
    let analysed = |sql: &str| with_sql(&case, sql).not_analysed.is_empty();
    assert!(!case.review().not_analysed.is_empty());
    assert!(analysed(DROP_NOTE));
    assert!(!analysed(&format!("-- (no-op)\n{DROP_NUMBER}")));
}

#[test]
fn the_place_in_the_graph_is_not_in_the_sql() {
    let text = migration_text("0001_initial", "", "")
        .replace("dependencies = [", "dependencies = [made(), ");
    let case = Case::new().file(PATH, text);
    assert_eq!(with_sql(&case, "").not_analysed, case.review().not_analysed);
    assert_eq!(case.review().not_analysed.len(), 1);
}

#[test]
fn a_base_class_may_say_that_there_is_no_transaction() {
    let text = migration_text("0001_initial", "", "").replace("migrations.Migration", "base.Free");
    let case = Case::new().file(PATH, format!("import base\n{text}"));
    let sql = r#"CREATE INDEX CONCURRENTLY IF NOT EXISTS "a" ON "shop_order" ("number");"#;
    let free = ExactAnswer {
        migration: id("0002_change"),
        sql: Ok(sql.to_owned()),
    };
    assert_eq!(said(&reviewed(&case, &[free])), [""; 0]);
    let found = with_sql(&case, sql);
    assert!(
        said(&found)[0].starts_with("concurrently-in-transaction"),
        "{found:#?}"
    );
}

#[test]
fn what_could_not_be_had_is_an_error_and_the_same_of_all_is_said_once() {
    let case = Case::new()
        .adds("migrations.RemoveField('order', 'note'),")
        .adds_after("0003_more", "0002_change", "*make(),", "");
    let two = |one: &str, other: &str| {
        reviewed(
            &case,
            &[failed("0002_change", one), failed("0003_more", other)],
        )
    };
    let errors = |found: &MigrationReview| -> Vec<String> {
        let errors = found.findings.iter();
        errors
            .filter(|one| one.rule == "migration-not-analysed" && one.severity == Severity::Error)
            .map(|one| format!("{}: {}", path(one), one.message))
            .collect()
    };
    let same = two("no database", "no database");
    assert_eq!(
        errors(&same),
        [": the SQL of none of the 2 new migrations could be judged: no database"]
    );
    assert_eq!(same.not_analysed.len(), 1);
    let different = two("no database", "it is another file");
    assert_eq!(
        errors(&different),
        [
            format!("{PATH}: its SQL could not be judged: no database"),
            "shop/migrations/0003_more.py: its SQL could not be judged: it is another file"
                .to_owned(),
        ]
    );
    assert_eq!(different.not_analysed.len(), 3);
    assert!(different.blocked);
    // What the operations say is judged all the same.
    assert!(said(&same).iter().any(|one| one.starts_with("drop-column")));
}

#[test]
fn the_new_migrations_are_named_with_what_they_import() {
    let text = migration_text("0001_initial", "*make(),", "").replace(
        "import uuid",
        "from shop.helpers import make\nfrom . import _more\nfrom django.conf import settings",
    );
    let case = Case::new()
        .file("shop/helpers.py", "from .deep import *\n")
        .file("shop/deep.py", "from shop.helpers import make\n")
        .file("shop/migrations/_more.py", "")
        .file("shop/other.py", "")
        .file(PATH, text);
    let review = Review {
        base: Some(&case.base),
        head: &case.head,
        settings: &case.settings,
    };
    let new = review::new_migrations(&review);
    assert_eq!(new.len(), 1);
    assert_eq!(new[0].id, id("0002_change"));
    let mut files = new[0].files.clone();
    files.sort();
    assert_eq!(
        files,
        [
            "shop/deep.py",
            "shop/helpers.py",
            "shop/migrations/0002_change.py",
            "shop/migrations/__init__.py",
            "shop/migrations/_more.py",
        ]
    );
}

#[test]
fn a_type_that_cannot_be_seen_is_in_the_sql() {
    let case = Case::new().adds(
        "migrations.AlterField('order', 'note', encrypted.fields.EncryptedTextField(null=True)),",
    );
    assert_eq!(case.all(), ["migration-not-analysed"]);
    let sql = r#"ALTER TABLE "shop_order" ALTER COLUMN "note" TYPE bytea USING "note"::bytea;"#;
    let found = with_sql(&case, sql);
    let rules: Vec<&str> = (found.findings.iter())
        .map(|finding| finding.rule.as_str())
        .collect();
    assert_eq!(rules, ["rewrite-column"]);
    assert!(found.not_analysed.is_empty());
}
