//! From a directory to a candidate: what git says, gathered and judged, and the bundle laid out.
//!
//! Rules: nothing is written and nobody is called. What is found depends on the commit and the
//! manifest alone; the working tree only decides whether one may go on.

use std::collections::BTreeMap;

use beanpole_git::{BlobReader, Commit, Mode, Repository, TreeEntry, is_lfs_pointer};
use beanpole_manifest::Project;
use beanpole_model::{Finding, Severity, VersionLabel};
use camino::{Utf8Path, Utf8PathBuf};

use crate::error::Error;
use crate::label::version_label;
use crate::layout::Layout;
use crate::preflight::{self, Facts};
use crate::step::{Ended, StepId, Steps};

/// Git LFS pointers are shorter than this (Git LFS specification).
const LONGEST_POINTER: u64 = 1024;

/// Start scripts beyond this size are not looked into.
const LONGEST_SCRIPT: u64 = 1024 * 1024;

/// What to check.
#[derive(Clone, Debug)]
pub struct CheckRequest {
    /// The resolved manifest.
    pub project: Project,
    /// The project's directory: where the manifest is. Absolute.
    pub directory: Utf8PathBuf,
    /// The manifest's path.
    pub manifest: Utf8PathBuf,
    /// True to ship the commit although the working tree differs from it.
    pub allow_dirty: bool,
}

/// A commit that may be released, with everything that is decided by commit and manifest alone.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The resolved manifest.
    pub project: Project,
    /// The repository.
    pub repository: Repository,
    /// The commit.
    pub commit: Commit,
    /// The bundle before it is packed.
    pub layout: Layout,
    /// The version label.
    pub label: VersionLabel,
    /// What was found that does not stop the release.
    pub findings: Vec<Finding>,
}

impl Candidate {
    /// The name of the image that is built on this machine: `<application>:<short commit>`.
    #[must_use]
    pub fn image_tag(&self) -> String {
        let repository = crate::label::image_repository(&self.project.application);
        format!("{repository}:{}", self.commit.id.short())
    }
}

/// Checks the commit that is checked out, as the step `check`. Warnings are told to the reporter.
///
/// # Errors
/// [`Error::Git`] without a repository or a commit, [`Error::NotDeployable`] with the findings,
/// [`Error::UnsafePath`].
pub async fn check(request: CheckRequest, steps: &Steps) -> Result<Candidate, Error> {
    steps
        .run(StepId::Check, async {
            let candidate = tokio::task::spawn_blocking(move || inspect(request))
                .await
                .map_err(|source| Error::Worker {
                    doing: "checking the commit",
                    source,
                })??;
            for finding in &candidate.findings {
                steps.reporter().warn(finding.message.clone());
            }
            let message = format!(
                "`{}` {}, {} files",
                candidate.commit.id.short(),
                candidate.commit.subject,
                candidate.layout.entries().len()
            );
            Ok(Ended::done(candidate, message))
        })
        .await
}

/// The same without a step, for callers that only want to know. Blocks on git.
///
/// # Errors
/// Those of [`check`].
pub fn inspect(request: CheckRequest) -> Result<Candidate, Error> {
    let CheckRequest {
        project,
        directory,
        manifest,
        allow_dirty,
    } = request;
    let repository = Repository::discover(&directory).map_err(Error::Git)?;
    let commit = repository.head().map_err(Error::Git)?;
    let changes = repository.status(&directory).map_err(Error::Git)?;
    let entries = repository
        .files(&commit.id, &directory)
        .map_err(Error::Git)?;
    let contents = Contents::read(&project, &repository, &entries)?;
    let findings = preflight::findings(&Facts {
        project: &project,
        manifest: manifest_in(&directory, &manifest).as_str(),
        changes: &changes,
        entries: &entries,
        dockerfile: contents.dockerfile.as_deref(),
        scripts: &contents.scripts,
        lfs_pointers: &contents.lfs_pointers,
        links: &contents.links,
        allow_dirty,
    });
    if findings
        .iter()
        .any(|finding| finding.severity == Severity::Error)
    {
        return Err(Error::NotDeployable { findings });
    }
    let layout = Layout::new(&project, &entries)?;
    let label = version_label(commit.id.short(), layout.digest())
        .map_err(|source| Error::Label { source })?;
    Ok(Candidate {
        project,
        repository,
        commit,
        layout,
        label,
        findings,
    })
}

/// The manifest's path from the project's directory.
fn manifest_in(directory: &Utf8Path, manifest: &Utf8Path) -> Utf8PathBuf {
    match manifest.strip_prefix(directory) {
        Ok(path) => path.to_owned(),
        Err(_) => manifest.file_name().unwrap_or_default().into(),
    }
}

/// The few contents that the rules look into.
#[derive(Default)]
struct Contents {
    dockerfile: Option<String>,
    scripts: BTreeMap<String, Vec<u8>>,
    lfs_pointers: Vec<String>,
    links: Vec<(String, String)>,
}

impl Contents {
    fn read(
        project: &Project,
        repository: &Repository,
        entries: &[TreeEntry],
    ) -> Result<Self, Error> {
        let mut blobs = repository.read_blobs().map_err(Error::Git)?;
        let mut contents = Self::default();
        let dockerfile = preflight::dockerfile_path(project);
        if let Some(entry) = find(entries, &dockerfile) {
            let text = text(&mut blobs, entry)?;
            if let Some(path) = preflight::start_script_path(project, &text, entries)
                && let Some(script) = find(entries, &path)
                && script.size <= LONGEST_SCRIPT
            {
                contents.scripts.insert(path, read(&mut blobs, script)?);
            }
            contents.dockerfile = Some(text);
        }
        for entry in entries {
            match entry.mode {
                Mode::Symlink => {
                    let target = text(&mut blobs, entry)?;
                    contents.links.push((entry.path.to_string(), target));
                }
                Mode::File | Mode::Executable if may_be_pointer(entry) => {
                    if is_lfs_pointer(&read(&mut blobs, entry)?) {
                        contents.lfs_pointers.push(entry.path.to_string());
                    }
                }
                Mode::File | Mode::Executable | Mode::Submodule => {}
            }
        }
        Ok(contents)
    }
}

/// The shortest pointer has a version line of 42 bytes and a digest of 64 digits.
fn may_be_pointer(entry: &TreeEntry) -> bool {
    (100..LONGEST_POINTER).contains(&entry.size)
}

fn find<'a>(entries: &'a [TreeEntry], path: &str) -> Option<&'a TreeEntry> {
    entries
        .iter()
        .find(|entry| entry.path.as_str() == path && entry.mode != Mode::Submodule)
}

fn read(blobs: &mut BlobReader, entry: &TreeEntry) -> Result<Vec<u8>, Error> {
    blobs.read(&entry.object).map_err(Error::Git)
}

fn text(blobs: &mut BlobReader, entry: &TreeEntry) -> Result<String, Error> {
    Ok(String::from_utf8_lossy(&read(blobs, entry)?).into_owned())
}
