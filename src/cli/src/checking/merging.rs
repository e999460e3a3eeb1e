//! A branch with what its base has got since the branch left it.
//!
//! Two branches that are each in order can break the base together, and only migrations do so without a conflict in git. So
//! only what matters to them is read of the base.

use beanpole_checks::migrations::{self, Settings};
use beanpole_checks::{BaseChange, Change, ChangeKind, SourceTree, Unseen};
use beanpole_git::{Fork, Selected, Selection};
use beanpole_model::Report;

use super::Site;
use super::reading::{Reading, change, entries};

/// The base as it is now, and what it has got since the branch left it.
///
/// # Errors
/// What went wrong with git.
pub(super) fn brought(site: &Site, fork: &Fork) -> Result<Selected, Report> {
    let other_side = Fork {
        base: fork.base.clone(),
        head: fork.tip.clone(),
        tip: fork.head.clone(),
    };
    let selection = Selection::Between(other_side);
    Ok(site.repository.select(&selection, &site.under)?)
}

/// Adds the state after the merge to a reading, if the base has got anything that matters to migrations.
pub(super) fn merge(
    base: &Selected,
    serving: &SourceTree,
    settings: &Settings,
    reading: &mut Reading,
) {
    let kept = entries(&base.entries);
    let changes: Vec<BaseChange> = (base.changes.iter())
        .map(change)
        .filter(matters)
        .map(|change| BaseChange {
            entry: kept.get(&change.path).copied(),
            content: serving.get(&change.path).map(<[u8]>::to_vec),
            kind: change.kind,
            path: change.path,
        })
        .collect();
    if changes.is_empty() {
        return;
    }
    let merged = reading.scope.clone().merged_with(changes);
    let tree = &merged.scope.tree;
    let unseen = merged.unseen.into_iter();
    let of_migrations = unseen.filter(|unseen| is_of_migrations(unseen, tree, settings));
    reading.unseen.extend(of_migrations);
    reading.merged = Some(merged.scope);
}

/// Whether a change of the base can matter to the migrations of the branch.
fn matters(change: &Change) -> bool {
    let is_moved_away =
        matches!(&change.kind, ChangeKind::Renamed { from } if migrations::wants(from));
    is_moved_away || migrations::wants(&change.path)
}

/// Of other files, the merge itself says whether both sides go together.
fn is_of_migrations(unseen: &Unseen, tree: &SourceTree, settings: &Settings) -> bool {
    let place = unseen.location.as_ref();
    place.is_none_or(|place| migrations::is_among(tree, &place.path, settings))
}
