//! ElastiCache: replication groups with cluster mode disabled, and their subnet groups.

use std::collections::BTreeMap;

use aws_sdk_elasticache::types::{
    AuthTokenUpdateStrategyType, AutomaticFailoverStatus, CacheCluster, MultiAzStatus,
    ReplicationGroup, Tag,
};
use beanpole_model::Secret;
use serde::Serialize;

use crate::Error;
use crate::connection::{Connection, client, exposed};
use crate::databases::SubnetGroup;
use crate::error::Service;

const SERVICE: Service = Service("elasticache");

/// The ElastiCache client. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Caches {
    client: aws_sdk_elasticache::Client,
}

/// A replication group: one primary node and its replicas.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CacheGroup {
    /// Its id, in lower case.
    pub identifier: String,
    /// Its ARN.
    pub arn: Option<String>,
    /// Its state in AWS's words: `creating`, `available`, `modifying`, `deleting`, `create-failed`,
    /// `snapshotting`.
    pub status: String,
    /// Its description.
    pub description: String,
    /// `redis` or `valkey`.
    pub engine: Option<String>,
    /// The engine's version: `7.1.0`. Known once the first node is.
    pub version: Option<String>,
    /// `cache.t4g.micro`.
    pub node_type: Option<String>,
    /// Nodes beside the primary.
    pub replicas: u32,
    /// The port.
    pub port: Option<u16>,
    /// Host and port of the primary, once it has an address.
    pub endpoint: Option<(String, u16)>,
    /// Host and port that spread reads over the replicas.
    pub reader_endpoint: Option<(String, u16)>,
    /// True if connections use TLS.
    pub transit_encryption: bool,
    /// True if data on disk is encrypted. Cannot be changed.
    pub at_rest_encryption: bool,
    /// True if connections need a token.
    pub auth_token: bool,
    /// True if a replica takes over when the primary fails.
    pub automatic_failover: bool,
    /// True if the nodes lie in several zones.
    pub multi_az: bool,
    /// Days that snapshots are kept; 0 means that there are none.
    pub snapshot_retention_days: u32,
    /// Its security groups' ids. Known once the first node is.
    pub security_groups: Vec<String>,
    /// Its subnet group's name. Known once the first node is.
    pub subnet_group: Option<String>,
}

impl CacheGroup {
    /// True if it takes connections and changes.
    #[must_use]
    pub fn is_available(&self) -> bool {
        self.status == "available"
    }

    /// True if it does not become available by itself.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.status == "create-failed"
    }
}

/// A replication group to create. Cluster mode is off; a failover needs a replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCache {
    /// 1 to 40 letters, digits and hyphens, starting with a letter.
    pub identifier: String,
    /// Shown in the console; AWS wants one.
    pub description: String,
    /// `redis` or `valkey`.
    pub engine: String,
    /// `7.1`.
    pub version: String,
    /// `cache.t4g.micro`.
    pub node_type: String,
    /// Nodes beside the primary: 0 to 5.
    pub replicas: u8,
    /// The port. Cannot be changed later.
    pub port: u16,
    /// Security groups' ids.
    pub security_groups: Vec<String>,
    /// The subnet group's name; `None` takes the default VPC's.
    pub subnet_group: Option<String>,
    /// TLS for connections.
    pub transit_encryption: bool,
    /// Encryption on disk. Cannot be changed later.
    pub at_rest_encryption: bool,
    /// Nodes in several zones; needs a replica.
    pub multi_az: bool,
    /// The token that connections need: 16 to 128 characters. AWS takes one only with TLS.
    pub auth_token: Option<Secret>,
    /// Days to keep snapshots: 0 to 35.
    pub snapshot_retention_days: u8,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

/// A change of a replication group. `None` leaves things as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CacheChange {
    /// The node type.
    pub node_type: Option<String>,
    /// The engine's version; it only goes up.
    pub version: Option<String>,
    /// Nodes in several zones. Sets the automatic failover too, without which AWS refuses it.
    pub multi_az: Option<bool>,
    /// Security groups' ids, all of them.
    pub security_groups: Option<Vec<String>>,
    /// A new token beside the old one; both work until the next change.
    pub auth_token: Option<Secret>,
    /// Days to keep snapshots.
    pub snapshot_retention_days: Option<u8>,
    /// Now, not in the maintenance window.
    pub apply_immediately: bool,
}

impl Caches {
    pub(crate) fn new(connection: &Connection) -> Self {
        Self {
            client: client!(aws_sdk_elasticache, connection),
        }
    }

    /// The replication group, if it exists. Security groups and the exact version come from its
    /// first node, in a second call.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn describe(&self, identifier: &str) -> Result<Option<CacheGroup>, Error> {
        let result = self
            .client
            .describe_replication_groups()
            .replication_group_id(identifier)
            .send()
            .await
            .map_err(SERVICE.failed("DescribeReplicationGroups", object(identifier)));
        let answer = match result {
            Err(error) if error.is_not_found() => return Ok(None),
            other => other?,
        };
        let Some(group) = answer
            .replication_groups
            .unwrap_or_default()
            .into_iter()
            .next()
        else {
            return Ok(None);
        };
        let node = match group.member_clusters.as_deref().unwrap_or_default().first() {
            Some(member) => self.node(member).await?,
            None => None,
        };
        Ok(Some(from_sdk(group, node)))
    }

    /// A node of a group. During creation and deletion it may not be there.
    async fn node(&self, identifier: &str) -> Result<Option<CacheCluster>, Error> {
        let result = self
            .client
            .describe_cache_clusters()
            .cache_cluster_id(identifier)
            .send()
            .await
            .map_err(SERVICE.failed(
                "DescribeCacheClusters",
                format!("cache node `{identifier}`"),
            ));
        match result {
            Err(error) if error.is_not_found() => Ok(None),
            other => Ok(other?.cache_clusters.unwrap_or_default().into_iter().next()),
        }
    }

    /// Begins to create a replication group.
    ///
    /// # Errors
    /// [`crate::Kind::AlreadyExists`] when there is one of this name; otherwise see [`Error`].
    pub async fn create(&self, new: &NewCache) -> Result<CacheGroup, Error> {
        let operation = "CreateReplicationGroup";
        let answer = self
            .client
            .create_replication_group()
            .replication_group_id(&new.identifier)
            .replication_group_description(&new.description)
            .engine(&new.engine)
            .engine_version(&new.version)
            .cache_node_type(&new.node_type)
            .num_cache_clusters(i32::from(new.replicas) + 1)
            .automatic_failover_enabled(new.replicas > 0)
            .multi_az_enabled(new.multi_az)
            .port(i32::from(new.port))
            .set_security_group_ids(some(&new.security_groups))
            .set_cache_subnet_group_name(new.subnet_group.clone())
            .transit_encryption_enabled(new.transit_encryption)
            .at_rest_encryption_enabled(new.at_rest_encryption)
            .set_auth_token(exposed(new.auth_token.as_ref()))
            .snapshot_retention_limit(i32::from(new.snapshot_retention_days))
            .auto_minor_version_upgrade(true)
            .set_tags(to_tags(&new.tags))
            .send()
            .await
            .map_err(SERVICE.failed(operation, object(&new.identifier)))?;
        let created = SERVICE.required(
            operation,
            object(&new.identifier),
            "ReplicationGroup",
            answer.replication_group,
        )?;
        Ok(from_sdk(created, None))
    }

    /// Begins to change a replication group.
    ///
    /// # Errors
    /// [`crate::Kind::Busy`] when its state does not allow it; otherwise see [`Error`].
    pub async fn modify(
        &self,
        identifier: &str,
        change: &CacheChange,
    ) -> Result<CacheGroup, Error> {
        let operation = "ModifyReplicationGroup";
        let rotate = change
            .auth_token
            .is_some()
            .then_some(AuthTokenUpdateStrategyType::Rotate);
        let answer = self
            .client
            .modify_replication_group()
            .replication_group_id(identifier)
            .set_cache_node_type(change.node_type.clone())
            .set_engine_version(change.version.clone())
            .set_multi_az_enabled(change.multi_az)
            .set_automatic_failover_enabled(change.multi_az)
            .set_security_group_ids(change.security_groups.clone())
            .set_auth_token(exposed(change.auth_token.as_ref()))
            .set_auth_token_update_strategy(rotate)
            .set_snapshot_retention_limit(change.snapshot_retention_days.map(i32::from))
            .apply_immediately(change.apply_immediately)
            .send()
            .await
            .map_err(SERVICE.failed(operation, object(identifier)))?;
        let changed = SERVICE.required(
            operation,
            object(identifier),
            "ReplicationGroup",
            answer.replication_group,
        )?;
        Ok(from_sdk(changed, None))
    }

    /// Begins to delete a replication group with all its nodes. `final_snapshot` names a last
    /// snapshot; `None` makes none.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn delete(
        &self,
        identifier: &str,
        final_snapshot: Option<&str>,
    ) -> Result<(), Error> {
        self.client
            .delete_replication_group()
            .replication_group_id(identifier)
            .retain_primary_cluster(false)
            .set_final_snapshot_identifier(final_snapshot.map(str::to_owned))
            .send()
            .await
            .map_err(SERVICE.failed("DeleteReplicationGroup", object(identifier)))?;
        Ok(())
    }

    /// The cache subnet group, if it exists.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn subnet_group(&self, name: &str) -> Result<Option<SubnetGroup>, Error> {
        let result = self
            .client
            .describe_cache_subnet_groups()
            .cache_subnet_group_name(name)
            .send()
            .await
            .map_err(SERVICE.failed("DescribeCacheSubnetGroups", group_object(name)));
        let answer = match result {
            Err(error) if error.is_not_found() => return Ok(None),
            other => other?,
        };
        let found = answer
            .cache_subnet_groups
            .unwrap_or_default()
            .into_iter()
            .next();
        Ok(found.map(|group| group_from_sdk(name, group)))
    }

    /// Creates a cache subnet group.
    ///
    /// # Errors
    /// [`crate::Kind::AlreadyExists`] when there is one of this name; otherwise see [`Error`].
    pub async fn create_subnet_group(
        &self,
        name: &str,
        description: &str,
        subnets: &[String],
        tags: &BTreeMap<String, String>,
    ) -> Result<SubnetGroup, Error> {
        let operation = "CreateCacheSubnetGroup";
        let answer = self
            .client
            .create_cache_subnet_group()
            .cache_subnet_group_name(name)
            .cache_subnet_group_description(description)
            .set_subnet_ids(Some(subnets.to_vec()))
            .set_tags(to_tags(tags))
            .send()
            .await
            .map_err(SERVICE.failed(operation, group_object(name)))?;
        let created = SERVICE.required(
            operation,
            group_object(name),
            "CacheSubnetGroup",
            answer.cache_subnet_group,
        )?;
        Ok(group_from_sdk(name, created))
    }

    /// Deletes a cache subnet group that no group uses. One that does not exist counts as deleted.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn delete_subnet_group(&self, name: &str) -> Result<(), Error> {
        let result = self
            .client
            .delete_cache_subnet_group()
            .cache_subnet_group_name(name)
            .send()
            .await
            .map_err(SERVICE.failed("DeleteCacheSubnetGroup", group_object(name)));
        match result {
            Err(error) if error.is_not_found() => Ok(()),
            other => other.map(drop),
        }
    }
}

fn object(identifier: &str) -> String {
    format!("cache `{identifier}`")
}

fn group_object(name: &str) -> String {
    format!("cache subnet group `{name}`")
}

fn some(list: &[String]) -> Option<Vec<String>> {
    (!list.is_empty()).then(|| list.to_vec())
}

fn to_tags(tags: &BTreeMap<String, String>) -> Option<Vec<Tag>> {
    let tags: Vec<Tag> = tags
        .iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect();
    (!tags.is_empty()).then_some(tags)
}

fn endpoint(endpoint: Option<&aws_sdk_elasticache::types::Endpoint>) -> Option<(String, u16)> {
    let endpoint = endpoint?;
    let port = u16::try_from(endpoint.port?).ok()?;
    Some((
        endpoint
            .address
            .clone()
            .filter(|address| !address.is_empty())?,
        port,
    ))
}

fn from_sdk(group: ReplicationGroup, node: Option<CacheCluster>) -> CacheGroup {
    let shard = group.node_groups.unwrap_or_default().into_iter().next();
    let primary = shard
        .as_ref()
        .and_then(|shard| endpoint(shard.primary_endpoint.as_ref()));
    let reader = shard
        .as_ref()
        .and_then(|shard| endpoint(shard.reader_endpoint.as_ref()));
    let nodes = group.member_clusters.map_or(0, |members| members.len());
    let node_groups = node
        .as_ref()
        .and_then(|node| node.security_groups.clone())
        .unwrap_or_default();
    let mut security_groups: Vec<String> = node_groups
        .into_iter()
        .filter_map(|group| group.security_group_id)
        .collect();
    security_groups.sort();
    CacheGroup {
        identifier: group.replication_group_id.unwrap_or_default(),
        arn: group.arn,
        status: group.status.unwrap_or_default(),
        description: group.description.unwrap_or_default(),
        engine: group.engine.or_else(|| node.as_ref()?.engine.clone()),
        version: node.as_ref().and_then(|node| node.engine_version.clone()),
        node_type: group
            .cache_node_type
            .or_else(|| node.as_ref()?.cache_node_type.clone()),
        replicas: u32::try_from(nodes.saturating_sub(1)).unwrap_or(u32::MAX),
        port: primary.as_ref().map(|(_, port)| *port),
        endpoint: primary,
        reader_endpoint: reader,
        transit_encryption: group.transit_encryption_enabled.unwrap_or(false),
        at_rest_encryption: group.at_rest_encryption_enabled.unwrap_or(false),
        auth_token: group.auth_token_enabled.unwrap_or(false),
        automatic_failover: matches!(
            group.automatic_failover,
            Some(AutomaticFailoverStatus::Enabled | AutomaticFailoverStatus::Enabling)
        ),
        multi_az: matches!(group.multi_az, Some(MultiAzStatus::Enabled)),
        snapshot_retention_days: group
            .snapshot_retention_limit
            .and_then(|days| u32::try_from(days).ok())
            .unwrap_or(0),
        security_groups,
        subnet_group: node.and_then(|node| node.cache_subnet_group_name),
    }
}

fn group_from_sdk(name: &str, group: aws_sdk_elasticache::types::CacheSubnetGroup) -> SubnetGroup {
    let subnets = group.subnets.unwrap_or_default();
    let mut subnets: Vec<String> = subnets
        .into_iter()
        .filter_map(|subnet| subnet.subnet_identifier)
        .collect();
    subnets.sort();
    SubnetGroup {
        name: group
            .cache_subnet_group_name
            .unwrap_or_else(|| name.to_owned()),
        vpc: group.vpc_id,
        subnets,
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_elasticache::types::{Endpoint, NodeGroup, SecurityGroupMembership};

    use super::*;

    #[test]
    fn a_group_and_its_first_node_make_one_answer() {
        let primary = Endpoint::builder()
            .address("primary.example")
            .port(6380)
            .build();
        let group = ReplicationGroup::builder()
            .replication_group_id("blog-cache")
            .status("available")
            .member_clusters("blog-cache-001")
            .member_clusters("blog-cache-002")
            .node_groups(NodeGroup::builder().primary_endpoint(primary).build())
            .automatic_failover(AutomaticFailoverStatus::Enabled)
            .build();
        let member = |id: &str| {
            SecurityGroupMembership::builder()
                .security_group_id(id)
                .build()
        };
        let node = CacheCluster::builder()
            .engine("redis")
            .engine_version("7.1.0")
            .security_groups(member("sg-2"))
            .security_groups(member("sg-1"))
            .build();
        let found = from_sdk(group, Some(node));
        assert_eq!(found.replicas, 1);
        assert_eq!(found.endpoint, Some(("primary.example".to_owned(), 6380)));
        assert_eq!(found.version.as_deref(), Some("7.1.0"));
        assert_eq!(found.security_groups, ["sg-1", "sg-2"]);
        assert!(found.is_available() && found.automatic_failover && !found.multi_az);
    }

    #[test]
    fn a_group_without_nodes_has_no_address() {
        let group = ReplicationGroup::builder().status("create-failed").build();
        let found = from_sdk(group, None);
        assert!(found.has_failed());
        assert_eq!(
            (found.endpoint, found.port, found.replicas),
            (None, None, 0)
        );
    }
}
