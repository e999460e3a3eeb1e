//! How large git itself keeps objects: a measure of their compressed size that costs no reading.

use crate::commit::is_object_id;
use crate::error::Error;
use crate::repository::Repository;

/// The settings that say how hard git compresses (`git-config(1)`).
const COMPRESSION_SETTINGS: &str = r"^(core\.(loose)?compression|pack\.compression)$";

impl Repository {
    /// The compressed sizes in bytes of those objects that git keeps whole, one for each object in
    /// order; `None` for one that it keeps as a difference to another, for one that is missing, and
    /// for all of them where git is told not to compress. Git compresses as a bundle does, file by
    /// file, so that these sizes come close to what the files take in a bundle.
    ///
    /// # Errors
    /// What went wrong with git.
    pub fn stored_sizes(&self, objects: &[&str]) -> Result<Vec<Option<u64>>, Error> {
        if objects.is_empty() || !self.compresses()? {
            return Ok(vec![None; objects.len()]);
        }
        let arguments = ["cat-file", "--batch-check=%(deltabase) %(objectsize:disk)"];
        // Anything but an id could break the line protocol; nothing has the id of zeros.
        let questions: String = objects
            .iter()
            .map(|object| if is_object_id(object) { *object } else { "0" })
            .flat_map(|object| [object, "\n"])
            .collect();
        let output = self.git().exchange(self.root(), &arguments, questions)?;
        let mut sizes: Vec<Option<u64>> = String::from_utf8_lossy(&output)
            .lines()
            .map(whole_size)
            .collect();
        sizes.resize(objects.len(), None);
        Ok(sizes)
    }

    /// False if git is told to store objects as they are.
    fn compresses(&self) -> Result<bool, Error> {
        let arguments = ["config", "--get-regexp", COMPRESSION_SETTINGS];
        let output = self.git().run(self.root(), &arguments)?;
        Ok(!String::from_utf8_lossy(&output.stdout)
            .lines()
            .any(|line| line.ends_with(" 0")))
    }
}

/// The size in an answer `<delta base> <size>`, if the base is the id of zeros: none.
fn whole_size(answer: &str) -> Option<u64> {
    let (base, size) = answer.split_once(' ')?;
    let is_whole = is_object_id(base) && base.bytes().all(|digit| digit == b'0');
    if is_whole { size.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_objects_have_a_size() {
        let zero = "0".repeat(40);
        assert_eq!(whole_size(&format!("{zero} 1234")), Some(1234));
        assert_eq!(whole_size(&format!("{} 1234", "a".repeat(40))), None);
        assert_eq!(whole_size(&format!("{} missing", "a".repeat(40))), None);
        assert_eq!(whole_size("0 missing"), None);
    }
}
