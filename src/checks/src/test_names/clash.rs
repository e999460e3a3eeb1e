//! `clashing-test-modules`: two test files that pytest imports under one name.

use super::Context;
use super::runner::Runner;
use crate::paths::{ancestors, base_name, join, parent};
use crate::report::{finding, place};
use crate::{Group, Rule};
use beanpole_model::{Finding, Severity};
use std::collections::{BTreeMap, BTreeSet};

pub(super) const RULE: Rule = Rule {
    id: "clashing-test-modules",
    group: Group::TestNames,
    severity: Severity::Error,
    summary: "two test files that pytest imports under one name",
};

pub(super) fn check(context: &Context<'_>) -> Vec<Finding> {
    let names = touched_names(context);
    if names.is_empty() {
        return Vec::new();
    }
    modules(context, &names)
        .into_values()
        .flat_map(|paths| clashes(context, &paths))
        .collect()
}

/// The file names that may clash anew: of files that came or moved, and of those in a directory that lost its
/// `__init__.py`. Only files of these names are looked at, since projects have many.
fn touched_names<'a>(context: &'a Context<'_>) -> BTreeSet<&'a str> {
    let scope = context.scope;
    let new = scope
        .changes
        .iter()
        .filter(|change| super::has_new_path(change) && change.path.ends_with(".py"))
        .map(|change| change.path.as_str());
    let orphans = context.lost_packages().flat_map(|directory| {
        scope
            .entries
            .range(directory.to_owned()..)
            .map(|(path, _)| path.as_str())
            .take_while(move |path| path.starts_with(directory))
            .filter(|path| path.ends_with(".py"))
    });
    new.chain(orphans).map(base_name).collect()
}

/// The test files of these names by settings and module name.
fn modules<'a>(
    context: &'a Context<'_>,
    names: &BTreeSet<&str>,
) -> BTreeMap<(String, String), Vec<&'a str>> {
    let mut modules: BTreeMap<(String, String), Vec<&str>> = BTreeMap::new();
    let files = context
        .scope
        .entries
        .keys()
        .filter(|path| names.contains(base_name(path)) && context.is_judged(path));
    for path in files {
        let Runner::Pytest(pytest) = context.runners.of(path) else {
            continue;
        };
        let is_collected = pytest.python_files.finds(path)
            && pytest.looks_at(path)
            && pytest.leaves_out(path).is_none();
        // With `python_files = *.py` and no `testpaths`, nobody runs pytest on all there is: which files meet, nothing says.
        let is_chosen = !pytest.test_paths.is_empty() || !pytest.python_files.finds("module.py");
        if pytest.imports_by_path || !is_collected || !is_chosen {
            continue;
        }
        let key = (pytest.directory.clone(), module_name(context, path));
        modules.entry(key).or_default().push(path);
    }
    modules
}

/// The name under which pytest imports a file: from the first directory upwards that is no package.
fn module_name(context: &Context<'_>, path: &str) -> String {
    let top = ancestors(parent(path))
        .find(|directory| directory.is_empty() || !context.exists(&join(directory, "__init__.py")))
        .unwrap_or_default();
    let below = path
        .strip_prefix(top)
        .map_or(path, |rest| rest.trim_start_matches('/'));
    below.to_owned()
}

fn clashes(context: &Context<'_>, paths: &[&str]) -> Vec<Finding> {
    let is_touched = |path: &str| {
        // Without its __init__.py, an old file has another name.
        context.is_new(path) || context.lost_packages().any(|lost| path.starts_with(lost))
    };
    paths
        .iter()
        .enumerate()
        .filter(|(_, path)| is_touched(path))
        .filter_map(|(index, path)| {
            // Of two new files, the second is said.
            let (_, other) = paths
                .iter()
                .enumerate()
                .find(|(other, path)| *other < index || *other > index && !is_touched(path))?;
            Some(found(path, other))
        })
        .collect()
}

fn found(path: &str, other: &str) -> Finding {
    let name = base_name(path);
    finding(
        &RULE,
        Some(place(path, (1, 1))),
        format!("pytest imports {path} and {other} under one name"),
        "pytest stops with \"import file mismatch\" at the second file, and none of its tests run",
        format!(
            "add `__init__.py` to the directories of both, give `{name}` another name, or set `--import-mode=importlib` in `addopts`"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::super::testing::{changed, found, new};
    use crate::ChangeKind;

    #[test]
    fn one_name_in_two_directories_clashes() {
        let files = [("pytest.ini", ""), ("a/test_x.py", ""), ("b/test_x.py", "")];
        assert_eq!(
            found(&new(&files)),
            ["b/test_x.py:1:1 clashing-test-modules"]
        );
        assert_eq!(
            found(&changed(&files, "a/test_x.py", ChangeKind::Added, &[])),
            ["a/test_x.py:1:1 clashing-test-modules"]
        );
        assert_eq!(
            found(&changed(
                &files,
                "a/test_x.py",
                ChangeKind::Modified,
                &[(1, 1)]
            )),
            [""; 0]
        );
    }

    #[test]
    fn packages_give_names_of_their_own() {
        let files = [
            ("pytest.ini", ""),
            ("a/__init__.py", ""),
            ("a/test_x.py", ""),
            ("b/test_x.py", ""),
        ];
        assert_eq!(found(&new(&files)), [""; 0]);
        let gone = [("pytest.ini", ""), ("a/test_x.py", ""), ("b/test_x.py", "")];
        assert_eq!(
            found(&changed(&gone, "a/__init__.py", ChangeKind::Deleted, &[])),
            ["a/test_x.py:1:1 clashing-test-modules"]
        );
    }

    #[test]
    fn packages_of_one_name_clash_too() {
        let files = [
            ("pytest.ini", ""),
            ("a/tests/__init__.py", ""),
            ("a/tests/test_x.py", ""),
            ("b/tests/__init__.py", ""),
            ("b/tests/test_x.py", ""),
        ];
        assert_eq!(
            found(&new(&files)),
            ["b/tests/test_x.py:1:1 clashing-test-modules"]
        );
    }

    #[test]
    fn files_that_pytest_does_not_collect_together_know_no_clash() {
        let files = |settings: &'static str| {
            let files = [
                ("pytest.ini", settings),
                ("a/test_x.py", ""),
                ("b/test_x.py", ""),
            ];
            found(&new(&files))
        };
        let clash = ["b/test_x.py:1:1 clashing-test-modules"];
        assert_eq!(files("[pytest]\ntestpaths = a b\n"), clash);
        assert!(!files("[pytest]\ntestpaths = a\n").contains(&clash[0].to_owned()));
        assert_eq!(files("[pytest]\npython_files = *.py\n"), [""; 0]);
        assert_eq!(
            files("[pytest]\npython_files = *.py\ntestpaths = a b\n"),
            clash
        );
    }

    #[test]
    fn files_that_pytest_leaves_out_meet_nothing() {
        let files = |settings: &str| {
            found(&new(&[
                ("pytest.ini", settings),
                ("a/test_x.py", ""),
                ("b/test_x.py", ""),
            ]))
            .len()
        };
        assert_eq!(files("[pytest]\n"), 1);
        assert_eq!(files("[pytest]\nnorecursedirs = b\n"), 0);
        assert_eq!(files("[pytest]\naddopts = --ignore b\n"), 0);
    }

    #[test]
    fn other_import_modes_and_runners_know_no_clash() {
        let by_path = [
            (
                "pytest.ini",
                "[pytest]\naddopts = --import-mode=importlib\n",
            ),
            ("a/test_x.py", ""),
            ("b/test_x.py", ""),
        ];
        assert_eq!(found(&new(&by_path)), [""; 0]);
        assert_eq!(
            found(&new(&[
                ("manage.py", ""),
                ("a/test_x.py", ""),
                ("b/test_x.py", "")
            ])),
            [""; 0]
        );
    }
}
