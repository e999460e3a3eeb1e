//! Where a branch left its base.

use crate::commit::CommitId;
use crate::error::Error;
use crate::git::{failed, shown};
use crate::repository::Repository;

/// A branch and the one that it is meant for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fork {
    /// The newest commit that both have.
    pub base: CommitId,
    /// The last commit of the branch.
    pub head: CommitId,
    /// The last commit of the other one.
    pub tip: CommitId,
}

impl Repository {
    /// Where the branch `head` left the one that `base` names.
    ///
    /// # Errors
    /// [`Error::ObjectMissing`] for one that is not there, as in a shallow clone; [`Error::UnbornBranch`],
    /// [`Error::NoCommonCommit`], or what went wrong with git.
    pub fn fork(&self, base: &str, head: &str) -> Result<Fork, Error> {
        if let Some(fork) = self.direct().and_then(|direct| direct.fork(base, head)) {
            return Ok(fork);
        }
        let both = format!("{base}^{{commit}}...{head}^{{commit}}");
        let arguments = ["rev-parse", "--revs-only", "--end-of-options", &both];
        let output = self.git().run(self.root(), &arguments)?;
        if output.status.success()
            && let Some(fork) = fork(&String::from_utf8_lossy(&output.stdout))
        {
            return Ok(fork);
        }
        // One step after the other says which one is not there.
        let head = self.commit_named(head)?;
        let tip = self.commit_named(base)?;
        let base = self.common_commit(base, &tip, &head)?;
        Ok(Fork { base, head, tip })
    }

    /// The newest commit that `head` shares with the one that `base` names.
    ///
    /// # Errors
    /// [`Error::ObjectMissing`] if `base` is not there, [`Error::NoCommonCommit`] if nothing is shared, as
    /// far as the clone knows.
    pub fn merge_base(&self, base: &str, head: &CommitId) -> Result<CommitId, Error> {
        let tip = self.commit_named(base)?;
        self.common_commit(base, &tip, head)
    }

    fn common_commit(
        &self,
        base: &str,
        tip: &CommitId,
        head: &CommitId,
    ) -> Result<CommitId, Error> {
        let arguments = ["merge-base", tip.as_str(), head.as_str()];
        let output = self.git().run(self.root(), &arguments)?;
        match output.status.code() {
            Some(0) => {
                CommitId::new(String::from_utf8_lossy(&output.stdout).trim()).map_err(|error| {
                    Error::Unexpected {
                        command: shown(&arguments),
                        detail: error.to_string(),
                    }
                })
            }
            Some(1) => Err(Error::NoCommonCommit {
                base: base.to_owned(),
                head: head.short().to_owned(),
                shallow: self.is_shallow()?,
            }),
            _ => Err(failed(&arguments, &output)),
        }
    }
}

/// Reads what `git rev-parse A...B` says: B, A, and after a `^` each merge base, the best one first. Some versions repeat the
/// option.
fn fork(answer: &str) -> Option<Fork> {
    let mut lines = answer.lines().filter(|line| !line.starts_with('-'));
    let mut next = |mark: &str| CommitId::new(lines.next()?.strip_prefix(mark)?).ok();
    let (head, tip, base) = (next("")?, next("")?, next("^")?);
    Some(Fork { base, head, tip })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn head_tip_and_the_first_merge_base_are_read() {
        let [a, b, c, d] = ["a", "b", "c", "d"].map(|digit| digit.repeat(40));
        let read =
            |text: String| fork(&text).map(|fork| fork.base.to_string() + &fork.tip.to_string());
        let answer = format!("--end-of-options\n{a}\n{b}\n^{c}\n^{d}\n");
        assert_eq!(read(answer), Some(format!("{c}{b}")));
        assert_eq!(read(format!("{a}\n{b}\n")), None);
        assert_eq!(read(format!("{a}\n")), None);
        assert_eq!(read(String::new()), None);
    }
}
