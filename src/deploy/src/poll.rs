//! The loop around looks at AWS: when to look again, and when to stop.
//!
//! Rules: one deadline for each wait. Passing trouble makes the looks rarer and never ends the wait
//! before its deadline; final trouble ends it at once. Every wait can be interrupted.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

use crate::deadline;
use crate::error::Error;
use crate::scene::{Scene, is_passing};

/// How much longer the pause may get while looks fail.
const LONGEST: u32 = 6;

/// One wait.
pub(crate) struct Poll {
    end: Instant,
    limit: Duration,
    pause: Duration,
}

impl Poll {
    /// A wait that lasts `limit` at most, in AWS time.
    pub(crate) fn new(scene: &Scene<'_>, limit: Duration) -> Self {
        Self {
            end: Instant::now() + scene.pace.deadline(limit),
            limit,
            pause: deadline::POLL,
        }
    }

    /// Pauses before the next look. `trouble` is why the last one failed, if it did.
    ///
    /// # Errors
    /// [`Error::Cloud`] for final trouble, and for any once the time is up; what `late` makes of the
    /// limit when the time is up; [`Error::Interrupted`].
    pub(crate) async fn next(
        &mut self,
        scene: &Scene<'_>,
        doing: &'static str,
        trouble: Option<beanpole_cloud::Error>,
        late: impl FnOnce(Duration) -> Error,
    ) -> Result<(), Error> {
        let is_late = Instant::now() >= self.end;
        self.pause = match trouble {
            Some(source) if is_late || !is_passing(&source) => {
                return Err(Error::Cloud { doing, source });
            }
            None if is_late => return Err(late(self.limit)),
            // Throttled or cut off: ask less often.
            Some(_) => (self.pause * 2).min(deadline::POLL * LONGEST),
            None => deadline::POLL,
        };
        scene.pause(self.pause).await
    }
}

impl Scene<'_> {
    /// What a look shows, unless the release is interrupted first.
    ///
    /// # Errors
    /// [`Error::Interrupted`].
    pub(crate) async fn seen<T>(&self, look: impl Future<Output = T>) -> Result<T, Error> {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(Error::Interrupted),
            seen = look => Ok(seen),
        }
    }
}
