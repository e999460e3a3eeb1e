//! The SQL that Django itself makes of a migration, under the rules for SQL.
//!
//! What a migration computes cannot be seen in its text; `manage.py sqlmigrate` knows it. Who runs that hands the output in
//! here. The rules are those for `RunSQL`, with the same tables and the same serving code. `combined` puts that beside the review.

mod combined;

pub use combined::{ExactAnswer, NotMade, review_with_sql};

use super::graph::Graph;
use super::migration::{Hidden, Migration};
use super::project::{Key, Project};
use super::review::{NotAnalysed, Review, added, sort};
use super::rules::{self, Context, MigrationFacts};
use super::serving::Serving;
use super::state::Fold;
use super::{MigrationId, Settings};
use beanpole_model::{Finding, Location};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// The SQL of a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExactSql<'a> {
    /// The path of the migration's file.
    pub path: &'a str,
    /// What `manage.py sqlmigrate` has printed for it, on Postgres.
    pub sql: &'a str,
}

/// Judges the SQL of migrations that the head of a review has and its base has not. SQL of others is not judged, and that is
/// said.
///
/// The findings stand at the classes of the migrations. What a review finds in the same migration by its operations is found
/// here once more by its SQL; operations that are no SQL, such as `RunPython`, are for the review alone.
#[must_use]
pub fn judge_sql(review: &Review<'_>, sql: &[ExactSql<'_>]) -> Vec<Finding> {
    let settings = review.settings;
    let base = review.base.map(|tree| Project::read(tree, settings, None));
    let head = Project::read(review.head, settings, base.as_ref());
    let texts: BTreeMap<&str, &str> = sql.iter().map(|one| (one.path, one.sql)).collect();
    let mut findings = judge(base.as_ref(), &head, settings, &texts);
    sort(&mut findings);
    findings
}

fn judge(
    base: Option<&Project<'_>>,
    head: &Project<'_>,
    settings: &Settings,
    texts: &BTreeMap<&str, &str>,
) -> Vec<Finding> {
    let serving = base.map(Serving::new);
    let graph = Graph::build(head);
    let new = added(base, head, &graph);
    let judged: BTreeSet<Key> = new.iter().map(MigrationId::key).collect();
    let mut findings = not_new(&new, texts);
    let mut fold = Fold::default();
    let mut made_by_sql = BTreeSet::new();
    // Only operations have fields that cannot be read.
    let mut unseen = Vec::new();
    for migration in graph
        .order
        .iter()
        .filter_map(|key| head.migrations.get(key))
    {
        let key = migration.id.key();
        let text = texts.get(migration.id.path.as_str());
        if let Some(text) = text.filter(|_| judged.contains(&key)) {
            let mut context = Context {
                project: head,
                migration: &as_printed(migration, text),
                fold: &fold,
                serving: serving.as_ref(),
                judged: &judged,
                settings,
                made_by_sql: &mut made_by_sql,
                facts: &mut MigrationFacts::default(),
                findings: &mut findings,
                unseen: &mut unseen,
            };
            rules::run_sql::exact(&mut context, text);
        }
        for operation in &migration.operations {
            fold.apply(&key.0, operation, &key);
        }
    }
    findings
}

/// The migration, in a transaction only if the SQL is in one: a base class that cannot be seen may say `atomic = False`.
fn as_printed<'m>(migration: &'m Migration, text: &str) -> Cow<'m, Migration> {
    if migration.atomic && !rules::run_sql::is_in_transaction(text) {
        let mut free = migration.clone();
        free.atomic = false;
        return Cow::Owned(free);
    }
    Cow::Borrowed(migration)
}

/// What is said of SQL whose migration is not to be applied.
fn not_new(new: &[MigrationId], texts: &BTreeMap<&str, &str>) -> Vec<Finding> {
    let paths: BTreeSet<&str> = new.iter().map(|id| id.path.as_str()).collect();
    let others = texts.keys().filter(|path| !paths.contains(*path));
    others
        .map(|path| {
            rules::not_analysed(&NotAnalysed {
                migration: None,
                location: Location {
                    path: (*path).to_owned(),
                    line: None,
                    column: None,
                },
                why: "there is SQL for it, and it is none of the new migrations".to_owned(),
                what: Hidden::File,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrations::testing::Case;

    const PATH: &str = "shop/migrations/0002_change.py";

    fn judged(case: &Case, sql: &str) -> Vec<String> {
        let review = Review {
            base: Some(&case.base),
            head: &case.head,
            settings: &case.settings,
        };
        let findings = judge_sql(&review, &[ExactSql { path: PATH, sql }]);
        findings
            .into_iter()
            .map(|finding| {
                let place = finding.location.unwrap();
                assert_eq!((place.path.as_str(), place.line), (PATH, Some(15)));
                finding.rule
            })
            .collect()
    }

    /// The output of sqlmigrate, with Django's transaction and comments.
    fn printed(statements: &str) -> String {
        format!("BEGIN;\n--\n-- Change something\n--\n{statements}\nCOMMIT;\n")
    }

    #[test]
    fn what_django_prints_is_judged_with_the_serving_code() {
        // The operations are computed: the text says nothing of them.
        let case = Case::new().adds("*make(),");
        assert_eq!(case.all(), ["migration-not-analysed"]);
        for (sql, rules) in [
            (
                r#"ALTER TABLE "shop_order" DROP COLUMN "note" CASCADE;"#,
                &["drop-column"][..],
            ),
            (r#"DROP TABLE "labels" CASCADE;"#, &["drop-table"]),
            (
                r#"ALTER TABLE "shop_order" RENAME COLUMN "note" TO "remark";"#,
                &["rename-column"],
            ),
            // The default of AddField is taken back at once, by a statement of its own.
            (
                r#"ALTER TABLE "shop_order" ADD COLUMN "size" integer DEFAULT 1 NOT NULL;
ALTER TABLE "shop_order" ALTER COLUMN "size" DROP DEFAULT;"#,
                &["required-column"],
            ),
            (
                r#"ALTER TABLE "shop_order" ADD COLUMN "size" integer DEFAULT 1 NOT NULL;
ALTER TABLE "shop_order" ALTER COLUMN "count" DROP DEFAULT;"#,
                &[],
            ),
            (
                r#"CREATE INDEX "a" ON "shop_order" ("number");"#,
                &["index-locks-writes"],
            ),
            (
                r#"CREATE TABLE "shop_item" ("id" bigint NOT NULL PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY, "order_id" bigint NOT NULL);
ALTER TABLE "shop_item" ADD CONSTRAINT "a" FOREIGN KEY ("order_id") REFERENCES "shop_order" ("id") DEFERRABLE INITIALLY DEFERRED;
CREATE INDEX "b" ON "shop_item" ("order_id");"#,
                &[],
            ),
            ("-- (no-op)", &[]),
            ("-- THIS OPERATION CANNOT BE WRITTEN AS SQL", &[]),
        ] {
            assert_eq!(judged(&case, &printed(sql)), rules, "{sql}");
        }
    }

    #[test]
    fn only_the_transaction_of_django_is_expected() {
        let atomic = Case::new().adds("*make(),");
        let inner = printed("COMMIT;\nUPDATE shop_order SET count = 1 WHERE id = 1;\nBEGIN;");
        let expected = ["sql-transaction", "sql-transaction"];
        assert_eq!(judged(&atomic, &inner), expected);
        let index = r#"CREATE INDEX CONCURRENTLY IF NOT EXISTS "a" ON "shop_order" ("number");"#;
        assert_eq!(
            judged(&atomic, &printed(index)),
            ["concurrently-in-transaction"]
        );
        let free =
            Case::new().adds_after("0002_change", "0001_initial", "*make(),", "atomic = False");
        assert_eq!(judged(&free, index), [""; 0]);
    }

    #[test]
    fn sql_of_other_migrations_is_not_passed_over() {
        let case = Case::new().adds("");
        let review = Review {
            base: Some(&case.base),
            head: &case.head,
            settings: &case.settings,
        };
        let sql = "DROP TABLE labels;";
        let paths = ["shop/migrations/0001_initial.py", "shop/nowhere.py"];
        let findings = judge_sql(&review, &paths.map(|path| ExactSql { path, sql }));
        let rules: Vec<&str> = findings.iter().map(|found| found.rule.as_str()).collect();
        assert_eq!(rules, ["migration-not-analysed", "migration-not-analysed"]);
    }
}
