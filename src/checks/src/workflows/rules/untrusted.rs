//! `untrusted-input-in-run`: text that anyone may write, put into a script.

use crate::findings::Report;
use crate::report::Said;
use crate::workflows::expression::{Expression, expressions};
use crate::workflows::workflow::Workflow;
use crate::{Group, Rule};
use beanpole_model::Severity;

/// After GitHub's "Script injections".
pub(in crate::workflows) const RULE: Rule = Rule {
    id: "untrusted-input-in-run",
    group: Group::Workflows,
    severity: Severity::Error,
    summary: "text that a stranger may write becomes a part of a script",
};

/// Values that people without rights decide, after GitHub's list
/// (<https://docs.github.com/actions/security-for-github-actions/security-guides/understanding-the-risk-of-script-injections>)
/// and the events' own fields. `*` stands for one element of a list.
const UNTRUSTED: [&str; 27] = [
    "github.head_ref",
    "github.event.issue.title",
    "github.event.issue.body",
    "github.event.pull_request.title",
    "github.event.pull_request.body",
    "github.event.pull_request.head.ref",
    "github.event.pull_request.head.label",
    "github.event.pull_request.head.repo.default_branch",
    "github.event.comment.body",
    "github.event.review.body",
    "github.event.review_comment.body",
    "github.event.discussion.title",
    "github.event.discussion.body",
    "github.event.pages.*.page_name",
    "github.event.commits.*.message",
    "github.event.commits.*.author.email",
    "github.event.commits.*.author.name",
    "github.event.head_commit.message",
    "github.event.head_commit.author.email",
    "github.event.head_commit.author.name",
    "github.event.head_commit.committer.email",
    "github.event.head_commit.committer.name",
    "github.event.workflow_run.head_branch",
    "github.event.workflow_run.display_title",
    "github.event.workflow_run.head_commit.message",
    "github.event.workflow_run.head_repository.description",
    "github.event.workflow_run.pull_requests.*.head.ref",
];

pub(super) fn check(workflow: &Workflow<'_>, report: &mut Report<'_>) {
    for job in workflow.jobs() {
        for step in &job.steps {
            let environment = workflow.environment(&job, *step);
            for script in step.scripts() {
                for (expression, place) in workflow.expressions(script) {
                    let Some(name) = untrusted(&expression, &environment) else {
                        continue;
                    };
                    report.say(&RULE, workflow.path, place, said(&expression, &name));
                }
            }
        }
    }
}

fn said(expression: &Expression<'_>, name: &str) -> Said {
    Said {
        message: format!("`{name}` becomes a part of the script"),
        reason: "GitHub puts the text in before the shell reads it: a title such as `$(curl …)` runs with the job's token and secrets",
        remedy: format!(
            "env: {{TEXT: \"{}\"}}, and \"$TEXT\" in the script",
            expression.whole
        ),
    }
}

/// The untrusted value that an expression writes, also through `env`.
fn untrusted(expression: &Expression<'_>, environment: &[(&str, &str)]) -> Option<String> {
    if expression.is_condition() {
        return None;
    }
    expression.references().into_iter().find(|name| {
        let through_env = name.strip_prefix("env.").is_some_and(|variable| {
            environment
                .iter()
                .filter(|(set, _)| set.eq_ignore_ascii_case(variable))
                .flat_map(|(_, value)| expressions(value))
                // One step is enough: variables are not put into variables.
                .any(|inner| untrusted(&inner, &[]).is_some())
        });
        through_env || is_untrusted(name, expression.writes_objects())
    })
}

fn is_untrusted(name: &str, writes_objects: bool) -> bool {
    UNTRUSTED.iter().any(|known| {
        let whole = writes_objects
            && known
                .strip_prefix(name)
                .is_some_and(|rest| rest.starts_with('.'));
        *known == name || whole
    })
}

#[cfg(test)]
mod tests {
    use crate::workflows::testing::Case;

    #[test]
    fn texts_of_strangers_are_found() {
        for (step, place) in [
            (
                "      - run: echo \"${{ github.event.pull_request.title }}\"\n",
                "7:20",
            ),
            (
                "      - run: |\n          git checkout main\n          git merge ${{ github.head_ref }}\n",
                "9:21",
            ),
            (
                "      - run: echo ${{ github.event.commits[0].message }}\n",
                "7:19",
            ),
            (
                "      - run: echo ${{ github['event']['issue']['body'] }}\n",
                "7:19",
            ),
            (
                "      - run: echo ${{ github.head_ref || github.ref }}\n",
                "7:19",
            ),
            ("      - run: echo '${{ toJSON(github.event) }}'\n", "7:20"),
            (
                "      - env: {T: '${{ github.head_ref }}'}\n        run: echo ${{ env.T }}\n",
                "8:19",
            ),
            (
                "      - uses: actions/github-script@11bd71901bbe5b1630ceea73d27597364c9af683\n        with:\n          script: log(\"${{ github.event.comment.body }}\")\n",
                "9:24",
            ),
        ] {
            assert_eq!(
                Case::steps(step).places(),
                [(format!("{place} untrusted-input-in-run"), true)],
                "{step}"
            );
        }
    }

    #[test]
    fn other_uses_are_fine() {
        for step in [
            "      - env: {T: '${{ github.event.pull_request.title }}'}\n        run: echo \"$T\"\n",
            "      - run: echo ${{ github.event.pull_request.number }} ${{ github.sha }}\n",
            "      - run: echo ${{ contains(github.event.pull_request.title, 'x') }}\n",
            "      - run: echo ${{ github.head_ref == 'main' }}\n",
            "      - if: github.head_ref\n        run: a\n",
            "      - uses: ./x\n        with: {title: '${{ github.event.pull_request.title }}'}\n",
            "      - env: {T: safe}\n        run: echo ${{ env.T }} ${{ env.OTHER }}\n",
        ] {
            assert!(Case::steps(step).all().is_empty(), "{step}");
        }
    }

    #[test]
    fn only_changed_lines_are_judged() {
        let case = Case::steps(
            "      - run: |\n          a ${{ github.head_ref }}\n          b ${{ github.head_ref }}\n",
        );
        assert_eq!(
            case.changed(&[(9, 9)], (1, 1)).places(),
            [("9:13 untrusted-input-in-run".to_owned(), true)]
        );
    }
}
