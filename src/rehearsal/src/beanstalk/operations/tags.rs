//! Tags of applications, versions and environments.

use std::collections::BTreeMap;

use winterbaume_core::MockResponse;
use winterbaume_elasticbeanstalk::{model, wire};

use super::{applications, describe, versions};
use crate::beanstalk::call::Call;
use crate::beanstalk::error::{Answer, Refusal};
use crate::beanstalk::event_log::Severity;
use crate::beanstalk::state::{EnvironmentStatus, State};

/// Adds tags to a resource.
pub(super) fn set(call: &Call, arn: &str, given: Vec<model::Tag>) {
    call.shared
        .change(|state| add(state.tags.entry(arn.to_owned()).or_default(), given));
}

fn add(tags: &mut BTreeMap<String, String>, given: Vec<model::Tag>) {
    for tag in given {
        if let Some(key) = tag.key {
            tags.insert(key, tag.value.unwrap_or_default());
        }
    }
}

fn environment_of<'state>(call: &Call, state: &'state State, arn: &str) -> Option<&'state str> {
    state
        .environments
        .iter()
        .filter(|environment| environment.status != EnvironmentStatus::Terminated)
        .find(|environment| describe::arn(&call.shared.world, environment) == arn)
        .map(|environment| environment.id.as_str())
}

fn exists(call: &Call, state: &State, arn: &str) -> bool {
    let world = &call.shared.world;
    environment_of(call, state, arn).is_some()
        || state.applications.iter().any(|(name, application)| {
            applications::arn(world, name) == arn
                || application
                    .versions
                    .iter()
                    .any(|version| versions::arn(world, name, &version.label) == arn)
        })
}

pub(super) fn list(call: &Call) -> Answer<MockResponse> {
    let input = call.input(wire::deserialize_list_tags_for_resource_request)?;
    let tags = call.shared.read(|state| {
        if !exists(call, state, &input.resource_arn) {
            return Err(Refusal::no_resource(&input.resource_arn));
        }
        let tags = state
            .tags
            .get(&input.resource_arn)
            .cloned()
            .unwrap_or_default();
        Ok(tags
            .into_iter()
            .map(|(key, value)| model::Tag {
                key: Some(key),
                value: Some(value),
            })
            .collect())
    })?;
    Ok(wire::serialize_list_tags_for_resource_response(
        &model::ResourceTagsDescriptionMessage {
            resource_arn: Some(input.resource_arn),
            resource_tags: Some(tags),
        },
    ))
}

pub(super) fn update(call: &Call) -> Answer<MockResponse> {
    let input = call.input(wire::deserialize_update_tags_for_resource_request)?;
    let arn = input.resource_arn;
    let remove = input
        .tags_to_remove
        .map(|keys| keys.items)
        .unwrap_or_default();
    let given = input.tags_to_add.map(|tags| tags.items).unwrap_or_default();
    call.shared.change(|state| {
        if !exists(call, state, &arn) {
            return Err(Refusal::no_resource(&arn));
        }
        let environment = environment_of(call, state, &arn).map(ToOwned::to_owned);
        let tags = state.tags.entry(arn).or_default();
        tags.retain(|key, _| !remove.contains(key));
        add(tags, given);
        if let Some(id) = environment {
            let say = |state: &mut State, message: &str| {
                let request_id = Some(call.request_id.as_str());
                call.shared
                    .tell(state, &id, request_id, Severity::Info, message);
            };
            say(state, "Environment tag update is starting.");
            say(state, "Environment tag update completed successfully.");
        }
        Ok(())
    })?;
    Ok(wire::serialize_update_tags_for_resource_response())
}
