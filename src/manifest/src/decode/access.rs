//! The parts of a node: items of a list, entries of a mapping, a name that stands for a variant.

use std::cell::RefCell;

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeSeed, EnumAccess, IntoDeserializer as _, MapAccess, SeqAccess, VariantAccess,
    Visitor,
};

use super::error::DecodeError;
use super::node::NodeDeserializer;
use super::unknown_key;
use crate::issue::Fault;
use crate::tree::{Entry, Node, Value};

/// The items of a list.
pub(super) struct Items<'a> {
    items: std::slice::Iter<'a, Node>,
    faults: &'a RefCell<Vec<Fault>>,
}

impl<'a> Items<'a> {
    pub(super) fn new(items: &'a [Node], faults: &'a RefCell<Vec<Fault>>) -> Self {
        Self {
            items: items.iter(),
            faults,
        }
    }
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
        seed.deserialize(NodeDeserializer::new(node, self.faults))
            .map(Some)
            .map_err(|error| error.at(node.at))
    }
}

/// The entries of a mapping; with `known` keys, those of a section.
pub(super) struct Entries<'a> {
    entries: std::slice::Iter<'a, Entry>,
    value: Option<&'a Entry>,
    faults: &'a RefCell<Vec<Fault>>,
    known: Option<&'static [&'static str]>,
}

impl<'a> Entries<'a> {
    pub(super) fn new(
        entries: &'a [Entry],
        known: Option<&'static [&'static str]>,
        faults: &'a RefCell<Vec<Fault>>,
    ) -> Self {
        Self {
            entries: entries.iter(),
            value: None,
            faults,
            known,
        }
    }
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

    fn next_value_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<T::Value, DecodeError> {
        let Some(entry) = self.value.take() else {
            return Err(DecodeError::new("a value was asked for before its key"));
        };
        seed.deserialize(NodeDeserializer::new(&entry.node, self.faults))
            .map_err(|error| error.at(entry.node.at).under(&entry.key))
    }
}

/// The name of a unit variant.
pub(super) struct Variant<'a>(pub(super) &'a str);

impl<'de> EnumAccess<'de> for Variant<'_> {
    type Error = DecodeError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self), DecodeError> {
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
