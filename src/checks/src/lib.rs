//! Static checks of a Django project.
//!
//! Rules of this crate: pure. The input is a set of files that someone else has read ([`SourceTree`]); the output is a list
//! of [`beanpole_model::Finding`]s. No file, no git, no network, no Python, no clock. What cannot be seen statically is said
//! ([`migrations::NotAnalysed`]), never passed over. No input may panic or overflow the stack.

pub mod coverage;
mod globs;
pub mod migrations;
mod python;
mod rule;
mod say;
mod scope;
pub mod secrets;
pub mod settings;
mod sql;
mod tree;

pub use python::LARGEST_FILE;
pub use rule::{Group, Rule};
pub use scope::{Change, ChangeKind, ChangedLines, Entry, FileMode, Scope};
pub use tree::SourceTree;
