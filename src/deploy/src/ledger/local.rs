//! Records on this machine.
//!
//! Rules: a document is whole or not there: it is written beside its place and renamed; what must survive
//! a loss of power is synchronised to the disk before. Files are for their owner only. A damaged file is named and skipped, never deleted.

use std::io::{self, Write as _};

use camino::{Utf8Path, Utf8PathBuf};

use super::document::{self, Damage};
use super::record::{Record, RecordId};
use crate::error::Error;

/// The folder with the records of one environment.
#[derive(Clone, Debug)]
pub(crate) struct LocalStore {
    directory: Utf8PathBuf,
}

impl LocalStore {
    pub(crate) fn new(directory: Utf8PathBuf) -> Self {
        Self { directory }
    }

    fn path(&self, id: &RecordId) -> Utf8PathBuf {
        self.directory.join(format!("{id}.json"))
    }

    /// The ids of all records; none without the folder.
    ///
    /// # Errors
    /// [`Error::StateRead`].
    pub(crate) fn ids(&self) -> Result<Vec<RecordId>, Error> {
        let failed = |source| Error::StateRead {
            path: self.directory.to_string(),
            source,
        };
        let entries = match fs_err::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut ids = Vec::new();
        for entry in entries {
            let name = entry.map_err(failed)?.file_name();
            let id = name
                .to_str()
                .and_then(|name| name.strip_suffix(".json"))
                .and_then(|name| RecordId::try_from(name.to_owned()).ok());
            ids.extend(id);
        }
        Ok(ids)
    }

    /// The record, if there is one.
    ///
    /// # Errors
    /// [`Error::StateRead`]; the inner result is the damage of a file that is there, with its path.
    pub(crate) fn get(
        &self,
        id: &RecordId,
    ) -> Result<Result<Option<Record>, (Utf8PathBuf, Damage)>, Error> {
        let path = self.path(id);
        let bytes = match fs_err::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Ok(None)),
            Err(source) => {
                let path = path.to_string();
                return Err(Error::StateRead { path, source });
            }
        };
        Ok(match document::parse(&bytes) {
            Ok(record) => Ok(Some(record)),
            Err(damage) => Err((path, damage)),
        })
    }

    /// Writes the document of a record; `durable` also against a loss of power.
    ///
    /// # Errors
    /// [`Error::StateWrite`].
    pub(crate) fn put(&self, id: &RecordId, bytes: &[u8], durable: bool) -> Result<(), Error> {
        let path = self.path(id);
        write_whole(&path, bytes, durable).map_err(|source| Error::StateWrite {
            path: path.to_string(),
            source,
        })
    }

    /// Removes a record. One that does not exist counts as removed.
    ///
    /// # Errors
    /// [`Error::StateWrite`].
    pub(crate) fn remove(&self, id: &RecordId) -> Result<(), Error> {
        let path = self.path(id);
        match fs_err::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(Error::StateWrite {
                path: path.to_string(),
                source,
            }),
            _ => Ok(()),
        }
    }
}

/// Puts a file in its place as a whole, for its owner only; `durable` also against a loss of power.
fn write_whole(path: &Utf8Path, bytes: &[u8], durable: bool) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Utf8Path::new("."));
    fs_err::create_dir_all(directory)?;
    // Temporary files are made with mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(bytes)?;
    if durable {
        file.as_file().sync_all()?;
    }
    file.persist(path)?;
    if durable {
        sync_directory(directory)?;
    }
    Ok(())
}

/// The new name itself is safe only once its folder is on the disk.
#[cfg(unix)]
fn sync_directory(directory: &Utf8Path) -> io::Result<()> {
    fs_err::File::open(directory)?.sync_all()
}

#[cfg(not(unix))]
fn sync_directory(_directory: &Utf8Path) -> io::Result<()> {
    Ok(())
}
