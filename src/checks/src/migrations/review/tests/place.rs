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

/// The shop with its migrations in another package, on both sides.
fn moved_to(directory: &str, settings: &str) -> Case {
    let mut case = Case::new();
    for tree in [&mut case.base, &mut case.head] {
        let path = "shop/migrations/0001_initial.py";
        let initial = tree.get(path).unwrap().to_vec();
        tree.remove(path);
        tree.insert(format!("{directory}/0001_initial.py"), initial);
        tree.insert("config/settings/base.py", settings);
    }
    case
}

fn drops_a_column() -> String {
    migration_text(
        "0001_initial",
        "migrations.RemoveField('order', 'note'),",
        "",
    )
}

#[test]
fn settings_of_the_tree_say_where_migrations_are() {
    let settings = "MIGRATION_MODULES = {'shop': 'shop.db_migrations', 'sites': None}\n";
    let case = moved_to("shop/db_migrations", settings)
        .file("shop/db_migrations/0002_change.py", drops_a_column())
        .file(
            "config/settings/test.py",
            "MIGRATION_MODULES = DisableMigrations()\n",
        );
    assert_eq!(case.all(), ["drop-column"]);
    assert_eq!(case.review().added[0].to_string(), "shop.0002_change");
}

#[test]
fn a_package_for_one_settings_module_does_not_take_the_place_of_the_usual_one() {
    let settings = "MIGRATION_MODULES = {'shop': 'shop.fast_migrations'}\n";
    let initial = migration_text("0000_none", "", "").replace("(\"shop\", \"0000_none\")", "");
    let case = Case::new()
        .file("config/settings/test.py", settings)
        .file("shop/fast_migrations/0001_initial.py", initial)
        .adds("migrations.RemoveField('order', 'note'),");
    assert_eq!(case.all(), ["drop-column"]);
    let added: Vec<String> = case
        .review()
        .added
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(added.contains(&"shop.0002_change".to_owned()), "{added:?}");
}

#[test]
fn a_package_that_nothing_names_is_said_once() {
    let case = moved_to("shop/changes", "MIGRATION_MODULES = modules()\n");
    assert!(case.all().is_empty());
    let case = case
        .file("shop/changes/0002_change.py", drops_a_column())
        .file("shop/changes/0003_change.py", drops_a_column());
    let review = case.review();
    assert_eq!(case.all(), ["migration-not-analysed"]);
    assert_eq!(review.not_analysed.len(), 1);
    let said = &review.findings[0];
    let place = said.location.as_ref().unwrap();
    assert_eq!(place.to_string(), "shop/changes/0002_change.py");
    assert!(said.message.starts_with("shop/changes holds migrations"));
    let remedy = said.remedy.as_deref().unwrap();
    assert!(
        remedy.contains("checks.migrations.modules: {shop: shop.changes}"),
        "{remedy}"
    );
    let mut named = case;
    let modules = &mut named.settings.migration_modules;
    modules.insert("shop".to_owned(), "shop.changes".to_owned());
    assert!(!named.all().contains(&"migration-not-analysed".to_owned()));
}

#[test]
fn what_only_looks_like_a_migration_is_not_said() {
    let south = drops_a_column().replace("from django.db import", "from south.v2 import");
    for (path, text) in [
        ("shop/south/0001_initial.py", south),
        ("puzzles/0001_two_sum.py", "x = 1\n".to_owned()),
        ("shop/changes/first.py", drops_a_column()),
        ("tests/shop/changes/0001_initial.py", drops_a_column()),
        ("shop/migrations/old/0001_initial.py", drops_a_column()),
    ] {
        assert!(Case::new().file(path, text).all().is_empty(), "{path}");
    }
    let derived = "from core.base import Base\n\n\nclass Migration(Base):\n    pass\n";
    let case = Case::new()
        .file(
            "core/base.py",
            "from django.db import migrations\n\n\nclass Base(migrations.Migration):\n    pass\n",
        )
        .file("shop/changes/0001_initial.py", derived);
    assert_eq!(case.all(), ["migration-not-analysed"]);
}
