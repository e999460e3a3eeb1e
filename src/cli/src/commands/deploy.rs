//! `beanpole deploy`: releases the current commit and proves it.

use std::sync::Arc;

use beanpole_alert::Announcement;
use beanpole_deploy::ReleaseReport;
use beanpole_model::{ExitCode, Report, Reporter};
use clap::Args;

use crate::announce::{self, Announcing};
use crate::arguments::Aws;
use crate::aws;
use crate::context::Context;
use crate::engine::{self, EngineChoice};
use crate::github;
use crate::line::Releasing;
use crate::reporters::Fanout;

/// Arguments of `beanpole deploy`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  beanpole deploy --env production\n  \
    beanpole deploy --env staging --json > release.json\n\n\
    Exit 0 means: the version runs on every instance, is healthy, and stayed healthy for the soak time.")]
pub struct Deploy {
    #[command(flatten)]
    aws: Aws,
    /// Release the commit although the work tree has changes that are not in it
    #[arg(long)]
    allow_dirty: bool,
    /// Whether the image is built here before anything is sent
    #[arg(long, value_enum, default_value_t)]
    engine: EngineChoice,
}

/// Releases.
///
/// # Errors
/// What stopped the release before it began; a release that began ends in its report.
pub fn run(context: &Context, arguments: &Deploy) -> Result<ExitCode, Report> {
    let report = context.block_on(release(context, arguments))?;
    context.terminal.result(&report);
    if report.exit_code != ExitCode::Done
        && let Some(failure) = &report.failure
    {
        context.terminal.say(&format!("error: {}", failure.message));
    }
    github::publish(context, &report);
    Ok(report.exit_code)
}

async fn release(context: &Context, arguments: &Deploy) -> Result<ReleaseReport, Report> {
    let found = context.located_project()?;
    let project = &found.project;
    let terminal = Arc::clone(&context.terminal) as Arc<dyn Reporter>;
    let announcing = Announcing::start(
        announce::destination(project, &context.environment),
        announce::opening(project),
        &context.scrubber,
        &*terminal,
    );
    let mut reporters = vec![Arc::clone(&terminal)];
    reporters.extend(announcing.reporter());
    let reporter: Arc<dyn Reporter> = Arc::new(Fanout(reporters));
    let work = async {
        let cloud = aws::connect(context, &arguments.aws, project, &*reporter).await?;
        let engine = engine::choose(
            arguments.engine,
            &context.environment,
            Some(engine::Needs::of_build(project, &found.directory)),
            &*reporter,
            &context.cancel,
        )
        .await?;
        let releasing = Releasing {
            found: &found,
            allow_dirty: arguments.allow_dirty,
            cloud: &cloud,
            engine: engine.docker(),
            pace: aws::pace(&arguments.aws),
            context,
        };
        releasing.run(Arc::clone(&reporter)).await
    };
    let outcome = work.await;
    drop(reporter);
    let conclude = |announcement: &mut Announcement| match &outcome {
        Ok(report) => announce::conclude(announcement, report),
        Err(report) => announce::conclude_early(announcement, report),
    };
    announcing.finish(&*terminal, conclude).await;
    outcome
}
