//! What is read of a repository in this process, with gix, instead of by a git process.
//!
//! A hook must not be felt, and the start of each git process is. Rules: the answers are those of git. Whatever is not
//! plain is left to git, by an answer of none: another object format or storage of references than the usual one, a sparse
//! index, settings on git's own command line, moved files, submodules, an object that has to be fetched. Git is asked
//! then, and says what is wrong if something is. Nothing is written, and no other program is run.

mod compare;
mod fork;
mod lines;
mod objects;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use beanpole_model::Environment;
use camino::{Utf8Path, Utf8PathBuf};
use gix::bstr::ByteSlice as _;

use crate::commit::CommitId;
use crate::git::REDIRECTING;
use crate::head::HeadState;
use crate::selection::Listing;
pub(crate) use objects::Content;
use objects::Known;

/// The variables that git sets for a hook, and that are followed here. With any other of those that redirect it, git is asked.
const FOLLOWED: [&str; 3] = ["GIT_DIR", "GIT_INDEX_FILE", "GIT_PREFIX"];

/// What may stand in the section `extensions` of a repository's settings (git-config(1)). Any other extension means that a
/// program which does not know it must not read the repository.
const EXTENSIONS: [&str; 5] = [
    "noop",
    "partialclone",
    "preciousobjects",
    "relativeworktrees",
    "worktreeconfig",
];

/// The largest object that is read here, in bytes: git streams larger ones, in a process of its own.
const MOST_MEMORY: u64 = 64 * 1024 * 1024;

/// A repository that is read in this process. It is opened when something is asked for, and once.
#[derive(Clone)]
pub(crate) struct Direct(Arc<Place>);

struct Place {
    start: Utf8PathBuf,
    environment: Followed,
    opened: OnceLock<Option<gix::ThreadSafeRepository>>,
    known: Mutex<Known>,
}

/// What git has set for a hook.
struct Followed {
    git_directory: Option<Utf8PathBuf>,
    index: Option<Utf8PathBuf>,
}

impl std::fmt::Debug for Direct {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Direct")
            .field("start", &self.0.start)
            .finish_non_exhaustive()
    }
}

impl Direct {
    /// The repository that the directory `start` is in, for a program with this environment. None if git has to be asked for
    /// everything.
    pub(crate) fn new(start: &Utf8Path, environment: &Environment) -> Option<Self> {
        let is_redirected = REDIRECTING
            .iter()
            .any(|name| !FOLLOWED.contains(name) && environment.get(name).is_some());
        if is_redirected || !start.is_absolute() {
            return None;
        }
        let path = |name| Some(start.join(environment.get(name)?));
        let environment = Followed {
            git_directory: path("GIT_DIR"),
            index: path("GIT_INDEX_FILE"),
        };
        Some(Self(Arc::new(Place {
            start: start.to_owned(),
            environment,
            opened: OnceLock::new(),
            known: Mutex::default(),
        })))
    }

    /// The absolute path of the checked-out files, without symbolic links.
    pub(crate) fn root(&self) -> Option<Utf8PathBuf> {
        let repository = self.opened()?;
        let root = repository.work_tree.as_deref()?;
        Utf8Path::from_path(root)?.canonicalize_utf8().ok()
    }

    /// As [`crate::Repository::head_state`].
    pub(crate) fn head_state(&self) -> Option<HeadState> {
        let repository = self.repository()?;
        let head = repository.head().ok()?;
        let branch = match head.referent_name() {
            Some(name) => name.as_bstr().strip_prefix(b"refs/heads/"),
            None => None,
        };
        let branch = branch.map(|name| name.to_str().map(str::to_owned));
        let commit = if head.is_unborn() {
            None
        } else {
            let id = repository.head_commit().ok()?.id.to_string();
            Some(CommitId::new(id).ok()?)
        };
        let git_directory = canonical(repository.git_dir())?;
        Some(HeadState::new(
            commit,
            branch.transpose().ok()?,
            repository.is_shallow().ok()?,
            git_directory,
        ))
    }

    /// The values of settings, in the order of the names; none for one that is not set.
    pub(crate) fn settings(&self, names: &[&str]) -> Option<Vec<Option<String>>> {
        let repository = self.repository()?;
        let settings = repository.config_snapshot();
        names
            .iter()
            .map(|name| match settings.string(*name) {
                None => Some(None),
                Some(value) => value.to_str().ok().map(|value| Some(value.to_owned())),
            })
            .collect()
    }

    /// All paths of the index.
    pub(crate) fn index_listing(&self) -> Option<Listing> {
        compare::index_listing(&*self.index(&self.repository()?)?)
    }

    /// All paths of a commit. Mostly it is the one that is checked out; then the index has them, and no tree is read.
    pub(crate) fn commit_listing(&self, commit: &CommitId) -> Option<Listing> {
        let repository = self.repository()?;
        let tree = tree_of(&repository, commit.as_str())?;
        match self.index(&repository) {
            Some(index) if compare::index(&index).id() == Some(tree) => {
                compare::index_listing(&index)
            }
            _ => compare::tree_listing(&repository, tree),
        }
    }

    fn index(&self, repository: &gix::Repository) -> Option<gix::worktree::Index> {
        let index = repository.try_index().ok()??;
        (!index.is_sparse()).then_some(index)
    }

    fn repository(&self) -> Option<gix::Repository> {
        Some(self.opened()?.to_thread_local())
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn opened(&self) -> Option<&gix::ThreadSafeRepository> {
        self.0.opened.get_or_init(|| open(&self.0)).as_ref()
    }
}

/// Opens a plain repository.
fn open(place: &Place) -> Option<gix::ThreadSafeRepository> {
    let options = gix::open::Options::default()
        .bail_if_untrusted(true)
        .config_overrides([
            format!("gitoxide.objects.allocLimit={MOST_MEMORY}"),
            // Git does not look at the index's checksum either, but in fsck (git's read-cache.c, `verify_index_checksum`).
            "index.skipHash=true".to_owned(),
        ]);
    let trust = gix::sec::trust::Mapping {
        full: options.clone(),
        reduced: options,
    };
    let shared = gix::ThreadSafeRepository::discover_opts(
        &place.start,
        gix::discover::upwards::Options::default(),
        trust,
    )
    .ok()?;
    let repository = shared.to_thread_local();
    let is_ours = repository.git_dir_trust() == gix::sec::Trust::Full;
    let follows = |told: &Option<Utf8PathBuf>, found: &Path| {
        told.as_ref()
            .is_none_or(|told| canonical(told.as_std_path()) == canonical(found))
    };
    let is_plain = is_ours
        && repository.workdir().is_some()
        && repository.object_hash() == gix::hash::Kind::Sha1
        && has_known_extensions(&repository)
        && follows(&place.environment.git_directory, repository.git_dir())
        && follows(&place.environment.index, &repository.index_path());
    is_plain.then_some(shared)
}

fn has_known_extensions(repository: &gix::Repository) -> bool {
    let settings = repository.config_snapshot();
    let Some(mut sections) = settings.plumbing().sections_by_name("extensions") else {
        return true;
    };
    sections.all(|section| {
        section
            .body()
            .value_names()
            .all(|name| EXTENSIONS.contains(&name.to_ascii_lowercase().as_str()))
    })
}

/// The tree of a commit or tree.
fn tree_of(repository: &gix::Repository, id: &str) -> Option<gix::ObjectId> {
    let id = gix::ObjectId::from_hex(id.as_bytes()).ok()?;
    let tree = repository.find_object(id).ok()?.peel_to_tree().ok()?;
    Some(tree.id)
}

/// A path without symbolic links, as git names it.
fn canonical(path: &Path) -> Option<Utf8PathBuf> {
    Utf8Path::from_path(path)?.canonicalize_utf8().ok()
}
