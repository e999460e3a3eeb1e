//! Builds the image on this machine before anything is sent: what does not build here will not
//! build on the instances.
//!
//! Rules: the context is the bundle's own content, not the working tree, so that what is built is
//! what ships. Build arguments come from the manifest and are no secrets.

use beanpole_git::{Mode, Repository};
use beanpole_image::{BuildRequest, Context, Engine, Entry, EntryKind};
use beanpole_manifest::Project;
use beanpole_model::Secret;

use crate::bundle::{content, permissions};
use crate::error::Error;
use crate::layout::Layout;
use crate::preflight::join;
use crate::scene::Scene;
use crate::step::{Ended, StepId};

/// Marks images that beanpole built, with the application's name.
const APPLICATION_LABEL: &str = "io.beanpole.application";

/// Marks images with the commit that they were built from.
const COMMIT_LABEL: &str = "io.beanpole.commit";

impl Scene<'_> {
    /// Builds the image of a bundle and gives it `tag`. Gives true: there is an image now.
    ///
    /// # Errors
    /// [`Error::Image`], [`Error::Git`], [`Error::Interrupted`].
    pub(crate) async fn build_image(
        &self,
        engine: &Engine,
        repository: &Repository,
        layout: &Layout,
        commit: &str,
        tag: String,
    ) -> Result<Ended<bool>, Error> {
        let context = {
            let (project, layout, repository) =
                (self.project.clone(), layout.clone(), repository.clone());
            tokio::task::spawn_blocking(move || context(&project, &layout, &repository))
                .await
                .map_err(|source| Error::Worker {
                    doing: "reading the commit",
                    source,
                })??
        };
        let image = &self.project.image;
        let request = BuildRequest {
            target: image.target.clone(),
            args: image
                .args
                .iter()
                .map(|(name, value)| (name.clone(), Secret::new(value.clone())))
                .collect(),
            tags: vec![tag.clone()],
            labels: [
                (APPLICATION_LABEL, self.project.application.as_str()),
                (COMMIT_LABEL, commit),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
            platform: image.platforms.first().cloned(),
            step: StepId::BuildImage.id().to_owned(),
            ..BuildRequest::new(context, join("", &image.dockerfile))
        };
        match Box::pin(engine.build(&request, self.steps.reporter(), self.cancel)).await {
            Ok(built) => Ok(Ended::done(
                true,
                format!(
                    "`{tag}`, {} of {} steps cached",
                    built.cached_steps, built.total_steps
                ),
            )),
            Err(beanpole_image::Error::Cancelled { .. }) => Err(Error::Interrupted),
            Err(error) => Err(Error::Image(error)),
        }
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
