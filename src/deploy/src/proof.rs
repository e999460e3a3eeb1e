//! Does every instance run the wanted version, and is the environment well?
//!
//! Rules: pure. State decides; events have no say here. Three answers: proven, not yet, or refuted.
//! What AWS reports lags by 10 to 60 seconds, so one look never refutes anything: [`Proof`] counts
//! looks in a row before it gives up, and whoever polls adds the deadline.

use std::fmt;

use serde::Serialize;

use crate::observation::{
    Color, DeploymentStatus, InstanceSight, Sight, describe_health, is_healthy,
};
use crate::observation::{EnvironmentSight, EnvironmentState};

/// How often in a row a wrong version or a failed instance must be seen before it is believed.
pub const LOOKS_TO_REFUTE_VERSION: u32 = 3;

/// How often in a row a red environment must be seen before it is believed. Beanstalk needs one
/// minute to turn the colour, and load balancer targets take some looks to be counted in.
pub const LOOKS_TO_REFUTE_HEALTH: u32 = 6;

/// What must be true.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Expectation {
    /// The version label that every instance must run.
    pub version: String,
    /// How many instances there must be at least; 0 counts as 1.
    pub minimum_instances: u32,
    /// The newest deployment id before the update. Instances must report a newer one, so that stale
    /// health data cannot prove anything. None if no update was made.
    pub after_deployment: Option<i64>,
    /// False if the environment was not healthy before and only has to come back to its version.
    pub healthy: bool,
}

/// One reason why it is not proven.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum Reason {
    /// The environment is not there, or is going away.
    Gone {
        /// AWS's word for its state, if it was still seen.
        state: Option<String>,
    },
    /// The environment is still busy.
    Busy {
        /// AWS's word: `Updating`.
        state: String,
    },
    /// The environment names another version.
    OtherVersion {
        /// The version it names.
        found: Option<String>,
    },
    /// There is no instance health to read: enhanced health reporting is off.
    NoInstanceHealth,
    /// Fewer instances than the minimum.
    TooFewInstances {
        /// How many there are.
        found: usize,
        /// How many there must be.
        wanted: u32,
    },
    /// An instance has not reported a deployment yet.
    InstanceSilent {
        /// The instance.
        instance: String,
    },
    /// An instance runs another version.
    InstanceOtherVersion {
        /// The instance.
        instance: String,
        /// What it runs.
        found: Option<String>,
        /// Its deployment id.
        deployment: i64,
    },
    /// The deployment failed on an instance.
    InstanceFailed {
        /// The instance.
        instance: String,
        /// What was deployed.
        version: Option<String>,
    },
    /// The deployment goes on on an instance, or its state has no name that we know.
    InstanceInProgress {
        /// The instance.
        instance: String,
    },
    /// An instance is on an older deployment than another instance, or than the one just made.
    InstanceBehind {
        /// The instance.
        instance: String,
        /// Its deployment id.
        deployment: i64,
        /// The id that it should have at least.
        newest: i64,
    },
    /// An instance is not well.
    InstanceUnwell {
        /// The instance.
        instance: String,
        /// Its colour.
        color: Color,
        /// Its health, described.
        health: String,
    },
    /// The environment is not well.
    Unwell {
        /// Its colour.
        color: Color,
        /// Its health, described.
        health: String,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = |version: &Option<String>| match version {
            Some(version) => format!("`{version}`"),
            None => "no version".to_owned(),
        };
        match self {
            Self::Gone { state: Some(state) } => write!(formatter, "the environment is {state}"),
            Self::Gone { state: None } => formatter.write_str("the environment does not exist"),
            Self::Busy { state } => write!(formatter, "the environment is {state}"),
            Self::OtherVersion { found } => {
                write!(formatter, "the environment names {}", named(found))
            }
            Self::NoInstanceHealth => {
                formatter.write_str("enhanced health is off, so instances cannot be asked")
            }
            Self::TooFewInstances { found, wanted } => {
                write!(
                    formatter,
                    "{found} of at least {wanted} instances are there"
                )
            }
            Self::InstanceSilent { instance } => {
                write!(formatter, "{instance} has not reported a deployment")
            }
            Self::InstanceOtherVersion {
                instance,
                found,
                deployment,
            } => write!(
                formatter,
                "{instance} runs {} (deployment {deployment})",
                named(found)
            ),
            Self::InstanceFailed { instance, version } => {
                write!(
                    formatter,
                    "the deployment of {} failed on {instance}",
                    named(version)
                )
            }
            Self::InstanceInProgress { instance } => {
                write!(formatter, "the deployment goes on on {instance}")
            }
            Self::InstanceBehind {
                instance,
                deployment,
                newest,
            } => write!(
                formatter,
                "{instance} is on deployment {deployment}, not yet on {newest}"
            ),
            Self::InstanceUnwell {
                instance, health, ..
            } => {
                write!(formatter, "{instance} is {health}")
            }
            Self::Unwell { health, .. } => write!(formatter, "the environment is {health}"),
        }
    }
}

/// How long a reason may be seen before it counts as a refutation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weight {
    /// At once.
    Fatal,
    /// After [`LOOKS_TO_REFUTE_VERSION`] looks in a row.
    Version,
    /// After [`LOOKS_TO_REFUTE_HEALTH`] looks in a row.
    Health,
    /// Only the deadline ends it.
    Patience,
}

impl Reason {
    /// True if something is wrong, not merely late: a yellow or red environment or instance, or a
    /// deployment that failed or is another one.
    #[must_use]
    pub fn is_unwell(&self) -> bool {
        match self {
            Self::Unwell { color, .. } | Self::InstanceUnwell { color, .. } => {
                *color != Color::Grey
            }
            Self::Gone { .. }
            | Self::OtherVersion { .. }
            | Self::NoInstanceHealth
            | Self::InstanceOtherVersion { .. }
            | Self::InstanceFailed { .. } => true,
            Self::Busy { .. }
            | Self::TooFewInstances { .. }
            | Self::InstanceSilent { .. }
            | Self::InstanceInProgress { .. }
            | Self::InstanceBehind { .. } => false,
        }
    }

    fn weight(&self, ready: bool) -> Weight {
        match self {
            Self::Gone { .. } => Weight::Fatal,
            // While Beanstalk works, old versions on instances are what one expects to see.
            Self::OtherVersion { .. }
            | Self::InstanceOtherVersion { .. }
            | Self::InstanceFailed { .. }
                if ready =>
            {
                Weight::Version
            }
            Self::Unwell {
                color: Color::Red, ..
            } if ready => Weight::Health,
            _ => Weight::Patience,
        }
    }
}

/// What one look says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// All that was expected is true at this moment.
    Proven {
        /// How many instances run the version.
        instances: usize,
    },
    /// Something is missing; the reasons say what.
    Unproven(Vec<Reason>),
}

/// Judges one look.
#[must_use]
pub fn judge(expectation: &Expectation, sight: &Sight) -> Judgement {
    let Some(environment) = &sight.environment else {
        return Judgement::Unproven(vec![Reason::Gone { state: None }]);
    };
    let mut reasons = Vec::new();
    judge_environment(expectation, environment, &mut reasons);
    let count = match &sight.instances {
        None => {
            reasons.push(Reason::NoInstanceHealth);
            0
        }
        Some(instances) => {
            judge_fleet(
                expectation,
                instances,
                sight.newest_deployment(),
                &mut reasons,
            );
            instances.len()
        }
    };
    if reasons.is_empty() {
        Judgement::Proven { instances: count }
    } else {
        Judgement::Unproven(reasons)
    }
}

fn judge_environment(
    expectation: &Expectation,
    environment: &EnvironmentSight,
    reasons: &mut Vec<Reason>,
) {
    match &environment.state {
        EnvironmentState::Ready => {}
        EnvironmentState::Busy(state) => reasons.push(Reason::Busy {
            state: state.clone(),
        }),
        EnvironmentState::Ending(state) => reasons.push(Reason::Gone {
            state: Some(state.clone()),
        }),
    }
    if environment.version.as_deref() != Some(expectation.version.as_str()) {
        reasons.push(Reason::OtherVersion {
            found: environment.version.clone(),
        });
    }
    let status = environment.status.as_deref();
    if expectation.healthy && !is_healthy(environment.color, status) {
        reasons.push(Reason::Unwell {
            color: environment.color,
            health: describe_health(environment.color, status, &environment.causes),
        });
    }
}

fn judge_fleet(
    expectation: &Expectation,
    instances: &[InstanceSight],
    newest: Option<i64>,
    reasons: &mut Vec<Reason>,
) {
    let wanted = expectation.minimum_instances.max(1);
    if u32::try_from(instances.len()).is_ok_and(|found| found < wanted) {
        reasons.push(Reason::TooFewInstances {
            found: instances.len(),
            wanted,
        });
    }
    let floor = match (newest, expectation.after_deployment) {
        (Some(newest), Some(before)) => newest.max(before.saturating_add(1)),
        (Some(newest), None) => newest,
        (None, Some(before)) => before.saturating_add(1),
        (None, None) => i64::MIN,
    };
    for instance in instances {
        if let Some(reason) = judge_instance(expectation, instance, floor) {
            reasons.push(reason);
        }
        let status = instance.status.as_deref();
        if expectation.healthy && !is_healthy(instance.color, status) {
            reasons.push(Reason::InstanceUnwell {
                instance: instance.id.clone(),
                color: instance.color,
                health: describe_health(instance.color, status, &instance.causes),
            });
        }
    }
}

fn judge_instance(
    expectation: &Expectation,
    instance: &InstanceSight,
    floor: i64,
) -> Option<Reason> {
    let id = instance.id.clone();
    let Some(deployment) = &instance.deployment else {
        return Some(Reason::InstanceSilent { instance: id });
    };
    let is_wanted = deployment.version.as_deref() == Some(expectation.version.as_str());
    let behind = deployment.id < floor;
    match deployment.status {
        DeploymentStatus::InProgress | DeploymentStatus::Unknown => {
            Some(Reason::InstanceInProgress { instance: id })
        }
        DeploymentStatus::Deployed if !is_wanted => Some(Reason::InstanceOtherVersion {
            instance: id,
            found: deployment.version.clone(),
            deployment: deployment.id,
        }),
        // An instance whose former deployment failed waits for its turn in a later batch.
        DeploymentStatus::Failed if !behind => Some(Reason::InstanceFailed {
            instance: id,
            version: deployment.version.clone(),
        }),
        DeploymentStatus::Deployed if !behind => None,
        DeploymentStatus::Deployed | DeploymentStatus::Failed => Some(Reason::InstanceBehind {
            instance: id,
            deployment: deployment.id,
            newest: floor,
        }),
    }
}

/// How many instances run `version`, and how many there are: for progress lines.
#[must_use]
pub fn count_running(version: &str, instances: &[InstanceSight]) -> (usize, usize) {
    let running = instances
        .iter()
        .filter_map(|instance| instance.deployment.as_ref())
        .filter(|deployment| {
            deployment.status == DeploymentStatus::Deployed
                && deployment.version.as_deref() == Some(version)
        })
        .count();
    (running, instances.len())
}

/// Where a proof stands after some looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Proven by the last look.
    Proven {
        /// How many instances run the version.
        instances: usize,
    },
    /// Not yet.
    Waiting(Vec<Reason>),
    /// Wrong often enough in a row to be believed.
    Refuted(Vec<Reason>),
}

/// A proof over several looks.
#[derive(Clone, Debug)]
pub struct Proof {
    expectation: Expectation,
    wrong_version: u32,
    wrong_health: u32,
}

impl Proof {
    /// A proof that has seen nothing.
    #[must_use]
    pub fn new(expectation: Expectation) -> Self {
        Self {
            expectation,
            wrong_version: 0,
            wrong_health: 0,
        }
    }

    /// What is to be proven.
    #[must_use]
    pub fn expectation(&self) -> &Expectation {
        &self.expectation
    }

    /// Takes one look and says where the proof stands.
    pub fn look(&mut self, sight: &Sight) -> Standing {
        let reasons = match judge(&self.expectation, sight) {
            Judgement::Proven { instances } => {
                self.wrong_version = 0;
                self.wrong_health = 0;
                return Standing::Proven { instances };
            }
            Judgement::Unproven(reasons) => reasons,
        };
        let ready = sight
            .environment
            .as_ref()
            .is_some_and(|environment| environment.state == EnvironmentState::Ready);
        let has = |weight| reasons.iter().any(|reason| reason.weight(ready) == weight);
        self.wrong_version = if has(Weight::Version) {
            self.wrong_version + 1
        } else {
            0
        };
        self.wrong_health = if has(Weight::Health) {
            self.wrong_health + 1
        } else {
            0
        };
        if has(Weight::Fatal)
            || self.wrong_version >= LOOKS_TO_REFUTE_VERSION
            || self.wrong_health >= LOOKS_TO_REFUTE_HEALTH
        {
            Standing::Refuted(reasons)
        } else {
            Standing::Waiting(reasons)
        }
    }
}

/// How many reasons a summary names.
pub(crate) const REASONS_SHOWN: usize = 3;

/// The reasons in one line: the first three, and how many more there are.
#[must_use]
pub fn summarise(reasons: &[Reason]) -> String {
    let mut text = reasons
        .iter()
        .take(REASONS_SHOWN)
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ");
    if reasons.len() > REASONS_SHOWN {
        text.push_str(&format!("; and {} more", reasons.len() - REASONS_SHOWN));
    }
    text
}

#[cfg(test)]
#[path = "proof_tests.rs"]
mod tests;
