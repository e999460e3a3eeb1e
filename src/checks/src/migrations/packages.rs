//! Which directories are packages of migrations, and of which apps.
//!
//! Django's loader takes `<app>/migrations`, unless `MIGRATION_MODULES` says another package. The manifest may say so, and so do
//! settings modules of the tree, as far as they write it out: a mapping of texts. What they compute is not guessed.
//!
//! Several settings modules may say different things of one app, those of tests above all. All that they name is taken; where
//! two packages claim one app, the manifest wins, then `<app>/migrations`.

use super::Settings;
use crate::SourceTree;
use crate::paths::{ancestors, base_name, parent};
use crate::python::{self, Statement, Value, ValueKind};
use memchr::memmem::Finder;
use std::sync::LazyLock;

const SETTING: &str = "MIGRATION_MODULES";

/// What the paths of settings modules have in them. Made once: a project of 10,000 files is looked through twice.
static IN_SETTINGS: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("setting"));
static IN_CONFIGURATION: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("conf"));

/// The packages that are named somewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Packages {
    named: Vec<Named>,
}

/// A package that is named.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Named {
    app: String,
    /// Its directory, from wherever the project's root is.
    directory: String,
    by_manifest: bool,
}

/// Why a directory counts as a package of migrations. The first in this order has its app's label if several claim it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reason {
    Manifest,
    ItsName,
    Settings,
}

impl Packages {
    /// The packages that the manifest and the settings modules of a tree name.
    pub(crate) fn of(tree: &SourceTree, settings: &Settings) -> Self {
        let manifest = &settings.migration_modules;
        let by_manifest = (manifest.iter()).map(|(app, module)| named(app, module, true));
        let of_settings = declared(tree).into_iter();
        let by_settings = of_settings
            .filter(|(app, _)| !manifest.contains_key(app))
            .map(|(app, module)| named(&app, &module, false));
        Self {
            named: by_manifest.chain(by_settings).collect(),
        }
    }

    /// Whether a directory is a package of migrations, why, and the label of its app where that is said.
    pub(crate) fn of_directory(&self, directory: &str) -> Option<(Reason, Option<&str>)> {
        let is_usual = base_name(directory) == "migrations";
        let named = self.named.iter().find(|named| named.is(directory));
        let label = named.map(|named| named.app.as_str());
        let reason = match named {
            Some(named) if named.by_manifest => Reason::Manifest,
            _ if is_usual => Reason::ItsName,
            Some(_) => Reason::Settings,
            None => return None,
        };
        Some((reason, label))
    }

    /// Whether a path is in a package of migrations, or in a directory below one.
    pub(crate) fn hold(&self, path: &str) -> bool {
        ancestors(parent(path)).any(|directory| self.of_directory(directory).is_some())
    }
}

impl Named {
    fn is(&self, directory: &str) -> bool {
        directory
            .strip_suffix(self.directory.as_str())
            .is_some_and(|before| before.is_empty() || before.ends_with('/'))
    }
}

fn named(app: &str, module: &str, by_manifest: bool) -> Named {
    Named {
        app: app.to_owned(),
        directory: module.replace('.', "/"),
        by_manifest,
    }
}

/// Whether a file may be a settings module, by its path. Only such files are looked into, so that a large project is not read
/// for a setting that few have.
pub(super) fn may_be_settings(path: &str) -> bool {
    path.strip_suffix(".py").is_some_and(|stem| {
        let has = |part: &Finder<'_>| part.find(stem.as_bytes()).is_some();
        let is_configuration = |word: &str| matches!(word, "config" | "conf");
        has(&IN_SETTINGS)
            || (has(&IN_CONFIGURATION) && stem.split(['/', '_', '.', '-']).any(is_configuration))
    })
}

/// Whether a file says where migrations are.
pub(super) fn names_packages(content: &[u8]) -> bool {
    memchr::memmem::find(content, SETTING.as_bytes()).is_some()
}

/// What the settings modules of a tree write out: apps and modules, in the order of the files.
fn declared(tree: &SourceTree) -> Vec<(String, String)> {
    let paths: Vec<&str> = tree.paths().filter(|path| may_be_settings(path)).collect();
    tree.fetch(paths.iter().copied());
    let mut found = Vec::new();
    for path in paths {
        let Some(content) = tree.get(path).filter(|content| names_packages(content)) else {
            continue;
        };
        // A file that is not Python says nothing here; its own rules say that it is not.
        if let Ok(script) = python::script(content) {
            collect(&script, &mut found);
        }
    }
    found
}

/// Branches may go either way: what either of them names counts.
fn collect(script: &[Statement], found: &mut Vec<(String, String)>) {
    for statement in script {
        match statement {
            Statement::Assign(assign) if assign.name == SETTING => match assign.keys.as_slice() {
                [] => mapping(&assign.value, found),
                [Some(app)] => module(Some(app), &assign.value, found),
                _ => {}
            },
            Statement::If(branches) => {
                for branch in branches {
                    collect(&branch.body, found);
                }
            }
            Statement::Try(body, others) => {
                collect(body, found);
                others.iter().for_each(|other| collect(other, found));
            }
            // Settings may be the attributes of a class (django-configurations).
            Statement::Maybe(body) | Statement::Class { body, .. } => collect(body, found),
            _ => {}
        }
    }
}

/// A mapping that is written out, or one of those that an expression chooses from or puts together.
fn mapping(value: &Value, found: &mut Vec<(String, String)>) {
    match &value.kind {
        ValueKind::Dict(items) => {
            for (key, value) in items {
                match key {
                    Some(key) => module(key.as_str(), value, found),
                    None => mapping(value, found),
                }
            }
        }
        ValueKind::Call(callee, _, keywords) if callee.as_name() == Some("dict") => {
            for (key, value) in keywords {
                module(key.as_deref(), value, found);
            }
        }
        ValueKind::Either(_, then, otherwise) => {
            mapping(then, found);
            mapping(otherwise, found);
        }
        _ => {}
    }
}

/// The package of one app. None says that the app has no migrations there, which is so of that settings module alone.
fn module(app: Option<&str>, value: &Value, found: &mut Vec<(String, String)>) {
    let said = app.zip(value.as_str());
    if let Some((app, module)) = said.filter(|(_, module)| !module.is_empty()) {
        let pair = (app.to_owned(), module.to_owned());
        if !found.contains(&pair) {
            found.push(pair);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packages(files: &[(&str, &str)]) -> Vec<String> {
        let tree = files.iter().copied().collect();
        let packages = Packages::of(&tree, &Settings::default());
        let shown = packages.named.iter();
        shown
            .map(|named| format!("{}={}", named.app, named.directory))
            .collect()
    }

    #[test]
    fn what_settings_write_out_is_read() {
        for (text, expected) in [
            (
                "MIGRATION_MODULES = {'shop': 'shop.changes'}",
                vec!["shop=shop/changes"],
            ),
            (
                "MIGRATION_MODULES: dict[str, str] = dict(shop='a.b')",
                vec!["shop=a/b"],
            ),
            (
                "MIGRATION_MODULES = {}\nMIGRATION_MODULES['shop'] = 'a.b'",
                vec!["shop=a/b"],
            ),
            (
                "MIGRATION_MODULES.update({'shop': 'a.b'})",
                vec!["shop=a/b"],
            ),
            (
                "if X:\n    MIGRATION_MODULES = {'a': 'b', 'c': None}\nelse:\n    MIGRATION_MODULES = {'a': 'd', **MORE}",
                vec!["a=b", "a=d"],
            ),
            (
                "class Base(Configuration):\n    MIGRATION_MODULES = {'a': 'b.c'}\n\nclass Test(Base):\n    MIGRATION_MODULES = {'a': 'd'}",
                vec!["a=b/c", "a=d"],
            ),
            ("MIGRATION_MODULES = DisableMigrations()", vec![]),
            ("MIGRATION_MODULES = {app: None for app in APPS}", vec![]),
            ("MIGRATION_MODULES = {'a': f'{b}.c', 'd': ''}", vec![]),
            ("SOUTH_MIGRATION_MODULES = {'a': 'b'}", vec![]),
            ("MIGRATION_MODULES = {", vec![]),
        ] {
            assert_eq!(packages(&[("a/settings.py", text)]), expected, "{text}");
        }
    }

    #[test]
    fn all_settings_modules_are_taken_and_no_other_files() {
        let text = |module: &str| format!("MIGRATION_MODULES = {{'shop': '{module}'}}\n");
        let files = [
            ("config/settings/base.py", text("a")),
            ("config/test.py", text("b")),
            ("dojo/settings/settings.dist.py", text("c")),
            ("shop/local_settings.py", text("a")),
            ("shop/views.py", text("d")),
        ];
        let files: Vec<_> = files
            .iter()
            .map(|(path, text)| (*path, text.as_str()))
            .collect();
        assert_eq!(packages(&files), ["shop=a", "shop=b", "shop=c"]);
    }

    #[test]
    fn the_manifest_wins() {
        let tree = [(
            "settings.py",
            "MIGRATION_MODULES = {'shop': 'a.b', 'cart': 'c.d'}",
        )]
        .into_iter()
        .collect();
        let mut settings = Settings::default();
        let modules = &mut settings.migration_modules;
        modules.insert("shop".to_owned(), "x.y".to_owned());
        let packages = Packages::of(&tree, &settings);
        for (directory, expected) in [
            ("x/y", Some((Reason::Manifest, Some("shop")))),
            ("src/x/y", Some((Reason::Manifest, Some("shop")))),
            ("c/d", Some((Reason::Settings, Some("cart")))),
            ("shop/migrations", Some((Reason::ItsName, None))),
            ("migrations", Some((Reason::ItsName, None))),
            ("a/b", None),
            ("ax/y", None),
        ] {
            assert_eq!(packages.of_directory(directory), expected, "{directory}");
        }
        assert!(packages.hold("x/y/deep/er.py") && !packages.hold("x/z.py"));
    }
}
