//! Security groups, subnet groups, and who may reach the stores.

use super::findings::{error, warning};
use super::{Draft, unchanged};
use crate::names::{self, Store};
use crate::observed::{allows, is_open};
use crate::plan::{Action, Change, FieldChange, KNOWN_AFTER_APPLY, Kind};

/// The id of the change of a store's security group.
pub(crate) fn security_group_id(store: Store) -> String {
    format!("{}-security-group", store.word())
}

/// The id of the change of a store's subnet group.
pub(crate) fn subnet_group_id(store: Store) -> String {
    format!("{}-subnet-group", store.word())
}

/// The id of the change of a store's ingress rule.
pub(crate) fn ingress_id(store: Store) -> String {
    format!("{}-ingress", store.word())
}

pub(super) fn security_group(draft: &mut Draft<'_>, store: Store) {
    let name = names::security_group(&draft.project.environment, store);
    let id = security_group_id(store);
    let Some(found) = draft.observed.security_groups.get(&store) else {
        let vpc = draft
            .observed
            .network
            .as_ref()
            .map_or("(no VPC)", |network| &network.vpc);
        let change = Change::new(
            id,
            Action::Create,
            Kind::SecurityGroup,
            name,
            format!("it stands in front of the {}", store.word()),
        )
        .with_fields(vec![FieldChange::new("vpc", vpc)]);
        draft.add(change);
        return;
    };
    let port = port(draft, store);
    if found.ingress.iter().any(|rule| is_open(rule, port)) {
        let finding = warning(
            "open-to-the-world",
            format!("security group `{name}` lets the whole internet reach port {port}"),
            "only the environment's instances need to reach it",
            Some(format!(
                "aws ec2 revoke-security-group-ingress --group-id {} --protocol tcp --port {port} \
                 --cidr 0.0.0.0/0",
                found.id
            )),
        );
        draft.find(finding);
    }
    draft.add(unchanged(id, Kind::SecurityGroup, name));
}

/// The port that a store listens on.
pub(crate) fn port(draft: &Draft<'_>, store: Store) -> u16 {
    port_of(draft.project, store)
}

/// The port that the manifest gives a store.
pub(crate) fn port_of(project: &beanpole_manifest::Project, store: Store) -> u16 {
    match store {
        Store::Database => project
            .database
            .as_ref()
            .map_or(0, |database| database.port),
        Store::Cache => project.cache.as_ref().map_or(0, |cache| cache.port),
    }
}

/// True if a store needs a subnet group of its own: in the default VPC with all its subnets, AWS's
/// own `default` groups serve.
pub(crate) fn needs_subnet_group(project: &beanpole_manifest::Project) -> bool {
    project.network.vpc.is_some() || !project.network.subnets.is_empty()
}

/// The subnets for the stores: those of the instances, or all of the VPC's.
pub(crate) fn store_subnets(
    project: &beanpole_manifest::Project,
    network: &crate::observed::NetworkFacts,
) -> Vec<String> {
    let mut subnets = if project.network.subnets.is_empty() {
        network.subnets.keys().cloned().collect()
    } else {
        project.network.subnets.clone()
    };
    subnets.sort();
    subnets.dedup();
    subnets
}

/// An existing group is left as it is: changing its subnets while a store uses it can fail half-way.
pub(super) fn subnet_group(draft: &mut Draft<'_>, store: Store) {
    if !needs_subnet_group(draft.project) {
        return;
    }
    let name = names::subnet_group(&draft.project.environment, store);
    let id = subnet_group_id(store);
    if draft.observed.subnet_groups.contains_key(&store) {
        draft.add(unchanged(id, Kind::SubnetGroup, name));
        return;
    }
    let Some(network) = &draft.observed.network else {
        return;
    };
    let subnets = store_subnets(draft.project, network);
    let mut zones: Vec<&str> = subnets
        .iter()
        .filter_map(|subnet| network.subnets.get(subnet))
        .map(String::as_str)
        .collect();
    zones.sort_unstable();
    zones.dedup();
    // ElastiCache is content with one zone; RDS is not (CreateDBSubnetGroup, API reference).
    if zones.len() < 2 && store == Store::Database {
        let finding = error(
            "too-few-zones",
            format!(
                "the subnets of the database are in {} availability zone",
                zones.len()
            ),
            "RDS wants subnets in at least two availability zones",
            Some("name more subnets under `network.subnets` in `beanpole.yaml`".to_owned()),
        );
        draft.find(finding);
    }
    let change = Change::new(
        id,
        Action::Create,
        Kind::SubnetGroup,
        name,
        format!("it places the {} into the project's subnets", store.word()),
    )
    .with_fields(vec![FieldChange::new("subnets", subnets.join(","))]);
    draft.add(change);
}

/// Lets the environment's instances reach a store. A missing rule is the usual cause of a 502.
pub(super) fn ingress(draft: &mut Draft<'_>, store: Store) {
    let group = names::security_group(&draft.project.environment, store);
    let port = port(draft, store);
    let name = format!("{group}:{port}");
    let source = draft
        .observed
        .environment
        .as_ref()
        .and_then(|environment| environment.security_group.clone());
    let allowed = source.as_ref().is_some_and(|source| {
        draft
            .observed
            .security_groups
            .get(&store)
            .is_some_and(|group| group.ingress.iter().any(|rule| allows(rule, source, port)))
    });
    let id = ingress_id(store);
    let change = if allowed {
        unchanged(id, Kind::IngressRule, name)
    } else {
        Change::new(
            id,
            Action::Create,
            Kind::IngressRule,
            name,
            format!("the instances must reach the {}", store.word()),
        )
        .with_fields(vec![
            FieldChange::new("protocol", "tcp"),
            FieldChange::new("port", port),
            FieldChange::new(
                "source",
                source.unwrap_or_else(|| KNOWN_AFTER_APPLY.to_owned()),
            ),
        ])
    };
    draft.add(change.needing([security_group_id(store), super::environment::ID.to_owned()]));
}
