//! Files that are put into a container before it starts: settings and passwords that must not be
//! arguments.

use beanpole_model::Secret;
use bollard::query_parameters::UploadToContainerOptionsBuilder;
use bytes::Bytes;

use crate::{Engine, Entry, EntryKind, Error, archive};

/// A file for a container.
#[derive(Clone, Debug)]
pub struct ContainerFile {
    /// The absolute path in the container. Missing folders are made.
    pub path: String,
    /// The permission bits. The owner is root.
    pub mode: u32,
    /// The content.
    pub content: Secret,
}

impl Engine {
    /// Writes files into a container, which need not run.
    ///
    /// # Errors
    /// [`Error::PathOutside`] for a relative path, [`Error::NotFound`], [`Error::Request`].
    pub async fn put_files(&self, container: &str, files: &[ContainerFile]) -> Result<(), Error> {
        if files.is_empty() {
            return Ok(());
        }
        let action = format!("write files into container {container}");
        let mut entries = Vec::new();
        for file in files {
            let Some(path) = file.path.strip_prefix('/') else {
                return Err(Error::PathOutside {
                    path: file.path.clone(),
                });
            };
            for (end, _) in path.match_indices('/') {
                let folder = path.get(..end).unwrap_or_default().to_owned();
                entries.push(Entry {
                    path: folder,
                    mode: 0o755,
                    kind: EntryKind::Folder,
                });
            }
            entries.push(Entry {
                path: path.to_owned(),
                mode: file.mode,
                kind: EntryKind::File(Bytes::from(file.content.expose().to_owned())),
            });
        }
        let io_error =
            |err| Error::request(action.clone(), bollard::errors::Error::IOError { err });
        let archive = archive::in_memory(&entries).map_err(io_error)?;
        let options = UploadToContainerOptionsBuilder::default().path("/").build();
        self.docker()
            .upload_to_container(container, Some(options), bollard::body_full(archive.into()))
            .await
            .map_err(|error| Error::request(action.clone(), error))
    }
}
