//! S3.

use std::collections::BTreeMap;
use std::sync::Mutex;

use beanpole_cloud::{Kind, PART_SIZE, Upload};
use beanpole_model::Problem as _;
use bytes::Bytes;
use camino::Utf8PathBuf;
use tokio_util::sync::CancellationToken;

use crate::{Moto, moto, unique};

async fn bucket(server: &Moto) -> String {
    // Our storage client makes no buckets: Beanstalk does. A bare PUT is enough for moto.
    let name = unique("beanpole-test");
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let body = "<CreateBucketConfiguration><LocationConstraint>eu-central-1</LocationConstraint>\
        </CreateBucketConfiguration>";
    let answer = client
        .put(format!("{}/{name}", server.endpoint))
        .header(
            "authorization",
            "AWS4-HMAC-SHA256 Credential=AKIATEST/20260101/eu-central-1/s3/aws4_request, \
             SignedHeaders=host, Signature=0",
        )
        .body(body)
        .send()
        .await
        .unwrap();
    assert!(answer.status().is_success(), "{}", answer.status());
    name
}

#[tokio::test]
async fn objects_are_stored_found_listed_and_deleted() {
    let Some((server, cloud)) = moto().await else {
        return;
    };
    let bucket = bucket(&server).await;
    let storage = &cloud.storage;
    assert!(storage.bucket_exists(&bucket).await.unwrap());
    assert!(
        !storage
            .bucket_exists("beanpole-no-such-bucket")
            .await
            .unwrap()
    );
    assert_eq!(storage.head(&bucket, "blog/a").await.unwrap(), None);
    assert_eq!(
        storage.get(&bucket, "blog/a").await.unwrap_err().kind,
        Kind::NotFound
    );
    storage
        .put(&bucket, "blog/a", Bytes::from_static(b"hello"))
        .await
        .unwrap();
    storage
        .put(&bucket, "blog/b", Bytes::from_static(b""))
        .await
        .unwrap();
    storage
        .put(&bucket, "other", Bytes::from_static(b"x"))
        .await
        .unwrap();
    assert_eq!(storage.get(&bucket, "blog/a").await.unwrap(), "hello");
    let info = storage.head(&bucket, "blog/a").await.unwrap().unwrap();
    assert_eq!(info.size, 5);
    assert_eq!(
        info.checksum_sha256.as_deref(),
        Some("LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=")
    );
    let keys: Vec<String> = storage
        .list(&bucket, "blog/")
        .await
        .unwrap()
        .into_iter()
        .map(|own| own.key)
        .collect();
    assert_eq!(keys, ["blog/a", "blog/b"]);
    storage.delete(&bucket, "blog/a").await.unwrap();
    storage.delete(&bucket, "blog/a").await.unwrap();
    assert_eq!(storage.head(&bucket, "blog/a").await.unwrap(), None);
    let error = storage
        .list("beanpole-no-such-bucket", "")
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::NotFound);
}

#[tokio::test]
async fn of_two_conditional_writes_one_wins() {
    let Some((server, cloud)) = moto().await else {
        return;
    };
    let bucket = bucket(&server).await;
    let body = Bytes::from_static(b"me");
    cloud
        .storage
        .put_if_absent(&bucket, "lock", body.clone())
        .await
        .unwrap();
    let error = cloud
        .storage
        .put_if_absent(&bucket, "lock", body)
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::PreconditionFailed);
    assert_eq!(error.exit_code().code(), 5);
}

#[tokio::test]
async fn only_who_knows_the_entity_tag_writes_and_deletes() {
    let Some((server, cloud)) = moto().await else {
        return;
    };
    let bucket = bucket(&server).await;
    let storage = &cloud.storage;
    let body = |text: &'static str| Bytes::from_static(text.as_bytes());
    let nothing = storage.read(&bucket, "lock").await.unwrap();
    assert_eq!(nothing.object, None);
    let missing = storage
        .put_if_match(&bucket, "lock", "\"none\"", body("one"))
        .await
        .unwrap_err();
    assert_eq!(missing.kind, Kind::NotFound);
    storage
        .put_if_absent(&bucket, "lock", body("one"))
        .await
        .unwrap();
    let first = storage.read(&bucket, "lock").await.unwrap();
    let (now, first) = (first.now.unwrap(), first.object.unwrap());
    assert_eq!(first.content, "one");
    let age = now.duration_since(first.modified.unwrap()).as_secs();
    assert!((0..60).contains(&age), "{age}");
    let second = storage
        .put_if_match(&bucket, "lock", &first.etag, body("two"))
        .await
        .unwrap();
    for etag in [first.etag.as_str(), "\"other\""] {
        let write = storage
            .put_if_match(&bucket, "lock", etag, body("three"))
            .await;
        assert_eq!(write.unwrap_err().kind, Kind::PreconditionFailed);
        let deletion = storage.delete_if_match(&bucket, "lock", etag).await;
        assert_eq!(deletion.unwrap_err().kind, Kind::PreconditionFailed);
    }
    let etag = second.etag.unwrap();
    storage
        .delete_if_match(&bucket, "lock", &etag)
        .await
        .unwrap();
    storage
        .delete_if_match(&bucket, "lock", &etag)
        .await
        .unwrap();
    assert_eq!(storage.head(&bucket, "lock").await.unwrap(), None);
}

#[tokio::test]
async fn a_large_file_goes_in_parts_and_arrives_whole() {
    let Some((server, cloud)) = moto().await else {
        return;
    };
    let bucket = bucket(&server).await;
    let directory = tempfile::tempdir().unwrap();
    let file = Utf8PathBuf::from_path_buf(directory.path().join("bundle.zip")).unwrap();
    let size = usize::try_from(PART_SIZE).unwrap() * 2 + 12_345;
    let content: Vec<u8> = (0..=250u8).cycle().take(size).collect();
    fs_err::write(&file, &content).unwrap();
    let upload = Upload {
        bucket: bucket.clone(),
        key: "blog/bundle.zip".to_owned(),
        file,
        metadata: [("digest".to_owned(), "abc".to_owned())].into(),
    };
    let seen = Mutex::new(Vec::new());
    let progress = |sent, total| seen.lock().unwrap().push((sent, total));
    let cancel = CancellationToken::new();
    let sent = cloud
        .storage
        .upload_file(&upload, &progress, &cancel)
        .await
        .unwrap();
    assert_eq!((sent.size, sent.parts), (size as u64, 3));
    let seen = seen.into_inner().unwrap();
    assert_eq!(seen.len(), 3);
    assert_eq!(seen.last(), Some(&(size as u64, size as u64)));
    assert!(
        seen.windows(2).all(|pair| pair[0].0 < pair[1].0),
        "{seen:?}"
    );
    let info = cloud
        .storage
        .head(&bucket, &upload.key)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(info.size, size as u64);
    assert_eq!(info.metadata.get("digest").map(String::as_str), Some("abc"));
    let back = cloud.storage.get(&bucket, &upload.key).await.unwrap();
    assert!(back == content, "the content differs");
}

#[tokio::test]
async fn a_small_file_goes_in_one_piece() {
    let Some((server, cloud)) = moto().await else {
        return;
    };
    let bucket = bucket(&server).await;
    let directory = tempfile::tempdir().unwrap();
    let file = Utf8PathBuf::from_path_buf(directory.path().join("small")).unwrap();
    fs_err::write(&file, "small").unwrap();
    let mut upload = Upload {
        bucket,
        key: "small".to_owned(),
        file,
        metadata: BTreeMap::new(),
    };
    let cancel = CancellationToken::new();
    let sent = cloud
        .storage
        .upload_file(&upload, &|_, _| {}, &cancel)
        .await
        .unwrap();
    assert_eq!((sent.size, sent.parts), (5, 1));
    upload.file = Utf8PathBuf::from_path_buf(directory.path().join("missing")).unwrap();
    let error = cloud
        .storage
        .upload_file(&upload, &|_, _| {}, &cancel)
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::InvalidParameter);
    assert!(error.to_string().contains("missing"), "{error}");
}
