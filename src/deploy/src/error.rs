//! Why a release stopped or failed.
//!
//! Rules: one variant for each thing that can be in the way, with the object in it. `Display` says
//! what happened, `details` what was seen, `hint` what to type next. Errors of the crates below
//! keep their own exit code.

use std::io;
use std::time::Duration;

use beanpole_model::{ExitCode, Finding, Problem, Severity};

use crate::proof::{REASONS_SHOWN, Reason, summarise};

/// A release that stopped or failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The repository is not there, or git did not answer as hoped.
    #[error(transparent)]
    Git(beanpole_git::Error),

    /// The commit is not fit to be released.
    #[error("{}", count_errors(.findings))]
    NotDeployable {
        /// What was found, errors and the rest.
        findings: Vec<Finding>,
    },

    /// A file that is made for the bundle could not be written as YAML.
    #[error("`{path}` was not rendered")]
    Render {
        /// The file in the bundle.
        path: &'static str,
        /// Why.
        #[source]
        source: Box<serde_yaml::ser_error::Error>,
    },

    /// Commit and content made no valid version label.
    #[error("the version label was not made")]
    Label {
        /// Why.
        #[source]
        source: beanpole_model::NameError,
    },

    /// A path in the commit is not safe to unpack.
    #[error("`{path}` cannot go into the bundle: {why}")]
    UnsafePath {
        /// The path, with odd letters escaped.
        path: String,
        /// Which rule it breaks.
        why: &'static str,
    },

    /// The bundle is larger than Beanstalk takes.
    #[error("the bundle is larger than {} MiB", .limit / (1024 * 1024))]
    BundleTooLarge {
        /// The limit in bytes.
        limit: u64,
        /// The largest files in the commit with their sizes in bytes, largest first.
        largest: Vec<(String, u64)>,
    },

    /// There is no room for the bundle on this machine.
    #[error("no space left in `{directory}` for the bundle")]
    DiskFull {
        /// Where it was being written.
        directory: String,
        /// Why.
        #[source]
        source: io::Error,
    },

    /// The bundle could not be written.
    #[error("the bundle was not written to `{path}`")]
    BundleWrite {
        /// The file or the folder.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },

    /// The archive library refused a file.
    #[error("`{path}` was not packed")]
    Pack {
        /// The file in the bundle.
        path: String,
        /// Why.
        #[source]
        source: zip::result::ZipError,
    },

    /// The image did not build, or Docker was not there.
    #[error(transparent)]
    Image(beanpole_image::Error),

    /// An AWS call failed.
    #[error("{doing} failed")]
    Cloud {
        /// What was being done: `reading the environment`.
        doing: &'static str,
        /// The failed call.
        #[source]
        source: beanpole_cloud::Error,
    },

    /// The environment does not exist.
    #[error("application `{application}` has no environment `{environment}`")]
    NoEnvironment {
        /// The application.
        application: String,
        /// The environment.
        environment: String,
    },

    /// The environment is going away or gone.
    #[error("environment `{environment}` is {state}")]
    EnvironmentGone {
        /// The environment.
        environment: String,
        /// AWS's word for its state.
        state: String,
    },

    /// The label is taken by a version with another bundle.
    #[error("version `{label}` exists with other content")]
    VersionTaken {
        /// The label.
        label: String,
        /// The bundle it points to.
        found: String,
        /// The bundle it should point to.
        wanted: String,
    },

    /// Beanstalk could not process the version.
    #[error("Beanstalk did not accept version `{label}`")]
    VersionFailed {
        /// The label.
        label: String,
    },

    /// Beanstalk did not finish checking the version in time.
    #[error("Beanstalk did not finish checking `{label}` within {}", minutes(.limit))]
    VersionNotProcessed {
        /// The label.
        label: String,
        /// The deadline that was given, in AWS time.
        limit: Duration,
    },

    /// Someone else released another version meanwhile.
    #[error("`{environment}` was moved to `{found}` by someone else meanwhile")]
    SomeoneElse {
        /// The environment.
        environment: String,
        /// The version that it names now.
        found: String,
    },

    /// The environment stayed busy with something else.
    #[error("environment `{environment}` was {state} for {}", minutes(.waited))]
    Busy {
        /// The environment.
        environment: String,
        /// AWS's word for its state.
        state: String,
        /// How long we waited, in AWS time.
        waited: Duration,
        /// Its last events, oldest first: they tell who changes what.
        events: Vec<String>,
    },

    /// The update did not end in time.
    #[error("the update of `{environment}` did not end within {}", minutes(.limit))]
    OutOfTime {
        /// The environment.
        environment: String,
        /// The deadline that was given, in AWS time.
        limit: Duration,
    },

    /// The version is not on every instance, or they are not well.
    #[error("`{version}` was not proven on `{environment}`: {}", summarise(.reasons))]
    Unproven {
        /// The environment.
        environment: String,
        /// The version.
        version: String,
        /// Why.
        reasons: Vec<Reason>,
    },

    /// The health check failed from outside.
    #[error("{url} was not healthy from outside: {reason}")]
    ProbeFailed {
        /// What was asked.
        url: String,
        /// What was wrong with the last answer.
        reason: String,
        /// The components that were not well, each with its message.
        components: Vec<String>,
    },

    /// It was well, and then it was not.
    #[error("`{version}` did not stay healthy: {reason}")]
    SoakFailed {
        /// The version.
        version: String,
        /// What was seen.
        reason: String,
        /// The components that were not well, each with its message.
        components: Vec<String>,
    },

    /// There is no former version to go back to.
    #[error("there is no former version to go back to")]
    NothingToGoBackTo {
        /// What the environment ran before.
        former: Option<String>,
        /// Why that is no way back.
        why: &'static str,
    },

    /// Stopped by the user or the caller.
    #[error("interrupted")]
    Interrupted,

    /// A worker thread ended without a result.
    #[error("{doing} ended without a result")]
    Worker {
        /// What it was doing.
        doing: &'static str,
        /// Why.
        #[source]
        source: tokio::task::JoinError,
    },
}

fn minutes(duration: &Duration) -> String {
    match duration.as_secs() {
        seconds if seconds < 120 => format!("{seconds} seconds"),
        seconds => format!("{} minutes", seconds.div_ceil(60)),
    }
}

fn count_errors(findings: &[Finding]) -> String {
    let errors = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .count();
    match errors {
        1 => "the commit is not fit to be released: 1 finding".to_owned(),
        _ => format!("the commit is not fit to be released: {errors} findings"),
    }
}

impl Error {
    /// Turns a write error into the one that says what to do.
    pub(crate) fn write(path: &camino::Utf8Path, source: io::Error) -> Self {
        let full = matches!(
            source.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
        );
        if full {
            let directory = path.parent().unwrap_or(path).to_string();
            Self::DiskFull { directory, source }
        } else {
            Self::BundleWrite {
                path: path.to_string(),
                source,
            }
        }
    }
}

impl Problem for Error {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Git(source) => source.exit_code(),
            Self::Image(source) => source.exit_code(),
            Self::Cloud { source, .. } => source.exit_code(),
            Self::NotDeployable { .. }
            | Self::UnsafePath { .. }
            | Self::BundleTooLarge { .. }
            | Self::Unproven { .. }
            | Self::ProbeFailed { .. }
            | Self::SoakFailed { .. }
            | Self::VersionTaken { .. }
            | Self::VersionFailed { .. } => ExitCode::Findings,
            Self::NoEnvironment { .. } => ExitCode::Usage,
            Self::DiskFull { .. } | Self::BundleWrite { .. } | Self::EnvironmentGone { .. } => {
                ExitCode::Outside
            }
            Self::Busy { .. } | Self::SomeoneElse { .. } => ExitCode::Busy,
            Self::OutOfTime { .. } | Self::VersionNotProcessed { .. } => ExitCode::OutOfTime,
            Self::NothingToGoBackTo { .. } => ExitCode::FailedNotRestored,
            Self::Interrupted => ExitCode::Interrupted,
            Self::Render { .. } | Self::Label { .. } | Self::Pack { .. } | Self::Worker { .. } => {
                ExitCode::Bug
            }
        }
    }

    fn details(&self) -> Vec<String> {
        match self {
            Self::Git(source) => source.details(),
            Self::Image(source) => source.details(),
            Self::Cloud { source, .. } => source.details(),
            Self::NotDeployable { findings } => findings.iter().map(describe).collect(),
            Self::BundleTooLarge { largest, .. } => largest
                .iter()
                .map(|(path, size)| format!("{:>7.1} MiB  {path}", mebibytes(*size)))
                .collect(),
            Self::VersionTaken { found, wanted, .. } => {
                vec![
                    format!("it points to {found}"),
                    format!("this commit makes {wanted}"),
                ]
            }
            Self::Busy { events, .. } => events.clone(),
            // The message names the first ones.
            Self::Unproven { reasons, .. } => reasons
                .iter()
                .skip(REASONS_SHOWN)
                .map(ToString::to_string)
                .collect(),
            Self::ProbeFailed { components, .. } | Self::SoakFailed { components, .. } => {
                components.clone()
            }
            Self::NothingToGoBackTo { former, why } => {
                let former = former.as_deref().unwrap_or("nothing");
                vec![format!("before the update it ran {former}: {why}")]
            }
            _ => Vec::new(),
        }
    }

    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Git(source) => return source.hint(),
            Self::Image(source) => return source.hint(),
            Self::Cloud { source, .. } => return source.hint(),
            Self::NotDeployable { .. } => {
                "correct what is named above, commit it, and run the command again"
            }
            Self::UnsafePath { .. } => "rename the file with `git mv` and commit it",
            Self::BundleTooLarge { .. } => {
                "take large files out of the commit with `git rm --cached`, or serve them from S3"
            }
            Self::DiskFull { .. } => {
                "free some space, or name another cache directory; nothing was left behind"
            }
            Self::BundleWrite { .. } => "check the permissions of that directory",
            Self::NoEnvironment { .. } => {
                "create it with `beanpole apply`; `beanpole plan` shows what that does"
            }
            Self::EnvironmentGone { .. } => {
                "`beanpole apply` creates it anew once it is terminated"
            }
            Self::VersionTaken { .. } => {
                "delete that version in the Beanstalk console, or make a new commit"
            }
            Self::VersionFailed { .. } => {
                "check `env.yaml` and the files under `.ebextensions`: Beanstalk does not say which"
            }
            Self::Busy { .. } => "`beanpole status` shows when it is Ready; then run this again",
            Self::VersionNotProcessed { .. } => {
                "run the command again: it goes on with the same version"
            }
            Self::SomeoneElse { .. } => "`beanpole events` shows who; agree on who releases",
            Self::OutOfTime { .. } => {
                "AWS goes on by itself: `beanpole events --follow` shows how it ends"
            }
            Self::Unproven { .. } | Self::SoakFailed { .. } => {
                "`beanpole logs` fetches the logs of every instance"
            }
            Self::ProbeFailed { .. } => {
                "`beanpole probe once` asks again; `beanpole logs` fetches the logs"
            }
            Self::NothingToGoBackTo { .. } => {
                "release a good commit; until then the environment keeps what it has"
            }
            Self::Interrupted => return None,
            Self::Render { .. } | Self::Label { .. } | Self::Pack { .. } | Self::Worker { .. } => {
                "this is a bug in beanpole: please report it with this message"
            }
        };
        Some(text.to_owned())
    }
}

/// A finding in one line: place, message, remedy.
fn describe(finding: &Finding) -> String {
    let mut text = match &finding.location {
        Some(location) => format!("{location}: {}", finding.message),
        None => finding.message.clone(),
    };
    if let Some(remedy) = &finding.remedy {
        text.push_str(&format!(" ({remedy})"));
    }
    text
}

/// Bytes in MiB, for people.
fn mebibytes(bytes: u64) -> f64 {
    // One decimal is shown, so the precision that is lost above 2^53 does not matter.
    let tenths = bytes.saturating_mul(10) / (1024 * 1024);
    f64::from(u32::try_from(tenths).unwrap_or(u32::MAX)) / 10.0
}
