//! `shell-form-command`: CMD or ENTRYPOINT that runs inside of a shell.

use super::processes;
use crate::docker::dockerfile::Stage;
use crate::docker::project::Image;
use crate::findings::Report;
use crate::report::Said;
use crate::{Group, Rule, shell};
use beanpole_model::Severity;

/// After Docker's build check `JSONArgsRecommended`; the reference on the shell form of ENTRYPOINT.
pub(in crate::docker) const RULE: Rule = Rule {
    id: "shell-form-command",
    group: Group::Docker,
    severity: Severity::Note,
    summary: "CMD or ENTRYPOINT is written as text, so a shell stands in front of the process",
};

pub(super) fn check(image: &Image<'_>, stage: &Stage, report: &mut Report<'_>) {
    for instruction in processes(image, stage) {
        let text = instruction.body.text.trim();
        if text.is_empty() || instruction.json().is_some() {
            continue;
        }
        let commands = shell::commands(text);
        if commands.last().is_none_or(|last| last.program() == "exec") {
            continue;
        }
        let arguments = if instruction.is("ENTRYPOINT") {
            "; ENTRYPOINT in this form also ignores CMD"
        } else {
            ""
        };
        report.say(
            &RULE,
            image.path,
            instruction.place,
            Said {
                message: format!("{} is in shell form{arguments}", instruction.keyword),
                reason: "the shell may keep SIGTERM to itself: a stop then waits ten seconds and kills the process",
                remedy: format!("{} [\"program\", \"argument\"], or put `exec` in front", instruction.keyword),
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::docker::testing::Case;

    fn case(start: &str) -> Case {
        Case::new().file("Dockerfile", format!("FROM a:1\nUSER app\n{start}\n"))
    }

    #[test]
    fn shell_forms_are_noted() {
        for start in [
            "CMD gunicorn config.wsgi",
            "ENTRYPOINT gunicorn config.wsgi",
            "CMD ['gunicorn', 'config.wsgi']",
        ] {
            assert_eq!(
                case(start).notes(),
                ["Dockerfile:3:1 shell-form-command"],
                "{start}"
            );
        }
        for start in [
            "CMD [\"gunicorn\"]",
            "CMD exec gunicorn",
            "CMD migrate && exec gunicorn config.wsgi",
            "CMD a\nCMD []",
        ] {
            assert!(case(start).all().is_empty(), "{start}");
        }
    }
}
