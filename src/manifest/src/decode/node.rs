//! One node as a serde deserializer.

use std::cell::RefCell;

use serde::de::{Deserializer, Visitor};

use super::access::{Entries, Items, Variant};
use super::error::DecodeError;
use crate::issue::Fault;
use crate::tree::{Entry, Node, Value};

/// One node, ready to be read as whatever its reader wants.
#[derive(Clone, Copy)]
pub(super) struct NodeDeserializer<'a> {
    node: &'a Node,
    faults: &'a RefCell<Vec<Fault>>,
}

impl<'a> NodeDeserializer<'a> {
    pub(super) const fn new(node: &'a Node, faults: &'a RefCell<Vec<Fault>>) -> Self {
        Self { node, faults }
    }

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
        DecodeError::new(format!(
            "{expected} is expected here, and {} was found",
            self.found()
        ))
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
            return Err(self.wrong(expected).suggest("remove the quotes"));
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
                let error = self.wrong("`true` or `false`");
                Err(match other.to_ascii_lowercase().as_str() {
                    "yes" | "on" | "y" | "true" => error.suggest("write `true`"),
                    "no" | "off" | "n" | "false" => error.suggest("write `false`"),
                    _ => error,
                })
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
                Err(DecodeError::new("nothing is written after the colon")
                    .at(self.node.at)
                    .suggest(
                        "write a value, `{}` for a section with its defaults, or `null` for none",
                    ))
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
            Value::Scalar { text, .. } => {
                return Err(self.wrong("a list").suggest(format!("write `[{text}]`")));
            }
            Value::Map(_) => return Err(self.wrong("a list")),
        };
        visitor
            .visit_seq(Items::new(items, self.faults))
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
            .visit_map(Entries::new(self.entries()?, None, self.faults))
            .map_err(|error| error.at(self.node.at))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor
            .visit_map(Entries::new(self.entries()?, Some(fields), self.faults))
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
