//! The parser's tree to our values.

use super::action::action;
use super::name::{last_name, relation, says, table_name, table_ref};
use super::split::statements;
use super::{Statement, StatementKind};
use crate::python::with_deep_stack;
use squawk_linter::{Linter, Rule};
use squawk_syntax::SourceFile;
use squawk_syntax::ast::{self, AstNode};

/// The longest statement that is parsed, in bytes: its nesting fits on the deep stack whatever it holds.
const LONGEST: usize = 16 * 1024;

/// Rules of squawk that add to ours. The others are ours already, with the state of the tables, or matters of taste.
const RULES: [Rule; 7] = [
    Rule::AddingFieldWithDefault,
    Rule::AddingSerialPrimaryKeyField,
    Rule::BanCreateDomainWithConstraint,
    Rule::BanAlterDomainWithAddConstraint,
    Rule::RequireConcurrentPartitionDetach,
    Rule::BanDropNotNull,
    Rule::IdentifierTooLong,
];

/// Reads the statements of a text.
pub(crate) fn read(text: &str) -> Vec<Statement> {
    let pieces = statements(text);
    with_deep_stack(|| {
        pieces
            .iter()
            .map(|(start, piece)| {
                let before = text.get(..*start).unwrap_or_default();
                let blank = piece.len() - piece.trim_start().len();
                let lines = before.matches('\n').count()
                    + piece
                        .get(..blank)
                        .map_or(0, |blank| blank.matches('\n').count());
                statement(piece, u32::try_from(lines).unwrap_or(u32::MAX))
            })
            .collect()
    })
    .unwrap_or_else(|unreadable| vec![unseen(unreadable.why, 0)])
}

fn unseen(why: String, line: u32) -> Statement {
    Statement {
        kind: StatementKind::Unseen(why),
        line,
        remarks: Vec::new(),
    }
}

fn statement(piece: &str, line: u32) -> Statement {
    if piece.len() > LONGEST {
        // Rows in bulk are the usual reason.
        let first = piece.trim_start().get(..6).unwrap_or_default();
        if first.eq_ignore_ascii_case("insert") {
            return Statement {
                kind: StatementKind::Insert,
                line,
                remarks: Vec::new(),
            };
        }
        return unseen(
            format!(
                "a statement of {} bytes is too long to be judged",
                piece.len()
            ),
            line,
        );
    }
    // A fault of the parser must not end the review.
    std::panic::catch_unwind(|| parsed(piece, line))
        .unwrap_or_else(|_| unseen("the SQL parser failed on a statement".to_owned(), line))
}

fn parsed(piece: &str, line: u32) -> Statement {
    let parse = SourceFile::parse(piece);
    if let Some(error) = parse.errors().first() {
        return unseen(
            format!("a statement is not SQL of Postgres: {}", error.message()),
            line,
        );
    }
    let mut linter = Linter::from(RULES);
    let remarks = linter
        .lint(&parse, piece)
        .into_iter()
        .map(|violation| (violation.code.to_string(), violation.message))
        .collect();
    let kind = parse
        .tree()
        .stmts()
        .next()
        .map_or(StatementKind::Other, |statement| kind(&statement));
    Statement {
        kind,
        line,
        remarks,
    }
}

fn kind(statement: &ast::Stmt) -> StatementKind {
    match statement {
        ast::Stmt::CreateTable(create) => {
            StatementKind::CreateTable(table_name(create.table_name()))
        }
        ast::Stmt::CreateTableAs(create) => {
            StatementKind::CreateTable(table_name(create.table_name()))
        }
        ast::Stmt::DropTable(drop) => StatementKind::DropTable(
            drop.table_name_refs()
                .filter_map(|table| table_ref(&table))
                .collect(),
        ),
        ast::Stmt::AlterTable(alter) => StatementKind::AlterTable {
            table: relation(alter.table_relation_name()),
            actions: alter.actions().map(|one| action(&one)).collect(),
        },
        ast::Stmt::CreateIndex(create) => StatementKind::CreateIndex {
            table: relation(create.table_relation_name()),
            concurrently: create.concurrently_token().is_some(),
            if_not_exists: create.if_not_exists().is_some(),
            unique: says(create, &["create", "unique"]),
        },
        ast::Stmt::DropIndex(drop) => StatementKind::DropIndex {
            concurrently: drop.concurrently_token().is_some(),
        },
        ast::Stmt::Update(update) => StatementKind::Change {
            table: update.relation_name().map_or_else(String::new, |name| {
                last_name(&name.syntax().text().to_string())
            }),
            filtered: update.where_clause_or_current_of().is_some(),
        },
        ast::Stmt::Delete(delete) => StatementKind::Change {
            table: delete.relation_name().map_or_else(String::new, |name| {
                last_name(&name.syntax().text().to_string())
            }),
            filtered: delete.where_clause_or_current_of().is_some(),
        },
        ast::Stmt::Insert(_) | ast::Stmt::Copy(_) => StatementKind::Insert,
        ast::Stmt::Truncate(truncate) => StatementKind::Truncate(
            truncate
                .table_list()
                .into_iter()
                .flat_map(|list| list.table_relation_names())
                .map(|name| relation(Some(name)))
                .collect(),
        ),
        ast::Stmt::Begin(_) | ast::Stmt::Commit(_) | ast::Stmt::Rollback(_) => {
            StatementKind::Transaction
        }
        ast::Stmt::DropDatabase(_) => StatementKind::DropDatabase("database"),
        ast::Stmt::DropSchema(_) => StatementKind::DropDatabase("schema"),
        ast::Stmt::AlterType(alter) if says(alter, &["add", "value"]) => {
            StatementKind::AddEnumValue
        }
        ast::Stmt::Cluster(_) => StatementKind::Rewrite("CLUSTER"),
        ast::Stmt::Vacuum(vacuum) if says(vacuum, &["full"]) => {
            StatementKind::Rewrite("VACUUM FULL")
        }
        ast::Stmt::Vacuum(_) => StatementKind::OutsideOnly("VACUUM"),
        ast::Stmt::CreateDatabase(_) => StatementKind::OutsideOnly("CREATE DATABASE"),
        ast::Stmt::AlterSystem(_) => StatementKind::OutsideOnly("ALTER SYSTEM"),
        ast::Stmt::CreateTablespace(_) => StatementKind::OutsideOnly("CREATE TABLESPACE"),
        ast::Stmt::DropTablespace(_) => StatementKind::OutsideOnly("DROP TABLESPACE"),
        ast::Stmt::Lock(_) => StatementKind::Lock,
        ast::Stmt::Reindex(reindex) => StatementKind::Reindex {
            concurrently: reindex
                .syntax()
                .text()
                .to_string()
                .to_lowercase()
                .contains("concurrently"),
        },
        ast::Stmt::Do(_) => {
            StatementKind::Unseen("the body of a DO block is not judged".to_owned())
        }
        _ => StatementKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Action, ConstraintSort, Fill};
    use super::*;

    fn kinds(text: &str) -> Vec<StatementKind> {
        read(text).into_iter().map(|one| one.kind).collect()
    }

    #[test]
    fn spelling_does_not_matter() {
        for text in [
            "drop table foo;",
            "\n DROP TABLE \"foo\"",
            "Drop Table If Exists public.foo cascade",
        ] {
            assert_eq!(
                kinds(text),
                [StatementKind::DropTable(vec!["foo".to_owned()])],
                "{text}"
            );
        }
        assert!(kinds("-- DROP COLUMN foo").is_empty());
        assert_eq!(kinds("select 'DROP TABLE foo;'"), [StatementKind::Other]);
    }

    #[test]
    fn every_statement_counts() {
        assert_eq!(
            kinds("UPDATE x SET a = 1 WHERE b; DROP TABLE foo; delete from \"X\""),
            [
                StatementKind::Change {
                    table: "x".to_owned(),
                    filtered: true
                },
                StatementKind::DropTable(vec!["foo".to_owned()]),
                StatementKind::Change {
                    table: "X".to_owned(),
                    filtered: false
                },
            ]
        );
    }

    #[test]
    fn a_statement_that_is_not_postgres_is_said_alone() {
        let found = kinds("ALTER TABLE `a` ENGINE=InnoDB; TRUNCATE b, c;");
        assert!(matches!(found[0], StatementKind::Unseen(_)), "{found:?}");
        assert_eq!(
            found[1],
            StatementKind::Truncate(vec!["b".to_owned(), "c".to_owned()])
        );
    }

    #[test]
    fn actions_of_alter_table() {
        let text = "ALTER TABLE shop_order ADD COLUMN a int NOT NULL DEFAULT 1, DROP COLUMN \"B\", ALTER COLUMN c SET NOT NULL, \
                    ALTER d TYPE bigint, ADD CONSTRAINT e CHECK (a > 0) NOT VALID, ADD CONSTRAINT f UNIQUE USING INDEX g, \
                    ADD CONSTRAINT h FOREIGN KEY (a) REFERENCES i (j)";
        let found = kinds(text);
        let [StatementKind::AlterTable { table, actions }] = found.as_slice() else {
            panic!("{found:?}");
        };
        assert_eq!(table, "shop_order");
        let constraint = |kind, not_valid, using_index, name: Option<&str>| Action::AddConstraint {
            kind,
            not_valid,
            using_index,
            name: name.map(str::to_owned),
            filled: Vec::new(),
        };
        assert_eq!(
            actions,
            &[
                Action::AddColumn {
                    column: "a".to_owned(),
                    not_null: true,
                    has_default: true,
                    fill: Fill::Default,
                },
                Action::DropColumn("B".to_owned()),
                Action::SetNotNull("c".to_owned()),
                Action::SetType("d".to_owned()),
                constraint(ConstraintSort::Check, true, false, Some("e")),
                constraint(ConstraintSort::Unique, false, true, None),
                constraint(ConstraintSort::ForeignKey, false, false, Some("h")),
            ]
        );
    }

    #[test]
    fn constraints_have_names_and_columns() {
        let found = kinds(
            "ALTER TABLE a ADD CONSTRAINT \"B\" CHECK (c IS NOT NULL) NOT VALID, VALIDATE CONSTRAINT \"B\", DROP CONSTRAINT IF EXISTS D",
        );
        let [StatementKind::AlterTable { actions, .. }] = found.as_slice() else {
            panic!("{found:?}");
        };
        assert_eq!(
            actions,
            &[
                Action::AddConstraint {
                    kind: ConstraintSort::Check,
                    not_valid: true,
                    using_index: false,
                    name: Some("B".to_owned()),
                    filled: vec!["c".to_owned()],
                },
                Action::ValidateConstraint("B".to_owned()),
                Action::DropConstraint("d".to_owned()),
            ]
        );
    }

    #[test]
    fn a_new_column_says_what_old_rows_get() {
        for (text, expected) in [
            ("int", Fill::Nothing),
            ("int DEFAULT NULL", Fill::Nothing),
            ("int DEFAULT 1", Fill::Default),
            ("bigserial", Fill::Counter),
        ] {
            let found = kinds(&format!("ALTER TABLE a ADD COLUMN b {text}"));
            let [StatementKind::AlterTable { actions, .. }] = found.as_slice() else {
                panic!("{found:?}");
            };
            let [Action::AddColumn { fill, .. }] = actions.as_slice() else {
                panic!("{actions:?}");
            };
            assert_eq!(*fill, expected, "{text}");
        }
    }

    #[test]
    fn renames_and_indexes() {
        assert_eq!(
            kinds(
                "alter table a rename column b to c; alter table a rename to d; create unique index concurrently if not exists e on a (b); drop index concurrently e"
            ),
            [
                StatementKind::AlterTable {
                    table: "a".to_owned(),
                    actions: vec![Action::RenameColumn {
                        old: "b".to_owned(),
                        new: "c".to_owned()
                    }]
                },
                StatementKind::AlterTable {
                    table: "a".to_owned(),
                    actions: vec![Action::RenameTable("d".to_owned())]
                },
                StatementKind::CreateIndex {
                    table: "a".to_owned(),
                    concurrently: true,
                    if_not_exists: true,
                    unique: true
                },
                StatementKind::DropIndex { concurrently: true },
            ]
        );
    }

    #[test]
    fn hostile_texts_are_survived() {
        for open in [
            "(",
            "[",
            "not ",
            "- ",
            "case when ",
            "select (",
            "a+",
            "a.",
            "array[",
            "$$",
            "'",
        ] {
            let text = open.repeat(LONGEST / open.len());
            assert!(!read(&format!("select {text}")).is_empty(), "{open}");
        }
        assert!(matches!(
            kinds(&"x".repeat(LONGEST + 1))[0],
            StatementKind::Unseen(_)
        ));
    }

    #[test]
    fn squawk_sees_defaults_that_rewrite() {
        let found = read("alter table a add column b uuid default gen_random_uuid()");
        assert_eq!(found[0].remarks[0].0, "adding-field-with-default");
    }
}
