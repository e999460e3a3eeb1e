//! `entrypoint-not-executable`: a script that the image cannot start.

use crate::docker::dockerfile::Instruction;
use crate::docker::project::{Project, sources};
use crate::docker::script::{Script, Start};
use crate::findings::Report;
use crate::fix::{Answer, Fix, Proposal};
use crate::paths::base_name;
use crate::report::Said;
use crate::source::Place;
use crate::{FileMode, Group, Rule, Scope, shell};
use beanpole_model::{Finding, Severity};
use std::collections::BTreeMap;

/// After POSIX `execve`: EACCES without the execute bit.
pub(in crate::docker) const RULE: Rule = Rule {
    id: "entrypoint-not-executable",
    group: Group::Docker,
    severity: Severity::Error,
    summary: "a script that an image starts has no execute bit",
};

pub(super) fn check(project: &Project<'_>, script: &Script<'_>, report: &mut Report<'_>) {
    let mode = project
        .scope
        .entries
        .get(script.path)
        .map(|entry| entry.mode);
    if mode != Some(FileMode::Regular) {
        return;
    }
    for start in script.starts.iter().filter(|start| !start.through_shell) {
        let hidden = mounted_over(project, script, start);
        if hidden.is_none() && made_executable(project, script, start) {
            continue;
        }
        // The bit may have gone with a change of the script, or be needed since a change of what starts or hides it.
        let brought = report.judged(script.path).is_some()
            || report.touches(&start.path, start.place)
            || report.lost_lines(&start.path)
            || hidden
                .as_ref()
                .is_some_and(|(path, place)| report.touches(path, *place));
        if brought {
            return say(script, start, hidden.map(|(path, _)| path), report);
        }
    }
}

fn say(script: &Script<'_>, start: &Start, hidden_by: Option<String>, report: &mut Report<'_>) {
    let why = hidden_by.map_or_else(
        || format!("{} starts it", start.path),
        |path| format!("{path} mounts it over the one that the image starts"),
    );
    report.always(
        &RULE,
        script.path,
        Place::START,
        Said {
            message: format!("`{}` has no execute bit, and {why}", script.path),
            reason: "the container stops at once: \"permission denied\"",
            remedy: format!("git update-index --chmod=+x {}", script.path),
        },
    );
}

/// One proposal for each script of a finding of this rule.
pub(in crate::docker) fn fixes(scope: &Scope, findings: &[Finding]) -> Vec<Proposal> {
    let mut scripts: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, finding) in findings.iter().enumerate() {
        if let Some(place) = &finding.location
            && finding.rule == RULE.id
        {
            scripts.entry(&place.path).or_default().push(index);
        }
    }
    scripts
        .into_iter()
        .map(|(path, findings)| Proposal {
            findings,
            answer: answer(scope, path),
        })
        .collect()
}

/// The bit alone helps only a script that names its interpreter.
fn answer(scope: &Scope, path: &str) -> Answer {
    let bytes = scope.tree.get(path).unwrap_or_default();
    if bytes.starts_with(b"#!") {
        Answer::Fix {
            what: format!("gives {path} the execute bit"),
            fixes: vec![Fix::MakeExecutable {
                path: path.to_owned(),
            }],
        }
    } else {
        Answer::No {
            why: format!("{path} does not begin with `#!`: the bit alone would not start it"),
        }
    }
}

/// The compose file, with the place of its volumes, that mounts a directory of the project over the image's script: then the mode
/// of the project counts, whatever the image has done.
fn mounted_over(
    project: &Project<'_>,
    script: &Script<'_>,
    start: &Start,
) -> Option<(String, Place)> {
    let image = project.dockerfiles.get(start.stage?.0)?;
    let program = start.program.as_str();
    for compose in &project.composes {
        for service in &compose.services {
            let builds = service
                .build
                .as_ref()
                .and_then(|build| build.dockerfile.as_deref());
            if builds != Some(image.path) {
                continue;
            }
            let hides = service.mounts(&compose.path).iter().any(|mount| {
                let has_script = is_below(script.path, &mount.source);
                // A relative program stands in the working directory, which is where the code is mounted.
                has_script && (!program.starts_with('/') || is_below(program, &mount.target))
            });
            if hides {
                let volumes = service
                    .node
                    .get("volumes")
                    .map_or(service.place, |node| node.place);
                return Some((compose.path.clone(), volumes.until(service.place.last_line)));
            }
        }
    }
    None
}

fn is_below(path: &str, directory: &str) -> bool {
    directory.is_empty()
        || path
            .strip_prefix(directory)
            .is_some_and(|rest| rest.starts_with('/'))
}

/// Whether the image sets the bit itself: `COPY --chmod=755`, `RUN chmod +x`.
fn made_executable(project: &Project<'_>, script: &Script<'_>, start: &Start) -> bool {
    let Some((image, number)) = start.stage else {
        return false;
    };
    let Some(image) = project.dockerfiles.get(image) else {
        return false;
    };
    let Some(stage) = image.file.stages.get(number) else {
        return false;
    };
    let lineage = image.file.lineage(stage);
    lineage
        .into_iter()
        .flat_map(|stage| image.file.of(stage))
        .any(|one| copied_with_mode(one, script.path) || changed_mode(one, script.path))
}

fn copied_with_mode(instruction: &Instruction, path: &str) -> bool {
    let Some(mode) = instruction.flag("chmod") else {
        return false;
    };
    let covers = sources(instruction).iter().any(|source| {
        let source = source.trim_start_matches("./").trim_end_matches('/');
        source.is_empty()
            || source == "."
            || source.contains('*')
            || path.ends_with(source)
            || path.contains(&format!("{source}/"))
    });
    covers && sets_execute(mode)
}

/// `755`, `0755`, `+x`, `a+rx`, `u=rwx`.
fn sets_execute(mode: &str) -> bool {
    if mode.chars().all(|digit| digit.is_digit(8)) {
        // The bits of owner, group and others are odd where they may execute.
        return mode
            .chars()
            .rev()
            .take(3)
            .any(|digit| digit.to_digit(8).is_some_and(|bits| bits % 2 == 1));
    }
    mode.split(',').any(|part| {
        part.split_once(['+', '='])
            .is_some_and(|(_, bits)| bits.contains(['x', 'X']))
    })
}

fn changed_mode(instruction: &Instruction, path: &str) -> bool {
    if !instruction.is("RUN") {
        return false;
    }
    let commands = match instruction.json() {
        Some(words) => vec![words],
        None => instruction
            .scripts()
            .iter()
            .flat_map(|script| shell::commands(&script.text))
            .map(|command| command.texts().into_iter().map(str::to_owned).collect())
            .collect(),
    };
    commands.iter().any(|words| {
        let mentions_chmod = words.iter().any(|word| base_name(word) == "chmod");
        let has_mode = words
            .iter()
            .any(|word| sets_execute(word) && !word.starts_with('/'));
        // The script may have another name in the image, or be meant by a pattern, a variable or its directory.
        let name = base_name(path);
        let covers = words.iter().any(|word| {
            base_name(word) == name
                || word.contains(['*', '$', '{'])
                || word.starts_with("-R")
                || word == "--recursive"
                || word.contains("entrypoint")
                || word.contains(name)
        });
        let renamed = words
            .iter()
            .any(|word| word.starts_with('/') && !base_name(word).contains('.'));
        mentions_chmod && has_mode && (covers || renamed)
    })
}

#[cfg(test)]
mod tests {
    use crate::docker::fixes;
    use crate::docker::testing::Case;
    use crate::fix::{Answer, outcome};

    fn case(image: &str) -> Case {
        let image = format!("FROM a:1\nUSER app\n{image}\n");
        Case::new()
            .file("Dockerfile", image)
            .file("entrypoint.sh", "#!/bin/sh\nexec \"$@\"\n")
    }

    const START: &str = "ENTRYPOINT [\"/app/entrypoint.sh\"]";

    #[test]
    fn the_bit_is_given_once_to_a_script_that_it_starts() {
        let missing = case(&format!("COPY entrypoint.sh /app/\n{START}"));
        let scope = missing.scope();
        let proposals = fixes(&scope, &missing.findings());
        assert_eq!(proposals.len(), 1);
        let changes = outcome(&scope, proposals[0].fixes()).unwrap();
        let after = changes[0].after.clone().unwrap();
        assert!(after.is_executable);
        let fixed = missing
            .clone()
            .executable("entrypoint.sh", after.content.as_slice());
        assert!(fixed.errors().is_empty());
        assert!(fixes(&fixed.scope(), &fixed.findings()).is_empty());

        let bare = missing.file("entrypoint.sh", "exec \"$@\"\n");
        let proposals = fixes(&bare.scope(), &bare.findings());
        assert!(matches!(&proposals[0].answer, Answer::No { why } if why.contains("`#!`")));
    }

    #[test]
    fn a_missing_bit_is_found() {
        for copy in [
            "COPY entrypoint.sh /app/",
            "COPY --chmod=644 entrypoint.sh /app/",
            "COPY entrypoint.sh /app/\nRUN chmod 644 /app/entrypoint.sh",
            "COPY entrypoint.sh /app/\nRUN chmod +x /app/manage.py",
        ] {
            let case = case(&format!("{copy}\n{START}"));
            assert_eq!(
                case.errors(),
                ["entrypoint.sh:1:1 entrypoint-not-executable"],
                "{copy}"
            );
        }
        assert_eq!(
            case("COPY entrypoint.sh /app/\nENTRYPOINT [\"tini\", \"--\", \"/app/entrypoint.sh\"]")
                .errors()
                .len(),
            1
        );
    }

    #[test]
    fn the_bit_may_come_in_other_ways() {
        for image in [
            format!("COPY --chmod=0755 entrypoint.sh /app/\n{START}"),
            format!("COPY --chmod=a+rx entrypoint.sh /app/\n{START}"),
            format!("COPY entrypoint.sh /app/\nRUN true && chmod +x /app/entrypoint.sh\n{START}"),
            format!("COPY entrypoint.sh /app/\nRUN chmod 755 /app/*.sh\n{START}"),
            "COPY entrypoint.sh /app/\nENTRYPOINT [\"sh\", \"/app/entrypoint.sh\"]".to_owned(),
            "COPY entrypoint.sh /app/\nCMD bash /app/entrypoint.sh".to_owned(),
        ] {
            assert!(case(&image).errors().is_empty(), "{image}");
        }
    }

    #[test]
    fn a_mount_hides_what_the_image_did() {
        let image = format!("COPY entrypoint.sh /app/\nRUN chmod +x /app/entrypoint.sh\n{START}");
        let compose = |target: &str| {
            format!("services:\n  web:\n    build: .\n    volumes:\n      - ./:{target}\n")
        };
        let hidden = case(&image).file("compose.yaml", compose("/app/"));
        assert_eq!(
            hidden.errors(),
            ["entrypoint.sh:1:1 entrypoint-not-executable"]
        );
        assert_eq!(
            hidden.changed("compose.yaml", &[(5, 5)]).rules(),
            ["entrypoint-not-executable"]
        );
        assert!(
            case(&image)
                .file("compose.yaml", compose("/srv"))
                .errors()
                .is_empty()
        );
    }

    #[test]
    fn only_a_change_of_script_or_start_is_judged() {
        let case = case(&format!("COPY entrypoint.sh /app/\n{START}"));
        assert!(
            case.clone()
                .changed("Dockerfile", &[(1, 1)])
                .all()
                .is_empty()
        );
        for path in ["Dockerfile", "entrypoint.sh"] {
            assert_eq!(
                case.clone().changed(path, &[(4, 4)]).rules(),
                ["entrypoint-not-executable"]
            );
        }
    }
}
