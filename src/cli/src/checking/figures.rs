//! The figures of coverage, for who reads an answer.

use beanpole_checks::coverage::{Numbers, Settings, Tally, shown};
use serde::Serialize;

/// The coverage of the project.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    #[serde(flatten)]
    total: Figure,
    /// Of the changed statements; none where every file is judged, or nothing that changed can be run.
    changed: Option<Figure>,
    /// What the base had, in percent.
    base_percent: Option<f64>,
    #[serde(skip)]
    places: u8,
}

/// Percentage and counts.
#[derive(Debug, Serialize)]
struct Figure {
    percent: f64,
    statements: u64,
    covered: u64,
    branches: u64,
    covered_branches: u64,
}

impl From<Tally> for Figure {
    fn from(tally: Tally) -> Self {
        Self {
            percent: tally.percent(),
            statements: tally.statements,
            covered: tally.covered,
            branches: tally.branches,
            covered_branches: tally.covered_branches,
        }
    }
}

impl Figures {
    /// Those of a run; none without a report that could be read.
    pub(super) fn new(numbers: &Numbers, settings: &Settings) -> Option<Self> {
        let changed = numbers.changed.filter(|changed| changed.statements > 0);
        Some(Self {
            total: numbers.total?.into(),
            changed: changed.map(Figure::from),
            base_percent: numbers.base,
            // One place at least: most changes move it by less than one percent.
            places: settings.precision.max(1),
        })
    }

    /// The whole, in percent without the sign.
    pub(crate) fn percent(&self) -> String {
        let shown = shown(self.total.percent, self.places);
        shown.trim_end_matches(" %").to_owned()
    }

    /// The figures in a few words.
    pub(super) fn words(&self) -> String {
        let shown = |percent| shown(percent, self.places);
        let changed = (self.changed.as_ref())
            .map(|changed| format!("{} of what changed", shown(changed.percent)));
        let base = self
            .base_percent
            .map(|base| format!("the base {}", shown(base)));
        let more: Vec<String> = changed.into_iter().chain(base).collect();
        let whole = format!("coverage {}", shown(self.total.percent));
        if more.is_empty() {
            whole
        } else {
            format!("{whole} ({})", more.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(covered: u64, statements: u64) -> Tally {
        Tally {
            covered,
            statements,
            ..Tally::default()
        }
    }

    #[test]
    fn figures_are_said_as_far_as_they_are_known() {
        let words = |numbers: Numbers| {
            Figures::new(&numbers, &Settings::default()).map(|figures| figures.words())
        };
        let mut numbers = Numbers {
            total: None,
            changed: None,
            base: Some(50.0),
        };
        assert_eq!(words(numbers), None);
        numbers.total = Some(tally(2, 3));
        assert_eq!(words(numbers).unwrap(), "coverage 66.7 % (the base 50.0 %)");
        numbers.changed = Some(tally(0, 0));
        numbers.base = None;
        assert_eq!(words(numbers).unwrap(), "coverage 66.7 %");
        numbers.changed = Some(tally(9999, 10000));
        assert_eq!(
            words(numbers).unwrap(),
            "coverage 66.7 % (99.9 % of what changed)"
        );
        numbers.total = Some(tally(9999, 10000));
        let figures = Figures::new(&numbers, &Settings::default()).unwrap();
        assert_eq!(figures.percent(), "99.9");
    }
}
