//! What can go wrong with git.

use beanpole_model::{ExitCode, Problem};
use camino::Utf8PathBuf;

/// What went wrong with git. Nothing was changed: this crate only reads.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The git program is not installed.
    #[error("the program `{program}` was not found")]
    GitMissing {
        /// What was looked for.
        program: Utf8PathBuf,
    },
    /// The git program could not be started or spoken to.
    #[error("the program `{program}` could not be run")]
    NotStarted {
        /// The program.
        program: Utf8PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// There is no such directory.
    #[error("there is no directory {path}")]
    NoDirectory {
        /// The path.
        path: Utf8PathBuf,
    },
    /// The directory is in no git repository.
    #[error("{start} is not in a git repository")]
    NotARepository {
        /// Where the search began.
        start: Utf8PathBuf,
    },
    /// The repository has no files checked out.
    #[error("{start} is in a bare repository, or inside a `.git` directory")]
    NoWorkTree {
        /// Where the search began.
        start: Utf8PathBuf,
    },
    /// Git refuses to work in a repository that belongs to someone else (`safe.directory`).
    #[error("git does not trust the repository at {root}, which belongs to another user")]
    OtherOwner {
        /// The repository's root.
        root: Utf8PathBuf,
        /// The user id of its owner.
        owner: u32,
    },
    /// There is no commit yet.
    #[error("the repository at {root} has no commit yet")]
    UnbornBranch {
        /// The repository's root.
        root: Utf8PathBuf,
    },
    /// The repository does not have an object.
    #[error("the repository at {root} does not have `{object}`")]
    ObjectMissing {
        /// The repository's root.
        root: Utf8PathBuf,
        /// The commit or blob asked for.
        object: String,
        /// True if the repository is a shallow clone, which explains it.
        shallow: bool,
    },
    /// Git ended while it was asked for a content.
    #[error("the content of `{object}` could not be read: `git cat-file` ended ({status})")]
    ContentUnread {
        /// The blob asked for.
        object: String,
        /// How git ended.
        status: String,
        /// What it wrote to standard error, line by line.
        said: Vec<String>,
    },
    /// Two commits have no history in common.
    #[error("commit {head} and `{base}` have no commit in common")]
    NoCommonCommit {
        /// The commit that was asked for.
        base: String,
        /// The short id of the other one.
        head: String,
        /// True if the repository is a shallow clone, which explains it.
        shallow: bool,
    },
    /// The commit does not have a path.
    #[error("commit {commit} does not have {path}")]
    PathMissing {
        /// The short id of the commit.
        commit: String,
        /// The path, from the repository's root.
        path: Utf8PathBuf,
    },
    /// A path is not inside the repository.
    #[error("{path} is not inside the repository at {root}")]
    OutsideRepository {
        /// The path.
        path: Utf8PathBuf,
        /// The repository's root.
        root: Utf8PathBuf,
    },
    /// A file's name is not UTF-8.
    #[error("the name of `{shown}` is not UTF-8")]
    NameNotText {
        /// The name, with a mark in place of what is not valid.
        shown: String,
    },
    /// Git ended with a status that means failure.
    #[error("`{command}` failed ({status})")]
    Failed {
        /// The command.
        command: String,
        /// How it ended.
        status: String,
        /// What it wrote to standard error, line by line.
        said: Vec<String>,
    },
    /// Git answered in a form that is not the documented one.
    #[error("`{command}` answered in an unknown form: {detail}")]
    Unexpected {
        /// The command.
        command: String,
        /// What was unexpected.
        detail: String,
    },
    /// What was read could not be passed on.
    #[error("the content of {object} could not be written")]
    Destination {
        /// The object that was read.
        object: String,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Problem for Error {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::NoDirectory { .. }
            | Self::NotARepository { .. }
            | Self::NoWorkTree { .. }
            | Self::UnbornBranch { .. }
            | Self::ObjectMissing { .. }
            | Self::NoCommonCommit { .. }
            | Self::PathMissing { .. }
            | Self::OutsideRepository { .. }
            | Self::NameNotText { .. } => ExitCode::Usage,
            Self::OtherOwner { .. } => ExitCode::Credentials,
            Self::GitMissing { .. }
            | Self::NotStarted { .. }
            | Self::ContentUnread { .. }
            | Self::Failed { .. }
            | Self::Unexpected { .. }
            | Self::Destination { .. } => ExitCode::Outside,
        }
    }

    fn details(&self) -> Vec<String> {
        match self {
            Self::Failed { said, .. } | Self::ContentUnread { said, .. } => said.clone(),
            Self::OtherOwner { owner, .. } => vec![format!("its owner has the user id {owner}")],
            _ => Vec::new(),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::GitMissing { .. } => "Install git, for example with `apt-get install git`.".to_owned(),
            Self::NotStarted { .. } => "`git --version` shows whether git works at all.".to_owned(),
            Self::NoDirectory { .. } => "Check the path.".to_owned(),
            Self::NotARepository { .. } => {
                "Only what git has is checked and released: `git init`, `git add .` and `git commit` begin.".to_owned()
            }
            Self::NoWorkTree { .. } => "Run the command in a clone with its files checked out.".to_owned(),
            Self::OtherOwner { root, .. } => {
                format!("If you trust it: `git config --global --add safe.directory {root}`")
            }
            Self::UnbornBranch { .. } => {
                "A release ships a commit: `git add .` and `git commit` make the first one.".to_owned()
            }
            Self::ObjectMissing { shallow: true, .. } | Self::NoCommonCommit { shallow: true, .. } => {
                // `git clone --depth` follows one branch only: the others have to be named.
                "This is a shallow clone: `git fetch --unshallow origin '+refs/heads/*:refs/remotes/origin/*'` gets the rest and all branches; in GitHub Actions, set `fetch-depth: 0` for `actions/checkout`."
                    .to_owned()
            }
            Self::ObjectMissing { shallow: false, .. } => {
                "`git fetch --tags origin '+refs/heads/*:refs/remotes/origin/*'` gets all branches and tags of the remote, `git fetch --refetch` also what was lost here; `git fsck` finds damage.".to_owned()
            }
            Self::ContentUnread { .. } => {
                "In a partial clone git fetches a content when it is asked for: check that the remote answers, or get all with `git fetch --refetch`. `git fsck` finds damage."
                    .to_owned()
            }
            Self::NoCommonCommit { .. } => {
                "Name the branch that this one was begun from, such as `origin/main`.".to_owned()
            }
            Self::PathMissing { .. } => "Commit it first: `git add` and `git commit`.".to_owned(),
            Self::OutsideRepository { .. } => "Name a path inside the repository.".to_owned(),
            Self::NameNotText { .. } => "Rename the file with `git mv`, and commit.".to_owned(),
            Self::Failed { .. } => "Run the command yourself to see more.".to_owned(),
            Self::Unexpected { .. } => "`git --version` should say 2.30 or newer.".to_owned(),
            Self::Destination { .. } => "Check that there is space left: `df -h`.".to_owned(),
        })
    }
}
