//! IAM: do the roles exist that Beanstalk needs?

use serde::Serialize;

use crate::Error;
use crate::connection::{Connection, client};
use crate::error::Service;

const SERVICE: Service = Service("iam");

/// The IAM client. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Roles {
    client: aws_sdk_iam::Client,
}

/// A role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
}

impl Roles {
    pub(crate) fn new(connection: &Connection) -> Self {
        Self {
            client: client!(aws_sdk_iam, connection),
        }
    }

    /// True if there is an instance profile of this name.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn instance_profile(&self, name: &str) -> Result<bool, Error> {
        let result = self
            .client
            .get_instance_profile()
            .instance_profile_name(name)
            .send()
            .await
            .map_err(SERVICE.failed("GetInstanceProfile", format!("instance profile `{name}`")));
        match result {
            Err(error) if error.is_not_found() => Ok(false),
            other => other.map(|_| true),
        }
    }

    /// The role of this name, if there is one.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn role(&self, name: &str) -> Result<Option<Role>, Error> {
        let result = self
            .client
            .get_role()
            .role_name(name)
            .send()
            .await
            .map_err(SERVICE.failed("GetRole", format!("role `{name}`")));
        match result {
            Err(error) if error.is_not_found() => Ok(None),
            other => Ok(other?.role.map(|role| Role {
                name: role.role_name,
                arn: role.arn,
            })),
        }
    }
}
