//! Reviews of whole releases.

mod outcome;
mod place;
mod spelling;
mod unseen;

use crate::migrations::testing::{Case, migration_text};

/// What a migration that is written in another way leads to.
fn with(change: impl Fn(String) -> String) -> Case {
    let text = migration_text(
        "0001_initial",
        "migrations.RemoveField('order', 'note'),",
        "",
    );
    let changed = change(text.clone());
    assert_ne!(changed, text);
    Case::new().file("shop/migrations/0002_change.py", changed)
}
