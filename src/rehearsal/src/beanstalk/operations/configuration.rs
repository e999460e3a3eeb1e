//! Option settings: shown, listed, validated.

use winterbaume_core::MockResponse;
use winterbaume_elasticbeanstalk::{model, wire};

use super::platforms as choice;
use crate::beanstalk::call::{Call, timestamp};
use crate::beanstalk::error::{Answer, Refusal};
use crate::beanstalk::options::{self, Invalid, Kind, Known, Settings};
use crate::beanstalk::state::Environment;
use crate::world::World;

pub(super) fn settings(call: &Call) -> Answer<MockResponse> {
    let input = call.input(wire::deserialize_describe_configuration_settings_request)?;
    if input.template_name.is_some() {
        return Err(Refusal::not_played("configuration templates"));
    }
    let world = &call.shared.world;
    call.shared.read(|state| {
        state.application(&input.application_name)?;
        let environment = state.named(None, input.environment_name.as_deref())?;
        if environment.application != input.application_name {
            let name = input.environment_name.as_deref().unwrap_or_default();
            return Err(Refusal::no_environment("EnvironmentName", name));
        }
        let mut sets = vec![description(
            world,
            environment,
            &environment.settings,
            "deployed",
        )];
        if let Some((attempted, status)) = &environment.attempted {
            sets.push(description(world, environment, attempted, status));
        }
        let answer = wire::serialize_describe_configuration_settings_response(
            &model::ConfigurationSettingsDescriptions {
                configuration_settings: Some(sets.into()),
            },
        );
        Ok(with_tier(answer, environment))
    })
}

/// AWS puts the environment's tier into each set. The public service model does not have that member,
/// and so neither do the wire types; the model that `eb` carries has it, and `eb health` fails without.
fn with_tier(answer: MockResponse, environment: &Environment) -> MockResponse {
    const END: &str = "</EnvironmentName>";
    let (name, kind, version) = &environment.tier;
    let tier = format!(
        "{END}<Tier><Name>{name}</Name><Type>{kind}</Type><Version>{version}</Version></Tier>"
    );
    let body = String::from_utf8_lossy(&answer.body).replace(END, &tier);
    MockResponse {
        body: body.into(),
        ..answer
    }
}

fn description(
    world: &World,
    environment: &Environment,
    settings: &Settings,
    status: &str,
) -> model::ConfigurationSettingsDescription {
    model::ConfigurationSettingsDescription {
        application_name: Some(environment.application.clone()),
        date_created: Some(timestamp(environment.created)),
        date_updated: Some(timestamp(environment.settings_updated)),
        deployment_status: Some(status.to_owned()),
        description: environment.description.clone(),
        environment_name: Some(environment.name.clone()),
        option_settings: Some(shown(environment, settings)),
        platform_arn: Some(environment.platform.arn(world.region.as_str())),
        solution_stack_name: Some(environment.platform.solution_stack()),
        template_name: None,
    }
}

fn shown(environment: &Environment, settings: &Settings) -> model::ConfigurationOptionSettingsList {
    settings
        .effective()
        .into_iter()
        .map(|(key, value)| {
            // AWS shows the group that it made itself together with those that were asked for.
            let value = if key.namespace == "aws:autoscaling:launchconfiguration"
                && key.name == "SecurityGroups"
            {
                let own = environment.resources.instance_group.clone();
                let groups: Vec<String> = own
                    .into_iter()
                    .chain(value.filter(|text| !text.is_empty()))
                    .collect();
                (!groups.is_empty()).then(|| groups.join(","))
            } else {
                value
            };
            model::ConfigurationOptionSetting {
                namespace: Some(key.namespace),
                option_name: Some(key.name),
                resource_name: key.resource,
                value,
            }
        })
        .collect()
}

pub(super) fn options(call: &Call) -> Answer<MockResponse> {
    let input = call.input(wire::deserialize_describe_configuration_options_request)?;
    let world = &call.shared.world;
    let region = world.region.as_str();
    let platform = match input.environment_name.as_deref() {
        Some(name) => Some(
            call.shared
                .read(|state| state.named(None, Some(name)).map(|e| e.platform))?,
        ),
        None => choice::chosen(
            input.platform_arn.as_ref(),
            input.solution_stack_name.as_ref(),
            region,
        )?,
    };
    let wanted = input
        .options
        .map(|options| options.items)
        .unwrap_or_default();
    let options = options::KNOWN
        .iter()
        .filter(|known| {
            wanted.is_empty()
                || wanted.iter().any(|option| {
                    option
                        .option_name
                        .as_deref()
                        .is_none_or(|name| name == known.name)
                        && option.namespace.as_deref().is_none_or(|namespace| {
                            namespace == known.namespace
                                || options::known(namespace, known.name)
                                    .is_some_and(|found| found.namespace == known.namespace)
                        })
                })
        })
        .map(option_description)
        .collect();
    Ok(wire::serialize_describe_configuration_options_response(
        &model::ConfigurationOptionsDescription {
            options: Some(options),
            platform_arn: platform.map(|platform| platform.arn(region)),
            solution_stack_name: platform.map(|platform| platform.solution_stack()),
        },
    ))
}

fn option_description(known: &Known) -> model::ConfigurationOptionDescription {
    let (least, most) = match known.kind {
        Kind::Number(least, most) => (Some(least), Some(most)),
        _ => (None, None),
    };
    let values: Vec<String> = match known.kind {
        Kind::Flag => vec!["true".to_owned(), "false".to_owned()],
        Kind::OneOf(values) => values.iter().map(|value| (*value).to_owned()).collect(),
        Kind::Text | Kind::List | Kind::Number(..) => Vec::new(),
    };
    model::ConfigurationOptionDescription {
        change_severity: Some("NoInterruption".to_owned()),
        default_value: known.default.map(ToOwned::to_owned),
        max_length: None,
        max_value: most,
        min_value: least,
        name: Some(known.name.to_owned()),
        namespace: Some(known.namespace.replace(":*", ":default")),
        regex: None,
        user_defined: Some(false),
        value_options: Some(values.into_iter().collect()),
        value_type: Some(
            if matches!(known.kind, Kind::List) {
                "List"
            } else {
                "Scalar"
            }
            .to_owned(),
        ),
    }
}

pub(super) async fn validate(call: &Call) -> Answer<MockResponse> {
    let input = call.input(wire::deserialize_validate_configuration_settings_request)?;
    let before = call.shared.read(|state| {
        state.application(&input.application_name)?;
        match input.environment_name.as_deref() {
            Some(name) => state
                .named(None, Some(name))
                .map(|found| found.settings.clone()),
            None => Ok(Settings::default()),
        }
    })?;
    let set = input.option_settings.items;
    let after = before.changed(&set, &[]);
    let messages = problems(call, &set, &after)
        .await
        .into_iter()
        .map(|invalid| model::ValidationMessage {
            message: Some(invalid.message),
            namespace: Some(invalid.namespace),
            option_name: Some(invalid.name),
            severity: Some("error".to_owned()),
        })
        .collect();
    Ok(wire::serialize_validate_configuration_settings_response(
        &model::ConfigurationSettingsValidationMessages {
            messages: Some(messages),
        },
    ))
}

/// Everything that is wrong with settings, in themselves and against the account.
pub(super) async fn problems(
    call: &Call,
    set: &[model::ConfigurationOptionSetting],
    after: &Settings,
) -> Vec<Invalid> {
    let mut found = options::validate(set, after);
    for setting in set {
        let namespace = setting.namespace.as_deref().unwrap_or_default();
        let name = setting.option_name.as_deref().unwrap_or_default();
        let value = setting.value.as_deref().unwrap_or_default();
        if value.is_empty() {
            continue;
        }
        let rule = missing_resource(call, namespace, name, value, after).await;
        if let Some(rule) = rule {
            found.push(Invalid {
                namespace: namespace.to_owned(),
                name: name.to_owned(),
                message: format!(
                    "Invalid option value: '{value}' (Namespace: '{namespace}', OptionName: \
                     '{name}'): {rule}"
                ),
            });
        }
    }
    found
}

async fn missing_resource(
    call: &Call,
    namespace: &str,
    name: &str,
    value: &str,
    after: &Settings,
) -> Option<String> {
    let world = &call.shared.world;
    match (namespace, name) {
        ("aws:autoscaling:launchconfiguration", "IamInstanceProfile") => {
            let profile = value.rsplit('/').next().unwrap_or(value);
            let exists = world.roles().has_instance_profile(profile).await;
            (!exists).then(|| format!("The instance profile {profile} does not exist."))
        }
        ("aws:ec2:vpc", "VPCId") => {
            let exists = world.network().vpc(Some(value)).await.is_some();
            (!exists).then(|| format!("The VPC '{value}' does not exist"))
        }
        ("aws:ec2:vpc", "Subnets" | "ELBSubnets") => {
            let vpc = after
                .get("aws:ec2:vpc", "VPCId")
                .filter(|id| !id.is_empty());
            let known = world.network().vpc(vpc).await?;
            value
                .split(',')
                .map(str::trim)
                .find(|wanted| !known.subnets.iter().any(|subnet| subnet.id == **wanted))
                .map(|unknown| format!("The subnet '{unknown}' does not exist."))
        }
        _ => None,
    }
}

/// Refuses settings that are not valid, with AWS's sentence about the first.
pub(super) async fn refuse_invalid(
    call: &Call,
    set: &[model::ConfigurationOptionSetting],
    after: &Settings,
) -> Answer<()> {
    match problems(call, set, after).await.first() {
        Some(first) => Err(Refusal::configuration(&first.message)),
        None => Ok(()),
    }
}
