//! Watches one environment: checks its instances every ten seconds of virtual time, keeps the load
//! balancer's opinion, judges the environment's health, and says when it changes.

use std::sync::Arc;

use futures_util::future::join_all;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::event_log::Severity;
use super::health::{self, EnvironmentFacts, InstanceFacts, Phase, Status, Verdict, Work};
use super::lifecycle::durations;
use super::options::DEFAULT_PROCESS;
use super::shared::Shared;
use super::state::{Environment, EnvironmentStatus, Instance, State};
use crate::clock::add;
use crate::data_plane::{HealthObservation, InstanceId};

/// Watches until the environment is gone.
pub(crate) async fn watch(shared: Arc<Shared>, id: String, gone: CancellationToken) {
    let clock = shared.world.clock.clone();
    let mut next = clock.now();
    loop {
        tokio::select! {
            () = clock.sleep_until(next) => {}
            () = gone.cancelled() => return,
        }
        // Checks that took longer than the interval are not made up for.
        next = add(clock.now().max(next), durations::HEALTH_REPORT);
        let Some((path, subjects)) = shared.read(|state| subjects(state, &id, clock.now())) else {
            return;
        };
        let observations = observe(&shared, &path, subjects).await;
        shared.change(|state| {
            let now = clock.now();
            if let Some(environment) = state.by_id_mut(&id) {
                record(environment, observations, now);
            }
            judge(&shared, state, &id, now);
        });
    }
}

/// An instance to check, and the number of the deployment that a result counts for.
struct Subject {
    instance: InstanceId,
    deployment: Option<i64>,
    red: bool,
}

fn subjects(state: &State, id: &str, now: Timestamp) -> Option<(String, Vec<Subject>)> {
    let environment = state.by_id(id)?;
    let subjects = environment
        .instances
        .iter()
        .filter(|instance| instance.phase == Phase::Idle)
        .map(|instance| Subject {
            instance: instance.id.clone(),
            deployment: deployment_number(instance),
            red: environment.is_red(instance, now),
        })
        .collect();
    Some((environment.settings.health_path(), subjects))
}

fn deployment_number(instance: &Instance) -> Option<i64> {
    instance.deployment.as_ref().map(|deployment| deployment.id)
}

async fn observe(
    shared: &Arc<Shared>,
    path: &str,
    subjects: Vec<Subject>,
) -> Vec<(Subject, HealthObservation)> {
    if subjects.is_empty() {
        return Vec::new();
    }
    let hold = shared.world.hold_for_real_work();
    let checks = join_all(subjects.into_iter().map(|subject| async move {
        let observation = if subject.red {
            HealthObservation {
                ok: false,
                status: Some(500),
                cause: Some("fault script".to_owned()),
            }
        } else {
            shared.world.data_plane.check(&subject.instance, path).await
        };
        (subject, observation)
    }));
    tokio::pin!(checks);
    tokio::select! {
        observations = &mut checks => return observations,
        () = tokio::time::sleep(HELD_AT_MOST) => {}
    }
    // An app that hangs must not hold the clock with every check: its deadline would never come.
    drop(hold);
    checks.await
}

/// How long the checks of a round may hold the clock, in wall-clock time: a healthy app answers well
/// within it.
const HELD_AT_MOST: std::time::Duration = std::time::Duration::from_millis(500);

fn record(
    environment: &mut Environment,
    observations: Vec<(Subject, HealthObservation)>,
    now: Timestamp,
) {
    let threshold = |name: &str, default: u32| {
        environment
            .settings
            .get(DEFAULT_PROCESS, name)
            .and_then(|text| text.parse().ok())
            .unwrap_or(default)
    };
    let healthy = threshold("HealthyThresholdCount", 3);
    let unhealthy = threshold("UnhealthyThresholdCount", 5);
    for (subject, observation) in observations {
        let Some(instance) = environment.instance_mut(&subject.instance) else {
            continue;
        };
        // What was seen while the version changed says nothing about the new one.
        if instance.phase != Phase::Idle || deployment_number(instance) != subject.deployment {
            continue;
        }
        instance.checks.record(observation, now);
        if instance.checks.ok_in_row >= healthy {
            instance.load_balancer_healthy = true;
        } else if instance.checks.failed_in_row >= unhealthy {
            instance.load_balancer_healthy = false;
        }
    }
}

/// Judges the environment and says so if its health changed.
pub(crate) fn judge(shared: &Shared, state: &mut State, id: &str, now: Timestamp) {
    let Some(environment) = state.by_id_mut(id) else {
        return;
    };
    let enhanced = environment.settings.enhanced_health();
    let verdict = verdict(environment, now);
    let color = basic_color(environment);
    let former = std::mem::replace(&mut environment.verdict, verdict.clone());
    let former_color = std::mem::replace(&mut environment.basic_color, color);
    if matches!(
        environment.status,
        EnvironmentStatus::Terminating | EnvironmentStatus::Terminated
    ) {
        return;
    }
    let request_id = environment
        .progress
        .as_ref()
        .and_then(|_| environment.request_id.clone());
    if enhanced && former.status != verdict.status {
        let severity = if verdict.status.is_trouble() {
            Severity::Warn
        } else {
            Severity::Info
        };
        let message = transition(&former, &verdict);
        shared.tell(state, id, request_id.as_deref(), severity, message);
    } else if !enhanced && former_color != color {
        let severity = if color == "Green" {
            Severity::Info
        } else {
            Severity::Warn
        };
        shared.tell(
            state,
            id,
            None,
            severity,
            basic_transition(former_color, color),
        );
    }
}

fn transition(former: &Verdict, verdict: &Verdict) -> String {
    let from = match former.status {
        Status::NoData => String::new(),
        status => format!(" from {}", status.as_str()),
    };
    let to = verdict.status.as_str();
    let causes = verdict.causes.join(" ");
    format!("Environment health has transitioned{from} to {to}. {causes}")
        .trim_end()
        .to_owned()
}

fn basic_transition(from: &str, to: &str) -> String {
    let to = to.to_ascii_uppercase();
    if from == "Grey" {
        format!("Environment health has been set to {to}")
    } else {
        format!(
            "Environment health has transitioned from {} to {to}",
            from.to_ascii_uppercase()
        )
    }
}

/// The verdict on one instance of an environment.
pub(crate) fn instance_verdict(
    environment: &Environment,
    instance: &Instance,
    now: Timestamp,
) -> Verdict {
    health::of_instance(&InstanceFacts {
        phase: instance.phase,
        checks: &instance.checks,
        deployed: deployed(instance),
        failed: instance
            .deployment
            .as_ref()
            .is_some_and(|deployment| deployment.status == super::state::DeploymentStatus::Failed),
        // While an operation is under way, and for an instance that the fault script lets stay behind
        // in secret, nothing is incorrect.
        expected: if environment.progress.is_some() || instance.left_behind {
            None
        } else {
            expected(environment)
        },
        now,
    })
}

fn deployed(instance: &Instance) -> Option<(i64, &str)> {
    instance
        .deployment
        .as_ref()
        .map(|deployment| (deployment.id, deployment.label.as_str()))
}

fn expected(environment: &Environment) -> Option<(i64, &str)> {
    environment
        .expected
        .as_ref()
        .map(|(id, label)| (*id, label.as_str()))
}

fn verdict(environment: &Environment, now: Timestamp) -> Verdict {
    let instances: Vec<Verdict> = environment
        .instances
        .iter()
        .map(|instance| instance_verdict(environment, instance, now))
        .collect();
    let incorrect = environment
        .instances
        .iter()
        .filter(|instance| !instance.left_behind && environment.progress.is_none())
        .filter(|instance| {
            deployed(instance).is_some() && deployed(instance) != expected(environment)
        })
        .count();
    health::of_environment(&EnvironmentFacts {
        instances: &instances,
        incorrect,
        expected: expected(environment),
        progress: environment.progress.as_ref(),
        finished: environment.finished.as_ref(),
        stuck: environment.stuck,
        now,
    })
}

fn basic_color(environment: &Environment) -> &'static str {
    let checks: Vec<_> = environment
        .instances
        .iter()
        .map(|instance| &instance.checks)
        .collect();
    let creating = environment
        .progress
        .as_ref()
        .is_some_and(|progress| matches!(progress.work, Work::Creation | Work::Termination));
    health::basic_color(&checks, creating)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transitions_are_told_in_aws_words() {
        let nothing = Verdict::new(Status::NoData, []);
        let pending = Verdict::new(
            Status::Pending,
            ["Initialization in progress (running for 5 seconds).".to_owned()],
        );
        let ok = Verdict::new(Status::Ok, []);
        assert_eq!(
            transition(&nothing, &pending),
            "Environment health has transitioned to Pending. Initialization in progress (running \
             for 5 seconds)."
        );
        assert_eq!(
            transition(&pending, &ok),
            "Environment health has transitioned from Pending to Ok."
        );
        assert_eq!(
            basic_transition("Grey", "Green"),
            "Environment health has been set to GREEN"
        );
        assert_eq!(
            basic_transition("Yellow", "Red"),
            "Environment health has transitioned from YELLOW to RED"
        );
    }
}
