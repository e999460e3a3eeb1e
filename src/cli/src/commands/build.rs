//! `beanpole build`: the image of the current commit, through the Docker Engine.

use std::fmt;
use std::sync::Arc;

use beanpole_deploy::{Ended, StepId, Steps, build_image, check};
use beanpole_image::Engine;
use beanpole_model::{ExitCode, Report, Reporter};
use clap::Args;
use serde::Serialize;

use crate::context::Context;
use crate::line::check_request;

/// Arguments of `beanpole build`.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  beanpole build --verbose")]
pub struct Build {
    /// Build the commit although the work tree has changes that are not in it
    #[arg(long)]
    allow_dirty: bool,
}

#[derive(Debug, Serialize)]
struct Built {
    #[serde(flatten)]
    image: beanpole_image::BuiltImage,
}

impl fmt::Display for Built {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let image = &self.image;
        write!(
            formatter,
            "{}\n  {}\n  {} of {} steps from the cache, {:.1} s",
            image.tags.join(", "),
            image.digest,
            image.cached_steps,
            image.total_steps,
            image.seconds
        )
    }
}

/// Builds the image.
///
/// # Errors
/// No engine, a commit that cannot be built, or a build that failed.
pub fn run(context: &Context, arguments: &Build) -> Result<ExitCode, Report> {
    context.block_on(async {
        let found = context.located_project()?;
        let engine = Engine::connect(&context.environment).await?;
        let steps = Steps::new(Arc::clone(&context.terminal) as Arc<dyn Reporter>);
        let candidate = check(check_request(&found, arguments.allow_dirty), &steps).await?;
        let image = steps
            .run(StepId::BuildImage, async {
                let reporter = steps.reporter();
                let image = build_image(&candidate, &engine, reporter, &context.cancel).await?;
                let tag = image.tags.join(", ");
                Ok::<_, beanpole_deploy::Error>(Ended::done(image, tag))
            })
            .await?;
        context.terminal.result(&Built { image });
        Ok(ExitCode::Done)
    })
}
