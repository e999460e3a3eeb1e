//! The files on disk that fixes change: all of them, or none.
//!
//! Rules: a file that is not as it was judged is somebody's work, and stops everything before the first byte is written. New
//! contents are written beside their places, and moved there when all of them are complete.

use std::collections::BTreeSet;
use std::fs::Permissions;
use std::io::{ErrorKind, Write as _};

use beanpole_checks::fix::{FileChange, FileState};
use camino::{Utf8Path, Utf8PathBuf};
use tempfile::NamedTempFile;

use crate::failure::Failure;

/// The project's files on disk.
pub(crate) struct Disk {
    /// The project's directory.
    pub(crate) directory: Utf8PathBuf,
    /// Whether git looks at the execute bit of files on disk.
    pub(crate) keeps_execute_bit: bool,
    /// Paths whose line ends git makes those of Windows when it writes them to disk.
    pub(crate) crlf: BTreeSet<String>,
}

/// A file to be changed, as it is.
struct Place<'a> {
    path: Utf8PathBuf,
    change: &'a FileChange,
    permissions: Option<Permissions>,
}

impl Disk {
    /// Carries changes out. What is on disk already, as by an earlier run, is left.
    ///
    /// # Errors
    /// A file is neither as it was judged nor as it is to be, or could not be written; then all files are as before.
    pub(crate) fn write(&self, changes: &[FileChange]) -> Result<(), Failure> {
        let changes = self.with_own_line_ends(changes);
        // Git no longer says how a file that an earlier run has moved away was written.
        let is_done = |change: &&FileChange| {
            let state = change.after.as_ref();
            self.is(&change.path, state) || self.is(&change.path, state.map(own).as_ref())
        };
        if changes.iter().all(|change| is_done(&change)) {
            return Ok(());
        }
        // That a file is gone says nothing about who removed it.
        let left = |change: &&FileChange| change.after.is_none() || !is_done(change);
        let changes: Vec<&FileChange> = changes.iter().filter(left).collect();
        let differs = |change: &&&FileChange| !self.is(&change.path, change.before.as_ref());
        if let Some(change) = changes.iter().find(differs) {
            return Err(Failure::NotAsJudged {
                path: change.path.clone().into(),
            });
        }
        let places: Vec<Place<'_>> = changes
            .into_iter()
            .map(|change| self.place(change))
            .collect();
        put_all(&places)
    }

    /// The changes as they look on disk. A new file gets the line ends of those that it goes with.
    fn with_own_line_ends(&self, changes: &[FileChange]) -> Vec<FileChange> {
        let there = || changes.iter().filter(|change| change.before.is_some());
        let is_crlf = |change: &FileChange| self.crlf.contains(&change.path);
        let all_are = there().next().is_some() && there().all(is_crlf);
        let changed = |change: &FileChange| {
            if is_crlf(change) || all_are && change.before.is_none() {
                FileChange {
                    path: change.path.clone(),
                    before: change.before.as_ref().map(own),
                    after: change.after.as_ref().map(own),
                }
            } else {
                change.clone()
            }
        };
        changes.iter().map(changed).collect()
    }

    /// Whether the path is in that state on disk.
    fn is(&self, path: &str, state: Option<&FileState>) -> bool {
        let path = self.directory.join(path);
        // A directory that is a link leads out of what git keeps.
        let parent = path.parent().unwrap_or(&self.directory);
        if parent.canonicalize_utf8().ok().as_deref() != Some(parent) {
            return false;
        }
        match (path.symlink_metadata(), state) {
            (Err(error), None) => error.kind() == ErrorKind::NotFound,
            (Ok(metadata), Some(state)) => {
                let bit = is_executable(&metadata.permissions());
                metadata.is_file()
                    && (!self.keeps_execute_bit || bit == state.is_executable)
                    && fs_err::read(&path).is_ok_and(|content| content == state.content)
            }
            (Ok(_), None) | (Err(_), Some(_)) => false,
        }
    }

    fn place<'a>(&self, change: &'a FileChange) -> Place<'a> {
        let path = self.directory.join(&change.path);
        let metadata = path.symlink_metadata();
        Place {
            permissions: metadata.ok().map(|metadata| metadata.permissions()),
            path,
            change,
        }
    }
}

/// The state with the line ends of Windows.
fn own(state: &FileState) -> FileState {
    FileState {
        content: with_crlf(&state.content),
        ..state.clone()
    }
}

/// The lines with the ends of Windows, as git writes a file that has none of them.
fn with_crlf(content: &[u8]) -> Vec<u8> {
    let mut lines = content.split(|byte| *byte == b'\n');
    let mut text = lines.next().unwrap_or_default().to_vec();
    for line in lines {
        text.extend(b"\r\n");
        text.extend(line);
    }
    text
}

/// Changes all files. After a failure those that were changed are put back.
fn put_all(places: &[Place<'_>]) -> Result<(), Failure> {
    let drafts = places.iter().map(Place::draft);
    let drafts: Vec<Option<NamedTempFile>> = drafts.collect::<Result<_, _>>()?;
    for (index, (place, draft)) in places.iter().zip(drafts).enumerate() {
        if let Err(source) = place.put(draft) {
            places.iter().take(index).for_each(Place::undo);
            return Err(place.failed(source));
        }
    }
    Ok(())
}

impl Place<'_> {
    /// The new content, beside its place. None: the file goes away.
    fn draft(&self) -> Result<Option<NamedTempFile>, Failure> {
        let Some(after) = &self.change.after else {
            return Ok(None);
        };
        let draft = draft(&self.path, after, self.permissions.as_ref());
        draft.map(Some).map_err(|source| self.failed(source))
    }

    fn put(&self, draft: Option<NamedTempFile>) -> std::io::Result<()> {
        match (draft, &self.change.before) {
            (Some(draft), Some(_)) => draft.persist(&self.path).map(drop)?,
            (Some(draft), None) => draft.persist_noclobber(&self.path).map(drop)?,
            (None, _) => fs_err::remove_file(&self.path)?,
        }
        Ok(())
    }

    /// Puts back what was there. The failure that led here is the one that is told.
    fn undo(&self) {
        let Some(before) = &self.change.before else {
            let _gone = fs_err::remove_file(&self.path);
            return;
        };
        if let Ok(draft) = draft(&self.path, before, self.permissions.as_ref()) {
            let _back = draft.persist(&self.path);
        }
    }

    fn failed(&self, source: std::io::Error) -> Failure {
        Failure::Write {
            path: self.path.clone(),
            source,
        }
    }
}

/// A file beside the path, with the permissions that the path has, and the execute bit as it is to be.
fn draft(
    path: &Utf8Path,
    state: &FileState,
    permissions: Option<&Permissions>,
) -> std::io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".beanpole-");
    let usual = usual_permissions();
    if let Some(usual) = &usual {
        // The system takes from them what the user's mask forbids.
        builder.permissions(usual.clone());
    }
    let mut draft = builder.tempfile_in(path.parent().unwrap_or(path))?;
    draft.write_all(&state.content)?;
    let found = draft.as_file().metadata()?.permissions();
    let permissions = permissions.unwrap_or(&found);
    draft
        .as_file()
        .set_permissions(with_bit(permissions, state.is_executable))?;
    draft.as_file().sync_all()?;
    Ok(draft)
}

#[cfg(unix)]
fn usual_permissions() -> Option<Permissions> {
    use std::os::unix::fs::PermissionsExt as _;

    Some(Permissions::from_mode(0o666))
}

#[cfg(unix)]
fn is_executable(permissions: &Permissions) -> bool {
    use std::os::unix::fs::PermissionsExt as _;

    // Git asks for the owner's bit.
    permissions.mode() & 0o100 != 0
}

/// Who may read a script may start it.
#[cfg(unix)]
fn with_bit(permissions: &Permissions, is_executable: bool) -> Permissions {
    use std::os::unix::fs::PermissionsExt as _;

    let mode = permissions.mode();
    Permissions::from_mode(if is_executable {
        mode | (mode & 0o444) >> 2
    } else {
        mode & !0o111
    })
}

/// Other systems have no such bits.
#[cfg(not(unix))]
fn usual_permissions() -> Option<Permissions> {
    None
}

/// Other systems have no such bits.
#[cfg(not(unix))]
fn is_executable(_permissions: &Permissions) -> bool {
    false
}

/// Other systems have no such bits.
#[cfg(not(unix))]
fn with_bit(permissions: &Permissions, _is_executable: bool) -> Permissions {
    permissions.clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(content: &str, is_executable: bool) -> Option<FileState> {
        Some(FileState {
            content: content.into(),
            is_executable,
        })
    }

    fn change(path: &str, before: Option<FileState>, after: Option<FileState>) -> FileChange {
        FileChange {
            path: path.to_owned(),
            before,
            after,
        }
    }

    #[test]
    fn after_a_failure_in_the_middle_all_is_as_before() {
        let folder = tempfile::tempdir().unwrap();
        let directory = Utf8Path::from_path(folder.path()).unwrap();
        let disk = Disk {
            directory: directory.canonicalize_utf8().unwrap(),
            keeps_execute_bit: true,
            crlf: BTreeSet::new(),
        };
        fs_err::write(directory.join("a"), "old").unwrap();
        fs_err::write(directory.join("b"), "old").unwrap();
        let changes = [
            change("a", state("old", false), state("new", true)),
            change("b", state("old", false), None),
            change("c", None, state("new", true)),
            change("d", None, state("new", false)),
        ];
        let places: Vec<Place<'_>> = changes.iter().map(|change| disk.place(change)).collect();
        // Somebody is faster.
        fs_err::write(directory.join("d"), "theirs").unwrap();
        let failure = put_all(&places).unwrap_err();
        assert!(failure.to_string().contains("/d`"), "{failure}");
        let as_before = |change: &FileChange| disk.is(&change.path, change.before.as_ref());
        let (last, others) = changes.split_last().unwrap();
        assert!(others.iter().all(as_before));
        assert_eq!(fs_err::read(directory.join("d")).unwrap(), b"theirs");
        assert_eq!(fs_err::read_dir(directory).unwrap().count(), 3);

        fs_err::remove_file(directory.join(&last.path)).unwrap();
        disk.write(&changes).unwrap();
        let is_done = |change: &FileChange| disk.is(&change.path, change.after.as_ref());
        assert!(changes.iter().all(is_done));
        // A second time there is nothing to do.
        disk.write(&changes).unwrap();
    }
}
