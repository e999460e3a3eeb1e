//! SQL of `RunSQL` under the rules of the operations that it stands for, and rules of its own: `runsql-without-reverse`,
//! `sql-without-where`, `sql-truncate`, `sql-transaction`, `sql-drop-database`, `sql-lock`, `sql-not-analysed`.

use super::{Context, Said};
use crate::migrations::operation::{Kind, Operation, Reverse};
use crate::migrations::state::Model;
use crate::python::Span;
use crate::sql::{self, Action, ConstraintSort, Statement, StatementKind};
use beanpole_model::Severity;

pub(super) fn check(context: &mut Context<'_>, operation: &Operation) {
    let Kind::RunSql(run) = &operation.kind else {
        return;
    };
    if run.reverse == Reverse::Missing && !run.sql.is_empty() {
        context.say(Said {
            rule: "runsql-without-reverse",
            severity: Severity::Note,
            span: operation.span,
            message: "RunSQL without a way back".to_owned(),
            reason: "`migrate` cannot go back over this migration: it stops with IrreversibleError",
            remedy: "give it reverse_sql; `migrations.RunSQL.noop` if nothing needs to be undone"
                .to_owned(),
        });
    }
    for (text, span) in &run.sql {
        for statement in sql::read(text) {
            let mut judge = Judge {
                context,
                span: *span,
                at: if statement.line == 0 {
                    String::new()
                } else {
                    format!(" (line {} of the SQL)", statement.line + 1)
                },
            };
            judge.statement(&statement);
            judge.remarks(&statement);
        }
    }
}

struct Judge<'c, 'a> {
    context: &'c mut Context<'a>,
    span: Span,
    /// Where in the SQL, if it has several lines.
    at: String,
}

impl<'a> Judge<'_, 'a> {
    fn say(
        &mut self,
        rule: &'static str,
        severity: Severity,
        message: &str,
        reason: &'static str,
        remedy: &str,
    ) {
        self.context.say(Said {
            rule,
            severity,
            span: self.span,
            message: format!("{message}{}", self.at),
            reason,
            remedy: remedy.to_owned(),
        });
    }

    /// Whether the table was made in this release, by SQL or by an operation; or nothing serves yet.
    fn is_new(&self, table: &str) -> bool {
        self.context.serving.is_none()
            || self.context.made_by_sql.contains(table)
            || self
                .context
                .fold
                .database
                .table(table)
                .is_some_and(|model| self.context.is_new(model))
    }

    fn old(&self, table: &str) -> Option<&'a Model> {
        self.context.fold.database.table(table)
    }

    fn lock_severity(&self, table: &str) -> Severity {
        match self.old(table) {
            Some(model) => self.context.lock_severity(model),
            None if self.context.settings.hot_tables.contains(table) => Severity::Error,
            None => Severity::Warning,
        }
    }

    fn uses_column(&self, table: &str, column: &str) -> bool {
        self.context
            .serving
            .is_some_and(|serving| serving.uses_column(table, column))
    }

    fn statement(&mut self, statement: &Statement) {
        match &statement.kind {
            StatementKind::CreateTable(table) => {
                self.context.made_by_sql.insert(table.clone());
            }
            StatementKind::DropTable(tables) => {
                for table in tables {
                    self.drop_table(table);
                }
            }
            StatementKind::AlterTable { table, actions } if !self.is_new(table) => {
                for (index, action) in actions.iter().enumerate() {
                    self.action(table, action, actions.get(index + 1..).unwrap_or_default());
                }
            }
            StatementKind::AlterTable { table, actions } => {
                for action in actions {
                    if let Action::RenameTable(new) = action
                        && self.context.made_by_sql.contains(table)
                    {
                        self.context.made_by_sql.insert(new.clone());
                    }
                }
            }
            StatementKind::CreateIndex {
                table,
                concurrently,
                if_not_exists,
            } => self.create_index(table, *concurrently, *if_not_exists),
            StatementKind::DropIndex { concurrently } | StatementKind::Reindex { concurrently } => {
                if *concurrently {
                    self.in_transaction();
                } else {
                    self.say(
                        "drop-index-locks",
                        Severity::Note,
                        "drops or rebuilds an index without CONCURRENTLY",
                        "the lock stops all reads and writes of the table, and waits behind every query that runs",
                        "use CONCURRENTLY in a migration with `atomic = False`",
                    );
                }
            }
            StatementKind::Change { table, filtered } => {
                if !filtered && !self.is_new(table) {
                    self.say(
                        "sql-without-where",
                        Severity::Warning,
                        &format!("changes all rows of {table} in one statement"),
                        "on a large table this is one long transaction that holds the lock of every row",
                        "work through ranges of the primary key, a few thousand rows at a time, in a migration with `atomic = False`",
                    );
                }
            }
            StatementKind::Truncate(tables) => {
                for table in tables {
                    if !self.is_new(table) {
                        self.say(
                            "sql-truncate",
                            Severity::Error,
                            &format!("empties the table {table}"),
                            "all rows are gone for the serving code at once, and no roll-back brings them back",
                            "rename or keep what may be needed again; delete old rows in batches",
                        );
                    }
                }
            }
            StatementKind::Transaction => {
                if self.context.migration.atomic {
                    self.say(
                        "sql-transaction",
                        Severity::Error,
                        "begins or ends a transaction inside of the migration's own",
                        "what was done so far is made final while Django believes that it can still be undone",
                        "remove it, or set `atomic = False` on the migration",
                    );
                }
            }
            StatementKind::DropDatabase => self.say(
                "sql-drop-database",
                Severity::Error,
                "drops a database",
                "no release needs this",
                "remove the statement",
            ),
            StatementKind::Lock => self.say(
                "sql-lock",
                Severity::Warning,
                "locks a table by hand until the end of the transaction",
                "the serving code waits for it",
                "leave locks to the statements that need them",
            ),
            StatementKind::Unseen(why) => {
                let why = why.clone();
                self.say(
                    "sql-not-analysed",
                    Severity::Warning,
                    &why,
                    "what cannot be seen may drop, lock or rewrite a table",
                    "read this statement with care",
                );
            }
            StatementKind::Insert | StatementKind::Other => {}
        }
    }

    fn drop_table(&mut self, table: &str) {
        if self.is_new(table) {
            return;
        }
        let Some(serving) = self.context.serving else {
            return;
        };
        let reason = "the migration runs before the new version serves; until then every query on the table fails, and a roll-back \
                      meets a table that is gone";
        if serving.uses_table(table) {
            self.say(
                super::drop_table::RULE,
                Severity::Error,
                &format!("drops the table {table}, which the serving code still uses"),
                reason,
                "release the code without the model first, and drop the table in a later release",
            );
        } else if self.context.fold.database.table(table).is_none()
            && self.context.fold.database.between(table).is_none()
        {
            self.say(
                "drop-unknown-table",
                Severity::Warning,
                &format!("drops the table {table}, which belongs to no model that we know"),
                "nothing here says who reads it",
                "make sure that nothing reads it any more",
            );
        }
    }

    fn in_transaction(&mut self) {
        if self.context.migration.atomic {
            self.say(
                super::concurrently::RULE,
                Severity::Error,
                "CONCURRENTLY in a migration that runs in a transaction",
                "Postgres refuses it inside of a transaction; the release step fails",
                "put it into a migration of its own with `atomic = False`",
            );
        }
    }

    fn create_index(&mut self, table: &str, concurrently: bool, if_not_exists: bool) {
        if concurrently {
            self.in_transaction();
            if !if_not_exists {
                self.say(
                    "concurrently-not-repeatable",
                    Severity::Note,
                    "CREATE INDEX CONCURRENTLY without IF NOT EXISTS",
                    "a build that is cancelled leaves an invalid index, on which every repetition of the migration fails",
                    "drop an invalid index first: DROP INDEX CONCURRENTLY IF EXISTS before CREATE INDEX CONCURRENTLY",
                );
            }
        } else if !self.is_new(table) {
            self.say(
                "index-locks-writes",
                self.lock_severity(table),
                &format!("builds an index of {table} without CONCURRENTLY"),
                "every write of the table waits until the index is built",
                "use CREATE INDEX CONCURRENTLY in a migration of its own with `atomic = False`",
            );
        }
    }

    fn action(&mut self, table: &str, action: &Action, later: &[Action]) {
        match action {
            Action::DropColumn(column) if self.uses_column(table, column) => self.say(
                super::drop_column::RULE,
                Severity::Error,
                &format!("drops the column {table}.{column}, which the serving code still uses"),
                "Django names every column of a model in its queries: until the new version serves, each read and write of the model \
                 fails; a roll-back meets a column that is gone",
                "remove the field from the model and the state in one release, and drop the column in the next",
            ),
            Action::RenameColumn { old, new } if self.uses_column(table, old) => self.say(
                super::rename_column::RULE,
                Severity::Error,
                &format!("renames the column {table}.{old} to {new} while the serving code uses the old name"),
                "no moment exists at which old and new code both find their column",
                "keep the column and give the field `db_column`",
            ),
            Action::RenameTable(new)
                if self.context.serving.is_some_and(|serving| serving.uses_table(table)) =>
            {
                self.say(
                    super::rename_table::RULE,
                    Severity::Error,
                    &format!("renames the table {table} to {new} while the serving code uses the old name"),
                    "no moment exists at which old and new code both find their table",
                    "keep the table and give the model `db_table`",
                );
            }
            Action::AddColumn {
                column,
                not_null: true,
                has_default,
            } => {
                // A default may be set on this very column, and be dropped again, by what follows.
                let dropped = later.iter().any(|one| matches!(one, Action::DropDefault(name) if name == column));
                let set = later.iter().any(|one| matches!(one, Action::SetDefault(name) if name == column));
                if ((!has_default && !set) || dropped) && self.context.serving.is_some_and(|serving| serving.model_on(table).is_some()) {
                    self.say(
                        super::required_column::RULE,
                        Severity::Error,
                        &format!("adds {table}.{column} as NOT NULL without a default that stays"),
                        "INSERTs of the old code fail until the new version serves, and again after a roll-back",
                        "give the column a DEFAULT, or let it take NULL",
                    );
                }
            }
            Action::SetNotNull(column) => {
                let checked = self.old(table).is_some_and(|model| {
                    model
                        .column_owner(column)
                        .is_some_and(|(field, _)| model.checks_not_null(field))
                });
                let was_null = self.old(table).and_then(|model| model.column_owner(column)).is_none_or(|(_, field)| field.takes_null());
                if was_null && !checked && self.uses_column(table, column) {
                    self.say(
                        super::set_not_null::RULE,
                        Severity::Error,
                        &format!("makes {table}.{column} NOT NULL while the serving code may write NULL"),
                        "the serving code's inserts and updates may fail, and the whole table is read under a lock that stops all reads \
                         and writes",
                        "add a CHECK (column IS NOT NULL) NOT VALID, validate it, and set NOT NULL in a later release",
                    );
                }
            }
            Action::SetType(column) => self.say(
                super::change_type::REWRITTEN,
                self.lock_severity(table),
                &format!("changes the type of {table}.{column}"),
                "most changes of a type write the whole table anew and stop all reads and writes meanwhile",
                "make sure that it is one of the free ones (a longer varchar, varchar to text), or add a column of the new type",
            ),
            Action::AddConstraint {
                kind,
                not_valid,
                using_index,
            } => self.constraint(table, *kind, *not_valid, *using_index),
            _ => {}
        }
    }

    fn constraint(
        &mut self,
        table: &str,
        kind: ConstraintSort,
        not_valid: bool,
        using_index: bool,
    ) {
        let severity = self.lock_severity(table);
        match kind {
            ConstraintSort::Check | ConstraintSort::NotNull if !not_valid => self.say(
                "constraint-scans-table",
                severity,
                &format!("adds a constraint to {table} and checks all rows at once"),
                "Postgres reads the whole table under a lock that stops all reads and writes",
                "add it NOT VALID, and VALIDATE CONSTRAINT in a migration of its own",
            ),
            ConstraintSort::ForeignKey if !not_valid => self.say(
                "foreign-key-locks",
                severity,
                &format!("adds a foreign key to {table} and checks all rows at once"),
                "all writes of both tables wait until every row is checked",
                "add it NOT VALID, and VALIDATE CONSTRAINT in a migration of its own",
            ),
            ConstraintSort::Unique if !using_index => self.say(
                "unique-on-existing-data",
                severity,
                &format!("adds a unique constraint to {table}, which has rows"),
                "it fails if two rows are equal, and all reads and writes wait until the index is built",
                "CREATE UNIQUE INDEX CONCURRENTLY first, then ADD CONSTRAINT … USING INDEX",
            ),
            ConstraintSort::Exclude => self.say(
                "exclusion-scans-table",
                severity,
                &format!("adds an exclusion constraint to {table}"),
                "Postgres builds its index under a lock that stops all reads and writes; no way without the lock exists",
                "add it to a new table and move the rows, or take a maintenance window",
            ),
            _ => {}
        }
    }

    /// What squawk adds, on tables that are there.
    fn remarks(&mut self, statement: &Statement) {
        let table = match &statement.kind {
            StatementKind::AlterTable { table, .. } => table.as_str(),
            _ => "",
        };
        if self.is_new(table) {
            return;
        }
        for (code, message) in &statement.remarks {
            let severity = match code.as_str() {
                "ban-drop-not-null" | "identifier-too-long" => Severity::Note,
                _ => Severity::Warning,
            };
            let first = message.split(". ").next().unwrap_or(message);
            self.say(
                "sql-remark",
                severity,
                &format!("{code}: {first}"),
                "squawk, a linter of SQL for Postgres, says so",
                &format!("see https://squawkhq.com/docs/{code}"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
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
}
