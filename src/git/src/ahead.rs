//! What a hook is about to ask for, asked at once.
//!
//! A check of what is staged needs the root, the branch, the index, its differences and some contents. Git answers each in a
//! millisecond or two, and most of that is the start of the process. One after the other they are felt; none needs
//! another's answer if the working directory is the root, which it is in a hook (githooks(5)). If it turns out that it is
//! not, the answers are thrown away and the usual way is gone.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{JoinHandle, spawn};

use camino::Utf8Path;

use crate::blobs::BlobReader;
use crate::error::Error;
use crate::git::Git;
use crate::head::{HeadState, Operation};
use crate::repository::Repository;
use crate::selection::{Changes, Listing, joined};

/// Answers that are under way. Each can be taken once.
#[derive(Clone, Debug)]
pub(crate) struct Ahead(Arc<Mutex<Answers>>);

#[derive(Debug)]
struct Answers {
    staged: Option<Staged>,
    blobs: Option<JoinHandle<Result<BlobReader, Error>>>,
}

/// What is staged, as far as it is known.
#[derive(Debug)]
pub(crate) struct Staged {
    pub(crate) head: HeadState,
    listing: JoinHandle<Result<Listing, Error>>,
    changes: JoinHandle<Result<Changes, Error>>,
}

impl Staged {
    /// The index, and what is different in it from the last commit.
    pub(crate) fn wait(self) -> Result<(HeadState, Listing, Changes), Error> {
        let (listing, changes) = (joined(self.listing.join()), joined(self.changes.join()));
        Ok((self.head, listing?, changes?))
    }
}

impl Ahead {
    /// What is staged, if nobody has taken it, and if it is a plain difference from one commit.
    pub(crate) fn staged(&self) -> Option<Staged> {
        let staged = self.answers().staged.take()?;
        let is_merge = matches!(staged.head.operation, Some(Operation::Merge { .. }));
        (!is_merge).then_some(staged)
    }

    /// A reader that has been started, if nobody has taken it.
    pub(crate) fn blobs(&self) -> Option<Result<BlobReader, Error>> {
        let blobs = self.answers().blobs.take()?;
        Some(joined(blobs.join()))
    }

    fn answers(&self) -> std::sync::MutexGuard<'_, Answers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Git {
    /// Finds the repository that `start` is in, as [`Git::discover`] does, and begins to ask for what
    /// [`crate::Selection::Staged`] needs.
    ///
    /// # Errors
    /// See [`Repository::discover`].
    pub fn discover_for_staged(&self, start: &Utf8Path) -> Result<Repository, Error> {
        if !has_git(start) {
            return self.discover(start);
        }
        let guess = || Repository::at(self.clone(), start);
        let (lists, compares, reads) = (guess(), guess(), guess());
        let listing = spawn(move || lists.index_listing());
        let changes = spawn(move || compares.staged_changes("HEAD"));
        let blobs = spawn(move || reads.read_blobs());
        match guess().root_and_head()? {
            Some((root, head)) if is_same(&root, start) => {
                let staged = Staged {
                    head,
                    listing,
                    changes,
                };
                let answers = Answers {
                    staged: Some(staged),
                    blobs: Some(blobs),
                };
                let ahead = Ahead(Arc::new(Mutex::new(answers)));
                Ok(Repository::at(self.clone(), &root).with_ahead(ahead))
            }
            // No commit yet, another root, or no repository: the usual way knows what to say.
            _ => self.discover(start),
        }
    }

    /// Finds the repository that a hook runs for. Git has changed to its root before, so a `.git` there is enough, and git
    /// is not asked; anywhere else as [`Git::discover`].
    ///
    /// # Errors
    /// See [`Repository::discover`].
    pub fn discover_in_hook(&self, start: &Utf8Path) -> Result<Repository, Error> {
        match start.canonicalize_utf8() {
            Ok(root) if has_git(&root) => Ok(Repository::at(self.clone(), &root)),
            _ => self.discover(start),
        }
    }
}

fn has_git(directory: &Utf8Path) -> bool {
    directory.join(".git").symlink_metadata().is_ok()
}

/// Whether git's root, which has no symbolic links, is that directory.
fn is_same(root: &Utf8Path, directory: &Utf8Path) -> bool {
    root == directory || directory.canonicalize_utf8().is_ok_and(|path| path == root)
}
