//! S3.
//!
//! Objects, listings and uploads are ours, because `winterbaume-s3`'s lose bytes, checksums and races; its wire
//! types show them. Buckets are kept by both: what is set on a bucket (tags, encryption, policy, public access
//! block) is its work. Writes are atomic, which makes `If-None-Match: *` a lock that only one of two writers
//! gets, and `If-Match` one that only its owner renews and removes. `Date` is the virtual clock's time. There are no versions of objects, and nobody checks signatures.

mod checksum;
mod listing;
mod object;
mod range;
mod refusal;
mod store;
mod upload;

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use http::HeaderMap;
use http::header::DATE;
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use winterbaume_core::{MockRequest, MockResponse, MockService};
use winterbaume_s3::{S3Service, model, wire};

use crate::server::form;
use crate::world::{ObjectStorage, World};
use listing::Question;
use refusal::Refusal;
use store::{Object, Store};

/// Characters of a key that stay as they are in an address.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The service.
pub(crate) struct Storage {
    world: Arc<World>,
    store: Mutex<Store>,
    /// Keeps what is set on buckets.
    settings: S3Service,
}

/// What a request is about.
struct Target {
    bucket: String,
    /// Decoded; empty for the bucket itself.
    key: String,
    query: HashMap<String, String>,
}

type Outcome = Result<MockResponse, Refusal>;

impl Target {
    /// The target of an address in path style.
    fn of(uri: &str) -> Self {
        let rest = uri.split_once("://").map_or(uri, |(_, rest)| rest);
        let path = rest.split_once('/').map_or("", |(_, path)| path);
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        Self {
            bucket: bucket.to_owned(),
            key: percent_decode_str(key).decode_utf8_lossy().into_owned(),
            query: form::parse(query.as_bytes()),
        }
    }

    fn asks(&self, name: &str) -> bool {
        self.query.contains_key(name)
    }

    /// A value of the query; empty if it is not there.
    fn value(&self, name: &str) -> &str {
        self.query.get(name).map(String::as_str).unwrap_or_default()
    }

    /// True if the query names no sub-resource: at most what clients add unasked and signatures.
    fn is_plain(&self) -> bool {
        self.query.keys().all(|name| {
            name == "x-id"
                || name.starts_with("X-Amz-")
                || name.starts_with("response-")
                || matches!(name.as_str(), "AWSAccessKeyId" | "Signature" | "Expires")
        })
    }
}

impl Storage {
    /// A service without buckets.
    pub(crate) fn new(world: &Arc<World>) -> Self {
        Self {
            world: world.clone(),
            store: Mutex::default(),
            settings: S3Service::new(),
        }
    }

    async fn answer(&self, request: MockRequest) -> MockResponse {
        let target = Target::of(&request.uri);
        let is_head = request.method == "HEAD";
        let outcome = if target.key.is_empty() {
            self.bucket_request(&target, request).await
        } else {
            self.object_request(&target, &request)
        };
        let mut answer = match outcome {
            Ok(answer) => answer,
            // An answer to HEAD has no body, not even to say what is wrong.
            Err(refusal) if is_head => MockResponse {
                status: refusal.status,
                headers: HeaderMap::new(),
                body: Bytes::new(),
            },
            Err(refusal) => refusal.into(),
        };
        // Of the same clock as Last-Modified: clients judge the age of an object by the two.
        object::insert(&mut answer.headers, DATE, &http_date(self.now()));
        answer
    }

    async fn bucket_request(&self, target: &Target, request: MockRequest) -> Outcome {
        let listing = || {
            ["prefix", "marker", "delimiter", "max-keys", "encoding-type"]
                .iter()
                .any(|name| target.asks(name))
        };
        match request.method.as_str() {
            "PUT" if target.is_plain() => self.create_bucket(target, request).await,
            "DELETE" if target.is_plain() => self.delete_bucket(target, request).await,
            "PUT" if target.asks("versioning") => {
                Err(Refusal::not_implemented("versions of objects"))
            }
            "GET" if target.asks("list-type") => self.list(target),
            "GET" if target.asks("uploads") => self.list_uploads(target),
            "GET" if target.asks("versions") => {
                Err(Refusal::not_implemented("versions of objects"))
            }
            "GET" if !target.bucket.is_empty() && (target.is_plain() || listing()) => {
                self.list_old(target)
            }
            "POST" if target.asks("delete") => self.delete_objects(target, &request),
            _ => Ok(self.settings.handle(request).await),
        }
    }

    fn object_request(&self, target: &Target, request: &MockRequest) -> Outcome {
        let headers = &request.headers;
        match request.method.as_str() {
            "PUT" if target.asks("partNumber") => self.upload_part(target, request),
            "PUT" if !target.is_plain() => {
                Err(Refusal::not_implemented("this setting of an object"))
            }
            "PUT" if headers.contains_key("x-amz-copy-source") => self.copy(target, headers),
            "PUT" => self.put_object(target, request),
            "GET" if target.asks("uploadId") => self.list_parts(target),
            "GET" | "HEAD" if target.is_plain() => self.read(target, request),
            "DELETE" if target.asks("uploadId") => self.abort_upload(target),
            "DELETE" if target.is_plain() => self.delete_object(target, headers),
            "POST" if target.asks("uploads") => self.begin_upload(target, headers),
            "POST" if target.asks("uploadId") => self.complete_upload(target, request),
            method => Err(Refusal::not_implemented(&format!(
                "{method} of this part of an object"
            ))),
        }
    }

    async fn create_bucket(&self, target: &Target, request: MockRequest) -> Outcome {
        if !is_bucket_name(&target.bucket) {
            return Err(Refusal::new(
                400,
                "InvalidBucketName",
                "The specified bucket is not valid.",
            ));
        }
        let answer = self.settings.handle(request).await;
        if answer.status == 200 {
            self.lock()
                .buckets
                .entry(target.bucket.clone())
                .or_default();
        }
        Ok(answer)
    }

    async fn delete_bucket(&self, target: &Target, request: MockRequest) -> Outcome {
        {
            let mut store = self.lock();
            if !store.bucket(&target.bucket)?.is_empty() {
                return Err(Refusal::new(
                    409,
                    "BucketNotEmpty",
                    "The bucket you tried to delete is not empty",
                ));
            }
            store.buckets.remove(&target.bucket);
        }
        Ok(self.settings.handle(request).await)
    }

    fn list(&self, target: &Target) -> Outcome {
        let token = target.value("continuation-token");
        let after = if token.is_empty() {
            target.value("start-after").to_owned()
        } else {
            hex::decode(token)
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .ok_or_else(|| {
                    Refusal::new(
                        400,
                        "InvalidArgument",
                        "The continuation token provided is incorrect",
                    )
                })?
        };
        let question = question(target, after);
        let store = self.lock();
        let page = listing::page(store.bucket(&target.bucket)?, &question);
        let shown = |text: &str| shown(target, text);
        let (contents, prefixes) = (contents(target, &page), prefixes(target, &page));
        let output = model::ListObjectsV2Output {
            name: Some(target.bucket.clone()),
            prefix: Some(shown(&question.prefix)),
            delimiter: Some(question.delimiter.clone()).filter(|text| !text.is_empty()),
            encoding_type: target.query.get("encoding-type").cloned(),
            key_count: i32::try_from(contents.len() + prefixes.len()).ok(),
            max_keys: i32::try_from(question.most).ok(),
            is_truncated: Some(page.next.is_some()),
            next_continuation_token: page.next.map(hex::encode),
            continuation_token: Some(token.to_owned()).filter(|token| !token.is_empty()),
            start_after: target.query.get("start-after").map(|text| shown(text)),
            contents: Some(contents),
            common_prefixes: Some(prefixes),
        };
        Ok(wire::serialize_list_objects_v2_response(&output))
    }

    /// ListObjects, the first version.
    fn list_old(&self, target: &Target) -> Outcome {
        let question = question(target, target.value("marker").to_owned());
        let store = self.lock();
        let page = listing::page(store.bucket(&target.bucket)?, &question);
        let shown = |text: &str| shown(target, text);
        let output = model::ListObjectsOutput {
            name: Some(target.bucket.clone()),
            prefix: Some(shown(&question.prefix)),
            delimiter: Some(question.delimiter.clone()).filter(|text| !text.is_empty()),
            encoding_type: target.query.get("encoding-type").cloned(),
            marker: Some(shown(&question.after)),
            max_keys: i32::try_from(question.most).ok(),
            is_truncated: Some(page.next.is_some()),
            next_marker: page.next.as_deref().map(shown),
            contents: Some(contents(target, &page)),
            common_prefixes: Some(prefixes(target, &page)),
        };
        Ok(wire::serialize_list_objects_response(&output))
    }

    fn now(&self) -> Timestamp {
        self.world.clock.now()
    }

    fn lock(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MockService for Storage {
    fn service_name(&self) -> &str {
        "s3"
    }

    fn url_patterns(&self) -> Vec<&str> {
        Vec::new()
    }

    fn handle(
        &self,
        request: MockRequest,
    ) -> Pin<Box<dyn Future<Output = MockResponse> + Send + '_>> {
        Box::pin(self.answer(request))
    }
}

#[async_trait]
impl ObjectStorage for Storage {
    async fn ensure_bucket(&self, bucket: &str) {
        if self.has_bucket(bucket).await {
            return;
        }
        let uri = format!(
            "https://s3.{}.amazonaws.com/{bucket}",
            self.world.region.as_str()
        );
        let (headers, body) = (HeaderMap::new(), Bytes::new());
        self.answer(MockRequest {
            method: "PUT".to_owned(),
            uri,
            headers,
            body,
        })
        .await;
    }

    async fn has_bucket(&self, bucket: &str) -> bool {
        self.lock().buckets.contains_key(bucket)
    }

    async fn get(&self, bucket: &str, key: &str) -> Option<Bytes> {
        self.lock()
            .object(bucket, key)
            .ok()
            .map(|object| object.content.clone())
    }

    async fn has(&self, bucket: &str, key: &str) -> bool {
        self.lock().object(bucket, key).is_ok()
    }

    async fn put(&self, bucket: &str, key: &str, content: Bytes) {
        let headers = HeaderMap::new();
        let object = Object::new(content, &headers, None, self.now());
        if let Err(refusal) = self.lock().put(bucket, key, object, &headers) {
            tracing::warn!(
                bucket,
                key,
                message = refusal.message,
                "the object was not written"
            );
        }
    }

    async fn delete(&self, bucket: &str, key: &str) {
        if let Ok(objects) = self.lock().bucket_mut(bucket) {
            objects.remove(key);
        }
    }
}

fn question(target: &Target, after: String) -> Question {
    Question {
        prefix: target.value("prefix").to_owned(),
        delimiter: target.value("delimiter").to_owned(),
        after,
        most: target.value("max-keys").parse().unwrap_or(1000).min(1000),
    }
}

/// A key as a list shows it: encoded if the client asked for that, because XML cannot hold every key.
fn shown(target: &Target, text: &str) -> String {
    if target.value("encoding-type") == "url" {
        utf8_percent_encode(text, ENCODED).to_string()
    } else {
        text.to_owned()
    }
}

fn contents(target: &Target, page: &listing::Page<'_>) -> Vec<model::Object> {
    page.objects
        .iter()
        .map(|(key, object)| model::Object {
            key: Some(shown(target, key)),
            e_tag: Some(object.etag.clone()),
            last_modified: Some(show_time(object.modified)),
            size: i64::try_from(object.content.len()).ok(),
            storage_class: Some("STANDARD".to_owned()),
            ..model::Object::default()
        })
        .collect()
}

fn prefixes(target: &Target, page: &listing::Page<'_>) -> Vec<model::CommonPrefix> {
    page.prefixes
        .iter()
        .map(|prefix| model::CommonPrefix {
            prefix: Some(shown(target, prefix)),
        })
        .collect()
}

/// A time as HTTP has it (RFC 9110, 5.6.7).
fn http_date(time: Timestamp) -> String {
    time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// A time as S3's XML has it.
fn show_time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// 3 to 63 of lower-case letters, digits, dots and hyphens; a letter or digit at both ends.
fn is_bucket_name(name: &str) -> bool {
    let is_edge = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (3..=63).contains(&name.len())
        && name
            .bytes()
            .all(|byte| is_edge(byte) || byte == b'-' || byte == b'.')
        && name.bytes().next().is_some_and(is_edge)
        && name.bytes().last().is_some_and(is_edge)
        && !name.contains("..")
}

#[cfg(test)]
mod tests {
    use http::header::CONTENT_RANGE;

    use super::*;
    use crate::services::tests_support::{text, world_with_faults};

    async fn storage() -> Storage {
        let storage = Storage::new(&world_with_faults(""));
        storage.ensure_bucket("shop-bundles").await;
        storage
    }

    fn request(
        method: &str,
        path: &str,
        headers: &[(&'static str, &str)],
        body: &str,
    ) -> MockRequest {
        let headers = headers
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()))
            .collect();
        MockRequest {
            method: method.to_owned(),
            uri: format!("https://s3.eu-central-1.amazonaws.com{path}"),
            headers,
            body: Bytes::copy_from_slice(body.as_bytes()),
        }
    }

    #[tokio::test]
    async fn of_many_writers_who_want_to_be_first_one_is() {
        let storage = Arc::new(storage().await);
        let attempts: Vec<_> = (0..20)
            .map(|number: u32| {
                let storage = storage.clone();
                tokio::spawn(async move {
                    let first = [("if-none-match", "*")];
                    let put = request("PUT", "/shop-bundles/lock", &first, &number.to_string());
                    storage.handle(put).await.status
                })
            })
            .collect();
        let mut statuses = Vec::new();
        for attempt in attempts {
            statuses.push(attempt.await.unwrap());
        }
        assert_eq!(
            statuses.iter().filter(|status| **status == 200).count(),
            1,
            "{statuses:?}"
        );
        assert_eq!(statuses.iter().filter(|status| **status == 412).count(), 19);
    }

    #[tokio::test]
    async fn every_answer_tells_the_time_of_the_virtual_clock() {
        let storage = storage().await;
        let clock = storage.world.clock.clone();
        storage
            .put("shop-bundles", "k", Bytes::from_static(b"x"))
            .await;
        let begun = clock.now();
        clock.sleep(std::time::Duration::from_secs(90)).await;
        let time = |answer: &MockResponse, name: &str| {
            let text = answer.headers[name].to_str().unwrap().to_owned();
            jiff::fmt::rfc2822::parse(&text).unwrap().timestamp()
        };
        let head = storage
            .handle(request("HEAD", "/shop-bundles/k", &[], ""))
            .await;
        let age = time(&head, "date").duration_since(time(&head, "last-modified"));
        assert!(age.as_secs() >= 89, "{age}");
        let missing = storage
            .handle(request("GET", "/shop-bundles/none", &[], ""))
            .await;
        assert_eq!(missing.status, 404);
        let passed = time(&missing, "date").duration_since(begun);
        assert!(passed.as_secs() >= 89, "{passed}");
    }

    #[tokio::test]
    async fn head_shows_metadata_and_checksums_to_those_who_ask() {
        let storage = storage().await;
        let sha = "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=";
        let headers = [
            ("x-amz-checksum-sha256", sha),
            ("x-amz-meta-commit", "abc123"),
        ];
        let put = storage
            .handle(request("PUT", "/shop-bundles/a/b.zip", &headers, "abc"))
            .await;
        assert_eq!(put.status, 200, "{}", text(&put));
        let head = storage
            .handle(request("HEAD", "/shop-bundles/a/b.zip", &[], ""))
            .await;
        assert_eq!(head.headers["x-amz-meta-commit"], "abc123");
        assert!(!head.headers.contains_key("x-amz-checksum-sha256"));
        let mode = [("x-amz-checksum-mode", "ENABLED")];
        let head = storage
            .handle(request("HEAD", "/shop-bundles/a/b.zip", &mode, ""))
            .await;
        assert_eq!(head.headers["x-amz-checksum-sha256"], sha);
        let wrong = storage
            .handle(request(
                "PUT",
                "/shop-bundles/c",
                &[("x-amz-checksum-sha256", sha)],
                "x",
            ))
            .await;
        assert_eq!(wrong.status, 400);
        assert!(text(&wrong).contains("BadDigest"));
        let wrong = storage
            .handle(request(
                "PUT",
                "/shop-bundles/c",
                &[("content-md5", "AAAA")],
                "x",
            ))
            .await;
        assert!(text(&wrong).contains("BadDigest"));
        assert!(!storage.has("shop-bundles", "c").await);
    }

    #[tokio::test]
    async fn serves_ranges_and_conditions() {
        let storage = storage().await;
        storage
            .put("shop-bundles", "k", Bytes::from_static(b"0123456789"))
            .await;
        let get = |headers: &[(&'static str, &str)]| {
            storage.handle(request("GET", "/shop-bundles/k", headers, ""))
        };
        let part = get(&[("range", "bytes=2-4")]).await;
        assert_eq!((part.status, text(&part).as_str()), (206, "234"));
        assert_eq!(part.headers[CONTENT_RANGE], "bytes 2-4/10");
        assert_eq!(get(&[("range", "bytes=10-")]).await.status, 416);
        let etag = part.headers["etag"].to_str().unwrap().to_owned();
        assert_eq!(get(&[("if-none-match", &etag)]).await.status, 304);
        assert_eq!(get(&[("if-match", "\"other\"")]).await.status, 412);
    }

    #[tokio::test]
    async fn other_services_see_what_clients_wrote() {
        let storage = storage().await;
        storage
            .handle(request(
                "PUT",
                "/shop-bundles/my%20app/gr%C3%BCn.zip",
                &[],
                "zip",
            ))
            .await;
        assert_eq!(
            storage
                .get("shop-bundles", "my app/grün.zip")
                .await
                .unwrap(),
            "zip"
        );
        let listed = storage
            .handle(request("GET", "/shop-bundles?list-type=2", &[], ""))
            .await;
        assert!(
            text(&listed).contains("<Key>my app/grün.zip</Key>"),
            "{}",
            text(&listed)
        );
        storage.delete("shop-bundles", "my app/grün.zip").await;
        assert!(!storage.has("shop-bundles", "my app/grün.zip").await);
        assert!(!storage.has_bucket("other").await);
    }

    #[test]
    fn bucket_names() {
        assert!(is_bucket_name("elasticbeanstalk-eu-central-1-123456789012"));
        for wrong in ["ab", "Shop", "-shop", "shop-", "a..b", "a_b"] {
            assert!(!is_bucket_name(wrong), "{wrong}");
        }
    }
}
