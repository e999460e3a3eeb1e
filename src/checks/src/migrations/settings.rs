//! What a project says about itself.

use std::collections::{BTreeMap, BTreeSet};

/// Settings of the review. The default is right for most projects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Django's `MIGRATION_MODULES`: the package of an app's migrations by the app's label.
    pub migration_modules: BTreeMap<String, String>,
    /// Tables on which even a short lock hurts: names of tables (`shop_order`) or models (`shop.Order`).
    pub hot_tables: BTreeSet<String>,
    /// The release of Django, if known: major and minor. Decides which remedies are offered (`db_default` needs 5.0).
    pub django: Option<(u32, u32)>,
    /// The major release of Postgres, if known. Unknown means one that is still maintained: 13 or later.
    pub postgres: Option<u32>,
}

impl Settings {
    /// Whether `db_default` can be offered.
    pub(crate) fn has_db_default(&self) -> bool {
        self.django.is_none_or(|version| version >= (5, 0))
    }
}
