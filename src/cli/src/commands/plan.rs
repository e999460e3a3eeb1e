//! `beanpole plan`: what apply would change. Changes nothing.

use beanpole_model::{ExitCode, Report};
use clap::Args;

use crate::arguments::Aws;
use crate::aws;
use crate::context::Context;

/// Arguments of `beanpole plan`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  beanpole plan --env staging\n  \
    beanpole plan --env staging --json > plan.json")]
pub struct Plan {
    #[command(flatten)]
    aws: Aws,
}

/// Shows the plan. Exit code 0 whether or not there is something to change.
///
/// # Errors
/// AWS could not be asked, or something stands in the way of the plan.
pub fn run(context: &Context, arguments: &Plan) -> Result<ExitCode, Report> {
    context.block_on(async {
        let project = context.located_project()?.project;
        let cloud = aws::connect(context, &arguments.aws, &project, &*context.terminal).await?;
        let observed =
            beanpole_provision::observe(&cloud, &project, &context.scrubber, &context.cancel)
                .await?;
        let plan = beanpole_provision::plan(&project, &observed, &cloud.identity);
        context.terminal.result(&plan);
        plan.check()?;
        Ok(ExitCode::Done)
    })
}
