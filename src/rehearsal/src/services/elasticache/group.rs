//! A replication group and its members, and how they are shown.

use std::sync::Arc;

use beanpole_model::Secret;
use jiff::Timestamp;
use winterbaume_elasticache::model::{self, CreateReplicationGroupMessage};

use super::checks;
use crate::data_plane::CacheSpec;

/// The port that Redis has unless told otherwise.
const DEFAULT_PORT: i32 = 6379;

/// A replication group with cluster mode disabled.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) id: String,
    pub(super) arn: String,
    pub(super) description: String,
    pub(super) status: &'static str,
    pub(super) engine: String,
    pub(super) version: String,
    pub(super) node_type: String,
    /// The primary and its replicas.
    pub(super) nodes: i32,
    pub(super) failover: bool,
    pub(super) multi_az: bool,
    pub(super) port: i32,
    pub(super) transit_encryption: bool,
    pub(super) transit_mode: Option<String>,
    pub(super) at_rest_encryption: bool,
    pub(super) kms_key: Option<String>,
    pub(super) auth_token: Option<Secret>,
    pub(super) security_groups: Vec<String>,
    pub(super) subnet_group: String,
    pub(super) parameter_group: String,
    pub(super) snapshot_limit: i32,
    pub(super) snapshot_window: String,
    pub(super) maintenance_window: String,
    pub(super) auto_minor_version_upgrade: bool,
    pub(super) tags: Vec<model::Tag>,
    pub(super) created: Timestamp,
    /// The primary endpoint's host name.
    pub(super) host: String,
    /// True once it has been available: endpoints are shown from then on.
    pub(super) open: bool,
    /// Held while the data plane makes it, so that it is not deleted half-made.
    pub(super) making: Arc<tokio::sync::Mutex<()>>,
}

/// The group that a checked request asks for, as it is while it is made.
pub(super) fn new(
    request: CreateReplicationGroupMessage,
    (region, account): (&str, &str),
    security_groups: Vec<String>,
    now: Timestamp,
) -> Group {
    let id = request.replication_group_id.to_lowercase();
    let nodes = checks::node_count(&request);
    let engine = request.engine.unwrap_or_else(|| "redis".to_owned());
    let version = checks::resolve_version(&engine, request.engine_version.as_deref())
        .unwrap_or_default()
        .to_owned();
    let major = version.split('.').next().unwrap_or_default().to_owned();
    // Valkey encrypts at rest unless told otherwise, Redis does not.
    let at_rest = request
        .at_rest_encryption_enabled
        .unwrap_or(engine == "valkey");
    let transit = request.transit_encryption_enabled.unwrap_or(false);
    Group {
        arn: format!("arn:aws:elasticache:{region}:{account}:replicationgroup:{id}"),
        description: request.replication_group_description,
        status: "creating",
        parameter_group: request
            .cache_parameter_group_name
            .unwrap_or_else(|| format!("default.{engine}{major}")),
        engine,
        version,
        node_type: request.cache_node_type.unwrap_or_default(),
        nodes,
        failover: request.automatic_failover_enabled.unwrap_or(false),
        multi_az: request.multi_a_z_enabled.unwrap_or(false),
        port: request.port.unwrap_or(DEFAULT_PORT),
        transit_encryption: transit,
        transit_mode: transit.then(|| {
            request
                .transit_encryption_mode
                .unwrap_or_else(|| "required".to_owned())
        }),
        at_rest_encryption: at_rest,
        kms_key: request.kms_key_id,
        auth_token: request.auth_token.map(Secret::new),
        security_groups,
        subnet_group: request
            .cache_subnet_group_name
            .unwrap_or_else(|| "default".to_owned()),
        snapshot_limit: request.snapshot_retention_limit.unwrap_or(0),
        snapshot_window: request
            .snapshot_window
            .unwrap_or_else(|| "02:00-03:00".to_owned()),
        maintenance_window: request
            .preferred_maintenance_window
            .unwrap_or_else(|| "sun:05:00-sun:06:00".to_owned()),
        auto_minor_version_upgrade: request.auto_minor_version_upgrade.unwrap_or(true),
        tags: request.tags.map(|tags| tags.items).unwrap_or_default(),
        created: now,
        host: format!("{id}.rehearsal.{region}.cache.localhost"),
        open: false,
        making: Arc::default(),
        id,
    }
}

impl Group {
    /// Ids of the clusters that are its members.
    pub(super) fn members(&self) -> Vec<String> {
        (1..=self.nodes)
            .map(|number| format!("{}-{number:03}", self.id))
            .collect()
    }

    fn endpoint(&self, host: &str) -> model::Endpoint {
        model::Endpoint {
            address: Some(host.to_owned()),
            port: Some(self.port),
        }
    }

    /// As DescribeReplicationGroups shows it.
    pub(super) fn show(&self) -> model::ReplicationGroup {
        let word = |yes: bool| Some(if yes { "enabled" } else { "disabled" }.to_owned());
        let node_groups = self.open.then(|| model::NodeGroupList {
            items: vec![self.node_group()],
        });
        model::ReplicationGroup {
            replication_group_id: Some(self.id.clone()),
            a_r_n: Some(self.arn.clone()),
            description: Some(self.description.clone()),
            status: Some(self.status.to_owned()),
            engine: Some(self.engine.clone()),
            cache_node_type: Some(self.node_type.clone()),
            automatic_failover: word(self.failover),
            multi_a_z: word(self.multi_az),
            cluster_enabled: Some(false),
            cluster_mode: word(false),
            at_rest_encryption_enabled: Some(self.at_rest_encryption),
            transit_encryption_enabled: Some(self.transit_encryption),
            transit_encryption_mode: self.transit_mode.clone(),
            auth_token_enabled: Some(self.auth_token.is_some()),
            kms_key_id: self.kms_key.clone(),
            auto_minor_version_upgrade: Some(self.auto_minor_version_upgrade),
            snapshot_retention_limit: Some(self.snapshot_limit),
            snapshot_window: Some(self.snapshot_window.clone()),
            member_clusters: Some(model::ClusterIdList {
                items: self.members(),
            }),
            node_groups,
            pending_modified_values: Some(model::ReplicationGroupPendingModifiedValues::default()),
            replication_group_create_time: Some(show_time(self.created)),
            data_tiering: word(false),
            network_type: Some("ipv4".to_owned()),
            ip_discovery: Some("ipv4".to_owned()),
            ..model::ReplicationGroup::default()
        }
    }

    fn node_group(&self) -> model::NodeGroup {
        let reader = self.host.replacen('.', "-ro.", 1);
        let members = self
            .members()
            .into_iter()
            .enumerate()
            .map(|(index, id)| model::NodeGroupMember {
                cache_cluster_id: Some(id),
                cache_node_id: Some("0001".to_owned()),
                current_role: Some(if index == 0 { "primary" } else { "replica" }.to_owned()),
                read_endpoint: Some(self.endpoint(&self.host)),
                ..model::NodeGroupMember::default()
            })
            .collect();
        model::NodeGroup {
            node_group_id: Some("0001".to_owned()),
            status: Some(self.status.to_owned()),
            primary_endpoint: Some(self.endpoint(&self.host)),
            reader_endpoint: Some(self.endpoint(&reader)),
            node_group_members: Some(model::NodeGroupMemberList { items: members }),
            slots: None,
        }
    }

    /// As DescribeCacheClusters shows its members.
    pub(super) fn show_members(&self, with_nodes: bool) -> Vec<model::CacheCluster> {
        let memberships = self
            .security_groups
            .iter()
            .map(|id| model::SecurityGroupMembership {
                security_group_id: Some(id.clone()),
                status: Some("active".to_owned()),
            })
            .collect();
        let cluster = model::CacheCluster {
            cache_cluster_status: Some(self.status.to_owned()),
            cache_node_type: Some(self.node_type.clone()),
            engine: Some(self.engine.clone()),
            engine_version: Some(self.version.clone()),
            num_cache_nodes: Some(1),
            replication_group_id: Some(self.id.clone()),
            cache_subnet_group_name: Some(self.subnet_group.clone()),
            cache_parameter_group: Some(model::CacheParameterGroupStatus {
                cache_parameter_group_name: Some(self.parameter_group.clone()),
                parameter_apply_status: Some("in-sync".to_owned()),
                cache_node_ids_to_reboot: None,
            }),
            security_groups: Some(model::SecurityGroupMembershipList { items: memberships }),
            preferred_maintenance_window: Some(self.maintenance_window.clone()),
            snapshot_retention_limit: Some(self.snapshot_limit),
            snapshot_window: Some(self.snapshot_window.clone()),
            auto_minor_version_upgrade: Some(self.auto_minor_version_upgrade),
            at_rest_encryption_enabled: Some(self.at_rest_encryption),
            transit_encryption_enabled: Some(self.transit_encryption),
            transit_encryption_mode: self.transit_mode.clone(),
            auth_token_enabled: Some(self.auth_token.is_some()),
            cache_cluster_create_time: Some(show_time(self.created)),
            pending_modified_values: Some(model::PendingModifiedValues::default()),
            ..model::CacheCluster::default()
        };
        let node = model::CacheNode {
            cache_node_id: Some("0001".to_owned()),
            cache_node_status: Some(self.status.to_owned()),
            cache_node_create_time: Some(show_time(self.created)),
            endpoint: self.open.then(|| self.endpoint(&self.host)),
            parameter_group_status: Some("in-sync".to_owned()),
            ..model::CacheNode::default()
        };
        self.members()
            .into_iter()
            .map(|id| model::CacheCluster {
                a_r_n: Some(
                    self.arn
                        .replace(":replicationgroup:", ":cluster:")
                        .replace(&self.id, &id),
                ),
                cache_cluster_id: Some(id),
                cache_nodes: with_nodes.then(|| model::CacheNodeList {
                    items: vec![node.clone()],
                }),
                ..cluster.clone()
            })
            .collect()
    }

    /// What the data plane must run.
    pub(super) fn spec(&self) -> CacheSpec {
        CacheSpec {
            identifier: self.id.clone(),
            host: self.host.clone(),
            port: u16::try_from(self.port).unwrap_or(6379),
            version: self.version.clone(),
            auth_token: self.auth_token.clone(),
            security_groups: self.security_groups.clone(),
        }
    }
}

fn show_time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}
