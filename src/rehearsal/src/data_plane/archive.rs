//! Single files of a source bundle, for those who need no more of it.

use std::io::{Cursor, Read as _};

use bytes::Bytes;

/// The most that is read of one file, in bytes: the files that are asked for are lists of names.
const LARGEST: u64 = 1 << 20;

/// The text of a file in a bundle; `None` if the bundle is no archive or has no such file.
pub(crate) fn file_of(bundle: &Bytes, path: &str) -> Option<String> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bundle.as_ref())).ok()?;
    let file = archive.by_name(path).ok()?;
    let mut text = String::new();
    file.take(LARGEST).read_to_string(&mut text).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn one_file_of_a_bundle() {
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        archive
            .start_file("a/b.json", zip::write::SimpleFileOptions::default())
            .unwrap();
        archive.write_all(b"{}").unwrap();
        let bundle = Bytes::from(archive.finish().unwrap().into_inner());
        assert_eq!(file_of(&bundle, "a/b.json").as_deref(), Some("{}"));
        assert_eq!(file_of(&bundle, "b.json"), None);
        assert_eq!(file_of(&Bytes::from_static(b"services:\n"), "a"), None);
    }
}
