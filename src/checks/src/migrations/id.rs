//! The name of a migration.

use serde::Serialize;

/// One migration: its node in Django's graph and its file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct MigrationId {
    /// The label of the app.
    pub app: String,
    /// The name of the file without `.py`: `0007_post_slug`.
    pub name: String,
    /// The path of the file from the project's root.
    pub path: String,
}

impl std::fmt::Display for MigrationId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}.{}", self.app, self.name)
    }
}

impl MigrationId {
    /// The node in the graph.
    pub(crate) fn key(&self) -> (String, String) {
        (self.app.clone(), self.name.clone())
    }
}
