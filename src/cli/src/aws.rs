//! Connects to AWS as the flags and the manifest say, and makes sure that it is the right account.

use beanpole_cloud::{AssumeRole, Cloud, Settings};
use beanpole_manifest::Project;
use beanpole_model::{Pace, Report, Reporter};

use crate::arguments::Aws;
use crate::context::Context;

/// The name under which our sessions show in CloudTrail.
const SESSION_NAME: &str = "beanpole";

/// Connects, prints the account and region in use, and compares them with the manifest's pins.
///
/// # Errors
/// No credentials, no answer, or another account or region than the manifest names (exit code 7).
pub(crate) async fn connect(
    context: &Context,
    arguments: &Aws,
    project: &Project,
    reporter: &dyn Reporter,
) -> Result<Cloud, Report> {
    let assume_role = arguments.assume_role.as_ref().map(|arn| AssumeRole {
        arn: arn.clone(),
        session_name: SESSION_NAME.to_owned(),
        external_id: None,
    });
    let environment = context.environment.clone();
    // A region that the environment insists on is compared with the manifest's, not overruled.
    let insists = environment
        .get("AWS_REGION")
        .or_else(|| environment.get("AWS_DEFAULT_REGION"))
        .is_some();
    let settings = Settings {
        profile: arguments.profile.clone(),
        region: (!insists).then(|| project.region.clone()),
        endpoint_url: arguments.endpoint_url.clone(),
        assume_role,
        environment,
        pace: pace(arguments),
        ..Settings::default()
    };
    open(&settings, project, reporter).await
}

/// The part of [`connect`] that a rehearsal shares: its settings come from elsewhere.
pub(crate) async fn open(
    settings: &Settings,
    project: &Project,
    reporter: &dyn Reporter,
) -> Result<Cloud, Report> {
    let cloud = Cloud::connect(settings).await?;
    let identity = &cloud.identity;
    identity.require(project.account.as_ref(), &project.region)?;
    reporter.note(format!(
        "Account {} in {}, as {}",
        identity.account, identity.region, identity.arn
    ));
    Ok(cloud)
}

/// The pace of the other side: AWS's own unless a rehearsal says otherwise. Real containers may be
/// at work there, so deadlines stay as they are.
pub(crate) fn pace(arguments: &Aws) -> Pace {
    Pace::rehearsal(arguments.speed, false)
}
