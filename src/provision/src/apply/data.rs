//! Database and cache: creating, changing, waiting.

use beanpole_cloud::{
    CacheChange, CacheGroup, DatabaseChange, DatabaseInstance, Kind as Failure, NewCache,
    NewDatabase,
};
use beanpole_manifest::{Cache, Database};

use super::wait::{CACHE, DATABASE_CHANGE, DATABASE_CREATION, Look};
use super::{Context, Endpoint};
use crate::error::Error;
use crate::names::{self, Store};
use crate::plan::{Action, Change};
use crate::planner;
use crate::status::{self, Phase};

impl Context<'_> {
    /// Creates or changes the database, and waits until it is available with an address. Returns its
    /// ARN.
    pub(super) async fn database(
        &self,
        change: &Change,
        step: &str,
    ) -> Result<Option<String>, Error> {
        let Some(wanted) = &self.project.database else {
            return Ok(None);
        };
        if change.action == Action::Create {
            let new = self.new_database(wanted)?;
            let made = self.cloud.databases.create(&new).await;
            tolerate_existing(made.map(drop), || format!("creating {}", change.resource))?;
            self.begun(step, format!("creating {}", change.resource));
            let found = self
                .database_when(change, step, DATABASE_CREATION, |_| true)
                .await?;
            return Ok(found.arn);
        }
        self.begun(step, format!("working on {}", change.resource));
        let found = self
            .database_when(change, step, DATABASE_CREATION, |_| true)
            .await?;
        let modification = database_change(wanted, change, &found, self.group(Store::Database)?);
        if let Some(modification) = modification {
            let made = self
                .cloud
                .databases
                .modify(&wanted.identifier, &modification)
                .await;
            made.map_err(Error::cloud(format!("changing {}", change.resource)))?;
            let taken = |found: &DatabaseInstance| {
                database_change(wanted, change, found, String::new()).is_none()
            };
            self.database_when(change, step, DATABASE_CHANGE, taken)
                .await?;
        }
        Ok(found.arn)
    }

    fn new_database(&self, wanted: &Database) -> Result<NewDatabase, Error> {
        let password = self
            .password(Store::Database)?
            .ok_or_else(|| Error::Missing {
                what: format!("the password of database `{}`", wanted.identifier),
            })?;
        Ok(NewDatabase {
            identifier: wanted.identifier.clone(),
            engine: wanted.engine.to_string(),
            version: wanted.version.clone(),
            class: wanted.class.clone(),
            storage_gib: wanted.storage_gib,
            port: wanted.port,
            name: wanted.name.clone(),
            username: wanted.username.clone(),
            password,
            multi_az: wanted.multi_az,
            encrypted: wanted.encrypted,
            deletion_protection: wanted.deletion_protection,
            backup_retention_days: wanted.backup_retention_days,
            backup_window: wanted.backup_window.clone(),
            security_groups: vec![self.group(Store::Database)?],
            subnet_group: planner::database_subnet_group(self.project),
            tags: names::tags(self.project),
        })
    }

    /// Waits until the database is available, has an address, and `accept` agrees.
    async fn database_when(
        &self,
        change: &Change,
        step: &str,
        longest: std::time::Duration,
        accept: impl Fn(&DatabaseInstance) -> bool,
    ) -> Result<DatabaseInstance, Error> {
        let name = &change.resource.name;
        let look = async || {
            let found = self.cloud.databases.describe(name).await;
            let found = found.map_err(Error::cloud(format!("looking at {}", change.resource)))?;
            let Some(found) = found else {
                return Ok(Look::NotYet("not listed".to_owned()));
            };
            Ok(match status::database(&found.status) {
                Phase::Broken | Phase::Leaving => Look::Broken(found.status, Vec::new()),
                Phase::Settled if found.endpoint.is_some() && accept(&found) => Look::Done(found),
                Phase::Settled | Phase::Moving => Look::NotYet(found.status),
            })
        };
        let found = self.until(&change.resource, step, longest, look).await?;
        self.note_endpoint(Store::Database, found.endpoint.clone());
        Ok(found)
    }

    /// Creates or changes the cache, and waits until it is available with an address. Returns its ARN.
    pub(super) async fn cache(&self, change: &Change, step: &str) -> Result<Option<String>, Error> {
        let Some(wanted) = &self.project.cache else {
            return Ok(None);
        };
        if change.action == Action::Create {
            let new = self.new_cache(wanted)?;
            let made = self.cloud.caches.create(&new).await;
            tolerate_existing(made.map(drop), || format!("creating {}", change.resource))?;
            self.begun(step, format!("creating {}", change.resource));
            let found = self.cache_when(change, step, |_| true).await?;
            return Ok(found.arn);
        }
        self.begun(step, format!("working on {}", change.resource));
        let found = self.cache_when(change, step, |_| true).await?;
        let modification = cache_change(wanted, change, &found, self.group(Store::Cache)?);
        if let Some(modification) = modification {
            let made = self
                .cloud
                .caches
                .modify(&wanted.identifier, &modification)
                .await;
            made.map_err(Error::cloud(format!("changing {}", change.resource)))?;
            let taken =
                |found: &CacheGroup| cache_change(wanted, change, found, String::new()).is_none();
            self.cache_when(change, step, taken).await?;
        }
        Ok(found.arn)
    }

    fn new_cache(&self, wanted: &Cache) -> Result<NewCache, Error> {
        // Without TLS there is no token, and its secret is written with the address, later.
        let token = match wanted.transit_encryption {
            false => None,
            true => Some(self.password(Store::Cache)?.ok_or_else(|| Error::Missing {
                what: format!("the token of cache `{}`", wanted.identifier),
            })?),
        };
        Ok(NewCache {
            identifier: wanted.identifier.clone(),
            description: format!("cache of environment {}", self.project.environment),
            engine: wanted.engine.to_string(),
            version: wanted.version.clone(),
            node_type: wanted.node_type.clone(),
            replicas: wanted.replicas,
            port: wanted.port,
            security_groups: vec![self.group(Store::Cache)?],
            subnet_group: planner::cache_subnet_group(self.project),
            transit_encryption: wanted.transit_encryption,
            at_rest_encryption: wanted.at_rest_encryption,
            multi_az: wanted.multi_az,
            auth_token: token,
            // What a cache holds can be made again.
            snapshot_retention_days: 0,
            tags: names::tags(self.project),
        })
    }

    async fn cache_when(
        &self,
        change: &Change,
        step: &str,
        accept: impl Fn(&CacheGroup) -> bool,
    ) -> Result<CacheGroup, Error> {
        let name = &change.resource.name;
        let look = async || {
            let found = self.cloud.caches.describe(name).await;
            let found = found.map_err(Error::cloud(format!("looking at {}", change.resource)))?;
            let Some(found) = found else {
                return Ok(Look::NotYet("not listed".to_owned()));
            };
            Ok(match status::cache(&found.status) {
                Phase::Broken | Phase::Leaving => Look::Broken(found.status, Vec::new()),
                Phase::Settled if found.endpoint.is_some() && accept(&found) => Look::Done(found),
                Phase::Settled | Phase::Moving => Look::NotYet(found.status),
            })
        };
        let found = self.until(&change.resource, step, CACHE, look).await?;
        self.note_endpoint(Store::Cache, found.endpoint.clone());
        Ok(found)
    }

    fn note_endpoint(&self, store: Store, endpoint: Option<(String, u16)>) {
        if let Some((host, port)) = endpoint {
            self.with_state(|state| state.endpoints.insert(store, Endpoint { host, port }));
        }
    }

    fn group(&self, store: Store) -> Result<String, Error> {
        self.with_state(|state| state.security_groups.get(&store).cloned())
            .ok_or_else(|| Error::Missing {
                what: format!("the security group of the {}", store.word()),
            })
    }
}

/// "Exists already" means that an earlier run got this far.
fn tolerate_existing(
    made: Result<(), beanpole_cloud::Error>,
    doing: impl FnOnce() -> String,
) -> Result<(), Error> {
    match made {
        Err(error) if error.kind == Failure::AlreadyExists => Ok(()),
        other => other.map_err(Error::cloud(doing())),
    }
}

/// What of the planned fields still differs, as a modification; `None` if nothing does. RDS refuses an
/// empty one.
fn database_change(
    wanted: &Database,
    change: &Change,
    found: &DatabaseInstance,
    group: String,
) -> Option<DatabaseChange> {
    let planned = |field: &str| change.fields.iter().any(|own| own.name == field);
    let mut modification = DatabaseChange {
        apply_immediately: true,
        ..DatabaseChange::default()
    };
    if planned("class") && found.class != wanted.class {
        modification.class = Some(wanted.class.clone());
    }
    if planned("storage_gib") && found.storage_gib < wanted.storage_gib {
        modification.storage_gib = Some(wanted.storage_gib);
    }
    if planned("multi_az") && found.multi_az != wanted.multi_az {
        modification.multi_az = Some(wanted.multi_az);
    }
    if planned("backup_retention_days")
        && found.backup_retention_days != u32::from(wanted.backup_retention_days)
    {
        modification.backup_retention_days = Some(wanted.backup_retention_days);
    }
    if planned("backup_window") && found.backup_window != wanted.backup_window {
        modification.backup_window.clone_from(&wanted.backup_window);
    }
    if planned("deletion_protection") && found.deletion_protection != wanted.deletion_protection {
        modification.deletion_protection = Some(wanted.deletion_protection);
    }
    if planned("security_groups") && !group.is_empty() && !found.security_groups.contains(&group) {
        let mut groups = found.security_groups.clone();
        groups.push(group);
        modification.security_groups = Some(groups);
    }
    let nothing = DatabaseChange {
        apply_immediately: true,
        ..DatabaseChange::default()
    };
    (modification != nothing).then_some(modification)
}

/// As [`database_change`], for the cache.
fn cache_change(
    wanted: &Cache,
    change: &Change,
    found: &CacheGroup,
    group: String,
) -> Option<CacheChange> {
    let planned = |field: &str| change.fields.iter().any(|own| own.name == field);
    let mut modification = CacheChange {
        apply_immediately: true,
        ..CacheChange::default()
    };
    if planned("node_type") && found.node_type.as_ref() != Some(&wanted.node_type) {
        modification.node_type = Some(wanted.node_type.clone());
    }
    if planned("multi_az") && found.multi_az != wanted.multi_az {
        modification.multi_az = Some(wanted.multi_az);
    }
    if planned("security_groups") && !group.is_empty() && !found.security_groups.contains(&group) {
        let mut groups = found.security_groups.clone();
        groups.push(group);
        modification.security_groups = Some(groups);
    }
    let nothing = CacheChange {
        apply_immediately: true,
        ..CacheChange::default()
    };
    (modification != nothing).then_some(modification)
}
