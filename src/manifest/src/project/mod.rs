//! What a manifest says, resolved for one environment.
//!
//! Rules: plain data, every field public. A section struct is both the shape in the file and the
//! shape in the [`Project`]; its field defaults are the documented defaults. Defaults that depend
//! on other keys (the database's identifier) are filled in by `resolve`, so that a finished project
//! has no gaps.

mod application;
mod checks;
mod data;
mod environment;
mod operations;

use std::collections::BTreeMap;

use beanpole_model::{AccountId, ApplicationName, EnvironmentName, Region};
use serde::Serialize;

pub use application::{Health, Image, Process, Thresholds};
pub use checks::{
    BranchChecks, ChangeSizeChecks, CheckGroups, CheckIgnore, CheckLevel, Checks,
    CommitMessageChecks, CoverageChecks, DockerChecks, FileChecks, MigrationChecks, PinChecks,
    SecretChecks, SettingsChecks, TestNameChecks, TestRunner, TicketPlace, WorkflowChecks,
};
pub use data::{Cache, CacheEngine, Database, DatabaseEngine};
pub use environment::{
    Batch, BlueGreen, Deployment, Instances, Keep, LoadBalancer, Network, Platform, Policy, Roles,
    Scheme, Strategy, TrafficSplit,
};
pub use operations::{
    Alarm, Alerts, Approvals, Comparison, Markers, NewRelicMarker, NewRelicRegion, Probe,
    RollbarMarker, SecretMode, Secrets, SentryMarker, Slack, Statistic,
};

/// Everything the manifest says about one environment: overlay applied, defaults filled in,
/// cross-checked.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Project {
    /// The Beanstalk application.
    pub application: ApplicationName,
    /// The Beanstalk environment; `<application>-<environment_key>` unless the manifest names it.
    pub environment: EnvironmentName,
    /// The key under `environments` that this project was resolved for.
    pub environment_key: String,
    /// The AWS region. A run against any other region is refused.
    pub region: Region,
    /// The AWS account, if the manifest pins it. A run against any other account is refused.
    pub account: Option<AccountId>,
    /// How the image is built.
    pub image: Image,
    /// The processes by name. `web` exists and has a port; no other process has one.
    pub processes: BTreeMap<String, Process>,
    /// The commands of the release step, in order. They run once for each release, before the new
    /// version takes traffic.
    pub release: Vec<String>,
    /// What counts as healthy.
    pub health: Health,
    /// Environment variables in plain text. Never secrets.
    pub variables: BTreeMap<String, String>,
    /// The Beanstalk platform.
    pub platform: Platform,
    /// Instance types and counts.
    pub instances: Instances,
    /// How a new version is rolled out.
    pub deployment: Deployment,
    /// VPC and subnets.
    pub network: Network,
    /// The load balancer.
    pub load_balancer: LoadBalancer,
    /// IAM roles.
    pub roles: Roles,
    /// The Postgres database, if the project has one.
    pub database: Option<Database>,
    /// The cache, if the project has one.
    pub cache: Option<Cache>,
    /// Secrets from Secrets Manager.
    pub secrets: Secrets,
    /// CloudWatch alarms.
    pub alarms: Vec<Alarm>,
    /// Where news is sent.
    pub alerts: Alerts,
    /// Who is told that a release happened, beside people.
    pub markers: Markers,
    /// Outside probes beyond the health check.
    pub probes: Vec<Probe>,
    /// Approvals that a release needs, if any.
    pub approvals: Option<Approvals>,
    /// What `beanpole check` looks at, and how strict it is.
    pub checks: Checks,
    /// The first label of the environment's address, `<prefix>.<region>.elasticbeanstalk.com`. AWS
    /// picks one if this is unset.
    pub cname_prefix: Option<String>,
    /// Tags on everything that is created.
    pub tags: BTreeMap<String, String>,
}
