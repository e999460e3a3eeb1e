//! What a look at the environment tells a live view. Pure.

use beanpole_cloud as cloud;
use beanpole_model::{InstanceSnapshot, Rates, Rollout, Snapshot};

use crate::observation::{Color, EnvironmentSight, EnvironmentState, is_healthy};

/// The view of one look. Rates come with the instances' health, so they cost no further call.
pub(crate) fn snapshot(
    name: &str,
    environment: &EnvironmentSight,
    instances: &[cloud::InstanceHealth],
) -> Snapshot {
    Snapshot {
        environment: name.to_owned(),
        state: match &environment.state {
            EnvironmentState::Ready => "Ready".to_owned(),
            EnvironmentState::Busy(word) | EnvironmentState::Ending(word) => word.clone(),
        },
        health: environment
            .status
            .clone()
            .unwrap_or_else(|| color_word(environment.color).to_owned()),
        instances: instances.iter().map(instance_snapshot).collect(),
        rates: rates(instances),
    }
}

fn color_word(color: Color) -> &'static str {
    match color {
        Color::Green => "Green",
        Color::Yellow => "Yellow",
        Color::Red => "Red",
        Color::Grey => "Grey",
    }
}

fn instance_snapshot(instance: &cloud::InstanceHealth) -> InstanceSnapshot {
    let health = instance.status.to_string();
    let deployment = instance.deployment.as_ref();
    InstanceSnapshot {
        id: instance.id.clone(),
        is_well: is_healthy(Color::from(&instance.color), Some(&health)),
        health,
        version: deployment.and_then(|deployment| deployment.version_label.clone()),
        rollout: match deployment.map(|deployment| &deployment.status) {
            Some(cloud::DeploymentStatus::Deployed) => Rollout::Deployed,
            Some(cloud::DeploymentStatus::InProgress) => Rollout::InProgress,
            Some(cloud::DeploymentStatus::Failed) => Rollout::Failed,
            Some(cloud::DeploymentStatus::Other(_)) | None => Rollout::Unknown,
        },
    }
}

/// Requests added up, and the slowest instance's latencies. None if no instance reported any figures.
fn rates(instances: &[cloud::InstanceHealth]) -> Option<Rates> {
    let reported: Vec<&cloud::RequestMetrics> = instances
        .iter()
        .filter_map(|instance| instance.metrics.as_ref())
        .collect();
    let seconds = reported
        .iter()
        .filter_map(|metrics| metrics.period)
        .max()
        .and_then(|period| u32::try_from(period.as_secs()).ok())?;
    let sum = |count: fn(&cloud::RequestMetrics) -> u32| {
        reported
            .iter()
            .fold(0_u32, |sum, metrics| sum.saturating_add(count(metrics)))
    };
    let slowest = |latency: fn(&cloud::RequestMetrics) -> Option<f64>| {
        reported
            .iter()
            .filter(|metrics| metrics.requests > 0)
            .filter_map(|metrics| milliseconds(latency(metrics)?))
            .max()
    };
    Some(Rates {
        seconds,
        requests: sum(|metrics| metrics.requests),
        status_4xx: sum(|metrics| metrics.status_4xx),
        status_5xx: sum(|metrics| metrics.status_5xx),
        p50: slowest(|metrics| metrics.latency_p50),
        p99: slowest(|metrics| metrics.latency_p99),
    })
}

/// Seconds as whole milliseconds; none for nonsense.
fn milliseconds(seconds: f64) -> Option<u32> {
    let duration = std::time::Duration::try_from_secs_f64(seconds).ok()?;
    u32::try_from(duration.as_millis()).ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use beanpole_cloud::{HealthStatus, InstanceHealth, RequestMetrics};

    use super::*;

    fn instance(id: &str, requests: u32, p99: f64) -> InstanceHealth {
        InstanceHealth {
            id: id.to_owned(),
            status: HealthStatus::Ok,
            color: cloud::Color::Green,
            causes: Vec::new(),
            deployment: Some(cloud::InstanceDeployment {
                id: Some(3),
                status: cloud::DeploymentStatus::InProgress,
                version_label: Some("v2".to_owned()),
                at: None,
            }),
            metrics: Some(RequestMetrics {
                period: Some(Duration::from_secs(10)),
                requests,
                status_5xx: 1,
                latency_p50: Some(0.01),
                latency_p99: Some(p99),
                ..RequestMetrics::default()
            }),
            launched: None,
            availability_zone: None,
            instance_type: None,
        }
    }

    #[test]
    fn rates_are_added_up_and_the_slowest_counts() {
        let found = rates(&[instance("i-1", 20, 0.3), instance("i-2", 30, 1.25)]).unwrap();
        assert_eq!(
            (found.requests, found.status_5xx, found.seconds),
            (50, 2, 10)
        );
        assert_eq!((found.p50, found.p99), (Some(10), Some(1250)));
    }

    #[test]
    fn an_idle_instance_has_no_latency_and_a_silent_one_no_rates() {
        let found = rates(&[instance("i-1", 0, 0.0)]).unwrap();
        assert_eq!(found.p99, None);
        let mut silent = instance("i-1", 5, 0.1);
        silent.metrics = None;
        assert_eq!(rates(&[silent]), None);
        assert_eq!(milliseconds(f64::NAN), None);
    }

    #[test]
    fn an_instance_shows_what_it_is_doing() {
        let shown = instance_snapshot(&instance("i-1", 1, 0.1));
        assert_eq!(shown.rollout, Rollout::InProgress);
        assert_eq!(shown.version.as_deref(), Some("v2"));
        assert!(shown.is_well);
    }
}
