//! `alpine-python`: Python on Alpine Linux.

use crate::docker::project::Image;
use crate::findings::Report;
use crate::paths::base_name;
use crate::report::Said;
use crate::source::Place;
use crate::{Group, Rule, shell};
use beanpole_model::Severity;

/// After The official Python image's page on its `alpine` variants names musl; PEP 656 has the wheels for it.
pub(in crate::docker) const RULE: Rule = Rule {
    id: "alpine-python",
    group: Group::Docker,
    severity: Severity::Warning,
    summary: "Python runs on Alpine Linux, whose C library most wheels are not built for",
};

pub(super) fn check(image: &Image<'_>, report: &mut Report<'_>) {
    for stage in &image.file.stages {
        let instructions = image.file.of(stage);
        let Some(from) = instructions.first() else {
            continue;
        };
        if !is_alpine(&stage.image) {
            continue;
        }
        if names_python(&stage.image) {
            say(image, from.place, &stage.image, report);
            continue;
        }
        // Alpine itself is fine until Python is installed on it.
        for instruction in instructions.iter().filter(|one| one.is("RUN")) {
            if installs_python(&instruction.body.text) {
                say(image, instruction.place, &stage.image, report);
                break;
            }
        }
    }
}

fn is_alpine(image: &str) -> bool {
    base_name(image)
        .split([':', '-', '@'])
        .any(|word| word.starts_with("alpine"))
}

fn names_python(image: &str) -> bool {
    base_name(image)
        .split([':', '-', '@'])
        .any(|word| word.starts_with("python"))
}

fn installs_python(script: &str) -> bool {
    shell::commands(script).iter().any(|command| {
        let words = command.texts();
        command.program() == "apk"
            && words.contains(&"add")
            && words
                .iter()
                .any(|word| word.starts_with("python3") || *word == "py3-pip")
    })
}

fn say(image: &Image<'_>, place: Place, name: &str, report: &mut Report<'_>) {
    report.say(
        &RULE,
        image.path,
        place,
        Said {
            message: format!("Python runs on `{name}`"),
            reason: "Alpine's C library is musl: packages without musl wheels are compiled in every build, and some behave differently",
            remedy: "use a Debian image: `python:3.12-slim`".to_owned(),
        },
    );
}

#[cfg(test)]
mod tests {
    use crate::docker::testing::Case;

    fn case(text: &str) -> Case {
        Case::new().file("Dockerfile", format!("{text}\nUSER app\n"))
    }

    #[test]
    fn python_on_alpine_is_found() {
        for (text, place) in [
            ("FROM python:3.12-alpine", "1:1"),
            (
                "ARG V=3.12-alpine3.19\nFROM --platform=linux/amd64 docker.io/library/python:${V} AS base",
                "2:1",
            ),
            (
                "FROM alpine:3.19\nRUN apk update && apk add --no-cache python3",
                "2:1",
            ),
        ] {
            assert_eq!(
                case(text).warnings(),
                [format!("Dockerfile:{place} alpine-python")],
                "{text}"
            );
        }
    }

    #[test]
    fn other_images_are_fine() {
        for text in [
            "FROM python:3.12-slim",
            "FROM nginx:1.27-alpine",
            "FROM alpine:3.19\nRUN apk add curl",
            "FROM node:22-alpine AS web\nFROM python:3.12",
        ] {
            assert!(case(text).all().is_empty(), "{text}");
        }
    }
}
