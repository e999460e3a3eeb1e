//! Which tables and columns SQL makes, where all of it is understood.

use crate::sql::{Action, Statement, StatementKind};
use std::collections::BTreeSet;

/// Tables, and columns with their tables. Names are compared as Postgres compares what is not quoted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Made {
    tables: BTreeSet<String>,
    columns: BTreeSet<(String, String)>,
}

impl Made {
    /// What statements make. `None` if one of them may make more than is seen.
    pub(super) fn of<'s>(statements: impl IntoIterator<Item = &'s Statement>) -> Option<Self> {
        let mut made = Self::default();
        for statement in statements {
            made.take_in(&statement.kind)?;
        }
        Some(made)
    }

    /// Whether they make that table, or that column of it. What columns a new table has is not followed.
    pub(super) fn has(&self, table: &str, column: Option<&str>) -> bool {
        let table = table.to_lowercase();
        self.tables.contains(&table)
            || column.is_some_and(|column| self.columns.contains(&(table, column.to_lowercase())))
    }

    fn take_in(&mut self, kind: &StatementKind) -> Option<()> {
        match kind {
            StatementKind::CreateTable(table) => {
                self.tables.insert(table.to_lowercase());
            }
            StatementKind::AlterTable { table, actions } => {
                for action in actions {
                    self.take_in_action(table, action)?;
                }
            }
            StatementKind::Other | StatementKind::Unseen(_) => return None,
            StatementKind::DropTable(_)
            | StatementKind::CreateIndex { .. }
            | StatementKind::DropIndex { .. }
            | StatementKind::Change { .. }
            | StatementKind::Insert
            | StatementKind::Truncate(_)
            | StatementKind::Transaction
            | StatementKind::DropDatabase(_)
            | StatementKind::AddEnumValue
            | StatementKind::OutsideOnly(_)
            | StatementKind::Rewrite(_)
            | StatementKind::Lock
            | StatementKind::Reindex { .. } => {}
        }
        Some(())
    }

    fn take_in_action(&mut self, table: &str, action: &Action) -> Option<()> {
        match action {
            Action::AddColumn { column, .. } | Action::RenameColumn { new: column, .. } => {
                self.columns
                    .insert((table.to_lowercase(), column.to_lowercase()));
            }
            Action::RenameTable(new) => {
                self.tables.insert(new.to_lowercase());
            }
            Action::Other => return None,
            Action::DropColumn(_)
            | Action::SetNotNull(_)
            | Action::SetDefault(_)
            | Action::DropDefault(_)
            | Action::SetType(_)
            | Action::AddConstraint { .. }
            | Action::ValidateConstraint(_)
            | Action::DropConstraint(_) => {}
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::Made;
    use crate::sql;

    fn made(text: &str) -> Option<Made> {
        Made::of(&sql::read(text))
    }

    #[test]
    fn tables_and_columns_are_made() {
        let all = made(
            "CREATE TABLE a (b int); ALTER TABLE c ADD COLUMN \"D\" int, ALTER e SET NOT NULL; ALTER TABLE c RENAME f TO g; ALTER TABLE h RENAME TO i; CREATE INDEX j ON c (k)",
        )
        .unwrap();
        for (table, column) in [
            ("A", None),
            ("a", Some("anything")),
            ("c", Some("d")),
            ("c", Some("g")),
            ("i", None),
        ] {
            assert!(all.has(table, column), "{table} {column:?}");
        }
        for (table, column) in [("c", None), ("c", Some("k")), ("h", None)] {
            assert!(!all.has(table, column), "{table} {column:?}");
        }
    }

    #[test]
    fn what_is_not_understood_may_make_anything() {
        for text in [
            "SELECT make_columns()",
            "DO $$ BEGIN END $$",
            "ALTER TABLE a INHERIT b",
            "nothing of SQL",
        ] {
            assert_eq!(made(text), None, "{text}");
        }
    }
}
