//! Logs: asked for with RequestEnvironmentInfo, fetched with RetrieveEnvironmentInfo from S3.

use std::io::{Cursor, Write as _};

use bytes::Bytes;
use futures_util::future::join_all;
use winterbaume_core::MockResponse;
use winterbaume_elasticbeanstalk::{model, wire};

use crate::beanstalk::call::{Call, timestamp};
use crate::beanstalk::error::{Answer, Refusal};
use crate::beanstalk::event_log::Severity;
use crate::beanstalk::lifecycle::storage_bucket;
use crate::beanstalk::state::{Information, State};
use crate::data_plane::InstanceId;

/// The last lines of each log that `tail` shows (developer guide, "Viewing logs": 100).
const TAIL_LINES: usize = 100;
/// The lines of each log in a `bundle`, which has all of them on AWS.
const BUNDLE_LINES: usize = 10_000;

pub(super) async fn request(call: &Call) -> Answer<MockResponse> {
    let input = call.input(wire::deserialize_request_environment_info_request)?;
    let kind = input.info_type;
    if kind != "tail" && kind != "bundle" {
        return Err(Refusal::invalid(format!("InfoType '{kind}' is not known.")));
    }
    let (id, instances) = call.shared.read(|state| {
        let environment = state.named(
            input.environment_id.as_deref(),
            input.environment_name.as_deref(),
        )?;
        let instances: Vec<(InstanceId, Vec<String>)> = environment
            .instances
            .iter()
            .map(|instance| (instance.id.clone(), instance.engine_log.clone()))
            .collect();
        Ok((environment.id.clone(), instances))
    })?;
    say(call, &id, "requestEnvironmentInfo is starting.");
    let found = join_all(
        instances
            .iter()
            .map(|(instance, log)| collect(call, &id, &kind, instance, log)),
    )
    .await;
    call.shared
        .change(|state| state.information.insert((id.clone(), kind), found));
    say(call, &id, "Pulled logs for environment instances.");
    Ok(wire::serialize_request_environment_info_response())
}

fn say(call: &Call, id: &str, message: &str) {
    let request_id = Some(call.request_id.as_str());
    call.shared.change(|state: &mut State| {
        call.shared
            .tell(state, id, request_id, Severity::Info, message);
    });
}

async fn collect(
    call: &Call,
    id: &str,
    kind: &str,
    instance: &InstanceId,
    engine_log: &[String],
) -> Information {
    let world = &call.shared.world;
    let lines = if kind == "tail" {
        TAIL_LINES
    } else {
        BUNDLE_LINES
    };
    let application_log = world.data_plane.logs(instance, lines).await;
    let engine: Vec<&String> = engine_log
        .iter()
        .skip(engine_log.len().saturating_sub(lines))
        .collect();
    let engine = engine
        .into_iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join("\n");
    let application = world.clean(&application_log.join("\n"));
    let at = call.now();
    let (content, name) = if kind == "tail" {
        (
            tail(&engine, &application),
            format!("TailLogs-{}.txt", at.as_millisecond()),
        )
    } else {
        (
            bundle(&engine, &application),
            format!("BundleLogs-{}.zip", at.as_millisecond()),
        )
    };
    let bucket = storage_bucket(world);
    let key = format!("resources/environments/logs/{kind}/{id}/{instance}/{name}");
    world.storage().ensure_bucket(&bucket).await;
    world.storage().put(&bucket, &key, content).await;
    Information {
        instance: instance.clone(),
        at,
        url: format!("http://{}/{bucket}/{key}", world.api_address),
    }
}

const ENGINE_LOG: &str = "/var/log/eb-engine.log";
const APPLICATION_LOG: &str = "/var/log/eb-docker/containers/eb-current-app/eb-stdouterr.log";

fn tail(engine: &str, application: &str) -> Bytes {
    let rule = "-".repeat(40);
    let section = |name: &str, text: &str| format!("{rule}\n{name}\n{rule}\n{text}\n");
    Bytes::from(format!(
        "{}\n\n{}",
        section(ENGINE_LOG, engine),
        section(APPLICATION_LOG, application)
    ))
}

fn bundle(engine: &str, application: &str) -> Bytes {
    let pack = || -> zip::result::ZipResult<Vec<u8>> {
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, text) in [(ENGINE_LOG, engine), (APPLICATION_LOG, application)] {
            archive.start_file(
                name.trim_start_matches('/'),
                zip::write::SimpleFileOptions::default(),
            )?;
            archive.write_all(text.as_bytes())?;
        }
        Ok(archive.finish()?.into_inner())
    };
    // Packing a text in memory fails for texts of more than 4 GiB only.
    Bytes::from(pack().unwrap_or_default())
}

pub(super) fn retrieve(call: &Call) -> Answer<MockResponse> {
    let input = call.input(wire::deserialize_retrieve_environment_info_request)?;
    call.shared.read(|state| {
        let environment = state.named(
            input.environment_id.as_deref(),
            input.environment_name.as_deref(),
        )?;
        let key = (environment.id.clone(), input.info_type.clone());
        let found = state.information.get(&key).cloned().unwrap_or_default();
        let list = found
            .into_iter()
            .map(|information| model::EnvironmentInfoDescription {
                ec2_instance_id: Some(information.instance.to_string()),
                info_type: Some(input.info_type.clone()),
                message: Some(information.url),
                sample_timestamp: Some(timestamp(information.at)),
            })
            .collect();
        Ok(wire::serialize_retrieve_environment_info_response(
            &model::RetrieveEnvironmentInfoResultMessage {
                environment_info: Some(list),
            },
        ))
    })
}
