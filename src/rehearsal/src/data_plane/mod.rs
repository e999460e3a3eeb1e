//! The seam between the control plane, which keeps states and tells stories, and the data plane, where
//! things really run: databases, caches, instances with the application on them.
//!
//! Two implementations: [`ControlOnly`] runs nothing and says so; `docker` runs containers. The control
//! plane holds the clock (see [`crate::clock`]) around calls into a data plane that does real work.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;

use async_trait::async_trait;
use beanpole_model::Secret;
use bytes::Bytes;

pub(crate) mod archive;
pub mod control_only;
pub mod docker;
pub mod release_log;

pub use control_only::ControlOnly;
pub use docker::{Docker, DockerOptions};
pub use release_log::ReleaseLog;

/// The id of an instance: `i-` and 17 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceId(String);

impl InstanceId {
    /// Wraps an id that the control plane made.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A database to run.
#[derive(Clone, Debug)]
pub struct DatabaseSpec {
    /// The instance's identifier; its endpoint's host starts with it.
    pub identifier: String,
    /// The endpoint's host name, under which instances must reach it.
    pub host: String,
    /// The name of the database inside.
    pub name: String,
    /// The master user.
    pub username: String,
    /// The master password.
    pub password: Secret,
    /// The port it listens on.
    pub port: u16,
    /// The engine's version: `16.4`.
    pub version: String,
    /// Ids of its security groups.
    pub security_groups: Vec<String>,
}

/// A cache to run.
#[derive(Clone, Debug)]
pub struct CacheSpec {
    /// The replication group's id.
    pub identifier: String,
    /// The primary endpoint's host name, under which instances must reach it.
    pub host: String,
    /// The port it listens on.
    pub port: u16,
    /// The engine's version: `7.1`.
    pub version: String,
    /// The password, if one is set.
    pub auth_token: Option<Secret>,
    /// Ids of its security groups.
    pub security_groups: Vec<String>,
}

/// An instance to launch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceSpec {
    /// The environment's id: `e-abcdefghij`.
    pub environment_id: String,
    /// The environment's name.
    pub environment_name: String,
    /// The instance's own id.
    pub instance_id: InstanceId,
    /// Ids of its security groups.
    pub security_groups: Vec<String>,
}

/// A file of variables that the instance writes itself, outside of the application's directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretFile {
    /// The path on the instance, as the compose file names it.
    pub path: String,
    /// The variables in it.
    pub variables: BTreeMap<String, Secret>,
}

/// A version to run on an instance.
#[derive(Clone, Debug)]
pub struct DeploymentSpec {
    /// The deployment's number in its environment; it grows by one with each deployment and each
    /// configuration change.
    pub deployment_id: i64,
    /// The version's label.
    pub version_label: String,
    /// The source bundle; `None` for Beanstalk's own sample application.
    pub bundle: Option<Bytes>,
    /// The application's environment variables, secret references already resolved.
    pub variables: BTreeMap<String, Secret>,
    /// What the bundle makes the instance fetch from Secrets Manager, if it does.
    pub secret_file: Option<SecretFile>,
    /// Where the release step's log goes, on the leader.
    pub release_log: Option<ReleaseLog>,
    /// True on the one instance of a deployment that runs `leader_only` commands.
    pub leader: bool,
    /// The path of the health check, for the data plane's own readiness wait.
    pub health_path: String,
}

/// What a successful deployment leaves behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeploymentOutput {
    /// The last lines of the deployment's log, scrubbed of secrets.
    pub log_tail: Vec<String>,
}

/// Why a deployment on one instance failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct DeploymentFailure {
    /// The step that failed: `build`, `container_commands`, `start`.
    pub step: String,
    /// One sentence, as the instance's engine log would say it.
    pub message: String,
    /// The last lines of the log, scrubbed of secrets.
    pub log_tail: Vec<String>,
}

/// What one health check saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthObservation {
    /// True if the instance answered with a success status in time.
    pub ok: bool,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// What was wrong, in a few words.
    pub cause: Option<String>,
}

/// Who may reach a security group's port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IngressSource {
    /// Members of this security group (its id).
    Group(String),
    /// Addresses in this block: `0.0.0.0/0`.
    Cidr(String),
}

/// One rule that lets connections in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IngressRule {
    /// The id of the group that lets them in.
    pub group: String,
    /// The first port.
    pub from_port: u16,
    /// The last port.
    pub to_port: u16,
    /// Who may connect.
    pub source: IngressSource,
}

/// What was taken down at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Containers that were removed.
    pub containers: usize,
    /// Networks that were removed.
    pub networks: usize,
    /// Images that were removed.
    pub images: usize,
    /// Things that could not be removed, each with its reason.
    pub left_behind: Vec<String>,
}

/// Why the data plane did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[error("{action} `{object}` failed: {message}")]
pub struct DataPlaneError {
    /// What was being done: `starting the database`.
    pub action: &'static str,
    /// To what.
    pub object: String,
    /// What went wrong.
    pub message: String,
}

/// Where things run. All calls are safe to repeat: creating what exists and deleting what is gone
/// succeed.
#[async_trait]
pub trait DataPlane: Send + Sync {
    /// A word for people: `none` or `docker`.
    fn name(&self) -> &'static str;

    /// True if calls do real work, so that the clock must be held meanwhile.
    fn is_real(&self) -> bool;

    /// Runs a database until it is deleted.
    async fn create_database(&self, spec: &DatabaseSpec) -> Result<(), DataPlaneError>;

    /// Removes a database and its data.
    async fn delete_database(&self, identifier: &str) -> Result<(), DataPlaneError>;

    /// Runs a cache until it is deleted.
    async fn create_cache(&self, spec: &CacheSpec) -> Result<(), DataPlaneError>;

    /// Removes a cache.
    async fn delete_cache(&self, identifier: &str) -> Result<(), DataPlaneError>;

    /// Starts an instance with nothing on it.
    async fn launch_instance(&self, spec: &InstanceSpec) -> Result<(), DataPlaneError>;

    /// Removes an instance and all that runs on it.
    async fn terminate_instance(&self, instance: &InstanceId) -> Result<(), DataPlaneError>;

    /// Puts a version on an instance in place of what runs there.
    ///
    /// # Errors
    /// [`DeploymentFailure`] with the failing step and the end of its log. What ran before may be gone
    /// then, as on AWS.
    async fn deploy(
        &self,
        instance: &InstanceId,
        deployment: &DeploymentSpec,
    ) -> Result<DeploymentOutput, DeploymentFailure>;

    /// Checks an instance as the load balancer does: one request to `path` with the instance's address
    /// as Host header.
    async fn check(&self, instance: &InstanceId, path: &str) -> HealthObservation;

    /// Where the load balancer sends requests; `None` if nothing runs there that could answer, so that
    /// the load balancer gives a stand-in answer.
    fn address(&self, instance: &InstanceId) -> Option<SocketAddr>;

    /// Replaces all ingress rules. A rule that is missing is a connection that fails.
    async fn set_ingress(&self, rules: &[IngressRule]) -> Result<(), DataPlaneError>;

    /// The last `lines` lines of the application's log on an instance, scrubbed of secrets.
    async fn logs(&self, instance: &InstanceId, lines: usize) -> Vec<String>;

    /// Removes everything that this data plane started.
    async fn remove_everything(&self) -> Removed;
}
