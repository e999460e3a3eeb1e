//! What looks like a secret, by name and by value.

use crate::secrets::is_any_word;

/// Words of names that hold secrets. `PWD` is left out: it is a directory.
const WORDS: [&str; 9] = [
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "SECRET",
    "SECRETS",
    "TOKEN",
    "APIKEY",
    "CREDENTIALS",
    "PASS",
];

/// Pairs of words that hold secrets.
const PAIRS: [(&str, &str); 7] = [
    ("API", "KEY"),
    ("SECRET", "KEY"),
    ("PRIVATE", "KEY"),
    ("ACCESS", "KEY"),
    ("ENCRYPTION", "KEY"),
    ("SIGNING", "KEY"),
    ("AUTH", "KEY"),
];

/// Last words that say that the value is about a secret and is none.
const ABOUT: [&str; 22] = [
    "FILE",
    "PATH",
    "DIR",
    "NAME",
    "NAMES",
    "ID",
    "IDS",
    "ARN",
    "TTL",
    "AGE",
    "EXPIRY",
    "EXPIRATION",
    "LIFETIME",
    "LENGTH",
    "HEADER",
    "URL",
    "ENABLED",
    "REQUIRED",
    "TYPE",
    "ALGORITHM",
    "PREFIX",
    "VALIDATORS",
];

/// Beginnings of tokens that their makers document, long enough not to be words.
const TOKENS: [&str; 14] = [
    "AKIA",
    "ASIA",
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "sk_live_",
    "rk_live_",
    "xoxb-",
    "xoxp-",
    "pypi-AgE",
    "SG.",
    "-----BEGIN",
];

/// Values that nobody takes for a secret: what builds and templates put in their place.
const PLACEHOLDERS: [&str; 12] = [
    "dummy",
    "placeholder",
    "changeme",
    "change-me",
    "unused",
    "none",
    "null",
    "notset",
    "not-set",
    "build",
    "example",
    "xxx",
];

/// Whether a variable of that name holds a secret.
pub(super) fn names_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let words: Vec<&str> = name.split('_').filter(|word| !word.is_empty()).collect();
    // `uwsgi_pass` and `proxy_pass` are nginx's words for an address.
    let is_address = matches!(
        words.as_slice(),
        [.., "UWSGI" | "PROXY" | "FASTCGI" | "GRPC", "PASS"]
    );
    if is_address || words.last().is_some_and(|last| ABOUT.contains(last)) {
        return false;
    }
    words.iter().any(|word| WORDS.contains(word))
        || words
            .windows(2)
            .any(|pair| matches!(pair, [one, other] if PAIRS.contains(&(*one, *other))))
}

/// Whether a value is a secret whatever its name: a known kind of token, or an address with a password.
pub(super) fn looks_like_token(value: &str) -> bool {
    let known = TOKENS
        .iter()
        .any(|start| value.starts_with(start) && value.len() >= start.len() + 12);
    known || has_password(value)
}

/// `postgres://user:password@host`, the password being text.
fn has_password(value: &str) -> bool {
    let Some((_, rest)) = value.split_once("://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let Some((user, _)) = authority.rsplit_once('@') else {
        return false;
    };
    user.split_once(':').is_some_and(|(name, password)| {
        !password.is_empty()
            && !password.contains('$')
            && password != name
            && !is_placeholder(password)
    })
}

/// Whether a value only stands in for a secret.
pub(super) fn is_placeholder(value: &str) -> bool {
    let value = value.to_ascii_lowercase();
    value.is_empty()
        || PLACEHOLDERS.iter().any(|known| value.starts_with(known))
        || value.starts_with('<')
        || is_any_word(&value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_judged_word_by_word() {
        for name in [
            "DB_PASSWORD",
            "DJANGO_SECRET_KEY",
            "AWS_SECRET_ACCESS_KEY",
            "github_token",
            "STRIPE_API_KEY",
        ] {
            assert!(names_secret(name), "{name}");
        }
        for name in [
            "PWD",
            "KEY",
            "SECRETARY",
            "DB_PASSWORD_FILE",
            "TOKEN_LENGTH",
            "DD_UWSGI_PASS",
            "AWS_ACCESS_KEY_ID",
            "KEYBOARD",
            "",
        ] {
            assert!(!names_secret(name), "{name}");
        }
    }

    #[test]
    fn values_speak_for_themselves() {
        for value in [
            "AKIAIOSFODNN7EXAMPLE1",
            concat!("postgres", "://shop:s3cret@db/shop"),
            "ghp_aaaaaaaaaaaaaaaaaaaa",
        ] {
            assert!(looks_like_token(value), "{value}");
        }
        for value in [
            "AKIA",
            "postgres://shop:${PASSWORD}@db/shop",
            "postgres://postgres:postgres@db/a",
            "redis://db:6379/0",
            "postgres://shop:asdf@db/a",
            "https://a/b:c@d",
            "éé",
        ] {
            assert!(!looks_like_token(value), "{value}");
        }
    }
}
