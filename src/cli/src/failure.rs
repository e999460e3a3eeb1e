//! Failures of the command line itself. The crates below bring their own.

use beanpole_model::{ExitCode, Problem};
use camino::Utf8PathBuf;

/// What can go wrong before or between the crates' work.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// No manifest here or above.
    #[error("no `beanpole.yaml` in `{start}` or any directory above it")]
    NoManifest {
        /// Where the search began.
        start: Utf8PathBuf,
    },
    /// The async runtime did not start.
    #[error("the async runtime could not be started")]
    Runtime(#[source] std::io::Error),
    /// A file that must not be overwritten.
    #[error("`{path}` exists already")]
    FileExists {
        /// The file.
        path: Utf8PathBuf,
    },
    /// A file could not be written.
    #[error("`{path}` could not be written")]
    Write {
        /// The file.
        path: Utf8PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file could not be read.
    #[error("`{path}` could not be read")]
    Read {
        /// The file.
        path: Utf8PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The content of a file could not be got from git.
    #[error("the content of `{path}` could not be read")]
    Content {
        /// The file, in the state that is judged or in its base.
        path: String,
        /// Why.
        #[source]
        source: beanpole_git::Error,
    },
    /// A fault script with an error in it.
    #[error("the fault script cannot be used")]
    FaultScript {
        /// What is wrong, and where.
        #[source]
        source: beanpole_rehearsal::faults::FaultScriptError,
    },
    /// A line that gives no secret.
    #[error("{path}:{line} is no `NAME=VALUE`")]
    SecretLine {
        /// The file.
        path: Utf8PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// A path that does not exist.
    #[error("there is no directory `{path}`")]
    NoDirectory {
        /// The path as it was given.
        path: Utf8PathBuf,
    },
    /// A name derived from the directory is no application name.
    #[error("no application name can be made from the directory `{directory}`")]
    NoApplicationName {
        /// The directory.
        directory: Utf8PathBuf,
    },
    /// A change needs a yes, and nobody can be asked.
    #[error("{what} needs a yes, and there is no terminal to ask on")]
    NeedsYes {
        /// What would be changed.
        what: String,
    },
    /// The person said no.
    #[error("nothing was changed: the answer was no")]
    Declined,
    /// No directory for temporary files.
    #[error("no temporary directory could be made")]
    Temporary(#[source] std::io::Error),
    /// A path that is not UTF-8.
    #[error("the path `{}` is not UTF-8", .path.display())]
    OddPath {
        /// The path.
        path: std::path::PathBuf,
    },
    /// A version label that is none.
    #[error(transparent)]
    Name(#[from] beanpole_model::NameError),
    /// Nothing is known to be good.
    #[error("no other version of `{environment}` is known to be good")]
    NoWayBack {
        /// The environment.
        environment: String,
    },
    /// The version does not exist.
    #[error("application `{application}` has no version `{version}`")]
    NoSuchVersion {
        /// The application.
        application: String,
        /// The version.
        version: String,
    },
    /// What is proven in one environment would not be what runs in the other.
    #[error("`{from}` cannot be promoted to `{to}`: {why}")]
    NotPromotable {
        /// Where it runs.
        from: String,
        /// Where it should run.
        to: String,
        /// Why not.
        why: String,
    },
    /// The environment is not there yet.
    #[error("environment `{environment}` of application `{application}` does not exist")]
    NoEnvironment {
        /// The Beanstalk environment.
        environment: String,
        /// The Beanstalk application.
        application: String,
        /// The key of the environment in the manifest.
        key: String,
    },
    /// An instance that the environment does not have.
    #[error("environment `{environment}` has no instance `{instance}`")]
    NoInstance {
        /// The instance as it was given.
        instance: String,
        /// The Beanstalk environment.
        environment: String,
        /// The instances that it has.
        known: Vec<String>,
    },
    /// Interrupted while only looking.
    #[error("interrupted")]
    Stopped,
    /// The environment's address is no URL.
    #[error("`{address}` is no address that can be probed")]
    Address {
        /// The address.
        address: String,
    },
    /// No alert route is configured.
    #[error("no alert route can be used: {reason}")]
    NoAlertRoute {
        /// What is missing.
        reason: String,
    },
    /// A message was not delivered.
    #[error("the message was not delivered: {reason}")]
    NotDelivered {
        /// What the service said.
        reason: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// A name in the manifest that is neither a rule nor a group.
    #[error("`checks.severity` in {manifest} cannot be used")]
    CheckName {
        /// The manifest.
        manifest: String,
        /// The name.
        #[source]
        source: beanpole_checks::UnknownRule,
    },
    /// A pattern in the manifest that cannot be read.
    #[error("{place}: a pattern of `checks` cannot be used")]
    CheckPattern {
        /// Where it stands.
        place: beanpole_model::Location,
        /// What is wrong with it.
        #[source]
        source: beanpole_checks::PatternError,
    },
    /// A baseline that is named and is not there.
    #[error("there is no baseline `{path}`")]
    NoBaseline {
        /// The path.
        path: Utf8PathBuf,
    },
    /// A file on disk that fixes would change is another than the judged one.
    #[error("`{path}` on disk is not as it was judged, so nothing was fixed")]
    NotAsJudged {
        /// The file, from the project's directory.
        path: Utf8PathBuf,
    },
    /// A fix that is not for the judged files.
    #[error("the fixes do not fit the files that were judged, so nothing was fixed")]
    Fix(#[source] beanpole_checks::fix::OutcomeError),
    /// The hooks of a clone, where nobody commits.
    #[error("nobody commits in {start}: it is in a bare repository, or inside a `.git` directory")]
    NoClone {
        /// Where the search began.
        start: Utf8PathBuf,
    },
    /// `--exact` without the group that it is about.
    #[error("`--exact` is about migrations, and they are not among what is judged")]
    NothingExact,
    /// `--write-coverage` without a report.
    #[error("no coverage was judged, so there is none to write")]
    NoCoverage,
    /// A command that cannot be split into words.
    #[error("{place} is no command: words, quoted as in a shell")]
    ManageWords {
        /// Where it was written. Not the command itself: it may set a password.
        place: String,
    },
    /// No command was named, and the usual one is not there.
    #[error("there is no manage.py in {directory}")]
    NoManagePy {
        /// The project's directory.
        directory: Utf8PathBuf,
    },
    /// The project's manage.py could not be run.
    #[error("the program `{program}` could not be started to run the project's manage.py")]
    ManageNotStarted {
        /// The program, without its arguments: they may set a password.
        program: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// `--json` together with another form.
    #[error("`--json` and `--format` ask for two forms on stdout")]
    TwoForms,
    /// A result without a JSON form.
    #[error("the answer could not be written as JSON")]
    NoForm(#[source] serde_json::Error),
    /// What git wrote to a hook cannot be read.
    #[error("the push cannot be judged")]
    Push {
        /// What is wrong.
        #[source]
        source: beanpole_git::UpdateError,
    },
    /// What git writes to a hook was not there.
    #[error("stdin could not be read")]
    Stdin(#[source] std::io::Error),
    /// The work was interrupted before anything could be changed.
    #[error("interrupted before anything was changed")]
    Interrupted,
}

impl Failure {
    /// The project's environment does not exist yet.
    #[must_use]
    pub fn no_environment(project: &beanpole_manifest::Project) -> Self {
        Self::NoEnvironment {
            environment: project.environment.to_string(),
            application: project.application.to_string(),
            key: project.environment_key.clone(),
        }
    }
}

impl Problem for Failure {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Content { source, .. } => source.exit_code(),
            Self::NoManifest { .. }
            | Self::FileExists { .. }
            | Self::NoDirectory { .. }
            | Self::Read { .. }
            | Self::SecretLine { .. }
            | Self::FaultScript { .. }
            | Self::NoApplicationName { .. }
            | Self::NeedsYes { .. }
            | Self::NoEnvironment { .. }
            | Self::NoInstance { .. }
            | Self::NoAlertRoute { .. }
            | Self::Address { .. }
            | Self::OddPath { .. }
            | Self::Name(_)
            | Self::NoWayBack { .. }
            | Self::NoSuchVersion { .. }
            | Self::NotPromotable { .. }
            | Self::CheckName { .. }
            | Self::CheckPattern { .. }
            | Self::NoBaseline { .. }
            | Self::NotAsJudged { .. }
            | Self::Fix(_)
            | Self::NoClone { .. }
            | Self::NothingExact
            | Self::NoCoverage
            | Self::ManageWords { .. }
            | Self::NoManagePy { .. }
            | Self::ManageNotStarted { .. }
            | Self::TwoForms
            | Self::Push { .. }
            | Self::Declined => ExitCode::Usage,
            Self::NoForm(_) => ExitCode::Bug,
            Self::Runtime(_)
            | Self::Stdin(_)
            | Self::Temporary(_)
            | Self::Write { .. }
            | Self::NotDelivered { .. } => ExitCode::Outside,
            Self::Interrupted | Self::Stopped => ExitCode::Interrupted,
        }
    }

    fn details(&self) -> Vec<String> {
        match self {
            Self::Content { source, .. } => source.details(),
            _ => Vec::new(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Content { source, .. } => source.hint(),
            Self::NoManifest { .. } => Some(
                "run `beanpole init` in the project's root to write one, or name one with \
                 `--manifest FILE`"
                    .to_owned(),
            ),
            Self::FileExists { .. } => {
                Some("move it away first, or add `--force` to replace it".to_owned())
            }
            Self::NoApplicationName { .. } => {
                Some("name the application: `beanpole init --application NAME`".to_owned())
            }
            Self::NeedsYes { .. } => Some("add `--yes` if that is what you want".to_owned()),
            Self::NoEnvironment { key, .. } => Some(format!(
                "run `beanpole plan --env {key}`, then `beanpole apply --env {key}` to create it"
            )),
            Self::NoWayBack { .. } => Some(
                "`beanpole history` shows what was released; name a version with `--to VERSION`"
                    .to_owned(),
            ),
            Self::NoSuchVersion { .. } => {
                Some("`beanpole history` shows what was released".to_owned())
            }
            Self::NotPromotable { to, .. } => Some(format!(
                "release the commit itself in `{to}` with `beanpole deploy`"
            )),
            Self::NoInstance { known, .. } if known.is_empty() => None,
            Self::NoInstance { known, .. } => Some(format!("it has {}", known.join(", "))),
            Self::NoAlertRoute { .. } => Some(
                "set `alerts.slack` in beanpole.yaml and the variable that it names".to_owned(),
            ),
            Self::SecretLine { .. } => {
                Some("give one `NAME=VALUE` a line: the secret's name and its value".to_owned())
            }
            Self::FaultScript { .. } => {
                Some("docs/faults.md lists the keys and the faults".to_owned())
            }
            Self::Address { .. } => {
                Some("name one: `beanpole probe once https://HOST/ht/`".to_owned())
            }
            Self::CheckName { source, .. } => source.hint(),
            Self::NoBaseline { .. } => Some(
                "`beanpole check --all --write-baseline` writes one; one that is missing is never taken as empty"
                    .to_owned(),
            ),
            Self::NotAsJudged { .. } => Some(
                "`git status` shows what differs; stage it with `git add` (with `--base`: commit it), or put it aside with \
                 `git stash --include-untracked`, and run the command again"
                    .to_owned(),
            ),
            Self::Fix(_) => Some(
                "`beanpole check` without `--fix` says what to do by hand".to_owned(),
            ),
            Self::NoClone { .. } => Some(
                "`beanpole hooks install --server` puts the hook for pushes in place".to_owned(),
            ),
            Self::NothingExact => {
                Some("name them too, `beanpole check migrations … --exact`, or leave `--exact` out".to_owned())
            }
            Self::NoCoverage => Some(
                "name the report, `beanpole check coverage --all --coverage-report coverage.xml --write-coverage FILE`"
                    .to_owned(),
            ),
            Self::ManageWords { .. }
            | Self::NoManagePy { .. }
            | Self::ManageNotStarted { .. } => Some(
                "name the command, such as `beanpole check --exact --manage '.venv/bin/python manage.py'` or \
                 `--manage 'docker compose run --rm web python manage.py'`; it runs in the project's directory"
                    .to_owned(),
            ),
            Self::TwoForms => Some(
                "leave one of them out, or send the other one to a file with `--output FILE`".to_owned(),
            ),
            Self::Push { .. } => Some(
                "git itself runs `beanpole hooks run pre-push` and `pre-receive`, and writes a line for each reference"
                    .to_owned(),
            ),
            Self::Runtime(_)
            | Self::CheckPattern { .. }
            | Self::NoForm(_)
            | Self::Stdin(_)
            | Self::Write { .. }
            | Self::Read { .. }
            | Self::NoDirectory { .. }
            | Self::Declined
            | Self::Interrupted
            | Self::Temporary(_)
            | Self::OddPath { .. }
            | Self::Name(_)
            | Self::Stopped => None,
            Self::NotDelivered { hint, .. } => hint.clone(),
        }
    }
}
