//! The ledger and the lock of an environment, for commands that read them.
//!
//! Rules: reading creates nothing. An account without Beanstalk's bucket has no releases and no lock.

use std::sync::Arc;

use beanpole_cloud::Cloud;
use beanpole_deploy::ledger::{Ledger, LedgerSettings, Record};
use beanpole_deploy::lock::{EnvironmentLock, LockSettings};
use beanpole_manifest::Project;
use beanpole_model::{Pace, Report, Reporter};

use crate::context::Context;
use crate::manner::state_directory;

/// How many releases are looked back on by commands that only look something up.
const HISTORY: usize = 20;

/// The last releases of the project's environment, newest first; empty if nothing was ever released.
pub(crate) async fn history(
    context: &Context,
    project: &Project,
    cloud: &Cloud,
    pace: Pace,
) -> Result<Vec<Record>, Report> {
    match ledger(context, project, cloud, pace).await? {
        Some(ledger) => Ok(ledger.recent(HISTORY).await?),
        None => Ok(Vec::new()),
    }
}

/// Beanstalk's own bucket, if there is one.
async fn bucket(cloud: &Cloud) -> Result<Option<String>, Report> {
    let bucket = cloud.identity.beanstalk_bucket();
    let exists = cloud.storage.bucket_exists(&bucket).await?;
    Ok(exists.then_some(bucket))
}

/// The releases of the project's environment; none if nothing was ever released here.
pub(crate) async fn ledger(
    context: &Context,
    project: &Project,
    cloud: &Cloud,
    pace: Pace,
) -> Result<Option<Ledger>, Report> {
    Ok(bucket(cloud).await?.map(|bucket| {
        Ledger::new(LedgerSettings {
            cloud: cloud.clone(),
            bucket,
            application: project.application.clone(),
            environment: project.environment.clone(),
            state_directory: state_directory(context),
            pace,
            clock: jiff::Timestamp::now,
            reporter: Arc::clone(&context.terminal) as Arc<dyn Reporter>,
            scrubber: context.scrubber.clone(),
            cancel: context.cancel.clone(),
        })
    }))
}

/// The lock of the project's environment. Beanstalk's bucket is created if there is none.
pub(crate) async fn lock(
    context: &Context,
    project: &Project,
    cloud: &Cloud,
    pace: Pace,
) -> Result<EnvironmentLock, Report> {
    let bucket = cloud.beanstalk.storage_location().await?;
    Ok(EnvironmentLock::new(LockSettings {
        cloud: cloud.clone(),
        bucket,
        application: project.application.clone(),
        environment: project.environment.clone(),
        pace,
        reporter: Arc::clone(&context.terminal) as Arc<dyn Reporter>,
        scrubber: context.scrubber.clone(),
        cancel: context.cancel.clone(),
    }))
}
