//! Values that must not be seen.
//!
//! [`Secret`] redacts itself in `Debug`, `Display` and `Serialize`, so that forgetting is harmless.
//! [`SecretScrubber`] is the second net: it removes known secret values from text of other origin
//! (container logs, build output, answers of services) before it reaches a person or a file.

use std::fmt;
use std::sync::{Arc, RwLock};

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What stands in place of a secret value.
pub const REDACTED: &str = "[redacted]";

/// The shortest value that the scrubber removes from foreign text. Shorter ones (`1`, `web`) would
/// blank out ordinary words.
pub const SHORTEST_SCRUBBED: usize = 6;

/// A secret text. Printing it in any form prints [`REDACTED`]; the memory is wiped on drop.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Wraps a value.
    #[must_use]
    pub fn new(value: impl Into<String>) -> Self {
        Self(SecretString::from(value.into()))
    }

    /// The value itself. Call it only where the value leaves for the service that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(REDACTED)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(REDACTED)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(REDACTED)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

/// Removes known secret values from text. Clones share what they know.
#[derive(Clone, Default)]
pub struct SecretScrubber {
    known: Arc<RwLock<Vec<Secret>>>,
}

impl SecretScrubber {
    /// Learns a value, and its percent-encoded form as it stands in connection strings. Values
    /// shorter than [`SHORTEST_SCRUBBED`] bytes are not learned.
    pub fn learn(&self, value: &Secret) {
        if value.expose().len() < SHORTEST_SCRUBBED {
            return;
        }
        let mut known = match self.known.write() {
            Ok(known) => known,
            Err(poisoned) => poisoned.into_inner(),
        };
        for form in [value.expose().to_owned(), percent_encoded(value.expose())] {
            if !known.iter().any(|other| other.expose() == form) {
                known.push(Secret::new(form));
            }
        }
        // Longest first, so that a connection string goes before the password inside it.
        known.sort_by_key(|secret| std::cmp::Reverse(secret.expose().len()));
    }

    /// `text` with every known value replaced by [`REDACTED`].
    #[must_use]
    pub fn scrub(&self, text: &str) -> String {
        let known = match self.known.read() {
            Ok(known) => known,
            Err(poisoned) => poisoned.into_inner(),
        };
        let mut clean = text.to_owned();
        for secret in known.iter() {
            if clean.contains(secret.expose()) {
                clean = clean.replace(secret.expose(), REDACTED);
            }
        }
        clean
    }
}

impl fmt::Debug for SecretScrubber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretScrubber")
    }
}

/// RFC 3986: everything but unreserved characters is encoded.
fn percent_encoded(value: &str) -> String {
    value
        .bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_itself_in_no_form() {
        let secret = Secret::new("correct horse");
        assert_eq!(format!("{secret} {secret:?}"), "[redacted] [redacted]");
        assert_eq!(serde_json::to_string(&secret).unwrap(), "\"[redacted]\"");
    }

    #[test]
    fn scrubs_plain_and_encoded_forms_longest_first() {
        let scrubber = SecretScrubber::default();
        scrubber.learn(&Secret::new("pass/word"));
        scrubber.learn(&Secret::new("postgres://u:pass/word@h"));
        assert_eq!(
            scrubber.scrub("a postgres://u:pass/word@h b pass%2Fword c pass/word"),
            "a [redacted] b [redacted] c [redacted]"
        );
    }

    #[test]
    fn short_values_are_left_alone() {
        let scrubber = SecretScrubber::default();
        scrubber.learn(&Secret::new("web"));
        assert_eq!(scrubber.scrub("webmaster"), "webmaster");
    }
}
