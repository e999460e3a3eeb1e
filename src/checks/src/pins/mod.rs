//! Pinned packages and base images.
//!
//! Stages, each a module: requirements files as pip reads them (`logical`, `line`, `requirement`, `requirements_file`), who
//! includes whom and what reaches production (`graph`), files that declare and files that lock (`declared`, `lock`), and the
//! rules. A requirements file is production unless a word of its path says otherwise (`dev`, `test`, `local`, `ci`, `docs`, …)
//! and no production file includes it.

mod address;
mod base_image;
mod conflicts;
mod declared;
mod dockerfile;
mod exported;
mod following;
mod graph;
mod hashes;
mod includes;
mod line;
mod lock;
mod logical;
mod name;
mod requirement;
mod requirements_file;
mod settings;
mod source;
mod stale_lock;
mod test_packages;
mod unpinned;
mod unreadable;

pub use settings::Settings;

use crate::paths::base_name;
use crate::{Rule, Scope, SourceTree};
use beanpole_model::Finding;
use declared::Declared;
use graph::Graph;
use lock::Lock;
use std::collections::BTreeSet;

/// The rules of this group.
pub const RULES: &[Rule] = &[
    unpinned::RULE,
    hashes::RULE,
    test_packages::RULE,
    conflicts::CONFLICTING,
    conflicts::DUPLICATE,
    includes::MISSING,
    includes::LOOP,
    unreadable::RULE,
    stale_lock::RULE,
    base_image::RULE,
];

/// Whether the content of that path has to be read, even if it did not change. Files that are only known because another
/// includes them (`-r deploy/list`) are those of [`included`].
#[must_use]
pub fn wants(path: &str) -> bool {
    name::is_requirements_file(path)
        || name::is_requirements_source(path)
        || matches!(base_name(path), "pyproject.toml" | "Pipfile")
        || lock::is_lock(path)
}

/// Whether the content of that path has to be read if it changed: what [`wants`] says, and Dockerfiles.
#[must_use]
pub fn wants_changed(path: &str) -> bool {
    wants(path) || dockerfile::is_dockerfile(path)
}

/// The files that the requirements files of a tree include, whatever their names, as far as the tree has the contents of those
/// that name them. Their contents have to be read as well, and may include more.
#[must_use]
pub fn included(tree: &SourceTree, settings: &Settings) -> BTreeSet<String> {
    following::included(tree, settings)
}

/// What the rules look at.
struct Context<'a> {
    scope: &'a Scope,
    settings: &'a Settings,
    graph: Graph<'a>,
    declared: Vec<Declared<'a>>,
    locks: Vec<Lock<'a>>,
}

/// Judges packages and base images.
#[must_use]
pub fn check(scope: &Scope, settings: &Settings) -> Vec<Finding> {
    let mut findings = base_image::check(scope, settings);
    if !touches_packages(scope, settings) {
        return findings;
    }
    let context = Context {
        scope,
        settings,
        graph: Graph::new(scope, settings),
        declared: read_declared(scope),
        locks: scope
            .tree
            .contents(lock::is_lock)
            .map(|(path, bytes)| lock::read(path, bytes))
            .collect(),
    };
    findings.extend(unreadable::check(&context));
    findings.extend(includes::check(&context));
    findings.extend(unpinned::check(&context));
    findings.extend(hashes::check(&context));
    findings.extend(test_packages::check(&context));
    findings.extend(conflicts::check(&context));
    findings.extend(stale_lock::check(&context));
    findings.sort_by(|left, right| place_of(left).cmp(&place_of(right)));
    findings
}

/// Lock files are large: without a change that could matter, nothing is parsed. A file that another includes may have any
/// name; only its ending is usual.
fn touches_packages(scope: &Scope, settings: &Settings) -> bool {
    let is_package_file = |path: &str| {
        wants(path)
            || [".txt", ".in", ".pip"]
                .iter()
                .any(|end| path.ends_with(end))
            || graph::is_named(path, settings)
    };
    if changed_paths(scope).any(is_package_file) {
        return true;
    }
    let included = included(&scope.tree, settings);
    changed_paths(scope).any(|path| included.contains(path))
}

/// The paths of all changes, and those that files had before.
fn changed_paths(scope: &Scope) -> impl Iterator<Item = &str> {
    scope.changes.iter().flat_map(|change| {
        let from = match &change.kind {
            crate::ChangeKind::Renamed { from } => Some(from.as_str()),
            _ => None,
        };
        std::iter::once(change.path.as_str()).chain(from)
    })
}

fn place_of(finding: &Finding) -> Option<(&str, Option<u32>, Option<u32>)> {
    let location = finding.location.as_ref()?;
    Some((&location.path, location.line, location.column))
}

fn read_declared(scope: &Scope) -> Vec<Declared<'_>> {
    let is_declared = |path: &str| matches!(base_name(path), "pyproject.toml" | "Pipfile");
    scope
        .tree
        .contents(is_declared)
        .filter_map(|(path, bytes)| match base_name(path) {
            "pyproject.toml" => Some(declared::read_pyproject(path, bytes)),
            "Pipfile" => Some(declared::read_pipfile(path, bytes)),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod testing {
    use super::{Settings, check};
    use crate::{Change, ChangeKind, ChangedLines, Scope};

    /// A scope in which all files are new.
    pub(super) fn new(files: &[(&str, &str)]) -> Scope {
        Scope::all(files.iter().copied().collect())
    }

    /// A scope in which only these lines of one file changed.
    pub(super) fn changed(files: &[(&str, &str)], path: &str, lines: &[(u32, u32)]) -> Scope {
        let mut scope = new(files);
        scope.changes = vec![Change {
            path: path.to_owned(),
            kind: ChangeKind::Modified,
            lines: ChangedLines::Only(lines.to_vec()),
            counts: None,
        }];
        scope
    }

    /// A scope in which one file was deleted.
    pub(super) fn deleted(files: &[(&str, &str)], path: &str) -> Scope {
        let mut scope = changed(files, path, &[]);
        scope.changes[0].kind = ChangeKind::Deleted;
        scope
    }

    /// `path:line:column rule` of everything found.
    pub(super) fn found_in(scope: &Scope, settings: &Settings) -> Vec<String> {
        check(scope, settings)
            .into_iter()
            .map(|finding| {
                let place = finding
                    .location
                    .map_or(String::new(), |place| place.to_string());
                format!("{place} {}", finding.rule)
            })
            .collect()
    }

    /// The same with the default settings.
    pub(super) fn found(scope: &Scope) -> Vec<String> {
        found_in(scope, &Settings::default())
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{found, new};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_rule_has_its_page() {
        crate::pages::assert_pages(RULES);
    }

    #[test]
    fn a_good_project_passes() {
        let scope = new(&[
            (
                "requirements/requirements-base.txt",
                "django==5.2.1\npsycopg[binary]==3.2.1 ; python_version > '3'\n",
            ),
            (
                "requirements/requirements-local.txt",
                "-r requirements-base.txt\nfactory-boy\n-e .\n",
            ),
            (
                "requirements/requirements-prod.txt",
                "-r requirements-base.txt\ngunicorn==23.0.0\n",
            ),
            (
                "pyproject.toml",
                "[project]\ndependencies = ['django>=5']\n",
            ),
            ("Dockerfile", "FROM python:3.12-slim\n"),
        ]);
        assert_eq!(found(&scope), [""; 0]);
    }

    #[test]
    fn other_changes_wake_nothing() {
        let mut scope = new(&[("requirements.txt", "django\n"), ("a.py", "")]);
        scope.changes.retain(|change| change.path == "a.py");
        assert_eq!(found(&scope), [""; 0]);
    }

    fn judge(path: &str, bytes: &[u8]) {
        let tree = [
            (path.to_owned(), bytes.to_vec()),
            (
                "requirements/base.txt".to_owned(),
                b"-r ../requirements.txt\n-c constraints.txt\ndjango==1\n".to_vec(),
            ),
        ]
        .into_iter()
        .collect();
        let settings = Settings {
            pin_development: true,
            require_hashes: true,
            require_digests: true,
            ..Settings::default()
        };
        let lines = bytes.split(|byte| *byte == b'\n').count();
        for finding in check(&Scope::all(tree), &settings) {
            if let Some(place) = finding.location.filter(|place| place.path == path) {
                let line = usize::try_from(place.line.unwrap_or(1)).unwrap();
                assert!((1..=lines.max(1)).contains(&line), "{place} of {lines}");
            }
        }
    }

    const PATHS: [&str; 8] = [
        "requirements.txt",
        "requirements/constraints.txt",
        "pyproject.toml",
        "Pipfile",
        "Pipfile.lock",
        "uv.lock",
        "poetry.lock",
        "Dockerfile",
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn arbitrary_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300), path in prop::sample::select(&PATHS)) {
            judge(path, &bytes);
        }

        #[test]
        fn almost_requirements(text in "(a|B_b|é|==|=|>=|1\\.0|\\*|;| |\n|\r\n|\\\\\n|#|@|\\[|\\]|\\(|\\)|-r |-c |-e |--hash=|sha256:|\"|'|\\$\\{V\\}|git\\+https://|/|\\.\\.|file:|requirements\\.txt|base\\.txt|--){0,40}") {
            judge("requirements.txt", text.as_bytes());
        }

        #[test]
        fn almost_toml(text in "(\\[project\\]\n|\\[tool\\.poetry\\.dependencies\\]\n|\\[packages\\]\n|\\[\\[package\\]\\]\n|dependencies = \\[|'a>=1'|\"é==\"|,|\\]|\n|name = |version = |'1'|\\{|\\}|git = 'x'|a = ){0,30}", path in prop::sample::select(&PATHS)) {
            judge(path, text.as_bytes());
        }

        #[test]
        fn almost_dockerfiles(text in "(FROM |ARG |A=|\\$\\{A|:-|\\}|\\$A|python|:3|@sha256:|AS |x| |\n|\\\\\n|#|<<E|E\n|RUN |--platform=y |\"|é){0,40}") {
            judge("Dockerfile", text.as_bytes());
        }
    }
}
