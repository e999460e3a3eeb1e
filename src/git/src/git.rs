//! Running the git program.

use std::ffi::OsStr;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use beanpole_model::Environment;
use camino::{Utf8Path, Utf8PathBuf};

use crate::direct::Direct;
use crate::error::Error;
use crate::repository::Repository;

/// Variables that point git at another repository, index or object store, or change how paths are
/// read (`git rev-parse --local-env-vars`, and the pathspec variables of `git(1)`).
pub(crate) const REDIRECTING: [&str; 19] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_CONFIG_PARAMETERS",
    "GIT_DIR",
    "GIT_GLOB_PATHSPECS",
    "GIT_GRAFT_FILE",
    "GIT_ICASE_PATHSPECS",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_LITERAL_PATHSPECS",
    "GIT_NAMESPACE",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
];

/// How git is run: the program, what is different in its environment, and whether a hook asks.
#[derive(Clone, Debug)]
pub struct Git {
    program: Utf8PathBuf,
    variables: Vec<(String, String)>,
    in_hook: bool,
}

impl Default for Git {
    fn default() -> Self {
        Self {
            program: Utf8PathBuf::from("git"),
            variables: Vec::new(),
            in_hook: false,
        }
    }
}

impl Git {
    /// Uses another program than the first `git` on the `PATH`.
    #[must_use]
    pub fn program(mut self, program: impl Into<Utf8PathBuf>) -> Self {
        self.program = program.into();
        self
    }

    /// Sets a variable for git alone.
    #[must_use]
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Says that the caller runs inside a git hook: `GIT_DIR`, `GIT_INDEX_FILE` and the like are what
    /// git set for the hook, and stay.
    #[must_use]
    pub const fn in_hook(mut self) -> Self {
        self.in_hook = true;
        self
    }

    /// Finds the repository that `start` is in. `start` is a directory.
    ///
    /// # Errors
    /// See [`Repository::discover`].
    pub fn discover(&self, start: &Utf8Path) -> Result<Repository, Error> {
        Repository::discover_with(self.clone(), start)
    }

    /// Finds the repository that `start` is in, as [`Git::discover`] does. What is staged, listed and compared there, and contents,
    /// are read in this process as far as they can be, which takes a tenth of the time; git is asked for the rest.
    /// `environment` is that of this process. Only for a caller inside of a hook ([`Git::in_hook`]): elsewhere git is asked
    /// for all.
    ///
    /// # Errors
    /// See [`Repository::discover`].
    pub fn discover_to_read(
        &self,
        start: &Utf8Path,
        environment: &Environment,
    ) -> Result<Repository, Error> {
        let direct = self.direct(start, environment);
        if let Some(direct) = &direct
            && let Some(root) = direct.root()
        {
            return Ok(Repository::at(self.clone(), &root).reads(direct.clone()));
        }
        self.discover(start)
    }

    /// Finds the repository that a hook runs for. Git has changed to its root before, so a `.git` there is enough, and nothing
    /// is read of it; anywhere else as [`Git::discover_to_read`].
    ///
    /// # Errors
    /// See [`Repository::discover`].
    pub fn discover_in_hook(
        &self,
        start: &Utf8Path,
        environment: &Environment,
    ) -> Result<Repository, Error> {
        match start.canonicalize_utf8() {
            Ok(root) if root.join(".git").symlink_metadata().is_ok() => {
                let repository = Repository::at(self.clone(), &root);
                Ok(match self.direct(&root, environment) {
                    Some(direct) => repository.reads(direct),
                    None => repository,
                })
            }
            _ => self.discover_to_read(start, environment),
        }
    }

    /// A library hears the environment of this process alone, not what was set for git.
    fn direct(&self, start: &Utf8Path, environment: &Environment) -> Option<Direct> {
        let is_git_alone = !self.in_hook || !self.variables.is_empty();
        (!is_git_alone)
            .then(|| Direct::new(start, environment))
            .flatten()
    }

    /// Opens the bare repository, or the `.git` directory, that `start` is in: where a `pre-receive` hook runs.
    ///
    /// # Errors
    /// [`Error::NoDirectory`], [`Error::NotARepository`], [`Error::OtherOwner`], or what else went wrong with
    /// git.
    pub fn open_bare(&self, start: &Utf8Path) -> Result<Repository, Error> {
        Repository::open_bare_with(self.clone(), start)
    }

    /// A command in `directory`, without its arguments.
    pub(crate) fn command(&self, directory: &Utf8Path) -> Command {
        let mut command = Command::new(self.program.as_str());
        if !self.in_hook {
            for name in REDIRECTING {
                command.env_remove(name);
            }
        }
        command
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            // Messages that end up in errors are in one language.
            .env("LC_ALL", "C")
            // Never ask for a password, and never write a refreshed index beside someone's commit.
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .arg("-C")
            .arg(directory.as_str())
            .args(["--no-pager", "--literal-pathspecs"])
            .stdin(Stdio::null());
        command
    }

    /// Runs git to its end. Any exit status is an answer.
    pub(crate) fn run<A: AsRef<OsStr>>(
        &self,
        directory: &Utf8Path,
        arguments: &[A],
    ) -> Result<Output, Error> {
        self.command(directory)
            .args(arguments)
            .output()
            .map_err(|source| self.not_started(source))
    }

    /// Runs git to its end and returns what it wrote; any exit status but 0 is an error.
    pub(crate) fn read<A: AsRef<OsStr>>(
        &self,
        directory: &Utf8Path,
        arguments: &[A],
    ) -> Result<Vec<u8>, Error> {
        let output = self.run(directory, arguments)?;
        if output.status.success() {
            Ok(output.stdout)
        } else {
            Err(failed(arguments, &output))
        }
    }

    /// Runs git to its end with an input, and returns what it wrote; any exit status but 0 is an error.
    pub(crate) fn exchange(
        &self,
        directory: &Utf8Path,
        arguments: &[&str],
        input: String,
    ) -> Result<Vec<u8>, Error> {
        let mut child = self
            .command(directory)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|source| self.not_started(source))?;
        let pipe = child.stdin.take();
        let output = std::thread::scope(|scope| {
            // Both pipes are short: who only writes waits for ever.
            scope.spawn(move || pipe.map(|mut pipe| pipe.write_all(input.as_bytes())));
            child.wait_with_output()
        });
        let output = output.map_err(|source| self.not_started(source))?;
        if output.status.success() {
            Ok(output.stdout)
        } else {
            Err(failed(arguments, &output))
        }
    }

    pub(crate) fn not_started(&self, source: std::io::Error) -> Error {
        if source.kind() == std::io::ErrorKind::NotFound {
            Error::GitMissing {
                program: self.program.clone(),
            }
        } else {
            Error::NotStarted {
                program: self.program.clone(),
                source,
            }
        }
    }
}

/// The error of a git command that ended with a status that means failure.
pub(crate) fn failed<A: AsRef<OsStr>>(arguments: &[A], output: &Output) -> Error {
    Error::Failed {
        command: shown(arguments),
        status: output.status.to_string(),
        said: String::from_utf8_lossy(&output.stderr)
            .lines()
            .map(str::to_owned)
            .collect(),
    }
}

/// The command as a person would type it.
pub(crate) fn shown<A: AsRef<OsStr>>(arguments: &[A]) -> String {
    let mut command = "git".to_owned();
    for argument in arguments {
        command.push(' ');
        command.push_str(&argument.as_ref().to_string_lossy());
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the command does to a variable: `None` if it leaves it alone.
    fn setting(git: &Git, name: &str) -> Option<Option<String>> {
        git.command(Utf8Path::new("."))
            .get_envs()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value.map(|value| value.to_string_lossy().into_owned()))
    }

    #[test]
    fn redirecting_variables_are_taken_out_except_in_a_hook() {
        for name in [
            "GIT_DIR",
            "GIT_INDEX_FILE",
            "GIT_WORK_TREE",
            "GIT_LITERAL_PATHSPECS",
        ] {
            assert_eq!(setting(&Git::default(), name), Some(None), "{name}");
            assert_eq!(setting(&Git::default().in_hook(), name), None, "{name}");
        }
        // What people set to configure git stays.
        assert_eq!(setting(&Git::default(), "GIT_CONFIG_COUNT"), None);
        assert_eq!(
            setting(&Git::default(), "LC_ALL"),
            Some(Some("C".to_owned()))
        );
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = Git::default()
            .program("/nowhere/git")
            .discover(Utf8Path::new("/"))
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "the program `/nowhere/git` was not found"
        );
    }
}
