//! AWS, as beanpole sees it: one place that knows credentials, regions, endpoints, retries and
//! errors, and one typed client per service.
//!
//! Rules of this crate:
//! - It is the only user of the AWS SDK, and no SDK type leaves it. What comes back is plain data.
//! - Every failure is an [`Error`]: which call, on what, which kind, AWS's own code and words, the
//!   request id, and what to do next. Kinds follow AWS's codes, never its English.
//! - One retry policy for all services ([`retry`]). Our own loops are for polls only, and live in
//!   the crates that poll.
//! - A value that AWS added after this was written never fails: states are enums with an `Other`
//!   that keeps the text.
//! - Lists are complete: every page is followed.
//! - Secret values go in and out as [`beanpole_model::Secret`].

mod alarms;
mod beanstalk;
mod caches;
mod connection;
mod databases;
mod error;
mod identity;
mod network;
mod registry;
pub mod retry;
mod roles;
mod secrets_manager;
mod settings;
mod storage;
mod text;
mod time;
#[cfg(test)]
mod wire_tests;

pub use alarms::{Alarm, Alarms, Comparison, NewAlarm};
pub use beanstalk::{
    Application, Beanstalk, BeanstalkEvent, Color, ConfigurationSettings, DeploymentStatus,
    DnsAvailability, EnvironmentDescription, EnvironmentHealth, EnvironmentResources,
    EnvironmentStatus, EventQuery, EventSeverity, HealthStatus, InstanceCounts, InstanceDeployment,
    InstanceHealth, InstanceLog, LogKind, LogRequest, LogSample, LogSamples, ManagedAction,
    ManagedActionKind, ManagedActionStatus, NewEnvironment, NewVersion, OptionName, OptionSetting,
    PlatformVersion, RequestMetrics, SettingsState, Started, Tier, UpdateEnvironment,
    ValidationMessage, ValidationSeverity, Version, VersionStatus,
};
pub use caches::{CacheChange, CacheGroup, Caches, NewCache};
pub use databases::{DatabaseChange, DatabaseInstance, Databases, NewDatabase, SubnetGroup};
pub use error::{Error, Failure, Kind};
pub use identity::Identity;
pub use network::{NetworkClient, Rule, SecurityGroup, Source, Subnet, Vpc};
pub use registry::{Registry, RegistryToken};
pub use roles::{Role, Roles};
pub use secrets_manager::{SecretDescription, SecretValue, SecretsManager};
pub use settings::{AssumeRole, Settings};
pub use storage::{
    ObjectInfo, ObjectSummary, PART_SIZE, Reading, Storage, StoredObject, UnfinishedUpload, Upload,
    Uploaded,
};

use connection::Connection;

/// A connected account: who we are, and one client per service. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Cloud {
    /// The account, the caller and the region in use.
    pub identity: Identity,
    /// Elastic Beanstalk.
    pub beanstalk: Beanstalk,
    /// S3.
    pub storage: Storage,
    /// RDS.
    pub databases: Databases,
    /// ElastiCache.
    pub caches: Caches,
    /// EC2: networks and security groups.
    pub network: NetworkClient,
    /// Secrets Manager.
    pub secrets: SecretsManager,
    /// ECR.
    pub registry: Registry,
    /// IAM look-ups.
    pub roles: Roles,
    /// CloudWatch alarms.
    pub alarms: Alarms,
    connection: Connection,
}

impl Cloud {
    /// Resolves region and credentials, and asks STS who we are.
    ///
    /// # Errors
    /// [`Kind::Credentials`] when no credentials are found or they are no longer valid,
    /// [`Kind::InvalidParameter`] when no region is set, [`Kind::Network`] when STS cannot be
    /// reached.
    pub async fn connect(settings: &Settings) -> Result<Self, Error> {
        let connection = Connection::open(settings).await?;
        let identity = identity::who_am_i(&connection, settings).await?;
        Ok(Self {
            identity,
            beanstalk: Beanstalk::new(&connection),
            storage: Storage::new(&connection),
            databases: Databases::new(&connection),
            caches: Caches::new(&connection),
            network: NetworkClient::new(&connection),
            secrets: SecretsManager::new(&connection),
            registry: Registry::new(&connection),
            roles: Roles::new(&connection),
            alarms: Alarms::new(&connection),
            connection,
        })
    }

    /// How many HTTP requests were sent to AWS so far, retries included, over all clones.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.connection.requests()
    }
}
