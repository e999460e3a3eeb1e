//! The connection to a Docker Engine.

use std::time::Duration;

use beanpole_model::Environment;
use bollard::{API_DEFAULT_VERSION, Docker};

use crate::{Address, Error};

/// The oldest Engine API with BuildKit and its session (Engine API version history, 1.39).
const OLDEST_API: (usize, usize) = (1, 39);
const OLDEST_API_TEXT: &str = "1.39";

/// How long the engine may take to start an answer. Long enough for a container's stop period and a
/// loaded machine; a build has its own limit.
const ANSWER_WITHIN: Duration = Duration::from_secs(180);

/// How long the engine may take to say at all that it is there.
const PING_WITHIN: Duration = Duration::from_secs(10);

/// What an engine says about itself.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct EngineVersion {
    /// The version of the engine: `20.10.24`.
    pub engine: String,
    /// The Engine API version in use: `1.41`.
    pub api: String,
    /// The operating system of the engine's containers: `linux`.
    pub os: String,
    /// The architecture of the engine's machine: `amd64`.
    pub architecture: String,
}

/// A Docker Engine that has answered once. Clones share the connection settings.
#[derive(Clone)]
pub struct Engine {
    docker: Docker,
    address: Address,
    version: EngineVersion,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Engine")
            .field("address", &self.address)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// Connects to the engine that the environment names (`DOCKER_HOST`, or a default socket), asks
    /// whether it is there, and agrees on an API version.
    ///
    /// # Errors
    /// [`Error::AddressUnsupported`], [`Error::EngineUnreachable`], [`Error::EngineTooOld`].
    pub async fn connect(environment: &Environment) -> Result<Self, Error> {
        let address =
            Address::from_environment(environment, |path| camino::Utf8Path::new(path).exists())?;
        Self::connect_to(address).await
    }

    /// Connects to the engine at `address`.
    ///
    /// # Errors
    /// [`Error::EngineUnreachable`], [`Error::EngineTooOld`].
    pub async fn connect_to(address: Address) -> Result<Self, Error> {
        let unreachable = |source| Error::EngineUnreachable {
            address: address.to_string(),
            source: Box::new(source),
        };
        let docker = open(&address, PING_WITHIN).map_err(unreachable)?;
        let docker = docker.negotiate_version().await.map_err(unreachable)?;
        let api = docker.client_version();
        if (api.major_version, api.minor_version) < OLDEST_API {
            return Err(Error::EngineTooOld {
                address: address.to_string(),
                version: api.to_string(),
                needed: OLDEST_API_TEXT,
            });
        }
        let about = docker.version().await.map_err(unreachable)?;
        let version = EngineVersion {
            engine: about.version.unwrap_or_default(),
            api: api.to_string(),
            os: about.os.unwrap_or_default(),
            architecture: about.arch.unwrap_or_default(),
        };
        Ok(Self {
            docker: docker.with_timeout(ANSWER_WITHIN),
            address,
            version,
        })
    }

    /// Where the engine listens.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// What the engine says about itself.
    #[must_use]
    pub fn version(&self) -> &EngineVersion {
        &self.version
    }

    /// The client for everything but builds.
    pub(crate) fn docker(&self) -> &Docker {
        &self.docker
    }

    /// A connection of its own with the same API version, whose answers may take `within` to begin.
    /// Builds use it on a runtime of their own.
    pub(crate) async fn another(
        address: &Address,
        within: Duration,
    ) -> Result<Docker, bollard::errors::Error> {
        open(address, within)?.negotiate_version().await
    }
}

fn open(address: &Address, within: Duration) -> Result<Docker, bollard::errors::Error> {
    let seconds = within.as_secs();
    match address {
        Address::Unix(path) => Docker::connect_with_unix(path, seconds, API_DEFAULT_VERSION),
        Address::Tcp(host) => {
            Docker::connect_with_http(&format!("tcp://{host}"), seconds, API_DEFAULT_VERSION)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nobody_home_names_the_address() {
        let environment = [("DOCKER_HOST", "unix:///nowhere/docker.sock")]
            .into_iter()
            .collect();
        let error = Engine::connect(&environment).await.unwrap_err();
        assert!(
            matches!(error, Error::EngineUnreachable { .. }),
            "{error:?}"
        );
        assert!(
            error.to_string().contains("unix:///nowhere/docker.sock"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn something_else_that_answers_is_no_engine() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let environment = [("DOCKER_HOST", format!("tcp://{address}"))]
            .into_iter()
            .collect();
        let error = Engine::connect(&environment).await.unwrap_err();
        assert!(
            matches!(error, Error::EngineUnreachable { .. }),
            "{error:?}"
        );
    }
}
