//! The Postgres instance.
//!
//! What can be changed in place, and what that costs: RDS user guide, "Settings for DB instances";
//! API reference, `ModifyDBInstance`. Changes are applied at once, not in the next maintenance
//! window: after `apply` the account is what the manifest says.

use beanpole_cloud::DatabaseInstance;
use beanpole_manifest::Database;
use beanpole_secrets::Connection;

use super::findings::{BUSY, error, not_changeable, warning};
use super::network::{security_group_id, subnet_group_id};
use super::secrets::secret_id;
use super::{Draft, unchanged};
use crate::names::{self, Store};
use crate::plan::{
    Action, Change, Disruption, FieldChange, KNOWN_AFTER_APPLY, Kind, Resource, SECRET,
};
use crate::status::{self, Phase};

/// The id of the database's change.
pub(crate) const ID: &str = "database";

pub(super) fn plan(draft: &mut Draft<'_>, wanted: &Database) {
    let needs = draft.present(&[
        security_group_id(Store::Database),
        subnet_group_id(Store::Database),
        secret_id(Connection::Database),
    ]);
    let Some(found) = &draft.observed.database else {
        let change = Change::new(
            ID,
            Action::Create,
            Kind::Database,
            &wanted.identifier,
            "the manifest wants a database",
        )
        .with_fields(fields(draft, wanted))
        .needing(needs);
        draft.add(change);
        return;
    };
    let resource = Resource {
        kind: Kind::Database,
        name: wanted.identifier.clone(),
    };
    match status::database(&found.status) {
        Phase::Leaving => draft.find(error(
            BUSY,
            format!("{resource} is {}", found.status),
            "it cannot be changed any more, and its name is taken until it is gone",
            Some("wait until it is gone, then run `beanpole plan` again".to_owned()),
        )),
        Phase::Broken => draft.find(error(
            "broken-database",
            format!("{resource} is {}", found.status),
            "it will not come right by itself",
            Some(format!(
                "aws rds describe-events --source-type db-instance --source-identifier {}",
                wanted.identifier
            )),
        )),
        Phase::Settled | Phase::Moving => {}
    }
    let change = changes(draft, wanted, found, resource).needing(needs);
    draft.add(change);
}

/// What a new instance gets.
fn fields(draft: &Draft<'_>, wanted: &Database) -> Vec<FieldChange> {
    let mut fields = vec![
        FieldChange::new("engine", wanted.engine),
        FieldChange::new("version", &wanted.version),
        FieldChange::new("class", &wanted.class),
        FieldChange::new("storage_gib", wanted.storage_gib),
        FieldChange::new("port", wanted.port),
        FieldChange::new("name", &wanted.name),
        FieldChange::new("username", &wanted.username),
        FieldChange::new("password", SECRET),
        FieldChange::new("multi_az", wanted.multi_az),
        FieldChange::new("backup_retention_days", wanted.backup_retention_days),
    ];
    if let Some(window) = &wanted.backup_window {
        fields.push(FieldChange::new("backup_window", window));
    }
    fields.extend([
        FieldChange::new("encrypted", wanted.encrypted),
        FieldChange::new("deletion_protection", wanted.deletion_protection),
        FieldChange::new("public", false),
        FieldChange::new("security_groups", security_group(draft)),
        FieldChange::new("endpoint", KNOWN_AFTER_APPLY),
    ]);
    fields
}

/// The id of our security group, if it exists.
fn security_group(draft: &Draft<'_>) -> String {
    draft
        .observed
        .security_groups
        .get(&Store::Database)
        .map_or_else(|| KNOWN_AFTER_APPLY.to_owned(), |group| group.id.clone())
}

fn changes(
    draft: &mut Draft<'_>,
    wanted: &Database,
    found: &DatabaseInstance,
    resource: Resource,
) -> Change {
    let fixed = fixed(wanted, found);
    if !fixed.is_empty() {
        for field in &fixed {
            let (from, to) = (text(field.from.as_deref()), text(field.to.as_deref()));
            draft.find(not_changeable(
                &resource,
                &field.name,
                from,
                to,
                Store::Database,
            ));
        }
        return Change::new(
            ID,
            Action::Replace,
            Kind::Database,
            resource.name,
            "it cannot be made what the manifest says without replacing it, which is never done",
        )
        .with_fields(fixed);
    }
    if !fits(&wanted.version, &found.version) {
        draft.find(warning(
            "other-engine-version",
            format!("{resource} runs version {}, and the manifest says {}", found.version, wanted.version),
            "an upgrade of the engine is an outage and cannot be taken back, so it is not done here",
            Some(format!(
                "aws rds modify-db-instance --db-instance-identifier {} --engine-version {} \
                 --allow-major-version-upgrade --apply-immediately",
                wanted.identifier, wanted.version
            )),
        ));
    }
    if found.publicly_accessible {
        draft.find(warning(
            "public-database",
            format!("{resource} has an address on the internet"),
            "only the environment's instances need to reach it",
            Some(format!(
                "aws rds modify-db-instance --db-instance-identifier {} --no-publicly-accessible \
                 --apply-immediately",
                wanted.identifier
            )),
        ));
    }
    let mut change = Change::new(
        ID,
        Action::Update,
        Kind::Database,
        &wanted.identifier,
        "it differs from the manifest",
    );
    differences(&mut change, wanted, found, draft);
    if status::database(&found.status) == Phase::Moving {
        change.fields.insert(
            0,
            FieldChange::differs("status", &found.status, "available"),
        );
        if change.fields.len() == 1 {
            change.reason = "AWS is still at work on it".to_owned();
        }
    }
    if change.fields.is_empty() {
        return unchanged(ID, Kind::Database, &wanted.identifier);
    }
    if !found.pending.is_empty() && change.fields.iter().any(|field| field.name != "status") {
        change.disturb(
            Disruption::Brief,
            format!(
                "what AWS had put off is applied at once as well: {}",
                pending(found)
            ),
        );
    }
    change
}

/// What RDS cannot change, and what is not changed on purpose.
fn fixed(wanted: &Database, found: &DatabaseInstance) -> Vec<FieldChange> {
    let mut fixed = Vec::new();
    if found.engine != wanted.engine.as_str() {
        fixed.push(FieldChange::differs("engine", &found.engine, wanted.engine));
    }
    if found.encrypted != wanted.encrypted {
        fixed.push(FieldChange::differs(
            "encrypted",
            found.encrypted,
            wanted.encrypted,
        ));
    }
    if found.name.as_ref() != Some(&wanted.name) {
        fixed.push(FieldChange::differs(
            "name",
            text(found.name.as_deref()),
            &wanted.name,
        ));
    }
    if found.username.as_ref() != Some(&wanted.username) {
        fixed.push(FieldChange::differs(
            "username",
            text(found.username.as_deref()),
            &wanted.username,
        ));
    }
    // Storage only grows (API reference, AllocatedStorage).
    if found.storage_gib > wanted.storage_gib {
        fixed.push(FieldChange::differs(
            "storage_gib",
            found.storage_gib,
            wanted.storage_gib,
        ));
    }
    // RDS could, but it restarts at once whatever is asked for, and every client has to follow.
    if let Some(port) = found.port
        && port != wanted.port
    {
        fixed.push(FieldChange::differs("port", port, wanted.port));
    }
    fixed
}

fn differences(
    change: &mut Change,
    wanted: &Database,
    found: &DatabaseInstance,
    draft: &Draft<'_>,
) {
    if found.class != wanted.class {
        change
            .fields
            .push(FieldChange::differs("class", &found.class, &wanted.class));
        change.disturb(
            Disruption::Outage,
            "a new class restarts the database; a standby (multi_az) makes that shorter",
        );
    }
    if found.storage_gib < wanted.storage_gib {
        let field = FieldChange::differs("storage_gib", found.storage_gib, wanted.storage_gib);
        change.fields.push(field);
        change.disturb(
            Disruption::None,
            "storage grows while the database serves, and never shrinks",
        );
    }
    if found.multi_az != wanted.multi_az {
        change.fields.push(FieldChange::differs(
            "multi_az",
            found.multi_az,
            wanted.multi_az,
        ));
        change.disturb(
            Disruption::None,
            "the standby is set up or removed while the database serves",
        );
    }
    let days = u32::from(wanted.backup_retention_days);
    if found.backup_retention_days != days {
        let field =
            FieldChange::differs("backup_retention_days", found.backup_retention_days, days);
        change.fields.push(field);
        if found.backup_retention_days == 0 || days == 0 {
            change.disturb(
                Disruption::Brief,
                "switching backups on or off interrupts briefly",
            );
        }
    }
    if let Some(window) = &wanted.backup_window
        && found.backup_window.as_ref() != Some(window)
    {
        let from = text(found.backup_window.as_deref());
        change
            .fields
            .push(FieldChange::differs("backup_window", from, window));
    }
    if found.deletion_protection != wanted.deletion_protection {
        let (from, to) = (found.deletion_protection, wanted.deletion_protection);
        change
            .fields
            .push(FieldChange::differs("deletion_protection", from, to));
    }
    // Groups that others attached stay.
    let group = security_group(draft);
    if !found.security_groups.contains(&group) {
        let from = found.security_groups.join(",");
        let to = if from.is_empty() {
            group
        } else {
            format!("{from},{group}")
        };
        change
            .fields
            .push(FieldChange::differs("security_groups", from, to));
    }
}

fn pending(found: &DatabaseInstance) -> String {
    let pending: Vec<String> = found
        .pending
        .iter()
        .map(|(name, value)| format!("{name} {value}"))
        .collect();
    pending.join(", ")
}

fn text(value: Option<&str>) -> &str {
    value.unwrap_or("(unset)")
}

/// True if an exact version is one of those that the manifest means: `16` means `16.4`.
pub(super) fn fits(wanted: &str, exact: &str) -> bool {
    let mut exact = exact.split('.');
    wanted.split('.').all(|part| exact.next() == Some(part))
}

/// The name of the subnet group for a new instance, if it needs one of ours.
pub(crate) fn subnet_group(project: &beanpole_manifest::Project) -> Option<String> {
    super::network::needs_subnet_group(project)
        .then(|| names::subnet_group(&project.environment, Store::Database))
}
