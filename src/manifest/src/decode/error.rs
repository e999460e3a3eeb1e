//! Errors on their way to a place and a key.

use std::fmt;

use serde::de;

use super::nearest;
use crate::issue::Fault;
use crate::tree::Position;

/// An error on its way up to the first node or key that can complete it.
#[derive(Debug)]
pub(super) struct DecodeError {
    at: Option<Position>,
    key: Option<String>,
    message: String,
    suggestion: Option<String>,
}

impl DecodeError {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            at: None,
            key: None,
            message: message.into(),
            suggestion: None,
        }
    }

    pub(super) fn at(mut self, at: Position) -> Self {
        self.at.get_or_insert(at);
        self
    }

    /// Adds what to write instead.
    pub(super) fn suggest(mut self, suggestion: impl Into<String>) -> Self {
        self.suggestion = Some(suggestion.into());
        self
    }

    pub(super) fn under(mut self, key: &str) -> Self {
        self.key.get_or_insert_with(|| key.to_owned());
        self
    }

    pub(super) fn into_fault(self, fallback: Position) -> Fault {
        // Many messages begin with what they are about, which is what the key says.
        let message = match self.key {
            Some(key) if !self.message.starts_with(&key.replace('_', " ")) => {
                format!("`{key}`: {}", self.message)
            }
            _ => self.message,
        };
        let fault = Fault::new(self.at.unwrap_or(fallback), message);
        match self.suggestion {
            Some(suggestion) => fault.suggest(suggestion),
            None => fault,
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
        let error = Self::new(format!(
            "`{variant}` is not one of the values {}",
            known.join(", ")
        ));
        match nearest(variant, expected.iter().copied()) {
            Some(name) => error.suggest(format!("did you mean `{name}`?")),
            None => error,
        }
    }
}
