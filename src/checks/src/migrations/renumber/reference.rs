//! Where a migration names others, byte for byte.

use crate::migrations::migration::{Dependency, Migration};
use crate::migrations::project::{Key, Project};
use crate::python::{Expr, Span};
use std::ops::Range;

/// The attributes of the class that name migrations.
const ATTRIBUTES: [&str; 3] = ["dependencies", "run_before", "replaces"];

/// A name of a migration, written as a plain text.
pub(super) struct Reference {
    pub(super) key: Key,
    /// The bytes of the name between the quotes.
    pub(super) name: Range<usize>,
}

/// The places where a migration names that one.
///
/// # Errors
/// It names it elsewhere as well, or in a way that cannot be edited: by a constant, or in parts.
pub(super) fn references_to(
    project: &Project<'_>,
    migration: &Migration,
    key: &Key,
) -> Result<Vec<Reference>, String> {
    let expected = count(migration, key);
    if expected == 0 {
        return Ok(Vec::new());
    }
    let found: Vec<Reference> = plain_references(project, migration)
        .into_iter()
        .filter(|reference| reference.key == *key)
        .collect();
    if found.len() == expected {
        Ok(found)
    } else {
        Err(format!(
            "{} names {}.{} not as a plain text in a plain list",
            migration.id, key.0, key.1
        ))
    }
}

/// How often a migration names another one.
fn count(migration: &Migration, key: &Key) -> usize {
    let dependencies = (migration.dependencies.iter())
        .filter(|one| matches!(one, Dependency::Node(to) if to == key));
    let others = migration.run_before.iter().chain(&migration.replaces);
    dependencies.count() + others.filter(|other| *other == key).count()
}

fn plain_references(project: &Project<'_>, migration: &Migration) -> Vec<Reference> {
    let path = &migration.id.path;
    let Some(Ok(module)) = project.modules.get(path) else {
        return Vec::new();
    };
    let classes = module.body.classes.iter();
    let (Some(class), Some(bytes)) = (
        classes.rev().find(|class| class.name == "Migration"),
        project.modules.tree().get(path),
    ) else {
        return Vec::new();
    };
    ATTRIBUTES
        .into_iter()
        .flat_map(|attribute| class.body.assignments_to(attribute))
        .flat_map(|assignment| assignment.value.elements().unwrap_or_default())
        .filter_map(|item| reference(item, bytes))
        .collect()
}

/// `("app", "name")`.
fn reference(item: &Expr, bytes: &[u8]) -> Option<Reference> {
    let [app, name] = item.elements()? else {
        return None;
    };
    Some(Reference {
        key: (app.as_str()?.to_owned(), name.as_str()?.to_owned()),
        name: between_quotes(bytes, name.span, name.as_str()?)?,
    })
}

/// The bytes of a text in its quotes, if it is written without escapes, prefixes and breaks.
fn between_quotes(bytes: &[u8], span: Span, text: &str) -> Option<Range<usize>> {
    // Offsets of other encodings are those of the decoded text.
    std::str::from_utf8(bytes).ok()?;
    let mark = if bytes.starts_with(b"\xef\xbb\xbf") {
        3
    } else {
        0
    };
    let start = usize::try_from(span.start).ok()? + mark;
    let end = usize::try_from(span.end).ok()? + mark;
    let inner = (start + 1)..end.checked_sub(1)?;
    let quote = bytes.get(start)?;
    let is_plain = matches!(quote, b'"' | b'\'')
        && bytes.get(inner.end) == Some(quote)
        && bytes.get(inner.clone())? == text.as_bytes();
    is_plain.then_some(inner)
}
