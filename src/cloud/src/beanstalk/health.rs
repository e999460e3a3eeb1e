//! Enhanced health: of the environment as a whole, and of each instance with the version that it
//! runs.

use std::time::Duration;

use aws_sdk_elasticbeanstalk::types::{
    ApplicationMetrics, Deployment, EnvironmentHealthAttribute, InstanceHealthSummary,
    InstancesHealthAttribute, SingleInstanceHealth,
};
use beanpole_model::EnvironmentName;
use jiff::Timestamp;
use serde::Serialize;

use super::{Beanstalk, EnvironmentStatus, SERVICE, named as object};
use crate::Error;
use crate::text::named;
use crate::time::timestamp;

named!(
    /// Health as a colour.
    Color {
        /// Well.
        Green = "Green",
        /// Some requests or checks fail.
        Yellow = "Yellow",
        /// Many requests or checks fail.
        Red = "Red",
        /// Not known, or under change.
        Grey = "Grey",
    }
);

named!(
    /// Enhanced health. Green: `Ok`, `Info`. Yellow: `Warning`. Red: `Degraded`, `Severe`. The others
    /// are grey.
    HealthStatus {
        /// All checks pass.
        Ok = "Ok",
        /// An operation is under way and goes well.
        Info = "Info",
        /// Some requests fail, or an operation takes very long.
        Warning = "Warning",
        /// Many requests fail.
        Degraded = "Degraded",
        /// Most requests fail.
        Severe = "Severe",
        /// An operation is under way within its time.
        Pending = "Pending",
        /// Not enough data.
        Unknown = "Unknown",
        /// Monitoring has stopped.
        Suspended = "Suspended",
        /// The agent has sent nothing.
        NoData = "No Data",
    }
);

named!(
    /// How far an instance is with its deployment.
    DeploymentStatus {
        /// Under way.
        InProgress = "In Progress",
        /// Done.
        Deployed = "Deployed",
        /// Failed.
        Failed = "Failed",
    }
);

/// How many instances are in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct InstanceCounts {
    /// `No Data`.
    pub no_data: u32,
    /// `Unknown`.
    pub unknown: u32,
    /// `Pending`.
    pub pending: u32,
    /// `Ok`.
    pub ok: u32,
    /// `Info`.
    pub info: u32,
    /// `Warning`.
    pub warning: u32,
    /// `Degraded`.
    pub degraded: u32,
    /// `Severe`.
    pub severe: u32,
}

impl InstanceCounts {
    /// All of them.
    #[must_use]
    pub fn total(self) -> u32 {
        let Self {
            no_data,
            unknown,
            pending,
            ok,
            info,
            warning,
            degraded,
            severe,
        } = self;
        no_data + unknown + pending + ok + info + warning + degraded + severe
    }
}

/// What the requests of the last seconds met.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RequestMetrics {
    /// The time that the figures cover; AWS measures 10 seconds.
    pub period: Option<Duration>,
    /// Requests.
    pub requests: u32,
    /// Answers with status 200 to 299.
    pub status_2xx: u32,
    /// Answers with status 300 to 399.
    pub status_3xx: u32,
    /// Answers with status 400 to 499.
    pub status_4xx: u32,
    /// Answers with status 500 to 599.
    pub status_5xx: u32,
    /// The time that half of the answers needed at most, in seconds.
    pub latency_p50: Option<f64>,
    /// The time that 90 % of the answers needed at most, in seconds.
    pub latency_p90: Option<f64>,
    /// The time that 99 % of the answers needed at most, in seconds.
    pub latency_p99: Option<f64>,
}

/// The health of an environment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EnvironmentHealth {
    /// What the environment is doing.
    pub environment_status: EnvironmentStatus,
    /// Its enhanced health.
    pub status: HealthStatus,
    /// Its colour.
    pub color: Color,
    /// Why it is not well, in AWS's words.
    pub causes: Vec<String>,
    /// Its instances by state.
    pub instances: InstanceCounts,
    /// Its requests, if there is data.
    pub metrics: Option<RequestMetrics>,
    /// How old the figures are.
    pub refreshed: Option<Timestamp>,
}

/// What an instance runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InstanceDeployment {
    /// Counts up by one with each deployment and each change of settings.
    pub id: Option<i64>,
    /// How far it is.
    pub status: DeploymentStatus,
    /// The version.
    pub version_label: Option<String>,
    /// Since when.
    pub at: Option<Timestamp>,
}

/// The health of an instance.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct InstanceHealth {
    /// Its id: `i-0123456789abcdef0`.
    pub id: String,
    /// Its enhanced health.
    pub status: HealthStatus,
    /// Its colour.
    pub color: Color,
    /// Why it is not well, in AWS's words.
    pub causes: Vec<String>,
    /// What it runs; `None` until its first deployment.
    pub deployment: Option<InstanceDeployment>,
    /// Its requests, if there is data.
    pub metrics: Option<RequestMetrics>,
    /// When it was launched.
    pub launched: Option<Timestamp>,
    /// Its availability zone.
    pub availability_zone: Option<String>,
    /// Its type: `t3.small`.
    pub instance_type: Option<String>,
}

impl Beanstalk {
    /// The health of an environment. Needs enhanced health.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn health(&self, environment: &EnvironmentName) -> Result<EnvironmentHealth, Error> {
        let answer = self
            .client
            .describe_environment_health()
            .environment_name(environment.as_str())
            .attribute_names(EnvironmentHealthAttribute::All)
            .send()
            .await
            .map_err(SERVICE.failed("DescribeEnvironmentHealth", object(environment)))?;
        Ok(EnvironmentHealth {
            // The SDK types this field as a health colour; the wire has the environment's status.
            environment_status: EnvironmentStatus::parse(
                answer.status.as_ref().map_or("", |status| status.as_str()),
            ),
            status: HealthStatus::parse(answer.health_status.as_deref().unwrap_or_default()),
            color: Color::parse(answer.color.as_deref().unwrap_or_default()),
            causes: answer.causes.unwrap_or_default(),
            instances: answer
                .instances_health
                .as_ref()
                .map(counts)
                .unwrap_or_default(),
            metrics: answer.application_metrics.as_ref().map(metrics),
            refreshed: answer.refreshed_at.as_ref().and_then(timestamp),
        })
    }

    /// The health of every instance, from all pages, in the order of their ids. Needs enhanced
    /// health.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn instances(
        &self,
        environment: &EnvironmentName,
    ) -> Result<Vec<InstanceHealth>, Error> {
        let mut instances: Vec<InstanceHealth> = Vec::new();
        let mut next = None;
        loop {
            let answer = self
                .client
                .describe_instances_health()
                .environment_name(environment.as_str())
                .attribute_names(InstancesHealthAttribute::All)
                .set_next_token(next.take())
                .send()
                .await
                .map_err(SERVICE.failed("DescribeInstancesHealth", object(environment)))?;
            instances.extend(
                answer
                    .instance_health_list
                    .unwrap_or_default()
                    .into_iter()
                    .map(instance),
            );
            next = answer.next_token.filter(|token| !token.is_empty());
            if next.is_none() {
                break;
            }
        }
        instances.sort_by(|left, right| left.id.cmp(&right.id));
        Ok(instances)
    }
}

fn instance(instance: SingleInstanceHealth) -> InstanceHealth {
    InstanceHealth {
        id: instance.instance_id.unwrap_or_default(),
        status: HealthStatus::parse(instance.health_status.as_deref().unwrap_or_default()),
        color: Color::parse(instance.color.as_deref().unwrap_or_default()),
        causes: instance.causes.unwrap_or_default(),
        deployment: instance.deployment.map(deployment),
        metrics: instance.application_metrics.as_ref().map(metrics),
        launched: instance.launched_at.as_ref().and_then(timestamp),
        availability_zone: instance.availability_zone,
        instance_type: instance.instance_type,
    }
}

fn deployment(deployment: Deployment) -> InstanceDeployment {
    InstanceDeployment {
        id: deployment.deployment_id,
        status: DeploymentStatus::parse(deployment.status.as_deref().unwrap_or_default()),
        version_label: deployment.version_label,
        at: deployment.deployment_time.as_ref().and_then(timestamp),
    }
}

/// Counts are never negative; a nonsense answer counts as zero.
fn count(value: Option<i32>) -> u32 {
    value
        .and_then(|value| u32::try_from(value).ok())
        .unwrap_or(0)
}

fn counts(summary: &InstanceHealthSummary) -> InstanceCounts {
    InstanceCounts {
        no_data: count(summary.no_data),
        unknown: count(summary.unknown),
        pending: count(summary.pending),
        ok: count(summary.ok),
        info: count(summary.info),
        warning: count(summary.warning),
        degraded: count(summary.degraded),
        severe: count(summary.severe),
    }
}

fn metrics(metrics: &ApplicationMetrics) -> RequestMetrics {
    let status = metrics.status_codes.as_ref();
    let latency = metrics.latency.as_ref();
    RequestMetrics {
        period: metrics
            .duration
            .and_then(|seconds| u64::try_from(seconds).ok())
            .map(Duration::from_secs),
        requests: count(Some(metrics.request_count)),
        status_2xx: count(status.and_then(|status| status.status2xx)),
        status_3xx: count(status.and_then(|status| status.status3xx)),
        status_4xx: count(status.and_then(|status| status.status4xx)),
        status_5xx: count(status.and_then(|status| status.status5xx)),
        latency_p50: latency.and_then(|latency| latency.p50),
        latency_p90: latency.and_then(|latency| latency.p90),
        latency_p99: latency.and_then(|latency| latency.p99),
    }
}
