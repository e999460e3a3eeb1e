//! `root-user`: the container runs as root.

use crate::docker::dockerfile::Stage;
use crate::docker::project::{Image, Project};
use crate::findings::Report;
use crate::report::Said;
use crate::{Group, Rule, shell};
use beanpole_model::Severity;

/// After Docker's "Building best practices", USER; CIS Docker Benchmark 4.1.
pub(in crate::docker) const RULE: Rule = Rule {
    id: "root-user",
    group: Group::Docker,
    severity: Severity::Warning,
    summary: "the last stage of a Dockerfile runs as root",
};

/// Marks of images that do not run as root by themselves, after their documentation.
const UNPRIVILEGED: [&str; 4] = ["nonroot", "unprivileged", "bitnami/", "chainguard/"];

pub(super) fn check(
    project: &Project<'_>,
    image: &Image<'_>,
    stage: &Stage,
    report: &mut Report<'_>,
) {
    if drops_later(project, image) {
        return;
    }
    let reason = "whoever breaks into the application owns the container, and with a mounted socket or a hole in the kernel the host";
    let remedy =
        "RUN useradd --system --uid 10001 app, and `USER app` after the last step that needs root"
            .to_owned();
    if let Some(user) = image.file.last(stage, "USER") {
        let written = user.body.text.trim();
        let value = shell::expand(written, &|variable| image.file.value(stage, variable));
        let name = value
            .as_deref()
            .unwrap_or(written)
            .split(':')
            .next()
            .unwrap_or_default();
        if matches!(name, "root" | "0") {
            let message = format!("the last USER of the image is `{name}`");
            let said = Said {
                message,
                reason,
                remedy,
            };
            report.say(&RULE, image.path, user.place, said);
        }
        return;
    }
    let base = image.file.base_image(stage);
    if base == "scratch" || UNPRIVILEGED.iter().any(|mark| base.contains(mark)) {
        return;
    }
    let instructions = image.file.of(stage);
    let (Some(from), Some(last)) = (instructions.first(), instructions.last()) else {
        return;
    };
    // An image that starts nothing is a step of another one.
    let starts = ["CMD", "ENTRYPOINT"]
        .iter()
        .any(|keyword| image.file.last(stage, keyword).is_some());
    if !starts {
        return;
    }
    let message = "the image has no USER: its processes run as root".to_owned();
    let place = from.place.until(last.place.last_line);
    let said = Said {
        message,
        reason,
        remedy,
    };
    report.missing(&RULE, image.path, place, said);
}

/// Whether a script that the image starts gives up root itself.
fn drops_later(project: &Project<'_>, image: &Image<'_>) -> bool {
    let droppers = [
        "gosu",
        "su-exec",
        "setpriv",
        "runuser",
        "chroot",
        "s6-setuidgid",
    ];
    let in_script = project
        .scripts
        .iter()
        .filter(|script| script.starts.iter().any(|start| start.path == image.path))
        .flat_map(|script| &script.commands)
        .any(|command| command.texts().iter().any(|word| droppers.contains(word)));
    let in_file = image
        .file
        .instructions
        .iter()
        .filter(|one| one.is("ENTRYPOINT") || one.is("CMD"))
        .filter_map(crate::docker::dockerfile::Instruction::json)
        .any(|words| {
            words
                .iter()
                .any(|word| droppers.contains(&crate::paths::base_name(word)))
        });
    let in_shell = image
        .file
        .instructions
        .iter()
        .filter(|one| one.is("ENTRYPOINT") || one.is("CMD"))
        .flat_map(|one| shell::commands(&one.body.text))
        .any(|command| droppers.contains(&command.program()));
    in_script || in_file || in_shell
}

#[cfg(test)]
mod tests {
    use crate::docker::testing::Case;

    fn case(text: &str) -> Case {
        Case::new().file("Dockerfile", text)
    }

    #[test]
    fn images_without_a_user_are_found() {
        assert_eq!(
            case("FROM python:3.12\nCMD [\"a\"]\n").warnings(),
            ["Dockerfile:1:1 root-user"]
        );
        for user in ["root", "0", "0:0", "root:root"] {
            let text = format!("FROM a:1\nUSER app\nUSER {user}\nCMD [\"a\"]\n");
            assert_eq!(
                case(&text).warnings(),
                ["Dockerfile:3:1 root-user"],
                "{user}"
            );
        }
        for set in ["ARG WHO=root", "ENV WHO=0"] {
            let text = format!("FROM a:1\n{set}\nUSER ${{WHO:-app}}\nCMD [\"a\"]\n");
            assert_eq!(
                case(&text).warnings(),
                ["Dockerfile:3:1 root-user"],
                "{set}"
            );
        }
        assert_eq!(
            case("FROM a:1 AS b\nUSER app\nFROM a:1\nCMD [\"a\"]\n").warnings(),
            ["Dockerfile:3:1 root-user"]
        );
    }

    #[test]
    fn users_of_all_kinds_are_fine() {
        for text in [
            "FROM a:1\nUSER app\nCMD [\"a\"]\n",
            "FROM a:1\nUSER 10001:10001\nCMD [\"a\"]\n",
            "FROM a:1\nUSER ${UID}\nCMD [\"a\"]\n",
            "FROM a:1\nARG UID=10001\nUSER ${UID}\nCMD [\"a\"]\n",
            "FROM a:1 AS b\nUSER app\nFROM b\nCMD [\"a\"]\n",
            "FROM gcr.io/distroless/python3:nonroot\nCMD [\"a\"]\n",
            "FROM a:1\nENTRYPOINT [\"gosu\", \"app\", \"a\"]\n",
            "FROM a:1\nRUN true\n",
            "FROM a:1 AS development\nCMD [\"a\"]\n",
        ] {
            assert!(case(text).all().is_empty(), "{text}");
        }
        let drops = case("FROM a:1\nCOPY entrypoint.sh /\nENTRYPOINT [\"/entrypoint.sh\"]\n")
            .executable("entrypoint.sh", "#!/bin/sh\nexec gosu app \"$@\"\n");
        assert!(drops.all().is_empty(), "{:?}", drops.all());
        assert!(
            Case::new()
                .file("compose/local/Dockerfile", "FROM a:1\nCMD [\"a\"]\n")
                .all()
                .is_empty()
        );
    }

    #[test]
    fn a_change_elsewhere_is_not_the_fault() {
        let case = case("FROM b:1 AS b\nRUN x\nFROM a:1\nCMD [\"a\"]\n");
        assert!(
            case.clone()
                .changed("Dockerfile", &[(2, 2)])
                .all()
                .is_empty()
        );
        assert_eq!(
            case.clone().changed("Dockerfile", &[(4, 4)]).rules(),
            ["root-user"]
        );
        assert_eq!(
            case.changed_by("Dockerfile", &[], (0, 1)).rules(),
            ["root-user"]
        );
    }
}
