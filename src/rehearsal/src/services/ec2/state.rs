//! The network as it is: one default network with three subnets, security groups, instances, tags.
//!
//! Pure: no clock, no data plane, no wire. Refusals are EC2's.

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::refusal::Refusal;
use crate::data_plane::{IngressRule, IngressSource};

/// The letters of the zones that the default network has subnets in, with their /20 blocks.
const ZONES: [(char, &str); 3] = [
    ('a', "172.31.0.0/20"),
    ('b', "172.31.16.0/20"),
    ('c', "172.31.32.0/20"),
];
/// The address block of every default network.
pub(super) const VPC_BLOCK: &str = "172.31.0.0/16";

/// All that EC2 knows.
#[derive(Debug)]
pub(super) struct State {
    account: String,
    region: String,
    made: u64,
    pub(super) vpc: String,
    pub(super) subnets: Vec<Subnet>,
    pub(super) groups: BTreeMap<String, Group>,
    pub(super) instances: BTreeMap<String, Instance>,
    /// Tags of any resource, by its id.
    pub(super) tags: BTreeMap<String, BTreeMap<String, String>>,
    /// Who uses which groups besides instances: `rds:shop-db` and the like.
    pub(super) users: BTreeMap<String, Vec<String>>,
}

/// A subnet of the default network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Subnet {
    pub(super) id: String,
    pub(super) zone: String,
    pub(super) block: &'static str,
}

/// A security group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) rules: Vec<Rule>,
}

/// One rule: one protocol, port range and source. A request may name several at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    /// `sgr-…`; empty in requests.
    pub(super) id: String,
    pub(super) egress: bool,
    /// `tcp`, `udp`, `icmp`, or `-1` for all.
    pub(super) protocol: String,
    /// `None` for all protocols.
    pub(super) from_port: Option<i32>,
    pub(super) to_port: Option<i32>,
    pub(super) source: Source,
    pub(super) description: Option<String>,
}

/// The other side of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Group(String),
    Ipv4(String),
    Ipv6(String),
    PrefixList(String),
}

/// An instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Instance {
    pub(super) id: String,
    pub(super) instance_type: String,
    pub(super) subnet: String,
    pub(super) security_groups: Vec<String>,
    pub(super) address: String,
    pub(super) launched: Timestamp,
    pub(super) running: bool,
}

impl Rule {
    /// True if both let the same through, whatever their ids and descriptions.
    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        (
            self.egress,
            &self.protocol,
            self.from_port,
            self.to_port,
            &self.source,
        ) == (
            other.egress,
            &other.protocol,
            other.from_port,
            other.to_port,
            &other.source,
        )
    }

    /// As EC2 names a rule in its errors.
    fn in_words(&self) -> String {
        let peer = match &self.source {
            Source::Group(id) | Source::Ipv4(id) | Source::Ipv6(id) | Source::PrefixList(id) => id,
        };
        if self.protocol == "-1" {
            return format!("\"peer: {peer}, ALL, ALLOW\"");
        }
        format!(
            "\"peer: {peer}, {}, from port: {}, to port: {}, ALLOW\"",
            self.protocol.to_uppercase(),
            self.from_port.unwrap_or(-1),
            self.to_port.unwrap_or(-1)
        )
    }
}

impl State {
    /// An account as AWS hands it over: the default network, its subnets, its default group.
    pub(super) fn new(account: &str, region: &str) -> Self {
        let mut state = Self {
            account: account.to_owned(),
            region: region.to_owned(),
            made: 0,
            vpc: String::new(),
            subnets: Vec::new(),
            groups: BTreeMap::new(),
            instances: BTreeMap::new(),
            tags: BTreeMap::new(),
            users: BTreeMap::new(),
        };
        state.vpc = state.next_id("vpc");
        for (letter, block) in ZONES {
            let id = state.next_id("subnet");
            state.subnets.push(Subnet {
                id,
                zone: format!("{region}{letter}"),
                block,
            });
        }
        let id = state.insert_group("default", "default VPC security group");
        let within = Source::Group(id.clone());
        let rule = state.new_rule(false, "-1", None, None, within);
        if let Some(group) = state.groups.get_mut(&id) {
            group.rules.push(rule);
        }
        state
    }

    /// An id of this kind: a prefix and 17 hexadecimal digits. The same account and region get the
    /// same ids in the same order, so that two rehearsals look alike.
    pub(super) fn next_id(&mut self, prefix: &str) -> String {
        self.made += 1;
        let seed = format!("{}/{}/{prefix}/{}", self.account, self.region, self.made);
        let digest = hex::encode(Sha256::digest(seed));
        format!("{prefix}-0{}", digest.get(..16).unwrap_or_default())
    }

    fn new_rule(
        &mut self,
        egress: bool,
        protocol: &str,
        from_port: Option<i32>,
        to_port: Option<i32>,
        source: Source,
    ) -> Rule {
        let id = self.next_id("sgr");
        let protocol = protocol.to_owned();
        Rule {
            id,
            egress,
            protocol,
            from_port,
            to_port,
            source,
            description: None,
        }
    }

    fn insert_group(&mut self, name: &str, description: &str) -> String {
        let id = self.next_id("sg");
        let anywhere = Source::Ipv4("0.0.0.0/0".to_owned());
        let rules = vec![self.new_rule(true, "-1", None, None, anywhere)];
        let group = Group {
            id: id.clone(),
            name: name.to_owned(),
            description: description.to_owned(),
            rules,
        };
        self.groups.insert(id.clone(), group);
        id
    }

    /// The group of this name.
    pub(super) fn group_named(&self, name: &str) -> Option<&Group> {
        self.groups.values().find(|group| group.name == name)
    }

    /// The group of this id.
    pub(super) fn group(&self, id: &str) -> Result<&Group, Refusal> {
        self.groups
            .get(id)
            .ok_or_else(|| Refusal::group_not_found(id))
    }

    /// Checks a network's id; none is the default network.
    pub(super) fn check_vpc(&self, id: Option<&str>) -> Result<(), Refusal> {
        match id {
            Some(id) if id != self.vpc => Err(Refusal::new(
                "InvalidVpcID.NotFound",
                format!("The vpc ID '{id}' does not exist"),
            )),
            _ => Ok(()),
        }
    }

    /// Makes a group.
    pub(super) fn create_group(
        &mut self,
        name: &str,
        description: &str,
        vpc: Option<&str>,
    ) -> Result<String, Refusal> {
        self.check_vpc(vpc)?;
        check_group_text("name", name)?;
        check_group_text("description", description)?;
        if name.starts_with("sg-") {
            return Err(Refusal::new(
                "InvalidParameterValue",
                "Invalid group name. Group names may not be in the format sg-*.",
            ));
        }
        if name == "default" {
            return Err(Refusal::new(
                "InvalidGroup.Reserved",
                "The security group 'default' is reserved",
            ));
        }
        if self.group_named(name).is_some() {
            return Err(Refusal::new(
                "InvalidGroup.Duplicate",
                format!(
                    "The security group '{name}' already exists for VPC '{}'",
                    self.vpc
                ),
            ));
        }
        Ok(self.insert_group(name, description))
    }

    /// Adds rules to a group: all of them or none.
    pub(super) fn authorize(&mut self, id: &str, rules: Vec<Rule>) -> Result<Vec<Rule>, Refusal> {
        let group = self.group(id)?;
        for (index, rule) in rules.iter().enumerate() {
            check_rule(rule)?;
            if let Source::Group(source) = &rule.source {
                self.group(source)?;
            }
            let earlier = rules.iter().take(index);
            if group
                .rules
                .iter()
                .chain(earlier)
                .any(|other| other.is_same_as(rule))
            {
                return Err(Refusal::new(
                    "InvalidPermission.Duplicate",
                    format!("the specified rule {} already exists", rule.in_words()),
                ));
            }
        }
        let made: Vec<Rule> = rules
            .into_iter()
            .map(|rule| Rule {
                id: self.next_id("sgr"),
                ..rule
            })
            .collect();
        if let Some(group) = self.groups.get_mut(id) {
            group.rules.extend(made.iter().cloned());
        }
        Ok(made)
    }

    /// Takes rules out of a group: all of them or none. They are named by id, or described.
    pub(super) fn revoke(
        &mut self,
        id: &str,
        egress: bool,
        rule_ids: &[String],
        rules: &[Rule],
    ) -> Result<Vec<Rule>, Refusal> {
        let group = self.group(id)?;
        let mut chosen = BTreeSet::new();
        for wanted in rule_ids {
            if !group
                .rules
                .iter()
                .any(|rule| rule.id == *wanted && rule.egress == egress)
            {
                return Err(Refusal::new(
                    "InvalidSecurityGroupRuleId.NotFound",
                    format!("The security group rule ID '{wanted}' does not exist"),
                ));
            }
            chosen.insert(wanted.clone());
        }
        for wanted in rules {
            let Some(rule) = group.rules.iter().find(|rule| rule.is_same_as(wanted)) else {
                return Err(Refusal::new(
                    "InvalidPermission.NotFound",
                    "The specified rule does not exist in this security group.",
                ));
            };
            chosen.insert(rule.id.clone());
        }
        let Some(group) = self.groups.get_mut(id) else {
            return Ok(Vec::new());
        };
        let (gone, kept) = group
            .rules
            .drain(..)
            .partition(|rule| chosen.contains(&rule.id));
        group.rules = kept;
        for rule in &chosen {
            self.tags.remove(rule);
        }
        Ok(gone)
    }

    /// Deletes a group that nothing refers to.
    pub(super) fn delete_group(&mut self, id: &str) -> Result<(), Refusal> {
        let group = self.group(id)?;
        if group.name == "default" {
            return Err(Refusal::new(
                "CannotDelete",
                format!(
                    "the specified group: \"{id}\" name: \"default\" cannot be deleted by a user"
                ),
            ));
        }
        let refers = |rule: &Rule| rule.source == Source::Group(id.to_owned());
        let referred = self
            .groups
            .values()
            .any(|other| other.id != id && other.rules.iter().any(refers));
        let used = self.users.values().flatten().any(|used| used == id)
            || self.instances.values().any(|instance| {
                instance.running && instance.security_groups.iter().any(|used| used == id)
            });
        if referred || used {
            return Err(Refusal::new(
                "DependencyViolation",
                format!("resource {id} has a dependent object"),
            ));
        }
        self.remove_group(id);
        Ok(())
    }

    /// Deletes a group and the rules of others that refer to it.
    pub(super) fn remove_group(&mut self, id: &str) {
        self.groups.remove(id);
        self.tags.remove(id);
        for group in self.groups.values_mut() {
            group
                .rules
                .retain(|rule| rule.source != Source::Group(id.to_owned()));
        }
    }

    /// The next free private address in a subnet.
    pub(super) fn next_address(&self, subnet: &str) -> String {
        let third = self
            .subnets
            .iter()
            .position(|one| one.id == subnet)
            .map_or(0, |index| index.saturating_mul(16));
        // AWS keeps the first four addresses of a subnet for itself.
        format!("172.31.{third}.{}", self.instances.len() % 250 + 4)
    }

    /// What the data plane must let through: TCP only, which is all that it carries.
    pub(super) fn ingress(&self) -> Vec<IngressRule> {
        let mut rules: Vec<IngressRule> = self
            .groups
            .values()
            .flat_map(|group| {
                let incoming = group.rules.iter().filter(|rule| !rule.egress);
                incoming.filter_map(|rule| ingress_rule(&group.id, rule))
            })
            .collect();
        rules.sort();
        rules
    }
}

fn ingress_rule(group: &str, rule: &Rule) -> Option<IngressRule> {
    let source = match &rule.source {
        Source::Group(id) => IngressSource::Group(id.clone()),
        Source::Ipv4(block) => IngressSource::Cidr(block.clone()),
        Source::Ipv6(_) | Source::PrefixList(_) => return None,
    };
    let (from_port, to_port) = match rule.protocol.as_str() {
        "-1" => (0, u16::MAX),
        "tcp" => (port(rule.from_port)?, port(rule.to_port)?),
        _ => return None,
    };
    Some(IngressRule {
        group: group.to_owned(),
        from_port,
        to_port,
        source,
    })
}

fn port(number: Option<i32>) -> Option<u16> {
    u16::try_from(number?).ok()
}

/// Names and descriptions: up to 255 characters of a small set.
fn check_group_text(what: &str, text: &str) -> Result<(), Refusal> {
    let allowed = "._-:/()#,@[]+=&;{}!$* ";
    let good = (1..=255).contains(&text.len())
        && text
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || allowed.contains(letter));
    if good {
        return Ok(());
    }
    Err(Refusal::new(
        "InvalidParameterValue",
        format!(
            "Invalid security group {what}. Valid {what}s are strings less than 256 characters from the \
             following set: a-zA-Z0-9. _-:/()#,@[]+=&;{{}}!$*"
        ),
    ))
}

fn check_rule(rule: &Rule) -> Result<(), Refusal> {
    if let Some(description) = &rule.description {
        check_group_text("rule description", description)?;
    }
    let has_ports = matches!(rule.protocol.as_str(), "tcp" | "udp");
    if has_ports {
        let (Some(from), Some(to)) = (rule.from_port, rule.to_port) else {
            return Err(Refusal::new(
                "InvalidParameterValue",
                "Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.",
            ));
        };
        if from > to || !(0..=65_535).contains(&from) || !(0..=65_535).contains(&to) {
            return Err(Refusal::new(
                "InvalidParameterValue",
                format!("Invalid TCP/UDP port range ({from}:{to})"),
            ));
        }
    }
    if let Source::Ipv4(block) = &rule.source
        && !is_ipv4_block(block)
    {
        return Err(Refusal::new(
            "InvalidParameterValue",
            format!("CIDR block {block} is malformed"),
        ));
    }
    Ok(())
}

fn is_ipv4_block(block: &str) -> bool {
    block.split_once('/').is_some_and(|(address, bits)| {
        address.parse::<std::net::Ipv4Addr>().is_ok()
            && bits.parse::<u8>().is_ok_and(|bits| bits <= 32)
    })
}
