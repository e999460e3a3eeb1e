//! One requirement: a name with versions (PEP 508), an address, or a path.

use super::address::{is_address, name_of_address, version_of_address, without_password};
use super::name::{name_length, normal_name};
use super::source::Fault;
use crate::report::shown;
use pep440_rs::{Operator, VersionSpecifiers};
use std::str::FromStr;

/// Which version a requirement asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// `==1.2` or `===1.2`: the version in its normal form.
    Exact(String),
    /// Several versions are right: as written.
    Range(String),
    /// No version is named.
    Any,
    /// An environment variable decides.
    Variable,
    /// A full commit of a repository.
    Commit,
    /// A branch, a tag, a short commit, or nothing at all of a repository.
    Branch,
    /// An archive at an address, and whether its hash is named.
    Archive { hashed: bool },
    /// A directory or a file of this project.
    Local,
}

impl Version {
    /// Whether it is the same thing each time.
    pub(super) fn is_fixed(&self) -> bool {
        match self {
            Self::Exact(_) | Self::Commit | Self::Local | Self::Archive { hashed: true } => true,
            Self::Range(_)
            | Self::Any
            | Self::Variable
            | Self::Branch
            | Self::Archive { hashed: false } => false,
        }
    }
}

/// A requirement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Requirement {
    /// As written; the address or the path if it has no name.
    pub(super) shown: String,
    /// The normal form of the name, if it has one.
    pub(super) name: Option<String>,
    pub(super) version: Version,
    /// The environment marker in one spelling; empty: none.
    pub(super) marker: String,
    pub(super) hashed: bool,
    pub(super) editable: bool,
    /// The bytes of the file.
    pub(super) from: usize,
    pub(super) to: usize,
}

/// Reads a requirement without options. Places count from the start of the text.
pub(super) fn read(text: &str) -> Result<Requirement, Fault> {
    let start = text.len() - text.trim_start().len();
    let text_trimmed = text.trim();
    let mut requirement = if is_address(text_trimmed) {
        address(text_trimmed)
    } else if is_path(text_trimmed) {
        path(text_trimmed)
    } else {
        named(text_trimmed).map_err(|fault| Fault {
            at: fault.at + start,
            ..fault
        })?
    };
    requirement.from = start;
    requirement.to = start + text_trimmed.len().saturating_sub(1);
    Ok(requirement)
}

fn empty(shown: &str) -> Requirement {
    Requirement {
        shown: shown.to_owned(),
        name: None,
        version: Version::Any,
        marker: String::new(),
        hashed: false,
        editable: false,
        from: 0,
        to: 0,
    }
}

/// As pip decides: a separator or a dot at the start, but not `name @ address`.
fn is_path(text: &str) -> bool {
    let looks = |text: &str| text.starts_with(['.', '~']) || text.contains(['/', '\\']);
    let before_at = text.split('@').next().unwrap_or(text);
    if before_at.contains("://") {
        return false;
    }
    let is_archive = [".whl", ".zip", ".tar.gz", ".tgz", ".tar.bz2"]
        .iter()
        .any(|ending| before_marker(text).0.ends_with(ending));
    looks(before_at.split(';').next().unwrap_or(before_at)) || is_archive && !text.contains('@')
}

/// Text and marker, where a semicolon may be part of an address.
fn before_marker(text: &str) -> (&str, &str) {
    [" ;", "; "]
        .iter()
        .filter_map(|separator| text.split_once(separator))
        .min_by_key(|(before, _)| before.len())
        .map_or((text, ""), |(before, marker)| (before.trim(), marker))
}

fn address(text: &str) -> Requirement {
    let (address, marker) = before_marker(text);
    Requirement {
        name: name_of_address(address).map(|name| normal_name(&name)),
        version: version_of_address(address),
        marker: normal_marker(marker),
        ..empty(&without_password(address))
    }
}

fn path(text: &str) -> Requirement {
    let (path, marker) = before_marker(text);
    Requirement {
        version: Version::Local,
        marker: normal_marker(marker),
        ..empty(path)
    }
}

/// `name[extras] versions ; marker` or `name[extras] @ address ; marker`.
fn named(text: &str) -> Result<Requirement, Fault> {
    if text.starts_with("${") {
        return Ok(Requirement {
            version: Version::Variable,
            ..empty(text)
        });
    }
    let fault = |at: usize, why: &str| Fault {
        at,
        why: why.to_owned(),
    };
    let length = name_length(text);
    if length == 0 {
        return Err(fault(0, "a requirement begins with the name of a package"));
    }
    let (name, mut rest) = text.split_at_checked(length).unwrap_or((text, ""));
    rest = rest.trim_start();
    if let Some(inner) = rest.strip_prefix('[') {
        let (extras, behind) = inner
            .split_once(']')
            .ok_or_else(|| fault(length, "the bracket of the extras is not closed"))?;
        let mut names = extras.split(',').map(str::trim);
        if !extras.trim().is_empty()
            && names.any(|extra| extra.is_empty() || name_length(extra) != extra.len())
        {
            return Err(fault(
                length,
                "the extras are not names with commas between them",
            ));
        }
        rest = behind.trim_start();
    }
    let requirement = Requirement {
        name: Some(normal_name(name)),
        ..empty(name)
    };
    if let Some(behind) = rest.strip_prefix('@') {
        let (place, marker) = before_marker(behind.trim());
        if place.is_empty() {
            return Err(fault(text.len(), "an address is missing behind the `@`"));
        }
        if !is_address(place) && !place.contains("${") {
            return Err(fault(
                text.len() - behind.len(),
                "an address behind the `@` begins with its scheme: `https://`, `git+https://`, `file:`",
            ));
        }
        return Ok(Requirement {
            version: if is_address(place) {
                version_of_address(place)
            } else {
                Version::Variable
            },
            marker: normal_marker(marker),
            ..requirement
        });
    }
    let (versions, marker) = rest.split_once(';').unwrap_or((rest, ""));
    let at = text.len() - rest.len();
    Ok(Requirement {
        version: read_versions(versions).map_err(|why| Fault { at, why })?,
        marker: normal_marker(marker),
        ..requirement
    })
}

/// Reads version specifiers (PEP 440), with or without parentheses.
pub(super) fn read_versions(text: &str) -> Result<Version, String> {
    let text = text.trim();
    let text = text
        .strip_prefix('(')
        .and_then(|text| text.strip_suffix(')'))
        .unwrap_or(text)
        .trim();
    if text.is_empty() {
        return Ok(Version::Any);
    }
    if text.contains("${") {
        return Ok(Version::Variable);
    }
    // Arbitrary equality takes any text.
    if let Some(exact) = text.strip_prefix("===")
        && !exact.contains(',')
        && !exact.trim().is_empty()
        && !exact.trim().contains(char::is_whitespace)
    {
        return Ok(Version::Exact(exact.trim().to_owned()));
    }
    let specifiers = VersionSpecifiers::from_str(text).map_err(|error| {
        // The parser quotes what it read, and an address may hold a password.
        if text.contains("://") {
            let address = without_password(text);
            return format!("`{}` is an address: write ` @ ` before it", shown(&address));
        }
        let error = error.to_string();
        let first = error.lines().next().unwrap_or_default();
        let first = first
            .trim_start_matches("Failed to parse version: ")
            .trim_end_matches(':');
        format!("`{}` is not a version by PEP 440: {first}", shown(text))
    })?;
    let exact = specifiers
        .iter()
        .find(|specifier| matches!(specifier.operator(), Operator::Equal | Operator::ExactEqual));
    Ok(match exact {
        Some(specifier) => Version::Exact(specifier.version().to_string()),
        None => Version::Range(text.to_owned()),
    })
}

/// One spelling for markers that differ only in quotes and spaces.
pub(super) fn normal_marker(marker: &str) -> String {
    let marker: String = marker
        .chars()
        .filter(|letter| !letter.is_whitespace())
        .collect();
    marker.replace('"', "'")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        read(text).unwrap().version
    }

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn exact_versions_are_told_from_ranges() {
        for text in [
            "a==1.0",
            "a == 1.0",
            "A[b, c]==1.0 ; x",
            "a (==1.0)",
            "a===1.0",
            "a==1.0,<2",
        ] {
            assert_eq!(version(text), Version::Exact("1.0".to_owned()), "{text}");
        }
        assert!(read("a===dev build").is_err());
        for text in ["a>=1", "a==1.*", "a~=1.0", "a!=1", "a<2,>1"] {
            assert!(matches!(version(text), Version::Range(_)), "{text}");
        }
        assert_eq!(version("a"), Version::Any);
        assert_eq!(version("a==${V}"), Version::Variable);
        assert_eq!(version("${WHAT}"), Version::Variable);
    }

    #[test]
    fn addresses_are_fixed_by_commit_or_hash() {
        assert_eq!(
            version(&format!("git+https://h/p.git@{COMMIT}#egg=a")),
            Version::Commit
        );
        assert_eq!(
            version(&format!("a @ git+ssh://git@h/p@{COMMIT}")),
            Version::Commit
        );
        assert_eq!(version("a @ git+https://h/p@v1.0"), Version::Branch);
        assert_eq!(version("git+ssh://git@h/p"), Version::Branch);
        assert_eq!(version("svn+https://h/p@42#egg=a"), Version::Commit);
        let hash = "a".repeat(64);
        assert_eq!(
            version(&format!("a @ https://h/a.zip#sha256={hash} ; x")),
            Version::Archive { hashed: true }
        );
        assert_eq!(
            version("https://h/a.zip#sha256=1"),
            Version::Archive { hashed: false }
        );
        for text in [
            "./a",
            "../a.whl",
            "a/b",
            "file:///a",
            "a-1.0-py3-none-any.whl",
            "/a; x == 'y'",
        ] {
            assert_eq!(version(text), Version::Local, "{text}");
        }
    }

    #[test]
    fn names_markers_and_addresses_are_read() {
        let read_one = |text: &str| read(text).unwrap();
        assert_eq!(read_one("Foo_Bar==1").name.as_deref(), Some("foo-bar"));
        assert_eq!(
            read_one("https://h/Foo_Bar-1.0-py3-none-any.whl")
                .name
                .as_deref(),
            Some("foo-bar")
        );
        assert_eq!(
            read_one("git+https://h/p#egg=A.b[c]").name.as_deref(),
            Some("a-b")
        );
        assert_eq!(
            read_one("a==1; python_version < \"3.9\"").marker,
            read_one("a==1;python_version<'3.9'").marker
        );
        assert_eq!(
            read_one("git+https://user:secret@h/p").shown,
            "git+https://***@h/p"
        );
        assert_eq!(
            read_one("git+https://token@h/p").shown,
            "git+https://***@h/p"
        );
    }

    #[test]
    fn faults_have_places() {
        for (text, at) in [
            ("a=1", 1),
            ("a==", 1),
            ("a[b", 1),
            ("a[,]", 1),
            ("  a @ ", 5),
            ("é", 0),
            ("a b", 2),
        ] {
            assert_eq!(read(text).unwrap_err().at, at, "{text}");
        }
    }
}
