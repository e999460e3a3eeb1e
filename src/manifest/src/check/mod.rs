//! Keys compared with each other and with AWS's limits.
//!
//! Rules: each check is a function of the finished project that says which key is wrong; the place
//! is looked up here. Limits name their source.

mod application;
mod check_groups;
mod checks;
mod data;
mod environment;
mod markers;
mod names;
mod operations;
mod tickets;

use crate::issue::Fault;
use crate::project::Project;
use crate::tree::Node;

/// Collects faults by the path of the key that they are about.
pub(crate) struct Checker<'a> {
    node: &'a Node,
    faults: &'a mut Vec<Fault>,
}

impl Checker<'_> {
    /// A fault of the value at `path`.
    fn value(&mut self, path: &[&str], message: impl Into<String>, suggestion: impl Into<String>) {
        let at = self.node.position(path);
        self.faults
            .push(Fault::new(at, message).suggest(suggestion));
    }

    /// A fault of the value at `path`, which may be a secret in the wrong place: neither message nor
    /// excerpt show it.
    fn hidden(&mut self, path: &[&str], message: impl Into<String>, suggestion: impl Into<String>) {
        let at = self.node.position(path);
        self.faults
            .push(Fault::new(at, message).suggest(suggestion).hidden());
    }

    /// A fault of the key at `path`.
    fn key(&mut self, path: &[&str], message: impl Into<String>, suggestion: impl Into<String>) {
        let at = self.node.key_position(path);
        self.faults
            .push(Fault::new(at, message).suggest(suggestion));
    }
}

/// Checks everything. `node` is the tree that `project` was read from.
pub(crate) fn check(project: &Project, node: &Node, faults: &mut Vec<Fault>) {
    let mut checker = Checker { node, faults };
    application::check(project, &mut checker);
    environment::check(project, &mut checker);
    data::check(project, &mut checker);
    operations::check(project, &mut checker);
    markers::check(&project.markers, &mut checker);
    checks::check(&project.checks, &mut checker);
}
