//! `beanpole rollback`: the former version again, and proven again.

use beanpole_cloud::Cloud;
use beanpole_deploy::KnownVersion;
use beanpole_deploy::ledger::{ReleaseKind, WayBack, known, way_back};
use beanpole_git::Repository;
use beanpole_model::{ExitCode, Report, VersionLabel};
use clap::Args;

use crate::aws;
use crate::commands::deploy::show;
use crate::context::{Context, Located};
use crate::failure::Failure;
use crate::line::{Outcome, told};
use crate::manner::Manner;
use crate::records;

/// Arguments of `beanpole rollback`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  beanpole rollback --env production\n  \
    beanpole rollback --env production --plan\n  \
    beanpole rollback --env production --to 0123456789ab-fedcba987654 --reason 'orders are lost'\n\n\
    Nothing is built and nothing uploaded. Without --to, the last other version that was proven comes back.\n\
    A version that could not live with the migrations applied since stops before anything is changed.")]
pub struct Rollback {
    #[command(flatten)]
    manner: Manner,
    /// The version to go back to [default: the last other one that was proven]
    #[arg(long, value_name = "VERSION")]
    to: Option<VersionLabel>,
}

/// Rolls back, or shows what that would do.
///
/// # Errors
/// What stopped it before it began; a roll-back that began ends in its report.
pub fn run(context: &Context, arguments: &Rollback) -> Result<ExitCode, Report> {
    let outcome = context.block_on(roll_back(context, arguments))?;
    Ok(show(context, &outcome))
}

async fn roll_back(context: &Context, arguments: &Rollback) -> Result<Outcome, Report> {
    let found = context.located_project()?;
    told(
        context,
        &found,
        &arguments.manner,
        async |_| Ok(()),
        async |releasing, (), reporter| {
            let target = target(context, arguments, &found, releasing.cloud).await?;
            let version = known_version(&found, target, ReleaseKind::Rollback)?;
            releasing.version(&version, reporter).await
        },
    )
    .await
}

/// The version to go back to.
async fn target(
    context: &Context,
    arguments: &Rollback,
    found: &Located,
    cloud: &Cloud,
) -> Result<WayBack, Report> {
    let project = &found.project;
    let Some(environment) = cloud
        .beanstalk
        .environment(&project.application, &project.environment)
        .await?
    else {
        return Err(Failure::no_environment(project).into());
    };
    let pace = aws::pace(&arguments.manner.aws);
    let history = records::history(context, project, cloud, pace).await?;
    let way = match &arguments.to {
        Some(label) => Some(known(&history, label.as_str())),
        None => way_back(&history, environment.version_label.as_deref()),
    };
    let Some(way) = way else {
        return Err(Failure::NoWayBack {
            environment: project.environment.to_string(),
        }
        .into());
    };
    let label = VersionLabel::new(way.version.clone()).map_err(Failure::Name)?;
    let versions = cloud
        .beanstalk
        .versions(&project.application, std::slice::from_ref(&label))
        .await?;
    if versions.is_empty() {
        return Err(Failure::NoSuchVersion {
            application: project.application.to_string(),
            version: label.to_string(),
        }
        .into());
    }
    Ok(way)
}

/// A version with the repository that it comes from, if this is one.
pub(crate) fn known_version(
    found: &Located,
    way: WayBack,
    kind: ReleaseKind,
) -> Result<KnownVersion, Report> {
    let repository = Repository::discover(&found.directory)
        .ok()
        .map(|repository| (repository, found.directory.clone()));
    Ok(KnownVersion {
        label: VersionLabel::new(way.version).map_err(Failure::Name)?,
        commit: way.commit,
        subject: way.subject,
        kind,
        repository,
    })
}
