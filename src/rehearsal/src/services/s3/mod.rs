//! S3.
//!
//! Buckets, objects, listings, multipart uploads, copies and conditional requests are
//! `winterbaume-s3`'s. Around it stands what it lacks: checksums are checked and kept, HEAD shows user
//! metadata, ranges are served, names are checked, and writes happen one at a time, which makes
//! `If-None-Match: *` a lock that only one of two writers gets.

mod checksum;
mod extras;
mod range;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, ETAG, RANGE};
use http::{HeaderMap, HeaderValue};
use winterbaume_core::{MockRequest, MockResponse, MockService};
use winterbaume_s3::S3Service;

use crate::server::answers::Protocol;
use crate::server::form;
use crate::world::{ObjectStorage, World};
use checksum::{Algorithm, Checksum, Kind};
use extras::Extras;

/// The service.
pub(crate) struct Storage {
    world: Arc<World>,
    inner: S3Service,
    extras: Extras,
    /// One writer at a time.
    writing: tokio::sync::Mutex<()>,
}

/// What a request is about.
struct Target {
    bucket: String,
    /// As it stands in the address, percent-encoded; empty for the bucket itself.
    key: String,
    query: std::collections::HashMap<String, String>,
}

impl Storage {
    /// A service without buckets.
    pub(crate) fn new(world: &Arc<World>) -> Self {
        Self {
            world: world.clone(),
            inner: S3Service::new(),
            extras: Extras::default(),
            writing: tokio::sync::Mutex::default(),
        }
    }

    async fn answer(&self, request: MockRequest) -> MockResponse {
        let target = target(&request.uri);
        let method = request.method.clone();
        let is_object = !target.key.is_empty();
        match method.as_str() {
            "GET" | "HEAD" if is_object && reads_content(&target) => self.read(target, request).await,
            "GET" | "HEAD" => self.inner.handle(request).await,
            "PUT" if !is_object && target.query.keys().all(|name| name == "x-id") => {
                self.create_bucket(&target, request).await
            }
            _ if !is_object => self.inner.handle(request).await,
            _ => {
                let _writing = self.writing.lock().await;
                self.write(target, request).await
            }
        }
    }

    async fn create_bucket(&self, target: &Target, request: MockRequest) -> MockResponse {
        if !is_bucket_name(&target.bucket) {
            return refuse(400, "InvalidBucketName", "The specified bucket is not valid.");
        }
        self.inner.handle(request).await
    }

    /// GetObject and HeadObject.
    async fn read(&self, target: Target, request: MockRequest) -> MockResponse {
        let range = request.headers.get(RANGE).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let shows_checksums = request
            .headers
            .get("x-amz-checksum-mode")
            .is_some_and(|mode| mode.as_bytes().eq_ignore_ascii_case(b"enabled"));
        let is_head = request.method == "HEAD";
        let mut answer = self.inner.handle(request).await;
        if answer.status != 200 {
            return answer;
        }
        answer.headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        let etag = answer.headers.get(ETAG).cloned();
        if let Some(kept) = self.extras.of(&target.bucket, &target.key, etag.as_ref()) {
            for (name, value) in &kept.headers {
                answer.headers.insert(name.clone(), value.clone());
            }
            if shows_checksums && range.is_none() {
                show_checksum(&mut answer.headers, kept.checksum.as_ref());
            }
        }
        match range {
            Some(range) => part(answer, &range, is_head),
            None => answer,
        }
    }

    /// Everything that changes an object. The caller holds the lock of writers.
    async fn write(&self, target: Target, request: MockRequest) -> MockResponse {
        let asks = |name: &str| target.query.contains_key(name);
        match request.method.as_str() {
            "PUT" if asks("partNumber") => self.upload_part(&target, request).await,
            "PUT" if asks("tagging") || asks("acl") || asks("retention") || asks("legal-hold") => {
                self.inner.handle(request).await
            }
            "PUT" if request.headers.contains_key("x-amz-copy-source") => {
                self.copy(&target, request).await
            }
            "PUT" => self.put_object(&target, request).await,
            "POST" if asks("uploads") => self.begin_upload(request).await,
            "POST" if asks("uploadId") => self.complete_upload(&target, request).await,
            _ => self.inner.handle(request).await,
        }
    }

    async fn put_object(&self, target: &Target, request: MockRequest) -> MockResponse {
        let checksum = match checksum::verify(&request.headers, &request.body) {
            Ok(checksum) => checksum,
            Err(algorithm) => return bad_digest(algorithm),
        };
        let headers = request.headers.clone();
        let mut answer = self.inner.handle(request).await;
        if answer.status == 200 {
            show_checksum(&mut answer.headers, checksum.as_ref());
            let etag = answer.headers.get(ETAG);
            self.extras.keep(&target.bucket, &target.key, etag, &headers, checksum);
        }
        answer
    }

    async fn copy(&self, target: &Target, request: MockRequest) -> MockResponse {
        let headers = request.headers.clone();
        let answer = self.inner.handle(request).await;
        if answer.status == 200 {
            let etag = self.etag(target).await;
            let source = headers.get("x-amz-copy-source").and_then(|value| value.to_str().ok());
            let replaces = headers
                .get("x-amz-metadata-directive")
                .is_some_and(|value| value.as_bytes() == b"REPLACE");
            self.extras.copy(source, target, etag.as_ref(), replaces.then_some(&headers));
        }
        answer
    }

    async fn begin_upload(&self, request: MockRequest) -> MockResponse {
        let headers = request.headers.clone();
        let mut answer = self.inner.handle(request).await;
        if answer.status == 200 {
            if let Some(id) = element(&answer.body, "UploadId") {
                self.extras.begin_upload(&id, headers.clone());
            }
            for name in ["x-amz-checksum-algorithm", "x-amz-checksum-type"] {
                if let Some(value) = headers.get(name) {
                    answer.headers.insert(name, value.clone());
                }
            }
        }
        answer
    }

    async fn upload_part(&self, target: &Target, request: MockRequest) -> MockResponse {
        let checksum = match checksum::verify(&request.headers, &request.body) {
            Ok(checksum) => checksum,
            Err(algorithm) => return bad_digest(algorithm),
        };
        let mut answer = self.inner.handle(request).await;
        if answer.status == 200 {
            show_checksum(&mut answer.headers, checksum.as_ref());
            let number = target.query.get("partNumber").and_then(|number| number.parse().ok());
            if let (Some(id), Some(number), Some(checksum)) =
                (target.query.get("uploadId"), number, checksum)
            {
                self.extras.add_part(id, number, checksum);
            }
        }
        answer
    }

    async fn complete_upload(&self, target: &Target, request: MockRequest) -> MockResponse {
        let mut answer = self.inner.handle(request).await;
        if answer.status != 200 {
            return answer;
        }
        let upload = target.query.get("uploadId").and_then(|id| self.extras.end_upload(id));
        let Some(upload) = upload else { return answer };
        let checksum = match upload.kind() {
            Kind::Composite => upload.composite(),
            Kind::FullObject => {
                let content = self.content(target).await.unwrap_or_default();
                checksum::full_object(upload.algorithm(), &content)
            }
        };
        if let Some(checksum) = &checksum {
            let name = checksum.algorithm.element();
            let element = format!("<{name}>{}</{name}></CompleteMultipartUploadResult>", checksum.value);
            let xml = String::from_utf8_lossy(&answer.body)
                .replace("</CompleteMultipartUploadResult>", &element);
            answer.body = xml.into();
        }
        let etag = self.etag(target).await;
        self.extras.keep(&target.bucket, &target.key, etag.as_ref(), &upload.headers, checksum);
        answer
    }

    async fn etag(&self, target: &Target) -> Option<HeaderValue> {
        let answer = self.send("HEAD", &target.bucket, &target.key, Bytes::new()).await;
        answer.headers.get(ETAG).cloned()
    }

    async fn content(&self, target: &Target) -> Option<Bytes> {
        let answer = self.send("GET", &target.bucket, &target.key, Bytes::new()).await;
        (answer.status == 200).then_some(answer.body)
    }

    /// A request of our own. `key` is percent-encoded; empty for the bucket.
    async fn send(&self, method: &str, bucket: &str, key: &str, body: Bytes) -> MockResponse {
        let region = self.world.region.as_str();
        let uri = format!("https://s3.{region}.amazonaws.com/{bucket}/{key}");
        let headers = HeaderMap::new();
        self.inner.handle(MockRequest { method: method.to_owned(), uri, headers, body }).await
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
        if !self.has_bucket(bucket).await {
            self.send("PUT", bucket, "", Bytes::new()).await;
        }
    }

    async fn has_bucket(&self, bucket: &str) -> bool {
        self.send("HEAD", bucket, "", Bytes::new()).await.status == 200
    }

    async fn get(&self, bucket: &str, key: &str) -> Option<Bytes> {
        let answer = self.send("GET", bucket, &encoded(key), Bytes::new()).await;
        (answer.status == 200).then_some(answer.body)
    }

    async fn has(&self, bucket: &str, key: &str) -> bool {
        self.send("HEAD", bucket, &encoded(key), Bytes::new()).await.status == 200
    }

    async fn put(&self, bucket: &str, key: &str, content: Bytes) {
        let _writing = self.writing.lock().await;
        self.send("PUT", bucket, &encoded(key), content).await;
    }

    async fn delete(&self, bucket: &str, key: &str) {
        let _writing = self.writing.lock().await;
        self.send("DELETE", bucket, &encoded(key), Bytes::new()).await;
    }
}

/// The bucket, key and query of an address in path style.
fn target(uri: &str) -> Target {
    let rest = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    let path = rest.split_once('/').map_or("", |(_, path)| path);
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    Target {
        bucket: bucket.to_owned(),
        key: key.to_owned(),
        query: form::parse(query.as_bytes()),
    }
}

/// False for the sub-resources of an object, which are not its content.
fn reads_content(target: &Target) -> bool {
    let sub_resources =
        ["acl", "tagging", "legal-hold", "attributes", "retention", "uploadId", "torrent"];
    !sub_resources.iter().any(|name| target.query.contains_key(*name))
}

/// 3 to 63 of lower-case letters, digits, dots and hyphens; a letter or digit at both ends.
fn is_bucket_name(name: &str) -> bool {
    let is_edge = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (3..=63).contains(&name.len())
        && name.bytes().all(|byte| is_edge(byte) || byte == b'-' || byte == b'.')
        && name.bytes().next().is_some_and(is_edge)
        && name.bytes().last().is_some_and(is_edge)
        && !name.contains("..")
}

/// A key as it stands in an address: `/` stays, all but unreserved characters are encoded.
fn encoded(key: &str) -> String {
    const KEPT: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC
        .remove(b'/')
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~');
    percent_encoding::utf8_percent_encode(key, KEPT).to_string()
}

/// The text of the first element of this name.
fn element(body: &Bytes, name: &str) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (value, _) = rest.split_once('<')?;
    Some(value.to_owned())
}

/// The bytes that a range asks for.
fn part(mut answer: MockResponse, range: &str, is_head: bool) -> MockResponse {
    let announced = answer.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let length = announced.and_then(|value| value.parse().ok()).unwrap_or(answer.body.len());
    match range::wanted(range, length) {
        range::Wanted::All => answer,
        range::Wanted::OutOfRange => {
            refuse(416, "InvalidRange", "The requested range is not satisfiable")
        }
        range::Wanted::Part(first, last) => {
            let size = last + 1 - first;
            if !is_head {
                answer.body = answer.body.slice(first..first + size);
            }
            answer.status = 206;
            answer.headers.insert(CONTENT_LENGTH, HeaderValue::from(size));
            if let Ok(value) = HeaderValue::from_str(&format!("bytes {first}-{last}/{length}")) {
                answer.headers.insert(CONTENT_RANGE, value);
            }
            answer
        }
    }
}

fn show_checksum(headers: &mut HeaderMap, checksum: Option<&Checksum>) {
    let Some(checksum) = checksum else { return };
    if let Ok(value) = HeaderValue::from_str(&checksum.value) {
        headers.insert(checksum.algorithm.header(), value);
    }
    let kind = match checksum.kind {
        Kind::FullObject => "FULL_OBJECT",
        Kind::Composite => "COMPOSITE",
    };
    headers.insert("x-amz-checksum-type", HeaderValue::from_static(kind));
}

fn bad_digest(algorithm: Algorithm) -> MockResponse {
    let name = algorithm.element().trim_start_matches("Checksum");
    let message = format!("The {name} you specified did not match the calculated checksum.");
    refuse(400, "BadDigest", &message)
}

fn refuse(status: u16, code: &str, message: &str) -> MockResponse {
    Protocol::RestXml.error(status, code, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::tests_support::{text, world_with_faults};

    async fn storage() -> Storage {
        let storage = Storage::new(&world_with_faults(""));
        storage.ensure_bucket("shop-bundles").await;
        storage
    }

    fn request(method: &str, path: &str, headers: &[(&'static str, &str)], body: &str) -> MockRequest {
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
        let attempts = (0..20).map(|number| {
            let storage = storage.clone();
            tokio::spawn(async move {
                let put = request("PUT", "/shop-bundles/lock", &[("if-none-match", "*")], &number.to_string());
                storage.handle(put).await.status
            })
        });
        let mut statuses = Vec::new();
        for attempt in attempts {
            statuses.push(attempt.await.unwrap());
        }
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
        assert_eq!(statuses.iter().filter(|status| **status == 412).count(), 19);
    }

    #[tokio::test]
    async fn head_shows_metadata_and_checksums_to_those_who_ask() {
        let storage = storage().await;
        let sha = "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=";
        let headers = [("x-amz-checksum-sha256", sha), ("x-amz-meta-commit", "abc123")];
        let put = storage.handle(request("PUT", "/shop-bundles/a/b.zip", &headers, "abc")).await;
        assert_eq!(put.status, 200, "{}", text(&put));
        let head = storage.handle(request("HEAD", "/shop-bundles/a/b.zip", &[], "")).await;
        assert_eq!(head.headers["x-amz-meta-commit"], "abc123");
        assert!(!head.headers.contains_key("x-amz-checksum-sha256"));
        let mode = [("x-amz-checksum-mode", "ENABLED")];
        let head = storage.handle(request("HEAD", "/shop-bundles/a/b.zip", &mode, "")).await;
        assert_eq!(head.headers["x-amz-checksum-sha256"], sha);
        let wrong = storage.handle(request("PUT", "/shop-bundles/c", &[("x-amz-checksum-sha256", sha)], "x")).await;
        assert_eq!(wrong.status, 400);
        assert!(text(&wrong).contains("BadDigest"));
        assert!(!storage.has("shop-bundles", "c").await);
    }

    #[tokio::test]
    async fn serves_ranges() {
        let storage = storage().await;
        storage.put("shop-bundles", "k", Bytes::from_static(b"0123456789")).await;
        let get = storage.handle(request("GET", "/shop-bundles/k", &[("range", "bytes=2-4")], "")).await;
        assert_eq!((get.status, text(&get).as_str()), (206, "234"));
        assert_eq!(get.headers[CONTENT_RANGE], "bytes 2-4/10");
        let get = storage.handle(request("GET", "/shop-bundles/k", &[("range", "bytes=10-")], "")).await;
        assert_eq!(get.status, 416);
    }

    #[tokio::test]
    async fn other_services_see_what_clients_wrote() {
        let storage = storage().await;
        storage.handle(request("PUT", "/shop-bundles/my%20app/v1.zip", &[], "zip")).await;
        assert_eq!(storage.get("shop-bundles", "my app/v1.zip").await.unwrap(), "zip");
        storage.delete("shop-bundles", "my app/v1.zip").await;
        assert!(!storage.has("shop-bundles", "my app/v1.zip").await);
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
