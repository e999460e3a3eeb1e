//! One run of coverage.py 7.17.3 (`coverage run --branch --source=. run.py`) in all three reports that it writes. It said itself:
//! 58 statements, 43 of them missed, 18 branches, 23.684211 %. The data are in `tests/data/coverage`.

use super::merged::Merged;
use super::{CoverageInput, Numbers, Settings, StoredCoverage, StoredCoverageError, check, store};
use crate::{Scope, SourceTree};
use beanpole_model::Severity;

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

fn input(reports: Vec<(String, Vec<u8>)>) -> CoverageInput {
    CoverageInput {
        reports,
        ..CoverageInput::default()
    }
}

fn figures(names: &[&str], scope: &Scope) -> Numbers {
    let reports = REPORTS
        .into_iter()
        .filter(|(name, _)| names.contains(name))
        .map(|(name, bytes)| (name.to_owned(), bytes.to_vec()))
        .collect();
    check(&input(reports), scope, &Settings::default()).numbers
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

/// What `coverage run` left of another run of 7.17.3, without and with `--branch`, and what `coverage json` said of the first: 66
/// statements, 34 of them missed.
#[test]
fn the_database_gives_the_lines_of_the_report() {
    let data = |path: &str| {
        let place = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/coverage");
        fs_err::read(place.join(path)).unwrap()
    };
    let sources: SourceTree = [
        ("run.py", data("database/run.py.txt")),
        ("shop/__init__.py", Vec::new()),
        ("shop/a.py", data("database/a.py.txt")),
        ("shop/never.py", data("never.py.txt")),
    ]
    .into_iter()
    .collect();
    let scope = project("");
    let read = |name: &str| {
        let input = CoverageInput {
            reports: vec![(name.to_owned(), data(name))],
            sources: sources.clone(),
            ..CoverageInput::default()
        };
        let merged = Merged::new(&input, &scope, &Settings::default());
        assert_eq!((merged.read, merged.unknown.len()), (1, 0));
        merged
    };
    let expected = read("database/lines.json").files;
    assert_eq!(expected.len(), 4);
    for name in ["database/lines.sqlite3", "database/branches.sqlite3"] {
        assert_eq!(read(name).files, expected, "{name}");
    }
    let found = check(
        &CoverageInput {
            reports: vec![(".coverage".to_owned(), data("database/branches.sqlite3"))],
            ..CoverageInput::default()
        },
        &scope,
        &Settings::default(),
    );
    let said: Vec<_> = (found.findings.iter())
        .map(|finding| (finding.severity, finding.rule.as_str()))
        .collect();
    let note = (Severity::Note, "coverage-not-judged");
    assert!(said.contains(&note), "branches are not counted: {said:?}");
    // Without the files, nothing is known of them.
    let error = (Severity::Error, "coverage-not-judged");
    assert_eq!(said.iter().filter(|one| **one == error).count(), 4);
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
    let stored = store(&input(reports), &project("backend/"), &Settings::default()).unwrap();
    assert_eq!(stored.files["backend/shop/a.py"].statements, 27);
    let text = serde_json::to_string(&stored).unwrap();
    assert!(text.len() < 600, "{text}");
    let read = |text: &[u8]| StoredCoverage::read(text);
    assert_eq!(read(text.as_bytes()).unwrap().unwrap(), stored);
    assert!(REPORTS.iter().all(|(_, report)| read(report).is_none()));
    let error = |text: &[u8]| read(text).unwrap().unwrap_err();
    assert!(matches!(
        error(b"{\"format\": 9, \"x\": 1}"),
        StoredCoverageError::Form(9)
    ));
    assert!(matches!(
        error(b"{\"format\": 1, \"x\": 1}"),
        StoredCoverageError::Broken(_)
    ));
}

#[test]
fn what_cannot_be_read_is_not_stored() {
    let broken = vec![("a.xml".to_owned(), b"<coverage>".to_vec())];
    let findings = store(&input(broken), &project(""), &Settings::default()).unwrap_err();
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
