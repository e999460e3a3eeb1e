//! Tables that are dropped and indexes that are built.

use super::{Judge, NOT_REPEATABLE, UNKNOWN_TABLE};
use crate::migrations::rules::{add_index, concurrently, drop_table, lock_held, unique};
use beanpole_model::Severity;

impl Judge<'_, '_> {
    pub(super) fn drop_table(&mut self, table: &str) {
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
                drop_table::RULE,
                Severity::Error,
                &format!("drops the table {table}, which the serving code still uses"),
                reason,
                "release the code without the model first, and drop the table in a later release",
            );
        } else if self.context.fold.database.table(table).is_none()
            && self.context.fold.database.between(table).is_none()
        {
            self.say(
                UNKNOWN_TABLE,
                Severity::Warning,
                &format!("drops the table {table}, which belongs to no model that we know"),
                "nothing here says who reads it",
                "make sure that nothing reads it any more",
            );
        }
    }

    /// Judges the place of what Postgres refuses inside of a transaction.
    pub(super) fn in_transaction(&mut self, what: &str) {
        if self.context.migration.atomic {
            self.say(
                concurrently::RULE,
                Severity::Error,
                &format!("{what} in a migration that runs in a transaction"),
                "Postgres refuses it inside of a transaction; the release step fails",
                "put it into a migration of its own with `atomic = False`",
            );
        } else if self.place.together {
            self.say(
                concurrently::RULE,
                Severity::Error,
                &format!("{what} in one text with other statements"),
                "Django sends the text as one query, Postgres runs that in one transaction, and refuses the statement there; the \
                 release step fails",
                "give RunSQL a list of statements, or each statement its own RunSQL",
            );
        }
    }

    pub(super) fn create_concurrently(&mut self, if_not_exists: bool) {
        self.in_transaction("CREATE INDEX CONCURRENTLY");
        if !if_not_exists {
            self.say(
                NOT_REPEATABLE,
                Severity::Note,
                "CREATE INDEX CONCURRENTLY without IF NOT EXISTS",
                "a build that is cancelled leaves an invalid index, on which every repetition of the migration fails",
                "drop an invalid index first: DROP INDEX CONCURRENTLY IF EXISTS before CREATE INDEX CONCURRENTLY",
            );
        }
    }

    pub(super) fn create_index(&mut self, table: &str, is_unique: bool) {
        if self.is_new(table) {
            return;
        }
        lock_held::statement(self.context, self.place.span, "builds an index");
        let severity = self.lock_severity(table);
        if is_unique {
            self.say(
                unique::RULE,
                severity,
                &format!("adds a unique index to {table}, which has rows"),
                "it fails if two rows are equal, and every write waits until the index is built",
                "look for equal rows first; CREATE UNIQUE INDEX CONCURRENTLY in a migration of its own with `atomic = False`",
            );
        } else {
            self.say(
                add_index::RULE,
                severity,
                &format!("builds an index of {table} without CONCURRENTLY"),
                "every write of the table waits until the index is built",
                "use CREATE INDEX CONCURRENTLY in a migration of its own with `atomic = False`",
            );
        }
    }
}
