//! A repository with its files checked out.

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};

use crate::blobs::BlobReader;
use crate::commit::{COMMIT_FORMAT, Commit, CommitId, parse_commits};
use crate::direct::Direct;
use crate::entry::{ListingError, TreeEntry, parse_listing};
use crate::error::Error;
use crate::git::{Git, failed, shown};
use crate::status::{Change, parse_status};

/// A repository with its files checked out. Cheap to clone; holds no process and no lock.
#[derive(Clone, Debug)]
pub struct Repository {
    git: Git,
    root: Utf8PathBuf,
    /// The same, as far as it is read in this process.
    direct: Option<Direct>,
}

impl Repository {
    /// Finds the repository that the directory `start` is in, with the `git` on the `PATH`. Use
    /// [`Git`] for anything else.
    ///
    /// # Errors
    /// [`Error::GitMissing`], [`Error::NoDirectory`], [`Error::NotARepository`],
    /// [`Error::NoWorkTree`], [`Error::OtherOwner`], or what else went wrong with git.
    pub fn discover(start: &Utf8Path) -> Result<Self, Error> {
        Self::discover_with(Git::default(), start)
    }

    pub(crate) fn discover_with(git: Git, start: &Utf8Path) -> Result<Self, Error> {
        if !start.is_dir() {
            return Err(Error::NoDirectory {
                path: start.to_owned(),
            });
        }
        let arguments = ["rev-parse", "--is-inside-work-tree", "--show-toplevel"];
        let output = git.run(start, &arguments)?;
        let answer =
            String::from_utf8(output.stdout.clone()).map_err(|error| Error::NameNotText {
                shown: String::from_utf8_lossy(error.as_bytes()).trim().to_owned(),
            })?;
        if answer.starts_with("false") {
            return Err(Error::NoWorkTree {
                start: start.to_owned(),
            });
        }
        if !output.status.success() {
            // Git's status is 128 for everything, and its prose is not for us: look ourselves.
            return Err(match untrusted_or_missing(start) {
                Some(error) => error,
                None => failed(&arguments, &output),
            });
        }
        // The path may hold line breaks; one ends the answer.
        match answer.split_once('\n') {
            Some(("true", path)) => {
                let root = path.strip_suffix('\n').unwrap_or(path);
                Ok(Self::at(git, root.into()))
            }
            _ => Err(Error::Unexpected {
                command: shown(&arguments),
                detail: format!("`{}`", answer.trim()),
            }),
        }
    }

    /// Opens a repository by its `.git` directory, or a bare one: for hooks on the server's side. Only what needs
    /// no checked-out files works there; [`Repository::root`] is the git directory.
    ///
    /// # Errors
    /// [`Error::NoDirectory`], [`Error::NotARepository`], [`Error::OtherOwner`], or what else went wrong with
    /// git.
    pub(crate) fn open_bare_with(git: Git, start: &Utf8Path) -> Result<Self, Error> {
        if !start.is_dir() {
            return Err(Error::NoDirectory {
                path: start.to_owned(),
            });
        }
        let arguments = ["rev-parse", "--absolute-git-dir"];
        let output = git.run(start, &arguments)?;
        if !output.status.success() {
            return Err(match untrusted_or_missing(start) {
                Some(error) => error,
                None => failed(&arguments, &output),
            });
        }
        let root = String::from_utf8(output.stdout).map_err(|error| Error::NameNotText {
            shown: String::from_utf8_lossy(error.as_bytes()).trim().to_owned(),
        })?;
        let root = root.strip_suffix('\n').unwrap_or(&root);
        Ok(Self::at(git, root.into()))
    }

    /// The repository with that root.
    pub(crate) fn at(git: Git, root: &Utf8Path) -> Self {
        Self {
            git,
            root: root.to_owned(),
            direct: None,
        }
    }

    /// The same repository, with what can be read in this process read so.
    pub(crate) fn reads(self, direct: Direct) -> Self {
        Self {
            direct: Some(direct),
            ..self
        }
    }

    /// The way past git, if there is one.
    pub(crate) const fn direct(&self) -> Option<&Direct> {
        self.direct.as_ref()
    }

    /// The absolute path of the checked-out files, without symbolic links.
    #[must_use]
    pub fn root(&self) -> &Utf8Path {
        &self.root
    }

    pub(crate) fn git(&self) -> &Git {
        &self.git
    }

    /// The same repository, with git run in another way.
    pub(crate) fn with_git(&self, git: Git) -> Self {
        Self::at(git, &self.root)
    }

    /// The commit that is checked out.
    ///
    /// # Errors
    /// [`Error::UnbornBranch`] if there is none yet, or what went wrong with git.
    pub fn head(&self) -> Result<Commit, Error> {
        let id = self.resolve("HEAD")?.ok_or_else(|| Error::UnbornBranch {
            root: self.root.clone(),
        })?;
        self.commit(&id)
    }

    /// The id of the commit that a name stands for (`main`, `v1.2`, an abbreviated id), or `None` if
    /// there is no such commit.
    ///
    /// # Errors
    /// What went wrong with git.
    pub fn resolve(&self, name: &str) -> Result<Option<CommitId>, Error> {
        let expression = format!("{name}^{{commit}}");
        let arguments = [
            "rev-parse",
            "--verify",
            "--quiet",
            "--end-of-options",
            expression.as_str(),
        ];
        let output = self.git.run(&self.root, &arguments)?;
        match output.status.code() {
            Some(0) => {
                let id = String::from_utf8_lossy(&output.stdout);
                CommitId::new(id.trim())
                    .map(Some)
                    .map_err(|error| Error::Unexpected {
                        command: shown(&arguments),
                        detail: error.to_string(),
                    })
            }
            Some(1) => Ok(None),
            _ => Err(failed(&arguments, &output)),
        }
    }

    /// One commit by its id.
    ///
    /// # Errors
    /// [`Error::ObjectMissing`] if the repository does not have it, or what went wrong with git.
    pub fn commit(&self, id: &CommitId) -> Result<Commit, Error> {
        let found = self.list_commits(&["--max-count=1", id.as_str()], &[id])?;
        found
            .into_iter()
            .next()
            .ok_or_else(|| self.missing(id.as_str()))
    }

    /// The branch that is checked out, or `None` if the commit is checked out by itself ("detached"),
    /// as in most CI runs.
    ///
    /// # Errors
    /// What went wrong with git.
    pub fn branch(&self) -> Result<Option<String>, Error> {
        let arguments = ["symbolic-ref", "--quiet", "--short", "HEAD"];
        let output = self.git.run(&self.root, &arguments)?;
        match output.status.code() {
            Some(0) => Ok(Some(
                String::from_utf8_lossy(&output.stdout)
                    .trim_end()
                    .to_owned(),
            )),
            Some(1) => Ok(None),
            _ => Err(failed(&arguments, &output)),
        }
    }

    /// A commit in relation to the nearest tag: `v1.4-3-g0123456789ab`, or `0123456789ab` if there
    /// is no tag before it.
    ///
    /// # Errors
    /// [`Error::ObjectMissing`], or what went wrong with git.
    pub fn describe(&self, commit: &CommitId) -> Result<String, Error> {
        let arguments = [
            "describe",
            "--tags",
            "--always",
            "--abbrev=12",
            commit.as_str(),
        ];
        let output = self.git.run(&self.root, &arguments)?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout)
                .trim_end()
                .to_owned())
        } else {
            self.present(&[commit])?;
            Err(failed(&arguments, &output))
        }
    }

    /// True if the repository has only the newest part of its history.
    ///
    /// # Errors
    /// What went wrong with git.
    pub fn is_shallow(&self) -> Result<bool, Error> {
        let answer = self
            .git
            .read(&self.root, &["rev-parse", "--is-shallow-repository"])?;
        Ok(answer.starts_with(b"true"))
    }

    /// What is different on disk from the last commit, under a directory: staged, unstaged and
    /// untracked paths, sorted. Ignored files are not listed. `under` is absolute, or relative to the
    /// root; `""` is the whole repository.
    ///
    /// # Errors
    /// [`Error::OutsideRepository`], or what went wrong with git.
    pub fn status(&self, under: &Utf8Path) -> Result<Vec<Change>, Error> {
        let under = self.relative(under)?;
        let pathspec = if under.as_str().is_empty() {
            "."
        } else {
            under.as_str()
        };
        let arguments = [
            "status",
            "--porcelain=v2",
            "-z",
            "--untracked-files=all",
            "--ignore-submodules=none",
            "--no-renames",
            "--",
            pathspec,
        ];
        let output = self.git.read(&self.root, &arguments)?;
        let mut changes = parse_status(&output).map_err(|detail| Error::Unexpected {
            command: shown(&arguments),
            detail,
        })?;
        for change in &mut changes {
            if let Ok(path) = change.path.strip_prefix(&under) {
                change.path = path.to_owned();
            }
        }
        changes.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(changes)
    }

    /// The files of a commit under a directory, sorted by path. Directories are not listed.
    /// `under` is absolute, or relative to the root; `""` is the whole commit.
    ///
    /// # Errors
    /// [`Error::ObjectMissing`], [`Error::PathMissing`], [`Error::NameNotText`],
    /// [`Error::OutsideRepository`], or what went wrong with git.
    pub fn files(&self, commit: &CommitId, under: &Utf8Path) -> Result<Vec<TreeEntry>, Error> {
        let under = self.relative(under)?;
        let tree = format!("{commit}:{under}");
        let arguments = ["ls-tree", "-r", "-z", "-l", "--full-tree", tree.as_str()];
        let output = self.git.run(&self.root, &arguments)?;
        if !output.status.success() {
            self.present(&[commit])?;
            let exists = ["cat-file", "-e", tree.as_str()];
            if !self.git.run(&self.root, &exists)?.status.success() {
                return Err(Error::PathMissing {
                    commit: commit.short().to_owned(),
                    path: under,
                });
            }
            return Err(failed(&arguments, &output));
        }
        let mut entries = parse_listing(&output.stdout).map_err(|error| match error {
            ListingError::NameNotText(shown) => Error::NameNotText { shown },
            ListingError::Unexpected(detail) => Error::Unexpected {
                command: shown(&arguments),
                detail,
            },
        })?;
        entries.sort_by(|one, other| one.path.as_str().cmp(other.path.as_str()));
        Ok(entries)
    }

    /// A reader for the contents of blobs, one git process for all of them.
    ///
    /// # Errors
    /// What went wrong with git.
    pub fn read_blobs(&self) -> Result<BlobReader, Error> {
        Ok(BlobReader::new(self.clone()))
    }

    /// The commits that `to` has and `from` does not, newest first; all of `to`'s if `from` is not
    /// given.
    ///
    /// # Errors
    /// [`Error::ObjectMissing`] if either is not there, as in a shallow clone, or what went wrong with
    /// git.
    pub fn log(&self, from: Option<&CommitId>, to: &CommitId) -> Result<Vec<Commit>, Error> {
        match from {
            None => self.list_commits(&[to.as_str()], &[to]),
            Some(from) => {
                let without = format!("^{from}");
                self.list_commits(&[to.as_str(), without.as_str()], &[to, from])
            }
        }
    }

    /// True if a blob's content is a Git LFS pointer; see [`crate::is_lfs_pointer`].
    #[must_use]
    pub fn is_lfs_pointer(content: &[u8]) -> bool {
        crate::lfs::is_lfs_pointer(content)
    }

    /// Lists commits; if that fails, says which of the commits that it `needs` is missing.
    fn list_commits(&self, what: &[&str], needs: &[&CommitId]) -> Result<Vec<Commit>, Error> {
        let mut arguments = vec!["rev-list", "--encoding=UTF-8", COMMIT_FORMAT];
        arguments.extend(what);
        arguments.push("--");
        let output = self.git.run(&self.root, &arguments)?;
        if !output.status.success() {
            self.present(needs)?;
            return Err(failed(&arguments, &output));
        }
        parse_commits(&output.stdout).map_err(|detail| Error::Unexpected {
            command: shown(&arguments),
            detail,
        })
    }

    /// An error for the first of the commits that the repository does not have.
    pub(crate) fn present(&self, commits: &[&CommitId]) -> Result<(), Error> {
        for commit in commits {
            let arguments = ["cat-file", "-e", commit.as_str()];
            if !self.git.run(&self.root, &arguments)?.status.success() {
                return Err(self.missing(commit.as_str()));
            }
        }
        Ok(())
    }

    pub(crate) fn missing(&self, object: &str) -> Error {
        Error::ObjectMissing {
            root: self.root.clone(),
            object: object.to_owned(),
            shallow: self.is_shallow().unwrap_or(false),
        }
    }

    /// A path as it is named inside the repository, without `.` and `..`.
    pub(crate) fn relative(&self, path: &Utf8Path) -> Result<Utf8PathBuf, Error> {
        let outside = || Error::OutsideRepository {
            path: path.to_owned(),
            root: self.root.clone(),
        };
        let inside = if path.is_absolute() {
            match path.strip_prefix(&self.root) {
                Ok(inside) => inside.to_owned(),
                // The root has no symbolic links; the path may.
                Err(_) => path
                    .canonicalize_utf8()
                    .ok()
                    .and_then(|path| path.strip_prefix(&self.root).map(Utf8Path::to_owned).ok())
                    .ok_or_else(outside)?,
            }
        } else {
            path.to_owned()
        };
        let mut clean = Utf8PathBuf::new();
        for component in inside.components() {
            match component {
                Utf8Component::Normal(part) => clean.push(part),
                Utf8Component::CurDir => {}
                Utf8Component::ParentDir => {
                    if !clean.pop() {
                        return Err(outside());
                    }
                }
                Utf8Component::Prefix(_) | Utf8Component::RootDir => return Err(outside()),
            }
        }
        Ok(clean)
    }
}

/// Why git found no repository: there is none, or it belongs to someone else.
fn untrusted_or_missing(start: &Utf8Path) -> Option<Error> {
    let start = start
        .canonicalize_utf8()
        .unwrap_or_else(|_| start.to_owned());
    let Some(root) = start
        .ancestors()
        .find(|directory| directory.join(".git").symlink_metadata().is_ok())
    else {
        return Some(Error::NotARepository { start });
    };
    other_owner(root, own_user()).map(|owner| Error::OtherOwner {
        root: root.to_owned(),
        owner,
    })
}

/// The user that this program runs as, if the system tells: the owner of its own `/proc/self`.
#[cfg(unix)]
fn own_user() -> Option<u32> {
    use std::os::unix::fs::MetadataExt as _;

    Utf8Path::new("/proc/self")
        .metadata()
        .ok()
        .map(|metadata| metadata.uid())
}

/// The owner of a repository, if it is not `own`. Where `own` is not known, nothing is claimed.
#[cfg(unix)]
fn other_owner(root: &Utf8Path, own: Option<u32>) -> Option<u32> {
    use std::os::unix::fs::MetadataExt as _;

    let own = own?;
    [root.to_owned(), root.join(".git")]
        .into_iter()
        .filter_map(|path| path.symlink_metadata().ok())
        .map(|metadata| metadata.uid())
        .find(|owner| *owner != own)
}

/// Other systems have no such check.
#[cfg(not(unix))]
fn own_user() -> Option<u32> {
    None
}

/// Other systems have no such check.
#[cfg(not(unix))]
fn other_owner(_root: &Utf8Path, _own: Option<u32>) -> Option<u32> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn the_owner_is_compared_with_the_user() {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        let own = own_user().unwrap();
        assert_eq!(other_owner(root, Some(own)), None);
        assert_eq!(other_owner(root, Some(own + 1)), Some(own));
        assert_eq!(other_owner(root, None), None);
    }

    #[test]
    fn paths_are_cleaned_and_kept_inside() {
        let repository = Repository::at(Git::default(), "/a/b".into());
        let clean = |path: &str| repository.relative(Utf8Path::new(path));
        assert_eq!(clean("./c/../d/").unwrap(), "d");
        assert_eq!(clean("/a/b/c").unwrap(), "c");
        assert_eq!(clean("").unwrap(), "");
        for outside in ["..", "c/../../d", "/a/bc", "/"] {
            assert!(
                matches!(clean(outside), Err(Error::OutsideRepository { .. })),
                "{outside}"
            );
        }
    }
}
