//! Database and cache.

use super::Checker;
use super::names::{is_backup_window, is_identifier, is_postgres_name};
use crate::project::{Cache, Database, Project};

/// User names that RDS for PostgreSQL keeps for itself or that PostgreSQL reserves.
const RESERVED_USERS: [&str; 7] = [
    "admin",
    "rdsadmin",
    "rds_superuser",
    "rdsrepladmin",
    "public",
    "user",
    "none",
];

pub(super) fn check(project: &Project, checker: &mut Checker<'_>) {
    if let Some(database) = &project.database {
        check_database(database, checker);
    }
    if let Some(cache) = &project.cache {
        check_cache(cache, checker);
    }
}

/// Limits from the RDS API reference, CreateDBInstance.
fn check_database(database: &Database, checker: &mut Checker<'_>) {
    if !is_identifier(&database.identifier, 63) {
        checker.value(
            &["database", "identifier"],
            format!("database identifier `{}` is not valid", database.identifier),
            "set `identifier`: 1 to 63 letters, digits and single hyphens, a letter first, no hyphen last",
        );
    }
    if database.port < 1150 {
        checker.value(
            &["database", "port"],
            format!("RDS does not take port {}", database.port),
            "1150 to 65535",
        );
    }
    if !(20..=65_536).contains(&database.storage_gib) {
        checker.value(
            &["database", "storage_gib"],
            format!("{} GiB of storage are out of range", database.storage_gib),
            "20 to 65536",
        );
    }
    if !database.class.starts_with("db.") {
        checker.value(
            &["database", "class"],
            format!("`{}` is not an instance class of RDS", database.class),
            "such as `db.t3.micro`",
        );
    }
    if !is_version(&database.version) {
        checker.value(
            &["database", "version"],
            format!(
                "`{}` is not a version of {}",
                database.version, database.engine
            ),
            "such as `16` or `16.4`",
        );
    }
    if !is_postgres_name(&database.name) {
        checker.value(
            &["database", "name"],
            format!("`{}` is not a name for a database", database.name),
            "a letter, then letters, digits and underscores, at most 63",
        );
    }
    let reserved = RESERVED_USERS.contains(&database.username.to_ascii_lowercase().as_str());
    if reserved
        || database.username.to_ascii_lowercase().starts_with("pg_")
        || !is_postgres_name(&database.username)
    {
        checker.value(
            &["database", "username"],
            format!(
                "`{}` is not a name that RDS takes for the main user",
                database.username
            ),
            "a letter, then letters, digits and underscores, at most 63, not a reserved word",
        );
    }
    if database.backup_retention_days > 35 {
        checker.value(
            &["database", "backup_retention_days"],
            format!(
                "backups are not kept for {} days",
                database.backup_retention_days
            ),
            "0 to 35",
        );
    }
    if let Some(window) = &database.backup_window
        && !is_backup_window(window)
    {
        checker.value(
            &["database", "backup_window"],
            format!("`{window}` is not a backup window"),
            "`hh:mm-hh:mm` in UTC, at least 30 minutes, such as `03:00-04:00`",
        );
    }
}

/// Limits from the ElastiCache API reference, CreateReplicationGroup.
fn check_cache(cache: &Cache, checker: &mut Checker<'_>) {
    if !is_identifier(&cache.identifier, 40) {
        checker.value(
            &["cache", "identifier"],
            format!("cache identifier `{}` is not valid", cache.identifier),
            "set `identifier`: 1 to 40 letters, digits and single hyphens, a letter first, no hyphen last",
        );
    }
    if cache.port == 0 {
        checker.value(&["cache", "port"], "port 0 is no port", "1 to 65535");
    }
    if !cache.node_type.starts_with("cache.") {
        checker.value(
            &["cache", "node_type"],
            format!("`{}` is not a node type of ElastiCache", cache.node_type),
            "such as `cache.t4g.micro`",
        );
    }
    if !is_version(&cache.version) {
        checker.value(
            &["cache", "version"],
            format!("`{}` is not a version of {}", cache.version, cache.engine),
            "such as `7.1`",
        );
    }
    if cache.replicas > 5 {
        checker.value(
            &["cache", "replicas"],
            format!("{} replicas are too many", cache.replicas),
            "0 to 5",
        );
    }
    if cache.multi_az && cache.replicas == 0 {
        checker.value(
            &["cache", "multi_az"],
            "a cache in several availability zones needs a replica",
            "`replicas: 1` or more",
        );
    }
}

/// Numbers with dots between them.
fn is_version(version: &str) -> bool {
    version
        .split('.')
        .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}
