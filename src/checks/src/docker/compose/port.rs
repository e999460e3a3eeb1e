//! `compose-store-published`: a database or cache that everyone can reach.

use super::service::{Compose, Service, interpolated};
use crate::findings::Report;
use crate::report::Said;
use crate::yaml::Node;
use crate::{Group, Rule};
use beanpole_model::Severity;

/// After Docker's "Packet filtering and firewalls": published ports are open to the world by default.
pub(super) const RULE: Rule = Rule {
    id: "compose-store-published",
    group: Group::Docker,
    severity: Severity::Warning,
    summary: "the port of a database, cache or broker is published on all interfaces",
};

pub(super) fn check(compose: &Compose, report: &mut Report<'_>) {
    for service in &compose.services {
        let Some((_, known)) = service.store() else {
            continue;
        };
        let ports = service.node.get("ports");
        for item in ports.map(Node::items).unwrap_or_default() {
            if let Some(port) = open_port(item) {
                let shown = if port.is_empty() {
                    known.to_string()
                } else {
                    port
                };
                say(compose, service, item, &shown, report);
            }
        }
    }
}

fn say(compose: &Compose, service: &Service, item: &Node, port: &str, report: &mut Report<'_>) {
    report.say(
        &RULE,
        &compose.path,
        item.place,
        Said {
            message: format!("`{}` publishes port {port} on all interfaces", service.name),
            reason: "Docker opens the port past the host's firewall: everyone who reaches the machine reaches the store",
            remedy: format!(
                "remove it: other services reach `{}` by its name; for tools on this machine: \"127.0.0.1:{port}:{port}\"",
                service.name
            ),
        },
    );
}

/// The port on the container's side of an entry that is open to all; None if it is bound to this machine. The short form is
/// `[[address:]host:]container[/protocol]`.
fn open_port(item: &Node) -> Option<String> {
    let Some(text) = item.text() else {
        let local = item
            .get("host_ip")
            .and_then(Node::text)
            .is_some_and(is_local);
        let target = item.get("target").and_then(Node::text).unwrap_or_default();
        return (!local && item.get("target").is_some()).then(|| target.to_owned());
    };
    let text = interpolated(text);
    // Addresses of version 6 stand in brackets.
    let (address, rest) = match text
        .strip_prefix('[')
        .and_then(|text| text.split_once("]:"))
    {
        Some((address, rest)) => (Some(address), rest),
        None => match text.split(':').count() {
            3 => text
                .split_once(':')
                .map_or((None, text.as_str()), |(address, rest)| {
                    (Some(address), rest)
                }),
            _ => (None, text.as_str()),
        },
    };
    if address.is_some_and(is_local) {
        return None;
    }
    let container = rest.rsplit(':').next().unwrap_or(rest);
    Some(container.split('/').next().unwrap_or(container).to_owned())
}

fn is_local(address: &str) -> bool {
    address.starts_with("127.") || matches!(address, "::1" | "localhost")
}

#[cfg(test)]
mod tests {
    use crate::docker::testing::Case;

    fn case(image: &str, port: &str) -> Case {
        Case::new().file(
            "compose.yaml",
            format!("services:\n  db:\n    image: {image}\n    healthcheck: {{test: x}}\n    ports:\n      - {port}\n"),
        )
    }

    #[test]
    fn open_stores_are_found() {
        for (image, port) in [
            ("postgres:16", "5432:5432"),
            ("postgres:16", "\"5432\""),
            ("redis:7.2", "0.0.0.0:6379:6379/tcp"),
            ("bitnami/redis:7.2", "\"${REDIS_PORT:-6379}:6379\""),
            ("mysql:8", "\"[::]:3306:3306\""),
            ("postgres:16", "{target: 5432, published: 5432}"),
        ] {
            assert_eq!(
                case(image, port).warnings(),
                ["compose.yaml:6:9 compose-store-published"],
                "{port}"
            );
        }
    }

    #[test]
    fn local_ports_and_other_services_are_fine() {
        for (image, port) in [
            ("postgres:16", "127.0.0.1:5432:5432"),
            ("postgres:16", "\"[::1]:5432:5432\""),
            ("postgres:16", "{target: 5432, host_ip: 127.0.0.1}"),
            ("nginx:1.27", "80:80"),
        ] {
            assert!(case(image, port).all().is_empty(), "{port}");
        }
    }

    #[test]
    fn only_changed_ports_are_judged() {
        let case = case("postgres:16", "5432:5432");
        assert!(case.changed("compose.yaml", &[(3, 3)]).all().is_empty());
    }
}
