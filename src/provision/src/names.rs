//! The names and tags of what beanpole creates. They follow from the manifest alone, so that a run
//! that was killed finds its half-made resources again.

use std::collections::BTreeMap;

use beanpole_manifest::Project;
use beanpole_model::EnvironmentName;
use serde::Serialize;

/// The tag with the application's name, on everything that is created.
pub const APPLICATION_TAG: &str = "beanpole:application";
/// The tag with the environment's name, on everything that is created.
pub const ENVIRONMENT_TAG: &str = "beanpole:environment";

/// The two stores of data that a project may have. Each has a security group, a subnet group and an
/// ingress rule of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Store {
    /// The Postgres instance on RDS.
    Database,
    /// The replication group on ElastiCache.
    Cache,
}

impl Store {
    /// `database` or `cache`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Cache => "cache",
        }
    }
}

/// The security group in front of a store: `beanpole-<environment>-database`.
#[must_use]
pub fn security_group(environment: &EnvironmentName, store: Store) -> String {
    format!("beanpole-{environment}-{}", store.word())
}

/// The subnet group of a store. RDS and ElastiCache keep these names in lower case.
#[must_use]
pub fn subnet_group(environment: &EnvironmentName, store: Store) -> String {
    format!("beanpole-{environment}-{}", store.word()).to_lowercase()
}

/// The manifest's tags and our own two.
#[must_use]
pub fn tags(project: &Project) -> BTreeMap<String, String> {
    let mut tags = project.tags.clone();
    tags.insert(APPLICATION_TAG.to_owned(), project.application.to_string());
    tags.insert(ENVIRONMENT_TAG.to_owned(), project.environment.to_string());
    tags
}
