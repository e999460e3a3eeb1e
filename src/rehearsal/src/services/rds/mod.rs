//! RDS: PostgreSQL instances with their life cycle, their snapshots and their tags.
//!
//! The wire types are `winterbaume-rds`'s, and subnet groups, parameter groups and the like are its work.
//! Its instances are not used: they are available at once, forget half of what they were asked for, and
//! let themselves be deleted whatever their protection says.

mod checks;
mod engine;
mod instance;
mod life;
mod modify;
mod snapshots;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use beanpole_model::Secret;
use winterbaume_core::{MockRequest, MockResponse, MockService};
use winterbaume_rds::{RdsService, model, wire};

use super::ec2::Network;
use super::lifecycle::Lives;
use super::refusal::{Refusal, page};
use super::secrets_manager::Secrets;
use crate::server::form;
use crate::world::World;
use instance::{Instance, Place, Resolved};
use life::{SNAPSHOT, Shared, State, die, live};

/// How long a modification, a reboot and a new password take.
const MODIFICATION: Duration = Duration::from_secs(180);
const REBOOT: Duration = Duration::from_secs(60);
const NEW_PASSWORD: Duration = Duration::from_secs(30);

/// The service.
pub(crate) struct Databases {
    shared: Arc<Shared>,
    inner: RdsService,
}

impl Databases {
    /// A service without databases.
    pub(crate) fn new(
        world: &Arc<World>,
        network: Arc<Network>,
        secrets: Arc<Secrets>,
        lives: &Lives,
    ) -> Self {
        let (world, lives) = (world.clone(), lives.clone());
        let shared = Shared {
            world,
            network,
            secrets,
            lives,
            state: Mutex::default(),
        };
        Self {
            shared: Arc::new(shared),
            inner: RdsService::new(),
        }
    }

    async fn answer(&self, request: MockRequest) -> MockResponse {
        let form = form::parse(&request.body);
        let action = form.get("Action").map(String::as_str).unwrap_or_default();
        let outcome = match action {
            "CreateDBInstance" => self.create(&form).await,
            "DescribeDBInstances" => self.describe(&form),
            "ModifyDBInstance" => self.modify(&form),
            "DeleteDBInstance" => self.delete(&form),
            "RebootDBInstance" => self.reboot(&form),
            "CreateDBSnapshot" => self.create_snapshot(&form),
            "DescribeDBSnapshots" => self.describe_snapshots(&form),
            "DeleteDBSnapshot" => self.delete_snapshot(&form),
            "DescribeDBEngineVersions" => describe_engine_versions(&form),
            "CreateDBSubnetGroup" => match self.check_subnets(&form) {
                Ok(()) => return self.inner.handle(request).await,
                Err(refusal) => Err(refusal),
            },
            "ListTagsForResource" | "AddTagsToResource" | "RemoveTagsFromResource" => {
                match self.tags(action, &form) {
                    Some(outcome) => outcome,
                    None => return self.inner.handle(request).await,
                }
            }
            // Whatever else makes or changes instances would do so in a store that nobody sees.
            other if other.contains("DBInstance") || other.contains("DBCluster") => {
                Err(Refusal::unknown_operation("RDS", other))
            }
            _ => return with_aws_codes(self.inner.handle(request).await),
        };
        outcome.unwrap_or_else(MockResponse::from)
    }

    async fn create(&self, form: &Form) -> Outcome {
        let request = read(wire::deserialize_create_d_b_instance_request(form))?;
        checks::check_creation(&request)?;
        let identifier = request.d_b_instance_identifier.to_lowercase();
        if let Some(group) = request.d_b_subnet_group_name.as_deref()
            && !group.eq_ignore_ascii_case("default")
            && !self.has_subnet_group(group).await
        {
            return Err(Refusal::not_found(
                "DBSubnetGroupNotFoundFault",
                format!("DBSubnetGroup {group} not found."),
            ));
        }
        let shared = &self.shared;
        let security_groups = shared.security_groups(request.vpc_security_group_ids.clone())?;
        let mut state = shared.lock();
        if state.instances.contains_key(&identifier) {
            return Err(Refusal::new(
                "DBInstanceAlreadyExists",
                "DB instance already exists",
            ));
        }
        let (password, managed_secret) = match request.master_user_password.as_deref() {
            Some(password) => (Secret::new(password), None),
            None => shared.managed_password(request.master_username.as_deref().unwrap_or_default()),
        };
        shared.world.scrubber.learn(&password);
        let vpc = shared.network.default_vpc();
        let place = Place {
            region: shared.world.region.as_str(),
            account: shared.world.account.as_str(),
            vpc: &vpc,
            now: shared.world.clock.now(),
        };
        let resolved = Resolved {
            security_groups,
            password,
            managed_secret,
        };
        let instance = instance::new(request, &place, resolved);
        shared
            .network
            .use_groups(&user(&identifier), &instance.security_groups());
        let shown = instance.show();
        state.instances.insert(identifier.clone(), instance);
        drop(state);
        self.shared.lives.spawn(live(shared.clone(), identifier));
        Ok(wire::serialize_create_d_b_instance_response(
            &model::CreateDBInstanceResult {
                d_b_instance: Some(shown),
            },
        ))
    }

    fn describe(&self, form: &Form) -> Outcome {
        let request = read(wire::deserialize_describe_d_b_instances_request(form))?;
        let state = self.shared.lock();
        let mut found: Vec<model::DBInstance> = match request.d_b_instance_identifier.as_deref() {
            Some(identifier) => vec![state.find(identifier)?.show()],
            None => state.instances.values().map(Instance::show).collect(),
        };
        for filter in request.filters.iter().flat_map(|filters| &filters.items) {
            let wanted = &filter.values.items;
            match filter.name.as_str() {
                "db-instance-id" => found.retain(|one| {
                    let id = one.d_b_instance_identifier.clone().unwrap_or_default();
                    let arn = one.d_b_instance_arn.clone().unwrap_or_default();
                    wanted.contains(&id) || wanted.contains(&arn)
                }),
                "engine" => {
                    found.retain(|one| {
                        one.engine
                            .as_ref()
                            .is_some_and(|engine| wanted.contains(engine))
                    });
                }
                other => {
                    return Err(Refusal::value(format!("Unrecognized filter name: {other}")));
                }
            }
        }
        let (found, marker) = page(found, request.max_records, request.marker.as_deref())?;
        Ok(wire::serialize_describe_d_b_instances_response(
            &model::DBInstanceMessage {
                d_b_instances: Some(model::DBInstanceList { items: found }),
                marker,
            },
        ))
    }

    fn modify(&self, form: &Form) -> Outcome {
        let request = read(wire::deserialize_modify_d_b_instance_request(form))?;
        let shared = &self.shared;
        if request.vpc_security_group_ids.is_some() {
            shared.security_groups(request.vpc_security_group_ids.clone())?;
        }
        let mut state = shared.lock();
        let instance = state.find_mut(&request.d_b_instance_identifier)?;
        let modification = modify::plan(&instance.shown, &request)?;
        instance.shown = modification.instance;
        shared
            .network
            .use_groups(&user(instance.identifier()), &instance.security_groups());
        let identifier = instance.identifier().to_owned();
        if let Some(password) = modification.password {
            shared.world.scrubber.learn(&password);
            instance.password = password;
            shared.warn_about_running(&identifier, "keeps its former password");
        }
        if modification.applied.port.is_some() {
            shared.warn_about_running(&identifier, "keeps listening on its former port");
        }
        // AWS answers with the former status and shows the new one a moment later.
        let shown = instance.show();
        if let Some(status) = modification.working {
            instance.set_status(status);
            let takes = if status == "modifying" {
                MODIFICATION
            } else {
                NEW_PASSWORD
            };
            let shared = shared.clone();
            let applied = modification.applied;
            self.shared.lives.spawn(async move {
                shared.lives.sleep(takes).await?;
                shared.change(&identifier, status, |instance| {
                    if let Some(port) = applied.port {
                        instance.port = port;
                    }
                    // A new password alone must not lose what waits for the window.
                    if status == "modifying" {
                        modify::apply(&mut instance.shown, applied);
                    }
                    instance.set_status("available");
                });
                Some(())
            });
        }
        Ok(wire::serialize_modify_d_b_instance_response(
            &model::ModifyDBInstanceResult {
                d_b_instance: Some(shown),
            },
        ))
    }

    fn delete(&self, form: &Form) -> Outcome {
        let request = read(wire::deserialize_delete_d_b_instance_request(form))?;
        let shared = &self.shared;
        let now = shared.world.clock.now();
        let mut state = shared.lock();
        let State {
            instances,
            snapshots,
        } = &mut *state;
        let instance = find_mut(instances, &request.d_b_instance_identifier)?;
        check_deletion(instance, &request)?;
        let snapshot = request
            .final_d_b_snapshot_identifier
            .filter(|name| !name.is_empty());
        if let Some(name) = &snapshot {
            snapshots::begin(snapshots, instance, name, &shared.arn_prefix(), now)?;
        }
        instance.set_status("deleting");
        let shown = instance.show();
        let identifier = instance.identifier().to_owned();
        drop(state);
        self.shared
            .lives
            .spawn(die(shared.clone(), identifier, snapshot));
        Ok(wire::serialize_delete_d_b_instance_response(
            &model::DeleteDBInstanceResult {
                d_b_instance: Some(shown),
            },
        ))
    }

    fn reboot(&self, form: &Form) -> Outcome {
        let request = read(wire::deserialize_reboot_d_b_instance_request(form))?;
        let mut state = self.shared.lock();
        let instance = state.find_mut(&request.d_b_instance_identifier)?;
        check_available(instance)?;
        instance.set_status("rebooting");
        let (shown, identifier) = (instance.show(), instance.identifier().to_owned());
        let shared = self.shared.clone();
        self.shared.lives.spawn(async move {
            shared.lives.sleep(REBOOT).await?;
            shared.change(&identifier, "rebooting", |instance| {
                instance.set_status("available");
            });
            Some(())
        });
        Ok(wire::serialize_reboot_d_b_instance_response(
            &model::RebootDBInstanceResult {
                d_b_instance: Some(shown),
            },
        ))
    }

    fn create_snapshot(&self, form: &Form) -> Outcome {
        let request = read(wire::deserialize_create_d_b_snapshot_request(form))?;
        let now = self.shared.world.clock.now();
        let mut state = self.shared.lock();
        let State {
            instances,
            snapshots,
        } = &mut *state;
        let instance = find_mut(instances, &request.d_b_instance_identifier)?;
        check_available(instance)?;
        let name = request.d_b_snapshot_identifier;
        let snapshot =
            snapshots::begin(snapshots, instance, &name, &self.shared.arn_prefix(), now)?;
        instance.set_status("backing-up");
        let (shared, identifier) = (self.shared.clone(), instance.identifier().to_owned());
        self.shared.lives.spawn(async move {
            shared.lives.sleep(SNAPSHOT).await?;
            snapshots::finish(&mut shared.lock().snapshots, &name);
            shared.change(&identifier, "backing-up", |instance| {
                instance.set_status("available");
            });
            Some(())
        });
        Ok(wire::serialize_create_d_b_snapshot_response(
            &model::CreateDBSnapshotResult {
                d_b_snapshot: Some(snapshot),
            },
        ))
    }

    fn describe_snapshots(&self, form: &Form) -> Outcome {
        let request = read(wire::deserialize_describe_d_b_snapshots_request(form))?;
        let found = snapshots::find(&self.shared.lock().snapshots, &request)?;
        let (items, marker) = page(found, request.max_records, request.marker.as_deref())?;
        Ok(wire::serialize_describe_d_b_snapshots_response(
            &model::DBSnapshotMessage {
                d_b_snapshots: Some(model::DBSnapshotList { items }),
                marker,
            },
        ))
    }

    fn delete_snapshot(&self, form: &Form) -> Outcome {
        let request = read(wire::deserialize_delete_d_b_snapshot_request(form))?;
        let name = request.d_b_snapshot_identifier;
        let snapshot = snapshots::delete(&mut self.shared.lock().snapshots, &name)?;
        Ok(wire::serialize_delete_d_b_snapshot_response(
            &model::DeleteDBSnapshotResult {
                d_b_snapshot: Some(snapshot),
            },
        ))
    }

    /// Tags of our instances; `None` if the resource is not one of them.
    fn tags(&self, action: &str, form: &Form) -> Option<Outcome> {
        let arn = form.get("ResourceName")?;
        let mut state = self.shared.lock();
        let instance = state
            .instances
            .values_mut()
            .find(|one| one.shown.d_b_instance_arn.as_ref() == Some(arn))?;
        let tags = instance.shown.tag_list.get_or_insert_default();
        Some(change_tags(action, form, tags))
    }

    /// Subnets of a new group must exist and cover two zones.
    fn check_subnets(&self, form: &Form) -> Result<(), Refusal> {
        let request = read(wire::deserialize_create_d_b_subnet_group_request(form))?;
        let vpc = self.shared.network.default_vpc();
        let mut zones = std::collections::BTreeSet::new();
        for id in &request.subnet_ids.items {
            let subnet = vpc
                .subnets
                .iter()
                .find(|subnet| subnet.id == *id)
                .ok_or_else(|| {
                    Refusal::new(
                        "InvalidSubnet",
                        format!("Some input subnets in :[{id}] are invalid."),
                    )
                })?;
            zones.insert(subnet.zone.as_str());
        }
        if zones.len() < 2 {
            return Err(Refusal::new(
                "DBSubnetGroupDoesNotCoverEnoughAZs",
                "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. Add subnets to \
                 cover at least 2 AZs.",
            ));
        }
        Ok(())
    }

    async fn has_subnet_group(&self, name: &str) -> bool {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("Action", "DescribeDBSubnetGroups"),
                ("DBSubnetGroupName", name),
            ])
            .finish();
        let request = MockRequest {
            method: "POST".to_owned(),
            uri: format!(
                "https://rds.{}.amazonaws.com/",
                self.shared.world.region.as_str()
            ),
            headers: http::HeaderMap::new(),
            body: body.into(),
        };
        self.inner.handle(request).await.status == 200
    }
}

type Form = std::collections::HashMap<String, String>;
type Outcome = Result<MockResponse, Refusal>;

impl MockService for Databases {
    fn service_name(&self) -> &str {
        "rds"
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

impl State {
    fn find(&self, identifier: &str) -> Result<&Instance, Refusal> {
        self.instances
            .get(&identifier.to_lowercase())
            .ok_or_else(|| not_found(identifier))
    }

    fn find_mut(&mut self, identifier: &str) -> Result<&mut Instance, Refusal> {
        find_mut(&mut self.instances, identifier)
    }
}

fn check_deletion(
    instance: &Instance,
    request: &model::DeleteDBInstanceMessage,
) -> Result<(), Refusal> {
    if instance.status() == "deleting" {
        return Err(Refusal::new(
            "InvalidDBInstanceState",
            format!(
                "Instance {} is already being deleted.",
                instance.identifier()
            ),
        ));
    }
    if instance.shown.deletion_protection == Some(true) {
        return Err(Refusal::combination(
            "Cannot delete protected DB Instance, please disable deletion protection and try again.",
        ));
    }
    let skips = request.skip_final_snapshot == Some(true);
    let names = request
        .final_d_b_snapshot_identifier
        .as_ref()
        .is_some_and(|name| !name.is_empty());
    match (skips, names) {
        (false, false) => Err(Refusal::combination(
            "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.",
        )),
        (true, true) => Err(Refusal::combination(
            "FinalDBSnapshotIdentifier cannot be specified when SkipFinalSnapshot is true.",
        )),
        (false, true) if instance.status() != "available" => Err(Refusal::new(
            "InvalidDBInstanceState",
            format!(
                "Instance {} cannot be snapshotted in the state {}.",
                instance.identifier(),
                instance.status()
            ),
        )),
        _ => Ok(()),
    }
}

fn check_available(instance: &Instance) -> Result<(), Refusal> {
    if instance.status() == "available" {
        return Ok(());
    }
    Err(Refusal::new(
        "InvalidDBInstanceState",
        format!(
            "Instance {} is not in available state.",
            instance.identifier()
        ),
    ))
}

fn find_mut<'a>(
    instances: &'a mut BTreeMap<String, Instance>,
    identifier: &str,
) -> Result<&'a mut Instance, Refusal> {
    instances
        .get_mut(&identifier.to_lowercase())
        .ok_or_else(|| not_found(identifier))
}

fn not_found(identifier: &str) -> Refusal {
    Refusal::not_found(
        "DBInstanceNotFound",
        format!("DBInstance {identifier} not found."),
    )
}

/// Under which name a database uses security groups.
fn user(identifier: &str) -> String {
    format!("rds:{identifier}")
}

fn change_tags(action: &str, form: &Form, tags: &mut model::TagList) -> Outcome {
    match action {
        "AddTagsToResource" => {
            let request = read(wire::deserialize_add_tags_to_resource_request(form))?;
            for tag in request.tags.items {
                tags.items.retain(|other| other.key != tag.key);
                tags.items.push(tag);
            }
            Ok(wire::serialize_add_tags_to_resource_response())
        }
        "RemoveTagsFromResource" => {
            let request = read(wire::deserialize_remove_tags_from_resource_request(form))?;
            let keys = request.tag_keys.items;
            tags.items
                .retain(|tag| !tag.key.as_ref().is_some_and(|key| keys.contains(key)));
            Ok(wire::serialize_remove_tags_from_resource_response())
        }
        _ => Ok(wire::serialize_list_tags_for_resource_response(
            &model::TagListMessage {
                tag_list: Some(tags.clone()),
            },
        )),
    }
}

fn describe_engine_versions(form: &Form) -> Outcome {
    let request = read(wire::deserialize_describe_d_b_engine_versions_request(form))?;
    let items = engine::describe(&request);
    Ok(wire::serialize_describe_d_b_engine_versions_response(
        &model::DBEngineVersionMessage {
            d_b_engine_versions: Some(model::DBEngineVersionList { items }),
            marker: None,
        },
    ))
}

fn read<T>(request: Result<T, String>) -> Result<T, Refusal> {
    request.map_err(Refusal::value)
}

/// Some of winterbaume's error codes lack the `Fault` that AWS's have.
fn with_aws_codes(mut answer: MockResponse) -> MockResponse {
    if answer.status == 404 {
        let text = String::from_utf8_lossy(&answer.body).replace(
            "<Code>DBSubnetGroupNotFound</Code>",
            "<Code>DBSubnetGroupNotFoundFault</Code>",
        );
        answer.body = text.into();
    }
    answer
}
