//! `beanpole check coverage`: reports, coverage.py's database, figures, and the base they are held against.

mod common;

use common::checked::{manifest, project, rules};
use common::{Outcome, beanpole, run};

#[test]
fn coverage_is_judged_where_a_report_is_given() {
    let sandbox = project(&[]);
    sandbox.write(
        "beanpole.yaml",
        &manifest("checks:\n  coverage: {total: 80, reports: [coverage.json]}\n"),
    );
    run(&sandbox, &["check", "--all"])
        .exits(0)
        .says("1 not judged");
    sandbox.write(
        "coverage.json",
        r#"{"meta": {"format": 3}, "files": {"a.py": {"executed_lines": [], "missing_lines": [1], "excluded_lines": []}}, "totals": {}}"#,
    );
    let outcome = run(&sandbox, &["check", "--all", "--json"]).exits(1);
    assert_eq!(rules(&outcome), ["coverage-total"]);
    run(&sandbox, &["check", "--staged"]).exits(0);
    run(
        &sandbox,
        &[
            "check",
            "coverage",
            "--all",
            "--coverage-report",
            "coverage.json",
        ],
    )
    .exits(1);
}

#[test]
fn figures_of_coverage_are_shown_however_good_they_are() {
    let sandbox = project(&[]);
    let report = |covered: &[u32], missing: &[u32]| {
        format!(
            r#"{{"meta": {{"format": 3}}, "files": {{"a.py": {{"executed_lines": {covered:?}, "missing_lines": {missing:?}, "excluded_lines": []}}}}, "totals": {{}}}}"#
        )
    };
    sandbox.write("a.py", "x = 1\ny = 2\nz = 3\n");
    sandbox.write("coverage.json", &report(&[1, 2], &[3]));
    sandbox.write("base.json", &report(&[1], &[2, 3]));
    sandbox.commit("feat: three");
    sandbox.write("a.py", "x = 1\ny = 2\nz = 4\n");
    sandbox.git(&["add", "a.py"]);
    let command = ["check", "coverage", "--coverage-report", "coverage.json"];
    let with_base = [&command[..], &["--coverage-base", "base.json"]].concat();
    run(&sandbox, &with_base).says("coverage 66.7 % (0.0 % of what changed, the base 33.3 %)");
    let json = run(&sandbox, &[&with_base[..], &["--json"]].concat()).json();
    assert_eq!(json["coverage"]["covered"], 2);
    assert_eq!(json["coverage"]["changed"]["statements"], 1);
    assert_eq!(
        json["coverage"]["base_percent"].as_f64().map(f64::floor),
        Some(33.0)
    );
    let mut in_ci = beanpole(&sandbox, &with_base);
    in_ci.env("GITHUB_ACTIONS", "true");
    in_ci.env("GITHUB_STEP_SUMMARY", sandbox.home().join("summary"));
    in_ci.env("GITHUB_OUTPUT", sandbox.home().join("output"));
    Outcome::from(in_ci.output().unwrap()).says("coverage 66.7 %");
    let told = |name: &str| fs_err::read_to_string(sandbox.home().join(name)).unwrap();
    assert!(told("output").ends_with("coverage=66.7\n"));
    assert!(told("summary").contains("1 file staged, coverage 66.7 %"));
    let all = |report: &str, more: &[&str]| {
        let command = ["check", "coverage", "--all", "--coverage-report", report];
        run(&sandbox, &[&command[..], more].concat())
    };
    all("coverage.json", &["--write-coverage", "kept.json"]).exits(0);
    let against_kept = || all("base.json", &["--coverage-base", "kept.json", "--json"]).exits(1);
    assert_eq!(rules(&against_kept()), ["coverage-decrease"]);
    let several = [
        "--coverage-base",
        "kept.json",
        "--coverage-base",
        "base.json",
    ];
    let outcome = all("base.json", &several).exits(1);
    outcome.shows("kept.json holds the figures of a whole run");
    sandbox.replace("kept.json", "\"total\"", "\"whole\"");
    against_kept().shows("unknown field `whole`");
    sandbox.write("kept.json", r#"{"format": 2, "new": true}"#);
    against_kept().shows("it has the form 2, and this release reads form 1");
    // A figure that was not read is not shown, either.
    assert!(against_kept().json()["coverage"]["base_percent"].is_null());
    run(
        &sandbox,
        &[
            "check",
            "coverage",
            "--all",
            "--write-coverage",
            "none.json",
        ],
    )
    .exits(2)
    .says("no coverage was judged");
    sandbox.write("broken.xml", "<coverage>");
    let broken = all("broken.xml", &["--write-coverage", "none.json", "--json"]).exits(1);
    assert_eq!(rules(&broken), ["coverage-not-judged"]);
    assert!(!sandbox.project().join("none.json").exists());
    // The other way round it has fallen.
    let fallen = all("base.json", &["--coverage-base", "coverage.json", "--json"]).exits(1);
    assert_eq!(rules(&fallen), ["coverage-decrease"]);
    run(
        &sandbox,
        &[&command[..], &["--coverage-base", "gone.json"]].concat(),
    )
    .exits(2)
    .says("gone.json");
}

/// 66 statements, 34 of them missed, as coverage.py says of the same run.
#[test]
fn the_database_of_coverage_is_judged_by_the_staged_files() {
    let data =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../checks/tests/data/coverage");
    let sandbox = project(&[("shop/__init__.py", "")]);
    for (path, from) in [
        ("run.py", "database/run.py.txt"),
        ("shop/a.py", "database/a.py.txt"),
        ("shop/never.py", "never.py.txt"),
        (".coverage", "database/lines.sqlite3"),
    ] {
        std::fs::copy(data.join(from), sandbox.project().join(path)).unwrap();
    }
    sandbox.git(&["add", "run.py", "shop"]);
    // What is judged is what is staged, not what is on disk.
    sandbox.write("shop/a.py", "x = 1\n");
    let command = [
        "check",
        "coverage",
        "--all",
        "--coverage-report",
        ".coverage",
    ];
    run(&sandbox, &command).exits(0);
    sandbox.write(
        "beanpole.yaml",
        &manifest("checks:\n  coverage: {total: 49, reports: [.coverage]}\n"),
    );
    let outcome = run(&sandbox, &command).exits(1);
    assert!(outcome.stdout.contains("48 %"), "{}", outcome.stdout);
    // With these settings coverage.py counts 21 statements in shop/a.py, 3 of them missed, and 3 in run.py.
    let settings = "[report]\nomit = shop/never.py\nexclude_also =\n    def total\n    if express:\n    except Zero\n";
    sandbox.write(".coveragerc", settings);
    sandbox.git(&["add", ".coveragerc"]);
    run(&sandbox, &command).exits(0).says("coverage 87.5 %");
    // What they leave out is not missed where it is new.
    let staged = ["check", "coverage", "--coverage-report", ".coverage"];
    let outcome = run(&sandbox, &[&staged[..], &["--json"]].concat());
    assert!(!rules(&outcome).contains(&"coverage-missing-file".to_owned()));
    sandbox.write(
        ".coveragerc",
        &format!("{settings}    (?<!self.)return function\n"),
    );
    sandbox.git(&["add", ".coveragerc"]);
    let outcome = run(&sandbox, &command).exits(0).says("coverage 87.5 %");
    outcome.shows("look-around");
    sandbox.replace(".coveragerc", "shop/never.py", "*.py");
    sandbox.git(&["add", ".coveragerc"]);
    let outcome = run(&sandbox, &command).exits(1);
    outcome.shows("knows of the project, such as run.py");
    // Settings beside the database come first.
    sandbox.write(
        "shop/.coveragerc",
        &settings.replace("shop/never.py", "never.py"),
    );
    sandbox.git(&["add", "shop/.coveragerc"]);
    let place = sandbox.project();
    std::fs::copy(place.join(".coverage"), place.join("shop/.coverage")).unwrap();
    let beside = command.map(|word| word.replace(".coverage", "shop/.coverage"));
    let beside: Vec<&str> = beside.iter().map(String::as_str).collect();
    run(&sandbox, &beside).exits(0).says("coverage 87.5 %");
}

#[test]
fn a_report_of_the_manifest_that_is_missing_is_said() {
    let sandbox = project(&[]);
    let report = r#"{"meta": {"format": 3}, "files": {"a.py": {"executed_lines": [1], "missing_lines": [], "excluded_lines": []}}, "totals": {}}"#;
    sandbox.write("one.json", report);
    sandbox.write(
        "beanpole.yaml",
        &manifest(
            "checks:\n  coverage: {reports: [one.json, two.json], base_reports: [nobase.json]}\n",
        ),
    );
    run(&sandbox, &["check", "coverage", "--all"])
        .exits(0)
        .says("2 not judged")
        .shows("coverage: two.json is not there, so the coverage was judged without it")
        .shows("coverage: nobase.json is not there, so nothing was compared with the base");
    let named = ["check", "coverage", "--all", "--coverage-base", "one.json"];
    run(&sandbox, &named).exits(0).says("1 not judged");
}
