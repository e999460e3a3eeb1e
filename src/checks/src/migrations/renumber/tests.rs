//! Two branches that are each in order, and one line out of them.

use super::fixes;
use crate::fix::{Answer, Fix, Proposal, outcome};
use crate::migrations::Review;
use crate::migrations::testing::{Case, migration_text};
use crate::{BaseChange, Change, ChangeKind, ChangedLines, Entry, FileMode, Scope};

const NOTHING: &str = "";

impl Case {
    fn proposals(&self) -> Vec<Proposal> {
        let review = Review {
            base: Some(&self.base),
            head: &self.head,
            settings: &self.settings,
        };
        fixes(&review, &self.review().findings)
    }

    /// Carries out what is proposed; says what that was.
    fn fixed(mut self) -> (Self, String) {
        let proposals = self.proposals();
        let mut whats = Vec::new();
        let mut steps: Vec<Fix> = Vec::new();
        for proposal in &proposals {
            match &proposal.answer {
                Answer::Fix { what, fixes } => {
                    whats.push(what.clone());
                    steps.extend(fixes.iter().cloned());
                }
                Answer::No { why } => panic!("{why}"),
            }
        }
        for change in outcome(&Scope::all(self.head.clone()), &steps).unwrap() {
            match change.after {
                Some(file) => self.head.insert(change.path, file.content),
                None => {
                    self.head.remove(&change.path);
                }
            }
        }
        (self, whats.join("\n"))
    }

    /// Why nothing is proposed.
    fn refusal(&self) -> String {
        match self.proposals().as_slice() {
            [
                Proposal {
                    answer: Answer::No { why },
                    ..
                },
            ] => why.clone(),
            other => panic!("{other:?}"),
        }
    }

    fn text(&self, path: &str) -> String {
        let bytes = self.head.get(path).unwrap_or_else(|| panic!("no {path}"));
        String::from_utf8(bytes.to_vec()).unwrap()
    }
}

/// Their 0002 is released, ours is beside it.
fn beside() -> Case {
    Case::new()
        .released("0002_theirs", "0001_initial", NOTHING)
        .adds_after("0002_ours", "0001_initial", NOTHING, "")
}

#[test]
fn the_new_file_follows_the_released_one() {
    let case = beside();
    let proposals = case.proposals();
    assert_eq!(proposals.len(), 1);
    assert_eq!(proposals[0].findings, [0, 1], "both findings at once");
    let (fixed, what) = case.fixed();
    assert_eq!(
        what,
        "shop: 0002_ours becomes 0003_ours and 0003_ours follows 0002_theirs"
    );
    assert!(fixed.all().is_empty(), "{:?}", fixed.review());
    assert!(fixed.head.get("shop/migrations/0002_ours.py").is_none());
    let text = fixed.text("shop/migrations/0003_ours.py");
    assert_eq!(text, migration_text("0002_theirs", NOTHING, ""));
    assert!(fixed.proposals().is_empty(), "a second time does nothing");
}

#[test]
fn those_that_follow_it_go_along() {
    let stock = migration_text("0003_more", NOTHING, "run_before = [('shop', '0004_last')]")
        .replace("[(\"shop\"", "[(\"stock\", \"0001_a\"), (\"shop\"");
    let (fixed, what) = beside()
        .adds_after("0003_more", "0002_ours", NOTHING, "")
        .adds_after("0004_last", "0003_more", NOTHING, "")
        .file("stock/migrations/0001_a.py", "class Migration: pass\n")
        .file("stock/migrations/0002_b.py", stock)
        .fixed();
    assert!(what.contains("0003_more becomes 0004_more, 0004_last becomes 0005_last"));
    assert!(fixed.all().is_empty(), "{:?}", fixed.review());
    let last = fixed.text("shop/migrations/0005_last.py");
    assert!(last.contains("[(\"shop\", \"0004_more\")]"));
    let stock = fixed.text("stock/migrations/0002_b.py");
    assert!(stock.contains("(\"stock\", \"0001_a\"), (\"shop\", \"0004_more\")"));
    assert!(
        stock.contains("run_before = [('shop', '0005_last')]"),
        "{stock}"
    );
}

#[test]
fn a_chain_of_one_stem_is_moved_from_its_end() {
    let (fixed, _) = beside()
        .adds_after("0003_ours", "0002_ours", "# the second", "")
        .fixed();
    assert!(fixed.all().is_empty(), "{:?}", fixed.review());
    let text = fixed.text("shop/migrations/0004_ours.py");
    assert!(text.contains("# the second") && text.contains("0003_ours"));
}

#[test]
fn a_number_that_is_free_stays() {
    let (fixed, what) = Case::new()
        .released("0002_theirs", "0001_initial", NOTHING)
        .adds_after("0007_ours", "0001_initial", NOTHING, "")
        .fixed();
    assert_eq!(what, "shop: 0007_ours follows 0002_theirs");
    assert!(fixed.all().is_empty());
    let (fixed, what) = Case::new()
        .released("0003_theirs", "0001_initial", NOTHING)
        .adds_after("0003_ours", "0003_theirs", NOTHING, "")
        .fixed();
    assert_eq!(what, "shop: 0003_ours becomes 0004_ours");
    assert!(fixed.all().is_empty());
}

#[test]
fn marks_line_breaks_and_quotes_stay() {
    let text = format!(
        "\u{feff}# é\n{}",
        migration_text("0001_initial", NOTHING, "").replace("\"0001_initial\"", "'0001_initial'")
    )
    .replace('\n', "\r\n");
    let case = beside().file("shop/migrations/0002_ours.py", text.clone());
    let (fixed, _) = case.fixed();
    assert_eq!(
        fixed.text("shop/migrations/0003_ours.py"),
        text.replace("'0001_initial'", "'0002_theirs'")
    );
    assert!(fixed.all().is_empty(), "{:?}", fixed.review());
}

#[test]
fn several_apps_are_put_in_order_one_after_the_other() {
    let initial = "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n    dependencies = []\n";
    let stock = |after: &str| migration_text(after, NOTHING, "").replace("\"shop\"", "\"stock\"");
    let mut case = beside();
    for (name, text) in [
        ("0001_initial", initial.to_owned()),
        ("0002_theirs", stock("0001_initial")),
    ] {
        let path = format!("stock/migrations/{name}.py");
        case.base.insert(path.clone(), text.clone());
        case.head.insert(path, text);
    }
    // Each app's new migration names the other's.
    let ours =
        stock("0001_initial").replace("[(\"stock\"", "[(\"shop\", \"0002_ours\"), (\"stock\"");
    let (fixed, what) = case.file("stock/migrations/0002_ours.py", ours).fixed();
    assert_eq!(what.lines().count(), 2, "{what}");
    assert!(fixed.all().is_empty(), "{:?}", fixed.review());
    let text = fixed.text("stock/migrations/0003_ours.py");
    assert!(text.contains("[(\"shop\", \"0003_ours\"), (\"stock\", \"0002_theirs\")]"));
}

#[test]
fn the_file_of_linear_migrations_stays_true() {
    for named in ["0002_ours", "0002_theirs"] {
        let path = "shop/migrations/max_migration.txt";
        let (fixed, _) = beside().file(path, format!("{named}\n")).fixed();
        assert_eq!(fixed.text(path), "0003_ours\n");
    }
}

#[test]
fn what_cannot_be_edited_whole_is_left_whole() {
    let ours = |dependencies: &str| {
        let text = migration_text("0001_initial", NOTHING, "")
            .replace("[(\"shop\", \"0001_initial\")]", dependencies);
        beside().file("shop/migrations/0002_ours.py", text)
    };
    for (case, why) in [
        (
            ours("[(\"shop\", \"0001_\" \"initial\")]"),
            "not as a plain text in a plain list",
        ),
        (
            ours("[(\"shop\", '''0001_initial''')]"),
            "not as a plain text in a plain list",
        ),
        (
            ours("[(\"shop\", \"0001_initial\")] + []"),
            "not as a plain text in a plain list",
        ),
        (
            ours("[(\"shop\", \"__first__\")]"),
            "names no migration of its app",
        ),
        (ours("[]"), "no dependency on its own app"),
        (
            beside().file(
                "shop/tests/test_migrations.py",
                "migrate_to = [('shop', '0002_ours')]\n",
            ),
            "shop/tests/test_migrations.py names 0002_ours as well",
        ),
        (
            beside().adds_after(
                "0002_ours",
                "0001_initial",
                "migrations.RunSQL(Path(__file__).with_suffix('.sql').read_text(), ''),",
                "",
            ),
            "looks for other files by its own name",
        ),
        (
            beside().adds_after("0003_other", "0001_initial", NOTHING, ""),
            "put the new migrations in order first",
        ),
        (
            beside().adds_after(
                "0002_more",
                "0001_initial",
                NOTHING,
                "replaces = [('shop', '0002_ours')]",
            ),
            "is a squashed migration",
        ),
        (
            Case::new()
                .released("0002_a", "0001_initial", NOTHING)
                .released("0002_b", "0001_initial", NOTHING)
                .adds_after("0002_ours", "0001_initial", NOTHING, ""),
            "the base has no single last migration of shop",
        ),
    ] {
        let refusal = case.refusal();
        assert!(refusal.contains(why), "{refusal}");
    }
}

#[test]
fn what_computes_its_dependencies_may_name_it() {
    let text = migration_text("0001_initial", NOTHING, "").replace(
        "[(\"shop\", \"0001_initial\")]",
        "[(\"shop\", \"0001_initial\"), last()]",
    );
    let case = beside().file("stock/migrations/0001_a.py", text);
    assert_eq!(case.refusal(), "stock.0001_a computes what it depends on");
}

#[test]
fn a_name_that_only_begins_like_it_is_another() {
    let (fixed, _) = beside()
        .file("shop/notes.py", "# 0002_ours_too, x0002_ours\n")
        .fixed();
    assert!(fixed.all().is_empty());
}

#[test]
fn without_a_base_nothing_is_released() {
    let case = beside();
    let review = Review {
        base: None,
        head: &case.head,
        settings: &case.settings,
    };
    let findings = crate::migrations::review(&review).findings;
    let proposals = fixes(&review, &findings);
    assert!(matches!(&proposals[0].answer, Answer::No { why } if why.contains("without a base")));
}

/// The branch of a case, with what its base has got since.
fn merged_with_theirs(case: &Case, path: &str, text: &str) -> Case {
    let mut scope = Scope::all(case.head.clone());
    scope.changes = (case.head.iter())
        .filter(|(path, _)| case.base.get(path).is_none())
        .map(|(path, _)| Change {
            path: path.to_owned(),
            kind: ChangeKind::Added,
            lines: ChangedLines::All,
            counts: None,
        })
        .collect();
    let merged = scope.merged_with(vec![BaseChange {
        path: path.to_owned(),
        kind: ChangeKind::Added,
        entry: Some(Entry {
            mode: FileMode::Regular,
            size: None,
        }),
        content: Some(text.into()),
    }]);
    assert!(merged.unseen.is_empty());
    let mut tip = case.base.clone();
    tip.insert(path, text);
    Case {
        base: tip,
        head: merged.scope.tree,
        settings: case.settings.clone(),
    }
}

#[test]
fn two_branches_that_are_in_order_alone() {
    let theirs = migration_text("0001_initial", NOTHING, "");
    let path = "shop/migrations/0002_theirs.py";
    let alone = Case::new().file(path, theirs.clone());
    assert!(alone.all().is_empty());
    let ours = Case::new().adds_after("0002_ours", "0001_initial", NOTHING, "");
    assert!(ours.all().is_empty());

    let merged = merged_with_theirs(&ours, path, &theirs);
    let findings = merged.review().findings;
    let rules: Vec<&str> = findings.iter().map(|found| found.rule.as_str()).collect();
    assert_eq!(rules, ["several-leaves", "number-taken"]);
    for finding in &findings {
        let place = finding.location.as_ref().unwrap();
        assert_eq!(
            place.path, "shop/migrations/0002_ours.py",
            "the branch's own"
        );
    }
    let (fixed, _) = merged.fixed();
    assert!(fixed.all().is_empty(), "{:?}", fixed.review());
    assert_eq!(fixed.text(path), theirs);
}

#[test]
fn other_findings_are_left() {
    let case = Case::new().adds("migrations.RemoveField('order', 'note'),");
    assert_eq!(case.errors(), ["drop-column"]);
    assert!(case.proposals().is_empty());
}
