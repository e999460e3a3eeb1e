//! Networks, and who is in them under which names.

use std::collections::BTreeMap;

use bollard::models::{
    EndpointSettings, NetworkConnectRequest, NetworkCreateRequest, NetworkDisconnectRequest,
};

use crate::error::status;
use crate::{Engine, Error};

/// A place in a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// The network's name.
    pub network: String,
    /// Further names under which the others in the network reach the container.
    pub aliases: Vec<String>,
}

impl Engine {
    /// Makes a bridge network. An `internal` one has no way out, and no ports can be published from it.
    /// Returns its id. Engines before API 1.44 take a name that another network has: the caller removes
    /// what may be left first.
    ///
    /// # Errors
    /// [`Error::Conflict`] if the name is taken and the engine minds, [`Error::Request`].
    pub async fn create_network(
        &self,
        name: &str,
        labels: &BTreeMap<String, String>,
        internal: bool,
    ) -> Result<String, Error> {
        let request = NetworkCreateRequest {
            name: name.to_owned(),
            driver: Some("bridge".to_owned()),
            internal: Some(internal),
            labels: Some(
                labels
                    .iter()
                    .map(|(key, value)| (key.clone(), value.clone()))
                    .collect(),
            ),
            ..NetworkCreateRequest::default()
        };
        self.docker()
            .create_network(request)
            .await
            .map(|network| network.id)
            .map_err(|error| Error::request(format!("create network {name}"), error))
    }

    /// Puts a container into a network, under further names. Nothing happens if it is in it already.
    ///
    /// # Errors
    /// [`Error::NotFound`] if either does not exist, [`Error::Request`].
    pub async fn connect_network(
        &self,
        network: &str,
        container: &str,
        aliases: &[String],
    ) -> Result<(), Error> {
        let request = NetworkConnectRequest {
            container: container.to_owned(),
            endpoint_config: Some(EndpointSettings {
                aliases: Some(aliases.to_vec()),
                ..EndpointSettings::default()
            }),
        };
        let action = || format!("connect container {container} to network {network}");
        match self.docker().connect_network(network, request).await {
            Ok(()) => Ok(()),
            // 403: it is in the network already, or this kind of network takes no containers.
            Err(error) if status(&error) == Some(403) => match self.container(container).await? {
                Some(state) if state.networks.contains_key(network) => Ok(()),
                _ => Err(Error::request(action(), error)),
            },
            Err(error) => Err(Error::request(action(), error)),
        }
    }

    /// Takes a container out of a network; its open connections there end. Nothing happens if it is not
    /// in it, or if either does not exist.
    ///
    /// # Errors
    /// [`Error::Request`].
    pub async fn disconnect_network(&self, network: &str, container: &str) -> Result<(), Error> {
        let request = NetworkDisconnectRequest {
            container: container.to_owned(),
            force: Some(true),
        };
        match self.docker().disconnect_network(network, request).await {
            Ok(()) => Ok(()),
            Err(error) if status(&error) == Some(404) => Ok(()),
            Err(error) => match self.container(container).await? {
                Some(state) if state.networks.contains_key(network) => Err(Error::request(
                    format!("disconnect container {container} from network {network}"),
                    error,
                )),
                _ => Ok(()),
            },
        }
    }

    /// Removes a network. True if it was there.
    ///
    /// # Errors
    /// [`Error::Request`], also while containers are in it.
    pub async fn remove_network(&self, name: &str) -> Result<bool, Error> {
        match self.docker().remove_network(name).await {
            Ok(()) => Ok(true),
            Err(error) if status(&error) == Some(404) => Ok(false),
            Err(error) => Err(Error::request(format!("remove network {name}"), error)),
        }
    }
}
