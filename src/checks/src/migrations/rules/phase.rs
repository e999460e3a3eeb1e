//! `after-deploy-migration`: a migration that is meant to wait for the new code.

use crate::migrations::migration::Migration;
use crate::migrations::project::Project;
use beanpole_model::{Finding, Severity};

pub(in crate::migrations) const RULE: &str = "after-deploy-migration";

pub(in crate::migrations) fn check(
    project: &Project<'_>,
    migration: &Migration,
    findings: &mut Vec<Finding>,
) {
    if !migration.after_deploy {
        return;
    }
    findings.push(Finding {
        rule: RULE.to_owned(),
        severity: Severity::Warning,
        location: Some(project.location(&migration.id.path, Some(migration.span))),
        message: format!("{} is marked to run after the new version serves", migration.id),
        reason: "the release step runs before the new version serves, and `migrate` does not know the mark".to_owned(),
        remedy: Some(
            "let the release step run the command that knows the mark (`safemigrate`), or ship the migration with the next release"
                .to_owned(),
        ),
    });
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::migrations::testing::Case;

    #[test]
    fn marks_of_both_kinds_are_read() {
        for (mark, found) in [
            ("safe = Safe.after_deploy()", true),
            ("safe = Safe.after_deploy(delay=timedelta(days=4))", true),
            ("is_post_deployment = True", true),
            ("safe = Safe.before_deploy()", false),
            ("is_post_deployment = False", false),
        ] {
            let case = Case::new().adds_after("0002_a", "0001_initial", "", mark);
            assert_eq!(case.warnings().contains(&RULE.to_owned()), found, "{mark}");
        }
    }

    #[test]
    fn without_code_that_serves_nothing_waits_for_it() {
        let case =
            Case::new().adds_after("0002_a", "0001_initial", "", "is_post_deployment = True");
        assert_eq!(case.all(), [RULE]);
        assert!(case.review_of_all().findings.is_empty());
    }
}
