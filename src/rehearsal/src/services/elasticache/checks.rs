//! What ElastiCache refuses. Pure; in its words where they are known.

use winterbaume_elasticache::model::CreateReplicationGroupMessage;

use crate::services::refusal::{Refusal, is_identifier};

/// Engines and the versions that this table knows: as requests may name them, and in full.
const VERSIONS: [(&str, &str, &str); 7] = [
    ("redis", "6.2", "6.2.6"),
    ("redis", "7.0", "7.0.7"),
    ("redis", "7.1", "7.1.0"),
    ("valkey", "7.2", "7.2.6"),
    ("valkey", "8.0", "8.0.1"),
    ("valkey", "8.1", "8.1.0"),
    ("redis", "5.0.6", "5.0.6"),
];

/// The full version for what a request asks; without one, the newest of the engine.
pub(super) fn resolve_version(engine: &str, wanted: Option<&str>) -> Option<&'static str> {
    let mut known = VERSIONS.into_iter().filter(|(name, _, _)| *name == engine);
    match wanted {
        Some(wanted) => known.find(|(_, short, full)| wanted == *short || wanted == *full),
        None if engine == "redis" => known.find(|(_, short, _)| *short == "7.1"),
        None => known.next_back(),
    }
    .map(|(_, _, full)| full)
}

/// All versions of an engine, or of all engines: engine and full version.
pub(super) fn versions(engine: Option<&str>) -> Vec<(&'static str, &'static str)> {
    VERSIONS
        .into_iter()
        .filter(|(name, _, _)| engine.is_none_or(|engine| engine == *name))
        .map(|(name, _, full)| (name, full))
        .collect()
}

/// How many nodes a request asks for: the primary and its replicas.
pub(super) fn node_count(request: &CreateReplicationGroupMessage) -> i32 {
    request
        .num_cache_clusters
        .or(request.replicas_per_node_group.map(|replicas| replicas + 1))
        .unwrap_or(1)
}

/// Refuses what can be refused without looking at anything but the request.
pub(super) fn check_creation(request: &CreateReplicationGroupMessage) -> Result<(), Refusal> {
    if !is_identifier(&request.replication_group_id, 40) {
        return Err(Refusal::value(
            "The parameter ReplicationGroupId is not a valid identifier. Identifiers must begin with a \
             letter; must contain only ASCII letters, digits, and hyphens; must not be longer than 40 \
             characters; and must not end with a hyphen or contain two consecutive hyphens.",
        ));
    }
    if request.replication_group_description.is_empty() {
        return Err(Refusal::value(
            "The parameter ReplicationGroupDescription must be provided and must not be blank.",
        ));
    }
    let engine = request.engine.as_deref().unwrap_or("redis");
    if engine != "redis" && engine != "valkey" {
        return Err(Refusal::value(format!("Invalid engine: {engine}")));
    }
    if resolve_version(engine, request.engine_version.as_deref()).is_none() {
        return Err(Refusal::value(format!(
            "Specific version selection is not allowed for '{engine}' with version {}",
            request.engine_version.as_deref().unwrap_or_default()
        )));
    }
    check_node_type(request.cache_node_type.as_deref())?;
    if request.num_node_groups.unwrap_or(1) > 1
        || request.cluster_mode.as_deref() == Some("enabled")
    {
        return Err(Refusal::combination(
            "The rehearsal runs groups with cluster mode disabled only.",
        ));
    }
    check_nodes(
        node_count(request),
        request.automatic_failover_enabled.unwrap_or(false),
        request.multi_a_z_enabled.unwrap_or(false),
    )?;
    if let Some(token) = &request.auth_token {
        if request.transit_encryption_enabled != Some(true) {
            return Err(Refusal::combination(
                "The AUTH token is only supported when encryption-in-transit is enabled.",
            ));
        }
        check_token(token)?;
    }
    match request.port {
        Some(port) if !(1..=65_535).contains(&port) => Err(Refusal::value(format!(
            "Invalid port {port}: must be between 1 and 65535."
        ))),
        _ => Ok(()),
    }
}

/// `cache.t4g.micro` and its like.
pub(super) fn check_node_type(node_type: Option<&str>) -> Result<(), Refusal> {
    let node_type = node_type.unwrap_or_default();
    let parts: Vec<&str> = node_type.split('.').collect();
    let good = parts.len() == 3
        && parts.first() == Some(&"cache")
        && parts
            .iter()
            .all(|part| !part.is_empty() && part.chars().all(|one| one.is_ascii_alphanumeric()));
    if good {
        Ok(())
    } else {
        Err(Refusal::value(format!(
            "Invalid cache node type: {node_type}"
        )))
    }
}

/// Failover needs a replica, and Multi-AZ needs failover.
pub(super) fn check_nodes(nodes: i32, failover: bool, multi_az: bool) -> Result<(), Refusal> {
    if !(1..=6).contains(&nodes) {
        return Err(Refusal::value(format!(
            "The number of cache clusters must be between 1 and 6, not {nodes}."
        )));
    }
    if failover && nodes < 2 {
        return Err(Refusal::value(
            "When using automatic failover, there must be at least 2 cache clusters in the replication group.",
        ));
    }
    if multi_az && !failover {
        return Err(Refusal::combination(
            "MultiAZEnabled requires that AutomaticFailoverEnabled is true.",
        ));
    }
    Ok(())
}

/// 16 to 128 letters, digits and some specials.
pub(super) fn check_token(token: &str) -> Result<(), Refusal> {
    let good = (16..=128).contains(&token.len())
        && token
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "!&#$^<>-".contains(letter));
    if good {
        return Ok(());
    }
    Err(Refusal::value(
        "Invalid AuthToken provided. It must have 16 to 128 characters: letters, digits and !&#$^<>-.",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> CreateReplicationGroupMessage {
        CreateReplicationGroupMessage {
            replication_group_id: "shop-cache".to_owned(),
            replication_group_description: "The cache".to_owned(),
            cache_node_type: Some("cache.t4g.micro".to_owned()),
            engine: Some("redis".to_owned()),
            engine_version: Some("7.1".to_owned()),
            num_cache_clusters: Some(1),
            ..CreateReplicationGroupMessage::default()
        }
    }

    fn refused(change: impl FnOnce(&mut CreateReplicationGroupMessage)) -> &'static str {
        let mut request = request();
        change(&mut request);
        check_creation(&request).unwrap_err().code
    }

    #[test]
    fn versions_are_found_in_short_and_in_full() {
        assert_eq!(resolve_version("redis", Some("7.1")), Some("7.1.0"));
        assert_eq!(resolve_version("redis", Some("7.1.0")), Some("7.1.0"));
        assert_eq!(resolve_version("valkey", None), Some("8.1.0"));
        assert_eq!(resolve_version("valkey", Some("7.1")), None);
    }

    #[test]
    fn refusals() {
        assert_eq!(check_creation(&request()), Ok(()));
        let (value, combination) = ("InvalidParameterValue", "InvalidParameterCombination");
        assert_eq!(refused(|r| r.replication_group_id = "x".repeat(41)), value);
        assert_eq!(
            refused(|r| r.replication_group_description = String::new()),
            value
        );
        assert_eq!(refused(|r| r.engine = Some("memcached".to_owned())), value);
        assert_eq!(
            refused(|r| r.engine_version = Some("9.9".to_owned())),
            value
        );
        assert_eq!(
            refused(|r| r.cache_node_type = Some("t4g.micro".to_owned())),
            value
        );
        assert_eq!(
            refused(|r| r.automatic_failover_enabled = Some(true)),
            value
        );
        assert_eq!(refused(|r| r.multi_a_z_enabled = Some(true)), combination);
        assert_eq!(
            refused(|r| r.auth_token = Some("0123456789abcdef".to_owned())),
            combination
        );
        assert_eq!(refused(|r| r.num_node_groups = Some(2)), combination);
        assert_eq!(
            refused(|r| {
                r.auth_token = Some("short".to_owned());
                r.transit_encryption_enabled = Some(true);
            }),
            value
        );
    }
}
