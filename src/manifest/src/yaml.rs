//! YAML with the place of every value, as the reader gives it: for the manifest, and for the files that checks read.
//!
//! The reader behind `serde_yaml` (see the workspace's Cargo.toml) resolves anchors and merge keys itself. What may be read is
//! bounded by whoever reads; scalars are left as they are written, as far as their bytes are known.

use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::{Location, Spanned};

/// What a text may have. Aliases could otherwise blow up a small one.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How deep mappings and lists may nest.
    pub deepest: usize,
    /// How many nodes there may be, aliases expanded.
    pub most_nodes: usize,
    /// How many aliases there may be.
    pub most_aliases: usize,
    /// Whether tags that the reader does not know are passed over; else they are errors.
    pub allows_tags: bool,
}

/// A value with its kind, before its text has a meaning.
#[derive(Debug)]
pub enum Raw {
    /// Nothing, `~` or `null`.
    Null,
    /// Text, without its quotes.
    Text(String),
    /// A boolean or a number, as Rust writes it. How the file writes it stands at its [`bytes`].
    Typed(String),
    /// A list.
    List(Vec<Spanned<Raw>>),
    /// A mapping in the order of the file; keys are unique.
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

/// Reads one document. None for an empty text.
///
/// # Errors
/// The reader's: no YAML, a key twice, a second document, or more than the limits allow.
pub fn read(text: &str, limits: &Limits) -> Result<Option<Spanned<Raw>>, serde_yaml::Error> {
    let options = serde_yaml::options! {
        budget: serde_yaml::budget! {
            max_depth: limits.deepest,
            flow_nesting_limit: limits.deepest,
            max_nodes: limits.most_nodes,
            max_aliases: limits.most_aliases,
        },
        alias_limits: serde_yaml::alias_limits! {
            max_total_replayed_events: limits.most_nodes,
        },
        strict_booleans: true,
        reject_unsupported_tags: !limits.allows_tags,
        non_finite_float_policy: serde_yaml::NonFiniteFloatPolicy::AsString,
        with_snippet: false,
    };
    serde_yaml::from_str_with_options(text, options)
}

/// What is wrong, in one line, without the place that some messages end with.
#[must_use]
pub fn message(error: &serde_yaml::Error) -> String {
    let message = error.without_snippet().to_string();
    let line = message.lines().next().unwrap_or_default();
    let line = line.split(" at line ").next().unwrap_or(line);
    line.trim().to_owned()
}

/// Line and column of a place, both from 1; columns count characters.
#[must_use]
pub fn line_and_column(location: Location) -> (u32, u32) {
    let number = |value: u64| u32::try_from(value).unwrap_or(u32::MAX).max(1);
    (number(location.line()), number(location.column()))
}

/// The bytes of a value in its text, if the reader knows them.
#[must_use]
pub fn bytes(location: Location) -> Option<Range<usize>> {
    let span = location.span();
    let start = usize::try_from(span.byte_offset()?).ok()?;
    let length = usize::try_from(span.byte_len()?).ok()?;
    Some(start..start.checked_add(length)?)
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Typed(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Typed(value.to_string()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Raw, E> {
        Ok(Raw::Typed(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Typed(value.to_string()))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Raw, E> {
        Ok(Raw::Typed(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Typed(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Raw, E> {
        Ok(Raw::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Raw::Map(map))
    }
}
