//! The application version: created once, reused ever after.
//!
//! Rules: a label with our bundle is ours and is reused; a label with another bundle is an error,
//! because the bundle of a version cannot be changed. A version that Beanstalk failed to process is
//! created anew.

use std::collections::BTreeMap;

use beanpole_cloud::{Kind, NewVersion, Version, VersionStatus};
use beanpole_model::VersionLabel;
use tokio::time::Instant;

use crate::deadline;
use crate::error::Error;
use crate::scene::Scene;
use crate::step::{Ended, StepId};
use crate::upload::BundlePlace;

/// A version to have.
pub(crate) struct WantedVersion<'a> {
    pub(crate) label: &'a VersionLabel,
    pub(crate) description: &'a str,
    pub(crate) place: &'a BundlePlace,
    /// True to have Beanstalk check the bundle's configuration files first.
    pub(crate) process: bool,
}

impl Scene<'_> {
    /// Makes sure that the version exists and can be deployed. Gives true if it was created.
    ///
    /// # Errors
    /// [`Error::VersionTaken`], [`Error::VersionFailed`], [`Error::OutOfTime`], [`Error::Cloud`],
    /// [`Error::Interrupted`].
    pub(crate) async fn ensure_version(
        &self,
        wanted: &WantedVersion<'_>,
    ) -> Result<Ended<bool>, Error> {
        let found = self.find_version(wanted.label).await?;
        let (version, is_new) = match found {
            Some(version) if is_ours(&version, wanted.place) => {
                if version.status == VersionStatus::Failed {
                    self.delete_version(wanted.label).await?;
                    (self.create_version(wanted).await?, true)
                } else {
                    (version, false)
                }
            }
            Some(version) => return Err(taken(&version, wanted)),
            None => (self.create_version(wanted).await?, true),
        };
        self.wait_until_processed(version, wanted.label).await?;
        let label = wanted.label;
        Ok(if is_new {
            Ended::done(true, format!("`{label}`"))
        } else {
            Ended::unchanged(false, format!("`{label}` exists"))
        })
    }

    async fn find_version(&self, label: &VersionLabel) -> Result<Option<Version>, Error> {
        let application = &self.project.application;
        let labels = [label.clone()];
        let found = self
            .patiently("reading the version", || {
                self.cloud.beanstalk.versions(application, &labels)
            })
            .await?;
        Ok(found
            .into_iter()
            .find(|version| version.label == label.as_str()))
    }

    async fn create_version(&self, wanted: &WantedVersion<'_>) -> Result<Version, Error> {
        let new = NewVersion {
            application: self.project.application.clone(),
            label: wanted.label.clone(),
            description: wanted.description.to_owned(),
            bucket: wanted.place.bucket.clone(),
            key: wanted.place.key.clone(),
            process: wanted.process,
            tags: BTreeMap::new(),
        };
        let created = self
            .patiently("creating the version", || {
                self.cloud.beanstalk.create_version(&new)
            })
            .await;
        match created {
            // Created by a former attempt of this call whose answer was lost, or by a twin.
            Err(Error::Cloud { doing, source }) if source.kind == Kind::AlreadyExists => {
                match self.find_version(wanted.label).await? {
                    Some(version) if is_ours(&version, wanted.place) => Ok(version),
                    Some(version) => Err(taken(&version, wanted)),
                    None => Err(Error::Cloud { doing, source }),
                }
            }
            other => other,
        }
    }

    async fn delete_version(&self, label: &VersionLabel) -> Result<(), Error> {
        let application = &self.project.application;
        self.patiently("deleting the failed version", || {
            self.cloud
                .beanstalk
                .delete_version(application, label, false)
        })
        .await
    }

    async fn wait_until_processed(
        &self,
        version: Version,
        label: &VersionLabel,
    ) -> Result<(), Error> {
        let end = Instant::now() + self.pace.deadline(deadline::PROCESSING);
        let mut status = version.status;
        loop {
            match status {
                VersionStatus::Processed | VersionStatus::Unprocessed => return Ok(()),
                VersionStatus::Failed => {
                    return Err(Error::VersionFailed {
                        label: label.to_string(),
                    });
                }
                VersionStatus::Processing | VersionStatus::Building | VersionStatus::Other(_) => {}
            }
            if Instant::now() >= end {
                return Err(Error::VersionNotProcessed {
                    label: label.to_string(),
                    limit: deadline::PROCESSING,
                });
            }
            self.progress(StepId::Version, "Beanstalk checks the bundle");
            self.pause(deadline::POLL).await?;
            status = match self.find_version(label).await? {
                Some(version) => version.status,
                None => {
                    return Err(Error::VersionFailed {
                        label: label.to_string(),
                    });
                }
            };
        }
    }

    /// True if the application has a version of this label.
    ///
    /// # Errors
    /// [`Error::Cloud`], [`Error::Interrupted`].
    pub(crate) async fn version_exists(&self, label: &VersionLabel) -> Result<bool, Error> {
        let found = self.find_version(label).await?;
        Ok(found.is_some_and(|version| version.status != VersionStatus::Failed))
    }
}

fn is_ours(version: &Version, place: &BundlePlace) -> bool {
    version
        .bundle
        .as_ref()
        .is_some_and(|(bucket, key)| *bucket == place.bucket && *key == place.key)
}

fn taken(version: &Version, wanted: &WantedVersion<'_>) -> Error {
    Error::VersionTaken {
        label: wanted.label.to_string(),
        found: match &version.bundle {
            Some((bucket, key)) => format!("s3://{bucket}/{key}"),
            None => "no bundle".to_owned(),
        },
        wanted: wanted.place.to_string(),
    }
}
