//! `shadowed-tests`: `tests.py` beside a package `tests/`.

use super::Context;
use crate::paths::base_name;
use crate::report::{finding, place};
use crate::{Group, Rule};
use beanpole_model::{Finding, Severity};
use std::collections::BTreeSet;

pub(super) const RULE: Rule = Rule {
    id: "shadowed-tests",
    group: Group::TestNames,
    severity: Severity::Error,
    summary: "a test module and a package of the same name",
};

const PACKAGE: &str = "/__init__.py";

pub(super) fn check(context: &Context<'_>) -> Vec<Finding> {
    // Either half may be the new one.
    let modules: BTreeSet<String> = context
        .scope
        .changes
        .iter()
        .filter(|change| super::has_new_path(change))
        .filter_map(|change| {
            let path = change.path.as_str();
            let stem = path
                .strip_suffix(PACKAGE)
                .or_else(|| path.strip_suffix(".py"))?;
            base_name(stem).starts_with("test").then(|| stem.to_owned())
        })
        .collect();
    modules
        .iter()
        .filter_map(|stem| {
            let module = format!("{stem}.py");
            let is_shadowed = context.is_judged(&module)
                && context.exists(&module)
                && context.exists(&format!("{stem}{PACKAGE}"));
            is_shadowed.then(|| found(&module, stem))
        })
        .collect()
}

fn found(module: &str, stem: &str) -> Finding {
    finding(
        &RULE,
        Some(place(module, (1, 1))),
        format!("{module} is hidden by the package {stem}/"),
        "Python imports the package when a module has the same name: the tests of the module never run, or the runner stops",
        format!("move its tests into the package: `git mv {module} {stem}/test_more.py`"),
    )
}

#[cfg(test)]
mod tests {
    use super::super::testing::{changed, found, new};
    use crate::ChangeKind;

    const BOTH: [(&str, &str); 2] = [("shop/tests.py", ""), ("shop/tests/__init__.py", "")];

    #[test]
    fn module_and_package_of_one_name_are_said() {
        assert_eq!(found(&new(&BOTH)), ["shop/tests.py:1:1 shadowed-tests"]);
        for path in ["shop/tests.py", "shop/tests/__init__.py"] {
            assert_eq!(
                found(&changed(&BOTH, path, ChangeKind::Added, &[(1, 1)])).len(),
                1
            );
            assert_eq!(
                found(&changed(&BOTH, path, ChangeKind::Modified, &[(1, 1)])).len(),
                0
            );
        }
    }

    #[test]
    fn a_directory_alone_hides_nothing() {
        assert_eq!(
            found(&new(&[("shop/tests.py", ""), ("shop/tests/data.json", "")])),
            [""; 0]
        );
        assert_eq!(
            found(&new(&[
                ("shop/views.py", ""),
                ("shop/views/__init__.py", "")
            ])),
            [""; 0]
        );
    }
}
