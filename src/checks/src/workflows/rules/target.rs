//! `pull-request-target-checkout`: a stranger's code with the repository's rights.

use crate::findings::Report;
use crate::report::Said;
use crate::shell;
use crate::source::Place;
use crate::workflows::workflow::{Step, Workflow};
use crate::{Group, Rule};
use beanpole_model::Severity;

/// After GitHub Security Lab, "Keeping your GitHub Actions and workflows secure: Preventing pwn requests".
pub(in crate::workflows) const RULE: Rule = Rule {
    id: "pull-request-target-checkout",
    group: Group::Workflows,
    severity: Severity::Error,
    summary: "a privileged event checks out the code of a pull request",
};

/// Events that run with the rights of the base branch although a stranger has caused them.
const PRIVILEGED: [&str; 3] = ["pull_request_target", "workflow_run", "issue_comment"];

/// Parts of expressions and names that stand for the head of a pull request.
const HEADS: [&str; 5] = [
    "github.event.pull_request.head.",
    "github.head_ref",
    "github.event.workflow_run.head_",
    "refs/pull/",
    "github.event.pull_request.merge_commit_sha",
];

pub(super) fn check(workflow: &Workflow<'_>, report: &mut Report<'_>) {
    let events = workflow.events();
    let Some((event, event_place)) = events
        .into_iter()
        .find(|(name, _)| PRIVILEGED.contains(name))
    else {
        return;
    };
    for job in workflow.jobs() {
        for step in &job.steps {
            let Some(place) = checks_out_head(workflow, *step) else {
                continue;
            };
            let said = Said {
                message: format!("`{event}` checks out the code of a pull request in the job `{}`", job.name),
                reason: "the job has the secrets and a token that may write, and the first thing that the code runs (a test, a build script, a hook) may take them",
                remedy: "use `pull_request`; or split: build the stranger's code there, and use its results in another workflow without running them"
                    .to_owned(),
            };
            // The event may be what changed: the step was harmless before.
            if report.touches(workflow.path, event_place) {
                report.always(&RULE, workflow.path, place, said);
            } else {
                report.say(&RULE, workflow.path, place, said);
            }
        }
    }
}

/// Where a step takes the code of a pull request, if it does.
fn checks_out_head(workflow: &Workflow<'_>, step: Step<'_>) -> Option<Place> {
    if let Some((action, _)) = step.uses() {
        if !action.starts_with("actions/checkout@") {
            return None;
        }
        return ["ref", "repository"]
            .into_iter()
            .filter_map(|input| step.input(input))
            .find(|node| node.text().is_some_and(names_head))
            .map(|node| node.place);
    }
    let (text, node) = step.run()?;
    shell::commands(text)
        .iter()
        .find(|command| takes_head(&command.texts()))
        .map(|command| {
            let first = command.words.first();
            let word = first.map(|word| word.text.as_str()).unwrap_or_default();
            workflow.place_in(node, command.start(), word)
        })
}

fn names_head(text: &str) -> bool {
    HEADS.iter().any(|head| text.contains(head))
}

/// `gh pr checkout`, `git fetch origin pull/1/head`, `git checkout ${{ github.head_ref }}`.
fn takes_head(words: &[&str]) -> bool {
    match words {
        ["gh", "pr", "checkout", ..] => true,
        ["git", "fetch" | "checkout" | "pull" | "switch", rest @ ..] => rest.iter().any(|word| {
            names_head(word) || word.starts_with("pull/") || word.starts_with("+refs/pull")
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::workflows::testing::Case;

    const CHECKOUT: &str = "actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683";

    fn case(on: &str, step: &str) -> Case {
        Case::new(format!(
            "on: {on}\npermissions: {{}}\njobs:\n  a:\n    runs-on: x\n    steps:\n{step}"
        ))
    }

    fn checkout(reference: &str) -> String {
        format!("      - uses: {CHECKOUT}\n        with:\n          ref: {reference}\n")
    }

    #[test]
    fn the_code_of_strangers_is_found() {
        for reference in [
            "${{ github.event.pull_request.head.sha }}",
            "${{ github.head_ref }}",
            "refs/pull/${{ github.event.number }}/merge",
        ] {
            for on in [
                "pull_request_target",
                "[push, pull_request_target]",
                "{pull_request_target: {types: [opened]}}",
            ] {
                let found = case(on, &checkout(reference)).places();
                assert_eq!(
                    found,
                    [("9:16 pull-request-target-checkout".to_owned(), true)],
                    "{on} {reference}"
                );
            }
        }
        let run = "      - run: |\n          set -e\n          gh pr checkout 1\n";
        assert_eq!(
            case("issue_comment", run).places(),
            [("9:11 pull-request-target-checkout".to_owned(), true)]
        );
    }

    #[test]
    fn other_events_and_references_are_fine() {
        assert!(
            case("pull_request", &checkout("${{ github.head_ref }}"))
                .all()
                .is_empty()
        );
        assert!(
            case("pull_request_target", &checkout("main"))
                .all()
                .is_empty()
        );
        assert!(
            case(
                "pull_request_target",
                &format!("      - uses: {CHECKOUT}\n")
            )
            .all()
            .is_empty()
        );
        assert!(
            case("pull_request_target", "      - run: git checkout main\n")
                .all()
                .is_empty()
        );
    }

    #[test]
    fn a_new_event_brings_it_about() {
        let old = case("pull_request_target", &checkout("${{ github.head_ref }}"));
        assert_eq!(
            old.clone().changed(&[(1, 1)], (1, 1)).rules(),
            ["pull-request-target-checkout"]
        );
        assert!(old.changed(&[(5, 5)], (1, 1)).all().is_empty());
    }
}
