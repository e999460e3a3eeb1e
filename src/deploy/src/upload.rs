//! Brings a bundle to S3, once for each content.
//!
//! Rules: the key is the content's address, so an object that is there is the one that we would
//! upload, if it carries our digest. S3 stores whole objects only: an interrupted upload leaves
//! nothing under the key, and takes its parts back. A process that was killed cannot: its parts are
//! taken back by the next large upload of the application, once they are so old that nobody sends them
//! any more.

use std::collections::BTreeMap;

use beanpole_cloud::{Kind, PART_SIZE, Upload};
use camino::Utf8PathBuf;
use jiff::{SignedDuration, Timestamp};

use crate::bundle::Bundle;
use crate::error::Error;
use crate::scene::Scene;
use crate::step::StepId;

/// The metadata that holds the content digest.
const DIGEST_METADATA: &str = "beanpole-content";

/// An unfinished upload of this age is nobody's: the largest bundle over a link of 200 kbit/s takes six
/// hours.
const ABANDONED_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// Where a bundle is or goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BundlePlace {
    pub(crate) bucket: String,
    pub(crate) key: String,
}

impl std::fmt::Display for BundlePlace {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "s3://{}/{}", self.bucket, self.key)
    }
}

impl Scene<'_> {
    /// True if the content is there already.
    ///
    /// # Errors
    /// [`Error::Cloud`], [`Error::Interrupted`].
    pub(crate) async fn is_uploaded(
        &self,
        place: &BundlePlace,
        digest: &str,
    ) -> Result<bool, Error> {
        let found = self
            .patiently("looking for the bundle", || async {
                match self.cloud.storage.head(&place.bucket, &place.key).await {
                    // Without the right to list, S3 says this of an object that does not exist.
                    Err(error) if error.kind == Kind::AccessDenied => Ok(None),
                    other => other,
                }
            })
            .await?;
        Ok(found.is_some_and(|object| {
            object.metadata.get(DIGEST_METADATA).map(String::as_str) == Some(digest)
        }))
    }

    /// Uploads a packed bundle.
    ///
    /// # Errors
    /// [`Error::Cloud`], [`Error::Interrupted`].
    pub(crate) async fn upload(
        &self,
        bundle: &Bundle,
        place: &BundlePlace,
        digest: &str,
    ) -> Result<(), Error> {
        let file = Utf8PathBuf::from_path_buf(bundle.path().to_path_buf()).map_err(|path| {
            let source = std::io::Error::other("the path is not UTF-8");
            Error::BundleWrite {
                path: path.display().to_string(),
                source,
            }
        })?;
        let upload = Upload {
            bucket: place.bucket.clone(),
            key: place.key.clone(),
            file,
            metadata: BTreeMap::from([(DIGEST_METADATA.to_owned(), digest.to_owned())]),
        };
        let progress = |sent: u64, size: u64| {
            let share = sent.saturating_mul(100).checked_div(size).unwrap_or(100);
            self.progress(StepId::Upload, format!("{share} % of {}", size_text(size)));
        };
        // Not dropped half way: it takes back its parts itself when it is cancelled.
        self.repeatedly("uploading the bundle", || {
            self.cloud
                .storage
                .upload_file(&upload, &progress, self.cancel)
        })
        .await?;
        if bundle.size() > PART_SIZE {
            self.take_back_abandoned(&place.bucket).await;
        }
        Ok(())
    }

    /// Aborts uploads of the application's bundles that were left behind. Best effort: they cost a
    /// little money and nothing else, and the right to see them may be missing.
    async fn take_back_abandoned(&self, bucket: &str) {
        let Ok(abandoned_before) = Timestamp::now().checked_sub(ABANDONED_AFTER) else {
            return;
        };
        let prefix = format!("{}/", self.project.application);
        let storage = &self.cloud.storage;
        let found = Box::pin(storage.unfinished_uploads(bucket, &prefix)).await;
        for upload in found.unwrap_or_default() {
            if upload.begun.is_some_and(|begun| begun < abandoned_before) {
                let _ = Box::pin(storage.abort_unfinished(bucket, &upload)).await;
            }
        }
    }
}

/// A size for people: `840 B`, `12.3 KiB`, `4.5 MiB`.
pub(crate) fn size_text(bytes: u64) -> String {
    const KIB: u64 = 1024;
    const MIB: u64 = 1024 * KIB;
    let tenths = |unit: u64| {
        let tenths = bytes.saturating_mul(10) / unit;
        format!("{}.{}", tenths / 10, tenths % 10)
    };
    match bytes {
        0..KIB => format!("{bytes} B"),
        KIB..MIB => format!("{} KiB", tenths(KIB)),
        _ => format!("{} MiB", tenths(MIB)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_for_people() {
        assert_eq!(size_text(840), "840 B");
        assert_eq!(size_text(12_600), "12.3 KiB");
        assert_eq!(size_text(4_718_592), "4.5 MiB");
    }
}
