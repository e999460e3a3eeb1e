//! EC2's state in the wire types of `winterbaume-ec2-generated`.

use winterbaume_ec2_generated::model;

use super::state::{Group, Instance, Rule, Source, State, Subnet, VPC_BLOCK};

impl State {
    fn tag_list(&self, id: &str) -> Option<model::TagList> {
        let tags = self.tags.get(id).filter(|tags| !tags.is_empty())?;
        let items = tags
            .iter()
            .map(|(key, value)| model::Tag {
                key: Some(key.clone()),
                value: Some(value.clone()),
            })
            .collect();
        Some(model::TagList { items })
    }

    pub(super) fn show_vpc(&self, owner: &str) -> model::Vpc {
        model::Vpc {
            vpc_id: Some(self.vpc.clone()),
            cidr_block: Some(VPC_BLOCK.to_owned()),
            dhcp_options_id: Some("dopt-rehearsal".to_owned()),
            instance_tenancy: Some("default".to_owned()),
            is_default: Some(true),
            owner_id: Some(owner.to_owned()),
            state: Some("available".to_owned()),
            tags: self.tag_list(&self.vpc),
            ..model::Vpc::default()
        }
    }

    pub(super) fn show_subnet(&self, subnet: &Subnet, owner: &str) -> model::Subnet {
        model::Subnet {
            subnet_id: Some(subnet.id.clone()),
            vpc_id: Some(self.vpc.clone()),
            availability_zone: Some(subnet.zone.clone()),
            cidr_block: Some(subnet.block.to_owned()),
            // A /20 has 4096 addresses, of which AWS keeps five.
            available_ip_address_count: Some(4091),
            default_for_az: Some(true),
            map_public_ip_on_launch: Some(true),
            owner_id: Some(owner.to_owned()),
            state: Some("available".to_owned()),
            tags: self.tag_list(&subnet.id),
            ..model::Subnet::default()
        }
    }

    pub(super) fn show_group(&self, group: &Group, owner: &str) -> model::SecurityGroup {
        let permissions = |egress| model::IpPermissionList {
            items: permissions(
                group.rules.iter().filter(|rule| rule.egress == egress),
                owner,
            ),
        };
        model::SecurityGroup {
            group_id: Some(group.id.clone()),
            group_name: Some(group.name.clone()),
            description: Some(group.description.clone()),
            owner_id: Some(owner.to_owned()),
            vpc_id: Some(self.vpc.clone()),
            ip_permissions: Some(permissions(false)),
            ip_permissions_egress: Some(permissions(true)),
            tags: self.tag_list(&group.id),
            ..model::SecurityGroup::default()
        }
    }

    pub(super) fn show_rule(
        &self,
        group: &str,
        rule: &Rule,
        owner: &str,
    ) -> model::SecurityGroupRule {
        let mut shown = model::SecurityGroupRule {
            security_group_rule_id: Some(rule.id.clone()),
            group_id: Some(group.to_owned()),
            group_owner_id: Some(owner.to_owned()),
            is_egress: Some(rule.egress),
            ip_protocol: Some(rule.protocol.clone()),
            from_port: Some(rule.from_port.unwrap_or(-1)),
            to_port: Some(rule.to_port.unwrap_or(-1)),
            description: rule.description.clone(),
            tags: self.tag_list(&rule.id),
            ..model::SecurityGroupRule::default()
        };
        match &rule.source {
            Source::Ipv4(block) => shown.cidr_ipv4 = Some(block.clone()),
            Source::Ipv6(block) => shown.cidr_ipv6 = Some(block.clone()),
            Source::PrefixList(id) => shown.prefix_list_id = Some(id.clone()),
            Source::Group(id) => {
                shown.referenced_group_info = Some(model::ReferencedSecurityGroup {
                    group_id: Some(id.clone()),
                    user_id: Some(owner.to_owned()),
                    ..model::ReferencedSecurityGroup::default()
                });
            }
        }
        shown
    }

    pub(super) fn show_instance(&self, instance: &Instance) -> model::Instance {
        let groups = model::GroupIdentifierList {
            items: instance
                .security_groups
                .iter()
                .map(|id| model::GroupIdentifier {
                    group_id: Some(id.clone()),
                    group_name: self.groups.get(id).map(|group| group.name.clone()),
                })
                .collect(),
        };
        let zone = self
            .subnets
            .iter()
            .find(|subnet| subnet.id == instance.subnet)
            .map(|subnet| subnet.zone.clone());
        let (code, name) = if instance.running {
            (16, "running")
        } else {
            (48, "terminated")
        };
        let mut shown = model::Instance {
            instance_id: Some(instance.id.clone()),
            instance_type: Some(instance.instance_type.clone()),
            image_id: Some("ami-rehearsal".to_owned()),
            architecture: Some("x86_64".to_owned()),
            launch_time: Some(
                instance
                    .launched
                    .strftime("%Y-%m-%dT%H:%M:%S.000Z")
                    .to_string(),
            ),
            placement: Some(model::Placement {
                availability_zone: zone,
                tenancy: Some("default".to_owned()),
                ..model::Placement::default()
            }),
            state: Some(model::InstanceState {
                code: Some(code),
                name: Some(name.to_owned()),
            }),
            tags: self.tag_list(&instance.id),
            ..model::Instance::default()
        };
        if instance.running {
            shown.private_ip_address = Some(instance.address.clone());
            shown.security_groups = Some(groups);
            shown.subnet_id = Some(instance.subnet.clone());
            shown.vpc_id = Some(self.vpc.clone());
        }
        shown
    }
}

/// Rules of one protocol and port range are one permission with several sources.
fn permissions<'a>(rules: impl Iterator<Item = &'a Rule>, owner: &str) -> Vec<model::IpPermission> {
    let mut permissions: Vec<model::IpPermission> = Vec::new();
    for rule in rules {
        let same = permissions.iter().position(|permission| {
            permission.ip_protocol.as_deref() == Some(rule.protocol.as_str())
                && permission.from_port == rule.from_port
                && permission.to_port == rule.to_port
        });
        let index = same.unwrap_or_else(|| {
            permissions.push(model::IpPermission {
                ip_protocol: Some(rule.protocol.clone()),
                from_port: rule.from_port,
                to_port: rule.to_port,
                user_id_group_pairs: Some(model::UserIdGroupPairList::default()),
                ip_ranges: Some(model::IpRangeList::default()),
                ipv6_ranges: Some(model::Ipv6RangeList::default()),
                prefix_list_ids: Some(model::PrefixListIdList::default()),
            });
            permissions.len() - 1
        });
        if let Some(permission) = permissions.get_mut(index) {
            add_source(permission, rule, owner);
        }
    }
    permissions
}

fn add_source(permission: &mut model::IpPermission, rule: &Rule, owner: &str) {
    let description = rule.description.clone();
    match &rule.source {
        Source::Group(id) => {
            permission
                .user_id_group_pairs
                .get_or_insert_default()
                .items
                .push(model::UserIdGroupPair {
                    group_id: Some(id.clone()),
                    user_id: Some(owner.to_owned()),
                    description,
                    ..model::UserIdGroupPair::default()
                });
        }
        Source::Ipv4(block) => {
            permission
                .ip_ranges
                .get_or_insert_default()
                .items
                .push(model::IpRange {
                    cidr_ip: Some(block.clone()),
                    description,
                });
        }
        Source::Ipv6(block) => {
            permission
                .ipv6_ranges
                .get_or_insert_default()
                .items
                .push(model::Ipv6Range {
                    cidr_ipv6: Some(block.clone()),
                    description,
                });
        }
        Source::PrefixList(id) => permission
            .prefix_list_ids
            .get_or_insert_default()
            .items
            .push(model::PrefixListId {
                prefix_list_id: Some(id.clone()),
                description,
            }),
    }
}

/// A rule that was taken away.
pub(super) fn revoked(group: &str, rule: &Rule) -> model::RevokedSecurityGroupRule {
    let mut shown = model::RevokedSecurityGroupRule {
        security_group_rule_id: Some(rule.id.clone()),
        group_id: Some(group.to_owned()),
        is_egress: Some(rule.egress),
        ip_protocol: Some(rule.protocol.clone()),
        from_port: Some(rule.from_port.unwrap_or(-1)),
        to_port: Some(rule.to_port.unwrap_or(-1)),
        description: rule.description.clone(),
        ..model::RevokedSecurityGroupRule::default()
    };
    match &rule.source {
        Source::Group(id) => shown.referenced_group_id = Some(id.clone()),
        Source::Ipv4(block) => shown.cidr_ipv4 = Some(block.clone()),
        Source::Ipv6(block) => shown.cidr_ipv6 = Some(block.clone()),
        Source::PrefixList(id) => shown.prefix_list_id = Some(id.clone()),
    }
    shown
}
