//! `coverage-total`: the whole is covered less than the project demands.

use super::Context;
use crate::coverage::figures::{fails, places, shown};
use crate::report::{Said, say};
use crate::{Group, Rule};
use beanpole_model::{Finding, Severity};

pub(super) const RULE: Rule = Rule {
    id: "coverage-total",
    group: Group::Coverage,
    severity: Severity::Error,
    summary: "the whole project is covered less than its threshold",
};

pub(super) fn check(context: &Context<'_>) -> Option<Finding> {
    let threshold = context.settings.total?;
    let total = context.total;
    let percent = total.percent();
    let precision = context.settings.precision;
    if !fails(percent, threshold, precision) {
        return None;
    }
    Some(say(&RULE, None, Said {
        message: format!(
            "the tests cover {} of the project ({} of {} statements); {threshold} % are demanded",
            shown(percent, places(threshold, precision)),
            total.covered,
            total.statements,
        ),
        reason: "what no test runs breaks unnoticed",
        remedy: "add tests for uncovered code; `coverage report --skip-covered --show-missing` lists it".to_owned(),
    }))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::coverage::testing::Case;

    fn rules(covered: u32, threshold: f64, precision: u8) -> Vec<String> {
        let lines: String = (1..=200)
            .map(|line| format!("DA:{line},{}\n", u32::from(line <= covered)))
            .collect();
        Case::new()
            .lcov(&format!("SF:shop/a.py\n{lines}"))
            .with(|settings| {
                settings.total = Some(threshold);
                settings.precision = precision;
            })
            .rules()
    }

    #[test]
    fn compares_as_coverage_py_does() {
        assert_eq!(rules(178, 90.0, 0), [RULE.id]);
        assert!(rules(180, 90.0, 0).is_empty());
        assert_eq!(rules(179, 90.0, 1), [RULE.id], "89.5 with one place");
        assert_eq!(rules(199, 100.0, 0), [RULE.id]);
        assert!(rules(200, 100.0, 0).is_empty());
    }

    #[test]
    fn the_union_of_several_reports_counts() {
        let case = Case::new()
            .lcov("SF:shop/a.py\nDA:1,1\nDA:2,0\n")
            .lcov("SF:shop/a.py\nDA:1,0\nDA:2,1\n")
            .with(|settings| settings.total = Some(100.0));
        assert!(case.rules().is_empty());
    }

    #[test]
    fn a_report_that_cannot_be_read_does_not_hide_the_others() {
        let case = Case::new()
            .report("broken.xml", b"<coverage>")
            .lcov("SF:shop/a.py\nDA:1,1\nDA:2,0\n")
            .with(|settings| settings.total = Some(90.0));
        assert_eq!(case.rules(), ["coverage-not-judged", RULE.id]);
    }
}
