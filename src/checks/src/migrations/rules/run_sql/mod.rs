//! SQL of `RunSQL` under the rules of the operations that it stands for, and rules of its own: `runsql-without-reverse`,
//! `sql-without-where`, `sql-truncate`, `sql-transaction`, `sql-drop-database`, `sql-lock`, `sql-not-analysed`.

mod action;
mod table;
#[cfg(test)]
mod tests;

use super::{Context, Said};
use crate::migrations::operation::{Kind, Operation, Reverse};
use crate::migrations::state::Model;
use crate::python::Span;
use crate::sql::{self, Action, Statement, StatementKind};
use beanpole_model::Severity;

pub(in crate::migrations) const NO_REVERSE: &str = "runsql-without-reverse";
pub(in crate::migrations) const WITHOUT_WHERE: &str = "sql-without-where";
pub(in crate::migrations) const TRUNCATE: &str = "sql-truncate";
pub(in crate::migrations) const TRANSACTION: &str = "sql-transaction";
pub(in crate::migrations) const LOCK: &str = "sql-lock";
pub(in crate::migrations) const NOT_ANALYSED: &str = "sql-not-analysed";
pub(in crate::migrations) const UNKNOWN_TABLE: &str = "drop-unknown-table";
pub(in crate::migrations) const NOT_REPEATABLE: &str = "concurrently-not-repeatable";
pub(in crate::migrations) const REMARK: &str = "sql-remark";
pub(in crate::migrations) const DROP_DATABASE: &str = "sql-drop-database";
pub(in crate::migrations) const ENUM_VALUE: &str = "enum-value-in-transaction";
pub(in crate::migrations) const REWRITES: &str = "sql-rewrites-table";

/// Judges the SQL of an operation by its statements.
pub(super) fn check(context: &mut Context<'_>, operation: &Operation, sql: &[&[Statement]]) {
    let texts = match &operation.kind {
        Kind::RunSql(run) => &run.sql,
        Kind::RunPython(python) => &python.sql,
        _ => return,
    };
    if let Kind::RunSql(run) = &operation.kind
        && run.reverse == Reverse::Missing
        && !run.sql.is_empty()
    {
        context.say(Said {
            rule: NO_REVERSE,
            severity: Severity::Note,
            span: operation.span,
            message: "RunSQL without a way back".to_owned(),
            reason: "`migrate` cannot go back over this migration: it stops with IrreversibleError",
            remedy: "give it reverse_sql; `migrations.RunSQL.noop` if nothing needs to be undone"
                .to_owned(),
        });
    }
    for ((_, span), statements) in texts.iter().zip(sql) {
        let place = Place {
            span: *span,
            alone: statements.len() == 1 && context.facts.operations == 1,
            together: statements.len() > 1,
        };
        judge(context, place, statements);
    }
}

/// The SQL that Django makes of a whole migration. The transaction around it is Django's own.
pub(in crate::migrations) fn exact(context: &mut Context<'_>, text: &str) {
    let statements = sql::read(text);
    let inner = match within_transaction(&statements) {
        Some(inner) if context.migration.atomic => inner,
        _ => &statements,
    };
    let place = Place {
        span: context.migration.span,
        alone: inner.len() == 1,
        // Django prints a migration whole and does not say which statements it sends at once.
        together: false,
    };
    judge(context, place, inner);
}

/// Whether the SQL that Django makes of a migration is in one transaction.
pub(in crate::migrations) fn is_in_transaction(text: &str) -> bool {
    within_transaction(&sql::read(text)).is_some()
}

/// Whether the SQL does anything.
pub(in crate::migrations) fn does_something(text: &str) -> bool {
    let statements = sql::read(text);
    let is_bound = |one: &Statement| one.kind == StatementKind::Transaction;
    !statements.iter().all(is_bound)
}

/// What is between the begin and the end of a transaction that is around all.
fn within_transaction(statements: &[Statement]) -> Option<&[Statement]> {
    let is_bound = |one: &Statement| one.kind == StatementKind::Transaction;
    match statements {
        [first, inner @ .., last] if is_bound(first) && is_bound(last) => Some(inner),
        _ => None,
    }
}

/// Where statements stand.
#[derive(Clone, Copy)]
struct Place {
    span: Span,
    /// Whether the migration has no other statement.
    alone: bool,
    /// Whether Django sends several statements as one query, which Postgres runs in a transaction of its own.
    together: bool,
}

fn judge(context: &mut Context<'_>, place: Place, statements: &[Statement]) {
    for (index, statement) in statements.iter().enumerate() {
        let mut judge = Judge {
            context,
            place,
            at: if statement.line == 0 {
                String::new()
            } else {
                format!(" (line {} of the SQL)", statement.line + 1)
            },
        };
        judge.statement(statement, statements.get(index + 1..).unwrap_or_default());
        judge.remarks(statement);
    }
}

/// What later statements do to a table, as far as they alter it.
fn actions_on<'s>(table: &'s str, statements: &'s [Statement]) -> impl Iterator<Item = &'s Action> {
    statements
        .iter()
        .flat_map(move |statement| match &statement.kind {
            StatementKind::AlterTable {
                table: other,
                actions,
            } if other == table => actions.as_slice(),
            _ => &[],
        })
}

struct Judge<'c, 'a> {
    context: &'c mut Context<'a>,
    place: Place,
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
            span: self.place.span,
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

    /// Judges a statement; `rest` is what follows it.
    fn statement(&mut self, statement: &Statement, rest: &[Statement]) {
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
                    let later = actions.get(index + 1..).unwrap_or_default();
                    let later = || later.iter().chain(actions_on(table, rest));
                    self.action(table, action, later);
                    // A constraint is validated while others read and write.
                    let lets_others = matches!(action, Action::ValidateConstraint(_));
                    if self.context.migration.atomic && !lets_others {
                        self.context.facts.locked.get_or_insert("ALTER TABLE");
                    }
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
                ..
            } if *concurrently => self.create_concurrently(*if_not_exists),
            StatementKind::CreateIndex { table, unique, .. } => self.create_index(table, *unique),
            StatementKind::DropIndex { concurrently } | StatementKind::Reindex { concurrently } => {
                if *concurrently {
                    self.in_transaction("CONCURRENTLY");
                } else {
                    self.say(
                        super::add_index::DROPPED,
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
                        WITHOUT_WHERE,
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
                            TRUNCATE,
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
                        TRANSACTION,
                        Severity::Error,
                        "begins or ends a transaction inside of the migration's own",
                        "what was done so far is made final while Django believes that it can still be undone",
                        "remove it, or set `atomic = False` on the migration",
                    );
                }
            }
            StatementKind::DropDatabase(what) => self.say(
                DROP_DATABASE,
                Severity::Error,
                &format!("drops a {what}"),
                "no release needs this",
                "remove the statement",
            ),
            StatementKind::AddEnumValue => self.enum_value(),
            StatementKind::Rewrite(what) => {
                if what.starts_with("VACUUM") {
                    self.in_transaction(what);
                }
                self.say(
                    REWRITES,
                    Severity::Warning,
                    &format!("{what} writes a table anew"),
                    "all reads and writes of the table stop until it is done",
                    "take it out of the release: `pg_repack` does the same without the lock",
                );
            }
            StatementKind::OutsideOnly(what) => self.in_transaction(what),
            StatementKind::Lock => self.say(
                LOCK,
                Severity::Warning,
                "locks a table by hand until the end of the transaction",
                "the serving code waits for it",
                "leave locks to the statements that need them",
            ),
            StatementKind::Unseen(why) => {
                let why = why.clone();
                self.say(
                    NOT_ANALYSED,
                    Severity::Warning,
                    &why,
                    "what cannot be seen may drop, lock or rewrite a table",
                    "read this statement with care",
                );
            }
            StatementKind::Insert | StatementKind::Other => {}
        }
    }

    /// A value that was added to an enum can be used when the transaction has ended.
    fn enum_value(&mut self) {
        let refused = self
            .context
            .settings
            .postgres
            .is_some_and(|version| version < 12);
        if self.context.migration.atomic && (refused || !self.place.alone) {
            self.say(
                ENUM_VALUE,
                Severity::Warning,
                "adds a value to an enum in a migration that does more, in one transaction",
                "Postgres refuses to use the value before the transaction ends; before version 12 it refuses the statement itself",
                "put it into a migration of its own with `atomic = False`",
            );
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
                REMARK,
                severity,
                &format!("{code}: {first}"),
                "squawk, a linter of SQL for Postgres, says so",
                &format!("see https://squawkhq.com/docs/{code}"),
            );
        }
    }
}
