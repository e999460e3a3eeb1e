//! Rules of the graph: several leaves, cycles, missing nodes, taken numbers, edited and deleted migrations.

#[cfg(test)]
mod tests;

use crate::migrations::graph::Graph;
use crate::migrations::migration::{Dependency, Migration};
use crate::migrations::project::{Key, Project};
use crate::migrations::review::added;
use crate::python::do_the_same;
use beanpole_model::{Finding, Severity};
use std::collections::BTreeSet;

pub(crate) const LEAVES: &str = "several-leaves";
pub(in crate::migrations) const CYCLE: &str = "migration-cycle";
pub(in crate::migrations) const MISSING: &str = "missing-migration";
pub(crate) const TAKEN: &str = "number-taken";
pub(in crate::migrations) const EDITED: &str = "edited-migration";
pub(in crate::migrations) const DELETED: &str = "deleted-migration";

pub(in crate::migrations) fn check(
    base: Option<&Project<'_>>,
    head: &Project<'_>,
    graph: &Graph<'_>,
    judged: &BTreeSet<Key>,
    findings: &mut Vec<Finding>,
) {
    let mut rules = GraphRules {
        base,
        head,
        graph,
        judged,
        findings,
    };
    rules.several_leaves();
    rules.cycle();
    rules.missing();
    rules.taken_numbers();
    rules.edited();
    rules.deleted();
}

struct GraphRules<'r> {
    base: Option<&'r Project<'r>>,
    head: &'r Project<'r>,
    graph: &'r Graph<'r>,
    judged: &'r BTreeSet<Key>,
    findings: &'r mut Vec<Finding>,
}

/// What to say of one migration.
struct Words {
    rule: &'static str,
    severity: Severity,
    message: String,
    reason: &'static str,
    remedy: String,
}

impl<'r> GraphRules<'r> {
    fn say(&mut self, migration: &Migration, words: Words) {
        self.findings.push(Finding {
            rule: words.rule.to_owned(),
            severity: words.severity,
            location: Some(self.head.location(&migration.id.path, Some(migration.span))),
            message: words.message,
            reason: words.reason.to_owned(),
            remedy: Some(words.remedy),
        });
    }

    fn several_leaves(&mut self) {
        for (app, leaves) in &self.graph.several_leaves {
            let is_new = |key: &&Key| self.judged.contains(*key);
            // The file to change is one that is not released yet.
            let Some(leaf) = leaves
                .iter()
                .copied()
                .rfind(is_new)
                .or(leaves.last().copied())
            else {
                continue;
            };
            let key = match self.base {
                Some(_) => self.first_new_before(leaf),
                // All are new then: what is before the leaf may be what the leaves have in common.
                None => leaf,
            };
            let Some(migration) = self.head.migrations.get(key) else {
                continue;
            };
            let names: Vec<&str> = leaves.iter().map(|key| key.1.as_str()).collect();
            self.say(
                migration,
                Words {
                    rule: LEAVES,
                    severity: Severity::Error,
                    message: format!(
                        "the app {app} has {} last migrations: {}",
                        leaves.len(),
                        names.join(", ")
                    ),
                    reason: "`migrate` refuses to run: \"Conflicting migrations detected\"",
                    remedy: self.one_leaf(migration, leaf, leaves),
                },
            );
        }
    }

    /// How an app comes to one last migration.
    fn one_leaf(&self, first: &Migration, leaf: &Key, leaves: &[&Key]) -> String {
        let merge = "run `makemigrations --merge`";
        if self.base.is_none() {
            let found = leaves
                .iter()
                .filter_map(|key| self.head.migrations.get(*key));
            let paths: Vec<&str> = found.map(|leaf| leaf.id.path.as_str()).collect();
            return format!(
                "{merge}, or renumber the one of {} that is not released yet",
                paths.join(", ")
            );
        }
        if !self.judged.contains(&first.id.key()) {
            return merge.to_owned();
        }
        let others = leaves.iter().filter(|key| **key != leaf);
        let others: Vec<&str> = others.map(|key| key.1.as_str()).collect();
        format!(
            "renumber {} and let it depend on {}, or {merge}",
            first.id.path,
            others.join(", ")
        )
    }

    /// The new migration of the app that begins where the released ones end: the leaf itself, or one before it. A released leaf
    /// stays what it is.
    fn first_new_before<'k>(&'k self, leaf: &'k Key) -> &'k Key {
        let mut first = leaf;
        for _ in 0..self.judged.len() {
            let mut parents = self.graph.parents_in_app(first);
            match parents.find(|parent| self.judged.contains(*parent)) {
                Some(parent) => first = parent,
                None => break,
            }
        }
        first
    }

    fn cycle(&mut self) {
        let Some(migration) = self
            .graph
            .cycle
            .iter()
            .find_map(|key| self.head.migrations.get(key))
        else {
            return;
        };
        let names: Vec<String> = self
            .graph
            .cycle
            .iter()
            .map(|(app, name)| format!("{app}.{name}"))
            .collect();
        self.say(
            migration,
            Words {
                rule: CYCLE,
                severity: Severity::Error,
                message: format!("these migrations wait for each other: {}", names.join(" → ")),
                reason: "`migrate` stops with CircularDependencyError before it applies anything",
                remedy: "remove one of the dependencies, or move one operation into a migration of its own".to_owned(),
            },
        );
    }

    /// Edges to migrations of apps that the base has, and of which nothing is left. Where the base has none either, an app is
    /// a package of someone else.
    fn lost(&self) -> Vec<(&'r Key, &'r Key)> {
        let has_app = |app: &str| {
            let mut known = (self.head.migrations.keys()).chain(&self.head.unreadable_keys);
            known.any(|(known, _)| known == app)
        };
        let Some(base) = self.base else {
            return Vec::new();
        };
        let mut lost = Vec::new();
        for (from, migration) in &self.head.migrations {
            for dependency in &migration.dependencies {
                if let Dependency::Node(to) = dependency
                    && !self.head.migrations.contains_key(to)
                    && base.migrations.contains_key(to)
                    && !has_app(&to.0)
                {
                    lost.push((from, to));
                }
            }
        }
        lost
    }

    fn missing(&mut self) {
        let mut missing = self.graph.missing.clone();
        missing.extend(self.lost());
        for (from, (app, name)) in missing {
            let Some(migration) = self.head.migrations.get(from) else {
                continue;
            };
            self.say(
                migration,
                Words {
                    rule: MISSING,
                    severity: Severity::Error,
                    message: format!("depends on {app}.{name}, which does not exist"),
                    reason: "`migrate` stops with NodeNotFoundError before it applies anything",
                    remedy: format!(
                        "add the file of {app}.{name}, or depend on a migration that is there"
                    ),
                },
            );
        }
    }

    fn taken_numbers(&mut self) {
        let Some(base) = self.base else {
            return;
        };
        for key in self.judged {
            let Some(migration) = self.head.migrations.get(key) else {
                continue;
            };
            if let Some((number, (app, other))) = released_with_its_number(base, migration) {
                self.say(
                    migration,
                    Words {
                        rule: TAKEN,
                        severity: Severity::Warning,
                        message: format!(
                            "the number {number} is taken by {app}.{other}, which is released"
                        ),
                        reason: "two migrations of one number were made side by side: their order is not the one that their names say",
                        remedy: format!("give {} the next free number and let it depend on the last migration", migration.id.path),
                    },
                );
            }
        }
    }

    fn edited(&mut self) {
        let Some(base) = self.base else {
            return;
        };
        for (key, migration) in &self.head.migrations {
            let Some(old) = base.migrations.get(key) else {
                continue;
            };
            if !does_the_same(base, old, self.head, migration) {
                self.say(
                    migration,
                    Words {
                        rule: EDITED,
                        severity: Severity::Warning,
                        message: format!("{} is released and does something else now", migration.id),
                        reason: "Django does not apply a migration twice: the databases that have it keep what the old text did",
                        remedy: "take the change back and write a new migration".to_owned(),
                    },
                );
            }
            self.released_waits(old, migration);
        }
    }

    /// A released migration that waits for a new one: by an edit of its dependencies, or by a `run_before` of the new one. What it
    /// waited for before came from elsewhere until now, and the databases have it.
    fn released_waits(&mut self, old: &Migration, migration: &Migration) {
        let key = migration.id.key();
        let mut parents = self.graph.parents(&key);
        let is_new = |parent: &&Key| self.judged.contains(*parent) && !names(old, parent);
        let Some((app, name)) = parents.find(is_new) else {
            return;
        };
        self.say(
            migration,
            Words {
                rule: EDITED,
                severity: Severity::Error,
                message: format!("{} is released and waits for {app}.{name} now, which is new", migration.id),
                reason: "`migrate` stops with InconsistentMigrationHistory on every database that has it",
                remedy: format!("let a migration after {} wait for {app}.{name}", migration.id),
            },
        );
    }

    fn deleted(&mut self) {
        let Some(base) = self.base else {
            return;
        };
        let apps: BTreeSet<&str> = (self.head.migrations.keys())
            .map(|(app, _)| app.as_str())
            .collect();
        for (key, old) in &base.migrations {
            if self.head.migrations.contains_key(key)
                || self.head.unreadable_keys.contains(key)
                || self.head.replaced.contains(key)
                // A squashed migration whose parts are gone for good, or the parts themselves.
                || !old.replaces.is_empty()
                || base.replaced.contains(key)
                // The whole app is gone.
                || !apps.contains(key.0.as_str())
            {
                continue;
            }
            self.findings.push(Finding {
                rule: DELETED.to_owned(),
                severity: Severity::Warning,
                location: Some(base.location(&old.id.path, None)),
                message: format!("{} is released and its file is gone", old.id),
                reason: "a database that has it keeps what it did; a new database never gets it, and the two drift apart".to_owned(),
                remedy: Some("bring the file back, or squash it with `squashmigrations`".to_owned()),
            });
        }
    }
}

/// Whether a released migration does what it did. Most texts are equal, and only the others are taken apart.
fn does_the_same(
    base: &Project<'_>,
    old: &Migration,
    head: &Project<'_>,
    migration: &Migration,
) -> bool {
    let (before, after) = (base.modules.tree(), head.modules.tree());
    if old.id.path == migration.id.path && after.has_same(before, &old.id.path) {
        return true;
    }
    let before = before.get(&old.id.path);
    let after = after.get(&migration.id.path);
    before
        .zip(after)
        .is_some_and(|(before, after)| do_the_same(before, after))
}

/// Whether a migration depends on that one.
fn names(migration: &Migration, key: &Key) -> bool {
    migration.dependencies.iter().any(|one| match one {
        Dependency::Node(to) => to == key,
        Dependency::First(app) | Dependency::Latest(app) => *app == key.0,
        Dependency::Swappable(_) => false,
    })
}

/// The released migration that has the number of a new one. A squashed migration and a merge take the numbers that they take.
fn released_with_its_number<'b>(
    base: &'b Project<'_>,
    migration: &Migration,
) -> Option<(u32, &'b Key)> {
    let takes_any = !migration.replaces.is_empty() || is_merge(migration);
    let number = number(&migration.id.name).filter(|_| !takes_any)?;
    let mut released = base.migrations.keys();
    released
        .find(|(app, name)| *app == migration.id.app && self::number(name) == Some(number))
        .map(|key| (number, key))
}

/// Whether a new migration of that app has the number of a released one.
pub(in crate::migrations) fn collides(
    base: &Project<'_>,
    head: &Project<'_>,
    graph: &Graph<'_>,
    app: &str,
) -> bool {
    added(Some(base), head, graph)
        .into_iter()
        .filter(|id| id.app == app)
        .filter_map(|id| head.migrations.get(&id.key()))
        .any(|migration| released_with_its_number(base, migration).is_some())
}

/// What `makemigrations --merge` writes: no operation, and several migrations of the app before it.
fn is_merge(migration: &Migration) -> bool {
    let before = migration.dependencies.iter().filter(
        |dependency| matches!(dependency, Dependency::Node((app, _)) if *app == migration.id.app),
    );
    migration.operations.is_empty() && before.count() > 1
}

/// The number that a name begins with.
pub(in crate::migrations) fn number(name: &str) -> Option<u32> {
    let digits: String = name.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}
