//! The data plane on a Docker Engine: databases are Postgres containers, caches are Redis containers,
//! instances run the containers of their bundle, and security groups decide who is in whose network.
//!
//! Rules:
//! - Every object carries the label `beanpole.rehearsal=<run id>` and a name with the run's id, so that
//!   two rehearsals can run at once and each finds its own objects again.
//! - Each store has a network of its own without a way out. A container of an instance is in it only
//!   while an ingress rule lets the instance's security group (or address) in on the store's port;
//!   otherwise its name does not resolve. Changes of the rules take effect at once, also on open
//!   connections.
//! - Each instance has a network in which its services reach each other by name. The service that
//!   publishes the instance's port 80 is published on a free port of loopback.
//! - Secrets travel in request bodies to the engine, and never in arguments.
//! - `restart: always` becomes "after a failure", so that nothing starts by itself when the engine does.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use beanpole_image::{CancellationToken, Engine};
use beanpole_model::{Reporter, SecretScrubber};
use futures_util::future::join_all;

use super::{
    CacheSpec, DataPlane, DataPlaneError, DatabaseSpec, DeploymentFailure, DeploymentOutput,
    DeploymentSpec, HealthObservation, IngressRule, InstanceId, InstanceSpec, Removed,
};
use build::Builds;
use health::Answer;
use state::{Application, Instance, Names, State, StoreKind};

mod build;
mod bundle;
mod compose;
mod deployment;
mod env_file;
mod extensions;
mod health;
mod ingress;
mod interpolate;
mod owner;
mod project;
mod state;
mod stores;

pub use state::{RUN_LABEL, private_address};
pub use stores::store_images;

/// The step id of everything that this data plane reports.
pub const STEP: &str = "data-plane";

/// How long calls under way may take to end when everything is removed.
const END_WITHIN: Duration = Duration::from_secs(20);

/// How a Docker data plane is to run.
#[derive(Clone)]
pub struct DockerOptions {
    /// The engine.
    pub engine: Engine,
    /// The run's id: a few letters and digits, unique on this engine.
    pub run: String,
    /// True if the user wants to keep what runs: images stay when everything else is removed, and
    /// [`Docker::remove_abandoned`] of a later run leaves all of it alone.
    pub keep: bool,
    /// Takes build output, command output and warnings.
    pub reporter: Arc<dyn Reporter>,
    /// Stops builds and commands that are under way.
    pub cancel: CancellationToken,
}

/// Runs containers. See the module's page.
pub struct Docker {
    engine: Engine,
    names: Names,
    keep: bool,
    reporter: Arc<dyn Reporter>,
    cancel: CancellationToken,
    state: Mutex<State>,
    /// Held while connections are changed, so that two changes do not cross.
    wiring: tokio::sync::Mutex<()>,
    /// Held for reading by every call that starts something, and for writing by the end.
    gate: tokio::sync::RwLock<()>,
    builds: Builds,
    warned: Mutex<BTreeSet<String>>,
    scrubber: SecretScrubber,
}

impl std::fmt::Debug for Docker {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Docker")
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

impl Docker {
    /// A data plane with nothing in it.
    #[must_use]
    pub fn new(options: DockerOptions) -> Self {
        Self {
            names: Names::new(
                &options.run,
                if options.keep {
                    None
                } else {
                    owner::this_process()
                },
            ),
            engine: options.engine,
            keep: options.keep,
            reporter: options.reporter,
            cancel: options.cancel.child_token(),
            state: Mutex::default(),
            wiring: tokio::sync::Mutex::default(),
            gate: tokio::sync::RwLock::default(),
            builds: Builds::default(),
            warned: Mutex::default(),
            scrubber: SecretScrubber::default(),
        }
    }

    /// Removes what rehearsals left whose process is gone: killed, or lost with the machine. What a user
    /// asked to keep stays, and so does what a process on another machine owns.
    ///
    /// # Errors
    /// The engine could not say what there is.
    pub async fn remove_abandoned(engine: &Engine) -> Result<Removed, DataPlaneError> {
        let failed = |error: beanpole_image::Error| DataPlaneError {
            action: "removing what is left of",
            object: "former rehearsals".to_owned(),
            message: error.with_causes(),
        };
        let labels = engine.labels_of_labelled(RUN_LABEL).await.map_err(failed)?;
        let runs: BTreeSet<&String> = labels
            .iter()
            .filter(|labels| {
                labels
                    .get(state::OWNER_LABEL)
                    .is_some_and(|owner| owner::is_gone(owner))
            })
            .filter_map(|labels| labels.get(RUN_LABEL))
            .collect();
        let mut total = Removed::default();
        for run in runs {
            let removed = engine
                .remove_labelled(&format!("{RUN_LABEL}={run}"), true)
                .await
                .map_err(failed)?;
            total.containers += removed.containers;
            total.networks += removed.networks;
            total.images += removed.images;
            total.left_behind.extend(removed.failures);
        }
        Ok(total)
    }

    /// The label (`key=value`) that every object of this run carries.
    #[must_use]
    pub fn label(&self) -> String {
        self.names.label()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the connections between containers and stores what the rules say.
    async fn rewire(&self) -> Result<(), DataPlaneError> {
        let _held = self.wiring.lock().await;
        let (desired, connected) = {
            let state = self.state();
            (state.desired(), state.connected.clone())
        };
        let mut failure = None;
        for pair in connected.difference(&desired) {
            let (container, network) = pair;
            match self.engine.disconnect_network(network, container).await {
                Ok(()) => {
                    self.state().connected.remove(pair);
                }
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        for pair in desired.difference(&connected) {
            let (container, network) = pair;
            match self.engine.connect_network(network, container, &[]).await {
                Ok(()) => {
                    self.state().connected.insert(pair.clone());
                }
                // It was removed in the meantime.
                Err(error) if error.is_not_found() => {}
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        match failure {
            None => Ok(()),
            Some(error) => Err(DataPlaneError {
                action: "applying the rules of",
                object: "the security groups".to_owned(),
                message: error.with_causes(),
            }),
        }
    }

    /// Where the service of the instance's port 80 is right now. A container that was started again has
    /// another port, so that the engine is asked each time.
    async fn find_address(&self, instance: &InstanceId) -> Option<SocketAddr> {
        let serving = self.state().instances.get(instance).and_then(|instance| {
            let running = instance
                .running
                .iter()
                .find(|running| running.serves.is_some())?;
            Some((running.container.clone(), running.serves?))
        });
        let mut address = None;
        if let Some((container, port)) = serving
            && let Ok(Some(state)) = self.engine.container(&container).await
        {
            address = state.published.get(&port).copied();
        }
        if let Some(instance) = self.state().instances.get_mut(instance) {
            instance.address = address;
        }
        address
    }

    /// Why no container of the instance can answer.
    async fn why_unreachable(&self, instance: &InstanceId) -> String {
        let serving = self.state().instances.get(instance).and_then(|instance| {
            instance
                .running
                .iter()
                .find(|running| running.serves.is_some())
                .cloned()
        });
        let Some(running) = serving else {
            return "no container publishes port 80".to_owned();
        };
        match self.engine.container(&running.container).await {
            Ok(Some(state)) => format!(
                "the container of service {} does not run (exit code {})",
                running.service, state.exit_code
            ),
            Ok(None) => format!("the container of service {} is gone", running.service),
            Err(error) => error.with_causes(),
        }
    }

    fn ended(&self, action: &'static str, object: &str) -> Result<(), DataPlaneError> {
        if self.cancel.is_cancelled() {
            return Err(DataPlaneError {
                action,
                object: object.to_owned(),
                message: "the rehearsal was stopped".to_owned(),
            });
        }
        Ok(())
    }
}

#[async_trait]
impl DataPlane for Docker {
    fn name(&self) -> &'static str {
        "docker"
    }

    fn is_real(&self) -> bool {
        true
    }

    async fn create_database(&self, spec: &DatabaseSpec) -> Result<(), DataPlaneError> {
        let _open = self.gate.read().await;
        self.ended("starting the database", &spec.identifier)?;
        self.start_database(spec).await
    }

    async fn delete_database(&self, identifier: &str) -> Result<(), DataPlaneError> {
        let _open = self.gate.read().await;
        self.delete_store(StoreKind::Database, identifier).await
    }

    async fn create_cache(&self, spec: &CacheSpec) -> Result<(), DataPlaneError> {
        let _open = self.gate.read().await;
        self.ended("starting the cache", &spec.identifier)?;
        self.start_cache(spec).await
    }

    async fn delete_cache(&self, identifier: &str) -> Result<(), DataPlaneError> {
        let _open = self.gate.read().await;
        self.delete_store(StoreKind::Cache, identifier).await
    }

    async fn launch_instance(&self, spec: &InstanceSpec) -> Result<(), DataPlaneError> {
        let _open = self.gate.read().await;
        const ACTION: &str = "launching the instance";
        let id = &spec.instance_id;
        self.ended(ACTION, id.as_str())?;
        if self.state().instances.contains_key(id) {
            return Ok(());
        }
        let network = self.names.network(id);
        let labels = self.names.instance_labels(id);
        let failed = |error: beanpole_image::Error| DataPlaneError {
            action: ACTION,
            object: id.to_string(),
            message: error.with_causes(),
        };
        // An interrupted call may have made the network; engines take a second one of the same name.
        self.engine.remove_network(&network).await.map_err(failed)?;
        self.engine
            .create_network(&network, &labels, false)
            .await
            .map_err(failed)?;
        self.state()
            .instances
            .insert(id.clone(), Instance::new(spec, network));
        Ok(())
    }

    async fn terminate_instance(&self, instance: &InstanceId) -> Result<(), DataPlaneError> {
        let _open = self.gate.read().await;
        self.stop_running(instance).await;
        let removed = self.state().instances.remove(instance);
        for container in removed.map(|instance| instance.members).unwrap_or_default() {
            self.remove_member(&container).await;
        }
        let name = self.names.network(instance);
        self.engine
            .remove_network(&name)
            .await
            .map(|_| ())
            .map_err(|error| DataPlaneError {
                action: "terminating the instance",
                object: instance.to_string(),
                message: error.with_causes(),
            })
    }

    async fn deploy(
        &self,
        instance: &InstanceId,
        deployment: &DeploymentSpec,
    ) -> Result<DeploymentOutput, DeploymentFailure> {
        let _open = self.gate.read().await;
        if self.cancel.is_cancelled() {
            return Err(DeploymentFailure {
                step: "start".to_owned(),
                message: "The rehearsal was stopped.".to_owned(),
                log_tail: Vec::new(),
            });
        }
        self.run_deployment(instance, deployment).await
    }

    async fn check(&self, instance: &InstanceId, path: &str) -> HealthObservation {
        let not_ok = |status, cause: String| HealthObservation {
            ok: false,
            status,
            cause: Some(cause),
        };
        let application = self
            .state()
            .instances
            .get(instance)
            .map(|instance| instance.application);
        match application {
            None => return not_ok(None, "there is no such instance".to_owned()),
            Some(Application::Nothing) => {
                return not_ok(None, "nothing is deployed on the instance".to_owned());
            }
            Some(Application::Sample) => {
                return HealthObservation {
                    ok: true,
                    status: Some(200),
                    cause: None,
                };
            }
            Some(Application::Bundle) => {}
        }
        let Some(address) = self.find_address(instance).await else {
            return not_ok(None, self.why_unreachable(instance).await);
        };
        match health::ask(address, &private_address(instance).to_string(), path).await {
            // The load balancer's default: 200 and nothing else.
            Answer::Status(200) => HealthObservation {
                ok: true,
                status: Some(200),
                cause: None,
            },
            Answer::Status(status) => not_ok(
                Some(status),
                format!("Health checks failed with these codes: [{status}]"),
            ),
            Answer::Nothing(cause) => not_ok(None, cause),
        }
    }

    fn address(&self, instance: &InstanceId) -> Option<SocketAddr> {
        self.state().instances.get(instance)?.address
    }

    async fn set_ingress(&self, rules: &[IngressRule]) -> Result<(), DataPlaneError> {
        let _open = self.gate.read().await;
        self.state().rules = rules.to_vec();
        self.rewire().await
    }

    async fn logs(&self, instance: &InstanceId, lines: usize) -> Vec<String> {
        let running = match self.state().instances.get(instance) {
            Some(instance) => instance.running.clone(),
            None => return Vec::new(),
        };
        // Every service gets its share, so that a talkative one does not push the others out.
        let share = lines.div_ceil(running.len().max(1));
        let logs = join_all(running.iter().map(|running| async {
            let log = self
                .engine
                .logs(&running.container, share)
                .await
                .unwrap_or_default();
            log.into_iter()
                .map(|line| {
                    self.scrubber
                        .scrub(&format!("{} | {line}", running.service))
                })
                .collect::<Vec<_>>()
        }))
        .await;
        let all: Vec<String> = logs.into_iter().flatten().collect();
        let skip = all.len().saturating_sub(lines);
        all.into_iter().skip(skip).collect()
    }

    async fn remove_everything(&self) -> Removed {
        // What is under way ends first, so that it does not make anything after the removal.
        self.cancel.cancel();
        let closed = tokio::time::timeout(END_WITHIN, self.gate.write()).await;
        *self.state() = State::default();
        let removed = self
            .engine
            .remove_labelled(&self.names.label(), !self.keep)
            .await;
        drop(closed);
        match removed {
            Ok(removed) => Removed {
                containers: removed.containers,
                networks: removed.networks,
                images: removed.images,
                left_behind: removed.failures,
            },
            Err(error) => Removed {
                left_behind: vec![error.with_causes()],
                ..Removed::default()
            },
        }
    }
}
