//! One run of coverage.py 7.17.3 (`coverage run --branch --source=. run.py`) in all three reports that it writes. It said itself:
//! 58 statements, 43 of them missed, 18 branches, 23.684211 %. The data are in `tests/data/coverage`.

use super::{CoverageInput, Numbers, Settings, numbers, store};
use crate::{Scope, SourceTree};

const REPORTS: [(&str, &[u8]); 3] = [
    (
        "coverage.json",
        include_bytes!("../../tests/data/coverage/coverage.json"),
    ),
    (
        "coverage.xml",
        include_bytes!("../../tests/data/coverage/coverage.xml"),
    ),
    (
        "coverage.lcov",
        include_bytes!("../../tests/data/coverage/coverage.lcov"),
    ),
];

/// The project, as it lies in a directory of a larger repository.
fn project(directory: &str) -> Scope {
    let tree: SourceTree = [
        ("run.py", ""),
        ("shop/__init__.py", ""),
        ("shop/a.py", ""),
        ("shop/never.py", ""),
    ]
    .into_iter()
    .map(|(path, text)| (format!("{directory}{path}"), text))
    .collect();
    Scope::all(tree)
}

fn figures(names: &[&str], scope: &Scope) -> Numbers {
    let reports = REPORTS
        .into_iter()
        .filter(|(name, _)| names.contains(name))
        .map(|(name, bytes)| (name.to_owned(), bytes.to_vec()))
        .collect();
    let input = CoverageInput {
        reports,
        base: None,
    };
    numbers(&input, scope, &Settings::default())
}

#[test]
fn every_report_gives_the_figure_that_coverage_py_shows() {
    for name in ["coverage.json", "coverage.xml", "coverage.lcov"] {
        let total = figures(&[name], &project("")).total.unwrap();
        assert_eq!(
            (total.statements, total.covered, total.branches),
            (58, 15, 18),
            "{name}"
        );
        assert_eq!(format!("{:.6}", total.percent()), "23.684211", "{name}");
    }
}

#[test]
fn the_same_run_twice_is_the_same_run() {
    for directory in ["", "backend/"] {
        let total = figures(
            &["coverage.json", "coverage.xml", "coverage.lcov"],
            &project(directory),
        )
        .total
        .unwrap();
        assert_eq!((total.statements, total.covered), (58, 15), "{directory}");
    }
}

#[test]
fn stored_figures_are_read_again() {
    let reports = vec![("coverage.json".to_owned(), REPORTS[0].1.to_vec())];
    let stored = store(&reports, &project("backend/"), &Settings::default()).unwrap();
    assert_eq!(stored.files["backend/shop/a.py"].statements, 27);
    let text = serde_json::to_string(&stored).unwrap();
    assert!(text.len() < 600, "{text}");
    assert_eq!(
        serde_json::from_str::<super::StoredCoverage>(&text).unwrap(),
        stored
    );
}

#[test]
fn what_cannot_be_read_is_not_stored() {
    let broken = vec![("a.xml".to_owned(), b"<coverage>".to_vec())];
    let findings = store(&broken, &project(""), &Settings::default()).unwrap_err();
    assert_eq!(findings[0].rule, "coverage-not-judged");
}

#[test]
fn settings_are_strict() {
    let read = serde_json::from_str::<Settings>;
    let settings = read(r#"{"minimum-changed-lines": 5, "source-paths": {"/app/": ""}}"#).unwrap();
    assert_eq!(settings.minimum_changed_lines, 5);
    assert!(settings.never_lower, "the others keep their defaults");
    assert!(read(r#"{"minimum_changed_lines": 5}"#).is_err());
}
