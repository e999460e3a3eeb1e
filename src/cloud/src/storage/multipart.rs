//! Uploads of files: in one piece, or in parts that go four at a time.
//!
//! A part that cannot be sent, and a caller that gives up, both abort the upload: S3 bills parts
//! that nobody completes.

use std::collections::BTreeMap;

use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use fs_err::tokio::File;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio_util::sync::CancellationToken;

use super::{
    Condition, SERVICE, Storage, UnfinishedUpload, Upload, Uploaded, object, sha256, to_metadata,
};
use crate::time::timestamp;
use crate::{Error, Kind};

/// The size of a part in bytes, and the size from which a file goes in parts. S3 takes parts from
/// 5 MiB up, and at most 10 000 of them: 80 GB, far beyond Beanstalk's limit of 512 MB.
pub const PART_SIZE: u64 = 8 * 1024 * 1024;

/// Parts under way at once. Each holds its bytes in memory: 32 MiB at most.
const CONCURRENCY: usize = 4;

/// One part of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    number: i32,
    offset: u64,
    length: u64,
}

impl Storage {
    /// Uploads a file, over whatever is there. `progress` is called with the bytes sent so far and
    /// the size of the file, after each part.
    ///
    /// # Errors
    /// [`Kind::Interrupted`] when `cancel` was triggered, [`Kind::InvalidParameter`] when the file
    /// cannot be read or shrinks meanwhile; otherwise see [`Error`].
    pub async fn upload_file(
        &self,
        upload: &Upload,
        progress: &(dyn Fn(u64, u64) + Send + Sync),
        cancel: &CancellationToken,
    ) -> Result<Uploaded, Error> {
        let size = file_size(upload).await?;
        if size <= PART_SIZE {
            let whole = Part {
                number: 1,
                offset: 0,
                length: size,
            };
            let sending = async {
                let body = read_part(upload, whole).await?;
                self.put_with(
                    &upload.bucket,
                    &upload.key,
                    body,
                    &upload.metadata,
                    Condition::None,
                )
                .await
            };
            let sent = or_cancelled(upload, "PutObject", cancel, sending).await?;
            progress(size, size);
            return Ok(sent);
        }
        let id = self.begin(upload).await?;
        let sending = self.send_parts(upload, &id, size, progress);
        match or_cancelled(upload, "UploadPart", cancel, sending).await {
            Ok(uploaded) => Ok(uploaded),
            Err(error) => {
                self.abort_upload(upload, &id).await;
                Err(error)
            }
        }
    }

    /// The uploads in parts that were begun under a prefix and neither completed nor aborted, from all
    /// pages. A process that was killed leaves such an upload behind, and S3 bills its parts.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn unfinished_uploads(
        &self,
        bucket: &str,
        prefix: &str,
    ) -> Result<Vec<UnfinishedUpload>, Error> {
        let mut found = Vec::new();
        let (mut key_marker, mut id_marker) = (None, None);
        loop {
            let answer = self
                .client
                .list_multipart_uploads()
                .bucket(bucket)
                .prefix(prefix)
                .set_key_marker(key_marker)
                .set_upload_id_marker(id_marker)
                .send()
                .await
                .map_err(SERVICE.failed("ListMultipartUploads", format!("bucket `{bucket}`")))?;
            found.extend(
                answer
                    .uploads
                    .unwrap_or_default()
                    .into_iter()
                    .filter_map(|upload| {
                        Some(UnfinishedUpload {
                            key: upload.key?,
                            id: upload.upload_id?,
                            begun: upload.initiated.as_ref().and_then(timestamp),
                        })
                    }),
            );
            (key_marker, id_marker) = (answer.next_key_marker, answer.next_upload_id_marker);
            if answer.is_truncated != Some(true) || key_marker.is_none() {
                return Ok(found);
            }
        }
    }

    /// Aborts an unfinished upload and drops its parts. One that is gone counts as aborted.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn abort_unfinished(
        &self,
        bucket: &str,
        upload: &UnfinishedUpload,
    ) -> Result<(), Error> {
        let result = self
            .client
            .abort_multipart_upload()
            .bucket(bucket)
            .key(&upload.key)
            .upload_id(&upload.id)
            .send()
            .await
            .map_err(SERVICE.failed("AbortMultipartUpload", object(bucket, &upload.key)));
        match result {
            Err(error) if error.is_not_found() => Ok(()),
            other => other.map(drop),
        }
    }

    async fn begin(&self, upload: &Upload) -> Result<String, Error> {
        let operation = "CreateMultipartUpload";
        let answer = self
            .client
            .create_multipart_upload()
            .bucket(&upload.bucket)
            .key(&upload.key)
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .set_metadata(to_metadata(&upload.metadata))
            .send()
            .await
            .map_err(SERVICE.failed(operation, about(upload)))?;
        SERVICE.required(operation, about(upload), "UploadId", answer.upload_id)
    }

    async fn send_parts(
        &self,
        upload: &Upload,
        id: &str,
        size: u64,
        progress: &(dyn Fn(u64, u64) + Send + Sync),
    ) -> Result<Uploaded, Error> {
        let mut sending = stream::iter(parts(size))
            .map(|part| async move { Ok((part, self.send_part(upload, id, part).await?)) })
            .buffer_unordered(CONCURRENCY);
        let mut done = BTreeMap::new();
        let mut sent = 0;
        while let Some((part, completed)) = sending.try_next().await? {
            done.insert(part.number, completed);
            sent += part.length;
            progress(sent, size);
        }
        let parts = u32::try_from(done.len()).unwrap_or(u32::MAX);
        let list = CompletedMultipartUpload::builder()
            .set_parts(Some(done.into_values().collect()))
            .build();
        let answer = self
            .client
            .complete_multipart_upload()
            .bucket(&upload.bucket)
            .key(&upload.key)
            .upload_id(id)
            .multipart_upload(list)
            .send()
            .await
            .map_err(SERVICE.failed("CompleteMultipartUpload", about(upload)))?;
        Ok(Uploaded {
            size,
            parts,
            etag: answer.e_tag,
        })
    }

    async fn send_part(
        &self,
        upload: &Upload,
        id: &str,
        part: Part,
    ) -> Result<CompletedPart, Error> {
        let body = read_part(upload, part).await?;
        let checksum = sha256(&body);
        let answer = self
            .client
            .upload_part()
            .bucket(&upload.bucket)
            .key(&upload.key)
            .upload_id(id)
            .part_number(part.number)
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .checksum_sha256(&checksum)
            .body(body.into())
            .send()
            .await
            .map_err(SERVICE.failed(
                "UploadPart",
                format!("part {} of {}", part.number, about(upload)),
            ))?;
        Ok(CompletedPart::builder()
            .part_number(part.number)
            .set_e_tag(answer.e_tag)
            .checksum_sha256(checksum)
            .build())
    }

    /// Best effort: the failure that led here is the one to report.
    async fn abort_upload(&self, upload: &Upload, id: &str) {
        let result = self
            .client
            .abort_multipart_upload()
            .bucket(&upload.bucket)
            .key(&upload.key)
            .upload_id(id)
            .send()
            .await
            .map_err(SERVICE.failed("AbortMultipartUpload", about(upload)));
        if let Err(error) = result {
            tracing::warn!(%error, "parts of an unfinished upload may be left in the bucket");
        }
    }
}

async fn or_cancelled<T>(
    upload: &Upload,
    operation: &'static str,
    cancel: &CancellationToken,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    tokio::select! {
        biased;
        () = cancel.cancelled() => {
            Err(Error::new(SERVICE.0, operation, about(upload), Kind::Interrupted, "the upload was stopped"))
        }
        result = work => result,
    }
}

fn about(upload: &Upload) -> String {
    object(&upload.bucket, &upload.key)
}

fn unreadable(upload: &Upload, error: std::io::Error) -> Error {
    let message = format!("file `{}` could not be read", upload.file);
    SERVICE
        .invalid("PutObject", about(upload), message)
        .with_remedy("check that the file exists and can be read")
        .with_source(error)
}

async fn file_size(upload: &Upload) -> Result<u64, Error> {
    let metadata = fs_err::tokio::metadata(&upload.file)
        .await
        .map_err(|error| unreadable(upload, error))?;
    Ok(metadata.len())
}

async fn read_part(upload: &Upload, part: Part) -> Result<Bytes, Error> {
    let read = async {
        let mut file = File::open(&upload.file).await?;
        file.seek(std::io::SeekFrom::Start(part.offset)).await?;
        let mut bytes = vec![0; usize::try_from(part.length).unwrap_or(usize::MAX)];
        file.read_exact(&mut bytes).await?;
        Ok(Bytes::from(bytes))
    };
    read.await.map_err(|error| unreadable(upload, error))
}

/// The parts of a file of `size` bytes: all of [`PART_SIZE`] but the last.
fn parts(size: u64) -> impl Iterator<Item = Part> {
    (0..size.div_ceil(PART_SIZE))
        .zip(1..)
        .map(move |(index, number)| {
            let offset = index * PART_SIZE;
            Part {
                number,
                offset,
                length: PART_SIZE.min(size - offset),
            }
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_the_file_without_gaps() {
        let size = 2 * PART_SIZE + 5;
        let parts: Vec<Part> = parts(size).collect();
        assert_eq!(
            parts.iter().map(|part| part.number).collect::<Vec<_>>(),
            [1, 2, 3]
        );
        assert_eq!(parts.iter().map(|part| part.length).sum::<u64>(), size);
        assert_eq!(parts.last().unwrap().offset, 2 * PART_SIZE);
        assert_eq!(parts.last().unwrap().length, 5);
    }

    #[test]
    fn an_exact_multiple_has_no_empty_part() {
        assert_eq!(parts(3 * PART_SIZE).count(), 3);
    }
}
