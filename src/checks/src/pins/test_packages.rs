//! `test-package-in-production`: production installs what only tests and development need.

use super::Context;
use super::name::is_one_of;
use super::requirement::Requirement;
use crate::report::finding;
use crate::{Group, Rule};
use beanpole_model::{Finding, Location, Severity};

pub(super) const RULE: Rule = Rule {
    id: "test-package-in-production",
    group: Group::Pins,
    severity: Severity::Warning,
    summary: "production installs a package for tests or development",
};

/// Packages that a running server does not need.
const PACKAGES: [&str; 44] = [
    "bandit",
    "black",
    "bpython",
    "coverage",
    "django-debug-toolbar",
    "django-silk",
    "django-stubs",
    "django-test-plus",
    "djangorestframework-stubs",
    "djlint",
    "factory-boy",
    "faker",
    "fakeredis",
    "flake8",
    "flake8-*",
    "freezegun",
    "hypothesis",
    "ipdb",
    "ipython",
    "isort",
    "locust",
    "mixer",
    "mock",
    "model-bakery",
    "moto",
    "mypy",
    "nose",
    "nox",
    "pdbpp",
    "pip-tools",
    "playwright",
    "pre-commit",
    "pudb",
    "pyflakes",
    "pylint",
    "pylint-*",
    "pytest",
    "pytest-*",
    "responses",
    "ruff",
    "selenium",
    "tox",
    "types-*",
    "vcrpy",
];

pub(super) fn check(context: &Context<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let graph = &context.graph;
    for (path, file) in graph
        .files
        .iter()
        .filter(|(path, _)| graph.is_production(path))
    {
        for requirement in &file.requirements {
            if is_for_tests(context, requirement)
                && graph.is_touched(file, requirement.from, requirement.to)
            {
                let at = file.source.place(requirement.from);
                findings.push(if graph.is_surely_production(path) {
                    found(requirement, at, path)
                } else {
                    doubted(requirement, at, path)
                });
            }
        }
    }
    for declared in &context.declared {
        for package in declared
            .packages
            .iter()
            .filter(|package| package.production)
        {
            let requirement = &package.requirement;
            if is_for_tests(context, requirement)
                && declared
                    .source
                    .is_changed(context.scope, requirement.from, requirement.to)
            {
                let at = declared.source.place(requirement.from);
                findings.push(found(requirement, at, declared.source.path));
            }
        }
    }
    findings
}

fn is_for_tests(context: &Context<'_>, requirement: &Requirement) -> bool {
    requirement.name.as_deref().is_some_and(|name| {
        let known = PACKAGES.iter().any(|known| match known.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == *known,
        });
        (known || is_one_of(name, &context.settings.test_packages))
            && !is_one_of(name, &context.settings.allow_in_production)
    })
}

fn found(requirement: &Requirement, at: Location, path: &str) -> Finding {
    finding(
        &RULE,
        Some(at),
        format!(
            "`{}` is for tests or development, and {path} is production",
            requirement.shown
        ),
        "production carries code that nobody runs there: a larger image, more security notices, and a way in for debuggers",
        "move it to the requirements of development, or name it in `checks.pins.allow_in_production` in beanpole.yaml",
    )
}

/// The same in a file whose name leaves open what it is for. In doubt it is said, quietly.
fn doubted(requirement: &Requirement, at: Location, path: &str) -> Finding {
    Finding {
        severity: Severity::Note,
        message: format!(
            "`{}` is for tests or development, and {path} may be production",
            requirement.shown
        ),
        ..found(requirement, at, path)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{changed, found, found_in, new};
    use super::super::{Settings, check};
    use beanpole_model::Severity;

    #[test]
    fn production_files_are_judged_with_what_they_include() {
        let files = [
            ("requirements/prod.txt", "-r test.txt\nIPython==9.0\n"),
            ("requirements/test.txt", "pytest_django==4.0\n"),
            ("requirements/dev.txt", "ruff==1\n"),
        ];
        assert_eq!(
            found(&new(&files)),
            [
                "requirements/prod.txt:2:1 test-package-in-production",
                "requirements/test.txt:1:1 test-package-in-production"
            ]
        );
        assert_eq!(
            found(&changed(&files, "requirements/dev.txt", &[(1, 1)])),
            [""; 0]
        );
    }

    #[test]
    fn a_name_that_leaves_it_open_is_a_note() {
        let levels = |files: &[(&str, &str)], settings: &Settings| -> Vec<Severity> {
            let found = check(&new(files), settings).into_iter();
            found.map(|finding| finding.severity).collect()
        };
        let docker = ("requirements/docker.txt", "ipdb==1\n");
        let settings = Settings::default();
        assert_eq!(levels(&[docker], &settings), [Severity::Note]);
        let included = ("requirements/prod.txt", "-r docker.txt\n");
        assert_eq!(levels(&[docker, included], &settings), [Severity::Warning]);
        let named = Settings {
            production_files: vec![docker.0.to_owned()],
            ..Settings::default()
        };
        assert_eq!(levels(&[docker], &named), [Severity::Warning]);
        // What it includes is in doubt as well.
        let files = [
            ("requirements/docker.txt", "-r test.txt\n"),
            ("requirements/test.txt", "pytest==1\n"),
        ];
        assert_eq!(levels(&files, &settings), [Severity::Note]);
    }

    #[test]
    fn declarations_are_judged_by_their_groups() {
        let text =
            "[project]\ndependencies = ['pytest==8']\n[dependency-groups]\ndev = ['pytest==8']\n";
        assert_eq!(
            found(&new(&[("pyproject.toml", text)])),
            ["pyproject.toml:2:18 test-package-in-production"]
        );
    }

    #[test]
    fn settings_add_and_allow() {
        let settings = Settings {
            test_packages: vec!["our-fakes*".to_owned()],
            allow_in_production: vec!["faker".to_owned()],
            ..Settings::default()
        };
        let scope = new(&[("requirements.txt", "Faker==1\nour_fakes_s3==1\n")]);
        assert_eq!(
            found_in(&scope, &settings),
            ["requirements.txt:2:1 test-package-in-production"]
        );
    }
}
