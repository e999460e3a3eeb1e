//! The clock of the embedded AWS.
//!
//! Virtual time starts at the wall clock's now and runs `speed` times as fast. While real work is
//! under way (a container starts, an image is built) a [`Hold`] slows the clock down to the wall's
//! pace: real work takes its real time on any clock, and a command timeout of ten minutes gives it ten
//! real minutes, as on AWS.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio::time::Instant;

/// A clock that can run faster than the wall's. Clones share one clock.
#[derive(Clone, Debug)]
pub struct Clock {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    speed: f64,
    inner: Mutex<Inner>,
    /// Counts changes of the pace, so that sleepers recompute.
    changes: watch::Sender<u64>,
}

#[derive(Debug)]
struct Inner {
    /// Virtual time at `real`.
    base: Timestamp,
    real: Instant,
    holds: usize,
}

/// Keeps the clock at the wall's pace until dropped.
#[derive(Debug)]
#[must_use = "the clock is held only as long as this value lives"]
pub struct Hold {
    clock: Clock,
}

impl Clock {
    /// A clock that starts at `start` and runs `speed` times as fast as the wall's. Values below 1 or
    /// not finite count as 1. Must be called inside a Tokio runtime.
    #[must_use]
    pub fn new(start: Timestamp, speed: f64) -> Self {
        let speed = if speed.is_finite() {
            speed.max(1.0)
        } else {
            1.0
        };
        let inner = Inner {
            base: start,
            real: Instant::now(),
            holds: 0,
        };
        let (changes, _) = watch::channel(0);
        Self {
            shared: Arc::new(Shared {
                speed,
                inner: Mutex::new(inner),
                changes,
            }),
        }
    }

    /// How many times as fast as the wall clock this one runs when nothing holds it.
    #[must_use]
    pub fn speed(&self) -> f64 {
        self.shared.speed
    }

    /// Virtual time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let inner = self.lock();
        add(inner.base, self.virtual_elapsed(&inner))
    }

    /// Slows the clock down to the wall's pace until the returned value is dropped. Holds nest.
    pub fn hold(&self) -> Hold {
        self.change_holds(|holds| holds.saturating_add(1));
        Hold {
            clock: self.clone(),
        }
    }

    /// Sleeps for `duration` of virtual time.
    pub async fn sleep(&self, duration: Duration) {
        self.sleep_until(add(self.now(), duration)).await;
    }

    /// Sleeps until virtual time reaches `instant`; returns at once if it has.
    pub async fn sleep_until(&self, instant: Timestamp) {
        let mut changes = self.shared.changes.subscribe();
        loop {
            let Some(remaining) = self.real_time_until(instant) else {
                return;
            };
            tokio::select! {
                () = tokio::time::sleep(remaining) => {}
                // The sender lives as long as `self`, so an error cannot happen; if it did, the
                // sleep above would still end the wait.
                _ = changes.changed() => {}
            }
        }
    }

    /// The real time until virtual time reaches `instant` at the present pace; `None` if it has.
    fn real_time_until(&self, instant: Timestamp) -> Option<Duration> {
        let inner = self.lock();
        let now = add(inner.base, self.virtual_elapsed(&inner));
        let remaining = Duration::try_from(instant.duration_since(now)).ok()?;
        if remaining.is_zero() {
            return None;
        }
        let pace = self.pace(&inner);
        // Rounded up to a microsecond, so that a wake-up is never too early by rounding alone.
        Some(remaining.div_f64(pace).max(Duration::from_micros(1)))
    }

    fn change_holds(&self, change: impl FnOnce(usize) -> usize) {
        {
            let mut inner = self.lock();
            inner.base = add(inner.base, self.virtual_elapsed(&inner));
            inner.real = Instant::now();
            inner.holds = change(inner.holds);
        }
        self.shared
            .changes
            .send_modify(|count| *count = count.wrapping_add(1));
    }

    fn virtual_elapsed(&self, inner: &Inner) -> Duration {
        inner.real.elapsed().mul_f64(self.pace(inner))
    }

    fn pace(&self, inner: &Inner) -> f64 {
        if inner.holds == 0 {
            self.shared.speed
        } else {
            1.0
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.shared
            .inner
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.clock.change_holds(|holds| holds.saturating_sub(1));
    }
}

/// `instant + duration`, staying at the largest timestamp instead of overflowing.
#[must_use]
pub fn add(instant: Timestamp, duration: Duration) -> Timestamp {
    SignedDuration::try_from(duration)
        .ok()
        .and_then(|duration| instant.checked_add(duration).ok())
        .unwrap_or(Timestamp::MAX)
}

/// The time from `earlier` to `later`; zero if it is the other way round.
#[must_use]
pub fn between(earlier: Timestamp, later: Timestamp) -> Duration {
    Duration::try_from(later.duration_since(earlier)).unwrap_or(Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds_since(clock: &Clock, start: Timestamp) -> u64 {
        (between(start, clock.now()) + Duration::from_millis(1)).as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn runs_at_its_speed_and_at_the_walls_pace_while_held() {
        let start = Timestamp::UNIX_EPOCH;
        let clock = Clock::new(start, 60.0);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(seconds_since(&clock, start), 60);
        let first = clock.hold();
        let second = clock.hold();
        tokio::time::sleep(Duration::from_secs(5)).await;
        drop(first);
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(seconds_since(&clock, start), 70);
        drop(second);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(seconds_since(&clock, start), 130);
    }

    #[tokio::test(start_paused = true)]
    async fn a_sleeper_notices_that_the_clock_is_held_and_released() {
        let start = Timestamp::UNIX_EPOCH;
        let clock = Clock::new(start, 60.0);
        let real = Instant::now();
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep(Duration::from_secs(120)).await }
        });
        tokio::time::sleep(Duration::from_secs(1)).await;
        let hold = clock.hold();
        tokio::time::sleep(Duration::from_secs(30)).await;
        drop(hold);
        sleeper.await.unwrap();
        // 60 s in the first second, 30 s while held, the rest in half a second.
        assert_eq!(
            (real.elapsed() + Duration::from_millis(2)).as_millis() / 10,
            3150
        );
    }

    #[tokio::test(start_paused = true)]
    async fn the_past_is_not_waited_for() {
        let clock = Clock::new(Timestamp::UNIX_EPOCH, 1.0);
        clock.sleep_until(Timestamp::MIN).await;
    }
}
