//! `runserver-in-production`: Django's development server in an image, its entrypoint or a Procfile.

use super::{processes, served};
use crate::docker::is_development;
use crate::docker::project::Project;
use crate::docker::script::Script;
use crate::findings::Report;
use crate::paths::base_name;
use crate::report::Said;
use crate::source::Place;
use crate::{Group, Rule, shell};
use beanpole_model::Severity;

/// After Django's documentation of `runserver`: "DO NOT USE THIS SERVER IN A PRODUCTION SETTING".
pub(in crate::docker) const RULE: Rule = Rule {
    id: "runserver-in-production",
    group: Group::Docker,
    severity: Severity::Error,
    summary: "an image, its entrypoint or a Procfile starts Django's development server",
};

pub(super) fn check(project: &Project<'_>, report: &mut Report<'_>) {
    dockerfiles(project, report);
    for script in &project.scripts {
        in_script(project, script, report);
    }
    procfiles(project, report);
}

/// What the rule says; the rule of compose files says the same.
pub(in crate::docker) fn said(message: String) -> Said {
    Said {
        message,
        reason: "it is made for one developer: no security review, one process, and it goes on with broken code until the next request",
        remedy: "run a server for production: gunicorn config.wsgi:application --bind 0.0.0.0:8000"
            .to_owned(),
    }
}

/// Whether words run `manage.py runserver`, wrappers taken off.
pub(in crate::docker) fn is_runserver(words: &[&str]) -> bool {
    let words = shell::unwrapped(words);
    let Some(at) = words
        .iter()
        .position(|word| matches!(*word, "runserver" | "runserver_plus"))
    else {
        return false;
    };
    words
        .iter()
        .take(at)
        .any(|word| matches!(base_name(word), "manage.py" | "django-admin" | "django"))
}

fn dockerfiles(project: &Project<'_>, report: &mut Report<'_>) {
    for image in &project.dockerfiles {
        let Some(stage) = served(project, image) else {
            continue;
        };
        if project.has_production_twin(image.path) {
            continue;
        }
        for instruction in processes(image, stage) {
            let found = match instruction.json() {
                Some(words) => {
                    let words: Vec<&str> = words.iter().map(String::as_str).collect();
                    let inline = shell::inline_script(&shell::unwrapped(&words)).is_some_and(runs);
                    inline || is_runserver(&words)
                }
                None => runs(&instruction.body.text),
            };
            if found {
                let message = format!("{} starts Django's development server", instruction.keyword);
                report.say(&RULE, image.path, instruction.place, said(message));
            }
        }
    }
}

fn runs(script: &str) -> bool {
    shell::commands(script)
        .iter()
        .any(|command| is_runserver(&command.texts()))
}

fn in_script(project: &Project<'_>, script: &Script<'_>, report: &mut Report<'_>) {
    // A script that knows a real server as well starts this one on request.
    let servers = [
        "gunicorn",
        "uvicorn",
        "daphne",
        "hypercorn",
        "uwsgi",
        "granian",
    ];
    let knows_other = script.commands.iter().any(|command| {
        command
            .texts()
            .iter()
            .any(|word| servers.contains(&base_name(word)))
    });
    let only_for_development = is_development(project.settings, script.path)
        || (!script.starts.is_empty()
            && script.starts.iter().all(|start| {
                is_development(project.settings, &start.path)
                    || project.has_production_twin(&start.path)
            }));
    if knows_other || only_for_development {
        return;
    }
    for command in &script.commands {
        if is_runserver(&command.texts()) {
            let message = format!(
                "`{}` starts Django's development server",
                base_name(script.path)
            );
            let place = script.source.place(command.start());
            report.say(&RULE, script.path, place, said(message));
        }
    }
}

/// `web: python manage.py runserver`.
fn procfiles(project: &Project<'_>, report: &mut Report<'_>) {
    for (path, source) in &project.procfiles {
        if is_development(project.settings, path) {
            continue;
        }
        for (line, text) in (1_u32..).zip(source.text.lines()) {
            let Some((name, command)) = text.split_once(':') else {
                continue;
            };
            if !name.trim_start().starts_with('#') && runs(command) {
                let message = format!(
                    "the process `{}` is Django's development server",
                    name.trim()
                );
                report.say(&RULE, path, Place::point(line, 1), said(message));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::docker::testing::Case;

    fn case(start: &str) -> Case {
        Case::new().file("Dockerfile", format!("FROM a:1\nUSER app\n{start}\n"))
    }

    #[test]
    fn images_that_start_it_are_found() {
        for start in [
            "CMD [\"python\", \"manage.py\", \"runserver\", \"0.0.0.0:8000\"]",
            "CMD exec python manage.py runserver",
            "CMD [\"sh\", \"-c\", \"python manage.py migrate && python manage.py runserver\"]",
            "ENTRYPOINT [\"poetry\", \"run\", \"python\", \"./manage.py\", \"runserver_plus\"]",
        ] {
            assert_eq!(
                case(start).errors(),
                ["Dockerfile:3:1 runserver-in-production"],
                "{start}"
            );
        }
    }

    #[test]
    fn other_servers_and_stages_are_fine() {
        for start in [
            "CMD [\"gunicorn\", \"config.wsgi\"]",
            "CMD [\"python\", \"manage.py\", \"migrate\"]",
            "CMD [\"python\", \"manage.py\", \"runserver\"]\nCMD [\"gunicorn\", \"config.wsgi\"]",
            "RUN echo python manage.py runserver",
        ] {
            assert!(case(start).errors().is_empty(), "{start}");
        }
        let development = Case::new().file(
            "Dockerfile.dev",
            "FROM a:1\nCMD [\"python\", \"manage.py\", \"runserver\"]\n",
        );
        assert!(development.all().is_empty());
    }

    #[test]
    fn scripts_and_procfiles_are_read() {
        let script =
            "#!/bin/sh\npython manage.py migrate\nexec python manage.py runserver 0.0.0.0:8000\n";
        let case = Case::new()
            .file("entrypoint.sh", script)
            .file("Procfile", "# a: b\nweb: python manage.py runserver\n");
        assert_eq!(
            case.errors(),
            [
                "Procfile:2:1 runserver-in-production",
                "entrypoint.sh:3:1 runserver-in-production"
            ]
        );
        let choice = format!("{script}exec gunicorn config.wsgi\n");
        assert!(Case::new().file("entrypoint.sh", choice).all().is_empty());
    }

    #[test]
    fn an_image_beside_that_of_production_is_for_development() {
        let image = "FROM a:1\nCOPY entrypoint.sh .\nENTRYPOINT [\"./entrypoint.sh\"]\n";
        let start = "FROM a:1\nCMD [\"python\", \"manage.py\", \"runserver\"]\n";
        let script = "#!/bin/sh\npython manage.py runserver\nexec \"$@\"\n";
        let served = "FROM a:1\nCMD [\"gunicorn\", \"config.wsgi\"]\n";
        let errors = |twin: &str| {
            Case::new()
                .file("docker/Dockerfile", image)
                .file("docker/entrypoint.sh", script)
                .file("web/Dockerfile", start)
                .file(&format!("docker/{twin}"), served)
                .file(&format!("web/{twin}"), served)
                .errors()
        };
        for twin in ["prod/Dockerfile", "Dockerfile.production"] {
            assert!(!errors(twin).iter().any(|one| one.contains("runserver")));
        }
        let alone = errors("Dockerfile.worker");
        let found = alone.iter().filter(|one| one.contains("runserver"));
        assert_eq!(found.count(), 2, "{alone:?}");
    }
}
