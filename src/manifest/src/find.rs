//! Where the manifest is.

use camino::{Utf8Path, Utf8PathBuf};

/// The manifest's file name.
pub const FILE_NAME: &str = "beanpole.yaml";

/// The nearest manifest: in `start`, or in the nearest directory above it. A relative `start` is
/// looked up from the working directory, and only as far as its own parts go.
#[must_use]
pub fn find(start: &Utf8Path) -> Option<Utf8PathBuf> {
    start
        .ancestors()
        .map(|directory| directory.join(FILE_NAME))
        .find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn walks_up_to_the_nearest_one() {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        let deep = root.join("a/b/c");
        fs_err::create_dir_all(&deep).unwrap();
        fs_err::write(root.join(FILE_NAME), "").unwrap();
        assert_eq!(find(&deep), Some(root.join(FILE_NAME)));
        fs_err::write(root.join("a/b").join(FILE_NAME), "").unwrap();
        assert_eq!(find(&deep), Some(root.join("a/b").join(FILE_NAME)));
    }

    #[test]
    fn a_directory_of_that_name_is_not_a_manifest() {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        fs_err::create_dir(root.join(FILE_NAME)).unwrap();
        assert_ne!(find(root), Some(root.join(FILE_NAME)));
    }
}
