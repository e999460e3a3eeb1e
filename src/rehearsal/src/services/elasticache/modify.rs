//! What ModifyReplicationGroup changes with work on the nodes. Pure.

use beanpole_model::Secret;
use winterbaume_elasticache::model;

use super::checks;
use super::group::Group;
use crate::services::refusal::Refusal;

/// What a modification changes with work; `None` if it asks for none of it.
pub(super) struct Changed {
    pub(super) node_type: String,
    pub(super) engine: String,
    pub(super) version: String,
    pub(super) failover: bool,
    pub(super) multi_az: bool,
    pub(super) transit_encryption: bool,
    pub(super) transit_mode: Option<String>,
    pub(super) auth_token: Option<Secret>,
}

/// Decides what a request changes with work.
///
/// # Errors
/// As ElastiCache refuses.
pub(super) fn modified(
    group: &Group,
    request: &model::ModifyReplicationGroupMessage,
) -> Result<Option<Changed>, Refusal> {
    let engine = request
        .engine
        .clone()
        .unwrap_or_else(|| group.engine.clone());
    let version = match request.engine_version.as_deref() {
        None if engine == group.engine => group.version.clone(),
        wanted => checks::resolve_version(&engine, wanted)
            .ok_or_else(|| Refusal::value(format!("Invalid engine version for {engine}.")))?
            .to_owned(),
    };
    if engine == group.engine && numbers(&version) < numbers(&group.version) {
        return Err(Refusal::combination(format!(
            "Unable to downgrade the engine version from {} to {version}.",
            group.version
        )));
    }
    if let Some(node_type) = &request.cache_node_type {
        checks::check_node_type(Some(node_type))?;
    }
    let failover = request.automatic_failover_enabled.unwrap_or(group.failover);
    let multi_az = request.multi_a_z_enabled.unwrap_or(group.multi_az);
    checks::check_nodes(group.nodes, failover, multi_az)?;
    let transit_encryption = request
        .transit_encryption_enabled
        .unwrap_or(group.transit_encryption);
    let transit_mode = request
        .transit_encryption_mode
        .clone()
        .or(group.transit_mode.clone());
    let turns_on = transit_encryption && !group.transit_encryption;
    if turns_on && request.transit_encryption_mode.as_deref() != Some("preferred") {
        return Err(Refusal::combination(
            "To turn on encryption in transit, first set the mode to preferred, and then to required.",
        ));
    }
    let auth_token = match (
        request.auth_token_update_strategy.as_deref(),
        &request.auth_token,
    ) {
        (Some("DELETE"), _) => None,
        (_, Some(token)) if transit_encryption => {
            checks::check_token(token)?;
            Some(Secret::new(token.as_str()))
        }
        (_, Some(_)) => {
            return Err(Refusal::combination(
                "The AUTH token is only supported when encryption-in-transit is enabled.",
            ));
        }
        (_, None) => group.auth_token.clone(),
    };
    let node_type = request
        .cache_node_type
        .clone()
        .unwrap_or_else(|| group.node_type.clone());
    let same = node_type == group.node_type
        && version == group.version
        && engine == group.engine
        && (failover, multi_az) == (group.failover, group.multi_az)
        && transit_encryption == group.transit_encryption
        && transit_mode == group.transit_mode
        && auth_token == group.auth_token;
    let changed = Changed {
        node_type,
        engine,
        version,
        failover,
        multi_az,
        transit_encryption,
        transit_mode,
        auth_token,
    };
    Ok((!same).then_some(changed))
}

fn numbers(version: &str) -> Vec<u32> {
    version
        .split('.')
        .filter_map(|part| part.parse().ok())
        .collect()
}
