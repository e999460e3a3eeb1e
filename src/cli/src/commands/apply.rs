//! `beanpole apply`: creates or changes the infrastructure until it is as the manifest says.

use std::fmt;
use std::sync::Arc;

use beanpole_deploy::Steps;
use beanpole_model::{ExitCode, Report, Reporter};
use beanpole_provision::{Applied, Created};
use clap::Args;
use serde::Serialize;

use crate::arguments::Aws;
use crate::aws;
use crate::context::Context;
use crate::line::Provisioning;

/// Arguments of `beanpole apply`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  beanpole apply --env staging\n  \
    beanpole apply --env production --yes    # in CI, after a person has read the plan")]
pub struct Apply {
    #[command(flatten)]
    aws: Aws,
}

/// What was applied, as text and as JSON.
#[derive(Debug, Serialize)]
struct AppliedReport {
    #[serde(flatten)]
    applied: Applied,
}

impl fmt::Display for AppliedReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for created in &self.applied.resources {
            writeln!(formatter, "{} ({:.1} s)", line(created), created.seconds)?;
        }
        write!(
            formatter,
            "{} changed, {} as they should be",
            self.applied.resources.len(),
            self.applied.unchanged
        )
    }
}

/// One resource in a line: `database blog-staging-db`.
pub(crate) fn line(created: &Created) -> String {
    let name = format!("{} {}", created.kind.words(), created.name);
    match &created.id {
        Some(id) if *id != created.name => format!("{name} ({id})"),
        _ => name,
    }
}

/// Plans, asks, and applies.
///
/// # Errors
/// Nobody said yes, AWS could not be asked, or a change failed.
pub fn run(context: &Context, arguments: &Apply) -> Result<ExitCode, Report> {
    context.block_on(async {
        let project = context.located_project()?.project;
        let reporter = Arc::clone(&context.terminal) as Arc<dyn Reporter>;
        let cloud = aws::connect(context, &arguments.aws, &project, &*reporter).await?;
        let steps = Steps::new(reporter);
        let provisioning = Provisioning {
            project: &project,
            cloud: &cloud,
            pace: aws::pace(&arguments.aws),
            steps: &steps,
            context,
        };
        let plan = provisioning.plan().await?;
        if plan.is_empty() {
            context.terminal.result(&plan);
            return Ok(ExitCode::Done);
        }
        context.terminal.say(&plan.to_string());
        context.confirm(&format!(
            "apply {} changes to {}",
            plan.pending().count(),
            project.environment
        ))?;
        let applied = provisioning.apply(&plan).await?;
        context.terminal.result(&AppliedReport { applied });
        Ok(ExitCode::Done)
    })
}
