//! The class of an operation with its arguments to a [`Kind`].

use super::OperationReader;
use super::literal::{entry, field_sets};
use crate::migrations::operation::Kind;
use crate::python::{Call, Expr, ExprKind, Span};
use std::sync::Arc;

/// Operations of Django and its contributions that change no table of the project.
const HARMLESS: [&str; 16] = [
    "AlterModelManagers",
    "AlterModelTableComment",
    "CreateExtension",
    "BloomExtension",
    "BtreeGinExtension",
    "BtreeGistExtension",
    "CITextExtension",
    "CryptoExtension",
    "HStoreExtension",
    "TrigramExtension",
    "UnaccentExtension",
    "CreateCollation",
    "RemoveCollation",
    "AlterConstraint",
    "PostgreSQLExtension",
    "IgnoreMigration",
];

impl OperationReader<'_> {
    pub(super) fn kind(
        &mut self,
        class: &str,
        call: &Call,
        span: Span,
        depth: u32,
    ) -> Option<Kind> {
        let names = self.names;
        let text = |position, name| {
            call.argument(position, name)
                .map(|value| names.literal(value))
                .and_then(Expr::as_str)
                .map(str::to_owned)
        };
        Some(match class {
            "CreateModel" => Kind::CreateModel(self.create_model(call)?),
            "DeleteModel" => Kind::DeleteModel {
                model: text(0, "name")?,
            },
            "RenameModel" => Kind::RenameModel {
                old: text(0, "old_name")?,
                new: text(1, "new_name")?,
            },
            "AlterModelTable" => Kind::AlterModelTable {
                model: text(0, "name")?,
                table: match self.names.literal(call.argument(1, "table")?) {
                    value if matches!(value.kind, ExprKind::None) => None,
                    value => Some(value.as_str()?.to_owned()),
                },
            },
            "AlterModelOptions" => Kind::AlterModelOptions {
                model: text(0, "name")?,
                managed: call
                    .argument(1, "options")
                    .and_then(|options| entry(self.names.literal(options), "managed"))
                    .and_then(Expr::as_bool),
            },
            "AlterUniqueTogether" => Kind::AlterUniqueTogether {
                model: text(0, "name")?,
                sets: field_sets(self.names.literal(call.argument(1, "unique_together")?))?,
            },
            "AlterIndexTogether" => Kind::AlterIndexTogether {
                model: text(0, "name")?,
                sets: field_sets(self.names.literal(call.argument(1, "index_together")?))?,
            },
            "AlterOrderWithRespectTo" => Kind::AlterOrderWithRespectTo {
                model: text(0, "name")?,
                ordered: !matches!(
                    call.argument(1, "order_with_respect_to")?.kind,
                    ExprKind::None
                ),
            },
            "AddField" => Kind::AddField {
                model: text(0, "model_name")?,
                name: text(1, "name")?,
                field: Arc::new(self.field(call.argument(2, "field")?)?),
            },
            "RemoveField" => Kind::RemoveField {
                model: text(0, "model_name")?,
                name: text(1, "name")?,
            },
            "AlterField" => Kind::AlterField {
                model: text(0, "model_name")?,
                name: text(1, "name")?,
                field: Arc::new(self.field(call.argument(2, "field")?)?),
            },
            "RenameField" => Kind::RenameField {
                model: text(0, "model_name")?,
                old: text(1, "old_name")?,
                new: text(2, "new_name")?,
            },
            "AddIndex" | "AddIndexConcurrently" => Kind::AddIndex {
                model: text(0, "model_name")?,
                name: self.index_name(call.argument(1, "index")?),
                concurrently: class == "AddIndexConcurrently",
            },
            "RemoveIndex" | "RemoveIndexConcurrently" => Kind::RemoveIndex {
                model: text(0, "model_name")?,
                name: text(1, "name")?,
                concurrently: class == "RemoveIndexConcurrently",
            },
            "RenameIndex" => Kind::RenameIndex,
            "AddConstraint" | "AddConstraintNotValid" => Kind::AddConstraint {
                model: text(0, "model_name")?,
                constraint: self.constraint(call.argument(1, "constraint")?)?,
                validated: class == "AddConstraint",
            },
            "RemoveConstraint" => Kind::RemoveConstraint {
                model: text(0, "model_name")?,
                name: text(1, "name")?,
            },
            "ValidateConstraint" => Kind::ValidateConstraint {
                model: text(0, "model_name")?,
                name: text(1, "name")?,
            },
            "RunSQL" => Kind::RunSql(self.run_sql(call, span, depth)),
            "RunPython" => Kind::RunPython(self.run_python(call, span)),
            "SeparateDatabaseAndState" => Kind::Separate {
                database: self.inner_list(call.argument(0, "database_operations"), depth),
                state: self.inner_list(call.argument(1, "state_operations"), depth),
            },
            known if HARMLESS.contains(&known) => Kind::Harmless,
            other => {
                return self.cannot_see(format!("the operation {other} is not known"), span);
            }
        })
    }
}
