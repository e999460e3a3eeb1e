//! A version replaces another on the instances that are there: all at once, or in batches.
//!
//! What Beanstalk does not do here either: it never puts the old version back. After a failure the
//! batches that are done run the new version, the rest the old one.

use crate::data_plane::InstanceId;

use super::command::{self, Payload, Script};
use super::instances::{self, joined, listed};
use super::operation::{Operation, Step, Trouble};
use super::{durations, immutable};
use crate::beanstalk::rollout::{Policy, Rollout, batches};

/// What the fault script has in store for one deployment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Plot {
    /// The batch, from 1, that fails.
    pub(crate) failing_batch: Option<u32>,
    /// How many instances stay behind.
    pub(crate) left_behind: usize,
}

impl Plot {
    /// The script for one batch. The last instances of the fleet are those that stay behind.
    pub(crate) fn script(self, batch: usize, fleet: &[InstanceId]) -> Script {
        Script {
            fails: self
                .failing_batch
                .and_then(|failing| usize::try_from(failing).ok())
                == Some(batch),
            left_behind: fleet
                .iter()
                .skip(fleet.len().saturating_sub(self.left_behind))
                .cloned()
                .collect(),
        }
    }
}

/// Brings a version to the instances in the way that the settings ask for.
///
/// # Errors
/// [`Trouble::Failed`] after the events that say why, and what may be mixed now.
pub(crate) async fn deploy(
    operation: &Operation,
    payload: &Payload,
    rollout: &Rollout,
    plot: Plot,
) -> Step<()> {
    let fleet = operation.read(|environment| {
        environment
            .instances
            .iter()
            .map(|instance| instance.id.clone())
            .collect::<Vec<_>>()
    })?;
    let result = match rollout.policy {
        Policy::Immutable | Policy::TrafficSplitting => {
            return immutable::deploy(operation, payload, rollout, plot, &fleet).await;
        }
        Policy::AllAtOnce => all_at_once(operation, payload, plot, &fleet).await,
        Policy::Rolling => {
            operation.info("Deploying new version to instance(s).");
            let leader = fleet.first();
            let size = rollout.batch.of(fleet.len());
            rolling(
                operation,
                payload,
                rollout,
                plot,
                &Wave {
                    fleet: &fleet,
                    size,
                    leader,
                    first: 1,
                },
            )
            .await
        }
        Policy::RollingWithAdditionalBatch => {
            additional(operation, payload, rollout, plot, &fleet).await
        }
    };
    if result.is_err() {
        operation.error("Failed to deploy application.");
        operation.error(
            "During an aborted deployment, some instances may have deployed the new application \
             version. To ensure all instances are running the same version, re-deploy the \
             appropriate application version.",
        );
    }
    result
}

async fn all_at_once(
    operation: &Operation,
    payload: &Payload,
    plot: Plot,
    fleet: &[InstanceId],
) -> Step<()> {
    operation.info("Deploying new version to instance(s).");
    let script = plot.script(1, fleet);
    let failed = command::run(operation, fleet, payload, fleet.first(), &script).await?;
    give_up_on(operation, &failed)
}

/// Instances that are changed in batches.
struct Wave<'a> {
    fleet: &'a [InstanceId],
    size: usize,
    leader: Option<&'a InstanceId>,
    /// The number of the first batch.
    first: usize,
}

async fn rolling(
    operation: &Operation,
    payload: &Payload,
    rollout: &Rollout,
    plot: Plot,
    wave: &Wave<'_>,
) -> Step<()> {
    let mut done = 0_usize;
    for (number, batch) in (wave.first..).zip(batches(wave.fleet, wave.size)) {
        operation.info(format!(
            "Batch {number}: Starting application deployment on instance(s) [{}].",
            joined(&batch, ", ")
        ));
        operation.info(format!(
            "Batch {number}: De-registering instance(s) from the load balancer and waiting for them \
             to go out of service."
        ));
        instances::register(operation, &batch, false)?;
        operation.sleep(durations::DEREGISTRATION).await?;
        operation.info(format!(
            "Batch {number}: Starting application deployment command execution."
        ));
        let script = plot.script(number, wave.fleet);
        let failed = command::run(operation, &batch, payload, wave.leader, &script).await?;
        // Registered in any case: AWS leaves no instance out of service.
        instances::register(operation, &batch, true)?;
        give_up_on(operation, &failed)?;
        done += batch.len();
        operation.info(format!(
            "Batch {number}: Completed application deployment command execution."
        ));
        operation.info(format!(
            "Command execution completed on {done} of {} instances in environment.",
            wave.fleet.len()
        ));
        operation.info(format!(
            "Batch {number}: Registering instance(s) with the load balancer and waiting for them to \
             be healthy."
        ));
        healthy(operation, &batch, rollout).await?;
        operation.info(format!("Batch {number}: Completed application deployment."));
    }
    Ok(())
}

async fn additional(
    operation: &Operation,
    payload: &Payload,
    rollout: &Rollout,
    plot: Plot,
    fleet: &[InstanceId],
) -> Step<()> {
    let size = rollout.batch.of(fleet.len());
    operation.info(format!(
        "Rolling with Additional Batch deployment policy enabled. Launching a new batch of {size} \
         additional instance(s)."
    ));
    let extra = instances::launch(operation, size, 1).await?;
    operation.info(format!(
        "Batch 1: {size} EC2 instance(s) [{}] launched. Deploying application version '{}'.",
        joined(&extra, ", "),
        payload.label
    ));
    let result = with_additional(operation, payload, rollout, plot, fleet, &extra).await;
    if operation.read(|environment| environment.instances.len() > fleet.len())? {
        operation.info("Terminating the additional batch of instances.");
        instances::terminate(operation, &extra).await;
        operation.info(format!("Removed {} from your environment.", listed(&extra)));
    }
    result
}

async fn with_additional(
    operation: &Operation,
    payload: &Payload,
    rollout: &Rollout,
    plot: Plot,
    fleet: &[InstanceId],
    extra: &[InstanceId],
) -> Step<()> {
    // The one that runs the release step is the first that gets the version at all.
    let leader = extra.first();
    let script = Script {
        left_behind: Vec::new(),
        ..plot.script(1, fleet)
    };
    let failed = command::run(operation, extra, payload, leader, &script).await?;
    give_up_on(operation, &failed)?;
    operation.info(
        "Batch 1: Registering instance(s) with the load balancer and waiting for them to be healthy.",
    );
    instances::register(operation, extra, true)?;
    healthy(operation, extra, rollout).await?;
    operation.info("Batch 1: Completed application deployment.");
    let size = rollout.batch.of(fleet.len());
    rolling(
        operation,
        payload,
        rollout,
        plot,
        &Wave {
            fleet,
            size,
            leader,
            first: 2,
        },
    )
    .await
}

/// Says on which instances the command failed, and fails; does nothing if there are none.
pub(crate) fn give_up_on(operation: &Operation, failed: &[InstanceId]) -> Step<()> {
    if failed.is_empty() {
        return Ok(());
    }
    operation.error(format!(
        "Unsuccessful command execution on instance id(s) '{}'. Aborting the operation.",
        joined(failed, ",")
    ));
    Err(Trouble::Failed)
}

/// Waits for a batch to become healthy, unless the settings say not to.
pub(crate) async fn healthy(
    operation: &Operation,
    batch: &[InstanceId],
    rollout: &Rollout,
) -> Step<()> {
    if rollout.ignore_health {
        return Ok(());
    }
    let ill = instances::wait_healthy(operation, batch, rollout.timeout).await?;
    if ill.is_empty() {
        return Ok(());
    }
    operation.error(format!(
        "Instance id(s) '{}' did not pass health check after command execution. Aborting the \
         operation.",
        joined(&ill, ",")
    ));
    Err(Trouble::Failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_of_a_batch_names_who_fails_and_who_stays_behind() {
        let fleet: Vec<InstanceId> = (1..=3).map(|i| InstanceId::new(format!("i-{i}"))).collect();
        let plot = Plot {
            failing_batch: Some(2),
            left_behind: 1,
        };
        assert!(!plot.script(1, &fleet).fails);
        assert!(plot.script(2, &fleet).fails);
        assert_eq!(plot.script(1, &fleet).left_behind, [InstanceId::new("i-3")]);
        assert!(Plot::default().script(1, &fleet).left_behind.is_empty());
    }
}
