//! Secrets Manager.

use std::collections::BTreeMap;

use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType, Tag};
use beanpole_model::Secret;
use jiff::Timestamp;
use serde::Serialize;

use crate::Error;
use crate::connection::{Connection, client};
use crate::error::Service;
use crate::time::timestamp;

const SERVICE: Service = Service("secretsmanager");

/// The Secrets Manager client. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SecretsManager {
    client: aws_sdk_secretsmanager::Client,
}

/// What there is to know about a secret without its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SecretDescription {
    /// Its ARN, with the six random characters at the end.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// Its description.
    pub description: Option<String>,
    /// When it was scheduled for deletion; until it is restored, its value cannot be read and its
    /// name is taken.
    pub deleted: Option<Timestamp>,
    /// When it was changed last.
    pub changed: Option<Timestamp>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// A secret with its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SecretValue {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// Its value. A binary secret is read as text; bytes that are no UTF-8 become `U+FFFD`.
    pub value: Secret,
}

impl SecretsManager {
    pub(crate) fn new(connection: &Connection) -> Self {
        Self {
            client: client!(aws_sdk_secretsmanager, connection),
        }
    }

    /// The secret with this name or ARN, if it exists; one that is scheduled for deletion does.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn describe(&self, id: &str) -> Result<Option<SecretDescription>, Error> {
        let result = self
            .client
            .describe_secret()
            .secret_id(id)
            .send()
            .await
            .map_err(SERVICE.failed("DescribeSecret", object(id)));
        let answer = match result {
            Err(error) if error.is_not_found() => return Ok(None),
            other => other?,
        };
        Ok(Some(SecretDescription {
            arn: answer.arn.unwrap_or_default(),
            name: answer.name.unwrap_or_default(),
            description: answer.description,
            deleted: answer.deleted_date.as_ref().and_then(timestamp),
            changed: answer.last_changed_date.as_ref().and_then(timestamp),
            tags: from_tags(answer.tags.unwrap_or_default()),
        }))
    }

    /// Creates a secret and returns its ARN.
    ///
    /// # Errors
    /// [`crate::Kind::AlreadyExists`] when the name is taken; otherwise see [`Error`].
    pub async fn create(
        &self,
        name: &str,
        value: &Secret,
        description: &str,
        tags: &BTreeMap<String, String>,
    ) -> Result<String, Error> {
        let operation = "CreateSecret";
        let answer = self
            .client
            .create_secret()
            .name(name)
            .description(description)
            .secret_string(value.expose())
            .set_tags(to_tags(tags))
            .send()
            .await
            .map_err(SERVICE.failed(operation, object(name)))?;
        SERVICE.required(operation, object(name), "ARN", answer.arn)
    }

    /// Gives a secret a new value. The former one stays readable as the previous version.
    ///
    /// # Errors
    /// [`crate::Kind::NotFound`] when there is no such secret; otherwise see [`Error`].
    pub async fn put(&self, id: &str, value: &Secret) -> Result<(), Error> {
        self.client
            .put_secret_value()
            .secret_id(id)
            .secret_string(value.expose())
            .send()
            .await
            .map_err(SERVICE.failed("PutSecretValue", object(id)))?;
        Ok(())
    }

    /// The secret with this name or ARN, with its value.
    ///
    /// # Errors
    /// [`crate::Kind::NotFound`] when there is no such secret; otherwise see [`Error`].
    pub async fn get(&self, id: &str) -> Result<SecretValue, Error> {
        let operation = "GetSecretValue";
        let answer = self
            .client
            .get_secret_value()
            .secret_id(id)
            .send()
            .await
            .map_err(SERVICE.failed(operation, object(id)))?;
        let text = answer.secret_string.or_else(|| {
            let binary = answer.secret_binary?;
            Some(String::from_utf8_lossy(binary.as_ref()).into_owned())
        });
        let value = SERVICE.required(operation, object(id), "SecretString", text)?;
        Ok(SecretValue {
            arn: answer.arn.unwrap_or_default(),
            name: answer.name.unwrap_or_default(),
            value: Secret::new(value),
        })
    }

    /// Like [`Self::get`], with `None` for a secret that does not exist.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn find(&self, id: &str) -> Result<Option<SecretValue>, Error> {
        match self.get(id).await {
            Err(error) if error.is_not_found() => Ok(None),
            other => other.map(Some),
        }
    }

    /// The secrets whose names start with `prefix`, in the order of their names, from all pages. An
    /// empty prefix lists all. Those scheduled for deletion are left out.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn list(&self, prefix: &str) -> Result<Vec<SecretDescription>, Error> {
        let filter = Filter::builder()
            .key(FilterNameStringType::Name)
            .values(prefix)
            .build();
        let mut pages = self
            .client
            .list_secrets()
            .set_filters((!prefix.is_empty()).then(|| vec![filter]))
            .into_paginator()
            .send();
        let mut secrets: Vec<SecretDescription> = Vec::new();
        while let Some(page) = pages.next().await {
            let page =
                page.map_err(SERVICE.failed("ListSecrets", format!("secrets named `{prefix}*`")))?;
            for secret in page.secret_list.unwrap_or_default() {
                secrets.push(SecretDescription {
                    arn: secret.arn.unwrap_or_default(),
                    name: secret.name.unwrap_or_default(),
                    description: secret.description,
                    deleted: secret.deleted_date.as_ref().and_then(timestamp),
                    changed: secret.last_changed_date.as_ref().and_then(timestamp),
                    tags: from_tags(secret.tags.unwrap_or_default()),
                });
            }
        }
        // AWS's filter ignores case in some positions and splits words; a prefix is a prefix here.
        secrets.retain(|secret| secret.name.starts_with(prefix) && secret.deleted.is_none());
        secrets.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(secrets)
    }

    /// Schedules a secret for deletion in `days` (7 to 30), or deletes it at once and for good when
    /// `days` is `None`. One that does not exist counts as deleted.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn delete(&self, id: &str, days: Option<u8>) -> Result<(), Error> {
        let result = self
            .client
            .delete_secret()
            .secret_id(id)
            .set_recovery_window_in_days(days.map(i64::from))
            .set_force_delete_without_recovery(days.is_none().then_some(true))
            .send()
            .await
            .map_err(SERVICE.failed("DeleteSecret", object(id)));
        match result {
            Err(error) if error.is_not_found() => Ok(()),
            other => other.map(drop),
        }
    }

    /// Takes back a scheduled deletion.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn restore(&self, id: &str) -> Result<(), Error> {
        self.client
            .restore_secret()
            .secret_id(id)
            .send()
            .await
            .map_err(SERVICE.failed("RestoreSecret", object(id)))?;
        Ok(())
    }
}

fn object(id: &str) -> String {
    format!("secret `{id}`")
}

fn to_tags(tags: &BTreeMap<String, String>) -> Option<Vec<Tag>> {
    let tags: Vec<Tag> = tags
        .iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect();
    (!tags.is_empty()).then_some(tags)
}

fn from_tags(tags: Vec<Tag>) -> BTreeMap<String, String> {
    tags.into_iter()
        .filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default())))
        .collect()
}
