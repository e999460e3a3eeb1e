//! New instances replace the old ones: immutable deployments, and traffic splitting, which is the same
//! with a trial in between. A failure throws the new instances away and leaves the old ones as they
//! were.
//!
//! The words are those of real event logs; where none was at hand (failure, traffic splitting) they
//! are ours, in the same tone. No client that we know matches on them.

use super::command::{self, Payload, Script};
use super::deploy::{Plot, give_up_on, healthy};
use super::durations;
use super::instances::{self, joined, listed};
use super::operation::{Operation, Step, Trouble};
use crate::beanstalk::names;
use crate::beanstalk::rollout::{Policy, Rollout, split_weights};
use crate::beanstalk::state::Environment;
use crate::data_plane::InstanceId;

/// Brings a version up on new instances and lets them take over.
pub(crate) async fn deploy(
    operation: &Operation,
    payload: &Payload,
    rollout: &Rollout,
    plot: Plot,
    old: &[InstanceId],
) -> Step<()> {
    let group = names::temporary_resource(&operation.environment, "AWSEBAutoScalingGroup");
    operation.info(match rollout.policy {
        Policy::TrafficSplitting => {
            "Traffic splitting deployment policy enabled. Launching new instances with the new \
             version to verify health."
        }
        _ => {
            "Immutable deployment policy enabled. Launching one instance with the new settings to \
             verify health."
        }
    });
    operation.sleep(durations::SMALL_RESOURCE).await?;
    operation.info(format!("Created temporary auto scaling group {group}."));
    let result = bring_up(operation, payload, rollout, plot, old, &group).await;
    let all = operation.read(|environment| {
        environment
            .instances
            .iter()
            .map(|instance| instance.id.clone())
            .collect::<Vec<_>>()
    })?;
    if let Err(trouble) = result {
        let new: Vec<InstanceId> = all.into_iter().filter(|id| !old.contains(id)).collect();
        operation.change(|environment| {
            for instance in &mut environment.instances {
                instance.weight = 1;
            }
        })?;
        operation.error("Failed to deploy application.");
        operation.info("Terminating new instances and temporary Auto Scaling group.");
        instances::terminate(operation, &new).await;
        if !new.is_empty() {
            operation.info(format!("Removed {} from your environment.", listed(&new)));
        }
        return Err(trouble);
    }
    operation
        .info("Deployment succeeded. Terminating old instances and temporary Auto Scaling group.");
    // The fault script's mixed fleet: old instances that are not terminated go on serving.
    let (left_behind, gone) = old.split_at(plot.left_behind.min(old.len()));
    operation.change(|environment| {
        for id in left_behind {
            if let Some(instance) = environment.instance_mut(id) {
                instance.left_behind = true;
            }
        }
    })?;
    // Past the point of no return: what is left is done even if somebody aborts now.
    instances::register(operation, gone, false)?;
    operation
        .shared
        .world
        .clock
        .sleep(durations::TERMINATION)
        .await;
    instances::terminate(operation, gone).await;
    operation.info(format!("Removed {} from your environment.", listed(gone)));
    Ok(())
}

async fn bring_up(
    operation: &Operation,
    payload: &Payload,
    rollout: &Rollout,
    plot: Plot,
    old: &[InstanceId],
    group: &str,
) -> Step<()> {
    let wanted = old.len().max(1);
    let splitting = rollout.policy == Policy::TrafficSplitting;
    // A first instance tries the version alone; traffic splitting starts the whole group.
    let first_count = if splitting { wanted } else { 1 };
    let weight = if splitting {
        split(operation, rollout, old)?
    } else {
        1
    };
    let first = instances::launch(operation, first_count, weight).await?;
    try_on(
        operation,
        payload,
        rollout,
        &plot.script(1, &[]),
        &first,
        true,
    )
    .await?;
    let mut new = first;
    if wanted > new.len() {
        operation.info("Test instance passed health checks. Launching remaining new instances.");
        let rest = instances::launch(operation, wanted - new.len(), 1).await?;
        operation.info("Successfully launched all instances.");
        let script = plot.script(2, &[]);
        try_on(operation, payload, rollout, &script, &rest, false).await?;
        new.extend(rest);
    }
    if splitting {
        operation.info(format!(
            "Shifting {} percent of the traffic to the new version for {} minutes.",
            rollout.new_version_percent,
            rollout.evaluation.as_secs() / 60
        ));
        evaluate(operation, rollout, &new).await?;
        operation.change(|environment| {
            for instance in &mut environment.instances {
                instance.weight = 1;
            }
        })?;
    }
    operation.info(format!(
        "Detached new instance(s) from temporary auto scaling group {group}."
    ));
    let permanent =
        operation.read(|environment| environment.resources.auto_scaling_group.clone())?;
    operation.info(format!(
        "Attached new instance(s) to the permanent auto scaling group {permanent}."
    ));
    operation.info("Starting post-deployment configuration on new instances.");
    operation.sleep(durations::SMALL_RESOURCE).await?;
    operation.info("Waiting for post-deployment configuration to complete.");
    operation.sleep(durations::SMALL_RESOURCE).await
}

/// Watches the new instances for as long as they get their share. One that the load balancer finds
/// ill ends the trial at once (developer guide, "Deployment policies": the traffic goes back).
async fn evaluate(operation: &Operation, rollout: &Rollout, new: &[InstanceId]) -> Step<()> {
    let is_ill = |environment: &Environment| {
        environment
            .instances
            .iter()
            .any(|instance| new.contains(&instance.id) && !instance.load_balancer_healthy)
    };
    if !rollout.ignore_health && operation.wait_until(rollout.evaluation, is_ill).await? {
        operation.error(format!(
            "Instance id(s) '{}' did not stay healthy during the evaluation period. Aborting the \
             operation.",
            joined(new, ",")
        ));
        return Err(Trouble::Failed);
    }
    Ok(())
}

async fn try_on(
    operation: &Operation,
    payload: &Payload,
    rollout: &Rollout,
    script: &Script,
    ids: &[InstanceId],
    with_leader: bool,
) -> Step<()> {
    let leader = if with_leader { ids.first() } else { None };
    let failed = command::run(operation, ids, payload, leader, script).await?;
    give_up_on(operation, &failed)?;
    let names = joined(ids, ",");
    operation.info(format!(
        "Adding new instance(s) ({names}) to the load balancer."
    ));
    instances::register(operation, ids, true)?;
    operation.info(format!(
        "Waiting for instance(s) ({names}) to pass health checks."
    ));
    healthy(operation, ids, rollout).await
}

/// Weighs the old instances and returns the weight of the new ones.
fn split(operation: &Operation, rollout: &Rollout, old: &[InstanceId]) -> Step<u32> {
    let (old_weight, new_weight) = split_weights(rollout.new_version_percent, old.len(), old.len());
    operation.change(|environment| {
        for id in old {
            if let Some(instance) = environment.instance_mut(id) {
                instance.weight = old_weight;
            }
        }
        new_weight
    })
}
