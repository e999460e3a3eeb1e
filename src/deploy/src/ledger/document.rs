//! Records as bytes.

use serde::Deserialize;

use super::record::{FORMAT, Record};
use crate::error::Error;

/// Why a document is no record that can be used.
#[derive(Debug, thiserror::Error)]
pub enum Damage {
    /// It is not JSON, or not of this shape.
    #[error("{0}")]
    Unreadable(#[from] serde_json::Error),
    /// A newer program wrote it.
    #[error("it has format {found}, and this beanpole reads up to {FORMAT}: use a newer one")]
    Newer {
        /// The format in it.
        found: u32,
    },
    /// It belongs to another environment.
    #[error("it is about `{environment}` of `{application}`")]
    Foreign {
        /// The application in it.
        application: String,
        /// The environment in it.
        environment: String,
    },
}

/// Only the format, so that a newer shape is told from damage.
#[derive(Deserialize)]
struct Head {
    format: u32,
}

/// The record in a document.
///
/// # Errors
/// [`Damage`].
pub fn parse(bytes: &[u8]) -> Result<Record, Damage> {
    let head: Head = serde_json::from_slice(bytes)?;
    if head.format > FORMAT {
        return Err(Damage::Newer { found: head.format });
    }
    Ok(serde_json::from_slice(bytes)?)
}

/// The document of a record.
///
/// # Errors
/// [`Error::Document`].
pub(crate) fn write(record: &Record) -> Result<Vec<u8>, Error> {
    let mut bytes = serde_json::to_vec_pretty(record).map_err(|source| Error::Document {
        what: record.id.to_string(),
        source,
    })?;
    bytes.push(b'\n');
    Ok(bytes)
}
