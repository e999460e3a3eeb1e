//! Every rule of the group with its id: what the command line lists, and what the manifest may name.

use super::{
    NOT_ANALYSED, add_index, change_type, column_rewrite, composite_key, concurrently, constraint,
    drop_column, drop_default, drop_table, foreign_key, graph, lock_held, mixed, phase,
    rename_column, rename_table, required_column, run_python, run_sql, separate, set_not_null,
    unique,
};
use crate::{Group, Rule};
use beanpole_model::Severity::{self, Error, Note, Warning};

const fn rule(id: &'static str, severity: Severity, summary: &'static str) -> Rule {
    Rule {
        id,
        group: Group::Migrations,
        severity,
        summary,
    }
}

/// All rules of migrations. The severity is that of the usual case: locks of hot tables are errors, and what is quick on a new
/// column is a note.
pub(in crate::migrations) const RULES: &[Rule] = &[
    rule(
        drop_table::RULE,
        Error,
        "drops a table that the serving code uses",
    ),
    rule(
        drop_column::RULE,
        Error,
        "drops a column that the serving code uses",
    ),
    rule(
        rename_table::RULE,
        Error,
        "renames a table that the serving code uses",
    ),
    rule(
        rename_column::RULE,
        Error,
        "renames a column that the serving code uses",
    ),
    rule(
        required_column::RULE,
        Error,
        "adds a column that takes no NULL and that the serving code does not fill",
    ),
    rule(
        set_not_null::RULE,
        Error,
        "makes a column NOT NULL that the serving code may leave empty",
    ),
    rule(
        drop_default::RULE,
        Error,
        "drops a default of the database that the serving code's inserts use",
    ),
    rule(
        change_type::NARROWED,
        Error,
        "makes a column too narrow for what the serving code writes",
    ),
    rule(
        change_type::CHANGED,
        Error,
        "changes a column to a type that the serving code does not expect",
    ),
    rule(
        change_type::REWRITTEN,
        Warning,
        "changes a column so that the whole table is written anew",
    ),
    rule(
        composite_key::RULE,
        Error,
        "changes a composite primary key, which Django does only with the table",
    ),
    rule(
        unique::RULE,
        Warning,
        "makes rows unique that are there already",
    ),
    rule(
        unique::SHARED,
        Error,
        "adds a unique column with one default for all rows",
    ),
    rule(
        constraint::RULE,
        Warning,
        "adds a constraint and checks all rows at once",
    ),
    rule(
        constraint::EXCLUSION,
        Warning,
        "adds an exclusion constraint, which reads the whole table under a lock",
    ),
    rule(
        foreign_key::RULE,
        Warning,
        "adds a foreign key, which locks both tables",
    ),
    rule(
        add_index::RULE,
        Warning,
        "builds an index without CONCURRENTLY",
    ),
    rule(
        add_index::DROPPED,
        Note,
        "drops or rebuilds an index without CONCURRENTLY",
    ),
    rule(
        lock_held::RULE,
        Warning,
        "does something slow while an earlier lock is held",
    ),
    rule(
        concurrently::RULE,
        Error,
        "uses CONCURRENTLY, or what else Postgres refuses, inside of a transaction",
    ),
    rule(
        concurrently::NOT_ALONE,
        Note,
        "uses CONCURRENTLY beside other operations without a transaction",
    ),
    rule(
        run_sql::NOT_REPEATABLE,
        Note,
        "builds an index concurrently in a way that cannot be repeated",
    ),
    rule(
        column_rewrite::RULE,
        Warning,
        "adds a column that writes every row anew",
    ),
    rule(
        column_rewrite::SHARED,
        Warning,
        "gives every row the same value of a function",
    ),
    rule(run_python::NO_REVERSE, Note, "RunPython without a way back"),
    rule(
        run_python::IMPORTS,
        Warning,
        "RunPython uses models of today's code",
    ),
    rule(run_python::FILES, Warning, "a data migration reads a file"),
    rule(
        run_python::UNBATCHED,
        Warning,
        "a data migration changes all rows at once",
    ),
    rule(
        mixed::RULE,
        Warning,
        "changes rows and tables in one transaction",
    ),
    rule(
        separate::RULE,
        Warning,
        "state and database differ after SeparateDatabaseAndState",
    ),
    rule(
        phase::RULE,
        Warning,
        "is marked to run after the new code serves",
    ),
    rule(graph::LEAVES, Error, "an app has several last migrations"),
    rule(graph::CYCLE, Error, "migrations wait for each other"),
    rule(
        graph::MISSING,
        Error,
        "depends on a migration that does not exist",
    ),
    rule(
        graph::TAKEN,
        Warning,
        "the number of a new migration is taken",
    ),
    rule(graph::EDITED, Warning, "a released migration was edited"),
    rule(graph::DELETED, Warning, "a released migration was deleted"),
    rule(run_sql::NO_REVERSE, Note, "RunSQL without a way back"),
    rule(
        run_sql::WITHOUT_WHERE,
        Warning,
        "SQL changes all rows of a table",
    ),
    rule(run_sql::TRUNCATE, Error, "SQL empties a table"),
    rule(
        run_sql::TRANSACTION,
        Error,
        "SQL begins or ends the migration's transaction",
    ),
    rule(
        run_sql::DROP_DATABASE,
        Error,
        "SQL drops a database or a schema",
    ),
    rule(run_sql::LOCK, Warning, "SQL locks a table by hand"),
    rule(
        run_sql::ENUM_VALUE,
        Warning,
        "SQL adds a value to an enum in a transaction that does more",
    ),
    rule(run_sql::REWRITES, Warning, "SQL writes a whole table anew"),
    rule(
        run_sql::UNKNOWN_TABLE,
        Warning,
        "SQL drops a table that belongs to no model",
    ),
    rule(run_sql::REMARK, Warning, "squawk has a remark on the SQL"),
    rule(run_sql::NOT_ANALYSED, Warning, "SQL that cannot be judged"),
    rule(
        NOT_ANALYSED,
        Warning,
        "a migration that cannot be judged without running it",
    ),
];

#[cfg(test)]
mod tests {
    use super::RULES;
    use std::path::Path;

    #[test]
    fn every_rule_has_its_page() {
        crate::pages::assert_pages(RULES);
    }

    /// The other direction, that every finding has a rule here, is asserted by `Case::review` for each case of the tests.
    #[test]
    fn every_id_of_the_sources_is_listed() {
        let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/migrations/rules");
        let mut open = vec![rules];
        let mut found = 0;
        while let Some(directory) = open.pop() {
            for entry in fs_err::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    open.push(path);
                    continue;
                }
                let text = fs_err::read_to_string(&path).unwrap();
                for line in text
                    .lines()
                    .filter(|line| line.contains("const ") && line.contains(": &str = \""))
                {
                    let id = line.split('"').nth(1).unwrap();
                    if id.contains('-') && !id.contains(' ') {
                        assert!(
                            RULES.iter().any(|rule| rule.id == id),
                            "{id} of {} is not listed",
                            path.display()
                        );
                        found += 1;
                    }
                }
            }
        }
        assert_eq!(found, RULES.len());
    }
}
