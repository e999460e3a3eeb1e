//! A context as a tar stream, the form in which the engine takes it.
//!
//! Rules: the same entries make the same bytes. Owner and group are root and the time is fixed, so
//! that the engine's cache does not depend on who checked the files out and when.

use std::io::{self, Read as _, Write};

use bytes::Bytes;
use futures_util::Stream;
use tokio::sync::mpsc;

use crate::{Context, Entry, EntryKind};

/// 2000-01-01T00:00:00Z. Not zero: zip files inside an image build (Python wheels) cannot hold times
/// before 1980.
const FIXED_TIME: u64 = 946_684_800;

/// Bytes per piece of the stream.
const PIECE: usize = 64 * 1024;

/// Pieces that may wait for the engine.
const PIECES_AHEAD: usize = 8;

/// The tar stream of a context. A thread of its own reads the files; it ends with the stream.
pub(crate) fn stream(context: &Context) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    let (sender, receiver) = mpsc::channel(PIECES_AHEAD);
    let context = context.clone();
    let spawned = std::thread::Builder::new()
        .name("build-context".to_owned())
        .spawn({
            let sender = sender.clone();
            move || {
                let mut writer = Pieces {
                    sender,
                    piece: Vec::with_capacity(PIECE),
                };
                let written = write(context.entries(), &mut writer).and_then(|()| writer.flush());
                if let Err(error) = written {
                    // Nobody listens any more if the build was cancelled.
                    let _ = writer.sender.blocking_send(Err(error));
                }
            }
        });
    let failure = spawned.err();
    drop(sender);
    futures_util::stream::unfold((receiver, failure), |(mut receiver, failure)| async move {
        if let Some(error) = failure {
            return Some((Err(error), (receiver, None)));
        }
        receiver.recv().await.map(|piece| (piece, (receiver, None)))
    })
}

/// The tar archive of a few entries, in memory.
pub(crate) fn in_memory(entries: &[Entry]) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    write(entries, &mut bytes)?;
    Ok(bytes)
}

fn write(entries: &[Entry], writer: &mut impl Write) -> io::Result<()> {
    let mut archive = tar::Builder::new(writer);
    for entry in entries {
        let mut header = tar::Header::new_gnu();
        header.set_mode(entry.mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(FIXED_TIME);
        header.set_size(0);
        match &entry.kind {
            EntryKind::File(bytes) => {
                header.set_entry_type(tar::EntryType::Regular);
                header.set_size(bytes.len() as u64);
                archive.append_data(&mut header, &entry.path, bytes.as_ref())?;
            }
            EntryKind::OnDisk { path, size } => {
                header.set_entry_type(tar::EntryType::Regular);
                header.set_size(*size);
                // A file that grows is cut at its recorded size, and one that shrinks is an error:
                // anything else would shift all that follows in the archive.
                let mut limited = fs_err::File::open(path)?.take(*size);
                archive.append_data(&mut header, &entry.path, &mut limited)?;
                if limited.limit() != 0 {
                    return Err(io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        format!("`{}` became shorter while it was read", entry.path),
                    ));
                }
            }
            EntryKind::Symlink(target) => {
                header.set_entry_type(tar::EntryType::Symlink);
                archive.append_link(&mut header, &entry.path, target)?;
            }
            EntryKind::Folder => {
                header.set_entry_type(tar::EntryType::Directory);
                archive.append_data(&mut header, format!("{}/", entry.path), io::empty())?;
            }
        }
    }
    archive.finish()
}

/// Collects what is written into pieces and hands them on.
struct Pieces {
    sender: mpsc::Sender<io::Result<Bytes>>,
    piece: Vec<u8>,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        self.sender
            .blocking_send(Ok(Bytes::from(piece)))
            .map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;

    use super::*;

    fn entries() -> Vec<Entry> {
        let long = format!("{}/file", "folder-".repeat(30));
        vec![
            Entry {
                path: "Dockerfile".to_owned(),
                mode: 0o644,
                kind: EntryKind::File(Bytes::from_static(b"FROM scratch")),
            },
            Entry {
                path: "bin".to_owned(),
                mode: 0o711,
                kind: EntryKind::Folder,
            },
            Entry {
                path: "bin/run".to_owned(),
                mode: 0o755,
                kind: EntryKind::File(Bytes::from(vec![7; 200_000])),
            },
            Entry {
                path: "bin/link".to_owned(),
                mode: 0o777,
                kind: EntryKind::Symlink("../".repeat(60)),
            },
            Entry {
                path: long,
                mode: 0o600,
                kind: EntryKind::File(Bytes::new()),
            },
        ]
    }

    async fn collect(context: &Context) -> io::Result<Vec<u8>> {
        let mut pieces = Box::pin(stream(context));
        let mut bytes = Vec::new();
        while let Some(piece) = pieces.next().await {
            bytes.extend_from_slice(&piece?);
        }
        Ok(bytes)
    }

    #[tokio::test]
    async fn the_stream_holds_every_entry_with_its_mode_and_nothing_of_this_machine() {
        let context = Context::from_entries(entries(), "Dockerfile").unwrap();
        let bytes = collect(&context).await.unwrap();
        assert_eq!(
            bytes,
            collect(&context).await.unwrap(),
            "the stream is reproducible"
        );

        let mut archive = tar::Archive::new(bytes.as_slice());
        let mut seen = std::collections::BTreeMap::new();
        for entry in archive.entries().unwrap() {
            let entry = entry.unwrap();
            let header = entry.header().clone();
            assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (0, 0));
            assert_eq!(header.mtime().unwrap(), FIXED_TIME);
            let path = entry
                .path()
                .unwrap()
                .to_str()
                .unwrap()
                .trim_end_matches('/')
                .to_owned();
            let link = entry
                .link_name()
                .unwrap()
                .map(|link| link.to_str().unwrap().to_owned());
            seen.insert(path, (header.mode().unwrap(), header.size().unwrap(), link));
        }
        assert_eq!(seen["bin"], (0o711, 0, None));
        assert_eq!(seen["bin/run"], (0o755, 200_000, None));
        assert_eq!(
            seen["bin/link"].2.as_deref(),
            Some("../".repeat(60).as_str())
        );
        assert_eq!(seen.len(), 6, "{seen:?}");
    }

    #[tokio::test]
    async fn a_file_that_shrinks_fails_the_stream() {
        let folder = tempfile::tempdir().unwrap();
        let root = camino::Utf8Path::from_path(folder.path()).unwrap();
        fs_err::write(root.join("Dockerfile"), "FROM scratch").unwrap();
        fs_err::write(root.join("data"), "0123456789").unwrap();
        let context = Context::from_directory(root, "Dockerfile").unwrap();
        fs_err::write(root.join("data"), "0").unwrap();
        let error = collect(&context).await.unwrap_err();
        assert!(error.to_string().contains("data"), "{error}");
    }
}
