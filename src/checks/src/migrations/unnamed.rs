//! Packages of migrations that nothing names.
//!
//! A project may compute its `MIGRATION_MODULES`, or set them where no settings module is to be seen. Its migrations would be
//! passed over in silence, so what looks like such a package is said, once for each directory.
//!
//! Rule: paths decide first. One file of a directory is read, and only if its name is one that `makemigrations` gives.

use super::NotAnalysed;
use super::may_define;
use super::migration::Hidden;
use super::names::Names;
use super::packages::Packages;
use super::project::Project;
use crate::SourceTree;
use crate::paths::{base_name, is_aside, parent};
use crate::python::{Expr, Span};
use std::collections::BTreeMap;

/// The packages of the head that nothing names, and in which something is new.
pub(super) fn unnamed(base: Option<&Project<'_>>, head: &Project<'_>) -> Vec<NotAnalysed> {
    let tree = head.modules.tree();
    let is_new = |path: &&&str| base.is_none_or(|base| !tree.has_same(base.modules.tree(), path));
    let numbered = numbered(tree, &head.packages);
    tree.fetch(numbered.values().filter_map(|files| files.first().copied()));
    numbered
        .into_iter()
        .filter_map(|(directory, files)| {
            let first = files.first()?;
            if !tree.get(first).is_some_and(may_define) {
                return None;
            }
            let new = files.iter().find(is_new)?;
            let at = migration_class(head, first)?;
            Some(NotAnalysed {
                migration: None,
                what: Hidden::File,
                location: head.location(new, Some(at).filter(|_| new == first)),
                why: format!(
                    "{directory} holds migrations, and no settings module that can be read names it in MIGRATION_MODULES"
                ),
            })
        })
        .collect()
}

/// Files with the names of migrations in directories that are no packages of migrations, nor below one.
fn numbered<'t>(tree: &'t SourceTree, packages: &Packages) -> BTreeMap<&'t str, Vec<&'t str>> {
    let mut found: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for path in tree.paths().filter(|path| has_number(path)) {
        found.entry(parent(path)).or_default().push(path);
    }
    found.retain(|_, files| {
        (files.first()).is_some_and(|path| !is_aside(path) && !packages.hold(path))
    });
    found
}

/// Whether a name is one that `makemigrations` gives: `0001_initial.py`.
fn has_number(path: &str) -> bool {
    let rest = base_name(path).trim_start_matches(|char: char| char.is_ascii_digit());
    base_name(path).len() - rest.len() >= 4 && rest.starts_with('_') && rest.ends_with(".py")
}

/// Where a file has a class `Migration` that derives from Django's.
fn migration_class(head: &Project<'_>, path: &str) -> Option<Span> {
    let module = head.modules.get(path)?.ok()?;
    let names = Names {
        path,
        module: &module,
        class: None,
        modules: &head.modules,
    };
    let mut classes = module.body.classes.iter();
    let class = classes.rfind(|class| class.name == "Migration")?;
    let mut bases = class.bases.iter().filter_map(Expr::as_name);
    bases
        .any(|base| names.is_migration(base))
        .then_some(class.span)
}

#[cfg(test)]
mod tests {
    use super::has_number;

    #[test]
    fn only_names_of_makemigrations_are_looked_at() {
        for path in ["a/0001_initial.py", "0123_a_b.py", "a/00001_b.py"] {
            assert!(has_number(path), "{path}");
        }
        for path in [
            "a/001_b.py",
            "a/0001.py",
            "a/0001_b.sql",
            "a/b_0001.py",
            "0001_a/b.py",
            "a/0001-b.py",
        ] {
            assert!(!has_number(path), "{path}");
        }
    }
}
