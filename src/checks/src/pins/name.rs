//! Names of packages (PEP 503, PEP 508) and of the files that list them.

use crate::paths::{base_name, parent};

/// The name by which a package index knows the package: `Foo_Bar.baz` is `foo-bar-baz`.
pub(super) fn normal_name(name: &str) -> String {
    let mut normal = String::with_capacity(name.len());
    for letter in name.chars() {
        if matches!(letter, '-' | '_' | '.') {
            if !normal.ends_with('-') {
                normal.push('-');
            }
        } else {
            normal.push(letter.to_ascii_lowercase());
        }
    }
    normal
}

/// How many bytes at the start of the text are the name of a package; 0: none.
pub(super) fn name_length(text: &str) -> usize {
    let length = text
        .bytes()
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
        .count();
    let name = text.get(..length).unwrap_or_default();
    let ends = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    if ends(name.bytes().next()) && ends(name.bytes().last()) {
        length
    } else {
        0
    }
}

/// Whether the package is one of these; `name-*` names a family.
pub(super) fn is_one_of(normal: &str, names: &[String]) -> bool {
    names.iter().any(|name| match name.strip_suffix('*') {
        Some(start) => normal.starts_with(&normal_name(start)),
        None => normal == normal_name(name),
    })
}

/// Words of file and group names that mean: not for production.
const DEVELOPMENT: [&str; 41] = [
    "bench",
    "benchmark",
    "benchmarks",
    "ci",
    "coverage",
    "debug",
    "dev",
    "devcontainer",
    "devel",
    "develop",
    "developer",
    "developers",
    "development",
    "doc",
    "docs",
    "documentation",
    "e2e",
    "examples",
    "format",
    "lint",
    "linter",
    "linters",
    "linting",
    "local",
    "mkdocs",
    "mypy",
    "nox",
    "precommit",
    "pytest",
    "qa",
    "sphinx",
    "style",
    "test",
    "testing",
    "tests",
    "tox",
    "types",
    "typing",
    "unittest",
    "unittests",
    "vagrant",
];

/// Words of file names that leave open which it is: a container may be a developer's or production's.
const UNCLEAR: [&str; 7] = [
    "compose",
    "container",
    "docker",
    "extra",
    "extras",
    "optional",
    "tools",
];

fn words(name: &str) -> impl Iterator<Item = &str> + Clone {
    name.split(['-', '_', '.', ' '])
}

/// Whether a word of the name says that it is for development.
pub(super) fn is_for_development(name: &str) -> bool {
    words(&name.to_ascii_lowercase()).any(|word| DEVELOPMENT.contains(&word))
}

/// Whether the name or a directory of a requirements file says that it is for development.
pub(super) fn is_development_file(path: &str) -> bool {
    path.split('/').any(is_for_development)
}

/// Whether the name of a requirements file leaves open whether production installs it: `requirements/docker.txt`.
pub(super) fn is_unclear_file(path: &str) -> bool {
    let name = base_name(path).to_ascii_lowercase();
    let mut all = words(&name);
    let is_production = |word: &str| matches!(word, "prod" | "production" | "live");
    all.clone().any(|word| UNCLEAR.contains(&word)) && !all.any(is_production)
}

/// Whether that path is a requirements file by its name: `requirements.txt`, `dev-requirements.txt`, `requirements/prod.txt`.
pub(super) fn is_requirements_file(path: &str) -> bool {
    has_requirements_name(path, ".txt")
}

/// Whether that path is the source of one, for pip-compile: `requirements.in`.
pub(super) fn is_requirements_source(path: &str) -> bool {
    has_requirements_name(path, ".in")
}

/// Whether that path only constrains: `constraints.txt`.
pub(super) fn is_constraints_file(path: &str) -> bool {
    words(base_name(path)).any(|word| matches!(word, "constraints" | "constraint"))
}

fn has_requirements_name(path: &str, ending: &str) -> bool {
    let Some(stem) = base_name(path).strip_suffix(ending) else {
        return false;
    };
    let is_word = |word: &str| {
        matches!(
            word,
            "requirements" | "requirement" | "reqs" | "constraints" | "constraint"
        )
    };
    let is_prose = stem.eq_ignore_ascii_case("readme");
    words(stem).any(is_word) || !is_prose && is_word(base_name(parent(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_one_form() {
        assert_eq!(normal_name("Foo_.-Bar"), "foo-bar");
        assert_eq!(normal_name("zope.interface"), "zope-interface");
    }

    #[test]
    fn names_begin_and_end_with_letters_or_digits() {
        assert_eq!(name_length("django==4"), 6);
        assert_eq!(name_length("a[b]"), 1);
        assert_eq!(
            (name_length("-r x"), name_length("a- "), name_length("é")),
            (0, 0, 0)
        );
    }

    #[test]
    fn families_are_named_with_a_star() {
        let names = ["pytest*".to_owned(), "Factory_Boy".to_owned()];
        assert!(is_one_of("pytest-django", &names) && is_one_of("factory-boy", &names));
        assert!(!is_one_of("factory-boy-extra", &names));
    }

    #[test]
    fn files_are_known_by_their_names() {
        for path in [
            "requirements.txt",
            "requirements-prod.txt",
            "dev_requirements.txt",
            "requirements/prod.txt",
            "a/reqs/base.txt",
        ] {
            assert!(is_requirements_file(path), "{path}");
        }
        for path in [
            "notes.txt",
            "requirements.md",
            "requirements/x/y.txt",
            "requirements/README.txt",
            "robots.txt",
        ] {
            assert!(!is_requirements_file(path), "{path}");
        }
        assert!(is_requirements_source("requirements/base.in"));
        assert!(is_development_file("requirements/requirements-local.txt"));
        assert!(is_development_file("docs/requirements.txt"));
        assert!(!is_development_file("requirements/requirements-stage.txt"));
        assert!(is_constraints_file("requirements/constraints.txt"));
        for path in [
            "requirements/ci.txt",
            "requirements/local.txt",
            "requirements/Development.txt",
            "examples/requirements.txt",
        ] {
            assert!(is_development_file(path), "{path}");
        }
        assert!(is_unclear_file("requirements/docker.txt"));
        assert!(!is_unclear_file("requirements/docker-prod.txt"));
        assert!(!is_unclear_file("docker/requirements.txt"));
    }
}
