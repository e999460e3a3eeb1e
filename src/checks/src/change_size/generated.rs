//! Files that a machine wrote: nobody reviews their lines.

use crate::attributes::{Attribute, Attributes};
use crate::paths::base_name;

/// Lock files by their names.
const LOCK_FILES: [&str; 15] = [
    "Cargo.lock",
    "Gemfile.lock",
    "Pipfile.lock",
    "bun.lock",
    "bun.lockb",
    "composer.lock",
    "flake.lock",
    "go.sum",
    "npm-shrinkwrap.json",
    "package-lock.json",
    "pdm.lock",
    "pnpm-lock.yaml",
    "poetry.lock",
    "uv.lock",
    "yarn.lock",
];

/// Endings of files that tools write.
const ENDINGS: [&str; 12] = [
    ".ambr",
    ".bundle.js",
    ".css.map",
    ".js.map",
    ".min.css",
    ".min.js",
    ".mo",
    ".pb.go",
    ".po",
    ".raw",
    ".snap",
    ".storyshot",
];

/// Directories with other people's code or with the output of tools.
const DIRECTORIES: [&str; 9] = [
    "__snapshots__",
    "bower_components",
    "node_modules",
    "snapshots",
    "site-packages",
    "staticfiles",
    "third_party",
    "vendor",
    "vendored",
];

pub(super) fn is_generated(path: &str, attributes: &Attributes) -> bool {
    let name = base_name(path);
    let stub =
        name.ends_with("_pb2.py") || name.ends_with("_pb2.pyi") || name.ends_with("_pb2_grpc.py");
    let pylock = name.starts_with("pylock.") && name.ends_with(".toml");
    LOCK_FILES.contains(&name)
        || pylock
        || stub
        || ENDINGS.iter().any(|ending| name.ends_with(ending))
        || directories(path).any(|part| DIRECTORIES.contains(&part))
        || attributes.has(path, Attribute::Generated)
        || attributes.has(path, Attribute::Vendored)
}

pub(super) fn is_migration(path: &str) -> bool {
    path.ends_with(".py") && directories(path).any(|part| part == "migrations")
}

fn directories(path: &str) -> impl Iterator<Item = &str> {
    path.rsplit('/').skip(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SourceTree;

    fn generated(path: &str) -> bool {
        is_generated(path, &Attributes::new(&SourceTree::new()))
    }

    #[test]
    fn files_of_machines_are_known() {
        for path in [
            "uv.lock",
            "a/package-lock.json",
            "pylock.toml",
            "pylock.dev.toml",
            "static/app.min.js",
            "vendor/x/y.py",
            "tests/__snapshots__/a.ambr",
            "locale/pl/LC_MESSAGES/django.po",
            "api/shop_pb2.py",
        ] {
            assert!(generated(path), "{path}");
        }
        for path in ["shop/models.py", "vendor.py", "min.js", "locks/uv.lock.md"] {
            assert!(!generated(path), "{path}");
        }
    }

    #[test]
    fn migrations_are_python_below_their_directory() {
        assert!(is_migration("shop/migrations/0001_initial.py"));
        assert!(!is_migration("shop/migrations/readme.md") && !is_migration("migrations.py"));
    }
}
