//! The graph of all migrations of a project, as Django's loader builds it.

use super::migration::{Dependency, Migration};
use super::project::{Key, Project};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The graph. Nodes that a squashed migration replaces are gone; edges to them lead to the squashed one.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    /// All nodes in an order in which Django could apply them. Nodes of a cycle come last.
    pub(crate) order: Vec<Key>,
    /// Nodes that wait for each other.
    pub(crate) cycle: Vec<Key>,
    /// Apps with more than one leaf, with their leaves.
    pub(crate) several_leaves: BTreeMap<String, Vec<Key>>,
    /// Edges to nodes that are not there, in apps that are: from, to.
    pub(crate) missing: Vec<(Key, Key)>,
    /// Nodes that squashed ones replace, with the squashed one.
    pub(crate) replaced: BTreeMap<Key, Key>,
    /// What each node waits for.
    pub(crate) parents: BTreeMap<Key, BTreeSet<Key>>,
}

impl Graph {
    /// Builds the graph of a project.
    pub(crate) fn build(project: &Project<'_>) -> Self {
        Builder::new(project).build()
    }

    /// The node that stands for another one: itself, or what replaces it in the end.
    pub(crate) fn final_node<'k>(&'k self, key: &'k Key) -> &'k Key {
        let mut current = key;
        for _ in 0..=self.replaced.len() {
            match self.replaced.get(current) {
                Some(next) => current = next,
                None => break,
            }
        }
        current
    }

    /// What a node waits for in its own app.
    pub(crate) fn parents_in_app<'k>(&'k self, key: &'k Key) -> impl Iterator<Item = &'k Key> {
        let all = self.parents.get(key).into_iter().flatten();
        all.filter(|parent| parent.0 == key.0)
    }

    /// The nodes of an app for which no other node of the app waits.
    pub(crate) fn leaves_of(&self, app: &str) -> Vec<&Key> {
        let nodes = || self.order.iter().filter(|key| key.0 == app);
        let waited_for: BTreeSet<&Key> = nodes().flat_map(|key| self.parents_in_app(key)).collect();
        nodes().filter(|key| !waited_for.contains(key)).collect()
    }
}

struct Builder<'p, 't> {
    project: &'p Project<'t>,
    graph: Graph,
    /// The nodes of each app that stay.
    apps: BTreeMap<String, Vec<Key>>,
}

impl<'p, 't> Builder<'p, 't> {
    fn new(project: &'p Project<'t>) -> Self {
        let mut graph = Graph::default();
        for (key, migration) in &project.migrations {
            for replaced in &migration.replaces {
                if replaced != key {
                    graph.replaced.insert(replaced.clone(), key.clone());
                }
            }
        }
        let mut apps: BTreeMap<String, Vec<Key>> = BTreeMap::new();
        for key in project.migrations.keys() {
            if !graph.replaced.contains_key(key) {
                apps.entry(key.0.clone()).or_default().push(key.clone());
            }
        }
        Self {
            project,
            graph,
            apps,
        }
    }

    fn build(mut self) -> Graph {
        let nodes: Vec<Key> = self.apps.values().flatten().cloned().collect();
        for key in &nodes {
            self.graph.parents.entry(key.clone()).or_default();
        }
        for (key, migration) in &self.project.migrations {
            // A node that is replaced hands its edges to the squashed one, as Django's loader does.
            let child = self.graph.final_node(key).clone();
            for dependency in &migration.dependencies {
                match dependency {
                    Dependency::Node(app, name) => {
                        self.edge(&child, key, &(app.clone(), name.clone()));
                    }
                    Dependency::First(app) => self.first(&child, app),
                    Dependency::Latest(app) => self.latest(&child, app),
                    Dependency::Swappable(_) => {}
                }
            }
            for before in &migration.run_before {
                if self.project.migrations.contains_key(before) {
                    let waits = self.graph.final_node(before).clone();
                    self.add_parent(&waits, &child);
                }
            }
        }
        self.leaves();
        self.sort(&nodes);
        if self.graph.cycle.is_empty() {
            self.graph.cycle = self.waits_for_itself();
        }
        self.graph
    }

    /// A migration that names itself: the smallest circle.
    fn waits_for_itself(&self) -> Vec<Key> {
        let names_itself = |(key, migration): &(&Key, &Migration)| {
            migration.run_before.contains(key)
                || migration
                    .dependencies
                    .iter()
                    .any(|one| matches!(one, Dependency::Node(app, name) if *app == key.0 && *name == key.1))
        };
        let found = self.project.migrations.iter().find(names_itself);
        found.map(|(key, _)| key.clone()).into_iter().collect()
    }

    fn edge(&mut self, child: &Key, from: &Key, to: &Key) {
        let parent = self.graph.final_node(to).clone();
        if self.project.migrations.contains_key(&parent) {
            self.add_parent(child, &parent);
        } else if self.apps.contains_key(&to.0) && !self.project.unreadable_keys.contains(to) {
            self.graph.missing.push((from.clone(), to.clone()));
        }
    }

    fn add_parent(&mut self, child: &Key, parent: &Key) {
        if child != parent {
            self.graph
                .parents
                .entry(child.clone())
                .or_default()
                .insert(parent.clone());
        }
    }

    /// `__first__`: the root of the app. The first name is the best guess, and right for every app whose names have numbers.
    fn first(&mut self, child: &Key, app: &str) {
        if child.0 != app
            && let Some(first) = self.apps.get(app).and_then(|nodes| nodes.first()).cloned()
        {
            self.add_parent(child, &first);
        }
    }

    fn latest(&mut self, child: &Key, app: &str) {
        if child.0 != app
            && let Some(last) = self.apps.get(app).and_then(|nodes| nodes.last()).cloned()
        {
            self.add_parent(child, &last);
        }
    }

    fn leaves(&mut self) {
        let mut has_child: BTreeSet<&Key> = BTreeSet::new();
        for (child, parents) in &self.graph.parents {
            has_child.extend(parents.iter().filter(|parent| parent.0 == child.0));
        }
        for (app, nodes) in &self.apps {
            // A node whose edges are computed or lead nowhere, or that cannot be read, may join the others.
            let lost = (self.graph.missing.iter()).any(|(from, to)| from.0 == *app && to.0 == *app);
            let unseen =
                lost || nodes.iter().any(|key| {
                    self.project
                        .migrations
                        .get(key)
                        .is_some_and(|migration| migration.unseen_graph)
                }) || self.project.unreadable_keys.iter().any(|key| key.0 == *app);
            let leaves: Vec<Key> = nodes
                .iter()
                .filter(|key| !has_child.contains(key))
                .cloned()
                .collect();
            if leaves.len() > 1 && !unseen {
                self.graph.several_leaves.insert(app.clone(), leaves);
            }
        }
    }

    /// Kahn's way tells the nodes that can be applied from those of a cycle; the order is that of `migrate`.
    fn sort(&mut self, nodes: &[Key]) {
        let numbered = Numbered::new(nodes, &self.graph.parents);
        let is_applied = numbered.can_be_applied();
        let rest: Vec<Key> = (nodes.iter().zip(&is_applied))
            .filter(|(_, is_applied)| !**is_applied)
            .map(|(node, _)| node.clone())
            .collect();
        let order = numbered.as_migrated(&is_applied).into_iter();
        let mut order: Vec<Key> = order.filter_map(|node| nodes.get(node).cloned()).collect();
        self.graph.cycle = only_the_cycle(&rest, &self.graph.parents);
        order.extend(rest);
        self.graph.order = order;
    }
}

/// The nodes by their places in their order: names of 1,400 migrations are long to compare.
struct Numbered<'k> {
    nodes: &'k [Key],
    /// What each waits for, in order.
    parents: Vec<Vec<usize>>,
    /// How many each waits for, with those that are no nodes, for which it waits in vain.
    waits: Vec<usize>,
}

impl<'k> Numbered<'k> {
    fn new(nodes: &'k [Key], parents: &BTreeMap<Key, BTreeSet<Key>>) -> Self {
        let numbers: HashMap<&Key, usize> = nodes.iter().zip(0..).collect();
        let of = |node: &Key| parents.get(node).into_iter().flatten();
        let known = |node: &Key| -> Vec<usize> {
            of(node)
                .filter_map(|parent| numbers.get(parent).copied())
                .collect()
        };
        Self {
            nodes,
            parents: nodes.iter().map(known).collect(),
            waits: nodes.iter().map(|node| of(node).count()).collect(),
        }
    }

    fn parents(&self, node: usize) -> impl DoubleEndedIterator<Item = usize> + '_ {
        self.parents.get(node).into_iter().flatten().copied()
    }

    /// For each node, whether all that it waits for can be applied.
    fn can_be_applied(&self) -> Vec<bool> {
        let mut children: Vec<Vec<usize>> = vec![Vec::new(); self.nodes.len()];
        for child in 0..self.nodes.len() {
            for parent in self.parents(child) {
                if let Some(children) = children.get_mut(parent) {
                    children.push(child);
                }
            }
        }
        let mut waits = self.waits.clone();
        let free = waits.iter().zip(0..).filter(|(count, _)| **count == 0);
        let mut ready: Vec<usize> = free.map(|(_, node)| node).collect();
        let mut is_applied = vec![false; self.nodes.len()];
        while let Some(node) = ready.pop() {
            if let Some(is_applied) = is_applied.get_mut(node) {
                *is_applied = true;
            }
            for child in children.get(node).into_iter().flatten() {
                if let Some(count) = waits.get_mut(*child) {
                    *count -= 1;
                    if *count == 0 {
                        ready.push(*child);
                    }
                }
            }
        }
        is_applied
    }

    /// The order in which `migrate` goes from an empty database: for one app after another, all that its last migration waits
    /// for, then that migration (`iterative_dfs` in django/db/migrations/graph.py). Where the graph leaves the order open, projects
    /// live by this one without knowing it.
    fn as_migrated(&self, is_applied: &[bool]) -> Vec<usize> {
        let applied = |node: usize| is_applied.get(node) == Some(&true);
        let app = |node: usize| self.nodes.get(node).map(|(app, _)| app);
        let mut is_followed = vec![false; self.nodes.len()];
        for child in (0..self.nodes.len()).filter(|node| applied(*node)) {
            for parent in self
                .parents(child)
                .filter(|parent| app(*parent) == app(child))
            {
                if let Some(is_followed) = is_followed.get_mut(parent) {
                    *is_followed = true;
                }
            }
        }
        let mut order = Vec::with_capacity(self.nodes.len());
        let mut is_seen = vec![false; self.nodes.len()];
        let leaves = is_followed
            .iter()
            .zip(0..)
            .filter(|(is_followed, _)| !**is_followed);
        for (_, leaf) in leaves.filter(|(_, node)| applied(*node)) {
            let mut open = vec![(leaf, false)];
            while let Some((node, parents_are_done)) = open.pop() {
                let Some(is_seen) = is_seen.get_mut(node).filter(|is_seen| !**is_seen) else {
                    continue;
                };
                if parents_are_done {
                    *is_seen = true;
                    order.push(node);
                } else {
                    open.push((node, true));
                    let parents = self.parents(node).filter(|parent| applied(*parent));
                    open.extend(parents.map(|parent| (parent, false)));
                }
            }
        }
        order
    }
}

/// Of the nodes that never became ready, those from which a walk to the parents comes back; not those that only wait for them.
fn only_the_cycle(rest: &[Key], parents: &BTreeMap<Key, BTreeSet<Key>>) -> Vec<Key> {
    let stuck: BTreeSet<&Key> = rest.iter().collect();
    let Some(start) = rest.first() else {
        return Vec::new();
    };
    // Every stuck node has a stuck parent, so a walk upwards ends in a circle.
    let mut path: Vec<&Key> = Vec::new();
    let mut current = start;
    loop {
        if let Some(at) = path.iter().position(|seen| *seen == current) {
            return path
                .get(at..)
                .unwrap_or_default()
                .iter()
                .map(|key| (*key).clone())
                .collect();
        }
        path.push(current);
        let Some(next) = parents
            .get(current)
            .into_iter()
            .flatten()
            .find(|parent| stuck.contains(parent))
        else {
            return Vec::new();
        };
        current = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SourceTree;
    use crate::migrations::Settings;

    #[test]
    fn the_order_is_the_one_of_migrate() {
        let text = |dependencies: &str| {
            format!(
                "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n    \
                 dependencies = [{dependencies}]\n    operations = []\n"
            )
        };
        let tree: SourceTree = [
            ("basket/migrations/0001_a.py", text("('shop', '0001_a')")),
            ("press/migrations/0001_a.py", text("")),
            ("shop/migrations/0001_a.py", text("")),
            ("shop/migrations/0002_b.py", text("('shop', '0001_a')")),
        ]
        .into_iter()
        .collect();
        let project = Project::read(&tree, &Settings::default(), None);
        let order: Vec<String> = (Graph::build(&project).order.into_iter())
            .map(|(app, name)| format!("{app}.{name}"))
            .collect();
        // All that the first app waits for comes before the second app.
        assert_eq!(
            order,
            [
                "shop.0001_a",
                "basket.0001_a",
                "press.0001_a",
                "shop.0002_b"
            ]
        );
    }
}
