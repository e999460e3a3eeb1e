//! The one place that reads repositories and runs git: state, files of a commit, blobs, history.
//!
//! Rules: what checks ask is read in this process where it is plain (`direct`), and git is asked for the rest. Git is run with
//! arguments, never through a shell. Only machine formats are read (`-z`, porcelain v2, batch protocols), and decisions rest on
//! exit codes and on those formats, never on git's prose. Nothing here writes, to the repository or to its index, but for the
//! hooks that a person asks for (`hooks`). Variables that would point git at another repository are taken out of its
//! environment, unless the caller is a hook, where git sets them on purpose.

mod blobs;
mod cat_file;
mod comments;
mod commit;
mod default_branch;
mod differences;
mod direct;
mod entry;
mod error;
mod execute_bit;
mod git;
mod head;
mod hooks;
mod lfs;
mod line_ends;
mod objects;
mod range;
mod repository;
mod selection;
mod status;
mod stored;
mod submodules;
mod updates;

pub use blobs::BlobReader;
pub use commit::{Commit, CommitId, CommitIdError};
pub use default_branch::DefaultBranch;
pub use differences::Difference;
pub use entry::{Mode, TreeEntry};
pub use error::Error;
pub use git::Git;
pub use head::{HeadState, Operation};
pub use hooks::{
    Found, Hook, HookError, HookSite, HookState, LEFTHOOK, Manager, Step, plan_install,
    plan_uninstall,
};
pub use lfs::is_lfs_pointer;
pub use range::{CommitMessage, CommitRange, Cut, IntroducedBlob, Without};
pub use repository::Repository;
pub use selection::{
    Fork, Former, Lines, Selected, SelectedChange, SelectedEntry, SelectedKind, Selection,
};
pub use status::{Change, ChangeKind};
pub use submodules::{MissingSubmodule, Tree, WhyMissing};
pub use updates::{ReferenceKind, ReferenceUpdate, UpdateError};
