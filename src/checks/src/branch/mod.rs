//! The name of the branch, and branches on which nobody commits directly.
//!
//! A pure function of a [`BranchState`] that someone else has asked git for.

mod name;
mod protected;
mod settings;
mod template;

pub use settings::Settings;

use crate::Rule;
use beanpole_model::Finding;

/// The rules of this group.
pub const RULES: &[Rule] = &[name::RULE, protected::RULE];

/// What `HEAD` is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Head {
    /// A branch with commits: `main`, without `refs/heads/`.
    Branch(String),
    /// A branch that has no commit yet.
    Unborn(String),
    /// A commit, no branch.
    Detached,
}

/// What git is in the middle of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Operation {
    /// Nothing.
    #[default]
    None,
    /// `git merge` waits for its commit.
    Merge,
    /// `git rebase` or `git am`.
    Rebase,
    /// `git cherry-pick`.
    CherryPick,
    /// `git revert`.
    Revert,
    /// `git bisect`.
    Bisect,
}

/// The state of the repository that is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BranchState {
    /// Where `HEAD` points, or the branch that CI names.
    pub head: Head,
    /// What git is in the middle of.
    pub operation: Operation,
    /// Whether a commit is about to be made on this branch, as in the pre-commit hook. In CI: no.
    pub commits: bool,
}

/// Judges the branch. Findings have no location: a branch is not a file.
#[must_use]
pub fn check(state: &BranchState, settings: &Settings) -> Vec<Finding> {
    // Commits of a rebase and of a detached head belong to no branch yet; the name was judged when it was made.
    if matches!(state.operation, Operation::Rebase | Operation::Bisect) {
        return Vec::new();
    }
    match &state.head {
        Head::Detached => Vec::new(),
        // The first commit of a repository has to be made somewhere.
        Head::Unborn(branch) => name::check(branch, settings),
        Head::Branch(branch) => {
            let mut findings = protected::check(branch, state, settings);
            findings.extend(name::check(branch, settings));
            findings
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rules(head: Head, operation: Operation) -> Vec<String> {
        let state = BranchState {
            head,
            operation,
            commits: true,
        };
        let found = check(&state, &Settings::default());
        found.into_iter().map(|finding| finding.rule).collect()
    }

    #[test]
    fn every_rule_has_its_page() {
        crate::pages::assert_pages(RULES);
    }

    #[test]
    fn a_detached_head_has_no_name_to_judge() {
        assert!(rules(Head::Detached, Operation::None).is_empty());
    }

    #[test]
    fn a_rebase_is_left_alone() {
        assert!(rules(Head::Branch("main".to_owned()), Operation::Rebase).is_empty());
        assert_eq!(
            rules(Head::Branch("main".to_owned()), Operation::CherryPick),
            ["protected-branch"]
        );
    }

    #[test]
    fn the_first_commit_may_be_made_on_main() {
        assert!(rules(Head::Unborn("main".to_owned()), Operation::None).is_empty());
        assert_eq!(
            rules(Head::Unborn("My Branch".to_owned()), Operation::None),
            ["branch-name"]
        );
    }

    proptest! {
        #[test]
        fn no_name_and_no_pattern_panics(branch in any::<String>(), pattern in any::<String>(), template in "(\\{type\\}|\\{name\\}|\\{x|[a-z/(]){0,6}") {
            let settings = Settings {
                pattern: Some(pattern.clone()),
                protected: vec![pattern, "*".to_owned()],
                templates: vec![template],
                ..Settings::default()
            };
            let state = BranchState { head: Head::Branch(branch), operation: Operation::None, commits: true };
            let _ = check(&state, &settings);
            let _ = check(&state, &Settings { pattern: None, ..settings });
        }
    }
}
