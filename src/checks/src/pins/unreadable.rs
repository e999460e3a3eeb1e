//! `unreadable-requirement`: a line that pip refuses, or a file of packages that its tool cannot read.

use super::Context;
use super::source::{Fault, Source, is_touched};
use crate::report::finding;
use crate::{Group, Rule};
use beanpole_model::{Finding, Severity};

pub(super) const RULE: Rule = Rule {
    id: "unreadable-requirement",
    group: Group::Pins,
    severity: Severity::Error,
    summary: "a requirement or a file of packages that cannot be read",
};

pub(super) fn check(context: &Context<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in context.graph.files.values() {
        for fault in &file.faults {
            if context.graph.is_touched(file, fault.at, fault.at) {
                findings.push(found(&file.source, fault));
            }
        }
    }
    let declared = context
        .declared
        .iter()
        .map(|file| (&file.source, &file.faults));
    let locks = context
        .locks
        .iter()
        .map(|file| (&file.source, &file.faults));
    for (source, faults) in declared.chain(locks) {
        for fault in faults {
            // A fault of a structured file may show far below the line that made it.
            if is_touched(context.scope, source.path) {
                findings.push(found(source, fault));
            }
        }
    }
    findings
}

fn found(source: &Source<'_>, fault: &Fault) -> Finding {
    finding(
        &RULE,
        Some(source.place(fault.at)),
        fault.why.clone(),
        "the installation stops at it, or the package is left out without a word",
        "write `name==version`, an address, a path, or an option that pip knows",
    )
}

#[cfg(test)]
mod tests {
    use super::super::testing::{changed, found, new};

    #[test]
    fn every_bad_line_is_said() {
        assert_eq!(
            found(&new(&[("requirements.txt", "a=1\nb==2\n--what\n")])),
            [
                "requirements.txt:1:2 unreadable-requirement",
                "requirements.txt:3:1 unreadable-requirement"
            ]
        );
        assert_eq!(
            found(&new(&[
                ("pyproject.toml", "[project\n"),
                ("uv.lock", "=\n")
            ])),
            [
                "pyproject.toml:1:9 unreadable-requirement",
                "uv.lock:1:1 unreadable-requirement"
            ]
        );
    }

    #[test]
    fn old_faults_are_left() {
        let files = [("requirements.txt", "a=1\nb==2\n")];
        assert_eq!(
            found(&changed(&files, "requirements.txt", &[(2, 2)])),
            [""; 0]
        );
    }

    #[test]
    fn a_file_that_is_no_text_is_said() {
        let tree = [("requirements.txt", b"\xff\xfea\0".to_vec())]
            .into_iter()
            .collect();
        assert_eq!(
            found(&crate::Scope::all(tree)),
            ["requirements.txt:1:1 unreadable-requirement"]
        );
    }
}
