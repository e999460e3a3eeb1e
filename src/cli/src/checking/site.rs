//! Where the project is: its repository, its directory there, and what its manifest says about checks.

use std::collections::{BTreeSet, HashMap};

use beanpole_git::{CommitId, Git, Repository, Selection};
use beanpole_manifest::{Checks, FILE_NAME, Manifest};
use beanpole_model::Report;
use camino::{Utf8Path, Utf8PathBuf};

use crate::context::Context;
use crate::failure::Failure;

/// A project that is checked.
pub(crate) struct Site {
    pub(crate) repository: Repository,
    /// The project's directory, from the root of the repository. Empty: the root itself.
    pub(crate) under: Utf8PathBuf,
    /// What the manifest says; without a manifest, the defaults.
    pub(crate) checks: Checks,
    /// The manifest as findings name it.
    pub(crate) manifest: String,
    files: Files,
}

/// Where files that the settings name are read.
enum Files {
    /// From the project's directory.
    Disk(Utf8PathBuf),
    /// From a commit: the blobs by path.
    Commit(HashMap<String, String>),
}

impl Site {
    /// The project that the working directory is in. The variables that git sets for a hook are heard, so that inside of
    /// one the index is the one that git commits.
    ///
    /// # Errors
    /// No repository, or a manifest with an error in it.
    pub(crate) fn of_work_tree(context: &Context) -> Result<Self, Report> {
        let git = Git::default().in_hook();
        let repository = git.discover_to_read(&context.directory, &context.environment)?;
        Self::in_work_tree(context, repository)
    }

    /// The same in a hook that may need nothing of git: its working directory is the root.
    ///
    /// # Errors
    /// As [`Self::of_work_tree`].
    pub(crate) fn of_hook(context: &Context) -> Result<Self, Report> {
        let git = Git::default().in_hook();
        let repository = git.discover_in_hook(&context.directory, &context.environment)?;
        Self::in_work_tree(context, repository)
    }

    fn in_work_tree(context: &Context, repository: Repository) -> Result<Self, Report> {
        let manifest = match &context.global.manifest {
            Some(path) => Some(context.directory.join(path)),
            None => nearest_manifest(context, repository.root()),
        };
        let root = repository.root().to_owned();
        let Some(path) = manifest else {
            return Ok(Self {
                repository,
                under: Utf8PathBuf::new(),
                checks: Checks::default(),
                manifest: FILE_NAME.to_owned(),
                files: Files::Disk(root),
            });
        };
        let checks = checks(&Manifest::load(&path)?, context)?;
        let directory = path.parent().map_or(root.clone(), canonical);
        // A manifest may be kept elsewhere; then it is about the whole repository.
        let under = directory.strip_prefix(&root).unwrap_or(Utf8Path::new(""));
        Ok(Self {
            under: under.to_owned(),
            checks,
            manifest: path.file_name().unwrap_or(FILE_NAME).to_owned(),
            files: Files::Disk(directory.clone()),
            repository,
        })
    }

    /// The project as a commit has it, in a repository without checked-out files. The manifest is the commit's own, unless
    /// another one is named.
    ///
    /// # Errors
    /// As [`Self::of_work_tree`].
    pub(crate) fn of_commit(
        context: &Context,
        repository: Repository,
        commit: &CommitId,
    ) -> Result<Self, Report> {
        let selected = repository.select(&Selection::Commit(commit.to_string()), "".into())?;
        let files: HashMap<String, String> = selected
            .entries
            .into_iter()
            .map(|entry| (entry.path, entry.object))
            .collect();
        let checks = match (&context.global.manifest, files.get(FILE_NAME)) {
            (Some(path), _) => checks(&Manifest::load(&context.directory.join(path))?, context)?,
            (None, Some(object)) => {
                let bytes = repository.read_blobs()?.read(object)?;
                let text = String::from_utf8_lossy(&bytes);
                checks(&Manifest::parse(FILE_NAME.into(), &text)?, context)?
            }
            (None, None) => Checks::default(),
        };
        Ok(Self {
            repository,
            under: Utf8PathBuf::new(),
            checks,
            manifest: FILE_NAME.to_owned(),
            files: Files::Commit(files),
        })
    }

    /// The project's directory on disk, where the paths of findings begin.
    pub(crate) fn directory(&self) -> Utf8PathBuf {
        if self.under.as_str().is_empty() {
            self.repository.root().to_owned()
        } else {
            self.repository.root().join(&self.under)
        }
    }

    /// Where a file of the project is on disk, for one that is to be written.
    pub(crate) fn on_disk(&self, path: &str) -> Utf8PathBuf {
        match &self.files {
            Files::Disk(directory) => directory.join(path),
            Files::Commit(_) => Utf8PathBuf::from(path),
        }
    }

    /// Of these paths of the project, those that git writes to disk with the line ends of Windows.
    ///
    /// # Errors
    /// What went wrong with git.
    pub(crate) fn crlf_paths<'a>(
        &self,
        paths: impl Iterator<Item = &'a str>,
    ) -> Result<BTreeSet<String>, Report> {
        let paths: Vec<String> = paths.map(|path| self.under.join(path).into()).collect();
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        let found = self.repository.crlf_paths(&paths)?.into_iter();
        let inside = |path: String| {
            let path = Utf8Path::new(&path).strip_prefix(&self.under).ok()?;
            Some(path.to_string())
        };
        Ok(found.filter_map(inside).collect())
    }

    /// The content of a file of the project that the settings name; none if it is not there.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub(crate) fn read(&self, path: &str) -> Result<Option<Vec<u8>>, Report> {
        match &self.files {
            Files::Disk(directory) => read(&directory.join(path)),
            Files::Commit(files) => match files.get(path) {
                Some(object) => Ok(Some(self.repository.read_blobs()?.read(object)?)),
                None => Ok(None),
            },
        }
    }
}

/// The content of a file; none if it is not there.
pub(crate) fn read(path: &Utf8Path) -> Result<Option<Vec<u8>>, Report> {
    match fs_err::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Failure::Read {
            path: path.to_owned(),
            source,
        }
        .into()),
    }
}

/// The nearest manifest, as far up as the repository goes.
fn nearest_manifest(context: &Context, root: &Utf8Path) -> Option<Utf8PathBuf> {
    let start = canonical(&context.directory);
    beanpole_manifest::find(&start).filter(|path| path.starts_with(root))
}

/// The path without symbolic links, as git names its root.
fn canonical(path: &Utf8Path) -> Utf8PathBuf {
    path.canonicalize_utf8().unwrap_or_else(|_| path.to_owned())
}

/// The checks of the chosen environment. A hook has nobody to choose one: without a default, the first one counts.
fn checks(manifest: &Manifest, context: &Context) -> Result<Checks, Report> {
    use beanpole_manifest::Error::NoEnvironmentChosen;

    let chosen = context.global.env.as_deref();
    let project = match manifest.environment(chosen) {
        Err(NoEnvironmentChosen { .. }) => {
            manifest.environment(manifest.environment_names().first().copied())
        }
        other => other,
    };
    Ok(project?.checks)
}
