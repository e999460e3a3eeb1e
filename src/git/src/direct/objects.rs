//! The contents of many blobs, read by as many threads as there are cores.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use gix::objs::{Data, Find, FindHeader, Header};
use gix::odb::pack::cache::lru::MemoryCappedHashmap;
use gix::{ObjectId, oid};

use super::Direct;

/// How many blobs make another thread worth its start: some 20 µs each, against some 50 µs for the thread (measured).
const BLOBS_FOR_A_THREAD: usize = 16;

/// Into how many parts the share of a thread is cut, so that all end at nearly the same time. Neighbours stay together.
const PARTS_FOR_A_THREAD: usize = 8;

/// The most threads. Beyond it, the disk is what is waited for.
const MOST_THREADS: usize = 8;

/// How much memory each thread keeps of what it read, in bytes: blobs are stored as differences from similar ones, which are
/// mostly neighbours in the order of paths.
const CACHE: usize = 8 * 1024 * 1024;

/// How much of changed files is read to be compared, in bytes. Git streams larger changes.
const MOST_KEPT: usize = 128 * 1024 * 1024;

/// What was read of a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// All of it.
    Whole(Vec<u8>),
    /// It is larger than what was asked for.
    TooLarge,
    /// It could not be read here.
    Unknown,
}

/// Contents that were read already, by the ids of their blobs: those of changed files are asked for twice, to be compared and to be
/// judged.
#[derive(Default)]
pub(super) struct Known(HashMap<ObjectId, Vec<u8>>);

impl Direct {
    /// The contents of blobs, in their order, of which none is larger than `largest` bytes.
    pub(crate) fn contents(&self, objects: &[&str], largest: u64) -> Option<Vec<Content>> {
        let repository = self.opened()?;
        let known = self.known();
        let ids = objects
            .iter()
            .map(|id| ObjectId::from_hex(id.as_bytes()).ok());
        let ids: Vec<Option<ObjectId>> = ids.collect();
        let unknown = ids.iter().flatten().filter(|id| !known.0.contains_key(*id));
        let mut read = read_all(repository, unknown.copied().collect(), |_| true);
        let mut content = |id: &ObjectId| {
            let bytes = match read.remove(id) {
                Some(bytes) => bytes,
                None => known.0.get(id).cloned(),
            };
            match bytes {
                None => Content::Unknown,
                Some(bytes) if is_longer(&bytes, largest) => Content::TooLarge,
                Some(bytes) => Content::Whole(bytes),
            }
        };
        let mut contents: Vec<Content> = Vec::with_capacity(ids.len());
        // The same blob may be asked for twice: empty files are.
        let mut places: HashMap<ObjectId, usize> = HashMap::with_capacity(ids.len());
        for id in &ids {
            let known = id.and_then(|id| contents.get(*places.get(&id)?).cloned());
            let content = match (known, id) {
                (Some(content), _) => content,
                (None, Some(id)) => content(id),
                (None, None) => Content::Unknown,
            };
            places.extend(id.map(|id| (id, contents.len())));
            contents.push(content);
        }
        Some(contents)
    }

    /// Reads blobs that will be asked for again. None: one of them cannot be read here, or together they are too large.
    pub(super) fn keep(&self, ids: Vec<ObjectId>) -> Option<()> {
        let sum = AtomicUsize::new(0);
        let has_room =
            |more: usize| sum.fetch_add(more, Ordering::Relaxed).saturating_add(more) <= MOST_KEPT;
        let read = read_all(self.opened()?, ids, has_room);
        let mut known = self.known();
        for (id, bytes) in read {
            known.0.insert(id, bytes?);
        }
        Some(())
    }
}

fn is_longer(bytes: &[u8], largest: u64) -> bool {
    u64::try_from(bytes.len()).is_ok_and(|length| length > largest)
}

/// Reads blobs by as many threads as pay, each part of them in order; none for one that cannot be read here, or for whose length
/// there is no room.
fn read_all(
    repository: &gix::ThreadSafeRepository,
    mut ids: Vec<ObjectId>,
    has_room: impl Fn(usize) -> bool + Sync,
) -> HashMap<ObjectId, Option<Vec<u8>>> {
    let mut seen = HashSet::with_capacity(ids.len());
    ids.retain(|id| seen.insert(*id));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = (ids.len() / BLOBS_FOR_A_THREAD).clamp(1, cores.min(MOST_THREADS));
    let part = (ids.len() / threads / PARTS_FOR_A_THREAD).max(BLOBS_FOR_A_THREAD);
    let parts: Vec<&[ObjectId]> = ids.chunks(part).collect();
    let next = AtomicUsize::new(0);
    let read = || {
        let mut repository = repository.to_thread_local();
        repository
            .objects
            .set_pack_cache(|| Box::new(MemoryCappedHashmap::new(CACHE)));
        let mut is_full = false;
        let mut content = |id: &ObjectId| {
            let content = (!is_full).then(|| content(&repository, *id)).flatten();
            is_full |= content
                .as_ref()
                .is_some_and(|content| !has_room(content.len()));
            (*id, content.filter(|_| !is_full))
        };
        let mut read: Vec<(ObjectId, Option<Vec<u8>>)> = Vec::new();
        while let Some(part) = parts.get(next.fetch_add(1, Ordering::Relaxed)) {
            read.extend(part.iter().map(&mut content));
        }
        read
    };
    let read = &read;
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(read)).collect();
        let mut all: HashMap<_, _> = read().into_iter().collect();
        for other in others {
            all.extend(crate::selection::joined(other.join()));
        }
        all
    })
}

/// What is larger than [`super::MOST_MEMORY`] is not read here.
fn content(repository: &gix::Repository, id: ObjectId) -> Option<Vec<u8>> {
    let mut blob = repository.find_object(id).ok()?;
    (blob.kind == gix::objs::Kind::Blob).then(|| std::mem::take(&mut blob.data))
}

/// Where a comparison finds objects: what is known, and the rest of the repository.
pub(super) struct Objects<'r> {
    pub(super) known: &'r Known,
    pub(super) repository: &'r gix::Repository,
}

impl Find for Objects<'_> {
    fn try_find<'a>(&self, id: &oid, buffer: &'a mut Vec<u8>) -> gix::Result<Option<Data<'a>>> {
        let Some(bytes) = self.known.0.get(id) else {
            return self.repository.objects.try_find(id, buffer);
        };
        buffer.clear();
        buffer.extend_from_slice(bytes);
        Ok(Some(Data {
            kind: gix::objs::Kind::Blob,
            object_hash: id.kind(),
            data: buffer,
        }))
    }
}

impl FindHeader for Objects<'_> {
    fn try_header(&self, id: &oid) -> gix::Result<Option<Header>> {
        let Some(bytes) = self.known.0.get(id) else {
            return FindHeader::try_header(&self.repository.objects, id);
        };
        Ok(Some(Header {
            kind: gix::objs::Kind::Blob,
            size: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_read_than_there_is_room_for() {
        let directory = tempfile::tempdir().unwrap();
        let repository = gix::init(directory.path()).unwrap();
        let ids: Vec<ObjectId> = (0..100_u8)
            .map(|number| repository.write_blob([number; 10]).unwrap().detach())
            .collect();
        let repository = repository.into_sync();
        let read = |room: usize| {
            let sum = AtomicUsize::new(0);
            let has_room = |more| sum.fetch_add(more, Ordering::Relaxed) + more <= room;
            let read = read_all(&repository, ids.clone(), has_room);
            assert_eq!(read.len(), 100);
            read.into_values().flatten().count()
        };
        assert_eq!(read(1000), 100);
        assert!(read(305) <= 30);
        assert_eq!(read(9), 0);
    }
}
