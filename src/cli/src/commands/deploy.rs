//! `beanpole deploy`: releases the current commit and proves it.

use beanpole_model::{ExitCode, Report};
use clap::Args;

use crate::context::Context;
use crate::engine::{self, EngineChoice};
use crate::github;
use crate::line::{Checked, Outcome, Releasing, told};
use crate::manner::Manner;

/// Arguments of `beanpole deploy`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  beanpole deploy --env production\n  \
    beanpole deploy --env production --plan\n  \
    beanpole deploy --env staging --wait 15m --json > release.json\n\n\
    Exit 0 means: the version runs on every instance, is healthy, and stayed healthy for the soak time.\n\
    A deploy that was killed or interrupted goes on where it ended when the same command is run again.")]
pub struct Deploy {
    #[command(flatten)]
    manner: Manner,
    /// Release the commit although the work tree has changes that are not in it
    #[arg(long)]
    allow_dirty: bool,
    /// Whether the image is built here before anything is sent
    #[arg(long, value_enum, default_value_t)]
    engine: EngineChoice,
}

/// Releases, or shows what a release would do.
///
/// # Errors
/// What stopped the release before it began; a release that began ends in its report.
pub fn run(context: &Context, arguments: &Deploy) -> Result<ExitCode, Report> {
    let outcome = context.block_on(release(context, arguments))?;
    Ok(show(context, &outcome))
}

/// Shows how a release, or its plan, came out.
pub(crate) fn show(context: &Context, outcome: &Outcome) -> ExitCode {
    let report = match outcome {
        Outcome::Planned(plan) => {
            context.terminal.result(plan);
            return match plan.blocked {
                true => ExitCode::Findings,
                false => ExitCode::Done,
            };
        }
        Outcome::Released(report) => report,
    };
    context.terminal.result(report);
    if report.exit_code != ExitCode::Done
        && let Some(failure) = &report.failure
    {
        context.terminal.say(&format!("error: {}", failure.message));
    }
    github::publish(context, report);
    report.exit_code
}

async fn release(context: &Context, arguments: &Deploy) -> Result<Outcome, Report> {
    let found = context.located_project()?;
    told(
        context,
        &found,
        &arguments.manner,
        async |reporter| Checked::of(&found, arguments.allow_dirty, reporter).await,
        async |releasing, checked, reporter| {
            let engine = engine::choose(
                arguments.engine,
                &context.environment,
                Some(engine::Needs::of_build(&found.project, &found.directory)),
                &*reporter,
                &context.cancel,
            )
            .await?;
            let releasing = Releasing {
                engine: engine.docker(),
                ..releasing
            };
            releasing.commit(checked).await
        },
    )
    .await
}
