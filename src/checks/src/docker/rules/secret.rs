//! `secret-in-image`: ENV and ARG that hold secrets.

use crate::docker::Settings;
use crate::docker::dockerfile::{Instruction, pairs};
use crate::docker::project::{Image, sources};
use crate::docker::secret_names::{is_placeholder, looks_like_token, names_secret};
use crate::findings::Report;
use crate::paths::base_name;
use crate::report::Said;
use crate::{Group, Rule};
use beanpole_model::Severity;

/// After Docker's build check `SecretsUsedInArgOrEnv`.
pub(in crate::docker) const RULE: Rule = Rule {
    id: "secret-in-image",
    group: Group::Docker,
    severity: Severity::Error,
    summary: "ENV, ARG or COPY of a Dockerfile puts a secret into the image",
};

pub(super) fn check(settings: &Settings, image: &Image<'_>, report: &mut Report<'_>) {
    for instruction in &image.file.instructions {
        copied(image, instruction, report);
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

/// COPY of a file that holds secrets by its name.
fn copied(image: &Image<'_>, instruction: &Instruction, report: &mut Report<'_>) {
    let sources = sources(instruction);
    let Some(file) = sources.iter().find(|source| holds_secrets(source)) else {
        return;
    };
    report.say(
        &RULE,
        image.path,
        instruction.place,
        Said {
            message: format!("{} puts `{file}` into the image", instruction.keyword),
            reason: "the file stays in its layer, also if a later step removes it: whoever can pull the image can read it",
            remedy: "give the container its environment when it starts; for a build step: RUN --mount=type=secret".to_owned(),
        },
    );
}

/// `.env` and its kind, private keys, AWS credentials. Templates of them are let through.
fn holds_secrets(path: &str) -> bool {
    let name = base_name(path);
    let is_template = ["example", "sample", "template", "dist", "default"]
        .iter()
        .any(|word| name.split(['.', '-', '_']).any(|part| part == *word));
    let is_environment = name == ".env" || name.starts_with(".env.");
    let is_key = matches!(
        name,
        "id_rsa" | "id_ed25519" | "id_ecdsa" | ".netrc" | ".pypirc"
    ) || path.ends_with(".aws/credentials");
    (is_environment && !is_template) || is_key
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
                // In two parts: our own sources are searched for secrets too.
                concat!("ENV DATABASE_URL=postgres", "://app:hunter2hunter2@db/app"),
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
    fn files_with_secrets_are_found() {
        for line in [
            "COPY .env .",
            "COPY a.py config/.env.prod /app/",
            "ADD [\".env\", \"/app\"]",
            "COPY id_rsa /root/.ssh/",
        ] {
            assert_eq!(
                case(line).errors(),
                ["Dockerfile:2:1 secret-in-image"],
                "{line}"
            );
        }
        for line in [
            "COPY .env.example .env",
            "COPY --from=a .env .",
            "COPY environment.py .",
        ] {
            assert!(case(line).all().is_empty(), "{line}");
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
