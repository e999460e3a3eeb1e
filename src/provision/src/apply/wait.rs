//! Waiting for AWS: one poll with jitter, one deadline, and an ear for interruptions.
//!
//! The SDK's own waiters are not used: they give up too early (Beanstalk's after under 7 minutes,
//! ElastiCache's after 10), and do not know what a failure looks like.

use std::time::Duration;

use beanpole_cloud::Kind as Failure;
use tokio::time::Instant;

use super::Context;
use crate::error::Error;
use crate::plan::Resource;

/// The pause between two looks, in AWS's time, before jitter.
const POLL: Duration = Duration::from_secs(15);
/// How far a pause may be off, so that parallel runs do not ask in step.
const JITTER: f64 = 0.2;

/// How long a database may take to be created. Real ones take 7 to 20 minutes; the deadline is the one
/// that Terraform's provider uses.
pub(super) const DATABASE_CREATION: Duration = Duration::from_secs(40 * 60);
/// How long a change of a database may take (Terraform's provider: 80 minutes).
pub(super) const DATABASE_CHANGE: Duration = Duration::from_secs(80 * 60);
/// How long a cache may take to be created or changed. Real ones take 9 to 21 minutes.
pub(super) const CACHE: Duration = Duration::from_secs(40 * 60);
/// How long an environment may take to be created. Real ones take 6 to 10 minutes.
pub(super) const ENVIRONMENT_CREATION: Duration = Duration::from_secs(30 * 60);
/// How long a change of an environment may take at least: instances may be replaced one by one.
pub(super) const ENVIRONMENT_CHANGE: Duration = Duration::from_secs(60 * 60);

/// What one look showed.
pub(super) enum Look<T> {
    /// It is there.
    Done(T),
    /// Not yet: its state in words.
    NotYet(String),
    /// It will not be there: its state and AWS's reasons.
    Broken(String, Vec<String>),
}

impl Context<'_> {
    /// Looks again and again until the thing is there, broken, or the time is up. The first look is at
    /// once. Failures of a look that may pass (throttling, network, AWS's own) do not end the wait.
    pub(super) async fn until<T>(
        &self,
        resource: &Resource,
        step: &str,
        longest: Duration,
        mut look: impl AsyncFnMut() -> Result<Look<T>, Error>,
    ) -> Result<T, Error> {
        let started = Instant::now();
        let deadline = self.pace.deadline(longest);
        let mut told = String::new();
        loop {
            let status = match look().await {
                Ok(Look::Done(found)) => return Ok(found),
                Ok(Look::Broken(status, causes)) => {
                    return Err(Error::Broken {
                        resource: resource.clone(),
                        status,
                        causes,
                    });
                }
                Ok(Look::NotYet(status)) => status,
                Err(error) if passes(&error) => {
                    tracing::debug!("a look at {resource} failed: {error}");
                    format!("not seen ({})", super::one_line(&error))
                }
                Err(error) => return Err(error),
            };
            if status != told {
                self.reporter.progress(step, status.clone());
                told.clone_from(&status);
            }
            if started.elapsed() >= deadline {
                let resource = resource.clone();
                return Err(Error::OutOfTime {
                    resource,
                    status,
                    waited: longest,
                });
            }
            self.pause(resource).await?;
        }
    }

    /// One pause between two looks.
    pub(super) async fn pause(&self, resource: &Resource) -> Result<(), Error> {
        let factor = rand::random_range(1.0 - JITTER..1.0 + JITTER);
        let pause = self.pace.wait(POLL.mul_f64(factor));
        tokio::select! {
            () = self.stop.cancelled() => Err(Error::Interrupted { resource: resource.clone() }),
            () = tokio::time::sleep(pause) => Ok(()),
        }
    }
}

/// True if the same call may work a little later.
pub(super) fn passes(error: &Error) -> bool {
    matches!(
        error,
        Error::Cloud { source, .. }
            if matches!(source.kind, Failure::Throttled | Failure::Network | Failure::Service)
    )
}
