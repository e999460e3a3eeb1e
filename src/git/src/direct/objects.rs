//! The contents of many blobs, read by as many threads as there are cores.

use gix::ObjectId;

use super::Direct;

/// How many blobs make another thread worth its start: some 20 µs each, against some 50 µs for the thread (measured).
const BLOBS_FOR_A_THREAD: usize = 16;

/// The most threads. Beyond it, the disk is what is waited for.
const MOST_THREADS: usize = 8;

/// How much memory each thread keeps of what it read, in bytes: blobs of one file are stored as differences from each other.
const CACHE: usize = 8 * 1024 * 1024;

/// What was read of a blob.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// All of it.
    Whole(Vec<u8>),
    /// It is larger than what was asked for.
    TooLarge,
    /// It could not be read here.
    Unknown,
}

impl Direct {
    /// The contents of blobs, in their order, of which none is larger than `largest` bytes.
    pub(crate) fn contents(&self, objects: &[&str], largest: u64) -> Option<Vec<Content>> {
        let repository = self.opened()?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = (objects.len() / BLOBS_FOR_A_THREAD).clamp(1, cores.min(MOST_THREADS));
        let share = objects.len().div_ceil(threads).max(1);
        let read = |objects: &[&str]| -> Vec<Content> {
            let mut repository = repository.to_thread_local();
            repository.object_cache_size_if_unset(CACHE);
            let contents = objects.iter();
            contents
                .map(|id| content(&repository, id, largest))
                .collect()
        };
        let mut shares = objects.chunks(share);
        let first = shares.next().unwrap_or_default();
        let parts = std::thread::scope(|scope| {
            let others: Vec<_> = shares.map(|part| scope.spawn(move || read(part))).collect();
            let mut parts = vec![read(first)];
            parts.extend(
                others
                    .into_iter()
                    .map(|part| crate::selection::joined(part.join())),
            );
            parts
        });
        Some(parts.into_iter().flatten().collect())
    }
}

fn content(repository: &gix::Repository, object: &str, largest: u64) -> Content {
    let Ok(id) = ObjectId::from_hex(object.as_bytes()) else {
        return Content::Unknown;
    };
    let Ok(header) = repository.find_header(id) else {
        return Content::Unknown;
    };
    if header.kind() != gix::objs::Kind::Blob {
        return Content::Unknown;
    }
    if header.size() > largest {
        return Content::TooLarge;
    }
    match repository.find_object(id) {
        Ok(mut blob) => Content::Whole(std::mem::take(&mut blob.data)),
        Err(_) => Content::Unknown,
    }
}
