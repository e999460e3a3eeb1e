//! What migrations have built so far: models as the code sees them, tables as the database has them.

use super::field::Field;
use super::operation::{Constraint, CreateModel, Kind, Operation};
use super::project::Key;
use super::state_by_sql;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A model.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) app: String,
    /// As written.
    pub(crate) name: String,
    pub(crate) table: String,
    /// Whether the options name the table.
    pub(crate) table_is_fixed: bool,
    pub(crate) managed: bool,
    pub(crate) proxy: bool,
    pub(crate) fields: BTreeMap<String, Arc<Field>>,
    pub(crate) unique_together: BTreeSet<Vec<String>>,
    pub(crate) index_together: BTreeSet<Vec<String>>,
    pub(crate) constraints: Vec<Constraint>,
    /// The migration that made the table.
    pub(crate) born: Key,
    /// Constraints that were added without a look at the rows, and not validated yet.
    pub(crate) not_valid: BTreeSet<String>,
}

impl Model {
    /// The field that owns a column of that name.
    pub(crate) fn column_owner(&self, column: &str) -> Option<(&str, &Arc<Field>)> {
        self.fields
            .iter()
            .find(|(name, field)| field.has_column() && field.column(name) == column)
            .map(|(name, field)| (name.as_str(), field))
    }

    /// The field that keys point to: the one that they name, or the primary key.
    pub(crate) fn key(&self, name: Option<&str>) -> Option<&Field> {
        let mut fields = self.fields.iter();
        let found = fields.find(|(field_name, field)| match name {
            Some(name) => field_name.as_str() == name,
            None => field.primary_key,
        });
        found.map(|(_, field)| field.as_ref())
    }

    /// Whether the model has a table that migrations change.
    pub(crate) fn has_table(&self) -> bool {
        self.managed && !self.proxy
    }

    /// Whether a validated check keeps NULL out of that field.
    pub(crate) fn checks_not_null(&self, field: &str) -> bool {
        self.constraints.iter().any(|constraint| {
            constraint.not_null_fields.iter().any(|name| name == field)
                && constraint
                    .name
                    .as_ref()
                    .is_none_or(|name| !self.not_valid.contains(name))
        })
    }
}

/// Models by app and name in lower case.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    pub(crate) models: BTreeMap<Key, Model>,
}

impl State {
    /// The model of an app.
    pub(crate) fn model(&self, app: &str, name: &str) -> Option<&Model> {
        self.models.get(&(app.to_owned(), name.to_lowercase()))
    }

    /// The model that a relation of a model of that app points to, by another name than `self`.
    pub(crate) fn target(&self, app: &str, to: &str) -> Option<&Model> {
        let (app, name) = to.split_once('.').unwrap_or((app, to));
        self.model(app, name)
    }

    fn model_mut(&mut self, app: &str, name: &str) -> Option<&mut Model> {
        self.models.get_mut(&(app.to_owned(), name.to_lowercase()))
    }

    /// The model whose table has that name. Names are compared as Postgres compares what is not quoted.
    pub(crate) fn table(&self, table: &str) -> Option<&Model> {
        self.models
            .values()
            .find(|model| !model.proxy && model.table.eq_ignore_ascii_case(table))
    }

    /// The same, to be changed.
    pub(super) fn table_mut(&mut self, table: &str) -> Option<&mut Model> {
        self.models
            .values_mut()
            .find(|model| !model.proxy && model.table.eq_ignore_ascii_case(table))
    }

    /// The model and the many-to-many field whose own table has that name.
    pub(crate) fn between(&self, table: &str) -> Option<(&Model, &str)> {
        self.models.values().find_map(|model| {
            let rest = table
                .strip_prefix(model.table.as_str())?
                .strip_prefix('_')?;
            let (name, field) = model.fields.get_key_value(rest)?;
            field.makes_table().then_some((model, name.as_str()))
        })
    }

    /// Takes one operation in. Operations on what is not there change nothing: the graph may have holes.
    pub(crate) fn apply(&mut self, app: &str, operation: &Operation, by: &Key) {
        match &operation.kind {
            Kind::CreateModel(created) => self.create(app, created, by),
            Kind::DeleteModel { model } => {
                self.models.remove(&(app.to_owned(), model.to_lowercase()));
            }
            Kind::RenameModel { old, new } => self.rename(app, old, new),
            Kind::AlterModelTable { model, table } => {
                let fallback = default_table(app, model);
                if let Some(found) = self.model_mut(app, model) {
                    found.table_is_fixed = table.is_some();
                    found.table = table.clone().unwrap_or(fallback);
                }
            }
            Kind::AlterModelOptions { model, managed } => {
                if let (Some(found), Some(managed)) = (self.model_mut(app, model), managed) {
                    found.managed = *managed;
                }
            }
            Kind::AlterUniqueTogether { model, sets } => {
                if let Some(found) = self.model_mut(app, model) {
                    found.unique_together = sets.clone();
                }
            }
            Kind::AlterIndexTogether { model, sets } => {
                if let Some(found) = self.model_mut(app, model) {
                    found.index_together = sets.clone();
                }
            }
            Kind::AddField { model, name, field } | Kind::AlterField { model, name, field } => {
                if let Some(found) = self.model_mut(app, model) {
                    found.fields.insert(name.clone(), Arc::clone(field));
                }
            }
            Kind::RemoveField { model, name } => {
                if let Some(found) = self.model_mut(app, model) {
                    found.fields.remove(name);
                }
            }
            Kind::RenameField { model, old, new } => {
                if let Some(found) = self.model_mut(app, model)
                    && let Some(field) = found.fields.remove(old)
                {
                    found.fields.insert(new.clone(), field);
                }
            }
            Kind::AddConstraint {
                model,
                constraint,
                validated,
            } => {
                if let Some(found) = self.model_mut(app, model) {
                    if let (false, Some(name)) = (validated, &constraint.name) {
                        found.not_valid.insert(name.clone());
                    }
                    found.constraints.push(constraint.clone());
                }
            }
            Kind::RemoveConstraint { model, name } => {
                if let Some(found) = self.model_mut(app, model) {
                    found
                        .constraints
                        .retain(|constraint| constraint.name.as_ref() != Some(name));
                }
            }
            Kind::ValidateConstraint { model, name } => {
                if let Some(found) = self.model_mut(app, model) {
                    found.not_valid.remove(name);
                }
            }
            Kind::AlterOrderWithRespectTo { .. }
            | Kind::AddIndex { .. }
            | Kind::RemoveIndex { .. }
            | Kind::RenameIndex
            | Kind::RunSql(_)
            | Kind::RunPython(_)
            | Kind::Separate { .. }
            | Kind::Harmless => {}
        }
    }

    fn create(&mut self, app: &str, created: &CreateModel, by: &Key) {
        let model = Model {
            app: app.to_owned(),
            name: created.model.clone(),
            table: created
                .table
                .clone()
                .unwrap_or_else(|| default_table(app, &created.model)),
            table_is_fixed: created.table.is_some(),
            managed: created.managed,
            proxy: created.proxy,
            fields: created.fields.iter().cloned().collect(),
            unique_together: created.unique_together.clone(),
            index_together: created.index_together.clone(),
            constraints: created.constraints.clone(),
            born: by.clone(),
            not_valid: BTreeSet::new(),
        };
        self.models
            .insert((app.to_owned(), created.model.to_lowercase()), model);
    }

    fn rename(&mut self, app: &str, old: &str, new: &str) {
        if let Some(mut model) = self.models.remove(&(app.to_owned(), old.to_lowercase())) {
            new.clone_into(&mut model.name);
            if !model.table_is_fixed {
                model.table = default_table(app, new);
            }
            self.models
                .insert((app.to_owned(), new.to_lowercase()), model);
            self.follow(app, old, new);
        }
    }

    /// Relations to a model go with its name.
    fn follow(&mut self, app: &str, old: &str, new: &str) {
        for model in self.models.values_mut() {
            let own = model.app.clone();
            for field in model.fields.values_mut() {
                if field.leads_to(&own, app, old) {
                    Arc::make_mut(field).to = Some(format!("{app}.{new}"));
                }
            }
        }
    }
}

/// Django's name for a table. An app that is known by its path, since another has its label, keeps its label here.
pub(crate) fn default_table(app: &str, model: &str) -> String {
    let label = app.rsplit('.').next().unwrap_or(app);
    format!("{label}_{}", model.to_lowercase())
}

/// Models and tables together: they part where `SeparateDatabaseAndState` parts them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fold {
    /// What the code sees.
    pub(crate) state: State,
    /// What the database has.
    pub(crate) database: State,
}

impl Fold {
    /// Takes one operation in.
    pub(crate) fn apply(&mut self, app: &str, operation: &Operation, by: &Key) {
        match &operation.kind {
            Kind::Separate { database, state } => {
                for inner in database {
                    self.apply_to_database(app, inner, by);
                }
                for inner in state {
                    self.apply_to_state(app, inner, by);
                }
            }
            Kind::RunSql(sql) => {
                state_by_sql::apply(&mut self.database, &sql.sql);
                for inner in &sql.state {
                    self.apply_to_state(app, inner, by);
                }
            }
            Kind::RunPython(python) => state_by_sql::apply(&mut self.database, &python.sql),
            _ => {
                self.state.apply(app, operation, by);
                self.database.apply(app, operation, by);
            }
        }
    }

    fn apply_to_database(&mut self, app: &str, operation: &Operation, by: &Key) {
        match &operation.kind {
            Kind::Separate { database, .. } => {
                for inner in database {
                    self.apply_to_database(app, inner, by);
                }
            }
            Kind::RunSql(sql) => state_by_sql::apply(&mut self.database, &sql.sql),
            Kind::RunPython(python) => state_by_sql::apply(&mut self.database, &python.sql),
            _ => self.database.apply(app, operation, by),
        }
    }

    fn apply_to_state(&mut self, app: &str, operation: &Operation, by: &Key) {
        match &operation.kind {
            Kind::Separate { state, .. } => {
                for inner in state {
                    self.apply_to_state(app, inner, by);
                }
            }
            _ => self.state.apply(app, operation, by),
        }
    }
}
