//! The scripts that containers start with: which file of the project a path inside of an image is.

use super::compose::{Compose, Service};
use super::dockerfile::{Instruction, Stage};
use super::project::{Image, Project, is_file, sources};
use super::{may_be_script, names_entrypoint};
use crate::paths::{base_name, inside};
use crate::shell::{self, Command};
use crate::source::{Place, Source};

/// A script of the shell.
pub(super) struct Script<'s> {
    pub(super) path: &'s str,
    pub(super) source: Source<'s>,
    pub(super) commands: Vec<Command>,
    pub(super) starts: Vec<Start>,
}

/// An instruction that starts a script.
pub(super) struct Start {
    /// The Dockerfile or compose file.
    pub(super) path: String,
    pub(super) place: Place,
    /// The script's path in the image.
    pub(super) program: String,
    /// `sh script` rather than `script`.
    pub(super) through_shell: bool,
    /// Whether it is the entrypoint, which gets the command as its arguments.
    pub(super) is_entrypoint: bool,
    /// The index of the Dockerfile among all, and of the stage in it.
    pub(super) stage: Option<(usize, usize)>,
}

impl<'s> Project<'s> {
    pub(super) fn read_scripts(&mut self) {
        let mut starts: Vec<(&'s str, Start)> = Vec::new();
        for (index, image) in self.dockerfiles.iter().enumerate() {
            for (number, stage) in image.file.stages.iter().enumerate() {
                // Of several instructions the last one counts.
                let own = image.file.of(stage).iter().rev();
                let last = |keyword| own.clone().find(|one| one.is(keyword));
                for instruction in [last("ENTRYPOINT"), last("CMD")].into_iter().flatten() {
                    if let Some((script, mut start)) = self.started_by(image, stage, instruction) {
                        start.stage = Some((index, number));
                        starts.push((script, start));
                    }
                }
            }
        }
        for compose in &self.composes {
            for service in &compose.services {
                starts.extend(self.started_by_service(compose, service));
            }
        }
        let named = self
            .scope
            .tree
            .paths()
            .filter(|path| names_entrypoint(path));
        let mut paths: Vec<&'s str> = starts.iter().map(|(path, _)| *path).chain(named).collect();
        paths.sort_unstable();
        paths.dedup();
        for path in paths {
            let Some(bytes) = self
                .scope
                .tree
                .get(path)
                .filter(|_| is_file(self.scope, path))
            else {
                continue;
            };
            match Source::read(bytes) {
                Err(why) => self.cannot_read(path, why, Place::START),
                // A program of another language has its own rules.
                Ok(source) if !is_shell_script(path, source.text) => {}
                Ok(source) => {
                    let (own, others) = starts.into_iter().partition(|(script, _)| *script == path);
                    starts = others;
                    self.scripts.push(Script {
                        path,
                        commands: shell::commands(source.text),
                        source,
                        starts: own.into_iter().map(|(_, start)| start).collect(),
                    });
                }
            }
        }
    }

    /// The script that ENTRYPOINT or CMD starts.
    fn started_by(
        &self,
        image: &Image<'s>,
        stage: &Stage,
        instruction: &Instruction,
    ) -> Option<(&'s str, Start)> {
        if !(instruction.is("ENTRYPOINT") || instruction.is("CMD")) {
            return None;
        }
        let (words, _) = started_words(instruction);
        let texts: Vec<&str> = words.iter().map(String::as_str).collect();
        let (program, through_shell) = script_of(&texts)?;
        let script = self.find_script(image, Some(stage), program)?;
        Some((
            script,
            Start {
                path: image.path.to_owned(),
                place: instruction.place,
                program: program.to_owned(),
                through_shell,
                is_entrypoint: instruction.is("ENTRYPOINT"),
                stage: None,
            },
        ))
    }

    fn started_by_service(&self, compose: &Compose, service: &Service) -> Vec<(&'s str, Start)> {
        let Some(build) = &service.build else {
            return Vec::new();
        };
        let Some(image) = self
            .dockerfiles
            .iter()
            .find(|image| Some(image.path) == build.dockerfile.as_deref())
        else {
            return Vec::new();
        };
        let stage = image.file.target(build.target.as_deref());
        ["entrypoint", "command"]
            .into_iter()
            .filter_map(|key| {
                let (words, place) = service.words(key)?;
                let texts: Vec<&str> = words.iter().map(String::as_str).collect();
                let (program, through_shell) = script_of(&texts)?;
                let script = self.find_script(image, stage, program)?;
                let start = Start {
                    path: compose.path.clone(),
                    place,
                    program: program.to_owned(),
                    through_shell,
                    is_entrypoint: key == "entrypoint",
                    stage: stage.and_then(|stage| {
                        let image_index = self
                            .dockerfiles
                            .iter()
                            .position(|other| other.path == image.path)?;
                        let number = image
                            .file
                            .stages
                            .iter()
                            .position(|other| other.range == stage.range)?;
                        Some((image_index, number))
                    }),
                };
                Some((script, start))
            })
            .collect()
    }

    /// The file of the project that a path inside of the image comes from.
    fn find_script(
        &self,
        image: &Image<'s>,
        stage: Option<&Stage>,
        program: &str,
    ) -> Option<&'s str> {
        let name = base_name(program);
        let mut candidates = Vec::new();
        let lineage = stage
            .map(|stage| image.file.lineage(stage))
            .unwrap_or_default();
        for instruction in lineage.into_iter().flat_map(|stage| image.file.of(stage)) {
            let paths = instruction.paths();
            let renamed = paths.last().is_some_and(|target| base_name(target) == name);
            for source in sources(instruction) {
                if base_name(&source) == name || (renamed && paths.len() == 2) {
                    candidates.extend(inside(&image.context, &source));
                }
            }
        }
        // `/app/docker/entrypoint.sh`: the directories of the image in front are not those of the project.
        let mut rest = program.trim_start_matches('/');
        loop {
            candidates.extend(inside(&image.context, rest));
            match rest.split_once('/') {
                Some((_, shorter)) => rest = shorter,
                None => break,
            }
        }
        candidates
            .iter()
            .find_map(|path| self.scope.entries.get_key_value(path.as_str()))
            .map(|(path, _)| path.as_str())
            .filter(|path| is_file(self.scope, path))
    }
}

/// The words that ENTRYPOINT or CMD runs, and whether Docker puts a shell in front.
pub(super) fn started_words(instruction: &Instruction) -> (Vec<String>, bool) {
    if let Some(words) = instruction.json() {
        return (words, false);
    }
    let commands = shell::commands(&instruction.body.text);
    let words = commands
        .last()
        .map(|command| command.texts().into_iter().map(str::to_owned).collect())
        .unwrap_or_default();
    (words, true)
}

/// The script among the words of a command, and whether a shell is named in front of it.
fn script_of<'w>(words: &[&'w str]) -> Option<(&'w str, bool)> {
    let words = shell::unwrapped(words);
    let (first, rest) = words.split_first()?;
    if shell::is_shell(first) {
        if shell::inline_script(&words).is_some() {
            return None;
        }
        let script = rest.iter().find(|word| !word.starts_with('-'))?;
        return Some((script, true));
    }
    Some((first, false))
}

/// Whether a file is a script of a shell: by its first line, else by its name.
fn is_shell_script(path: &str, text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default();
    match first.strip_prefix("#!") {
        Some(program) => program
            .split([' ', '\t', '/'])
            .any(|word| shell::is_shell(word.trim())),
        None => may_be_script(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::Settings;
    use crate::{Scope, SourceTree};

    fn scripts(files: &[(&str, &str)]) -> Vec<String> {
        let tree: SourceTree = files.iter().copied().collect();
        let scope = Scope::all(tree);
        let settings = Settings::default();
        Project::read(&scope, &settings)
            .scripts
            .iter()
            .map(|script| format!("{} {}", script.path, script.starts.len()))
            .collect()
    }

    #[test]
    fn scripts_are_found_from_the_image() {
        for (docker, path) in [
            (
                "FROM a\nCOPY . .\nENTRYPOINT [\"/app/entrypoint.sh\"]\n",
                "entrypoint.sh",
            ),
            (
                "FROM a\nCOPY docker/start.sh /\nCMD /start.sh\n",
                "docker/start.sh",
            ),
            (
                "FROM a AS b\nCOPY compose/go /start\nFROM b\nCMD [\"/start\"]\n",
                "compose/go",
            ),
            (
                "FROM a\nCOPY . /srv\nENTRYPOINT [\"tini\", \"--\", \"bash\", \"/srv/docker/x.sh\"]\n",
                "docker/x.sh",
            ),
        ] {
            let found = scripts(&[("Dockerfile", docker), (path, "#!/bin/sh\nexec \"$@\"\n")]);
            assert_eq!(found, [format!("{path} 1")], "{docker}");
        }
        let python = scripts(&[
            ("Dockerfile", "FROM a\nENTRYPOINT [\"./run.py\"]\n"),
            ("run.py", "#!/usr/bin/env python\n"),
        ]);
        assert!(python.is_empty());
    }

    #[test]
    fn the_context_is_where_the_sources_are() {
        let found = scripts(&[
            (
                "docker/Dockerfile",
                "FROM a\nCOPY requirements.txt .\nCOPY . .\nENTRYPOINT [\"/app/run.sh\"]\n",
            ),
            ("requirements.txt", ""),
            ("run.sh", "#!/bin/sh\n"),
        ]);
        assert_eq!(found, ["run.sh 1"]);
        let found = scripts(&[
            (
                "docker/Dockerfile",
                "FROM a\nCOPY . .\nENTRYPOINT [\"/app/run.sh\"]\n",
            ),
            (
                "compose.yaml",
                "services: {web: {build: {context: ., dockerfile: docker/Dockerfile}, command: ./other.sh}}\n",
            ),
            ("run.sh", "#!/bin/sh\n"),
            ("other.sh", "#!/bin/sh\n"),
        ]);
        assert_eq!(found, ["other.sh 1", "run.sh 1"]);
    }
}
