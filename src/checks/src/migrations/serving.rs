//! The code that serves while the migrations run: what its models read and write.

use super::names::{Meaning, Names};
use super::project::Project;
use super::review::fold_all;
use super::state::{Model, State};
use crate::SourceTree;
use crate::paths::join;
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
    /// The code of that project.
    pub(crate) fn new(project: &'p Project<'t>) -> Self {
        Self {
            project,
            state: fold_all(project).state,
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
        let tree = self.project.modules.tree();
        let package = join(directory, "models/");
        let file = join(directory, "models.py");
        let own = tree.has(&file).then_some(file.as_str());
        for path in own.into_iter().chain(tree.paths_with(&package)) {
            let has_class = |bytes| defined_classes(bytes).any(|name| name == model.name);
            if !path.ends_with(".py") || !tree.get(path).is_some_and(has_class) {
                continue;
            }
            match self.project.modules.get(path) {
                Some(Ok(module)) => {
                    let mut classes = module.body.classes.iter();
                    if let Some(class) = classes.find(|class| class.name == model.name) {
                        let class = Box::new(class.clone());
                        return Found::Class(path.to_owned(), module, class);
                    }
                }
                _ => return Found::Unsure,
            }
        }
        let has_models = own.is_some() || tree.has(&format!("{package}__init__.py"));
        if !has_models
            || self.is_elsewhere(model, |path| {
                Some(path) == own || path.starts_with(&package)
            })
        {
            Found::Unsure
        } else {
            Found::Nowhere
        }
    }

    /// Whether a class of the model's name is in a file that is not one of its app's own, and no migration. That takes a look
    /// into every file, so it comes last.
    fn is_elsewhere(&self, model: &Model, is_own: impl Fn(&str) -> bool) -> bool {
        let classes = self
            .classes
            .get_or_init(|| classes_of(self.project.modules.tree()));
        let paths = classes.get(model.name.as_str()).into_iter().flatten();
        paths
            .filter(|path| !is_own(path))
            .any(|path| !path.contains("/migrations/"))
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
    let paths = || tree.paths().filter(|path| path.ends_with(".py"));
    tree.fetch(paths());
    for path in paths() {
        for name in tree.get(path).into_iter().flat_map(defined_classes) {
            classes
                .entry(name.to_owned())
                .or_default()
                .push(path.to_owned());
        }
    }
    classes
}

/// The names in the lines `class Name` of a file.
fn defined_classes(bytes: &[u8]) -> impl Iterator<Item = &str> {
    bytes.split(|byte| *byte == b'\n').filter_map(|line| {
        let rest = line.trim_ascii_start().strip_prefix(b"class ")?;
        let rest = rest.trim_ascii_start();
        let end = rest
            .iter()
            .position(|byte| matches!(byte, b'(' | b':' | b' ' | b'['))
            .unwrap_or(rest.len());
        std::str::from_utf8(rest.get(..end)?).ok()
    })
}
