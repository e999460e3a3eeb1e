//! `compose-image-latest`: an image that is another one tomorrow.

use super::service::Compose;
use crate::docker::project::Project;
use crate::findings::Report;
use crate::paths::base_name;
use crate::report::Said;
use crate::{Group, Rule};
use beanpole_model::Severity;

/// After Docker's "Building best practices", Pin base image versions.
pub(super) const RULE: Rule = Rule {
    id: "compose-image-latest",
    group: Group::Docker,
    severity: Severity::Warning,
    summary: "an image of a compose file has no tag, or the tag latest",
};

pub(super) fn check(project: &Project<'_>, compose: &Compose, report: &mut Report<'_>) {
    // An image that one of the services builds is as new as its code.
    let own: Vec<&str> = project
        .composes
        .iter()
        .flat_map(|compose| &compose.services)
        .filter(|service| service.build.is_some())
        .filter_map(|service| service.image.as_deref())
        .collect();
    for service in &compose.services {
        let (Some(image), Some(node)) = (&service.image, service.node.get("image")) else {
            continue;
        };
        // With `build`, the image is the name that the result gets.
        if service.build.is_some() || own.contains(&image.as_str()) || !floats(image) {
            continue;
        }
        report.say(
            &RULE,
            &compose.path,
            node.place,
            Said {
                message: format!("`{}` takes whatever `{image}` is today", service.name),
                reason: "a new major version of a database does not read the files of the old one, and no two machines need have the same",
                remedy: "name the version: `postgres:16.4`, or a digest".to_owned(),
            },
        );
    }
}

/// Whether nothing but the day decides what the name stands for.
fn floats(image: &str) -> bool {
    // A variable without a default is set elsewhere.
    if image.contains('$') || image.contains('@') {
        return false;
    }
    match base_name(image).split_once(':') {
        None => !image.is_empty(),
        Some((_, tag)) => tag == "latest",
    }
}

#[cfg(test)]
mod tests {
    use crate::docker::testing::Case;

    fn case(image: &str) -> Case {
        Case::new().file(
            "docker-compose.yml",
            format!("services:\n  a:\n    image: {image}\n"),
        )
    }

    #[test]
    fn images_without_a_version_are_found() {
        for image in [
            "nginx",
            "nginx:latest",
            "host:5000/a/b",
            "${IMAGE:-nginx}",
            "nginx:${TAG:-latest}",
        ] {
            assert_eq!(
                case(image).warnings(),
                ["docker-compose.yml:3:12 compose-image-latest"],
                "{image}"
            );
        }
    }

    #[test]
    fn one_anchor_is_one_finding() {
        let text = "x-a: &a\n  image: nginx\nservices:\n  a: *a\n  b: *a\n";
        let case = Case::new().file("compose.yaml", text);
        assert_eq!(case.warnings(), ["compose.yaml:2:10 compose-image-latest"]);
    }

    #[test]
    fn what_a_service_builds_is_fine() {
        let text =
            "services:\n  a:\n    build: .\n    image: shop:latest\n  b:\n    image: shop:latest\n";
        assert!(Case::new().file("compose.yaml", text).all().is_empty());
    }

    #[test]
    fn versions_digests_and_own_builds_are_fine() {
        for image in [
            "nginx:1.27",
            "host:5000/a:1",
            "a@sha256:00",
            "a:${TAG}",
            "$IMAGE",
            "own\n    build: .",
        ] {
            assert!(case(image).all().is_empty(), "{image}");
        }
    }
}
