//! The application: its image, its processes and what counts as healthy.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::scalar::duration;
use crate::schema::TextMap;

/// How the image is built.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Image {
    /// The build context: a directory, relative to the manifest.
    pub context: String,
    /// The Dockerfile, relative to the build context.
    pub dockerfile: String,
    /// The stage to build; the last one if unset.
    pub target: Option<String>,
    /// Build arguments. They end up in the image's history: never secrets.
    #[schemars(with = "TextMap")]
    pub args: BTreeMap<String, String>,
    /// The platforms to build for, such as `linux/amd64`; the engine's own if empty.
    pub platforms: Vec<String>,
    /// The repository to push to, such as `123456789012.dkr.ecr.eu-central-1.amazonaws.com/blog`. With
    /// one, the image is built and pushed before the release and the instances pull it; without one,
    /// every instance builds it. ECR takes the login of the AWS account, any other registry that of
    /// `docker login`.
    pub registry: Option<String>,
    /// Images whose layers the build may reuse.
    pub cache: Vec<String>,
}

impl Default for Image {
    fn default() -> Self {
        Self {
            context: ".".to_owned(),
            dockerfile: "Dockerfile".to_owned(),
            target: None,
            args: BTreeMap::new(),
            platforms: Vec::new(),
            registry: None,
            cache: Vec::new(),
        }
    }
}

/// One process of the application. Each runs in a container of its own, from the same image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Process {
    /// The command, as a shell would read it.
    pub command: String,
    /// The port it listens on inside its container. `web` has one, and no other process does.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub port: Option<u16>,
}

/// What counts as healthy, and for how long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Health {
    /// The path that the outside probe asks for. django-health-check's answers are understood.
    pub path: String,
    /// The path that the load balancer asks for; the same as `path` if unset. A shallow one keeps
    /// the load balancer from taking every instance out when a shared database is down.
    #[schemars(with = "Option<String>")]
    pub load_balancer_path: String,
    /// How long one probe may take. Below 6 seconds, django-health-check's answer that names the
    /// culprit is often lost.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Text")]
    pub timeout: Duration,
    /// How many probes must succeed in a row.
    #[schemars(range(min = 1, max = 100))]
    pub successes: u32,
    /// The pause between two probes.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Text")]
    pub interval: Duration,
    /// How long the new version must stay healthy before the release counts as proven.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Text")]
    pub soak: Duration,
    /// When the load balancer changes its mind about an instance.
    pub thresholds: Thresholds,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            path: "/ht/".to_owned(),
            load_balancer_path: String::new(),
            timeout: Duration::from_secs(10),
            successes: 3,
            interval: Duration::from_secs(10),
            soak: Duration::from_secs(120),
            thresholds: Thresholds::default(),
        }
    }
}

/// How many answers of the load balancer's own health check change an instance's state. Elastic
/// Load Balancing allows 2 to 10.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Thresholds {
    /// Successes in a row that make an instance healthy.
    #[schemars(range(min = 2, max = 10))]
    pub healthy: u32,
    /// Failures in a row that make an instance unhealthy.
    #[schemars(range(min = 2, max = 10))]
    pub unhealthy: u32,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            healthy: 3,
            unhealthy: 5,
        }
    }
}
