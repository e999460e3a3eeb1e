//! Names by content: the version label and the bundle's key.
//!
//! Rules: the label tells people the commit and machines the content, so that the same commit with
//! another manifest gets another label, and the same content is never uploaded twice. Both are pure
//! functions of their arguments.

use beanpole_model::{ApplicationName, NameError, VersionLabel};

/// How much of the content digest the label shows: 48 bits, beside the commit.
const DIGEST_DIGITS: usize = 12;

/// Git never shortens an id to less than this (git-config, `core.abbrev`).
const SHORTEST_COMMIT: usize = 4;

/// A SHA-256 id in full.
const LONGEST_COMMIT: usize = 64;

/// The label `<short commit>-<first 12 digits of the content digest>`.
///
/// # Errors
/// If the parts make no valid label, which cannot happen with a real commit and a real digest.
pub fn version_label(short_commit: &str, content_digest: &str) -> Result<VersionLabel, NameError> {
    let digits: String = content_digest.chars().take(DIGEST_DIGITS).collect();
    VersionLabel::new(format!("{short_commit}-{digits}"))
}

/// The S3 key `<application>/<content digest>.zip`.
#[must_use]
pub fn bundle_key(application: &ApplicationName, content_digest: &str) -> String {
    format!("{application}/{content_digest}.zip")
}

/// The digest in a bundle's key, if the key is one that [`bundle_key`] makes.
#[must_use]
pub fn digest_of_key<'k>(application: &ApplicationName, key: &'k str) -> Option<&'k str> {
    key.strip_prefix(application.as_str())?
        .strip_prefix('/')?
        .strip_suffix(".zip")
        .filter(|digest| digest.len() > DIGEST_DIGITS && is_hexadecimal(digest))
}

/// True if label and key are ones that [`version_label`] and [`bundle_key`] make of one content.
#[must_use]
pub fn is_own_version(application: &ApplicationName, label: &str, key: &str) -> bool {
    parts(label).is_some_and(|(_, digits)| {
        digest_of_key(application, key).is_some_and(|digest| digest.starts_with(digits))
    })
}

/// The short commit id in a label that [`version_label`] made, also when something was added to it after another `-`.
#[must_use]
pub fn commit_of_label(label: &str) -> Option<&str> {
    let ours = label
        .match_indices('-')
        .nth(1)
        .map_or(label, |(end, _)| label.get(..end).unwrap_or(label));
    parts(ours).map(|(commit, _)| commit)
}

/// Commit and digits of the content in a label of ours.
fn parts(label: &str) -> Option<(&str, &str)> {
    let (commit, digits) = label.split_once('-')?;
    let is_ours = (SHORTEST_COMMIT..=LONGEST_COMMIT).contains(&commit.len())
        && is_hexadecimal(commit)
        && digits.len() == DIGEST_DIGITS
        && is_hexadecimal(digits);
    is_ours.then_some((commit, digits))
}

fn is_hexadecimal(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// The repository part of the image's name: the application in the letters that Docker allows there
/// (lower case, digits, single separators).
#[must_use]
pub fn image_repository(application: &ApplicationName) -> String {
    let mut name = String::new();
    for letter in application.as_str().chars() {
        if letter.is_ascii_alphanumeric() {
            name.push(letter.to_ascii_lowercase());
        } else if !name.ends_with('-') {
            name.push('-');
        }
    }
    let name = name.trim_matches('-');
    if name.is_empty() {
        "application".to_owned()
    } else {
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_label_shows_commit_and_content() {
        let label = version_label("0123456789ab", "fedcba98765432100000").unwrap();
        assert_eq!(label.as_str(), "0123456789ab-fedcba987654");
    }

    #[test]
    fn only_what_we_name_so_is_ours() {
        let blog = ApplicationName::new("blog").unwrap();
        let digest = "fedcba98765432100000";
        let label = version_label("0123456789ab", digest).unwrap();
        let key = bundle_key(&blog, digest);
        assert_eq!(digest_of_key(&blog, &key), Some(digest));
        assert!(is_own_version(&blog, label.as_str(), &key));
        for (label, key) in [
            ("app-7c2d-260101_101010", key.as_str()),
            ("v1", key.as_str()),
            ("0123456789ab-000000000000", key.as_str()),
            (label.as_str(), "blog/app-7c2d-260101_101010.zip"),
            (label.as_str(), "other/fedcba98765432100000.zip"),
            (label.as_str(), "blog/releases/fedcba98765432100000.zip"),
        ] {
            assert!(!is_own_version(&blog, label, key), "{label} {key}");
        }
    }

    #[test]
    fn the_commit_is_read_from_our_own_labels_only() {
        for label in ["0123456789ab-fedcba987654", "0123456789ab-fedcba987654-2"] {
            assert_eq!(commit_of_label(label), Some("0123456789ab"), "{label}");
        }
        for label in [
            "v1.2.3",
            "0123456789ab",
            "0123456789ab-x",
            "app-0123-201106",
            "app-7c2d-260101_101010",
            "release-2026",
            "abc-def",
        ] {
            assert_eq!(commit_of_label(label), None, "{label}");
        }
    }

    #[test]
    fn image_names_are_what_docker_allows() {
        for (application, expected) in [
            ("blog", "blog"),
            ("Django Demo__App", "django-demo-app"),
            ("..x..", "x"),
            ("ü", "application"),
        ] {
            let application = ApplicationName::new(application).unwrap();
            assert_eq!(image_repository(&application), expected);
        }
    }
}
