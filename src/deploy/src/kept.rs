//! The last bundle, kept on this machine so that the next one copies what has not changed.
//!
//! Rules: a file is copied only if its path and its git object are the same, so that what ships is
//! the same whether anything was kept or not. The index names the archive that it belongs to, and an
//! archive is never written again: whoever reads one while another run writes finds a whole one, or
//! none. All trouble means that nothing was kept. One archive for each application, not larger than
//! [`LARGEST_KEPT`].

use std::collections::HashMap;
use std::io::{Cursor, Write as _};

use beanpole_git::Mode;
use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};
use zip::ZipArchive;

use crate::layout::{Content, Layout, LayoutEntry};

/// Larger bundles are not kept: the archive is read into memory.
const LARGEST_KEPT: u64 = 128 * 1024 * 1024;

/// Changes with the index's form, and with how files are compressed.
const FORMAT: u32 = 1;

/// The index's name.
const INDEX: &str = "index.json";

/// An archive in memory.
pub(crate) type KeptArchive = ZipArchive<Cursor<Vec<u8>>>;

/// What the index holds.
#[derive(Serialize, Deserialize)]
struct Index {
    format: u32,
    /// The archive's name, in the index's folder.
    archive: String,
    /// Paths, each with its git object.
    objects: Vec<(String, String)>,
}

/// The files of an earlier bundle.
#[derive(Default)]
pub(crate) struct Kept {
    archive: Option<KeptArchive>,
    /// Where in the archive a file is, by path, with its git object.
    places: HashMap<String, (usize, String)>,
}

impl Kept {
    /// What is kept in a folder; nothing if anything is wrong with it.
    pub(crate) fn open(directory: &Utf8Path) -> Self {
        Self::read(directory).unwrap_or_default()
    }

    fn read(directory: &Utf8Path) -> Option<Self> {
        let text = fs_err::read_to_string(directory.join(INDEX)).ok()?;
        let index: Index = serde_json::from_str(&text).ok()?;
        let name = Utf8Path::new(&index.archive);
        if index.format != FORMAT || name.file_name() != Some(name.as_str()) {
            return None;
        }
        let path = directory.join(name);
        if fs_err::metadata(&path).ok()?.len() > LARGEST_KEPT {
            return None;
        }
        let archive = ZipArchive::new(Cursor::new(fs_err::read(&path).ok()?)).ok()?;
        let mut places = HashMap::with_capacity(index.objects.len());
        for (path, object) in index.objects {
            if let Some(place) = archive.index_for_name_raw(path.as_bytes()) {
                places.insert(path, (place, object));
            }
        }
        Some(Self {
            archive: Some(archive),
            places,
        })
    }

    /// Where the content of an entry is, compressed. Links are never taken from here.
    pub(crate) fn place(&self, entry: &LayoutEntry) -> Option<usize> {
        let Content::Object { id, .. } = &entry.content else {
            return None;
        };
        let (place, object) = self.places.get(&entry.path)?;
        (is_file(entry.mode) && object == id).then_some(*place)
    }

    /// The archive, if there is one.
    pub(crate) fn archive(&mut self) -> Option<&mut KeptArchive> {
        self.archive.as_mut()
    }
}

fn is_file(mode: Mode) -> bool {
    matches!(mode, Mode::File | Mode::Executable)
}

/// Keeps a packed archive in place of the one before. Best effort: what fails costs time only.
pub(crate) fn keep(archive: &std::path::Path, layout: &Layout, directory: &Utf8Path) {
    let _ = try_to_keep(archive, layout, directory);
}

fn try_to_keep(
    archive: &std::path::Path,
    layout: &Layout,
    directory: &Utf8Path,
) -> std::io::Result<()> {
    if fs_err::metadata(archive)?.len() > LARGEST_KEPT {
        return Ok(());
    }
    fs_err::create_dir_all(directory)?;
    let former = archives(directory)?;
    let name = format!("bundle-{:016x}.zip", rand::random::<u64>());
    fs_err::hard_link(archive, directory.join(&name))?;
    let objects = layout.entries().iter().filter_map(|entry| {
        let Content::Object { id, .. } = &entry.content else {
            return None;
        };
        is_file(entry.mode).then(|| (entry.path.clone(), id.clone()))
    });
    let index = Index {
        format: FORMAT,
        archive: name,
        objects: objects.collect(),
    };
    // Temporary files are made with mode 0600, and a rename is seen whole or not at all.
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(&serde_json::to_vec(&index)?)?;
    file.persist(directory.join(INDEX))?;
    for path in former {
        fs_err::remove_file(path)?;
    }
    Ok(())
}

/// The archives in a folder.
fn archives(directory: &Utf8Path) -> std::io::Result<Vec<Utf8PathBuf>> {
    let entries: Vec<_> = directory.read_dir_utf8()?.collect::<std::io::Result<_>>()?;
    Ok(entries
        .into_iter()
        .map(camino::Utf8DirEntry::into_path)
        .filter(|path| path.extension() == Some("zip"))
        .collect())
}
