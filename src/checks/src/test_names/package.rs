//! `missing-test-package`: a directory of tests that Django's runner does not enter.

use super::Context;
use super::content::Content;
use super::runner::Runner;
use crate::fix::{Answer, Fix, Proposal};
use crate::paths::{ancestors, base_name, join, parent};
use crate::python::Lines;
use crate::report::{finding, place};
use crate::{Group, Rule};
use beanpole_model::{Finding, Location, Severity};
use std::collections::{BTreeMap, BTreeSet};

pub(super) const RULE: Rule = Rule {
    id: "missing-test-package",
    group: Group::TestNames,
    severity: Severity::Error,
    summary: "a directory of tests without an __init__.py",
};

/// One finding for each directory: the first of its files says it.
pub(super) fn check(context: &Context<'_>) -> Vec<Finding> {
    let mut findings: BTreeMap<String, Finding> = BTreeMap::new();
    let changed = context
        .scope
        .changes
        .iter()
        .filter(|change| change.is_there());
    for path in changed
        .map(|change| change.path.as_str())
        .chain(orphans(context))
    {
        if let Some((directory, finding)) = judge(context, path) {
            findings.entry(directory).or_insert(finding);
        }
    }
    findings.into_values().collect()
}

/// Files below directories that lost their `__init__.py` by this change.
fn orphans<'a>(context: &'a Context<'_>) -> impl Iterator<Item = &'a str> {
    context.lost_packages().flat_map(|directory| {
        context
            .scope
            .entries
            .range(directory.to_owned()..)
            .map(|(path, _)| path.as_str())
            .take_while(move |path| path.starts_with(directory))
    })
}

/// The directory that is no package, and the finding.
fn judge(context: &Context<'_>, path: &str) -> Option<(String, Finding)> {
    let runner = context.runners.of(path);
    let Runner::Django { top, is_custom } = &runner else {
        // pytest enters every directory.
        return None;
    };
    if !context.is_judged(path) || !context.patterns_for(&runner).finds(path) {
        return None;
    }
    let missing = no_packages(context, path, top).last()?.to_owned();
    let lost = context.is_gone(&join(&missing, "__init__.py"));
    let at = match context.scope.tree.get(path) {
        Some(bytes) => {
            let content = Content::new(bytes)?;
            let lines = Lines::new(bytes);
            let line = |offset: u32| lines.position(bytes, offset).0;
            let change = context.scope.change(path);
            let all = lost || context.is_new(path);
            let test = content.for_unittest().into_iter().find(|test| {
                let touched = change
                    .is_some_and(|change| change.lines.touches(line(test.from), line(test.to)));
                all || touched
            })?;
            place(path, lines.position(bytes, test.from))
        }
        // Its name says that it is a test file, and its directory was a package.
        None if lost => Location {
            path: path.to_owned(),
            line: None,
            column: None,
        },
        None => return None,
    };
    let finding = Finding {
        severity: if *is_custom {
            Severity::Warning
        } else {
            RULE.severity
        },
        ..finding(
            &RULE,
            Some(at),
            format!("tests in {path} never run: {missing}/ has no `__init__.py`"),
            "Django's runner only enters packages: the build is green although these tests never run",
            format!("add an empty `{}`", join(&missing, "__init__.py")),
        )
    };
    Some((missing, finding))
}

/// The directories above a file that are no packages, the nearest first.
fn no_packages<'p>(
    context: &'p Context<'_>,
    path: &'p str,
    top: &'p str,
) -> impl Iterator<Item = &'p str> {
    ancestors(parent(path))
        .take_while(move |directory| *directory != top && !directory.is_empty())
        .filter(|directory| !context.exists(&join(directory, "__init__.py")))
}

/// One proposal for each finding of this rule.
pub(super) fn fixes(context: &Context<'_>, findings: &[Finding]) -> Vec<Proposal> {
    let own = (findings.iter().enumerate()).filter(|(_, finding)| finding.rule == RULE.id);
    own.filter_map(|(index, finding)| {
        let path = finding.location.as_ref()?.path.as_str();
        Some(Proposal {
            findings: vec![index],
            answer: answer(context, path)?,
        })
    })
    .collect()
}

/// What to do about a file that is not found.
fn answer(context: &Context<'_>, path: &str) -> Option<Answer> {
    let Runner::Django { top, .. } = context.runners.of(path) else {
        return None;
    };
    let outermost = no_packages(context, path, &top).last()?.to_owned();
    if context.is_gone(&join(&outermost, "__init__.py")) {
        return Some(Answer::No {
            why: format!(
                "{outermost}/__init__.py was deleted by this change, and only you know what it held"
            ),
        });
    }
    // Inside of a package a new one hides nothing. At the top it may be found instead of an installed one.
    let is_inside = context.exists(&join(parent(&outermost), "__init__.py"));
    if !is_inside && base_name(&outermost) != "tests" {
        return Some(Answer::No {
            why: format!("the package {outermost} could hide an installed one of that name"),
        });
    }
    let created: Vec<String> = (below(context, &outermost, &top).into_iter())
        .map(|directory| join(&directory, "__init__.py"))
        .collect();
    Some(Answer::Fix {
        what: format!("adds an empty {}", created.join(" and ")),
        fixes: (created.into_iter())
            .map(|path| Fix::Create {
                path,
                content: Vec::new(),
            })
            .collect(),
    })
}

/// The directory, and those below it that are no packages and hold test files.
fn below(context: &Context<'_>, directory: &str, top: &str) -> BTreeSet<String> {
    let inside = format!("{directory}/");
    let paths = context.scope.entries.range(inside.clone()..);
    let tests = paths
        .map(|(path, _)| path.as_str())
        .take_while(|path| path.starts_with(&inside))
        .filter(|path| {
            let runner = context.runners.of(path);
            context.is_judged(path) && context.patterns_for(&runner).finds(path)
        });
    let directories = tests.flat_map(|path| no_packages(context, path, top));
    directories.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{CASE, changed, found, new};
    use super::super::{Settings, check, fixes};
    use crate::fix::{Answer, Fix, Proposal, outcome};
    use crate::{ChangeKind, Scope};

    #[test]
    fn every_directory_has_to_be_a_package() {
        let files = [
            ("manage.py", ""),
            ("shop/__init__.py", ""),
            ("shop/tests/test_a.py", CASE),
            ("shop/tests/test_b.py", CASE),
            ("shop/tests/unit/__init__.py", ""),
            ("shop/tests/unit/test_c.py", CASE),
            ("test_top.py", CASE),
        ];
        assert_eq!(
            found(&new(&files)),
            ["shop/tests/test_a.py:4:7 missing-test-package"]
        );
    }

    #[test]
    fn the_directory_of_manage_py_need_not_be_one() {
        let files = [
            ("src/manage.py", ""),
            ("src/test_a.py", CASE),
            ("src/shop/__init__.py", ""),
            ("src/shop/test_b.py", CASE),
        ];
        assert_eq!(found(&new(&files)), [""; 0]);
    }

    #[test]
    fn pytest_enters_every_directory() {
        let files = [
            ("manage.py", ""),
            ("pytest.ini", ""),
            ("shop/tests/test_a.py", CASE),
        ];
        assert_eq!(found(&new(&files)), [""; 0]);
    }

    #[test]
    fn a_deleted_package_loses_old_tests() {
        let files = [("manage.py", ""), ("shop/test_a.py", CASE)];
        let deleted = changed(&files, "shop/__init__.py", ChangeKind::Deleted, &[]);
        assert_eq!(found(&deleted), ["shop/test_a.py:4:7 missing-test-package"]);
        let mut unread = deleted;
        unread.tree.remove("shop/test_a.py");
        assert_eq!(found(&unread), ["shop/test_a.py missing-test-package"]);
        let other = changed(&files, "shop/views.py", ChangeKind::Deleted, &[]);
        assert_eq!(found(&other), [""; 0]);
    }

    #[test]
    fn old_lines_are_left() {
        let files = [("manage.py", ""), ("shop/test_a.py", CASE)];
        let judged = |lines: &[(u32, u32)]| {
            found(&changed(
                &files,
                "shop/test_a.py",
                ChangeKind::Modified,
                lines,
            ))
            .len()
        };
        assert_eq!((judged(&[(1, 1)]), judged(&[(5, 5)])), (0, 1));
    }

    /// What is proposed for the scope, and what is found when that is done.
    fn fixed(scope: &Scope) -> (Vec<Proposal>, Vec<String>) {
        let settings = Settings::default();
        let proposals = fixes(scope, &settings, &check(scope, &settings));
        let steps: Vec<Fix> = proposals
            .iter()
            .flat_map(Proposal::fixes)
            .cloned()
            .collect();
        let mut tree = scope.tree.clone();
        for change in outcome(scope, &steps).unwrap() {
            tree.insert(change.path, change.after.unwrap().content);
        }
        (proposals, found(&Scope::all(tree)))
    }

    #[test]
    fn a_package_is_made_where_it_hides_nothing() {
        let scope = new(&[
            ("manage.py", ""),
            ("shop/__init__.py", ""),
            ("shop/tests/test_a.py", CASE),
            ("shop/tests/unit/test_b.py", CASE),
            ("shop/tests/data/readme.txt", ""),
            ("tests/test_c.py", CASE),
        ]);
        let (proposals, left) = fixed(&scope);
        assert_eq!(left, [""; 0]);
        let created: Vec<_> = proposals.iter().flat_map(Proposal::fixes).collect();
        let create = |path: &str| Fix::Create {
            path: path.to_owned(),
            content: Vec::new(),
        };
        assert_eq!(
            created,
            [
                &create("shop/tests/__init__.py"),
                &create("shop/tests/unit/__init__.py"),
                &create("tests/__init__.py"),
            ]
        );
    }

    #[test]
    fn a_package_that_may_hide_another_is_for_a_person() {
        let scope = new(&[("manage.py", ""), ("redis/test_a.py", CASE)]);
        let (proposals, left) = fixed(&scope);
        assert_eq!(left.len(), 1);
        let Answer::No { why } = &proposals[0].answer else {
            panic!("{proposals:?}")
        };
        assert!(why.contains("hide an installed one"), "{why}");
    }

    #[test]
    fn what_was_deleted_is_not_made_up() {
        let files = [
            ("manage.py", ""),
            ("shop/__init__.py", ""),
            ("shop/tests/test_a.py", CASE),
        ];
        let path = "shop/tests/__init__.py";
        let (proposals, _) = fixed(&changed(&files, path, ChangeKind::Deleted, &[]));
        assert!(matches!(&proposals[0].answer, Answer::No { why } if why.contains("was deleted")));
    }
}
