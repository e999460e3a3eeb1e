//! Requirements that are addresses: repositories and archives.

use super::name::name_length;
use super::requirement::Version;

const REPOSITORIES: [&str; 4] = ["git+", "hg+", "svn+", "bzr+"];

pub(super) fn is_address(text: &str) -> bool {
    let has_scheme = ["http://", "https://", "ftp://", "file:"]
        .iter()
        .any(|scheme| starts_with_any_case(text, scheme));
    has_scheme
        || REPOSITORIES
            .iter()
            .any(|start| starts_with_any_case(text, start))
}

fn starts_with_any_case(text: &str, start: &str) -> bool {
    text.get(..start.len())
        .is_some_and(|text| text.eq_ignore_ascii_case(start))
}

/// What an address fixes.
pub(super) fn version_of_address(address: &str) -> Version {
    let (place, fragment) = address.split_once('#').unwrap_or((address, ""));
    if REPOSITORIES
        .iter()
        .any(|start| starts_with_any_case(address, start))
    {
        let revision = place.rsplit_once('@').map_or("", |(_, revision)| revision);
        let is_number = starts_with_any_case(address, "svn+")
            && !revision.is_empty()
            && revision.bytes().all(|byte| byte.is_ascii_digit());
        return if is_commit(revision) || is_number {
            Version::Commit
        } else {
            Version::Branch
        };
    }
    if starts_with_any_case(address, "file:") {
        return Version::Local;
    }
    let hashed = fragment.split('&').any(|part| {
        part.split_once('=').is_some_and(|(kind, digest)| {
            let length = match kind {
                "sha256" => 64,
                "sha384" => 96,
                "sha512" => 128,
                _ => return false,
            };
            digest.len() == length && digest.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
    });
    Version::Archive { hashed }
}

/// Whether that is the full name of a commit (SHA-1 or SHA-256).
pub(super) fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The name behind `#egg=`, or at the start of a wheel's file name.
pub(super) fn name_of_address(address: &str) -> Option<String> {
    let (place, fragment) = address.split_once('#').unwrap_or((address, ""));
    let egg = fragment
        .split('&')
        .find_map(|part| part.strip_prefix("egg="));
    let wheel = || {
        let file = place.rsplit('/').next()?;
        file.strip_suffix(".whl")?.split('-').next()
    };
    let name = egg.or_else(wheel)?;
    let length = name_length(name);
    (length > 0).then(|| name.get(..length).unwrap_or_default().to_owned())
}

/// Addresses go into messages, and passwords must not.
pub(super) fn without_password(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else {
        return address.to_owned();
    };
    let host_end = rest.find('/').unwrap_or(rest.len());
    let (host, path) = rest.split_at_checked(host_end).unwrap_or((rest, ""));
    match host.rsplit_once('@') {
        Some((user, host)) if user.contains(':') || user != "git" => {
            format!("{scheme}://***@{host}{path}")
        }
        _ => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn repositories_are_fixed_by_full_commits() {
        for (address, version) in [
            (
                format!("git+https://h/p.git@{COMMIT}#egg=a"),
                Version::Commit,
            ),
            (format!("git+ssh://git@h/p@{COMMIT}"), Version::Commit),
            ("git+https://h/p@v1.0".to_owned(), Version::Branch),
            (
                format!("git+https://h/p@{}", &COMMIT[..12]),
                Version::Branch,
            ),
            ("git+ssh://git@h/p".to_owned(), Version::Branch),
            ("svn+https://h/p@42#egg=a".to_owned(), Version::Commit),
            ("svn+https://h/p".to_owned(), Version::Branch),
        ] {
            assert_eq!(version_of_address(&address), version, "{address}");
        }
    }

    #[test]
    fn archives_are_fixed_by_hash() {
        let hashed = |fragment: &str| {
            version_of_address(&format!("https://h/a.zip#{fragment}"))
                == Version::Archive { hashed: true }
        };
        let digits = "a".repeat(64);
        assert!(hashed(&format!("sha256={digits}")));
        assert!(hashed(&format!("egg=a&sha256={digits}")));
        assert!(!hashed(&format!("md5={digits}")) && !hashed("sha256=1") && !hashed(""));
        assert_eq!(version_of_address("file:///a.zip"), Version::Local);
    }

    #[test]
    fn names_are_behind_egg_or_in_wheels() {
        let name = |address: &str| name_of_address(address);
        assert_eq!(name("git+https://h/p#egg=A.b[c]").as_deref(), Some("A.b"));
        assert_eq!(
            name("https://h/Foo_Bar-1.0-py3-none-any.whl").as_deref(),
            Some("Foo_Bar")
        );
        assert_eq!(name("https://h/a.zip#egg=-"), None);
    }

    #[test]
    fn passwords_are_not_shown() {
        assert_eq!(
            without_password("git+https://user:secret@h/p"),
            "git+https://***@h/p"
        );
        assert_eq!(
            without_password("git+https://token@h/p"),
            "git+https://***@h/p"
        );
        assert_eq!(without_password("git+ssh://git@h/p"), "git+ssh://git@h/p");
        assert_eq!(without_password("https://h"), "https://h");
    }
}
