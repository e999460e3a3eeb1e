//! Facts about many objects or paths from one process.

use crate::commit::is_object_id;
use crate::error::Error;
use crate::repository::Repository;

impl Repository {
    /// Of these paths, those whose content git keeps as a Git LFS pointer (`filter=lfs`), by the attributes
    /// that are in the index.
    ///
    /// # Errors
    /// What went wrong with git.
    pub fn lfs_paths<'a>(&self, paths: &[&'a str]) -> Result<Vec<&'a str>, Error> {
        if paths.is_empty() {
            return Ok(Vec::new());
        }
        let arguments = ["check-attr", "--cached", "-z", "--stdin", "filter"];
        let questions: String = paths.iter().flat_map(|path| [*path, "\0"]).collect();
        let output = self.git().exchange(self.root(), &arguments, questions)?;
        // <path> NUL <attribute> NUL <value> NUL, in the order of the questions.
        let values = output.split(|byte| *byte == 0).skip(2).step_by(3);
        Ok(paths
            .iter()
            .zip(values)
            .filter(|(_, value)| *value == b"lfs")
            .map(|(path, _)| *path)
            .collect())
    }

    /// The sizes in bytes of objects, in their order; none for one that is missing.
    ///
    /// # Errors
    /// What went wrong with git.
    pub fn object_sizes(&self, objects: &[&str]) -> Result<Vec<Option<u64>>, Error> {
        if objects.is_empty() {
            return Ok(Vec::new());
        }
        let questions: String = objects
            .iter()
            .map(|object| if is_object_id(object) { *object } else { "0" })
            .flat_map(|object| [object, "\n"])
            .collect();
        let arguments = ["cat-file", "--batch-check=%(objectsize)"];
        let output = self.git().exchange(self.root(), &arguments, questions)?;
        let mut sizes: Vec<Option<u64>> = String::from_utf8_lossy(&output)
            .lines()
            .map(|line| line.parse().ok())
            .collect();
        sizes.resize(objects.len(), None);
        Ok(sizes)
    }
}
