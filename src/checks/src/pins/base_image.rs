//! `unpinned-base-image`: the image below the project may be another one tomorrow.

use super::Settings;
use super::dockerfile::{From, base_images, is_dockerfile};
use super::source::Source;
use crate::report::finding;
use crate::{Group, Rule, Scope};
use beanpole_model::{Finding, Severity};

pub(super) const RULE: Rule = Rule {
    id: "unpinned-base-image",
    group: Group::Pins,
    severity: Severity::Warning,
    summary: "a base image without a digest or a tag that names a version",
};

pub(super) fn check(scope: &Scope, settings: &Settings) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (change, bytes) in scope.changed_files() {
        if !is_dockerfile(&change.path) {
            continue;
        }
        // What is not UTF-8 is no Dockerfile; the build says so.
        let (source, _) = Source::new(&change.path, bytes);
        for from in base_images(&source.text) {
            // A new default of an argument is a new image.
            let touched = source.is_changed(scope, from.from, from.to)
                || from
                    .arguments
                    .iter()
                    .any(|at| source.is_changed(scope, *at, *at));
            if let Some((what, remedy)) = fault(&from, settings).filter(|_| touched) {
                findings.push(finding(
                    &RULE,
                    Some(source.place(from.from)),
                    what,
                    "the same Dockerfile builds on another system tomorrow: other versions of Python and of libraries \
                     that no test has seen",
                    remedy,
                ));
            }
        }
    }
    findings
}

/// What is wrong with an image, and what to write.
fn fault(from: &From, settings: &Settings) -> Option<(String, String)> {
    let written = &from.written;
    let image = match &from.image {
        Ok(image) => image,
        Err(argument) => {
            return Some((
                format!(
                    "the base image `{written}` depends on `{argument}`, which has no default here"
                ),
                format!(
                    "give it one that names a version: `ARG {argument}=…` before the first `FROM`"
                ),
            ));
        }
    };
    let (name, digest) = match image.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (image.as_str(), None),
    };
    let (repository, tag) = split_tag(name);
    let is_free = repository.eq_ignore_ascii_case("scratch")
        || settings
            .allow_images
            .iter()
            .any(|allowed| allowed == repository);
    if is_free || digest.is_some_and(is_digest) {
        return None;
    }
    let what = match tag {
        None => format!("the base image `{image}` has no tag, which means `latest`"),
        Some(tag) if !names_version(repository, tag) => {
            format!("the tag `{tag}` of the base image `{repository}` names no version")
        }
        Some(_) if settings.require_digests => format!("the base image `{image}` has no digest"),
        Some(_) => return None,
    };
    Some((
        what,
        format!(
            "name a version (`{repository}:3.12-slim`), or the digest as well: `{name}@sha256:…` (`docker buildx imagetools \
             inspect {name}` knows it)"
        ),
    ))
}

/// A colon before the last slash belongs to the port of a registry.
fn split_tag(name: &str) -> (&str, Option<&str>) {
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
        _ => (name, None),
    }
}

fn is_digest(digest: &str) -> bool {
    digest.strip_prefix("sha256:").is_some_and(|digits| {
        digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// A number names a version; of Python, `3` does not. Debian and Ubuntu name theirs by words.
fn names_version(repository: &str, tag: &str) -> bool {
    let short = repository.rsplit('/').next().unwrap_or(repository);
    let first = tag.split('-').next().unwrap_or(tag);
    let is_moving = [
        "latest", "stable", "testing", "unstable", "sid", "rolling", "devel", "edge",
    ]
    .contains(&first);
    if is_moving {
        return false;
    }
    match short {
        "python" => first.split_once('.').is_some_and(|(major, minor)| {
            major.parse::<u32>().is_ok() && minor.starts_with(|digit: char| digit.is_ascii_digit())
        }),
        "debian" | "ubuntu" | "buildpack-deps" => true,
        // `node:alpine3.20` names the version of something else, but it is fixed enough for a warning.
        _ => tag.contains(|letter: char| letter.is_ascii_digit()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Settings;
    use super::super::testing::{changed, found, found_in, new};

    fn judged(text: &str) -> Vec<String> {
        found(&new(&[("Dockerfile", text)]))
            .into_iter()
            .map(|one| {
                one.replace("Dockerfile:", "")
                    .replace(" unpinned-base-image", "")
            })
            .collect()
    }

    #[test]
    fn tags_name_versions() {
        let digest = "0".repeat(64);
        for image in [
            "python:3.12",
            "python:3.12-slim-bookworm",
            "docker.io/library/python:3.11.4",
            "debian:bookworm-slim",
            "postgres:16",
            "registry:5000/own:1.2",
            "scratch",
            &format!("python@sha256:{digest}"),
            &format!("python:latest@sha256:{digest}"),
        ] {
            assert_eq!(judged(&format!("FROM {image}\n")), [""; 0], "{image}");
        }
        for image in [
            "python",
            "python:3",
            "python:3-slim",
            "python:slim",
            "node:lts",
            "debian:stable-slim",
            "registry:5000/own",
            "python@sha256:00",
            "${BASE}",
        ] {
            assert_eq!(judged(&format!("FROM {image}\n")), ["1:6"], "{image}");
        }
    }

    #[test]
    fn a_changed_default_is_a_changed_image() {
        let files = [("Dockerfile", "ARG TAG=latest\nFROM python:$TAG\nRUN x\n")];
        assert_eq!(
            found(&changed(&files, "Dockerfile", &[(1, 1)])),
            ["Dockerfile:2:6 unpinned-base-image"]
        );
        assert_eq!(found(&changed(&files, "Dockerfile", &[(3, 3)])), [""; 0]);
    }

    #[test]
    fn digests_on_request_and_free_images() {
        let settings = Settings {
            require_digests: true,
            allow_images: vec!["our/base".to_owned()],
            ..Settings::default()
        };
        assert_eq!(
            found_in(
                &new(&[("Dockerfile", "FROM python:3.12\nFROM our/base\n")]),
                &settings
            ),
            ["Dockerfile:1:6 unpinned-base-image"]
        );
    }
}
