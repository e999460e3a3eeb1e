//! `wait-for-unknown-host`: a script that waits for a host that no compose service is.

mod awaited;
mod values;

use crate::docker::compose::Compose;
use crate::docker::project::Project;
use crate::docker::script::Script;
use crate::findings::Report;
use crate::report::Said;
use crate::shell::{self, Command, Word};
use crate::source::Place;
use crate::{Group, Rule};
use awaited::awaited;
use beanpole_model::Severity;
use std::collections::BTreeSet;
use values::Values;

/// After Docker's "Networking in Compose": services find each other by their names.
pub(in crate::docker) const RULE: Rule = Rule {
    id: "wait-for-unknown-host",
    group: Group::Docker,
    severity: Severity::Warning,
    summary: "a script waits for a host that no compose service has as its name",
};

pub(super) fn check(project: &Project<'_>, report: &mut Report<'_>) {
    // Without a compose file nothing says which hosts there are; with an `include` not all of them are seen.
    let includes = project
        .composes
        .iter()
        .any(|compose| compose.includes.is_some());
    let known = known_hosts(project);
    if includes || known.is_empty() {
        return;
    }
    let renamed = project
        .composes
        .iter()
        .any(|compose| names_changed(compose, report));
    for script in &project.scripts {
        let values = Values::new(project, script);
        let waits = script
            .commands
            .iter()
            .any(|command| awaited(command).is_some());
        for command in &script.commands {
            let found = unknown_wait(command, &values, &known)
                .or_else(|| waits.then(|| unknown_comparison(command, &known)).flatten());
            if let Some((message, word)) = found {
                let place = script.source.place(word.start);
                say(script, place, message, renamed, &known, report);
            }
        }
    }
    in_compose(project, &known, renamed, report);
}

fn say(
    script: &Script<'_>,
    place: Place,
    message: String,
    renamed: bool,
    known: &BTreeSet<String>,
    report: &mut Report<'_>,
) {
    // A service that got another name brings it about as well.
    if renamed || report.touches(script.path, place) {
        report.always(&RULE, script.path, place, said(message, known));
    }
}

fn said(message: String, known: &BTreeSet<String>) -> Said {
    let services: Vec<&str> = known.iter().map(String::as_str).take(8).collect();
    Said {
        message,
        reason: "the script waits for ever, or never waits and starts before the database answers",
        remedy: format!("use the name of a service: {}", services.join(", ")),
    }
}

/// The names of all services; empty if there is none.
fn known_hosts(project: &Project<'_>) -> BTreeSet<String> {
    project
        .composes
        .iter()
        .flat_map(|compose| &compose.services)
        .flat_map(crate::docker::compose::Service::host_names)
        .collect()
}

fn names_changed(compose: &Compose, report: &Report<'_>) -> bool {
    let a_name = compose
        .services
        .iter()
        .any(|service| report.touches(&compose.path, Place::point(service.place.line, 1)));
    report.lost_lines(&compose.path) || a_name
}

/// A wait for a host that is not known: what to say, and the word that names it.
fn unknown_wait<'c>(
    command: &'c Command,
    values: &Values<'_>,
    known: &BTreeSet<String>,
) -> Option<(String, &'c Word)> {
    let (host, word) = awaited(command)?;
    let resolved = if word.literal {
        host.clone()
    } else {
        values.resolve(&host, known)?
    };
    let resolved = resolved.split(':').next().unwrap_or_default();
    if is_fine(resolved, known, values.settings_hosts) {
        return None;
    }
    let through = if host.contains('$') {
        format!(" (`{host}`)")
    } else {
        String::new()
    };
    Some((
        format!("waits for the host `{resolved}`{through}, which is no compose service"),
        word,
    ))
}

/// `[ "$DB_HOSTNAME" = "postgres" ]` in a script that waits: the wait is for one name only.
fn unknown_comparison<'c>(
    command: &'c Command,
    known: &BTreeSet<String>,
) -> Option<(String, &'c Word)> {
    let [test, left, operator, right, ..] = command.words.as_slice() else {
        return None;
    };
    let is_test = matches!(test.text.as_str(), "[" | "[[" | "test")
        && matches!(operator.text.as_str(), "=" | "==");
    let variable = shell::variables(&left.text).first().copied()?;
    let literal = &right.text;
    let judged =
        is_test && variable.to_ascii_uppercase().contains("HOST") && !literal.contains('$');
    (judged && !is_fine(literal, known, &BTreeSet::new())).then(|| {
        (
            format!("waits only if {variable} is `{literal}`, which is no compose service"),
            right,
        )
    })
}

/// Whether a host needs no service.
fn is_fine(host: &str, known: &BTreeSet<String>, extra: &BTreeSet<String>) -> bool {
    host.is_empty()
        || known.contains(host)
        || extra.contains(host)
        || host.contains('.')
        || host.starts_with('/')
        || matches!(host, "localhost" | "::1")
}

/// Waits inside of a compose file's own commands: `sh -c "wait-for-it db:5432 && …"`.
fn in_compose(
    project: &Project<'_>,
    known: &BTreeSet<String>,
    renamed: bool,
    report: &mut Report<'_>,
) {
    for compose in &project.composes {
        for service in &compose.services {
            for key in ["command", "entrypoint"] {
                let Some((words, place)) = service.words(key) else {
                    continue;
                };
                let texts: Vec<&str> = words.iter().map(String::as_str).collect();
                let script = shell::inline_script(&shell::unwrapped(&texts));
                let commands =
                    script.map_or_else(|| shell::commands(&words.join(" ")), shell::commands);
                let values = Values {
                    compose: service
                        .environment()
                        .into_iter()
                        .filter_map(|(name, value, _)| {
                            Some((name, shell::expand(value?, &|_| None)?))
                        })
                        .collect(),
                    own: Vec::new(),
                    settings_hosts: &project.settings.hosts,
                };
                let found = commands
                    .iter()
                    .find_map(|command| unknown_wait(command, &values, known));
                if let Some((message, _)) = found
                    && (renamed || report.touches(&compose.path, place))
                {
                    let message = format!("`{}` {message}", service.name);
                    report.always(&RULE, &compose.path, place, said(message, known));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::docker::testing::Case;

    const COMPOSE: &str = "services:\n  web:\n    image: a:1\n    environment:\n      FROM_COMPOSE: db\n      WRONG: other\n  db:\n    image: postgres:16\n    healthcheck: {test: x}\n";

    fn case(script: &str) -> Case {
        Case::new().file("compose.yaml", COMPOSE).file(
            "entrypoint.sh",
            format!("#!/bin/sh\n{script}\nexec \"$@\"\n"),
        )
    }

    #[test]
    fn unknown_hosts_are_found() {
        for (script, place) in [
            ("while ! nc -z postgres 5432; do sleep 1; done", "2:15"),
            (
                "until nc -w 1 -z \"${DB_HOST:-postgres}\" 5432; do sleep 1; done",
                "2:18",
            ),
            (
                "until pg_isready -h postgres -U x; do sleep 1; done",
                "2:21",
            ),
            ("until pg_isready --host=$WRONG; do sleep 1; done", "2:18"),
            ("./wait-for-it.sh postgres:5432 -t 30", "2:18"),
            ("dockerize -wait tcp://postgres:5432", "2:17"),
            ("DB=postgres\nwhile ! nc -z $DB 1; do :; done", "3:15"),
            (
                "DB=${DB:-postgres}\nwhile ! nc -z $DB 1; do :; done",
                "3:15",
            ),
            (
                "if [ \"$DB_HOSTNAME\" = \"postgres\" ]; then\nwhile ! nc -z \"$DB_HOSTNAME\" 1; do :; done\nfi",
                "2:23",
            ),
        ] {
            assert_eq!(
                case(script).warnings(),
                [format!("entrypoint.sh:{place} wait-for-unknown-host")],
                "{script}"
            );
        }
    }

    #[test]
    fn known_and_unknowable_hosts_are_fine() {
        for script in [
            "while ! nc -z db 5432; do sleep 1; done",
            "while ! nc -z \"$DB_HOSTNAME\" 5432; do sleep 1; done",
            "while ! nc -z \"${DB_HOST:-db}\" 5432; do sleep 1; done",
            "while ! nc -z $FROM_COMPOSE 5432; do sleep 1; done",
            "while ! nc -z db.example.com 5432; do sleep 1; done",
            "while ! nc -z localhost 5432; do sleep 1; done",
            "until pg_isready; do sleep 1; done",
            "if [ \"$DATABASE\" = \"postgres\" ]; then\nnc -z db 1\nfi",
            "nc -l 8080",
            "if [ \"$DB_HOST\" = \"postgres\" ]; then echo; fi",
        ] {
            assert!(case(script).all().is_empty(), "{script}");
        }
        let mut allowed = case("nc -z outside 1");
        assert_eq!(allowed.all().len(), 1);
        allowed.settings.hosts.insert("outside".to_owned());
        assert!(allowed.all().is_empty());
        assert!(
            Case::new()
                .file("entrypoint.sh", "#!/bin/sh\nnc -z x 1\n")
                .all()
                .is_empty()
        );
        let included =
            case("nc -z x 1").file("compose.yaml", format!("include: [a.yaml]\n{COMPOSE}"));
        assert!(included.warnings().is_empty());
    }

    #[test]
    fn commands_of_compose_files_are_read() {
        let text = format!(
            "{COMPOSE}  worker:\n    image: a:1\n    command: sh -c \"wait-for-it $$HOST:1 && wait-for-it postgres:5432 && celery\"\n"
        );
        let case = Case::new().file("compose.yaml", text);
        assert_eq!(
            case.warnings(),
            ["compose.yaml:12:14 wait-for-unknown-host"]
        );
    }

    #[test]
    fn a_service_that_was_renamed_brings_it_about() {
        let case = case("while ! nc -z postgres 5432; do sleep 1; done");
        assert_eq!(
            case.clone().changed("compose.yaml", &[(7, 7)]).rules(),
            ["wait-for-unknown-host"]
        );
        assert!(case.changed("compose.yaml", &[(5, 5)]).all().is_empty());
    }
}
