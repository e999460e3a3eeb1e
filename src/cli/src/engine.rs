//! Which data plane a rehearsal gets: `--engine auto|docker|none`.
//!
//! `docker` never falls back. `auto` falls back to the control plane alone when there is no engine,
//! or when an image that the project stands on can be had neither here nor from a registry; it says
//! which of the two it was.

use beanpole_image::{CancellationToken, Engine, Error, base_images_for};
use beanpole_manifest::Project;
use beanpole_model::{Environment, Report, Reporter};
use camino::Utf8Path;
use clap::ValueEnum;

/// The id under which the look for an engine is reported.
pub(crate) const ENGINE_STEP: &str = "engine";

/// The choice on the command line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum EngineChoice {
    /// Docker if it is there and has the base images, else none
    #[default]
    Auto,
    /// Docker, or fail
    Docker,
    /// The control plane alone
    None,
}

/// What came of the choice.
#[derive(Clone, Debug)]
pub(crate) enum ChosenEngine {
    /// The app really runs.
    Docker(Engine),
    /// Nothing runs, and why.
    ControlPlane {
        /// Why, as the end of a sentence.
        reason: String,
    },
}

impl ChosenEngine {
    /// The engine, if the app really runs.
    pub(crate) fn docker(&self) -> Option<&Engine> {
        match self {
            Self::Docker(engine) => Some(engine),
            Self::ControlPlane { .. } => None,
        }
    }
}

/// Finds the engine and makes sure of the images.
///
/// # Errors
/// With [`EngineChoice::Docker`]: no engine, or an image that cannot be had. With any choice: the
/// look was cancelled.
pub(crate) async fn choose(
    choice: EngineChoice,
    environment: &Environment,
    needs: Option<Needs>,
    reporter: &dyn Reporter,
    cancel: &CancellationToken,
) -> Result<ChosenEngine, Report> {
    if choice == EngineChoice::None {
        return Ok(ChosenEngine::ControlPlane {
            reason: "`--engine none` was asked for".to_owned(),
        });
    }
    let found = find(environment, needs, reporter, cancel).await;
    match (found, choice) {
        (Ok(engine), _) => Ok(ChosenEngine::Docker(engine)),
        (Err(error), EngineChoice::Auto) if may_fall_back(&error) => {
            Ok(ChosenEngine::ControlPlane {
                reason: error.to_string(),
            })
        }
        (Err(error), _) => Err(error.into()),
    }
}

async fn find(
    environment: &Environment,
    needs: Option<Needs>,
    reporter: &dyn Reporter,
    cancel: &CancellationToken,
) -> Result<Engine, Error> {
    let engine = Engine::connect(environment).await?;
    for image in needs.into_iter().flat_map(|needs| needs.images) {
        engine
            .ensure_image(&image, ENGINE_STEP, reporter, cancel)
            .await?;
    }
    Ok(engine)
}

/// The images that must be at hand.
#[derive(Clone, Debug)]
pub(crate) struct Needs {
    images: Vec<String>,
}

impl Needs {
    /// What the project's Dockerfile stands on.
    pub(crate) fn of_build(project: &Project, root: &Utf8Path) -> Self {
        let path = root
            .join(&project.image.context)
            .join(&project.image.dockerfile);
        // A Dockerfile that is missing is the check's finding, not a reason to go without an engine.
        let text = fs_err::read_to_string(path).unwrap_or_default();
        let image = &project.image;
        Self {
            images: base_images_for(&text, image.target.as_deref(), &image.args),
        }
    }

    /// The same, and what stands in for the database and the cache.
    pub(crate) fn of_rehearsal(project: &Project, root: &Utf8Path) -> Self {
        let mut needs = Self::of_build(project, root);
        needs
            .images
            .extend(beanpole_rehearsal::data_plane::docker::store_images(
                project
                    .database
                    .as_ref()
                    .map(|database| database.version.as_str()),
                project.cache.as_ref().map(|cache| cache.version.as_str()),
            ));
        needs
    }
}

/// An engine that is not there and an image that cannot be had are reasons to go without; anything
/// else (cancelled, a broken engine) is an answer of its own.
fn may_fall_back(error: &Error) -> bool {
    matches!(
        error,
        Error::EngineUnreachable { .. }
            | Error::EngineTooOld { .. }
            | Error::AddressUnsupported { .. }
            | Error::BaseImageUnavailable { .. }
    )
}
