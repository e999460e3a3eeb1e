//! Static checks of a Django project.
//!
//! Rules of this crate: pure. The input is a set of files that someone else has read ([`SourceTree`]), or reads when they are
//! asked for ([`ContentSource`]); the output is a list of [`beanpole_model::Finding`]s. No file, no git, no network, no Python, no clock. What cannot be seen statically is said
//! ([`migrations::NotAnalysed`]), never passed over. No input may panic or overflow the stack.

mod attributes;
mod baseline;
pub mod branch;
pub mod change_size;
mod choice;
pub mod commit_message;
pub mod coverage;
pub mod docker;
mod engine;
mod excerpt;
pub mod files;
mod findings;
pub mod fix;
mod globs;
mod history;
mod ini;
mod merge;
pub mod migrations;
mod nearest;
#[cfg(test)]
mod pages;
mod paths;
mod pattern;
pub mod pins;
mod project;
mod python;
mod report;
mod rule;
mod scope;
pub mod secrets;
pub mod settings;
mod shell;
mod source;
mod sql;
mod suppression;
pub mod test_names;
mod tree;
pub mod workflows;
mod yaml;

pub use baseline::{Baseline, BaselineError};
pub use choice::{Level, Levels, RuleSelection, UnknownRule};
pub use engine::{CheckReport, Counts, Policy, Reported, UPKEEP_RULES, Unseen, judge};
pub use history::added_lines;
pub use merge::{BaseChange, Merged};
pub use project::{Facts, Found, ProjectSettings, check, rules};
pub use python::LARGEST_FILE;
pub use rule::{Group, Rule};
pub use scope::{Change, ChangeKind, ChangedLines, Entry, FileMode, Scope};
pub use suppression::{Ignore, Pattern, PatternError, Suppressed, UpkeepRule};
pub use tree::{ContentSource, SourceTree};
