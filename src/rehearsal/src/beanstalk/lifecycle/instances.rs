//! Instances: launched, given a version, watched until healthy, terminated.

use std::collections::BTreeMap;
use std::time::Duration;

use beanpole_model::Secret;
use bytes::Bytes;
use futures_util::future::join_all;

use super::durations;
use super::operation::{Operation, Step, Trouble};
use crate::beanstalk::health::{Checks, Phase};
use crate::beanstalk::names;
use crate::beanstalk::state::{Deployment, DeploymentStatus, Environment, Instance};
use crate::data_plane::{DeploymentSpec, InstanceId, InstanceSpec};
use crate::world::RunningInstance;

/// Checks in a row after which enhanced health calls an instance healthy during a deployment
/// (developer guide, "Deployment policies": 12 in two minutes).
const HEALTHY_CHECKS: u32 = 12;

/// What is put on instances.
#[derive(Clone)]
pub(crate) struct Payload {
    pub(crate) deployment_id: i64,
    pub(crate) label: String,
    pub(crate) bundle: Bundle,
    pub(crate) variables: Result<BTreeMap<String, Secret>, String>,
    pub(crate) health_path: String,
    pub(crate) timeout: Duration,
}

/// The source of a version.
#[derive(Clone)]
pub(crate) enum Bundle {
    Sample,
    Source(Bytes),
    /// It is not in S3 any more.
    Missing,
}

/// How a batch of commands is to go wrong, or not.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script {
    /// Every command of the batch fails.
    pub(crate) fails: bool,
    /// These report success and keep what they had.
    pub(crate) left_behind: Vec<InstanceId>,
}

/// Launches instances and waits until they take commands.
pub(crate) async fn launch(
    operation: &Operation,
    count: usize,
    weight: u32,
) -> Step<Vec<InstanceId>> {
    let now = operation.now();
    let launched = operation.change(|environment| {
        (0..count).map(|_| add_instance(environment, weight, now)).collect::<Vec<_>>()
    })?;
    let world = &operation.shared.world;
    let hold = world.hold_for_real_work();
    let started = join_all(launched.iter().map(|(running, spec)| async move {
        world.network().run_instance(running).await;
        world.data_plane.launch_instance(spec).await
    }))
    .await;
    drop(hold);
    let ids: Vec<InstanceId> = launched.into_iter().map(|(running, _)| running.id).collect();
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
    ids.iter().map(InstanceId::as_str).collect::<Vec<_>>().join(separator)
}

fn add_instance(
    environment: &mut Environment,
    weight: u32,
    now: jiff::Timestamp,
) -> (RunningInstance, InstanceSpec) {
    let id = InstanceId::new(names::instance_id());
    let turn = environment.instances.len() % environment.resources.subnets.len().max(1);
    let (subnet, zone) =
        environment.resources.subnets.get(turn).cloned().unwrap_or_default();
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
            tag("aws:autoscaling:groupName", &environment.resources.auto_scaling_group),
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
        environment.instances.retain(|instance| !ids.contains(&instance.id));
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

/// Runs the deployment command on instances at the same time. Returns those on which it failed. Events
/// tell how it went.
pub(crate) async fn run_command(
    operation: &Operation,
    ids: &[InstanceId],
    payload: &Payload,
    leader: Option<&InstanceId>,
    script: &Script,
) -> Step<Vec<InstanceId>> {
    let now = operation.now();
    operation.change(|environment| {
        for id in ids.iter().filter(|id| !script.left_behind.contains(id)) {
            if let Some(instance) = environment.instance_mut(id) {
                instance.phase = match instance.phase {
                    Phase::Booting { since } => Phase::Booting { since },
                    Phase::Busy { .. } | Phase::Idle => Phase::Busy { since: now },
                };
                instance.deployment = Some(Deployment {
                    id: payload.deployment_id,
                    label: payload.label.clone(),
                    status: DeploymentStatus::InProgress,
                    at: now,
                });
            }
        }
    })?;
    // A command that has begun runs to its end, even when the operation is aborted meanwhile.
    operation.shared.world.clock.sleep(durations::COMMAND).await;
    let outcomes = join_all(ids.iter().map(|id| async move {
        if script.left_behind.contains(id) {
            return (id, Ok(None));
        }
        let outcome = command(operation, id, payload, leader == Some(id), script.fails).await;
        (id, outcome.map(Some))
    }))
    .await;
    let mut failed = Vec::new();
    let mut late = Vec::new();
    for (id, outcome) in &outcomes {
        match outcome {
            Ok(Some(log)) => settle(operation, id, DeploymentStatus::Deployed, log)?,
            Ok(None) => leave_behind(operation, id)?,
            Err(failure) => {
                settle(operation, id, DeploymentStatus::Failed, &failure.log)?;
                failed.push((*id).clone());
                if failure.timed_out {
                    late.push((*id).clone());
                } else {
                    tell_failure(operation, id, failure);
                }
            }
        }
    }
    if !late.is_empty() {
        operation.error(format!(
            "The following instances have not responded in the allowed command timeout time (they \
             might still finish eventually on their own): [{}].",
            joined(&late, ", ")
        ));
    }
    operation.count(ids.len() - failed.len(), failed.len())?;
    if failed.is_empty() {
        operation.info("Instance deployment completed successfully.");
    } else {
        operation.info(format!(
            "Command execution completed on all instances. Summary: [Successful: {}, Failed: {}].",
            ids.len() - failed.len(),
            failed.len()
        ));
    }
    Ok(failed)
}

/// Why a command failed.
struct CommandFailure {
    message: String,
    log: Vec<String>,
    timed_out: bool,
}

async fn command(
    operation: &Operation,
    id: &InstanceId,
    payload: &Payload,
    leader: bool,
    fails: bool,
) -> Result<Vec<String>, CommandFailure> {
    let failure = |message: &str, log: Vec<String>| CommandFailure {
        message: message.to_owned(),
        log,
        timed_out: false,
    };
    if fails {
        let message = "Engine execution has encountered an error.";
        return Err(failure(message, vec![format!("[ERROR] {message} (fault script)")]));
    }
    let variables = match &payload.variables {
        Ok(variables) => variables.clone(),
        Err(message) => return Err(failure(message, vec![format!("[ERROR] {message}")])),
    };
    let bundle = match &payload.bundle {
        Bundle::Sample => None,
        Bundle::Source(bytes) => Some(bytes.clone()),
        Bundle::Missing => {
            let message = "The source bundle could not be downloaded from Amazon S3.";
            return Err(failure(message, vec![format!("[ERROR] {message}")]));
        }
    };
    let spec = DeploymentSpec {
        deployment_id: payload.deployment_id,
        version_label: payload.label.clone(),
        bundle,
        variables,
        leader,
        health_path: payload.health_path.clone(),
    };
    let world = &operation.shared.world;
    let hold = world.hold_for_real_work();
    let outcome = tokio::select! {
        outcome = world.data_plane.deploy(id, &spec) => Some(outcome),
        () = world.clock.sleep(payload.timeout) => None,
    };
    drop(hold);
    match outcome {
        Some(Ok(output)) => Ok(output.log_tail),
        Some(Err(failed)) => {
            let mut log = vec![format!("[ERROR] {}: {}", failed.step, failed.message)];
            log.extend(failed.log_tail);
            Err(CommandFailure { message: failed.message, log, timed_out: false })
        }
        None => Err(CommandFailure {
            message: "The command timed out.".to_owned(),
            log: vec!["[ERROR] The command timed out.".to_owned()],
            timed_out: true,
        }),
    }
}

fn settle(
    operation: &Operation,
    id: &InstanceId,
    status: DeploymentStatus,
    log: &[String],
) -> Step<()> {
    let now = operation.now();
    let world = &operation.shared.world;
    let log: Vec<String> = log.iter().map(|line| world.clean(line)).collect();
    operation.change(|environment| {
        if let Some(instance) = environment.instance_mut(id) {
            instance.phase = Phase::Idle;
            instance.left_behind = false;
            instance.checks = Checks::default();
            instance.engine_log.extend(log);
            if let Some(deployment) = &mut instance.deployment {
                deployment.status = status;
                deployment.at = now;
            }
        }
    })
}

fn leave_behind(operation: &Operation, id: &InstanceId) -> Step<()> {
    operation.change(|environment| {
        if let Some(instance) = environment.instance_mut(id) {
            instance.left_behind = true;
        }
    })
}

fn tell_failure(operation: &Operation, id: &InstanceId, failure: &CommandFailure) {
    operation.error("Instance deployment failed. For details, see 'eb-engine.log'.");
    operation.error(format!(
        "[Instance: {id}] Command failed on instance. Return code: 1 Output: {}",
        one_line(&operation.shared.world.clean(&failure.message))
    ));
}

/// The length at which AWS cuts the output in an event.
const LONGEST_OUTPUT: usize = 500;

fn one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= LONGEST_OUTPUT {
        return line;
    }
    let skip = line.chars().count().saturating_sub(LONGEST_OUTPUT);
    format!("(TRUNCATED)...{}", line.chars().skip(skip).collect::<String>())
}

/// How many good checks in a row make an instance healthy: 12 with enhanced health, the load balancer's
/// own threshold without.
fn healthy_checks(environment: &Environment) -> u32 {
    if environment.settings.enhanced_health() {
        return HEALTHY_CHECKS;
    }
    environment
        .settings
        .get(crate::beanstalk::options::DEFAULT_PROCESS, "HealthyThresholdCount")
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
        .wait_until(limit, |environment| ids.iter().all(|id| healthy(environment, id)))
        .await?;
    operation.read(|environment| {
        ids.iter().filter(|id| !healthy(environment, id)).cloned().collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_output_keeps_its_end() {
        assert_eq!(one_line("a\n b"), "a b");
        let long = format!("{}end", "x".repeat(600));
        let cut = one_line(&long);
        assert!(cut.starts_with("(TRUNCATED)...x") && cut.ends_with("end"));
        assert_eq!(cut.chars().count(), 514);
    }

    #[test]
    fn instances_are_listed_as_aws_does() {
        let ids = [InstanceId::new("i-1"), InstanceId::new("i-2")];
        assert_eq!(listed(&ids), "instances [i-1, i-2]");
        assert_eq!(listed(&ids[..1]), "instance [i-1]");
    }
}
