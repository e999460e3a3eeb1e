//! Planning: the manifest against what exists. Pure: no network, no clock, no order of maps.
//!
//! One file per kind of resource. Each adds its changes, with what they need, and its findings.

mod cache;
mod database;
mod environment;
mod findings;
mod network;
mod secrets;

use beanpole_cloud::Identity;
use beanpole_manifest::Project;
use beanpole_model::Finding;

use crate::names::Store;
use crate::observed::Observed;
use crate::plan::{Action, Change, FORMAT_VERSION, Kind, Plan};

pub(crate) use cache::subnet_group as cache_subnet_group;
pub(crate) use database::subnet_group as database_subnet_group;
pub(crate) use environment::{fixed_load_balancer, missing_secrets};
pub(crate) use findings::{BUSY, MISSING_ROLE};
pub(crate) use network::{needs_subnet_group, port_of, store_subnets};
pub(crate) use secrets::{connection_id, secret_id};

/// A plan in the making.
struct Draft<'a> {
    project: &'a Project,
    observed: &'a Observed,
    changes: Vec<Change>,
    findings: Vec<Finding>,
}

impl Draft<'_> {
    fn add(&mut self, change: Change) {
        self.changes.push(change);
    }

    fn find(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// The ids among `ids` that are in the draft already: what a later change can wait for.
    fn present(&self, ids: &[String]) -> Vec<String> {
        ids.iter()
            .filter(|id| self.changes.iter().any(|change| change.id == **id))
            .cloned()
            .collect()
    }
}

/// Plans. What stands in the way of the plan is among its findings; see [`Plan::check`].
#[must_use]
pub(crate) fn plan(project: &Project, observed: &Observed, identity: &Identity) -> Plan {
    let mut draft = Draft {
        project,
        observed,
        changes: Vec::new(),
        findings: findings::general(project, observed),
    };
    let stores = [
        (Store::Database, project.database.is_some()),
        (Store::Cache, project.cache.is_some()),
    ];
    for (store, wanted) in stores {
        if wanted {
            network::security_group(&mut draft, store);
            network::subnet_group(&mut draft, store);
        }
    }
    secrets::before_stores(&mut draft);
    if let Some(database) = &project.database {
        database::plan(&mut draft, database);
    }
    if let Some(cache) = &project.cache {
        cache::plan(&mut draft, cache);
    }
    secrets::after_stores(&mut draft);
    environment::application(&mut draft);
    environment::plan(&mut draft);
    for (store, wanted) in stores {
        if wanted {
            network::ingress(&mut draft, store);
        }
    }
    Plan {
        format_version: FORMAT_VERSION.to_owned(),
        application: project.application.clone(),
        environment: project.environment.clone(),
        account: identity.account.clone(),
        region: identity.region.clone(),
        changes: draft.changes,
        findings: draft.findings,
    }
}

/// A change that does nothing, about something that is as it should be.
fn unchanged(id: impl Into<String>, kind: Kind, name: impl Into<String>) -> Change {
    Change::new(
        id,
        Action::Nothing,
        kind,
        name,
        "it is as the manifest says",
    )
}

#[cfg(test)]
mod tests;
