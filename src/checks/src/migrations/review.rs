//! The review of a release: the migrations that it brings, judged with the former code still serving.

use super::MigrationId;
use super::Settings;
use super::graph::Graph;
use super::project::{Key, Project};
use super::rules::{self, Context, MigrationFacts};
use super::serving::Serving;
use super::state::Fold;
use crate::SourceTree;
use beanpole_model::{Finding, Location, Severity};
use serde::Serialize;
use std::collections::BTreeSet;

/// What to review.
#[derive(Clone, Copy, Debug)]
pub struct Review<'a> {
    /// The code that serves now. `None`: nothing serves yet, the database is empty.
    pub base: Option<&'a SourceTree>,
    /// The code to be released.
    pub head: &'a SourceTree,
    /// What the project says about itself.
    pub settings: &'a Settings,
}

/// Something that could not be seen without running Python.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotAnalysed {
    /// The migration, if the file is one.
    pub migration: Option<MigrationId>,
    /// Where.
    pub location: Location,
    /// What could not be seen and why.
    pub why: String,
}

/// What the review found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MigrationReview {
    /// The migrations that the head has and the base has not, in an order in which Django could apply them. Squashed ones
    /// whose parts are all on the base are not among them: Django applies nothing for them.
    pub added: Vec<MigrationId>,
    /// What is wrong, worst first, then by place.
    pub findings: Vec<Finding>,
    /// Whether a finding is an error: the release must not go on without a word of the operator.
    pub blocked: bool,
    /// What could not be judged in the added migrations. Each of them is a warning among the findings as well.
    pub not_analysed: Vec<NotAnalysed>,
}

/// Reviews the migrations between two trees.
#[must_use]
pub fn review(review: &Review<'_>) -> MigrationReview {
    let settings = review.settings;
    let base = review.base.map(|tree| Project::read(tree, settings, None));
    let head = Project::read(review.head, settings, base.as_ref());
    judge(base.as_ref(), &head, settings)
}

/// The review of two projects that have been read.
pub(crate) fn judge(
    base: Option<&Project<'_>>,
    head: &Project<'_>,
    settings: &Settings,
) -> MigrationReview {
    let serving = base.map(|project| Serving::new(project, fold_all(project).state));
    let graph = Graph::build(head);
    let added = added(base, head, &graph);
    let judged: BTreeSet<Key> = added.iter().map(MigrationId::key).collect();
    let mut findings = Vec::new();
    rules::graph::check(base, head, &graph, &judged, &mut findings);
    let mut fold = Fold::default();
    let mut made_by_sql = BTreeSet::new();
    let mut disagreements = Vec::new();
    for key in &graph.order {
        let Some(migration) = head.migrations.get(key) else {
            continue;
        };
        let is_judged = judged.contains(key);
        if is_judged {
            rules::phase::check(head, migration, &mut findings);
        }
        let mut before = MigrationFacts::new(migration);
        for operation in &migration.operations {
            if is_judged {
                let mut context = Context {
                    made_by_sql: &mut made_by_sql,
                    project: head,
                    migration,
                    fold: &fold,
                    serving: serving.as_ref(),
                    judged: &judged,
                    settings,
                    facts: &mut before,
                    disagreements: &mut disagreements,
                    findings: &mut findings,
                };
                rules::operation(&mut context, operation);
            }
            fold.apply(&key.0, operation, key);
        }
    }
    findings.extend(rules::separate::findings(disagreements, &fold));
    let not_analysed = not_analysed(base, head, &judged);
    findings.extend(not_analysed.iter().map(rules::not_analysed));
    findings.sort_by(|left, right| {
        (right.severity.cmp(&left.severity)).then_with(|| place(left).cmp(&place(right)))
    });
    findings.dedup();
    MigrationReview {
        added,
        blocked: findings
            .iter()
            .any(|finding| finding.severity == Severity::Error),
        findings,
        not_analysed,
    }
}

fn place(finding: &Finding) -> (&str, Option<u32>, Option<u32>, &str) {
    let location = finding.location.as_ref();
    (
        location.map_or("", |location| location.path.as_str()),
        location.and_then(|location| location.line),
        location.and_then(|location| location.column),
        finding.rule.as_str(),
    )
}

/// Models and tables after all migrations of a project.
fn fold_all(project: &Project<'_>) -> Fold {
    let graph = Graph::build(project);
    let mut fold = Fold::default();
    for key in &graph.order {
        if let Some(migration) = project.migrations.get(key) {
            for operation in &migration.operations {
                fold.apply(&key.0, operation, key);
            }
        }
    }
    fold
}

/// Migrations that the base has not applied, in order.
fn added(base: Option<&Project<'_>>, head: &Project<'_>, graph: &Graph) -> Vec<MigrationId> {
    let applied = |key: &Key| {
        base.is_some_and(|base| {
            base.migrations.contains_key(key)
                || base.unreadable_keys.contains(key)
                // A squashed migration of the base stands for what it replaces.
                || base.replaced.contains(key)
        })
    };
    graph
        .order
        .iter()
        .filter_map(|key| head.migrations.get(key))
        .filter(|migration| !applied(&migration.id.key()))
        .filter(|migration| {
            migration.replaces.is_empty() || !migration.replaces.iter().all(applied)
        })
        .map(|migration| migration.id.clone())
        .collect()
}

fn not_analysed(
    base: Option<&Project<'_>>,
    head: &Project<'_>,
    judged: &BTreeSet<Key>,
) -> Vec<NotAnalysed> {
    let new_file = |path: &str| {
        base.is_none_or(|base| base.modules.tree().get(path) != head.modules.tree().get(path))
    };
    let mut all: Vec<NotAnalysed> = head
        .unreadable
        .iter()
        .filter(|one| new_file(&one.location.path))
        .cloned()
        .collect();
    for migration in head.migrations.values() {
        if !judged.contains(&migration.id.key()) {
            continue;
        }
        all.extend(migration.unseen.iter().map(|unseen| NotAnalysed {
            migration: Some(migration.id.clone()),
            location: head.location(&migration.id.path, Some(unseen.span)),
            why: unseen.why.clone(),
        }));
    }
    all
}

#[cfg(test)]
mod tests {
    use crate::migrations::testing::{Case, migration_text};

    const UNSEEN: &str = "migration-not-analysed";

    /// What a migration that is written in another way leads to.
    fn with(change: impl Fn(String) -> String) -> Case {
        let text = migration_text(
            "0001_initial",
            "migrations.RemoveField('order', 'note'),",
            "",
        );
        let changed = change(text.clone());
        assert_ne!(changed, text);
        Case::new().file("shop/migrations/0002_change.py", changed)
    }

    #[test]
    fn nothing_added_nothing_said() {
        let review = Case::new().review();
        assert_eq!(review, super::MigrationReview::default());
    }

    #[test]
    fn other_spellings_mean_the_same() {
        for (what, change) in [
            (
                "a constant of the module",
                Box::new(|text: String| {
                    text.replace("    operations = [\n        migrations.RemoveField('order', 'note'),\n    ]", "    operations = OPERATIONS")
                    .replace("class Migration", "OPERATIONS = [migrations.RemoveField('order', 'note')]\n\n\nclass Migration")
                }) as Box<dyn Fn(String) -> String>,
            ),
            (
                "a sum of lists",
                Box::new(|text: String| text.replace("operations = [", "operations = [] + [")),
            ),
            (
                "a condition inside of the class",
                Box::new(|text: String| {
                    text.replace("    operations = [\n        migrations.RemoveField('order', 'note'),\n    ]", "    if uuid:\n        operations = [migrations.RemoveField('order', 'note')]\n    else:\n        operations = []")
                }),
            ),
            (
                "an addition under a condition",
                Box::new(|text: String| {
                    text.replace("    operations = [\n        migrations.RemoveField('order', 'note'),\n    ]", "    operations = []\n    if uuid:\n        operations += [migrations.RemoveField('order', 'note')]")
                }),
            ),
            (
                "another name",
                Box::new(|text: String| {
                    text.replace(
                        "from django.db import migrations, models",
                        "from django.db import migrations as m, models",
                    )
                    .replace("migrations.RemoveField", "m.RemoveField")
                    .replace("(migrations.Migration)", "(m.Migration)")
                }),
            ),
            (
                "the whole path",
                Box::new(|text: String| {
                    text.replace("import uuid", "import uuid\nimport django.db.migrations")
                        .replace("migrations.RemoveField", "django.db.migrations.RemoveField")
                }),
            ),
            (
                "the bare name",
                Box::new(|text: String| {
                    text.replace(
                        "import uuid",
                        "import uuid\nfrom django.db.migrations import RemoveField",
                    )
                    .replace("migrations.RemoveField", "RemoveField")
                }),
            ),
            (
                "a star import of Django",
                Box::new(|text: String| {
                    text.replace("import uuid", "from django.db.migrations import *")
                        .replace("migrations.RemoveField", "RemoveField")
                }),
            ),
            (
                "carriage returns and a byte order mark",
                Box::new(|text: String| format!("\u{feff}{}", text.replace('\n', "\r\n"))),
            ),
            (
                "a subclass in the same file",
                Box::new(|text: String| {
                    text.replace("class Migration", "class Drop(migrations.RemoveField):\n    reduces_to_sql = True\n\n\nclass Migration").replace("migrations.RemoveField('", "Drop('")
                }),
            ),
        ] {
            let case = with(change);
            assert_eq!(
                case.errors(),
                ["drop-column"],
                "{what}: {:?}",
                case.review()
            );
            assert!(case.review().not_analysed.is_empty(), "{what}");
        }
    }

    #[test]
    fn a_subclass_in_another_file_of_the_tree_is_followed() {
        let case = with(|text| {
            text.replace("import uuid", "from ..drops import Drop")
                .replace("migrations.RemoveField", "Drop")
        });
        assert_eq!(case.warnings(), [UNSEEN]);
        let case = case.file("shop/drops.py", "from django.db.migrations import RemoveField\n\n\nclass Drop(RemoveField):\n    pass\n");
        assert_eq!(case.errors(), ["drop-column"]);
    }

    #[test]
    fn what_cannot_be_seen_is_said() {
        for (what, change) in [
            (
                "a loop",
                Box::new(|text: String| {
                    text.replace("    operations = [\n", "    operations = []\n    for name in ('note',):\n        operations += [migrations.RemoveField('order', name)]\n    unused = [\n")
                }) as Box<dyn Fn(String) -> String>,
            ),
            (
                "a comprehension",
                Box::new(|text: String| {
                    text.replace(
                        "migrations.RemoveField('order', 'note'),",
                        "migrations.RemoveField('order', name) for name in ('note',)",
                    )
                }),
            ),
            (
                "an append",
                Box::new(|text: String| {
                    format!(
                        "{text}    operations.append(migrations.RemoveField('order', 'number'))\n"
                    )
                }),
            ),
            (
                "a helper",
                Box::new(|text: String| {
                    text.replace(
                        "migrations.RemoveField('order', 'note'),",
                        "drop('order', 'note'),",
                    )
                }),
            ),
            (
                "a helper for all",
                Box::new(|text: String| text.replace("operations = [", "operations = drops() + [")),
            ),
            (
                "a package's operation",
                Box::new(|text: String| {
                    text.replace("import uuid", "import safe_ops")
                        .replace("migrations.RemoveField", "safe_ops.Remove")
                }),
            ),
            (
                "a mapping of arguments",
                Box::new(|text: String| {
                    text.replace(
                        "'order', 'note'",
                        "**{'model_name': 'order', 'name': 'note'}",
                    )
                }),
            ),
            (
                "a computed argument",
                Box::new(|text: String| text.replace("'note'", "f'no{1}te'")),
            ),
            (
                "a star import",
                Box::new(|text: String| {
                    text.replace("import uuid", "from unknown import *")
                        .replace("migrations.RemoveField", "Drop")
                }),
            ),
            (
                "an operation with its own effect",
                Box::new(|text: String| {
                    text.replace("class Migration", "class Drop(migrations.RemoveField):\n    def database_forwards(self, *args):\n        pass\n\n\nclass Migration").replace("migrations.RemoveField('", "Drop('")
                }),
            ),
            (
                "not Python",
                Box::new(|text: String| text.replace("operations = [", "operations = [[")),
            ),
            (
                "no class",
                Box::new(|text: String| text.replace("class Migration", "class Immigration")),
            ),
            (
                "bytes of another encoding",
                Box::new(|text: String| text.replace("import uuid", "\u{0}")),
            ),
        ] {
            let case = with(change);
            let review = case.review();
            assert!(
                case.warnings().contains(&UNSEEN.to_owned()),
                "{what}: {review:?}"
            );
            assert!(!review.not_analysed.is_empty(), "{what}");
        }
    }

    #[test]
    fn base_classes_that_never_end_are_said() {
        let case = with(|text| {
            text.replace(
                "class Migration",
                "class A(B):\n    pass\n\n\nclass B(A):\n    pass\n\n\nclass Migration",
            )
            .replace("migrations.RemoveField", "A")
        });
        assert_eq!(case.warnings(), [UNSEEN]);
    }

    #[test]
    fn helpers_beside_migrations_are_no_migrations() {
        let case = Case::new()
            .file("shop/migrations/helpers.py", "def f():\n    pass\n")
            .file("shop/migrations/_private.py", "not python at all (")
            .file("shop/migrations/tasks/0001_task.py", "x = 1\n");
        assert!(case.all().is_empty() && case.review().added.is_empty());
    }

    #[test]
    fn labels_come_from_the_app_configuration() {
        let text = migration_text(
            "0001_initial",
            "migrations.RemoveField('order', 'note'),",
            "",
        );
        let mut case = Case::new();
        for tree in [&mut case.base, &mut case.head] {
            tree.insert("shop/apps.py", "from django.apps import AppConfig\n\n\nclass Shop(AppConfig):\n    name = 'shop'\n    label = 'store'\n");
            let initial = String::from_utf8(
                tree.get("shop/migrations/0001_initial.py")
                    .unwrap()
                    .to_vec(),
            )
            .unwrap();
            tree.insert(
                "shop/migrations/0001_initial.py",
                initial.replace("shop.", "store."),
            );
        }
        let case = case.file(
            "shop/migrations/0002_change.py",
            text.replace("\"shop\"", "\"store\""),
        );
        let review = case.review();
        assert_eq!(review.added[0].to_string(), "store.0002_change");
        assert!(
            review.findings[0].message.contains("store_order.note"),
            "{:?}",
            review.findings
        );
        assert_eq!(case.errors(), ["drop-column"]);
    }

    #[test]
    fn migrations_may_live_elsewhere() {
        let mut case = Case::new();
        let initial = case
            .base
            .get("shop/migrations/0001_initial.py")
            .unwrap()
            .to_vec();
        for tree in [&mut case.base, &mut case.head] {
            tree.remove("shop/migrations/0001_initial.py");
            tree.insert("core/shop_history/0001_initial.py", initial.clone());
        }
        case.settings
            .migration_modules
            .insert("shop".to_owned(), "core.shop_history".to_owned());
        let text = migration_text(
            "0001_initial",
            "migrations.RemoveField('order', 'note'),",
            "",
        );
        let case = case.file("core/shop_history/0002_change.py", text);
        assert_eq!(case.errors(), ["drop-column"]);
    }

    #[test]
    fn a_project_may_live_in_a_directory() {
        let case = Case::new();
        let moved = |tree: &crate::SourceTree| -> crate::SourceTree {
            tree.iter()
                .map(|(path, bytes)| (format!("backend/src/{path}"), bytes.to_vec()))
                .collect()
        };
        let case = Case {
            base: moved(&case.base),
            head: moved(&case.head),
            settings: case.settings,
        };
        let text = migration_text(
            "0001_initial",
            "migrations.RemoveField('order', 'note'),",
            "",
        );
        assert_eq!(
            case.file("backend/src/shop/migrations/0002_change.py", text)
                .errors(),
            ["drop-column"]
        );
    }

    #[test]
    fn the_order_of_application_is_the_order_of_the_list() {
        let case = Case::new()
            .adds_after("0002_z", "0001_initial", "", "")
            .adds_after("0003_a", "0002_z", "", "");
        let names: Vec<String> = case
            .review()
            .added
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(names, ["shop.0002_z", "shop.0003_a"]);
    }

    #[test]
    fn the_review_is_json() {
        let json = serde_json::to_value(
            Case::new()
                .adds("migrations.RemoveField('order', 'note'),")
                .review(),
        )
        .unwrap();
        assert_eq!(json["blocked"], true);
        assert_eq!(json["added"][0]["path"], "shop/migrations/0002_change.py");
        assert_eq!(json["findings"][0]["severity"], "error");
    }
}
