//! Static checks of a Django project.
//!
//! Rules of this crate: pure. The input is a set of files that someone else has read ([`SourceTree`]); the output is a list
//! of [`beanpole_model::Finding`]s. No file, no git, no network, no Python, no clock. What cannot be seen statically is said
//! ([`migrations::NotAnalysed`]), never passed over. No input may panic or overflow the stack.

mod baseline;
mod choice;
mod engine;
mod excerpt;
pub mod fix;
pub mod migrations;
mod nearest;
mod python;
mod rule;
mod scope;
mod sql;
mod suppression;
mod tree;

pub use baseline::{Baseline, BaselineError};
pub use choice::{Level, Levels, RuleSelection, UnknownRule};
pub use engine::{CheckReport, Counts, Policy, Reported, UPKEEP_RULES, Unseen, judge};
pub use python::LARGEST_FILE;
pub use rule::{Group, Rule};
pub use scope::{Change, ChangeKind, ChangedLines, Entry, FileMode, Scope};
pub use suppression::{Ignore, Pattern, PatternError, Suppressed, UpkeepRule};
pub use tree::SourceTree;
