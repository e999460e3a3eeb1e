//! `secret-echoed`, `secret-on-command-line`: secrets that leave the runner's memory.

use crate::findings::Report;
use crate::report::Said;
use crate::shell::{self, Command};
use crate::workflows::expression::{Expression, expressions};
use crate::workflows::workflow::{Job, Step, Workflow};
use crate::yaml::Node;
use crate::{Group, Rule};
use beanpole_model::Severity;

/// After GitHub's "Secure use reference", Using secrets: redaction is not guaranteed.
pub(in crate::workflows) const ECHOED: Rule = Rule {
    id: "secret-echoed",
    group: Group::Workflows,
    severity: Severity::Error,
    summary: "a step prints a secret",
};

/// After GitHub's "Using secrets in GitHub Actions": avoid passing secrets between processes from the command line.
pub(in crate::workflows) const COMMAND_LINE: Rule = Rule {
    id: "secret-on-command-line",
    group: Group::Workflows,
    severity: Severity::Warning,
    summary: "a secret is written into the text of a script",
};

pub(super) fn check(workflow: &Workflow<'_>, report: &mut Report<'_>) {
    for job in workflow.jobs() {
        for step in &job.steps {
            let Some((text, node)) = step.run() else {
                continue;
            };
            let printed = if step.is_shell() {
                echoed(workflow, &job, *step, text, node, report)
            } else {
                Vec::new()
            };
            for (expression, place) in workflow.expressions(node) {
                let inside = printed
                    .iter()
                    .any(|(start, end)| (*start..*end).contains(&expression.start));
                if reads_secret(&expression) && !inside {
                    report.say(
                        &COMMAND_LINE,
                        workflow.path,
                        place,
                        on_command_line(&expression),
                    );
                }
            }
        }
    }
}

fn on_command_line(expression: &Expression<'_>) -> Said {
    Said {
        message: format!("`{}` is written into the script", expression.whole),
        reason: "the value stands in a file on the runner and in the process list, and a character such as `$` or `\"` in it is run as code",
        remedy: format!(
            "env: {{SECRET: {}}}, and \"$SECRET\" in the script",
            expression.whole
        ),
    }
}

/// Says which secrets are printed. Gives the stretches of the script in which they stand.
fn echoed(
    workflow: &Workflow<'_>,
    job: &Job<'_>,
    step: Step<'_>,
    text: &str,
    node: &Node,
    report: &mut Report<'_>,
) -> Vec<(usize, usize)> {
    let environment = workflow.environment(job, step);
    let mut printed = Vec::new();
    for command in shell::commands(text)
        .iter()
        .filter(|command| prints(command))
    {
        for word in command.words.iter().skip(1) {
            let Some(name) = secret_in(&word.text, word.literal, &environment) else {
                continue;
            };
            let written = text.get(word.start..word.end).unwrap_or_default();
            let place = workflow.place_in(node, word.start, written);
            printed.push((word.start, word.end));
            report.say(
                &ECHOED,
                workflow.path,
                place,
                Said {
                    message: format!("`{}` prints {name}", command.program()),
                    reason: "the log is masked only where the value stands exactly as it was stored: a part, a line of it or its base64 is readable by all who see the log",
                    remedy: "remove it; to see whether it is set: test -n \"$SECRET\"".to_owned(),
                },
            );
        }
    }
    printed
}

/// Whether a command writes its arguments to the log.
fn prints(command: &Command) -> bool {
    // `::add-mask::` hides a value: it has to be printed for that.
    let masks = command
        .words
        .iter()
        .any(|word| word.text.contains("::add-mask::"));
    matches!(command.program(), "echo" | "printf")
        && !command.piped
        && !command.redirected
        && !masks
}

/// The secret that a word holds, by its name.
fn secret_in(word: &str, literal: bool, environment: &[(&str, &str)]) -> Option<String> {
    if let Some(expression) = expressions(word).into_iter().find(reads_secret) {
        return Some(expression.inner.trim().to_owned());
    }
    if literal {
        return None;
    }
    shell::variables(word).into_iter().find_map(|name| {
        let (_, value) = environment.iter().find(|(set, _)| *set == name)?;
        let secret = expressions(value).into_iter().find(reads_secret)?;
        // `${NAME:+set}` tells only that there is a value.
        let asks = word.contains(&format!("${{{name}:+"))
            || word.contains(&format!("${{{name}+"))
            || word.contains(&format!("${{#{name}"));
        (!asks).then(|| secret.inner.trim().to_owned())
    })
}

/// Whether an expression's value is a secret, or has one in it.
fn reads_secret(expression: &Expression<'_>) -> bool {
    let reads = expression.references().iter().any(|name| {
        name.starts_with("secrets.")
            || name == "github.token"
            || (name == "secrets" && expression.writes_objects())
    });
    reads && !expression.is_condition()
}

#[cfg(test)]
mod tests {
    use crate::workflows::testing::Case;

    #[test]
    fn printed_secrets_are_errors() {
        for (step, place) in [
            ("      - run: echo ${{ secrets.TOKEN }}\n", "7:19"),
            (
                "      - run: |\n          set -e\n          echo \"t=${{ secrets.TOKEN }}\"\n",
                "9:16",
            ),
            (
                "      - env: {A: '${{ secrets.TOKEN }}'}\n        run: printf '%s' \"$A\"\n",
                "8:26",
            ),
            ("      - run: echo ${{ toJSON(secrets) }}\n", "7:19"),
        ] {
            let case = Case::steps(step);
            assert_eq!(
                case.places(),
                [(format!("{place} secret-echoed"), true)],
                "{step}"
            );
        }
    }

    #[test]
    fn variables_of_job_and_workflow_count() {
        let text = "on: push\npermissions: {}\nenv: {A: '${{ secrets.T }}', B: '${{ secrets.T }}'}\njobs:\n  a:\n    runs-on: x\n    env: {B: plain}\n    steps:\n      - run: echo $A $B\n";
        assert_eq!(
            Case::new(text).places(),
            [("9:19 secret-echoed".to_owned(), true)]
        );
    }

    #[test]
    fn secrets_in_scripts_are_warnings() {
        for step in [
            "      - run: deploy --token ${{ secrets.TOKEN }}\n",
            "      - run: echo ${{ secrets.TOKEN }} | docker login --password-stdin\n",
            "      - run: echo \"A=${{ secrets['TOKEN'] }}\" >> .env\n",
            "      - shell: python\n        run: print(\"${{ secrets.TOKEN }}\")\n",
            "      - run: curl -H \"x ${{ github.token }}\"\n",
        ] {
            assert_eq!(
                Case::steps(step).rules(),
                ["secret-on-command-line"],
                "{step}"
            );
        }
    }

    #[test]
    fn other_uses_are_fine() {
        for step in [
            "      - env: {A: '${{ secrets.TOKEN }}'}\n        run: echo \"$A\" | docker login --password-stdin\n",
            "      - env: {A: '${{ secrets.TOKEN }}'}\n        run: echo '$A' \"${A:+set}\"\n",
            "      - env: {A: '${{ secrets.TOKEN }}'}\n        run: echo \"::add-mask::$A\"\n",
            "      - run: echo ${{ secrets.TOKEN != '' }}\n",
            "      - run: echo secrets.TOKEN ${{ github.sha }}\n",
            "      - uses: ./x\n        with: {token: '${{ secrets.TOKEN }}'}\n",
        ] {
            assert!(Case::steps(step).all().is_empty(), "{step}");
        }
    }
}
