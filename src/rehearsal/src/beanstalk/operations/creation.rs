//! CreateEnvironment and the names that it gives away.

use tokio_util::sync::CancellationToken;
use winterbaume_core::MockResponse;
use winterbaume_elasticbeanstalk::{model, wire};

use super::environments::{check_version, operation};
use super::{configuration, describe, platforms, tags};
use crate::beanstalk::call::Call;
use crate::beanstalk::error::{Answer, Refusal};
use crate::beanstalk::event_log::Severity;
use crate::beanstalk::health::{Status, Verdict, Work};
use crate::beanstalk::lifecycle;
use crate::beanstalk::options::Settings;
use crate::beanstalk::platforms::Platform;
use crate::beanstalk::state::{Environment, EnvironmentStatus, SAMPLE_APPLICATION};
use crate::beanstalk::{monitor, names};
use crate::world::World;

/// The full host name of a prefix.
fn full_name(world: &World, prefix: &str) -> String {
    format!(
        "{}.{}.elasticbeanstalk.localhost",
        prefix.to_ascii_lowercase(),
        world.region
    )
}

fn check_name(name: &str) -> Answer<()> {
    let valid = (4..=40).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
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
        && prefix
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
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

pub(super) async fn create(call: &Call) -> Answer<MockResponse> {
    let input = call.input(wire::deserialize_create_environment_request)?;
    let world = &call.shared.world;
    if input.template_name.is_some() {
        return Err(Refusal::not_played("configuration templates"));
    }
    let name = input
        .environment_name
        .clone()
        .ok_or_else(|| Refusal::missing("EnvironmentName"))?;
    check_name(&name)?;
    let tier = if world.faults().cluster_mode(&name) {
        ("Cluster".to_owned(), "EKS".to_owned(), "1.0".to_owned())
    } else {
        tier(input.tier.as_ref())?
    };
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
    let set = input
        .option_settings
        .as_ref()
        .map(|list| list.items.clone())
        .unwrap_or_default();
    let settings = Settings::default().changed(&set, &[]);
    call.shared
        .read(|state| state.application(&input.application_name).map(|_| ()))?;
    configuration::refuse_invalid(call, &set, &settings).await?;
    let environment = Plan {
        name,
        tier,
        platform,
        cname,
        settings,
    }
    .environment(call, &input);
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
        let response = wire::serialize_create_environment_response(&describe::description(
            world,
            &environment,
        ));
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
    tag(
        call,
        &id,
        input.tags.map(|tags| tags.items).unwrap_or_default(),
    );
    call.shared
        .spawn(monitor::watch(call.shared.clone(), id.clone(), gone));
    call.shared.spawn(lifecycle::create(operation(
        call,
        &id,
        CancellationToken::new(),
    )));
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
        let label = input
            .version_label
            .clone()
            .unwrap_or_else(|| SAMPLE_APPLICATION.to_owned());
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
            managed: None,
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
    let name = given
        .and_then(|tier| tier.name.as_deref())
        .unwrap_or("WebServer");
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
