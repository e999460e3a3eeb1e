//! `beanpole abort`: takes back the update that is under way, and says what runs then.

use std::sync::Arc;

use beanpole_deploy::abort::{AbortRequest, Abortable, abort, abortable};
use beanpole_deploy::{Steps, changing_project};
use beanpole_model::{ExitCode, Report, Reporter};
use clap::Args;

use crate::arguments::Aws;
use crate::aws;
use crate::context::Context;

/// Arguments of `beanpole abort`.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  beanpole abort --env production --yes\n\n\
    An abort is no roll-back: batches that are done keep the new version. Exit 0 means that every\n\
    instance runs one version, or that there was nothing to abort; exit 1 that the fleet is mixed.")]
pub struct Abort {
    #[command(flatten)]
    aws: Aws,
}

/// Aborts, and follows until the environment is at rest.
///
/// # Errors
/// What goes on cannot be aborted, AWS could not be asked, or the answer was not yes.
pub fn run(context: &Context, arguments: &Abort) -> Result<ExitCode, Report> {
    context.block_on(take_back(context, arguments))
}

async fn take_back(context: &Context, arguments: &Abort) -> Result<ExitCode, Report> {
    let project = context.located_project()?.project;
    let cloud = aws::connect(context, &arguments.aws, &project, &*context.terminal).await?;
    // A release to a blue/green pair changes the one that does not serve.
    let project = changing_project(&cloud, &project).await?;
    let request = AbortRequest {
        cloud: &cloud,
        project: &project,
        pace: aws::pace(&arguments.aws),
        scrubber: &context.scrubber,
    };
    let found = abortable(&request).await?;
    if matches!(found, Abortable::Yes { .. }) {
        context.confirm(&format!(
            "abort the update of `{}` that is under way",
            project.environment
        ))?;
    }
    let steps = Steps::new(Arc::clone(&context.terminal) as Arc<dyn Reporter>);
    let report = abort(&request, &found, &steps, &context.cancel).await?;
    context.terminal.result(&report);
    Ok(report.exit_code)
}
