//! How long steps usually take, from the releases before. Pure.
//!
//! Rules: only steps that did their work count; a step that was skipped, unchanged or failed says
//! nothing about how long it takes. The newest [`RELEASES`] times are used. Below [`FEWEST`] nothing is
//! "usual".

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

/// How many releases are looked back on.
pub const RELEASES: usize = 10;

/// The fewest times that make something usual.
pub const FEWEST: usize = 3;

/// How much slower than usual a step must be to be remarked on, as a factor of the slow end.
const REMARKABLE: f64 = 1.5;

/// Differences below this many seconds are never remarked on.
const NOTICEABLE: f64 = 5.0;

/// How long a step usually takes, in seconds of the wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Usual {
    /// Half of the releases were faster.
    pub median: f64,
    /// Nine of ten releases were faster.
    pub p90: f64,
}

/// What is usual of `times`, in seconds, newest first. Nonsense values are left out. `None` if there
/// are fewer than [`FEWEST`].
#[must_use]
pub fn usual(times: &[f64]) -> Option<Usual> {
    let mut times: Vec<f64> = times
        .iter()
        .copied()
        .filter(|time| time.is_finite() && *time >= 0.0)
        .take(RELEASES)
        .collect();
    if times.len() < FEWEST {
        return None;
    }
    times.sort_by(f64::total_cmp);
    Some(Usual {
        median: rank(&times, 50),
        p90: rank(&times, 90),
    })
}

/// The value that `percent` of the sorted values do not exceed, between the two nearest ones.
fn rank(sorted: &[f64], percent: usize) -> f64 {
    let last = sorted.len().saturating_sub(1);
    let (index, rest) = (last * percent / 100, last * percent % 100);
    let low = sorted.get(index).copied().unwrap_or_default();
    let high = sorted.get(index + 1).copied().unwrap_or(low);
    // At most 99, so nothing is lost.
    let share = f64::from(u32::try_from(rest).unwrap_or_default()) / 100.0;
    low + (high - low) * share
}

impl Usual {
    /// How a step of `seconds` compares, as an aside: `usually 42 s`, or `slower than usual: 42 s`.
    #[must_use]
    pub fn beside(&self, seconds: f64) -> String {
        let is_slow = seconds > self.p90 * REMARKABLE && seconds - self.p90 > NOTICEABLE;
        if is_slow {
            format!("slower than usual: {self}")
        } else {
            format!("usually {self}")
        }
    }
}

impl fmt::Display for Usual {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&seconds_text(self.median))
    }
}

/// `0.3 s`, `42 s`, `3 min 20 s`: as exact as a comparison needs.
fn seconds_text(seconds: f64) -> String {
    if seconds < 9.95 {
        return format!("{seconds:.1} s");
    }
    // Rounded by the formatter, which loses nothing; parsed back for minutes.
    let whole: u64 = format!("{seconds:.0}").parse().unwrap_or(u64::MAX);
    match whole {
        0..=119 => format!("{whole} s"),
        _ => format!("{} min {} s", whole / 60, whole % 60),
    }
}

/// Times of former releases by step id.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    times: BTreeMap<String, Vec<f64>>,
}

impl History {
    /// A history of nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the time of a step that did its work. Call it for the newest release first.
    pub fn add(&mut self, step: &str, seconds: f64) {
        self.times.entry(step.to_owned()).or_default().push(seconds);
    }

    /// How long a step usually takes.
    #[must_use]
    pub fn usual(&self, step: &str) -> Option<Usual> {
        usual(self.times.get(step)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(left: f64, right: f64) -> bool {
        (left - right).abs() < 1e-9
    }

    #[test]
    fn the_median_and_the_slow_end() {
        let found = usual(&[40.0, 42.0, 44.0]).unwrap();
        assert!(
            close(found.median, 42.0) && close(found.p90, 43.6),
            "{found:?}"
        );
        let ten: Vec<f64> = (1..=10).map(f64::from).collect();
        let found = usual(&ten).unwrap();
        assert!(
            close(found.median, 5.5) && close(found.p90, 9.1),
            "{found:?}"
        );
    }

    #[test]
    fn too_few_times_are_nothing_usual() {
        assert_eq!(usual(&[]), None);
        assert_eq!(usual(&[1.0, 2.0]), None);
        assert_eq!(usual(&[1.0, f64::NAN, -2.0, f64::INFINITY, 2.0]), None);
    }

    #[test]
    fn only_the_newest_releases_count() {
        let mut times = vec![10.0; RELEASES];
        times.extend([1000.0; 50]);
        let found = usual(&times).unwrap();
        assert!(close(found.p90, 10.0), "{found:?}");
    }

    #[test]
    fn a_slow_step_is_remarked_on_and_a_small_difference_is_not() {
        let usual = Usual {
            median: 42.0,
            p90: 50.0,
        };
        assert_eq!(usual.beside(44.0), "usually 42 s");
        assert_eq!(usual.beside(74.0), "usually 42 s");
        assert_eq!(usual.beside(80.0), "slower than usual: 42 s");
        let quick = Usual {
            median: 0.25,
            p90: 0.3,
        };
        assert_eq!(quick.beside(2.0), "usually 0.2 s");
    }

    #[test]
    fn times_are_read_as_people_say_them() {
        for (seconds, text) in [
            (0.04, "0.0 s"),
            (9.96, "10 s"),
            (119.4, "119 s"),
            (200.2, "3 min 20 s"),
        ] {
            assert_eq!(seconds_text(seconds), text);
        }
    }

    #[test]
    fn a_history_knows_its_steps_apart() {
        let mut history = History::new();
        for seconds in [300.0, 310.0, 320.0] {
            history.add("update", seconds);
        }
        history.add("prove", 20.0);
        assert_eq!(history.usual("update").unwrap().to_string(), "5 min 10 s");
        assert_eq!(history.usual("prove"), None);
        assert_eq!(history.usual("soak"), None);
    }
}
