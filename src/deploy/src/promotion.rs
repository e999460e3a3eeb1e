//! What may be promoted: a version that is proven where it runs.
//!
//! Rules: one look, no waiting. A version that is not on every instance, or not healthy, is not
//! promoted; the reasons are those of the proof.

use beanpole_cloud::Cloud;
use beanpole_manifest::Project;
use beanpole_model::{Pace, SecretScrubber, Silent, VersionLabel};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::proof::{Expectation, Judgement, judge};
use crate::scene::Scene;
use crate::step::Steps;

/// The label of the version that `project`'s environment runs, if it is proven: on every instance, and
/// healthy.
///
/// # Errors
/// [`Error::NoEnvironment`], [`Error::Unproven`], [`Error::Cloud`].
pub async fn proven_version(cloud: &Cloud, project: &Project) -> Result<VersionLabel, Error> {
    let steps = Steps::new(Arc::new(Silent));
    let cancel = CancellationToken::new();
    let scrubber = SecretScrubber::default();
    let scene = Scene {
        cloud,
        project,
        pace: Pace::AWS,
        steps: &steps,
        cancel: &cancel,
        scrubber: &scrubber,
    };
    let sight = scene
        .patiently("reading the environment", || scene.sight())
        .await?;
    let environment = scene.expect_environment(&sight)?;
    let Some(version) = environment.version.clone() else {
        return Err(Error::NothingToPromote {
            environment: project.environment.to_string(),
        });
    };
    let expectation = Expectation {
        version: version.clone(),
        minimum_instances: project.instances.min,
        after_deployment: None,
        healthy: true,
    };
    match judge(&expectation, &sight) {
        Judgement::Proven { .. } => {
            VersionLabel::new(version).map_err(|source| Error::Label { source })
        }
        Judgement::Unproven(reasons) => Err(Error::Unproven {
            environment: project.environment.to_string(),
            version,
            reasons,
        }),
    }
}
