//! Why a plan cannot be applied, and how applying it ended.

use std::time::Duration;

use beanpole_model::{EnvironmentName, ExitCode, Finding, Problem};

use crate::plan::Resource;
use crate::planner::{BUSY, MISSING_ROLE};

/// Why a plan may not be applied. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Findings of severity error stand in the way.
    #[error("the plan for environment `{environment}` cannot be applied: {}", count(.findings))]
    Blocked {
        /// The environment.
        environment: EnvironmentName,
        /// The findings, all of severity error.
        findings: Vec<Finding>,
    },
}

fn count(findings: &[Finding]) -> String {
    match findings {
        [one] => one.message.clone(),
        many => format!("{} things stand in the way", many.len()),
    }
}

impl Problem for PlanError {
    /// 7 if an IAM role is missing, 5 if something is being deleted, otherwise 2: the manifest asks
    /// for what AWS cannot do.
    fn exit_code(&self) -> ExitCode {
        let Self::Blocked { findings, .. } = self;
        let has = |rule: &str| findings.iter().any(|finding| finding.rule == rule);
        if has(MISSING_ROLE) {
            ExitCode::Credentials
        } else if has(BUSY) {
            ExitCode::Busy
        } else {
            ExitCode::Usage
        }
    }

    fn details(&self) -> Vec<String> {
        let Self::Blocked { findings, .. } = self;
        findings
            .iter()
            .map(|finding| format!("{}: {}", finding.message, finding.reason))
            .collect()
    }

    fn hint(&self) -> Option<String> {
        let Self::Blocked { findings, .. } = self;
        match findings.iter().find_map(|finding| finding.remedy.as_ref()) {
            Some(remedy) if findings.len() == 1 => Some(remedy.clone()),
            _ => Some("Run `beanpole plan` to see each with its remedy.".to_owned()),
        }
    }
}

/// How observing or applying failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The plan may not be applied.
    #[error("the plan cannot be applied")]
    Plan(#[source] PlanError),
    /// Since the plan was made, the account changed so that more would be done than was agreed to.
    #[error("the plan for environment `{environment}` is out of date")]
    OutOfDate {
        /// The environment.
        environment: EnvironmentName,
        /// What would be done beyond the plan.
        beyond: Vec<String>,
    },
    /// An AWS call failed.
    #[error("{doing} failed")]
    Cloud {
        /// What was being done: ``creating database `blog-db` ``.
        doing: String,
        /// The call.
        #[source]
        source: beanpole_cloud::Error,
    },
    /// A secret is not in the form that beanpole writes.
    #[error("secret `{name}` cannot be used")]
    Secret {
        /// Its name.
        name: String,
        /// What is wrong with it.
        #[source]
        source: beanpole_secrets::Error,
    },
    /// A resource is in a state from which it does not come right by itself.
    #[error("{resource} is {status}")]
    Broken {
        /// The resource.
        resource: Resource,
        /// Its state.
        status: String,
        /// AWS's reasons, latest last.
        causes: Vec<String>,
    },
    /// AWS refused settings or took them back.
    #[error("{resource} did not take its settings")]
    NotTaken {
        /// The environment.
        resource: Resource,
        /// What differs, and AWS's reasons.
        causes: Vec<String>,
    },
    /// A value that should be there by now is not.
    #[error("{what} is not known")]
    Missing {
        /// What: ``the address of database `blog-db` ``.
        what: String,
    },
    /// A wait ran out.
    #[error("{resource} is {status} after {} min", .waited.as_secs() / 60)]
    OutOfTime {
        /// The resource.
        resource: Resource,
        /// Its last known state.
        status: String,
        /// How long was waited for, in AWS's time.
        waited: Duration,
    },
    /// The caller stopped the work.
    #[error("interrupted before {resource} was done")]
    Interrupted {
        /// The resource that was being worked on.
        resource: Resource,
    },
    /// One step failed; others may have been under way.
    #[error("{} of {total} changes were applied before one failed", .done.len())]
    Apply {
        /// The resources that are done.
        done: Vec<Resource>,
        /// How many changes there were to make.
        total: usize,
        /// What AWS goes on with by itself, in words.
        ongoing: Vec<String>,
        /// What failed first.
        #[source]
        source: Box<Error>,
    },
}

impl Error {
    /// Wraps a failed call.
    pub(crate) fn cloud(doing: impl Into<String>) -> impl FnOnce(beanpole_cloud::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Cloud { doing, source }
    }
}

impl Problem for Error {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Plan(error) => error.exit_code(),
            Self::OutOfDate { .. } => ExitCode::Busy,
            Self::Cloud { source, .. } => source.exit_code(),
            Self::Secret { source, .. } => source.exit_code(),
            Self::Broken { .. } | Self::NotTaken { .. } => ExitCode::FailedNotRestored,
            Self::Missing { .. } => ExitCode::Outside,
            Self::OutOfTime { .. } => ExitCode::OutOfTime,
            Self::Interrupted { .. } => ExitCode::Interrupted,
            Self::Apply { source, .. } => source.exit_code(),
        }
    }

    fn details(&self) -> Vec<String> {
        match self {
            Self::Plan(error) => error.details(),
            Self::OutOfDate { beyond, .. } => beyond.clone(),
            Self::Cloud { source, .. } => source.details(),
            Self::Secret { source, .. } => source.details(),
            Self::Broken { causes, .. } | Self::NotTaken { causes, .. } => causes.clone(),
            Self::Missing { .. } | Self::OutOfTime { .. } | Self::Interrupted { .. } => Vec::new(),
            Self::Apply {
                done,
                ongoing,
                source,
                ..
            } => {
                let mut details = source.details();
                details.extend(done.iter().map(|resource| format!("done: {resource}")));
                details.extend(ongoing.iter().map(|line| format!("AWS goes on {line}")));
                details
            }
        }
    }

    fn hint(&self) -> Option<String> {
        let again = "Run `beanpole apply` again: it goes on where this run stopped.";
        match self {
            Self::Plan(error) => error.hint(),
            Self::OutOfDate { .. } => Some("Run `beanpole plan` and look again.".to_owned()),
            Self::Cloud { source, .. } => source.hint(),
            Self::Secret { source, .. } => source.hint(),
            Self::Broken { resource, .. } => Some(format!(
                "Repair or delete {resource} by hand, then run `beanpole apply` again."
            )),
            Self::NotTaken { .. } => Some(
                "Correct the settings in `beanpole.yaml`, then run `beanpole apply`.".to_owned(),
            ),
            Self::Missing { .. } | Self::OutOfTime { .. } | Self::Interrupted { .. } => {
                Some(again.to_owned())
            }
            Self::Apply { source, .. } => source.hint().or_else(|| Some(again.to_owned())),
        }
    }
}

impl From<PlanError> for Error {
    fn from(error: PlanError) -> Self {
        Self::Plan(error)
    }
}
