//! Single objects: write, read, copy, delete.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::header::{
    ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, ETAG, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    IF_UNMODIFIED_SINCE, LAST_MODIFIED, RANGE,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use md5::{Digest as _, Md5};
use percent_encoding::percent_decode_str;
use winterbaume_core::{MockRequest, MockResponse};
use winterbaume_s3::{model, wire};

use super::checksum::{self, Algorithm, Checksum, Kind};
use super::range::{self, Wanted};
use super::refusal::Refusal;
use super::store::{Object, names_etag, object_headers};
use super::{Outcome, Storage, Target, http_date, show_time};

impl Storage {
    pub(super) fn put_object(&self, target: &Target, request: &MockRequest) -> Outcome {
        let checksum = verified(request)?;
        let object = Object::new(request.body.clone(), &request.headers, checksum, self.now());
        let mut headers = HeaderMap::new();
        insert(&mut headers, ETAG, &object.etag);
        show_checksum(&mut headers, object.checksum.as_ref());
        self.lock()
            .put(&target.bucket, &target.key, object, &request.headers)?;
        Ok(MockResponse {
            status: 200,
            headers,
            body: Bytes::new(),
        })
    }

    /// GetObject and HeadObject.
    pub(super) fn read(&self, target: &Target, request: &MockRequest) -> Outcome {
        let object = self.lock().object(&target.bucket, &target.key)?.clone();
        let text = |name: HeaderName| {
            request
                .headers
                .get(name)
                .and_then(|value| value.to_str().ok())
        };
        let mut headers = object.headers.clone();
        insert(&mut headers, ETAG, &object.etag);
        insert(&mut headers, LAST_MODIFIED, &http_date(object.modified));
        headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        if !check_read(&object, &text)? {
            return Ok(MockResponse {
                status: 304,
                headers,
                body: Bytes::new(),
            });
        }
        let length = object.content.len();
        let (status, content) =
            match text(RANGE).map_or(Wanted::All, |range| range::wanted(range, length)) {
                Wanted::OutOfRange => {
                    return Err(Refusal::new(
                        416,
                        "InvalidRange",
                        "The requested range is not satisfiable",
                    ));
                }
                Wanted::All => {
                    let asks = request.headers.get("x-amz-checksum-mode");
                    if asks.is_some_and(|mode| mode.as_bytes().eq_ignore_ascii_case(b"enabled")) {
                        show_checksum(&mut headers, object.checksum.as_ref());
                    }
                    (200, object.content)
                }
                Wanted::Part(first, last) => {
                    insert(
                        &mut headers,
                        CONTENT_RANGE,
                        &format!("bytes {first}-{last}/{length}"),
                    );
                    (206, object.content.slice(first..=last))
                }
            };
        headers.insert(CONTENT_LENGTH, HeaderValue::from(content.len()));
        let body = if request.method == "HEAD" {
            Bytes::new()
        } else {
            content
        };
        Ok(MockResponse {
            status,
            headers,
            body,
        })
    }

    pub(super) fn copy(&self, target: &Target, headers: &HeaderMap) -> Outcome {
        let source = headers
            .get("x-amz-copy-source")
            .and_then(|value| value.to_str().ok());
        let source = percent_decode_str(source.unwrap_or_default())
            .decode_utf8_lossy()
            .into_owned();
        let source = source.split("?versionId=").next().unwrap_or_default();
        let (bucket, key) = source
            .trim_start_matches('/')
            .split_once('/')
            .ok_or_else(|| {
                Refusal::new(
                    400,
                    "InvalidArgument",
                    "Copy Source must mention the source bucket and key",
                )
            })?;
        let replaces = headers
            .get("x-amz-metadata-directive")
            .is_some_and(|directive| directive.as_bytes() == b"REPLACE");
        let mut store = self.lock();
        let mut object = store.object(bucket, key)?.clone();
        if (bucket, key) == (target.bucket.as_str(), target.key.as_str()) && !replaces {
            return Err(Refusal::new(
                400,
                "InvalidRequest",
                "This copy request is illegal because it is trying to copy an object to itself without changing \
                 the object's metadata",
            ));
        }
        if replaces {
            object.headers = object_headers(headers);
        }
        object.modified = self.now();
        let shown = model::CopyObjectResult {
            e_tag: Some(object.etag.clone()),
            last_modified: Some(show_time(object.modified)),
            ..model::CopyObjectResult::default()
        };
        store.put(&target.bucket, &target.key, object, headers)?;
        Ok(wire::serialize_copy_object_response(&shown))
    }

    /// Deleting what is not there succeeds, unless there is a condition on it.
    pub(super) fn delete_object(&self, target: &Target, conditions: &HeaderMap) -> Outcome {
        self.lock()
            .delete(&target.bucket, &target.key, conditions)?;
        Ok(MockResponse {
            status: 204,
            headers: HeaderMap::new(),
            body: Bytes::new(),
        })
    }

    pub(super) fn delete_objects(&self, target: &Target, request: &MockRequest) -> Outcome {
        let input = wire::deserialize_delete_objects_request(
            request,
            &[("Bucket", target.bucket.as_str())],
            &target.query,
        )
        .map_err(|_| Refusal::malformed())?;
        if input.delete.objects.is_empty() || input.delete.objects.len() > 1000 {
            return Err(Refusal::malformed());
        }
        let mut store = self.lock();
        let objects = store.bucket_mut(&target.bucket)?;
        let mut deleted = Vec::new();
        for identifier in input.delete.objects {
            objects.remove(&identifier.key);
            deleted.push(model::DeletedObject {
                key: Some(identifier.key),
                ..model::DeletedObject::default()
            });
        }
        if input.delete.quiet == Some(true) {
            deleted.clear();
        }
        Ok(wire::serialize_delete_objects_response(
            &model::DeleteObjectsOutput {
                deleted: Some(deleted),
                errors: None,
            },
        ))
    }
}

/// The checksum of a request's body, if the client's own checksums are right.
pub(super) fn verified(request: &MockRequest) -> Result<Option<Checksum>, Refusal> {
    if let Some(sent) = request.headers.get("content-md5")
        && sent.as_bytes() != BASE64.encode(Md5::digest(&request.body)).as_bytes()
    {
        return Err(Refusal::new(
            400,
            "BadDigest",
            "The Content-MD5 you specified did not match what we received.",
        ));
    }
    checksum::verify(&request.headers, &request.body).map_err(|algorithm| {
        let name = algorithm_name(algorithm);
        Refusal::new(
            400,
            "BadDigest",
            format!("The {name} you specified did not match the calculated checksum."),
        )
    })
}

/// `CRC32`, `SHA256`, and so on.
pub(super) fn algorithm_name(algorithm: Algorithm) -> &'static str {
    algorithm.element().trim_start_matches("Checksum")
}

/// The conditions of a read (RFC 9110, 13). `Ok(false)` is "not modified".
fn check_read<'a>(
    object: &Object,
    text: &impl Fn(HeaderName) -> Option<&'a str>,
) -> Result<bool, Refusal> {
    let time = |name| {
        let time = jiff::fmt::rfc2822::parse(text(name)?).ok()?;
        Some(time.timestamp())
    };
    // HTTP's dates have no fractions.
    let modified = Timestamp::from_second(object.modified.as_second()).unwrap_or(object.modified);
    match (text(IF_MATCH), time(IF_UNMODIFIED_SINCE)) {
        (Some(wanted), _) if !names_etag(wanted, &object.etag) => {
            return Err(Refusal::precondition());
        }
        (None, Some(since)) if modified > since => return Err(Refusal::precondition()),
        _ => {}
    }
    Ok(match (text(IF_NONE_MATCH), time(IF_MODIFIED_SINCE)) {
        (Some(none), _) => !names_etag(none, &object.etag),
        (None, Some(since)) => modified > since,
        (None, None) => true,
    })
}

/// Shows a checksum and of what it is.
pub(super) fn show_checksum(headers: &mut HeaderMap, checksum: Option<&Checksum>) {
    let Some(checksum) = checksum else { return };
    insert(headers, checksum.algorithm.header(), &checksum.value);
    let kind = kind_name(checksum.kind);
    headers.insert("x-amz-checksum-type", HeaderValue::from_static(kind));
}

pub(super) fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::FullObject => "FULL_OBJECT",
        Kind::Composite => "COMPOSITE",
    }
}

pub(super) fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
