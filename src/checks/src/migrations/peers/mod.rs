//! The cases of django-migration-linter 6.0.0 (Apache-2.0), said again in our words, with our verdict on each.
//!
//! Re-expressed from its tests at commit d55ba66: `tests/test_project/app_*` and, for Postgres, `tests/unit/test_sql_analyser.py`.
//! Where our verdict is another one, the case says why. What the two call the same thing is in `docs/checks/peers.md`.

mod operations;
mod sql;
mod wrong_verdicts;

use super::testing::Case;

/// A project whose app `app` has been released with these fields of its only model `A`, as code and as a migration.
fn model(fields: &[(&str, &str)]) -> Case {
    let in_code: String = fields
        .iter()
        .map(|(name, field)| format!("    {name} = {field}\n"))
        .collect();
    let in_migration: String = fields
        .iter()
        .map(|(name, field)| format!("({name:?}, {field}), "))
        .collect();
    let code =
        format!("from django.db import models\n\n\nclass A(models.Model):\n{in_code}    pass\n");
    let create = format!(
        "migrations.CreateModel(name=\"A\", fields=[(\"id\", models.AutoField(primary_key=True)), {in_migration}]),"
    );
    let mut case = Case::new();
    for tree in [&mut case.base, &mut case.head] {
        tree.insert("app/__init__.py", "");
        tree.insert("app/models.py", code.clone());
        tree.insert("app/migrations/__init__.py", "");
        tree.insert(
            "app/migrations/0001_initial.py",
            migration(None, "", &create),
        );
    }
    case
}

/// The text of a migration of the app.
fn migration(after: Option<&str>, head: &str, operations: &str) -> String {
    let dependencies = after.map_or_else(String::new, |name| format!("(\"app\", {name:?})"));
    format!(
        "from django.db import migrations, models\n{head}\n\nclass Migration(migrations.Migration):\n    dependencies = [{dependencies}]\n    operations = [{operations}]\n"
    )
}

/// The findings of a migration with these operations.
fn verdict(fields: &[(&str, &str)], operations: &str) -> Vec<String> {
    verdict_with(fields, "", operations)
}

/// The same with lines above the class.
fn verdict_with(fields: &[(&str, &str)], head: &str, operations: &str) -> Vec<String> {
    model(fields)
        .file(
            "app/migrations/0002_change.py",
            migration(Some("0001_initial"), head, operations),
        )
        .all()
}

/// The table of peers names only rules that there are, and every rule of the peers once.
#[test]
fn the_table_of_peers_is_true() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/checks/peers.md");
    let text = fs_err::read_to_string(path).unwrap();
    let mut links = 0;
    for link in text.split("](").skip(1) {
        let id = link.split(".md)").next().unwrap();
        assert!(
            super::RULES.iter().any(|rule| rule.id == id),
            "{id} is no rule"
        );
        links += 1;
    }
    assert!(links > 60, "{links}");
    // django-safe-migrations 0.7.1 has 47 rules; these numbers it does not use.
    let unused = [39, 43, 44, 45, 46, 51, 52, 53, 55];
    for number in (1..=56).filter(|number| !unused.contains(number)) {
        assert_eq!(
            text.matches(&format!("| SM{number:03} |")).count(),
            1,
            "SM{number:03}"
        );
    }
}
