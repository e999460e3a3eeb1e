//! ElastiCache: replication groups of Redis and Valkey with their life cycle, members and tags.
//!
//! The wire types are `winterbaume-elasticache`'s, and subnet groups, parameter groups and users are its
//! work. Its replication groups are not used: they are available at once, and know neither members nor
//! replica counts nor engine versions.

mod checks;
mod group;
mod modify;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use beanpole_model::{Event, Secret};
use winterbaume_core::{MockRequest, MockResponse, MockService};
use winterbaume_elasticache::{ElastiCacheService, model, wire};

use super::ec2::Network;
use super::lifecycle::{Lives, Made};
use super::refusal::{Refusal, page};
use crate::server::form;
use crate::world::World;
use group::Group;
use modify::modified;

/// How long a creation, a modification and a deletion take on AWS for one small node.
const CREATION: Duration = Duration::from_secs(300);
const MODIFICATION: Duration = Duration::from_secs(240);
const DELETION: Duration = Duration::from_secs(180);

/// The service.
pub(crate) struct Caches {
    shared: Arc<Shared>,
    inner: ElastiCacheService,
}

/// What life cycles share with the service.
struct Shared {
    world: Arc<World>,
    network: Arc<Network>,
    lives: Lives,
    groups: Mutex<Groups>,
}

type Groups = BTreeMap<String, Group>;
type Form = std::collections::HashMap<String, String>;
type Outcome = Result<MockResponse, Refusal>;

impl Caches {
    /// A service without caches.
    pub(crate) fn new(world: &Arc<World>, network: Arc<Network>, lives: &Lives) -> Self {
        let (world, lives) = (world.clone(), lives.clone());
        let shared = Shared {
            world,
            network,
            lives,
            groups: Mutex::default(),
        };
        Self {
            shared: Arc::new(shared),
            inner: ElastiCacheService::new(),
        }
    }

    async fn answer(&self, request: MockRequest) -> MockResponse {
        let form = form::parse(&request.body);
        let action = form.get("Action").map(String::as_str).unwrap_or_default();
        let outcome = match action {
            "CreateReplicationGroup" => self.create(&form).await,
            "DescribeReplicationGroups" => self.describe(&form),
            "DescribeCacheClusters" => self.describe_members(&form),
            "ModifyReplicationGroup" => self.modify(&form),
            "IncreaseReplicaCount" => read(wire::deserialize_increase_replica_count_request(&form))
                .and_then(|request| {
                    self.set_replicas(
                        &request.replication_group_id,
                        request.new_replica_count,
                        request.apply_immediately,
                    )
                    .map(|group| {
                        wire::serialize_increase_replica_count_response(
                            &model::IncreaseReplicaCountResult {
                                replication_group: Some(group),
                            },
                        )
                    })
                }),
            "DecreaseReplicaCount" => read(wire::deserialize_decrease_replica_count_request(&form))
                .and_then(|request| {
                    self.set_replicas(
                        &request.replication_group_id,
                        request.new_replica_count,
                        request.apply_immediately,
                    )
                    .map(|group| {
                        wire::serialize_decrease_replica_count_response(
                            &model::DecreaseReplicaCountResult {
                                replication_group: Some(group),
                            },
                        )
                    })
                }),
            "DeleteReplicationGroup" => self.delete(&form),
            "DescribeCacheEngineVersions" => describe_versions(&form),
            "ListTagsForResource" | "AddTagsToResource" | "RemoveTagsFromResource" => {
                match self.tags(action, &form) {
                    Some(outcome) => outcome,
                    None => return self.inner.handle(request).await,
                }
            }
            // These would act on a store that nobody sees.
            "CreateCacheCluster" | "ModifyCacheCluster" | "DeleteCacheCluster"
            | "CreateSnapshot" => Err(Refusal::unknown_operation("ElastiCache", action)),
            _ => return with_aws_codes(self.inner.handle(request).await),
        };
        outcome.unwrap_or_else(MockResponse::from)
    }

    async fn create(&self, form: &Form) -> Outcome {
        let request = read(wire::deserialize_create_replication_group_request(form))?;
        checks::check_creation(&request)?;
        let id = request.replication_group_id.to_lowercase();
        if let Some(group) = request.cache_subnet_group_name.as_deref()
            && group != "default"
            && !self.has_subnet_group(group).await
        {
            return Err(Refusal::new(
                "CacheSubnetGroupNotFoundFault",
                format!("Cache Subnet Group {group} does not exist."),
            ));
        }
        let shared = &self.shared;
        let security_groups = shared.security_groups(request.security_group_ids.clone())?;
        let mut groups = shared.lock();
        if groups.contains_key(&id) {
            return Err(Refusal::new(
                "ReplicationGroupAlreadyExists",
                format!("Replication group with id {id} already exists"),
            ));
        }
        if let Some(token) = &request.auth_token {
            shared.world.scrubber.learn(&Secret::new(token.as_str()));
        }
        let place = (shared.world.region.as_str(), shared.world.account.as_str());
        let group = group::new(request, place, security_groups, shared.world.clock.now());
        shared
            .network
            .use_groups(&user(&id), &group.security_groups);
        if group.transit_encryption && shared.world.data_plane.is_real() {
            let message = format!(
                "The cache `{id}` asks for encryption in transit; the rehearsal's runs without TLS."
            );
            shared.world.reporter.report(&Event::Warning { message });
        }
        let shown = group.show();
        groups.insert(id.clone(), group);
        drop(groups);
        self.shared.lives.spawn(live(shared.clone(), id));
        Ok(wire::serialize_create_replication_group_response(
            &model::CreateReplicationGroupResult {
                replication_group: Some(shown),
            },
        ))
    }

    fn describe(&self, form: &Form) -> Outcome {
        let request = read(wire::deserialize_describe_replication_groups_request(form))?;
        let groups = self.shared.lock();
        let found = match request
            .replication_group_id
            .as_deref()
            .filter(|id| !id.is_empty())
        {
            Some(id) => vec![
                groups
                    .get(&id.to_lowercase())
                    .ok_or_else(|| not_found(id))?
                    .show(),
            ],
            None => groups.values().map(Group::show).collect(),
        };
        let (items, marker) = page(found, request.max_records, request.marker.as_deref())?;
        Ok(wire::serialize_describe_replication_groups_response(
            &model::ReplicationGroupMessage {
                marker,
                replication_groups: Some(model::ReplicationGroupList { items }),
            },
        ))
    }

    fn describe_members(&self, form: &Form) -> Outcome {
        let request = read(wire::deserialize_describe_cache_clusters_request(form))?;
        let with_nodes = request.show_cache_node_info == Some(true);
        // All clusters here are members of groups.
        let only_others = request.show_cache_clusters_not_in_replication_groups == Some(true);
        let groups = self.shared.lock();
        let mut found: Vec<model::CacheCluster> = groups
            .values()
            .filter(|_| !only_others)
            .flat_map(|group| group.show_members(with_nodes))
            .collect();
        if let Some(id) = request
            .cache_cluster_id
            .as_deref()
            .filter(|id| !id.is_empty())
        {
            found.retain(|one| one.cache_cluster_id.as_deref() == Some(id));
            if found.is_empty() {
                return Err(Refusal::not_found(
                    "CacheClusterNotFound",
                    format!("CacheCluster not found: {id}"),
                ));
            }
        }
        let (items, marker) = page(found, request.max_records, request.marker.as_deref())?;
        Ok(wire::serialize_describe_cache_clusters_response(
            &model::CacheClusterMessage {
                cache_clusters: Some(model::CacheClusterList { items }),
                marker,
            },
        ))
    }

    fn modify(&self, form: &Form) -> Outcome {
        let request = read(wire::deserialize_modify_replication_group_request(form))?;
        let shared = &self.shared;
        let new_groups = match request.security_group_ids.clone() {
            Some(list) => Some(shared.security_groups(Some(list))?),
            None => None,
        };
        let mut groups = shared.lock();
        let group = find_available(&mut groups, &request.replication_group_id, "modification")?;
        let changed = modified(group, &request)?;
        if let Some(security_groups) = new_groups {
            shared
                .network
                .use_groups(&user(&group.id), &security_groups);
            group.security_groups = security_groups;
        }
        set(
            &mut group.description,
            &request.replication_group_description,
        );
        set(&mut group.snapshot_window, &request.snapshot_window);
        set(
            &mut group.maintenance_window,
            &request.preferred_maintenance_window,
        );
        set(&mut group.snapshot_limit, &request.snapshot_retention_limit);
        let answer = wire::serialize_modify_replication_group_response;
        // Without ApplyImmediately the rest waits for a window that a rehearsal does not reach.
        let (Some(changed), true) = (changed, request.apply_immediately == Some(true)) else {
            let shown = group.show();
            return Ok(answer(&model::ModifyReplicationGroupResult {
                replication_group: Some(shown),
            }));
        };
        if let Some(token) = &changed.auth_token {
            shared.world.scrubber.learn(token);
        }
        let shown = self.work(group, move |group| {
            group.node_type = changed.node_type;
            group.version = changed.version;
            group.engine = changed.engine;
            group.failover = changed.failover;
            group.multi_az = changed.multi_az;
            group.transit_encryption = changed.transit_encryption;
            group.transit_mode = changed.transit_mode;
            group.auth_token = changed.auth_token;
        });
        Ok(answer(&model::ModifyReplicationGroupResult {
            replication_group: Some(shown),
        }))
    }

    fn set_replicas(
        &self,
        id: &str,
        replicas: Option<i32>,
        immediately: bool,
    ) -> Result<model::ReplicationGroup, Refusal> {
        let mut groups = self.shared.lock();
        let group = find_available(&mut groups, id, "modification")?;
        if !immediately {
            return Err(Refusal::combination(
                "ApplyImmediately must be true to change the number of replicas.",
            ));
        }
        let nodes =
            replicas.ok_or_else(|| Refusal::value("NewReplicaCount must be provided."))? + 1;
        checks::check_nodes(nodes, group.failover, group.multi_az)?;
        Ok(self.work(group, move |group| group.nodes = nodes))
    }

    /// Starts work on a group that is available, and returns what is shown of it meanwhile.
    fn work(
        &self,
        group: &mut Group,
        done: impl FnOnce(&mut Group) + Send + 'static,
    ) -> model::ReplicationGroup {
        group.status = "modifying";
        let (shared, id) = (self.shared.clone(), group.id.clone());
        self.shared.lives.spawn(async move {
            shared.lives.sleep(MODIFICATION).await?;
            shared.change(&id, "modifying", |group| {
                done(group);
                group.status = "available";
            });
            Some(())
        });
        group.show()
    }

    fn delete(&self, form: &Form) -> Outcome {
        let request = read(wire::deserialize_delete_replication_group_request(form))?;
        let mut groups = self.shared.lock();
        let id = request.replication_group_id.to_lowercase();
        let group = groups.get_mut(&id).ok_or_else(|| not_found(&id))?;
        if !matches!(group.status, "available" | "create-failed") {
            return Err(busy(group, "deletion"));
        }
        if request.retain_primary_cluster == Some(true) {
            return Err(Refusal::combination(
                "The rehearsal does not keep primary clusters.",
            ));
        }
        group.status = "deleting";
        let shown = group.show();
        drop(groups);
        self.shared.lives.spawn(die(self.shared.clone(), id));
        Ok(wire::serialize_delete_replication_group_response(
            &model::DeleteReplicationGroupResult {
                replication_group: Some(shown),
            },
        ))
    }

    /// Tags of our groups; `None` if the resource is not one of them.
    fn tags(&self, action: &str, form: &Form) -> Option<Outcome> {
        let arn = form.get("ResourceName")?;
        let mut groups = self.shared.lock();
        let group = groups.values_mut().find(|group| group.arn == *arn)?;
        Some(change_tags(action, form, &mut group.tags))
    }

    async fn has_subnet_group(&self, name: &str) -> bool {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("Action", "DescribeCacheSubnetGroups"),
                ("CacheSubnetGroupName", name),
            ])
            .finish();
        let request = MockRequest {
            method: "POST".to_owned(),
            uri: format!(
                "https://elasticache.{}.amazonaws.com/",
                self.shared.world.region.as_str()
            ),
            headers: http::HeaderMap::new(),
            body: body.into(),
        };
        self.inner.handle(request).await.status == 200
    }
}

impl MockService for Caches {
    fn service_name(&self) -> &str {
        "elasticache"
    }

    fn url_patterns(&self) -> Vec<&str> {
        Vec::new()
    }

    fn handle(
        &self,
        request: MockRequest,
    ) -> Pin<Box<dyn Future<Output = MockResponse> + Send + '_>> {
        Box::pin(self.answer(request))
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Groups> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes a group, unless its status is another by now.
    fn change(&self, id: &str, status: &str, change: impl FnOnce(&mut Group)) {
        let mut groups = self.lock();
        if let Some(group) = groups.get_mut(id)
            && group.status == status
        {
            change(group);
        }
    }

    /// The groups that a request names, or the default one.
    fn security_groups(
        &self,
        wanted: Option<model::SecurityGroupIdsList>,
    ) -> Result<Vec<String>, Refusal> {
        let groups = wanted.map(|list| list.items).unwrap_or_default();
        if let Some(unknown) = self.network.unknown_group(&groups) {
            return Err(Refusal::value(format!(
                "Some security group Ids are invalid: {unknown}"
            )));
        }
        Ok(if groups.is_empty() {
            vec![self.network.default_group()]
        } else {
            groups
        })
    }
}

/// From `creating` to `available`.
async fn live(shared: Arc<Shared>, id: String) -> Option<()> {
    let (spec, making) = {
        let groups = shared.lock();
        let group = groups.get(&id)?;
        (group.spec(), group.making.clone())
    };
    let made = {
        let _making = making.lock().await;
        let work = shared.world.data_plane.create_cache(&spec);
        shared.lives.create(&id, CREATION, work).await?
    };
    match made {
        Made::Running => shared.change(&id, "creating", |group| {
            group.open = true;
            group.status = "available";
        }),
        Made::Failed(message) => {
            let message = format!("The cache `{id}` could not be created: {message}");
            shared.world.reporter.report(&Event::Warning { message });
            shared.change(&id, "creating", |group| group.status = "create-failed");
        }
    }
    Some(())
}

/// From `deleting` to nothing.
async fn die(shared: Arc<Shared>, id: String) -> Option<()> {
    let making = shared.lock().get(&id)?.making.clone();
    {
        let _made = making.lock().await;
        let _hold = shared.world.hold_for_real_work();
        if let Err(error) = shared.world.data_plane.delete_cache(&id).await {
            let message = shared.world.clean(&error.to_string());
            shared.world.reporter.report(&Event::Warning { message });
        }
    }
    shared.lives.sleep(DELETION).await?;
    shared.lock().remove(&id);
    shared.network.use_groups(&user(&id), &[]);
    Some(())
}

fn set<T: Clone>(field: &mut T, wanted: &Option<T>) {
    if let Some(wanted) = wanted {
        field.clone_from(wanted);
    }
}

fn find_available<'a>(
    groups: &'a mut Groups,
    id: &str,
    purpose: &str,
) -> Result<&'a mut Group, Refusal> {
    let group = groups
        .get_mut(&id.to_lowercase())
        .ok_or_else(|| not_found(id))?;
    if group.status == "available" {
        Ok(group)
    } else {
        Err(busy(group, purpose))
    }
}

fn busy(group: &Group, purpose: &str) -> Refusal {
    Refusal::new(
        "InvalidReplicationGroupState",
        format!(
            "Replication group {} has status {} which is not valid for {purpose}.",
            group.id, group.status
        ),
    )
}

fn not_found(id: &str) -> Refusal {
    Refusal::not_found(
        "ReplicationGroupNotFoundFault",
        format!("ReplicationGroup {id} not found."),
    )
}

/// Under which name a cache uses security groups.
fn user(id: &str) -> String {
    format!("elasticache:{id}")
}

fn change_tags(action: &str, form: &Form, tags: &mut Vec<model::Tag>) -> Outcome {
    let shown = |tags: &[model::Tag]| model::TagListMessage {
        tag_list: Some(model::TagList {
            items: tags.to_vec(),
        }),
    };
    match action {
        "AddTagsToResource" => {
            let request = read(wire::deserialize_add_tags_to_resource_request(form))?;
            for tag in request.tags.items {
                tags.retain(|other| other.key != tag.key);
                tags.push(tag);
            }
            Ok(wire::serialize_add_tags_to_resource_response(&shown(tags)))
        }
        "RemoveTagsFromResource" => {
            let request = read(wire::deserialize_remove_tags_from_resource_request(form))?;
            let keys = request.tag_keys.items;
            tags.retain(|tag| !tag.key.as_ref().is_some_and(|key| keys.contains(key)));
            Ok(wire::serialize_remove_tags_from_resource_response(&shown(
                tags,
            )))
        }
        _ => Ok(wire::serialize_list_tags_for_resource_response(&shown(
            tags,
        ))),
    }
}

fn describe_versions(form: &Form) -> Outcome {
    let request = read(wire::deserialize_describe_cache_engine_versions_request(
        form,
    ))?;
    let items = checks::versions(request.engine.as_deref())
        .into_iter()
        .filter(
            |(engine, version)| match request.engine_version.as_deref() {
                Some(wanted) => checks::resolve_version(engine, Some(wanted)) == Some(version),
                None => true,
            },
        )
        .map(|(engine, version)| {
            let major = version.split('.').next().unwrap_or_default();
            model::CacheEngineVersion {
                engine: Some(engine.to_owned()),
                engine_version: Some(version.to_owned()),
                cache_parameter_group_family: Some(format!("{engine}{major}")),
                ..model::CacheEngineVersion::default()
            }
        })
        .collect();
    Ok(wire::serialize_describe_cache_engine_versions_response(
        &model::CacheEngineVersionMessage {
            cache_engine_versions: Some(model::CacheEngineVersionList { items }),
            marker: None,
        },
    ))
}

fn read<T>(request: Result<T, String>) -> Result<T, Refusal> {
    request.map_err(Refusal::value)
}

/// Some of winterbaume's error codes lack the `Fault` that AWS's have.
fn with_aws_codes(mut answer: MockResponse) -> MockResponse {
    if answer.status >= 400 {
        let text = String::from_utf8_lossy(&answer.body).replace(
            "<Code>CacheSubnetGroupNotFound</Code>",
            "<Code>CacheSubnetGroupNotFoundFault</Code>",
        );
        answer.body = text.into();
    }
    answer
}
