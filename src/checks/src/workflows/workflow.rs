//! Workflows and composite actions as jobs and steps that know their lines, after
//! <https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax>.

use super::expression::{Expression, expressions};
use crate::source::{Place, Source};
use crate::yaml::{self, Node, Value};

/// A workflow, or an action that is made of steps.
pub(super) struct Workflow<'s> {
    pub(super) path: &'s str,
    pub(super) source: Source<'s>,
    root: Node,
    is_action: bool,
}

/// A job; the steps of an action are one.
pub(super) struct Job<'w> {
    pub(super) name: &'w str,
    /// Its name.
    pub(super) place: Place,
    pub(super) node: &'w Node,
    pub(super) steps: Vec<Step<'w>>,
}

/// A step.
#[derive(Clone, Copy)]
pub(super) struct Step<'w> {
    pub(super) node: &'w Node,
}

impl<'s> Workflow<'s> {
    pub(super) fn read(path: &'s str, source: Source<'s>) -> Result<Self, (String, Place)> {
        let root = yaml::parse(&source)?;
        Ok(Self {
            path,
            source,
            root,
            is_action: super::is_action(path),
        })
    }

    pub(super) const fn is_action(&self) -> bool {
        self.is_action
    }

    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.root.get(key)
    }

    /// The events that start it, with their places.
    pub(super) fn events(&self) -> Vec<(&str, Place)> {
        let Some(on) = self.root.get("on") else {
            return Vec::new();
        };
        match &on.value {
            Value::Map(entries) => entries
                .iter()
                .map(|entry| (entry.key.as_str(), entry.place))
                .collect(),
            _ => on
                .texts()
                .into_iter()
                .map(|(text, node)| (text, node.place))
                .collect(),
        }
    }

    pub(super) fn jobs(&self) -> Vec<Job<'_>> {
        if self.is_action {
            let runs = self.root.entry("runs");
            return runs
                .map(|runs| job(&runs.key, runs.place, &runs.node))
                .into_iter()
                .collect();
        }
        self.root
            .get("jobs")
            .map(Node::entries)
            .unwrap_or_default()
            .iter()
            .map(|entry| job(&entry.key, entry.place, &entry.node))
            .collect()
    }

    /// The values of an environment variable as a step sees it: its own, the job's, the workflow's.
    pub(super) fn environment<'w>(
        &'w self,
        job: &Job<'w>,
        step: Step<'w>,
    ) -> Vec<(&'w str, &'w str)> {
        let mut found: Vec<(&str, &str)> = Vec::new();
        for env in [
            step.node.get("env"),
            job.node.get("env"),
            self.root.get("env"),
        ]
        .into_iter()
        .flatten()
        {
            for entry in env.entries() {
                let hidden = found.iter().any(|(name, _)| *name == entry.key);
                if let Some(text) = entry.node.text().filter(|_| !hidden) {
                    found.push((&entry.key, text));
                }
            }
        }
        found
    }

    /// The place of a piece of a scalar's text that begins at an offset of that text.
    pub(super) fn place_in(&self, node: &Node, offset: usize, piece: &str) -> Place {
        let before = node
            .text()
            .and_then(|text| text.get(..offset))
            .unwrap_or_default();
        node.place_of(&self.source, piece, before.matches(piece).count())
    }

    /// The expressions of a scalar with their places.
    pub(super) fn expressions<'w>(&self, node: &'w Node) -> Vec<(Expression<'w>, Place)> {
        expressions(node.text().unwrap_or_default())
            .into_iter()
            .map(|one| (one, self.place_in(node, one.start, one.whole)))
            .collect()
    }
}

fn job<'w>(name: &'w str, place: Place, node: &'w Node) -> Job<'w> {
    let steps = node.get("steps").map(Node::items).unwrap_or_default();
    Job {
        name,
        place,
        node,
        steps: steps.iter().map(|node| Step { node }).collect(),
    }
}

impl<'w> Step<'w> {
    /// The action, and the node that names it.
    pub(super) fn uses(self) -> Option<(&'w str, &'w Node)> {
        let node = self.node.get("uses")?;
        Some((node.text()?, node))
    }

    /// The script that the step runs.
    pub(super) fn run(self) -> Option<(&'w str, &'w Node)> {
        let node = self.node.get("run")?;
        Some((node.text()?, node))
    }

    /// An input of the action.
    pub(super) fn input(self, name: &str) -> Option<&'w Node> {
        let with = self.node.get("with")?;
        with.entries()
            .iter()
            .find(|entry| entry.key.eq_ignore_ascii_case(name))
            .map(|entry| &entry.node)
    }

    /// Whether the script is one of a Unix shell.
    pub(super) fn is_shell(self) -> bool {
        let shell = self
            .node
            .get("shell")
            .and_then(Node::text)
            .unwrap_or("bash");
        crate::shell::is_shell(shell.split(' ').next().unwrap_or(shell))
    }

    /// Scripts that GitHub puts expressions into before they run: `run`, and the script of `actions/github-script`.
    pub(super) fn scripts(self) -> Vec<&'w Node> {
        let script = self
            .uses()
            .filter(|(action, _)| action.starts_with("actions/github-script@"))
            .and_then(|_| self.input("script"));
        self.run()
            .map(|(_, node)| node)
            .into_iter()
            .chain(script)
            .collect()
    }
}
