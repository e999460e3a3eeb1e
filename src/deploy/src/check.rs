//! From a directory to a candidate: what git says, gathered and judged, and the bundle laid out.
//!
//! Rules: nothing is written and nobody is called. What is found depends on the commit and the
//! manifest alone; the working tree only decides whether one may go on.

use std::collections::BTreeMap;

use beanpole_git::{BlobReader, Commit, Mode, Repository, Tree, TreeEntry, is_lfs_pointer};
use beanpole_manifest::Project;
use beanpole_model::{Finding, Severity, VersionLabel};
use camino::{Utf8Path, Utf8PathBuf};

use crate::bundle::SIZE_LIMIT;
use crate::error::Error;
use crate::form::{Form, ImageForm};
use crate::ignore_file::{IGNORE_FILE, IgnoreFile, PatternError};
use crate::label::version_label;
use crate::layout::{Content, Layout};
use crate::preflight::{self, Facts};
use crate::step::{Ended, StepId, Steps};

/// Git LFS pointers are shorter than this (Git LFS specification).
const LONGEST_POINTER: u64 = 1024;

/// Start scripts beyond this size are not looked into.
const LONGEST_SCRIPT: u64 = 1024 * 1024;

/// By which part of the limit the files must exceed it, as git has compressed them, before the bundle
/// is refused without packing it: git may be told to compress a little less than we do.
const MARGIN: u64 = 10;

/// How many files the refusal of a large bundle names.
const LARGEST_SHOWN: usize = 10;

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
    /// The project's directory: where the manifest is. Absolute.
    pub directory: Utf8PathBuf,
    /// The manifest's path from there.
    pub manifest: Utf8PathBuf,
    /// The repository.
    pub repository: Repository,
    /// The commit.
    pub commit: Commit,
    /// What the bundle holds.
    pub form: Form,
    /// The bundle before it is packed; provisional until [`Candidate::is_final`].
    pub layout: Layout,
    /// The version label; provisional like the bundle.
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
    let (changes, tree) = std::thread::scope(|scope| {
        // Both take git a while in a large repository.
        let changes = scope.spawn(|| repository.status(&directory));
        let tree = repository.tree(&commit.id, &directory);
        (changes.join(), tree)
    });
    let changes = changes
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        .map_err(Error::Git)?;
    let tree = tree.map_err(Error::Git)?;
    let committed = Committed::of(tree)?;
    let contents = Contents::read(&project, &committed.repository, &committed.shipped)?;
    let manifest = manifest_in(&directory, &manifest);
    let mut findings = preflight::findings(&Facts {
        project: &project,
        manifest: manifest.as_str(),
        changes: &changes,
        entries: &committed.shipped,
        ignored: &committed.ignored,
        ignore_file: committed.ignore_file.as_ref(),
        missing_submodules: &committed.missing_submodules,
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
    let repository = committed.repository;
    let (form, layout) = lay_out(&project, &committed.shipped)?;
    findings.extend(size_finding(&layout, &repository)?);
    let label = version_label(commit.id.short(), layout.digest())
        .map_err(|source| Error::Label { source })?;
    Ok(Candidate {
        project,
        directory,
        manifest,
        repository,
        commit,
        form,
        layout,
        label,
        findings,
    })
}

/// The bundle in the form that the manifest asks for.
fn lay_out(project: &Project, files: &[TreeEntry]) -> Result<(Form, Layout), Error> {
    let Some(repository) = &project.image.registry else {
        return Ok((Form::Source, Layout::new(project, files)?));
    };
    let sources = Layout::sources(project, files)?;
    let (form, provisional) = ImageForm::new(repository, sources);
    let layout = Layout::of_image(project, &form.sources, &provisional)?;
    Ok((Form::Image(form), layout))
}

/// Judges the bundle's size before it is packed. What git keeps compressed is compressed about as well
/// as we do it, so that a bundle which cannot become small enough is refused at once.
fn size_finding(layout: &Layout, repository: &Repository) -> Result<Option<Finding>, Error> {
    if layout.size() <= SIZE_LIMIT {
        return Ok(None);
    }
    let objects: Vec<&str> = layout
        .entries()
        .iter()
        .filter_map(|entry| match &entry.content {
            Content::Object { id, .. } => Some(id.as_str()),
            Content::Text(_) => None,
        })
        .collect();
    let stored = repository.stored_sizes(&objects).map_err(Error::Git)?;
    let largest = layout.largest(LARGEST_SHOWN);
    if is_certainly_too_large(stored) {
        return Err(Error::BundleTooLarge {
            limit: SIZE_LIMIT,
            largest,
        });
    }
    Ok(Some(preflight::large_bundle(
        layout.size(),
        SIZE_LIMIT,
        &largest,
    )))
}

fn is_certainly_too_large(stored: Vec<Option<u64>>) -> bool {
    let sum = stored
        .into_iter()
        .flatten()
        .fold(0_u64, u64::saturating_add);
    sum > SIZE_LIMIT.saturating_add(SIZE_LIMIT / MARGIN)
}

/// The commit's files, parted by the ignore file.
struct Committed {
    /// Reads the submodules' objects too.
    repository: Repository,
    shipped: Vec<TreeEntry>,
    ignored: Vec<TreeEntry>,
    /// The ignore file's fault, if it has one.
    ignore_file: Option<PatternError>,
    missing_submodules: Vec<beanpole_git::MissingSubmodule>,
}

impl Committed {
    fn of(tree: Tree) -> Result<Self, Error> {
        let (rules, fault) = match find(&tree.entries, IGNORE_FILE) {
            None => (IgnoreFile::default(), None),
            Some(entry) => {
                let mut blobs = tree.repository.read_blobs().map_err(Error::Git)?;
                match IgnoreFile::parse(&text(&mut blobs, entry)?) {
                    Ok(rules) => (rules, None),
                    Err(error) => (IgnoreFile::default(), Some(error)),
                }
            }
        };
        let mut missing_submodules = tree.missing;
        missing_submodules.retain(|missing| !rules.hides_directory(&missing.path));
        let (shipped, ignored) = rules.part(tree.entries);
        Ok(Self {
            repository: tree.repository,
            shipped,
            ignored,
            ignore_file: fault,
            missing_submodules,
        })
    }
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
        let is_link = |entry: &TreeEntry| entry.mode == Mode::Symlink;
        let asked: Vec<&TreeEntry> = entries
            .iter()
            .filter(|entry| is_link(entry) || may_be_pointer(entry))
            .collect();
        let objects: Vec<&str> = asked.iter().map(|entry| entry.object.as_str()).collect();
        let read = blobs.read_all(&objects).map_err(Error::Git)?;
        for (entry, content) in asked.into_iter().zip(read) {
            let path = entry.path.to_string();
            if is_link(entry) {
                let target = String::from_utf8_lossy(&content).into_owned();
                contents.links.push((path, target));
            } else if is_lfs_pointer(&content) {
                contents.lfs_pointers.push(path);
            }
        }
        Ok(contents)
    }
}

/// The shortest pointer has a version line of 42 bytes and a digest of 64 digits.
fn may_be_pointer(entry: &TreeEntry) -> bool {
    matches!(entry.mode, Mode::File | Mode::Executable)
        && (100..LONGEST_POINTER).contains(&entry.size)
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

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
