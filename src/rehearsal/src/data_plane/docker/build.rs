//! The images of a bundle, each built once however many instances run it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use beanpole_image::{BuildRequest, Context, Error};
use beanpole_model::Secret;
use sha2::{Digest as _, Sha256};
use tokio::sync::OnceCell;

use super::compose::{BuildSource, Source};
use super::deployment::Failure;
use super::project::Project;
use super::{Docker, STEP};

/// Bundle digest and what is built from it.
type Key = (String, BuildSource);

type Outcome = Result<String, Failure>;

/// A build that several instances wait for.
type Pending = Arc<OnceCell<Outcome>>;

/// What was built, and what is being built.
#[derive(Default)]
pub(super) struct Builds {
    done: Mutex<BTreeMap<Key, String>>,
    /// By deployment too: a build that failed is tried again by the next deployment, and not by the next
    /// instance of the same one.
    under_way: Mutex<BTreeMap<(Key, i64), Pending>>,
}

impl Docker {
    /// The image ids of everything that the project needs.
    pub(super) async fn images(
        &self,
        project: &Project,
        deployment: i64,
    ) -> Result<BTreeMap<Source, String>, Failure> {
        let mut images = BTreeMap::new();
        for source in project.sources() {
            let image = match &source {
                Source::Image(name) => self
                    .engine
                    .ensure_image(name, STEP, self.reporter.as_ref(), &self.cancel)
                    .await
                    .map(|image| image.id)
                    .map_err(|error| Failure::new("build", error.with_causes(), Vec::new()))?,
                Source::Build(build) => self.built(project, build, deployment).await?,
            };
            images.insert(source, image);
        }
        Ok(images)
    }

    async fn built(&self, project: &Project, source: &BuildSource, deployment: i64) -> Outcome {
        let key = (project.bundle.digest.clone(), source.clone());
        let done = |builds: &Builds| {
            builds
                .done
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .get(&key)
                .cloned()
        };
        if let Some(image) = done(&self.builds) {
            return Ok(image);
        }
        let cell = {
            let mut under_way = self
                .builds
                .under_way
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            Arc::clone(under_way.entry((key.clone(), deployment)).or_default())
        };
        let outcome = cell
            .get_or_init(|| self.build(project, source))
            .await
            .clone();
        if let Ok(image) = &outcome {
            let mut done = self
                .builds
                .done
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            done.insert(key, image.clone());
        }
        outcome
    }

    async fn build(&self, project: &Project, source: &BuildSource) -> Outcome {
        let failure = |error: Error| {
            let log = match &error {
                Error::BuildFailed { log_tail, .. } => log_tail.clone(),
                _ => Vec::new(),
            };
            Failure::new("build", error.with_causes(), log)
        };
        let entries = project.bundle.below(&source.context);
        let context = Context::from_entries(entries, &source.dockerfile).map_err(failure)?;
        let mut request = BuildRequest::new(context, source.dockerfile.clone());
        STEP.clone_into(&mut request.step);
        request.target.clone_from(&source.target);
        request.args = source
            .args
            .iter()
            .map(|(name, value)| (name.clone(), Secret::new(value.clone())))
            .collect();
        request.labels = self.names.labels();
        request.tags = vec![self.names.image(&project.bundle.digest, &part(source))];
        let built = self
            .engine
            .build(&request, self.reporter.as_ref(), &self.cancel)
            .await
            .map_err(failure)?;
        Ok(built.id)
    }
}

/// Tells the builds of one bundle apart; empty for the usual one.
fn part(source: &BuildSource) -> String {
    let usual = source.context.is_empty()
        && source.dockerfile == "Dockerfile"
        && source.target.is_none()
        && source.args.is_empty();
    if usual {
        return String::new();
    }
    let digest = Sha256::digest(format!("{source:?}").as_bytes());
    hex::encode(digest).chars().take(8).collect()
}
