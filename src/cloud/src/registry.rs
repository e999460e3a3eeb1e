//! ECR: the login for the account's image registry.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use beanpole_model::Secret;
use jiff::Timestamp;
use serde::Serialize;

use crate::connection::{Connection, client};
use crate::error::Service;
use crate::time::timestamp;
use crate::{Error, Kind};

const SERVICE: Service = Service("ecr");

/// The ECR client. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Registry {
    client: aws_sdk_ecr::Client,
}

/// A login for `docker push`, good for 12 hours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RegistryToken {
    /// The user name: `AWS`.
    pub username: String,
    /// The password.
    pub password: Secret,
    /// The registry's address: `https://<account>.dkr.ecr.<region>.amazonaws.com`.
    pub endpoint: String,
    /// When the login ends.
    pub expires: Option<Timestamp>,
}

impl Registry {
    pub(crate) fn new(connection: &Connection) -> Self {
        Self {
            client: client!(aws_sdk_ecr, connection),
        }
    }

    /// A login for the registry of the account and region in use.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn token(&self) -> Result<RegistryToken, Error> {
        let (operation, object) = ("GetAuthorizationToken", "the registry");
        let answer = self
            .client
            .get_authorization_token()
            .send()
            .await
            .map_err(SERVICE.failed(operation, object))?;
        let data = answer
            .authorization_data
            .unwrap_or_default()
            .into_iter()
            .next();
        let data = SERVICE.required(operation, object, "authorizationData", data)?;
        let token = data.authorization_token.as_deref().and_then(decode);
        let Some((username, password)) = token else {
            let message = "the token is not `user:password` in base64";
            return Err(Error::new(
                SERVICE.0,
                operation,
                object,
                Kind::Service,
                message,
            ));
        };
        Ok(RegistryToken {
            username,
            password,
            endpoint: SERVICE.required(operation, object, "proxyEndpoint", data.proxy_endpoint)?,
            expires: data.expires_at.as_ref().and_then(timestamp),
        })
    }
}

fn decode(token: &str) -> Option<(String, Secret)> {
    let text = String::from_utf8(STANDARD.decode(token).ok()?).ok()?;
    let (username, password) = text.split_once(':')?;
    Some((username.to_owned(), Secret::new(password)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_user_and_password() {
        let (username, password) = decode("QVdTOmh1bnRlcjI6eA==").unwrap();
        assert_eq!(username, "AWS");
        assert_eq!(password.expose(), "hunter2:x");
        assert!(decode("AWS:hunter2").is_none());
    }
}
