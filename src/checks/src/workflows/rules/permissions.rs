//! `workflow-permissions-missing`, `workflow-permissions-wide`: what the job's token may do.

use crate::findings::Report;
use crate::report::Said;
use crate::workflows::workflow::{Job, Workflow};
use crate::yaml::Node;
use crate::{Group, Rule};
use beanpole_model::Severity;

/// After GitHub's "Secure use reference": the default permission of the token should be read access to contents.
pub(in crate::workflows) const MISSING: Rule = Rule {
    id: "workflow-permissions-missing",
    group: Group::Workflows,
    severity: Severity::Warning,
    summary: "neither the workflow nor the job says what its token may do",
};

/// After GitHub's "Workflow syntax", permissions; the rule of least privilege.
pub(in crate::workflows) const WIDE: Rule = Rule {
    id: "workflow-permissions-wide",
    group: Group::Workflows,
    severity: Severity::Error,
    summary: "the token may write everything (write-all)",
};

pub(super) fn check(workflow: &Workflow<'_>, report: &mut Report<'_>) {
    let top = workflow.get("permissions");
    let jobs = workflow.jobs();
    let own = jobs.iter().filter_map(|job| job.node.get("permissions"));
    for node in top.into_iter().chain(own) {
        wide(workflow, node, report);
    }
    if top.is_none() {
        for job in &jobs {
            missing(workflow, job, report);
        }
    }
}

fn wide(workflow: &Workflow<'_>, node: &Node, report: &mut Report<'_>) {
    if node.text() != Some("write-all") {
        return;
    }
    report.say(
        &WIDE,
        workflow.path,
        node.place,
        Said {
            message: "`permissions: write-all`".to_owned(),
            reason: "one bad dependency in any step may push code, change releases and packages, and approve itself",
            remedy: "permissions: {} for the workflow, and per job what it needs: {contents: read}".to_owned(),
        },
    );
}

/// A job is judged when its name is new, or when lines went that may have been the permissions.
fn missing(workflow: &Workflow<'_>, job: &Job<'_>, report: &mut Report<'_>) {
    if job.node.get("permissions").is_some() {
        return;
    }
    report.missing(
        &MISSING,
        workflow.path,
        job.place,
        Said {
            message: format!("the job `{}` does not say what its token may do", job.name),
            reason: "the repository's default decides, which in many organisations is to write almost everything",
            remedy: "permissions: {} for the workflow, and per job what it needs: {contents: read}".to_owned(),
        },
    );
}

#[cfg(test)]
mod tests {
    use crate::workflows::testing::Case;

    fn case(top: &str, job: &str) -> Case {
        Case::new(format!("on: push\n{top}jobs:\n  a:\n    runs-on: x\n{job}"))
    }

    #[test]
    fn missing_permissions_are_found_per_job() {
        assert_eq!(
            case("", "").places(),
            [("3:3 workflow-permissions-missing".to_owned(), false)]
        );
        let two = case(
            "",
            "    permissions: {contents: read}\n  b:\n    runs-on: x\n",
        );
        assert_eq!(
            two.places(),
            [("6:3 workflow-permissions-missing".to_owned(), false)]
        );
        for top in [
            "permissions: {}\n",
            "permissions: read-all\n",
            "permissions:\n  contents: read\n",
        ] {
            assert!(case(top, "").all().is_empty(), "{top}");
        }
    }

    #[test]
    fn write_all_is_an_error() {
        assert_eq!(
            case("permissions: write-all\n", "").places(),
            [("2:14 workflow-permissions-wide".to_owned(), true)]
        );
        assert_eq!(
            case("", "    permissions: write-all\n").places(),
            [("5:18 workflow-permissions-wide".to_owned(), true)]
        );
    }

    #[test]
    fn only_what_changed_is_judged() {
        let old = case("", "    steps:\n      - run: a\n");
        assert!(old.clone().changed(&[(6, 6)], (1, 1)).all().is_empty());
        assert_eq!(
            old.clone().changed(&[(3, 6)], (4, 0)).rules(),
            ["workflow-permissions-missing"]
        );
        assert_eq!(
            old.changed(&[], (0, 1)).rules(),
            ["workflow-permissions-missing"]
        );
    }

    #[test]
    fn actions_have_no_permissions() {
        let action = Case::new("runs:\n  using: composite\n  steps: []\n").at("action.yml");
        assert!(action.all().is_empty());
    }
}
