//! Lines of the judged files: for people to see, and for fingerprints.

use std::collections::BTreeMap;

use beanpole_model::Location;
use beanpole_model::secret::REDACTED;

use crate::scope::Scope;

/// The longest line that is shown. Longer ones are generated, and say nothing to people.
const LONGEST: usize = 400;

/// Words in a name that say that its value may be a secret.
const SECRET_WORDS: [&str; 10] = [
    "password",
    "passwd",
    "secret",
    "token",
    "webhook",
    "credential",
    "api_key",
    "apikey",
    "private_key",
    "dsn",
];

/// The lines of files, found once for each file.
pub(crate) struct Lines<'a> {
    scope: &'a Scope,
    starts: BTreeMap<String, Vec<usize>>,
}

impl<'a> Lines<'a> {
    pub(crate) const fn new(scope: &'a Scope) -> Self {
        Self {
            scope,
            starts: BTreeMap::new(),
        }
    }

    /// The line of a place, without its end, as text.
    pub(crate) fn get(&mut self, place: &Location) -> Option<String> {
        let bytes = self.scope.tree.get(&place.path)?;
        let index = usize::try_from(place.line?).ok()?.checked_sub(1)?;
        if !self.starts.contains_key(&place.path) {
            let breaks = bytes.iter().enumerate();
            let starts = std::iter::once(0)
                .chain(
                    breaks
                        .filter(|(_, byte)| **byte == b'\n')
                        .map(|(at, _)| at + 1),
                )
                .collect();
            self.starts.insert(place.path.clone(), starts);
        }
        let starts = self.starts.get(&place.path)?;
        let start = *starts.get(index)?;
        let end = starts.get(index + 1).map_or(bytes.len(), |next| next - 1);
        let line = String::from_utf8_lossy(bytes.get(start..end)?);
        Some(line.trim_end_matches('\r').to_owned())
    }
}

/// A line as it may be shown: cut where the value of something that sounds like a secret begins, and without
/// the password of an address. None if it is too long to be of use.
pub(crate) fn shown(line: &str) -> Option<String> {
    if line.len() > LONGEST {
        return None;
    }
    let end = [secret_value(line), address_password(line)]
        .into_iter()
        .flatten()
        .min();
    Some(match end.and_then(|end| line.get(..end)) {
        Some(shown) => format!("{shown}{REDACTED}"),
        None => line.to_owned(),
    })
}

/// Where the value after the first name that sounds secret begins. Names that are only mentioned have none.
fn secret_value(line: &str) -> Option<usize> {
    // Of the same length in bytes, so that places are the same.
    let lower = line.to_ascii_lowercase();
    SECRET_WORDS
        .iter()
        .flat_map(|word| lower.match_indices(word))
        .filter_map(|(at, word)| {
            let after = at + word.len();
            let rest = lower.get(after..)?;
            // The rest of the name and a closing quote or bracket, then what separates it from its value.
            let name = rest
                .bytes()
                .take_while(|byte| {
                    byte.is_ascii_alphanumeric()
                        || matches!(byte, b'_' | b'-' | b'"' | b'\'' | b']')
                })
                .count();
            let rest = rest.get(name..)?;
            let spaces = rest.len() - rest.trim_start().len();
            let separator = rest.trim_start().chars().next()?;
            let is_value = matches!(separator, '=' | ':' | ',' | '(') || (spaces > 0 && name == 0);
            let value = after + name + spaces + usize::from(!separator.is_alphanumeric());
            (is_value && line.is_char_boundary(value)).then_some(value)
        })
        .min()
}

/// Where the first password in `scheme://user:password@host` begins, or the token in `https://token@host`.
fn address_password(line: &str) -> Option<usize> {
    line.match_indices("://").find_map(|(at, separator)| {
        let start = at + separator.len();
        let (credentials, _) = line.get(start..)?.split_once('@')?;
        if credentials.contains(['/', ' ', '"', '\'']) {
            return None;
        }
        let before = line.get(..at)?;
        let is_web = before.ends_with("http") || before.ends_with("https");
        match credentials.split_once(':') {
            Some((user, _)) => Some(start + user.len() + 1),
            None => (is_web && credentials != "git").then_some(start),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn secrets_are_cut_off() {
        for (line, expected) in [
            ("SECRET_KEY = 'abc'", "SECRET_KEY =[redacted]"),
            (
                "DATABASES = {'PASSWORD': 'x'}",
                "DATABASES = {'PASSWORD':[redacted]",
            ),
            (
                "  POSTGRES_PASSWORD: hunter2",
                "  POSTGRES_PASSWORD:[redacted]",
            ),
            ("ENV API_TOKEN hunter2", "ENV API_TOKEN [redacted]"),
            (
                "u = 'postgres://me:x@db/y'",
                "u = 'postgres://me:[redacted]",
            ),
            (
                "DEBUG = True  # see https://x.org/@a",
                "DEBUG = True  # see https://x.org/@a",
            ),
            (
                "u = 'amqp://me:x@mq'  # https://x.org, amqp://me:y@mq",
                "u = 'amqp://me:[redacted]",
            ),
            (
                "x @ git+https://t0ken@x.org/z.git",
                "x @ git+https://[redacted]",
            ),
            (
                "x @ git+https://git@x.org/z.git",
                "x @ git+https://git@x.org/z.git",
            ),
            (
                "# https://x.org: u = 'amqp://me:x@mq'",
                "# https://x.org: u = 'amqp://me:[redacted]",
            ),
        ] {
            assert_eq!(shown(line).as_deref(), Some(expected), "{line}");
        }
        assert_eq!(shown(&"x".repeat(401)), None);
    }

    #[test]
    fn lines_are_counted_from_one() {
        let scope = Scope::all([("a.py", "one\r\ntwo\n\nfour")].into_iter().collect());
        let mut lines = Lines::new(&scope);
        let mut get = |line| {
            lines.get(&Location {
                path: "a.py".to_owned(),
                line,
                column: None,
            })
        };
        assert_eq!(get(Some(1)).as_deref(), Some("one"));
        assert_eq!(get(Some(3)).as_deref(), Some(""));
        assert_eq!(get(Some(4)).as_deref(), Some("four"));
        assert_eq!((get(Some(0)), get(Some(5)), get(None)), (None, None, None));
    }

    proptest! {
        #[test]
        fn never_panics(line in "(token|secret|://|:|@|=|é|'| |.){0,20}") {
            let _ = shown(&line);
        }
    }
}
