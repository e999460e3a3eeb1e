//! Names by content: the version label and the bundle's key.
//!
//! Rules: the label tells people the commit and machines the content, so that the same commit with
//! another manifest gets another label, and the same content is never uploaded twice. Both are pure
//! functions of their arguments.

use beanpole_model::{ApplicationName, NameError, VersionLabel};

/// How much of the content digest the label shows: 48 bits, beside the commit.
const DIGEST_DIGITS: usize = 12;

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
