//! Values of variables, as far as the project's files say them.

use crate::docker::dockerfile::pairs;
use crate::docker::project::Project;
use crate::docker::script::Script;
use crate::shell;
use std::collections::BTreeSet;

/// What variables may be when a script runs: as compose sets them, as the script does, as the image does.
pub(super) struct Values<'p> {
    pub(super) compose: Vec<(String, String)>,
    pub(super) own: Vec<(String, String)>,
    pub(super) settings_hosts: &'p BTreeSet<String>,
}

impl<'p> Values<'p> {
    pub(super) fn new(project: &'p Project<'_>, script: &Script<'_>) -> Self {
        let compose = project
            .composes
            .iter()
            .flat_map(|compose| &compose.services)
            .flat_map(crate::docker::compose::Service::environment)
            .filter_map(|(name, value, _)| Some((name, shell::expand(value?, &|_| None)?)))
            .collect();
        let in_script = script
            .commands
            .iter()
            .flat_map(|command| &command.assignments)
            .map(|(name, word)| (name.clone(), word.text.clone()));
        let in_image = project
            .dockerfiles
            .iter()
            .filter(|image| script.starts.iter().any(|start| start.path == image.path))
            .flat_map(|image| &image.file.instructions)
            .filter(|instruction| instruction.is("ENV"))
            .flat_map(pairs)
            .filter_map(|(name, value, _)| Some((name, value?)));
        Self {
            compose,
            own: in_script.chain(in_image).collect(),
            settings_hosts: &project.settings.hosts,
        }
    }

    /// The word with its variables replaced. Where services differ, the one that fits counts.
    pub(super) fn resolve(&self, word: &str, known: &BTreeSet<String>) -> Option<String> {
        shell::expand(word, &|name| {
            let mut values = self
                .compose
                .iter()
                .filter(|(set, _)| set == name)
                .map(|(_, value)| value);
            let fitting = values.clone().find(|value| known.contains(*value));
            fitting
                .or_else(|| values.next())
                .cloned()
                .or_else(|| self.own_value(name, 0))
        })
    }

    fn own_value(&self, name: &str, depth: u32) -> Option<String> {
        let (_, value) = self.own.iter().find(|(set, _)| set == name)?;
        // A script may give a variable its own value back: `HOST=${HOST:-db}`.
        if depth > 4 {
            return None;
        }
        shell::expand(value, &|inner| {
            if inner == name {
                None
            } else {
                self.own_value(inner, depth + 1)
            }
        })
    }
}
