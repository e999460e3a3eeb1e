//! `beanpole status`: what runs, and how it is.

use std::fmt;

use beanpole_cloud::{Color, EnvironmentStatus};
use beanpole_model::{ExitCode, Report};
use clap::Args;
use serde::Serialize;

use crate::arguments::Aws;
use crate::aws;
use crate::context::Context;
use crate::failure::Failure;

/// Arguments of `beanpole status`.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  beanpole status --env production --json")]
pub struct Status {
    #[command(flatten)]
    aws: Aws,
}

#[derive(Debug, Serialize)]
struct EnvironmentReport {
    environment: String,
    version: Option<String>,
    status: String,
    health: String,
    url: Option<String>,
    causes: Vec<String>,
    instances: Vec<InstanceReport>,
}

#[derive(Debug, Serialize)]
struct InstanceReport {
    id: String,
    health: String,
    version: Option<String>,
    causes: Vec<String>,
}

impl fmt::Display for EnvironmentReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = self.version.as_deref().unwrap_or("no version");
        write!(
            formatter,
            "{}: {version}, {}, {}",
            self.environment, self.status, self.health
        )?;
        if let Some(url) = &self.url {
            write!(formatter, "\n  {url}")?;
        }
        for cause in &self.causes {
            write!(formatter, "\n  {cause}")?;
        }
        for instance in &self.instances {
            let version = instance.version.as_deref().unwrap_or("no version");
            write!(
                formatter,
                "\n  {}  {version}  {}",
                instance.id, instance.health
            )?;
            for cause in &instance.causes {
                write!(formatter, "\n    {cause}")?;
            }
        }
        Ok(())
    }
}

/// Shows the environment. Exit code 1 if it is not Ready and Green.
///
/// # Errors
/// AWS could not be asked, or the environment does not exist.
pub fn run(context: &Context, arguments: &Status) -> Result<ExitCode, Report> {
    context.block_on(show(context, arguments))
}

async fn show(context: &Context, arguments: &Status) -> Result<ExitCode, Report> {
    let project = context.located_project()?.project;
    let cloud = aws::connect(context, &arguments.aws, &project, &*context.terminal).await?;
    let beanstalk = &cloud.beanstalk;
    let Some(environment) = beanstalk
        .environment(&project.application, &project.environment)
        .await?
    else {
        return Err(Failure::no_environment(&project).into());
    };
    let health = beanstalk.health(&project.environment).await?;
    let instances = beanstalk.instances(&project.environment).await?;
    let report = EnvironmentReport {
        environment: project.environment.to_string(),
        version: environment.version_label.clone(),
        status: environment.status.to_string(),
        health: environment.health.to_string(),
        url: environment
            .cname
            .as_ref()
            .map(|name| format!("http://{name}/")),
        causes: health.causes,
        instances: instances
            .into_iter()
            .map(|instance| InstanceReport {
                id: instance.id,
                health: instance.status.to_string(),
                version: instance
                    .deployment
                    .and_then(|deployment| deployment.version_label),
                causes: instance.causes,
            })
            .collect(),
    };
    context.terminal.result(&report);
    let well = environment.status == EnvironmentStatus::Ready && environment.health == Color::Green;
    Ok(if well {
        ExitCode::Done
    } else {
        ExitCode::Findings
    })
}
