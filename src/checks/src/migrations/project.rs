//! All migrations of a tree: which files they are, which app they belong to, what could not be read.

use super::migration::{Hidden, Migration};
use super::modules::{Modules, parent};
use super::packages::{Packages, Reason};
use super::{MigrationId, NotAnalysed, Settings, read};
use crate::SourceTree;
use crate::paths::{base_name, join};
use crate::python::{self, Lines, Span, Unreadable};
use beanpole_model::Location;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

/// A node in Django's graph: app and name.
pub(crate) type Key = (String, String);

/// The migrations of one tree.
pub(crate) struct Project<'t> {
    pub(crate) modules: Modules<'t>,
    /// Which directories are packages of migrations.
    pub(crate) packages: Packages,
    pub(crate) migrations: BTreeMap<Key, Migration>,
    /// The directories of apps by label.
    pub(crate) app_directories: BTreeMap<String, String>,
    /// Files that could not be read.
    pub(crate) unreadable: Vec<NotAnalysed>,
    /// Their nodes: they are there, but nothing is known of them.
    pub(crate) unreadable_keys: BTreeSet<Key>,
    /// Nodes that squashed migrations of this tree replace.
    pub(crate) replaced: BTreeSet<Key>,
    /// Where the lines of files begin, for those that were asked for.
    lines: Mutex<HashMap<String, Lines>>,
}

impl<'t> Project<'t> {
    /// Reads the migrations of a tree. Files that `known` has with the same bytes are not parsed again.
    pub(crate) fn read(
        tree: &'t SourceTree,
        settings: &Settings,
        known: Option<&Project<'_>>,
    ) -> Self {
        let packages = Packages::of(tree, settings);
        let files = migration_files(tree, &packages);
        let paths: Vec<&str> = files.iter().map(|file| file.path).collect();
        fetch_app_configurations(tree, &files);
        let modules = Modules::read(tree, &paths, known.map(|known| &known.modules));
        let mut project = Self {
            modules,
            packages,
            migrations: BTreeMap::new(),
            app_directories: BTreeMap::new(),
            unreadable: Vec::new(),
            unreadable_keys: BTreeSet::new(),
            replaced: BTreeSet::new(),
            lines: Mutex::default(),
        };
        let mut labels = Labels::default();
        let mut labeled = Vec::with_capacity(files.len());
        for file in files {
            let (app, written) = labels.label(&project.modules, &file);
            project
                .app_directories
                .insert(app.clone(), file.app_directory.to_owned());
            let id = MigrationId {
                app,
                name: file.name.to_owned(),
                path: file.path.to_owned(),
            };
            labeled.push((id, written));
        }
        let see = |(id, written): &(MigrationId, String)| see(&project.modules, id, written);
        let seen = python::on_all_cores(&labeled, FILES_FOR_A_THREAD, see);
        for ((id, _), seen) in labeled.into_iter().zip(seen) {
            project.add(id, seen);
        }
        project
    }

    fn add(&mut self, id: MigrationId, seen: Seen) {
        match seen {
            Seen::Migration(migration) => {
                self.replaced.extend(migration.replaces.iter().cloned());
                self.migrations.insert(id.key(), *migration);
            }
            Seen::NoMigration => {
                // Helpers live in these directories too; a file with a number means to be a migration.
                if id.name.starts_with(|first: char| first.is_ascii_digit()) {
                    self.unreadable_keys.insert(id.key());
                    self.unreadable.push(NotAnalysed {
                        location: Location {
                            path: id.path.clone(),
                            line: None,
                            column: None,
                        },
                        migration: Some(id),
                        why: "the file has no class Migration that can be seen".to_owned(),
                        what: Hidden::File,
                    });
                }
            }
            Seen::Unreadable(unreadable) => {
                self.unreadable_keys.insert(id.key());
                self.unreadable.push(NotAnalysed {
                    location: self.location(&id.path, unreadable.at),
                    migration: Some(id),
                    why: unreadable.why,
                    what: Hidden::File,
                });
            }
            Seen::Nothing => {}
        }
    }

    /// A place in a file of the tree.
    pub(crate) fn location(&self, path: &str, at: Option<Span>) -> Location {
        let position = at.and_then(|span| {
            let bytes = self.modules.tree().get(path)?;
            let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
            let lines = lines
                .entry(path.to_owned())
                .or_insert_with(|| Lines::new(bytes));
            Some(lines.position(bytes, span.start))
        });
        Location {
            path: path.to_owned(),
            line: position.map(|(line, _)| line),
            column: position.map(|(_, column)| column),
        }
    }
}

/// What a file in a directory of migrations turned out to be.
enum Seen {
    Migration(Box<Migration>),
    /// It has no class of that name.
    NoMigration,
    Unreadable(Unreadable),
    /// Its content was not read.
    Nothing,
}

/// How many migrations make another thread worth its start: some 10 µs each (measured).
const FILES_FOR_A_THREAD: usize = 32;

/// Looks at a file, with the label that it uses itself for its app.
fn see(modules: &Modules<'_>, id: &MigrationId, written: &str) -> Seen {
    match modules.get(&id.path) {
        Some(Ok(module)) => match read::migration(id.clone(), &module, modules) {
            Some(mut migration) => {
                if id.app != written {
                    migration.rename_app(written, &id.app);
                }
                Seen::Migration(Box::new(migration))
            }
            None => Seen::NoMigration,
        },
        Some(Err(unreadable)) => Seen::Unreadable(unreadable),
        None => Seen::Nothing,
    }
}

/// One file in a directory of migrations.
struct MigrationFile<'t> {
    path: &'t str,
    /// The file's name without `.py`.
    name: &'t str,
    /// The directory of the migrations.
    directory: &'t str,
    /// The directory of the app.
    app_directory: &'t str,
    /// The label, where it is said beside `MIGRATION_MODULES`.
    label: Option<String>,
    reason: Reason,
}

/// Files that Django's loader takes for migrations: those in a package of migrations whose names do not begin with `_` or `~`
/// (django/db/migrations/loader.py). Where packages claim the same app, the one that has it comes first.
fn migration_files<'t>(tree: &'t SourceTree, packages: &Packages) -> Vec<MigrationFile<'t>> {
    let mut files: Vec<MigrationFile<'t>> = tree
        .paths()
        .filter_map(|path| {
            let name = base_name(path).strip_suffix(".py")?;
            if name.starts_with(['_', '~']) {
                return None;
            }
            let directory = parent(path)?;
            let (reason, label) = packages.of_directory(directory)?;
            Some(MigrationFile {
                path,
                name,
                directory,
                app_directory: parent(directory).unwrap_or(""),
                label: label.map(str::to_owned),
                reason,
            })
        })
        .collect();
    files.sort_by_key(|file| file.reason);
    files
}

/// Fetches at once what [`configured_label`] looks into for one app after the other.
fn fetch_app_configurations(tree: &SourceTree, files: &[MigrationFile<'_>]) {
    let directories: BTreeSet<&str> = files.iter().map(|file| file.app_directory).collect();
    let paths: Vec<String> = directories
        .into_iter()
        .map(|directory| join(directory, "apps.py"))
        .collect();
    tree.fetch(paths.iter().map(String::as_str));
}

/// The labels of apps by the directory of their migrations.
#[derive(Default)]
struct Labels {
    /// What the graph calls the app, and what its own files call it.
    known: BTreeMap<String, (String, String)>,
    taken: BTreeSet<String>,
}

impl Labels {
    fn label(&mut self, modules: &Modules<'_>, file: &MigrationFile<'_>) -> (String, String) {
        if let Some(labels) = self.known.get(file.directory) {
            return labels.clone();
        }
        let last = base_name(file.app_directory);
        let mut label = file
            .label
            .clone()
            .or_else(|| configured_label(modules, file.app_directory))
            .unwrap_or_else(|| last.to_owned());
        let written = label.clone();
        if !self.taken.insert(label.clone()) {
            // Two apps of one label are never installed together: fixtures of tests, examples. The path keeps them apart.
            label = file.app_directory.replace('/', ".");
            // One app may have two packages, for one settings module each.
            if !self.taken.insert(label.clone()) {
                label = file.directory.replace('/', ".");
                self.taken.insert(label.clone());
            }
        }
        let labels = (label, written);
        self.known.insert(file.directory.to_owned(), labels.clone());
        labels
    }
}

/// The `label` of the only app configuration in `apps.py`.
fn configured_label(modules: &Modules<'_>, app_directory: &str) -> Option<String> {
    let path = join(app_directory, "apps.py");
    // Most apps have no label of their own: do not parse for nothing.
    let bytes = modules.tree().get(&path)?;
    bytes.windows(5).find(|window| window == b"label")?;
    let module = modules.get(&path)?.ok()?;
    let mut labels = module.body.classes.iter().filter_map(|class| {
        let label = class.body.assignments_to("label").last()?;
        label.value.as_str().map(str::to_owned)
    });
    let label = labels.next()?;
    labels.next().is_none().then_some(label)
}
