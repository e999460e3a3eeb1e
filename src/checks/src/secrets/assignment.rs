//! Random values given to names like `password` and `api_key`, in any language.

use super::entropy::entropy;
use super::hit::{ASSIGNMENT, Hit, fingerprint};
use super::placeholder::is_made_up;
use super::search::{Search, is_new};
use super::window::Cursor;
use aho_corasick::{AhoCorasick, AhoCorasickKind};
use regex::bytes::{Captures, Match, Regex, RegexBuilder};
use std::sync::LazyLock;

/// Parts of names, one of which is always there.
const KEYWORDS: [&str; 12] = [
    "passw",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "api_key",
    "apikey",
    "api-key",
    "access_key",
    "auth_key",
    "private_key",
    "encryption_key",
];

/// Name, `=` or `:` (with a type before it, perhaps), and the value: in quotes, or bare.
const PATTERN: &str = r#"(?i)(?P<name>[\w.-]{0,60}(?:passw(?:or)?d|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|auth[_-]?key|private[_-]?key|encryption[_-]?key)[\w.-]{0,30})["'\]]{0,2}(?:\s{0,2}:\s{0,2}[\w.\[\]]{1,30})??\s{0,8}(?::=|=>|=|:)\s{0,8}(?:[rbu]{0,2}"(?P<double>[^"\n]{8,200})"|[rbu]{0,2}'(?P<single>[^'\n]{8,200})'|(?P<bare>[^\s"'#;,(){}\[\]<>=:][^\s"'#;,(){}\[\]<>]{7,200})(?:\s|$))"#;

/// Endings of names whose values are not secret.
const HARMLESS: [&str; 25] = [
    "_url",
    "_uri",
    "_field",
    "_name",
    "_path",
    "_header",
    "_validators",
    "_hashers",
    "_file",
    "_dir",
    "_type",
    "_prefix",
    "_suffix",
    "_label",
    "_length",
    "_expiry",
    "_lifetime",
    "_class",
    "_backend",
    "_id",
    "_arn",
    "_help",
    "_text",
    "_template",
    "_hash",
];

/// Files in which values stand without quotes.
const BARE: [&str; 12] = [
    "env",
    "ini",
    "cfg",
    "conf",
    "yaml",
    "yml",
    "properties",
    "sh",
    "bash",
    "config",
    "toml",
    "service",
];

static FINDER: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .kind(Some(AhoCorasickKind::ContiguousNFA))
        .build(KEYWORDS)
        .ok()
});

/// Built when a keyword is first met: that takes as long as the search through some hundred files.
static ASSIGNED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    RegexBuilder::new(PATTERN)
        .unicode(false)
        .size_limit(16 << 20)
        .build()
        .ok()
});

/// Adds the hits of a text.
pub(super) fn find(search: &mut Search<'_>) {
    let Some(keywords) = FINDER.as_ref() else {
        return;
    };
    let takes_bare = takes_bare(search.path);
    let mut cursor = Cursor::new(search.text);
    let mut seen = 0;
    for found in keywords.find_iter(search.text) {
        let window = cursor.window(found.start());
        if !is_new(seen, found.start(), window) {
            continue;
        }
        seen = window.end;
        let Some(bytes) = search.look(window) else {
            continue;
        };
        let Some(pattern) = ASSIGNED.as_ref() else {
            return;
        };
        for captures in pattern.captures_iter(bytes) {
            let Some((value, text)) = judged(&captures, takes_bare) else {
                continue;
            };
            let bytes = window.start + value.start()..window.start + value.end();
            search.add(Hit {
                rule: &ASSIGNMENT,
                what: "a value that looks like a password or key".to_owned(),
                prefix: "",
                place: search.place(window, bytes.start),
                bytes,
                fingerprint: fingerprint(ASSIGNMENT.id, search.path, text),
                remedy: "read it from the environment: `os.environ[…]`; if it is none: `gitleaks:allow` on its line, or its \
                         fingerprint in `checks.secrets.baseline` in beanpole.yaml",
            });
        }
    }
}

fn takes_bare(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).to_lowercase();
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    name.starts_with(".env") || name.starts_with("dockerfile") || BARE.contains(&extension)
}

/// The value with its text, if it looks like a secret.
fn judged<'b>(captures: &Captures<'b>, takes_bare: bool) -> Option<(Match<'b>, &'b str)> {
    let name = std::str::from_utf8(captures.name("name")?.as_bytes())
        .ok()?
        .to_ascii_lowercase();
    if HARMLESS
        .iter()
        .any(|ending| name.ends_with(ending) || name.ends_with(&ending.replace('_', "-")))
    {
        return None;
    }
    let quoted = captures.name("double").or_else(|| captures.name("single"));
    let value = quoted.or_else(|| captures.name("bare").filter(|_| takes_bare))?;
    let text = std::str::from_utf8(value.as_bytes()).ok()?;
    looks_random(text).then_some((value, text))
}

/// Whether a text looks like something that nobody would write as a word: kinds of characters mixed, no spaces, no path, no
/// dotted name, no words joined by signs.
fn looks_random(value: &str) -> bool {
    if !value.is_ascii()
        || value.contains(char::is_whitespace)
        || is_made_up(value)
        || value.starts_with(['/', '.', '~', '{', '$', '%', '*'])
        || value.contains("://")
        || value.contains("***")
        || is_digest(value)
    {
        return false;
    }
    let has = |kind: fn(&u8) -> bool| value.as_bytes().iter().any(kind);
    let digits = has(u8::is_ascii_digit);
    let letters = has(u8::is_ascii_alphabetic);
    let mixed_case = has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase);
    let signs = has(|byte| {
        byte.is_ascii_punctuation() && !matches!(byte, b'_' | b'-' | b'.' | b'/' | b':')
    });
    if !letters || !(digits || signs) || are_words(value) || value.contains('(') {
        return false;
    }
    let least = match value.len() {
        ..12 if mixed_case || signs => 2.75,
        ..12 => 3.0,
        12..20 => 3.1,
        _ => 3.4,
    };
    entropy(value) >= least
}

/// `sha256:…`, also with the word of a tool before it: a digest, from which nobody gets the secret back.
fn is_digest(value: &str) -> bool {
    value.split_once(':').is_some_and(|(name, digits)| {
        ["md5", "sha1", "sha256", "sha512"]
            .iter()
            .any(|kind| name.ends_with(kind))
            && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// `reset_token_v2`, `utf-8`, `app.auth.Token2`: words with numbers behind them, joined by signs.
fn are_words(value: &str) -> bool {
    value.split(['_', '-', '.', '/', ':']).all(|part| {
        let word = part.trim_end_matches(|char: char| char.is_ascii_digit());
        let number = part.len() - word.len();
        number <= 3
            && word.len() <= 12
            && (word.is_empty() || word.bytes().all(|byte| byte.is_ascii_alphabetic()))
            && word.bytes().skip(1).filter(u8::is_ascii_uppercase).count() <= 2
    }) && value.contains(['_', '-', '.', '/', ':'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ChangedLines;
    use crate::secrets::scan;

    /// A value that looks random, made at run time.
    fn random() -> String {
        ["kR7x", "Q2mV", "9pB4", "wZ1e"].concat()
    }

    fn found(path: &str, text: &str) -> usize {
        scan(path, text.as_bytes(), &ChangedLines::All)
            .iter()
            .filter(|finding| finding.rule == ASSIGNMENT.id)
            .count()
    }

    #[test]
    fn the_finder_builds() {
        assert!(FINDER.is_some() && ASSIGNED.is_some());
    }

    #[test]
    fn random_values_are_found_in_every_spelling() {
        let value = random();
        for line in [
            format!("EMAIL_HOST_PASSWORD = \"{value}\""),
            format!("api_key: '{value}'"),
            format!("{{\"clientSecret\": \"{value}\"}}"),
            format!("token := \"{value}\""),
            format!("'secret' => '{value}'"),
            format!("password: str = \"{value}\""),
            format!("config[\"AUTH_TOKEN\"] = \"{value}\""),
            format!("login(password=\"{value}\")"),
        ] {
            assert_eq!(found("shop/a.py", &line), 1, "{line}");
        }
    }

    #[test]
    fn bare_values_are_values_only_in_configuration() {
        let line = format!("DB_PASSWORD={}\n", random());
        assert_eq!(found("deploy/app.env.local.ini", &line), 1);
        assert_eq!(found("Dockerfile", &format!("ENV {line}")), 1);
        assert_eq!(found("shop/a.py", &line), 0);
        assert_eq!(found("a.yml", &format!("password: {}\n", random())), 1);
    }

    #[test]
    fn what_is_no_secret_is_let_be() {
        for line in [
            "password = os.environ[\"DB_PASSWORD\"]",
            "password = \"changeme123\"",
            "token_url = \"https://a.example/token/1\"",
            "PASSWORD_RESET_TEMPLATE = \"registration/password_reset2.html\"",
            "password_field = \"kR7xQ2mV9pB4wZ1e\"",
            "token = \"reset_token_v2\"",
            "label = \"Your password must have 8 characters\"",
            "CSRF_TOKEN_NAME = 'csrfmiddlewaretoken'",
            "secret = \"${DB_SECRET_1}\"",
            "if password == \"\": pass",
            "PASSWORD_HASHERS = ['django.contrib.auth.hashers.Argon2PasswordHasher']",
            "api_key = settings.API_KEY_2",
            "token: Optional[Token2] = None",
            "password = 'aaaaaaaa1'",
            "secret = 'tool-sha256:9c1b7d4e2f60a853c1d7e9b24f6a8035d1c7e9b24f6a80359c1b7d4e2f60a853'",
            "secret = '7f9cc25de2***'",
        ] {
            assert_eq!(found("shop/a.py", line), 0, "{line}");
            assert_eq!(found("shop/a.yml", line), 0, "{line}");
        }
    }

    #[test]
    fn tests_may_make_up_passwords() {
        let line = format!("password = \"{}\"\n", random());
        assert_eq!(found("shop/tests/test_login.py", &line), 0);
        assert_eq!(found("conftest.py", &line), 0);
    }
}
