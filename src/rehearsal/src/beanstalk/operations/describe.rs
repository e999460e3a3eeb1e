//! Environments and what they are made of.

use winterbaume_core::MockResponse;
use winterbaume_elasticbeanstalk::{model, wire};

use crate::beanstalk::call::{Call, page, page_size, parse_timestamp, timestamp};
use crate::beanstalk::error::Answer;
use crate::beanstalk::health::Status;
use crate::beanstalk::state::{Environment, EnvironmentStatus, Wanted};
use crate::world::World;

pub(super) fn arn(world: &World, environment: &Environment) -> String {
    format!(
        "arn:aws:elasticbeanstalk:{}:{}:environment/{}/{}",
        world.region, world.account, environment.application, environment.name
    )
}

/// The name under which the environment answers, with the load balancer's port.
pub(super) fn address(world: &World, cname: &str) -> String {
    format!("{cname}:{}", world.load_balancer_address.port())
}

pub(super) fn description(
    world: &World,
    environment: &Environment,
) -> model::EnvironmentDescription {
    let enhanced = environment.settings.enhanced_health();
    let color = if enhanced {
        environment.verdict.status.color()
    } else {
        environment.basic_color
    };
    let address = address(world, &environment.cname);
    let (tier, kind, version) = environment.tier.clone();
    model::EnvironmentDescription {
        abortable_operation_in_progress: Some(
            environment.abort.is_some() && environment.status == EnvironmentStatus::Updating,
        ),
        application_name: Some(environment.application.clone()),
        c_n_a_m_e: Some(address.clone()),
        date_created: Some(timestamp(environment.created)),
        date_updated: Some(timestamp(environment.updated)),
        description: environment.description.clone(),
        endpoint_u_r_l: Some(address),
        environment_arn: Some(arn(world, environment)),
        environment_id: Some(environment.id.clone()),
        environment_links: Some(model::EnvironmentLinks::default()),
        environment_name: Some(environment.name.clone()),
        health: Some(color.to_owned()),
        health_status: enhanced.then(|| match environment.verdict.status {
            // The one status whose name in the enumeration differs from the one on the health page.
            Status::NoData => "NoData".to_owned(),
            status => status.as_str().to_owned(),
        }),
        operations_role: None,
        platform_arn: Some(environment.platform.arn(world.region.as_str())),
        resources: None,
        solution_stack_name: Some(environment.platform.solution_stack()),
        status: Some(environment.status.as_str().to_owned()),
        template_name: None,
        tier: Some(model::EnvironmentTier {
            name: Some(tier),
            r#type: Some(kind),
            version: Some(version),
        }),
        version_label: Some(environment.version_label.clone()),
    }
}

pub(super) fn environments(call: &Call) -> Answer<MockResponse> {
    let input = call.input(wire::deserialize_describe_environments_request)?;
    let wanted = Wanted {
        application: input.application_name,
        version_label: input.version_label,
        ids: input.environment_ids.map(|ids| ids.items),
        names: input.environment_names.map(|names| names.items),
        include_deleted: input.include_deleted.unwrap_or(true),
        back_to: parse_timestamp(
            "IncludedDeletedBackTo",
            input.included_deleted_back_to.as_ref(),
        )?,
    };
    let size = page_size(input.max_records, 1000)?;
    let now = call.now();
    let all = call.shared.read(|state| {
        state
            .wanted(&wanted, now)
            .map(|environment| description(&call.shared.world, environment))
            .collect::<Vec<_>>()
    });
    let (found, next_token) = page(all, input.next_token.as_ref(), size)?;
    Ok(wire::serialize_describe_environments_response(
        &model::EnvironmentDescriptionsMessage {
            environments: Some(found.into()),
            next_token,
        },
    ))
}

pub(super) fn resources(call: &Call) -> Answer<MockResponse> {
    let input = call.input(wire::deserialize_describe_environment_resources_request)?;
    call.shared.read(|state| {
        let environment = state.named(
            input.environment_id.as_deref(),
            input.environment_name.as_deref(),
        )?;
        let own = &environment.resources;
        let described = model::EnvironmentResourceDescription {
            auto_scaling_groups: Some(
                [model::AutoScalingGroup {
                    name: Some(own.auto_scaling_group.clone()),
                }]
                .into_iter()
                .collect(),
            ),
            environment_name: Some(environment.name.clone()),
            instances: Some(
                environment
                    .instances
                    .iter()
                    .map(|instance| model::Instance {
                        id: Some(instance.id.to_string()),
                    })
                    .collect(),
            ),
            launch_configurations: Some(model::LaunchConfigurationList::default()),
            launch_templates: Some(
                [model::LaunchTemplate {
                    id: Some(own.launch_template.clone()),
                }]
                .into_iter()
                .collect(),
            ),
            load_balancers: Some(
                own.load_balancer
                    .iter()
                    .map(|name| model::LoadBalancer {
                        name: Some(name.clone()),
                    })
                    .collect(),
            ),
            queues: Some(model::QueueList::default()),
            triggers: Some(model::TriggerList::default()),
        };
        Ok(wire::serialize_describe_environment_resources_response(
            &model::EnvironmentResourceDescriptionsMessage {
                environment_resources: Some(described),
            },
        ))
    })
}

/// The managed action that is under way. None is ever scheduled: the fault script begins them at once.
pub(super) fn managed_actions(call: &Call) -> Answer<MockResponse> {
    let input = call.input(wire::deserialize_describe_environment_managed_actions_request)?;
    let found = call.shared.read(|state| {
        let environment = state.named(
            input.environment_id.as_deref(),
            input.environment_name.as_deref(),
        )?;
        Ok(environment.managed.clone())
    })?;
    let is_wanted = input
        .status
        .as_deref()
        .is_none_or(|status| status == "Running");
    let items = found
        .filter(|_| is_wanted)
        .map(|managed| model::ManagedAction {
            action_description: Some(managed.description),
            action_id: Some(managed.id),
            action_type: Some("PlatformUpdate".to_owned()),
            status: Some("Running".to_owned()),
            window_start_time: None,
        })
        .into_iter()
        .collect();
    Ok(
        wire::serialize_describe_environment_managed_actions_response(
            &model::DescribeEnvironmentManagedActionsResult {
                managed_actions: Some(model::ManagedActions { items }),
            },
        ),
    )
}
