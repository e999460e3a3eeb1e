//! Environments: created, updated, terminated, aborted, swapped.

use tokio_util::sync::CancellationToken;
use winterbaume_core::MockResponse;
use winterbaume_elasticbeanstalk::{model, wire};

use super::{configuration, describe, platforms, tags};
use crate::beanstalk::call::Call;
use crate::beanstalk::error::{Answer, Refusal};
use crate::beanstalk::event_log::Severity;
use crate::beanstalk::health::{Status, Verdict, Work};
use crate::beanstalk::lifecycle::{self, Change, Operation};
use crate::beanstalk::options::Settings;
use crate::beanstalk::platforms::Platform;
use crate::beanstalk::state::{
    Environment, EnvironmentStatus, SAMPLE_APPLICATION, State, VersionStatus,
};
use crate::beanstalk::{monitor, names};
use crate::world::World;

/// The full host name of a prefix.
fn full_name(world: &World, prefix: &str) -> String {
    format!("{}.{}.elasticbeanstalk.localhost", prefix.to_ascii_lowercase(), world.region)
}

fn check_name(name: &str) -> Answer<()> {
    let valid = (4..=40).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-');
    valid.then_some(()).ok_or_else(|| {
        Refusal::invalid(format!(
            "Value {name} at 'EnvironmentName' failed to satisfy constraint: Member must be from 4 \
             to 40 characters in length, contain only letters, numbers, and hyphens, and must not \
             start or end with a hyphen."
        ))
    })
}

fn check_prefix(prefix: &str) -> Answer<()> {
    let valid = (4..=63).contains(&prefix.len())
        && prefix.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !prefix.starts_with('-')
        && !prefix.ends_with('-');
    valid.then_some(()).ok_or_else(|| {
        Refusal::invalid(format!(
            "Value {prefix} at 'CNAMEPrefix' failed to satisfy constraint: Member must be from 4 to \
             63 characters in length, contain only letters, numbers, and hyphens, and must not \
             start or end with a hyphen."
        ))
    })
}

/// A version that can be deployed.
fn check_version(state: &State, application: &str, label: &str) -> Answer<()> {
    let version = state.version(application, label)?;
    match version.status {
        VersionStatus::Failed | VersionStatus::Processing => Err(Refusal::invalid(format!(
            "Application Version {label} has an invalid status {} for this operation.",
            version.status.as_str()
        ))),
        VersionStatus::Unprocessed | VersionStatus::Processed => Ok(()),
    }
}

pub(super) async fn create(call: &Call) -> Answer<MockResponse> {
    let input = call.input(wire::deserialize_create_environment_request)?;
    let world = &call.shared.world;
    if input.template_name.is_some() {
        return Err(Refusal::not_played("configuration templates"));
    }
    let name = input.environment_name.clone().ok_or_else(|| Refusal::missing("EnvironmentName"))?;
    check_name(&name)?;
    let tier = tier(input.tier.as_ref())?;
    let platform = platforms::chosen(
        input.platform_arn.as_ref(),
        input.solution_stack_name.as_ref(),
        world.region.as_str(),
    )?
    .ok_or_else(|| {
        Refusal::invalid("Unable to determine base for template pack (no solution stack)")
    })?;
    if let Some(prefix) = &input.c_n_a_m_e_prefix {
        check_prefix(prefix)?;
    }
    let cname = match &input.c_n_a_m_e_prefix {
        Some(prefix) => full_name(world, prefix),
        None => full_name(world, &format!("{name}.{}", names::cname_part())),
    };
    let set = input.option_settings.as_ref().map(|list| list.items.clone()).unwrap_or_default();
    let settings = Settings::default().changed(&set, &[]);
    call.shared.read(|state| state.application(&input.application_name).map(|_| ()))?;
    configuration::refuse_invalid(call, &set, &settings).await?;
    let environment = Plan { name, tier, platform, cname, settings }.environment(call, &input);
    let id = environment.id.clone();
    let gone = environment.gone.clone();
    let response = call.shared.change(|state| {
        state.application(&input.application_name)?;
        if let Some(label) = &input.version_label {
            check_version(state, &input.application_name, label)?;
        }
        if state.named(None, Some(&environment.name)).is_ok() {
            return Err(Refusal::invalid(format!(
                "Environment {} already exists.",
                environment.name
            )));
        }
        if state.cname_taken(&environment.cname) {
            return Err(Refusal::invalid(format!(
                "DNS name ({}) is not available.",
                environment.cname
            )));
        }
        let response =
            wire::serialize_create_environment_response(&describe::description(world, &environment));
        state.environments.push(environment);
        call.shared.tell(
            state,
            &id,
            Some(&call.request_id),
            Severity::Info,
            "createEnvironment is starting.",
        );
        Ok(response)
    })?;
    tag(call, &id, input.tags.map(|tags| tags.items).unwrap_or_default());
    call.shared.spawn(monitor::watch(call.shared.clone(), id.clone(), gone));
    call.shared.spawn(lifecycle::create(operation(call, &id, CancellationToken::new())));
    Ok(response)
}

/// What a creation request comes down to.
struct Plan {
    name: String,
    tier: (String, String, String),
    platform: Platform,
    cname: String,
    settings: Settings,
}

impl Plan {
    fn environment(self, call: &Call, input: &model::CreateEnvironmentMessage) -> Environment {
        let now = call.now();
        let id = names::environment_id();
        let label =
            input.version_label.clone().unwrap_or_else(|| SAMPLE_APPLICATION.to_owned());
        let resources = lifecycle::resources(&id, &self.settings, &call.shared.world);
        let mut environment = Environment {
            id,
            name: self.name,
            application: input.application_name.clone(),
            description: input.description.clone().filter(|text| !text.is_empty()),
            tier: self.tier,
            platform: self.platform,
            cname: self.cname,
            status: EnvironmentStatus::Launching,
            version_label: label.clone(),
            created: now,
            updated: now,
            settings: self.settings,
            attempted: None,
            settings_updated: now,
            instances: Vec::new(),
            deployment_id: 1,
            expected: Some((1, label)),
            progress: None,
            request_id: None,
            finished: None,
            verdict: Verdict::new(Status::NoData, []),
            basic_color: "Grey",
            resources,
            red: None,
            stuck: None,
            abort: None,
            gone: CancellationToken::new(),
        };
        lifecycle::begin(
            &mut environment,
            EnvironmentStatus::Launching,
            Work::Creation,
            &call.request_id,
            now,
        );
        environment
    }
}

fn tier(given: Option<&model::EnvironmentTier>) -> Answer<(String, String, String)> {
    let name = given.and_then(|tier| tier.name.as_deref()).unwrap_or("WebServer");
    let kind = given.and_then(|tier| tier.r#type.as_deref());
    let wanted = match (name, kind) {
        ("WebServer", None | Some("Standard")) => ("WebServer", "Standard"),
        ("Worker", None | Some("SQS/HTTP")) => ("Worker", "SQS/HTTP"),
        _ => {
            return Err(Refusal::invalid(format!(
                "No tier named '{name}' of type '{}' is played.",
                kind.unwrap_or_default()
            )));
        }
    };
    Ok((wanted.0.to_owned(), wanted.1.to_owned(), "1.0".to_owned()))
}

fn tag(call: &Call, id: &str, mut given: Vec<model::Tag>) {
    let Some((arn, name)) = call.shared.read(|state| {
        state
            .by_id(id)
            .map(|found| (describe::arn(&call.shared.world, found), found.name.clone()))
    }) else {
        return;
    };
    let own = [
        ("elasticbeanstalk:environment-id", id.to_owned()),
        ("elasticbeanstalk:environment-name", name.clone()),
        ("Name", name),
    ];
    given.extend(own.into_iter().map(|(key, value)| model::Tag {
        key: Some(key.to_owned()),
        value: Some(value),
    }));
    tags::set(call, &arn, given);
}

fn operation(call: &Call, id: &str, abort: CancellationToken) -> Operation {
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
    let next = u64::try_from(environment.deployment_id).unwrap_or_default().saturating_add(1);
    if environment.status != EnvironmentStatus::Ready
        || call.shared.world.faults().must_be_ready(&environment.name, next)
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
    let (id, name) = (input.environment_id.as_deref(), input.environment_name.as_deref());
    let (before, present) = call.shared.read(|state| {
        state.named(id, name).map(|found| (found.settings.clone(), found.platform))
    })?;
    let set = input.option_settings.as_ref().map(|list| list.items.clone()).unwrap_or_default();
    let remove =
        input.options_to_remove.as_ref().map(|list| list.items.clone()).unwrap_or_default();
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
            settings: (!set.is_empty() || !remove.is_empty()).then_some(after),
            platform,
        };
        let starts =
            change.version.is_some() || change.settings.is_some() || change.platform.is_some();
        let work = if change.version.is_some() {
            Work::ApplicationUpdate
        } else {
            Work::ConfigurationUpdate
        };
        let environment =
            state.by_id_mut(&id).ok_or_else(|| Refusal::no_environment("EnvironmentId", &id))?;
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
            call.shared.tell(state, &id, request_id, Severity::Info, message);
        }
        Ok((id, described, starts.then_some(change)))
    })?;
    if let Some(change) = change {
        call.shared.spawn(lifecycle::update(operation(call, &id, abort), change));
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
        call.shared.tell(state, &id, request_id, Severity::Info, message);
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
            lifecycle::begin(environment, status, Work::Termination, &call.request_id, now);
            // Whatever was under way stops where it is.
            if let Some(abort) = environment.abort.take() {
                abort.cancel();
            }
        }
        let request_id = Some(call.request_id.as_str());
        let message = "terminateEnvironment is starting.";
        call.shared.tell(state, id, request_id, Severity::Info, message);
    });
    operation(call, id, CancellationToken::new())
}

pub(super) fn terminate(call: &Call) -> Answer<MockResponse> {
    let input = call.input(wire::deserialize_terminate_environment_request)?;
    let world = &call.shared.world;
    let (id, status) = call.shared.read(|state| {
        let environment =
            state.named(input.environment_id.as_deref(), input.environment_name.as_deref())?;
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
        let environment =
            state.by_id(&id).ok_or_else(|| Refusal::no_environment("EnvironmentId", &id))?;
        Ok(wire::serialize_terminate_environment_response(&describe::description(
            world,
            environment,
        )))
    })
}

pub(super) fn abort(call: &Call) -> Answer<MockResponse> {
    let input = call.input(wire::deserialize_abort_environment_update_request)?;
    call.shared.change(|state| {
        let environment =
            state.named(input.environment_id.as_deref(), input.environment_name.as_deref())?;
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
        call.shared.tell(state, &id, request_id, Severity::Info, message);
        abort.cancel();
        Ok(wire::serialize_abort_environment_update_response())
    })
}

pub(super) fn swap(call: &Call) -> Answer<MockResponse> {
    let input = call.input(wire::deserialize_swap_environment_c_n_a_m_es_request)?;
    let now = call.now();
    call.shared.change(|state| {
        let mut ends = Vec::new();
        for (id, name) in [
            (&input.source_environment_id, &input.source_environment_name),
            (&input.destination_environment_id, &input.destination_environment_name),
        ] {
            let environment = ready(call, state, id.as_deref(), name.as_deref())?;
            ends.push((
                environment.id.clone(),
                environment.name.clone(),
                environment.cname.clone(),
            ));
        }
        let [source, destination] = ends.as_slice() else {
            return Err(Refusal::missing("SourceEnvironmentName"));
        };
        for (id, cname) in [(&source.0, &destination.2), (&destination.0, &source.2)] {
            if let Some(environment) = state.by_id_mut(id) {
                environment.cname.clone_from(cname);
                environment.updated = now;
            }
        }
        let pair = format!("'{}' and '{}'", source.1, destination.1);
        for id in [&source.0, &destination.0] {
            for message in [
                "swapEnvironmentCNAMEs is starting.".to_owned(),
                format!("Swapping CNAMEs for environments {pair}."),
                format!("Completed swapping CNAMEs for environments {pair}."),
            ] {
                let request_id = Some(call.request_id.as_str());
                call.shared.tell(state, id, request_id, Severity::Info, message);
            }
        }
        Ok(wire::serialize_swap_environment_c_n_a_m_es_response())
    })
}

pub(super) fn check_dns(call: &Call) -> Answer<MockResponse> {
    let input = call.input(wire::deserialize_check_d_n_s_availability_request)?;
    check_prefix(&input.c_n_a_m_e_prefix)?;
    let name = full_name(&call.shared.world, &input.c_n_a_m_e_prefix);
    let taken = call.shared.read(|state| state.cname_taken(&name));
    Ok(wire::serialize_check_d_n_s_availability_response(
        &model::CheckDNSAvailabilityResultMessage {
            available: Some(!taken),
            fully_qualified_c_n_a_m_e: Some(describe::address(&call.shared.world, &name)),
        },
    ))
}
