//! What was seen of an environment, in the few words that decisions need.
//!
//! Rules: plain data. The reducers in `watch`, `proof` and `soak` work on these values only, so that
//! their decisions can be tested on any world, including ones that AWS has never shown us. The
//! conversion from the cloud client's types is the only thing here that knows those types.

use beanpole_cloud as cloud;
use jiff::Timestamp;
use serde::Serialize;

/// The colour of an environment or an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Color {
    /// Healthy.
    Green,
    /// Some checks fail, or something warns.
    Yellow,
    /// Not serving as it should.
    Red,
    /// Not known yet, or updates are suspended.
    Grey,
}

/// What an environment is busy with.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EnvironmentState {
    /// Takes changes.
    Ready,
    /// Changing; the word is AWS's own: `Updating`. An unknown word counts as busy.
    Busy(String),
    /// Going away or gone: `Terminating`, `Terminated`.
    Ending(String),
}

/// An environment at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EnvironmentSight {
    /// What it is busy with.
    pub state: EnvironmentState,
    /// The version label that Beanstalk names for it.
    pub version: Option<String>,
    /// Its colour.
    pub color: Color,
    /// The finer health word, when enhanced health is on: `Ok`, `Info`, `Warning`.
    pub status: Option<String>,
    /// Why it is not well, in AWS's words.
    pub causes: Vec<String>,
    /// Its public name, with a port if it has one of its own.
    pub address: Option<String>,
    /// When it was changed last, by AWS's clock.
    pub updated: Option<Timestamp>,
    /// True in Beanstalk Cluster, which runs on EKS.
    #[serde(skip)]
    pub is_cluster: bool,
}

/// How the last deployment on an instance stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeploymentStatus {
    /// The instance runs the deployment's version.
    Deployed,
    /// Being deployed.
    InProgress,
    /// The deployment failed on this instance.
    Failed,
    /// A word we do not know.
    Unknown,
}

/// The last deployment on one instance.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct DeploymentSight {
    /// Counts up by one with each deployment or configuration change of the environment.
    pub id: i64,
    /// The version that was deployed.
    pub version: Option<String>,
    /// How it stands.
    pub status: DeploymentStatus,
}

/// One instance at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InstanceSight {
    /// The instance id.
    pub id: String,
    /// Its colour.
    pub color: Color,
    /// The finer health word: `Ok`, `Severe`, `Pending`.
    pub status: Option<String>,
    /// Why it is not well, in AWS's words.
    pub causes: Vec<String>,
    /// Its last deployment; none on an instance that has not reported yet.
    pub deployment: Option<DeploymentSight>,
}

/// An environment and its instances at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sight {
    /// The environment; none when it is not there (any more).
    pub environment: Option<EnvironmentSight>,
    /// Its instances; none when the environment has no enhanced health, or it was not asked for.
    pub instances: Option<Vec<InstanceSight>>,
}

impl Sight {
    /// The newest deployment id that any instance reports.
    #[must_use]
    pub fn newest_deployment(&self) -> Option<i64> {
        self.instances
            .iter()
            .flatten()
            .filter_map(|instance| instance.deployment.as_ref())
            .map(|deployment| deployment.id)
            .max()
    }
}

/// One Beanstalk event, ready to be shown.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct EventSight {
    /// When, as AWS wrote it.
    pub at: String,
    /// `TRACE` to `FATAL`, in capitals.
    pub severity: String,
    /// The message.
    pub message: String,
}

impl EventSight {
    /// True for events that name a failure.
    #[must_use]
    pub fn is_error(&self) -> bool {
        matches!(self.severity.as_str(), "ERROR" | "FATAL")
    }
}

impl From<&cloud::Color> for Color {
    fn from(color: &cloud::Color) -> Self {
        match color {
            cloud::Color::Green => Self::Green,
            cloud::Color::Yellow => Self::Yellow,
            cloud::Color::Red => Self::Red,
            cloud::Color::Grey | cloud::Color::Other(_) => Self::Grey,
        }
    }
}

impl From<&cloud::EnvironmentStatus> for EnvironmentState {
    fn from(status: &cloud::EnvironmentStatus) -> Self {
        match status {
            cloud::EnvironmentStatus::Ready => Self::Ready,
            cloud::EnvironmentStatus::Terminating | cloud::EnvironmentStatus::Terminated => {
                Self::Ending(status.to_string())
            }
            other => Self::Busy(other.to_string()),
        }
    }
}

impl From<&cloud::EnvironmentDescription> for EnvironmentSight {
    /// Without causes: they come with another call.
    fn from(environment: &cloud::EnvironmentDescription) -> Self {
        Self {
            state: EnvironmentState::from(&environment.status),
            version: environment.version_label.clone(),
            color: Color::from(&environment.health),
            status: environment.health_status.as_ref().map(ToString::to_string),
            causes: Vec::new(),
            address: environment
                .cname
                .clone()
                .or_else(|| environment.endpoint_url.clone()),
            updated: environment.updated,
            is_cluster: environment
                .tier
                .as_ref()
                .is_some_and(cloud::Tier::is_cluster),
        }
    }
}

impl From<&cloud::InstanceHealth> for InstanceSight {
    fn from(instance: &cloud::InstanceHealth) -> Self {
        let deployment = instance.deployment.as_ref().and_then(|deployment| {
            Some(DeploymentSight {
                id: deployment.id?,
                version: deployment.version_label.clone(),
                status: match &deployment.status {
                    cloud::DeploymentStatus::Deployed => DeploymentStatus::Deployed,
                    cloud::DeploymentStatus::InProgress => DeploymentStatus::InProgress,
                    cloud::DeploymentStatus::Failed => DeploymentStatus::Failed,
                    cloud::DeploymentStatus::Other(_) => DeploymentStatus::Unknown,
                },
            })
        });
        Self {
            id: instance.id.clone(),
            color: Color::from(&instance.color),
            status: Some(instance.status.to_string()),
            causes: instance.causes.clone(),
            deployment,
        }
    }
}

impl From<&cloud::BeanstalkEvent> for EventSight {
    fn from(event: &cloud::BeanstalkEvent) -> Self {
        Self {
            at: event.at.map(|at| at.to_string()).unwrap_or_default(),
            severity: event.severity.to_string().to_ascii_uppercase(),
            message: event.message.clone(),
        }
    }
}

/// True if a health word says that all is well: `Ok` and `Info` are the green ones (developer guide,
/// "Health colors and statuses"). Case and spaces differ between calls and are ignored.
#[must_use]
pub fn is_well(status: &str) -> bool {
    let word: String = status
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|letter| letter.to_ascii_lowercase())
        .collect();
    word == "ok" || word == "info"
}

/// True if colour and health word together say that all is well. Green is well. Yellow is well only
/// while the finer word is `Ok` or `Info`: the colour lags behind it after a change, and `Info`
/// means that something is going on, not that something is wrong.
#[must_use]
pub fn is_healthy(color: Color, status: Option<&str>) -> bool {
    match (color, status) {
        (Color::Green, None) => true,
        (Color::Green | Color::Yellow, Some(word)) => is_well(word),
        (Color::Yellow, None) | (Color::Red | Color::Grey, _) => false,
    }
}

/// `Severe (red): 100 % of requests fail` or the parts of it that are known.
#[must_use]
pub fn describe_health(color: Color, status: Option<&str>, causes: &[String]) -> String {
    let color = match color {
        Color::Green => "green",
        Color::Yellow => "yellow",
        Color::Red => "red",
        Color::Grey => "grey",
    };
    let mut text = match status {
        Some(word) => format!("{word} ({color})"),
        None => color.to_owned(),
    };
    if !causes.is_empty() {
        text.push_str(": ");
        text.push_str(&causes.join("; "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yellow_is_well_only_when_it_merely_informs() {
        assert!(is_healthy(Color::Green, None));
        assert!(is_healthy(Color::Green, Some("Ok")));
        assert!(is_healthy(Color::Yellow, Some("Info")));
        assert!(!is_healthy(Color::Yellow, None));
        assert!(!is_healthy(Color::Yellow, Some("Warning")));
        assert!(!is_healthy(Color::Green, Some("Severe")));
        assert!(!is_healthy(Color::Red, Some("Ok")));
        assert!(!is_healthy(Color::Grey, Some("No Data")));
    }

    #[test]
    fn health_words_are_compared_without_case_and_spaces() {
        assert!(is_well(" OK "));
        assert!(!is_well("No Data"));
        assert!(!is_well("NotOk"));
    }

    #[test]
    fn health_is_described_with_its_causes() {
        assert_eq!(
            describe_health(
                Color::Red,
                Some("Severe"),
                &["a".to_owned(), "b".to_owned()]
            ),
            "Severe (red): a; b"
        );
        assert_eq!(describe_health(Color::Grey, None, &[]), "grey");
    }
}
