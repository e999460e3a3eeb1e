//! Application versions: a label for a bundle in S3.

use std::collections::BTreeMap;

use aws_sdk_elasticbeanstalk::types::{ApplicationVersionDescription, S3Location};
use beanpole_model::{ApplicationName, VersionLabel};
use jiff::Timestamp;
use serde::Serialize;

use super::applications::{short, to_tags};
use super::{Beanstalk, SERVICE, is_ambiguous};
use crate::connection::Doubt;
use crate::text::named;
use crate::time::timestamp;
use crate::{Error, Kind};

named!(
    /// How far Beanstalk is with checking a version. Versions that were not to be processed stay
    /// `UNPROCESSED`, and can be deployed. The wire has upper case.
    VersionStatus {
        /// Not checked, and usable.
        Unprocessed = "UNPROCESSED",
        /// Being checked.
        Processing = "PROCESSING",
        /// Being built by CodeBuild.
        Building = "BUILDING",
        /// Checked and usable.
        Processed = "PROCESSED",
        /// Not usable. AWS gives no reason here; the events may.
        Failed = "FAILED",
    }
);

/// A version of an application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Version {
    /// Its label, unique within the application.
    pub label: String,
    /// Its description.
    pub description: Option<String>,
    /// How far Beanstalk is with it.
    pub status: VersionStatus,
    /// Bucket and key of the bundle; `None` for the sample application.
    pub bundle: Option<(String, String)>,
    /// When it was created.
    pub created: Option<Timestamp>,
}

/// A version to create. The bundle must be in a bucket of the environment's region, and its place
/// cannot be changed later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewVersion {
    /// The application, which must exist.
    pub application: ApplicationName,
    /// The label.
    pub label: VersionLabel,
    /// Shown in the console; cut to 200 characters.
    pub description: String,
    /// The bundle's bucket.
    pub bucket: String,
    /// The bundle's key.
    pub key: String,
    /// True to have `.ebextensions` and `env.yaml` checked before the version can be used.
    pub process: bool,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

impl Beanstalk {
    /// The versions with these labels, or all versions when `labels` is empty; newest first. Labels
    /// that do not exist are left out.
    ///
    /// # Errors
    /// See [`Error`]. An application that does not exist has no versions.
    pub async fn versions(
        &self,
        application: &ApplicationName,
        labels: &[VersionLabel],
    ) -> Result<Vec<Version>, Error> {
        let wanted: Vec<String> = labels.iter().map(ToString::to_string).collect();
        let mut versions = Vec::new();
        let mut next = None;
        loop {
            let answer = self
                .client
                .describe_application_versions()
                .application_name(application.as_str())
                .set_version_labels((!wanted.is_empty()).then(|| wanted.clone()))
                .set_next_token(next.take())
                .send()
                .await
                .map_err(SERVICE.failed(
                    "DescribeApplicationVersions",
                    format!("versions of application `{application}`"),
                ))?;
            versions.extend(
                answer
                    .application_versions
                    .unwrap_or_default()
                    .into_iter()
                    .map(from_sdk),
            );
            next = answer.next_token.filter(|token| !token.is_empty());
            if next.is_none() {
                break;
            }
        }
        versions.retain(|version| wanted.is_empty() || wanted.contains(&version.label));
        versions.sort_by_key(|version| std::cmp::Reverse(version.created));
        Ok(versions)
    }

    /// Creates a version.
    ///
    /// # Errors
    /// [`Kind::AlreadyExists`] when the label is taken; otherwise see [`Error`].
    pub async fn create_version(&self, new: &NewVersion) -> Result<Version, Error> {
        let operation = "CreateApplicationVersion";
        let bundle = S3Location::builder()
            .s3_bucket(&new.bucket)
            .s3_key(&new.key)
            .build();
        let doubt = Doubt::default();
        let answer = self
            .client
            .create_application_version()
            .application_name(new.application.as_str())
            .version_label(new.label.as_str())
            .description(short(&new.description))
            .source_bundle(bundle)
            .auto_create_application(false)
            .process(new.process)
            .set_tags(to_tags(&new.tags))
            .customize()
            .interceptor(doubt.clone())
            .send()
            .await
            .map_err(SERVICE.failed(operation, object(&new.application, &new.label)));
        let answer = match answer {
            Err(error) if is_ambiguous(&error) => {
                let label = std::slice::from_ref(&new.label);
                let taken = self
                    .versions(&new.application, label)
                    .await?
                    .into_iter()
                    .next();
                let own = (new.bucket.clone(), new.key.clone());
                return match taken {
                    // A lost answer, and then our own version in the way.
                    Some(taken) if doubt.arose() && taken.bundle == Some(own) => Ok(taken),
                    Some(_) => Err(error.with_kind(Kind::AlreadyExists)),
                    None => Err(error),
                };
            }
            other => other?,
        };
        let created = SERVICE.required(
            operation,
            object(&new.application, &new.label),
            "ApplicationVersion",
            answer.application_version,
        )?;
        Ok(from_sdk(created))
    }

    /// Deletes a version, and its bundle when `with_bundle` is set. A version that does not exist
    /// counts as deleted.
    ///
    /// # Errors
    /// [`Kind::Busy`] while the version is being deployed; otherwise see [`Error`].
    pub async fn delete_version(
        &self,
        application: &ApplicationName,
        label: &VersionLabel,
        with_bundle: bool,
    ) -> Result<(), Error> {
        self.client
            .delete_application_version()
            .application_name(application.as_str())
            .version_label(label.as_str())
            .delete_source_bundle(with_bundle)
            .send()
            .await
            .map_err(SERVICE.failed("DeleteApplicationVersion", object(application, label)))?;
        Ok(())
    }
}

fn object(application: &ApplicationName, label: &VersionLabel) -> String {
    format!("version `{label}` of application `{application}`")
}

fn from_sdk(version: ApplicationVersionDescription) -> Version {
    let bundle = version
        .source_bundle
        .and_then(|bundle| Some((bundle.s3_bucket?, bundle.s3_key?)));
    Version {
        label: version.version_label.unwrap_or_default(),
        description: version.description,
        status: VersionStatus::parse(version.status.as_ref().map_or("", |status| status.as_str())),
        bundle,
        created: version.date_created.as_ref().and_then(timestamp),
    }
}
