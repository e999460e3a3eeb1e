//! The life cycles of databases and caches: tasks that sleep on the world's clock and work in the data
//! plane.
//!
//! Rule: the end of the rehearsal ends sleeps, never work in the data plane. What was begun there is
//! finished, so that removing everything finds everything.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::data_plane::DataPlaneError;
use crate::world::World;

/// How a creation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Made {
    /// It runs.
    Running,
    /// It does not; the reason holds no secrets.
    Failed(String),
}

/// Starts life cycles and ends them with the rehearsal. Clones share them.
#[derive(Clone)]
pub(super) struct Lives {
    world: Arc<World>,
    cancel: CancellationToken,
    tasks: TaskTracker,
}

impl Lives {
    /// Life cycles that end when `cancel` is cancelled.
    pub(super) fn new(world: &Arc<World>, cancel: &CancellationToken) -> Self {
        Self {
            world: world.clone(),
            cancel: cancel.clone(),
            tasks: TaskTracker::new(),
        }
    }

    /// Runs a life cycle. It ends early, with `None`, where a [`Self::sleep`] says so.
    pub(super) fn spawn(&self, life: impl Future<Output = Option<()>> + Send + 'static) {
        drop(self.tasks.spawn(life));
    }

    /// A task that ends when the rehearsal has ended and no life cycle runs any more.
    pub(super) fn finished(&self) -> JoinHandle<()> {
        let Self { cancel, tasks, .. } = self.clone();
        tokio::spawn(async move {
            cancel.cancelled().await;
            tasks.close();
            tasks.wait().await;
        })
    }

    /// Sleeps for this much of the world's time; `None` if the rehearsal ended meanwhile.
    pub(super) async fn sleep(&self, duration: Duration) -> Option<()> {
        self.cancel
            .run_until_cancelled(self.world.clock.sleep(duration))
            .await
    }

    /// Creates something in the data plane while the world's time passes. Returns when both are done: the
    /// work, and `takes` of time (longer if the fault script says so). The clock is held while real work
    /// is done. `None` if the rehearsal ended meanwhile; the work is done then, too.
    pub(super) async fn create(
        &self,
        identifier: &str,
        takes: Duration,
        work: impl Future<Output = Result<(), DataPlaneError>>,
    ) -> Option<Made> {
        let faults = self.world.faults();
        let fails = faults.creation_fails(identifier);
        let longer = faults.slow_creation(identifier).unwrap_or_default();
        let work = async {
            let _hold = self.world.hold_for_real_work();
            if fails { Ok(()) } else { work.await }
        };
        let (worked, slept) = tokio::join!(work, self.sleep(takes.saturating_add(longer)));
        slept?;
        Some(match worked {
            _ if fails => Made::Failed("the fault script says so".to_owned()),
            Ok(()) => Made::Running,
            Err(error) => Made::Failed(self.world.clean(&error.to_string())),
        })
    }
}
