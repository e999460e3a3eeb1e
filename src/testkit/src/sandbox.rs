//! A home directory and a project directory of a test's own.

use std::process::{Command, Output};

use camino::{Utf8Path, Utf8PathBuf};
use tempfile::TempDir;

/// The variable that tells tests which services they may expect. Everything is expected unless it
/// says `none`.
const SERVICES_VARIABLE: &str = "BEANPOLE_TEST_SERVICES";

/// A directory that is gone after the test, with a home and a project in it.
pub struct Sandbox {
    _directory: TempDir,
    home: Utf8PathBuf,
    project: Utf8PathBuf,
}

impl Sandbox {
    /// An empty home and an empty project directory named `blog`.
    #[must_use]
    pub fn new() -> Self {
        let directory = TempDir::with_prefix("beanpole-test-")
            .unwrap_or_else(|error| panic!("no temporary directory: {error}"));
        let root = Utf8PathBuf::from_path_buf(directory.path().to_path_buf())
            .unwrap_or_else(|path| panic!("{} is not UTF-8", path.display()));
        let (home, project) = (root.join("home"), root.join("blog"));
        for path in [&home, &project] {
            create(path);
        }
        write(&home.join(".gitconfig"), GIT_CONFIGURATION);
        Self {
            _directory: directory,
            home,
            project,
        }
    }

    /// A project that is a committed copy of `examples/blog`.
    #[must_use]
    pub fn blog() -> Self {
        let sandbox = Self::new();
        copy_tree(&example_blog(), &sandbox.project);
        sandbox.git(&["init", "--quiet", "--initial-branch=main"]);
        sandbox.commit("feat: the blog");
        sandbox
    }

    /// The home directory: `HOME` of every command.
    #[must_use]
    pub fn home(&self) -> &Utf8Path {
        &self.home
    }

    /// The project's root: the working directory of every command.
    #[must_use]
    pub fn project(&self) -> &Utf8Path {
        &self.project
    }

    /// Writes a file of the project, with the directories above it.
    pub fn write(&self, path: &str, text: &str) {
        write(&self.project.join(path), text);
    }

    /// Reads a file of the project.
    #[must_use]
    pub fn read(&self, path: &str) -> String {
        let path = self.project.join(path);
        fs_err::read_to_string(&path).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Replaces `from`, which must occur, by `to` in a file of the project.
    pub fn replace(&self, path: &str, from: &str, to: &str) {
        let text = self.read(path);
        assert!(text.contains(from), "`{path}` does not contain `{from}`");
        self.write(path, &text.replace(from, to));
    }

    /// Commits everything, at a fixed time, by a fixed author.
    pub fn commit(&self, message: &str) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]);
    }

    /// Runs git in the project and returns what it printed.
    pub fn git(&self, arguments: &[&str]) -> String {
        let output = self.command("git").args(arguments).output();
        let output: Output = output.unwrap_or_else(|error| panic!("git did not start: {error}"));
        assert!(
            output.status.success(),
            "git {arguments:?} failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// A command in the project with nothing of the developer's environment but the search path
    /// and where the machine keeps its certificates.
    #[must_use]
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.project).env_clear();
        for name in [
            "PATH",
            "SSL_CERT_FILE",
            "SSL_CERT_DIR",
            "AWS_CA_BUNDLE",
            "DOCKER_HOST",
        ] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command
            .env("HOME", &self.home)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_AUTHOR_DATE", "2026-01-02T03:04:05Z")
            .env("GIT_COMMITTER_DATE", "2026-01-02T03:04:05Z")
            .env("TZ", "UTC")
            .env("LC_ALL", "C.UTF-8");
        command
    }
}

impl Default for Sandbox {
    fn default() -> Self {
        Self::new()
    }
}

const GIT_CONFIGURATION: &str = "\
[user]
\tname = Ada Example
\temail = ada@example.invalid
[commit]
\tgpgsign = false
[core]
\thooksPath = /dev/null
";

/// The directory of the example project in this repository.
#[must_use]
pub fn example_blog() -> Utf8PathBuf {
    repository_root().join("examples/blog")
}

/// The Python environment that `scripts/test-services` makes, with boto3, Django, moto and the `eb` client.
#[must_use]
pub fn virtual_environment() -> Utf8PathBuf {
    repository_root().join("target/venv")
}

/// Whether a missing service fails the test, which is the normal case.
#[must_use]
pub fn services_required() -> bool {
    std::env::var_os(SERVICES_VARIABLE).is_none_or(|value| value != "none")
}

fn repository_root() -> Utf8PathBuf {
    let here = Utf8Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors()
        .nth(2)
        .unwrap_or_else(|| panic!("{here} is not two directories below the repository's root"))
        .to_owned()
}

/// Copies what git would track: ignored files such as caches stay behind.
fn copy_tree(from: &Utf8Path, to: &Utf8Path) {
    let walk = ignore::WalkBuilder::new(from)
        .hidden(false)
        .require_git(false)
        .build();
    for entry in walk {
        let entry = entry.unwrap_or_else(|error| panic!("{from}: {error}"));
        let path = Utf8Path::from_path(entry.path())
            .unwrap_or_else(|| panic!("{} is not UTF-8", entry.path().display()));
        let relative = path.strip_prefix(from).unwrap_or(path);
        let target = to.join(relative);
        if path.is_dir() {
            create(&target);
        } else {
            // `copy` keeps the mode bits.
            fs_err::copy(path, &target).unwrap_or_else(|error| panic!("{error}"));
        }
    }
}

fn create(path: &Utf8Path) {
    fs_err::create_dir_all(path).unwrap_or_else(|error| panic!("{error}"));
}

fn write(path: &Utf8Path, text: &str) {
    if let Some(parent) = path.parent() {
        create(parent);
    }
    fs_err::write(path, text).unwrap_or_else(|error| panic!("{error}"));
}
