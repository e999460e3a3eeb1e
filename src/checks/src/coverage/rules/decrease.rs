//! `coverage-decrease`: the whole is covered less than on the base.

use super::Context;
use crate::coverage::stored::without_removed;
use crate::report::{Said, say};
use crate::{Group, Rule};
use beanpole_model::{Finding, Severity};

pub(super) const RULE: Rule = Rule {
    id: "coverage-decrease",
    group: Group::Coverage,
    severity: Severity::Error,
    summary: "the whole project is covered less than on the base",
};

/// Below this many percentage points two figures are the same.
const NOTHING: f64 = 1e-9;

pub(super) fn check(context: &Context<'_>) -> Option<Finding> {
    let base = context.base.filter(|_| context.settings.never_lower)?;
    let now = context.total.percent();
    let before = base.total.percent();
    let is_enough = |demanded: f64| now + context.settings.tolerance + NOTHING >= demanded;
    if is_enough(before) {
        return None;
    }
    let adjusted = context
        .changed
        .map(|files| without_removed(base, context.scope, files));
    // With nothing left of the base there is nothing to compare with.
    let adjusted = adjusted
        .filter(|left| left.all() > 0)
        .map(super::super::figures::Tally::percent);
    if adjusted.is_some_and(is_enough) {
        return None;
    }
    let demanded = adjusted.map_or(before, |adjusted| adjusted.min(before));
    Some(say(
        &RULE,
        None,
        Said {
            message: format!(
                "the tests cover {now:.2} % of the project, the base had {before:.2} %{}",
                if (demanded - before).abs() < NOTHING {
                    String::new()
                } else {
                    format!(" ({demanded:.2} % without the removed lines)")
                }
            ),
            reason: "coverage that falls a little with each change is gone in a year",
            remedy: "add tests for what changed, or see which tests no longer run".to_owned(),
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::coverage::testing::{Case, stored};

    fn report(covered: u32, all: u32) -> String {
        let lines: String = (1..=all)
            .map(|line| format!("DA:{line},{}\n", u32::from(line <= covered)))
            .collect();
        format!("SF:shop/a.py\n{lines}")
    }

    fn case(now: (u32, u32), before: (u64, u64)) -> Case {
        Case::new()
            .lcov(&report(now.0, now.1))
            .base(stored("shop/a.py", before))
    }

    #[test]
    fn a_lower_figure_is_an_error() {
        assert_eq!(case((8, 10), (9, 10)).rules(), [RULE.id]);
        assert!(case((9, 10), (9, 10)).rules().is_empty());
        assert!(case((10, 10), (9, 10)).rules().is_empty());
    }

    #[test]
    fn tolerance_and_the_switch_are_honoured() {
        let with =
            |tolerance: f64| case((8, 10), (9, 10)).with(|settings| settings.tolerance = tolerance);
        assert!(with(10.0).rules().is_empty());
        assert_eq!(with(9.9).rules(), [RULE.id]);
        let off = case((8, 10), (9, 10)).with(|settings| settings.never_lower = false);
        assert!(off.rules().is_empty());
    }

    #[test]
    fn removed_covered_lines_are_not_blamed() {
        // 90 of 100 were covered; a file with 50 covered lines goes; the other stays as it was: 40 of 50.
        let mut base = stored("shop/a.py", (40, 50));
        base.total.statements = 100;
        base.total.covered = 90;
        base.files
            .insert("shop/gone.py".to_owned(), stored("x", (50, 50)).total);
        let case = Case::new().lcov(&report(40, 50)).base(base);
        assert_eq!(case.rules(), [RULE.id]);
        assert!(case.deleted("shop/gone.py").rules().is_empty());
    }

    #[test]
    fn lines_that_are_no_longer_covered_are_blamed_in_a_changed_file() {
        let text = "x = 1\n".repeat(10);
        let case = case((5, 10), (9, 10)).changed("shop/a.py", &text, &[]);
        assert_eq!(case.rules(), [RULE.id]);
    }
}
