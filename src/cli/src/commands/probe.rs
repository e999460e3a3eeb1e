//! `beanpole probe once`: asks a health check endpoint once.

use std::fmt;
use std::time::Duration;

use beanpole_deploy::live_project;
use beanpole_model::{ExitCode, Report};
use beanpole_probe::{HttpProbe, Parse, ProbeResult, check_http};
use clap::{Args, Subcommand};
use serde::Serialize;
use url::Url;

use crate::arguments::Aws;
use crate::aws;
use crate::context::Context;
use crate::failure::Failure;

/// Arguments of `beanpole probe`.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  beanpole probe once https://blog.example.com/ht/\n  \
    beanpole probe once --env production"
)]
pub struct Probe {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Ask once, and show each component with its time
    #[command(
        after_help = "Examples:\n  beanpole probe once https://blog.example.com/ht/\n  \
        beanpole probe once --env production"
    )]
    Once(Once),
}

#[derive(Args, Debug)]
struct Once {
    /// The address [default: the health check of the manifest's environment]
    url: Option<Url>,
    /// How long to wait at most, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=300))]
    timeout: u64,
    #[command(flatten)]
    aws: Aws,
}

#[derive(Debug, Serialize)]
struct Probed {
    #[serde(flatten)]
    result: ProbeResult,
}

impl fmt::Display for Probed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.result.url, self.result)?;
        for component in &self.result.components {
            let mark = if component.ok { "ok  " } else { "FAIL" };
            write!(formatter, "\n  {mark} {}", component.name)?;
            if let Some(elapsed) = component.elapsed {
                write!(formatter, " ({:.4} s)", elapsed.as_secs_f64())?;
            }
            if !component.ok {
                write!(formatter, ": {}", component.message)?;
            }
        }
        Ok(())
    }
}

/// Probes. Exit code 1 if the answer is not healthy.
///
/// # Errors
/// No address, or AWS could not be asked for it.
pub fn run(context: &Context, arguments: &Probe) -> Result<ExitCode, Report> {
    let Action::Once(once) = &arguments.action;
    context.block_on(probe(context, once))
}

async fn probe(context: &Context, once: &Once) -> Result<ExitCode, Report> {
    let url = match &once.url {
        Some(url) => url.clone(),
        None => address(context, once).await?,
    };
    let mut probe = HttpProbe::health(url, Duration::from_secs(once.timeout));
    probe.parse = Parse::HealthCheck { times: true };
    let result = check_http(&probe).await;
    let code = if result.ok {
        ExitCode::Done
    } else {
        ExitCode::Findings
    };
    context.terminal.result(&Probed { result });
    Ok(code)
}

/// The health check of the manifest's environment, as AWS names it.
async fn address(context: &Context, once: &Once) -> Result<Url, Report> {
    let project = context.located_project()?.project;
    let cloud = aws::connect(context, &once.aws, &project, &*context.terminal).await?;
    let project = live_project(&cloud, &project).await?;
    let environment = cloud
        .beanstalk
        .environment(&project.application, &project.environment)
        .await?;
    let cname = environment
        .and_then(|environment| environment.cname)
        .ok_or_else(|| Failure::no_environment(&project))?;
    let address = format!("http://{cname}{}", project.health.path);
    Url::parse(&address).map_err(|_| Failure::Address { address }.into())
}
