//! Where the data lives: the database (RDS) and the cache (ElastiCache).

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema::Text;

/// The Postgres database on RDS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Database {
    /// The instance's identifier; `<environment>-db` unless given.
    #[schemars(with = "Option<String>")]
    pub identifier: String,
    /// The engine.
    pub engine: DatabaseEngine,
    /// The engine's version: a major one (`16`), or an exact one (`16.4`).
    #[schemars(with = "Text")]
    pub version: String,
    /// The instance class.
    pub class: String,
    /// The storage in GiB.
    #[schemars(range(min = 20, max = 65536))]
    pub storage_gib: u32,
    /// The port. The security group's rule opens the same one.
    #[schemars(range(min = 1150))]
    pub port: u16,
    /// The name of the database inside the instance.
    pub name: String,
    /// The name of the main user.
    pub username: String,
    /// A standby in a second availability zone.
    pub multi_az: bool,
    /// The daily backup window in UTC, `hh:mm-hh:mm`, at least 30 minutes; AWS picks one if unset.
    pub backup_window: Option<String>,
    /// How many days backups are kept; 0 switches them off.
    #[schemars(range(max = 35))]
    pub backup_retention_days: u8,
    /// Encrypt the storage. It cannot be changed later.
    pub encrypted: bool,
    /// Refuse deletion.
    pub deletion_protection: bool,
}

impl Default for Database {
    fn default() -> Self {
        Self {
            identifier: String::new(),
            engine: DatabaseEngine::Postgres,
            version: "16".to_owned(),
            class: "db.t3.micro".to_owned(),
            storage_gib: 20,
            port: 5432,
            name: "app".to_owned(),
            username: "app".to_owned(),
            multi_az: false,
            backup_window: None,
            backup_retention_days: 7,
            encrypted: true,
            deletion_protection: true,
        }
    }
}

/// A database engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DatabaseEngine {
    /// PostgreSQL.
    #[default]
    Postgres,
}

impl DatabaseEngine {
    /// The name in the RDS API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
        }
    }
}

impl fmt::Display for DatabaseEngine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The cache on ElastiCache: one replication group without cluster mode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Cache {
    /// The replication group's id; `<environment>-cache` unless given.
    #[schemars(with = "Option<String>")]
    pub identifier: String,
    /// The engine.
    pub engine: CacheEngine,
    /// The engine's version.
    #[schemars(with = "Text")]
    pub version: String,
    /// The node type.
    pub node_type: String,
    /// How many replicas, 0 to 5.
    #[schemars(range(max = 5))]
    pub replicas: u8,
    /// The port. The security group's rule opens the same one.
    #[schemars(range(min = 1))]
    pub port: u16,
    /// Encrypt the connection. The application then connects with `rediss://`.
    pub transit_encryption: bool,
    /// Encrypt what is written to disk.
    pub at_rest_encryption: bool,
    /// Fail over to a replica in another availability zone; needs at least one replica.
    pub multi_az: bool,
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            identifier: String::new(),
            engine: CacheEngine::default(),
            version: "7.1".to_owned(),
            node_type: "cache.t4g.micro".to_owned(),
            replicas: 0,
            port: 6379,
            transit_encryption: false,
            at_rest_encryption: true,
            multi_az: false,
        }
    }
}

/// A cache engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CacheEngine {
    /// Redis OSS.
    #[default]
    Redis,
    /// Valkey.
    Valkey,
}

impl CacheEngine {
    /// The name in the ElastiCache API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Redis => "redis",
            Self::Valkey => "valkey",
        }
    }
}

impl fmt::Display for CacheEngine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
