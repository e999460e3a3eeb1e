//! Which service and operation a request is for, and who signed it. Pure.

use std::collections::HashMap;

use http::{HeaderMap, Method};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, civil};

use super::form;

/// Who signed a request, for which service and region. Signatures themselves are not checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scope {
    /// The access key id.
    pub(crate) access_key: String,
    /// The region in the scope; empty for a signature of version 2, which has none.
    pub(crate) region: String,
    /// The signing name of the service: `rds`, `monitoring`.
    pub(crate) service: String,
}

/// Finds the scope in the Authorization header or in the query of a presigned address.
pub(crate) fn scope(headers: &HeaderMap, query: &str) -> Option<Scope> {
    let header = headers
        .get(http::header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    if let Some(header) = header {
        let credential = header
            .split("Credential=")
            .nth(1)?
            .split([',', ' '])
            .next()?;
        return credential_scope(credential);
    }
    let query = form::parse(query.as_bytes());
    if let Some(credential) = query.get("X-Amz-Credential") {
        return credential_scope(credential);
    }
    // boto3 still presigns S3 addresses of many regions with version 2 unless told otherwise.
    let access_key = query
        .get("AWSAccessKeyId")
        .filter(|_| query.contains_key("Signature"))?;
    Some(Scope {
        access_key: access_key.clone(),
        region: String::new(),
        service: "s3".to_owned(),
    })
}

/// `KEY/20260224/eu-central-1/rds/aws4_request`.
fn credential_scope(credential: &str) -> Option<Scope> {
    let mut parts = credential.split('/');
    let access_key = parts.next()?.to_owned();
    let region = parts.nth(1)?.to_owned();
    let service = parts.next()?.to_owned();
    Some(Scope {
        access_key,
        region,
        service,
    })
}

/// The service of a request that nobody signed. The Query protocol's API version names it; what is not
/// a Query request can only be for S3.
pub(crate) fn unsigned_service(form: &HashMap<String, String>) -> &'static str {
    match form.get("Version").map(String::as_str) {
        Some("2010-12-01") => "elasticbeanstalk",
        Some("2011-06-15") => "sts",
        Some("2014-10-31") => "rds",
        Some("2015-02-02") => "elasticache",
        Some("2016-11-15") => "ec2",
        Some("2010-05-08") => "iam",
        Some("2010-08-01") => "monitoring",
        _ => "s3",
    }
}

/// The operations that are taken without a signature. Reading objects is one of them: an address that
/// another service hands out (the logs of Beanstalk) need not be presigned here.
pub(crate) fn may_be_unsigned(operation: &str) -> bool {
    matches!(
        operation,
        "AssumeRoleWithWebIdentity" | "AssumeRoleWithSAML" | "GetObject" | "HeadObject"
    )
}

/// True if a presigned address of signature version 4 is no longer valid at `now`.
pub(crate) fn is_expired(query: &str, now: Timestamp) -> bool {
    let query = form::parse(query.as_bytes());
    let until = || {
        let signed = civil::DateTime::strptime("%Y%m%dT%H%M%SZ", query.get("X-Amz-Date")?).ok()?;
        let signed = signed.to_zoned(TimeZone::UTC).ok()?.timestamp();
        let seconds: i64 = query.get("X-Amz-Expires")?.parse().ok()?;
        signed.checked_add(SignedDuration::from_secs(seconds)).ok()
    };
    until().is_some_and(|until| until < now)
}

/// The name of the operation, in whichever of AWS's protocols the request is.
pub(crate) fn operation(
    service: &str,
    method: &Method,
    path: &str,
    query: &str,
    headers: &HeaderMap,
    form: &HashMap<String, String>,
) -> String {
    if let Some(action) = form.get("Action") {
        return action.clone();
    }
    if let Some(target) = headers
        .get("x-amz-target")
        .and_then(|value| value.to_str().ok())
    {
        return target.rsplit('.').next().unwrap_or(target).to_owned();
    }
    if let Some((_, operation)) = path.split_once("/operation/") {
        return operation.to_owned();
    }
    if service == "s3" {
        return s3_operation(method, path, query, headers).to_owned();
    }
    "Unknown".to_owned()
}

/// S3 has no operation on the wire: method, path and query say it. Only what a fault script may want to
/// name is told apart; the rest is `Other`.
fn s3_operation(method: &Method, path: &str, query: &str, headers: &HeaderMap) -> &'static str {
    let query = form::parse(query.as_bytes());
    let asks = |name: &str| query.contains_key(name);
    let object = path
        .trim_start_matches('/')
        .split_once('/')
        .is_some_and(|(_, key)| !key.is_empty());
    let bucket = !path.trim_matches('/').is_empty();
    match (method.as_str(), object) {
        ("PUT", true) if asks("partNumber") => "UploadPart",
        ("PUT", true) if asks("tagging") || asks("acl") => "Other",
        ("PUT", true) if headers.contains_key("x-amz-copy-source") => "CopyObject",
        ("PUT", true) => "PutObject",
        ("GET", true) if asks("uploadId") => "ListParts",
        ("GET", true) if asks("tagging") || asks("acl") || asks("attributes") => "Other",
        ("GET", true) => "GetObject",
        ("HEAD", true) => "HeadObject",
        ("DELETE", true) if asks("uploadId") => "AbortMultipartUpload",
        ("DELETE", true) => "DeleteObject",
        ("POST", true) if asks("uploads") => "CreateMultipartUpload",
        ("POST", true) if asks("uploadId") => "CompleteMultipartUpload",
        ("POST", false) if asks("delete") => "DeleteObjects",
        ("GET", false) if !bucket => "ListBuckets",
        ("GET", false) if asks("list-type") => "ListObjectsV2",
        ("GET", false) if asks("location") => "GetBucketLocation",
        ("GET", false) if asks("uploads") => "ListMultipartUploads",
        ("GET", false) if is_plain_listing(&query) => "ListObjects",
        ("HEAD", false) => "HeadBucket",
        ("PUT", false) if query.is_empty() || asks("x-id") => "CreateBucket",
        ("DELETE", false) if query.is_empty() || asks("x-id") => "DeleteBucket",
        _ => "Other",
    }
}

fn is_plain_listing(query: &HashMap<String, String>) -> bool {
    query.keys().all(|name| {
        matches!(
            name.as_str(),
            "prefix" | "marker" | "delimiter" | "max-keys" | "encoding-type" | "x-id"
        )
    })
}

/// The bucket in a Host header of the virtual-hosted style: `bucket.localhost:4566`.
pub(crate) fn virtual_bucket(host: &str) -> Option<&str> {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    name.strip_suffix(".localhost")
        .filter(|bucket| !bucket.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authorization(value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(http::header::AUTHORIZATION, value.parse().unwrap());
        headers
    }

    #[test]
    fn the_scope_is_in_the_header_or_in_the_query() {
        let expected = Scope {
            access_key: "AKIA1".to_owned(),
            region: "eu-central-1".to_owned(),
            service: "rds".to_owned(),
        };
        let header = authorization(
            "AWS4-HMAC-SHA256 Credential=AKIA1/20260101/eu-central-1/rds/aws4_request, SignedHeaders=host, Signature=00",
        );
        assert_eq!(scope(&header, ""), Some(expected.clone()));
        let query = "X-Amz-Credential=AKIA1%2F20260101%2Feu-central-1%2Frds%2Faws4_request&X-Amz-Signature=00";
        assert_eq!(scope(&HeaderMap::new(), query), Some(expected));
        let old = scope(
            &HeaderMap::new(),
            "AWSAccessKeyId=AKIA1&Signature=x&Expires=1",
        )
        .unwrap();
        assert_eq!(old.service, "s3");
        assert_eq!(scope(&HeaderMap::new(), "prefix=a"), None);
        assert_eq!(scope(&authorization("Bearer xoxb"), ""), None);
    }

    #[test]
    fn operations_of_all_protocols() {
        let none = HashMap::new();
        let get = |method: &str, path: &str, query: &str| {
            let method = method.parse().unwrap();
            operation("s3", &method, path, query, &HeaderMap::new(), &none)
        };
        assert_eq!(get("PUT", "/b/k/l", "x-id=PutObject"), "PutObject");
        assert_eq!(get("PUT", "/b/k", "partNumber=1&uploadId=u"), "UploadPart");
        assert_eq!(get("PUT", "/b", ""), "CreateBucket");
        assert_eq!(get("PUT", "/b", "versioning"), "Other");
        assert_eq!(get("GET", "/", ""), "ListBuckets");
        assert_eq!(get("GET", "/b/", "list-type=2"), "ListObjectsV2");
        assert_eq!(get("GET", "/b", "prefix=a"), "ListObjects");
        assert_eq!(get("POST", "/b/k", "uploads"), "CreateMultipartUpload");
        let form = form::parse(b"Action=DescribeDBInstances&Version=2014-10-31");
        let post = Method::POST;
        let query = operation("rds", &post, "/", "", &HeaderMap::new(), &form);
        assert_eq!(query, "DescribeDBInstances");
        assert_eq!(unsigned_service(&form), "rds");
        let path = "/service/GraniteServiceVersion20100801/operation/PutMetricAlarm";
        assert_eq!(
            operation("monitoring", &post, path, "", &HeaderMap::new(), &none),
            "PutMetricAlarm"
        );
        let mut headers = HeaderMap::new();
        headers.insert(
            "x-amz-target",
            "secretsmanager.GetSecretValue".parse().unwrap(),
        );
        assert_eq!(
            operation("secretsmanager", &post, "/", "", &headers, &none),
            "GetSecretValue"
        );
    }

    #[test]
    fn presigned_addresses_expire() {
        let query = "X-Amz-Date=20260301T120000Z&X-Amz-Expires=900";
        let at = |time: &str| is_expired(query, time.parse().unwrap());
        assert!(!at("2026-03-01T12:14:59Z"));
        assert!(at("2026-03-01T12:15:01Z"));
        assert!(!is_expired("prefix=a", Timestamp::MAX));
    }

    #[test]
    fn buckets_in_host_names() {
        assert_eq!(virtual_bucket("shop.localhost:4566"), Some("shop"));
        assert_eq!(virtual_bucket("127.0.0.1:4566"), None);
        assert_eq!(virtual_bucket("localhost"), None);
    }
}
