//! `apt-lists-left`, `apt-recommends`: packages that make the image larger than it needs to be.

use crate::docker::dockerfile::{Instruction, Text};
use crate::docker::project::Image;
use crate::findings::Report;
use crate::report::Said;
use crate::shell::{self, Command};
use crate::source::Place;
use crate::{Group, Rule};
use beanpole_model::Severity;

/// After Docker's "Building best practices", apt-get.
pub(in crate::docker) const LISTS: Rule = Rule {
    id: "apt-lists-left",
    group: Group::Docker,
    severity: Severity::Warning,
    summary: "apt's package lists stay in a layer of the image",
};

/// After Docker's "Building best practices", apt-get; hadolint DL3015.
pub(in crate::docker) const RECOMMENDS: Rule = Rule {
    id: "apt-recommends",
    group: Group::Docker,
    severity: Severity::Note,
    summary: "apt-get install brings recommended packages as well",
};

pub(super) fn check(image: &Image<'_>, report: &mut Report<'_>) {
    let Some(last) = image.file.target(None) else {
        return;
    };
    let turned_off = turns_recommends_off(&image.file.instructions);
    // Layers of a stage that is only copied from are in no image.
    let shipped = image.file.lineage(last);
    let instructions = shipped.into_iter().flat_map(|stage| image.file.of(stage));
    for instruction in instructions.filter(|one| one.is("RUN")) {
        for script in scripts(instruction) {
            let commands = shell::commands(&script.text);
            lists(image, instruction, &script, &commands, report);
            if !turned_off {
                recommends(image, instruction, &script, &commands, report);
            }
        }
    }
}

/// The shell texts of RUN; those of its JSON form have no shell.
fn scripts(instruction: &Instruction) -> Vec<Text> {
    if instruction.json().is_some() {
        return Vec::new();
    }
    instruction.scripts()
}

fn is_apt(command: &Command, action: &str) -> bool {
    let texts = command.texts();
    let words = shell::unwrapped(&texts);
    matches!(words.first(), Some(&("apt-get" | "apt"))) && words.contains(&action)
}

fn place(instruction: &Instruction, script: &Text, command: &Command) -> Place {
    let last_line = instruction.place.last_line;
    script.place(command.start()).until(last_line)
}

fn lists(
    image: &Image<'_>,
    instruction: &Instruction,
    script: &Text,
    commands: &[Command],
    report: &mut Report<'_>,
) {
    // The lists come with `update`; `install` alone adds none.
    let Some(update) = commands.iter().find(|command| is_apt(command, "update")) else {
        return;
    };
    let removed = commands.iter().any(|command| {
        let words = command.texts();
        command.program() == "rm" && words.iter().any(|word| word.starts_with("/var/lib/apt"))
            || command.program() == "find"
                && words.contains(&"-delete")
                && words.iter().any(|word| word.starts_with("/var/lib/apt"))
    });
    let mounted = instruction.flags.iter().any(|(name, value)| {
        name == "mount"
            && value.contains("/var/lib/apt")
            && (value.contains("cache") || value.contains("tmpfs"))
    });
    if removed || mounted {
        return;
    }
    report.say(
        &LISTS,
        image.path,
        place(instruction, script, update),
        Said {
            message: "apt-get update leaves its package lists in the layer".to_owned(),
            reason: "the lists take tens of megabytes in every pull, and a later RUN cannot take them out of this layer",
            remedy: "end the same RUN with `&& rm -rf /var/lib/apt/lists/*`, or mount a cache: RUN --mount=type=cache,target=/var/lib/apt"
                .to_owned(),
        },
    );
}

fn recommends(
    image: &Image<'_>,
    instruction: &Instruction,
    script: &Text,
    commands: &[Command],
    report: &mut Report<'_>,
) {
    for command in commands.iter().filter(|command| is_apt(command, "install")) {
        let named = command.texts().iter().any(|word| {
            *word == "--no-install-recommends"
                || word.to_ascii_lowercase().contains("install-recommends=")
        });
        if named {
            continue;
        }
        report.say(
            &RECOMMENDS,
            image.path,
            place(instruction, script, command),
            Said {
                message: "apt-get install without --no-install-recommends".to_owned(),
                reason: "packages that nothing needs make the image larger and give attackers more to work with",
                remedy: "apt-get install -y --no-install-recommends …".to_owned(),
            },
        );
    }
}

/// Whether a file of apt's configuration turns recommended packages off for the whole image.
fn turns_recommends_off(instructions: &[Instruction]) -> bool {
    instructions
        .iter()
        .any(|one| one.is("RUN") && one.body.text.contains("APT::Install-Recommends"))
}

#[cfg(test)]
mod tests {
    use crate::docker::testing::Case;

    fn case(run: &str) -> Case {
        Case::new().file("Dockerfile", format!("FROM a:1\n{run}\nUSER app\n"))
    }

    #[test]
    fn lists_that_stay_are_found() {
        for (run, place) in [
            (
                "RUN apt-get update && apt-get install -y --no-install-recommends git",
                "2:5",
            ),
            ("RUN set -e; \\\n    apt-get update", "3:5"),
            ("RUN <<EOF\nset -e\napt-get update\nEOF", "4:1"),
            ("FROM b:1 AS base\nRUN apt-get update\nFROM base", "3:5"),
            ("RUN apt-get update\nRUN rm -rf /var/lib/apt/lists/*", "2:5"),
        ] {
            assert_eq!(
                case(run).warnings(),
                [format!("Dockerfile:{place} apt-lists-left")],
                "{run}"
            );
        }
    }

    #[test]
    fn lists_that_go_are_fine() {
        for run in [
            "RUN apt-get update && apt-get install -y --no-install-recommends git && rm -rf /var/lib/apt/lists/*",
            "RUN --mount=type=cache,target=/var/cache/apt --mount=type=cache,target=/var/lib/apt,sharing=locked apt-get update",
            "RUN <<EOF\napt-get update\nrm -rf /var/lib/apt/lists/*\nEOF",
            "RUN echo apt-get update",
            "RUN apt-get update\nFROM b:1",
        ] {
            assert!(case(run).all().is_empty(), "{run}");
        }
    }

    #[test]
    fn recommended_packages_are_noted() {
        assert_eq!(
            case("RUN apt-get install -y git").notes(),
            ["Dockerfile:2:5 apt-recommends"]
        );
        for run in [
            "RUN apt-get -o APT::Install-Recommends=false install git",
            "RUN apt-get install --no-install-recommends git",
            "RUN pip install git",
        ] {
            assert!(case(run).all().is_empty(), "{run}");
        }
    }

    #[test]
    fn a_changed_line_inside_of_the_step_counts() {
        let case =
            case("RUN apt-get update && \\\n    apt-get install -y --no-install-recommends git");
        assert_eq!(
            case.clone().changed("Dockerfile", &[(3, 3)]).rules(),
            ["apt-lists-left"]
        );
        assert!(case.changed("Dockerfile", &[(4, 4)]).all().is_empty());
    }
}
