//! Elastic Beanstalk: applications, versions, environments, events, health, settings.
//!
//! What a caller must know of the service (API reference and developer guide):
//! - Most refusals have the code `InvalidParameterValue`, whatever the reason. Where the reason
//!   matters, the state is read again and decides: a busy environment becomes [`Kind::Busy`], an
//!   existing thing [`Kind::AlreadyExists`].
//! - Missing permissions give empty lists, not errors, in several Describe calls.
//! - The version and the configuration of an environment do not go in one update.

mod applications;
mod configuration;
mod environments;
mod events;
mod health;
mod logs;
mod managed;
mod platforms;
mod resources;
mod tags;
mod versions;

use beanpole_model::EnvironmentName;

pub use applications::Application;
pub use configuration::{
    ConfigurationSettings, OptionName, OptionSetting, SettingsState, ValidationMessage,
    ValidationSeverity,
};
pub use environments::{
    DnsAvailability, EnvironmentDescription, EnvironmentStatus, NewEnvironment, Started, Tier,
    UpdateEnvironment,
};
pub use events::{BeanstalkEvent, EventQuery, EventSeverity};
pub use health::{
    Color, DeploymentStatus, EnvironmentHealth, HealthStatus, InstanceCounts, InstanceDeployment,
    InstanceHealth, RequestMetrics,
};
pub use logs::{InstanceLog, LogKind, LogRequest, LogSample, LogSamples};
pub use managed::{ManagedAction, ManagedActionKind, ManagedActionStatus};
pub use platforms::PlatformVersion;
pub use resources::EnvironmentResources;
pub use versions::{NewVersion, Version, VersionStatus};

use crate::connection::{Connection, client};
use crate::error::Service;
use crate::{Error, Kind};

const SERVICE: Service = Service("elasticbeanstalk");

/// The Elastic Beanstalk client. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Beanstalk {
    client: aws_sdk_elasticbeanstalk::Client,
    local: bool,
}

impl Beanstalk {
    pub(crate) fn new(connection: &Connection) -> Self {
        Self {
            client: client!(aws_sdk_elasticbeanstalk, connection),
            local: connection.is_local(),
        }
    }
}

/// How an environment is called in errors.
fn named(environment: &EnvironmentName) -> String {
    format!("environment `{environment}`")
}

/// True for the code that Beanstalk uses for nearly everything it refuses.
fn is_ambiguous(error: &Error) -> bool {
    error.kind == Kind::InvalidParameter && error.code.as_deref() == Some("InvalidParameterValue")
}
