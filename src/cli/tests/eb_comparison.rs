//! The same trouble for `eb` and for us: the table in docs/eb-comparison.md must not rot.
//!
//! `scripts/compare-eb` gives each scenario to both clients, each in an embedded AWS of its own, and
//! asks afterwards what is true. Here it is run for the scenarios that are over soon, and its outcome
//! is compared with what is expected and with what the page says.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of a test fail the test"
)]

use std::process::Command;

use beanpole_testkit::{services_required, virtual_environment};

/// A scenario, and for `eb` and for us: the exit status, and whether it is the right one. Exit 0 is
/// right if and only if the new version runs everywhere and is well.
struct Expected {
    scenario: &'static str,
    eb: (&'static str, bool),
    beanpole: &'static str,
}

/// Runs the scenario with both clients.
#[track_caller]
fn compare(expected: &Expected) {
    if !services_required() {
        return;
    }
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let output = Command::new(virtual_environment().join("bin/python3"))
        .arg(format!("{root}/scripts/compare-eb"))
        .args(["--json", "--only", expected.scenario])
        .arg(env!("CARGO_BIN_EXE_beanpole"))
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let rows: Vec<serde_json::Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let [eb, ours] = rows.as_slice() else {
        panic!("not two rows: {rows:#?}");
    };
    let found = (
        eb["exit"].as_str().unwrap(),
        eb["honest"].as_bool().unwrap(),
    );
    assert_eq!(found, expected.eb, "{eb:#}");
    assert_eq!(ours["exit"], expected.beanpole, "{ours:#}");
    assert_eq!(ours["honest"], true, "{ours:#}");

    let page = fs_err::read_to_string(format!("{root}/docs/eb-comparison.md")).unwrap();
    let mut lines = page
        .lines()
        .skip_while(|line| !line.contains(eb["title"].as_str().unwrap()));
    for row in [eb, ours] {
        let line = lines.next().unwrap_or_default();
        let cells: Vec<&str> = line.split(" | ").map(str::trim).collect();
        let hint = "run `scripts/compare-eb --write`";
        assert_eq!(
            cells.get(2).copied(),
            row["exit"].as_str(),
            "{line}\n{hint}"
        );
        assert_eq!(
            cells.get(5).copied(),
            row["truth"].as_str(),
            "{line}\n{hint}"
        );
    }
}

macro_rules! scenarios {
    ($($test:ident: $scenario:literal, eb $exit:literal $honest:literal, beanpole $ours:literal;)*) => {$(
        #[test]
        fn $test() {
            compare(&Expected { scenario: $scenario, eb: ($exit, $honest), beanpole: $ours });
        }
    )*};
}

scenarios! {
    all_is_well: "good", eb "0" true, beanpole "0";
    a_version_that_cannot_be_processed: "preprocessing", eb "0" false, beanpole "1";
    completed_but_red: "red", eb "0" false, beanpole "3";
    red_a_little_later: "red-later", eb "0" false, beanpole "3";
    completed_but_mixed: "mixed", eb "0" false, beanpole "3";
    a_failing_batch: "batch", eb "4" true, beanpole "3";
    someone_elses_change: "busy", eb "4" true, beanpole "0";
    a_fix_that_is_not_committed: "dirty", eb "0" false, beanpole "1";
}
