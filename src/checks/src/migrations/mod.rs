//! Django migrations, judged without Django.
//!
//! Stages, each a module: which files are migrations (`project`), a file to typed operations (`read`, `read_operation`,
//! `field`, with `names` and `modules` to follow imports), the graph of all apps (`graph`), models and tables as the
//! migrations have built them (`state`), the code that still serves (`serving`), and the rules (`rules`).
//!
//! Rules of this module: a migration is judged by what it does to the tables that are there, not by its words alone; a table
//! made in the same release cannot be locked or missed by anyone; what cannot be seen is said.
//!
//! Beside the review: the way back (`rollback`), the SQL that Django itself makes (`exact`), and fixes (`renumber`).

mod exact;
mod field;
mod graph;
mod id;
mod migration;
mod modules;
mod names;
mod operation;
#[cfg(test)]
mod peers;
mod project;
mod read;
mod read_operation;
mod renumber;
mod review;
mod rollback;
mod rules;
mod serving;
mod settings;
mod state;
#[cfg(test)]
mod testing;

pub use exact::{ExactSql, judge_sql};
pub use id::MigrationId;
pub use renumber::fixes;
pub use review::{MigrationReview, NotAnalysed, Review, review};
pub use rollback::{RollbackReview, review_rollback};
pub use settings::Settings;

/// All rules of this group.
pub const RULES: &[crate::Rule] = rules::catalog::RULES;

/// Rules with fixes.
pub(crate) use rules::graph::{LEAVES as SEVERAL_LEAVES, TAKEN as NUMBER_TAKEN};

/// Whether the content of that path is needed even if it did not change: models and helper modules are looked up as well, and a
/// fix keeps the file of django-linear-migrations true.
#[must_use]
pub fn wants(path: &str) -> bool {
    path.ends_with(".py") || crate::paths::base_name(path) == "max_migration.txt"
}
