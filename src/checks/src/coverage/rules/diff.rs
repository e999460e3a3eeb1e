//! `coverage-diff`: what changed is covered less than the project demands.

use super::Context;
use crate::coverage::figures::{fails, places, shown};
use crate::report::{Said, say};
use crate::{Group, Rule};
use beanpole_model::{Finding, Severity};

pub(super) const RULE: Rule = Rule {
    id: "coverage-diff",
    group: Group::Coverage,
    severity: Severity::Error,
    summary: "the changed statements are covered less than their threshold",
};

pub(super) fn check(context: &Context<'_>) -> Option<Finding> {
    let threshold = context.settings.diff?;
    let total = context.changed_total?;
    let precision = context.settings.precision;
    if total.statements < u64::from(context.settings.minimum_changed_lines)
        || !fails(total.percent(), threshold, precision)
    {
        return None;
    }
    Some(say(
        &RULE,
        None,
        Said {
            message: format!(
                "the tests cover {} of what changed ({} of {} statements); {threshold} % are demanded",
                shown(total.percent(), places(threshold, precision)),
                total.covered,
                total.statements,
            ),
            reason: "new code is where the next fault is, and now is when its author knows how to test it",
            remedy: "add tests for the changed lines that are listed as uncovered".to_owned(),
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::coverage::testing::Case;

    /// Line 3 is inside of the call that begins on line 2.
    const LONG: &str = "a = 1\nb = f(\n    1,\n)\nc = 3\n";

    fn long(changed: &[(u32, u32)]) -> Case {
        Case::new()
            .changed("shop/a.py", LONG, changed)
            .lcov("SF:shop/a.py\nDA:1,1\nDA:2,0\nDA:5,1\n")
            .with(|settings| {
                settings.diff = Some(80.0);
                settings.uncovered = false;
            })
    }

    #[test]
    fn a_changed_line_counts_for_its_statement() {
        assert_eq!(long(&[(3, 3)]).rules(), [RULE.id]);
        assert!(long(&[(5, 5)]).rules().is_empty());
        assert!(long(&[]).rules().is_empty());
        let numbers = long(&[(3, 5)]).numbers().changed.unwrap();
        assert_eq!((numbers.covered, numbers.statements), (1, 2));
    }

    #[test]
    fn few_changed_lines_are_let_be() {
        let case = long(&[(3, 3)]).with(|settings| settings.minimum_changed_lines = 2);
        assert!(case.rules().is_empty());
    }

    #[test]
    fn a_new_file_that_no_report_knows_counts_as_uncovered() {
        let case = |text: &str| {
            Case::new()
                .added("shop/new.py", text)
                .lcov("SF:shop/a.py\nDA:1,1\n")
                .with(|settings| settings.diff = Some(80.0))
        };
        let found = case("a = 1\nb = 2\n").rules();
        assert_eq!(found, [RULE.id, "coverage-missing-file"]);
        assert!(case("").rules().is_empty());
        assert!(case("\"\"\"Said only.\"\"\"\n# more\n").rules().is_empty());
        let omitted =
            case("a = 1\n").with(|settings| settings.omit = vec!["shop/n*.py".to_owned()]);
        assert!(omitted.rules().is_empty());
    }

    #[test]
    fn nothing_is_a_change_when_all_is_judged() {
        let case = long(&[])
            .everything()
            .with(|settings| settings.diff = Some(100.0));
        assert!(case.rules().is_empty());
        assert!(case.numbers().changed.is_none());
    }
}
