//! Static checks of a Django project.
//!
//! Rules of this crate: pure. The input is a set of files that someone else has read ([`SourceTree`]); the output is a list
//! of [`beanpole_model::Finding`]s. No file, no git, no network, no Python, no clock. What cannot be seen statically is said
//! ([`migrations::NotAnalysed`]), never passed over. No input may panic or overflow the stack.

pub mod docker;
mod findings;
mod attributes;
pub mod branch;
pub mod change_size;
pub mod commit_message;
pub mod files;
pub mod coverage;
mod globs;
pub mod migrations;
#[cfg(test)]
mod pages;
mod pattern;
pub mod pins;
mod python;
mod report;
mod rule;
mod say;
mod scope;
mod shell;
mod source;
pub mod secrets;
pub mod settings;
mod sql;
pub mod test_names;
mod tree;
pub mod workflows;
mod yaml;

pub use python::LARGEST_FILE;
pub use rule::{Group, Rule};
pub use scope::{Change, ChangeKind, ChangedLines, Entry, FileMode, Scope};
pub use tree::SourceTree;
