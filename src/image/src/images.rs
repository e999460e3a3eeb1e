//! Images of the engine: look up, pull, tag, remove.

use std::collections::BTreeMap;
use std::time::Duration;

use beanpole_model::Reporter;
use bollard::query_parameters::{
    CreateImageOptionsBuilder, RemoveImageOptionsBuilder, TagImageOptionsBuilder,
};
use futures_util::StreamExt as _;
use tokio_util::sync::CancellationToken;

use crate::error::{message, status};
use crate::{Engine, Error};

/// A pull that says nothing for so long counts as failed.
const PULL_SILENCE: Duration = Duration::from_secs(90);

/// What the engine knows of an image.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ImageInformation {
    /// The image id: `sha256:…`.
    pub id: String,
    /// The names that the image has on this engine.
    pub tags: Vec<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its size in bytes with all layers.
    pub size: u64,
    /// The TCP ports that it exposes.
    pub exposed_ports: Vec<u16>,
}

impl Engine {
    /// The image of that name or id, if the engine has it.
    ///
    /// # Errors
    /// [`Error::Request`].
    pub async fn image(&self, name: &str) -> Result<Option<ImageInformation>, Error> {
        match self.docker().inspect_image(name).await {
            Ok(image) => {
                let config = image.config.unwrap_or_default();
                let ports = config.exposed_ports.unwrap_or_default();
                Ok(Some(ImageInformation {
                    id: image.id.unwrap_or_default(),
                    tags: image.repo_tags.unwrap_or_default(),
                    labels: config.labels.unwrap_or_default().into_iter().collect(),
                    size: image
                        .size
                        .and_then(|size| u64::try_from(size).ok())
                        .unwrap_or_default(),
                    exposed_ports: ports
                        .iter()
                        .filter_map(|port| port.strip_suffix("/tcp")?.parse().ok())
                        .collect(),
                }))
            }
            Err(error) if status(&error) == Some(404) => Ok(None),
            Err(error) => Err(Error::request(format!("inspect image {name}"), error)),
        }
    }

    /// The image of that name; it is pulled if the engine does not have it. Progress goes to `step`.
    ///
    /// # Errors
    /// [`Error::BaseImageUnavailable`] if it is not here and could not be pulled, [`Error::Cancelled`],
    /// [`Error::Request`].
    pub async fn ensure_image(
        &self,
        name: &str,
        step: &str,
        reporter: &dyn Reporter,
        cancel: &CancellationToken,
    ) -> Result<ImageInformation, Error> {
        if let Some(image) = self.image(name).await? {
            return Ok(image);
        }
        reporter.progress(step, format!("pull {name}"));
        tokio::select! {
            pulled = self.pull(name) => pulled?,
            // Dropping the pull closes its connection, and the engine stops.
            () = cancel.cancelled() => return Err(Error::Cancelled { action: format!("pull {name}") }),
        }
        self.image(name)
            .await?
            .ok_or_else(|| Error::BaseImageUnavailable {
                image: name.to_owned(),
                cause: "the pull ended without the image".to_owned(),
            })
    }

    async fn pull(&self, name: &str) -> Result<(), Error> {
        let unavailable = |cause| Error::BaseImageUnavailable {
            image: name.to_owned(),
            cause,
        };
        let (repository, tag) = split_reference(name);
        let options = CreateImageOptionsBuilder::default().from_image(repository);
        let options = match tag {
            Some(tag) => options.tag(tag).build(),
            None => options.build(),
        };
        let mut answers = Box::pin(self.docker().create_image(Some(options), None, None));
        loop {
            match tokio::time::timeout(PULL_SILENCE, answers.next()).await {
                Ok(Some(Ok(_))) => {}
                Ok(Some(Err(error))) => return Err(unavailable(message(&error))),
                Ok(None) => return Ok(()),
                Err(_) => {
                    return Err(unavailable(format!(
                        "the registry was silent for {} s",
                        PULL_SILENCE.as_secs()
                    )));
                }
            }
        }
    }

    /// Gives the image a further name (`blog:1a2b3c`). A name that another image has moves to this one.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Request`].
    pub async fn tag_image(&self, image: &str, name: &str) -> Result<(), Error> {
        let (repository, tag) = split_reference(name);
        let options = TagImageOptionsBuilder::default()
            .repo(repository)
            .tag(tag.unwrap_or("latest"))
            .build();
        self.docker()
            .tag_image(image, Some(options))
            .await
            .map_err(|error| Error::request(format!("tag image {name}"), error))
    }

    /// Removes a name of an image, and the image with its last name. True if it was there.
    ///
    /// # Errors
    /// [`Error::Conflict`] while a container uses it, [`Error::Request`].
    pub async fn remove_image(&self, name: &str) -> Result<bool, Error> {
        let options = RemoveImageOptionsBuilder::default().force(true).build();
        match self.docker().remove_image(name, Some(options), None).await {
            Ok(_) => Ok(true),
            Err(error) if status(&error) == Some(404) => Ok(false),
            Err(error) => Err(Error::request(format!("remove image {name}"), error)),
        }
    }
}

/// Repository and tag of a reference. A digest belongs to the repository, as the API wants it. A name
/// without a tag means `latest`.
fn split_reference(name: &str) -> (&str, Option<&str>) {
    if name.contains('@') {
        return (name, None);
    }
    match name.rsplit_once(':') {
        // `registry:5000/name` has a port and no tag.
        Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
        _ => (name, Some("latest")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_split_as_docker_does() {
        for (name, expected) in [
            ("python:3.11", ("python", Some("3.11"))),
            ("python", ("python", Some("latest"))),
            ("host:5000/a/b", ("host:5000/a/b", Some("latest"))),
            ("host:5000/a/b:c", ("host:5000/a/b", Some("c"))),
            ("a@sha256:00", ("a@sha256:00", None)),
        ] {
            assert_eq!(split_reference(name), expected, "{name}");
        }
    }
}
