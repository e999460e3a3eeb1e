//! Waiting passing trouble out: throttling, broken connections, AWS's own failures.
//!
//! Rules: final trouble is told at once. Every pause can be interrupted, and differs a little from
//! the last one, so that several jobs do not fall into step. Calls are boxed: the SDK's futures are
//! large, and nested in ours they overflow a thread's stack.

use std::future::Future;
use std::time::Duration;

use beanpole_cloud::Kind;
use beanpole_model::Pace;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::error::Error;

/// How long throttling is waited out before the update, in AWS time, beyond the client's own
/// attempts.
const PATIENCE_WITH_THROTTLING: Duration = Duration::from_secs(5 * 60);

/// The same for a broken connection and for AWS's own failures.
const PATIENCE_WITH_FAILURES: Duration = Duration::from_secs(60);

/// The first pause after passing trouble; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(5);

/// The longest pause after passing trouble.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Polls of several jobs must not fall into step: each pause differs by up to this share.
const JITTER: f64 = 0.1;

/// How to wait: at whose pace, and until when at most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience<'a> {
    pub(crate) pace: Pace,
    pub(crate) cancel: &'a CancellationToken,
}

impl Patience<'_> {
    /// Sleeps for `aws_time`, give or take the jitter.
    ///
    /// # Errors
    /// [`Error::Interrupted`].
    pub(crate) async fn pause(self, aws_time: Duration) -> Result<(), Error> {
        let jitter = rand::random_range(1.0 - JITTER..=1.0 + JITTER);
        let pause = self.pace.wait(aws_time.mul_f64(jitter));
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(Error::Interrupted),
            () = tokio::time::sleep(pause) => Ok(()),
        }
    }

    /// Makes a call that may be repeated and given up at any point, and waits passing trouble out.
    ///
    /// # Errors
    /// [`Error::Interrupted`]; [`Error::Cloud`] when the trouble is final or lasts.
    pub(crate) async fn patiently<T, Call, Answer>(
        self,
        doing: &'static str,
        call: Call,
    ) -> Result<T, Error>
    where
        Call: Fn() -> Answer,
        Answer: Future<Output = Result<T, beanpole_cloud::Error>>,
    {
        self.repeatedly(doing, || async {
            tokio::select! {
                biased;
                () = self.cancel.cancelled() => Err(given_up()),
                answer = Box::pin(call()) => answer,
            }
        })
        .await
    }

    /// The same for a call that knows itself how to be given up.
    ///
    /// # Errors
    /// [`Error::Interrupted`]; [`Error::Cloud`] when the trouble is final or lasts.
    pub(crate) async fn repeatedly<T, Call, Answer>(
        self,
        doing: &'static str,
        call: Call,
    ) -> Result<T, Error>
    where
        Call: Fn() -> Answer,
        Answer: Future<Output = Result<T, beanpole_cloud::Error>>,
    {
        let started = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let error = match Box::pin(call()).await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let patience = match error.kind {
                Kind::Interrupted => return Err(Error::Interrupted),
                Kind::Throttled => PATIENCE_WITH_THROTTLING,
                Kind::Network | Kind::Service => PATIENCE_WITH_FAILURES,
                _ => Duration::ZERO,
            };
            if started.elapsed() >= self.pace.deadline(patience) {
                return Err(Error::Cloud {
                    doing,
                    source: error,
                });
            }
            self.pause(pause).await?;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// What a call that was given up comes to.
fn given_up() -> beanpole_cloud::Error {
    beanpole_cloud::Error::new("", "", "", Kind::Interrupted, "")
}
