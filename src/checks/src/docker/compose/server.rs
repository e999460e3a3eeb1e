//! `compose-runserver`: Django's development server in a compose file that is not for development.

use super::service::Compose;
use crate::docker::rules::runserver::{is_runserver, said};
use crate::docker::{Settings, is_development};
use crate::findings::Report;
use crate::shell;
use crate::{Group, Rule};
use beanpole_model::Severity;

/// After Django's documentation of `runserver`.
pub(super) const RULE: Rule = Rule {
    id: "compose-runserver",
    group: Group::Docker,
    severity: Severity::Warning,
    summary: "a service runs Django's development server without the marks of development",
};

pub(super) fn check(settings: &Settings, compose: &Compose, report: &mut Report<'_>) {
    if is_development(settings, &compose.path) {
        return;
    }
    for service in &compose.services {
        // Code that is mounted for reload is what `runserver` is for.
        let names_production = compose.path.contains("prod");
        if service.mounts_code(&compose.path) && !names_production {
            continue;
        }
        for key in ["command", "entrypoint"] {
            let Some((words, place)) = service.words(key) else {
                continue;
            };
            let texts: Vec<&str> = words.iter().map(String::as_str).collect();
            let inline = shell::inline_script(&shell::unwrapped(&texts)).map(shell::commands);
            let in_shell = inline.is_some_and(|commands| {
                commands
                    .iter()
                    .any(|command| is_runserver(&command.texts()))
            });
            if in_shell || is_runserver(&texts) {
                let message = format!("`{}` runs Django's development server", service.name);
                report.say(&RULE, &compose.path, place, said(message));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::docker::testing::Case;

    fn case(path: &str, rest: &str) -> Case {
        Case::new().file(path, format!("services:\n  web:\n    image: a:1\n{rest}"))
    }

    #[test]
    fn the_development_server_is_found() {
        for command in [
            "python manage.py runserver 0.0.0.0:8000",
            "[\"python\", \"manage.py\", \"runserver\"]",
            "sh -c \"python manage.py migrate && python manage.py runserver\"",
            "[bash, -c, 'python -m django runserver']",
        ] {
            let case = case("compose.yaml", &format!("    command: {command}\n"));
            assert_eq!(
                case.warnings(),
                ["compose.yaml:4:14 compose-runserver"],
                "{command}"
            );
        }
    }

    #[test]
    fn development_may_use_it() {
        let command = "    command: python manage.py runserver\n";
        assert!(case("compose.local.yaml", command).all().is_empty());
        let mounted = format!("{command}    volumes: ['.:/app']\n");
        assert!(case("compose.yaml", &mounted).all().is_empty());
        assert_eq!(
            case("compose.prod.yaml", &mounted).rules(),
            ["compose-runserver"]
        );
        let built = format!("    build: ./backend\n{command}    volumes: ['./backend/:/app/']\n");
        assert!(case("compose.yaml", &built).all().is_empty());
        let gunicorn = "    command: gunicorn config.wsgi\n";
        assert!(case("compose.yaml", gunicorn).all().is_empty());
    }
}
