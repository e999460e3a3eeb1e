//! What a team agrees on about its packages.

use serde::{Deserialize, Serialize};

/// Settings of the checks of packages and base images.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Settings {
    /// Requirements files that are production, whatever their names say: paths from the top. No key of the manifest: they follow
    /// from the patterns of `checks.pins.files`.
    pub production_files: Vec<String>,
    /// Requirements files that are not, whatever their names say: paths from the top. No key of the manifest: they follow from
    /// the patterns of `checks.pins.development_files`.
    pub development_files: Vec<String>,
    /// Whether packages for development have to be pinned as well.
    pub pin_development: bool,
    /// Whether every production requirement has to have a hash.
    pub require_hashes: bool,
    /// Whether every base image has to have a digest.
    pub require_digests: bool,
    /// Packages that need no exact version: `checks.pins.allow`, which names packages and images.
    pub allow_unpinned: Vec<String>,
    /// Further packages that belong to tests and development only; `name-*` names a family.
    pub test_packages: Vec<String>,
    /// Packages that production may have although they are known as packages for tests.
    pub allow_in_production: Vec<String>,
    /// Base images that need no tag and no digest: `internal/base`. From `checks.pins.allow` as well.
    pub allow_images: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_keys_are_refused() {
        let read: Settings = serde_json::from_str(r#"{"require-hashes": true}"#).unwrap();
        assert!(read.require_hashes && !read.pin_development);
        assert!(serde_json::from_str::<Settings>(r#"{"require_hashes": true}"#).is_err());
    }
}
