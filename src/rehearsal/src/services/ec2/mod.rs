//! EC2, as far as networks go: the default network, security groups and their rules, instances, tags.
//!
//! The wire types are `winterbaume-ec2-generated`'s. The behaviour is ours: every change of an ingress
//! rule reaches the data plane before it is answered, so that a rule that is missing is a connection
//! that fails.

mod describe;
mod refusal;
mod request;
mod show;
mod state;

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use beanpole_model::Event;
use winterbaume_core::{MockRequest, MockResponse, MockService};
use winterbaume_ec2_generated::{model, wire};

use crate::data_plane::{IngressSource, InstanceId};
use crate::server::form;
use crate::world::{self, NewSecurityGroup, RunningInstance, World};
use refusal::Refusal;
use request::{Form, optional, required};
use state::{Instance, Rule, Source, State};

/// The service.
pub(crate) struct Network {
    world: Arc<World>,
    state: Mutex<State>,
    /// One change of rules at a time, so that the data plane gets them in order.
    telling: tokio::sync::Mutex<()>,
}

impl Network {
    /// A new account's network.
    pub(crate) fn new(world: &Arc<World>) -> Self {
        let state = State::new(world.account.as_str(), world.region.as_str());
        Self {
            world: world.clone(),
            state: Mutex::new(state),
            telling: tokio::sync::Mutex::default(),
        }
    }

    /// Notes that `user` (`rds:shop-db`) uses these groups; with none it uses no groups any more.
    pub(crate) fn use_groups(&self, user: &str, groups: &[String]) {
        let mut state = self.lock();
        if groups.is_empty() {
            state.users.remove(user);
        } else {
            state.users.insert(user.to_owned(), groups.to_vec());
        }
    }

    /// The first of these groups that does not exist.
    pub(crate) fn unknown_group(&self, groups: &[String]) -> Option<String> {
        let state = self.lock();
        groups
            .iter()
            .find(|id| !state.groups.contains_key(*id))
            .cloned()
    }

    /// The id of the default network's default group.
    pub(crate) fn default_group(&self) -> String {
        self.lock()
            .group_named("default")
            .map(|group| group.id.clone())
            .unwrap_or_default()
    }

    /// The default network and its subnets: id and zone.
    pub(crate) fn default_vpc(&self) -> world::Vpc {
        let state = self.lock();
        let subnets = state
            .subnets
            .iter()
            .map(|subnet| world::Subnet {
                id: subnet.id.clone(),
                zone: subnet.zone.clone(),
            })
            .collect();
        world::Vpc {
            id: state.vpc.clone(),
            subnets,
        }
    }

    async fn answer(&self, request: MockRequest) -> MockResponse {
        let form = form::parse(&request.body);
        let action = form.get("Action").map(String::as_str).unwrap_or_default();
        if optional(&form, "DryRun") == Some("true") {
            let message = "Request would have succeeded, but DryRun flag is set.";
            return Refusal::new("DryRunOperation", message).into();
        }
        let changes_rules = matches!(
            action,
            "AuthorizeSecurityGroupIngress" | "RevokeSecurityGroupIngress" | "DeleteSecurityGroup"
        );
        // Held while the change and its news go out, so that the last news is the last state.
        let _telling = if changes_rules {
            Some(self.telling.lock().await)
        } else {
            None
        };
        let answer = self.act(action, &form).unwrap_or_else(MockResponse::from);
        if changes_rules && answer.status == 200 {
            self.tell_data_plane().await;
        }
        answer
    }

    fn act(&self, action: &str, form: &Form) -> Result<MockResponse, Refusal> {
        let owner = self.world.account.as_str();
        let mut state = self.lock();
        match action {
            "DescribeVpcs" => state.describe_vpcs(form, owner),
            "DescribeSubnets" => state.describe_subnets(form, owner),
            "DescribeSecurityGroups" => state.describe_groups(form, owner),
            "DescribeSecurityGroupRules" => state.describe_rules(form, owner),
            "DescribeInstances" => state.describe_instances(form, owner),
            "DescribeTags" => state.describe_tags(form),
            "DescribeAvailabilityZones" => Ok(state.describe_zones(self.world.region.as_str())),
            "DescribeAccountAttributes" => Ok(state.describe_account_attributes(form)),
            "CreateSecurityGroup" => create_group(&mut state, form),
            "DeleteSecurityGroup" => delete_group(&mut state, form),
            "AuthorizeSecurityGroupIngress" => authorize(&mut state, form, owner, false),
            "AuthorizeSecurityGroupEgress" => authorize(&mut state, form, owner, true),
            "RevokeSecurityGroupIngress" => revoke(&mut state, form, false),
            "RevokeSecurityGroupEgress" => revoke(&mut state, form, true),
            "CreateTags" => create_tags(&mut state, form),
            "DeleteTags" => Ok(delete_tags(&mut state, form)),
            "" => Err(Refusal::missing("Action")),
            other => Err(Refusal::new(
                "UnsupportedOperation",
                format!("The rehearsal does not know the operation {other} of EC2."),
            )),
        }
    }

    /// Gives all ingress rules to the data plane. The caller holds `telling`.
    async fn tell_data_plane(&self) {
        let rules = self.lock().ingress();
        let hold = self.world.hold_for_real_work();
        if let Err(error) = self.world.data_plane.set_ingress(&rules).await {
            let message = self.world.clean(&error.to_string());
            self.world.reporter.report(&Event::Warning { message });
        }
        drop(hold);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn create_group(state: &mut State, form: &Form) -> Result<MockResponse, Refusal> {
    let name = required(form, "GroupName")?;
    let description = required(form, "GroupDescription")?;
    let id = state.create_group(name, description, optional(form, "VpcId"))?;
    set_tags(
        state,
        &id,
        request::tag_specification(form, "security-group"),
    )?;
    Ok(wire::serialize_create_security_group_response(
        &model::CreateSecurityGroupResult {
            group_id: Some(id),
            ..model::CreateSecurityGroupResult::default()
        },
    ))
}

/// The group that a request means, by id or by name in the default network.
fn group_id(state: &State, form: &Form) -> Result<String, Refusal> {
    if let Some(id) = optional(form, "GroupId") {
        return Ok(state.group(id)?.id.clone());
    }
    let name = required(form, "GroupName").map_err(|_| Refusal::missing("groupName or groupId"))?;
    let group = state
        .group_named(name)
        .ok_or_else(|| Refusal::group_not_found(name))?;
    Ok(group.id.clone())
}

fn delete_group(state: &mut State, form: &Form) -> Result<MockResponse, Refusal> {
    let id = group_id(state, form)?;
    state.delete_group(&id)?;
    Ok(wire::serialize_delete_security_group_response(
        &model::DeleteSecurityGroupResult {
            group_id: Some(id),
            r#return: Some(true),
        },
    ))
}

fn read_rules(state: &State, form: &Form, egress: bool) -> Result<Vec<Rule>, Refusal> {
    request::rules(form, egress, |name| {
        Some(state.group_named(name)?.id.clone())
    })
}

fn authorize(
    state: &mut State,
    form: &Form,
    owner: &str,
    egress: bool,
) -> Result<MockResponse, Refusal> {
    let id = group_id(state, form)?;
    let rules = read_rules(state, form, egress)?;
    if rules.is_empty() {
        return Err(Refusal::missing("ipPermissions"));
    }
    let made = state.authorize(&id, rules)?;
    let tags = request::tag_specification(form, "security-group-rule");
    for rule in &made {
        set_tags(state, &rule.id, tags.clone())?;
    }
    let items = made
        .iter()
        .map(|rule| state.show_rule(&id, rule, owner))
        .collect();
    let rules = Some(model::SecurityGroupRuleList { items });
    Ok(if egress {
        wire::serialize_authorize_security_group_egress_response(
            &model::AuthorizeSecurityGroupEgressResult {
                r#return: Some(true),
                security_group_rules: rules,
            },
        )
    } else {
        wire::serialize_authorize_security_group_ingress_response(
            &model::AuthorizeSecurityGroupIngressResult {
                r#return: Some(true),
                security_group_rules: rules,
            },
        )
    })
}

fn revoke(state: &mut State, form: &Form, egress: bool) -> Result<MockResponse, Refusal> {
    let id = group_id(state, form)?;
    let rule_ids = form::list(form, "SecurityGroupRuleId");
    let rules = read_rules(state, form, egress)?;
    if rules.is_empty() && rule_ids.is_empty() {
        return Err(Refusal::missing("ipPermissions"));
    }
    let gone = state.revoke(&id, egress, &rule_ids, &rules)?;
    let items = gone.iter().map(|rule| show::revoked(&id, rule)).collect();
    let revoked = Some(model::RevokedSecurityGroupRuleList { items });
    Ok(if egress {
        wire::serialize_revoke_security_group_egress_response(
            &model::RevokeSecurityGroupEgressResult {
                r#return: Some(true),
                revoked_security_group_rules: revoked,
                unknown_ip_permissions: None,
            },
        )
    } else {
        wire::serialize_revoke_security_group_ingress_response(
            &model::RevokeSecurityGroupIngressResult {
                r#return: Some(true),
                revoked_security_group_rules: revoked,
                unknown_ip_permissions: None,
            },
        )
    })
}

fn create_tags(state: &mut State, form: &Form) -> Result<MockResponse, Refusal> {
    let tags = request::tags(form, "Tag");
    for id in form::list(form, "ResourceId") {
        set_tags(state, &id, tags.clone())?;
    }
    Ok(wire::serialize_create_tags_response())
}

/// With a value, a tag goes only if it has that value; without any tag named, all of them go.
fn delete_tags(state: &mut State, form: &Form) -> MockResponse {
    let keys: Vec<(String, Option<String>)> = (1..)
        .map_while(|index| {
            let key = form.get(&format!("Tag.{index}.Key"))?.clone();
            Some((key, form.get(&format!("Tag.{index}.Value")).cloned()))
        })
        .collect();
    for id in form::list(form, "ResourceId") {
        let Some(tags) = state.tags.get_mut(&id) else {
            continue;
        };
        if keys.is_empty() {
            tags.clear();
        }
        for (key, value) in &keys {
            if value.is_none() || tags.get(key) == value.as_ref() {
                tags.remove(key);
            }
        }
    }
    wire::serialize_delete_tags_response()
}

fn set_tags(state: &mut State, id: &str, tags: Vec<(String, String)>) -> Result<(), Refusal> {
    for (key, _) in &tags {
        // The prefix is AWS's own; only AWS's services set such tags, and they do not come here.
        if key.is_empty() || key.to_lowercase().starts_with("aws:") {
            let message =
                format!("Tag keys starting with 'aws:' are reserved for internal use: {key}");
            return Err(Refusal::new("InvalidParameterValue", message));
        }
    }
    if !tags.is_empty() {
        state.tags.entry(id.to_owned()).or_default().extend(tags);
    }
    Ok(())
}

impl MockService for Network {
    fn service_name(&self) -> &str {
        "ec2"
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

#[async_trait]
impl world::Network for Network {
    async fn vpc(&self, id: Option<&str>) -> Option<world::Vpc> {
        let vpc = self.default_vpc();
        id.is_none_or(|id| id == vpc.id).then_some(vpc)
    }

    async fn create_security_group(&self, group: &NewSecurityGroup) -> Option<String> {
        let _telling = self.telling.lock().await;
        let id = {
            let mut state = self.lock();
            if state.vpc != group.vpc {
                return None;
            }
            if let Some(existing) = state.group_named(&group.name) {
                return Some(existing.id.clone());
            }
            let id = state
                .create_group(&group.name, &group.description, Some(&group.vpc))
                .ok()?;
            let rules = group
                .ingress
                .iter()
                .map(|(port, source)| tcp_rule(*port, source))
                .collect();
            if let Err(refusal) = state.authorize(&id, rules) {
                tracing::warn!(
                    group = group.name,
                    message = refusal.message,
                    "rules were left out"
                );
            }
            // AWS's own services may use its reserved tags.
            state
                .tags
                .entry(id.clone())
                .or_default()
                .extend(group.tags.iter().cloned());
            id
        };
        self.tell_data_plane().await;
        Some(id)
    }

    async fn delete_security_group(&self, id: &str) {
        let _telling = self.telling.lock().await;
        self.lock().remove_group(id);
        self.tell_data_plane().await;
    }

    async fn run_instance(&self, instance: &RunningInstance) {
        let launched = self.world.clock.now();
        let mut state = self.lock();
        let address = state.next_address(&instance.subnet);
        let id = instance.id.as_str().to_owned();
        state
            .tags
            .entry(id.clone())
            .or_default()
            .extend(instance.tags.iter().cloned());
        let shown = Instance {
            id: id.clone(),
            instance_type: instance.instance_type.clone(),
            subnet: instance.subnet.clone(),
            security_groups: instance.security_groups.clone(),
            address,
            launched,
            running: true,
        };
        state.instances.insert(id, shown);
    }

    async fn terminate_instance(&self, id: &InstanceId) {
        if let Some(instance) = self.lock().instances.get_mut(id.as_str()) {
            instance.running = false;
        }
    }
}

fn tcp_rule(port: u16, source: &IngressSource) -> Rule {
    Rule {
        id: String::new(),
        egress: false,
        protocol: "tcp".to_owned(),
        from_port: Some(i32::from(port)),
        to_port: Some(i32::from(port)),
        source: match source {
            IngressSource::Group(id) => Source::Group(id.clone()),
            IngressSource::Cidr(block) => Source::Ipv4(block.clone()),
        },
        description: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::tests_support::{query, text, world_with_faults};
    use crate::world::Network as _;

    #[tokio::test]
    async fn describes_what_was_made_by_name_and_tag() {
        let network = Network::new(&world_with_faults(""));
        let made = query(
            &network,
            &[
                ("Action", "CreateSecurityGroup"),
                ("GroupName", "shop-db"),
                ("GroupDescription", "The database"),
                ("TagSpecification.1.ResourceType", "security-group"),
                ("TagSpecification.1.Tag.1.Key", "beanpole"),
                ("TagSpecification.1.Tag.1.Value", "shop"),
            ],
        )
        .await;
        assert_eq!(made.status, 200, "{}", text(&made));
        let found = |name: &'static str, value: &'static str| {
            let network = &network;
            async move {
                let fields = [
                    ("Action", "DescribeSecurityGroups"),
                    ("Filter.1.Name", name),
                    ("Filter.1.Value.1", value),
                ];
                text(&query(network, &fields).await)
                    .matches("<groupName>")
                    .count()
            }
        };
        assert_eq!(found("group-name", "shop-db").await, 1);
        assert_eq!(found("tag:beanpole", "shop").await, 1);
        assert_eq!(found("tag:beanpole", "other").await, 0);
        assert_eq!(found("group-name", "*").await, 2);
        let wrong = query(
            &network,
            &[
                ("Action", "DescribeSecurityGroups"),
                ("Filter.1.Name", "colour"),
                ("Filter.1.Value.1", "red"),
            ],
        )
        .await;
        assert!(
            text(&wrong).contains("The filter &apos;colour&apos; is invalid"),
            "{}",
            text(&wrong)
        );
    }

    #[tokio::test]
    async fn pages_are_followed_by_their_token() {
        let network = Network::new(&world_with_faults(""));
        for name in ["a", "b"] {
            let fields = [
                ("Action", "CreateSecurityGroup"),
                ("GroupName", name),
                ("GroupDescription", "x"),
            ];
            query(&network, &fields).await;
        }
        let first = text(
            &query(
                &network,
                &[("Action", "DescribeSecurityGroups"), ("MaxResults", "2")],
            )
            .await,
        );
        assert!(first.contains("<nextToken>2</nextToken>"), "{first}");
        let fields = [
            ("Action", "DescribeSecurityGroups"),
            ("MaxResults", "2"),
            ("NextToken", "2"),
        ];
        let second = text(&query(&network, &fields).await);
        assert_eq!(second.matches("<groupName>").count(), 1);
        assert!(!second.contains("nextToken"));
    }

    #[tokio::test]
    async fn instances_of_other_services_are_shown_until_terminated() {
        let network = Network::new(&world_with_faults(""));
        let subnet = network.default_vpc().subnets[0].id.clone();
        let id = InstanceId::new("i-0123456789abcdef0");
        network
            .run_instance(&RunningInstance {
                id: id.clone(),
                instance_type: "t3.small".to_owned(),
                subnet,
                security_groups: vec![network.default_group()],
                tags: vec![(
                    "elasticbeanstalk:environment-name".to_owned(),
                    "shop".to_owned(),
                )],
            })
            .await;
        let describe = [
            ("Action", "DescribeInstances"),
            ("Filter.1.Name", "tag:elasticbeanstalk:environment-name"),
            ("Filter.1.Value.1", "shop"),
            ("Filter.2.Name", "instance-state-name"),
            ("Filter.2.Value.1", "running"),
        ];
        let shown = text(&query(&network, &describe).await);
        assert!(
            shown.contains("<privateIpAddress>172.31.0.4</privateIpAddress>"),
            "{shown}"
        );
        network.terminate_instance(&id).await;
        assert!(!text(&query(&network, &describe).await).contains("i-0123"));
    }
}
