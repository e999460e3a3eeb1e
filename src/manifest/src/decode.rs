//! From nodes to typed sections.
//!
//! A serde deserializer over [`Node`]. What it adds to plain serde:
//!
//! - An unknown key does not end the work: it becomes a [`Fault`] with the nearest known key, and
//!   all of them are reported together. Keys that start with `x-` are skipped.
//! - An explicit `null` counts as not given. A bare `key:` is an empty section, list or mapping, and
//!   a fault where a value is needed.
//! - Texts take any scalar as written. Numbers and booleans must be written as such.
//! - An error without a place gets the place of the node that it came from, and the key's name.

use std::cell::RefCell;
use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer as _, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

use crate::issue::Fault;
use crate::tree::{Entry, Node, Position, Value};

/// Reads a value from a node. Unknown keys and the first other fault go to `faults`; `None` comes
/// back only with at least one fault.
pub(crate) fn decode<T: de::DeserializeOwned>(node: &Node, faults: &mut Vec<Fault>) -> Option<T> {
    let collected = RefCell::new(Vec::new());
    let result = T::deserialize(NodeDeserializer { node, faults: &collected });
    faults.append(&mut collected.into_inner());
    match result {
        Ok(value) => Some(value),
        Err(error) => {
            faults.push(error.into_fault(node.at));
            None
        }
    }
}

/// The candidate nearest to `name`, if one is near enough to be meant. Case, hyphens and underscores
/// do not count as differences.
pub(crate) fn nearest<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let plain = |text: &str| -> String {
        text.chars()
            .filter(|character| !matches!(character, '-' | '_'))
            .flat_map(char::to_lowercase)
            .collect()
    };
    let wanted = plain(name);
    candidates
        .into_iter()
        .map(|candidate| {
            let known = plain(candidate);
            let score = if wanted.len() >= 4 && (known.contains(&wanted) || wanted.contains(&known))
            {
                1.0
            } else {
                strsim::jaro_winkler(&wanted, &known)
            };
            (candidate, score)
        })
        .filter(|(_, score)| *score >= 0.75)
        .max_by(|(_, one), (_, other)| one.total_cmp(other))
        .map(|(candidate, _)| candidate)
}

/// An error on its way up to the first node or key that can complete it.
#[derive(Debug)]
struct DecodeError {
    at: Option<Position>,
    key: Option<String>,
    message: String,
    suggestion: Option<String>,
}

impl DecodeError {
    fn new(message: impl Into<String>) -> Self {
        Self { at: None, key: None, message: message.into(), suggestion: None }
    }

    fn at(mut self, at: Position) -> Self {
        self.at.get_or_insert(at);
        self
    }

    fn under(mut self, key: &str) -> Self {
        self.key.get_or_insert_with(|| key.to_owned());
        self
    }

    fn into_fault(self, fallback: Position) -> Fault {
        Fault {
            at: self.at.unwrap_or(fallback),
            message: match self.key {
                Some(key) => format!("`{key}`: {}", self.message),
                None => self.message,
            },
            suggestion: self.suggestion,
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for DecodeError {}

impl de::Error for DecodeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(format!("the key `{field}` is missing"))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let known: Vec<String> = expected.iter().map(|name| format!("`{name}`")).collect();
        let mut error = Self::new(format!(
            "`{variant}` is not one of the values {}",
            known.join(", ")
        ));
        error.suggestion =
            nearest(variant, expected.iter().copied()).map(|name| format!("did you mean `{name}`?"));
        error
    }
}

/// One node, ready to be read as whatever its reader wants.
#[derive(Clone, Copy)]
struct NodeDeserializer<'a> {
    node: &'a Node,
    faults: &'a RefCell<Vec<Fault>>,
}

impl<'a> NodeDeserializer<'a> {
    /// What the node holds, for messages.
    fn found(self) -> String {
        match &self.node.value {
            Value::Null { .. } => "nothing".to_owned(),
            Value::Scalar { text, .. } if text.chars().count() > 40 => {
                let start: String = text.chars().take(40).collect();
                format!("`{start}…`")
            }
            Value::Scalar { text, .. } => format!("`{text}`"),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a mapping".to_owned(),
        }
    }

    fn wrong(self, expected: &str) -> DecodeError {
        DecodeError::new(format!("{expected} is expected here, and {} was found", self.found()))
            .at(self.node.at)
    }

    /// The text of a scalar.
    fn text(self, expected: &str) -> Result<&'a str, DecodeError> {
        match &self.node.value {
            Value::Scalar { text, .. } => Ok(text),
            Value::Null { .. } | Value::List(_) | Value::Map(_) => Err(self.wrong(expected)),
        }
    }

    /// The text of a scalar that stands without quotes.
    fn bare(self, expected: &str) -> Result<&'a str, DecodeError> {
        let text = self.text(expected)?;
        if matches!(self.node.value, Value::Scalar { quoted: true, .. }) {
            let mut error = self.wrong(expected);
            error.suggestion = Some("remove the quotes".to_owned());
            return Err(error);
        }
        Ok(text)
    }

    fn unsigned(self, most: u64) -> Result<u64, DecodeError> {
        let expected = format!("a whole number from 0 to {most}");
        let text = self.bare(&expected)?;
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse::<u64>() {
            Ok(number) if digits && number <= most => Ok(number),
            _ => Err(self.wrong(&expected)),
        }
    }

    fn signed(self) -> Result<i64, DecodeError> {
        self.bare("a whole number")?
            .parse()
            .map_err(|_| self.wrong("a whole number"))
    }

    fn boolean(self) -> Result<bool, DecodeError> {
        let text = self.bare("`true` or `false`")?;
        match text {
            "true" => Ok(true),
            "false" => Ok(false),
            other => {
                let mut error = self.wrong("`true` or `false`");
                error.suggestion = match other.to_ascii_lowercase().as_str() {
                    "yes" | "on" | "y" | "true" => Some("write `true`".to_owned()),
                    "no" | "off" | "n" | "false" => Some("write `false`".to_owned()),
                    _ => None,
                };
                Err(error)
            }
        }
    }

    fn float(self) -> Result<f64, DecodeError> {
        match self.bare("a number")?.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(number),
            _ => Err(self.wrong("a number")),
        }
    }

    fn entries(self) -> Result<&'a [Entry], DecodeError> {
        match &self.node.value {
            Value::Map(entries) => Ok(entries),
            Value::Null { .. } => Ok(&[]),
            Value::Scalar { .. } | Value::List(_) => Err(self.wrong("a mapping")),
        }
    }
}

/// The readers of one scalar type each.
macro_rules! scalars {
    ($($method:ident => $visit:ident($read:expr);)*) => {
        $(
            fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
                let read: fn(Self) -> Result<_, DecodeError> = $read;
                visitor.$visit(read(self)?).map_err(|error: DecodeError| error.at(self.node.at))
            }
        )*
    };
}

impl<'de> Deserializer<'de> for NodeDeserializer<'_> {
    type Error = DecodeError;

    scalars! {
        deserialize_bool => visit_bool(|node| node.boolean());
        deserialize_u8 => visit_u64(|node| node.unsigned(u8::MAX.into()));
        deserialize_u16 => visit_u64(|node| node.unsigned(u16::MAX.into()));
        deserialize_u32 => visit_u64(|node| node.unsigned(u32::MAX.into()));
        deserialize_u64 => visit_u64(|node| node.unsigned(u64::MAX));
        deserialize_i8 => visit_i64(|node| node.signed());
        deserialize_i16 => visit_i64(|node| node.signed());
        deserialize_i32 => visit_i64(|node| node.signed());
        deserialize_i64 => visit_i64(|node| node.signed());
        deserialize_f32 => visit_f64(|node| node.float());
        deserialize_f64 => visit_f64(|node| node.float());
        deserialize_str => visit_str(|node| node.text("a text"));
        deserialize_string => visit_str(|node| node.text("a text"));
        deserialize_identifier => visit_str(|node| node.text("a name"));
        deserialize_char => visit_str(|node| node.text("one character"));
        deserialize_bytes => visit_str(|node| node.text("a text"));
        deserialize_byte_buf => visit_str(|node| node.text("a text"));
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match &self.node.value {
            Value::Null { .. } => visitor.visit_unit(),
            Value::Scalar { text, .. } => visitor.visit_str(text),
            Value::List(_) => self.deserialize_seq(visitor),
            Value::Map(_) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.node.value {
            Value::Null { written: true } => visitor.visit_none(),
            // A person who writes `database:` may want none, or one with every default.
            Value::Null { written: false } => {
                let mut error = DecodeError::new("nothing is written after the colon").at(self.node.at);
                error.suggestion = Some(
                    "write a value, `{}` for a section with its defaults, or `null` for none"
                        .to_owned(),
                );
                Err(error)
            }
            Value::Scalar { .. } | Value::List(_) | Value::Map(_) => visitor.visit_some(self),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let items: &[Node] = match &self.node.value {
            Value::List(items) => items,
            Value::Null { .. } => &[],
            Value::Scalar { .. } => {
                let mut error = self.wrong("a list");
                error.suggestion = Some(format!("write `[{}]`", self.found().trim_matches('`')));
                return Err(error);
            }
            Value::Map(_) => return Err(self.wrong("a list")),
        };
        visitor
            .visit_seq(Items { items: items.iter(), faults: self.faults })
            .map_err(|error| error.at(self.node.at))
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _length: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _length: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor
            .visit_map(Entries {
                entries: self.entries()?.iter(),
                value: None,
                faults: self.faults,
                known: None,
            })
            .map_err(|error| error.at(self.node.at))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor
            .visit_map(Entries {
                entries: self.entries()?.iter(),
                value: None,
                faults: self.faults,
                known: Some(fields),
            })
            .map_err(|error| error.at(self.node.at))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let text = self.text("a name")?;
        visitor
            .visit_enum(Variant(text))
            .map_err(|error| error.at(self.node.at))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_unit()
    }
}

/// The items of a list.
struct Items<'a> {
    items: std::slice::Iter<'a, Node>,
    faults: &'a RefCell<Vec<Fault>>,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DecodeError> {
        let Some(node) = self.items.next() else {
            return Ok(None);
        };
        seed.deserialize(NodeDeserializer { node, faults: self.faults })
            .map(Some)
            .map_err(|error| error.at(node.at))
    }
}

/// The entries of a mapping; with `known` keys, those of a section.
struct Entries<'a> {
    entries: std::slice::Iter<'a, Entry>,
    value: Option<&'a Entry>,
    faults: &'a RefCell<Vec<Fault>>,
    known: Option<&'static [&'static str]>,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, DecodeError> {
        for entry in self.entries.by_ref() {
            if let Some(known) = self.known
                && !known.contains(&entry.key.as_str())
            {
                if !entry.key.starts_with("x-") {
                    self.faults.borrow_mut().push(unknown_key(entry, known));
                }
                continue;
            }
            if matches!(entry.node.value, Value::Null { written: true }) {
                continue;
            }
            self.value = Some(entry);
            let key: StrDeserializer<'_, DecodeError> = entry.key.as_str().into_deserializer();
            return seed
                .deserialize(key)
                .map(Some)
                .map_err(|error| error.at(entry.key_at));
        }
        Ok(None)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, DecodeError> {
        let Some(entry) = self.value.take() else {
            return Err(DecodeError::new("a value was asked for before its key"));
        };
        seed.deserialize(NodeDeserializer { node: &entry.node, faults: self.faults })
            .map_err(|error| error.at(entry.node.at).under(&entry.key))
    }
}

/// The fault of a key that no section has.
pub(crate) fn unknown_key(entry: &Entry, known: &[&str]) -> Fault {
    let fault = Fault::new(entry.key_at, format!("unknown key `{}`", entry.key));
    match nearest(&entry.key, known.iter().copied()) {
        Some(name) => fault.suggest(format!("did you mean `{name}`?")),
        None => {
            let mut known = known.to_vec();
            known.sort_unstable();
            fault.suggest(format!("known here: {}", known.join(", ")))
        }
    }
}

/// The name of a unit variant.
struct Variant<'a>(&'a str);

impl<'de> EnumAccess<'de> for Variant<'_> {
    type Error = DecodeError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), DecodeError> {
        let name: StrDeserializer<'_, DecodeError> = self.0.into_deserializer();
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_> {
    type Error = DecodeError;

    fn unit_variant(self) -> Result<(), DecodeError> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, _: T) -> Result<T::Value, DecodeError> {
        Err(DecodeError::new(format!("`{}` takes no value", self.0)))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, DecodeError> {
        Err(DecodeError::new(format!("`{}` takes no value", self.0)))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, DecodeError> {
        Err(DecodeError::new(format!("`{}` takes no value", self.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::parse;
    use serde::Deserialize;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Section {
        count: u16,
        name: Option<String>,
        list: Vec<String>,
        flag: bool,
        kind: Kind,
        inner: Option<Inner>,
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Kind {
        #[default]
        AllAtOnce,
        Rolling,
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Inner {
        depth: u8,
    }

    fn read(text: &str) -> (Option<Section>, Vec<String>) {
        let mut faults = Vec::new();
        let value = decode(&parse(text).unwrap(), &mut faults);
        let faults = faults
            .into_iter()
            .map(|fault| {
                format!(
                    "{}:{} {} ({})",
                    fault.at.line,
                    fault.at.column,
                    fault.message,
                    fault.suggestion.unwrap_or_default()
                )
            })
            .collect();
        (value, faults)
    }

    #[test]
    fn reads_every_kind() {
        let (value, faults) =
            read("count: 7\nname: 3.10\nlist: [a, 1]\nflag: true\nkind: rolling\ninner: {}\nx-mine: 1\n");
        assert_eq!(faults, Vec::<String>::new());
        assert_eq!(
            value.unwrap(),
            Section {
                count: 7,
                name: Some("3.10".to_owned()),
                list: vec!["a".to_owned(), "1".to_owned()],
                flag: true,
                kind: Kind::Rolling,
                inner: Some(Inner::default()),
            }
        );
    }

    #[test]
    fn null_counts_as_not_given() {
        let (value, faults) = read("count: null\nname: ~\nlist:\ninner: null\n");
        assert_eq!((value, faults.len()), (Some(Section::default()), 0));
    }

    #[test]
    fn all_unknown_keys_are_reported_with_the_nearest() {
        let (_, faults) = read("cuont: 1\ninner: {deep: 2}\nquite_other: 3\n");
        assert_eq!(
            faults,
            [
                "1:1 unknown key `cuont` (did you mean `count`?)",
                "2:9 unknown key `deep` (did you mean `depth`?)",
                "3:1 unknown key `quite_other` (known here: count, flag, inner, kind, list, name)",
            ]
        );
    }

    #[test]
    fn wrong_values_say_what_is_expected() {
        for (text, expected) in [
            ("count: 70000\n", "1:8 `count`: a whole number from 0 to 65535 is expected here, and `70000` was found ()"),
            ("count: \"7\"\n", "1:8 `count`: a whole number from 0 to 65535 is expected here, and `7` was found (remove the quotes)"),
            ("flag: yes\n", "1:7 `flag`: `true` or `false` is expected here, and `yes` was found (write `true`)"),
            ("list: a\n", "1:7 `list`: a list is expected here, and `a` was found (write `[a]`)"),
            ("list: [a, {b: c}]\n", "1:11 `list`: a text is expected here, and a mapping was found ()"),
            ("kind: AllAtOnce\n", "1:7 `kind`: `AllAtOnce` is not one of the values `all-at-once`, `rolling` (did you mean `all-at-once`?)"),
            ("inner: [1]\n", "1:8 `inner`: a mapping is expected here, and a list was found ()"),
        ] {
            let (value, faults) = read(text);
            assert_eq!((value, faults), (None, vec![expected.to_owned()]), "{text}");
        }
    }

    #[test]
    fn a_bare_optional_key_is_ambiguous() {
        let (_, faults) = read("inner:\n");
        assert!(faults[0].contains("nothing is written after the colon"), "{faults:?}");
    }
}
