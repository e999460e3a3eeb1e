//! A managed platform update: AWS moves an environment to the newest version of its platform by
//! itself. On AWS that happens in the maintenance window; here the fault script says when.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::operation::{Operation, begin};
use super::update::{Change, update};
use crate::beanstalk::event_log::Severity;
use crate::beanstalk::health::Work;
use crate::beanstalk::names;
use crate::beanstalk::shared::Shared;
use crate::beanstalk::state::{EnvironmentStatus, Managed};

/// How long a managed update waits for the environment to be free.
const WINDOW: Duration = Duration::from_secs(2 * 3600);

/// Waits for `after`, and until the environment is ready, and updates its platform. Gives up when the
/// window is over or the environment is gone.
pub(crate) async fn managed_update(shared: Arc<Shared>, environment: String, after: Duration) {
    let operation = Operation {
        shared,
        environment,
        request_id: names::request_id(),
        abort: CancellationToken::new(),
    };
    if operation.sleep(after).await.is_err() {
        return;
    }
    loop {
        let ready = operation
            .wait_until(WINDOW, |environment| {
                environment.status == EnvironmentStatus::Ready
            })
            .await;
        if ready != Ok(true) {
            return;
        }
        let now = operation.now();
        // Someone else may have been faster: looked at and taken under one lock.
        let platform = operation.change(|environment| {
            if environment.status != EnvironmentStatus::Ready {
                return None;
            }
            let status = EnvironmentStatus::Updating;
            let work = Work::ConfigurationUpdate;
            begin(environment, status, work, &operation.request_id, now);
            let platform = environment.platform.newest();
            environment.managed = Some(Managed {
                id: format!("Action-{}", names::hexadecimal()),
                description: format!("Update platform version to {}.", platform.solution_stack()),
            });
            Some(platform)
        });
        let Ok(platform) = platform else { return };
        if platform.is_some() {
            operation.tell(Severity::Info, "Managed platform update is in-progress.");
            let change = Change {
                platform,
                ..Change::default()
            };
            return update(operation, change).await;
        }
    }
}
