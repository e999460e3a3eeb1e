//! `undiscovered-test`: tests in a file whose name or place discovery passes over.

use super::content::{Content, Test};
use super::pytest::Pytest;
use super::runner::Runner;
use super::{Context, has_new_path};
use crate::paths::{base_name, join, parent};
use crate::python::Lines;
use crate::report::{finding, listed, place};
use crate::{Change, ChangedLines, Group, Rule};
use beanpole_model::{Finding, Location, Severity};

pub(super) const RULE: Rule = Rule {
    id: "undiscovered-test",
    group: Group::TestNames,
    severity: Severity::Error,
    summary: "tests in a file that discovery passes over",
};

/// Modules whose tests are inherited or imported by others, by their names.
const HELPERS: [&str; 12] = [
    "abstract",
    "base",
    "cases",
    "common",
    "conftest",
    "helper",
    "helpers",
    "mixin",
    "mixins",
    "testcases",
    "util",
    "utils",
];

const REASON: &str =
    "the build is green although these tests never run: what they should catch reaches production";

pub(super) fn check(context: &Context<'_>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = context
        .scope
        .changed_files()
        .filter_map(|(change, bytes)| {
            let all = has_new_path(change);
            judge(context, &change.path, bytes, |from, to| {
                all || change.lines.touches(from, to)
            })
        })
        .collect();
    // Other settings can lose files that did not change, as far as their contents were read.
    for config in context
        .scope
        .changes
        .iter()
        .filter(|change| is_config_of_pytest(change))
    {
        let directory = parent(&config.path);
        let may_be_lost = |path: &str| {
            (directory.is_empty() || path.starts_with(&format!("{directory}/")))
                && context.scope.change(path).is_none()
                && passed_over(context, path).is_some()
        };
        for (path, bytes) in context.scope.tree.contents(may_be_lost) {
            findings.extend(judge(context, path, bytes, |_, _| true));
        }
    }
    findings
}

/// When all files are judged, each is judged by itself already.
fn is_config_of_pytest(change: &Change) -> bool {
    super::pytest::is_config(&change.path)
        && (change.lines != ChangedLines::All || !change.is_there())
}

fn judge(
    context: &Context<'_>,
    path: &str,
    bytes: &[u8],
    touched: impl Fn(u32, u32) -> bool,
) -> Option<Finding> {
    let (runner, missed) = passed_over(context, path)?;
    if runs_itself(bytes) {
        return None;
    }
    let content = Content::new(bytes)?;
    let tests: Vec<&Test> = match &runner {
        Runner::Pytest(pytest) => content.for_pytest(path, pytest),
        Runner::Django { .. } => content.for_unittest(),
        Runner::Unknown => content.for_pytest(path, &Pytest::default_in("")),
    };
    let lines = Lines::new(bytes);
    let line = |offset: u32| lines.position(bytes, offset).0;
    let test = tests
        .into_iter()
        .find(|test| touched(line(test.from), line(test.to)))?;
    let at = place(path, lines.position(bytes, test.from));
    Some(found(at, test, missed, &runner))
}

/// `if __name__ == "__main__":`: the file is a program of its own, and whoever calls it needs no discovery.
fn runs_itself(bytes: &[u8]) -> bool {
    bytes.split(|byte| *byte == b'\n').any(|line| {
        line.starts_with(b"if __name__") && memchr::memmem::find(line, b"__main__").is_some()
    })
}

/// Why discovery does not look into the file.
enum Missed {
    /// The name fits none of these patterns.
    Name(Vec<String>),
    /// unittest imports by names, and this is none.
    NoModule,
    /// It lies outside of these directories.
    Place(Vec<String>),
    /// This setting tells pytest to pass it over.
    LeftOut(String),
}

/// Who would run the tests of a file, and why discovery passes it over: its path alone says so.
fn passed_over<'c>(context: &'c Context<'_>, path: &str) -> Option<(Runner<'c>, Missed)> {
    let stem = base_name(path).strip_suffix(".py")?;
    if !context.is_judged(path) || HELPERS.contains(&stem) {
        return None;
    }
    let runner = context.runners.of(path);
    let missed = missed(context, path, &runner)?;
    Some((runner, missed))
}

fn missed(context: &Context<'_>, path: &str, runner: &Runner<'_>) -> Option<Missed> {
    let patterns = context.patterns_for(runner);
    if !patterns.finds(path) {
        return Some(Missed::Name(patterns.written.clone()));
    }
    match runner {
        Runner::Pytest(pytest) if !pytest.looks_at(path) => {
            Some(Missed::Place(pytest.test_paths.clone()))
        }
        Runner::Pytest(pytest) => pytest.leaves_out(path).map(Missed::LeftOut),
        Runner::Django { .. } => (!is_module_name(path)).then_some(Missed::NoModule),
        Runner::Unknown => None,
    }
}

/// Whether unittest takes the name of a file for a module (`VALID_MODULE_NAME` of its `loader.py`).
fn is_module_name(path: &str) -> bool {
    let stem = base_name(path).strip_suffix(".py").unwrap_or_default();
    stem.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && stem
            .chars()
            .all(|letter| letter.is_alphanumeric() || letter == '_')
}

fn found(at: Location, test: &Test, missed: Missed, runner: &Runner<'_>) -> Finding {
    let path = at.path.clone();
    let name = &test.name;
    let rename = || {
        let new = join(parent(&path), &new_name(&path));
        format!("rename it: `git mv {path} {new}`")
    };
    // Who wrote that may have another call for these tests.
    let is_told = matches!(missed, Missed::LeftOut(_));
    let (message, remedy) = match missed {
        Missed::Name(patterns) => (
            format!(
                "`{name}` never runs: {path} is none of {}",
                quoted(&patterns)
            ),
            rename(),
        ),
        Missed::NoModule => (
            format!("`{name}` never runs: the name of {path} is no name of a module"),
            rename(),
        ),
        Missed::LeftOut(setting) => (
            format!("`{name}` does not run: pytest is told to pass {path} over by `{setting}`"),
            "move it to where pytest looks, or take the setting back".to_owned(),
        ),
        Missed::Place(paths) => (
            format!(
                "`{name}` never runs: {path} lies outside of the `testpaths` {}",
                quoted(&paths)
            ),
            "move it there, or add its directory to `testpaths`".to_owned(),
        ),
    };
    let is_certain = match runner {
        Runner::Pytest(_) => true,
        Runner::Django { is_custom, .. } => !is_custom,
        Runner::Unknown => false,
    };
    Finding {
        severity: if is_certain && !is_told {
            Severity::Error
        } else {
            Severity::Warning
        },
        ..finding(&RULE, Some(at), message, REASON, remedy)
    }
}

fn quoted(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    listed(&words)
}

/// A name that every runner finds.
fn new_name(path: &str) -> String {
    let stem = base_name(path).strip_suffix(".py").unwrap_or_default();
    let words: Vec<&str> = stem
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty() && !matches!(*word, "test" | "tests" | "init"))
        .collect();
    let owner = base_name(parent(path));
    match words.as_slice() {
        // `shop/tests.py` holds the tests of shop.
        [] if !owner.is_empty() && owner != "tests" => format!("test_{owner}.py"),
        [] => "test_all.py".to_owned(),
        words => format!("test_{}.py", words.join("_")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{CASE, changed, found, new};
    use super::super::{Settings, check};
    use super::new_name;
    use crate::ChangeKind;
    use beanpole_model::Severity;

    #[test]
    fn django_finds_names_that_begin_with_test() {
        let judged = |path: &str| {
            found(&new(&[
                ("manage.py", ""),
                ("shop/__init__.py", ""),
                ("shop/tests/__init__.py", ""),
                (path, CASE),
            ]))
        };
        assert_eq!(
            judged("shop/tests/basket.py"),
            ["shop/tests/basket.py:4:7 undiscovered-test"]
        );
        assert_eq!(judged("shop/basket_test.py").len(), 1);
        assert_eq!(judged("shop/tests/__init__.py").len(), 1);
        assert_eq!(judged("shop/tests/test_basket.py"), [""; 0]);
        assert_eq!(judged("shop/testing_it.py"), [""; 0]);
        assert_eq!(judged("shop/tests/helpers.py"), [""; 0]);
    }

    #[test]
    fn django_imports_only_names_of_modules() {
        let judged = |runner: &str, path: &str| found(&new(&[(runner, ""), (path, CASE)]));
        assert_eq!(
            judged("manage.py", "test-dash.py"),
            ["test-dash.py:4:7 undiscovered-test"]
        );
        assert_eq!(judged("manage.py", "test.basket.py").len(), 1);
        assert_eq!(judged("manage.py", "testé.py"), [""; 0]);
        let pytest = [("pytest.ini", ""), ("test_a-dash.py", CASE)];
        assert_eq!(found(&new(&pytest)), [""; 0]);
    }

    #[test]
    fn what_pytest_is_told_to_leave_out_is_a_warning() {
        for settings in ["norecursedirs = legacy", "addopts = -q --ignore legacy"] {
            let settings = format!("[pytest]\n{settings}\n");
            let files = [
                ("pytest.ini", settings.as_str()),
                ("test_a.py", CASE),
                ("legacy/test_b.py", CASE),
            ];
            let findings = check(&new(&files), &Settings::default());
            assert_eq!(findings.len(), 1, "{settings}");
            assert_eq!(findings[0].severity, Severity::Warning);
            assert!(findings[0].message.contains("legacy/test_b.py over by"));
        }
    }

    #[test]
    fn a_program_of_its_own_needs_no_discovery() {
        let judged = |end: &str| {
            let text = format!("{CASE}\n\n{end}\n");
            found(&new(&[
                ("manage.py", ""),
                ("browser/basket_test.py", &text),
            ]))
            .len()
        };
        assert_eq!(judged("if __name__ == '__main__':\n    unittest.main()"), 0);
        assert_eq!(judged("# if __name__ == '__main__':"), 1);
    }

    #[test]
    fn pytest_misses_what_django_calls_tests() {
        let files = [("pytest.ini", ""), ("shop/tests.py", CASE)];
        let findings = check(&new(&files), &Settings::default());
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].severity, Severity::Error);
        assert!(findings[0].message.contains("`test_*.py` and `*_test.py`"));
        assert_eq!(
            findings[0].remedy.as_deref(),
            Some("rename it: `git mv shop/tests.py shop/test_shop.py`")
        );
        let told = [
            ("pytest.ini", "[pytest]\npython_files = tests.py\n"),
            ("shop/tests.py", CASE),
        ];
        assert_eq!(found(&new(&told)), [""; 0]);
    }

    #[test]
    fn files_outside_of_the_test_paths_are_said() {
        let files = [
            (
                "pyproject.toml",
                "[tool.pytest.ini_options]\ntestpaths = ['tests']\n",
            ),
            ("tests/test_a.py", CASE),
            ("shop/test_b.py", CASE),
        ];
        assert_eq!(
            found(&new(&files)),
            ["shop/test_b.py:4:7 undiscovered-test"]
        );
    }

    #[test]
    fn without_a_runner_it_is_a_warning() {
        let findings = check(&new(&[("shop/checks.py", CASE)]), &Settings::default());
        assert_eq!(findings[0].severity, Severity::Warning);
        assert_eq!(found(&new(&[("shop/basket_test.py", CASE)])), [""; 0]);
    }

    #[test]
    fn only_new_names_and_new_tests_are_judged() {
        let files = [("pytest.ini", ""), ("shop/tests.py", CASE)];
        let judged = |kind, lines: &[(u32, u32)]| {
            found(&changed(&files, "shop/tests.py", kind, lines)).len()
        };
        assert_eq!(judged(ChangeKind::Modified, &[(1, 1)]), 0);
        assert_eq!(judged(ChangeKind::Modified, &[(5, 5)]), 1);
        let from = "shop/test_a.py".to_owned();
        assert_eq!(judged(ChangeKind::Renamed { from }, &[]), 1);
    }

    #[test]
    fn new_settings_lose_old_files() {
        let files = [("pytest.ini", "[pytest]\n"), ("shop/tests.py", CASE)];
        let scope = changed(&files, "pytest.ini", ChangeKind::Modified, &[(1, 1)]);
        assert_eq!(found(&scope), ["shop/tests.py:4:7 undiscovered-test"]);
    }

    #[test]
    fn patterns_of_the_check_win() {
        let settings = Settings {
            patterns: vec!["*_spec.py".to_owned()],
            ..Settings::default()
        };
        let scope = new(&[("a_spec.py", CASE), ("test_b.py", CASE)]);
        let findings = check(&scope, &settings);
        assert_eq!(findings.len(), 1);
        assert!(findings[0].message.contains("test_b.py"));
    }

    #[test]
    fn names_are_proposed() {
        for (path, name) in [
            ("shop/tests.py", "test_shop.py"),
            ("shop/tests/basket.py", "test_basket.py"),
            ("shop/basket_tests.py", "test_basket.py"),
            ("shop/tests/__init__.py", "test_all.py"),
            ("tests.py", "test_all.py"),
            ("shop/tests/test-basket.total.py", "test_basket_total.py"),
        ] {
            assert_eq!(new_name(path), name, "{path}");
        }
    }
}
