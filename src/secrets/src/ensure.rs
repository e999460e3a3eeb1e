//! Makes the connection secrets be there and up to date.

use std::collections::BTreeMap;

use beanpole_cloud::{Cloud, Kind, SecretValue};
use beanpole_manifest::Project;
use beanpole_model::{Secret, SecretScrubber};
use serde::Serialize;

use crate::connection::{
    Connection, Credentials, Decision, Endpoints, decide, generate, key, parts,
};
use crate::{Error, references};

/// What [`ensure`] did with a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// It was created, with a new password where it has one.
    Created,
    /// It got a new value; its password is the former one.
    Updated,
    /// It was up to date.
    Unchanged,
}

/// A connection secret as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stored {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Its value.
    pub value: Secret,
    /// What was done.
    pub change: Change,
}

/// All connection secrets of a project.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Connections {
    /// By what they are for.
    pub secrets: BTreeMap<Connection, Stored>,
}

impl Connections {
    /// What the stores are to be created with.
    ///
    /// # Errors
    /// [`Error::Form`] when a secret is not a JSON object.
    pub fn credentials(&self) -> Result<Credentials, Error> {
        let password = |connection: Connection| match self.secrets.get(&connection) {
            Some(stored) => key(&stored.name, &stored.value, "password"),
            None => Ok(None),
        };
        Ok(Credentials {
            database_password: password(Connection::Database)?,
            cache_token: password(Connection::Cache)?,
        })
    }

    /// The ARNs by the secrets' names, for [`references()`].
    #[must_use]
    pub fn arns(&self) -> BTreeMap<String, String> {
        self.secrets
            .values()
            .map(|stored| (stored.name.clone(), stored.arn.clone()))
            .collect()
    }

    /// Beanstalk's references for the whole project. `others` has the ARNs of the secrets that the
    /// manifest names, from [`crate::arns`].
    #[must_use]
    pub fn references(
        &self,
        project: &Project,
        others: &BTreeMap<String, String>,
    ) -> BTreeMap<String, Option<String>> {
        let own = self.arns();
        references(project, &|secret| {
            own.get(secret).or_else(|| others.get(secret)).cloned()
        })
    }
}

/// Creates the connection secrets that are missing, and updates those that do not fit the project or
/// the stores' addresses. Call it before the stores are created, without addresses, to have the
/// passwords; and again afterwards. Calling it again with the same facts changes nothing. All values
/// go to `scrubber`.
///
/// # Errors
/// [`Error::Cloud`], [`Error::Deleted`], and [`Error::Form`] for a secret that someone else has
/// written.
pub async fn ensure(
    cloud: &Cloud,
    project: &Project,
    endpoints: &Endpoints,
    scrubber: &SecretScrubber,
) -> Result<Connections, Error> {
    let mut connections = Connections::default();
    for connection in Connection::of(project) {
        let stored = ensure_one(cloud, project, connection, endpoints, scrubber).await?;
        connections.secrets.insert(connection, stored);
    }
    Ok(connections)
}

/// Makes one connection secret be there and up to date; see [`ensure`].
///
/// # Errors
/// See [`ensure`].
async fn ensure_one(
    cloud: &Cloud,
    project: &Project,
    connection: Connection,
    endpoints: &Endpoints,
    scrubber: &SecretScrubber,
) -> Result<Stored, Error> {
    let name = connection.name(project);
    let mut existing = find(cloud, &name).await?;
    if existing.is_none() {
        let Decision { value, .. } = decided(connection, project, None, endpoints, scrubber)?;
        let description = connection.description(project);
        match cloud
            .secrets
            .create(&name, &value, &description, &project.tags)
            .await
        {
            Ok(arn) => {
                return Ok(Stored {
                    name,
                    arn,
                    value,
                    change: Change::Created,
                });
            }
            // Someone else was faster. Their password is the one to keep.
            Err(error) if error.kind == Kind::AlreadyExists => {
                existing = find(cloud, &name).await?;
            }
            Err(error) => {
                return Err(Error::cloud(format!("creating the secret `{name}`"))(error));
            }
        }
    }
    let Some(existing) = existing else {
        return Err(Error::Deleted { name });
    };
    let Decision { value, unchanged } = decided(
        connection,
        project,
        Some(&existing.value),
        endpoints,
        scrubber,
    )?;
    if unchanged {
        return Ok(Stored {
            name,
            arn: existing.arn,
            value,
            change: Change::Unchanged,
        });
    }
    cloud
        .secrets
        .put(&name, &value)
        .await
        .map_err(Error::cloud(format!("updating the secret `{name}`")))?;
    Ok(Stored {
        name,
        arn: existing.arn,
        value,
        change: Change::Updated,
    })
}

/// [`decide`], with the values that it saw and made told to the scrubber before they go anywhere.
fn decided(
    connection: Connection,
    project: &Project,
    existing: Option<&Secret>,
    endpoints: &Endpoints,
    scrubber: &SecretScrubber,
) -> Result<Decision, Error> {
    if let Some(existing) = existing {
        learn(scrubber, existing);
    }
    let decision = decide(connection, project, existing, endpoints, &mut generate)?;
    learn(scrubber, &decision.value);
    Ok(decision)
}

/// Teaches the scrubber the value as a whole, and those of its keys that nobody may see. Names and
/// addresses are left readable: without them no log could be understood.
fn learn(scrubber: &SecretScrubber, value: &Secret) {
    scrubber.learn(value);
    for (key, part) in parts(value) {
        if !matches!(
            key.as_str(),
            "engine" | "host" | "port" | "dbname" | "username"
        ) {
            scrubber.learn(&part);
        }
    }
}

async fn find(cloud: &Cloud, name: &str) -> Result<Option<SecretValue>, Error> {
    cloud
        .secrets
        .find(name)
        .await
        .map_err(|error| Error::reading(name, error))
}
