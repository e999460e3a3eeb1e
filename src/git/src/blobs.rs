//! Contents of blobs, from wherever they are read fastest.

use std::io::Write;

use crate::cat_file::CatFile;
use crate::direct::Content;
use crate::error::Error;
use crate::repository::Repository;

/// Reads blobs: in this process if that is possible, else from one git process, which is started when it is needed and ends when
/// the reader is dropped.
#[derive(Debug)]
pub struct BlobReader {
    repository: Repository,
    process: Option<CatFile>,
}

impl BlobReader {
    pub(crate) const fn new(repository: Repository) -> Self {
        Self {
            repository,
            process: None,
        }
    }

    /// The whole content of a blob.
    ///
    /// # Errors
    /// [`Error::ObjectMissing`], or what went wrong with git.
    pub fn read(&mut self, object: &str) -> Result<Vec<u8>, Error> {
        let mut content = Vec::new();
        self.copy(object, &mut content)?;
        Ok(content)
    }

    /// Writes the content of a blob to `destination` as it arrives, so that a large one does not fill the memory. Returns its
    /// size in bytes.
    ///
    /// # Errors
    /// [`Error::ObjectMissing`], [`Error::Destination`], or what went wrong with git.
    pub fn copy(&mut self, object: &str, destination: &mut dyn Write) -> Result<u64, Error> {
        self.process()?.copy(object, destination)
    }

    /// The whole contents of several blobs, in their order. Faster than one after the other.
    ///
    /// # Errors
    /// Those of [`BlobReader::read`].
    pub fn read_all(&mut self, objects: &[&str]) -> Result<Vec<Vec<u8>>, Error> {
        let mut contents = Vec::with_capacity(objects.len());
        // Nothing is larger than that, so each has a content.
        self.read_each_up_to(objects, u64::MAX, |content| contents.extend(content))?;
        Ok(contents)
    }

    /// The contents of several blobs, in their order; none for one that is larger than `largest` bytes, so
    /// that a huge one does not fill the memory.
    ///
    /// # Errors
    /// Those of [`BlobReader::read`].
    pub fn read_all_up_to(
        &mut self,
        objects: &[&str],
        largest: u64,
    ) -> Result<Vec<Option<Vec<u8>>>, Error> {
        let mut contents = Vec::with_capacity(objects.len());
        self.read_each_up_to(objects, largest, |content| contents.push(content))?;
        Ok(contents)
    }

    /// As [`BlobReader::read_all_up_to`], with each content passed on when it is there: after an error, what came before it
    /// is known.
    ///
    /// # Errors
    /// Those of [`BlobReader::read`].
    pub fn read_each_up_to(
        &mut self,
        objects: &[&str],
        largest: u64,
        mut pass_on: impl FnMut(Option<Vec<u8>>),
    ) -> Result<(), Error> {
        let direct = self.repository.direct();
        let Some(contents) = direct.and_then(|direct| direct.contents(objects, largest)) else {
            return self.process()?.read_each_up_to(objects, largest, pass_on);
        };
        for (object, content) in objects.iter().zip(contents) {
            match content {
                Content::Whole(content) => pass_on(Some(content)),
                Content::TooLarge => pass_on(None),
                // Git may fetch it, or says what is wrong.
                Content::Unknown => {
                    let process = self.process()?;
                    process.read_each_up_to(&[object], largest, &mut pass_on)?;
                }
            }
        }
        Ok(())
    }

    fn process(&mut self) -> Result<&mut CatFile, Error> {
        match &mut self.process {
            Some(process) => Ok(process),
            empty => Ok(empty.insert(CatFile::start(self.repository.clone())?)),
        }
    }
}
