//! Finding everything that carries a label again, and removing it.

use std::collections::{BTreeMap, HashMap};

use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListImagesOptionsBuilder, ListNetworksOptionsBuilder,
    ListVolumesOptionsBuilder, RemoveVolumeOptionsBuilder,
};

use crate::error::status;
use crate::{Engine, Error};

/// How many objects were removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Removed {
    /// Containers, with their unnamed volumes.
    pub containers: usize,
    /// Networks.
    pub networks: usize,
    /// Named volumes.
    pub volumes: usize,
    /// Images.
    pub images: usize,
    /// What could not be removed, each with its reason.
    pub failures: Vec<String>,
}

impl Engine {
    /// Removes every container, network and volume that carries `label` (`key=value`, or `key` for any
    /// value), and with `images` every image too. Goes on when one of them fails. Safe to repeat.
    ///
    /// # Errors
    /// [`Error::Request`] if the engine could not even say what there is.
    pub async fn remove_labelled(&self, label: &str, images: bool) -> Result<Removed, Error> {
        let mut removed = Removed::default();
        for container in self.labelled_containers(label).await? {
            let outcome = self.remove_container(&container).await;
            count(&mut removed.containers, &mut removed.failures, outcome);
        }
        for network in self.labelled_networks(label).await? {
            let outcome = self.remove_network(&network).await;
            count(&mut removed.networks, &mut removed.failures, outcome);
        }
        for volume in self.labelled_volumes(label).await? {
            let outcome = self.remove_volume(&volume).await;
            count(&mut removed.volumes, &mut removed.failures, outcome);
        }
        if images {
            for image in self.labelled_images(label).await? {
                let outcome = self.remove_image(&image).await;
                count(&mut removed.images, &mut removed.failures, outcome);
            }
        }
        Ok(removed)
    }

    /// The ids of all containers with that label, running or not.
    ///
    /// # Errors
    /// [`Error::Request`].
    pub async fn labelled_containers(&self, label: &str) -> Result<Vec<String>, Error> {
        let options = ListContainersOptionsBuilder::default()
            .all(true)
            .filters(&filter(label))
            .build();
        let found = self.docker().list_containers(Some(options)).await;
        let found = found.map_err(|error| Error::request("list containers", error))?;
        Ok(found
            .into_iter()
            .filter_map(|container| container.id)
            .collect())
    }

    /// The ids of all networks with that label.
    ///
    /// # Errors
    /// [`Error::Request`].
    pub async fn labelled_networks(&self, label: &str) -> Result<Vec<String>, Error> {
        let options = ListNetworksOptionsBuilder::default()
            .filters(&filter(label))
            .build();
        let found = self.docker().list_networks(Some(options)).await;
        let found = found.map_err(|error| Error::request("list networks", error))?;
        Ok(found.into_iter().filter_map(|network| network.id).collect())
    }

    /// The names of all volumes with that label.
    ///
    /// # Errors
    /// [`Error::Request`].
    pub async fn labelled_volumes(&self, label: &str) -> Result<Vec<String>, Error> {
        let options = ListVolumesOptionsBuilder::default()
            .filters(&filter(label))
            .build();
        let found = self.docker().list_volumes(Some(options)).await;
        let found = found.map_err(|error| Error::request("list volumes", error))?;
        Ok(found
            .volumes
            .unwrap_or_default()
            .into_iter()
            .map(|volume| volume.name)
            .collect())
    }

    /// The ids of all images with that label, whether they have a name or not.
    ///
    /// # Errors
    /// [`Error::Request`].
    pub async fn labelled_images(&self, label: &str) -> Result<Vec<String>, Error> {
        let options = ListImagesOptionsBuilder::default()
            .filters(&filter(label))
            .build();
        let found = self.docker().list_images(Some(options)).await;
        let found = found.map_err(|error| Error::request("list images", error))?;
        Ok(found.into_iter().map(|image| image.id).collect())
    }

    /// The labels of every container, network and image that carries `label`, one map each.
    ///
    /// # Errors
    /// [`Error::Request`].
    pub async fn labels_of_labelled(
        &self,
        label: &str,
    ) -> Result<Vec<BTreeMap<String, String>>, Error> {
        let filter = filter(label);
        let containers = ListContainersOptionsBuilder::default()
            .all(true)
            .filters(&filter)
            .build();
        let containers = self.docker().list_containers(Some(containers)).await;
        let containers = containers.map_err(|error| Error::request("list containers", error))?;
        let networks = ListNetworksOptionsBuilder::default()
            .filters(&filter)
            .build();
        let networks = self.docker().list_networks(Some(networks)).await;
        let networks = networks.map_err(|error| Error::request("list networks", error))?;
        let images = ListImagesOptionsBuilder::default().filters(&filter).build();
        let images = self.docker().list_images(Some(images)).await;
        let images = images.map_err(|error| Error::request("list images", error))?;
        let labels = containers
            .into_iter()
            .filter_map(|container| container.labels);
        let labels = labels.chain(networks.into_iter().filter_map(|network| network.labels));
        let labels = labels.chain(images.into_iter().map(|image| image.labels));
        Ok(labels.map(|labels| labels.into_iter().collect()).collect())
    }

    async fn remove_volume(&self, name: &str) -> Result<bool, Error> {
        let options = RemoveVolumeOptionsBuilder::default().force(true).build();
        match self.docker().remove_volume(name, Some(options)).await {
            Ok(()) => Ok(true),
            Err(error) if status(&error) == Some(404) => Ok(false),
            Err(error) => Err(Error::request(format!("remove volume {name}"), error)),
        }
    }
}

fn count(counter: &mut usize, failures: &mut Vec<String>, outcome: Result<bool, Error>) {
    match outcome {
        Ok(true) => *counter += 1,
        Ok(false) => {}
        Err(error) => failures.push(error.with_causes()),
    }
}

fn filter(label: &str) -> HashMap<String, Vec<String>> {
    HashMap::from([("label".to_owned(), vec![label.to_owned()])])
}
