//! Snapshots of databases: names and facts, no data.

use std::collections::BTreeMap;

use jiff::Timestamp;
use winterbaume_rds::model;

use super::checks;
use super::instance::{Instance, show_time};
use crate::services::refusal::Refusal;

/// All snapshots by identifier.
pub(super) type Snapshots = BTreeMap<String, model::DBSnapshot>;

/// Makes a snapshot of `instance` that is being written; it becomes `available` by [`finish`].
pub(super) fn begin(
    snapshots: &mut Snapshots,
    instance: &Instance,
    identifier: &str,
    arn_prefix: &str,
    now: Timestamp,
) -> Result<model::DBSnapshot, Refusal> {
    checks::check_identifier("DBSnapshotIdentifier", identifier)?;
    let identifier = identifier.to_lowercase();
    if snapshots.contains_key(&identifier) {
        return Err(Refusal::new(
            "DBSnapshotAlreadyExists",
            format!(
                "Cannot create the snapshot because a snapshot with the identifier {identifier} already exists."
            ),
        ));
    }
    let shown = &instance.shown;
    let snapshot = model::DBSnapshot {
        d_b_snapshot_identifier: Some(identifier.clone()),
        d_b_snapshot_arn: Some(format!("{arn_prefix}:snapshot:{identifier}")),
        d_b_instance_identifier: shown.d_b_instance_identifier.clone(),
        dbi_resource_id: shown.dbi_resource_id.clone(),
        engine: shown.engine.clone(),
        engine_version: shown.engine_version.clone(),
        allocated_storage: shown.allocated_storage,
        storage_type: shown.storage_type.clone(),
        availability_zone: shown.availability_zone.clone(),
        master_username: shown.master_username.clone(),
        encrypted: shown.storage_encrypted,
        kms_key_id: shown.kms_key_id.clone(),
        port: Some(instance.port),
        instance_create_time: shown.instance_create_time.clone(),
        snapshot_create_time: Some(show_time(now)),
        snapshot_type: Some("manual".to_owned()),
        status: Some("creating".to_owned()),
        percent_progress: Some(0),
        ..model::DBSnapshot::default()
    };
    snapshots.insert(identifier, snapshot.clone());
    Ok(snapshot)
}

/// The snapshot is written.
pub(super) fn finish(snapshots: &mut Snapshots, identifier: &str) {
    if let Some(snapshot) = snapshots.get_mut(&identifier.to_lowercase()) {
        snapshot.status = Some("available".to_owned());
        snapshot.percent_progress = Some(100);
    }
}

/// Those of a database, of a name, or all.
pub(super) fn find(
    snapshots: &Snapshots,
    request: &model::DescribeDBSnapshotsMessage,
) -> Result<Vec<model::DBSnapshot>, Refusal> {
    let wanted = request
        .d_b_snapshot_identifier
        .as_ref()
        .map(|name| name.to_lowercase());
    if let Some(name) = wanted
        .as_ref()
        .filter(|name| !snapshots.contains_key(*name))
    {
        return Err(not_found(name));
    }
    let of = request
        .d_b_instance_identifier
        .as_ref()
        .map(|name| name.to_lowercase());
    Ok(snapshots
        .iter()
        .filter(|(name, snapshot)| {
            wanted.as_ref().is_none_or(|wanted| wanted == *name)
                && (of.is_none() || of == snapshot.d_b_instance_identifier)
        })
        .map(|(_, snapshot)| snapshot.clone())
        .collect())
}

/// Deletes a snapshot and returns it as it was.
pub(super) fn delete(
    snapshots: &mut Snapshots,
    identifier: &str,
) -> Result<model::DBSnapshot, Refusal> {
    let identifier = identifier.to_lowercase();
    let mut snapshot = snapshots
        .remove(&identifier)
        .ok_or_else(|| not_found(&identifier))?;
    snapshot.status = Some("deleted".to_owned());
    Ok(snapshot)
}

fn not_found(identifier: &str) -> Refusal {
    Refusal::not_found(
        "DBSnapshotNotFound",
        format!("DBSnapshot {identifier} not found."),
    )
}
