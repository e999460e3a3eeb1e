//! The deployment command: what puts a version on instances, and how it goes wrong.

use std::collections::BTreeMap;
use std::time::Duration;

use beanpole_model::Secret;
use bytes::Bytes;
use futures_util::future::join_all;

use super::create::storage_bucket;
use super::durations;
use super::engine_log::{self, End};
use super::instances::joined;
use super::operation::{Operation, Step};
use crate::beanstalk::health::{Checks, Phase};
use crate::beanstalk::state::{Deployment, DeploymentStatus};
use crate::data_plane::{DeploymentSpec, InstanceId, ReleaseLog, SecretFile, release_log};

/// What is put on instances.
#[derive(Clone)]
pub(crate) struct Payload {
    pub(crate) deployment_id: i64,
    pub(crate) label: String,
    pub(crate) bundle: Bundle,
    pub(crate) variables: Result<BTreeMap<String, Secret>, String>,
    pub(crate) secret_file: Result<Option<SecretFile>, String>,
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

/// Runs the deployment command on instances at the same time. Returns those on which it failed. Events
/// tell how it went.
pub(crate) async fn run(
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
            Ok(Some(log)) => {
                settle(operation, id, DeploymentStatus::Deployed, log, End::Done)?;
                engine_log::upload(operation, log, End::Done).await;
            }
            Ok(None) => leave_behind(operation, id)?,
            Err(failure) => {
                let end = End::Failed(&failure.message);
                settle(operation, id, DeploymentStatus::Failed, &failure.log, end)?;
                engine_log::upload(operation, &failure.log, end).await;
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
        return Err(failure(
            message,
            vec![format!("[ERROR] {message} (fault script)")],
        ));
    }
    let variables = match &payload.variables {
        Ok(variables) => variables.clone(),
        Err(message) => return Err(failure(message, vec![format!("[ERROR] {message}")])),
    };
    let secret_file = match &payload.secret_file {
        Ok(file) => file.clone(),
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
        secret_file,
        release_log: leader
            .then(|| leaders_log(operation, id, payload))
            .flatten(),
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
            Err(CommandFailure {
                message: failed.message,
                log,
                timed_out: false,
            })
        }
        None => Err(CommandFailure {
            message: "The command timed out.".to_owned(),
            log: vec!["[ERROR] The command timed out.".to_owned()],
            timed_out: true,
        }),
    }
}

/// The log of the release step, in Beanstalk's bucket.
fn leaders_log(
    operation: &Operation,
    leader: &InstanceId,
    payload: &Payload,
) -> Option<ReleaseLog> {
    let world = operation.shared.world.clone();
    let environment = operation
        .read(|environment| environment.name.clone())
        .ok()?;
    let key = release_log::key(&environment);
    let name = format!("{leader}-{}", payload.deployment_id);
    Some(ReleaseLog::new(&name, move |text| {
        let (world, key) = (world.clone(), key.clone());
        Box::pin(async move {
            let bucket = storage_bucket(&world);
            world.storage().ensure_bucket(&bucket).await;
            world.storage().put(&bucket, &key, text).await;
        })
    }))
}

fn settle(
    operation: &Operation,
    id: &InstanceId,
    status: DeploymentStatus,
    log: &[String],
    end: End<'_>,
) -> Step<()> {
    let now = operation.now();
    let world = &operation.shared.world;
    let log = engine_log::command(now, log, end);
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
        one_line(&operation.shared.world.clean(&output(failure)))
    ));
}

/// What the command printed, with its end last: an event is cut at the front.
fn output(failure: &CommandFailure) -> String {
    let skip = failure.log.len().saturating_sub(OUTPUT_LINES);
    let mut lines = vec![failure.message.clone()];
    lines.extend(failure.log.iter().skip(skip).cloned());
    lines.join("\n")
}

/// How many lines of a failed command's log go into the event.
const OUTPUT_LINES: usize = 12;

/// The length at which AWS cuts the output in an event.
const LONGEST_OUTPUT: usize = 500;

fn one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= LONGEST_OUTPUT {
        return line;
    }
    let skip = line.chars().count().saturating_sub(LONGEST_OUTPUT);
    format!(
        "(TRUNCATED)...{}",
        line.chars().skip(skip).collect::<String>()
    )
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
}
