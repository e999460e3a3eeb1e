//! RDS: database instances and their subnet groups.

use std::collections::BTreeMap;

use aws_sdk_rds::types::{DbInstance, DbSubnetGroup, PendingModifiedValues, Tag};
use beanpole_model::Secret;
use jiff::Timestamp;
use serde::Serialize;

use crate::Error;
use crate::connection::{Connection, client, exposed};
use crate::error::Service;
use crate::time::timestamp;

const SERVICE: Service = Service("rds");

/// States from which an instance does not become available by itself (user guide, "Viewing
/// instance status"; `failed` and `storage-full` need a person).
const FAILED: [&str; 10] = [
    "failed",
    "inaccessible-encryption-credentials",
    "incompatible-create",
    "incompatible-network",
    "incompatible-option-group",
    "incompatible-parameters",
    "incompatible-restore",
    "insufficient-capacity",
    "restore-error",
    "storage-full",
];

/// The RDS client. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Databases {
    client: aws_sdk_rds::Client,
}

/// A database instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DatabaseInstance {
    /// Its identifier, in lower case.
    pub identifier: String,
    /// Its ARN.
    pub arn: Option<String>,
    /// Its state in AWS's words: `creating`, `backing-up`, `modifying`, `available`, …
    pub status: String,
    /// `postgres`.
    pub engine: String,
    /// The engine's version, with the minor part: `16.4`.
    pub version: String,
    /// `db.t3.micro`.
    pub class: String,
    /// Storage in GiB.
    pub storage_gib: u32,
    /// The port.
    pub port: Option<u16>,
    /// Host and port, once it has an address.
    pub endpoint: Option<(String, u16)>,
    /// The name of the database in it.
    pub name: Option<String>,
    /// The master user's name.
    pub username: Option<String>,
    /// True if it has a standby in another zone.
    pub multi_az: bool,
    /// True if its storage is encrypted. Cannot be changed.
    pub encrypted: bool,
    /// True if it cannot be deleted.
    pub deletion_protection: bool,
    /// True if it has an address on the internet.
    pub publicly_accessible: bool,
    /// How many days automated backups are kept; 0 means that there are none.
    pub backup_retention_days: u32,
    /// When backups are made, in UTC: `03:00-03:30`.
    pub backup_window: Option<String>,
    /// Its security groups' ids.
    pub security_groups: Vec<String>,
    /// Its subnet group's name.
    pub subnet_group: Option<String>,
    /// Its VPC's id.
    pub vpc: Option<String>,
    /// Changes that wait for the maintenance window, by AWS's names. A pending password shows as
    /// `[redacted]`.
    pub pending: BTreeMap<String, String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// When it was created.
    pub created: Option<Timestamp>,
}

impl DatabaseInstance {
    /// True if it takes connections and changes.
    #[must_use]
    pub fn is_available(&self) -> bool {
        self.status == "available"
    }

    /// True if it does not become available by itself.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        FAILED.contains(&self.status.as_str())
    }
}

/// A database instance to create. What is not named here has the house's choice: gp3 storage, never
/// public, tags copied to snapshots, minor upgrades, no paid Extended Support.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDatabase {
    /// 1 to 63 letters, digits and hyphens.
    pub identifier: String,
    /// `postgres`.
    pub engine: String,
    /// `16`, or `16.4`.
    pub version: String,
    /// `db.t3.micro`.
    pub class: String,
    /// Storage in GiB; 20 at least.
    pub storage_gib: u32,
    /// The port.
    pub port: u16,
    /// The name of the database in it.
    pub name: String,
    /// The master user's name.
    pub username: String,
    /// The master user's password: 8 to 128 printable characters without `/`, `"`, `@` and space.
    pub password: Secret,
    /// A standby in another zone.
    pub multi_az: bool,
    /// Encrypted storage. Cannot be changed later.
    pub encrypted: bool,
    /// Protection from deletion.
    pub deletion_protection: bool,
    /// Days to keep automated backups: 0 to 35.
    pub backup_retention_days: u8,
    /// When to make backups, in UTC, at least 30 minutes: `03:00-03:30`; `None` lets AWS choose.
    pub backup_window: Option<String>,
    /// Security groups' ids.
    pub security_groups: Vec<String>,
    /// The subnet group's name; `None` takes the default VPC's.
    pub subnet_group: Option<String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

/// A change of a database instance. `None` leaves things as they are. At least one must be set: AWS
/// refuses an empty change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DatabaseChange {
    /// The class. An outage of minutes.
    pub class: Option<String>,
    /// The engine's version. An outage of minutes; a major upgrade is allowed.
    pub version: Option<String>,
    /// Storage in GiB; it only grows.
    pub storage_gib: Option<u32>,
    /// The port. Restarts at once, whatever `apply_immediately` says.
    pub port: Option<u16>,
    /// A standby in another zone.
    pub multi_az: Option<bool>,
    /// Protection from deletion.
    pub deletion_protection: Option<bool>,
    /// Days to keep automated backups.
    pub backup_retention_days: Option<u8>,
    /// When to make backups.
    pub backup_window: Option<String>,
    /// Security groups' ids, all of them.
    pub security_groups: Option<Vec<String>>,
    /// The master user's password.
    pub password: Option<Secret>,
    /// An address on the internet.
    pub publicly_accessible: Option<bool>,
    /// Now, not in the maintenance window. It takes along every change that is pending.
    pub apply_immediately: bool,
}

/// A subnet group: the subnets in which instances may be placed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SubnetGroup {
    /// Its name.
    pub name: String,
    /// Its VPC's id.
    pub vpc: Option<String>,
    /// Its subnets' ids, sorted.
    pub subnets: Vec<String>,
}

impl Databases {
    pub(crate) fn new(connection: &Connection) -> Self {
        Self {
            client: client!(aws_sdk_rds, connection),
        }
    }

    /// The instance, if it exists.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn describe(&self, identifier: &str) -> Result<Option<DatabaseInstance>, Error> {
        let result = self
            .client
            .describe_db_instances()
            .db_instance_identifier(identifier)
            .send()
            .await
            .map_err(SERVICE.failed("DescribeDBInstances", object(identifier)));
        let answer = match result {
            Err(error) if error.is_not_found() => return Ok(None),
            other => other?,
        };
        Ok(answer
            .db_instances
            .unwrap_or_default()
            .into_iter()
            .next()
            .map(from_sdk))
    }

    /// Begins to create an instance.
    ///
    /// # Errors
    /// [`crate::Kind::AlreadyExists`] when there is one of this name; otherwise see [`Error`].
    pub async fn create(&self, new: &NewDatabase) -> Result<DatabaseInstance, Error> {
        let operation = "CreateDBInstance";
        let answer = self
            .client
            .create_db_instance()
            .db_instance_identifier(&new.identifier)
            .engine(&new.engine)
            .engine_version(&new.version)
            .db_instance_class(&new.class)
            .allocated_storage(self.storage(operation, &new.identifier, new.storage_gib)?)
            .storage_type("gp3")
            .storage_encrypted(new.encrypted)
            .port(i32::from(new.port))
            .db_name(&new.name)
            .master_username(&new.username)
            .master_user_password(new.password.expose())
            .multi_az(new.multi_az)
            .deletion_protection(new.deletion_protection)
            .backup_retention_period(i32::from(new.backup_retention_days))
            .set_preferred_backup_window(new.backup_window.clone())
            .set_vpc_security_group_ids(some(&new.security_groups))
            .set_db_subnet_group_name(new.subnet_group.clone())
            .publicly_accessible(false)
            .copy_tags_to_snapshot(true)
            .auto_minor_version_upgrade(true)
            .engine_lifecycle_support("open-source-rds-extended-support-disabled")
            .set_tags(to_tags(&new.tags))
            .send()
            .await
            .map_err(SERVICE.failed(operation, object(&new.identifier)))?;
        let created = SERVICE.required(
            operation,
            object(&new.identifier),
            "DBInstance",
            answer.db_instance,
        )?;
        Ok(from_sdk(created))
    }

    /// Begins to change an instance.
    ///
    /// # Errors
    /// [`crate::Kind::Busy`] when its state does not allow it; otherwise see [`Error`].
    pub async fn modify(
        &self,
        identifier: &str,
        change: &DatabaseChange,
    ) -> Result<DatabaseInstance, Error> {
        let operation = "ModifyDBInstance";
        let storage = change
            .storage_gib
            .map(|gib| self.storage(operation, identifier, gib))
            .transpose()?;
        let answer = self
            .client
            .modify_db_instance()
            .db_instance_identifier(identifier)
            .set_db_instance_class(change.class.clone())
            .set_engine_version(change.version.clone())
            .set_allow_major_version_upgrade(change.version.is_some().then_some(true))
            .set_allocated_storage(storage)
            .set_db_port_number(change.port.map(i32::from))
            .set_multi_az(change.multi_az)
            .set_deletion_protection(change.deletion_protection)
            .set_backup_retention_period(change.backup_retention_days.map(i32::from))
            .set_preferred_backup_window(change.backup_window.clone())
            .set_vpc_security_group_ids(change.security_groups.clone())
            .set_master_user_password(exposed(change.password.as_ref()))
            .set_publicly_accessible(change.publicly_accessible)
            .apply_immediately(change.apply_immediately)
            .send()
            .await
            .map_err(SERVICE.failed(operation, object(identifier)))?;
        let changed = SERVICE.required(
            operation,
            object(identifier),
            "DBInstance",
            answer.db_instance,
        )?;
        Ok(from_sdk(changed))
    }

    /// Begins to delete an instance. `final_snapshot` names a last snapshot; `None` makes none, and
    /// the data is gone with the instance. Automated backups are kept for their time.
    ///
    /// # Errors
    /// [`crate::Kind::InvalidParameter`] when deletion protection is on; otherwise see [`Error`].
    pub async fn delete(
        &self,
        identifier: &str,
        final_snapshot: Option<&str>,
    ) -> Result<(), Error> {
        self.client
            .delete_db_instance()
            .db_instance_identifier(identifier)
            .skip_final_snapshot(final_snapshot.is_none())
            .set_final_db_snapshot_identifier(final_snapshot.map(str::to_owned))
            .delete_automated_backups(false)
            .send()
            .await
            .map_err(SERVICE.failed("DeleteDBInstance", object(identifier)))?;
        Ok(())
    }

    /// The subnet group, if it exists.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn subnet_group(&self, name: &str) -> Result<Option<SubnetGroup>, Error> {
        let result = self
            .client
            .describe_db_subnet_groups()
            .db_subnet_group_name(name)
            .send()
            .await
            .map_err(SERVICE.failed("DescribeDBSubnetGroups", group_object(name)));
        let answer = match result {
            Err(error) if error.is_not_found() => return Ok(None),
            other => other?,
        };
        Ok(answer
            .db_subnet_groups
            .unwrap_or_default()
            .into_iter()
            .next()
            .map(group_from_sdk))
    }

    /// Creates a subnet group. The subnets must lie in at least two zones.
    ///
    /// # Errors
    /// [`crate::Kind::AlreadyExists`] when there is one of this name; otherwise see [`Error`].
    pub async fn create_subnet_group(
        &self,
        name: &str,
        description: &str,
        subnets: &[String],
        tags: &BTreeMap<String, String>,
    ) -> Result<SubnetGroup, Error> {
        let operation = "CreateDBSubnetGroup";
        let answer = self
            .client
            .create_db_subnet_group()
            .db_subnet_group_name(name)
            .db_subnet_group_description(description)
            .set_subnet_ids(Some(subnets.to_vec()))
            .set_tags(to_tags(tags))
            .send()
            .await
            .map_err(SERVICE.failed(operation, group_object(name)))?;
        let created = SERVICE.required(
            operation,
            group_object(name),
            "DBSubnetGroup",
            answer.db_subnet_group,
        )?;
        Ok(group_from_sdk(created))
    }

    /// Deletes a subnet group that no instance uses. One that does not exist counts as deleted.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn delete_subnet_group(&self, name: &str) -> Result<(), Error> {
        let result = self
            .client
            .delete_db_subnet_group()
            .db_subnet_group_name(name)
            .send()
            .await
            .map_err(SERVICE.failed("DeleteDBSubnetGroup", group_object(name)));
        match result {
            Err(error) if error.is_not_found() => Ok(()),
            other => other.map(drop),
        }
    }

    fn storage(&self, operation: &'static str, identifier: &str, gib: u32) -> Result<i32, Error> {
        i32::try_from(gib).map_err(|_| {
            SERVICE.invalid(
                operation,
                object(identifier),
                format!("{gib} GiB are too many"),
            )
        })
    }
}

fn object(identifier: &str) -> String {
    format!("database `{identifier}`")
}

fn group_object(name: &str) -> String {
    format!("database subnet group `{name}`")
}

fn some(list: &[String]) -> Option<Vec<String>> {
    (!list.is_empty()).then(|| list.to_vec())
}

fn to_tags(tags: &BTreeMap<String, String>) -> Option<Vec<Tag>> {
    let tags: Vec<Tag> = tags
        .iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect();
    (!tags.is_empty()).then_some(tags)
}

fn unsigned<T: TryFrom<i32>>(value: Option<i32>) -> Option<T> {
    value.and_then(|value| T::try_from(value).ok())
}

fn from_sdk(instance: DbInstance) -> DatabaseInstance {
    let endpoint = instance
        .endpoint
        .as_ref()
        .and_then(|endpoint| Some((endpoint.address.clone()?, unsigned::<u16>(endpoint.port)?)));
    let groups = instance.vpc_security_groups.unwrap_or_default();
    let mut security_groups: Vec<String> = groups
        .into_iter()
        .filter_map(|group| group.vpc_security_group_id)
        .collect();
    security_groups.sort();
    let subnet_group = instance.db_subnet_group;
    DatabaseInstance {
        identifier: instance.db_instance_identifier.unwrap_or_default(),
        arn: instance.db_instance_arn,
        status: instance.db_instance_status.unwrap_or_default(),
        engine: instance.engine.unwrap_or_default(),
        version: instance.engine_version.unwrap_or_default(),
        class: instance.db_instance_class.unwrap_or_default(),
        storage_gib: unsigned(instance.allocated_storage).unwrap_or(0),
        // The instance's own field is 0 for everything but Oracle; the endpoint has the port.
        port: endpoint
            .as_ref()
            .map(|(_, port)| *port)
            .or_else(|| unsigned(instance.db_instance_port).filter(|port| *port != 0)),
        endpoint,
        name: instance.db_name,
        username: instance.master_username,
        multi_az: instance.multi_az.unwrap_or(false),
        encrypted: instance.storage_encrypted.unwrap_or(false),
        deletion_protection: instance.deletion_protection.unwrap_or(false),
        publicly_accessible: instance.publicly_accessible.unwrap_or(false),
        backup_retention_days: unsigned(instance.backup_retention_period).unwrap_or(0),
        backup_window: instance.preferred_backup_window,
        security_groups,
        vpc: subnet_group.as_ref().and_then(|group| group.vpc_id.clone()),
        subnet_group: subnet_group.and_then(|group| group.db_subnet_group_name),
        pending: instance
            .pending_modified_values
            .as_ref()
            .map(pending)
            .unwrap_or_default(),
        tags: instance
            .tag_list
            .unwrap_or_default()
            .into_iter()
            .filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default())))
            .collect(),
        created: instance.instance_create_time.as_ref().and_then(timestamp),
    }
}

fn pending(values: &PendingModifiedValues) -> BTreeMap<String, String> {
    let number = |value: Option<i32>| value.map(|value| value.to_string());
    let password = values.master_user_password.as_ref();
    [
        ("DBInstanceClass", values.db_instance_class.clone()),
        ("AllocatedStorage", number(values.allocated_storage)),
        (
            "MasterUserPassword",
            password.map(|_| beanpole_model::secret::REDACTED.to_owned()),
        ),
        ("Port", number(values.port)),
        (
            "BackupRetentionPeriod",
            number(values.backup_retention_period),
        ),
        ("MultiAZ", values.multi_az.map(|value| value.to_string())),
        ("EngineVersion", values.engine_version.clone()),
        ("StorageType", values.storage_type.clone()),
        ("Iops", number(values.iops)),
        (
            "DBInstanceIdentifier",
            values.db_instance_identifier.clone(),
        ),
        (
            "CACertificateIdentifier",
            values.ca_certificate_identifier.clone(),
        ),
        ("DBSubnetGroupName", values.db_subnet_group_name.clone()),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value?)))
    .collect()
}

fn group_from_sdk(group: DbSubnetGroup) -> SubnetGroup {
    let subnets = group.subnets.unwrap_or_default();
    let mut subnets: Vec<String> = subnets
        .into_iter()
        .filter_map(|subnet| subnet.subnet_identifier)
        .collect();
    subnets.sort();
    SubnetGroup {
        name: group.db_subnet_group_name.unwrap_or_default(),
        vpc: group.vpc_id,
        subnets,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pending_changes_are_named_and_the_password_is_not_shown() {
        let values = PendingModifiedValues::builder()
            .db_instance_class("db.t3.large")
            .master_user_password("hunter2hunter2")
            .multi_az(true)
            .build();
        let instance = DbInstance::builder()
            .db_instance_identifier("blog-db")
            .db_instance_status("available")
            .pending_modified_values(values)
            .build();
        let database = from_sdk(instance);
        assert!(database.is_available() && !database.has_failed());
        assert_eq!(
            database.pending.get("DBInstanceClass").unwrap(),
            "db.t3.large"
        );
        assert_eq!(database.pending.get("MultiAZ").unwrap(), "true");
        assert_eq!(
            database.pending.get("MasterUserPassword").unwrap(),
            "[redacted]"
        );
        assert_eq!(database.endpoint, None);
    }
}
