//! Statements that django-migration-linter 6.0.0 judges wrongly, found by calling its Postgres analyser: it matches patterns on
//! text, line by line, and knows no tables.

use super::{migration, model};

fn found(sql: &str) -> Vec<String> {
    let fields = [
        ("a", "models.CharField(max_length=10, null=True)"),
        ("b", "models.IntegerField(default=1)"),
        (
            "other",
            "models.ForeignKey('shop.Customer', on_delete=models.CASCADE)",
        ),
    ];
    let text = migration(
        Some("0001_initial"),
        "",
        &format!("migrations.RunSQL({sql:?}, migrations.RunSQL.noop)"),
    );
    model(&fields)
        .file("app/migrations/0002_change.py", text)
        .all()
}

/// It passes these silently.
#[test]
fn what_it_misses() {
    for (sql, rule) in [
        ("drop table app_a;", "drop-table"),
        ("\n DROP TABLE app_a", "drop-table"),
        (
            "UPDATE app_a SET b = 1 WHERE id = 1; DROP TABLE app_a;",
            "drop-table",
        ),
        ("TRUNCATE app_a CASCADE", "sql-truncate"),
        ("DELETE FROM app_a", "sql-without-where"),
        ("UPDATE app_a SET b = 2", "sql-without-where"),
        ("LOCK TABLE app_a", "sql-lock"),
        (
            "ALTER TABLE app_a ADD CONSTRAINT f FOREIGN KEY (b) REFERENCES shop_customer (id)",
            "foreign-key-locks",
        ),
        (
            "ALTER TABLE app_a ADD CONSTRAINT c CHECK (b > 0)",
            "constraint-scans-table",
        ),
        (
            "CREATE TABLE t (id int); CREATE INDEX i ON t (id); CREATE INDEX j ON app_a (b);",
            "index-locks-writes",
        ),
    ] {
        let found = found(sql);
        assert!(found.contains(&rule.to_owned()), "{sql}: {found:?}");
    }
}

/// NOT NULL on one column, and a default that another one gets.
#[test]
fn a_default_of_another_column_is_none() {
    let sql = "ALTER TABLE app_a ADD COLUMN c integer NOT NULL, ALTER COLUMN b SET DEFAULT 1";
    assert_eq!(found(sql), ["required-column"]);
}

/// It reports these.
#[test]
fn what_it_reports_and_is_fine() {
    for sql in [
        "-- ALTER TABLE app_a DROP COLUMN a\nSELECT 1",
        "COMMENT ON TABLE app_a IS 'DROP TABLE app_a'",
        "ALTER TABLE app_a ADD CONSTRAINT u UNIQUE USING INDEX i",
        "ALTER SEQUENCE app_a_id_seq RENAME TO app_b_id_seq",
    ] {
        assert!(found(sql).is_empty(), "{sql}: {:?}", found(sql));
    }
    // Widening, judged from the operation, where the old width is known.
    let text = migration(
        Some("0001_initial"),
        "",
        "migrations.AlterField('a', 'a', models.CharField(max_length=20, null=True))",
    );
    let wider = model(&[("a", "models.CharField(max_length=10, null=True)")])
        .file("app/migrations/0002_change.py", text);
    assert!(wider.all().is_empty());
}
