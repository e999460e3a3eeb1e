//! A database as RDS shows it. The record is the wire type itself: what was asked for is what is shown.

use std::sync::Arc;

use beanpole_model::Secret;
use jiff::Timestamp;
use winterbaume_rds::model::{self, CreateDBInstanceMessage};

use super::engine;
use crate::data_plane::DatabaseSpec;
use crate::world::Vpc;

/// The port that PostgreSQL has unless told otherwise.
const DEFAULT_PORT: i32 = 5432;

/// A database.
#[derive(Clone, Debug)]
pub(super) struct Instance {
    /// What DescribeDBInstances shows. Its endpoint appears once it is available.
    pub(super) shown: model::DBInstance,
    /// The host name under which instances reach it.
    pub(super) host: String,
    /// The port on which it listens, shown or not yet.
    pub(super) port: i32,
    /// The master password.
    pub(super) password: Secret,
    /// Held while the data plane makes it, so that it is not deleted half-made.
    pub(super) making: Arc<tokio::sync::Mutex<()>>,
}

/// Where a database is made.
pub(super) struct Place<'a> {
    pub(super) region: &'a str,
    pub(super) account: &'a str,
    pub(super) vpc: &'a Vpc,
    pub(super) now: Timestamp,
}

/// What was found out about a request besides its own words.
pub(super) struct Resolved {
    pub(super) security_groups: Vec<String>,
    pub(super) password: Secret,
    /// The ARN of the secret that RDS manages, if it does.
    pub(super) managed_secret: Option<String>,
}

/// The database that a checked request asks for, as it is while it is made.
pub(super) fn new(
    request: CreateDBInstanceMessage,
    place: &Place<'_>,
    resolved: Resolved,
) -> Instance {
    let identifier = request.d_b_instance_identifier.to_lowercase();
    let version = engine::resolve(request.engine_version.as_deref()).unwrap_or_default();
    let encrypted = request.storage_encrypted.unwrap_or(false) || request.kms_key_id.is_some();
    let (region, account) = (place.region, place.account);
    let key = request
        .kms_key_id
        .clone()
        .or_else(|| encrypted.then(|| format!("arn:aws:kms:{region}:{account}:key/rehearsal")));
    let zone = request
        .availability_zone
        .clone()
        .or_else(|| place.vpc.subnets.first().map(|subnet| subnet.zone.clone()));
    let multi_az = request.multi_a_z.unwrap_or(false);
    let second_zone = place
        .vpc
        .subnets
        .get(1)
        .map(|subnet| subnet.zone.clone())
        .filter(|_| multi_az);
    let group = request
        .d_b_subnet_group_name
        .clone()
        .unwrap_or_else(|| "default".to_owned());
    let insights = request.enable_performance_insights.unwrap_or(false);
    let parameter_group = request
        .d_b_parameter_group_name
        .clone()
        .unwrap_or_else(|| engine::default_parameter_group(&version));
    let shown = model::DBInstance {
        d_b_instance_identifier: Some(identifier.clone()),
        d_b_instance_arn: Some(format!("arn:aws:rds:{region}:{account}:db:{identifier}")),
        dbi_resource_id: Some(format!("db-{}", resource_id(&identifier))),
        d_b_instance_class: Some(request.d_b_instance_class),
        d_b_instance_status: Some("creating".to_owned()),
        engine: Some(request.engine),
        engine_version: Some(version),
        master_username: request.master_username,
        d_b_name: request.d_b_name,
        db_instance_port: Some(0),
        allocated_storage: request.allocated_storage,
        max_allocated_storage: request.max_allocated_storage,
        storage_type: Some(request.storage_type.unwrap_or_else(|| "gp2".to_owned())),
        iops: request.iops,
        storage_throughput: request.storage_throughput,
        storage_encrypted: Some(encrypted),
        kms_key_id: key.clone(),
        multi_a_z: Some(multi_az),
        availability_zone: zone,
        secondary_availability_zone: second_zone,
        publicly_accessible: Some(request.publicly_accessible.unwrap_or(false)),
        auto_minor_version_upgrade: Some(request.auto_minor_version_upgrade.unwrap_or(true)),
        backup_retention_period: Some(request.backup_retention_period.unwrap_or(1)),
        preferred_backup_window: Some(
            request
                .preferred_backup_window
                .unwrap_or_else(|| "03:15-03:45".to_owned()),
        ),
        preferred_maintenance_window: Some(
            request
                .preferred_maintenance_window
                .unwrap_or_else(|| "sun:05:00-sun:05:30".to_owned()),
        ),
        deletion_protection: Some(request.deletion_protection.unwrap_or(false)),
        copy_tags_to_snapshot: Some(request.copy_tags_to_snapshot.unwrap_or(false)),
        i_a_m_database_authentication_enabled: Some(
            request
                .enable_i_a_m_database_authentication
                .unwrap_or(false),
        ),
        monitoring_interval: Some(request.monitoring_interval.unwrap_or(0)),
        monitoring_role_arn: request.monitoring_role_arn,
        performance_insights_enabled: Some(insights),
        performance_insights_retention_period: insights
            .then(|| request.performance_insights_retention_period.unwrap_or(7)),
        performance_insights_k_m_s_key_id: request.performance_insights_k_m_s_key_id,
        database_insights_mode: Some(
            request
                .database_insights_mode
                .unwrap_or_else(|| "standard".to_owned()),
        ),
        enabled_cloudwatch_logs_exports: request.enable_cloudwatch_logs_exports,
        c_a_certificate_identifier: Some(
            request
                .c_a_certificate_identifier
                .unwrap_or_else(|| "rds-ca-rsa2048-g1".to_owned()),
        ),
        engine_lifecycle_support: Some(
            request
                .engine_lifecycle_support
                .unwrap_or_else(|| "open-source-rds-extended-support".to_owned()),
        ),
        license_model: Some("postgresql-license".to_owned()),
        network_type: Some("IPV4".to_owned()),
        d_b_parameter_groups: Some(model::DBParameterGroupStatusList {
            items: vec![model::DBParameterGroupStatus {
                d_b_parameter_group_name: Some(parameter_group),
                parameter_apply_status: Some("in-sync".to_owned()),
            }],
        }),
        d_b_subnet_group: Some(model::DBSubnetGroup {
            d_b_subnet_group_name: Some(group),
            subnet_group_status: Some("Complete".to_owned()),
            vpc_id: Some(place.vpc.id.clone()),
            ..model::DBSubnetGroup::default()
        }),
        vpc_security_groups: Some(memberships(&resolved.security_groups)),
        master_user_secret: resolved.managed_secret.map(|arn| model::MasterUserSecret {
            secret_arn: Some(arn),
            secret_status: Some("creating".to_owned()),
            kms_key_id: request.master_user_secret_kms_key_id.or(key),
        }),
        instance_create_time: Some(show_time(place.now)),
        pending_modified_values: Some(model::PendingModifiedValues::default()),
        tag_list: Some(request.tags.unwrap_or_default()),
        ..model::DBInstance::default()
    };
    Instance {
        shown,
        host: format!("{identifier}.rehearsal.{region}.rds.localhost"),
        port: request.port.unwrap_or(DEFAULT_PORT),
        password: resolved.password,
        making: Arc::default(),
    }
}

impl Instance {
    /// The identifier, in lower case.
    pub(super) fn identifier(&self) -> &str {
        self.shown
            .d_b_instance_identifier
            .as_deref()
            .unwrap_or_default()
    }

    /// `creating`, `available`, and so on.
    pub(super) fn status(&self) -> &str {
        self.shown
            .d_b_instance_status
            .as_deref()
            .unwrap_or_default()
    }

    pub(super) fn set_status(&mut self, status: &str) {
        self.shown.d_b_instance_status = Some(status.to_owned());
    }

    /// As DescribeDBInstances shows it now.
    pub(super) fn show(&self) -> model::DBInstance {
        self.shown.clone()
    }

    /// Shows where it answers.
    pub(super) fn open(&mut self) {
        self.shown.endpoint = Some(model::Endpoint {
            address: Some(self.host.clone()),
            hosted_zone_id: Some("Z1RLNUO7B9Q6NB".to_owned()),
            port: Some(self.port),
        });
        if let Some(secret) = &mut self.shown.master_user_secret {
            secret.secret_status = Some("active".to_owned());
        }
        self.set_status("available");
    }

    /// Ids of its security groups.
    pub(super) fn security_groups(&self) -> Vec<String> {
        let members = self
            .shown
            .vpc_security_groups
            .iter()
            .flat_map(|groups| &groups.items);
        members
            .filter_map(|member| member.vpc_security_group_id.clone())
            .collect()
    }

    /// What the data plane must run.
    pub(super) fn spec(&self) -> DatabaseSpec {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        DatabaseSpec {
            identifier: self.identifier().to_owned(),
            host: self.host.clone(),
            // Without a name RDS makes only the engine's own database.
            name: self
                .shown
                .d_b_name
                .clone()
                .unwrap_or_else(|| "postgres".to_owned()),
            username: text(&self.shown.master_username),
            password: self.password.clone(),
            port: u16::try_from(self.port).unwrap_or(5432),
            version: text(&self.shown.engine_version),
            security_groups: self.security_groups(),
        }
    }
}

/// Security groups, in force.
pub(super) fn memberships(ids: &[String]) -> model::VpcSecurityGroupMembershipList {
    let items = ids
        .iter()
        .map(|id| model::VpcSecurityGroupMembership {
            vpc_security_group_id: Some(id.clone()),
            status: Some("active".to_owned()),
        })
        .collect();
    model::VpcSecurityGroupMembershipList { items }
}

/// A time as RDS shows it.
pub(super) fn show_time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

fn resource_id(identifier: &str) -> String {
    use sha2::{Digest as _, Sha256};
    let digest = hex::encode_upper(Sha256::digest(identifier));
    digest.get(..26).unwrap_or_default().to_owned()
}
