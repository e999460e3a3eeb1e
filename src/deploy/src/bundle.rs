//! Packs a bundle: a ZIP archive of the commit's files, the same bytes every time.
//!
//! Rules: entries are sorted, their time is the commit's, their mode bits are git's, links stay
//! links. Contents come from git's object store, never from the working tree. The archive is a
//! temporary file in the cache directory that is removed when the [`Bundle`] is dropped, and also
//! when packing fails or is cancelled: nothing half-written stays behind. What the bundle before has
//! compressed already is copied from there. Packing blocks; run it on a thread of
//! its own.

use std::io::{BufWriter, Cursor, Seek, Write};
use std::num::NonZeroUsize;

use beanpole_git::{BlobReader, Mode, Repository};
use camino::{Utf8Path, Utf8PathBuf};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio_util::sync::CancellationToken;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::error::Error;
use crate::kept::{Kept, KeptArchive, keep};
use crate::layout::{Content, Layout, LayoutEntry};
use crate::spool::{Spool, Trouble, TroubleSlot};

/// The largest source bundle that Beanstalk takes (developer guide, "Create an application source
/// bundle": 500 MB; `eb` and the service itself accept 512 MiB).
pub const SIZE_LIMIT: u64 = 512 * 1024 * 1024;

/// How many files the refusal of a large bundle names.
const LARGEST_SHOWN: usize = 10;

/// Files up to this size are read into memory and compressed on several threads; larger ones are
/// streamed.
const LARGE_FILE: u64 = 8 * 1024 * 1024;

/// How much is read before the threads compress it.
const BATCH: u64 = 16 * 1024 * 1024;

/// Beyond this, git is slower than the compression.
const MOST_THREADS: usize = 8;

/// The usual trade of size for time.
const COMPRESSION_LEVEL: i64 = 6;

/// A packed bundle. Dropping it removes the file.
#[derive(Debug)]
pub struct Bundle {
    path: tempfile::TempPath,
    size: u64,
    files: usize,
}

impl Bundle {
    /// Where the archive is.
    #[must_use]
    pub fn path(&self) -> &std::path::Path {
        &self.path
    }

    /// Its size in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// How many files and links it holds.
    #[must_use]
    pub fn files(&self) -> usize {
        self.files
    }

    /// Keeps the archive in `directory` for the next bundle of the same application. Best effort.
    pub fn keep(&self, layout: &Layout, directory: &Utf8Path) {
        keep(&self.path, layout, directory);
    }
}

/// Packs `layout` into a temporary file in `directory`, which is created if needed. `time` is the
/// commit's. What an earlier bundle has left in `kept` is used again.
///
/// # Errors
/// [`Error::BundleTooLarge`], [`Error::DiskFull`], [`Error::BundleWrite`], [`Error::Git`],
/// [`Error::Interrupted`], [`Error::UnsafePath`], [`Error::Pack`].
pub fn pack(
    layout: &Layout,
    repository: &Repository,
    time: Timestamp,
    directory: &Utf8Path,
    kept: &Utf8Path,
    cancel: &CancellationToken,
) -> Result<Bundle, Error> {
    fs_err::create_dir_all(directory).map_err(|source| Error::write(directory, source))?;
    let mut file = tempfile::Builder::new()
        .prefix("bundle-")
        .suffix(".zip")
        .tempfile_in(directory)
        .map_err(|source| Error::write(&directory.join("bundle"), source))?;
    let path = Utf8PathBuf::from_path_buf(file.path().to_path_buf())
        .unwrap_or_else(|_| directory.join("bundle"));
    let mut sources = Sources {
        blobs: repository.read_blobs().map_err(Error::Git)?,
        kept: Kept::open(kept),
    };
    let place = Place {
        path: &path,
        limit: SIZE_LIMIT,
    };
    let size = write(
        layout,
        &mut sources,
        time,
        BufWriter::new(file.as_file_mut()),
        &place,
        cancel,
    )?;
    Ok(Bundle {
        path: file.into_temp_path(),
        size,
        files: layout.entries().len(),
    })
}

/// Where the archive goes, for messages, and how large it may become.
struct Place<'a> {
    path: &'a Utf8Path,
    limit: u64,
}

/// How all entries are written.
#[derive(Clone, Copy)]
struct Stamp {
    time: zip::DateTime,
}

impl Stamp {
    /// With the commit's time.
    fn new(time: Timestamp) -> Self {
        Self {
            time: archive_time(time),
        }
    }

    fn options(self, mode: Mode) -> SimpleFileOptions {
        SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(COMPRESSION_LEVEL))
            .last_modified_time(self.time)
            .unix_permissions(permissions(mode))
    }
}

/// Where contents come from.
struct Sources {
    blobs: BlobReader,
    kept: Kept,
}

/// Writes the archive and returns its size in bytes.
fn write<W: Write + Seek>(
    layout: &Layout,
    sources: &mut Sources,
    time: Timestamp,
    out: W,
    place: &Place<'_>,
    cancel: &CancellationToken,
) -> Result<u64, Error> {
    let slot = TroubleSlot::default();
    let check = || match slot.take() {
        None => Ok(()),
        Some(Trouble::TooLarge) => Err(Error::BundleTooLarge {
            limit: place.limit,
            largest: layout.largest(LARGEST_SHOWN),
        }),
        Some(Trouble::Io(source)) => Err(Error::write(place.path, source)),
    };
    let mut archive = ZipWriter::new(Spool::new(out, place.limit, slot.clone()));
    let stamp = Stamp::new(time);
    for batch in batches(layout.entries(), &sources.kept) {
        if cancel.is_cancelled() {
            return Err(Error::Interrupted);
        }
        match batch {
            Batch::Large(entry) => stream(entry, &mut sources.blobs, &mut archive, stamp)?,
            Batch::Small(entries) => add_batch(entries, sources, &mut archive, stamp)?,
        }
        check()?;
    }
    let finished = archive
        .finish()
        .map_err(|source| pack_error("the archive", source))?;
    let (mut out, size) = finished.into_inner();
    out.flush()
        .map_err(|source| Error::write(place.path, source))?;
    check()?;
    Ok(size)
}

enum Batch<'a> {
    Large(&'a LayoutEntry),
    Small(&'a [LayoutEntry]),
}

/// Cuts the entries, in their order, into runs of small ones and single large ones. What is kept is
/// small, however large it is.
fn batches<'a>(entries: &'a [LayoutEntry], kept: &Kept) -> Vec<Batch<'a>> {
    let size = |entry: &LayoutEntry| match kept.place(entry) {
        Some(_) => 0,
        None => entry.size(),
    };
    let mut batches = Vec::new();
    let mut rest = entries;
    while let Some((first, others)) = rest.split_first() {
        if size(first) > LARGE_FILE {
            batches.push(Batch::Large(first));
            rest = others;
            continue;
        }
        let mut sum = 0;
        let length = rest
            .iter()
            .take_while(|entry| {
                sum += size(entry);
                size(entry) <= LARGE_FILE && sum <= BATCH
            })
            .count()
            .max(1);
        let (batch, others) = rest.split_at(length);
        batches.push(Batch::Small(batch));
        rest = others;
    }
    batches
}

fn stream<W: Write + Seek>(
    entry: &LayoutEntry,
    blobs: &mut BlobReader,
    archive: &mut ZipWriter<Spool<W>>,
    stamp: Stamp,
) -> Result<(), Error> {
    let options = stamp
        .options(entry.mode)
        .large_file(entry.size() >= u64::from(u32::MAX));
    archive
        .start_file(&entry.path, options)
        .map_err(|source| pack_error(&entry.path, source))?;
    match &entry.content {
        Content::Object { id, .. } => blobs.copy(id, archive).map(drop).map_err(Error::Git),
        Content::Text(text) => archive
            .write_all(text.as_bytes())
            .map_err(|source| pack_error(&entry.path, source.into())),
    }
}

/// Adds a batch in its order: copies what is kept, and compresses the rest.
fn add_batch<W: Write + Seek>(
    entries: &[LayoutEntry],
    sources: &mut Sources,
    archive: &mut ZipWriter<Spool<W>>,
    stamp: Stamp,
) -> Result<(), Error> {
    let (old, new): (Vec<_>, Vec<_>) = entries
        .iter()
        .partition(|entry| sources.kept.place(entry).is_some());
    let parts = compress(&new, &mut sources.blobs, stamp)?;
    if old.is_empty() {
        return merge(parts, archive);
    }
    let mut fresh = Fresh::new(parts);
    for entry in entries {
        let place = sources.kept.place(entry);
        match (place, sources.kept.archive()) {
            (Some(place), Some(kept)) => copy(kept, place, entry, archive, stamp)?,
            _ => fresh.copy_next(entry, archive, stamp)?,
        }
    }
    Ok(())
}

/// Puts pieces together without compressing again.
fn merge<W: Write + Seek>(
    parts: Vec<Part>,
    archive: &mut ZipWriter<Spool<W>>,
) -> Result<(), Error> {
    for part in parts {
        archive
            .merge_archive(part)
            .map_err(|source| pack_error("the archive", source))?;
    }
    Ok(())
}

/// Copies a file as it is compressed, with this commit's time and mode.
fn copy<W: Write + Seek>(
    from: &mut KeptArchive,
    place: usize,
    entry: &LayoutEntry,
    archive: &mut ZipWriter<Spool<W>>,
    stamp: Stamp,
) -> Result<(), Error> {
    from.by_index_raw(place)
        .and_then(|file| {
            archive.raw_copy_file_touch(file, stamp.time, Some(permissions(entry.mode)))
        })
        .map_err(|source| pack_error(&entry.path, source))
}

/// Freshly compressed files, taken one after the other.
struct Fresh {
    parts: std::vec::IntoIter<Part>,
    part: Option<Part>,
    next: usize,
}

impl Fresh {
    fn new(parts: Vec<Part>) -> Self {
        Self {
            parts: parts.into_iter(),
            part: None,
            next: 0,
        }
    }

    fn copy_next<W: Write + Seek>(
        &mut self,
        entry: &LayoutEntry,
        archive: &mut ZipWriter<Spool<W>>,
        stamp: Stamp,
    ) -> Result<(), Error> {
        while self
            .part
            .as_ref()
            .is_none_or(|part| self.next >= part.len())
        {
            self.part = Some(self.parts.next().ok_or(Error::Unplanned("packing"))?);
            self.next = 0;
        }
        if let Some(part) = &mut self.part {
            copy(part, self.next, entry, archive, stamp)?;
        }
        self.next += 1;
        Ok(())
    }
}

/// Reads entries and compresses them on several threads, into pieces in their order.
fn compress(
    entries: &[&LayoutEntry],
    blobs: &mut BlobReader,
    stamp: Stamp,
) -> Result<Vec<Part>, Error> {
    let contents: Vec<_> = entries
        .iter()
        .copied()
        .zip(contents(entries, blobs)?)
        .collect();
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let share = contents
        .len()
        .div_ceil(threads.clamp(1, MOST_THREADS))
        .max(1);
    std::thread::scope(|scope| {
        let workers: Vec<_> = contents
            .chunks(share)
            .map(|chunk| scope.spawn(move || compress_part(chunk, stamp)))
            .collect();
        workers
            .into_iter()
            .map(|worker| {
                worker.join().unwrap_or_else(|_| {
                    let source = std::io::Error::other("a compression thread panicked");
                    Err(pack_error("the archive", source.into()))
                })
            })
            .collect()
    })
}

/// A piece of the archive in memory. Pieces are put together without compressing again.
type Part = KeptArchive;

fn compress_part(chunk: &[(&LayoutEntry, Vec<u8>)], stamp: Stamp) -> Result<Part, Error> {
    // One writer for many files: it reuses the compressor's tables.
    let mut part = ZipWriter::new(Cursor::new(Vec::new()));
    for (entry, content) in chunk {
        add(entry, content, &mut part, stamp)?;
    }
    part.finish_into_readable()
        .map_err(|source| pack_error("the archive", source))
}

fn add(
    entry: &LayoutEntry,
    content: &[u8],
    part: &mut ZipWriter<Cursor<Vec<u8>>>,
    stamp: Stamp,
) -> Result<(), Error> {
    let options = stamp.options(entry.mode);
    if entry.mode == Mode::Symlink {
        let target = std::str::from_utf8(content).map_err(|_| Error::UnsafePath {
            path: entry.path.clone(),
            why: "the link's target is not UTF-8",
        })?;
        return part
            .add_symlink(&entry.path, target, options)
            .map_err(|source| pack_error(&entry.path, source));
    }
    part.start_file(&entry.path, options)
        .and_then(|()| part.write_all(content).map_err(Into::into))
        .map_err(|source| pack_error(&entry.path, source))
}

/// The content of an entry.
///
/// # Errors
/// [`Error::Git`].
pub(crate) fn content(entry: &LayoutEntry, blobs: &mut BlobReader) -> Result<Vec<u8>, Error> {
    match &entry.content {
        Content::Object { id, .. } => blobs.read(id).map_err(Error::Git),
        Content::Text(text) => Ok(text.clone().into_bytes()),
    }
}

/// The contents of entries, in their order.
///
/// # Errors
/// [`Error::Git`].
pub(crate) fn contents(
    entries: &[&LayoutEntry],
    blobs: &mut BlobReader,
) -> Result<Vec<Vec<u8>>, Error> {
    let objects: Vec<&str> = entries
        .iter()
        .filter_map(|entry| match &entry.content {
            Content::Object { id, .. } => Some(id.as_str()),
            Content::Text(_) => None,
        })
        .collect();
    let mut read = blobs.read_all(&objects).map_err(Error::Git)?.into_iter();
    Ok(entries
        .iter()
        .map(|entry| match &entry.content {
            // One content was read for each object.
            Content::Object { .. } => read.next().unwrap_or_default(),
            Content::Text(text) => text.clone().into_bytes(),
        })
        .collect())
}

/// The permission bits of an entry. Git knows one bit of them.
#[must_use]
pub fn permissions(mode: Mode) -> u32 {
    match mode {
        Mode::File => 0o644,
        Mode::Executable | Mode::Submodule => 0o755,
        Mode::Symlink => 0o777,
    }
}

/// The time in the archive's form: UTC, two-second steps, from 1980 on. A commit outside of what
/// the form can say gets the form's first day.
fn archive_time(time: Timestamp) -> zip::DateTime {
    let time = time.to_zoned(TimeZone::UTC);
    let part = |value: i8| u8::try_from(value).unwrap_or_default();
    zip::DateTime::from_date_and_time(
        u16::try_from(time.year()).unwrap_or_default(),
        part(time.month()),
        part(time.day()),
        part(time.hour()),
        part(time.minute()),
        part(time.second()),
    )
    .unwrap_or_default()
}

fn pack_error(path: &str, source: zip::result::ZipError) -> Error {
    Error::Pack {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
#[path = "bundle_tests.rs"]
mod tests;
