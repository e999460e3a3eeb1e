//! What another program says, without the secrets that it may have been given: settings come from the environment, and
//! exceptions quote them.

use beanpole_model::secret::REDACTED;
use beanpole_model::{Environment, Secret, SecretScrubber};

/// Words in a name that say that its value may be a secret.
const SECRET_WORDS: [&str; 8] = [
    "password",
    "passwd",
    "secret",
    "token",
    "credential",
    "api_key",
    "apikey",
    "dsn",
];

/// Knows the secrets of the environment.
pub(super) struct Hiding {
    of_run: SecretScrubber,
    /// Apart, since a password of development may be a usual word, and must not be taken out of everything.
    of_environment: SecretScrubber,
}

impl Hiding {
    pub(super) fn new(environment: &Environment, of_run: SecretScrubber) -> Self {
        let of_environment = SecretScrubber::default();
        for (name, value) in environment.iter() {
            let name = name.to_ascii_lowercase();
            if SECRET_WORDS.iter().any(|word| name.contains(word)) {
                of_environment.learn(&Secret::new(value));
            }
            if let Some((start, end)) = password(value) {
                of_environment.learn(&Secret::new(value.get(start..end).unwrap_or_default()));
            }
        }
        Self {
            of_run,
            of_environment,
        }
    }

    /// The text without known secrets, without passwords of addresses, and cut where the value of something that sounds like a
    /// secret begins.
    pub(super) fn hide(&self, text: &str) -> String {
        let text = self.of_environment.scrub(&self.of_run.scrub(text));
        let mut shown = String::with_capacity(text.len());
        for word in text.split_inclusive([' ', '"', '\'', '<', '>', '(', ')']) {
            match password(word) {
                Some((start, end)) => {
                    shown.push_str(word.get(..start).unwrap_or_default());
                    shown.push_str(REDACTED);
                    shown.push_str(word.get(end..).unwrap_or_default());
                }
                None => shown.push_str(word),
            }
        }
        if let Some(value) = assigned(&shown) {
            shown.truncate(value);
            shown.push_str(REDACTED);
        }
        shown
    }
}

/// Where the password of `scheme://user:password@host` is, also of an address with a fault in it.
fn password(word: &str) -> Option<(usize, usize)> {
    let end = word.rfind('@')?;
    let credentials = word.get(..end)?;
    let start = credentials.find("//").map_or(0, |place| place + 2);
    let colon = credentials.get(start..)?.find(':')?;
    Some((start + colon + 1, end))
}

/// Where the value in `PASSWORD=value` and `'PASSWORD': 'value'` begins. What is only mentioned has none.
fn assigned(text: &str) -> Option<usize> {
    // Of the same length in bytes, so that places are the same.
    let lower = text.to_ascii_lowercase();
    let values = SECRET_WORDS.iter().flat_map(|word| {
        let found = lower.match_indices(word);
        found.filter_map(|(place, word)| {
            let rest = lower.get(place + word.len()..)?;
            let name = rest.trim_start_matches(|char: char| {
                char.is_ascii_alphanumeric() || matches!(char, '_' | '"' | '\'' | ']')
            });
            let value = name.trim_start().strip_prefix(['=', ':'])?;
            (!value.trim().is_empty()).then_some(text.len() - value.len())
        })
    });
    values.min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_the_environment_are_not_shown() {
        // In pieces, so that it is not in this file.
        let address = ["postgres://shop:", "kX3vQ9zT", "@db/shop"].concat();
        let environment = [
            ("DATABASE_URL", address.as_str()),
            ("DJANGO_SECRET_KEY", "a key of django"),
            ("PGPASSWORD", "open sesame"),
            ("HOME", "/home/ada"),
        ];
        let hiding = Hiding::new(
            &environment.into_iter().collect(),
            SecretScrubber::default(),
        );
        assert_eq!(
            hiding.hide("open sesame, kX3vQ9zT and a key of django in /home/ada"),
            "[redacted], [redacted] and [redacted] in /home/ada"
        );
    }

    #[test]
    fn passwords_are_not_shown_wherever_they_come_from() {
        let hiding = Hiding::new(&Environment::default(), SecretScrubber::default());
        for (text, shown) in [
            (
                "missing \"=\" after \"postgres//u:pw@h/d\" in connection info",
                "missing \"=\" after \"postgres//u:[redacted]@h/d\" in connection info",
            ),
            ("no postgres://u:p@w@h/d", "no postgres://u:[redacted]@h/d"),
            ("u:pw@h failed", "u:[redacted]@h failed"),
            ("host=h password=pw user=u", "host=h password=[redacted]"),
            ("{'PASSWORD': 'p w'}", "{'PASSWORD':[redacted]"),
            (
                "FATAL:  password authentication failed for user \"ada\"",
                "FATAL:  password authentication failed for user \"ada\"",
            ),
            ("mail ada@example.invalid", "mail ada@example.invalid"),
            (
                "port 5432 failed: no password supplied",
                "port 5432 failed: no password supplied",
            ),
        ] {
            assert_eq!(hiding.hide(text), shown);
        }
    }
}
