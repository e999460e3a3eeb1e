//! What SQL leads to.

use crate::migrations::testing::Case;

fn sql(text: &str) -> Case {
    Case::new().adds(&format!(
        "migrations.RunSQL({text:?}, migrations.RunSQL.noop),"
    ))
}

#[test]
fn what_sql_drops_and_renames_is_judged_like_an_operation() {
    for (text, rule) in [
        ("drop table labels;", "drop-table"),
        ("\n DROP TABLE labels", "drop-table"),
        ("DROP TABLE shop_order_labels", "drop-table"),
        (
            "UPDATE shop_order SET count = 1 WHERE id = 1; DROP TABLE shop_order;",
            "drop-table",
        ),
        ("ALTER TABLE shop_order DROP COLUMN note", "drop-column"),
        (
            "alter table shop_order drop column if exists customer_id",
            "drop-column",
        ),
        (
            "ALTER TABLE shop_order RENAME COLUMN note TO remark",
            "rename-column",
        ),
        ("ALTER TABLE labels RENAME TO tags", "rename-table"),
        (
            "ALTER TABLE shop_order ADD COLUMN size integer NOT NULL",
            "required-column",
        ),
        (
            "ALTER TABLE shop_order ADD COLUMN size integer NOT NULL DEFAULT 1, ALTER size DROP DEFAULT",
            "required-column",
        ),
        (
            "ALTER TABLE shop_order ADD COLUMN size integer NOT NULL DEFAULT 1; ALTER TABLE shop_order ALTER size DROP DEFAULT",
            "required-column",
        ),
        (
            "ALTER TABLE shop_order ADD COLUMN size integer NOT NULL, ALTER count SET DEFAULT 1",
            "required-column",
        ),
        (
            "ALTER TABLE shop_order ALTER COLUMN note SET NOT NULL",
            "set-not-null",
        ),
        ("TRUNCATE shop_order CASCADE", "sql-truncate"),
        (
            "BEGIN; UPDATE shop_order SET count = 1 WHERE id = 1",
            "sql-transaction",
        ),
        (
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS a ON shop_order (number)",
            "concurrently-in-transaction",
        ),
        ("DROP DATABASE shop", "sql-drop-database"),
    ] {
        assert_eq!(sql(text).errors(), [rule], "{text}");
    }
}

#[test]
fn what_locks_is_a_warning() {
    for (text, rule) in [
        ("DELETE FROM shop_order", "sql-without-where"),
        ("UPDATE shop_order SET count = 1", "sql-without-where"),
        ("LOCK TABLE shop_order", "sql-lock"),
        (
            "CREATE INDEX a ON shop_order (number)",
            "index-locks-writes",
        ),
        (
            "ALTER TABLE shop_order ADD CONSTRAINT a CHECK (count > 0)",
            "constraint-scans-table",
        ),
        (
            "ALTER TABLE shop_order ADD CONSTRAINT a FOREIGN KEY (customer_id) REFERENCES shop_customer (id)",
            "foreign-key-locks",
        ),
        (
            "ALTER TABLE shop_order ADD CONSTRAINT a UNIQUE (number)",
            "unique-on-existing-data",
        ),
        (
            "ALTER TABLE shop_order ALTER COLUMN count TYPE bigint",
            "rewrite-column",
        ),
        ("DROP TABLE somebody_elses", "drop-unknown-table"),
        (
            "DO $$ BEGIN DROP TABLE shop_order; END $$",
            "sql-not-analysed",
        ),
        ("ALTER TABLE `shop_order` ENGINE=InnoDB", "sql-not-analysed"),
        (
            "ALTER TABLE shop_order ADD COLUMN token uuid DEFAULT gen_random_uuid()",
            "sql-remark",
        ),
    ] {
        assert_eq!(sql(text).warnings(), [rule], "{text}");
        assert!(sql(text).errors().is_empty(), "{text}");
    }
}

#[test]
fn what_is_fine_is_silent() {
    for text in [
        "-- DROP COLUMN note\nSELECT 1",
        "ALTER TABLE shop_order ADD CONSTRAINT a UNIQUE USING INDEX b",
        "ALTER TABLE shop_order ADD CONSTRAINT a CHECK (count > 0) NOT VALID",
        "ALTER TABLE shop_order VALIDATE CONSTRAINT a",
        "ALTER TABLE shop_order_id_seq RENAME TO shop_order_seq",
        "ALTER TABLE shop_order ADD COLUMN size integer",
        "ALTER TABLE shop_order ADD COLUMN size integer NOT NULL DEFAULT 1",
        "CREATE TABLE extra (id int); CREATE INDEX a ON extra (id); UPDATE extra SET id = 1; DROP TABLE extra",
        "UPDATE shop_order SET count = 1 WHERE count = 0",
        "INSERT INTO shop_order (count) VALUES (1)",
        "COMMENT ON TABLE shop_order IS 'DROP TABLE shop_order;'",
    ] {
        assert!(
            sql(text).all().is_empty(),
            "{text}: {:?}",
            sql(text).review().findings
        );
    }
}

#[test]
fn a_second_index_on_an_old_table_counts() {
    let case = sql(
        "CREATE TABLE extra (id int); CREATE INDEX a ON extra (id); CREATE INDEX b ON shop_order (number);",
    );
    assert_eq!(case.warnings(), ["index-locks-writes"]);
}

#[test]
fn lists_and_parameters_are_read() {
    let case = Case::new().adds(
        "migrations.RunSQL([\"UPDATE shop_order SET count = 1\", (\"DROP TABLE labels\", [])], reverse_sql=migrations.RunSQL.noop),",
    );
    assert_eq!(case.all(), ["drop-table", "sql-without-where"]);
}

#[test]
fn values_of_a_statement_are_no_part_of_it() {
    let with = |given: &str| {
        let operation = format!("migrations.RunSQL({given}, migrations.RunSQL.noop),");
        Case::new().adds(&operation).all()
    };
    for given in [
        "[('INSERT INTO labels (text) VALUES (%s);', ['Reinhardt'])]",
        "[['INSERT INTO labels (text) VALUES (%s)', ['Reinhardt']]]",
        "[('INSERT INTO labels (text) VALUES (%(n)s);', {'n': 'x'})]",
        "[(\"UPDATE labels SET text = 'a%%' WHERE id IN %s\", [(1, 2)])]",
        "[('UPDATE labels SET text = NULL WHERE text LIKE %s', VALUES)]",
        "[('SELECT 10 % 3', None)]",
    ] {
        assert!(with(given).is_empty(), "{given}: {:?}", with(given));
    }
    assert_eq!(
        with("[('UPDATE labels SET text = %s', ['a'])]"),
        ["sql-without-where"]
    );
    // Without values nothing is put into the text.
    assert_eq!(
        with("'INSERT INTO labels (text) VALUES (%s)'"),
        ["sql-not-analysed"]
    );
}

#[test]
fn sql_that_is_computed_is_said() {
    for given in [
        "open('a.sql').read()",
        "'DROP TABLE %s' % 'labels'",
        "f'DROP TABLE {1}'",
        "make_sql()",
    ] {
        let case = Case::new().adds(&format!(
            "migrations.RunSQL({given}, migrations.RunSQL.noop),"
        ));
        assert_eq!(case.warnings(), ["migration-not-analysed"], "{given}");
    }
}

#[test]
fn a_way_back_is_asked_for() {
    assert_eq!(
        Case::new().adds("migrations.RunSQL('SELECT 1'),").all(),
        ["runsql-without-reverse"]
    );
}

#[test]
fn a_staged_column_may_be_dropped() {
    let case = Case::new()
        .released("0002_state", "0001_initial", "migrations.SeparateDatabaseAndState(state_operations=[migrations.RemoveField('order', 'note')]),")
        .adds_after("0003_drop", "0002_state", "migrations.RunSQL('ALTER TABLE shop_order DROP COLUMN note', migrations.RunSQL.noop),", "");
    assert!(case.all().is_empty());
}

#[test]
fn values_of_enums_need_a_transaction_of_their_own() {
    const ADD: &str = "ALTER TYPE state ADD VALUE 'sent'";
    assert!(sql(ADD).all().is_empty());
    let both = format!("{ADD}; UPDATE shop_order SET state = 'sent' WHERE id = 1");
    assert_eq!(sql(&both).all(), ["enum-value-in-transaction"]);
    let mut old = sql(ADD);
    old.settings.postgres = Some(11);
    assert_eq!(old.warnings(), ["enum-value-in-transaction"]);
    let apart = format!("migrations.RunSQL({both:?}, migrations.RunSQL.noop),");
    let apart = Case::new().adds_after("0002_a", "0001_initial", &apart, "atomic = False");
    assert!(apart.all().is_empty());
}

#[test]
fn a_default_that_inserts_use_stays() {
    let drop = "ALTER TABLE shop_order ALTER COLUMN state DROP DEFAULT";
    assert_eq!(sql(drop).errors(), ["drop-db-default"]);
    let without = "ALTER TABLE shop_order ALTER COLUMN count DROP DEFAULT";
    assert!(sql(without).all().is_empty());
}

#[test]
fn schemas_and_whole_tables_are_not_for_releases() {
    assert_eq!(
        sql("DROP SCHEMA shop CASCADE").errors(),
        ["sql-drop-database"]
    );
    for text in [
        "CLUSTER shop_order USING a",
        "VACUUM (FULL, ANALYZE) shop_order",
    ] {
        assert_eq!(sql(text).warnings(), ["sql-rewrites-table"], "{text}");
    }
    assert!(sql("VACUUM fulltable").warnings().is_empty());
}

/// A migration without a transaction that runs this SQL.
fn free(given: &str) -> Case {
    let operation = format!("migrations.RunSQL({given}, migrations.RunSQL.noop),");
    Case::new().adds_after("0002_a", "0001_initial", &operation, "atomic = False")
}

#[test]
fn some_statements_run_outside_of_transactions_only() {
    for text in [
        "VACUUM shop_order",
        "VACUUM (FULL) shop_order",
        "CREATE DATABASE other",
        "ALTER SYSTEM SET work_mem = '1MB'",
        "REINDEX INDEX CONCURRENTLY a",
        "DROP INDEX CONCURRENTLY IF EXISTS a",
    ] {
        assert_eq!(
            sql(text).errors(),
            ["concurrently-in-transaction"],
            "{text}"
        );
        assert!(free(&format!("{text:?}")).errors().is_empty(), "{text}");
    }
    assert!(sql("ANALYZE shop_order").all().is_empty());
}

#[test]
fn several_statements_of_one_text_are_one_transaction() {
    let index = "CREATE INDEX CONCURRENTLY IF NOT EXISTS a ON shop_order (number)";
    let drop = "DROP INDEX CONCURRENTLY IF EXISTS a";
    let both = free(&format!("{:?}", format!("{drop}; {index};")));
    assert_eq!(
        both.all(),
        ["concurrently-in-transaction", "concurrently-in-transaction"]
    );
    let with_values = free(&format!("[({:?}, ['1s'])]", format!("SET a = %s; {index}")));
    assert_eq!(with_values.all(), ["concurrently-in-transaction"]);
    assert!(free(&format!("[{drop:?}, {index:?}]")).all().is_empty());
    assert!(
        free(&format!("{:?}", format!("-- why\n{index};\n")))
            .all()
            .is_empty()
    );
}

#[test]
fn a_constraint_is_validated_without_an_earlier_lock() {
    const ADD: &str = "ALTER TABLE shop_order ADD CONSTRAINT a CHECK (count > 0) NOT VALID";
    const VALIDATE: &str = "ALTER TABLE shop_order VALIDATE CONSTRAINT a";
    assert_eq!(
        sql(&format!("{ADD}; {VALIDATE}")).all(),
        ["slow-under-lock"]
    );
    assert!(sql(&format!("{VALIDATE}; {ADD}")).all().is_empty());
    assert!(free(&format!("[{ADD:?}, {VALIDATE:?}]")).all().is_empty());
    let run = |text: &str| format!("migrations.RunSQL({text:?}, migrations.RunSQL.noop),");
    let apart = Case::new()
        .adds_after("0002_a", "0001_initial", &run(ADD), "")
        .adds_after("0003_b", "0002_a", &run(VALIDATE), "");
    assert!(apart.all().is_empty());
}

#[test]
fn a_column_that_writes_every_row_is_found_in_sql() {
    let constant = "ALTER TABLE shop_order ADD COLUMN size integer NOT NULL DEFAULT 1";
    assert!(sql(constant).all().is_empty());
    let mut old = sql(constant);
    old.settings.postgres = Some(10);
    assert_eq!(old.all(), ["new-column-rewrites"]);
    let mut empty = sql("ALTER TABLE shop_order ADD COLUMN size integer DEFAULT NULL");
    empty.settings.postgres = Some(10);
    assert!(empty.all().is_empty());
    let counter = "ALTER TABLE shop_order ADD COLUMN place bigserial";
    assert_eq!(sql(counter).all(), ["new-column-rewrites"]);
    let later = format!("ALTER TABLE shop_order ADD COLUMN size integer; {counter}");
    assert_eq!(
        sql(&later).all(),
        ["new-column-rewrites", "slow-under-lock"]
    );
}
