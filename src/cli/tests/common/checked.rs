//! Projects that `beanpole check` judges, and its answers.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::allow_attributes,
    reason = "each test file is a crate of its own and uses a part of this"
)]

use beanpole_testkit::Sandbox;

use super::Outcome;

/// A repository with one commit on `main`, on a branch of its own.
pub fn project(files: &[(&str, &str)]) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.git(&["init", "--quiet", "--initial-branch=main"]);
    sandbox.write("a.py", "x = 1\n");
    for (path, text) in files {
        sandbox.write(path, text);
    }
    sandbox.commit("feat: begin");
    sandbox.git(&["switch", "--quiet", "--create", "feat/more"]);
    sandbox
}

/// A manifest with these checks.
pub fn manifest(checks: &str) -> String {
    format!(
        "application: shop\nregion: eu-central-1\nprocesses:\n  web:\n    command: gunicorn shop.wsgi\n    port: 8000\n{checks}"
    )
}

/// The rules of the findings in a JSON answer.
pub fn rules(outcome: &Outcome) -> Vec<String> {
    let answer = outcome.json();
    let findings = answer.get("findings").and_then(|found| found.as_array());
    let findings = findings.cloned().unwrap_or_default();
    let rules = findings
        .iter()
        .filter_map(|finding| finding["rule"].as_str());
    rules.map(str::to_owned).collect()
}
