//! Applications.

use winterbaume_core::MockResponse;
use winterbaume_elasticbeanstalk::{model, wire};

use super::tags;
use crate::beanstalk::call::{Call, timestamp};
use crate::beanstalk::error::{Answer, Refusal};
use crate::beanstalk::event_log::Severity;
use crate::beanstalk::lifecycle::{Operation, terminate};
use crate::beanstalk::state::{Application, EnvironmentStatus};
use crate::world::World;

pub(super) fn arn(world: &World, name: &str) -> String {
    format!(
        "arn:aws:elasticbeanstalk:{}:{}:application/{name}",
        world.region, world.account
    )
}

fn description(
    world: &World,
    name: &str,
    application: &Application,
) -> model::ApplicationDescription {
    model::ApplicationDescription {
        application_arn: Some(arn(world, name)),
        application_name: Some(name.to_owned()),
        // `eb` reads this list without asking whether it is there.
        configuration_templates: Some(model::ConfigurationTemplateNamesList::default()),
        date_created: Some(timestamp(application.created)),
        date_updated: Some(timestamp(application.updated)),
        description: application.description.clone(),
        resource_lifecycle_config: application.lifecycle.clone(),
        versions: Some(
            application
                .versions
                .iter()
                .rev()
                .map(|version| version.label.clone())
                .collect(),
        ),
    }
}

fn check_name(name: &str) -> Answer<()> {
    let valid = (1..=100).contains(&name.chars().count()) && !name.contains('/');
    valid.then_some(()).ok_or_else(|| {
        Refusal::invalid(format!(
            "Application name '{name}' must be 1 to 100 characters and must not contain a slash."
        ))
    })
}

/// Makes an application; used by CreateApplicationVersion as well.
pub(super) fn add(call: &Call, name: &str, text: Option<&String>) -> Answer<()> {
    check_name(name)?;
    let now = call.now();
    call.shared.change(|state| {
        if state.applications.contains_key(name) {
            return Err(Refusal::invalid(format!(
                "Application {name} already exists."
            )));
        }
        let application = Application {
            description: text.filter(|text| !text.is_empty()).cloned(),
            created: now,
            updated: now,
            lifecycle: None,
            versions: Vec::new(),
        };
        state.applications.insert(name.to_owned(), application);
        call.shared.tell_about_application(
            state,
            name,
            None,
            &call.request_id,
            Severity::Info,
            format!("createApplication completed successfully for application {name}."),
        );
        Ok(())
    })
}

pub(super) fn create(call: &Call) -> Answer<MockResponse> {
    let input = call.input(wire::deserialize_create_application_request)?;
    let name = input.application_name;
    add(call, &name, input.description.as_ref())?;
    let world = &call.shared.world;
    tags::set(
        call,
        &arn(world, &name),
        input.tags.map(|tags| tags.items).unwrap_or_default(),
    );
    call.shared.change(|state| {
        let application = state.application_mut(&name)?;
        application.lifecycle = input.resource_lifecycle_config;
        Ok(wire::serialize_create_application_response(
            &model::ApplicationDescriptionMessage {
                application: Some(description(world, &name, application)),
            },
        ))
    })
}

pub(super) fn describe(call: &Call) -> Answer<MockResponse> {
    let input = call.input(wire::deserialize_describe_applications_request)?;
    let names = input
        .application_names
        .map(|names| names.items)
        .unwrap_or_default();
    let applications = call.shared.read(|state| {
        state
            .applications
            .iter()
            .filter(|(name, _)| names.is_empty() || names.contains(name))
            .map(|(name, application)| description(&call.shared.world, name, application))
            .collect()
    });
    Ok(wire::serialize_describe_applications_response(
        &model::ApplicationDescriptionsMessage {
            applications: Some(applications),
        },
    ))
}

pub(super) fn update(call: &Call) -> Answer<MockResponse> {
    let input = call.input(wire::deserialize_update_application_request)?;
    let now = call.now();
    call.shared.change(|state| {
        let application = state.application_mut(&input.application_name)?;
        if let Some(text) = input.description {
            application.description = Some(text).filter(|text| !text.is_empty());
        }
        application.updated = now;
        let described = description(&call.shared.world, &input.application_name, application);
        Ok(wire::serialize_update_application_response(
            &model::ApplicationDescriptionMessage {
                application: Some(described),
            },
        ))
    })
}

pub(super) fn update_lifecycle(call: &Call) -> Answer<MockResponse> {
    let input = call.input(wire::deserialize_update_application_resource_lifecycle_request)?;
    let now = call.now();
    call.shared.change(|state| {
        let application = state.application_mut(&input.application_name)?;
        application.lifecycle = Some(input.resource_lifecycle_config.clone());
        application.updated = now;
        Ok(
            wire::serialize_update_application_resource_lifecycle_response(
                &model::ApplicationResourceLifecycleDescriptionMessage {
                    application_name: Some(input.application_name),
                    resource_lifecycle_config: Some(input.resource_lifecycle_config),
                },
            ),
        )
    })
}

pub(super) fn delete(call: &Call) -> Answer<MockResponse> {
    let input = call.input(wire::deserialize_delete_application_request)?;
    let name = input.application_name;
    let force = input.terminate_env_by_force.unwrap_or(false);
    let running: Vec<(String, EnvironmentStatus)> = call.shared.read(|state| {
        state.application(&name)?;
        Ok(state
            .environments
            .iter()
            .filter(|environment| {
                environment.application == name
                    && environment.status != EnvironmentStatus::Terminated
            })
            .map(|environment| (environment.id.clone(), environment.status))
            .collect())
    })?;
    if let Some((id, _)) = running.first()
        && !force
    {
        return Err(Refusal::invalid(format!(
            "Unable to delete application {name} because it has a running environment {id}."
        )));
    }
    let operations: Vec<Operation> = running
        .into_iter()
        .filter(|(_, status)| *status != EnvironmentStatus::Terminating)
        .map(|(id, _)| super::environments::start_termination(call, &id))
        .collect();
    call.shared.change(|state| {
        call.shared.tell_about_application(
            state,
            &name,
            None,
            &call.request_id,
            Severity::Info,
            "deleteApplication is starting.",
        );
    });
    let shared = call.shared.clone();
    let request_id = call.request_id.clone();
    call.shared.spawn(async move {
        futures_util::future::join_all(operations.into_iter().map(terminate)).await;
        shared.change(|state| {
            state.applications.remove(&name);
            shared.tell_about_application(
                state,
                &name,
                None,
                &request_id,
                Severity::Info,
                "The application has been deleted successfully.",
            );
        });
    });
    Ok(wire::serialize_delete_application_response())
}

/// The quotas that a new account has (General Reference, "Elastic Beanstalk endpoints and quotas").
pub(super) fn account_attributes() -> MockResponse {
    let quota = |maximum| {
        Some(model::ResourceQuota {
            maximum: Some(maximum),
        })
    };
    wire::serialize_describe_account_attributes_response(&model::DescribeAccountAttributesResult {
        resource_quotas: Some(model::ResourceQuotas {
            application_quota: quota(75),
            application_version_quota: quota(1000),
            configuration_template_quota: quota(2000),
            custom_platform_quota: quota(50),
            environment_quota: quota(200),
        }),
    })
}
