//! `compose-no-healthcheck`, `compose-depends-without-health`: services that start before what they need is ready.

use super::service::{Compose, Service};
use crate::docker::project::Project;
use crate::findings::Report;
use crate::report::Said;
use crate::source::Place;
use crate::yaml::{Node, Value};
use crate::{Group, Rule};
use beanpole_model::Severity;
use std::collections::BTreeMap;

/// After Docker's "Control startup and shutdown order in Compose".
pub(super) const MISSING: Rule = Rule {
    id: "compose-no-healthcheck",
    group: Group::Docker,
    severity: Severity::Warning,
    summary: "a store, or a service that others wait for, has no health check",
};

/// After Docker's "Control startup and shutdown order in Compose".
pub(super) const NOT_AWAITED: Rule = Rule {
    id: "compose-depends-without-health",
    group: Group::Docker,
    severity: Severity::Warning,
    summary: "depends_on waits for the start of a service, not for its health",
};

/// One entry of `depends_on`.
struct Dependency<'c> {
    on: &'c str,
    condition: &'c str,
    place: Place,
}

pub(super) fn check(project: &Project<'_>, compose: &Compose, report: &mut Report<'_>) {
    let waiting = waiting(compose);
    for service in &compose.services {
        let by = waiting.get(service.name.as_str()).copied();
        missing(project, compose, service, by, report);
        for dependency in dependencies(service) {
            not_awaited(compose, service, &dependency, report);
        }
    }
}

fn dependencies(service: &Service) -> Vec<Dependency<'_>> {
    let Some(node) = service.node.get("depends_on") else {
        return Vec::new();
    };
    match &node.value {
        Value::Map(entries) => entries
            .iter()
            .map(|entry| Dependency {
                on: &entry.key,
                condition: entry
                    .node
                    .get("condition")
                    .and_then(Node::text)
                    .unwrap_or("service_started"),
                place: entry.place,
            })
            .collect(),
        _ => node
            .texts()
            .into_iter()
            .map(|(on, item)| Dependency {
                on,
                condition: "service_started",
                place: item.place,
            })
            .collect(),
    }
}

/// The services whose health is waited for, each with one that waits.
fn waiting(compose: &Compose) -> BTreeMap<&str, &str> {
    let mut found = BTreeMap::new();
    for service in &compose.services {
        for dependency in dependencies(service) {
            if dependency.condition == "service_healthy" {
                found.entry(dependency.on).or_insert(service.name.as_str());
            }
        }
    }
    found
}

fn missing(
    project: &Project<'_>,
    compose: &Compose,
    service: &Service,
    awaited_by: Option<&str>,
    report: &mut Report<'_>,
) {
    if service.extends
        || service.health_check().is_some()
        || project.image_has_health_check(service)
    {
        return;
    }
    // An image that is not built here may bring a check of its own. Those of the known stores do not.
    let unknown_image = service.store().is_none() && service.build.is_none();
    if unknown_image || (service.store().is_none() && awaited_by.is_none()) {
        return;
    }
    let by = awaited_by.map_or(String::new(), |other| {
        format!(", and `{other}` waits for its health")
    });
    report.missing(
        &MISSING,
        &compose.path,
        service.place,
        Said {
            message: format!("`{}` has no health check{by}", service.name),
            reason: "a container that runs is not yet one that answers: what starts beside it fails on the first connection",
            remedy: remedy(service),
        },
    );
}

fn remedy(service: &Service) -> String {
    let test = match service.store() {
        Some((_, 5432)) => "[\"CMD-SHELL\", \"pg_isready -U $${POSTGRES_USER:-postgres}\"]",
        Some((_, 6379)) => "[\"CMD\", \"redis-cli\", \"ping\"]",
        Some((_, 3306)) => "[\"CMD\", \"mysqladmin\", \"ping\"]",
        Some((_, 5672)) => "[\"CMD\", \"rabbitmq-diagnostics\", \"-q\", \"ping\"]",
        _ => "[\"CMD\", \"curl\", \"--fail\", \"http://localhost:8000/ht/\"]",
    };
    format!("healthcheck: {{test: {test}, interval: 5s, timeout: 3s, retries: 10}}")
}

fn not_awaited(
    compose: &Compose,
    service: &Service,
    dependency: &Dependency<'_>,
    report: &mut Report<'_>,
) {
    let Some(other) = compose.service(dependency.on) else {
        return;
    };
    // Only what has a moment of readiness is worth waiting for.
    let has_health = other.store().is_some() || other.health_check().is_some();
    if !has_health || dependency.condition != "service_started" {
        return;
    }
    report.say(
        &NOT_AWAITED,
        &compose.path,
        dependency.place,
        Said {
            message: format!("`{}` waits until `{}` is started, not until it is healthy", service.name, dependency.on),
            reason: "a database takes seconds from its start to its first connection; what starts meanwhile fails, or works only sometimes",
            remedy: format!("depends_on: {{{}: {{condition: service_healthy}}}}", dependency.on),
        },
    );
}

#[cfg(test)]
mod tests {
    use crate::docker::testing::Case;

    fn case(services: &str) -> Case {
        Case::new().file("compose.yaml", format!("services:\n{services}"))
    }

    const HEALTHY: &str =
        "  db:\n    image: postgres:16\n    healthcheck: {test: [CMD, pg_isready]}\n";

    #[test]
    fn stores_need_a_health_check() {
        assert_eq!(
            case("  db:\n    image: postgres:16\n").warnings(),
            ["compose.yaml:2:3 compose-no-healthcheck"]
        );
        for off in ["{disable: true}", "{test: [NONE]}", "{test: NONE}"] {
            let text = format!("  db:\n    image: redis:7.2\n    healthcheck: {off}\n");
            assert_eq!(
                case(&text).warnings(),
                ["compose.yaml:2:3 compose-no-healthcheck"],
                "{off}"
            );
        }
        assert!(case(HEALTHY).all().is_empty());
        assert!(case("  db: {image: 'nginx:1.27'}\n").all().is_empty());
    }

    #[test]
    fn a_health_check_that_was_taken_out_is_missed() {
        let case = case("  db:\n    image: postgres:16\n");
        assert_eq!(
            case.clone()
                .changed_by("compose.yaml", &[], (0, 1))
                .warnings()
                .len(),
            1
        );
        assert!(
            case.changed_by("compose.yaml", &[(9, 9)], (1, 1))
                .all()
                .is_empty()
        );
    }

    #[test]
    fn what_others_wait_for_needs_a_health_check() {
        let waits = "  worker:\n    image: a:1\n    depends_on: {web: {condition: service_healthy}}\n  web:\n    build: .\n";
        let case = case(waits);
        assert_eq!(case.warnings(), ["compose.yaml:5:3 compose-no-healthcheck"]);
        let with = "FROM a:1\nUSER app\nHEALTHCHECK CMD curl localhost\nCMD [\"a\"]\n";
        assert!(case.file("Dockerfile", with).all().is_empty());
    }

    #[test]
    fn waiting_for_the_start_is_not_enough() {
        for list in ["[db]", "{db: {condition: service_started}}", "{db: {}}"] {
            let text = format!("{HEALTHY}  web:\n    image: a:1\n    depends_on: {list}\n");
            assert_eq!(
                case(&text).rules(),
                ["compose-depends-without-health"],
                "{list}"
            );
        }
        for good in ["{db: {condition: service_healthy}}", "[other]"] {
            let text = format!(
                "{HEALTHY}  other: {{image: 'b:1'}}\n  web:\n    image: a:1\n    depends_on: {good}\n"
            );
            assert!(case(&text).all().is_empty(), "{good}");
        }
    }
}
