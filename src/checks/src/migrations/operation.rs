//! What a migration does, as values.

use super::field::Field;
use crate::python::{CallFact, FunctionFacts, Span};
use std::collections::BTreeSet;
use std::sync::Arc;

/// One operation with its place in the migration's file.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    pub(crate) kind: Kind,
    pub(crate) span: Span,
}

/// Django's operations. Names of models keep the spelling of the file; they are compared in lower case.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    CreateModel(CreateModel),
    DeleteModel {
        model: String,
    },
    RenameModel {
        old: String,
        new: String,
    },
    AlterModelTable {
        model: String,
        table: Option<String>,
    },
    AlterModelOptions {
        model: String,
        managed: Option<bool>,
    },
    AlterUniqueTogether {
        model: String,
        sets: BTreeSet<Vec<String>>,
    },
    AlterIndexTogether {
        model: String,
        sets: BTreeSet<Vec<String>>,
    },
    /// Adds or drops a hidden column of order.
    AlterOrderWithRespectTo {
        model: String,
        ordered: bool,
    },
    AddField {
        model: String,
        name: String,
        field: Arc<Field>,
    },
    RemoveField {
        model: String,
        name: String,
    },
    AlterField {
        model: String,
        name: String,
        field: Arc<Field>,
    },
    RenameField {
        model: String,
        old: String,
        new: String,
    },
    AddIndex {
        model: String,
        name: Option<String>,
        concurrently: bool,
    },
    RemoveIndex {
        model: String,
        name: String,
        concurrently: bool,
    },
    RenameIndex,
    AddConstraint {
        model: String,
        constraint: Constraint,
        validated: bool,
    },
    RemoveConstraint {
        model: String,
        name: String,
    },
    ValidateConstraint {
        model: String,
        name: String,
    },
    RunSql(RunSql),
    RunPython(RunPython),
    Separate {
        database: Vec<Operation>,
        state: Vec<Operation>,
    },
    /// Changes neither tables nor data: managers, comments, extensions.
    Harmless,
}

/// A new model.
#[derive(Clone, Debug, Default)]
pub(crate) struct CreateModel {
    pub(crate) model: String,
    pub(crate) fields: Vec<(String, Arc<Field>)>,
    /// `db_table` of the options.
    pub(crate) table: Option<String>,
    pub(crate) managed: bool,
    pub(crate) proxy: bool,
    pub(crate) unique_together: BTreeSet<Vec<String>>,
    pub(crate) index_together: BTreeSet<Vec<String>>,
    pub(crate) constraints: Vec<Constraint>,
}

/// What a constraint demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConstraintKind {
    Unique,
    Check,
    Exclusion,
    /// A class that we do not know.
    Other,
}

/// A constraint.
#[derive(Clone, Debug)]
pub(crate) struct Constraint {
    pub(crate) kind: ConstraintKind,
    pub(crate) name: Option<String>,
    /// The columns that a check `Q(field__isnull=False)` holds to be filled.
    pub(crate) not_null_fields: Vec<String>,
    /// A unique constraint that Django makes as an index: SQL has no such constraint.
    pub(crate) is_index: bool,
}

/// The way back of `RunPython` and `RunSQL`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reverse {
    Missing,
    Given,
}

/// SQL as written.
#[derive(Clone, Debug)]
pub(crate) struct RunSql {
    /// The statements that could be read. `RunSQL.noop` has none.
    pub(crate) sql: Vec<(String, Span)>,
    /// Whether that is all of its SQL.
    pub(crate) is_whole: bool,
    pub(crate) reverse: Reverse,
    pub(crate) state: Vec<Operation>,
}

impl RunPython {
    /// All calls of the function and its helpers.
    pub(crate) fn calls(&self) -> impl Iterator<Item = &CallFact> {
        self.code
            .iter()
            .chain(&self.helpers)
            .flat_map(|facts| &facts.calls)
    }
}

/// A data migration.
#[derive(Clone, Debug)]
pub(crate) struct RunPython {
    /// What the function does; `None` for `RunPython.noop` and for code that cannot be seen (which is said apart).
    pub(crate) code: Option<FunctionFacts>,
    /// The SQL that the code and its helpers run, as far as it is written out.
    pub(crate) sql: Vec<(String, Span)>,
    /// Facts of functions of the same file that the code calls.
    pub(crate) helpers: Vec<FunctionFacts>,
    pub(crate) reverse: Reverse,
    pub(crate) noop: bool,
    /// Calls on models that are imported instead of taken from `apps`: the model's name and the place.
    pub(crate) imported_models: Vec<(String, Span)>,
}

impl Kind {
    /// The names of the models that it is about, those inside of it not counted.
    pub(crate) fn models(&self) -> impl Iterator<Item = &str> {
        let (one, other) = match self {
            Self::CreateModel(CreateModel { model, .. })
            | Self::DeleteModel { model }
            | Self::AlterModelTable { model, .. }
            | Self::AlterModelOptions { model, .. }
            | Self::AlterUniqueTogether { model, .. }
            | Self::AlterIndexTogether { model, .. }
            | Self::AlterOrderWithRespectTo { model, .. }
            | Self::AddField { model, .. }
            | Self::RemoveField { model, .. }
            | Self::AlterField { model, .. }
            | Self::RenameField { model, .. }
            | Self::AddIndex { model, .. }
            | Self::RemoveIndex { model, .. }
            | Self::AddConstraint { model, .. }
            | Self::RemoveConstraint { model, .. }
            | Self::ValidateConstraint { model, .. } => (Some(model), None),
            Self::RenameModel { old, new } => (Some(old), Some(new)),
            Self::RenameIndex
            | Self::RunSql(_)
            | Self::RunPython(_)
            | Self::Separate { .. }
            | Self::Harmless => (None, None),
        };
        one.into_iter().chain(other).map(String::as_str)
    }

    /// Django's name of the operation.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::CreateModel(_) => "CreateModel",
            Self::DeleteModel { .. } => "DeleteModel",
            Self::RenameModel { .. } => "RenameModel",
            Self::AlterModelTable { .. } => "AlterModelTable",
            Self::AlterModelOptions { .. } => "AlterModelOptions",
            Self::AlterUniqueTogether { .. } => "AlterUniqueTogether",
            Self::AlterIndexTogether { .. } => "AlterIndexTogether",
            Self::AlterOrderWithRespectTo { .. } => "AlterOrderWithRespectTo",
            Self::AddField { .. } => "AddField",
            Self::RemoveField { .. } => "RemoveField",
            Self::AlterField { .. } => "AlterField",
            Self::RenameField { .. } => "RenameField",
            Self::AddIndex { concurrently, .. } => {
                if *concurrently {
                    "AddIndexConcurrently"
                } else {
                    "AddIndex"
                }
            }
            Self::RemoveIndex { concurrently, .. } => {
                if *concurrently {
                    "RemoveIndexConcurrently"
                } else {
                    "RemoveIndex"
                }
            }
            Self::RenameIndex => "RenameIndex",
            Self::AddConstraint { validated, .. } => {
                if *validated {
                    "AddConstraint"
                } else {
                    "AddConstraintNotValid"
                }
            }
            Self::RemoveConstraint { .. } => "RemoveConstraint",
            Self::ValidateConstraint { .. } => "ValidateConstraint",
            Self::RunSql(_) => "RunSQL",
            Self::RunPython(_) => "RunPython",
            Self::Separate { .. } => "SeparateDatabaseAndState",
            Self::Harmless => "an operation without effect on tables",
        }
    }
}
