//! The replication group.
//!
//! What can be changed in place: ElastiCache API reference, `ModifyReplicationGroup`. Port and
//! encryption on disk never can; TLS takes two steps of half an hour each with clients that know
//! both, and is left to people.

use beanpole_cloud::CacheGroup;
use beanpole_manifest::Cache;
use beanpole_secrets::Connection;

use super::database::fits;
use super::findings::{BUSY, error, not_changeable, warning};
use super::network::{security_group_id, subnet_group_id};
use super::secrets::secret_id;
use super::{Draft, unchanged};
use crate::names::{self, Store};
use crate::plan::{
    Action, Change, Disruption, FieldChange, KNOWN_AFTER_APPLY, Kind, Resource, SECRET,
};
use crate::status::{self, Phase};

/// The id of the cache's change.
pub(crate) const ID: &str = "cache";

pub(super) fn plan(draft: &mut Draft<'_>, wanted: &Cache) {
    let needs = draft.present(&[
        security_group_id(Store::Cache),
        subnet_group_id(Store::Cache),
        secret_id(Connection::Cache),
    ]);
    let Some(found) = &draft.observed.cache else {
        let change = Change::new(
            ID,
            Action::Create,
            Kind::Cache,
            &wanted.identifier,
            "the manifest wants a cache",
        )
        .with_fields(fields(draft, wanted))
        .needing(needs);
        draft.add(change);
        return;
    };
    let resource = Resource {
        kind: Kind::Cache,
        name: wanted.identifier.clone(),
    };
    match status::cache(&found.status) {
        Phase::Leaving => draft.find(error(
            BUSY,
            format!("{resource} is {}", found.status),
            "it cannot be changed any more, and its name is taken until it is gone",
            Some("wait until it is gone, then run `beanpole plan` again".to_owned()),
        )),
        Phase::Broken => draft.find(error(
            "broken-cache",
            format!("{resource} is {}", found.status),
            "it will not come right by itself",
            Some(format!(
                "aws elasticache describe-events --source-type replication-group \
                 --source-identifier {}",
                wanted.identifier
            )),
        )),
        Phase::Settled | Phase::Moving => {}
    }
    let change = changes(draft, wanted, found, resource).needing(needs);
    draft.add(change);
}

fn fields(draft: &Draft<'_>, wanted: &Cache) -> Vec<FieldChange> {
    let mut fields = vec![
        FieldChange::new("engine", wanted.engine),
        FieldChange::new("version", &wanted.version),
        FieldChange::new("node_type", &wanted.node_type),
        FieldChange::new("replicas", wanted.replicas),
        FieldChange::new("port", wanted.port),
        FieldChange::new("transit_encryption", wanted.transit_encryption),
        FieldChange::new("at_rest_encryption", wanted.at_rest_encryption),
        FieldChange::new("multi_az", wanted.multi_az),
        FieldChange::new("security_groups", security_group(draft)),
    ];
    if wanted.transit_encryption {
        fields.push(FieldChange::new("auth_token", SECRET));
    }
    fields.push(FieldChange::new("endpoint", KNOWN_AFTER_APPLY));
    fields
}

/// The id of our security group, if it exists.
fn security_group(draft: &Draft<'_>) -> String {
    draft
        .observed
        .security_groups
        .get(&Store::Cache)
        .map_or_else(|| KNOWN_AFTER_APPLY.to_owned(), |group| group.id.clone())
}

fn changes(
    draft: &mut Draft<'_>,
    wanted: &Cache,
    found: &CacheGroup,
    resource: Resource,
) -> Change {
    let fixed = fixed(wanted, found);
    if !fixed.is_empty() {
        for field in &fixed {
            let text = |value: &Option<String>| value.clone().unwrap_or_default();
            let (from, to) = (text(&field.from), text(&field.to));
            draft.find(not_changeable(
                &resource,
                &field.name,
                &from,
                &to,
                Store::Cache,
            ));
        }
        return Change::new(
            ID,
            Action::Replace,
            Kind::Cache,
            resource.name,
            "it cannot be made what the manifest says without replacing it, which is never done",
        )
        .with_fields(fixed);
    }
    by_hand(draft, wanted, found, &resource);
    if wanted.transit_encryption && !found.auth_token {
        draft.find(error(
            "cache-without-token",
            format!("{resource} takes encrypted connections without a token"),
            "the application would be given a token that the cache does not know",
            Some(format!(
                "aws elasticache modify-replication-group --replication-group-id {} --auth-token \
                 TOKEN --auth-token-update-strategy SET --apply-immediately, with the token as \
                 `password` in the secret `{}`",
                wanted.identifier,
                Connection::Cache.name(draft.project)
            )),
        ));
    }
    let mut change = Change::new(
        ID,
        Action::Update,
        Kind::Cache,
        &wanted.identifier,
        "it differs from the manifest",
    );
    differences(&mut change, wanted, found, draft);
    if status::cache(&found.status) == Phase::Moving {
        change.fields.insert(
            0,
            FieldChange::differs("status", &found.status, "available"),
        );
        if change.fields.len() == 1 {
            change.reason = "AWS is still at work on it".to_owned();
        }
    }
    if change.fields.is_empty() {
        return unchanged(ID, Kind::Cache, &wanted.identifier);
    }
    change
}

fn fixed(wanted: &Cache, found: &CacheGroup) -> Vec<FieldChange> {
    let mut fixed = Vec::new();
    if let Some(engine) = &found.engine
        && engine != wanted.engine.as_str()
    {
        fixed.push(FieldChange::differs("engine", engine, wanted.engine));
    }
    if let Some(port) = found.port
        && port != wanted.port
    {
        fixed.push(FieldChange::differs("port", port, wanted.port));
    }
    if found.at_rest_encryption != wanted.at_rest_encryption {
        let (from, to) = (found.at_rest_encryption, wanted.at_rest_encryption);
        fixed.push(FieldChange::differs("at_rest_encryption", from, to));
    }
    if found.transit_encryption != wanted.transit_encryption {
        let (from, to) = (found.transit_encryption, wanted.transit_encryption);
        fixed.push(FieldChange::differs("transit_encryption", from, to));
    }
    fixed
}

/// Differences that are told, and left to people.
fn by_hand(draft: &mut Draft<'_>, wanted: &Cache, found: &CacheGroup, resource: &Resource) {
    if let Some(version) = &found.version
        && !fits(&wanted.version, version)
    {
        draft.find(warning(
            "other-engine-version",
            format!(
                "{resource} runs version {version}, and the manifest says {}",
                wanted.version
            ),
            "an upgrade of the engine cannot be taken back, so it is not done here",
            Some(format!(
                "aws elasticache modify-replication-group --replication-group-id {} \
                 --engine-version {} --apply-immediately",
                wanted.identifier, wanted.version
            )),
        ));
    }
    let replicas = u32::from(wanted.replicas);
    if found.replicas != replicas {
        let direction = if found.replicas < replicas {
            "increase"
        } else {
            "decrease"
        };
        draft.find(warning(
            "other-replica-count",
            format!(
                "{resource} has {} replicas, and the manifest says {replicas}",
                found.replicas
            ),
            "adding and removing replicas is not done here yet",
            Some(format!(
                "aws elasticache {direction}-replica-count --replication-group-id {} \
                 --new-replica-count {replicas} --apply-immediately",
                wanted.identifier
            )),
        ));
    }
}

fn differences(change: &mut Change, wanted: &Cache, found: &CacheGroup, draft: &Draft<'_>) {
    if let Some(node_type) = &found.node_type
        && *node_type != wanted.node_type
    {
        change.fields.push(FieldChange::differs(
            "node_type",
            node_type,
            &wanted.node_type,
        ));
        change.disturb(
            Disruption::Brief,
            "the nodes are replaced one after the other; connections break for seconds",
        );
    }
    if found.multi_az != wanted.multi_az {
        change.fields.push(FieldChange::differs(
            "multi_az",
            found.multi_az,
            wanted.multi_az,
        ));
    }
    // Not known before the first node is; groups that others attached stay.
    let group = security_group(draft);
    if !found.security_groups.is_empty() && !found.security_groups.contains(&group) {
        let from = found.security_groups.join(",");
        let to = format!("{from},{group}");
        change
            .fields
            .push(FieldChange::differs("security_groups", from, to));
    }
}

/// The name of the subnet group for a new replication group, if it needs one of ours.
pub(crate) fn subnet_group(project: &beanpole_manifest::Project) -> Option<String> {
    super::network::needs_subnet_group(project)
        .then(|| names::subnet_group(&project.environment, Store::Cache))
}
