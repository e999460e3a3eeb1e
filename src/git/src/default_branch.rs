//! The branch that others are begun from and merged into.

use crate::error::Error;
use crate::repository::Repository;

/// The branch that others are begun from and merged into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefaultBranch {
    /// The whole name where the branch is: `refs/heads/main`.
    pub reference: String,
    /// The whole name by which this repository knows it: `refs/remotes/origin/main`, or the same.
    pub known_as: String,
}

impl Repository {
    /// The default branch of a remote, as far as this clone knows it (`git remote set-head`); without a remote, that of this
    /// repository, which its `HEAD` names. None where nothing names one.
    ///
    /// # Errors
    /// Git could not be run.
    pub fn default_branch(&self, remote: Option<&str>) -> Result<Option<DefaultBranch>, Error> {
        let (head, branches) = match remote {
            Some(remote) => {
                let branches = format!("refs/remotes/{remote}/");
                (format!("{branches}HEAD"), branches)
            }
            None => ("HEAD".to_owned(), "refs/heads/".to_owned()),
        };
        let arguments = ["symbolic-ref", "--quiet", "--end-of-options", &head];
        let output = self.git().run(self.root(), &arguments)?;
        // A remote may be given as an address, and then has no such reference.
        if !output.status.success() {
            return Ok(None);
        }
        let known_as = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        Ok(known_as.strip_prefix(&branches).map(|name| DefaultBranch {
            reference: format!("refs/heads/{name}"),
            known_as: known_as.clone(),
        }))
    }
}
