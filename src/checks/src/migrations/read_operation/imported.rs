//! Models that a function imports instead of asking the registry.

use super::OperationReader;
use crate::python::{Expr, FunctionFacts, Span, Times};

/// How often a name is followed to what it is given.
const FARTHEST: u32 = 4;

/// How the model of users is called that settings name.
pub(in crate::migrations) const USERS: &str = "get_user_model()";

impl OperationReader<'_> {
    /// The uses of imported models: the model's name and the place.
    pub(super) fn imported_models(&self, facts: &FunctionFacts) -> Vec<(String, Span)> {
        let uses = facts.calls.iter().filter_map(|call| {
            let path = self.path_of(facts, &call.chain, FARTHEST)?;
            let used = used_model(&path)?;
            let is_sure = used.has_manager || call.chain.len() == 1 || self.is_of_project(&path);
            is_sure.then(|| (used.model.to_owned(), call.span))
        });
        uses.collect()
    }

    /// Whether a path leads through a module of models that the project has. Those of packages have more than models in them.
    fn is_of_project(&self, path: &str) -> bool {
        let before: Vec<&str> = path
            .split('.')
            .take_while(|part| *part != "models")
            .collect();
        let module = match before.as_slice() {
            [] => "models".to_owned(),
            before => format!("{}.models", before.join(".")),
        };
        let found = self.names.modules.import(self.names.path, &module);
        found.is_some()
    }

    /// The whole path of names, through imports and through names that are given once.
    fn path_of(&self, facts: &FunctionFacts, chain: &[String], left: u32) -> Option<String> {
        let left = left.checked_sub(1)?;
        let (root, rest) = chain.split_first()?;
        if facts.parameters.contains(root) {
            return None;
        }
        match facts.given_to(root) {
            Times::Once(given) => {
                let longer: Vec<String> = given.chain.iter().chain(rest).cloned().collect();
                return self.path_of(facts, &longer, left);
            }
            Times::Several => return None,
            Times::Never if facts.bound.contains(root) => return None,
            Times::Never => {}
        }
        let local = (facts.imports.iter().rev()).find(|(bound, _)| bound == root);
        let begin = match local {
            Some((_, path)) => path.clone(),
            // A function of another file has the imports of that file.
            None if facts.is_foreign => return None,
            None if self.names.module.imports.contains_key(root) => self.names.full_path(root),
            None => self.names.full_path(made_by(self.names.constant(root)?)?),
        };
        let parts = std::iter::once(begin.as_str()).chain(rest.iter().map(String::as_str));
        Some(parts.collect::<Vec<&str>>().join("."))
    }
}

/// The name of the function that makes a value.
fn made_by(value: &Expr) -> Option<&str> {
    value.as_call()?.callee.as_name()
}

/// A model that is used.
#[derive(Debug)]
struct Used<'p> {
    model: &'p str,
    /// By its manager. Else a row is made, or something that looks like one.
    has_manager: bool,
}

/// The model that is used, if the path of a call leads through a module of models. Only a manager or a new row is a use of the
/// table; constants of a model's module are not.
fn used_model(path: &str) -> Option<Used<'_>> {
    if is_of_django_itself(path) {
        return None;
    }
    let mut parts = path.split('.').filter(|part| !part.is_empty());
    let has_manager = path.split('.').any(|part| part == "objects");
    if has_manager && path.split('.').any(|part| part == "get_user_model") {
        return Some(Used {
            model: USERS,
            has_manager,
        });
    }
    parts.find(|part| *part == "models")?;
    let model = parts.find(|part| part.starts_with(char::is_uppercase) || *part == "objects")?;
    let is_row = parts.next().is_none();
    (model != "objects" && (has_manager || is_row)).then_some(Used { model, has_manager })
}

/// Whether a path leads to what models are made of. The models of `django.contrib` are models like others.
fn is_of_django_itself(path: &str) -> bool {
    path.starts_with("django.")
        && (!path.starts_with("django.contrib.") || path.contains(".db.models"))
        && !path.contains("get_user_model")
}

#[cfg(test)]
mod tests {
    use super::{USERS, used_model};

    #[test]
    fn a_manager_or_a_new_row_is_a_use() {
        for (path, model) in [
            ("shop.models.Order.objects.filter", Some("Order")),
            ("..models.Order", Some("Order")),
            ("shop.models.order.Order.objects.create", Some("Order")),
            (
                "django.contrib.auth.models.Group.objects.create",
                Some("Group"),
            ),
            (
                "django.contrib.auth.get_user_model.objects.create",
                Some(USERS),
            ),
            ("django.contrib.auth.get_user_model", None),
            ("shop.models.Order.Status.label", None),
            ("shop.models.next_number", None),
            ("shop.orders.Order.objects.filter", None),
            ("django.db.models.F", None),
            ("django.contrib.gis.db.models.Union", None),
        ] {
            assert_eq!(used_model(path).map(|used| used.model), model, "{path}");
        }
    }
}
