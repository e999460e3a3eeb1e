//! Probing until it succeeds often enough in a row.

use std::time::Duration;

use beanpole_model::Pace;
use serde::Serialize;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::http::check_http;
use crate::probe::HttpProbe;
use crate::result::ProbeResult;

/// How often a probe must succeed, and how long there is for it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InARow {
    /// How many successes in a row; 0 counts as 1.
    pub successes: u32,
    /// The pause between the end of one probe and the start of the next, in AWS's time.
    pub interval: Duration,
    /// How long the whole may take, in AWS's time.
    pub within: Duration,
    /// How fast AWS's time runs.
    pub pace: Pace,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It succeeded often enough in a row.
    Reached,
    /// Time ran out first.
    OutOfTime,
    /// It was cancelled.
    Cancelled,
}

/// What a row of probes came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Streak {
    /// How it ended.
    pub outcome: Outcome,
    /// How many probes were made.
    pub attempts: u32,
    /// How many succeeded in a row at the end.
    pub in_a_row: u32,
    /// The last probe; `None` if it was cancelled before the first one ended.
    pub last: Option<ProbeResult>,
}

/// Probes until it succeeds often enough in a row. Each result goes to `listener`, with the number of
/// successes in a row so far. The first probe is always made to its end, even if time is short; a
/// cancellation takes effect at once.
pub async fn in_a_row(
    probe: &HttpProbe,
    plan: InARow,
    cancel: &CancellationToken,
    listener: impl FnMut(&ProbeResult, u32),
) -> Streak {
    repeat(plan, cancel, listener, async || check_http(probe).await).await
}

async fn repeat(
    plan: InARow,
    cancel: &CancellationToken,
    mut listener: impl FnMut(&ProbeResult, u32),
    mut check: impl AsyncFnMut() -> ProbeResult,
) -> Streak {
    let deadline = Instant::now() + plan.pace.deadline(plan.within);
    let pause = plan.pace.wait(plan.interval);
    let mut streak = Streak {
        outcome: Outcome::Cancelled,
        attempts: 0,
        in_a_row: 0,
        last: None,
    };
    loop {
        let Some(result) = cancel.run_until_cancelled(check()).await else {
            return streak;
        };
        streak.attempts = streak.attempts.saturating_add(1);
        streak.in_a_row = if result.ok {
            streak.in_a_row.saturating_add(1)
        } else {
            0
        };
        listener(&result, streak.in_a_row);
        streak.last = Some(result);
        if streak.in_a_row >= plan.successes.max(1) {
            streak.outcome = Outcome::Reached;
            return streak;
        }
        if Instant::now() + pause > deadline {
            streak.outcome = Outcome::OutOfTime;
            return streak;
        }
        if cancel
            .run_until_cancelled(tokio::time::sleep(pause))
            .await
            .is_none()
        {
            return streak;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::Phases;

    fn plan(successes: u32, within: u64) -> InARow {
        InARow {
            successes,
            interval: Duration::from_secs(10),
            within: Duration::from_secs(within),
            pace: Pace::AWS,
        }
    }

    fn result(ok: bool) -> ProbeResult {
        ProbeResult {
            url: "http://a/".to_owned(),
            ok,
            status: Some(200),
            elapsed: Duration::ZERO,
            phases: Phases::default(),
            components: Vec::new(),
            failure: None,
        }
    }

    async fn run(plan: InARow, cancel: &CancellationToken, answers: &[bool]) -> (Streak, Vec<u32>) {
        let mut answers = answers.iter().copied();
        let mut heard = Vec::new();
        let streak = repeat(
            plan,
            cancel,
            |_, in_a_row| heard.push(in_a_row),
            async || {
                tokio::time::sleep(Duration::from_secs(1)).await;
                result(answers.next().unwrap_or(false))
            },
        )
        .await;
        (streak, heard)
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_starts_the_count_again() {
        let started = Instant::now();
        let answers = [true, true, false, true, true, true];
        let (streak, heard) = run(plan(3, 600), &CancellationToken::new(), &answers).await;
        assert_eq!(
            (streak.outcome, streak.attempts, streak.in_a_row),
            (Outcome::Reached, 6, 3)
        );
        assert_eq!(heard, [1, 2, 0, 1, 2, 3]);
        assert_eq!(started.elapsed().as_secs(), 6 + 5 * 10);
    }

    #[tokio::test(start_paused = true)]
    async fn time_runs_out_before_a_pause_that_would_be_for_nothing() {
        let started = Instant::now();
        let (streak, _) = run(plan(3, 30), &CancellationToken::new(), &[true, false]).await;
        assert_eq!((streak.outcome, streak.attempts), (Outcome::OutOfTime, 3));
        assert!(started.elapsed().as_secs() <= 30);
        assert!(!streak.last.unwrap().ok);
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_probe_is_made_even_without_time() {
        let (streak, _) = run(plan(1, 0), &CancellationToken::new(), &[true]).await;
        assert_eq!((streak.outcome, streak.attempts), (Outcome::Reached, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn cancelling_takes_effect_at_once() {
        let cancel = CancellationToken::new();
        let later = cancel.clone();
        let started = Instant::now();
        let (answer, ()) = tokio::join!(run(plan(9, 600), &cancel, &[true; 9]), async move {
            tokio::time::sleep(Duration::from_secs(15)).await;
            later.cancel();
        });
        assert_eq!(
            (answer.0.outcome, answer.0.attempts),
            (Outcome::Cancelled, 2)
        );
        assert_eq!(started.elapsed().as_secs(), 15);
    }

    #[tokio::test(start_paused = true)]
    async fn a_fast_clock_shrinks_the_pauses() {
        let started = Instant::now();
        let mut plan = plan(2, 600);
        plan.pace = Pace::rehearsal(10.0, false);
        run(plan, &CancellationToken::new(), &[true, true]).await;
        assert_eq!(started.elapsed().as_secs(), 3);
    }
}
