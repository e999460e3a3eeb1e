//! One migration, as values.

use super::MigrationId;
use super::operation::Operation;
use super::project::Key;
use crate::python::Span;

/// Something in a migration that cannot be seen without running it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CannotSee {
    pub(crate) why: String,
    pub(crate) span: Span,
    pub(crate) what: Hidden,
}

/// What it is that cannot be seen, and so what else could show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hidden {
    /// What the migration does to tables, or whether it runs in one transaction. Its SQL shows that.
    Operations,
    /// What type a column gets. Its SQL shows that.
    Column,
    /// What an operation with a method of its own does. Its SQL shows that as far as it is SQL.
    OwnMethod,
    /// What Python code does to rows, and to tables on its own. SQL says nothing of it.
    Code,
    /// The file, or the migration's place among the others.
    File,
}

/// An edge of the graph, as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Dependency {
    Node(Key),
    /// `("app", "__first__")`.
    First(String),
    /// `("app", "__latest__")`.
    Latest(String),
    /// The app of a model that a setting names; the setting's name.
    Swappable(String),
}

/// A migration.
#[derive(Clone, Debug)]
pub(crate) struct Migration {
    pub(crate) id: MigrationId,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) run_before: Vec<Key>,
    pub(crate) replaces: Vec<Key>,
    /// Whether it runs in one transaction.
    pub(crate) atomic: bool,
    /// Marked to run only after the new version serves: `safe = Safe.after_deploy()` of django-safemigrate, or
    /// `is_post_deployment = True`.
    pub(crate) after_deploy: bool,
    pub(crate) operations: Vec<Operation>,
    pub(crate) unseen: Vec<CannotSee>,
    /// Parts of the graph attributes could not be read: the graph is not to be judged by this node.
    pub(crate) unseen_graph: bool,
    /// The class's place, for findings about the whole migration.
    pub(crate) span: Span,
}

impl Migration {
    /// Calls an app by another label wherever the graph attributes name it.
    pub(crate) fn rename_app(&mut self, from: &str, to: &str) {
        let rename = |app: &mut String| {
            if app == from {
                to.clone_into(app);
            }
        };
        for dependency in &mut self.dependencies {
            match dependency {
                Dependency::Node((app, _)) | Dependency::First(app) | Dependency::Latest(app) => {
                    rename(app);
                }
                Dependency::Swappable(_) => {}
            }
        }
        for (app, _) in self.run_before.iter_mut().chain(&mut self.replaces) {
            rename(app);
        }
    }
}
