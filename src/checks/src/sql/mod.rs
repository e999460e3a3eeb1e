//! SQL inside of migrations to plain values: the only place that knows the SQL parser.
//!
//! Rules: statements are split first and parsed one by one, so that a statement that the parser does not know costs only
//! itself; a statement that is too long is said and not parsed.

mod action;
mod convert;
mod name;
mod split;

pub(crate) use convert::read;

/// One statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Statement {
    pub(crate) kind: StatementKind,
    /// The first line of the text, counted from 0, on which the statement stands.
    pub(crate) line: u32,
    /// What squawk says of it: the id of its rule and its words.
    pub(crate) remarks: Vec<(String, String)>,
}

/// What a statement does, as far as rules ask. Names are in lower case unless they are quoted, as Postgres keeps them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StatementKind {
    CreateTable(String),
    DropTable(Vec<String>),
    AlterTable {
        table: String,
        actions: Vec<Action>,
    },
    CreateIndex {
        table: String,
        concurrently: bool,
        if_not_exists: bool,
        unique: bool,
    },
    DropIndex {
        concurrently: bool,
    },
    /// `UPDATE` and `DELETE`.
    Change {
        table: String,
        filtered: bool,
    },
    Insert,
    Truncate(Vec<String>),
    /// `BEGIN`, `COMMIT`, `ROLLBACK`.
    Transaction,
    /// Drops a database or a schema; says which.
    DropDatabase(&'static str),
    /// `ALTER TYPE … ADD VALUE`.
    AddEnumValue,
    /// Refused by Postgres inside of a transaction: `VACUUM`, `CREATE DATABASE`; says which.
    OutsideOnly(&'static str),
    /// Writes a table anew under a lock: `CLUSTER`, `VACUUM FULL`; says which.
    Rewrite(&'static str),
    Lock,
    Reindex {
        concurrently: bool,
    },
    /// Reads only, or changes what holds no rows of the project: functions, triggers, comments, settings.
    Other,
    /// Not known to the parser, too long, or with a body of its own (`DO`); says why.
    Unseen(String),
}

/// One action of `ALTER TABLE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    AddColumn {
        column: String,
        not_null: bool,
        has_default: bool,
        fill: Fill,
    },
    DropColumn(String),
    RenameColumn {
        old: String,
        new: String,
    },
    RenameTable(String),
    SetNotNull(String),
    SetDefault(String),
    DropDefault(String),
    SetType(String),
    AddConstraint {
        kind: ConstraintSort,
        not_valid: bool,
        using_index: bool,
        name: Option<String>,
        /// The columns that it holds to be filled, if it is a check of nothing else.
        filled: Vec<String>,
    },
    ValidateConstraint(String),
    DropConstraint(String),
    Other,
}

/// What the rows that are there get in a new column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fill {
    Nothing,
    /// A default, which may be the same for all.
    Default,
    /// A number of its own: `serial`.
    Counter,
}

/// What a constraint demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConstraintSort {
    Check,
    ForeignKey,
    Unique,
    Exclude,
    NotNull,
}
