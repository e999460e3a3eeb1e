//! `secret-in-image`: ENV and ARG that hold secrets.

use crate::docker::Settings;
use crate::docker::dockerfile::{Instruction, pairs};
use crate::docker::project::Image;
use crate::docker::secret_names::{is_placeholder, looks_like_token, names_secret};
use crate::findings::{Report, Said};
use crate::{Group, Rule};
use beanpole_model::Severity;

pub(in crate::docker) const RULE: Rule = Rule {
    id: "secret-in-image",
    group: Group::Docker,
    severity: Severity::Error,
    summary: "ENV or ARG of a Dockerfile holds a secret",
};

pub(super) fn check(settings: &Settings, image: &Image<'_>, report: &mut Report<'_>) {
    for instruction in &image.file.instructions {
        if !(instruction.is("ENV") || instruction.is("ARG")) {
            continue;
        }
        for (name, value, at) in pairs(instruction) {
            let value = value.unwrap_or_default();
            let by_name = names_secret(&name)
                && !settings.not_secret.contains(&name)
                && holds(instruction, &value);
            if !by_name && !looks_like_token(&value) {
                continue;
            }
            let keyword = &instruction.keyword;
            report.say(
                &RULE,
                image.path,
                instruction.body.place(at),
                Said {
                    message: format!("{keyword} puts {name} into the image"),
                    reason: "ENV and build arguments stay in the image's history: whoever can pull the image can read them",
                    remedy: format!(
                        "for a build step: RUN --mount=type=secret,id={id},env={name} …; for the running container: set it when it starts",
                        id = name.to_ascii_lowercase()
                    ),
                },
            );
        }
    }
}

/// Whether ENV or ARG of a secret's name holds one. An ARG does without a value as well: the value comes with the build, and stays
/// in the history.
fn holds(instruction: &Instruction, value: &str) -> bool {
    if instruction.is("ARG") {
        value.is_empty() || !is_placeholder(value)
    } else {
        !is_placeholder(value)
    }
}

#[cfg(test)]
mod tests {
    use crate::docker::testing::Case;

    fn case(line: &str) -> Case {
        Case::new().file("Dockerfile", format!("FROM a:1\n{line}\nUSER app\n"))
    }

    #[test]
    fn secrets_are_found_and_never_shown() {
        for (line, place) in [
            ("ENV DJANGO_SECRET_KEY=hunter2hunter2", "2:5"),
            ("ENV A=1 \\\n    DB_PASSWORD=\"hunter2hunter2\"", "3:5"),
            ("ENV DB_PASSWORD hunter2hunter2", "2:5"),
            ("ARG PIP_TOKEN", "2:5"),
            ("ARG PIP_TOKEN=hunter2hunter2", "2:5"),
            ("ENV GITHUB_TOKEN=$GITHUB_TOKEN", "2:5"),
            (
                "ENV DATABASE_URL=postgres://app:hunter2hunter2@db/app",
                "2:5",
            ),
        ] {
            let case = case(line);
            assert_eq!(
                case.errors(),
                [format!("Dockerfile:{place} secret-in-image")],
                "{line}"
            );
            assert!(
                !format!("{:?}", case.findings()).contains("hunter2"),
                "{line}"
            );
        }
    }

    #[test]
    fn other_values_are_fine() {
        for line in [
            "ENV PYTHONUNBUFFERED=1 TOKEN_LENGTH=3",
            "ENV DB_PASSWORD=",
            "ENV SECRET_KEY=dummy",
            "ENV DATABASE_URL=postgres://db/app",
            "ARG DJANGO_SECRET_KEY=unused-in-builds",
            "RUN --mount=type=secret,id=pip_token,env=PIP_TOKEN pip install x",
            "RUN SECRET_KEY=x python manage.py collectstatic",
        ] {
            assert!(case(line).all().is_empty(), "{line}");
        }
        let mut allowed = case("ENV PUBLIC_TOKEN=abc");
        assert_eq!(allowed.errors().len(), 1);
        allowed
            .settings
            .not_secret
            .insert("PUBLIC_TOKEN".to_owned());
        assert!(allowed.all().is_empty());
    }
}
