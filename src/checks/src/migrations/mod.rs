//! Django migrations, judged without Django.
//!
//! Stages, each a module: which files are migrations (`packages`, `project`, `unnamed`), a file to typed operations (`read`, `read_operation`,
//! `field`, `column`, with `names` and `modules` to follow imports), the graph of all apps (`graph`), models and tables as the
//! migrations have built them (`state`), the code that still serves (`serving`), and the rules (`rules`).
//!
//! Rules of this module: a migration is judged by what it does to the tables that are there, not by its words alone; a table
//! made in the same release cannot be locked or missed by anyone; what cannot be seen is said.
//!
//! Beside the review: the way back (`rollback`), the SQL that Django itself makes (`exact`), and fixes (`renumber`).

mod column;
mod exact;
mod field;
mod graph;
mod id;
mod migration;
mod modules;
mod names;
mod operation;
mod packages;
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
mod state_by_sql;
#[cfg(test)]
mod testing;
mod unnamed;

pub use exact::{ExactAnswer, ExactSql, NotMade, judge_sql, review_with_sql};
pub use id::MigrationId;
pub use migration::Hidden;
pub use renumber::fixes;
pub use review::{MigrationReview, NewMigration, NotAnalysed, Review, new_migrations, review};
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

/// Whether a change can matter to which migrations there are, and how they are: a file in a package of migrations, one that
/// defines a migration somewhere else, settings that name such packages, or an `apps.py`, which may name the app anew. Without
/// one, nothing needs to be read for this group.
#[must_use]
pub fn is_touched(scope: &crate::Scope, settings: &Settings) -> bool {
    if is_touched_by_place(&scope.changes, settings) {
        return true;
    }
    let is_python = |path: &&str| path.ends_with(".py");
    let mut there = scope
        .changes
        .iter()
        .map(|change| change.path.as_str())
        .filter(is_python);
    let tells = |path: &str| scope.tree.get(path).is_some_and(may_define);
    if there.any(tells) {
        return true;
    }
    let gone = scope.changes.iter().filter_map(gone);
    let gone: Vec<&str> = gone.filter(is_python).collect();
    // The content of a file that is gone says nothing any more: only its place does.
    if gone.is_empty() {
        return false;
    }
    let packages = packages::Packages::of(&scope.tree, settings);
    (gone.into_iter()).any(|path| packages::may_be_settings(path) || packages.hold(path))
}

/// Whether the paths of changes alone, as they are and as they were, say that migrations are touched. Of [`is_touched`] the part
/// that looks into no file.
#[must_use]
pub fn is_touched_by_place(changes: &[crate::Change], settings: &Settings) -> bool {
    let there = changes.iter().map(|change| change.path.as_str());
    let mut paths = there.chain(changes.iter().filter_map(gone));
    paths.any(|path| is_near(path, settings))
}

/// The path that a change has left.
fn gone(change: &crate::Change) -> Option<&str> {
    match &change.kind {
        crate::ChangeKind::Renamed { from } => Some(from),
        crate::ChangeKind::Deleted => Some(&change.path),
        crate::ChangeKind::Added | crate::ChangeKind::Modified => None,
    }
}

/// Whether a Python file is where migrations are, or where an app gets its name, whatever it holds.
#[must_use]
pub fn is_near(path: &str, settings: &Settings) -> bool {
    let is_place = path.split('/').any(|part| part == "migrations")
        || crate::paths::base_name(path) == "apps.py"
        || settings
            .migration_modules
            .values()
            .any(|package| path.contains(&package.replace('.', "/")));
    is_place && path.ends_with(".py")
}

/// Whether a Python file of a tree is where migrations are: by its path, or in a package that settings modules name.
#[must_use]
pub fn is_among(tree: &crate::SourceTree, path: &str, settings: &Settings) -> bool {
    let is_held = || packages::Packages::of(tree, settings).hold(path);
    is_near(path, settings) || (path.ends_with(".py") && is_held())
}

/// Whether a Python file may define a migration, for Django asks a module for its class `Migration`; or may say where
/// migrations are.
#[must_use]
pub fn may_define(content: &[u8]) -> bool {
    memchr::memmem::find(content, b"Migration").is_some() || packages::names_packages(content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Change, ChangeKind, ChangedLines, Scope};

    /// Whether a change touches migrations, in a tree of one file with that content.
    fn touches_in((file, content): (&str, &str), path: &str, kind: ChangeKind) -> bool {
        let mut scope = Scope::all([(file, content)].into_iter().collect());
        scope.changes = vec![Change {
            path: path.to_owned(),
            kind,
            lines: ChangedLines::All,
            counts: None,
        }];
        is_touched(&scope, &Settings::default())
    }

    fn touches(path: &str, content: &str, kind: ChangeKind) -> bool {
        touches_in((path, content), path, kind)
    }

    #[test]
    fn what_has_nothing_to_do_with_migrations_needs_no_review() {
        for path in [
            "shop/views.py",
            "shop/migrations/readme.md",
            "shop/models.py",
        ] {
            assert!(!touches(path, "", ChangeKind::Modified), "{path}");
        }
        for path in ["shop/migrations/0001_initial.py", "shop/apps.py"] {
            assert!(touches(path, "", ChangeKind::Deleted), "{path}");
        }
        let from = "shop/migrations/0001_initial.py".to_owned();
        assert!(touches(
            "old/0001_initial.py",
            "",
            ChangeKind::Renamed { from }
        ));
        assert!(touches(
            "shop/changes/one.py",
            "class Migration(m.Migration):",
            ChangeKind::Added
        ));
    }

    #[test]
    fn a_package_that_settings_name_is_near() {
        let settings = "MIGRATION_MODULES = {'shop': 'shop.changes'}";
        let judged =
            |kind: ChangeKind, path: &str| touches_in(("shop/settings.py", settings), path, kind);
        let renamed = |from: &str| ChangeKind::Renamed {
            from: from.to_owned(),
        };
        assert!(judged(ChangeKind::Deleted, "shop/changes/0001_a.py"));
        assert!(judged(renamed("shop/changes/0001_a.py"), "old/a.py"));
        assert!(judged(ChangeKind::Modified, "shop/settings.py"));
        assert!(judged(ChangeKind::Deleted, "config/settings/test.py"));
        assert!(!judged(ChangeKind::Deleted, "shop/views.py"));
        assert!(!judged(ChangeKind::Modified, "shop/views.py"));
    }
}
