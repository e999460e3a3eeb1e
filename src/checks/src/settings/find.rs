//! Which module production uses.

use super::{Settings, condition, evaluate};
use crate::Scope;
use crate::paths::{ancestors, is_aside, join, parent};
use crate::python::{self, Statement, Value, ValueKind};

/// The module, and the file that named it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Production {
    pub(super) path: String,
    /// `wsgi.py` or its like; none if a setting or the file's name decided.
    pub(super) named_by: Option<String>,
}

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    Production(Production),
    /// A Django project, but which settings production uses is not said: in words.
    Unclear(String),
    /// No Django project.
    Nothing,
}

/// Looks for the production settings.
pub(super) fn production(scope: &Scope, settings: &Settings) -> Found {
    if let Some(module) = &settings.module {
        return match named(scope, "", module) {
            Some(path) => Found::Production(Production {
                path,
                named_by: None,
            }),
            None => Found::Unclear(format!(
                "there is no file for the module `{module}` that `checks.settings.modules` names"
            )),
        };
    }
    let mut other = None;
    for entry in ["wsgi.py", "asgi.py", "manage.py"] {
        for path in with_name(scope, entry) {
            for module in modules_in(scope, path) {
                let Some(found) = named(scope, path, &module) else {
                    continue;
                };
                if is_for_development(&module) {
                    other = Some(format!(
                        "{path} names `{module}`, which is for development by its name"
                    ));
                } else if !says_something(scope, &found) {
                    other = Some(format!("{path} names `{module}`, which sets nothing"));
                } else {
                    return Found::Production(Production {
                        path: found,
                        named_by: Some(path.to_owned()),
                    });
                }
            }
        }
    }
    let by_name = [
        "settings/production.py",
        "settings/prod.py",
        "settings.py",
        "settings/__init__.py",
    ]
    .iter()
    .find_map(|name| {
        let says = |path: &&str| name.contains("prod") || sets_django(scope, path);
        with_name(scope, name).find(says)
    });
    match (by_name, other) {
        (Some(path), _) => Found::Production(Production {
            path: path.to_owned(),
            named_by: None,
        }),
        (None, Some(other)) => Found::Unclear(other),
        (None, None) if scope.entries.contains_key("manage.py") => {
            Found::Unclear("manage.py is there, but no settings module was found".to_owned())
        }
        (None, None) => Found::Nothing,
    }
}

/// Paths that are that name or end with it, those near the root first.
fn with_name<'s>(scope: &'s Scope, name: &str) -> impl Iterator<Item = &'s str> {
    let mut found: Vec<&str> = scope
        .entries
        .keys()
        .map(String::as_str)
        .filter(|path| {
            path.strip_suffix(name)
                .is_some_and(|before| before.is_empty() || before.ends_with('/'))
        })
        .filter(|path| !is_aside(path))
        .collect();
    found.sort_by_key(|path| path.matches('/').count());
    found.into_iter()
}

/// Whether a file sets anything: the `__init__.py` of a package of settings is often only a docstring.
fn says_something(scope: &Scope, path: &str) -> bool {
    !path.ends_with("__init__.py")
        || scope
            .tree
            .get(path)
            .is_none_or(|bytes| !python::script(bytes).is_ok_and(|script| script.is_empty()))
}

/// Names that Django's settings hardly do without.
const USUAL: [&str; 10] = [
    "ALLOWED_HOSTS",
    "DATABASES",
    "DEBUG",
    "INSTALLED_APPS",
    "MIDDLEWARE",
    "ROOT_URLCONF",
    "SECRET_KEY",
    "STATIC_URL",
    "TEMPLATES",
    "WSGI_APPLICATION",
];

/// Whether a file that is called as settings are is one: it sets what Django reads, or takes the names of another. A view may
/// be called so as well. What cannot be read may be settings.
fn sets_django(scope: &Scope, path: &str) -> bool {
    let Some(Ok(script)) = scope.tree.get(path).map(python::script) else {
        return true;
    };
    let mut open: Vec<&[Statement]> = vec![&script];
    while let Some(statements) = open.pop() {
        for statement in statements {
            match statement {
                Statement::If(branches) => {
                    open.extend(branches.iter().map(|branch| branch.body.as_slice()));
                }
                Statement::Try(body, others) => {
                    open.push(body);
                    open.extend(others.iter().map(Vec::as_slice));
                }
                Statement::Maybe(body) => open.push(body),
                one if is_of_settings(one) => return true,
                _ => {}
            }
        }
    }
    false
}

fn is_of_settings(statement: &Statement) -> bool {
    match statement {
        Statement::Assign(assign) => USUAL.contains(&assign.name.as_str()),
        Statement::Import { names, .. } => names.is_none(),
        Statement::Class { name, .. } => evaluate::holds_settings(name),
        Statement::Call(call) => matches!(
            &call.kind,
            ValueKind::Call(callee, args, _)
                if callee.as_name() == Some("include")
                    || args.iter().any(|arg| arg.as_name() == Some("__name__"))
        ),
        _ => false,
    }
}

fn is_for_development(module: &str) -> bool {
    condition::is_for_development(module.rsplit('.').next().unwrap_or(module))
}

/// The values that `os.environ.setdefault("DJANGO_SETTINGS_MODULE", …)` gives in that file.
fn modules_in(scope: &Scope, path: &str) -> Vec<String> {
    let Some(Ok(script)) = scope.tree.get(path).map(python::script) else {
        return Vec::new();
    };
    script
        .iter()
        .filter_map(|statement| match statement {
            Statement::Call(Value {
                kind: ValueKind::Call(callee, args, _),
                ..
            }) => Some((callee, args)),
            _ => None,
        })
        .filter(|(callee, _)| {
            callee
                .as_name()
                .is_some_and(|name| name.ends_with("environ.setdefault"))
        })
        .filter_map(|(_, args)| match args.as_slice() {
            [key, module] if key.as_str() == Some("DJANGO_SETTINGS_MODULE") => {
                module.as_str().map(str::to_owned)
            }
            _ => None,
        })
        .collect()
}

/// The file of a module, or of a path, as seen from a file: its own directory first, then those above.
pub(super) fn named(scope: &Scope, from: &str, module: &str) -> Option<String> {
    if scope.entries.contains_key(module) {
        return Some(module.to_owned());
    }
    let dots = module.chars().take_while(|char| *char == '.').count();
    let relative = module.trim_start_matches('.').replace('.', "/");
    let mut places = ancestors(parent(from));
    if dots > 0 {
        return file(scope, places.nth(dots - 1)?, &relative);
    }
    // A project's root need not be the repository's: `backend/manage.py`.
    if let Some(found) = places.find_map(|place| file(scope, place, &relative)) {
        return Some(found);
    }
    let ending = format!("/{relative}.py");
    let mut fitting = scope.entries.keys().filter(|path| path.ends_with(&ending));
    match (fitting.next(), fitting.next()) {
        (Some(only), None) => Some(only.clone()),
        _ => None,
    }
}

fn file(scope: &Scope, directory: &str, relative: &str) -> Option<String> {
    let joined = if relative.is_empty() {
        directory.to_owned()
    } else {
        join(directory, relative)
    };
    [format!("{joined}.py"), format!("{joined}/__init__.py")]
        .into_iter()
        .find(|path| scope.entries.contains_key(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WSGI: &str =
        "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'config.settings.live')\n";
    const MANAGE: &str = "import os\n\n\ndef main():\n    os.environ.setdefault(\"DJANGO_SETTINGS_MODULE\", \"config.settings.local\")\n";

    fn found(files: &[(&str, &str)]) -> Found {
        production(
            &Scope::all(files.iter().copied().collect()),
            &Settings::default(),
        )
    }

    fn path(found: Found) -> String {
        match found {
            Found::Production(production) => production.path,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn wsgi_names_it() {
        let all = [
            ("backend/config/wsgi.py", WSGI),
            ("backend/manage.py", MANAGE),
            ("backend/config/settings/live.py", ""),
            ("backend/config/settings/local.py", ""),
        ];
        assert_eq!(path(found(&all)), "backend/config/settings/live.py");
    }

    #[test]
    fn a_module_for_development_gives_way_to_one_for_production() {
        let all = [
            ("manage.py", MANAGE),
            ("config/settings/local.py", ""),
            ("config/settings/production.py", ""),
        ];
        assert_eq!(path(found(&all)), "config/settings/production.py");
        assert!(
            matches!(found(&all[..2]), Found::Unclear(why) if why.contains("config.settings.local"))
        );
    }

    #[test]
    fn usual_names_are_tried() {
        assert_eq!(
            path(found(&[
                ("shop/settings.py", "DEBUG = False\n"),
                ("shop/tests/settings.py", "DEBUG = False\n")
            ])),
            "shop/settings.py"
        );
        assert_eq!(found(&[("shop/models.py", "")]), Found::Nothing);
        let view =
            "from .forms import SettingsForm\n\nPAGES = 3\n\nclass Settings(View):\n    pass\n";
        assert_eq!(found(&[("shop/views/settings.py", view)]), Found::Nothing);
        assert!(matches!(found(&[("manage.py", "")]), Found::Unclear(_)));
    }

    #[test]
    fn an_empty_package_is_no_settings_module() {
        let all = |init: &str| {
            found(&[
                ("manage.py", MANAGE),
                ("config/settings/local.py", ""),
                ("config/settings/__init__.py", init),
                ("config/settings/live.py", "DEBUG = False\n"),
            ])
        };
        assert!(matches!(all("\"\"\"Settings.\"\"\"\n"), Found::Unclear(_)));
        assert_eq!(path(all("DEBUG = False\n")), "config/settings/__init__.py");
        let asgi =
            "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'config.settings')\n";
        let named = [
            ("config/asgi.py", asgi),
            ("config/settings/__init__.py", "# Elsewhere.\n"),
        ];
        assert!(matches!(found(&named), Found::Unclear(why) if why.contains("sets nothing")));
    }

    #[test]
    fn a_setting_comes_first() {
        let scope = Scope::all(
            [("a/wsgi.py", WSGI), ("a/conf/web.py", "")]
                .into_iter()
                .collect(),
        );
        let with = |module: &str| {
            production(
                &scope,
                &Settings {
                    module: Some(module.to_owned()),
                    ..Settings::default()
                },
            )
        };
        assert_eq!(path(with("a.conf.web")), "a/conf/web.py");
        assert_eq!(path(with("a/conf/web.py")), "a/conf/web.py");
        assert_eq!(path(with("conf.web")), "a/conf/web.py");
        assert!(matches!(with("gone"), Found::Unclear(_)));
    }
}
