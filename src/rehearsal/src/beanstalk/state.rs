//! What Beanstalk remembers. Plain data and look-ups.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use winterbaume_elasticbeanstalk::model::ApplicationResourceLifecycleConfig;

use super::error::{Answer, Refusal};
use super::event_log::EventLog;
use super::health::{Checks, Finished, Phase, Progress, Verdict};
use super::options::Settings;
use super::platforms::Platform;
use crate::clock::between;
use crate::data_plane::InstanceId;
use crate::faults::StuckHealth;

/// The label under which Beanstalk runs its own sample application.
pub(crate) const SAMPLE_APPLICATION: &str = "Sample Application";

/// How long a terminated environment is still shown when nobody asks for a date (DescribeEnvironments
/// shows environments for about an hour after their termination).
const TERMINATED_SHOWN: Duration = Duration::from_secs(3600);

/// Everything.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) applications: BTreeMap<String, Application>,
    /// In the order of their creation, terminated ones included.
    pub(crate) environments: Vec<Environment>,
    pub(crate) events: EventLog,
    /// Tags by ARN.
    pub(crate) tags: BTreeMap<String, BTreeMap<String, String>>,
    /// Logs that were asked for, by environment id and kind.
    pub(crate) information: BTreeMap<(String, String), Vec<Information>>,
}

/// Logs of one instance, ready to be fetched.
#[derive(Clone, Debug)]
pub(crate) struct Information {
    pub(crate) instance: InstanceId,
    pub(crate) at: Timestamp,
    pub(crate) url: String,
}

#[derive(Clone, Debug)]
pub(crate) struct Application {
    pub(crate) description: Option<String>,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    pub(crate) lifecycle: Option<ApplicationResourceLifecycleConfig>,
    /// In the order of their creation.
    pub(crate) versions: Vec<Version>,
}

#[derive(Clone, Debug)]
pub(crate) struct Version {
    pub(crate) label: String,
    pub(crate) description: Option<String>,
    pub(crate) status: VersionStatus,
    /// Bucket and key; `None` for the sample application.
    pub(crate) bundle: Option<(String, String)>,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
}

/// As it stands on the wire: in capitals, unlike the API reference has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum VersionStatus {
    Unprocessed,
    Processing,
    Processed,
    Failed,
}

impl VersionStatus {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Unprocessed => "UNPROCESSED",
            Self::Processing => "PROCESSING",
            Self::Processed => "PROCESSED",
            Self::Failed => "FAILED",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EnvironmentStatus {
    Launching,
    Updating,
    Ready,
    Aborting,
    Terminating,
    Terminated,
}

impl EnvironmentStatus {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Launching => "Launching",
            Self::Updating => "Updating",
            Self::Ready => "Ready",
            Self::Aborting => "Aborting",
            Self::Terminating => "Terminating",
            Self::Terminated => "Terminated",
        }
    }
}

#[derive(Debug)]
pub(crate) struct Environment {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) application: String,
    pub(crate) description: Option<String>,
    /// Name, type, version.
    pub(crate) tier: (String, String, String),
    pub(crate) platform: Platform,
    /// The host name without a port.
    pub(crate) cname: String,
    pub(crate) status: EnvironmentStatus,
    pub(crate) version_label: String,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    /// The settings in force.
    pub(crate) settings: Settings,
    /// Settings that are being tried (`pending`) or were given up (`failed`).
    pub(crate) attempted: Option<(Settings, &'static str)>,
    pub(crate) settings_updated: Timestamp,
    pub(crate) instances: Vec<Instance>,
    /// The number of the last deployment, failed ones included.
    pub(crate) deployment_id: i64,
    /// Number and label of the last successful deployment.
    pub(crate) expected: Option<(i64, String)>,
    pub(crate) progress: Option<Progress>,
    /// The request that the present operation belongs to.
    pub(crate) request_id: Option<String>,
    pub(crate) finished: Option<Finished>,
    pub(crate) verdict: Verdict,
    /// The colour of basic health.
    pub(crate) basic_color: &'static str,
    pub(crate) resources: Resources,
    /// A version that answers 500 from a moment on (fault script).
    pub(crate) red: Option<(String, Timestamp)>,
    /// Health that does not move (fault script).
    pub(crate) stuck: Option<StuckHealth>,
    /// The managed action that keeps it busy.
    pub(crate) managed: Option<Managed>,
    /// Set while an update can be aborted.
    pub(crate) abort: Option<CancellationToken>,
    /// Ends the health checks.
    pub(crate) gone: CancellationToken,
}

/// What AWS does with an environment by itself.
#[derive(Clone, Debug)]
pub(crate) struct Managed {
    pub(crate) id: String,
    pub(crate) description: String,
}

/// Names of what the environment's stack consists of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Resources {
    pub(crate) auto_scaling_group: String,
    pub(crate) launch_template: String,
    pub(crate) load_balancer: Option<String>,
    pub(crate) load_balancer_group: Option<String>,
    pub(crate) target_group: String,
    pub(crate) instance_group_name: String,
    pub(crate) instance_group: Option<String>,
    /// Security groups that the settings add.
    pub(crate) further_groups: Vec<String>,
    /// Subnet id and availability zone, used in turn.
    pub(crate) subnets: Vec<(String, String)>,
}

#[derive(Clone, Debug)]
pub(crate) struct Instance {
    pub(crate) id: InstanceId,
    pub(crate) launched: Timestamp,
    pub(crate) zone: String,
    pub(crate) instance_type: String,
    pub(crate) phase: Phase,
    pub(crate) deployment: Option<Deployment>,
    pub(crate) checks: Checks,
    /// Known to the load balancer.
    pub(crate) registered: bool,
    /// The load balancer's own opinion.
    pub(crate) load_balancer_healthy: bool,
    /// Its share of the requests, relative to the others.
    pub(crate) weight: u32,
    /// Keeps its old version while pretending otherwise (fault script).
    pub(crate) left_behind: bool,
    /// What its engine wrote, oldest first, scrubbed.
    pub(crate) engine_log: Vec<String>,
}

/// What DescribeInstancesHealth shows of a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Deployment {
    pub(crate) id: i64,
    pub(crate) label: String,
    pub(crate) status: DeploymentStatus,
    pub(crate) at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DeploymentStatus {
    InProgress,
    Deployed,
    Failed,
}

impl DeploymentStatus {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "In Progress",
            Self::Deployed => "Deployed",
            Self::Failed => "Failed",
        }
    }
}

impl Environment {
    pub(crate) fn instance_mut(&mut self, id: &InstanceId) -> Option<&mut Instance> {
        self.instances
            .iter_mut()
            .find(|instance| instance.id == *id)
    }

    /// True if it answers 500 because the fault script says so.
    pub(crate) fn is_red(&self, instance: &Instance, now: Timestamp) -> bool {
        let label = instance
            .deployment
            .as_ref()
            .map(|deployment| deployment.label.as_str());
        self.red
            .as_ref()
            .is_some_and(|(red, from)| label == Some(red.as_str()) && *from <= now)
    }

    fn shown(&self, include_deleted: bool, back_to: Option<Timestamp>, now: Timestamp) -> bool {
        self.status != EnvironmentStatus::Terminated
            || (include_deleted
                && match back_to {
                    Some(back_to) => self.updated >= back_to,
                    None => between(self.updated, now) <= TERMINATED_SHOWN,
                })
    }
}

/// Which environments DescribeEnvironments wants.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) application: Option<String>,
    pub(crate) version_label: Option<String>,
    pub(crate) ids: Option<Vec<String>>,
    pub(crate) names: Option<Vec<String>>,
    pub(crate) include_deleted: bool,
    pub(crate) back_to: Option<Timestamp>,
}

impl State {
    pub(crate) fn application(&self, name: &str) -> Answer<&Application> {
        self.applications
            .get(name)
            .ok_or_else(|| Refusal::no_application(name))
    }

    pub(crate) fn application_mut(&mut self, name: &str) -> Answer<&mut Application> {
        self.applications
            .get_mut(name)
            .ok_or_else(|| Refusal::no_application(name))
    }

    pub(crate) fn version(&self, application: &str, label: &str) -> Answer<&Version> {
        self.application(application)?
            .versions
            .iter()
            .find(|version| version.label == label)
            .ok_or_else(|| Refusal::no_version(label))
    }

    pub(crate) fn by_id(&self, id: &str) -> Option<&Environment> {
        self.environments
            .iter()
            .find(|environment| environment.id == id)
    }

    pub(crate) fn by_id_mut(&mut self, id: &str) -> Option<&mut Environment> {
        self.environments
            .iter_mut()
            .find(|environment| environment.id == id)
    }

    /// The environment that a request names by id or name; a terminated one is not found by name.
    pub(crate) fn named(&self, id: Option<&str>, name: Option<&str>) -> Answer<&Environment> {
        match (id, name) {
            (Some(id), _) => self
                .by_id(id)
                .ok_or_else(|| Refusal::no_environment("EnvironmentId", id)),
            (None, Some(name)) => self
                .environments
                .iter()
                .rev()
                .find(|environment| {
                    environment.name == name && environment.status != EnvironmentStatus::Terminated
                })
                .ok_or_else(|| Refusal::no_environment("EnvironmentName", name)),
            (None, None) => Err(Refusal::missing("EnvironmentName")),
        }
    }

    /// The environments that are wanted, newest first.
    pub(crate) fn wanted<'state>(
        &'state self,
        wanted: &'state Wanted,
        now: Timestamp,
    ) -> impl Iterator<Item = &'state Environment> {
        fn in_list(list: Option<&Vec<String>>, value: &String) -> bool {
            list.is_none_or(|list| list.contains(value))
        }
        self.environments.iter().rev().filter(move |environment| {
            environment.shown(wanted.include_deleted, wanted.back_to, now)
                && wanted
                    .application
                    .as_ref()
                    .is_none_or(|name| environment.application == *name)
                && wanted
                    .version_label
                    .as_ref()
                    .is_none_or(|label| environment.version_label == *label)
                && in_list(wanted.ids.as_ref(), &environment.id)
                && in_list(wanted.names.as_ref(), &environment.name)
        })
    }

    /// True if an environment that is not gone uses this host name.
    pub(crate) fn cname_taken(&self, cname: &str) -> bool {
        self.environments.iter().any(|environment| {
            environment.status != EnvironmentStatus::Terminated
                && environment.cname.eq_ignore_ascii_case(cname)
        })
    }
}
