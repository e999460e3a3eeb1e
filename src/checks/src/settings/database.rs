//! The databases of `DATABASES`, as far as they can be seen.

use super::see::{self, Plain, Seen};
use super::state::{Edit, Given, Possible, State};
use crate::python::{Value, ValueKind};
use std::collections::BTreeMap;
use std::rc::Rc;

/// One database, by its alias.
#[derive(Clone, Debug, Default)]
pub(super) struct Database {
    /// Its keys with their values.
    keys: BTreeMap<String, Vec<Seen>>,
    options: BTreeMap<String, Vec<Seen>>,
    /// It comes from a URL, whose query may set more.
    pub(super) is_url: bool,
    /// Some keys cannot be seen.
    pub(super) is_open: bool,
}

impl Database {
    /// The value of a key. None: it is not there.
    pub(super) fn key(&self, name: &str) -> Option<&[Seen]> {
        self.keys.get(name).map(Vec::as_slice)
    }

    /// The value of a key of `OPTIONS`.
    pub(super) fn option(&self, name: &str) -> Option<&[Seen]> {
        self.options.get(name).map(Vec::as_slice)
    }

    /// Whether it is reached over a network. A URL may name any engine: only a seen SQLite is none.
    pub(super) fn is_remote(&self) -> bool {
        let engine = self
            .key("ENGINE")
            .and_then(<[Seen]>::first)
            .map(|seen| &seen.value);
        match engine {
            Some(Plain::Str(engine)) => {
                !engine.contains("sqlite") && !engine.contains("spatialite")
            }
            Some(_) => true,
            None => self.is_url,
        }
    }

    /// Whether it is Postgres, as far as can be seen.
    pub(super) fn is_postgres(&self) -> bool {
        match self
            .key("ENGINE")
            .and_then(<[Seen]>::first)
            .map(|seen| &seen.value)
        {
            Some(Plain::Str(engine)) => engine.contains("postg"),
            _ => true,
        }
    }
}

/// What one way of giving `DATABASES` comes to. None: it cannot be seen at all.
pub(super) fn databases(state: &State, possible: &Possible) -> Option<BTreeMap<String, Database>> {
    let mut all = BTreeMap::new();
    match &possible.given {
        Given::Nothing => {}
        Given::Unseen(_) => return None,
        Given::Value(value) => aliases(state, value, &mut all, 4)?,
    }
    for edit in &possible.edits {
        apply(state, edit, &mut all);
    }
    Some(all)
}

fn aliases(
    state: &State,
    value: &Value,
    all: &mut BTreeMap<String, Database>,
    left: u32,
) -> Option<()> {
    let left = left.checked_sub(1)?;
    match &value.kind {
        ValueKind::Dict(items) => {
            for (key, item) in items {
                // `**OTHERS` may hold anything; what is named is judged all the same.
                if let Some(alias) = key.as_ref().and_then(Value::as_str) {
                    all.insert(alias.to_owned(), database(state, item, left));
                }
            }
            Some(())
        }
        ValueKind::Name(name) => match (state.get(name).as_slice(), left) {
            (
                [
                    Possible {
                        given: Given::Value(value),
                        edits,
                        ..
                    },
                ],
                _,
            ) if edits.is_empty() => aliases(state, &Rc::clone(value), all, left),
            _ => None,
        },
        _ => None,
    }
}

fn database(state: &State, value: &Value, left: u32) -> Database {
    let mut made = Database::default();
    match &value.kind {
        ValueKind::Dict(items) => items
            .iter()
            .for_each(|(key, item)| set(state, &mut made, key.as_ref(), item)),
        ValueKind::Call(_, _, keywords) => {
            made.is_url = true;
            for (name, item) in keywords {
                let key = name.as_deref().map(str::to_uppercase);
                // dj_database_url: conn_max_age, conn_health_checks, engine; environ's db() takes none of them.
                if let Some(key @ ("CONN_MAX_AGE" | "CONN_HEALTH_CHECKS" | "ENGINE")) =
                    key.as_deref()
                {
                    made.keys.insert(key.to_owned(), see::alone(state, item));
                }
            }
        }
        ValueKind::Name(name) if left > 0 => {
            if let [
                Possible {
                    given: Given::Value(inner),
                    edits,
                    ..
                },
            ] = state.get(name).as_slice()
                && edits.is_empty()
            {
                return database(state, inner, left - 1);
            }
            made.is_open = true;
        }
        _ => made.is_open = true,
    }
    made
}

fn set(state: &State, database: &mut Database, key: Option<&Value>, item: &Value) {
    match (key.and_then(Value::as_str), &item.kind) {
        (Some("OPTIONS"), ValueKind::Dict(options)) => {
            for (key, option) in options {
                match key.as_ref().and_then(Value::as_str) {
                    Some(key) => {
                        database
                            .options
                            .insert(key.to_owned(), see::alone(state, option));
                    }
                    None => database.is_open = true,
                }
            }
        }
        (Some("OPTIONS"), _) | (None, _) => database.is_open = true,
        (Some(key), _) => {
            database
                .keys
                .insert(key.to_owned(), see::alone(state, item));
        }
    }
}

/// `DATABASES["default"]["CONN_MAX_AGE"] = 60` and its like.
fn apply(state: &State, edit: &Edit, all: &mut BTreeMap<String, Database>) {
    match edit.keys.as_slice() {
        // `DATABASES.update({…})`
        [] => {
            let _ = aliases(state, &edit.value, all, 4);
        }
        [Some(alias)] if !edit.adds => {
            all.insert(alias.clone(), database(state, &edit.value, 4));
        }
        // `DATABASES["default"].update({…})`
        [Some(alias)] => {
            let known = all.entry(alias.clone()).or_default();
            match &edit.value.kind {
                ValueKind::Dict(items) => items
                    .iter()
                    .for_each(|(key, item)| set(state, known, key.as_ref(), item)),
                _ => known.is_open = true,
            }
        }
        [Some(alias), Some(key)] => {
            let known = all.entry(alias.clone()).or_default();
            let key = Value {
                kind: ValueKind::Str(key.clone()),
                span: edit.value.span,
            };
            set(state, known, Some(&key), &edit.value);
        }
        [Some(alias), Some(part), Some(key), ..] if part == "OPTIONS" => {
            let seen = see::alone(state, &edit.value);
            all.entry(alias.clone())
                .or_default()
                .options
                .insert(key.clone(), seen);
        }
        // The alias is computed: any of them may be meant.
        _ => all
            .values_mut()
            .for_each(|database| database.is_open = true),
    }
}
