//! What databases have in common, and how they come and go.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use beanpole_model::{Event, Secret};
use winterbaume_rds::model;

use super::instance::Instance;
use super::snapshots::{self, Snapshots};
use super::user;
use crate::services::ec2::Network;
use crate::services::lifecycle::{Lives, Made};
use crate::services::refusal::Refusal;
use crate::services::secrets_manager::Secrets;
use crate::world::World;

/// How long an instance is `creating`, and then `backing-up`: together the five minutes that AWS takes for
/// a small one.
const CREATION: Duration = Duration::from_secs(210);
const FIRST_BACKUP: Duration = Duration::from_secs(60);
/// How long a deletion takes, and a snapshot.
const DELETION: Duration = Duration::from_secs(120);
pub(super) const SNAPSHOT: Duration = Duration::from_secs(90);

/// What life cycles share with the service.
pub(super) struct Shared {
    pub(super) world: Arc<World>,
    pub(super) network: Arc<Network>,
    pub(super) secrets: Arc<Secrets>,
    pub(super) lives: Lives,
    pub(super) state: Mutex<State>,
}

/// All databases and snapshots.
#[derive(Default)]
pub(super) struct State {
    pub(super) instances: BTreeMap<String, Instance>,
    pub(super) snapshots: Snapshots,
}

impl Shared {
    /// What there is; never held across an await.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes an instance, unless its status is another by now.
    pub(super) fn change(
        &self,
        identifier: &str,
        status: &str,
        change: impl FnOnce(&mut Instance),
    ) {
        let mut state = self.lock();
        if let Some(instance) = state.instances.get_mut(identifier)
            && instance.status() == status
        {
            change(instance);
        }
    }

    /// The groups that a request names, or the default one.
    pub(super) fn security_groups(
        &self,
        wanted: Option<model::VpcSecurityGroupIdList>,
    ) -> Result<Vec<String>, Refusal> {
        let groups = wanted.map(|list| list.items).unwrap_or_default();
        if let Some(unknown) = self.network.unknown_group(&groups) {
            return Err(Refusal::value(format!(
                "Invalid security group , groupId= {unknown}, groupName=."
            )));
        }
        Ok(if groups.is_empty() {
            vec![self.network.default_group()]
        } else {
            groups
        })
    }

    /// A password that RDS makes, and the secret in which it keeps it.
    pub(super) fn managed_password(&self, username: &str) -> (Secret, Option<String>) {
        let password = Secret::new(uuid::Uuid::new_v4().simple().to_string());
        let value = serde_json::json!({ "username": username, "password": password.expose() });
        let name = format!("rds!db-{}", uuid::Uuid::new_v4());
        let arn = self
            .secrets
            .create_managed(&name, "rds", &Secret::new(value.to_string()));
        (password, arn)
    }

    /// How ARNs of databases and snapshots begin.
    pub(super) fn arn_prefix(&self) -> String {
        format!(
            "arn:aws:rds:{}:{}",
            self.world.region.as_str(),
            self.world.account.as_str()
        )
    }

    /// Says what the data plane cannot do to a database that really runs.
    pub(super) fn warn_about_running(&self, identifier: &str, limit: &str) {
        if self.world.data_plane.is_real() {
            let message = format!(
                "The running database of `{identifier}` {limit}: the rehearsal cannot change it."
            );
            self.world.reporter.report(&Event::Warning { message });
        }
    }
}

/// From `creating` to `available`.
pub(super) async fn live(shared: Arc<Shared>, identifier: String) -> Option<()> {
    let (spec, making, backs_up) = {
        let state = shared.lock();
        let instance = state.instances.get(&identifier)?;
        let backs_up = instance.shown.backup_retention_period.unwrap_or(0) > 0;
        (instance.spec(), instance.making.clone(), backs_up)
    };
    let made = {
        let _making = making.lock().await;
        let work = shared.world.data_plane.create_database(&spec);
        shared.lives.create(&identifier, CREATION, work).await?
    };
    match made {
        Made::Failed(message) => {
            let message = format!("The database `{identifier}` could not be created: {message}");
            shared.world.reporter.report(&Event::Warning { message });
            shared.change(&identifier, "creating", |instance| {
                instance.set_status("failed");
            });
        }
        Made::Running if backs_up => {
            shared.change(&identifier, "creating", |instance| {
                instance.set_status("backing-up");
            });
            shared.lives.sleep(FIRST_BACKUP).await?;
            shared.change(&identifier, "backing-up", Instance::open);
        }
        Made::Running => shared.change(&identifier, "creating", Instance::open),
    }
    Some(())
}

/// From `deleting` to nothing.
pub(super) async fn die(
    shared: Arc<Shared>,
    identifier: String,
    snapshot: Option<String>,
) -> Option<()> {
    if let Some(name) = snapshot {
        shared.lives.sleep(SNAPSHOT).await?;
        snapshots::finish(&mut shared.lock().snapshots, &name);
    }
    let making = shared.lock().instances.get(&identifier)?.making.clone();
    {
        let _made = making.lock().await;
        let _hold = shared.world.hold_for_real_work();
        if let Err(error) = shared.world.data_plane.delete_database(&identifier).await {
            let message = shared.world.clean(&error.to_string());
            shared.world.reporter.report(&Event::Warning { message });
        }
    }
    shared.lives.sleep(DELETION).await?;
    let gone = shared.lock().instances.remove(&identifier)?;
    shared.network.use_groups(&user(&identifier), &[]);
    if let Some(arn) = gone
        .shown
        .master_user_secret
        .and_then(|secret| secret.secret_arn)
    {
        shared.secrets.delete_managed(&arn);
    }
    Some(())
}
