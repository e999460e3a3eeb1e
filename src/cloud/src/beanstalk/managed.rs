//! Managed actions: what AWS does with an environment by itself, in its maintenance window.

use beanpole_model::EnvironmentName;
use serde::Serialize;

use super::{Beanstalk, SERVICE, named as object};
use crate::Error;
use crate::text::named;

named!(
    /// What a managed action does.
    ManagedActionKind {
        /// Moves the environment to a newer version of its platform.
        PlatformUpdate = "PlatformUpdate",
        /// Replaces the instances, with the same platform.
        InstanceRefresh = "InstanceRefresh",
    }
);

named!(
    /// How far a managed action is.
    ManagedActionStatus {
        /// Due in the next maintenance window.
        Scheduled = "Scheduled",
        /// About to begin.
        Pending = "Pending",
        /// At work: the environment takes no other change.
        Running = "Running",
    }
);

/// A managed action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ManagedAction {
    /// Its id.
    pub id: String,
    /// AWS's words for it.
    pub description: String,
    /// What it does.
    pub kind: ManagedActionKind,
    /// How far it is.
    pub status: ManagedActionStatus,
}

impl Beanstalk {
    /// The managed actions of an environment that are due or under way.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn managed_actions(
        &self,
        environment: &EnvironmentName,
    ) -> Result<Vec<ManagedAction>, Error> {
        let answer = self
            .client
            .describe_environment_managed_actions()
            .environment_name(environment.as_str())
            .send()
            .await
            .map_err(SERVICE.failed("DescribeEnvironmentManagedActions", object(environment)))?;
        let actions = answer.managed_actions.unwrap_or_default().into_iter();
        Ok(actions
            .map(|action| ManagedAction {
                id: action.action_id.unwrap_or_default(),
                description: action.action_description.unwrap_or_default(),
                kind: ManagedActionKind::parse(
                    action.action_type.as_ref().map_or("", |kind| kind.as_str()),
                ),
                status: ManagedActionStatus::parse(
                    action.status.as_ref().map_or("", |status| status.as_str()),
                ),
            })
            .collect())
    }
}
