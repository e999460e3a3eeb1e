//! `compose-secret-literal`: a secret that everyone with the repository has.

use super::service::Compose;
use crate::docker::secret_names::{looks_like_token, names_secret};
use crate::docker::{Settings, is_development};
use crate::findings::Report;
use crate::report::Said;
use crate::{Group, Rule, shell};
use beanpole_model::Severity;

/// After The Twelve-Factor App, III: configuration in the environment.
pub(super) const RULE: Rule = Rule {
    id: "compose-secret-literal",
    group: Group::Docker,
    severity: Severity::Warning,
    summary: "a secret stands as text in the environment of a compose file",
};

pub(super) fn check(settings: &Settings, compose: &Compose, report: &mut Report<'_>) {
    for service in &compose.services {
        for (name, value, place) in service.environment() {
            let Some(value) = value else {
                continue;
            };
            let by_name = names_secret(&name)
                && !settings.not_secret.contains(&name)
                && is_literal(value)
                // Throw-away passwords of a developer's machine are no secrets.
                && !is_development(settings, &compose.path);
            if !by_name && !looks_like_token(value) {
                continue;
            }
            report.say(
                &RULE,
                &compose.path,
                place,
                Said {
                    message: format!("`{}` has {name} as text", service.name),
                    reason: "everyone with the repository has it, for ever, and every environment that uses the file shares it",
                    remedy: format!("{name}: ${{{name}:?}}, with the value in .env or the deployment's secrets"),
                },
            );
        }
    }
}

/// Whether a value is text rather than taken from outside.
fn is_literal(value: &str) -> bool {
    !value.is_empty()
        && (shell::variables(value).is_empty()
            || shell::expand(value, &|_| None).is_some_and(|value| !value.is_empty()))
}

#[cfg(test)]
mod tests {
    use crate::docker::testing::Case;

    fn case(path: &str, line: &str) -> Case {
        Case::new().file(
            path,
            format!("services:\n  web:\n    image: a:1\n    environment:\n      {line}\n"),
        )
    }

    #[test]
    fn texts_are_found_and_never_shown() {
        for line in [
            "DB_PASSWORD: hunter2hunter2",
            "- DB_PASSWORD=hunter2hunter2",
            "DB_PASSWORD: ${DB_PASSWORD:-hunter2hunter2}",
            // In two parts: our own sources are searched for secrets too.
            concat!("OTHER: postgres", "://app:hunter2hunter2@db/app"),
        ] {
            let case = case("compose.yaml", line);
            assert_eq!(case.rules(), ["compose-secret-literal"], "{line}");
            assert!(
                !format!("{:?}", case.findings()).contains("hunter2"),
                "{line}"
            );
        }
    }

    #[test]
    fn references_and_development_are_fine() {
        for line in [
            "DB_PASSWORD: ${DB_PASSWORD}",
            "DB_PASSWORD: ${DB_PASSWORD:?}",
            "DB_PASSWORD: ''",
            "DB_PASSWORD:",
            "- DB_PASSWORD",
            "DB_PASSWORD_FILE: /run/secrets/x",
            "DB_NAME: shop",
        ] {
            assert!(case("compose.yaml", line).all().is_empty(), "{line}");
        }
        assert!(
            case("docker-compose.local.yml", "DB_PASSWORD: postgres")
                .all()
                .is_empty()
        );
    }
}
