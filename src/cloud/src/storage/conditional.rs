//! Objects that several processes write in turns: locks and journals.
//!
//! S3 writes and deletes on a condition (`If-None-Match: *`, `If-Match: <entity tag>`), and evaluates
//! it together with the change, so that of two writers one loses (user guide, "Add preconditions to
//! S3 operations"; conditional deletes in general purpose buckets since 2025-09).
//!
//! Rules: a refused condition is [`Kind::PreconditionFailed`]. It can also come from our own first
//! attempt whose answer was lost, so callers read the object before they believe that someone else
//! was faster. Ages are judged by S3's clock alone: [`Reading::now`] against the object's
//! `modified`, never against this machine's clock.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_s3::types::ChecksumMode;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use bytes::Bytes;
use jiff::Timestamp;

use super::{Condition, SERVICE, Storage, Uploaded, broken_off, object};
use crate::time::timestamp;
use crate::{Error, Kind};

/// What was read under a key, and when by S3's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// S3's own time of the answer, in whole seconds; `None` if the answer had no `Date`.
    pub now: Option<Timestamp>,
    /// The object; `None` if there is none.
    pub object: Option<StoredObject>,
}

/// An object with its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredObject {
    /// Its bytes.
    pub content: Bytes,
    /// Its entity tag, with quotes: the value for [`Storage::put_if_match`].
    pub etag: String,
    /// When it was stored, by S3's clock, in whole seconds.
    pub modified: Option<Timestamp>,
}

impl Storage {
    /// Reads an object and S3's own time.
    ///
    /// # Errors
    /// [`Kind::NotFound`] when the bucket does not exist; otherwise see [`Error`]. Without
    /// `s3:ListBucket`, S3 answers "access denied" for an object that does not exist.
    pub async fn read(&self, bucket: &str, key: &str) -> Result<Reading, Error> {
        let operation = "GetObject";
        let server_time = ServerTime::default();
        let answer = self
            .client
            .get_object()
            .bucket(bucket)
            .key(key)
            .checksum_mode(ChecksumMode::Enabled)
            .customize()
            .interceptor(server_time.clone())
            .send()
            .await
            .map_err(SERVICE.failed(operation, object(bucket, key)));
        let answer = match answer {
            Err(error) if error.code.as_deref() == Some("NoSuchKey") => {
                return Ok(Reading {
                    now: server_time.get(),
                    object: None,
                });
            }
            other => other?,
        };
        let etag = SERVICE.required(operation, object(bucket, key), "ETag", answer.e_tag)?;
        let modified = answer.last_modified.as_ref().and_then(timestamp);
        let content = answer
            .body
            .collect()
            .await
            .map_err(|error| broken_off(bucket, key, error))?
            .into_bytes();
        Ok(Reading {
            now: server_time.get(),
            object: Some(StoredObject {
                content,
                etag,
                modified,
            }),
        })
    }

    /// Stores bytes over the object with this entity tag, and over no other.
    ///
    /// # Errors
    /// [`Kind::PreconditionFailed`] when another object is there, [`Kind::NotFound`] when there is
    /// none (or no bucket); otherwise see [`Error`].
    pub async fn put_if_match(
        &self,
        bucket: &str,
        key: &str,
        etag: &str,
        body: Bytes,
    ) -> Result<Uploaded, Error> {
        let condition = Condition::Matches(etag);
        self.put_with(bucket, key, body, &[].into(), condition)
            .await
            .map_err(lost_race)
    }

    /// Deletes the object with this entity tag, and no other. One that does not exist counts as
    /// deleted. S3 asks for `s3:GetObject` besides `s3:DeleteObject` here.
    ///
    /// # Errors
    /// [`Kind::PreconditionFailed`] when another object is there; otherwise see [`Error`].
    pub async fn delete_if_match(&self, bucket: &str, key: &str, etag: &str) -> Result<(), Error> {
        let result = self
            .client
            .delete_object()
            .bucket(bucket)
            .key(key)
            .if_match(etag)
            .send()
            .await
            .map_err(SERVICE.failed("DeleteObject", object(bucket, key)));
        match result {
            Err(error) if error.is_not_found() => Ok(()),
            other => other.map(drop).map_err(lost_race),
        }
    }
}

/// 409 means that a competing change is under way: for the caller the same as a lost race.
pub(super) fn lost_race(error: Error) -> Error {
    match error.kind {
        Kind::Busy => error.with_kind(Kind::PreconditionFailed),
        _ => error,
    }
}

/// Keeps the `Date` of the last answer (RFC 9110, 6.6.1), which the SDK's outputs do not show.
#[derive(Clone, Debug, Default)]
struct ServerTime {
    seen: Arc<Mutex<Option<Timestamp>>>,
}

impl ServerTime {
    fn get(&self) -> Option<Timestamp> {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Intercept for ServerTime {
    fn name(&self) -> &'static str {
        "beanpole server time"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date");
        let time = date.and_then(|text| jiff::fmt::rfc2822::parse(text).ok());
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) =
            time.map(|time| time.timestamp());
        Ok(())
    }
}
