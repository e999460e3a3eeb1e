//! The graph of all migrations of a project, as Django's loader builds it.

use super::migration::{Dependency, Migration};
use super::project::{Key, Project};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The graph. Nodes that a squashed migration replaces are gone; edges to them lead to the squashed one. All keys are borrowed
/// from the project.
#[derive(Debug, Default)]
pub(crate) struct Graph<'p> {
    /// All nodes in an order in which Django could apply them. Nodes of a cycle come last.
    pub(crate) order: Vec<&'p Key>,
    /// Nodes that wait for each other.
    pub(crate) cycle: Vec<&'p Key>,
    /// Apps with more than one leaf, with their leaves.
    pub(crate) several_leaves: BTreeMap<&'p str, Vec<&'p Key>>,
    /// Edges to nodes that are not there, in apps that are: from, to.
    pub(crate) missing: Vec<(&'p Key, &'p Key)>,
    /// Nodes that squashed ones replace, with the squashed one.
    pub(crate) replaced: BTreeMap<&'p Key, &'p Key>,
    /// What each node waits for.
    edges: Edges<'p>,
}

impl<'p> Graph<'p> {
    /// Builds the graph of a project.
    pub(crate) fn build(project: &'p Project<'_>) -> Self {
        Builder::new(project).build()
    }

    /// The node that stands for another one: itself, or what replaces it in the end.
    pub(crate) fn final_node<'k>(&self, key: &'k Key) -> &'k Key
    where
        'p: 'k,
    {
        let mut current = key;
        for _ in 0..=self.replaced.len() {
            match self.replaced.get(current) {
                Some(next) => current = next,
                None => break,
            }
        }
        current
    }

    /// What a node waits for.
    pub(crate) fn parents(&self, key: &Key) -> impl Iterator<Item = &'p Key> {
        let number = self.edges.numbers.get(key).copied();
        let parents = number.into_iter().flat_map(|node| self.edges.parents(node));
        parents.filter_map(|parent| self.edges.keys.get(parent).copied())
    }

    /// What a node waits for in its own app.
    pub(crate) fn parents_in_app(&self, key: &Key) -> impl Iterator<Item = &'p Key> {
        self.parents(key).filter(|parent| parent.0 == key.0)
    }

    /// The nodes of an app for which no other node of the app waits.
    pub(crate) fn leaves_of(&self, app: &str) -> Vec<&'p Key> {
        let nodes = || self.order.iter().filter(|key| key.0 == app);
        let waited_for: BTreeSet<&Key> = nodes().flat_map(|key| self.parents_in_app(key)).collect();
        let leaves = nodes().filter(|key| !waited_for.contains(**key));
        leaves.copied().collect()
    }
}

struct Builder<'p, 't> {
    project: &'p Project<'t>,
    graph: Graph<'p>,
    /// The nodes of each app that stay.
    apps: BTreeMap<&'p str, Vec<usize>>,
}

impl<'p, 't> Builder<'p, 't> {
    fn new(project: &'p Project<'t>) -> Self {
        let mut replaced = BTreeMap::new();
        for (key, migration) in &project.migrations {
            let others = migration.replaces.iter().filter(|other| *other != key);
            replaced.extend(others.map(|other| (other, key)));
        }
        let edges = Edges::new(project.migrations.keys(), |key| !replaced.contains_key(key));
        let mut apps: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (node, key) in edges.nodes() {
            apps.entry(key.0.as_str()).or_default().push(node);
        }
        let graph = Graph {
            replaced,
            edges,
            ..Graph::default()
        };
        Self {
            project,
            graph,
            apps,
        }
    }

    fn build(mut self) -> Graph<'p> {
        for (key, migration) in &self.project.migrations {
            // A node that is replaced hands its edges to the squashed one, as Django's loader does.
            let Some(child) = self.final_node(key) else {
                continue;
            };
            for dependency in &migration.dependencies {
                match dependency {
                    Dependency::Node(to) => self.edge(child, key, to),
                    Dependency::First(app) => self.first(child, app),
                    Dependency::Latest(app) => self.latest(child, app),
                    Dependency::Swappable(_) => {}
                }
            }
            for before in &migration.run_before {
                if self.project.migrations.contains_key(before)
                    && let Some(waits) = self.final_node(before)
                {
                    self.graph.edges.add(waits, child);
                }
            }
        }
        self.graph.edges.sort();
        self.leaves();
        self.sort();
        if self.graph.cycle.is_empty() {
            self.graph.cycle = self.waits_for_itself();
        }
        self.graph
    }

    /// A migration that names itself: the smallest circle.
    fn waits_for_itself(&self) -> Vec<&'p Key> {
        let names_itself = |(key, migration): &(&Key, &Migration)| {
            let mut dependencies = migration.dependencies.iter();
            migration.run_before.contains(key)
                || dependencies.any(|one| matches!(one, Dependency::Node(to) if to == *key))
        };
        let found = self.project.migrations.iter().find(names_itself);
        found.map(|(key, _)| key).into_iter().collect()
    }

    fn final_node(&self, key: &Key) -> Option<usize> {
        let key = self.graph.final_node(key);
        self.graph.edges.numbers.get(key).copied()
    }

    fn edge(&mut self, child: usize, from: &'p Key, to: &'p Key) {
        if let Some(parent) = self.final_node(to) {
            self.graph.edges.add(child, parent);
        } else if self.apps.contains_key(to.0.as_str())
            && !self.project.unreadable_keys.contains(to)
        {
            self.graph.missing.push((from, to));
        }
    }

    /// `__first__`: the root of the app. The first name is the best guess, and right for every app whose names have numbers.
    fn first(&mut self, child: usize, app: &str) {
        let first = self.other_app(child, app).and_then(|nodes| nodes.first());
        if let Some(first) = first.copied() {
            self.graph.edges.add(child, first);
        }
    }

    fn latest(&mut self, child: usize, app: &str) {
        let last = self.other_app(child, app).and_then(|nodes| nodes.last());
        if let Some(last) = last.copied() {
            self.graph.edges.add(child, last);
        }
    }

    /// The nodes of an app, unless it is the node's own.
    fn other_app(&self, node: usize, app: &str) -> Option<&[usize]> {
        let own = self.graph.edges.keys.get(node)?;
        let nodes = self.apps.get(app).filter(|_| own.0 != app)?;
        Some(nodes)
    }

    fn leaves(&mut self) {
        let is_followed = self.graph.edges.followed_in_app(|_| true);
        for (app, nodes) in &self.apps {
            let leaves = nodes.iter().filter(|node| !is(&is_followed, **node));
            let leaves = leaves.filter_map(|node| self.graph.edges.keys.get(*node).copied());
            let leaves: Vec<&Key> = leaves.collect();
            if leaves.len() > 1 && !self.is_seen_in_part(app) {
                self.graph.several_leaves.insert(app, leaves);
            }
        }
    }

    /// Whether edges of an app are computed or lead nowhere, or a node cannot be read: it may join the others.
    fn is_seen_in_part(&self, app: &str) -> bool {
        let mut missing = self.graph.missing.iter();
        let mut migrations = self.project.migrations.iter();
        missing.any(|(from, to)| from.0 == app && to.0 == app)
            || self.project.unreadable_keys.iter().any(|key| key.0 == app)
            || migrations.any(|(key, migration)| {
                migration.unseen_graph && key.0 == app && !self.graph.replaced.contains_key(key)
            })
    }

    /// Kahn's way tells the nodes that can be applied from those of a cycle; the order is that of `migrate`.
    fn sort(&mut self) {
        let edges = &self.graph.edges;
        let is_applied = edges.can_be_applied();
        let rest = edges.nodes().map(|(node, _)| node);
        let rest: Vec<usize> = rest.filter(|node| !is(&is_applied, *node)).collect();
        let order = edges.as_migrated(&is_applied);
        let keys = |nodes: &[usize]| -> Vec<&'p Key> {
            let keys = nodes.iter().filter_map(|node| edges.keys.get(*node));
            keys.copied().collect()
        };
        let order = keys(&[order.as_slice(), rest.as_slice()].concat());
        let cycle = keys(&edges.only_the_cycle(&rest));
        self.graph.order = order;
        self.graph.cycle = cycle;
    }
}

/// The edges between migrations by their places in the order of keys: names of 1,400 migrations are long to compare.
#[derive(Debug, Default)]
struct Edges<'p> {
    /// All migrations, those as well that are replaced.
    keys: Vec<&'p Key>,
    numbers: HashMap<&'p Key, usize>,
    /// Whether each is a node: not replaced.
    stays: Vec<bool>,
    /// A number for the app of each.
    apps: Vec<usize>,
    /// What each waits for, in order.
    parents: Vec<Vec<usize>>,
}

fn is(all: &[bool], node: usize) -> bool {
    all.get(node) == Some(&true)
}

impl<'p> Edges<'p> {
    /// No edges yet between keys that are in order.
    fn new(keys: impl Iterator<Item = &'p Key>, stays: impl Fn(&Key) -> bool) -> Self {
        let keys: Vec<&Key> = keys.collect();
        let mut apps: Vec<usize> = Vec::with_capacity(keys.len());
        let mut before: Option<&Key> = None;
        for key in &keys {
            let last = apps.last().copied().unwrap_or_default();
            let is_same = before.is_none_or(|before| before.0 == key.0);
            apps.push(if is_same { last } else { last + 1 });
            before = Some(key);
        }
        Self {
            numbers: keys.iter().copied().zip(0..).collect(),
            stays: keys.iter().map(|key| stays(key)).collect(),
            apps,
            parents: vec![Vec::new(); keys.len()],
            keys,
        }
    }

    fn add(&mut self, child: usize, parent: usize) {
        if let Some(parents) = self.parents.get_mut(child).filter(|_| child != parent) {
            parents.push(parent);
        }
    }

    /// Puts what each waits for in order, each once.
    fn sort(&mut self) {
        for parents in &mut self.parents {
            parents.sort_unstable();
            parents.dedup();
        }
    }

    /// The nodes in order.
    fn nodes(&self) -> impl Iterator<Item = (usize, &'p Key)> {
        let keys = self.keys.iter().zip(&self.stays).zip(0..);
        keys.filter_map(|((key, stays), node)| stays.then_some((node, *key)))
    }

    fn parents(&self, node: usize) -> impl DoubleEndedIterator<Item = usize> {
        self.parents.get(node).into_iter().flatten().copied()
    }

    /// For each node, whether one of those of its app that are asked for waits for it.
    fn followed_in_app(&self, is_asked_for: impl Fn(usize) -> bool) -> Vec<bool> {
        let mut is_followed = vec![false; self.keys.len()];
        for child in (0..self.keys.len()).filter(|node| is_asked_for(*node)) {
            for parent in self.parents(child) {
                if self.apps.get(parent) == self.apps.get(child)
                    && let Some(is_followed) = is_followed.get_mut(parent)
                {
                    *is_followed = true;
                }
            }
        }
        is_followed
    }

    /// For each node, whether all that it waits for can be applied.
    fn can_be_applied(&self) -> Vec<bool> {
        let mut children: Vec<Vec<usize>> = vec![Vec::new(); self.keys.len()];
        for (child, _) in self.nodes() {
            for parent in self.parents(child) {
                if let Some(children) = children.get_mut(parent) {
                    children.push(child);
                }
            }
        }
        // For what is no node it waits in vain.
        let mut waits: Vec<usize> = self.parents.iter().map(Vec::len).collect();
        let nodes = self.nodes().map(|(node, _)| node);
        let mut ready: Vec<usize> = nodes.filter(|node| waits.get(*node) == Some(&0)).collect();
        let mut is_applied = vec![false; self.keys.len()];
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
        let is_followed = self.followed_in_app(|node| is(is_applied, node));
        let mut order = Vec::with_capacity(self.keys.len());
        let mut is_seen = vec![false; self.keys.len()];
        let is_leaf = |node: &usize| is(is_applied, *node) && !is(&is_followed, *node);
        for leaf in (0..self.keys.len()).filter(is_leaf) {
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
                    let parents = self.parents(node).filter(|parent| is(is_applied, *parent));
                    open.extend(parents.map(|parent| (parent, false)));
                }
            }
        }
        order
    }

    /// Of the nodes that never became ready, those from which a walk to the parents comes back; not those that only wait for them.
    fn only_the_cycle(&self, rest: &[usize]) -> Vec<usize> {
        let Some(start) = rest.first() else {
            return Vec::new();
        };
        // Every stuck node has a stuck parent, so a walk upwards ends in a circle.
        let mut path: Vec<usize> = Vec::new();
        let mut current = *start;
        loop {
            if let Some(at) = path.iter().position(|seen| *seen == current) {
                return path.split_off(at);
            }
            path.push(current);
            let is_stuck = |parent: &usize| rest.binary_search(parent).is_ok();
            let Some(next) = self.parents(current).find(is_stuck) else {
                return Vec::new();
            };
            current = next;
        }
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
