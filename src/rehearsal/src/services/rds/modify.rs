//! What ModifyDBInstance changes: at once, in a while, or in the next maintenance window. Pure.
//!
//! The table is AWS's: settings that need no restart apply at once; class, storage, engine version,
//! Multi-AZ and switching backups on or off wait for the window unless ApplyImmediately is given, and then
//! everything that was waiting is applied with them; the port never waits.

use beanpole_model::Secret;
use winterbaume_rds::model::{self, ModifyDBInstanceMessage, PendingModifiedValues};

use super::instance::memberships;
use super::{checks, engine};
use crate::services::refusal::Refusal;

/// What becomes of an instance.
#[derive(Clone, Debug)]
pub(super) struct Modification {
    /// The record with all that applies at once; what waits is in its pending values.
    pub(super) instance: model::DBInstance,
    /// What is applied at the end of `working`.
    pub(super) applied: PendingModifiedValues,
    /// The status while work is done; `None` if there is no work.
    pub(super) working: Option<&'static str>,
    /// A new master password.
    pub(super) password: Option<Secret>,
}

/// Decides what a request does to `current`.
///
/// # Errors
/// As RDS refuses.
pub(super) fn plan(
    current: &model::DBInstance,
    request: &ModifyDBInstanceMessage,
) -> Result<Modification, Refusal> {
    if current.d_b_instance_status.as_deref() != Some("available") {
        return Err(Refusal::new(
            "InvalidDBInstanceState",
            "Database instance is not in available state.",
        ));
    }
    check(current, request)?;
    let mut instance = current.clone();
    apply_at_once(&mut instance, request);
    let waiting = current.pending_modified_values.clone().unwrap_or_default();
    let wanted = deferrable(current, request);
    let immediately = request.apply_immediately == Some(true);
    let mut applied = PendingModifiedValues::default();
    if immediately {
        applied = merged(&waiting, &wanted);
        instance.pending_modified_values = Some(applied.clone());
    } else {
        instance.pending_modified_values = Some(merged(&waiting, &wanted));
    }
    let port = request
        .d_b_port_number
        .filter(|port| Some(*port) != shown_port(current));
    if let Some(port) = port {
        applied.port = Some(port);
    }
    let password = request.master_user_password.as_deref().map(Secret::new);
    let working = if !is_empty(&applied) {
        Some("modifying")
    } else if password.is_some() {
        Some("resetting-master-credentials")
    } else {
        None
    };
    Ok(Modification {
        instance,
        applied,
        working,
        password,
    })
}

fn check(current: &model::DBInstance, request: &ModifyDBInstanceMessage) -> Result<(), Refusal> {
    let waiting = current.pending_modified_values.clone().unwrap_or_default();
    let flushes = request.apply_immediately == Some(true) && !is_empty(&waiting);
    if asks_nothing(request) && !flushes {
        return Err(Refusal::combination("No modifications were requested"));
    }
    if request.new_d_b_instance_identifier.is_some() {
        return Err(Refusal::combination(
            "The rehearsal does not rename databases.",
        ));
    }
    if let Some(class) = &request.d_b_instance_class {
        checks::check_class(class)?;
    }
    if let (Some(wanted), Some(has)) = (request.allocated_storage, current.allocated_storage) {
        checks::check_storage(Some(wanted))?;
        if wanted < has {
            return Err(Refusal::combination(format!(
                "Requested storage size ({wanted}) cannot be less than the current storage size ({has})."
            )));
        }
    }
    if let Some(password) = &request.master_user_password {
        if request.manage_master_user_password == Some(true) || current.master_user_secret.is_some()
        {
            return Err(Refusal::combination(
                "You can't specify MasterUserPassword for an instance with ManageMasterUserPassword enabled.",
            ));
        }
        checks::check_password(password)?;
    }
    checks::check_port(request.d_b_port_number)?;
    checks::check_retention(request.backup_retention_period)?;
    checks::check_windows(
        request
            .preferred_backup_window
            .as_deref()
            .or(current.preferred_backup_window.as_deref()),
        request
            .preferred_maintenance_window
            .as_deref()
            .or(current.preferred_maintenance_window.as_deref()),
    )?;
    check_version(current, request)
}

fn check_version(
    current: &model::DBInstance,
    request: &ModifyDBInstanceMessage,
) -> Result<(), Refusal> {
    let Some(wanted) = request.engine_version.as_deref() else {
        return Ok(());
    };
    let has = current.engine_version.as_deref().unwrap_or_default();
    let resolved = engine::resolve(Some(wanted)).ok_or_else(|| {
        Refusal::combination(format!(
            "Cannot find version {wanted} for {}",
            engine::ENGINE
        ))
    })?;
    let (from, to) = (engine::parse(has), engine::parse(&resolved));
    if to < from {
        return Err(Refusal::combination(format!(
            "Cannot upgrade postgres from {has} to {resolved}"
        )));
    }
    let major = |version: Option<(u32, Option<u32>)>| version.map(|(major, _)| major);
    if major(to) != major(from) && request.allow_major_version_upgrade != Some(true) {
        return Err(Refusal::combination(
            "The AllowMajorVersionUpgrade flag must be present when upgrading to a new major version.",
        ));
    }
    Ok(())
}

/// True if the request names nothing but the instance and how to apply what it names.
fn asks_nothing(request: &ModifyDBInstanceMessage) -> bool {
    let empty = ModifyDBInstanceMessage {
        d_b_instance_identifier: request.d_b_instance_identifier.clone(),
        apply_immediately: request.apply_immediately,
        allow_major_version_upgrade: request.allow_major_version_upgrade,
        ..ModifyDBInstanceMessage::default()
    };
    // The wire types have no equality, but they have a serialized form.
    serde_json::to_value(request).ok() == serde_json::to_value(empty).ok()
}

/// Settings that need no restart.
fn apply_at_once(instance: &mut model::DBInstance, request: &ModifyDBInstanceMessage) {
    fn set<T: Clone>(field: &mut Option<T>, wanted: &Option<T>) {
        if wanted.is_some() {
            field.clone_from(wanted);
        }
    }
    set(
        &mut instance.deletion_protection,
        &request.deletion_protection,
    );
    set(
        &mut instance.preferred_backup_window,
        &request.preferred_backup_window,
    );
    set(
        &mut instance.preferred_maintenance_window,
        &request.preferred_maintenance_window,
    );
    set(
        &mut instance.publicly_accessible,
        &request.publicly_accessible,
    );
    set(
        &mut instance.copy_tags_to_snapshot,
        &request.copy_tags_to_snapshot,
    );
    set(
        &mut instance.auto_minor_version_upgrade,
        &request.auto_minor_version_upgrade,
    );
    set(
        &mut instance.max_allocated_storage,
        &request.max_allocated_storage,
    );
    set(
        &mut instance.monitoring_interval,
        &request.monitoring_interval,
    );
    set(
        &mut instance.monitoring_role_arn,
        &request.monitoring_role_arn,
    );
    set(
        &mut instance.performance_insights_enabled,
        &request.enable_performance_insights,
    );
    set(
        &mut instance.database_insights_mode,
        &request.database_insights_mode,
    );
    set(
        &mut instance.c_a_certificate_identifier,
        &request.c_a_certificate_identifier,
    );
    set(
        &mut instance.i_a_m_database_authentication_enabled,
        &request.enable_i_a_m_database_authentication,
    );
    if request.enable_performance_insights == Some(true) {
        instance.performance_insights_retention_period =
            request.performance_insights_retention_period.or(Some(7));
    }
    // From some days to other days; to or from none is deferred.
    let (has, wanted) = (
        instance.backup_retention_period.unwrap_or(0),
        request.backup_retention_period,
    );
    if has > 0 && wanted.is_some_and(|days| days > 0) {
        instance.backup_retention_period = wanted;
    }
    if let Some(groups) = &request.vpc_security_group_ids {
        instance.vpc_security_groups = Some(memberships(&groups.items));
    }
    if let Some(name) = &request.d_b_parameter_group_name {
        instance.d_b_parameter_groups = Some(model::DBParameterGroupStatusList {
            items: vec![model::DBParameterGroupStatus {
                d_b_parameter_group_name: Some(name.clone()),
                parameter_apply_status: Some("pending-reboot".to_owned()),
            }],
        });
    }
    if let Some(exports) = &request.cloudwatch_logs_export_configuration {
        let mut types = instance
            .enabled_cloudwatch_logs_exports
            .take()
            .map(|list| list.items)
            .unwrap_or_default();
        let disabled = exports
            .disable_log_types
            .as_ref()
            .map(|list| list.items.clone())
            .unwrap_or_default();
        types.retain(|one| !disabled.contains(one));
        for one in exports.enable_log_types.iter().flat_map(|list| &list.items) {
            if !types.contains(one) {
                types.push(one.clone());
            }
        }
        instance.enabled_cloudwatch_logs_exports = Some(model::LogTypeList { items: types });
    }
}

/// Settings that may wait, as far as they differ from what is.
fn deferrable(
    current: &model::DBInstance,
    request: &ModifyDBInstanceMessage,
) -> PendingModifiedValues {
    fn other<T: Clone + PartialEq>(wanted: &Option<T>, has: &Option<T>) -> Option<T> {
        wanted.clone().filter(|wanted| Some(wanted) != has.as_ref())
    }
    let version = engine::resolve(
        request
            .engine_version
            .as_deref()
            .or(current.engine_version.as_deref()),
    );
    let has_days = current.backup_retention_period.unwrap_or(0);
    PendingModifiedValues {
        d_b_instance_class: other(&request.d_b_instance_class, &current.d_b_instance_class),
        allocated_storage: other(&request.allocated_storage, &current.allocated_storage),
        storage_type: other(&request.storage_type, &current.storage_type),
        iops: other(&request.iops, &current.iops),
        storage_throughput: other(&request.storage_throughput, &current.storage_throughput),
        multi_a_z: other(&request.multi_a_z, &current.multi_a_z),
        engine_version: other(&version, &current.engine_version)
            .filter(|_| request.engine_version.is_some()),
        backup_retention_period: request
            .backup_retention_period
            .filter(|days| (*days == 0) != (has_days == 0)),
        ..PendingModifiedValues::default()
    }
}

/// Both; the later one decides where both have a value.
fn merged(earlier: &PendingModifiedValues, later: &PendingModifiedValues) -> PendingModifiedValues {
    PendingModifiedValues {
        d_b_instance_class: later
            .d_b_instance_class
            .clone()
            .or(earlier.d_b_instance_class.clone()),
        allocated_storage: later.allocated_storage.or(earlier.allocated_storage),
        storage_type: later.storage_type.clone().or(earlier.storage_type.clone()),
        iops: later.iops.or(earlier.iops),
        storage_throughput: later.storage_throughput.or(earlier.storage_throughput),
        multi_a_z: later.multi_a_z.or(earlier.multi_a_z),
        engine_version: later
            .engine_version
            .clone()
            .or(earlier.engine_version.clone()),
        backup_retention_period: later
            .backup_retention_period
            .or(earlier.backup_retention_period),
        ..PendingModifiedValues::default()
    }
}

/// Puts into force what was pending.
pub(super) fn apply(instance: &mut model::DBInstance, values: PendingModifiedValues) {
    fn set<T>(field: &mut Option<T>, wanted: Option<T>) {
        if wanted.is_some() {
            *field = wanted;
        }
    }
    set(&mut instance.d_b_instance_class, values.d_b_instance_class);
    set(&mut instance.allocated_storage, values.allocated_storage);
    set(&mut instance.storage_type, values.storage_type);
    set(&mut instance.iops, values.iops);
    set(&mut instance.storage_throughput, values.storage_throughput);
    set(&mut instance.multi_a_z, values.multi_a_z);
    set(&mut instance.engine_version, values.engine_version);
    set(
        &mut instance.backup_retention_period,
        values.backup_retention_period,
    );
    if let (Some(endpoint), Some(port)) = (&mut instance.endpoint, values.port) {
        endpoint.port = Some(port);
    }
    instance.pending_modified_values = Some(PendingModifiedValues::default());
}

fn shown_port(instance: &model::DBInstance) -> Option<i32> {
    instance
        .endpoint
        .as_ref()
        .and_then(|endpoint| endpoint.port)
}

fn is_empty(values: &PendingModifiedValues) -> bool {
    serde_json::to_value(values)
        .is_ok_and(|value| value.as_object().is_some_and(serde_json::Map::is_empty))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance() -> model::DBInstance {
        model::DBInstance {
            d_b_instance_identifier: Some("shop-db".to_owned()),
            d_b_instance_status: Some("available".to_owned()),
            d_b_instance_class: Some("db.t3.micro".to_owned()),
            engine_version: Some("16.4".to_owned()),
            allocated_storage: Some(20),
            multi_a_z: Some(false),
            backup_retention_period: Some(7),
            deletion_protection: Some(true),
            endpoint: Some(model::Endpoint {
                port: Some(5432),
                ..model::Endpoint::default()
            }),
            ..model::DBInstance::default()
        }
    }

    fn request() -> ModifyDBInstanceMessage {
        ModifyDBInstanceMessage {
            d_b_instance_identifier: "shop-db".to_owned(),
            ..ModifyDBInstanceMessage::default()
        }
    }

    #[test]
    fn a_setting_without_restart_applies_at_once() {
        let request = ModifyDBInstanceMessage {
            deletion_protection: Some(false),
            backup_retention_period: Some(14),
            ..request()
        };
        let modification = plan(&instance(), &request).unwrap();
        assert_eq!(modification.working, None);
        assert_eq!(modification.instance.deletion_protection, Some(false));
        assert_eq!(modification.instance.backup_retention_period, Some(14));
    }

    #[test]
    fn the_class_waits_unless_it_is_to_be_applied_immediately() {
        let class = Some("db.t3.small".to_owned());
        let later = ModifyDBInstanceMessage {
            d_b_instance_class: class.clone(),
            ..request()
        };
        let waiting = plan(&instance(), &later).unwrap();
        assert_eq!(waiting.working, None);
        let pending = waiting.instance.pending_modified_values.clone().unwrap();
        assert_eq!(pending.d_b_instance_class, class);
        assert_eq!(
            waiting.instance.d_b_instance_class.as_deref(),
            Some("db.t3.micro")
        );
        // Applying something else immediately applies what was waiting as well.
        let now = ModifyDBInstanceMessage {
            multi_a_z: Some(true),
            apply_immediately: Some(true),
            ..request()
        };
        let modification = plan(&waiting.instance, &now).unwrap();
        assert_eq!(modification.working, Some("modifying"));
        let mut done = modification.instance.clone();
        apply(&mut done, modification.applied);
        assert_eq!(
            (done.d_b_instance_class, done.multi_a_z),
            (class, Some(true))
        );
        assert!(is_empty(&done.pending_modified_values.unwrap()));
    }

    #[test]
    fn the_port_never_waits() {
        let request = ModifyDBInstanceMessage {
            d_b_port_number: Some(5433),
            ..request()
        };
        let modification = plan(&instance(), &request).unwrap();
        assert_eq!(modification.working, Some("modifying"));
        let mut done = modification.instance;
        apply(&mut done, modification.applied);
        assert_eq!(shown_port(&done), Some(5433));
    }

    #[test]
    fn refusals() {
        let code = |request: ModifyDBInstanceMessage| plan(&instance(), &request).unwrap_err().code;
        let combination = "InvalidParameterCombination";
        assert_eq!(code(request()), combination);
        assert_eq!(
            code(ModifyDBInstanceMessage {
                apply_immediately: Some(true),
                ..request()
            }),
            combination
        );
        assert_eq!(
            code(ModifyDBInstanceMessage {
                allocated_storage: Some(20 - 1),
                ..request()
            }),
            combination
        );
        let version = |version: &str| ModifyDBInstanceMessage {
            engine_version: Some(version.to_owned()),
            ..request()
        };
        assert_eq!(code(version("15.3")), combination);
        assert_eq!(code(version("17.2")), combination);
        assert!(plan(&instance(), &version("16.8")).is_ok());
        let busy = model::DBInstance {
            d_b_instance_status: Some("modifying".to_owned()),
            ..instance()
        };
        let change = ModifyDBInstanceMessage {
            multi_a_z: Some(true),
            ..request()
        };
        assert_eq!(
            plan(&busy, &change).unwrap_err().code,
            "InvalidDBInstanceState"
        );
    }
}
