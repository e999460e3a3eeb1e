//! Environment variables with their defaults, and what casts and methods make of texts.

use super::see::{Left, Plain, Seen, Source, see};
use super::state::{Given, State};
use crate::python::{Value, ValueKind};

/// Whether that function reads an environment variable: `os.getenv`, django-environ, environs, python-decouple, and the helpers
/// that projects write themselves, known by `env` in their names and a variable as their first argument.
pub(super) fn reads_environment(name: &str, args: &[Value]) -> bool {
    let root = name.split('.').next().unwrap_or(name).to_ascii_lowercase();
    let is_variable = |text: &str| {
        text.chars()
            .all(|char| char.is_ascii_uppercase() || char.is_ascii_digit() || char == '_')
    };
    // `config.get("site", "secret")` asks Python's configparser for a section's key.
    let is_section = || {
        let first = args.first().and_then(Value::as_str);
        args.len() > 1 && first.is_some_and(|first| !is_variable(first))
    };
    let is_library = matches!(
        name,
        "os.getenv" | "getenv" | "os.environ.get" | "environ.get"
    ) || matches!(root.as_str(), "env" | "decouple")
        || root == "config" && !(name.contains('.') && is_section());
    let is_helper = !name.contains('.')
        && root.split('_').any(|word| {
            word == "env" || word == "getenv" || word == "environ" || HELPERS.contains(&word)
        })
        && args
            .first()
            .and_then(Value::as_str)
            .is_some_and(is_variable);
    is_library || is_helper
}

/// Words that helpers are named with where they do not divide them: `envbool("DEBUG", "True")`.
const HELPERS: [&str; 6] = [
    "envbool",
    "envint",
    "envlist",
    "envstr",
    "envsecret",
    "envvar",
];

/// A variable with its default. Without one, `os.environ.get` gives None; the libraries refuse to start.
pub(super) fn variable(
    state: &State,
    name: &str,
    args: &[Value],
    keywords: &[(Option<String>, Value)],
    left: Left<'_>,
) -> Vec<Seen> {
    let default = keywords
        .iter()
        .find(|(key, _)| key.as_deref() == Some("default"))
        .map(|(_, value)| value)
        .or_else(|| args.get(1));
    let casts = cast_of(name, keywords);
    let from_default = |value: &Value, state: &State| -> Vec<Seen> {
        see(state, value, left)
            .into_iter()
            .map(|seen| Seen {
                value: cast(casts, seen.value),
                from: Source::Default,
            })
            .collect()
    };
    if let Some(default) = default {
        return from_default(default, state);
    }
    if matches!(
        name,
        "os.getenv" | "getenv" | "os.environ.get" | "environ.get"
    ) {
        return vec![Seen::default(Plain::None)];
    }
    // `env = environ.Env(DEBUG=(bool, False))` gives the default elsewhere.
    if let (Some(root), Some(variable)) =
        (name.split('.').next(), args.first().and_then(Value::as_str))
    {
        for held in state.get(root).iter() {
            if let Given::Value(made) = &held.given
                && let ValueKind::Call(_, _, schemes) = &made.kind
                && let Some((_, scheme)) = schemes
                    .iter()
                    .find(|(key, _)| key.as_deref() == Some(variable))
                && let ValueKind::List(pair) = &scheme.kind
                && let Some(default) = pair.get(1)
            {
                return from_default(default, state);
            }
        }
    }
    vec![Seen::ENVIRONMENT]
}

/// What the library makes of a text: `env.bool(…)`, `config(…, cast=bool)`.
fn cast_of<'n>(name: &'n str, keywords: &'n [(Option<String>, Value)]) -> &'n str {
    let cast = keywords
        .iter()
        .find(|(key, _)| key.as_deref() == Some("cast"))
        .and_then(|(_, value)| match &value.kind {
            ValueKind::Name(name) => Some(name.as_str()),
            ValueKind::Call(callee, ..) => callee.as_name(),
            _ => None,
        });
    let last = name.rsplit('.').next().unwrap_or(name);
    match cast {
        // These read texts as people write them; Python's own `bool` does not.
        Some("bool") => "strtobool",
        Some("list" | "Csv") => "Csv",
        Some("int") => "int",
        Some(_) => "",
        None if last.contains("bool") => "strtobool",
        None if last.contains("list") => "Csv",
        None if last.contains("int") => "int",
        None => "",
    }
}

pub(super) fn cast(function: &str, value: Plain) -> Plain {
    match (function, value) {
        // Python's `bool("False")` is true: a text that is not empty.
        ("bool", value) => value.is_true().map_or(Plain::Unseen, Plain::Bool),
        (
            "strtobool" | "str2bool" | "str_to_bool" | "parse_bool" | "to_bool" | "as_bool",
            Plain::Str(text),
        ) => Plain::Bool(matches!(
            text.to_ascii_lowercase().as_str(),
            "1" | "true" | "yes" | "on" | "y" | "t" | "ok"
        )),
        ("int", Plain::Str(text)) => text.trim().parse().map_or(Plain::Unseen, Plain::Int),
        ("int", Plain::Bool(value)) => Plain::Int(i64::from(value)),
        ("Csv", Plain::Str(text)) => split(&text),
        ("" | "str" | "int" | "Csv" | "list" | "tuple" | "set" | "strtobool", value) => value,
        _ => Plain::Unseen,
    }
}

fn split(text: &str) -> Plain {
    Plain::List(
        text.split([',', ' ', ';'])
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(|part| Plain::Str(part.to_owned()))
            .collect(),
    )
}

/// Whether that is a method of texts that [`of_method`] knows.
pub(super) fn is_method(name: &str) -> bool {
    matches!(
        name,
        "lower" | "casefold" | "upper" | "title" | "capitalize" | "strip" | "split"
    )
}

/// What a method of a text makes of it. None stays None: the start would fail.
pub(super) fn of_method(value: Plain, method: &str) -> Plain {
    match (value, method) {
        (Plain::Str(text), "lower" | "casefold") => Plain::Str(text.to_lowercase()),
        (Plain::Str(text), "upper") => Plain::Str(text.to_uppercase()),
        (Plain::Str(text), "title" | "capitalize") => {
            let mut chars = text.chars();
            let first: String = chars
                .next()
                .map(|char| char.to_uppercase().collect())
                .unwrap_or_default();
            Plain::Str(first + &chars.as_str().to_lowercase())
        }
        (Plain::Str(text), "strip") => Plain::Str(text.trim().to_owned()),
        (Plain::Str(text), "split") => split(&text),
        (Plain::None, _) => Plain::None,
        _ => Plain::Unseen,
    }
}
