//! Percentages as coverage.py computes, rounds and compares them (coverage/results.py: `Numbers`, `should_fail_under`,
//! `display_covered`).

use serde::{Deserialize, Serialize};

/// Counts of statements and branches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Tally {
    /// Statements that can be executed.
    pub statements: u64,
    /// Those that were.
    pub covered: u64,
    /// Ways out of branching statements, if they were measured.
    pub branches: u64,
    /// Those that were taken.
    pub covered_branches: u64,
}

/// More than any project has; keeps sums of hostile figures exact.
const MOST: u64 = 1 << 50;

impl Tally {
    /// Adds the counts of another part.
    pub(super) fn add(&mut self, other: Self) {
        self.statements = self.statements.saturating_add(other.statements).min(MOST);
        self.covered = self.covered.saturating_add(other.covered).min(MOST);
        self.branches = self.branches.saturating_add(other.branches).min(MOST);
        self.covered_branches = self
            .covered_branches
            .saturating_add(other.covered_branches)
            .min(MOST);
    }

    /// Everything that could be covered.
    pub(super) fn all(self) -> u64 {
        self.statements.saturating_add(self.branches)
    }

    fn hit(self) -> u64 {
        self.covered.saturating_add(self.covered_branches)
    }

    /// The percentage that was covered, with branches where they were measured. Nothing to cover is 100 %.
    #[must_use]
    pub fn percent(self) -> f64 {
        if self.all() == 0 {
            return 100.0;
        }
        let (hit, all) = (self.hit().min(self.all()), self.all());
        100.0 * as_float(hit) / as_float(all)
    }
}

/// Exact below 2^53; larger counts do not exist, and an approximation would do.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of lines are far below 2^53"
)]
fn as_float(count: u64) -> f64 {
    count as f64
}

/// The figures of a run, for a summary.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Numbers {
    /// The whole; none without a readable report.
    pub total: Option<Tally>,
    /// The changed statements; none without a report, or when every file is judged.
    pub changed: Option<Tally>,
    /// The base's figure, in percent.
    pub base: Option<f64>,
}

/// Whether that coverage fails that threshold.
pub(super) fn fails(percent: f64, threshold: f64, precision: u8) -> bool {
    if threshold >= 100.0 {
        return percent < 100.0;
    }
    rounded(percent, places(threshold, precision)) < threshold
}

/// The decimal places to which both are compared.
pub(super) fn places(threshold: f64, precision: u8) -> u8 {
    let text = threshold.to_string();
    let own = text.split_once('.').map_or(0, |(_, places)| places.len());
    precision.max(u8::try_from(own).unwrap_or(u8::MAX)).min(10)
}

/// Python's `round`: to the nearest, halves to even, of the exact binary value. Rust's formatting does the same.
fn rounded(value: f64, places: u8) -> f64 {
    format!("{value:.*}", usize::from(places))
        .parse()
        .unwrap_or(value)
}

/// A percentage with so many decimal places, as coverage.py shows it: 99.99 is never shown as 100, nor 0.01 as 0.
#[must_use]
pub fn shown(percent: f64, places: u8) -> String {
    let step = 10f64.powi(-i32::from(places));
    let kept = if percent > 0.0 && percent < step {
        step
    } else if percent < 100.0 && percent > 100.0 - step {
        100.0 - step
    } else {
        percent
    };
    format!("{kept:.*} %", usize::from(places))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(covered: u64, statements: u64) -> Tally {
        Tally {
            statements,
            covered,
            ..Tally::default()
        }
    }

    #[test]
    fn rounds_before_it_compares() {
        // coverage.py's tests: 89.5 rounds to 90 and 0.5 to 0 (halves to even).
        assert!(!fails(89.6, 90.0, 0));
        assert!(fails(89.4, 90.0, 0));
        assert!(fails(89.6, 90.0, 1));
        assert!(!fails(42.857, 42.86, 0), "the threshold has two places");
        assert!(fails(42.857, 42.87, 0));
        assert!(!fails(90.5, 90.0, 0) && fails(0.5, 1.0, 0) && !fails(1.5, 2.0, 0));
    }

    #[test]
    fn a_hundred_is_every_line() {
        assert!(fails(99.999_999, 100.0, 0));
        assert!(!fails(100.0, 100.0, 0));
        assert!(fails(99.5, 100.0, 0) && !fails(99.5, 99.0, 0));
    }

    #[test]
    fn branches_count_where_they_were_measured() {
        let with = Tally {
            branches: 4,
            covered_branches: 1,
            ..tally(5, 6)
        };
        assert!((with.percent() - 60.0).abs() < 1e-9);
        assert!((Tally::default().percent() - 100.0).abs() < 1e-9);
    }

    #[test]
    fn hostile_counts_stay_percentages() {
        let percent = tally(u64::MAX, u64::MAX).percent();
        assert!((0.0..=100.0).contains(&percent));
        assert!((0.0..=100.0).contains(&tally(5, 2).percent()));
    }

    #[test]
    fn what_is_shown_is_never_rounded_to_the_ends() {
        assert_eq!(shown(99.999, 0), "99 %");
        assert_eq!(shown(99.999, 2), "99.99 %");
        assert_eq!(shown(0.001, 0), "1 %");
        assert_eq!(shown(87.5, 1), "87.5 %");
        assert_eq!(shown(100.0, 0), "100 %");
        assert_eq!(shown(0.0, 0), "0 %");
    }
}
