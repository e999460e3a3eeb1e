//! Graphs of two trees.

use crate::migrations::testing::{Case, migration_text};

const NOTHING: &str = "";

#[test]
fn two_leaves_are_an_error_that_names_the_new_file() {
    let case = Case::new()
        .released("0002_theirs", "0001_initial", NOTHING)
        .adds_after("0002_ours", "0001_initial", NOTHING, "");
    let review = case.review();
    assert_eq!(case.all(), ["several-leaves", "number-taken"]);
    let remedy = review.findings[0].remedy.clone().unwrap();
    assert!(
        remedy
            .starts_with("renumber shop/migrations/0002_ours.py and let it depend on 0002_theirs"),
        "{remedy}"
    );
}

#[test]
fn the_file_to_renumber_is_the_first_of_the_new_ones() {
    let case = Case::new()
        .released("0002_theirs", "0001_initial", NOTHING)
        .adds_after("0002_ours", "0001_initial", NOTHING, "")
        .adds_after("0003_more", "0002_ours", NOTHING, "");
    let review = case.review();
    let found = &review.findings[0];
    assert_eq!(
        found.message,
        "the app shop has 2 last migrations: 0002_theirs, 0003_more"
    );
    let remedy = found.remedy.clone().unwrap();
    assert!(
        remedy
            .starts_with("renumber shop/migrations/0002_ours.py and let it depend on 0002_theirs"),
        "{remedy}"
    );
}

#[test]
fn released_files_are_not_to_be_renumbered() {
    let case = Case::new()
        .released("0002_a", "0001_initial", NOTHING)
        .released("0002_b", "0001_initial", NOTHING);
    let review = case.review();
    assert_eq!(review.findings.len(), 1);
    assert_eq!(
        review.findings[0].remedy.as_deref(),
        Some("run `makemigrations --merge`")
    );
}

#[test]
fn without_a_base_the_leaves_are_named() {
    let case = Case::new()
        .released("0002_base", "0001_initial", NOTHING)
        .released("0003_a", "0002_base", NOTHING)
        .released("0003_b", "0002_base", NOTHING);
    let found = case.review_of_all().findings.remove(0);
    let place = found.location.unwrap().path;
    assert_eq!(place, "shop/migrations/0003_b.py");
    assert_eq!(
        found.remedy.as_deref(),
        Some(
            "run `makemigrations --merge`, or renumber the one of shop/migrations/0003_a.py, shop/migrations/0003_b.py that is not \
             released yet"
        )
    );
}

#[test]
fn old_numbers_that_are_given_twice_are_healthy_in_a_line() {
    let case = Case::new()
        .released("0002_a", "0001_initial", NOTHING)
        .released("0002_b", "0002_a", NOTHING)
        .adds_after("0003_c", "0002_b", NOTHING, "");
    assert!(case.all().is_empty(), "{:?}", case.review());
}

#[test]
fn a_new_number_is_compared_with_every_released_one() {
    let case = Case::new()
        .released("0002_a", "0001_initial", NOTHING)
        .released("0003_b", "0002_a", NOTHING)
        .adds_after("0002_c", "0003_b", NOTHING, "");
    assert_eq!(case.all(), ["number-taken"]);
    // Another app has numbers of its own.
    let other = migration_text("0003_b", NOTHING, "");
    let case = Case::new()
        .released("0002_a", "0001_initial", NOTHING)
        .released("0003_b", "0002_a", NOTHING)
        .file("stock/migrations/0002_c.py", other);
    assert!(case.all().is_empty(), "{:?}", case.review());
}

#[test]
fn released_migrations_do_not_wait_for_new_ones() {
    let text = migration_text("0001_initial", NOTHING, "");
    let case = Case::new()
        .released("0002_a", "0001_initial", NOTHING)
        .file("stock/migrations/0001_new.py", text.clone())
        .file(
            "shop/migrations/0002_a.py",
            text.replace(
                "[(\"shop\", \"0001_initial\")]",
                "[(\"shop\", \"0001_initial\"), (\"stock\", \"0001_new\")]",
            ),
        );
    assert_eq!(case.errors(), ["edited-migration"]);
}

#[test]
fn an_app_that_comes_into_the_tree_was_there_before() {
    let text = migration_text("0001_initial", NOTHING, "");
    let path = "shop/migrations/0002_a.py";
    let waits = text.replace("[(\"shop\"", "[(\"stock\", \"0001_new\"), (\"shop\"");
    let mut case = Case::new()
        .file("stock/migrations/0001_new.py", text)
        .file(path, waits.clone());
    case.base.insert(path, waits);
    assert!(case.errors().is_empty(), "{:?}", case.review());
}

#[test]
fn a_migration_that_names_itself_is_a_cycle() {
    let case = Case::new().adds_after("0002_a", "0002_a", NOTHING, "");
    assert_eq!(case.errors()[0], "migration-cycle");
    let named = "run_before = [(\"shop\", \"0002_a\")]";
    let case = Case::new().adds_after("0002_a", "0001_initial", NOTHING, named);
    assert_eq!(case.errors(), ["migration-cycle"]);
}

#[test]
fn a_merge_joins_them() {
    let merge = migration_text("0002_theirs", NOTHING, "").replace(
        "[(\"shop\", \"0002_theirs\")]",
        "[(\"shop\", \"0002_theirs\"), (\"shop\", \"0002_ours\")]",
    );
    let case = Case::new()
        .released("0002_theirs", "0001_initial", NOTHING)
        .released("0002_ours", "0001_initial", NOTHING)
        .file("shop/migrations/0003_merge.py", merge.clone());
    // Old duplicates are healthy history.
    assert!(case.all().is_empty(), "{:?}", case.review());
    // A merge may come after others of its number.
    let case = Case::new()
        .released("0002_theirs", "0001_initial", NOTHING)
        .released("0002_ours", "0001_initial", NOTHING)
        .file("shop/migrations/0002_merge.py", merge);
    assert!(case.all().is_empty(), "{:?}", case.review());
}

#[test]
fn what_a_squashed_migration_replaces_is_no_leaf() {
    let squashed = "replaces = [(\"shop\", \"0002_a\"), (\"shop\", \"0003_b\")]";
    let case = Case::new()
        .released(
            "0002_a",
            "0001_initial",
            "migrations.RemoveField('order', 'note'),",
        )
        .released("0003_b", "0002_a", NOTHING)
        .adds_after(
            "0002_squashed_0003",
            "0001_initial",
            "migrations.RemoveField('order', 'note'),",
            squashed,
        );
    let review = case.review();
    assert!(review.findings.is_empty(), "{:?}", review.findings);
    assert!(
        review.added.is_empty(),
        "nothing is applied for it: {:?}",
        review.added
    );
    // A migration after it may depend on either name.
    let case = case.adds_after("0004_c", "0003_b", NOTHING, "");
    assert!(case.all().is_empty());
    assert_eq!(case.review().added.len(), 1);
}

#[test]
fn nodes_that_are_not_there_are_named() {
    let case = Case::new().adds_after("0003_c", "0002_gone", NOTHING, "");
    assert_eq!(case.errors(), ["missing-migration"]);
    let foreign = migration_text("0001_initial", NOTHING, "")
        .replace("[(\"shop\"", "[(\"auth\", \"0012_x\"), (\"shop\"");
    assert!(
        Case::new()
            .file("shop/migrations/0002_x.py", foreign)
            .all()
            .is_empty()
    );
}

#[test]
fn cycles_are_named_without_those_that_only_wait() {
    let case = Case::new()
        .adds_after("0002_a", "0003_b", NOTHING, "")
        .adds_after("0003_b", "0002_a", NOTHING, "")
        .adds_after("0004_c", "0003_b", NOTHING, "");
    let review = case.review();
    let cycle = review
        .findings
        .iter()
        .find(|finding| finding.rule == "migration-cycle")
        .unwrap();
    assert!(cycle.message.contains("shop.0002_a") && cycle.message.contains("shop.0003_b"));
    assert!(!cycle.message.contains("0004_c"));
}

#[test]
fn run_before_is_an_edge() {
    let other = migration_text(
        "0001_initial",
        NOTHING,
        "run_before = [(\"shop\", \"0001_initial\")]",
    )
    .replace(
        "dependencies = [(\"shop\", \"0001_initial\")]",
        "dependencies = []",
    );
    let mut case = Case::new().file("first/migrations/0001_initial.py", other.clone());
    // Databases have shop.0001_initial already, and would miss what is to come before it.
    assert_eq!(case.errors(), ["edited-migration"]);
    let found = case.review().findings.remove(0);
    assert!(found.message.contains("waits for first.0001_initial"));
    for path in ["shop/models.py", "shop/migrations/0001_initial.py"] {
        case.base.remove(path);
    }
    assert!(case.errors().is_empty(), "nothing is released yet");
    let waits = other.replace(
        "dependencies = []",
        "dependencies = [(\"shop\", \"0001_initial\")]",
    );
    assert_eq!(
        Case::new()
            .file("first/migrations/0001_initial.py", waits)
            .errors(),
        ["migration-cycle", "edited-migration"]
    );
}

#[test]
fn edits_of_released_migrations_are_seen_and_layout_is_not() {
    let text = migration_text(
        "0001_initial",
        "migrations.RemoveField('order', 'note'),",
        "",
    );
    let case = || {
        Case::new().released(
            "0002_a",
            "0001_initial",
            "migrations.RemoveField('order', 'note'),",
        )
    };
    let edited = text.replace("'note'", "'number'");
    assert_eq!(
        case().file("shop/migrations/0002_a.py", edited).warnings(),
        ["edited-migration"]
    );
    for layout in [
        text.replace("operations = [", "operations = [  # nothing new"),
        text.replace(
            "RemoveField('order', 'note'),",
            "RemoveField(\n            'order',\n            'note',\n        ),",
        ),
        text.replace("import uuid\n", ""),
        text.replace('\n', "\r\n"),
    ] {
        assert!(
            case()
                .file("shop/migrations/0002_a.py", layout.clone())
                .all()
                .is_empty(),
            "{layout}"
        );
    }
}

#[test]
fn types_are_no_edit() {
    let text = |types: &str, returns: &str, value: &str| {
        let fill =
            format!("def fill(apps{types}, editor){returns}:\n    rows{types} = {value}\n\n\n");
        let operation = "migrations.RunPython(fill, migrations.RunPython.noop),";
        migration_text("0001_initial", operation, "")
            .replace("class Migration", &format!("{fill}class Migration"))
    };
    let judged = |types: &str, returns: &str, value: &str| {
        let path = "shop/migrations/0002_a.py";
        let mut case = Case::new().file(path, text(types, returns, value));
        case.base.insert(path, text("", "", "1"));
        case.warnings()
    };
    assert_eq!(judged(": Apps", " -> None", "1"), [""; 0]);
    assert_eq!(judged("", "", "1"), [""; 0]);
    assert_eq!(judged(": Apps", "", "2"), ["edited-migration"]);
}

#[test]
fn deleted_migrations_are_seen() {
    let mut case = Case::new().released("0002_a", "0001_initial", NOTHING);
    case.head.remove("shop/migrations/0002_a.py");
    assert_eq!(case.warnings(), ["deleted-migration"]);
    case.head.remove("shop/migrations/0001_initial.py");
    assert!(case.all().is_empty(), "the whole app is gone");
}

#[test]
fn an_app_that_is_gone_is_missed_by_those_that_depend_on_it() {
    let first = migration_text("", NOTHING, "");
    let mut case = Case::new()
        .file(
            "crm/migrations/0001_initial.py",
            first.replace("[(\"shop\", \"\")]", "[]"),
        )
        .file(
            "shop/migrations/0002_b.py",
            migration_text("0001_initial", NOTHING, "")
                .replace("[(\"shop\"", "[(\"crm\", \"0001_initial\"), (\"shop\""),
        );
    case.base = case.head.clone();
    case.head.remove("crm/migrations/0001_initial.py");
    assert_eq!(case.errors(), ["missing-migration"]);
    // What the base does not have, either, is someone else's.
    case.base = case.head.clone();
    assert!(case.all().is_empty());
}

#[test]
fn a_second_app_of_the_same_label_has_a_graph_of_its_own() {
    let fork = |before: &str| migration_text(before, NOTHING, "");
    let first = fork("").replace("[(\"shop\", \"\")]", "[]");
    let case = Case::new()
        .file("tests/site/shop/migrations/0001_initial.py", first)
        .file(
            "tests/site/shop/migrations/0002_only_here.py",
            fork("0001_initial"),
        )
        .file(
            "tests/site/shop/migrations/0003_last.py",
            fork("0002_only_here"),
        );
    assert!(case.errors().is_empty(), "{:?}", case.errors());
    let lost = case.file("tests/site/shop/migrations/0004_lost.py", fork("0003_gone"));
    assert_eq!(lost.errors(), ["missing-migration"]);
}
