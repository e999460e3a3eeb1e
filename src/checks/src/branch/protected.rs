//! `protected-branch`: a commit is about to be made on a branch that only takes reviewed work.

use super::template::branch_patterns;
use super::{BranchState, Operation, Settings};
use crate::report::finding;
use crate::{Group, Rule};
use beanpole_model::{Finding, Severity};

pub(super) const RULE: Rule = Rule {
    id: "protected-branch",
    group: Group::Branch,
    severity: Severity::Error,
    summary: "a commit is made directly on a protected branch",
};

pub(super) fn check(branch: &str, state: &BranchState, settings: &Settings) -> Vec<Finding> {
    let (patterns, unreadable) = branch_patterns(&settings.protected);
    let mut findings: Vec<Finding> = unreadable
        .into_iter()
        .map(|pattern| {
            finding(
                &RULE,
                None,
                format!(
                    "`checks.branch.protected` holds `{pattern}`, which is no pattern for branches"
                ),
                "a pattern that cannot be read protects nothing",
                "correct `checks.branch.protected` in beanpole.yaml",
            )
        })
        .collect();
    let merges = state.operation == Operation::Merge && !settings.refuse_merges;
    let is_protected = patterns.iter().any(|pattern| pattern.matches(branch));
    if state.commits && is_protected && !merges {
        findings.push(finding(
            &RULE,
            None,
            format!("a commit directly on `{branch}`"),
            "work reaches a protected branch through a pull request, so that it is reviewed and tested first; the server \
             will refuse the push",
            "keep the work and move it to a branch: `git switch -c feat/<name>`",
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::Head;
    use super::*;

    fn found(branch: &str, operation: Operation, commits: bool, settings: &Settings) -> usize {
        let state = BranchState {
            head: Head::Branch(branch.to_owned()),
            operation,
            commits,
        };
        check(branch, &state, settings).len()
    }

    #[test]
    fn only_commits_on_protected_branches_are_refused() {
        let settings = Settings::default();
        assert_eq!(found("main", Operation::None, true, &settings), 1);
        assert_eq!(found("main", Operation::None, false, &settings), 0);
        assert_eq!(found("feat/main", Operation::None, true, &settings), 0);
        assert_eq!(found("maintenance", Operation::None, true, &settings), 0);
    }

    #[test]
    fn merges_are_refused_only_on_request() {
        let mut settings = Settings::default();
        assert_eq!(found("main", Operation::Merge, true, &settings), 0);
        assert_eq!(found("main", Operation::Revert, true, &settings), 1);
        settings.refuse_merges = true;
        assert_eq!(found("main", Operation::Merge, true, &settings), 1);
    }

    #[test]
    fn patterns_protect_families_of_branches() {
        let settings = Settings {
            protected: vec!["release/*".to_owned(), "[".to_owned()],
            ..Settings::default()
        };
        // The second finding says that `[` is no pattern.
        assert_eq!(found("release/1.2", Operation::None, true, &settings), 2);
        assert_eq!(found("main", Operation::None, true, &settings), 1);
    }
}
