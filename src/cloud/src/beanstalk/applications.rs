//! Applications, and the bucket that holds their bundles.

use std::collections::BTreeMap;

use aws_sdk_elasticbeanstalk::types::{ApplicationDescription, Tag};
use beanpole_model::ApplicationName;
use jiff::Timestamp;
use serde::Serialize;

use super::{Beanstalk, SERVICE, is_ambiguous};
use crate::time::timestamp;
use crate::{Error, Kind};

/// A Beanstalk application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Application {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: Option<String>,
    /// Its description.
    pub description: Option<String>,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// The labels of its versions, as far as the answer lists them.
    pub versions: Vec<String>,
}

impl Beanstalk {
    /// The application of this name, if it exists.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn application(&self, name: &ApplicationName) -> Result<Option<Application>, Error> {
        let answer = self
            .client
            .describe_applications()
            .application_names(name.as_str())
            .send()
            .await
            .map_err(SERVICE.failed("DescribeApplications", object(name)))?;
        // AWS filters; a server that does not must not pass another application off as this one.
        let found = answer
            .applications
            .unwrap_or_default()
            .into_iter()
            .map(from_sdk)
            .find(|application| application.name == name.as_str());
        Ok(found)
    }

    /// Creates an application. `description` is cut to the 200 characters that AWS takes.
    ///
    /// # Errors
    /// [`Kind::AlreadyExists`] when there is one of this name; otherwise see [`Error`].
    pub async fn create_application(
        &self,
        name: &ApplicationName,
        description: &str,
        tags: &BTreeMap<String, String>,
    ) -> Result<Application, Error> {
        let operation = "CreateApplication";
        let answer = self
            .client
            .create_application()
            .application_name(name.as_str())
            .description(short(description))
            .set_tags(to_tags(tags))
            .send()
            .await
            .map_err(SERVICE.failed(operation, object(name)));
        let answer = match answer {
            Err(error) if is_ambiguous(&error) && self.application(name).await?.is_some() => {
                return Err(error.with_kind(Kind::AlreadyExists));
            }
            other => other?,
        };
        let created =
            SERVICE.required(operation, object(name), "Application", answer.application)?;
        Ok(from_sdk(created))
    }

    /// The bucket for bundles of this account and region; AWS creates it at the first call. The
    /// name is `elasticbeanstalk-<region>-<account>`.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn storage_location(&self) -> Result<String, Error> {
        let (operation, object) = ("CreateStorageLocation", "the bucket for bundles");
        let answer = self
            .client
            .create_storage_location()
            .send()
            .await
            .map_err(SERVICE.failed(operation, object))?;
        SERVICE.required(operation, object, "S3Bucket", answer.s3_bucket)
    }
}

fn object(name: &ApplicationName) -> String {
    format!("application `{name}`")
}

fn from_sdk(application: ApplicationDescription) -> Application {
    Application {
        name: application.application_name.unwrap_or_default(),
        arn: application.application_arn,
        description: application.description,
        created: application.date_created.as_ref().and_then(timestamp),
        versions: application.versions.unwrap_or_default(),
    }
}

/// Tags as the SDK wants them; `None` when there are none, since AWS refuses an empty list.
pub(super) fn to_tags(tags: &BTreeMap<String, String>) -> Option<Vec<Tag>> {
    let tags: Vec<Tag> = tags
        .iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect();
    (!tags.is_empty()).then_some(tags)
}

/// Descriptions have at most 200 characters (API reference).
pub(super) fn short(description: &str) -> String {
    description.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_are_cut_by_characters() {
        assert_eq!(short(&"é".repeat(300)).chars().count(), 200);
        assert_eq!(short("fine"), "fine");
    }
}
