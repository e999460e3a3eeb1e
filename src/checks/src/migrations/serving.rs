//! The code that serves while the migrations run: what its models read and write.

use super::names::{Meaning, Names};
use super::project::Project;
use super::state::{Model, State};
use crate::SourceTree;
use crate::python::{Class, Expr, Module};
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

/// How many base classes are followed.
const FARTHEST: u32 = 8;

/// Whether code uses something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    Yes,
    No,
    /// The models cannot be read; the migrations decide.
    Unknown,
}

/// The models of the serving code, by its migrations and by its `models.py`.
pub(crate) struct Serving<'p, 't> {
    pub(crate) project: &'p Project<'t>,
    /// The state after all migrations of the serving code.
    pub(crate) state: State,
    /// The files that define a class of that name; made when first asked for.
    classes: OnceLock<HashMap<String, Vec<String>>>,
}

impl<'p, 't> Serving<'p, 't> {
    /// The code of that project, whose migrations have made that state.
    pub(crate) fn new(project: &'p Project<'t>, state: State) -> Self {
        Self {
            project,
            state,
            classes: OnceLock::new(),
        }
    }
}

impl Serving<'_, '_> {
    /// The model that the serving code has on that table, if it uses it.
    pub(crate) fn model_on(&self, table: &str) -> Option<&Model> {
        self.state
            .table(table)
            .filter(|model| self.uses_model(model) != Use::No)
    }

    /// Whether the serving code reads or writes that column.
    pub(crate) fn uses_column(&self, table: &str, column: &str) -> bool {
        self.model_on(table).is_some_and(|model| {
            model
                .column_owner(column)
                .is_some_and(|(field, _)| self.uses_field(model, field) != Use::No)
        })
    }

    /// Whether the serving code has that field on the model of that table.
    pub(crate) fn has_field(&self, table: &str, field: &str) -> bool {
        self.model_on(table).is_some_and(|model| {
            model.fields.contains_key(field) && self.uses_field(model, field) != Use::No
        })
    }

    /// Whether the serving code has that table: a model's, or one between two models.
    pub(crate) fn uses_table(&self, table: &str) -> bool {
        self.model_on(table).is_some()
            || self.state.between(table).is_some_and(|(model, field)| {
                self.uses_model(model) != Use::No && self.uses_field(model, field) != Use::No
            })
    }

    fn uses_model(&self, model: &Model) -> Use {
        match self.find_class(model) {
            Found::Class(..) => Use::Yes,
            Found::Nowhere => Use::No,
            Found::Unsure => Use::Unknown,
        }
    }

    fn uses_field(&self, model: &Model, field: &str) -> Use {
        match self.find_class(model) {
            Found::Class(path, module, class) => {
                // `sender` may be written as `sender = …`; reverse accessors and `id` have no line of their own.
                self.class_has(&path, &module, &class, field, FARTHEST)
            }
            Found::Nowhere => Use::No,
            Found::Unsure => Use::Unknown,
        }
    }

    /// The class of a model in `models.py` or `models/` of its app.
    fn find_class(&self, model: &Model) -> Found {
        let Some(directory) = self.project.app_directories.get(&model.app) else {
            return Found::Unsure;
        };
        let prefix = if directory.is_empty() {
            String::new()
        } else {
            format!("{directory}/")
        };
        let tree = self.project.modules.tree();
        let is_own = |path: &str| {
            path.strip_prefix(&prefix)
                .is_some_and(|rest| rest == "models.py" || rest.starts_with("models/"))
        };
        let classes = self.classes.get_or_init(|| classes_of(tree));
        let mut elsewhere = false;
        for path in classes.get(model.name.as_str()).into_iter().flatten() {
            if !is_own(path) {
                elsewhere |= !path.contains("/migrations/");
                continue;
            }
            match self.project.modules.get(path) {
                Some(Ok(module)) => {
                    let mut classes = module.body.classes.iter();
                    if let Some(class) = classes.find(|class| class.name == model.name) {
                        let class = Box::new(class.clone());
                        return Found::Class(path.clone(), module, class);
                    }
                }
                _ => return Found::Unsure,
            }
        }
        let any_models = [
            format!("{prefix}models.py"),
            format!("{prefix}models/__init__.py"),
        ]
        .iter()
        .any(|path| tree.get(path).is_some());
        if any_models && !elsewhere {
            Found::Nowhere
        } else {
            Found::Unsure
        }
    }

    fn class_has(
        &self,
        path: &str,
        module: &Arc<Module>,
        class: &Class,
        field: &str,
        left: u32,
    ) -> Use {
        if class.body.assignments_to(field).next().is_some() {
            return Use::Yes;
        }
        if left == 0 || !class.body.effects.is_empty() {
            return Use::Unknown;
        }
        let names = Names {
            path,
            module,
            class: None,
            modules: &self.project.modules,
        };
        let mut verdict = Use::No;
        for base in &class.bases {
            let Some(base) = Expr::as_name(base) else {
                return Use::Unknown;
            };
            let one = match names.meaning(base) {
                Meaning::Django(path) if path == "django.db.models.Model" => Use::No,
                Meaning::Class(module, path, class) => {
                    self.class_has(&path, &module, &class, field, left - 1)
                }
                Meaning::Django(_) | Meaning::Unknown(_) => Use::Unknown,
            };
            match one {
                Use::Yes => return Use::Yes,
                Use::Unknown => verdict = Use::Unknown,
                Use::No => {}
            }
        }
        verdict
    }
}

enum Found {
    Class(String, Arc<Module>, Box<Class>),
    Nowhere,
    Unsure,
}

/// Which files have a line `class Name`, by the name.
fn classes_of(tree: &SourceTree) -> HashMap<String, Vec<String>> {
    let mut classes: HashMap<String, Vec<String>> = HashMap::new();
    for (path, bytes) in tree.iter().filter(|(path, _)| path.ends_with(".py")) {
        for line in bytes.split(|byte| *byte == b'\n') {
            let Some(rest) = line.trim_ascii_start().strip_prefix(b"class ") else {
                continue;
            };
            let rest = rest.trim_ascii_start();
            let end = rest
                .iter()
                .position(|byte| matches!(byte, b'(' | b':' | b' ' | b'['))
                .unwrap_or(rest.len());
            if let Some(Ok(name)) = rest.get(..end).map(std::str::from_utf8) {
                classes
                    .entry(name.to_owned())
                    .or_default()
                    .push(path.to_owned());
            }
        }
    }
    classes
}
