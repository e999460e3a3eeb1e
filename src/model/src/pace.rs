//! How fast the other side's clock runs.
//!
//! AWS runs at the wall clock's pace. The embedded AWS runs faster, so the pauses between our polls
//! shrink with it. Deadlines do not shrink while real containers do real work: building an image
//! takes its time on any clock.

use std::time::Duration;

/// The shortest pause between two polls, so that a very fast rehearsal does not spin.
const SHORTEST_WAIT: Duration = Duration::from_millis(10);

/// Translates durations of AWS's clock into durations of this machine's clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    speed: f64,
    scale_deadlines: bool,
}

impl Pace {
    /// The pace of AWS itself.
    pub const AWS: Self = Self {
        speed: 1.0,
        scale_deadlines: false,
    };

    /// The pace of a rehearsal whose clock runs `speed` times as fast as the wall's; values below 1
    /// or not finite count as 1. `scale_deadlines` says whether deadlines shrink too: only when no
    /// real container work happens.
    #[must_use]
    pub fn rehearsal(speed: f64, scale_deadlines: bool) -> Self {
        let speed = if speed.is_finite() {
            speed.max(1.0)
        } else {
            1.0
        };
        Self {
            speed,
            scale_deadlines,
        }
    }

    /// How many times as fast as the wall clock the other side runs; at least 1.
    #[must_use]
    pub fn speed(self) -> f64 {
        self.speed
    }

    /// The real time to sleep for a pause of `aws_time`; at least 10 ms.
    #[must_use]
    pub fn wait(self, aws_time: Duration) -> Duration {
        aws_time.div_f64(self.speed).max(SHORTEST_WAIT)
    }

    /// The real time that a deadline of `aws_time` grants. A scaled deadline keeps at least 10
    /// seconds, for the sake of slow machines.
    #[must_use]
    pub fn deadline(self, aws_time: Duration) -> Duration {
        if self.scale_deadlines {
            aws_time
                .div_f64(self.speed)
                .max(Duration::from_secs(10).min(aws_time))
        } else {
            aws_time
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_shrink_with_speed_and_deadlines_only_when_asked() {
        let minute = Duration::from_secs(60);
        assert_eq!(Pace::AWS.wait(minute), minute);
        let engine = Pace::rehearsal(60.0, false);
        assert_eq!(engine.wait(minute), Duration::from_secs(1));
        assert_eq!(engine.deadline(minute), minute);
        assert_eq!(
            Pace::rehearsal(2.0, true).deadline(minute),
            Duration::from_secs(30)
        );
    }

    #[test]
    fn nonsense_speeds_count_as_one() {
        for speed in [0.0, -3.0, f64::NAN, f64::INFINITY] {
            assert!((Pace::rehearsal(speed, true).speed() - 1.0).abs() < f64::EPSILON);
        }
    }
}
