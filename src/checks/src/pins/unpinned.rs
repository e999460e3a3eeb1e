//! `unpinned-package`: a production package whose version is decided on the day of the build.

use super::Context;
use super::lock::{lock_of, lost_its_lock};
use super::name::{is_constraints_file, is_development_file, is_one_of};
use super::requirement::{Requirement, Version};
use super::requirements_file::RequirementsFile;
use crate::paths::{base_name, parent};
use crate::report::{finding, shown};
use crate::{Group, Rule};
use beanpole_model::{Finding, Location, Severity};
use std::collections::{BTreeMap, BTreeSet};

pub(super) const RULE: Rule = Rule {
    id: "unpinned-package",
    group: Group::Pins,
    severity: Severity::Error,
    summary: "a production package without one exact version",
};

pub(super) fn check(context: &Context<'_>) -> Vec<Finding> {
    let mut findings = in_requirements(context);
    findings.extend(in_declarations(context));
    findings
}

fn in_requirements(context: &Context<'_>) -> Vec<Finding> {
    let graph = &context.graph;
    let mut said = BTreeSet::new();
    let mut findings = Vec::new();
    for together in graph.together() {
        if !together.production && !context.settings.pin_development {
            continue;
        }
        let pinned = together.pinned(&graph.files);
        // Constraints at an address or in a file that nobody read may pin it.
        let severity = if graph.has_unseen_constraints(&together) {
            Severity::Warning
        } else {
            RULE.severity
        };
        for path in together
            .installed
            .iter()
            .filter(|path| !is_constraints_file(path))
        {
            let Some(file) = graph.files.get(path) else {
                continue;
            };
            if is_source(path, file, &graph.files) {
                continue;
            }
            let judged = context.settings.pin_development || graph.is_production(path);
            for requirement in file.requirements.iter().filter(|_| judged) {
                // `django` is fine where a constraint or another file of the same installation pins it.
                let covered = requirement
                    .name
                    .as_deref()
                    .is_some_and(|name| pinned.contains(name))
                    && matches!(requirement.version, Version::Any | Version::Range(_));
                if requirement.version.is_fixed()
                    || covered
                    || is_allowed(context, requirement)
                    || !graph.is_touched(file, requirement.from, requirement.to)
                    || !said.insert((*path, requirement.from))
                {
                    continue;
                }
                let at = file.source.place(requirement.from);
                findings.push(found(requirement, at, severity));
            }
        }
    }
    findings
}

/// Whether another requirements file of the same directory pins every package of this one: then this is what that one is made
/// from, as `requirements.in` is. Not `requirements.txt`, which Elastic Beanstalk itself installs, and no file with links.
fn is_source(
    path: &str,
    file: &RequirementsFile<'_>,
    files: &BTreeMap<&str, RequirementsFile<'_>>,
) -> bool {
    if base_name(path) == "requirements.txt" || !file.links.is_empty() {
        return false;
    }
    files.iter().any(|(other, pins)| {
        *other != path
            && parent(other) == parent(path)
            && !is_development_file(other)
            && (file.requirements.iter()).all(|requirement| {
                requirement.name.is_some()
                    && (pins.requirements.iter())
                        .any(|pin| pin.name == requirement.name && pin.version.is_fixed())
            })
    })
}

/// Ranges are right in a declaration, if a lock file or a requirements file says what is installed.
fn in_declarations(context: &Context<'_>) -> Vec<Finding> {
    let pinned: BTreeSet<&str> = context
        .graph
        .together()
        .iter()
        .filter(|together| together.production)
        .flat_map(|together| together.pinned(&context.graph.files))
        .collect();
    let mut findings = Vec::new();
    for declared in &context.declared {
        if lock_of(context.scope, declared.source.path).is_some() {
            continue;
        }
        let lost = lost_its_lock(context.scope, declared.source.path);
        for package in &declared.packages {
            let requirement = &package.requirement;
            let judged = package.production || context.settings.pin_development;
            let covered = requirement
                .name
                .as_deref()
                .is_some_and(|name| pinned.contains(name));
            // Without its lock file, old lines are unpinned as well.
            let touched = lost
                || declared
                    .source
                    .is_changed(context.scope, requirement.from, requirement.to);
            if judged
                && touched
                && !covered
                && !requirement.version.is_fixed()
                && !is_allowed(context, requirement)
            {
                let at = declared.source.place(requirement.from);
                // A library has ranges for good reasons, and looks the same.
                findings.push(Finding {
                    remedy: Some(format!(
                        "commit a lock file (`uv lock`, `poetry lock`, `pdm lock`, `pipenv lock`), or write `{}==…`",
                        requirement.shown
                    )),
                    ..found(requirement, at, Severity::Warning)
                });
            }
        }
    }
    findings
}

fn is_allowed(context: &Context<'_>, requirement: &Requirement) -> bool {
    requirement
        .name
        .as_deref()
        .is_some_and(|name| is_one_of(name, &context.settings.allow_unpinned))
}

fn found(requirement: &Requirement, at: Location, severity: Severity) -> Finding {
    let name = shown(&requirement.shown);
    let (what, remedy) = match &requirement.version {
        Version::Range(range) => (
            format!("`{name}` may be any version of `{}`", shown(range)),
            format!("write the version that was tested: `{name}==…` (`pip freeze` knows it)"),
        ),
        Version::Variable => (
            format!("`{name}` depends on an environment variable"),
            "write the version itself".to_owned(),
        ),
        Version::Branch => (
            format!("`{name}` comes from a branch or a tag, which can move"),
            "name the commit with all its 40 digits: `…@<commit>`".to_owned(),
        ),
        Version::Archive { .. } => (
            format!("the archive `{name}` can be replaced under its address"),
            "add its hash: `…#sha256=<64 digits>`".to_owned(),
        ),
        Version::Any | Version::Exact(_) | Version::Commit | Version::Local => (
            format!("`{name}` has no version"),
            format!("write the version that was tested: `{name}==…` (`pip freeze` knows it)"),
        ),
    };
    Finding {
        severity,
        ..finding(
            &RULE,
            Some(at),
            what,
            "the same commit gives another program tomorrow: what was tested is not what is released, and a roll-back \
             does not bring it back",
            remedy,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::Settings;
    use super::super::testing::{changed, deleted, found, found_in, new};
    use super::Severity;

    fn lines(text: &str) -> Vec<String> {
        found(&new(&[("requirements.txt", text)]))
    }

    #[test]
    fn only_exact_versions_are_pins() {
        assert_eq!(
            lines("a==1\nb\nc>=1 # x\nd==1.*\ne===1\n f~=2.0\n"),
            [
                "requirements.txt:2:1 unpinned-package",
                "requirements.txt:3:1 unpinned-package",
                "requirements.txt:4:1 unpinned-package",
                "requirements.txt:6:2 unpinned-package",
            ]
        );
    }

    #[test]
    fn addresses_are_pinned_by_commit_or_hash() {
        let commit = "0".repeat(40);
        assert_eq!(
            lines(&format!("a @ git+https://h/p@{commit}\n-e .\n./x\n")),
            [""; 0]
        );
        assert_eq!(
            lines("git+https://h/p@v1#egg=a\nhttps://h/a.zip\n-e git+https://h/p\n").len(),
            3
        );
        assert_eq!(lines("a==${VERSION}").len(), 1);
    }

    #[test]
    fn constraints_pin_what_is_required() {
        let files = [
            ("requirements.txt", "-c constraints.txt\ndjango>=5\nother\n"),
            ("constraints.txt", "Django==5.2\nunused>=1\n"),
        ];
        assert_eq!(
            found(&new(&files)),
            ["requirements.txt:3:1 unpinned-package"]
        );
        let files = [
            ("requirements/prod.txt", "-r base.txt\ndjango==5.2\n"),
            ("requirements/base.txt", "django\n"),
        ];
        assert_eq!(found(&new(&files)), [""; 0]);
    }

    #[test]
    fn a_file_that_another_one_pins_whole_is_its_source() {
        let pins = "django==5.2\ncelery==5.5\n";
        let judged =
            |path: &str, text: &str| found(&new(&[(path, text), ("requirements.lock.txt", pins)]));
        assert_eq!(
            judged("base_requirements.txt", "django>=5\ncelery\n"),
            [""; 0]
        );
        assert_eq!(
            judged("base_requirements.txt", "django>=5\nother\n").len(),
            2
        );
        assert_eq!(judged("requirements.txt", "django>=5\ncelery\n").len(), 2);
        assert_eq!(judged("web/base_requirements.txt", "celery\n").len(), 1);
    }

    #[test]
    fn constraints_that_nobody_sees_make_it_uncertain() {
        let severity = |text: &str| {
            let findings =
                super::super::check(&new(&[("requirements.txt", text)]), &Settings::default());
            findings[0].severity
        };
        assert_eq!(severity("-c https://h/c.txt\ndjango\n"), Severity::Warning);
        assert_eq!(severity("-r https://h/c.txt\ndjango\n"), Severity::Error);
    }

    #[test]
    fn development_is_free_unless_production_includes_it() {
        let dev = ("requirements/dev.txt", "ruff\n");
        assert_eq!(found(&new(&[dev])), [""; 0]);
        let strict = Settings {
            pin_development: true,
            ..Settings::default()
        };
        assert_eq!(
            found_in(&new(&[dev]), &strict),
            ["requirements/dev.txt:1:1 unpinned-package"]
        );
        let files = [
            ("requirements/prod.txt", "-r dev.txt\n"),
            ("requirements/dev.txt", "x-y\n"),
        ];
        // The line in dev.txt is old, but now it is production.
        assert_eq!(
            found(&changed(&files, "requirements/prod.txt", &[(1, 1)])),
            ["requirements/dev.txt:1:1 unpinned-package"]
        );
        assert_eq!(
            found(&changed(&files, "requirements/prod.txt", &[(9, 9)])),
            [""; 0]
        );
    }

    #[test]
    fn a_move_can_make_a_file_production() {
        let files = [("requirements.txt", "x\n")];
        let mut scope = changed(&files, "requirements.txt", &[]);
        let moved = |from: &str| crate::ChangeKind::Renamed {
            from: from.to_owned(),
        };
        scope.changes[0].kind = moved("requirements-dev.txt");
        assert_eq!(found(&scope), ["requirements.txt:1:1 unpinned-package"]);
        scope.changes[0].kind = moved("requirements-prod.txt");
        assert_eq!(found(&scope), [""; 0]);
    }

    #[test]
    fn settings_name_files_and_packages() {
        let files = [
            ("requirements/dev.txt", "x\ny\n"),
            ("requirements.txt", "z\n"),
        ];
        let settings = Settings {
            production_files: vec!["requirements/dev.txt".to_owned()],
            development_files: vec!["requirements.txt".to_owned()],
            allow_unpinned: vec!["Y".to_owned()],
            ..Settings::default()
        };
        assert_eq!(
            found_in(&new(&files), &settings),
            ["requirements/dev.txt:1:1 unpinned-package"]
        );
    }

    #[test]
    fn a_file_that_the_settings_name_may_have_any_name() {
        let files = [("deploy/packages.lst", "x\n"), ("deploy/tools.lst", "y\n")];
        assert_eq!(found(&new(&files)), [""; 0]);
        let settings = Settings {
            production_files: vec!["deploy/packages.lst".to_owned()],
            development_files: vec!["deploy/tools.lst".to_owned()],
            ..Settings::default()
        };
        let of = |settings: &Settings| found_in(&new(&files), settings);
        let production = "deploy/packages.lst:1:1 unpinned-package";
        assert_eq!(of(&settings), [production]);
        let all = Settings {
            pin_development: true,
            ..settings
        };
        assert_eq!(
            of(&all),
            [production, "deploy/tools.lst:1:1 unpinned-package"]
        );
    }

    #[test]
    fn only_changed_lines_are_judged() {
        let files = [("requirements.txt", "a\nb \\\n  >=1\n")];
        assert_eq!(
            found(&changed(&files, "requirements.txt", &[(3, 3)])),
            ["requirements.txt:2:1 unpinned-package"]
        );
    }

    #[test]
    fn declarations_may_have_ranges_with_a_lock() {
        let project = (
            "pyproject.toml",
            "[project]\ndependencies = ['a>=1', 'b==2']\noptional-dependencies.dev = ['c']\n",
        );
        assert_eq!(
            found(&new(&[project])),
            ["pyproject.toml:2:18 unpinned-package"]
        );
        let locked = [
            project,
            (
                "uv.lock",
                "[[package]]\nname = 'a'\nversion = '1'\n[[package]]\nname = 'b'\nversion = '2'\n[[package]]\nname = 'c'\nversion = '2'\n",
            ),
        ];
        assert_eq!(found(&new(&locked)), [""; 0]);
        assert_eq!(
            found(&new(&[project, ("requirements.txt", "a==1\n")])),
            [""; 0]
        );
        assert_eq!(
            found(&deleted(&[project], "uv.lock")),
            ["pyproject.toml:2:18 unpinned-package"]
        );
        assert_eq!(
            found(&new(&[("Pipfile", "[packages]\ndjango = '*'\n")])),
            ["Pipfile:2:1 unpinned-package"]
        );
    }
}
