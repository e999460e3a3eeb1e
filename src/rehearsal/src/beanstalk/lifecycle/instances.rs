//! Instances: launched, registered, watched until healthy, terminated.

use std::time::Duration;

use futures_util::future::join_all;

use super::durations;
use super::operation::{Operation, Step, Trouble};
use crate::beanstalk::health::{Checks, Phase};
use crate::beanstalk::names;
use crate::beanstalk::state::{Environment, Instance};
use crate::data_plane::{InstanceId, InstanceSpec};
use crate::world::RunningInstance;

/// Checks in a row after which enhanced health calls an instance healthy during a deployment
/// (developer guide, "Deployment policies": 12 in two minutes).
const HEALTHY_CHECKS: u32 = 12;

/// Launches instances and waits until they take commands.
pub(crate) async fn launch(
    operation: &Operation,
    count: usize,
    weight: u32,
) -> Step<Vec<InstanceId>> {
    let now = operation.now();
    let launched = operation.change(|environment| {
        (0..count)
            .map(|_| add_instance(environment, weight, now))
            .collect::<Vec<_>>()
    })?;
    let world = &operation.shared.world;
    let hold = world.hold_for_real_work();
    let started = join_all(launched.iter().map(|(running, spec)| async move {
        world.network().run_instance(running).await;
        world.data_plane.launch_instance(spec).await
    }))
    .await;
    drop(hold);
    let ids: Vec<InstanceId> = launched
        .into_iter()
        .map(|(running, _)| running.id)
        .collect();
    if let Some(error) = started.into_iter().find_map(Result::err) {
        operation.error(format!(
            "Launching a new EC2 instance. Status Reason: {}",
            world.clean(&error.to_string())
        ));
        terminate(operation, &ids).await;
        return Err(Trouble::Failed);
    }
    let name = operation.read(|environment| environment.name.clone())?;
    let slowdown = world.faults().launch_slowdown(&name).max(0.0);
    operation.sleep(durations::BOOT.mul_f64(slowdown)).await?;
    operation.info(format!("Added {} to your environment.", listed(&ids)));
    Ok(ids)
}

/// `instance [i-1]`, `instances [i-1, i-2]`.
pub(crate) fn listed(ids: &[InstanceId]) -> String {
    let plural = if ids.len() == 1 { "" } else { "s" };
    format!("instance{plural} [{}]", joined(ids, ", "))
}

pub(crate) fn joined(ids: &[InstanceId], separator: &str) -> String {
    ids.iter()
        .map(InstanceId::as_str)
        .collect::<Vec<_>>()
        .join(separator)
}

fn add_instance(
    environment: &mut Environment,
    weight: u32,
    now: jiff::Timestamp,
) -> (RunningInstance, InstanceSpec) {
    let id = InstanceId::new(names::instance_id());
    let turn = environment.instances.len() % environment.resources.subnets.len().max(1);
    let (subnet, zone) = environment
        .resources
        .subnets
        .get(turn)
        .cloned()
        .unwrap_or_default();
    let instance_type = environment.settings.instance_type();
    let groups: Vec<String> = environment
        .resources
        .instance_group
        .iter()
        .chain(&environment.resources.further_groups)
        .cloned()
        .collect();
    environment.instances.push(Instance {
        id: id.clone(),
        launched: now,
        zone,
        instance_type: instance_type.clone(),
        phase: Phase::Booting { since: now },
        deployment: None,
        checks: Checks::default(),
        registered: false,
        load_balancer_healthy: false,
        weight,
        left_behind: false,
        engine_log: Vec::new(),
    });
    let tag = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let running = RunningInstance {
        id: id.clone(),
        instance_type,
        subnet,
        security_groups: groups.clone(),
        tags: vec![
            tag("Name", &environment.name),
            tag("elasticbeanstalk:environment-name", &environment.name),
            tag("elasticbeanstalk:environment-id", &environment.id),
            tag(
                "aws:autoscaling:groupName",
                &environment.resources.auto_scaling_group,
            ),
        ],
    };
    let spec = InstanceSpec {
        environment_id: environment.id.clone(),
        environment_name: environment.name.clone(),
        instance_id: id,
        security_groups: groups,
    };
    (running, spec)
}

/// Takes instances out of service and removes them. Never fails: what the data plane cannot remove is
/// told to the reporter and removed at the end of the rehearsal.
pub(crate) async fn terminate(operation: &Operation, ids: &[InstanceId]) {
    let world = &operation.shared.world;
    // An environment that is gone already has no instances left to mark.
    drop(register(operation, ids, false));
    let hold = world.hold_for_real_work();
    join_all(ids.iter().map(|id| async move {
        world.network().terminate_instance(id).await;
        if let Err(error) = world.data_plane.terminate_instance(id).await {
            world.reporter.warn(world.clean(&error.to_string()));
        }
    }))
    .await;
    drop(hold);
    drop(operation.change(|environment| {
        environment
            .instances
            .retain(|instance| !ids.contains(&instance.id));
    }));
}

/// Makes instances known to the load balancer, or unknown.
pub(crate) fn register(operation: &Operation, ids: &[InstanceId], registered: bool) -> Step<()> {
    operation.change(|environment| {
        for id in ids {
            if let Some(instance) = environment.instance_mut(id) {
                instance.registered = registered;
            }
        }
    })
}

/// How many good checks in a row make an instance healthy: 12 with enhanced health, the load balancer's
/// own threshold without.
fn healthy_checks(environment: &Environment) -> u32 {
    if environment.settings.enhanced_health() {
        return HEALTHY_CHECKS;
    }
    environment
        .settings
        .get(
            crate::beanstalk::options::DEFAULT_PROCESS,
            "HealthyThresholdCount",
        )
        .and_then(|text| text.parse().ok())
        .unwrap_or(3)
}

/// Waits until instances are healthy. Returns those that are not when the time is up.
pub(crate) async fn wait_healthy(
    operation: &Operation,
    ids: &[InstanceId],
    limit: Duration,
) -> Step<Vec<InstanceId>> {
    let enough = operation.read(healthy_checks)?;
    let healthy = |environment: &Environment, id: &InstanceId| {
        environment
            .instances
            .iter()
            .any(|instance| instance.id == *id && instance.checks.ok_in_row >= enough)
    };
    operation
        .wait_until(limit, |environment| {
            ids.iter().all(|id| healthy(environment, id))
        })
        .await?;
    operation.read(|environment| {
        ids.iter()
            .filter(|id| !healthy(environment, id))
            .cloned()
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instances_are_listed_as_aws_does() {
        let ids = [InstanceId::new("i-1"), InstanceId::new("i-2")];
        assert_eq!(listed(&ids), "instances [i-1, i-2]");
        assert_eq!(listed(&ids[..1]), "instance [i-1]");
    }
}
