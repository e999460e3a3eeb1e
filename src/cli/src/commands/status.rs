//! `beanpole status`: what runs, and how it is.
//!
//! Rules: state, health and instances must be readable; what only explains (subject, policy, platform)
//! is left out when it cannot be had, with a warning. Exit 0 only if the environment is Ready, Green,
//! and every instance was seen with the same version.

mod report;

use std::fmt;
use std::time::Duration;

use beanpole_cloud::{Cloud, ConfigurationSettings, Kind, SettingsState};
use beanpole_deploy::fleet::Fleet;
use beanpole_deploy::live_project;
use beanpole_deploy::observation::{EnvironmentSight, InstanceSight, Sight};
use beanpole_manifest::Project;
use beanpole_model::{ExitCode, Pace, Report, VersionLabel};
use clap::Args;
use serde::Serialize;

use crate::arguments::Aws;
use crate::aws;
use crate::context::Context;
use crate::failure::Failure;
use crate::patience::{Patience, pause};
use crate::records;
use report::{Facts, Released, StatusReport};

/// The pause between two looks with `--watch`, in AWS time.
const POLL: Duration = Duration::from_secs(10);

/// Arguments of `beanpole status`.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  beanpole status --env production --json\n  \
    beanpole status --env production --watch\n\n\
    Exit 0: Ready, Green, and every instance runs one version. Exit 1: something of that is not so.\n\
    --watch looks every 10 seconds until Ctrl-C (exit 130); without a terminal it writes a line\n\
    whenever something changed, with --json an object a line."
)]
pub struct Status {
    /// Go on looking, until Ctrl-C
    #[arg(long, short)]
    watch: bool,
    #[command(flatten)]
    aws: Aws,
}

/// A report in one line, for watching without a terminal.
#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Brief<'a>(&'a StatusReport);

impl fmt::Display for Brief<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.brief())
    }
}

/// Shows the environment. Exit code 1 if it is not Ready, Green and consistent.
///
/// # Errors
/// AWS could not be asked, or the environment does not exist.
pub fn run(context: &Context, arguments: &Status) -> Result<ExitCode, Report> {
    context.block_on(show(context, arguments))
}

async fn show(context: &Context, arguments: &Status) -> Result<ExitCode, Report> {
    let project = context.located_project()?.project;
    let cloud = aws::connect(context, &arguments.aws, &project, &*context.terminal).await?;
    if !arguments.watch {
        let report = tokio::select! {
            biased;
            () = context.cancel.cancelled() => return Err(Failure::Stopped.into()),
            report = look(context, &cloud, &project) => report?,
        };
        context.terminal.result(&report);
        return Ok(if report.well {
            ExitCode::Done
        } else {
            ExitCode::Findings
        });
    }
    let mut patience = Patience::new(POLL);
    let mut told = None;
    loop {
        let seen = tokio::select! {
            biased;
            () = context.cancel.cancelled() => return Ok(ExitCode::Interrupted),
            seen = look(context, &cloud, &project) => seen,
        };
        match seen {
            Ok(report) => {
                patience.well();
                if context.terminal.redraw(&report.to_string()) {
                    told = None;
                } else {
                    let brief = report.brief();
                    if told.as_ref() != Some(&brief) {
                        context.terminal.line(&Brief(&report));
                        told = Some(brief);
                    }
                }
            }
            Err(report) if report.exit_code() == ExitCode::Outside => {
                if let Some(line) = patience.trouble(&report) {
                    context.terminal.say(&line);
                }
            }
            Err(report) => return Err(report),
        }
        if context.terminal.is_closed() {
            return Ok(ExitCode::Done);
        }
        if !pause(context, aws::pace(&arguments.aws), patience.wait()).await {
            return Ok(ExitCode::Interrupted);
        }
    }
}

/// Looks once, at the environment that serves.
async fn look(context: &Context, cloud: &Cloud, project: &Project) -> Result<StatusReport, Report> {
    let project = &live_project(cloud, project).await?;
    let beanstalk = &cloud.beanstalk;
    let (application, name) = (&project.application, &project.environment);
    let environment = beanstalk
        .environment(application, name)
        .await?
        .ok_or_else(|| Failure::no_environment(project))?;
    let label = environment
        .version_label
        .as_deref()
        .and_then(|label| VersionLabel::new(label).ok());
    let labels: Vec<VersionLabel> = label.into_iter().collect();
    let (health, instances, versions, settings, platforms) = tokio::join!(
        beanstalk.health(name),
        beanstalk.instances(name),
        async {
            match labels.as_slice() {
                [] => Ok(Vec::new()),
                some => beanstalk.versions(application, some).await,
            }
        },
        beanstalk.settings(application, name),
        beanstalk.platforms(&project.platform.branch),
    );
    let health = enhanced(health)?;
    let instances = enhanced(instances)?;
    let explained = |what: &str, error: beanpole_cloud::Error| {
        context
            .terminal
            .say(&format!("warning: the {what} could not be read: {error}"));
    };
    let version = versions
        .map_err(|error| explained("version", error))
        .ok()
        .and_then(|versions| versions.into_iter().next());
    let policy = settings
        .map_err(|error| explained("settings", error))
        .ok()
        .and_then(|sets| deployment_policy(&sets));
    let platforms = platforms
        .map_err(|error| explained("platform versions", error))
        .unwrap_or_default();
    let sight = Sight {
        environment: Some(EnvironmentSight::from(&environment)),
        instances: instances
            .as_ref()
            .map(|instances| instances.iter().map(InstanceSight::from).collect()),
    };
    let released = released(
        context,
        cloud,
        project,
        environment.version_label.as_deref(),
    )
    .await;
    let facts = Facts {
        fleet: Fleet::of(&sight),
        environment,
        health,
        instances: instances.unwrap_or_default(),
        version,
        policy,
        platforms,
        released,
    };
    Ok(StatusReport::of(facts, &|text| {
        context.scrubber.scrub(text)
    }))
}

/// When and by whom the running version was released. That the history cannot be read hides nothing of
/// how the environment is.
async fn released(
    context: &Context,
    cloud: &Cloud,
    project: &Project,
    running: Option<&str>,
) -> Option<Released> {
    let ledger = records::ledger(context, project, cloud, Pace::AWS)
        .await
        .ok()??;
    let newest = ledger.latest().await.ok()??;
    let ending = newest.ending.as_ref()?;
    (newest.is_proven() && running == Some(newest.version.as_str())).then(|| Released {
        at: ending.at,
        by: newest.who.clone(),
    })
}

/// What only environments with enhanced health can tell; none without it.
fn enhanced<T>(answer: Result<T, beanpole_cloud::Error>) -> Result<Option<T>, Report> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind == Kind::InvalidParameter => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The policy in force.
fn deployment_policy(sets: &[ConfigurationSettings]) -> Option<String> {
    let set = sets
        .iter()
        .find(|set| set.state == Some(SettingsState::Deployed))
        .or_else(|| sets.first())?;
    let policy = set.settings.iter().find(|setting| {
        setting.namespace == "aws:elasticbeanstalk:command" && setting.name == "DeploymentPolicy"
    })?;
    Some(policy.value.clone()).filter(|value| !value.is_empty())
}
