//! Lock files of uv, poetry, pdm and pipenv, and `pylock.toml`: which versions of which packages.

use super::declared::toml_fault;
use super::name::normal_name;
use super::source::{Fault, Source};
use crate::Scope;
use crate::paths::{ancestors, base_name, join, parent};
use std::collections::{BTreeMap, BTreeSet};
use toml::de::{DeTable, DeValue};

/// Lock files next to or above a `pyproject.toml`.
const OF_PYPROJECT: [&str; 4] = ["uv.lock", "poetry.lock", "pdm.lock", "pylock.toml"];

/// The lock file of a `Pipfile`.
pub(super) const OF_PIPFILE: &str = "Pipfile.lock";

/// A lock file.
pub(super) struct Lock<'a> {
    pub(super) source: Source<'a>,
    /// The versions of each package by its normal name. A package without a version comes from a path.
    pub(super) packages: BTreeMap<String, BTreeSet<String>>,
    /// The groups that it holds, where it names them: pdm calls `project.dependencies` the group `default`.
    pub(super) groups: Option<Vec<String>>,
    pub(super) faults: Vec<Fault>,
}

/// Whether that path is a lock file that we read.
pub(super) fn is_lock(path: &str) -> bool {
    let name = base_name(path);
    OF_PYPROJECT.contains(&name) || name == OF_PIPFILE
}

/// Reads a lock file.
pub(super) fn read<'a>(path: &'a str, bytes: &'a [u8]) -> Lock<'a> {
    let (source, fault) = Source::new(path, bytes);
    let mut lock = Lock {
        packages: BTreeMap::new(),
        groups: None,
        faults: fault.into_iter().collect(),
        source,
    };
    if lock.faults.is_empty() {
        let read = if base_name(path) == OF_PIPFILE {
            read_json(&lock.source.text, &mut lock.packages)
        } else {
            read_toml(&lock.source.text, &mut lock.packages, &mut lock.groups)
        };
        lock.faults.extend(read.err());
    }
    lock
}

fn read_toml(
    text: &str,
    packages: &mut BTreeMap<String, BTreeSet<String>>,
    groups: &mut Option<Vec<String>>,
) -> Result<(), Fault> {
    let root = DeTable::parse(text).map_err(|error| toml_fault(&error))?;
    let root = DeValue::Table(root.into_inner());
    let metadata = root.get("metadata").map(toml::Spanned::get_ref);
    let named = metadata.and_then(|metadata| metadata.get("groups")?.get_ref().as_array());
    *groups = named.map(|named| {
        let names = named.iter().filter_map(|name| name.get_ref().as_str());
        names.map(str::to_owned).collect()
    });
    for key in ["package", "packages"] {
        let listed = root.get(key).and_then(|found| found.get_ref().as_array());
        for package in listed.into_iter().flat_map(|listed| listed.iter()) {
            let text = |key: &str| {
                let found = package.get_ref().get(key)?;
                found.get_ref().as_str()
            };
            let Some(name) = text("name") else { continue };
            let versions = packages.entry(normal_name(name)).or_default();
            versions.extend(text("version").map(str::to_owned));
        }
    }
    Ok(())
}

fn read_json(text: &str, packages: &mut BTreeMap<String, BTreeSet<String>>) -> Result<(), Fault> {
    let root: serde_json::Value = serde_json::from_str(text).map_err(|error| {
        let before: usize = text
            .split_inclusive('\n')
            .take(error.line().saturating_sub(1))
            .map(str::len)
            .sum();
        Fault {
            at: before + error.column().saturating_sub(1),
            why: format!("not valid JSON: {error}"),
        }
    })?;
    for section in ["default", "develop"] {
        let listed = root.get(section).and_then(serde_json::Value::as_object);
        for (name, package) in listed.into_iter().flatten() {
            let version = package.get("version").and_then(serde_json::Value::as_str);
            let versions = packages.entry(normal_name(name)).or_default();
            versions.extend(version.map(|text| text.trim_start_matches('=').to_owned()));
        }
    }
    Ok(())
}

/// The lock file that belongs to a file of declarations, if there is one: its path as the state has it.
pub(super) fn lock_of(scope: &Scope, declaring: &str) -> Option<String> {
    candidates(declaring).find(|path| super::source::exists(scope, path))
}

/// Whether this change deleted a lock file that belonged to it.
pub(super) fn lost_its_lock(scope: &Scope, declaring: &str) -> bool {
    candidates(declaring).any(|path| super::source::is_gone(scope, &path))
}

fn candidates(declaring: &str) -> impl Iterator<Item = String> {
    let is_pipfile = base_name(declaring) == "Pipfile";
    let directory = parent(declaring);
    let pipfile = is_pipfile.then(|| join(directory, OF_PIPFILE));
    // A workspace has one lock at its top.
    let pyproject = (!is_pipfile).then(|| {
        ancestors(directory)
            .flat_map(|directory| OF_PYPROJECT.iter().map(move |name| join(directory, name)))
    });
    pipfile.into_iter().chain(pyproject.into_iter().flatten())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packages(path: &str, text: &str) -> Vec<String> {
        let lock = read(path, text.as_bytes());
        assert!(lock.faults.is_empty(), "{:?}", lock.faults);
        lock.packages
            .into_iter()
            .map(|(name, versions)| format!("{name} {versions:?}"))
            .collect()
    }

    #[test]
    fn all_kinds_are_read() {
        let toml = "version = 1\n[[package]]\nname = 'Foo_Bar'\nversion = '1'\n[[package]]\nname = 'foo-bar'\nversion = '2'\n\
                    [[package]]\nname = 'own'\n";
        assert_eq!(
            packages("uv.lock", toml),
            ["foo-bar {\"1\", \"2\"}", "own {}"]
        );
        let pylock = "lock-version = '1.0'\n[[packages]]\nname = 'a'\nversion = '1'\n";
        assert_eq!(packages("pylock.toml", pylock), ["a {\"1\"}"]);
        let json = r#"{"_meta": {}, "default": {"a": {"version": "==1"}}, "develop": {"b": {}}}"#;
        assert_eq!(packages("Pipfile.lock", json), ["a {\"1\"}", "b {}"]);
        assert!(packages("poetry.lock", "package = 3").is_empty());
    }

    #[test]
    fn faults_have_places() {
        let place = |path, text: &str| {
            let lock = read(path, text.as_bytes());
            lock.source.place(lock.faults[0].at).to_string()
        };
        assert_eq!(place("Pipfile.lock", "{\n  \"a\": x}"), "Pipfile.lock:2:8");
        assert_eq!(place("uv.lock", "a = 1\n<<<<<<< HEAD\n"), "uv.lock:2:9");
        assert!(
            !read("Pipfile.lock", "[".repeat(100_000).as_bytes())
                .faults
                .is_empty()
        );
    }

    #[test]
    fn locks_are_looked_for_upwards() {
        let scope = Scope::all(
            [("uv.lock", ""), ("a/Pipfile.lock", "")]
                .into_iter()
                .collect(),
        );
        assert_eq!(
            lock_of(&scope, "a/b/pyproject.toml").as_deref(),
            Some("uv.lock")
        );
        assert_eq!(
            lock_of(&scope, "a/Pipfile").as_deref(),
            Some("a/Pipfile.lock")
        );
        assert_eq!(lock_of(&scope, "Pipfile"), None);
        assert!(!lost_its_lock(&scope, "Pipfile"));
    }
}
