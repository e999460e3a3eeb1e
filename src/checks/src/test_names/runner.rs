//! Which program looks for the tests of a file, and where it starts.

use super::pytest::{Pytest, read_all};
use super::settings::{Runner as Wanted, Settings};
use crate::Scope;
use crate::paths::{ancestors, base_name, join, parent};
use crate::python::{decode, read};
use std::collections::BTreeMap;

/// The program for one file.
#[derive(Clone, Debug)]
pub(super) enum Runner<'a> {
    Pytest(&'a Pytest),
    /// unittest's discovery, from the directory of `manage.py`. A runner of the project's own may look elsewhere.
    Django {
        top: String,
        is_custom: bool,
    },
    /// Nobody knows.
    Unknown,
}

/// What the project says about its runners.
pub(super) struct Runners<'a> {
    scope: &'a Scope,
    settings: &'a Settings,
    pytest: BTreeMap<String, Pytest>,
    default_pytest: Pytest,
    /// `TEST_RUNNER` of the settings.
    named: Option<String>,
}

impl<'a> Runners<'a> {
    /// Reads the project. Call it on a deep stack.
    pub(super) fn new(scope: &'a Scope, settings: &'a Settings) -> Self {
        let mut pytest = read_all(&scope.tree);
        // A conftest.py is only pytest's.
        for path in scope
            .entries
            .keys()
            .filter(|path| base_name(path) == "conftest.py")
        {
            let directory = parent(path);
            let is_below = ancestors(directory).any(|above| pytest.contains_key(above));
            if !is_below {
                pytest.insert(directory.to_owned(), Pytest::default_in(directory));
            }
        }
        Self {
            scope,
            settings,
            pytest,
            default_pytest: Pytest::default_in(""),
            named: test_runner(scope),
        }
    }

    /// The program that looks for the tests of that file.
    pub(super) fn of(&self, path: &str) -> Runner<'_> {
        let pytest = || {
            ancestors(parent(path))
                .find_map(|directory| self.pytest.get(directory))
                .map(Runner::Pytest)
        };
        match self.settings.runner {
            Wanted::Pytest => pytest().unwrap_or(Runner::Pytest(&self.default_pytest)),
            Wanted::Django => self.django(path).unwrap_or(Runner::Django {
                top: String::new(),
                is_custom: false,
            }),
            Wanted::Auto
                if self
                    .named
                    .as_deref()
                    .is_some_and(|name| name.contains("pytest")) =>
            {
                pytest().unwrap_or(Runner::Pytest(&self.default_pytest))
            }
            Wanted::Auto => pytest()
                .or_else(|| self.django(path))
                .unwrap_or(Runner::Unknown),
        }
    }

    fn django(&self, path: &str) -> Option<Runner<'_>> {
        let top = ancestors(parent(path)).find(|directory| {
            self.scope
                .entries
                .contains_key(&join(directory, "manage.py"))
        })?;
        Some(Runner::Django {
            top: top.to_owned(),
            is_custom: self
                .named
                .as_deref()
                .is_some_and(|name| name != "django.test.runner.DiscoverRunner"),
        })
    }
}

/// Whether that path may hold Django's settings.
pub(super) fn is_django_settings(path: &str) -> bool {
    let name = base_name(path);
    name.ends_with(".py") && (name.starts_with("settings") || base_name(parent(path)) == "settings")
}

/// The value of `TEST_RUNNER`, in the first file of settings that sets it to a text.
fn test_runner(scope: &Scope) -> Option<String> {
    scope
        .tree
        .contents(is_django_settings)
        .find_map(|(_, bytes)| {
            let text = decode(bytes)
                .ok()
                .filter(|text| text.contains("TEST_RUNNER"))?;
            let module = read(&text).ok()?;
            module
                .body
                .assignments_to("TEST_RUNNER")
                .last()
                .and_then(|assignment| assignment.value.as_str())
                .map(str::to_owned)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runner(files: &[(&str, &str)], path: &str, settings: &Settings) -> String {
        let scope = Scope::all(files.iter().copied().collect());
        match Runners::new(&scope, settings).of(path) {
            Runner::Pytest(pytest) => format!("pytest {}", pytest.directory),
            Runner::Django { top, is_custom } => format!("django {top} {is_custom}"),
            Runner::Unknown => "unknown".to_owned(),
        }
    }

    #[test]
    fn the_nearest_settings_decide() {
        let settings = Settings::default();
        let files = [
            ("manage.py", ""),
            ("api/pytest.ini", ""),
            ("api/v2/conftest.py", ""),
            ("web/manage.py", ""),
            ("jobs/conftest.py", ""),
        ];
        assert_eq!(runner(&files, "shop/tests.py", &settings), "django  false");
        assert_eq!(
            runner(&files, "web/shop/tests.py", &settings),
            "django web false"
        );
        assert_eq!(runner(&files, "api/v2/tests.py", &settings), "pytest api");
        assert_eq!(runner(&files, "jobs/a/tests.py", &settings), "pytest jobs");
        assert_eq!(runner(&[], "tests.py", &settings), "unknown");
    }

    #[test]
    fn the_settings_of_django_name_a_runner() {
        let settings = Settings::default();
        let with = |name: &str| {
            let text = format!("TEST_RUNNER = '{name}'\n");
            runner(
                &[("manage.py", ""), ("config/settings/base.py", &text)],
                "a.py",
                &settings,
            )
        };
        assert_eq!(with("config.pytest_runner.Runner"), "pytest ");
        assert_eq!(with("django.test.runner.DiscoverRunner"), "django  false");
        assert_eq!(with("config.Own"), "django  true");
    }

    #[test]
    fn the_check_can_be_told() {
        let told = |runner| Settings {
            runner,
            ..Settings::default()
        };
        assert_eq!(runner(&[], "a.py", &told(Wanted::Pytest)), "pytest ");
        assert_eq!(
            runner(&[("pytest.ini", "")], "a.py", &told(Wanted::Django)),
            "django  false"
        );
    }
}
