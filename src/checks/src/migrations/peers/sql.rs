//! `tests/unit/test_sql_analyser.py`, Postgres: the same statements in a `RunSQL`.

use super::{migration, model};

const NONE: [&str; 0] = [];

/// What statements lead to, on the table `app_a` of the serving code.
fn run(statements: &[&str], atomic: bool) -> Vec<String> {
    let sql = statements.join("\n");
    let fields = [
        ("field", "models.TextField(null=True)"),
        ("not_null_field", "models.IntegerField()"),
        ("int_field", "models.IntegerField()"),
        ("char_field", "models.CharField(max_length=255)"),
    ];
    let text = migration(
        Some("0001_initial"),
        "",
        &format!("migrations.RunSQL({sql:?}, migrations.RunSQL.noop)"),
    );
    let text = if atomic {
        text
    } else {
        text.replace("    dependencies", "    atomic = False\n    dependencies")
    };
    model(&fields)
        .file("app/migrations/0002_change.py", text)
        .all()
}

fn found(statements: &[&str]) -> Vec<String> {
    run(statements, true)
}

#[test]
fn types_and_null() {
    let alter = "ALTER TABLE \"app_a\" ALTER COLUMN \"field\" TYPE varchar(10) USING \"field\"::varchar(10);";
    // An error there. Here a warning: SQL does not say what the column was, and the free changes are named in the remedy.
    assert_eq!(found(&[alter]), ["rewrite-column"]);
    let drop = "ALTER TABLE \"app_a\" ALTER COLUMN \"not_null_field\" DROP NOT NULL;";
    // Fine there; squawk's note here.
    assert_eq!(found(&[drop]), ["sql-remark"]);
    let set = "ALTER TABLE \"app_a\" ALTER COLUMN \"field\" SET NOT NULL;";
    assert_eq!(found(&[set]), ["set-not-null"]);
}

/// `test_field_to_not_null_with_dropped_default`, `test_make_column_not_null_with_…_default`: errors there without a default that
/// stays. Here always: the serving code may write NULL itself.
#[test]
fn not_null_with_a_default() {
    let set = "ALTER TABLE app_a ALTER COLUMN field SET DEFAULT 'empty';";
    let update = "UPDATE app_a SET field = 'empty' WHERE field IS NULL;";
    let not_null = "ALTER TABLE app_a ALTER COLUMN field SET NOT NULL;";
    let drop = "ALTER TABLE app_a ALTER COLUMN field DROP DEFAULT;";
    for statements in [
        vec![set, update, not_null, drop],
        vec![set, update, not_null, drop, set],
    ] {
        assert_eq!(found(&statements), ["set-not-null"]);
    }
}

#[test]
fn not_null_columns() {
    let add = "ALTER TABLE \"app_a\" ADD COLUMN \"b\" integer DEFAULT 1 NOT NULL;";
    assert_eq!(found(&[add]), NONE);
    let volatile = "ALTER TABLE \"app_a\" ADD COLUMN \"b\" integer DEFAULT (PI()) NOT NULL;";
    // Fine there. squawk does not know pi() as a constant and warns of a rewrite.
    assert_eq!(found(&[volatile]), ["sql-remark"]);
    assert_eq!(
        found(&["ALTER TABLE app_a ADD COLUMN b integer NOT NULL;"]),
        ["required-column"]
    );
}

#[test]
fn unique_rows() {
    let constraint =
        "ALTER TABLE \"app_a\" ADD CONSTRAINT \"u\" UNIQUE (\"int_field\", \"char_field\");";
    assert_eq!(found(&[constraint]), ["unique-on-existing-data"]);
    assert_eq!(
        found(&["ALTER TABLE \"app_a\" DROP CONSTRAINT \"u\";"]),
        NONE
    );
    assert_eq!(
        found(&["CREATE UNIQUE INDEX \"u\" ON \"app_a\" (\"int_field\", \"char_field\");"]),
        ["unique-on-existing-data"]
    );
    let on_new = [
        "CREATE TABLE \"t\" (\"a\" integer, \"b\" integer);",
        "CREATE UNIQUE INDEX \"u\" ON \"t\" (\"a\", \"b\");",
    ];
    assert_eq!(found(&on_new), NONE);
    // An error there; here the way that is recommended, in a migration without a transaction.
    assert_eq!(
        run(
            &[
                "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS u ON app_a (int_field) WHERE (int_field IS NOT NULL);"
            ],
            false
        ),
        NONE
    );
}

#[test]
fn many_to_many_tables() {
    let statements = [
        "CREATE TABLE \"app_b_a\"(\"id\" serial NOT NULL PRIMARY KEY, \"b_id\" integer NOT NULL, \"a_id\" integer NOT NULL);",
        "ALTER TABLE \"app_b_a\" ADD CONSTRAINT \"b\" FOREIGN KEY(\"b_id\") REFERENCES \"app_b\"(\"id\") DEFERRABLE INITIALLY DEFERRED;",
        "ALTER TABLE \"app_b_a\" ADD CONSTRAINT \"u\" UNIQUE(\"b_id\", \"a_id\");",
        "CREATE INDEX \"i\" ON \"app_b_a\"(\"b_id\");",
    ];
    assert_eq!(found(&statements), NONE);
}

#[test]
fn indexes() {
    assert_eq!(
        found(&["CREATE INDEX ON app_a ((lower(char_field)));"]),
        ["index-locks-writes"]
    );
    let new = "CREATE TABLE \"films\" (\"title\" text);";
    let index = "CREATE INDEX ON \"films\" ((lower(\"title\")));";
    assert_eq!(found(&[new, index]), NONE);
    // Not the same table.
    assert_eq!(
        found(&[new, "CREATE INDEX ON app_a (char_field);"]),
        ["index-locks-writes"]
    );
    assert_eq!(
        run(
            &["CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON app_a (lower(char_field));"],
            false
        ),
        NONE
    );
    // Without IF NOT EXISTS it cannot be repeated: a note.
    assert_eq!(
        run(
            &["CREATE INDEX CONCURRENTLY i ON app_a (char_field);"],
            false
        ),
        ["concurrently-not-repeatable"]
    );
    assert_eq!(found(&["DROP INDEX films"]), ["drop-index-locks"]);
    assert_eq!(run(&["DROP INDEX CONCURRENTLY films;"], false), NONE);
    assert_eq!(found(&["REINDEX INDEX my_index;"]), ["drop-index-locks"]);
    assert_eq!(found(&["REINDEX TABLE my_table;"]), ["drop-index-locks"]);
}

/// `test_create_index_exclusive…`: Django's own transaction stands for BEGIN and COMMIT.
#[test]
fn indexes_under_a_lock() {
    let add = "ALTER TABLE \"app_a\" ADD COLUMN \"email\" varchar(254) NULL;";
    let index = "CREATE INDEX \"user_email\" ON \"app_a\" (\"email\");";
    assert_eq!(
        found(&[add, index]),
        ["index-locks-writes", "slow-under-lock"]
    );
    assert_eq!(run(&[add, index], false), ["index-locks-writes"]);
    let new = "CREATE TABLE \"users\" (\"id\" integer);";
    let add_new = "ALTER TABLE \"users\" ADD COLUMN \"email\" varchar(254) NULL;";
    let index_new = "CREATE INDEX \"user_email\" ON \"users\" (\"email\");";
    assert_eq!(found(&[new, add_new, index_new]), NONE);
    // CONCURRENTLY inside of a transaction is refused by Postgres: an error here, CREATE_INDEX_EXCLUSIVE there.
    let concurrently =
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS \"user_email\" ON \"app_a\" (\"email\");";
    assert_eq!(found(&[add, concurrently]), ["concurrently-in-transaction"]);
    // Both are one text here, which Postgres runs in a transaction of its own.
    assert_eq!(
        run(&[add, concurrently], false),
        ["concurrently-in-transaction"]
    );
    assert_eq!(run(&[concurrently], false), NONE);
    // BEGIN by hand in Django's transaction is its own error.
    assert_eq!(
        found(&["BEGIN;", add, "COMMIT;"]),
        ["sql-transaction", "sql-transaction"]
    );
}

/// `test_add_trigger`: functions and triggers change no table.
#[test]
fn triggers() {
    let function = "CREATE OR REPLACE FUNCTION f() RETURNS TRIGGER AS $$ BEGIN IF (TG_OP = 'DELETE') THEN RETURN OLD; END IF; NEW.field := 1; RETURN NEW; END; $$ LANGUAGE plpgsql;";
    let trigger = "DROP TRIGGER IF EXISTS t ON \"app_a\"; CREATE TRIGGER t BEFORE UPDATE ON \"app_a\" FOR EACH ROW WHEN (OLD.\"field\" IS NOT DISTINCT FROM NEW.\"field\") EXECUTE PROCEDURE f();";
    assert_eq!(found(&[function, trigger]), NONE);
}
