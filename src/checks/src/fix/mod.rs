//! Remedies that can be applied without thinking.
//!
//! A fix is a value: it can be shown before it is done. Applying is pure; who reads and writes the files is
//! someone else. Groups propose fixes for their findings: [`crate::migrations::fixes`], [`crate::test_names::fixes`],
//! [`crate::docker::fixes`]. A proposal is made only where nobody could want another remedy, and where everything that it
//! has to change was seen; where that is not so, the reason is said instead.

mod edit;
mod outcome;

pub use edit::{Edit, FixError, apply};
pub use outcome::{FileChange, FileState, OutcomeError, outcome};

/// The rules for which fixes are proposed.
pub const RULES: [&str; 4] = [
    crate::migrations::SEVERAL_LEAVES,
    crate::migrations::NUMBER_TAKEN,
    crate::test_names::MISSING_PACKAGE,
    crate::docker::NOT_EXECUTABLE,
];

/// A change of one file that solves a finding, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fix {
    /// The file gets another content.
    Edit {
        /// The file.
        path: String,
        /// What to replace. None overlaps another.
        edits: Vec<Edit>,
    },
    /// The file gets another path.
    Rename {
        /// The present path.
        path: String,
        /// The new path.
        to: String,
    },
    /// A file that was not there.
    Create {
        /// Its path.
        path: String,
        /// What it holds.
        content: Vec<u8>,
    },
    /// The file gets the execute bit.
    MakeExecutable {
        /// The file.
        path: String,
    },
}

/// What can be done about findings whose rule has a fix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The findings that it is about, by their places in the list that was given.
    pub findings: Vec<usize>,
    /// What to do, or why nothing.
    pub answer: Answer,
}

/// What to do about findings, or why nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// This solves them.
    Fix {
        /// What is done, in one line without a full stop.
        what: String,
        /// The steps in their order. Each is for the files as those before it leave them, also those of the proposals before it
        /// in the same list.
        fixes: Vec<Fix>,
    },
    /// A person has to.
    No {
        /// Why, in one line without a full stop.
        why: String,
    },
}

impl Proposal {
    /// The steps; none where a person has to decide.
    #[must_use]
    pub fn fixes(&self) -> &[Fix] {
        match &self.answer {
            Answer::Fix { fixes, .. } => fixes,
            Answer::No { .. } => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RULES;

    #[test]
    fn the_page_of_each_rule_says_what_is_fixed() {
        let folder = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/checks");
        for rule in RULES {
            let text = fs_err::read_to_string(folder.join(format!("{rule}.md"))).unwrap();
            assert!(text.contains("`--fix`"), "{rule}");
        }
    }
}
