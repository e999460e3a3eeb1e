//! Application versions and the bucket that their bundles lie in.

use std::io::Read as _;

use winterbaume_core::MockResponse;
use winterbaume_elasticbeanstalk::{model, wire};

use super::{applications, tags};
use crate::beanstalk::call::{Call, page, page_size, timestamp};
use crate::beanstalk::error::{Answer, Refusal};
use crate::beanstalk::event_log::Severity;
use crate::beanstalk::lifecycle::{durations, storage_bucket};
use crate::beanstalk::state::{EnvironmentStatus, Version, VersionStatus};
use crate::world::World;

pub(super) fn arn(world: &World, application: &str, label: &str) -> String {
    format!(
        "arn:aws:elasticbeanstalk:{}:{}:applicationversion/{application}/{label}",
        world.region, world.account
    )
}

fn description(
    world: &World,
    application: &str,
    version: &Version,
) -> model::ApplicationVersionDescription {
    model::ApplicationVersionDescription {
        application_name: Some(application.to_owned()),
        application_version_arn: Some(arn(world, application, &version.label)),
        build_arn: None,
        date_created: Some(timestamp(version.created)),
        date_updated: Some(timestamp(version.updated)),
        description: version.description.clone(),
        source_build_information: None,
        source_bundle: version
            .bundle
            .clone()
            .map(|(bucket, key)| model::S3Location {
                s3_bucket: Some(bucket),
                s3_key: Some(key),
            }),
        status: Some(version.status.as_str().to_owned()),
        version_label: Some(version.label.clone()),
    }
}

pub(super) async fn create(call: &Call) -> Answer<MockResponse> {
    let input = call.input(wire::deserialize_create_application_version_request)?;
    let (application, label) = (input.application_name, input.version_label);
    if !(1..=100).contains(&label.chars().count()) || label.contains('/') {
        return Err(Refusal::invalid(format!(
            "Version label '{label}' must be 1 to 100 characters and must not contain a slash."
        )));
    }
    if input
        .description
        .as_ref()
        .is_some_and(|text| text.chars().count() > 200)
    {
        return Err(Refusal::invalid(
            "Description must be at most 200 characters.",
        ));
    }
    if input.build_configuration.is_some() || input.source_build_information.is_some() {
        return Err(Refusal::not_played("builds with CodeBuild"));
    }
    let exists = call
        .shared
        .read(|state| state.applications.contains_key(&application));
    if !exists && !input.auto_create_application.unwrap_or(false) {
        return Err(Refusal::no_application(&application));
    }
    if call
        .shared
        .read(|state| state.version(&application, &label).is_ok())
    {
        return Err(Refusal::invalid(format!(
            "Application Version {label} already exists."
        )));
    }
    let bundle = match input.source_bundle {
        None => None,
        Some(location) => Some(check_bundle(call, location).await?),
    };
    if !exists {
        applications::add(call, &application, None)?;
    }
    let process = input.process.unwrap_or(false);
    let now = call.now();
    let version = Version {
        label: label.clone(),
        description: input.description.filter(|text| !text.is_empty()),
        status: if process {
            VersionStatus::Processing
        } else {
            VersionStatus::Unprocessed
        },
        bundle,
        created: now,
        updated: now,
    };
    let described = description(&call.shared.world, &application, &version);
    call.shared.change(|state| {
        let application = state.application_mut(&application)?;
        // Asked again under the lock: two requests may have come this far together.
        if application
            .versions
            .iter()
            .any(|version| version.label == label)
        {
            return Err(Refusal::invalid(format!(
                "Application Version {label} already exists."
            )));
        }
        application.versions.push(version);
        Ok(())
    })?;
    let given = input.tags.map(|tags| tags.items).unwrap_or_default();
    tags::set(call, &arn(&call.shared.world, &application, &label), given);
    if process {
        start_processing(call, application, label);
    }
    Ok(wire::serialize_create_application_version_response(
        &model::ApplicationVersionDescriptionMessage {
            application_version: Some(described),
        },
    ))
}

async fn check_bundle(call: &Call, location: model::S3Location) -> Answer<(String, String)> {
    let bucket = location
        .s3_bucket
        .ok_or_else(|| Refusal::missing("SourceBundle.S3Bucket"))?;
    let key = location
        .s3_key
        .ok_or_else(|| Refusal::missing("SourceBundle.S3Key"))?;
    if !call.shared.world.storage().has(&bucket, &key).await {
        return Err(Refusal::invalid(format!(
            "Unable to download from S3 location (Bucket: {bucket}  Key: {key}). Reason: Not Found"
        )));
    }
    Ok((bucket, key))
}

/// Pre-processing reads `.ebextensions` and `env.yaml` of the bundle: it fails for a bundle that is no
/// archive and for files that are no YAML, and gives no reason, as on AWS.
fn start_processing(call: &Call, application: String, label: String) {
    let shared = call.shared.clone();
    let request_id = call.request_id.clone();
    call.shared.spawn(async move {
        shared.change(|state| {
            shared.tell_about_application(
                state,
                &application,
                Some(&label),
                &request_id,
                Severity::Info,
                format!("Started processing application version {label}."),
            );
        });
        shared.world.clock.sleep(durations::SMALL_RESOURCE).await;
        let location =
            shared.read(|state| state.version(&application, &label).ok()?.bundle.clone());
        let bytes = match location {
            Some((bucket, key)) => shared.world.storage().get(&bucket, &key).await,
            None => None,
        };
        let good = bytes.is_none_or(|bytes| is_processable(&bytes));
        shared.change(|state| {
            if let Ok(found) = state.application_mut(&application) {
                for version in found
                    .versions
                    .iter_mut()
                    .filter(|version| version.label == label)
                {
                    version.status = if good {
                        VersionStatus::Processed
                    } else {
                        VersionStatus::Failed
                    };
                }
            }
            let (severity, message) = if good {
                (
                    Severity::Info,
                    format!("Finished processing application version {label}."),
                )
            } else {
                (
                    Severity::Error,
                    format!("Processing of application version {label} has FAILED."),
                )
            };
            shared.tell_about_application(
                state,
                &application,
                Some(&label),
                &request_id,
                severity,
                message,
            );
        });
    });
}

/// What is read of a configuration file at most, in bytes: far beyond what people write, and a bound
/// for archives that unpack without end.
const LARGEST_CONFIGURATION: u64 = 4 * 1024 * 1024;

fn is_processable(bytes: &[u8]) -> bool {
    let Ok(mut archive) = zip::ZipArchive::new(std::io::Cursor::new(bytes)) else {
        return false;
    };
    (0..archive.len()).all(|index| {
        let Ok(file) = archive.by_index(index) else {
            return false;
        };
        let Ok(name) = file.name() else {
            return false;
        };
        let is_configuration =
            name == "env.yaml" || (name.starts_with(".ebextensions/") && name.ends_with(".config"));
        if !is_configuration {
            return true;
        }
        let mut text = String::new();
        let read = file.take(LARGEST_CONFIGURATION).read_to_string(&mut text);
        read.is_ok() && serde_yaml::from_str::<serde_json::Value>(&text).is_ok()
    })
}

pub(super) fn describe(call: &Call) -> Answer<MockResponse> {
    let input = call.input(wire::deserialize_describe_application_versions_request)?;
    let labels = input
        .version_labels
        .map(|labels| labels.items)
        .unwrap_or_default();
    let size = page_size(input.max_records, 1000)?;
    let world = &call.shared.world;
    let all: Vec<model::ApplicationVersionDescription> = call.shared.read(|state| {
        if let Some(name) = &input.application_name {
            state.application(name)?;
        }
        Ok(state
            .applications
            .iter()
            .filter(|(name, _)| {
                input
                    .application_name
                    .as_ref()
                    .is_none_or(|wanted| wanted == *name)
            })
            .flat_map(|(name, application)| {
                application
                    .versions
                    .iter()
                    .rev()
                    .map(move |version| (name, version))
            })
            .filter(|(_, version)| labels.is_empty() || labels.contains(&version.label))
            .map(|(name, version)| description(world, name, version))
            .collect())
    })?;
    let (versions, next_token) = page(all, input.next_token.as_ref(), size)?;
    Ok(wire::serialize_describe_application_versions_response(
        &model::ApplicationVersionDescriptionsMessage {
            application_versions: Some(versions.into()),
            next_token,
        },
    ))
}

pub(super) fn update(call: &Call) -> Answer<MockResponse> {
    let input = call.input(wire::deserialize_update_application_version_request)?;
    let now = call.now();
    let world = &call.shared.world;
    call.shared.change(|state| {
        let version = state
            .application_mut(&input.application_name)?
            .versions
            .iter_mut()
            .find(|version| version.label == input.version_label)
            .ok_or_else(|| Refusal::no_version(&input.version_label))?;
        if let Some(text) = input.description {
            version.description = Some(text).filter(|text| !text.is_empty());
        }
        version.updated = now;
        let described = description(world, &input.application_name, version);
        Ok(wire::serialize_update_application_version_response(
            &model::ApplicationVersionDescriptionMessage {
                application_version: Some(described),
            },
        ))
    })
}

pub(super) async fn delete(call: &Call) -> Answer<MockResponse> {
    let input = call.input(wire::deserialize_delete_application_version_request)?;
    let (application, label) = (input.application_name, input.version_label);
    let bundle = call.shared.change(|state| {
        // A version that is not there counts as deleted, as on AWS.
        let Ok(version) = state.version(&application, &label) else {
            return state.application(&application).map(|_| None);
        };
        let bundle = version.bundle.clone();
        let used = state.environments.iter().any(|environment| {
            environment.application == application
                && environment.version_label == label
                && environment.status != EnvironmentStatus::Terminated
        });
        if used {
            return Err(Refusal::invalid(format!(
                "Unable to delete application version {label} of application {application} because \
                 it is currently deployed to running environments."
            )));
        }
        state
            .application_mut(&application)?
            .versions
            .retain(|version| version.label != label);
        Ok(bundle)
    })?;
    if let Some((bucket, key)) = bundle
        && input.delete_source_bundle.unwrap_or(false)
    {
        call.shared.world.storage().delete(&bucket, &key).await;
    }
    Ok(wire::serialize_delete_application_version_response())
}

pub(super) async fn create_storage_location(call: &Call) -> Answer<MockResponse> {
    let world = &call.shared.world;
    let bucket = storage_bucket(world);
    world.storage().ensure_bucket(&bucket).await;
    Ok(wire::serialize_create_storage_location_response(
        &model::CreateStorageLocationResultMessage {
            s3_bucket: Some(bucket),
        },
    ))
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write as _};

    use zip::write::SimpleFileOptions;

    use super::is_processable;

    fn bundle(files: &[(&str, &str)]) -> Vec<u8> {
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, text) in files {
            archive
                .start_file(*name, SimpleFileOptions::default())
                .unwrap();
            archive.write_all(text.as_bytes()).unwrap();
        }
        archive.finish().unwrap().into_inner()
    }

    #[test]
    fn configuration_files_must_be_yaml() {
        let broken = "option_settings: [";
        assert!(is_processable(&bundle(&[(
            ".ebextensions/01.config",
            "option_settings: []"
        )])));
        assert!(is_processable(&bundle(&[("notes/01.config", broken)])));
        assert!(!is_processable(&bundle(&[(
            ".ebextensions/01.config",
            broken
        )])));
        assert!(!is_processable(&bundle(&[("env.yaml", broken)])));
        assert!(!is_processable(b"no archive"));
    }
}
