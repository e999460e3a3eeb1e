//! `beanpole promote`: the version that runs in one environment, released in another.

use beanpole_deploy::compose;
use beanpole_deploy::ledger::{ReleaseKind, known};
use beanpole_deploy::proven_version;
use beanpole_manifest::{Manifest, Project, SecretMode};
use beanpole_model::{ExitCode, Report};
use clap::Args;

use crate::commands::deploy::show;
use crate::commands::rollback::known_version;
use crate::context::{Context, Located};
use crate::failure::Failure;
use crate::line::{Outcome, told};
use crate::manner::Manner;
use crate::records;

/// Arguments of `beanpole promote`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  beanpole promote staging production\n  \
    beanpole promote staging production --plan\n\n\
    The version must run on every instance of the first environment and be healthy there. Nothing is built\n\
    and nothing uploaded: the second environment gets the same bundle.")]
pub struct Promote {
    #[command(flatten)]
    manner: Manner,
    /// The environment of the manifest whose version is released
    from: String,
    /// The environment of the manifest that gets it
    to: String,
}

/// Promotes, or shows what that would do.
///
/// # Errors
/// What stopped it before it began; a release that began ends in its report.
pub fn run(context: &Context, arguments: &Promote) -> Result<ExitCode, Report> {
    let outcome = context.block_on(promote(context, arguments))?;
    Ok(show(context, &outcome))
}

async fn promote(context: &Context, arguments: &Promote) -> Result<Outcome, Report> {
    let located = context.located_project()?;
    let manifest = Manifest::load(&located.manifest)?;
    let from = manifest.environment(Some(&arguments.from))?;
    let found = Located {
        project: manifest.environment(Some(&arguments.to))?,
        ..located
    };
    fit(&from, &found.project)?;
    told(
        context,
        &found,
        &arguments.manner,
        async |_| Ok(()),
        async |releasing, (), reporter| {
            let label = proven_version(releasing.cloud, &from).await?;
            let history = records::history(context, &from, releasing.cloud, releasing.pace).await?;
            let way = known(&history, label.as_str());
            let version = known_version(&found, way, ReleaseKind::Promote)?;
            releasing.version(&version, reporter).await
        },
    )
    .await
}

/// Refuses two environments whose bundles differ: what was proven in the one would not be what runs in
/// the other.
fn fit(from: &Project, to: &Project) -> Result<(), Report> {
    let refuse = |why: &str| -> Result<(), Report> {
        Err(Failure::NotPromotable {
            from: from.environment.to_string(),
            to: to.environment.to_string(),
            why: why.to_owned(),
        }
        .into())
    };
    if from.environment == to.environment {
        return refuse("they are the same environment");
    }
    if from.application != to.application || from.region != to.region || from.account != to.account
    {
        return refuse("they do not share application, region and account");
    }
    if to.secrets.mode == SecretMode::DotEnv {
        return refuse(
            "`secrets.mode: dotenv` puts the names of one environment's secrets into its bundle",
        );
    }
    // The digest stands for the sources, which are the same.
    let rendered = |project: &Project| compose::render(project, &"0".repeat(64));
    if rendered(from)? != rendered(to)? {
        return refuse("their processes, image or release step differ, so that their bundles do");
    }
    Ok(())
}
