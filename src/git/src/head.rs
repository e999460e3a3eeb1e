//! Where a repository stands: its branch, its commit, and what is in progress.

use camino::{Utf8Path, Utf8PathBuf};

use crate::commit::CommitId;
use crate::direct::Direct;
use crate::error::Error;
use crate::git::{failed, shown};
use crate::repository::Repository;

/// How many parents of a merge are looked at. Git itself warns against more.
const MOST_PARENTS: usize = 16;

/// The longest file of git's own state that is read.
const LONGEST_STATE: u64 = 64 * 1024;

/// Where a repository stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadState {
    /// The last commit; none on a branch that has no commit yet.
    pub commit: Option<CommitId>,
    /// The branch that is checked out; none if a commit is checked out by itself, as in a rebase and in
    /// most CI runs.
    pub branch: Option<String>,
    /// What is in progress.
    pub operation: Option<Operation>,
    /// Whether only the newest part of the history is there.
    pub is_shallow: bool,
    /// Where git keeps this work tree's state.
    pub git_directory: Utf8PathBuf,
}

/// Something that takes more than one command to finish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A merge that waits for its commit.
    Merge {
        /// The other parents.
        with: Vec<CommitId>,
    },
    /// A rebase.
    Rebase {
        /// The branch that is rebased, if it is one.
        branch: Option<String>,
    },
    /// Patches from mails (`git am`).
    ApplyMails,
    /// A cherry-pick.
    CherryPick,
    /// A revert.
    Revert,
}

impl Repository {
    /// Where the repository stands.
    ///
    /// # Errors
    /// What went wrong with git.
    pub fn head_state(&self) -> Result<HeadState, Error> {
        if let Some(state) = self.direct().and_then(Direct::head_state) {
            return Ok(state);
        }
        let arguments = [
            "rev-parse",
            "--is-shallow-repository",
            "--absolute-git-dir",
            "--verify",
            "--quiet",
            "HEAD^{commit}",
        ];
        let (output, branch) = std::thread::scope(|scope| {
            let branch = scope.spawn(|| self.branch());
            let output = self.git().run(self.root(), &arguments);
            (output, crate::selection::joined(branch.join()))
        });
        let (output, branch) = (output?, branch?);
        let unexpected = |detail: String| Error::Unexpected {
            command: shown(&arguments),
            detail,
        };
        let answer = String::from_utf8(output.stdout.clone())
            .map_err(|_| unexpected("a path that is not UTF-8".to_owned()))?;
        let Some((shallow, rest)) = answer.split_once('\n') else {
            return Err(failed(&arguments, &output));
        };
        // The path may hold line breaks; the id after it does not.
        let rest = rest.strip_suffix('\n').unwrap_or(rest);
        let last = rest.rsplit_once('\n');
        let (directory, commit) = match last.map(|(path, id)| (path, CommitId::new(id))) {
            Some((path, Ok(commit))) => (path, Some(commit)),
            Some((_, Err(_))) | None => (rest, None),
        };
        if commit.is_none() && output.status.success() {
            return Err(unexpected(format!("`{}`", answer.trim())));
        }
        let is_shallow = shallow == "true";
        Ok(HeadState::new(commit, branch, is_shallow, directory.into()))
    }
}

impl HeadState {
    pub(crate) fn new(
        commit: Option<CommitId>,
        branch: Option<String>,
        is_shallow: bool,
        git_directory: Utf8PathBuf,
    ) -> Self {
        Self {
            commit,
            branch,
            operation: operation(&git_directory),
            is_shallow,
            git_directory,
        }
    }
}

/// What is in progress, by the files that git leaves for itself. A rebase comes first: it leaves the marks of
/// the pick that it stopped at as well.
fn operation(directory: &Utf8Path) -> Option<Operation> {
    if directory.join("rebase-merge").is_dir() {
        return Some(Operation::Rebase {
            branch: rebased(&directory.join("rebase-merge")),
        });
    }
    let apply = directory.join("rebase-apply");
    if apply.is_dir() {
        return Some(if apply.join("applying").exists() {
            Operation::ApplyMails
        } else {
            Operation::Rebase {
                branch: rebased(&apply),
            }
        });
    }
    if let Some(heads) = read_state(&directory.join("MERGE_HEAD")) {
        return Some(Operation::Merge {
            with: heads
                .lines()
                .filter_map(|line| CommitId::new(line.trim()).ok())
                .take(MOST_PARENTS)
                .collect(),
        });
    }
    if directory.join("CHERRY_PICK_HEAD").exists() {
        return Some(Operation::CherryPick);
    }
    directory
        .join("REVERT_HEAD")
        .exists()
        .then_some(Operation::Revert)
}

/// The branch that a rebase works on: `refs/heads/x`, or `detached HEAD`.
fn rebased(directory: &Utf8Path) -> Option<String> {
    read_state(&directory.join("head-name"))?
        .trim()
        .strip_prefix("refs/heads/")
        .map(str::to_owned)
}

fn read_state(path: &Utf8Path) -> Option<String> {
    let metadata = path.metadata().ok()?;
    if !metadata.is_file() || metadata.len() > LONGEST_STATE {
        return None;
    }
    fs_err::read(path)
        .ok()
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}
