//! Databases and caches: one container each, in a network of its own that only rules open.
//!
//! Rules: passwords go into files that are written into the container before it starts, so that neither
//! arguments nor the container's settings show them. A store counts as there once a client inside its
//! container has logged in and been answered.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use beanpole_image::{Attachment, ContainerFile, ContainerSpec};
use beanpole_model::Secret;

use super::Docker;
use super::state::{Store, StoreKind};
use crate::data_plane::{CacheSpec, DataPlaneError, DatabaseSpec};

/// How long a store may take to answer after its start.
const READY_WITHIN: Duration = Duration::from_secs(120);

const BETWEEN_TRIES: Duration = Duration::from_millis(200);

/// The lines of a store's log that an error carries.
const LOG_LINES: usize = 10;

const PASSWORD_FILE: &str = "/etc/beanpole/password";
const REDIS_FILE: &str = "/etc/beanpole/redis.conf";

/// The images that stand in for RDS and ElastiCache with these engine versions, so that a caller can see
/// beforehand whether they are to be had.
#[must_use]
pub fn store_images(database_version: Option<&str>, cache_version: Option<&str>) -> Vec<String> {
    database_version
        .map(postgres_image)
        .into_iter()
        .chain(cache_version.map(redis_image))
        .collect()
}

/// `postgres:16` for version 16.4.
fn postgres_image(version: &str) -> String {
    format!("postgres:{}", version.split('.').next().unwrap_or(version))
}

/// `redis:7` for version 7.1. ElastiCache's own minor versions have no image of their own, and Valkey
/// (7.2 and later) speaks the protocol of Redis 7.
fn redis_image(version: &str) -> String {
    let major: u32 = version
        .split('.')
        .next()
        .and_then(|major| major.parse().ok())
        .unwrap_or(7);
    format!("redis:{}", major.clamp(5, 7))
}

/// A command inside the store's container that succeeds once it is ready.
struct Readiness {
    command: Vec<String>,
    environment: BTreeMap<String, Secret>,
    /// What one of the printed lines must be.
    answer: &'static str,
}

struct Plan {
    kind: StoreKind,
    identifier: String,
    host: String,
    store: Store,
    container: ContainerSpec,
    files: Vec<ContainerFile>,
    readiness: Readiness,
}

impl Docker {
    pub(super) async fn start_database(&self, spec: &DatabaseSpec) -> Result<(), DataPlaneError> {
        self.scrubber.learn(&spec.password);
        let name = self.names.store(StoreKind::Database, &spec.identifier);
        let plain = |value: &str| Secret::new(value);
        // Durability is nothing that a rehearsal needs, and waiting for the disk is most of a migration.
        let settings = [
            "postgres",
            "-c",
            "fsync=off",
            "-c",
            "synchronous_commit=off",
            "-c",
            "full_page_writes=off",
        ];
        let port = spec.port.to_string();
        let client = [
            "psql",
            "-h",
            "127.0.0.1",
            "-p",
            &port,
            "-U",
            &spec.username,
            "-d",
            &spec.name,
            "-tAqc",
            "select 1",
        ];
        self.start_store(Plan {
            kind: StoreKind::Database,
            identifier: spec.identifier.clone(),
            host: spec.host.clone(),
            store: Store {
                network: name.clone(),
                port: spec.port,
                security_groups: spec.security_groups.clone(),
            },
            container: ContainerSpec {
                name,
                image: postgres_image(&spec.version),
                command: Some(settings.map(str::to_owned).to_vec()),
                environment: BTreeMap::from([
                    ("POSTGRES_USER".to_owned(), plain(&spec.username)),
                    ("POSTGRES_DB".to_owned(), plain(&spec.name)),
                    ("POSTGRES_PASSWORD_FILE".to_owned(), plain(PASSWORD_FILE)),
                    ("POSTGRES_INITDB_ARGS".to_owned(), plain("--no-sync")),
                    ("PGPORT".to_owned(), plain(&port)),
                ]),
                ..ContainerSpec::default()
            },
            files: vec![ContainerFile {
                path: PASSWORD_FILE.to_owned(),
                mode: 0o644,
                content: spec.password.clone(),
            }],
            readiness: Readiness {
                command: client.map(str::to_owned).to_vec(),
                environment: BTreeMap::from([("PGPASSWORD".to_owned(), spec.password.clone())]),
                answer: "1",
            },
        })
        .await
    }

    pub(super) async fn start_cache(&self, spec: &CacheSpec) -> Result<(), DataPlaneError> {
        let name = self.names.store(StoreKind::Cache, &spec.identifier);
        let mut settings = format!(
            "bind 0.0.0.0\nprotected-mode no\nport {}\nsave \"\"\nappendonly no\n",
            spec.port
        );
        let mut environment = BTreeMap::new();
        if let Some(token) = &spec.auth_token {
            self.scrubber.learn(token);
            let quoted = token.expose().replace('\\', "\\\\").replace('"', "\\\"");
            settings.push_str(&format!("requirepass \"{quoted}\"\n"));
            environment.insert("REDISCLI_AUTH".to_owned(), token.clone());
        }
        let port = spec.port.to_string();
        self.start_store(Plan {
            kind: StoreKind::Cache,
            identifier: spec.identifier.clone(),
            host: spec.host.clone(),
            store: Store {
                network: name.clone(),
                port: spec.port,
                security_groups: spec.security_groups.clone(),
            },
            container: ContainerSpec {
                name,
                image: redis_image(&spec.version),
                command: Some(["redis-server", REDIS_FILE].map(str::to_owned).to_vec()),
                ..ContainerSpec::default()
            },
            files: vec![ContainerFile {
                path: REDIS_FILE.to_owned(),
                mode: 0o644,
                content: Secret::new(settings),
            }],
            readiness: Readiness {
                command: ["redis-cli", "-h", "127.0.0.1", "-p", &port, "ping"]
                    .map(str::to_owned)
                    .to_vec(),
                environment,
                answer: "PONG",
            },
        })
        .await
    }

    async fn start_store(&self, plan: Plan) -> Result<(), DataPlaneError> {
        let key = (plan.kind, plan.identifier.clone());
        if self.state().stores.contains_key(&key) {
            return Ok(());
        }
        if let Err(message) = self.run_store(&plan).await {
            // A half-made store would be in the way of the next try.
            let _ = self.engine.remove_container(&plan.container.name).await;
            let _ = self.engine.remove_network(&plan.store.network).await;
            let action = match plan.kind {
                StoreKind::Database => "starting the database",
                StoreKind::Cache => "starting the cache",
            };
            return Err(DataPlaneError {
                action,
                object: plan.identifier,
                message: self.scrubber.scrub(&message),
            });
        }
        self.state().stores.insert(key, plan.store);
        self.rewire().await
    }

    async fn run_store(&self, plan: &Plan) -> Result<(), String> {
        let engine = &self.engine;
        let failed = |error: beanpole_image::Error| error.with_causes();
        let image = &plan.container.image;
        engine
            .ensure_image(image, super::STEP, self.reporter.as_ref(), &self.cancel)
            .await
            .map_err(failed)?;
        let mut container = plan.container.clone();
        container.labels = self.names.labels();
        container.network = Some(Attachment {
            network: plan.store.network.clone(),
            aliases: vec![plan.host.clone()],
        });
        // What an interrupted call left has the same names.
        engine
            .remove_container(&container.name)
            .await
            .map_err(failed)?;
        engine
            .remove_network(&plan.store.network)
            .await
            .map_err(failed)?;
        engine
            .create_network(&plan.store.network, &self.names.labels(), true)
            .await
            .map_err(failed)?;
        let id = engine.create_container(&container).await.map_err(failed)?;
        engine.put_files(&id, &plan.files).await.map_err(failed)?;
        engine.start_container(&id).await.map_err(failed)?;

        let words: Vec<&str> = plan.readiness.command.iter().map(String::as_str).collect();
        let deadline = Instant::now() + READY_WITHIN;
        let mut last;
        loop {
            match engine.exec(&id, &words, &plan.readiness.environment).await {
                Ok(output)
                    if output.exit_code == 0
                        && output
                            .lines
                            .iter()
                            .any(|line| line == plan.readiness.answer) =>
                {
                    return Ok(());
                }
                Ok(output) => last = output.lines.join(" "),
                Err(error) => last = error.with_causes(),
            }
            let ended = match engine.container(&id).await.map_err(failed)? {
                Some(state) if state.running => None,
                Some(state) => Some(format!(
                    "its container ended with exit code {}",
                    state.exit_code
                )),
                None => Some("its container is gone".to_owned()),
            };
            let reason = match ended {
                Some(reason) => reason,
                None if self.cancel.is_cancelled() => {
                    return Err("the rehearsal was stopped".to_owned());
                }
                None if Instant::now() > deadline => {
                    format!(
                        "it did not answer within {} s ({last})",
                        READY_WITHIN.as_secs()
                    )
                }
                None => {
                    tokio::time::sleep(BETWEEN_TRIES).await;
                    continue;
                }
            };
            let log = engine
                .logs(&id, LOG_LINES)
                .await
                .unwrap_or_default()
                .join(" | ");
            return Err(format!("{reason}; the end of its log: {log}"));
        }
    }

    pub(super) async fn delete_store(
        &self,
        kind: StoreKind,
        identifier: &str,
    ) -> Result<(), DataPlaneError> {
        let action = match kind {
            StoreKind::Database => "deleting the database",
            StoreKind::Cache => "deleting the cache",
        };
        let failed = |error: beanpole_image::Error| DataPlaneError {
            action,
            object: identifier.to_owned(),
            message: error.with_causes(),
        };
        let name = self.names.store(kind, identifier);
        self.state().stores.remove(&(kind, identifier.to_owned()));
        self.engine.remove_container(&name).await.map_err(failed)?;
        // Nobody may be in the network when it goes.
        self.rewire().await?;
        self.engine.remove_network(&name).await.map_err(failed)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_follow_the_engine_versions() {
        assert_eq!(
            store_images(Some("16.4"), Some("7.1")),
            ["postgres:16", "redis:7"]
        );
        assert_eq!(store_images(Some("15"), None), ["postgres:15"]);
        assert_eq!(store_images(None, Some("8.0")), ["redis:7"]);
        assert_eq!(store_images(None, Some("6.x")), ["redis:6"]);
    }
}
