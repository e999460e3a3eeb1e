//! EC2's questions: describe with ids and filters. Pure.

use winterbaume_core::MockResponse;
use winterbaume_ec2_generated::{model, wire};

use super::refusal::Refusal;
use super::request::{Form, filter_matches, filters, optional};
use super::state::{Group, Instance, Rule, Source, State, Subnet};
use crate::server::form;

/// The values that a resource has for a filter; `None` if there is no such filter.
type Values = Option<Vec<String>>;

impl State {
    pub(super) fn describe_vpcs(&self, form: &Form, owner: &str) -> Result<MockResponse, Refusal> {
        let ids = form::list(form, "VpcId");
        for id in &ids {
            self.check_vpc(Some(id))?;
        }
        let shown = self.passes(form, &self.vpc, |name| match name {
            "vpc-id" => one(&self.vpc),
            "is-default" | "isDefault" => one("true"),
            "state" => one("available"),
            "cidr" | "cidr-block" | "cidrBlock" => one(super::state::VPC_BLOCK),
            "owner-id" => one(owner),
            _ => None,
        })?;
        let items = if shown {
            vec![self.show_vpc(owner)]
        } else {
            Vec::new()
        };
        Ok(wire::serialize_describe_vpcs_response(
            &model::DescribeVpcsResult {
                vpcs: Some(model::VpcList { items }),
                next_token: None,
            },
        ))
    }

    pub(super) fn describe_subnets(
        &self,
        form: &Form,
        owner: &str,
    ) -> Result<MockResponse, Refusal> {
        let ids = form::list(form, "SubnetId");
        for id in &ids {
            if !self.subnets.iter().any(|subnet| subnet.id == *id) {
                let message = format!("The subnet ID '{id}' does not exist");
                return Err(Refusal::new("InvalidSubnetID.NotFound", message));
            }
        }
        let mut items = Vec::new();
        for subnet in self
            .subnets
            .iter()
            .filter(|subnet| ids.is_empty() || ids.contains(&subnet.id))
        {
            if self.passes(form, &subnet.id, |name| self.subnet_values(subnet, name))? {
                items.push(self.show_subnet(subnet, owner));
            }
        }
        Ok(wire::serialize_describe_subnets_response(
            &model::DescribeSubnetsResult {
                subnets: Some(model::SubnetList { items }),
                next_token: None,
            },
        ))
    }

    fn subnet_values(&self, subnet: &Subnet, name: &str) -> Values {
        match name {
            "subnet-id" => one(&subnet.id),
            "vpc-id" => one(&self.vpc),
            "availability-zone" | "availabilityZone" => one(&subnet.zone),
            "default-for-az" | "defaultForAz" | "map-public-ip-on-launch" => one("true"),
            "state" => one("available"),
            "cidr" | "cidr-block" | "cidrBlock" => one(subnet.block),
            _ => None,
        }
    }

    pub(super) fn describe_groups(
        &self,
        form: &Form,
        owner: &str,
    ) -> Result<MockResponse, Refusal> {
        let ids = form::list(form, "GroupId");
        for id in &ids {
            if !id.starts_with("sg-") {
                let message = format!("Invalid id: \"{id}\" (expecting \"sg-...\")");
                return Err(Refusal::new("InvalidGroupId.Malformed", message));
            }
            self.group(id)?;
        }
        let names = form::list(form, "GroupName");
        for name in &names {
            if self.group_named(name).is_none() {
                return Err(Refusal::group_not_found(name));
            }
        }
        let mut items = Vec::new();
        for group in self.groups.values() {
            let named = (ids.is_empty() && names.is_empty())
                || ids.contains(&group.id)
                || names.contains(&group.name);
            if named
                && self.passes(form, &group.id, |name| {
                    self.group_values(group, owner, name)
                })?
            {
                items.push(self.show_group(group, owner));
            }
        }
        let (items, next_token) = page(items, form)?;
        Ok(wire::serialize_describe_security_groups_response(
            &model::DescribeSecurityGroupsResult {
                security_groups: Some(model::SecurityGroupList { items }),
                next_token,
            },
        ))
    }

    fn group_values(&self, group: &Group, owner: &str, name: &str) -> Values {
        let incoming = || group.rules.iter().filter(|rule| !rule.egress);
        let ports = |port: fn(&Rule) -> Option<i32>| {
            Some(
                incoming()
                    .filter_map(port)
                    .map(|port| port.to_string())
                    .collect(),
            )
        };
        match name {
            "group-id" => one(&group.id),
            "group-name" => one(&group.name),
            "description" => one(&group.description),
            "owner-id" => one(owner),
            "vpc-id" => one(&self.vpc),
            "ip-permission.from-port" => ports(|rule| rule.from_port),
            "ip-permission.to-port" => ports(|rule| rule.to_port),
            "ip-permission.protocol" => {
                Some(incoming().map(|rule| rule.protocol.clone()).collect())
            }
            "ip-permission.group-id" => Some(
                incoming()
                    .filter_map(|rule| match &rule.source {
                        Source::Group(id) => Some(id.clone()),
                        _ => None,
                    })
                    .collect(),
            ),
            "ip-permission.cidr" => Some(
                incoming()
                    .filter_map(|rule| match &rule.source {
                        Source::Ipv4(block) => Some(block.clone()),
                        _ => None,
                    })
                    .collect(),
            ),
            _ => None,
        }
    }

    pub(super) fn describe_rules(&self, form: &Form, owner: &str) -> Result<MockResponse, Refusal> {
        let ids = form::list(form, "SecurityGroupRuleId");
        let known = |id: &String| {
            self.groups
                .values()
                .flat_map(|group| &group.rules)
                .any(|rule| rule.id == *id)
        };
        if let Some(id) = ids.iter().find(|id| !known(id)) {
            let message = format!("The security group rule ID '{id}' does not exist");
            return Err(Refusal::new("InvalidSecurityGroupRuleId.NotFound", message));
        }
        let mut items = Vec::new();
        for group in self.groups.values() {
            for rule in &group.rules {
                let passes = self.passes(form, &rule.id, |name| match name {
                    "group-id" => one(&group.id),
                    "security-group-rule-id" => one(&rule.id),
                    _ => None,
                })?;
                if passes && (ids.is_empty() || ids.contains(&rule.id)) {
                    items.push(self.show_rule(&group.id, rule, owner));
                }
            }
        }
        let (items, next_token) = page(items, form)?;
        Ok(wire::serialize_describe_security_group_rules_response(
            &model::DescribeSecurityGroupRulesResult {
                security_group_rules: Some(model::SecurityGroupRuleList { items }),
                next_token,
            },
        ))
    }

    pub(super) fn describe_instances(
        &self,
        form: &Form,
        owner: &str,
    ) -> Result<MockResponse, Refusal> {
        let ids = form::list(form, "InstanceId");
        if let Some(id) = ids.iter().find(|id| !self.instances.contains_key(*id)) {
            let message = format!("The instance ID '{id}' does not exist");
            return Err(Refusal::new("InvalidInstanceID.NotFound", message));
        }
        let mut items = Vec::new();
        for instance in self.instances.values() {
            let named = ids.is_empty() || ids.contains(&instance.id);
            if named
                && self.passes(form, &instance.id, |name| {
                    self.instance_values(instance, name)
                })?
            {
                let instances = model::InstanceList {
                    items: vec![self.show_instance(instance)],
                };
                items.push(model::Reservation {
                    instances: Some(instances),
                    owner_id: Some(owner.to_owned()),
                    reservation_id: Some(instance.id.replacen("i-", "r-", 1)),
                    ..model::Reservation::default()
                });
            }
        }
        let (items, next_token) = page(items, form)?;
        Ok(wire::serialize_describe_instances_response(
            &model::DescribeInstancesResult {
                reservations: Some(model::ReservationList { items }),
                next_token,
            },
        ))
    }

    fn instance_values(&self, instance: &Instance, name: &str) -> Values {
        match name {
            "instance-id" => one(&instance.id),
            "instance-state-name" => one(if instance.running {
                "running"
            } else {
                "terminated"
            }),
            "instance-type" => one(&instance.instance_type),
            "subnet-id" | "network-interface.subnet-id" => one(&instance.subnet),
            "vpc-id" => one(&self.vpc),
            "instance.group-id" | "network-interface.group-id" => {
                Some(instance.security_groups.clone())
            }
            "instance.group-name" | "network-interface.group-name" => Some(
                instance
                    .security_groups
                    .iter()
                    .filter_map(|id| Some(self.groups.get(id)?.name.clone()))
                    .collect(),
            ),
            _ => None,
        }
    }

    pub(super) fn describe_tags(&self, form: &Form) -> Result<MockResponse, Refusal> {
        let mut items = Vec::new();
        for (id, tags) in &self.tags {
            for (key, value) in tags {
                let resource_type = resource_type(id);
                let passes = self.passes(form, "", |name| match name {
                    "resource-id" => one(id),
                    "resource-type" => one(resource_type),
                    "key" => one(key),
                    "value" => one(value),
                    _ => None,
                })?;
                if passes {
                    items.push(model::TagDescription {
                        key: Some(key.clone()),
                        value: Some(value.clone()),
                        resource_id: Some(id.clone()),
                        resource_type: Some(resource_type.to_owned()),
                    });
                }
            }
        }
        Ok(wire::serialize_describe_tags_response(
            &model::DescribeTagsResult {
                tags: Some(model::TagDescriptionList { items }),
                next_token: None,
            },
        ))
    }

    pub(super) fn describe_zones(&self, region: &str) -> MockResponse {
        let items = self
            .subnets
            .iter()
            .map(|subnet| model::AvailabilityZone {
                zone_name: Some(subnet.zone.clone()),
                region_name: Some(region.to_owned()),
                group_name: Some(region.to_owned()),
                state: Some("available".to_owned()),
                opt_in_status: Some("opt-in-not-required".to_owned()),
                zone_type: Some("availability-zone".to_owned()),
                ..model::AvailabilityZone::default()
            })
            .collect();
        wire::serialize_describe_availability_zones_response(
            &model::DescribeAvailabilityZonesResult {
                availability_zones: Some(model::AvailabilityZoneList { items }),
            },
        )
    }

    pub(super) fn describe_account_attributes(&self, form: &Form) -> MockResponse {
        let wanted = form::list(form, "AttributeName");
        let items = [
            ("supported-platforms", "VPC"),
            ("default-vpc", self.vpc.as_str()),
        ]
        .into_iter()
        .filter(|(name, _)| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name))
        .map(|(name, value)| model::AccountAttribute {
            attribute_name: Some(name.to_owned()),
            attribute_values: Some(model::AccountAttributeValueList {
                items: vec![model::AccountAttributeValue {
                    attribute_value: Some(value.to_owned()),
                }],
            }),
        })
        .collect();
        wire::serialize_describe_account_attributes_response(
            &model::DescribeAccountAttributesResult {
                account_attributes: Some(model::AccountAttributeList { items }),
            },
        )
    }

    /// True if a resource passes all filters of the request. Filters on tags work for every resource.
    fn passes(
        &self,
        form: &Form,
        id: &str,
        values: impl Fn(&str) -> Values,
    ) -> Result<bool, Refusal> {
        for (name, wanted) in filters(form) {
            let has = self
                .tag_values(id, &name)
                .or_else(|| values(&name))
                .ok_or_else(|| {
                    Refusal::new(
                        "InvalidParameterValue",
                        format!("The filter '{name}' is invalid"),
                    )
                })?;
            let hit = has
                .iter()
                .any(|value| wanted.iter().any(|pattern| filter_matches(pattern, value)));
            if !hit {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn tag_values(&self, id: &str, filter: &str) -> Values {
        let tags = self.tags.get(id);
        if let Some(key) = filter.strip_prefix("tag:") {
            return Some(
                tags.and_then(|tags| tags.get(key))
                    .cloned()
                    .into_iter()
                    .collect(),
            );
        }
        (filter == "tag-key").then(|| {
            tags.map(|tags| tags.keys().cloned().collect())
                .unwrap_or_default()
        })
    }
}

fn one(value: &str) -> Values {
    Some(vec![value.to_owned()])
}

/// The page that `MaxResults` and `NextToken` ask for. A token is the number of the next item.
fn page<T>(items: Vec<T>, form: &Form) -> Result<(Vec<T>, Option<String>), Refusal> {
    let invalid = |name: &str| {
        Refusal::new(
            "InvalidParameterValue",
            format!("The value for {name} is invalid"),
        )
    };
    let start: usize = match optional(form, "NextToken") {
        Some(token) => token.parse().map_err(|_| invalid("NextToken"))?,
        None => 0,
    };
    let Some(most) = optional(form, "MaxResults") else {
        return Ok((items.into_iter().skip(start).collect(), None));
    };
    let most: usize = most.parse().map_err(|_| invalid("MaxResults"))?;
    let end = start.saturating_add(most);
    let next = (end < items.len()).then(|| end.to_string());
    Ok((items.into_iter().skip(start).take(most).collect(), next))
}

fn resource_type(id: &str) -> &'static str {
    match id.split('-').next() {
        Some("sg") => "security-group",
        Some("sgr") => "security-group-rule",
        Some("vpc") => "vpc",
        Some("subnet") => "subnet",
        Some("i") => "instance",
        _ => "other",
    }
}
