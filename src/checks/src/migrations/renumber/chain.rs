//! The new migrations of an app, and the released one that they are to follow.

use crate::migrations::graph::Graph;
use crate::migrations::migration::{Dependency, Migration};
use crate::migrations::project::{Key, Project};
use std::collections::BTreeSet;

/// The new migrations of an app, each of which follows the one before it.
pub(super) struct Chain<'p> {
    /// The first of them follows a released one.
    pub(super) migrations: Vec<&'p Migration>,
    /// The last released migration of the app.
    pub(super) leaf: Key,
    /// The released migration for which the first one waits instead. None if it follows the leaf already.
    pub(super) beside: Option<Key>,
}

impl<'p> Chain<'p> {
    /// Looks for it.
    ///
    /// # Errors
    /// Why the migrations cannot be put in order without thinking.
    pub(super) fn new(
        base: &Project<'_>,
        head: &'p Project<'_>,
        graph: &Graph<'_>,
        app: &str,
    ) -> Result<Self, String> {
        let leaf = released_leaf(base, head, graph, app)?;
        let migrations: Vec<&Migration> = graph
            .order
            .iter()
            .filter(|key| key.0 == app && !base.migrations.contains_key(*key))
            .filter_map(|key| head.migrations.get(key))
            .collect();
        let mut before: Option<&Migration> = None;
        let mut beside = None;
        for migration in &migrations {
            let parents = parents(migration)?;
            match before {
                None => beside = released_parent(base, graph, migration, &parents, &leaf)?,
                Some(before) if parents == BTreeSet::from([before.id.key()]) => {}
                Some(before) => {
                    return Err(format!(
                        "{} does not simply follow {}: put the new migrations in order first",
                        migration.id, before.id
                    ));
                }
            }
            before = Some(migration);
        }
        Ok(Self {
            migrations,
            leaf,
            beside,
        })
    }
}

/// The last released migration of the app.
fn released_leaf(
    base: &Project<'_>,
    head: &Project<'_>,
    graph: &Graph<'_>,
    app: &str,
) -> Result<Key, String> {
    let is_unseen = (base.migrations.values())
        .any(|migration| migration.id.app == app && migration.unseen_graph)
        || base.unreadable_keys.iter().any(|key| key.0 == app);
    if is_unseen {
        return Err(format!(
            "a released migration of {app} cannot be read: which is the last one is not sure"
        ));
    }
    let released = Graph::build(base);
    let [leaf] = released.leaves_of(app)[..] else {
        return Err(format!("the base has no single last migration of {app}"));
    };
    if !head.migrations.contains_key(leaf) || graph.replaced.contains_key(leaf) {
        return Err(format!(
            "{app}.{} is the last released migration, and it is gone or squashed here",
            leaf.1
        ));
    }
    Ok(leaf.clone())
}

/// The migrations of its own app for which a new one waits.
fn parents(migration: &Migration) -> Result<BTreeSet<Key>, String> {
    let id = &migration.id;
    if !migration.replaces.is_empty() {
        return Err(format!("{id} is a squashed migration"));
    }
    if migration.run_before.iter().any(|(app, _)| *app == id.app) {
        return Err(format!("{id} has a `run_before` in its own app"));
    }
    let mut parents = BTreeSet::new();
    for dependency in &migration.dependencies {
        match dependency {
            Dependency::Node(key) if key.0 == id.app => {
                parents.insert(key.clone());
            }
            Dependency::First(app) | Dependency::Latest(app) if *app == id.app => {
                return Err(format!(
                    "{id} names no migration of its app that it follows"
                ));
            }
            Dependency::Node(..)
            | Dependency::First(_)
            | Dependency::Latest(_)
            | Dependency::Swappable(_) => {}
        }
    }
    Ok(parents)
}

/// The released migration for which the first new one waits, unless it is the last one.
fn released_parent(
    base: &Project<'_>,
    graph: &Graph<'_>,
    migration: &Migration,
    parents: &BTreeSet<Key>,
    leaf: &Key,
) -> Result<Option<Key>, String> {
    let is_released = |key: &Key| base.migrations.contains_key(key) || base.replaced.contains(key);
    if !parents.iter().all(is_released) {
        return Err(format!(
            "{} does not follow released migrations only",
            migration.id
        ));
    }
    if parents
        .iter()
        .any(|parent| graph.final_node(parent) == leaf)
    {
        return Ok(None);
    }
    let mut all = parents.iter();
    match (all.next(), all.next()) {
        (Some(parent), None) => Ok(Some(parent.clone())),
        (None, _) => Err(format!(
            "{} has no dependency on its own app that could be changed",
            migration.id
        )),
        (Some(_), Some(_)) => Err(format!("{} joins several migrations", migration.id)),
    }
}
