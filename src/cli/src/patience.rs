//! Polling by commands that go on until they are interrupted.
//!
//! Rules: pauses differ by a tenth, so that several jobs do not ask in step. Passing trouble
//! (throttling, a broken connection) doubles the pause and is told once; it never ends the command.

use std::fmt::Display;
use std::time::Duration;

use beanpole_model::Pace;

use crate::context::Context;

/// The longest pause after trouble, as a multiple of the usual one.
const LONGEST: u32 = 6;

/// How much each pause differs, as a share of it.
const JITTER: f64 = 0.1;

/// How long to wait before the next question.
#[derive(Debug)]
pub(crate) struct Patience {
    usual: Duration,
    now: Duration,
}

impl Patience {
    /// Waits `usual` (in AWS time) while all is well.
    pub(crate) fn new(usual: Duration) -> Self {
        Self { usual, now: usual }
    }

    /// The pause to make, in AWS time.
    pub(crate) fn wait(&self) -> Duration {
        self.now
    }

    /// The last question was answered.
    pub(crate) fn well(&mut self) {
        self.now = self.usual;
    }

    /// The last question met passing trouble: asks less often. Gives a line to show the first time.
    pub(crate) fn trouble(&mut self, error: &dyn Display) -> Option<String> {
        let is_news = self.now == self.usual;
        self.now = (self.now * 2).min(self.usual * LONGEST);
        is_news.then(|| format!("warning: {error}; asking again"))
    }
}

/// Sleeps for `aws_time`, give or take the jitter. False if interrupted.
pub(crate) async fn pause(context: &Context, pace: Pace, aws_time: Duration) -> bool {
    let jitter = rand::random_range(1.0 - JITTER..=1.0 + JITTER);
    tokio::select! {
        biased;
        () = context.cancel.cancelled() => false,
        () = tokio::time::sleep(pace.wait(aws_time.mul_f64(jitter))) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_doubles_the_pause_and_is_told_once() {
        let usual = Duration::from_secs(10);
        let mut patience = Patience::new(usual);
        assert!(patience.trouble(&"throttled").is_some());
        assert!(patience.trouble(&"throttled").is_none());
        for _ in 0..5 {
            patience.trouble(&"throttled");
        }
        assert_eq!(patience.wait(), usual * LONGEST);
        patience.well();
        assert_eq!(patience.wait(), usual);
        assert!(patience.trouble(&"throttled").is_some());
    }
}
