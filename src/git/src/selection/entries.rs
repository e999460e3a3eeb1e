//! All paths of the index or of a commit.

use crate::commit::CommitId;
use crate::direct::Direct;
use crate::entry::Mode;
use crate::error::Error;
use crate::git::shown;
use crate::repository::Repository;
use crate::selection::SelectedEntry;

/// What a listing said.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Listing {
    pub(crate) entries: Vec<SelectedEntry>,
    /// Paths with more than one content, or a content that is not decided.
    pub(crate) conflicts: Vec<String>,
    pub(crate) names_not_text: Vec<String>,
}

impl Repository {
    pub(crate) fn index_listing(&self) -> Result<Listing, Error> {
        if let Some(listing) = self.direct().and_then(Direct::index_listing) {
            return Ok(listing);
        }
        // Run at the root, `ls-files` lists all. Sparse directories are opened by `--no-sparse`, the default.
        let arguments = ["ls-files", "--stage", "-z", "--full-name"];
        let output = self.git().read(self.root(), &arguments)?;
        parse(&output, index_record).map_err(|record| unexpected(&arguments, &record))
    }

    pub(super) fn commit_listing(&self, commit: &CommitId) -> Result<Listing, Error> {
        if let Some(listing) = self
            .direct()
            .and_then(|direct| direct.commit_listing(commit))
        {
            return Ok(listing);
        }
        let arguments = ["ls-tree", "-r", "-z", "--full-tree", commit.as_str()];
        let output = self.git().read(self.root(), &arguments)?;
        parse(&output, tree_record).map_err(|record| unexpected(&arguments, &record))
    }
}

fn unexpected(arguments: &[&str], record: &str) -> Error {
    Error::Unexpected {
        command: shown(arguments),
        detail: format!("`{record}`"),
    }
}

/// The fields before the tab: mode, object, and the stage of a conflict.
struct Fields<'a> {
    mode: &'a str,
    object: &'a str,
    stage: &'a str,
}

/// `<mode> <object> <stage>`
fn index_record(fields: &str) -> Option<Fields<'_>> {
    let mut fields = fields.split(' ');
    Some(Fields {
        mode: fields.next()?,
        object: fields.next()?,
        stage: fields.next()?,
    })
}

/// `<mode> <type> <object>`
fn tree_record(fields: &str) -> Option<Fields<'_>> {
    let mut fields = fields.split(' ');
    let mode = fields.next()?;
    let _type = fields.next()?;
    Some(Fields {
        mode,
        object: fields.next()?,
        stage: "0",
    })
}

/// Reads records `<fields>TAB<path>NUL`. The error is a record that is not in that form.
fn parse(output: &[u8], read: fn(&str) -> Option<Fields<'_>>) -> Result<Listing, String> {
    let mut listing = Listing::default();
    for record in output.split(|byte| *byte == 0) {
        if record.is_empty() {
            continue;
        }
        let shown = || String::from_utf8_lossy(record).into_owned();
        let tab = record
            .iter()
            .position(|byte| *byte == b'\t')
            .ok_or_else(shown)?;
        let (fields, path) = record.split_at(tab);
        let path = path.get(1..).unwrap_or_default();
        let fields = std::str::from_utf8(fields).map_err(|_| shown())?;
        let fields = read(fields).ok_or_else(shown)?;
        let Ok(path) = std::str::from_utf8(path) else {
            listing
                .names_not_text
                .push(String::from_utf8_lossy(path).into_owned());
            continue;
        };
        if fields.stage != "0" {
            listing.conflicts.push(path.to_owned());
            continue;
        }
        listing.entries.push(SelectedEntry {
            path: path.to_owned(),
            mode: mode(fields.mode).ok_or_else(shown)?,
            object: fields.object.to_owned(),
        });
    }
    listing.conflicts.dedup();
    Ok(listing)
}

/// The kind of an entry. Modes of very old repositories count as files.
pub(crate) fn mode(text: &str) -> Option<Mode> {
    Some(match text {
        "100644" | "100664" => Mode::File,
        "100755" => Mode::Executable,
        "120000" => Mode::Symlink,
        "160000" => Mode::Submodule,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn conflicts_and_odd_names_are_set_aside() {
        let output =
            b"100644 aa 0\ta\nb.py\x00100755 bb 1\tc\x00100755 bc 2\tc\x00160000 dd 0\tsub\x00100644 ee 0\tcaf\xe9\x00";
        let listing = parse(output, index_record).unwrap();
        let paths: Vec<_> = listing.entries.iter().map(|entry| &entry.path).collect();
        assert_eq!(paths, ["a\nb.py", "sub"]);
        assert_eq!(listing.conflicts, ["c"]);
        assert_eq!(listing.names_not_text, ["caf\u{fffd}"]);
        assert_eq!(
            parse(b"100644 aa", index_record),
            Err("100644 aa".to_owned())
        );
        assert!(parse(b"999 aa 0\tx\0", index_record).is_err());
    }

    proptest! {
        #[test]
        fn never_panics(output in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&output, index_record);
            let _ = parse(&output, tree_record);
        }
    }
}
