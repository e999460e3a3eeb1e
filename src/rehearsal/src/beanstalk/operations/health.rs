//! Enhanced health: DescribeEnvironmentHealth and DescribeInstancesHealth.

use winterbaume_core::MockResponse;
use winterbaume_elasticbeanstalk::{model, wire};

use crate::beanstalk::call::{Call, page, timestamp};
use crate::beanstalk::error::{Answer, Refusal};
use crate::beanstalk::health::{Status, Verdict};
use crate::beanstalk::monitor::instance_verdict;
use crate::beanstalk::state::{Environment, Instance};

/// How many instances a page of DescribeInstancesHealth holds.
const PAGE: usize = 50;

/// Which attributes were asked for. Without any, AWS answers with the name alone.
struct Attributes(Vec<String>);

impl Attributes {
    fn want(&self, name: &str) -> bool {
        self.0
            .iter()
            .any(|wanted| wanted == "All" || wanted == name)
    }

    fn give<T>(&self, name: &str, value: impl FnOnce() -> T) -> Option<T> {
        self.want(name).then(value)
    }
}

pub(super) fn environment(call: &Call) -> Answer<MockResponse> {
    let input = call.input(wire::deserialize_describe_environment_health_request)?;
    let attributes = Attributes(
        input
            .attribute_names
            .map(|names| names.items)
            .unwrap_or_default(),
    );
    let now = call.now();
    call.shared.read(|state| {
        let environment = state.named(
            input.environment_id.as_deref(),
            input.environment_name.as_deref(),
        )?;
        enhanced_only(environment, "DescribeEnvironmentHealth")?;
        let verdicts: Vec<Verdict> = environment
            .instances
            .iter()
            .map(|instance| instance_verdict(environment, instance, now))
            .collect();
        let verdict = &environment.verdict;
        let result = model::DescribeEnvironmentHealthResult {
            application_metrics: attributes.give("ApplicationMetrics", no_requests),
            causes: attributes.give("Causes", || verdict.causes.iter().cloned().collect()),
            color: attributes.give("Color", || verdict.status.color().to_owned()),
            environment_name: Some(environment.name.clone()),
            health_status: attributes.give("HealthStatus", || verdict.status.as_str().to_owned()),
            instances_health: attributes.give("InstancesHealth", || counts(&verdicts)),
            refreshed_at: attributes.give("RefreshedAt", || timestamp(now)),
            status: attributes.give("Status", || environment.status.as_str().to_owned()),
        };
        Ok(wire::serialize_describe_environment_health_response(
            &result,
        ))
    })
}

fn enhanced_only(environment: &Environment, operation: &str) -> Answer<()> {
    if environment.settings.enhanced_health() {
        return Ok(());
    }
    // `eb` matches this text.
    Err(Refusal::unsupported(format!(
        "{operation} is not supported."
    )))
}

fn counts(verdicts: &[Verdict]) -> model::InstanceHealthSummary {
    let count = |status: Status| {
        let found = verdicts
            .iter()
            .filter(|verdict| verdict.status == status)
            .count();
        Some(i32::try_from(found).unwrap_or(i32::MAX))
    };
    model::InstanceHealthSummary {
        degraded: count(Status::Degraded),
        info: count(Status::Info),
        no_data: count(Status::NoData),
        ok: count(Status::Ok),
        pending: count(Status::Pending),
        severe: count(Status::Severe),
        unknown: Some(0),
        warning: count(Status::Warning),
    }
}

/// The metrics of the last ten seconds without a request.
fn no_requests() -> model::ApplicationMetrics {
    model::ApplicationMetrics {
        duration: Some(10),
        latency: Some(model::Latency {
            p10: Some(0.0),
            p50: Some(0.0),
            p75: Some(0.0),
            p85: Some(0.0),
            p90: Some(0.0),
            p95: Some(0.0),
            p99: Some(0.0),
            p999: Some(0.0),
        }),
        request_count: Some(0),
        status_codes: Some(model::StatusCodes {
            status2xx: Some(0),
            status3xx: Some(0),
            status4xx: Some(0),
            status5xx: Some(0),
        }),
    }
}

/// The figures of an idle machine: the embedded AWS does not measure its instances.
fn idle() -> model::SystemStatus {
    model::SystemStatus {
        c_p_u_utilization: Some(model::CPUUtilization {
            i_o_wait: Some(0.0),
            i_r_q: Some(0.0),
            idle: Some(100.0),
            nice: Some(0.0),
            privileged: None,
            soft_i_r_q: Some(0.0),
            system: Some(0.0),
            user: Some(0.0),
        }),
        load_average: Some(model::LoadAverage {
            items: vec![0.0, 0.0, 0.0],
        }),
    }
}

pub(super) fn instances(call: &Call) -> Answer<MockResponse> {
    let input = call.input(wire::deserialize_describe_instances_health_request)?;
    let attributes = Attributes(
        input
            .attribute_names
            .map(|names| names.items)
            .unwrap_or_default(),
    );
    let now = call.now();
    let all = call.shared.read(|state| {
        let environment = state.named(
            input.environment_id.as_deref(),
            input.environment_name.as_deref(),
        )?;
        enhanced_only(environment, "DescribeInstancesHealth")?;
        Ok(environment
            .instances
            .iter()
            .map(|instance| {
                let verdict = instance_verdict(environment, instance, now);
                single(instance, verdict, &attributes)
            })
            .collect::<Vec<_>>())
    })?;
    let (found, next_token) = page(all, input.next_token.as_ref(), PAGE)?;
    Ok(wire::serialize_describe_instances_health_response(
        &model::DescribeInstancesHealthResult {
            instance_health_list: Some(found.into()),
            next_token,
            refreshed_at: Some(timestamp(now)),
        },
    ))
}

fn single(
    instance: &Instance,
    verdict: Verdict,
    attributes: &Attributes,
) -> model::SingleInstanceHealth {
    let deployment = instance
        .deployment
        .as_ref()
        .map(|deployment| model::Deployment {
            deployment_id: Some(deployment.id),
            deployment_time: Some(timestamp(deployment.at)),
            status: Some(deployment.status.as_str().to_owned()),
            version_label: Some(deployment.label.clone()),
        });
    model::SingleInstanceHealth {
        application_metrics: attributes.give("ApplicationMetrics", no_requests),
        availability_zone: attributes.give("AvailabilityZone", || instance.zone.clone()),
        color: attributes.give("Color", || verdict.status.color().to_owned()),
        deployment: if attributes.want("Deployment") {
            deployment
        } else {
            None
        },
        health_status: attributes.give("HealthStatus", || verdict.status.as_str().to_owned()),
        instance_id: Some(instance.id.to_string()),
        instance_type: attributes.give("InstanceType", || instance.instance_type.clone()),
        launched_at: attributes.give("LaunchedAt", || timestamp(instance.launched)),
        system: attributes.give("System", idle),
        causes: attributes.give("Causes", || verdict.causes.into_iter().collect()),
    }
}
