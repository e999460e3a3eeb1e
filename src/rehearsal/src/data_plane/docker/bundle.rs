//! A source bundle, unpacked in memory.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _};

use beanpole_image::{Entry, EntryKind};
use bytes::Bytes;
use sha2::{Digest as _, Sha256};

/// The most that a bundle may hold unpacked, in bytes. A bundle itself is at most 500 MB on AWS; a
/// bigger one than this is a mistake or an attack on this machine's memory.
const LARGEST: u64 = 2 << 30;

/// The files of a bundle.
#[derive(Clone, Debug)]
pub(super) struct Bundle {
    /// What identifies the content: the first 12 hexadecimal digits of its SHA-256.
    pub(super) digest: String,
    /// By path, relative to the bundle's root.
    pub(super) entries: BTreeMap<String, Entry>,
}

impl Bundle {
    /// Unpacks a zip archive. Anything else counts as a lone compose file, as on AWS.
    ///
    /// # Errors
    /// One sentence, as the platform's engine log would say it.
    pub(super) fn unpack(bytes: &Bytes) -> Result<Self, String> {
        let digest = hex::encode(Sha256::digest(bytes))
            .chars()
            .take(12)
            .collect();
        if !bytes.starts_with(b"PK") {
            let path = "docker-compose.yml".to_owned();
            let entry = Entry {
                path: path.clone(),
                mode: 0o644,
                kind: EntryKind::File(bytes.clone()),
            };
            return Ok(Self {
                digest,
                entries: BTreeMap::from([(path, entry)]),
            });
        }
        let broken = |error: zip::result::ZipError| {
            format!("The source bundle could not be unpacked: {error}.")
        };
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes.as_ref())).map_err(broken)?;
        let mut entries = BTreeMap::new();
        let mut total = 0_u64;
        for index in 0..archive.len() {
            let mut file = archive.by_index(index).map_err(broken)?;
            let Some(path) = file
                .enclosed_name()
                .and_then(|path| path.to_str().map(str::to_owned))
            else {
                return Err("The source bundle holds a path that leaves it.".to_owned());
            };
            let path = path.trim_end_matches('/').to_owned();
            if path.is_empty() {
                continue;
            }
            let is_folder = file.is_dir();
            let mode = file
                .unix_mode()
                .unwrap_or(if is_folder { 0o755 } else { 0o644 })
                & 0o7777;
            let kind = if is_folder {
                EntryKind::Folder
            } else {
                let mut content = Vec::new();
                let read = file
                    .by_ref()
                    .take(LARGEST - total)
                    .read_to_end(&mut content);
                let read = read.map_err(|error| broken(error.into()))?;
                total += read as u64;
                if total >= LARGEST {
                    return Err("The source bundle is too large to be unpacked.".to_owned());
                }
                if file.is_symlink() {
                    EntryKind::Symlink(String::from_utf8_lossy(&content).into_owned())
                } else {
                    EntryKind::File(Bytes::from(content))
                }
            };
            entries.insert(path.clone(), Entry { path, mode, kind });
        }
        Ok(Self { digest, entries })
    }

    /// The text of a file; `None` if there is no such file.
    pub(super) fn text(&self, path: &str) -> Option<String> {
        match &self.entries.get(path)?.kind {
            EntryKind::File(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
            _ => None,
        }
    }

    /// Paths and texts of the files right inside `.ebextensions` that Beanstalk reads.
    pub(super) fn config_files(&self) -> Vec<(String, String)> {
        self.entries
            .keys()
            .filter(|path| {
                path.strip_prefix(".ebextensions/")
                    .is_some_and(|name| name.ends_with(".config") && !name.contains('/'))
            })
            .filter_map(|path| Some((path.clone(), self.text(path)?)))
            .collect()
    }

    /// The hooks of the platform that the bundle brings.
    pub(super) fn hooks(&self) -> Vec<&str> {
        self.entries
            .iter()
            .filter(|(path, entry)| {
                (path.starts_with(".platform/hooks/") || path.starts_with(".platform/confighooks/"))
                    && matches!(entry.kind, EntryKind::File(_))
            })
            .map(|(path, _)| path.as_str())
            .collect()
    }

    /// The entries of a folder, with paths relative to it. The empty text is the root.
    pub(super) fn below(&self, folder: &str) -> Vec<Entry> {
        if folder.is_empty() {
            return self.entries.values().cloned().collect();
        }
        let prefix = format!("{folder}/");
        self.entries
            .iter()
            .filter_map(|(path, entry)| {
                let path = path.strip_prefix(&prefix)?.to_owned();
                Some(Entry {
                    path,
                    ..entry.clone()
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use zip::write::SimpleFileOptions;

    use super::*;

    fn zipped(make: impl FnOnce(&mut zip::ZipWriter<Cursor<Vec<u8>>>)) -> Bytes {
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        make(&mut archive);
        Bytes::from(archive.finish().unwrap().into_inner())
    }

    #[test]
    fn modes_links_and_folders_survive() {
        let bytes = zipped(|archive| {
            archive
                .add_directory("app/", SimpleFileOptions::default())
                .unwrap();
            let executable = SimpleFileOptions::default().unix_permissions(0o755);
            archive.start_file("app/run.sh", executable).unwrap();
            archive.write_all(b"#!/bin/sh\n").unwrap();
            archive
                .add_symlink("link", "app/run.sh", SimpleFileOptions::default())
                .unwrap();
            archive
                .start_file(".ebextensions/a.config", SimpleFileOptions::default())
                .unwrap();
            archive
                .start_file(".ebextensions/deep/b.config", SimpleFileOptions::default())
                .unwrap();
            archive
                .start_file(".platform/hooks/predeploy/x.sh", executable)
                .unwrap();
        });
        let bundle = Bundle::unpack(&bytes).unwrap();
        assert_eq!(bundle.entries["app/run.sh"].mode, 0o755);
        assert_eq!(bundle.entries["app"].kind, EntryKind::Folder);
        assert_eq!(
            bundle.entries["link"].kind,
            EntryKind::Symlink("app/run.sh".to_owned())
        );
        assert_eq!(bundle.text("app/run.sh").unwrap(), "#!/bin/sh\n");
        assert_eq!(bundle.config_files().len(), 1);
        assert_eq!(bundle.hooks(), [".platform/hooks/predeploy/x.sh"]);
        assert_eq!(bundle.below("app")[0].path, "run.sh");
        assert_eq!(bundle.digest.len(), 12);
        assert_eq!(bundle.digest, Bundle::unpack(&bytes).unwrap().digest);
    }

    #[test]
    fn what_cannot_be_unpacked_is_said() {
        assert!(
            Bundle::unpack(&Bytes::from_static(b"PKnonsense"))
                .unwrap_err()
                .contains("unpacked")
        );
        let leaves = zipped(|archive| {
            archive
                .start_file("../up", SimpleFileOptions::default())
                .unwrap();
        });
        assert!(Bundle::unpack(&leaves).unwrap_err().contains("leaves"));
        let lone = Bundle::unpack(&Bytes::from_static(b"services:\n")).unwrap();
        assert_eq!(lone.text("docker-compose.yml").unwrap(), "services:\n");
    }
}
