//! The actions of `ALTER TABLE` under the rules of the operations that they stand for.

use super::Judge;
use crate::migrations::rules::{
    change_type, column_rewrite, constraint, drop_column, drop_default, foreign_key, lock_held,
    rename_column, rename_table, required_column, set_not_null, unique,
};
use crate::sql::{Action, ConstraintSort, Fill};
use beanpole_model::Severity;

impl Judge<'_, '_> {
    /// Judges an action; `later` is what is done to the table after it.
    pub(super) fn action<'l, L>(&mut self, table: &str, action: &Action, later: impl Fn() -> L)
    where
        L: Iterator<Item = &'l Action>,
    {
        if let Action::AddColumn { column, fill, .. } = action {
            self.filled_column(table, column, *fill);
        }
        match action {
            Action::DropColumn(column) if self.uses_column(table, column) => self.say(
                drop_column::RULE,
                Severity::Error,
                &format!("drops the column {table}.{column}, which the serving code still uses"),
                "Django names every column of a model in its queries: until the new version serves, each read and write of the model \
                 fails; a roll-back meets a column that is gone",
                "remove the field from the model and the state in one release, and drop the column in the next",
            ),
            Action::RenameColumn { old, new } if self.uses_column(table, old) => self.say(
                rename_column::RULE,
                Severity::Error,
                &format!("renames the column {table}.{old} to {new} while the serving code uses the old name"),
                "no moment exists at which old and new code both find their column",
                "keep the column and give the field `db_column`",
            ),
            Action::RenameTable(new)
                if self.context.serving.is_some_and(|serving| serving.uses_table(table)) =>
            {
                self.say(
                    rename_table::RULE,
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
                ..
            } => {
                // A default may be set on this very column, and be dropped again, by what follows.
                let dropped = later().any(|one| matches!(one, Action::DropDefault(name) if name == column));
                let set = later().any(|one| matches!(one, Action::SetDefault(name) if name == column));
                if ((!has_default && !set) || dropped) && self.context.serving.is_some_and(|serving| serving.model_on(table).is_some()) {
                    self.say(
                        required_column::RULE,
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
                        set_not_null::RULE,
                        Severity::Error,
                        &format!("makes {table}.{column} NOT NULL while the serving code may write NULL"),
                        "the serving code's inserts and updates may fail, and the whole table is read under a lock that stops all reads \
                         and writes",
                        "add a CHECK (column IS NOT NULL) NOT VALID, validate it, and set NOT NULL in a later release",
                    );
                }
            }
            Action::DropDefault(column) => {
                let needed = self
                    .old(table)
                    .and_then(|model| model.column_owner(column))
                    .is_some_and(|(_, field)| field.db_default.is_some() && !field.takes_null());
                if needed && self.uses_column(table, column) {
                    self.say(
                        drop_default::RULE,
                        Severity::Error,
                        &format!("drops the default of {table}.{column}, which the serving code's inserts use"),
                        "the serving code writes DEFAULT for the column; without one that is NULL, and the column takes no NULL",
                        "release code that gives the value itself first, and drop the default in a later release",
                    );
                }
            }
            Action::SetType(column) => self.say(
                change_type::REWRITTEN,
                self.lock_severity(table),
                &format!("changes the type of {table}.{column}"),
                "most changes of a type write the whole table anew and stop all reads and writes meanwhile",
                "make sure that it is one of the free ones (a longer varchar, varchar to text), or add a column of the new type",
            ),
            Action::AddConstraint {
                kind,
                not_valid,
                using_index,
                ..
            } => self.constraint(table, *kind, *not_valid, *using_index),
            Action::ValidateConstraint(_) => lock_held::statement(
                self.context,
                self.place.span,
                "validates a constraint, which reads a whole table,",
            ),
            _ => {}
        }
    }

    /// Judges what a new column writes into the rows that are there.
    fn filled_column(&mut self, table: &str, column: &str, fill: Fill) {
        let Some(why) = column_rewrite::rewrites_by_sql(fill, self.context.settings.postgres)
        else {
            return;
        };
        lock_held::statement(self.context, self.place.span, "writes a whole table anew");
        self.say(
            column_rewrite::RULE,
            self.lock_severity(table),
            &format!("adding {table}.{column} writes every row: {why}"),
            "Postgres writes the whole table anew and stops all reads and writes meanwhile",
            "add the column without it and let it take NULL, fill the rows in batches, and set the default in a later release",
        );
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
                constraint::RULE,
                severity,
                &format!("adds a constraint to {table} and checks all rows at once"),
                "Postgres reads the whole table under a lock that stops all reads and writes",
                "add it NOT VALID, and VALIDATE CONSTRAINT in a migration of its own",
            ),
            ConstraintSort::ForeignKey if !not_valid => self.say(
                foreign_key::RULE,
                severity,
                &format!("adds a foreign key to {table} and checks all rows at once"),
                "all writes of both tables wait until every row is checked",
                "add it NOT VALID, and VALIDATE CONSTRAINT in a migration of its own",
            ),
            ConstraintSort::Unique if !using_index => self.say(
                unique::RULE,
                severity,
                &format!("adds a unique constraint to {table}, which has rows"),
                "it fails if two rows are equal, and all reads and writes wait until the index is built",
                "CREATE UNIQUE INDEX CONCURRENTLY first, then ADD CONSTRAINT … USING INDEX",
            ),
            ConstraintSort::Exclude => self.say(
                constraint::EXCLUSION,
                severity,
                &format!("adds an exclusion constraint to {table}"),
                "Postgres builds its index under a lock that stops all reads and writes; no way without the lock exists",
                "add it to a new table and move the rows, or take a maintenance window",
            ),
            _ => {}
        }
    }
}
