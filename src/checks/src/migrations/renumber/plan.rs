//! The fixes for one app.

use super::chain::Chain;
use super::mentions;
use super::number::new_names;
use super::reference::references_to;
use crate::fix::{Edit, Fix, outcome};
use crate::migrations::graph::Graph;
use crate::migrations::project::{Key, Project};
use crate::migrations::rules::graph::collides;
use crate::migrations::{MigrationId, Settings};
use crate::paths::{join, parent};
use crate::report::listed;
use crate::{Scope, SourceTree};
use std::collections::BTreeMap;
use std::ops::Range;

/// What is to be done for one app.
pub(super) struct Plan {
    pub(super) what: String,
    pub(super) fixes: Vec<Fix>,
    /// The files afterwards.
    pub(super) tree: SourceTree,
}

impl Plan {
    /// Makes it, carries it out on a copy, and looks whether it has helped.
    ///
    /// # Errors
    /// Why a person has to do it.
    pub(super) fn new(
        base: &Project<'_>,
        tree: &SourceTree,
        settings: &Settings,
        app: &str,
    ) -> Result<Self, String> {
        let head = Project::read(tree, settings, Some(base));
        let graph = Graph::build(&head);
        let chain = Chain::new(base, &head, &graph, app)?;
        let mut draft = Draft {
            base,
            head: &head,
            edits: BTreeMap::new(),
            renames: renames(base, &head, &chain)?,
        };
        draft.follow_the_leaf(&chain)?;
        draft.use_new_names()?;
        draft.name_the_last(&chain);
        let what = draft.what(&chain);
        let fixes = draft.fixes();
        let after = carried_out(tree, &fixes)?;
        prove(
            base,
            &graph,
            &Project::read(&after, settings, Some(base)),
            app,
        )?;
        Ok(Self {
            what,
            fixes,
            tree: after,
        })
    }
}

/// A migration that gets another name.
struct Renamed<'p> {
    id: &'p MigrationId,
    name: String,
    path: String,
}

/// Those of the chain that get another name, in its order.
fn renames<'p>(
    base: &Project<'_>,
    head: &Project<'p>,
    chain: &Chain<'p>,
) -> Result<Vec<Renamed<'p>>, String> {
    let ids = chain.migrations.iter().map(|migration| &migration.id);
    let renames: Vec<Renamed<'p>> = ids
        .zip(new_names(base, head, chain)?)
        .filter(|(id, name)| id.name != *name)
        .map(|(id, name)| Renamed {
            path: join(parent(&id.path), &format!("{name}.py")),
            id,
            name,
        })
        .collect();
    for renamed in &renames {
        let name = &renamed.id.name;
        let bytes = head.modules.tree().get(&renamed.id.path);
        if bytes.is_some_and(|bytes| memchr::memmem::find(bytes, b"__file__").is_some()) {
            return Err(format!(
                "{} looks for other files by its own name",
                renamed.id.path
            ));
        }
        if let Some(path) = mentions::elsewhere(head.modules.tree(), head, name) {
            return Err(format!("{path} names {name} as well"));
        }
    }
    Ok(renames)
}

/// What has been planned so far.
struct Draft<'d, 'p> {
    base: &'d Project<'d>,
    head: &'d Project<'p>,
    renames: Vec<Renamed<'d>>,
    edits: BTreeMap<String, Vec<Edit>>,
}

impl Draft<'_, '_> {
    fn edit(&mut self, path: &str, range: Range<usize>, replacement: &str) {
        let edits = self.edits.entry(path.to_owned()).or_default();
        edits.push(Edit {
            range,
            replacement: replacement.to_owned(),
        });
    }

    /// The first of the chain gets the last released migration as its parent.
    fn follow_the_leaf(&mut self, chain: &Chain<'_>) -> Result<(), String> {
        let (Some(first), Some(beside)) = (chain.migrations.first(), &chain.beside) else {
            return Ok(());
        };
        for reference in references_to(self.head, first, beside)? {
            self.edit(&first.id.path, reference.name, &chain.leaf.1);
        }
        Ok(())
    }

    /// Whatever names a renamed migration gets its new name.
    fn use_new_names(&mut self) -> Result<(), String> {
        if self.renames.is_empty() {
            return Ok(());
        }
        let head = self.head;
        let names: Vec<(Key, String)> = (self.renames.iter())
            .map(|renamed| (renamed.id.key(), renamed.name.clone()))
            .collect();
        for migration in head.migrations.values() {
            let is_released = self.base.migrations.contains_key(&migration.id.key());
            if !is_released && migration.unseen_graph {
                return Err(format!("{} computes what it depends on", migration.id));
            }
            for (key, name) in &names {
                let references = references_to(head, migration, key)?;
                if is_released && !references.is_empty() {
                    return Err(format!("{} is released and names {}", migration.id, key.1));
                }
                for reference in references {
                    self.edit(&migration.id.path, reference.name, name);
                }
            }
        }
        Ok(())
    }

    /// Projects with django-linear-migrations keep the name of the last migration in a file.
    fn name_the_last(&mut self, chain: &Chain<'_>) {
        let Some(last) = chain.migrations.last() else {
            return;
        };
        let found = mentions::last_by_file(self.head.modules.tree(), &last.id.path);
        let Some((file, named, range)) = found else {
            return;
        };
        let is_known = named == chain.leaf.1
            || (chain.migrations.iter()).any(|migration| migration.id.name == named);
        let new = self.new_name(&last.id).to_owned();
        if is_known && named != new {
            self.edit(&file, range, &new);
        }
    }

    fn new_name<'n>(&'n self, id: &'n MigrationId) -> &'n str {
        let mut renames = self.renames.iter();
        renames
            .find(|renamed| renamed.id == id)
            .map_or(id.name.as_str(), |renamed| renamed.name.as_str())
    }

    fn what(&self, chain: &Chain<'_>) -> String {
        let (app, leaf) = &chain.leaf;
        let mut parts: Vec<String> = (self.renames.iter())
            .map(|renamed| format!("{} becomes {}", renamed.id.name, renamed.name))
            .collect();
        if let (Some(first), Some(_)) = (chain.migrations.first(), &chain.beside) {
            parts.push(format!("{} follows {leaf}", self.new_name(&first.id)));
        }
        format!("{app}: {}", listed(&parts))
    }

    /// The edits, then the renames: the last one first, since the place of each may be taken by the one behind it.
    fn fixes(self) -> Vec<Fix> {
        let edits = self
            .edits
            .into_iter()
            .map(|(path, edits)| Fix::Edit { path, edits });
        let renames = self.renames.into_iter().rev().map(|renamed| Fix::Rename {
            path: renamed.id.path.clone(),
            to: renamed.path,
        });
        edits.chain(renames).collect()
    }
}

fn carried_out(tree: &SourceTree, fixes: &[Fix]) -> Result<SourceTree, String> {
    let changes = outcome(&Scope::all(tree.clone()), fixes).map_err(|error| error.to_string())?;
    let mut after = tree.clone();
    for change in changes {
        match change.after {
            Some(file) => after.insert(change.path, file.content),
            None => {
                after.remove(&change.path);
            }
        }
    }
    Ok(after)
}

/// Looks whether the app is in order afterwards, and nothing else is worse.
fn prove(
    base: &Project<'_>,
    before: &Graph<'_>,
    head: &Project<'_>,
    app: &str,
) -> Result<(), String> {
    let graph = Graph::build(head);
    if graph.missing.len() > before.missing.len() {
        return Err("a migration would depend on one that does not exist".to_owned());
    }
    if !graph.cycle.is_empty() {
        return Err("migrations would wait for each other".to_owned());
    }
    if graph.leaves_of(app).len() > 1 || collides(base, head, &graph, app) {
        return Err(format!(
            "{app} would still have migrations beside each other"
        ));
    }
    Ok(())
}
