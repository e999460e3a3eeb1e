//! `conflicting-pins` and `duplicate-package`: one package, said twice.

use super::graph::Together;
use super::requirement::{Requirement, Version};
use super::source::Source;
use super::{Context, exported};
use crate::paths::parent;
use crate::report::finding;
use crate::{Group, Rule};
use beanpole_model::{Finding, Severity};
use pep440_rs::Version as Pep440;
use std::collections::BTreeMap;
use std::str::FromStr;

pub(super) const CONFLICTING: Rule = Rule {
    id: "conflicting-pins",
    group: Group::Pins,
    severity: Severity::Warning,
    summary: "a package is pinned to two versions",
};

pub(super) const DUPLICATE: Rule = Rule {
    id: "duplicate-package",
    group: Group::Pins,
    severity: Severity::Warning,
    summary: "a file lists a package twice",
};

/// One place where a package is named.
struct Named<'a> {
    source: &'a Source<'a>,
    requirement: &'a Requirement,
    touched: bool,
    /// It reaches production.
    production: bool,
    /// In a file with groups and extras, where a package may well stand twice.
    declared: bool,
}

impl Named<'_> {
    fn path(&self) -> &str {
        self.source.path
    }

    fn exact(&self) -> Option<&str> {
        match &self.requirement.version {
            Version::Exact(version) => Some(version),
            _ => None,
        }
    }

    /// As messages name the place: `requirements.txt:3`.
    fn shown(&self) -> String {
        let line = self.source.line(self.requirement.from);
        format!("{}:{line}", self.path())
    }
}

pub(super) fn check(context: &Context<'_>) -> Vec<Finding> {
    let together = context.graph.together();
    let mut findings = Vec::new();
    // Different markers are different machines: their versions may differ.
    for named in by_name_and_marker(context).values() {
        for (index, one) in named.iter().enumerate().filter(|(_, one)| one.touched) {
            // Of two new places, the second is said.
            let others = || {
                named
                    .iter()
                    .enumerate()
                    .filter(|(other, named)| *other < index || *other > index && !named.touched)
                    .map(|(_, named)| named)
                    .filter(|named| !(named.declared && named.path() == one.path()))
            };
            let conflict =
                others().find(|other| differ(one, other) && are_related(one, other, &together));
            if let Some(other) = conflict {
                findings.push(conflicting(one, other, &together));
            } else if let Some(other) = others().find(|other| other.path() == one.path()) {
                findings.push(duplicate(one, other));
            }
        }
    }
    for lock in &context.locks {
        findings.extend(exported::check(context, lock));
    }
    findings
}

fn by_name_and_marker<'a>(
    context: &'a Context<'a>,
) -> BTreeMap<(&'a str, &'a str), Vec<Named<'a>>> {
    let required = context.graph.files.values().flat_map(|file| {
        file.requirements.iter().map(move |requirement| Named {
            source: &file.source,
            requirement,
            touched: context
                .graph
                .is_touched(file, requirement.from, requirement.to),
            production: context.graph.is_production(file.source.path),
            declared: false,
        })
    });
    let declared = context.declared.iter().flat_map(|file| {
        file.packages.iter().map(move |package| Named {
            source: &file.source,
            requirement: &package.requirement,
            touched: file.source.is_changed(
                context.scope,
                package.requirement.from,
                package.requirement.to,
            ),
            production: package.production,
            declared: true,
        })
    });
    let mut named: BTreeMap<_, Vec<Named<'a>>> = BTreeMap::new();
    for one in required.chain(declared) {
        if let Some(name) = one.requirement.name.as_deref() {
            let key = (name, one.requirement.marker.as_str());
            named.entry(key).or_default().push(one);
        }
    }
    named
}

fn differ(one: &Named<'_>, other: &Named<'_>) -> bool {
    one.exact()
        .zip(other.exact())
        .is_some_and(|(one, other)| !is_same_version(one, other))
}

/// `5.2` and `5.2.0` are one version.
pub(super) fn is_same_version(one: &str, other: &str) -> bool {
    match (Pep440::from_str(one), Pep440::from_str(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => one == other,
    }
}

fn are_installed_together(one: &Named<'_>, other: &Named<'_>, together: &[Together<'_>]) -> bool {
    one.path() == other.path()
        || together.iter().any(|set| {
            [one, other].iter().all(|named| {
                set.installed.contains(named.path()) || set.constraining.contains(named.path())
            })
        })
}

/// Two services of one repository may differ; a file and those in directories below or beside it may not. What is installed
/// apart and never released may differ, too: tests and documentation have environments of their own.
fn are_related(one: &Named<'_>, other: &Named<'_>, together: &[Together<'_>]) -> bool {
    let (left, right) = (parent(one.path()), parent(other.path()));
    let is_released = one.production || other.production;
    is_released && (is_at_or_below(left, right) || is_at_or_below(right, left))
        || are_installed_together(one, other, together)
}

pub(super) fn is_at_or_below(directory: &str, top: &str) -> bool {
    top.is_empty()
        || directory
            .strip_prefix(top)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn conflicting(one: &Named<'_>, other: &Named<'_>, together: &[Together<'_>]) -> Finding {
    let is_certain = are_installed_together(one, other, together);
    let (severity, reason) = if is_certain {
        (
            Severity::Error,
            "both are installed together, and pip refuses two versions of one package",
        )
    } else {
        (
            Severity::Warning,
            "what is tested with one version is released with another",
        )
    };
    Finding {
        severity,
        ..finding(
            &CONFLICTING,
            Some(one.source.place(one.requirement.from)),
            format!(
                "`{}` is pinned to {} here and to {} in {}",
                one.requirement.shown,
                one.exact().unwrap_or_default(),
                other.exact().unwrap_or_default(),
                other.shown()
            ),
            reason,
            "write one version in both places, or pin it once in a file that both include",
        )
    }
}

fn duplicate(one: &Named<'_>, other: &Named<'_>) -> Finding {
    finding(
        &DUPLICATE,
        Some(one.source.place(one.requirement.from)),
        format!(
            "`{}` is listed already: `{}` in {}",
            one.requirement.shown,
            other.requirement.shown,
            other.shown()
        ),
        "the next update changes one line and forgets the other, and then nothing can be installed",
        "keep one line; extras can be joined: `name[a,b]==…`",
    )
}

#[cfg(test)]
mod tests {
    use super::super::testing::{changed, found, new};
    use super::super::{Settings, check};
    use beanpole_model::Severity;

    #[test]
    fn two_versions_in_one_installation_are_an_error() {
        let scope = new(&[
            ("requirements/base.txt", "Django==5.1\n"),
            ("requirements/prod.txt", "-r base.txt\ndjango==5.2\n"),
        ]);
        let findings = check(&scope, &Settings::default());
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].severity, Severity::Error);
        assert_eq!(
            findings[0].message,
            "`django` is pinned to 5.2 here and to 5.1 in requirements/base.txt:1"
        );
    }

    #[test]
    fn apart_they_are_a_warning_and_said_where_it_changed() {
        let files = [
            ("requirements/dev.txt", "a==1\n"),
            ("requirements/prod.txt", "a==2\n"),
        ];
        let scope = changed(&files, "requirements/dev.txt", &[(1, 1)]);
        assert_eq!(found(&scope), ["requirements/dev.txt:1:1 conflicting-pins"]);
        assert_eq!(
            check(&scope, &Settings::default())[0].severity,
            Severity::Warning
        );
        assert_eq!(
            found(&new(&files)),
            ["requirements/prod.txt:1:1 conflicting-pins"]
        );
        assert_eq!(
            found(&changed(&files, "requirements/dev.txt", &[(2, 2)])),
            [""; 0]
        );
    }

    #[test]
    fn environments_that_are_not_released_may_differ() {
        let apart = [
            ("requirements/docs.txt", "a==1\n"),
            ("requirements/test.txt", "a==2\n"),
        ];
        assert_eq!(found(&new(&apart)), [""; 0]);
        let together = [
            ("requirements/docs.txt", "a==1\n"),
            ("requirements/test.txt", "-r docs.txt\na==2\n"),
        ];
        assert_eq!(
            found(&new(&together)),
            ["requirements/test.txt:2:1 conflicting-pins"]
        );
        let project = "[dependency-groups]\ndev = ['a==1']\n";
        let declared = |other| [("pyproject.toml", project), other];
        let tests = ("requirements/test.txt", "a==2\n");
        assert_eq!(found(&new(&declared(tests))), [""; 0]);
        let production = ("requirements.txt", "a==2\n");
        assert_eq!(
            found(&new(&declared(production))),
            ["pyproject.toml:2:9 conflicting-pins"]
        );
    }

    #[test]
    fn declarations_are_compared_with_other_files_only() {
        let project =
            "[project]\ndependencies = ['a==1', 'b>=1']\noptional-dependencies.x = ['a==3']\n";
        assert_eq!(
            found(&new(&[
                ("pyproject.toml", project),
                ("requirements.txt", "b==2\n"),
            ])),
            [""; 0]
        );
        assert_eq!(
            found(&new(&[
                ("pyproject.toml", project),
                ("requirements.txt", "a==2\nb==2\n"),
            ])),
            [
                "pyproject.toml:2:18 conflicting-pins",
                "pyproject.toml:3:29 conflicting-pins"
            ]
        );
    }

    #[test]
    fn other_markers_services_and_spellings_may_differ() {
        assert_eq!(
            found(&new(&[
                (
                    "requirements.txt",
                    "a==1 ; python_version < '3.9'\na==2 ; python_version >= '3.9'\nb==1.0\n"
                ),
                ("requirements-dev.txt", "b==1.0.0\n"),
                ("one/requirements.txt", "c==1\n"),
                ("two/requirements.txt", "c==2\n"),
            ])),
            [""; 0]
        );
        assert_eq!(
            found(&new(&[(
                "requirements.txt",
                "a==1 ; python_version < '3.9'\na==2;python_version<\"3.9\"\n"
            )])),
            ["requirements.txt:2:1 conflicting-pins"]
        );
    }

    #[test]
    fn names_with_one_normal_form_are_one_package() {
        assert_eq!(
            found(&new(&[(
                "requirements.txt",
                "foo-bar==1\nFoo_Bar[x]==1\nfoo.bar==2\n"
            )])),
            [
                "requirements.txt:2:1 duplicate-package",
                "requirements.txt:3:1 conflicting-pins"
            ]
        );
    }
}
