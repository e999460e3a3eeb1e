//! Containers: create, start, stop, remove, inspect.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use beanpole_model::Secret;
use bollard::models::{
    ContainerCreateBody, ContainerInspectResponse, EndpointSettings, HostConfig, NetworkingConfig,
    PortBinding, PortMap, RestartPolicy as EngineRestartPolicy, RestartPolicyNameEnum,
};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder, StopContainerOptionsBuilder,
};

use crate::error::status;
use crate::{Attachment, Engine, Error};

/// What the engine does when a container's process ends by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RestartPolicy {
    /// It stays ended.
    #[default]
    Never,
    /// It is started again if it ended with an error. It is not started when the engine itself starts.
    OnFailure,
}

/// The published ports: container port (TCP) to the address on this machine.
pub type Published = BTreeMap<u16, SocketAddr>;

/// What a container is made from.
#[derive(Clone, Debug, Default)]
pub struct ContainerSpec {
    /// Its name, unique on the engine.
    pub name: String,
    /// The image's name or id. It must be there already; see [`Engine::ensure_image`].
    pub image: String,
    /// The command, in place of the image's.
    pub command: Option<Vec<String>>,
    /// The entrypoint, in place of the image's.
    pub entrypoint: Option<Vec<String>>,
    /// Environment variables. They are sent in the body of the request.
    pub environment: BTreeMap<String, Secret>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// TCP ports to publish, each on a free port of 127.0.0.1.
    pub publish: Vec<u16>,
    /// The network that it starts in; `None` is the engine's default bridge.
    pub network: Option<Attachment>,
    /// What happens when it ends by itself.
    pub restart: RestartPolicy,
    /// The working directory, in place of the image's.
    pub working_directory: Option<String>,
    /// The user, in place of the image's.
    pub user: Option<String>,
}

/// A container as it is right now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerState {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The id of its image.
    pub image: String,
    /// True while its process runs.
    pub running: bool,
    /// True while the engine waits to start it again.
    pub restarting: bool,
    /// How often the engine has started it again.
    pub restarts: u64,
    /// The exit code of its process; 0 while it runs or before it was started.
    pub exit_code: i64,
    /// True if it was killed because memory ran out.
    pub out_of_memory: bool,
    /// What the engine says went wrong when starting it; empty if nothing.
    pub error: String,
    /// Its published ports; empty while it does not run.
    pub published: Published,
    /// The networks that it is in, and its address in each.
    pub networks: BTreeMap<String, Option<IpAddr>>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

impl Engine {
    /// Creates a container without starting it, and returns its id.
    ///
    /// # Errors
    /// [`Error::Conflict`] if the name is taken, [`Error::NotFound`] if the image or network is not
    /// there, [`Error::Request`].
    pub async fn create_container(&self, spec: &ContainerSpec) -> Result<String, Error> {
        let options = CreateContainerOptionsBuilder::default()
            .name(&spec.name)
            .build();
        self.docker()
            .create_container(Some(options), body(spec))
            .await
            .map(|created| created.id)
            .map_err(|error| Error::request(format!("create container {}", spec.name), error))
    }

    /// Starts a container. Nothing happens if it runs.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Request`] (the command does not exist, a network is gone).
    pub async fn start_container(&self, container: &str) -> Result<(), Error> {
        self.docker()
            .start_container(container, None)
            .await
            .map_err(|error| Error::request(format!("start container {container}"), error))
    }

    /// Asks a container's process to end, and kills it after `grace` (whole seconds). Nothing happens
    /// if it does not run or does not exist.
    ///
    /// # Errors
    /// [`Error::Request`].
    pub async fn stop_container(&self, container: &str, grace: Duration) -> Result<(), Error> {
        let seconds = i32::try_from(grace.as_secs()).unwrap_or(i32::MAX);
        let options = StopContainerOptionsBuilder::default().t(seconds).build();
        match self.docker().stop_container(container, Some(options)).await {
            Ok(()) => Ok(()),
            Err(error) if status(&error) == Some(404) => Ok(()),
            Err(error) => Err(Error::request(format!("stop container {container}"), error)),
        }
    }

    /// Removes a container with its unnamed volumes, killing it if it runs. True if it was there.
    ///
    /// # Errors
    /// [`Error::Request`].
    pub async fn remove_container(&self, container: &str) -> Result<bool, Error> {
        let options = RemoveContainerOptionsBuilder::default()
            .force(true)
            .v(true)
            .build();
        match self
            .docker()
            .remove_container(container, Some(options))
            .await
        {
            Ok(()) => Ok(true),
            // 409: someone else removes it at this moment.
            Err(error) if matches!(status(&error), Some(404 | 409)) => Ok(false),
            Err(error) => Err(Error::request(
                format!("remove container {container}"),
                error,
            )),
        }
    }

    /// A container's state; `None` if there is no such container.
    ///
    /// # Errors
    /// [`Error::Request`].
    pub async fn container(&self, container: &str) -> Result<Option<ContainerState>, Error> {
        match self.docker().inspect_container(container, None).await {
            Ok(response) => Ok(Some(state(response))),
            Err(error) if status(&error) == Some(404) => Ok(None),
            Err(error) => Err(Error::request(
                format!("inspect container {container}"),
                error,
            )),
        }
    }
}

fn body(spec: &ContainerSpec) -> ContainerCreateBody {
    let environment = spec
        .environment
        .iter()
        .map(|(name, value)| format!("{name}={}", value.expose()))
        .collect();
    let key = |port: &u16| format!("{port}/tcp");
    let bindings: PortMap = spec
        .publish
        .iter()
        .map(|port| {
            // An empty host port asks the engine for a free one.
            let binding = PortBinding {
                host_ip: Some("127.0.0.1".to_owned()),
                host_port: Some(String::new()),
            };
            (key(port), Some(vec![binding]))
        })
        .collect();
    let restart = match spec.restart {
        RestartPolicy::Never => RestartPolicyNameEnum::NO,
        RestartPolicy::OnFailure => RestartPolicyNameEnum::ON_FAILURE,
    };
    let networking = spec.network.as_ref().map(|attachment| NetworkingConfig {
        endpoints_config: Some(HashMap::from([(
            attachment.network.clone(),
            EndpointSettings {
                aliases: Some(attachment.aliases.clone()),
                ..EndpointSettings::default()
            },
        )])),
    });
    ContainerCreateBody {
        image: Some(spec.image.clone()),
        cmd: spec.command.clone(),
        entrypoint: spec.entrypoint.clone(),
        env: Some(environment),
        labels: Some(
            spec.labels
                .iter()
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect(),
        ),
        exposed_ports: Some(spec.publish.iter().map(key).collect()),
        working_dir: spec.working_directory.clone(),
        user: spec.user.clone(),
        networking_config: networking,
        host_config: Some(HostConfig {
            port_bindings: Some(bindings),
            network_mode: spec
                .network
                .as_ref()
                .map(|attachment| attachment.network.clone()),
            restart_policy: Some(EngineRestartPolicy {
                name: Some(restart),
                maximum_retry_count: None,
            }),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    }
}

fn state(response: ContainerInspectResponse) -> ContainerState {
    let process = response.state.unwrap_or_default();
    let settings = response.network_settings.unwrap_or_default();
    let published = settings
        .ports
        .unwrap_or_default()
        .into_iter()
        .filter_map(|(port, bindings)| {
            let port = port.strip_suffix("/tcp")?.parse().ok()?;
            let binding = bindings?.into_iter().next()?;
            let address: IpAddr = binding.host_ip?.parse().ok()?;
            Some((
                port,
                SocketAddr::new(address, binding.host_port?.parse().ok()?),
            ))
        })
        .collect();
    let networks = settings
        .networks
        .unwrap_or_default()
        .into_iter()
        .map(|(name, endpoint)| {
            (
                name,
                endpoint.ip_address.and_then(|address| address.parse().ok()),
            )
        })
        .collect();
    ContainerState {
        id: response.id.unwrap_or_default(),
        name: response
            .name
            .unwrap_or_default()
            .trim_start_matches('/')
            .to_owned(),
        image: response.image.unwrap_or_default(),
        running: process.running.unwrap_or_default(),
        restarting: process.restarting.unwrap_or_default(),
        restarts: response
            .restart_count
            .and_then(|count| u64::try_from(count).ok())
            .unwrap_or_default(),
        exit_code: process.exit_code.unwrap_or_default(),
        out_of_memory: process.oom_killed.unwrap_or_default(),
        error: process.error.unwrap_or_default(),
        published,
        networks,
        labels: response
            .config
            .and_then(|config| config.labels)
            .unwrap_or_default()
            .into_iter()
            .collect(),
    }
}
