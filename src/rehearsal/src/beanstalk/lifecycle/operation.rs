//! One operation on one environment: its request id, its words, its waits.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::beanstalk::event_log::Severity;
use crate::beanstalk::health::{Finished, Progress, Work};
use crate::beanstalk::shared::Shared;
use crate::beanstalk::state::{Environment, EnvironmentStatus};
use crate::clock::{add, between};

/// Why a life cycle does not reach its good end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The user aborted it, or the environment is gone.
    Aborted,
    /// It failed; the events have said why.
    Failed,
}

/// The result of a step.
pub(crate) type Step<T> = Result<T, Trouble>;

#[derive(Clone)]
pub(crate) struct Operation {
    pub(crate) shared: Arc<Shared>,
    /// The environment's id.
    pub(crate) environment: String,
    pub(crate) request_id: String,
    pub(crate) abort: CancellationToken,
}

impl Operation {
    pub(crate) fn now(&self) -> Timestamp {
        self.shared.world.clock.now()
    }

    /// Looks at the environment.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&Environment) -> T) -> Step<T> {
        self.shared
            .read(|state| state.by_id(&self.environment).map(look))
            .ok_or(Trouble::Aborted)
    }

    /// Changes the environment.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Environment) -> T) -> Step<T> {
        self.shared
            .change(|state| state.by_id_mut(&self.environment).map(change))
            .ok_or(Trouble::Aborted)
    }

    pub(crate) fn info(&self, message: impl Into<String>) {
        self.tell(Severity::Info, message);
    }

    pub(crate) fn error(&self, message: impl Into<String>) {
        self.tell(Severity::Error, message);
    }

    pub(crate) fn tell(&self, severity: Severity, message: impl Into<String>) {
        self.shared.change(|state| {
            self.shared.tell(
                state,
                &self.environment,
                Some(&self.request_id),
                severity,
                message,
            );
        });
    }

    /// Sleeps; ends early when the operation is aborted.
    pub(crate) async fn sleep(&self, duration: Duration) -> Step<()> {
        tokio::select! {
            () = self.shared.world.clock.sleep(duration) => Ok(()),
            () = self.abort.cancelled() => Err(Trouble::Aborted),
        }
    }

    /// Waits until `reached` is true of the environment, at most for `limit`. False if the time ran
    /// out first.
    pub(crate) async fn wait_until(
        &self,
        limit: Duration,
        reached: impl Fn(&Environment) -> bool,
    ) -> Step<bool> {
        let mut bell = self.shared.bell();
        let clock = &self.shared.world.clock;
        let deadline = clock.sleep_until(add(clock.now(), limit));
        tokio::pin!(deadline);
        loop {
            if self.read(&reached)? {
                return Ok(true);
            }
            tokio::select! {
                _ = bell.changed() => {}
                () = &mut deadline => return self.read(&reached),
                () = self.abort.cancelled() => return Err(Trouble::Aborted),
            }
        }
    }

    /// Counts instances that the operation is done with, for the health page.
    pub(crate) fn count(&self, done: usize, failed: usize) -> Step<()> {
        self.change(|environment| {
            if let Some(progress) = &mut environment.progress {
                progress.done = progress.done.saturating_add(done);
                progress.failed = progress.failed.saturating_add(failed);
            }
        })
    }

    /// Ends the operation: the environment is ready again, `last` is done to it, and the events are
    /// said, all at once, so that nobody sees one without the other.
    pub(crate) fn finish(
        &self,
        events: &[(Severity, String)],
        last: impl FnOnce(&mut Environment),
    ) {
        self.finish_as(EnvironmentStatus::Ready, events, last);
    }

    /// As [`Operation::finish`], with another status at the end.
    pub(crate) fn finish_as(
        &self,
        status: EnvironmentStatus,
        events: &[(Severity, String)],
        last: impl FnOnce(&mut Environment),
    ) {
        let now = self.now();
        self.shared.change(|state| {
            for (severity, message) in events {
                self.shared.tell(
                    state,
                    &self.environment,
                    Some(&self.request_id),
                    *severity,
                    message.clone(),
                );
            }
            if let Some(environment) = state.by_id_mut(&self.environment) {
                last(environment);
                environment.finished = environment.progress.take().map(|progress| Finished {
                    work: progress.work,
                    at: now,
                    took: between(progress.started, now),
                });
                environment.status = status;
                environment.abort = None;
                environment.managed = None;
                environment.updated = now;
            }
        });
    }
}

/// Marks an environment as busy with an operation that a request just started.
pub(crate) fn begin(
    environment: &mut Environment,
    status: EnvironmentStatus,
    work: Work,
    request_id: &str,
    now: Timestamp,
) {
    environment.status = status;
    environment.request_id = Some(request_id.to_owned());
    environment.progress = Some(Progress {
        work,
        started: now,
        done: 0,
        failed: 0,
    });
    environment.updated = now;
}
