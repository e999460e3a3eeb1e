//! No input may panic, hang or overflow the stack: arbitrary bytes, broken migrations, deep nesting.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use beanpole_checks::fix::{Fix, Proposal, outcome};
use beanpole_checks::migrations::{
    ExactSql, Review, Settings, fixes, judge_sql, review, review_rollback,
};
use beanpole_checks::{Scope, SourceTree};
use proptest::prelude::*;

const MIGRATION: &str = r#"from django.db import migrations, models
import uuid


def forwards(apps, schema_editor):
    Order = apps.get_model("shop", "Order")
    for order in Order.objects.all():
        order.save()


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("shop", "0001_initial"), migrations.swappable_dependency("auth.User")]
    replaces = [("shop", "0002_a")]
    operations = [
        migrations.CreateModel(
            name="Draft",
            fields=[("id", models.BigAutoField(primary_key=True)), ("a", models.CharField(max_length=3, null=True))],
            options={"db_table": "drafts", "unique_together": {("id", "a")}},
        ),
        migrations.AddField("draft", "b", models.UUIDField(default=uuid.uuid4, unique=True)),
        migrations.AlterField("draft", "a", models.TextField(db_default="x")),
        migrations.RenameField("draft", "a", "c"),
        migrations.RunPython(forwards, migrations.RunPython.noop),
        migrations.RunSQL([("UPDATE drafts SET c = %s", ["x"]), "DROP TABLE a; ALTER TABLE drafts DROP COLUMN c"], "SELECT 1"),
        migrations.SeparateDatabaseAndState(database_operations=[migrations.RemoveField("draft", "c")], state_operations=[]),
    ] + [] + list([migrations.DeleteModel("Draft")])
"#;

fn judge(base: &[u8], head: &[u8]) {
    let tree = |bytes: &[u8]| -> SourceTree {
        [
            ("shop/models.py".to_owned(), bytes.to_vec()),
            (
                "shop/migrations/0001_initial.py".to_owned(),
                MIGRATION.as_bytes().to_vec(),
            ),
            ("shop/migrations/0002_b.py".to_owned(), bytes.to_vec()),
        ]
        .into_iter()
        .collect()
    };
    let (base, head) = (tree(base), tree(head));
    let settings = Settings::default();
    let whole = Review {
        base: Some(&base),
        head: &head,
        settings: &settings,
    };
    let found = review(&whole);
    let _ = judge_sql(
        &whole,
        &[ExactSql {
            path: "shop/migrations/0002_b.py",
            sql: &String::from_utf8_lossy(head.get("shop/models.py").unwrap_or_default()),
        }],
    );
    // Places are places of the file.
    for finding in &found.findings {
        if let Some(line) = finding.location.as_ref().and_then(|location| location.line) {
            assert!(line >= 1);
        }
    }
    let _ = review(&Review {
        base: None,
        head: &head,
        settings: &settings,
    });
    let _ = review_rollback(&head, &base, &settings);
}

/// A migration of `shop` after that one.
fn after(name: &str) -> String {
    format!(
        "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n    dependencies = [(\"shop\", \"{name}\")]\n"
    )
}

/// Carries out what is proposed for the findings about numbers. Says whether something was.
fn fixed(base: &SourceTree, head: &SourceTree) -> (SourceTree, bool) {
    let settings = Settings::default();
    let whole = Review {
        base: Some(base),
        head,
        settings: &settings,
    };
    let proposals = fixes(&whole, &review(&whole).findings);
    let steps: Vec<Fix> = (proposals.iter().flat_map(Proposal::fixes).cloned()).collect();
    let mut tree = head.clone();
    for change in outcome(&Scope::all(head.clone()), &steps).unwrap() {
        match change.after {
            Some(file) => tree.insert(change.path, file.content),
            None => {
                tree.remove(&change.path);
            }
        }
    }
    (tree, !steps.is_empty())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn arbitrary_bytes(base in prop::collection::vec(any::<u8>(), 0..400), head in prop::collection::vec(any::<u8>(), 0..400)) {
        judge(&base, &head);
    }

    /// A migration with pieces cut out, doubled and replaced.
    #[test]
    fn mutated_migrations(cuts in prop::collection::vec((any::<prop::sample::Index>(), 0..60_usize, "[a-z(){}\\[\\],.:='\"\n *+;$é-]{0,6}", any::<bool>()), 1..8)) {
        let mut text: Vec<char> = MIGRATION.chars().collect();
        for (at, length, with, double) in cuts {
            let start = at.index(text.len().max(1)).min(text.len());
            let end = (start + length).min(text.len());
            let piece: Vec<char> = text[start..end].to_vec();
            let mut new: Vec<char> = with.chars().collect();
            if double {
                new.extend(&piece);
                new.extend(&piece);
            }
            text.splice(start..end, new);
        }
        let text: String = text.into_iter().collect();
        judge(MIGRATION.as_bytes(), text.as_bytes());
    }

    /// A line of new migrations that begins at some released one, with whatever numbers.
    #[test]
    fn what_is_proposed_helps(released in 1..5_usize, begin in 0..5_usize, numbers in prop::collection::vec(1..9_u32, 1..4)) {
        let name = |at: usize| format!("{:04}_theirs", at + 1);
        let mut base = SourceTree::new();
        for at in 0..released {
            let text = if at == 0 { after("x").replace("(\"shop\", \"x\")", "") } else { after(&name(at - 1)) };
            base.insert(format!("shop/migrations/{}.py", name(at)), text);
        }
        let mut head = base.clone();
        let mut before = name(begin.min(released - 1));
        for (at, number) in numbers.iter().enumerate() {
            let own = format!("{number:04}_ours{at}");
            head.insert(format!("shop/migrations/{own}.py"), after(&before));
            before = own;
        }
        let (tree, _) = fixed(&base, &head);
        let settings = Settings::default();
        let left = review(&Review { base: Some(&base), head: &tree, settings: &settings }).findings;
        prop_assert!(left.is_empty(), "{left:?}");
        for (path, bytes) in base.iter() {
            prop_assert_eq!(tree.get(path), Some(bytes));
        }
        prop_assert_eq!(tree.len(), head.len());
        prop_assert!(!fixed(&base, &tree).1);
    }

    /// A migration beside a released one, mutated: what is proposed, if anything, leaves no such finding, and the released files.
    #[test]
    fn what_is_proposed_for_odd_texts_helps(at in any::<prop::sample::Index>(), with in "[a-z0-9_(){}\\[\\],.:='\"\n *+#é\u{feff}-]{0,4}") {
        let mut base = SourceTree::new();
        base.insert("shop/migrations/0001_initial.py", after("x").replace("(\"shop\", \"x\")", ""));
        let mut head = base.clone();
        base.insert("shop/migrations/0002_theirs.py", after("0001_initial"));
        head.insert("shop/migrations/0002_theirs.py", after("0001_initial"));
        let mut ours: Vec<char> = after("0001_initial").chars().collect();
        let at = at.index(ours.len());
        ours.splice(at..at, with.chars());
        let ours: String = ours.into_iter().collect();
        head.insert("shop/migrations/0002_ours.py", ours);
        let (tree, is_done) = fixed(&base, &head);
        for (path, bytes) in base.iter() {
            prop_assert_eq!(tree.get(path), Some(bytes));
        }
        if is_done {
            let settings = Settings::default();
            let left = review(&Review { base: Some(&base), head: &tree, settings: &settings }).findings;
            let about_numbers = |rule: &str| matches!(rule, "several-leaves" | "number-taken" | "missing-migration");
            prop_assert!(!left.iter().any(|found| about_numbers(&found.rule)), "{left:?}");
        }
    }

    /// The SQL of a migration, mutated.
    #[test]
    fn mutated_sql(sql in "(ALTER TABLE|DROP|UPDATE|CREATE INDEX|DO \\$\\$|BEGIN|;|\\(|'|\"|--|/\\*| a|\\.|,| SET NOT NULL| ADD CONSTRAINT| CHECK|=|\n){0,30}") {
        let text = MIGRATION.replace("DROP TABLE a;", &sql.replace('\\', "").replace('"', "\\\"").replace('\n', "\\n"));
        judge(MIGRATION.as_bytes(), text.as_bytes());
    }
}

/// Two texts that differ at their ends are compared part by part.
fn judge_edit(text: &str) {
    let ending = |more: u32| format!("{text}\nMORE = {more}\n");
    judge(ending(1).as_bytes(), ending(2).as_bytes());
}

#[test]
fn nesting_does_not_overflow_the_stack() {
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("{1: ", "}"),
        ("f(", ")"),
        ("-", ""),
        ("not ", ""),
        ("a.", ""),
        ("a+", ""),
        ("a if b else ", ""),
        ("lambda: ", ""),
        ("a[", "]"),
        ("f'{", "}'"),
        ("*", ""),
        ("await ", ""),
        ("(yield ", ")"),
        ("a<", ""),
        ("a and ", ""),
        ("migrations.RunPython(", ")"),
        ("migrations.SeparateDatabaseAndState([", "])"),
    ] {
        // The deepest that is parsed without a look, and one that is refused.
        for repeat in [14_000 / (open.len() + close.len()), 300_000] {
            let nested = format!("{}a{}", open.repeat(repeat), close.repeat(repeat));
            let text = MIGRATION.replace("] + [] +", &format!("{nested}] + [] +"));
            if repeat < 300_000 {
                judge_edit(&text);
            }
        }
        let nested = format!("x = {}a{}\n", open.repeat(7_900), close.repeat(7_900));
        judge_edit(&format!("{nested}{MIGRATION}"));
    }
    let blocks: String = (0..400)
        .map(|depth| format!("{}if a:\n", " ".repeat(depth)))
        .collect();
    judge(b"", format!("{blocks}{}pass\n", " ".repeat(401)).as_bytes());
    let calls = format!("x = a{}\n", "()".repeat(7_000));
    judge(b"", calls.as_bytes());
}

#[test]
fn a_huge_file_is_said_and_not_read() {
    let tree = |size: usize| -> SourceTree {
        [
            (
                "shop/migrations/0001_initial.py",
                MIGRATION.as_bytes().to_vec(),
            ),
            ("shop/migrations/0002_b.py", vec![b'\n'; size]),
        ]
        .into_iter()
        .collect()
    };
    let found = review(&Review {
        base: Some(&SourceTree::new()),
        head: &tree(100 * 1024 * 1024),
        settings: &Settings::default(),
    });
    assert!(
        found
            .not_analysed
            .iter()
            .any(|one| one.why.contains("bytes")),
        "{:?}",
        found.not_analysed
    );
}

#[test]
fn a_migration_of_ten_thousand_lines_is_read() {
    let many = "        migrations.AddField('draft', 'x', models.IntegerField()),\n".repeat(10_000);
    let text = MIGRATION.replace(
        "    operations = [\n",
        &format!("    operations = [\n{many}"),
    );
    let base: SourceTree = [("shop/migrations/0001_initial.py", MIGRATION)]
        .into_iter()
        .collect();
    let mut head = base.clone();
    head.insert(
        "shop/migrations/0002_many.py",
        text.replace("0002_a", "0001_x"),
    );
    let found = review(&Review {
        base: Some(&base),
        head: &head,
        settings: &Settings::default(),
    });
    assert_eq!(found.added.len(), 1);
    assert!(
        found.not_analysed.iter().all(|one| one
            .migration
            .as_ref()
            .is_none_or(|id| id.name != "0002_many")),
        "{:?}",
        found.not_analysed
    );
}
