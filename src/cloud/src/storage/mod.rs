//! S3: objects by bucket and key.
//!
//! Every upload carries a SHA-256 that S3 checks before it accepts the bytes. Files larger than
//! [`PART_SIZE`] go in parts, four at a time.

mod conditional;
mod multipart;

use std::collections::BTreeMap;

use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumMode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use camino::Utf8PathBuf;
use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

pub use conditional::{Reading, StoredObject};
pub use multipart::PART_SIZE;

use crate::connection::Connection;
use crate::error::Service;
use crate::time::timestamp;
use crate::{Error, Kind, retry};

const SERVICE: Service = Service("s3");

/// The S3 client. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Storage {
    client: aws_sdk_s3::Client,
}

/// What S3 says about an object without sending it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ObjectInfo {
    /// Its size in bytes.
    pub size: u64,
    /// Its entity tag, with the quotes that S3 puts round it.
    pub etag: Option<String>,
    /// Its SHA-256 in base64. For an object that came in parts it is a hash of hashes and ends in
    /// `-<parts>`.
    pub checksum_sha256: Option<String>,
    /// Its metadata, with lower-case names.
    pub metadata: BTreeMap<String, String>,
    /// When it was stored.
    pub modified: Option<Timestamp>,
}

/// One object in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ObjectSummary {
    /// Its key.
    pub key: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its entity tag, with quotes.
    pub etag: Option<String>,
    /// When it was stored.
    pub modified: Option<Timestamp>,
}

/// A file to upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// To this bucket.
    pub bucket: String,
    /// Under this key.
    pub key: String,
    /// From this file, which must not change meanwhile.
    pub file: Utf8PathBuf,
    /// With this metadata: ASCII names and values.
    pub metadata: BTreeMap<String, String>,
}

/// A finished upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Uploaded {
    /// How many bytes went over.
    pub size: u64,
    /// In how many parts; 1 for a plain upload.
    pub parts: u32,
    /// The object's entity tag, with quotes.
    pub etag: Option<String>,
}

/// What must hold for a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition<'a> {
    /// Nothing.
    None,
    /// There is no object under the key.
    Absent,
    /// The object has this entity tag.
    Matches(&'a str),
}

impl Condition<'_> {
    fn if_none_match(self) -> Option<String> {
        (self == Self::Absent).then(|| "*".to_owned())
    }

    fn if_match(self) -> Option<String> {
        match self {
            Self::Matches(etag) => Some(etag.to_owned()),
            Self::None | Self::Absent => None,
        }
    }
}

/// An upload in parts that was begun and neither completed nor aborted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnfinishedUpload {
    /// The key that it is for.
    pub key: String,
    /// S3's id of the upload.
    pub id: String,
    /// When it was begun, by AWS's clock.
    pub begun: Option<Timestamp>,
}

impl Storage {
    pub(crate) fn new(connection: &Connection) -> Self {
        let config = aws_sdk_s3::config::Builder::from(&connection.config)
            .interceptor(connection.counter.clone())
            .retry_classifier(retry::Policy)
            .timeout_config(retry::upload_timeouts())
            .force_path_style(connection.path_style)
            .build();
        Self {
            client: aws_sdk_s3::Client::from_conf(config),
        }
    }

    /// What S3 knows about an object; `None` if there is none. Without `s3:ListBucket`, S3 answers
    /// "access denied" for an object that does not exist.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn head(&self, bucket: &str, key: &str) -> Result<Option<ObjectInfo>, Error> {
        let result = self
            .client
            .head_object()
            .bucket(bucket)
            .key(key)
            .checksum_mode(ChecksumMode::Enabled)
            .send()
            .await
            .map_err(SERVICE.failed("HeadObject", object(bucket, key)));
        let answer = match result {
            Err(error) if error.is_not_found() => return Ok(None),
            // The answer to a HEAD has no body, and with it no code (API reference, "HeadObject"): expired
            // credentials look like a bad request.
            Err(error) if error.kind == Kind::InvalidParameter => {
                return self.head_by_get(bucket, key).await;
            }
            other => other?,
        };
        Ok(Some(ObjectInfo {
            size: size(answer.content_length),
            etag: answer.e_tag,
            checksum_sha256: answer.checksum_sha256,
            metadata: answer.metadata.unwrap_or_default().into_iter().collect(),
            modified: answer.last_modified.as_ref().and_then(timestamp),
        }))
    }

    /// The same by a GET, whose body nobody reads: an error has its code.
    async fn head_by_get(&self, bucket: &str, key: &str) -> Result<Option<ObjectInfo>, Error> {
        let result = self
            .client
            .get_object()
            .bucket(bucket)
            .key(key)
            .checksum_mode(ChecksumMode::Enabled)
            .send()
            .await
            .map_err(SERVICE.failed("GetObject", object(bucket, key)));
        let answer = match result {
            Err(error) if error.is_not_found() => return Ok(None),
            other => other?,
        };
        Ok(Some(ObjectInfo {
            size: size(answer.content_length),
            etag: answer.e_tag,
            checksum_sha256: answer.checksum_sha256,
            metadata: answer.metadata.unwrap_or_default().into_iter().collect(),
            modified: answer.last_modified.as_ref().and_then(timestamp),
        }))
    }

    /// Stores bytes, over whatever is there.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn put(&self, bucket: &str, key: &str, body: Bytes) -> Result<Uploaded, Error> {
        self.put_with(bucket, key, body, &BTreeMap::new(), Condition::None)
            .await
    }

    /// Stores bytes if there is no object under the key. Of several callers at once, exactly one
    /// succeeds.
    ///
    /// # Errors
    /// [`Kind::PreconditionFailed`] when there is an object, or another caller is storing one;
    /// otherwise see [`Error`].
    pub async fn put_if_absent(
        &self,
        bucket: &str,
        key: &str,
        body: Bytes,
    ) -> Result<Uploaded, Error> {
        self.put_with(bucket, key, body, &BTreeMap::new(), Condition::Absent)
            .await
            .map_err(conditional::lost_race)
    }

    async fn put_with(
        &self,
        bucket: &str,
        key: &str,
        body: Bytes,
        metadata: &BTreeMap<String, String>,
        condition: Condition<'_>,
    ) -> Result<Uploaded, Error> {
        let length = body.len() as u64;
        let checksum = sha256(&body);
        let answer = self
            .client
            .put_object()
            .bucket(bucket)
            .key(key)
            .set_metadata(to_metadata(metadata))
            .set_if_none_match(condition.if_none_match())
            .set_if_match(condition.if_match())
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .checksum_sha256(checksum)
            .body(body.into())
            .send()
            .await
            .map_err(SERVICE.failed("PutObject", object(bucket, key)))?;
        Ok(Uploaded {
            size: length,
            parts: 1,
            etag: answer.e_tag,
        })
    }

    /// The bytes of an object, checked against the checksum that it was stored with.
    ///
    /// # Errors
    /// [`Kind::NotFound`] when there is no such object; otherwise see [`Error`].
    pub async fn get(&self, bucket: &str, key: &str) -> Result<Bytes, Error> {
        let answer = self
            .client
            .get_object()
            .bucket(bucket)
            .key(key)
            .checksum_mode(ChecksumMode::Enabled)
            .send()
            .await
            .map_err(SERVICE.failed("GetObject", object(bucket, key)))?;
        let bytes = answer.body.collect().await;
        Ok(bytes
            .map_err(|error| broken_off(bucket, key, error))?
            .into_bytes())
    }

    /// Deletes an object. One that does not exist counts as deleted.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn delete(&self, bucket: &str, key: &str) -> Result<(), Error> {
        let result = self
            .client
            .delete_object()
            .bucket(bucket)
            .key(key)
            .send()
            .await
            .map_err(SERVICE.failed("DeleteObject", object(bucket, key)));
        match result {
            Err(error) if error.is_not_found() => Ok(()),
            other => other.map(drop),
        }
    }

    /// The objects whose keys start with `prefix`, in the order of their keys, from all pages.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn list(&self, bucket: &str, prefix: &str) -> Result<Vec<ObjectSummary>, Error> {
        let mut pages = self
            .client
            .list_objects_v2()
            .bucket(bucket)
            .prefix(prefix)
            .into_paginator()
            .send();
        let mut objects = Vec::new();
        while let Some(page) = pages.next().await {
            let page =
                page.map_err(SERVICE.failed("ListObjectsV2", format!("bucket `{bucket}`")))?;
            objects.extend(
                page.contents
                    .unwrap_or_default()
                    .into_iter()
                    .filter_map(|object| {
                        Some(ObjectSummary {
                            key: object.key?,
                            size: size(object.size),
                            etag: object.e_tag,
                            modified: object.last_modified.as_ref().and_then(timestamp),
                        })
                    }),
            );
        }
        Ok(objects)
    }

    /// True if the bucket exists and the caller may see it.
    ///
    /// # Errors
    /// [`Kind::AccessDenied`] when it belongs to someone else; otherwise see [`Error`].
    pub async fn bucket_exists(&self, bucket: &str) -> Result<bool, Error> {
        let result = self
            .client
            .head_bucket()
            .bucket(bucket)
            .send()
            .await
            .map_err(SERVICE.failed("HeadBucket", format!("bucket `{bucket}`")));
        match result {
            Err(error) if error.is_not_found() => Ok(false),
            other => other.map(|_| true),
        }
    }
}

/// The answer ended early, or its bytes are not those that were stored.
fn broken_off(
    bucket: &str,
    key: &str,
    cause: aws_smithy_types::byte_stream::error::Error,
) -> Error {
    let message = "the answer broke off, or its checksum is wrong";
    let object = object(bucket, key);
    Error::new(SERVICE.0, "GetObject", object, Kind::Network, message).with_source(cause)
}

fn object(bucket: &str, key: &str) -> String {
    format!("object `s3://{bucket}/{key}`")
}

/// Sizes are never negative; a nonsense answer counts as empty.
fn size(value: Option<i64>) -> u64 {
    value
        .and_then(|value| u64::try_from(value).ok())
        .unwrap_or(0)
}

fn sha256(bytes: &[u8]) -> String {
    STANDARD.encode(Sha256::digest(bytes))
}

fn to_metadata(
    metadata: &BTreeMap<String, String>,
) -> Option<std::collections::HashMap<String, String>> {
    let pairs = metadata
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()));
    (!metadata.is_empty()).then(|| pairs.collect())
}
