//! What a project says about itself.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Settings of the review. The default is right for most projects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
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

#[cfg(test)]
mod tests {
    use super::Settings;

    #[test]
    fn settings_are_strict_and_have_defaults() {
        let text = r#"{"hot-tables": ["shop_order"], "django": [5, 2]}"#;
        let settings: Settings = serde_json::from_str(text).unwrap();
        assert!(settings.hot_tables.contains("shop_order") && settings.has_db_default());
        assert!(serde_json::from_str::<Settings>(r#"{"hot_tables": []}"#).is_err());
    }
}
