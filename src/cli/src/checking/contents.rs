//! The contents of a state: each is read once, when a rule asks for it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use beanpole_checks::{ContentSource, Unseen};
use beanpole_git::{BlobReader, Error, SelectedEntry};
use beanpole_model::Report;

use super::reading::file;
use crate::failure::Failure;

/// The largest content that is read, in bytes: as much as is searched for secrets.
pub(super) const LARGEST: u64 = 32 * 1024 * 1024;

/// What gives contents, and what went wrong with it so far.
pub(super) struct Contents {
    reader: Mutex<BlobReader>,
    faults: Mutex<Faults>,
}

#[derive(Default)]
struct Faults {
    /// Paths by their blobs.
    too_large: BTreeMap<String, String>,
    failed: Option<(String, Error)>,
}

impl Contents {
    pub(super) fn new(reader: BlobReader) -> Arc<Self> {
        Arc::new(Self {
            reader: Mutex::new(reader),
            faults: Mutex::default(),
        })
    }

    /// For contents that may never be asked for, by the keys of [`key`].
    pub(super) fn source(self: &Arc<Self>) -> ContentSource {
        let contents = Arc::clone(self);
        ContentSource::new(move |keys| {
            let files: Vec<(&str, &str)> = keys.iter().map(|key| parts(key)).collect();
            contents.read(&files)
        })
    }

    /// The contents of blobs, each with the path that messages name; none for one that is too large or cannot be read,
    /// which [`Self::too_large`] and [`Self::failure`] tell.
    pub(super) fn read(&self, files: &[(&str, &str)]) -> Vec<Option<Vec<u8>>> {
        let objects: Vec<&str> = files.iter().map(|(object, _)| *object).collect();
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let mut contents = Vec::with_capacity(files.len());
        let read = reader.read_each_up_to(&objects, LARGEST, |content| contents.push(content));
        let mut faults = self.faults();
        for ((object, path), content) in files.iter().zip(&contents) {
            if content.is_none() {
                let (object, path) = ((*object).to_owned(), (*path).to_owned());
                faults.too_large.insert(object, path);
            }
        }
        if let Err(error) = read {
            let path = files.get(contents.len()).map_or("", |(_, path)| path);
            faults.failed.get_or_insert((path.to_owned(), error));
        }
        contents.resize(files.len(), None);
        contents
    }

    /// Whether all contents that were asked for could be read.
    ///
    /// # Errors
    /// The first that could not, with its path.
    pub(super) fn failure(&self) -> Result<(), Report> {
        let failed = self.faults().failed.take();
        failed.map_or(Ok(()), |(path, source)| {
            Err(Failure::Content { path, source }.into())
        })
    }

    /// What was too large to be read.
    pub(super) fn too_large(&self) -> Vec<Unseen> {
        let faults = self.faults();
        let mut paths: Vec<&String> = faults.too_large.values().collect();
        paths.sort();
        let said = paths.into_iter().map(|path| Unseen {
            location: Some(file(path)),
            why: "the file is larger than 32 MiB, so its content was not read".to_owned(),
        });
        said.collect()
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The key of a file's content: its blob, and its path for messages.
pub(super) fn key(object: &str, path: &str) -> String {
    [object, " ", path].concat()
}

/// The parts of a [`key`].
fn parts(key: &str) -> (&str, &str) {
    key.split_once(' ').unwrap_or((key, ""))
}

/// The blob and the path of an entry.
pub(super) fn place(entry: &SelectedEntry) -> (&str, &str) {
    (&entry.object, &entry.path)
}
