//! Files of a commit, as `git ls-tree` lists them.

use camino::Utf8PathBuf;
use serde::Serialize;

/// What kind of entry a path of a commit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// A file.
    File,
    /// A file that may be executed.
    Executable,
    /// A symbolic link; its blob holds the target.
    Symlink,
    /// A submodule: a commit of another repository, whose files are not part of this one.
    Submodule,
}

/// True for the mode that git gives a commit of another repository.
pub(crate) fn is_submodule_mode(mode: &str) -> bool {
    mode == "160000"
}

/// One path of a commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TreeEntry {
    /// The path, relative to the directory that was listed, with `/` between the parts.
    pub path: Utf8PathBuf,
    /// What it is.
    pub mode: Mode,
    /// The id of its blob; for a submodule the id of its commit.
    pub object: String,
    /// The size of its content in bytes; 0 for a submodule.
    pub size: u64,
}

/// Why a listing could not be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ListingError {
    /// A name is not UTF-8.
    NameNotText(String),
    /// The record is not in the documented form.
    Unexpected(String),
}

/// Reads the output of `git ls-tree -r -z -l`: `<mode> <type> <object> <size>TAB<path>NUL`.
pub(crate) fn parse_listing(output: &[u8]) -> Result<Vec<TreeEntry>, ListingError> {
    output
        .split(|byte| *byte == 0)
        .filter(|record| !record.is_empty())
        .map(parse_record)
        .collect()
}

fn parse_record(record: &[u8]) -> Result<TreeEntry, ListingError> {
    let shown = || String::from_utf8_lossy(record).into_owned();
    let unexpected = || ListingError::Unexpected(format!("`{}`", shown()));
    let tab = record
        .iter()
        .position(|byte| *byte == b'\t')
        .ok_or_else(unexpected)?;
    let (fields, path) = record.split_at(tab);
    let path = path.get(1..).unwrap_or_default();
    let path = std::str::from_utf8(path)
        .map_err(|_| ListingError::NameNotText(String::from_utf8_lossy(path).into_owned()))?;
    let fields = std::str::from_utf8(fields).map_err(|_| unexpected())?;
    let mut fields = fields.split_ascii_whitespace();
    let mode = match fields.next() {
        // 100664 is a mode of very old repositories.
        Some("100644" | "100664") => Mode::File,
        Some("100755") => Mode::Executable,
        Some("120000") => Mode::Symlink,
        Some(mode) if is_submodule_mode(mode) => Mode::Submodule,
        _ => return Err(unexpected()),
    };
    let _type = fields.next().ok_or_else(unexpected)?;
    let object = fields.next().ok_or_else(unexpected)?.to_owned();
    let size = match fields.next() {
        Some("-") => 0,
        Some(size) => size.parse().map_err(|_| unexpected())?,
        None => return Err(unexpected()),
    };
    Ok(TreeEntry {
        path: Utf8PathBuf::from(path),
        mode,
        object,
        size,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_every_mode_and_odd_names() {
        let listing = b"100644 blob aa      12\ta file\n2.txt\x00100755 blob bb       0\trun\x00120000 blob cc       4\tlink\x00160000 commit dd       -\tsub\x00";
        let entries = parse_listing(listing).unwrap();
        let modes: Vec<Mode> = entries.iter().map(|entry| entry.mode).collect();
        assert_eq!(
            modes,
            [Mode::File, Mode::Executable, Mode::Symlink, Mode::Submodule]
        );
        assert_eq!(entries[0].path, "a file\n2.txt");
        assert_eq!((entries[0].size, entries[3].size), (12, 0));
    }

    #[test]
    fn a_name_that_is_not_text_is_an_error() {
        let error = parse_listing(b"100644 blob aa 1\tcaf\xe9\x00").unwrap_err();
        assert_eq!(error, ListingError::NameNotText("caf\u{fffd}".to_owned()));
    }

    proptest! {
        #[test]
        fn never_panics(output in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse_listing(&output);
        }
    }
}
