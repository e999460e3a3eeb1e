//! Django's own secrets, by syntax: `SECRET_KEY`, and the passwords of `DATABASES` and its like.

use super::entropy::entropy;
use super::hit::{DJANGO, Hit, fingerprint};
use super::placeholder::{is_example, is_made_up};
use crate::ChangedLines;
use crate::python::{self, Assign, Lines, Statement, Value, ValueKind};

/// The shortest text that is taken for a key. `startproject` makes keys of 50 characters.
const SHORTEST_KEY: usize = 20;

/// The shortest password that is one.
const SHORTEST_PASSWORD: usize = 5;

/// The hits of a Python file. One that cannot be read as Python has none: the other rules look at it as text.
pub(super) fn hits(path: &str, text: &[u8], lines: &ChangedLines) -> Vec<Hit> {
    let may_have = |word: &[u8]| memchr::memmem::find(text, word).is_some();
    if !path.ends_with(".py") || !(may_have(b"SECRET_KEY") || may_have(b"PASSWORD")) {
        return Vec::new();
    }
    let Ok(script) = python::script(text) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    walk(&script, &mut found);
    let places = Lines::new(text);
    found
        .into_iter()
        .filter_map(|(name, value)| {
            let secret = value.as_str()?;
            let place = places.position(text, value.span.start);
            let last = places.position(text, value.span.end).0;
            let raw = |at| places.raw_offset(text, at);
            lines.touches(place.0, last).then(|| Hit {
                rule: &DJANGO,
                what: format!("{name} of Django's settings"),
                prefix: "",
                bytes: raw(value.span.start)..raw(value.span.end),
                place,
                fingerprint: fingerprint(DJANGO.id, path, secret),
                remedy: "read it from the environment, `os.environ[…]` without a default, and change it: it stays in the history. \
                         If it is none: `gitleaks:allow` on its line",
            })
        })
        .filter(|hit| !is_allowed(text, hit))
        .collect()
}

/// The comments that let a line pass count here as well.
fn is_allowed(text: &[u8], hit: &Hit) -> bool {
    let end = text.get(hit.bytes.end..).map_or(hit.bytes.end, |rest| {
        hit.bytes.end
            + rest
                .iter()
                .position(|byte| *byte == b'\n')
                .unwrap_or(rest.len())
    });
    let line = String::from_utf8_lossy(text.get(hit.bytes.end..end).unwrap_or_default());
    line.contains("gitleaks:allow") || line.contains("pragma: allowlist secret")
}

type Found<'v> = (&'static str, &'v Value);

fn walk<'v>(statements: &'v [Statement], found: &mut Vec<Found<'v>>) {
    for statement in statements {
        match statement {
            Statement::Assign(assign) => judge(assign, found),
            Statement::If(branches) => branches.iter().for_each(|branch| walk(&branch.body, found)),
            Statement::Try(body, others) => {
                walk(body, found);
                others.iter().for_each(|other| walk(other, found));
            }
            Statement::Maybe(body) => walk(body, found),
            _ => {}
        }
    }
}

fn judge<'v>(assign: &'v Assign, found: &mut Vec<Found<'v>>) {
    if assign.name == "SECRET_KEY" || assign.name == "SECRET_KEY_FALLBACKS" {
        let mut texts = Vec::new();
        literals(&assign.value, &mut texts);
        found.extend(
            texts
                .into_iter()
                .filter(|text| is_key(text))
                .map(|text| ("SECRET_KEY", text)),
        );
        return;
    }
    if !matches!(
        assign.name.as_str(),
        "DATABASES" | "CACHES" | "CHANNEL_LAYERS"
    ) {
        return;
    }
    if assign
        .keys
        .last()
        .is_some_and(|key| key.as_deref().is_some_and(is_password_name))
    {
        passwords_in(&assign.value, found);
    } else {
        mapping(&assign.value, found);
    }
}

fn is_password_name(name: &str) -> bool {
    name.eq_ignore_ascii_case("password")
}

/// The passwords in a mapping, at any depth. Values are bounded in depth where they are read.
fn mapping<'v>(value: &'v Value, found: &mut Vec<Found<'v>>) {
    match &value.kind {
        ValueKind::Dict(items) => {
            let names = names_in(items);
            for (key, item) in items {
                let is_password = key
                    .as_ref()
                    .and_then(Value::as_str)
                    .is_some_and(is_password_name);
                if is_password {
                    let before = found.len();
                    passwords_in(item, found);
                    // `USER` and `PASSWORD` alike: a database for trying things out, as in `postgres://shop:shop@…`.
                    let mut at = 0;
                    found.retain(|(_, value)| {
                        at += 1;
                        at <= before || value.as_str().is_none_or(|text| !names.contains(&text))
                    });
                } else {
                    mapping(item, found);
                }
            }
        }
        ValueKind::List(items) => items.iter().for_each(|item| mapping(item, found)),
        _ => {}
    }
}

/// The names beside a password: of the user and of the database.
fn names_in(items: &[(Option<Value>, Value)]) -> Vec<&str> {
    let mut values = Vec::new();
    for (key, value) in items {
        if matches!(key.as_ref().and_then(Value::as_str), Some("USER" | "NAME")) {
            literals(value, &mut values);
        }
    }
    values.into_iter().filter_map(Value::as_str).collect()
}

fn passwords_in<'v>(value: &'v Value, found: &mut Vec<Found<'v>>) {
    let mut texts = Vec::new();
    literals(value, &mut texts);
    let is_password = |text: &&Value| {
        text.as_str()
            .is_some_and(|text| text.len() >= SHORTEST_PASSWORD && !is_made_up(text))
    };
    found.extend(
        texts
            .into_iter()
            .filter(is_password)
            .map(|text| ("a database's PASSWORD", text)),
    );
}

/// The texts that a value may be: itself, the default of an environment variable, either side of `or` and `if`.
fn literals<'v>(value: &'v Value, found: &mut Vec<&'v Value>) {
    match &value.kind {
        ValueKind::Str(_) => found.push(value),
        ValueKind::List(items) | ValueKind::Or(items) => {
            items.iter().for_each(|item| literals(item, found));
        }
        ValueKind::Either(_, then, otherwise) => {
            literals(then, found);
            literals(otherwise, found);
        }
        ValueKind::Call(_, args, keywords) => {
            if let Some(default) = args.get(1) {
                literals(default, found);
            }
            let default = keywords
                .iter()
                .find(|(name, _)| name.as_deref() == Some("default"));
            if let Some((_, default)) = default {
                literals(default, found);
            }
        }
        _ => {}
    }
}

/// Whether a text is a key that may be in use. A key that is insecure by its own words is the business of the settings rules.
fn is_key(value: &Value) -> bool {
    let Some(text) = value.as_str() else {
        return false;
    };
    let lower = text.to_ascii_lowercase();
    let words = [
        "insecure",
        "changeme",
        "change-me",
        "secret",
        "your",
        "development",
        "dummy",
        "test",
        "{{",
        "<",
    ];
    text.len() >= SHORTEST_KEY
        && entropy(text) >= 3.3
        && !is_example(text)
        && !words.iter().any(|word| lower.contains(word))
}

#[cfg(test)]
mod tests {
    use crate::ChangedLines;
    use crate::secrets::scan;

    fn key() -> String {
        ["k4!x9&q2m", "v7(p3z8w", "1e6r5u0y", "#hb%d+jf@ln"].concat()
    }

    fn places(text: &str) -> Vec<(u32, u32)> {
        scan("shop/settings.py", text.as_bytes(), &ChangedLines::All)
            .iter()
            .filter(|finding| finding.rule == super::DJANGO.id)
            .map(|finding| {
                assert!(!finding.message.contains("v7(p3z8w"), "{}", finding.message);
                let location = finding.location.as_ref().unwrap();
                (location.line.unwrap(), location.column.unwrap())
            })
            .collect()
    }

    #[test]
    fn a_literal_key_is_found_wherever_it_may_hold() {
        let key = key();
        assert_eq!(places(&format!("SECRET_KEY = '{key}'\n")), [(1, 14)]);
        assert_eq!(
            places(&format!("\u{feff}SECRET_KEY = '{key}'\n")),
            [(1, 14)]
        );
        assert_eq!(
            places(&format!(
                "import os\nSECRET_KEY = os.environ.get('K', '{key}')\n"
            )),
            [(2, 34)]
        );
        assert_eq!(
            places(&format!("SECRET_KEY = config('K', default='{key}')\n")).len(),
            1
        );
        assert_eq!(
            places(&format!("SECRET_KEY = os.getenv('K') or '{key}'\n")).len(),
            1
        );
        assert_eq!(
            places(&format!(
                "try:\n    a\nexcept E:\n    SECRET_KEY = '{key}'\n"
            ))
            .len(),
            1
        );
        assert_eq!(
            places(&format!("SECRET_KEY_FALLBACKS = ['{key}']\n")).len(),
            1
        );
    }

    #[test]
    fn a_literal_password_is_found_wherever_it_may_hold() {
        let password = ["tr0ub4", "dor&3x"].concat();
        assert_eq!(
            places(&format!(
                "DATABASES = {{'default': {{'PASSWORD': '{password}'}}}}\n"
            ))
            .len(),
            1
        );
        assert_eq!(
            places(&format!(
                "DATABASES['default']['PASSWORD'] = '{password}'\n"
            ))
            .len(),
            1
        );
        assert_eq!(
            places(&format!(
                "CACHES = {{'a': {{'OPTIONS': {{'PASSWORD': '{password}'}}}}}}\n"
            ))
            .len(),
            1
        );
    }

    #[test]
    fn what_is_no_secret_is_let_be() {
        let key = key();
        for text in [
            "SECRET_KEY = os.environ['SECRET_KEY']".to_owned(),
            format!("SECRET_KEY = 'django-insecure-{key}'"),
            "SECRET_KEY = 'secret'".to_owned(),
            "DATABASES = {'default': {'PASSWORD': os.environ['DB_PASSWORD'], 'USER': 'shop'}}"
                .to_owned(),
            "DATABASES = {'default': {'PASSWORD': 'postgres'}}".to_owned(),
            "DATABASES = {'default': {'NAME': 'herbarium', 'PASSWORD': 'herbarium'}}".to_owned(),
            "DATABASES = {'default': {'USER': env('U', 'herb4'), 'PASSWORD': env('P', 'herb4')}}"
                .to_owned(),
            format!("SECRET_KEY = '{key}'  # gitleaks:allow"),
            format!("OTHER = '{key}'"),
        ] {
            assert!(places(&format!("{text}\n")).is_empty(), "{text}");
        }
        // What is allowed is found in the file's own bytes, whatever their encoding.
        let latin_1 = format!(
            "# coding: latin-1\n# \u{e9}\u{e9}\u{e9}\nSECRET_KEY = '{key}'  # gitleaks:allow\n"
        );
        let bytes: Vec<u8> = latin_1.chars().map(|letter| letter as u8).collect();
        assert!(scan("a/settings.py", &bytes, &ChangedLines::All).is_empty());
        let unchanged = scan(
            "a/settings.py",
            format!("SECRET_KEY = '{key}'\n\n").as_bytes(),
            &ChangedLines::Only(vec![(2, 2)]),
        );
        assert!(unchanged.is_empty());
    }
}
