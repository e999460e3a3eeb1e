//! What a build gets to see: the files of a folder or of a bundle, without what Docker's ignore file
//! leaves out.
//!
//! Rules: the Dockerfile and the ignore file are always sent, since the engine reads them from the
//! context (unlike with Docker's own client, `COPY .` then copies them even if they are ignored);
//! entries are sorted, so that the same files make the same stream. Which ignore file
//! applies: `<Dockerfile>.dockerignore` beside the Dockerfile if there is one, else `.dockerignore` at
//! the root.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use camino::{Utf8Path, Utf8PathBuf};

use crate::{Error, IgnoreRules};

/// Permission bits of folders that nobody names but that other entries need.
const FOLDER_MODE: u32 = 0o755;

/// One file, link or folder of a context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The path relative to the context's root, with `/` between its parts.
    pub path: String,
    /// The permission bits; links have none of their own.
    pub mode: u32,
    /// What it is.
    pub kind: EntryKind,
}

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A file whose content is at hand.
    File(Bytes),
    /// A file that is read from disk when the context is sent.
    OnDisk {
        /// Where it is.
        path: Utf8PathBuf,
        /// Its size in bytes when the context was made.
        size: u64,
    },
    /// A symbolic link, with its target as written.
    Symlink(String),
    /// A folder.
    Folder,
}

/// A build context. Clones share the entries.
#[derive(Clone, Debug)]
pub struct Context {
    entries: Arc<Vec<Entry>>,
}

impl Context {
    /// The files of `root`, without what the ignore file leaves out. `dockerfile` is relative to
    /// `root`. Blocks on the file system. Sockets, pipes and devices are left out.
    ///
    /// # Errors
    /// [`Error::DockerfileMissing`], [`Error::IgnorePattern`], [`Error::ContextUnreadable`],
    /// [`Error::PathNotText`].
    pub fn from_directory(root: &Utf8Path, dockerfile: &str) -> Result<Self, Error> {
        let dockerfile = inside(dockerfile)?;
        if !root.join(&dockerfile).is_file() {
            return Err(Error::DockerfileMissing {
                dockerfile,
                root: root.to_string(),
            });
        }
        let read = |name: &str| match fs_err::read(root.join(name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Error::ContextUnreadable {
                path: name.to_owned(),
                source,
            }),
        };
        let filter = Filter::new(&dockerfile, read)?;
        let mut entries = BTreeMap::new();
        let mut pending = vec![String::new()];
        while let Some(folder) = pending.pop() {
            visit_folder(root, &folder, &filter, &mut entries, &mut pending)?;
        }
        let mode = |folder: &str| {
            fs_err::metadata(root.join(folder)).map_or(FOLDER_MODE, |facts| permissions(&facts))
        };
        Ok(Self::from_sorted(entries, mode))
    }

    /// The given entries, without what the ignore file among them leaves out. If a path comes
    /// twice, the last one counts.
    ///
    /// # Errors
    /// [`Error::PathOutside`], [`Error::DockerfileMissing`], [`Error::IgnorePattern`].
    pub fn from_entries(
        entries: impl IntoIterator<Item = Entry>,
        dockerfile: &str,
    ) -> Result<Self, Error> {
        let dockerfile = inside(dockerfile)?;
        let mut all = BTreeMap::new();
        for entry in entries {
            let path = inside(&entry.path)?;
            all.insert(path.clone(), Entry { path, ..entry });
        }
        let is_file = |entry: &Entry| !matches!(entry.kind, EntryKind::Folder);
        if !all.get(&dockerfile).is_some_and(is_file) {
            return Err(Error::DockerfileMissing {
                dockerfile,
                root: "the given files".to_owned(),
            });
        }
        let filter = Filter::new(&dockerfile, |name| match all.get(name) {
            Some(entry) => contents(entry).map(Some),
            None => Ok(None),
        })?;
        let kept = all
            .into_iter()
            .filter(|(path, _)| filter.keeps(path))
            .collect();
        Ok(Self::from_sorted(kept, |_| FOLDER_MODE))
    }

    /// Adds the folders that entries stand in, if they are missing, with the permission bits that
    /// `mode` tells.
    fn from_sorted(mut entries: BTreeMap<String, Entry>, mode: impl Fn(&str) -> u32) -> Self {
        let mut folders = BTreeSet::new();
        for path in entries.keys() {
            for (end, _) in path.match_indices('/') {
                if let Some(folder) = path.get(..end) {
                    folders.insert(folder.to_owned());
                }
            }
        }
        for path in folders {
            if !entries.contains_key(&path) {
                let mode = mode(&path);
                entries.insert(
                    path.clone(),
                    Entry {
                        path,
                        mode,
                        kind: EntryKind::Folder,
                    },
                );
            }
        }
        Self {
            entries: Arc::new(entries.into_values().collect()),
        }
    }

    /// The entries, sorted by path, each folder before what it holds.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The sum of the file sizes in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.entries
            .iter()
            .map(|entry| match &entry.kind {
                EntryKind::File(bytes) => bytes.len() as u64,
                EntryKind::OnDisk { size, .. } => *size,
                EntryKind::Symlink(_) | EntryKind::Folder => 0,
            })
            .sum()
    }

    /// The text of a file of the context, with bytes that are not UTF-8 replaced; `None` if there
    /// is no such file. Blocks on the file system.
    ///
    /// # Errors
    /// [`Error::ContextUnreadable`].
    pub fn text(&self, path: &str) -> Result<Option<String>, Error> {
        let Ok(index) = self
            .entries
            .binary_search_by(|entry| entry.path.as_str().cmp(path))
        else {
            return Ok(None);
        };
        match self.entries.get(index) {
            Some(entry) if !matches!(entry.kind, EntryKind::Folder) => {
                let bytes = contents(entry)?;
                Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
            }
            _ => Ok(None),
        }
    }
}

/// The ignore rules together with the two files that they cannot leave out.
struct Filter {
    rules: IgnoreRules,
    always: [String; 2],
}

impl Filter {
    fn new(
        dockerfile: &str,
        read: impl Fn(&str) -> Result<Option<Vec<u8>>, Error>,
    ) -> Result<Self, Error> {
        for file in [
            format!("{dockerfile}.dockerignore"),
            ".dockerignore".to_owned(),
        ] {
            if let Some(bytes) = read(&file)? {
                let rules =
                    IgnoreRules::parse(&String::from_utf8_lossy(&bytes)).map_err(|reason| {
                        Error::IgnorePattern {
                            file: file.clone(),
                            line: reason.line,
                            reason,
                        }
                    })?;
                return Ok(Self {
                    rules,
                    always: [dockerfile.to_owned(), file],
                });
            }
        }
        let always = [dockerfile.to_owned(), ".dockerignore".to_owned()];
        Ok(Self {
            rules: IgnoreRules::default(),
            always,
        })
    }

    fn keeps(&self, path: &str) -> bool {
        self.always.iter().any(|kept| kept == path) || !self.rules.excludes(path)
    }

    /// True if an excluded folder must still be walked.
    fn must_walk(&self, folder: &str) -> bool {
        self.rules.may_bring_back_below(folder)
            || self.always.iter().any(|kept| {
                kept.strip_prefix(folder)
                    .is_some_and(|rest| rest.starts_with('/'))
            })
    }
}

fn visit_folder(
    root: &Utf8Path,
    folder: &str,
    filter: &Filter,
    entries: &mut BTreeMap<String, Entry>,
    pending: &mut Vec<String>,
) -> Result<(), Error> {
    let unreadable = |path: &str, source| Error::ContextUnreadable {
        path: path.to_owned(),
        source,
    };
    let listing = fs_err::read_dir(root.join(folder)).map_err(|error| unreadable(folder, error))?;
    for item in listing {
        let item = item.map_err(|error| unreadable(folder, error))?;
        let name = item.file_name();
        let Some(name) = name.to_str() else {
            let path = format!("{folder}/{}", name.to_string_lossy());
            return Err(Error::PathNotText { path });
        };
        let path = if folder.is_empty() {
            name.to_owned()
        } else {
            format!("{folder}/{name}")
        };
        let keeps = filter.keeps(&path);
        let kind = item.file_type().map_err(|error| unreadable(&path, error))?;
        if kind.is_dir() && (keeps || filter.must_walk(&path)) {
            pending.push(path.clone());
        }
        if keeps && let Some(entry) = read_entry(root, &path)? {
            entries.insert(path, entry);
        }
    }
    Ok(())
}

/// The entry for what stands at `path`; `None` for sockets, pipes and devices.
fn read_entry(root: &Utf8Path, path: &str) -> Result<Option<Entry>, Error> {
    let unreadable = |source| Error::ContextUnreadable {
        path: path.to_owned(),
        source,
    };
    let full = root.join(path);
    let facts = fs_err::symlink_metadata(&full).map_err(unreadable)?;
    let kind = if facts.is_symlink() {
        let target = fs_err::read_link(&full).map_err(unreadable)?;
        let target =
            target
                .into_os_string()
                .into_string()
                .map_err(|target| Error::PathNotText {
                    path: target.to_string_lossy().into_owned(),
                })?;
        EntryKind::Symlink(target)
    } else if facts.is_dir() {
        EntryKind::Folder
    } else if facts.is_file() {
        EntryKind::OnDisk {
            path: full,
            size: facts.len(),
        }
    } else {
        return Ok(None);
    };
    Ok(Some(Entry {
        path: path.to_owned(),
        mode: permissions(&facts),
        kind,
    }))
}

#[cfg(unix)]
fn permissions(facts: &std::fs::Metadata) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    facts.permissions().mode() & 0o7777
}

#[cfg(not(unix))]
fn permissions(_facts: &std::fs::Metadata) -> u32 {
    // As Docker's own client does where there are no permission bits.
    0o755
}

fn contents(entry: &Entry) -> Result<Vec<u8>, Error> {
    match &entry.kind {
        EntryKind::File(bytes) => Ok(bytes.to_vec()),
        EntryKind::OnDisk { path, .. } => {
            fs_err::read(path).map_err(|source| Error::ContextUnreadable {
                path: entry.path.clone(),
                source,
            })
        }
        EntryKind::Symlink(_) | EntryKind::Folder => Ok(Vec::new()),
    }
}

/// The path in its plain form, without `.` parts and doubled slashes.
fn inside(path: &str) -> Result<String, Error> {
    let parts: Vec<&str> = path
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    if path.starts_with('/') || parts.is_empty() || parts.contains(&"..") || path.contains('\0') {
        return Err(Error::PathOutside {
            path: path.to_owned(),
        });
    }
    Ok(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> Entry {
        Entry {
            path: path.to_owned(),
            mode: 0o644,
            kind: EntryKind::File(Bytes::copy_from_slice(text.as_bytes())),
        }
    }

    fn paths(context: &Context) -> Vec<&str> {
        context
            .entries()
            .iter()
            .map(|entry| entry.path.as_str())
            .collect()
    }

    #[test]
    fn entries_lose_what_is_ignored_but_never_the_dockerfile() {
        let entries = [
            file("Dockerfile", "FROM scratch"),
            file(".dockerignore", "*\n!src/**/keep.py\nsrc/private"),
            file("src/a/keep.py", ""),
            file("src/private/keep.py", ""),
            file("notes", ""),
        ];
        let context = Context::from_entries(entries, "Dockerfile").unwrap();
        assert_eq!(
            paths(&context),
            [
                ".dockerignore",
                "Dockerfile",
                "src",
                "src/a",
                "src/a/keep.py"
            ]
        );
    }

    #[test]
    fn the_ignore_file_of_the_dockerfile_wins() {
        let entries = [
            file("docker/prod", "FROM scratch"),
            file("docker/prod.dockerignore", "a"),
            file(".dockerignore", "b"),
            file("a", ""),
            file("b", ""),
        ];
        let context = Context::from_entries(entries, "./docker/prod").unwrap();
        assert_eq!(
            paths(&context),
            [
                ".dockerignore",
                "b",
                "docker",
                "docker/prod",
                "docker/prod.dockerignore"
            ]
        );
    }

    #[test]
    fn paths_that_leave_the_context_are_refused() {
        for path in ["../x", "/etc/passwd", "", "a/../../x", "."] {
            let error =
                Context::from_entries([file("Dockerfile", ""), file(path, "")], "Dockerfile");
            assert!(matches!(error, Err(Error::PathOutside { .. })), "{path}");
        }
    }

    #[test]
    fn a_missing_dockerfile_is_named() {
        let error = Context::from_entries([file("a", "")], "deploy/Dockerfile").unwrap_err();
        assert!(error.to_string().contains("deploy/Dockerfile"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_keeps_modes_links_and_empty_folders() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(folder.path()).unwrap();
        fs_err::write(root.join("Dockerfile"), "FROM scratch").unwrap();
        fs_err::write(
            root.join(".dockerignore"),
            "node_modules\nDockerfile\n!node_modules/keep\n",
        )
        .unwrap();
        fs_err::write(root.join("run.sh"), "#!/bin/sh").unwrap();
        fs_err::set_permissions(root.join("run.sh"), std::fs::Permissions::from_mode(0o750))
            .unwrap();
        fs_err::create_dir_all(root.join("node_modules/keep")).unwrap();
        fs_err::create_dir_all(root.join("node_modules/drop")).unwrap();
        fs_err::create_dir(root.join("empty")).unwrap();
        fs_err::os::unix::fs::symlink("/nowhere", root.join("link")).unwrap();

        let context = Context::from_directory(root, "Dockerfile").unwrap();
        assert_eq!(
            paths(&context),
            [
                ".dockerignore",
                "Dockerfile",
                "empty",
                "link",
                "node_modules",
                "node_modules/keep",
                "run.sh"
            ]
        );
        let find = |path: &str| {
            context
                .entries()
                .iter()
                .find(|entry| entry.path == path)
                .unwrap()
        };
        assert_eq!(find("run.sh").mode, 0o750);
        assert_eq!(find("link").kind, EntryKind::Symlink("/nowhere".to_owned()));
        assert_eq!(context.text("Dockerfile").unwrap().unwrap(), "FROM scratch");
        assert_eq!(context.text("empty").unwrap(), None);
        assert!(matches!(
            Context::from_directory(root, "Dockerfile.prod"),
            Err(Error::DockerfileMissing { .. })
        ));
    }

    #[test]
    fn a_malformed_ignore_file_says_where() {
        let entries = [file("Dockerfile", ""), file(".dockerignore", "ok\n[")];
        let error = Context::from_entries(entries, "Dockerfile").unwrap_err();
        assert!(
            error.to_string().starts_with(".dockerignore:2: "),
            "{error}"
        );
    }
}
