//! `beanpole.yaml`: what a project is and where it runs.
//!
//! How a manifest becomes a [`Project`]:
//!
//! 1. `tree` reads the YAML into nodes that remember their line and column. Size, depth and aliases
//!    are bounded; duplicate keys are refused.
//! 2. `overlay` lays the chosen environment over the rest. The merge rule is written there.
//! 3. `decode` turns nodes into the section structs. An unknown key is an issue that names the
//!    nearest known one; keys that start with `x-` are free.
//! 4. `resolve` fills in the defaults that depend on other keys, and `check` compares the keys with
//!    each other and with AWS's limits.
//!
//! Every issue says where it is: file, line, column and the line itself. All environments are
//! checked when a manifest is read, so that a slip in `production` shows before production's day.

mod check;
mod decode;
mod error;
mod find;
mod issue;
mod manifest;
mod overlay;
mod project;
mod resolve;
mod scalar;
mod schema;
mod template;
mod tree;
pub mod yaml;

pub use error::Error;
pub use find::{FILE_NAME, find};
pub use issue::{Issue, IssueKind};
pub use manifest::Manifest;
pub use project::{
    Alarm, Alerts, Approvals, Batch, BlueGreen, BranchChecks, Cache, CacheEngine, ChangeSizeChecks,
    CheckGroups, CheckIgnore, CheckLevel, Checks, CommitMessageChecks, Comparison, CoverageChecks,
    Database, DatabaseEngine, Deployment, DockerChecks, FileChecks, Health, Image, Instances, Keep,
    LoadBalancer, Markers, MigrationChecks, Network, NewRelicMarker, NewRelicRegion, PinChecks,
    Platform, Policy, Probe, Process, Project, Roles, RollbarMarker, Scheme, SecretChecks,
    SecretMode, Secrets, SentryMarker, SettingsChecks, Slack, Statistic, Strategy, TestNameChecks,
    TestRunner, Thresholds, TicketPlace, TrafficSplit, WorkflowChecks,
};
pub use template::template;
