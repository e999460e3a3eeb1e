//! Builds the image on this machine before anything is sent: what does not build here will not
//! build on the instances.
//!
//! Rules: the context is the bundle's own content (in the image form, the commit's), not the working
//! tree, so that what is built is what ships. Build arguments come from the manifest and are no secrets.

use beanpole_git::{Mode, Repository};
use beanpole_image::{BuildRequest, BuiltImage, Context, Engine, Entry, EntryKind};
use beanpole_manifest::Project;
use beanpole_model::{Reporter, Secret};
use tokio_util::sync::CancellationToken;

use crate::bundle::{content, permissions};
use crate::check::Candidate;
use crate::error::Error;
use crate::layout::Layout;
use crate::preflight::join;
use crate::step::StepId;

/// Marks images that beanpole built, with the application's name.
const APPLICATION_LABEL: &str = "io.beanpole.application";

/// Marks images with the commit that they were built from.
const COMMIT_LABEL: &str = "io.beanpole.commit";

/// Builds the image of a checked commit and tags it `<application>:<short commit>`. Progress goes to
/// the step `build-image`; the caller starts and ends that step.
///
/// # Errors
/// [`Error::Image`], [`Error::Git`], [`Error::Interrupted`].
pub async fn build_image(
    candidate: &Candidate,
    engine: &Engine,
    reporter: &dyn Reporter,
    cancel: &CancellationToken,
) -> Result<BuiltImage, Error> {
    let context = {
        let candidate = candidate.clone();
        tokio::task::spawn_blocking(move || {
            context(
                &candidate.project,
                candidate.build_context(),
                &candidate.repository,
            )
        })
        .await
        .map_err(|source| Error::Worker {
            doing: "reading the commit",
            source,
        })??
    };
    let project = &candidate.project;
    let image = &project.image;
    let request = BuildRequest {
        target: image.target.clone(),
        args: image
            .args
            .iter()
            .map(|(name, value)| (name.clone(), Secret::new(value.clone())))
            .collect(),
        tags: vec![candidate.image_tag()],
        labels: [
            (APPLICATION_LABEL, project.application.as_str()),
            (COMMIT_LABEL, candidate.commit.id.as_str()),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into(),
        platform: image.platforms.first().cloned(),
        step: StepId::BuildImage.id().to_owned(),
        ..BuildRequest::new(context, join("", &image.dockerfile))
    };
    match engine.build(&request, reporter, cancel).await {
        Err(beanpole_image::Error::Cancelled { .. }) => Err(Error::Interrupted),
        built => built.map_err(Error::Image),
    }
}

/// The part of the bundle that is the build context.
fn context(project: &Project, layout: &Layout, repository: &Repository) -> Result<Context, Error> {
    let mut blobs = repository.read_blobs().map_err(Error::Git)?;
    let root = join(&project.image.context, "");
    let mut entries = Vec::new();
    for entry in layout.entries() {
        let Some(path) = below(&root, &entry.path) else {
            continue;
        };
        let bytes = content(entry, &mut blobs)?;
        let kind = if entry.mode == Mode::Symlink {
            EntryKind::Symlink(String::from_utf8_lossy(&bytes).into_owned())
        } else {
            EntryKind::File(bytes.into())
        };
        entries.push(Entry {
            path: path.to_owned(),
            mode: permissions(entry.mode),
            kind,
        });
    }
    Context::from_entries(entries, &join("", &project.image.dockerfile)).map_err(Error::Image)
}

/// `path` relative to the directory `root`, if it is in there.
fn below<'a>(root: &str, path: &'a str) -> Option<&'a str> {
    if root.is_empty() {
        return Some(path);
    }
    path.strip_prefix(root)?.strip_prefix('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_in_a_subdirectory_sees_only_what_is_in_it() {
        assert_eq!(below("", "a/b"), Some("a/b"));
        assert_eq!(below("app", "app/Dockerfile"), Some("Dockerfile"));
        assert_eq!(below("app", "apple/Dockerfile"), None);
        assert_eq!(below("app", "app"), None);
    }
}
