//! An environment at one moment, for live views. Plain data; all texts are fit to be shown.

use serde::Serialize;

/// An environment and its instances at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// The environment's name.
    pub environment: String,
    /// AWS's word for what it does: `Ready`, `Updating`.
    pub state: String,
    /// AWS's word for its health: `Ok`, `Severe`; a colour without enhanced health.
    pub health: String,
    /// Its instances, in the order of their ids. Empty without enhanced health.
    pub instances: Vec<InstanceSnapshot>,
    /// What its requests met in the last seconds, over all instances that reported.
    pub rates: Option<Rates>,
}

/// How the last deployment on an instance stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rollout {
    /// The instance runs the version.
    Deployed,
    /// The version is being put on it.
    InProgress,
    /// That failed.
    Failed,
    /// Not reported.
    Unknown,
}

/// One instance at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InstanceSnapshot {
    /// Its id.
    pub id: String,
    /// AWS's word for its health.
    pub health: String,
    /// True if that word says that all is well.
    pub is_well: bool,
    /// The version of its last deployment.
    pub version: Option<String>,
    /// How that deployment stands.
    pub rollout: Rollout,
}

/// Requests and answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rates {
    /// How many seconds the figures cover; AWS measures 10.
    pub seconds: u32,
    /// Requests.
    pub requests: u32,
    /// Answers with status 400 to 499.
    pub status_4xx: u32,
    /// Answers with status 500 to 599.
    pub status_5xx: u32,
    /// The slowest instance's median, in milliseconds.
    pub p50: Option<u32>,
    /// The slowest instance's 99th percentile, in milliseconds.
    pub p99: Option<u32>,
}
