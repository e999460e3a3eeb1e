//! What an object has besides its content: metadata headers and a checksum.
//!
//! Kept beside the store, and tied to the ETag: once the object is another, its former extras are not
//! shown.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, EXPIRES,
};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::Target;
use super::checksum::{self, Algorithm, Checksum, Kind};

/// Headers of an upload that belong to the object, besides `x-amz-meta-*`.
const KEPT_HEADERS: [HeaderName; 5] =
    [CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, EXPIRES];

/// What one object has.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    etag: HeaderValue,
    pub(super) headers: HeaderMap,
    pub(super) checksum: Option<Checksum>,
}

/// A multipart upload under way.
#[derive(Clone, Debug, Default)]
pub(super) struct Upload {
    /// The headers with which it began.
    pub(super) headers: HeaderMap,
    parts: BTreeMap<u32, Checksum>,
}

/// The extras of all objects.
#[derive(Debug, Default)]
pub(super) struct Extras {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// By bucket and percent-encoded key.
    objects: HashMap<(String, String), Kept>,
    uploads: HashMap<String, Upload>,
}

impl Extras {
    /// What the object has, if it still is the one with this ETag.
    pub(super) fn of(&self, bucket: &str, key: &str, etag: Option<&HeaderValue>) -> Option<Kept> {
        let kept = self.lock().objects.get(&(bucket.to_owned(), key.to_owned()))?.clone();
        (Some(&kept.etag) == etag).then_some(kept)
    }

    /// Keeps what an upload said about its object.
    pub(super) fn keep(
        &self,
        bucket: &str,
        key: &str,
        etag: Option<&HeaderValue>,
        upload: &HeaderMap,
        checksum: Option<Checksum>,
    ) {
        let Some(etag) = etag.cloned() else { return };
        let kept = Kept { etag, headers: object_headers(upload), checksum };
        self.lock().objects.insert((bucket.to_owned(), key.to_owned()), kept);
    }

    /// Gives a copy what its source has; `replacing` are the headers that take the place of the
    /// source's metadata.
    pub(super) fn copy(
        &self,
        source: Option<&str>,
        target: &Target,
        etag: Option<&HeaderValue>,
        replacing: Option<&HeaderMap>,
    ) {
        let Some(etag) = etag.cloned() else { return };
        let mut state = self.lock();
        let source = source.and_then(|source| source.trim_start_matches('/').split_once('/'));
        let original = source.and_then(|(bucket, key)| {
            state.objects.get(&(bucket.to_owned(), key.to_owned())).cloned()
        });
        let checksum = original.as_ref().and_then(|kept| kept.checksum.clone());
        let headers = match replacing {
            Some(headers) => object_headers(headers),
            None => original.map(|kept| kept.headers).unwrap_or_default(),
        };
        let place = (target.bucket.clone(), target.key.clone());
        state.objects.insert(place, Kept { etag, headers, checksum });
    }

    /// An upload begins.
    pub(super) fn begin_upload(&self, id: &str, headers: HeaderMap) {
        let upload = Upload { headers, parts: BTreeMap::new() };
        self.lock().uploads.insert(id.to_owned(), upload);
    }

    /// A part of an upload arrived.
    pub(super) fn add_part(&self, id: &str, number: u32, checksum: Checksum) {
        if let Some(upload) = self.lock().uploads.get_mut(id) {
            upload.parts.insert(number, checksum);
        }
    }

    /// An upload is complete.
    pub(super) fn end_upload(&self, id: &str) -> Option<Upload> {
        self.lock().uploads.remove(id)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Upload {
    /// The algorithm that the upload asked for, or that of its parts.
    pub(super) fn algorithm(&self) -> Algorithm {
        self.headers
            .get("x-amz-checksum-algorithm")
            .and_then(|name| Algorithm::named(name.to_str().ok()?))
            .or_else(|| self.parts.values().next().map(|part| part.algorithm))
            .unwrap_or(Algorithm::Crc64Nvme)
    }

    /// The kind that the upload asked for; else CRC-64 is of the object and all others of the parts.
    pub(super) fn kind(&self) -> Kind {
        match self.headers.get("x-amz-checksum-type").map(HeaderValue::as_bytes) {
            Some(b"FULL_OBJECT") => Kind::FullObject,
            Some(b"COMPOSITE") => Kind::Composite,
            _ if self.algorithm() == Algorithm::Crc64Nvme => Kind::FullObject,
            _ => Kind::Composite,
        }
    }

    /// The checksum over the parts' checksums.
    pub(super) fn composite(&self) -> Option<Checksum> {
        checksum::composite(&self.parts.values().collect::<Vec<_>>())
    }
}

fn object_headers(upload: &HeaderMap) -> HeaderMap {
    upload
        .iter()
        .filter(|(name, value)| {
            (name.as_str().starts_with("x-amz-meta-") || KEPT_HEADERS.contains(name)) && !value.is_empty()
        })
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}
