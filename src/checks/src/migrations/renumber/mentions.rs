//! Other files that name a migration.

use crate::SourceTree;
use crate::migrations::project::Project;
use crate::paths::{join, parent};
use memchr::memmem;
use std::ops::Range;

/// A Python file that holds the name and is no migration: a test of the migration, most likely.
pub(super) fn elsewhere<'t>(
    tree: &'t SourceTree,
    project: &Project<'_>,
    name: &str,
) -> Option<&'t str> {
    let is_migration =
        |path: &str| (project.migrations.values()).any(|migration| migration.id.path == path);
    let paths = || {
        let python = tree.paths().filter(|path| path.ends_with(".py"));
        python.filter(|path| !is_migration(path))
    };
    tree.fetch(paths());
    paths().find(|path| tree.get(path).is_some_and(|bytes| has_word(bytes, name)))
}

fn has_word(bytes: &[u8], word: &str) -> bool {
    let is_inside = |at: Option<usize>| {
        at.and_then(|at| bytes.get(at))
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
    };
    memmem::find_iter(bytes, word.as_bytes())
        .any(|at| !is_inside(at.checked_sub(1)) && !is_inside(at.checked_add(word.len())))
}

/// The file of django-linear-migrations that names the last migration of an app: its path, what it names, and where.
pub(super) fn last_by_file(
    tree: &SourceTree,
    path: &str,
) -> Option<(String, String, Range<usize>)> {
    let file = join(parent(path), "max_migration.txt");
    let text = std::str::from_utf8(tree.get(&file)?).ok()?;
    let name = text.trim();
    let start = text.len() - text.trim_start().len();
    let range = start..start + name.len();
    Some((file, name.to_owned(), range))
}
