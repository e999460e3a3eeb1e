//! Environments that are there: updated, restarted, terminated, aborted, swapped.

use tokio_util::sync::CancellationToken;
use winterbaume_core::MockResponse;
use winterbaume_elasticbeanstalk::wire;

use super::{configuration, describe, platforms};
use crate::beanstalk::call::Call;
use crate::beanstalk::error::{Answer, Refusal};
use crate::beanstalk::event_log::Severity;
use crate::beanstalk::health::Work;
use crate::beanstalk::lifecycle::{self, Change, Operation};
use crate::beanstalk::state::{Environment, EnvironmentStatus, State, VersionStatus};

/// A version that can be deployed.
pub(super) fn check_version(state: &State, application: &str, label: &str) -> Answer<()> {
    let version = state.version(application, label)?;
    match version.status {
        VersionStatus::Failed | VersionStatus::Processing => Err(Refusal::invalid(format!(
            "Application Version {label} has an invalid status {} for this operation.",
            version.status.as_str()
        ))),
        VersionStatus::Unprocessed | VersionStatus::Processed => Ok(()),
    }
}

pub(super) fn operation(call: &Call, id: &str, abort: CancellationToken) -> Operation {
    Operation {
        shared: call.shared.clone(),
        environment: id.to_owned(),
        request_id: call.request_id.clone(),
        abort,
    }
}

/// The environment that a changing request names, if it is ready for a change.
fn ready<'state>(
    call: &Call,
    state: &'state State,
    id: Option<&str>,
    name: Option<&str>,
) -> Answer<&'state Environment> {
    let environment = state.named(id, name)?;
    let next = u64::try_from(environment.deployment_id)
        .unwrap_or_default()
        .saturating_add(1);
    if environment.status != EnvironmentStatus::Ready
        || call
            .shared
            .world
            .faults()
            .must_be_ready(&environment.name, next)
    {
        return Err(Refusal::must_be_ready(&environment.name));
    }
    Ok(environment)
}

pub(super) async fn update(call: &Call) -> Answer<MockResponse> {
    let input = call.input(wire::deserialize_update_environment_request)?;
    let world = &call.shared.world;
    if input.template_name.is_some() {
        return Err(Refusal::not_played("configuration templates"));
    }
    let (id, name) = (
        input.environment_id.as_deref(),
        input.environment_name.as_deref(),
    );
    let (before, present) = call.shared.read(|state| {
        state
            .named(id, name)
            .map(|found| (found.settings.clone(), found.platform))
    })?;
    let set = input
        .option_settings
        .as_ref()
        .map(|list| list.items.clone())
        .unwrap_or_default();
    let remove = input
        .options_to_remove
        .as_ref()
        .map(|list| list.items.clone())
        .unwrap_or_default();
    let after = before.changed(&set, &remove);
    configuration::refuse_invalid(call, &set, &after).await?;
    let platform = platforms::chosen(
        input.platform_arn.as_ref(),
        input.solution_stack_name.as_ref(),
        world.region.as_str(),
    )?
    .filter(|wanted| wanted.solution_stack() != present.solution_stack());
    let abort = CancellationToken::new();
    let now = call.now();
    let (id, description, change) = call.shared.change(|state| {
        let environment = ready(call, state, id, name)?;
        if let Some(label) = &input.version_label {
            check_version(state, &environment.application, label)?;
        }
        let id = environment.id.clone();
        let change = Change {
            version: input.version_label.clone(),
            // Laid over the settings of this very moment: another update may have ended meanwhile.
            settings: (!set.is_empty() || !remove.is_empty())
                .then(|| environment.settings.changed(&set, &remove)),
            platform,
        };
        let starts =
            change.version.is_some() || change.settings.is_some() || change.platform.is_some();
        let work = if change.version.is_some() {
            Work::ApplicationUpdate
        } else {
            Work::ConfigurationUpdate
        };
        let environment = state
            .by_id_mut(&id)
            .ok_or_else(|| Refusal::no_environment("EnvironmentId", &id))?;
        if let Some(text) = input.description.clone() {
            environment.description = Some(text).filter(|text| !text.is_empty());
            environment.updated = now;
        }
        if starts {
            let status = EnvironmentStatus::Updating;
            lifecycle::begin(environment, status, work, &call.request_id, now);
            environment.abort = Some(abort.clone());
        }
        if let Some(settings) = &change.settings {
            environment.attempted = Some((settings.clone(), "pending"));
        }
        let described = describe::description(world, environment);
        if starts {
            let request_id = Some(call.request_id.as_str());
            let message = "Environment update is starting.";
            call.shared
                .tell(state, &id, request_id, Severity::Info, message);
        }
        Ok((id, described, starts.then_some(change)))
    })?;
    if let Some(change) = change {
        call.shared
            .spawn(lifecycle::update(operation(call, &id, abort), change));
    }
    Ok(wire::serialize_update_environment_response(&description))
}

pub(super) fn restart(call: &Call) -> Answer<MockResponse> {
    let input = call.input(wire::deserialize_restart_app_server_request)?;
    let now = call.now();
    let id = call.shared.change(|state| {
        let id = ready(
            call,
            state,
            input.environment_id.as_deref(),
            input.environment_name.as_deref(),
        )?
        .id
        .clone();
        if let Some(environment) = state.by_id_mut(&id) {
            let status = EnvironmentStatus::Updating;
            let work = Work::ConfigurationUpdate;
            lifecycle::begin(environment, status, work, &call.request_id, now);
        }
        let request_id = Some(call.request_id.as_str());
        let message = "restartAppServer is starting.";
        call.shared
            .tell(state, &id, request_id, Severity::Info, message);
        Ok(id)
    })?;
    let operation = operation(call, &id, CancellationToken::new());
    call.shared.spawn(lifecycle::restart(operation));
    Ok(wire::serialize_restart_app_server_response())
}

/// Marks an environment as terminating and returns the operation to run.
pub(super) fn start_termination(call: &Call, id: &str) -> Operation {
    let now = call.now();
    call.shared.change(|state| {
        if let Some(environment) = state.by_id_mut(id) {
            let status = EnvironmentStatus::Terminating;
            lifecycle::begin(
                environment,
                status,
                Work::Termination,
                &call.request_id,
                now,
            );
            // Whatever was under way stops where it is.
            if let Some(abort) = environment.abort.take() {
                abort.cancel();
            }
        }
        let request_id = Some(call.request_id.as_str());
        let message = "terminateEnvironment is starting.";
        call.shared
            .tell(state, id, request_id, Severity::Info, message);
    });
    operation(call, id, CancellationToken::new())
}

pub(super) fn terminate(call: &Call) -> Answer<MockResponse> {
    let input = call.input(wire::deserialize_terminate_environment_request)?;
    let world = &call.shared.world;
    let (id, status) = call.shared.read(|state| {
        let environment = state.named(
            input.environment_id.as_deref(),
            input.environment_name.as_deref(),
        )?;
        match environment.status {
            EnvironmentStatus::Launching => Err(Refusal::invalid(format!(
                "Cannot terminate environment named {}. It is currently pending creation.",
                environment.name
            ))),
            EnvironmentStatus::Updating | EnvironmentStatus::Aborting => {
                Err(Refusal::must_be_ready(&environment.name))
            }
            status => Ok((environment.id.clone(), status)),
        }
    })?;
    if status == EnvironmentStatus::Ready {
        let operation = start_termination(call, &id);
        call.shared.spawn(lifecycle::terminate(operation));
    }
    call.shared.read(|state| {
        let environment = state
            .by_id(&id)
            .ok_or_else(|| Refusal::no_environment("EnvironmentId", &id))?;
        Ok(wire::serialize_terminate_environment_response(
            &describe::description(world, environment),
        ))
    })
}

pub(super) fn abort(call: &Call) -> Answer<MockResponse> {
    let input = call.input(wire::deserialize_abort_environment_update_request)?;
    call.shared.change(|state| {
        let environment = state.named(
            input.environment_id.as_deref(),
            input.environment_name.as_deref(),
        )?;
        let id = environment.id.clone();
        let name = environment.name.clone();
        let updating = environment.status == EnvironmentStatus::Updating;
        let abort = state
            .by_id_mut(&id)
            .filter(|_| updating)
            .and_then(|environment| environment.abort.take())
            .ok_or_else(|| {
                Refusal::invalid(format!(
                    "Environment named {name} is in an invalid state for this operation. There is \
                     no update in progress that can be aborted."
                ))
            })?;
        if let Some(environment) = state.by_id_mut(&id) {
            environment.status = EnvironmentStatus::Aborting;
        }
        let request_id = Some(call.request_id.as_str());
        let message = "Environment update is aborting.";
        call.shared
            .tell(state, &id, request_id, Severity::Info, message);
        abort.cancel();
        Ok(wire::serialize_abort_environment_update_response())
    })
}

pub(super) fn swap(call: &Call) -> Answer<MockResponse> {
    let input = call.input(wire::deserialize_swap_environment_c_n_a_m_es_request)?;
    let now = call.now();
    let ends = call.shared.change(|state| {
        let mut ends = Vec::new();
        for (id, name) in [
            (&input.source_environment_id, &input.source_environment_name),
            (
                &input.destination_environment_id,
                &input.destination_environment_name,
            ),
        ] {
            let environment = ready(call, state, id.as_deref(), name.as_deref())?;
            ends.push(environment.id.clone());
        }
        let [source, destination] = ends.as_slice() else {
            return Err(Refusal::missing("SourceEnvironmentName"));
        };
        if source == destination {
            return Err(Refusal::invalid(
                "The source and the destination environment must be different.",
            ));
        }
        for id in [source, destination] {
            if let Some(environment) = state.by_id_mut(id) {
                let status = EnvironmentStatus::Updating;
                let work = Work::ConfigurationUpdate;
                lifecycle::begin(environment, status, work, &call.request_id, now);
            }
            let request_id = Some(call.request_id.as_str());
            let message = "swapEnvironmentCNAMEs is starting.";
            call.shared
                .tell(state, id, request_id, Severity::Info, message);
        }
        Ok([source.clone(), destination.clone()])
    })?;
    let [source, destination] = ends.map(|id| operation(call, &id, CancellationToken::new()));
    call.shared.spawn(lifecycle::swap(source, destination));
    Ok(wire::serialize_swap_environment_c_n_a_m_es_response())
}
