//! Buckets, objects and uploads as they are. Pure: no wire, no clock.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE, EXPIRES,
    IF_MATCH, IF_NONE_MATCH,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use md5::{Digest as _, Md5};

use super::checksum::{self, Algorithm, Checksum, Kind};
use super::refusal::Refusal;

/// Headers of an upload that belong to the object, besides `x-amz-meta-*`.
const KEPT_HEADERS: [HeaderName; 6] = [
    CACHE_CONTROL,
    CONTENT_DISPOSITION,
    CONTENT_ENCODING,
    CONTENT_LANGUAGE,
    CONTENT_TYPE,
    EXPIRES,
];

/// The smallest part of a multipart upload but the last: 5 MiB.
const SMALLEST_PART: usize = 5 * 1024 * 1024;

/// All buckets.
#[derive(Debug, Default)]
pub(super) struct Store {
    pub(super) buckets: BTreeMap<String, BTreeMap<String, Object>>,
    pub(super) uploads: BTreeMap<String, Upload>,
}

/// An object.
#[derive(Clone, Debug)]
pub(super) struct Object {
    pub(super) content: Bytes,
    /// With its quotation marks.
    pub(super) etag: String,
    pub(super) modified: Timestamp,
    /// Content-Type and its kin, and user metadata.
    pub(super) headers: HeaderMap,
    pub(super) checksum: Option<Checksum>,
}

/// A multipart upload under way.
#[derive(Clone, Debug)]
pub(super) struct Upload {
    pub(super) bucket: String,
    pub(super) key: String,
    /// The headers with which it began.
    pub(super) headers: HeaderMap,
    pub(super) began: Timestamp,
    pub(super) parts: BTreeMap<i32, Part>,
}

/// A part of one.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) content: Bytes,
    pub(super) etag: String,
    pub(super) checksum: Option<Checksum>,
    pub(super) uploaded: Timestamp,
}

impl Object {
    /// An object from one request.
    pub(super) fn new(
        content: Bytes,
        upload: &HeaderMap,
        checksum: Option<Checksum>,
        now: Timestamp,
    ) -> Self {
        let etag = etag(&content);
        Self {
            content,
            etag,
            modified: now,
            headers: object_headers(upload),
            checksum,
        }
    }
}

impl Store {
    /// The objects of a bucket.
    pub(super) fn bucket(&self, name: &str) -> Result<&BTreeMap<String, Object>, Refusal> {
        self.buckets.get(name).ok_or_else(Refusal::no_bucket)
    }

    /// As [`Self::bucket`], to change them.
    pub(super) fn bucket_mut(
        &mut self,
        name: &str,
    ) -> Result<&mut BTreeMap<String, Object>, Refusal> {
        self.buckets.get_mut(name).ok_or_else(Refusal::no_bucket)
    }

    /// An object.
    pub(super) fn object(&self, bucket: &str, key: &str) -> Result<&Object, Refusal> {
        self.bucket(bucket)?.get(key).ok_or_else(Refusal::no_key)
    }

    /// Writes an object if the conditions in `conditions` hold.
    pub(super) fn put(
        &mut self,
        bucket: &str,
        key: &str,
        object: Object,
        conditions: &HeaderMap,
    ) -> Result<(), Refusal> {
        let objects = self.bucket_mut(bucket)?;
        check_write(conditions, objects.get(key))?;
        objects.insert(key.to_owned(), object);
        Ok(())
    }

    /// Deletes an object if the conditions in `conditions` hold.
    pub(super) fn delete(
        &mut self,
        bucket: &str,
        key: &str,
        conditions: &HeaderMap,
    ) -> Result<(), Refusal> {
        let objects = self.bucket_mut(bucket)?;
        check_write(conditions, objects.get(key))?;
        objects.remove(key);
        Ok(())
    }

    /// The upload with this id, if it is for this object.
    pub(super) fn upload_mut(
        &mut self,
        id: &str,
        bucket: &str,
        key: &str,
    ) -> Result<&mut Upload, Refusal> {
        self.uploads
            .get_mut(id)
            .filter(|upload| upload.bucket == bucket && upload.key == key)
            .ok_or_else(Refusal::no_upload)
    }

    /// Makes an object of the parts that are listed: their numbers, and their ETags if they are known.
    pub(super) fn complete(
        &mut self,
        id: &str,
        (bucket, key): (&str, &str),
        listed: &[(i32, Option<String>)],
        conditions: &HeaderMap,
        now: Timestamp,
    ) -> Result<Object, Refusal> {
        let upload = self.upload_mut(id, bucket, key)?;
        let object = upload.assemble(listed, now)?;
        self.put(bucket, key, object.clone(), conditions)?;
        self.uploads.remove(id);
        Ok(object)
    }
}

impl Upload {
    fn assemble(
        &self,
        listed: &[(i32, Option<String>)],
        now: Timestamp,
    ) -> Result<Object, Refusal> {
        if listed.is_empty() {
            return Err(Refusal::malformed());
        }
        if !listed.is_sorted_by(|(earlier, _), (later, _)| earlier < later) {
            return Err(Refusal::new(
                400,
                "InvalidPartOrder",
                "The list of parts was not in ascending order. Parts must be ordered by part number.",
            ));
        }
        let mut content = BytesMut::new();
        let mut digests = Vec::new();
        let mut checksums = Vec::new();
        for (position, (number, known)) in listed.iter().enumerate() {
            let part = self
                .parts
                .get(number)
                .filter(|part| known.as_ref().is_none_or(|known| same_etag(known, &part.etag)))
                .ok_or_else(|| {
                    Refusal::new(
                        400,
                        "InvalidPart",
                        "One or more of the specified parts could not be found. The part may not have been \
                         uploaded, or the specified entity tag may not match the part's entity tag.",
                    )
                })?;
            if part.content.len() < SMALLEST_PART && position + 1 < listed.len() {
                return Err(Refusal::new(
                    400,
                    "EntityTooSmall",
                    "Your proposed upload is smaller than the minimum allowed size",
                ));
            }
            content.extend_from_slice(&part.content);
            digests.extend(Md5::digest(&part.content));
            checksums.extend(&part.checksum);
        }
        let content = content.freeze();
        let checksum = match self.kind() {
            Kind::Composite => checksum::composite(&checksums),
            Kind::FullObject => checksum::full_object(self.algorithm(), &content),
        };
        Ok(Object {
            content,
            etag: format!(
                "\"{}-{}\"",
                hex::encode(Md5::digest(&digests)),
                listed.len()
            ),
            modified: now,
            headers: object_headers(&self.headers),
            checksum,
        })
    }

    /// The algorithm that the upload asked for, or that of its parts.
    pub(super) fn algorithm(&self) -> Algorithm {
        self.headers
            .get("x-amz-checksum-algorithm")
            .and_then(|name| Algorithm::named(name.to_str().ok()?))
            .or_else(|| {
                self.parts
                    .values()
                    .find_map(|part| Some(part.checksum.as_ref()?.algorithm))
            })
            .unwrap_or(Algorithm::Crc64Nvme)
    }

    /// The kind that the upload asked for; else CRC-64 is of the object and all others of the parts.
    fn kind(&self) -> Kind {
        match self
            .headers
            .get("x-amz-checksum-type")
            .map(HeaderValue::as_bytes)
        {
            Some(b"FULL_OBJECT") => Kind::FullObject,
            Some(b"COMPOSITE") => Kind::Composite,
            _ if self.algorithm() == Algorithm::Crc64Nvme => Kind::FullObject,
            _ => Kind::Composite,
        }
    }
}

/// The ETag of one request's bytes.
pub(super) fn etag(content: &[u8]) -> String {
    format!("\"{}\"", hex::encode(Md5::digest(content)))
}

/// True if two ETags are the same, with or without quotation marks.
pub(super) fn same_etag(left: &str, right: &str) -> bool {
    let bare = |etag: &str| {
        etag.trim()
            .trim_start_matches("W/")
            .trim_matches('"')
            .to_owned()
    };
    bare(left) == bare(right)
}

/// True if one of the ETags in a condition's list is this one; `*` is any.
pub(super) fn names_etag(condition: &str, etag: &str) -> bool {
    condition
        .split(',')
        .any(|one| one.trim() == "*" || same_etag(one, etag))
}

/// `If-None-Match` and `If-Match` of a write or a deletion.
fn check_write(conditions: &HeaderMap, current: Option<&Object>) -> Result<(), Refusal> {
    let condition = |name| {
        conditions
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    if let Some(none) = condition(IF_NONE_MATCH)
        && current.is_some_and(|object| names_etag(none, &object.etag))
    {
        return Err(Refusal::precondition());
    }
    match (condition(IF_MATCH), current) {
        (None, _) => Ok(()),
        // As S3: the condition cannot hold on what is not there.
        (Some(_), None) => Err(Refusal::no_key()),
        (Some(wanted), Some(object)) if names_etag(wanted, &object.etag) => Ok(()),
        (Some(_), Some(_)) => Err(Refusal::precondition()),
    }
}

/// The headers of an upload that belong to its object.
pub(super) fn object_headers(upload: &HeaderMap) -> HeaderMap {
    let mut headers: HeaderMap = upload
        .iter()
        .filter(|(name, value)| {
            (name.as_str().starts_with("x-amz-meta-") || KEPT_HEADERS.contains(name))
                && !value.is_empty()
        })
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    headers
        .entry(CONTENT_TYPE)
        .or_insert_with(|| HeaderValue::from_static("binary/octet-stream"));
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn store() -> Store {
        let mut store = Store::default();
        store.buckets.insert("b".to_owned(), BTreeMap::new());
        store
    }

    fn object(text: &str) -> Object {
        Object::new(
            Bytes::copy_from_slice(text.as_bytes()),
            &HeaderMap::new(),
            None,
            NOW,
        )
    }

    fn condition(name: &'static str, value: &str) -> HeaderMap {
        [(HeaderName::from_static(name), value.parse().unwrap())]
            .into_iter()
            .collect()
    }

    #[test]
    fn conditions_of_writes() {
        let mut store = store();
        let first = object("one");
        let code = |result: Result<(), Refusal>| result.unwrap_err().code;
        assert_eq!(
            code(store.put("b", "k", first.clone(), &condition("if-match", "*"))),
            "NoSuchKey"
        );
        store
            .put("b", "k", first.clone(), &condition("if-none-match", "*"))
            .unwrap();
        let again = store.put("b", "k", object("two"), &condition("if-none-match", "*"));
        assert_eq!(code(again), "PreconditionFailed");
        store
            .put("b", "k", object("two"), &condition("if-match", &first.etag))
            .unwrap();
        let stale = store.put(
            "b",
            "k",
            object("three"),
            &condition("if-match", &first.etag),
        );
        assert_eq!(code(stale), "PreconditionFailed");
        assert_eq!(
            code(store.put("c", "k", object("x"), &HeaderMap::new())),
            "NoSuchBucket"
        );
    }

    #[test]
    fn conditions_of_deletions() {
        let mut store = store();
        let first = object("one");
        let code = |result: Result<(), Refusal>| result.unwrap_err().code;
        store.delete("b", "k", &HeaderMap::new()).unwrap();
        let any = condition("if-match", "*");
        assert_eq!(code(store.delete("b", "k", &any)), "NoSuchKey");
        store
            .put("b", "k", first.clone(), &HeaderMap::new())
            .unwrap();
        let other = condition("if-match", "\"other\"");
        assert_eq!(code(store.delete("b", "k", &other)), "PreconditionFailed");
        assert!(store.object("b", "k").is_ok());
        store
            .delete("b", "k", &condition("if-match", &first.etag))
            .unwrap();
        assert!(store.object("b", "k").is_err());
    }

    #[test]
    fn parts_become_an_object_in_order() {
        let mut store = store();
        let part = |text: &[u8]| Part {
            content: Bytes::copy_from_slice(text),
            etag: etag(text),
            checksum: None,
            uploaded: NOW,
        };
        let large = vec![0xff; SMALLEST_PART];
        let parts = BTreeMap::from([(1, part(&large)), (2, part(b"end")), (3, part(b"small"))]);
        let upload = Upload {
            bucket: "b".to_owned(),
            key: "k".to_owned(),
            headers: HeaderMap::new(),
            began: NOW,
            parts,
        };
        store.uploads.insert("u".to_owned(), upload);
        let mut complete = |listed: &[(i32, Option<String>)]| {
            store
                .complete("u", ("b", "k"), listed, &HeaderMap::new(), NOW)
                .map(|object| object.etag)
        };
        let code = |result: Result<String, Refusal>| result.unwrap_err().code;
        assert_eq!(code(complete(&[(2, None), (1, None)])), "InvalidPartOrder");
        assert_eq!(
            code(complete(&[(1, Some("\"0\"".to_owned()))])),
            "InvalidPart"
        );
        assert_eq!(code(complete(&[(9, None)])), "InvalidPart");
        assert_eq!(code(complete(&[(2, None), (3, None)])), "EntityTooSmall");
        assert_eq!(code(complete(&[])), "MalformedXML");
        let whole = complete(&[(1, Some(etag(&large))), (2, None)]).unwrap();
        assert!(whole.ends_with("-2\""), "{whole}");
        assert_eq!(code(complete(&[(1, None)])), "NoSuchUpload");
        assert_eq!(
            store.object("b", "k").unwrap().content.len(),
            SMALLEST_PART + 3
        );
    }
}
