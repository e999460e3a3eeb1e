//! EC2: networks, subnets, security groups and their rules.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use aws_sdk_ec2::types::{
    Filter, IpPermission, IpRange, Ipv6Range, PrefixListId, ResourceType, Tag, TagSpecification,
    UserIdGroupPair,
};
use serde::Serialize;

use crate::connection::{Connection, client};
use crate::error::Service;
use crate::{Error, Kind};

const SERVICE: Service = Service("ec2");

/// The EC2 client. Cheap to clone.
#[derive(Clone, Debug)]
pub struct NetworkClient {
    client: aws_sdk_ec2::Client,
}

/// A virtual network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Vpc {
    /// Its id.
    pub id: String,
    /// Its addresses: `172.31.0.0/16`.
    pub cidr: Option<String>,
    /// True if it is the region's default.
    pub default: bool,
}

/// A subnet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Subnet {
    /// Its id.
    pub id: String,
    /// Its VPC's id.
    pub vpc: String,
    /// Its zone: `eu-central-1a`.
    pub availability_zone: String,
    /// Its addresses.
    pub cidr: Option<String>,
    /// True if it is the default of its zone.
    pub default: bool,
    /// True if what is launched in it gets a public address.
    pub public: bool,
    /// Free addresses.
    pub free_addresses: u32,
}

/// A security group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SecurityGroup {
    /// Its id.
    pub id: String,
    /// Its name, unique within the VPC.
    pub name: String,
    /// Its description. Cannot be changed.
    pub description: String,
    /// Its VPC's id.
    pub vpc: Option<String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Who may connect.
    pub ingress: BTreeSet<Rule>,
}

/// Where connections may come from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// From members of a security group, by its id.
    Group(String),
    /// From a range of addresses, IPv4 or IPv6.
    Cidr(String),
    /// From the addresses of a prefix list, by its id.
    PrefixList(String),
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group(text) | Self::Cidr(text) | Self::PrefixList(text) => {
                formatter.write_str(text)
            }
        }
    }
}

/// A rule that lets connections in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Rule {
    /// `tcp`, `udp`, `icmp`, or `-1` for all.
    pub protocol: String,
    /// The first port and the last; `None` for all ports.
    pub ports: Option<(u16, u16)>,
    /// From where.
    pub source: Source,
    /// What for. AWS takes letters, digits, spaces and `._-:/()#,@[]+=&;{}!$*`.
    pub description: Option<String>,
}

impl Rule {
    /// A rule for one TCP port.
    #[must_use]
    pub fn tcp(port: u16, source: Source, description: impl Into<String>) -> Self {
        Self {
            protocol: "tcp".to_owned(),
            ports: Some((port, port)),
            source,
            description: Some(description.into()),
        }
    }

    /// True if both let in the same connections; descriptions do not count, as AWS has it.
    #[must_use]
    pub fn admits_same(&self, other: &Self) -> bool {
        self.protocol == other.protocol && self.ports == other.ports && self.source == other.source
    }
}

impl NetworkClient {
    pub(crate) fn new(connection: &Connection) -> Self {
        Self {
            client: client!(aws_sdk_ec2, connection),
        }
    }

    /// The region's default network, if it has one.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn default_vpc(&self) -> Result<Option<Vpc>, Error> {
        let answer = self
            .client
            .describe_vpcs()
            .filters(filter("is-default", "true"))
            .send()
            .await
            .map_err(SERVICE.failed("DescribeVpcs", "the default network"))?;
        let found = answer
            .vpcs
            .unwrap_or_default()
            .into_iter()
            .map(vpc_from_sdk);
        Ok(found.into_iter().find(|vpc| vpc.default))
    }

    /// The network of this id, if it exists.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn vpc(&self, id: &str) -> Result<Option<Vpc>, Error> {
        let result = self
            .client
            .describe_vpcs()
            .vpc_ids(id)
            .send()
            .await
            .map_err(SERVICE.failed("DescribeVpcs", format!("network `{id}`")));
        match result {
            Err(error) if error.is_not_found() => Ok(None),
            other => Ok(other?
                .vpcs
                .unwrap_or_default()
                .into_iter()
                .next()
                .map(vpc_from_sdk)),
        }
    }

    /// The subnets of a network, in the order of zone and id.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn subnets(&self, vpc: &str) -> Result<Vec<Subnet>, Error> {
        let mut pages = self
            .client
            .describe_subnets()
            .filters(filter("vpc-id", vpc))
            .into_paginator()
            .send();
        let mut subnets = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(
                SERVICE.failed("DescribeSubnets", format!("subnets of network `{vpc}`")),
            )?;
            subnets.extend(
                page.subnets
                    .unwrap_or_default()
                    .into_iter()
                    .map(subnet_from_sdk),
            );
        }
        subnets.sort_by(|left, right| {
            (&left.availability_zone, &left.id).cmp(&(&right.availability_zone, &right.id))
        });
        Ok(subnets)
    }

    /// The security group of this name in a network, if it exists.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn security_group(
        &self,
        vpc: &str,
        name: &str,
    ) -> Result<Option<SecurityGroup>, Error> {
        let filters = vec![filter("vpc-id", vpc), filter("group-name", name)];
        let found = self.security_groups(filters, group_object(name)).await?;
        Ok(found.into_iter().find(|group| group.name == name))
    }

    /// The security group of this id, if it exists.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn security_group_by_id(&self, id: &str) -> Result<Option<SecurityGroup>, Error> {
        let found = self
            .security_groups(vec![filter("group-id", id)], group_object(id))
            .await?;
        Ok(found.into_iter().find(|group| group.id == id))
    }

    /// The security group that Beanstalk made for the instances of an environment. Its name is
    /// `awseb-<environment id>-stack-AWSEBSecurityGroup-<suffix>`; the load balancer's own group is
    /// another one, `…-AWSEBLoadBalancerSecurityGroup-…`.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn environment_security_group(
        &self,
        environment_id: &str,
    ) -> Result<Option<SecurityGroup>, Error> {
        let wildcard = format!("awseb-{environment_id}-*");
        let object = format!("the security group of environment `{environment_id}`");
        let found = self
            .security_groups(vec![filter("group-name", &wildcard)], object)
            .await?;
        let start = format!("awseb-{environment_id}-");
        Ok(found.into_iter().find(|group| {
            group.name.starts_with(&start) && group.name.contains("-AWSEBSecurityGroup-")
        }))
    }

    /// The security groups with a rule that lets the members of `group` in.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn groups_admitting(&self, group: &str) -> Result<Vec<SecurityGroup>, Error> {
        let object = format!("security groups with rules about `{group}`");
        let found = self
            .security_groups(vec![filter("ip-permission.group-id", group)], object)
            .await?;
        // A filter of a list is a hint; the rules themselves decide.
        let names = |rule: &Rule| matches!(&rule.source, Source::Group(id) if id == group);
        Ok(found
            .into_iter()
            .filter(|found| found.ingress.iter().any(names))
            .collect())
    }

    async fn security_groups(
        &self,
        filters: Vec<Filter>,
        object: String,
    ) -> Result<Vec<SecurityGroup>, Error> {
        let mut pages = self
            .client
            .describe_security_groups()
            .set_filters(Some(filters))
            .into_paginator()
            .send();
        let mut groups = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(SERVICE.failed("DescribeSecurityGroups", &object))?;
            groups.extend(
                page.security_groups
                    .unwrap_or_default()
                    .into_iter()
                    .map(group_from_sdk),
            );
        }
        Ok(groups)
    }

    /// The rules of a security group that let connections in.
    ///
    /// # Errors
    /// [`Kind::NotFound`] when the group does not exist; otherwise see [`Error`].
    pub async fn rules(&self, group: &str) -> Result<BTreeSet<Rule>, Error> {
        let found = self.security_group_by_id(group).await?;
        found.map(|group| group.ingress).ok_or_else(|| {
            let operation = "DescribeSecurityGroups";
            Error::new(
                SERVICE.0,
                operation,
                group_object(group),
                Kind::NotFound,
                "",
            )
        })
    }

    /// Creates a security group without rules for incoming connections, and returns its id.
    ///
    /// # Errors
    /// [`Kind::AlreadyExists`] when the network has one of this name; otherwise see [`Error`].
    pub async fn create_security_group(
        &self,
        vpc: &str,
        name: &str,
        description: &str,
        tags: &BTreeMap<String, String>,
    ) -> Result<String, Error> {
        let operation = "CreateSecurityGroup";
        let specification = (!tags.is_empty()).then(|| {
            TagSpecification::builder()
                .resource_type(ResourceType::SecurityGroup)
                .set_tags(Some(to_tags(tags)))
                .build()
        });
        let answer = self
            .client
            .create_security_group()
            .vpc_id(vpc)
            .group_name(name)
            .description(description)
            .set_tag_specifications(specification.map(|specification| vec![specification]))
            .send()
            .await
            .map_err(SERVICE.failed(operation, group_object(name)))?;
        SERVICE.required(operation, group_object(name), "GroupId", answer.group_id)
    }

    /// Lets connections in. Returns false if the rule was there already.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn authorize_ingress(&self, group: &str, rule: &Rule) -> Result<bool, Error> {
        let result = self
            .client
            .authorize_security_group_ingress()
            .group_id(group)
            .ip_permissions(to_permission(rule))
            .send()
            .await
            .map_err(SERVICE.failed("AuthorizeSecurityGroupIngress", group_object(group)));
        match result {
            Err(error) if error.kind == Kind::AlreadyExists => Ok(false),
            other => other.map(|_| true),
        }
    }

    /// Stops letting connections in. Returns false if there was no such rule.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn revoke_ingress(&self, group: &str, rule: &Rule) -> Result<bool, Error> {
        let result = self
            .client
            .revoke_security_group_ingress()
            .group_id(group)
            .ip_permissions(to_permission(rule))
            .send()
            .await
            .map_err(SERVICE.failed("RevokeSecurityGroupIngress", group_object(group)));
        match result {
            Err(error) if error.is_not_found() => Ok(false),
            other => other.map(|_| true),
        }
    }

    /// Deletes a security group. Returns false if there was none.
    ///
    /// # Errors
    /// [`Kind::Busy`] while something uses it; otherwise see [`Error`].
    pub async fn delete_security_group(&self, group: &str) -> Result<bool, Error> {
        let result = self
            .client
            .delete_security_group()
            .group_id(group)
            .send()
            .await
            .map_err(SERVICE.failed("DeleteSecurityGroup", group_object(group)));
        match result {
            Err(error) if error.is_not_found() => Ok(false),
            other => other.map(|_| true),
        }
    }

    /// Sets tags of a resource, by its id. Other tags stay.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn tag(&self, id: &str, tags: &BTreeMap<String, String>) -> Result<(), Error> {
        if tags.is_empty() {
            return Ok(());
        }
        self.client
            .create_tags()
            .resources(id)
            .set_tags(Some(to_tags(tags)))
            .send()
            .await
            .map_err(SERVICE.failed("CreateTags", format!("tags of `{id}`")))?;
        Ok(())
    }
}

fn group_object(name: &str) -> String {
    format!("security group `{name}`")
}

fn filter(name: &str, value: &str) -> Filter {
    Filter::builder().name(name).values(value).build()
}

fn to_tags(tags: &BTreeMap<String, String>) -> Vec<Tag> {
    tags.iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect()
}

fn vpc_from_sdk(vpc: aws_sdk_ec2::types::Vpc) -> Vpc {
    Vpc {
        id: vpc.vpc_id.unwrap_or_default(),
        cidr: vpc.cidr_block,
        default: vpc.is_default.unwrap_or(false),
    }
}

fn subnet_from_sdk(subnet: aws_sdk_ec2::types::Subnet) -> Subnet {
    Subnet {
        id: subnet.subnet_id.unwrap_or_default(),
        vpc: subnet.vpc_id.unwrap_or_default(),
        availability_zone: subnet.availability_zone.unwrap_or_default(),
        cidr: subnet.cidr_block,
        default: subnet.default_for_az.unwrap_or(false),
        public: subnet.map_public_ip_on_launch.unwrap_or(false),
        free_addresses: subnet
            .available_ip_address_count
            .and_then(|count| u32::try_from(count).ok())
            .unwrap_or(0),
    }
}

fn group_from_sdk(group: aws_sdk_ec2::types::SecurityGroup) -> SecurityGroup {
    SecurityGroup {
        id: group.group_id.unwrap_or_default(),
        name: group.group_name.unwrap_or_default(),
        description: group.description.unwrap_or_default(),
        vpc: group.vpc_id,
        tags: group
            .tags
            .unwrap_or_default()
            .into_iter()
            .filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default())))
            .collect(),
        ingress: group
            .ip_permissions
            .unwrap_or_default()
            .iter()
            .flat_map(rules)
            .collect(),
    }
}

/// AWS groups rules by protocol and ports; here each source is a rule of its own.
fn rules(permission: &IpPermission) -> Vec<Rule> {
    let protocol = permission.ip_protocol.clone().unwrap_or_default();
    let port = |value: Option<i32>| value.and_then(|value| u16::try_from(value).ok());
    let ports = port(permission.from_port).zip(port(permission.to_port));
    let groups = permission.user_id_group_pairs().iter().filter_map(|pair| {
        Some((
            Source::Group(pair.group_id.clone()?),
            pair.description.clone(),
        ))
    });
    let ranges = permission.ip_ranges().iter().filter_map(|range| {
        Some((
            Source::Cidr(range.cidr_ip.clone()?),
            range.description.clone(),
        ))
    });
    let ranges6 = permission.ipv6_ranges().iter().filter_map(|range| {
        Some((
            Source::Cidr(range.cidr_ipv6.clone()?),
            range.description.clone(),
        ))
    });
    let lists = permission.prefix_list_ids().iter().filter_map(|list| {
        Some((
            Source::PrefixList(list.prefix_list_id.clone()?),
            list.description.clone(),
        ))
    });
    groups
        .chain(ranges)
        .chain(ranges6)
        .chain(lists)
        .map(|(source, description)| Rule {
            protocol: protocol.clone(),
            ports,
            source,
            description: description.filter(|text| !text.is_empty()),
        })
        .collect()
}

fn to_permission(rule: &Rule) -> IpPermission {
    let description = rule.description.clone();
    let builder = IpPermission::builder()
        .ip_protocol(&rule.protocol)
        .set_from_port(rule.ports.map(|(from, _)| i32::from(from)))
        .set_to_port(rule.ports.map(|(_, to)| i32::from(to)));
    match &rule.source {
        Source::Group(id) => builder.user_id_group_pairs(
            UserIdGroupPair::builder()
                .group_id(id)
                .set_description(description)
                .build(),
        ),
        Source::Cidr(cidr) if cidr.contains(':') => builder.ipv6_ranges(
            Ipv6Range::builder()
                .cidr_ipv6(cidr)
                .set_description(description)
                .build(),
        ),
        Source::Cidr(cidr) => builder.ip_ranges(
            IpRange::builder()
                .cidr_ip(cidr)
                .set_description(description)
                .build(),
        ),
        Source::PrefixList(id) => builder.prefix_list_ids(
            PrefixListId::builder()
                .prefix_list_id(id)
                .set_description(description)
                .build(),
        ),
    }
    .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_survive_the_way_to_aws_and_back() {
        let sources = [
            Source::Group("sg-1".to_owned()),
            Source::Cidr("10.0.0.0/8".to_owned()),
            Source::Cidr("2001:db8::/32".to_owned()),
            Source::PrefixList("pl-1".to_owned()),
        ];
        for source in sources {
            let rule = Rule::tcp(5432, source, "database");
            assert_eq!(rules(&to_permission(&rule)), [rule]);
        }
    }

    #[test]
    fn descriptions_do_not_tell_rules_apart() {
        let rule = Rule::tcp(5432, Source::Group("sg-1".to_owned()), "one");
        let other = Rule {
            description: None,
            ..rule.clone()
        };
        assert!(rule.admits_same(&other));
        assert!(!rule.admits_same(&Rule {
            ports: Some((6379, 6379)),
            ..other
        }));
    }
}
