//! Secrets: passwords before the stores, connections after them.

use beanpole_cloud::Kind as Failure;
use beanpole_model::Secret;
use beanpole_secrets::connection::{decide, generate};
use beanpole_secrets::{Connection, Endpoints};

use super::{Context, State};
use crate::connections;
use crate::error::Error;
use crate::names::{self, Store};
use crate::observed::SecretFacts;
use crate::plan::Change;
use crate::planner::{connection_id, secret_id};

/// How many times a secret is written when others write it at the same time.
const ATTEMPTS: usize = 3;

impl Context<'_> {
    /// Makes the secret of a change and returns its ARN.
    pub(super) async fn secret(&self, change: &Change) -> Result<String, Error> {
        let connection = Connection::of(self.project).into_iter().find(|connection| {
            let store = match connection {
                Connection::Database => Some(Store::Database),
                Connection::Cache => Some(Store::Cache),
                Connection::App => None,
            };
            change.id == secret_id(*connection)
                || store.is_some_and(|store| change.id == connection_id(store))
        });
        match connection {
            Some(connection) => self.written(change, connection).await,
            None => self.generated(change).await,
        }
    }

    /// Brings one of the secrets that beanpole writes up to date with what is known by now. The
    /// password in it stays, if it has one.
    async fn written(&self, change: &Change, connection: Connection) -> Result<String, Error> {
        let name = &change.resource.name;
        let doing = || format!("writing {}", change.resource);
        for _ in 0..ATTEMPTS {
            let existing = self.read(change).await?;
            let endpoints = self.with_state(|state| endpoints(state));
            let former = existing.as_ref().and_then(|found| found.value.as_ref());
            let decision = decide(connection, self.project, former, &endpoints, &mut generate)
                .map_err(|source| Error::Secret {
                    name: name.clone(),
                    source,
                })?;
            connections::learn(self.scrubber, name, &decision.value);
            let arn = match existing {
                // A new version only if it says something new: each one counts against a limit.
                Some(found) if decision.unchanged => found.arn,
                Some(found) => {
                    let put = self.cloud.secrets.put(name, &decision.value).await;
                    put.map_err(Error::cloud(doing()))?;
                    found.arn
                }
                None => {
                    let what = format!("{} of {}", connection.word(), self.project.environment);
                    match self.create(change, &decision.value, &what).await? {
                        Some(arn) => arn,
                        // Someone else was faster. Their password is the one to keep.
                        None => continue,
                    }
                }
            };
            self.keep(name, arn.clone(), decision.value);
            return Ok(arn);
        }
        Err(Error::Missing {
            what: format!("{} after {ATTEMPTS} attempts", change.resource),
        })
    }

    /// Makes a secret that nobody needs to know, unless it exists.
    async fn generated(&self, change: &Change) -> Result<String, Error> {
        let name = &change.resource.name;
        let value = connections::new_secret_key();
        self.scrubber.learn(&value);
        let what = format!("made for {}", self.project.environment);
        let arn = match self.create(change, &value, &what).await? {
            Some(arn) => arn,
            None => {
                let found = self.cloud.secrets.describe(name).await;
                let found =
                    found.map_err(Error::cloud(format!("looking at {}", change.resource)))?;
                found.map(|found| found.arn).ok_or_else(|| Error::Missing {
                    what: change.resource.to_string(),
                })?
            }
        };
        let facts = SecretFacts {
            arn: arn.clone(),
            value: None,
        };
        self.with_state(|state| state.secrets.insert(name.clone(), facts));
        Ok(arn)
    }

    /// The secret as it is; `None` if there is none, or it is scheduled for deletion.
    async fn read(&self, change: &Change) -> Result<Option<SecretFacts>, Error> {
        let name = &change.resource.name;
        let doing = || format!("reading {}", change.resource);
        let found = self
            .cloud
            .secrets
            .describe(name)
            .await
            .map_err(Error::cloud(doing()))?;
        if found.is_none_or(|found| found.deleted.is_some()) {
            return Ok(None);
        }
        let found = self
            .cloud
            .secrets
            .find(name)
            .await
            .map_err(Error::cloud(doing()))?;
        Ok(found.map(|found| SecretFacts {
            arn: found.arn,
            value: Some(found.value),
        }))
    }

    /// Creates a secret and returns its ARN; `None` if there is one of this name. One that is scheduled
    /// for deletion blocks its name, so it is restored.
    async fn create(
        &self,
        change: &Change,
        value: &Secret,
        description: &str,
    ) -> Result<Option<String>, Error> {
        let name = &change.resource.name;
        let doing = || format!("creating {}", change.resource);
        let tags = names::tags(self.project);
        let error = match self
            .cloud
            .secrets
            .create(name, value, description, &tags)
            .await
        {
            Ok(arn) => return Ok(Some(arn)),
            Err(error) if error.kind == Failure::AlreadyExists => return Ok(None),
            Err(error) => error,
        };
        // AWS says "invalid request" for a name that waits for its deletion.
        let found = self
            .cloud
            .secrets
            .describe(name)
            .await
            .map_err(Error::cloud(doing()))?;
        if found.is_some_and(|found| found.deleted.is_some()) {
            self.cloud
                .secrets
                .restore(name)
                .await
                .map_err(Error::cloud(doing()))?;
            return Ok(None);
        }
        Err(Error::cloud(doing())(error))
    }

    fn keep(&self, name: &str, arn: String, value: Secret) {
        let facts = SecretFacts {
            arn,
            value: Some(value),
        };
        self.with_state(|state| state.secrets.insert(name.to_owned(), facts));
    }

    /// The password for a store that is about to be created.
    pub(super) fn password(&self, store: Store) -> Result<Option<Secret>, Error> {
        let name = connections::of_store(store).name(self.project);
        let value = self.with_state(|state| {
            state
                .secrets
                .get(&name)
                .and_then(|found| found.value.clone())
        });
        let Some(value) = value else {
            return Err(Error::Missing {
                what: format!("secret `{name}`"),
            });
        };
        connections::password(self.project, store, &value)
            .map_err(|source| Error::Secret { name, source })
    }
}

fn endpoints(state: &State) -> Endpoints {
    let of = |store: Store| {
        state
            .endpoints
            .get(&store)
            .map(|endpoint| (endpoint.host.clone(), endpoint.port))
    };
    Endpoints {
        database: of(Store::Database),
        cache: of(Store::Cache),
    }
}
