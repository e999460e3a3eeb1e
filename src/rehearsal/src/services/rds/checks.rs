//! What RDS refuses when a database is made. Pure; in RDS's words where they are known.

use winterbaume_rds::model::CreateDBInstanceMessage;

use super::engine;
use crate::services::refusal::{Refusal, is_identifier};

/// User names that PostgreSQL or RDS keep for themselves.
const RESERVED_USERS: [&str; 7] = [
    "admin",
    "rdsadmin",
    "rds_superuser",
    "rdsrepladmin",
    "replication",
    "public",
    "user",
];

/// Refuses what can be refused without looking at anything but the request.
pub(super) fn check_creation(request: &CreateDBInstanceMessage) -> Result<(), Refusal> {
    check_identifier("DBInstanceIdentifier", &request.d_b_instance_identifier)?;
    if request.engine != engine::ENGINE {
        return Err(Refusal::value(format!(
            "Invalid DB engine: {}. The rehearsal runs {} only.",
            request.engine,
            engine::ENGINE
        )));
    }
    check_class(&request.d_b_instance_class)?;
    if engine::resolve(request.engine_version.as_deref()).is_none() {
        return Err(Refusal::combination(format!(
            "Cannot find version {} for {}",
            request.engine_version.as_deref().unwrap_or_default(),
            engine::ENGINE
        )));
    }
    check_storage(request.allocated_storage)?;
    check_user(request.master_username.as_deref())?;
    check_credentials(request)?;
    if let Some(name) = &request.d_b_name {
        check_database_name(name)?;
    }
    check_port(request.port)?;
    check_retention(request.backup_retention_period)?;
    check_windows(
        request.preferred_backup_window.as_deref(),
        request.preferred_maintenance_window.as_deref(),
    )?;
    if request.multi_a_z == Some(true) && request.availability_zone.is_some() {
        return Err(Refusal::combination(
            "Requesting a specific availability zone is not valid for Multi-AZ instances.",
        ));
    }
    if request.monitoring_interval.unwrap_or(0) != 0 && request.monitoring_role_arn.is_none() {
        return Err(Refusal::combination(
            "A MonitoringRoleARN value is required if you specify a MonitoringInterval value other than 0.",
        ));
    }
    if request.kms_key_id.is_some() && request.storage_encrypted == Some(false) {
        return Err(Refusal::combination(
            "A KMS key can't be specified for an instance whose storage is not encrypted.",
        ));
    }
    Ok(())
}

pub(super) fn check_identifier(parameter: &str, identifier: &str) -> Result<(), Refusal> {
    if is_identifier(identifier, 63) {
        return Ok(());
    }
    Err(Refusal::value(format!(
        "The parameter {parameter} is not a valid identifier. Identifiers must begin with a letter; must \
         contain only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two \
         consecutive hyphens."
    )))
}

/// `db.t3.micro` and its like.
pub(super) fn check_class(class: &str) -> Result<(), Refusal> {
    let parts: Vec<&str> = class.split('.').collect();
    let is_word = |part: &&str| {
        !part.is_empty()
            && part
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || letter == '-')
    };
    if parts.len() >= 3 && parts.first() == Some(&"db") && parts.iter().all(is_word) {
        return Ok(());
    }
    Err(Refusal::value(format!(
        "Invalid DB Instance class: {class}"
    )))
}

pub(super) fn check_storage(gib: Option<i32>) -> Result<(), Refusal> {
    match gib {
        None => Err(Refusal::combination(
            "The parameter AllocatedStorage must be provided.",
        )),
        Some(gib) if (20..=65_536).contains(&gib) => Ok(()),
        Some(gib) => Err(Refusal::combination(format!(
            "Invalid storage size for engine name {} and storage type gp3: {gib}",
            engine::ENGINE
        ))),
    }
}

fn check_user(name: Option<&str>) -> Result<(), Refusal> {
    let Some(name) = name.filter(|name| !name.is_empty()) else {
        return Err(Refusal::value(
            "The parameter MasterUsername must be provided and must not be blank.",
        ));
    };
    if RESERVED_USERS.contains(&name.to_ascii_lowercase().as_str()) || name.starts_with("pg_") {
        return Err(Refusal::value(format!(
            "MasterUsername {name} cannot be used as it is a reserved word used by the engine"
        )));
    }
    let good = name.len() <= 63
        && name.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    if good {
        return Ok(());
    }
    Err(Refusal::value(format!(
        "The parameter MasterUsername is not valid: {name}"
    )))
}

fn check_credentials(request: &CreateDBInstanceMessage) -> Result<(), Refusal> {
    let managed = request.manage_master_user_password == Some(true);
    match (&request.master_user_password, managed) {
        (Some(_), true) => Err(Refusal::combination(
            "You can't specify MasterUserPassword when ManageMasterUserPassword is enabled.",
        )),
        (Some(password), false) => check_password(password),
        (None, true) => Ok(()),
        (None, false) => Err(Refusal::value(
            "The parameter MasterUserPassword must be provided and must not be blank.",
        )),
    }
}

/// 8 to 128 printable ASCII characters without `/`, `@`, `"` and space.
pub(super) fn check_password(password: &str) -> Result<(), Refusal> {
    let problem = match password.chars().count() {
        0..8 => "because it is shorter than 8 characters.",
        129.. => "because it is longer than 128 characters.",
        _ if password
            .chars()
            .any(|letter| !letter.is_ascii_graphic() || "/@\"".contains(letter)) =>
        {
            return Err(Refusal::value(
                "The parameter MasterUserPassword is not a valid password. Only printable ASCII characters \
                 besides '/', '@', '\"', ' ' may be used.",
            ));
        }
        _ => return Ok(()),
    };
    Err(Refusal::value(format!(
        "The parameter MasterUserPassword is not a valid password {problem}"
    )))
}

fn check_database_name(name: &str) -> Result<(), Refusal> {
    let good = (1..=63).contains(&name.len())
        && name.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_')
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    if good {
        return Ok(());
    }
    Err(Refusal::value(
        "DBName must begin with a letter and contain only alphanumeric characters.",
    ))
}

pub(super) fn check_port(port: Option<i32>) -> Result<(), Refusal> {
    match port {
        Some(port) if !(1150..=65_535).contains(&port) => Err(Refusal::value(format!(
            "Invalid database port {port}: must be between 1150 and 65535."
        ))),
        _ => Ok(()),
    }
}

pub(super) fn check_retention(days: Option<i32>) -> Result<(), Refusal> {
    match days {
        Some(days) if !(0..=35).contains(&days) => Err(Refusal::value(format!(
            "Invalid backup retention period: {days}. Must be between 0 and 35."
        ))),
        _ => Ok(()),
    }
}

/// The backup window is at least half an hour and does not meet the maintenance window.
pub(super) fn check_windows(
    backup: Option<&str>,
    maintenance: Option<&str>,
) -> Result<(), Refusal> {
    let backup = backup
        .map(|window| {
            daily(window).ok_or_else(|| {
                Refusal::value(format!(
                    "The parameter PreferredBackupWindow is not valid: {window}. Use hh24:mi-hh24:mi, at \
                     least 30 minutes."
                ))
            })
        })
        .transpose()?;
    let maintenance = maintenance
        .map(|window| {
            weekly(window).ok_or_else(|| {
                Refusal::value(format!(
                    "The parameter PreferredMaintenanceWindow is not valid: {window}. Use \
                     ddd:hh24:mi-ddd:hh24:mi, at least 30 minutes."
                ))
            })
        })
        .transpose()?;
    if let (Some((start, length)), Some((other, other_length))) = (backup, maintenance) {
        // Both on the clock of one day: the maintenance window may fall on any day's backup.
        let gap = (other % DAY + DAY - start) % DAY;
        let gap_back = (start + DAY - other % DAY) % DAY;
        if gap < length || gap_back < other_length {
            return Err(Refusal::value(
                "The backup window and maintenance window must not overlap.",
            ));
        }
    }
    Ok(())
}

/// Minutes of a day.
const DAY: u32 = 24 * 60;

/// Start and length in minutes of `03:00-04:00`.
fn daily(window: &str) -> Option<(u32, u32)> {
    let (start, end) = window.split_once('-')?;
    let (start, end) = (minute_of_day(start)?, minute_of_day(end)?);
    let length = (end + DAY - start) % DAY;
    (length >= 30).then_some((start, length))
}

/// Start in the week and length in minutes of `sun:03:00-sun:04:00`.
fn weekly(window: &str) -> Option<(u32, u32)> {
    const WEEK: u32 = 7 * DAY;
    let (start, end) = window.split_once('-')?;
    let (start, end) = (minute_of_week(start)?, minute_of_week(end)?);
    let length = (end + WEEK - start) % WEEK;
    (30..DAY).contains(&length).then_some((start, length))
}

fn minute_of_week(text: &str) -> Option<u32> {
    let (day, time) = text.split_once(':')?;
    let day = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
        .iter()
        .position(|name| day.eq_ignore_ascii_case(name))?;
    Some(u32::try_from(day).ok()? * DAY + minute_of_day(time)?)
}

fn minute_of_day(text: &str) -> Option<u32> {
    let (hour, minute) = text.split_once(':')?;
    let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.parse().ok()?);
    (hour < 24 && minute < 60 && text.len() == 5).then_some(hour * 60 + minute)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> CreateDBInstanceMessage {
        CreateDBInstanceMessage {
            d_b_instance_identifier: "shop-db".to_owned(),
            d_b_instance_class: "db.t3.micro".to_owned(),
            engine: "postgres".to_owned(),
            engine_version: Some("16".to_owned()),
            allocated_storage: Some(20),
            master_username: Some("shop".to_owned()),
            master_user_password: Some("correct-horse".to_owned()),
            ..CreateDBInstanceMessage::default()
        }
    }

    fn refused(change: impl FnOnce(&mut CreateDBInstanceMessage)) -> &'static str {
        let mut request = request();
        change(&mut request);
        check_creation(&request).unwrap_err().code
    }

    #[test]
    fn a_good_request_passes() {
        assert_eq!(check_creation(&request()), Ok(()));
    }

    #[test]
    fn values_that_are_never_right() {
        let value = "InvalidParameterValue";
        assert_eq!(
            refused(|r| r.d_b_instance_identifier = "shop--db".to_owned()),
            value
        );
        assert_eq!(refused(|r| r.engine = "mysql".to_owned()), value);
        assert_eq!(
            refused(|r| r.d_b_instance_class = "t3.micro".to_owned()),
            value
        );
        assert_eq!(
            refused(|r| r.master_username = Some("admin".to_owned())),
            value
        );
        assert_eq!(refused(|r| r.master_username = None), value);
        assert_eq!(refused(|r| r.master_user_password = None), value);
        assert_eq!(refused(|r| r.d_b_name = Some("shop-db".to_owned())), value);
        assert_eq!(refused(|r| r.port = Some(80)), value);
        assert_eq!(refused(|r| r.backup_retention_period = Some(36)), value);
        assert_eq!(
            refused(|r| r.preferred_backup_window = Some("03:00-03:10".to_owned())),
            value
        );
    }

    #[test]
    fn parameters_that_do_not_go_together() {
        let combination = "InvalidParameterCombination";
        assert_eq!(
            refused(|r| r.engine_version = Some("9.6".to_owned())),
            combination
        );
        assert_eq!(refused(|r| r.allocated_storage = Some(5)), combination);
        assert_eq!(
            refused(|r| r.manage_master_user_password = Some(true)),
            combination
        );
        assert_eq!(refused(|r| r.monitoring_interval = Some(60)), combination);
        assert_eq!(
            refused(|r| {
                r.multi_a_z = Some(true);
                r.availability_zone = Some("eu-central-1a".to_owned());
            }),
            combination
        );
    }

    #[test]
    fn passwords() {
        assert!(check_password("correct-horse!#$").is_ok());
        for wrong in [
            "short",
            "with space",
            "with/slash",
            "with@sign",
            "with\"quote",
            "späßchen",
        ] {
            assert!(check_password(wrong).is_err(), "{wrong}");
        }
        assert!(check_password(&"x".repeat(129)).is_err());
    }

    #[test]
    fn windows_keep_apart() {
        assert!(check_windows(Some("03:00-04:00"), Some("sun:04:00-sun:05:00")).is_ok());
        assert!(check_windows(Some("23:30-00:30"), Some("mon:00:00-mon:01:00")).is_err());
        assert!(check_windows(Some("03:00-04:00"), Some("tue:02:30-tue:03:30")).is_err());
        assert!(check_windows(None, Some("3:00-4:00")).is_err());
    }
}
