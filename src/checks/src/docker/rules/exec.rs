//! `entrypoint-without-exec`: an entrypoint that stays in front of the server.

use crate::docker::script::Script;
use crate::findings::Report;
use crate::paths::base_name;
use crate::report::Said;
use crate::shell::Command;
use crate::{Group, Rule};
use beanpole_model::Severity;

/// After Docker's "Building best practices", ENTRYPOINT: the script uses `exec` so that the application gets the signals.
pub(in crate::docker) const RULE: Rule = Rule {
    id: "entrypoint-without-exec",
    group: Group::Docker,
    severity: Severity::Warning,
    summary: "an entrypoint script runs its server without exec",
};

pub(super) fn check(script: &Script<'_>, report: &mut Report<'_>) {
    let Some(start) = script.starts.iter().max_by_key(|start| start.is_entrypoint) else {
        return;
    };
    // `exec > log` only moves the output; a supervisor passes signals on itself.
    let becomes = script.commands.iter().any(|command| {
        (command.program() == "exec" && command.words.len() > 1) || is_supervisor(command)
    });
    let Some(last) = script.commands.last() else {
        return;
    };
    if becomes {
        return;
    }
    let runs_arguments = last.texts().iter().any(|word| matches!(*word, "$@" | "$*"));
    let remedy = if start.is_entrypoint && !runs_arguments && !runs_server(last) {
        "end the script with `exec \"$@\"`".to_owned()
    } else {
        format!("exec {}", shown(last))
    };
    let place = script.source.place(last.start());
    // A script that began to be the entrypoint with this change is judged as well.
    let began = script
        .starts
        .iter()
        .any(|start| report.touches(&start.path, start.place));
    let said = Said {
        message: format!("`{}` does not hand over with exec", base_name(script.path)),
        reason: "the shell stays process 1 and keeps SIGTERM to itself: a stop waits ten seconds, then kills the server amid its requests",
        remedy,
    };
    if began {
        report.always(&RULE, script.path, place, said);
    } else {
        report.missing(&RULE, script.path, place, said);
    }
}

fn is_supervisor(command: &Command) -> bool {
    matches!(
        command.program(),
        "supervisord" | "s6-svscan" | "runsvdir" | "trap"
    )
}

fn runs_server(command: &Command) -> bool {
    command.texts().iter().any(|word| {
        matches!(
            base_name(word),
            "gunicorn"
                | "uvicorn"
                | "daphne"
                | "hypercorn"
                | "uwsgi"
                | "granian"
                | "celery"
                | "runserver"
        )
    })
}

/// The beginning of a command, as a remedy can show it.
fn shown(command: &Command) -> String {
    let words: Vec<String> = command
        .texts()
        .iter()
        .take(3)
        .map(|word| {
            if *word == "$@" {
                "\"$@\"".to_owned()
            } else {
                (*word).to_owned()
            }
        })
        .collect();
    let more = if command.words.len() > 3 { " …" } else { "" };
    format!("{}{more}", words.join(" "))
}

#[cfg(test)]
mod tests {
    use crate::docker::testing::Case;

    const IMAGE: &str =
        "FROM a:1\nCOPY entrypoint.sh /\nUSER app\nENTRYPOINT [\"/entrypoint.sh\"]\n";

    fn case(script: &str) -> Case {
        Case::new()
            .file("Dockerfile", IMAGE)
            .executable("entrypoint.sh", script)
    }

    #[test]
    fn scripts_that_stay_are_found() {
        for (script, place) in [
            ("#!/bin/sh\npython manage.py migrate\n\"$@\"\n", "3:1"),
            (
                "#!/bin/sh\ngunicorn config.wsgi --bind 0.0.0.0:8000\n",
                "2:1",
            ),
            ("#!/bin/sh\nexec > /tmp/log\ncelery worker\n", "3:1"),
        ] {
            assert_eq!(
                case(script).warnings(),
                [format!("entrypoint.sh:{place} entrypoint-without-exec")],
                "{script}"
            );
        }
        let finding = &case("#!/bin/sh\ngunicorn config.wsgi --bind x\n").findings()[0];
        assert_eq!(
            finding.remedy.as_deref(),
            Some("exec gunicorn config.wsgi --bind …")
        );
    }

    #[test]
    fn scripts_that_hand_over_are_fine() {
        for script in [
            "#!/bin/sh\nexec \"$@\"\n",
            "#!/bin/bash\nif [ -z \"$1\" ]; then\n  exec gunicorn config.wsgi\nfi\nexec \"$@\"\n",
            "#!/bin/sh\nsupervisord -n\n",
            "#!/bin/sh\n# nothing\n",
        ] {
            assert!(case(script).all().is_empty(), "{script}");
        }
        // Nothing starts it.
        assert!(
            Case::new()
                .file("other/entrypoint.sh", "#!/bin/sh\na\n")
                .all()
                .is_empty()
        );
    }

    #[test]
    fn a_script_that_becomes_the_entrypoint_is_judged() {
        let case = case("#!/bin/sh\na\n\"$@\"\n");
        assert_eq!(
            case.clone().changed("Dockerfile", &[(4, 4)]).rules(),
            ["entrypoint-without-exec"]
        );
        assert!(case.changed("entrypoint.sh", &[(2, 2)]).all().is_empty());
    }
}
