//! Where migrations may live.

use crate::migrations::testing::{Case, migration_text};

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
