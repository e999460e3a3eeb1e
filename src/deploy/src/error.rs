//! Why a release stopped or failed.
//!
//! Rules: one variant for each thing that can be in the way, with the object in it. `Display` says
//! what happened, `details` what was seen, `hint` what to type next. Errors of the crates below
//! keep their own exit code.

use std::io;
use std::time::Duration;

use beanpole_model::{ExitCode, Finding, Problem, Severity};

use crate::lock::Locked;
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
        source: Box<dyn std::error::Error + Send + Sync>,
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

    /// The image form needs an engine to build and push with.
    #[error("no Docker Engine is used, and the image for `{repository}` must be built and pushed")]
    NoEngine {
        /// The repository that the manifest names.
        repository: String,
    },

    /// A release of the image form was begun without its image.
    #[error("`{image}` was not pushed before the release")]
    ImageNotPushed {
        /// The provisional name.
        image: String,
    },

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
        /// AWS's word for its state, and the managed action that it is busy with, if any.
        state: String,
        /// How long we waited, in AWS time.
        waited: Duration,
        /// Its last events, oldest first: they tell who changes what.
        events: Vec<String>,
    },

    /// It is an environment of Beanstalk Cluster.
    #[error("environment `{environment}` is one of Beanstalk Cluster, which runs on EKS")]
    ClusterMode {
        /// The environment.
        environment: String,
    },

    /// AWS did not keep new settings.
    #[error("Beanstalk did not keep the new settings of `{environment}`")]
    ConfigurationNotKept {
        /// The environment.
        environment: String,
        /// The settings, by namespace and name.
        names: Vec<String>,
        /// Beanstalk's errors meanwhile, oldest first.
        events: Vec<String>,
    },

    /// Nobody holds the production name, or it cannot be told who.
    #[error("neither environment answers as `{name}`, so that it is unclear which one is live")]
    NoLiveEnvironment {
        /// The first label of the production name.
        name: String,
        /// What each answers to.
        names: Vec<String>,
    },

    /// The environment cannot have a second one beside it.
    #[error("environment `{environment}` cannot be released blue/green: {why}")]
    Unsuitable {
        /// The environment.
        environment: String,
        /// Why.
        why: &'static str,
    },

    /// The swap was accepted, and the names stayed.
    #[error("`{environment}` did not get the public name")]
    NotSwapped {
        /// The environment that should have it.
        environment: String,
    },

    /// The environment holds the production name.
    #[error("environment `{environment}` is live and is not terminated")]
    StillLive {
        /// The environment.
        environment: String,
    },

    /// AWS could not terminate an environment.
    #[error("environment `{environment}` was not terminated")]
    NotTerminated {
        /// The environment.
        environment: String,
        /// Beanstalk's errors, oldest first.
        events: Vec<String>,
    },

    /// Something is under way that Beanstalk does not take back.
    #[error("environment `{environment}` is {state}, and Beanstalk does not let that be aborted")]
    NotAbortable {
        /// The environment.
        environment: String,
        /// AWS's word for its state.
        state: String,
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

    /// Someone else holds the environment's lock.
    #[error("`{}` is locked by {}", .0.environment, .0.holder())]
    Locked(Box<Locked>),

    /// The lock was taken away while the release went on.
    #[error("the lock of `{environment}` was lost: {how}")]
    LockLost {
        /// The environment.
        environment: String,
        /// Who has it now, or that it was removed.
        how: String,
    },

    /// A document was written by a newer beanpole.
    #[error("`{place}` was written by a newer beanpole")]
    Newer {
        /// Where it is.
        place: String,
        /// Its format.
        found: u32,
        /// The newest format that is known here.
        known: u32,
    },

    /// Another run writes the same record.
    #[error("the record `{id}` is being written by someone else")]
    RecordTaken {
        /// The record.
        id: String,
    },

    /// This machine's records could not be read.
    #[error("`{path}` was not read")]
    StateRead {
        /// The file or the folder.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },

    /// This machine's records could not be written.
    #[error("`{path}` was not written")]
    StateWrite {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },

    /// A document could not be put into JSON.
    #[error("the document of `{what}` was not made")]
    Document {
        /// What it is about.
        what: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },

    /// Stopped by the user or the caller.
    #[error("interrupted")]
    Interrupted,

    /// The settings could not be read.
    #[error(transparent)]
    Provision(beanpole_provision::Error),

    /// The serving code could not live with the migrations.
    #[error("the code that serves could not live with the new migrations: {}", errors_in(.findings))]
    UnsafeMigrations {
        /// What was found, errors and the rest.
        findings: Vec<Finding>,
    },

    /// The environment runs no version that could be promoted.
    #[error("environment `{environment}` runs no version of the application")]
    NothingToPromote {
        /// The environment.
        environment: String,
    },

    /// A step was taken that its plan had not prepared.
    #[error("{0} was not prepared by the plan")]
    Unplanned(&'static str),

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

fn errors_in(findings: &[Finding]) -> String {
    let errors = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .count();
    match errors {
        1 => "1 finding".to_owned(),
        _ => format!("{errors} findings"),
    }
}

fn count_errors(findings: &[Finding]) -> String {
    format!(
        "the commit is not fit to be released: {}",
        errors_in(findings)
    )
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
            Self::Provision(source) => source.exit_code(),
            Self::NotDeployable { .. }
            | Self::UnsafePath { .. }
            | Self::BundleTooLarge { .. }
            | Self::Unproven { .. }
            | Self::ProbeFailed { .. }
            | Self::SoakFailed { .. }
            | Self::VersionTaken { .. }
            | Self::VersionFailed { .. }
            | Self::UnsafeMigrations { .. }
            | Self::NothingToPromote { .. }
            | Self::ConfigurationNotKept { .. } => ExitCode::Findings,
            Self::NoEnvironment { .. }
            | Self::NoEngine { .. }
            | Self::Newer { .. }
            | Self::ClusterMode { .. }
            | Self::NoLiveEnvironment { .. }
            | Self::StillLive { .. }
            | Self::Unsuitable { .. } => ExitCode::Usage,
            Self::DiskFull { .. }
            | Self::BundleWrite { .. }
            | Self::StateRead { .. }
            | Self::StateWrite { .. }
            | Self::EnvironmentGone { .. }
            | Self::NotSwapped { .. }
            | Self::NotTerminated { .. } => ExitCode::Outside,
            Self::Busy { .. }
            | Self::SomeoneElse { .. }
            | Self::Locked(_)
            | Self::LockLost { .. }
            | Self::NotAbortable { .. }
            | Self::RecordTaken { .. } => ExitCode::Busy,
            Self::OutOfTime { .. } | Self::VersionNotProcessed { .. } => ExitCode::OutOfTime,
            Self::NothingToGoBackTo { .. } => ExitCode::FailedNotRestored,
            Self::Interrupted => ExitCode::Interrupted,
            Self::Render { .. }
            | Self::Label { .. }
            | Self::Pack { .. }
            | Self::Document { .. }
            | Self::ImageNotPushed { .. }
            | Self::Unplanned(_)
            | Self::Worker { .. } => ExitCode::Bug,
        }
    }

    fn details(&self) -> Vec<String> {
        match self {
            Self::Git(source) => source.details(),
            Self::Image(source) => source.details(),
            Self::Cloud { source, .. } => source.details(),
            Self::Provision(source) => source.details(),
            Self::NotDeployable { findings } | Self::UnsafeMigrations { findings } => {
                findings.iter().map(describe).collect()
            }
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
            Self::Busy { events, .. } | Self::NotTerminated { events, .. } => events.clone(),
            Self::Locked(locked) => locked.details(),
            Self::Newer { found, known, .. } => {
                vec![format!(
                    "it has format {found}; this one reads up to {known}"
                )]
            }
            Self::ConfigurationNotKept { names, events, .. } => {
                names.iter().chain(events).cloned().collect()
            }
            Self::NoLiveEnvironment { names, .. } => names.clone(),
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
            Self::Provision(source) => return source.hint(),
            Self::NotDeployable { .. } => {
                "correct what is named above, commit it, and run the command again"
            }
            Self::UnsafePath { .. } => "rename the file with `git mv` and commit it",
            Self::BundleTooLarge { .. } => {
                "keep large files out with `.beanpoleignore` or `git rm --cached`, or serve them from S3"
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
            Self::ClusterMode { .. } => {
                "release it with AWS's own tools; beanpole ships to environments with EC2 instances"
            }
            Self::ConfigurationNotKept { .. } => {
                "correct these settings in `beanpole.yaml`; `beanpole events` shows what happened"
            }
            Self::NoLiveEnvironment { .. } => {
                "set `cname_prefix` in `beanpole.yaml` to the name that your users have"
            }
            Self::Unsuitable { .. } => "set `deployment: {strategy: in-place}` in `beanpole.yaml`",
            Self::NotSwapped { .. } => {
                "`beanpole events` shows why; the old environment goes on serving"
            }
            Self::StillLive { .. } => "release first; only the environment without traffic may go",
            Self::NotTerminated { .. } => {
                "remove what AWS names above, then release again: it is ended, or reused, then"
            }
            Self::NotAbortable { .. } => {
                "`beanpole events --follow` shows how it goes on; `beanpole status` how it ended"
            }
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
            Self::Locked(locked) => return Some(locked.hint()),
            Self::LockLost { .. } => {
                "`beanpole lock show` shows who has it, `beanpole status` how the environment stands"
            }
            Self::Newer { .. } => "install the version of beanpole that the others use",
            Self::RecordTaken { .. } => {
                "`beanpole lock show` shows who releases; run the command again when they are done"
            }
            Self::StateRead { .. } => "check the permissions of that file",
            Self::StateWrite { .. } => {
                "check the permissions and the free space of that directory, or name another one"
            }
            Self::Interrupted => return None,
            Self::NothingToPromote { .. } => "release a commit there first: `beanpole deploy`",
            Self::UnsafeMigrations { .. } => {
                "release in two steps as named above, or say why it is safe here: `--allow-unsafe-migrations REASON`"
            }
            Self::NoEngine { .. } => {
                "start a Docker Engine, or take `image.registry` out of the manifest: then the instances build the image"
            }
            Self::Render { .. }
            | Self::Label { .. }
            | Self::Pack { .. }
            | Self::ImageNotPushed { .. }
            | Self::Unplanned(_)
            | Self::Document { .. }
            | Self::Worker { .. } => {
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
