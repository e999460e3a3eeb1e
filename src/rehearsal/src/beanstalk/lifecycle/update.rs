//! UpdateEnvironment: a version, settings, a platform, or all of them in one operation.
//!
//! The API's text says that a version and settings in one request are refused; in practice AWS takes
//! them, and both Terraform and AWS's own deployment action send them together. We take them too, as one
//! deployment.

use std::future::Future;
use std::pin::Pin;

use super::command::{self, Bundle, Payload, Script};
use super::configure::{self, Effect};
use super::deploy::{self, Plot};
use super::durations;
use super::managed;
use super::operation::{Operation, Step, Trouble};
use crate::beanstalk::event_log::Severity;
use crate::beanstalk::options::Settings;
use crate::beanstalk::platforms::Platform;
use crate::beanstalk::rollout::Rollout;
use crate::beanstalk::state::{Environment, SAMPLE_APPLICATION};
use crate::beanstalk::{secret_file, variables};
use crate::clock::add;
use crate::faults::DeploymentFacts;

/// What is to change.
#[derive(Clone, Debug, Default)]
pub(crate) struct Change {
    pub(crate) version: Option<String>,
    pub(crate) settings: Option<Settings>,
    pub(crate) platform: Option<Platform>,
}

/// The facts of one update, gathered before it starts.
struct Update {
    name: String,
    change: Change,
    before: Settings,
    after: Settings,
    label: String,
    effect: Effect,
    deployment_id: i64,
}

impl Update {
    fn gather(environment: &mut Environment, change: Change) -> Self {
        let before = environment.settings.clone();
        let after = change.settings.clone().unwrap_or_else(|| before.clone());
        let label = change
            .version
            .clone()
            .unwrap_or_else(|| environment.version_label.clone());
        let effect = if change.platform.is_some() {
            Effect::Replace
        } else {
            configure::effect(&before, &after)
        };
        if change.version.is_some() || effect != Effect::None {
            environment.deployment_id += 1;
        }
        environment.red = environment.red.take().filter(|(red, _)| *red == label);
        environment.stuck = None;
        Self {
            name: environment.name.clone(),
            change,
            before,
            after,
            label,
            effect,
            deployment_id: environment.deployment_id,
        }
    }

    fn facts(&self) -> DeploymentFacts<'_> {
        DeploymentFacts {
            environment: &self.name,
            version: if self.label == SAMPLE_APPLICATION {
                ""
            } else {
                &self.label
            },
            deployment: u64::try_from(self.deployment_id).unwrap_or_default(),
        }
    }
}

/// Runs an update to its end, good or bad. The environment is ready afterwards in any case.
pub(crate) async fn update(operation: Operation, change: Change) {
    let Ok(update) = operation.change(|environment| Update::gather(environment, change)) else {
        return;
    };
    match run(&operation, &update).await {
        Ok(()) => succeed(&operation, &update),
        Err(trouble) => {
            if update.change.version.is_none() && trouble == Trouble::Failed {
                revert(&operation, &update).await;
            }
            fail(&operation, &update, &trouble);
        }
    }
}

async fn run(operation: &Operation, update: &Update) -> Step<()> {
    operation.sleep(durations::START).await?;
    if update.change.settings.is_some() {
        operation.info(format!(
            "Updating environment {}'s configuration settings.",
            update.name
        ));
    }
    let faults = operation.shared.world.faults();
    let touches = update.change.version.is_some() || update.effect != Effect::None;
    let plot = if touches {
        Plot {
            failing_batch: faults.failing_batch(update.facts()),
            left_behind: faults
                .mixed_fleet(update.facts())
                .and_then(|count| usize::try_from(count).ok())
                .unwrap_or_default(),
        }
    } else {
        Plot::default()
    };
    let payload = prepare(
        operation,
        update.deployment_id,
        &update.label,
        &update.after,
    )
    .await?;
    let rollout = Rollout::from_settings(&update.after);
    if update.change.version.is_some() {
        deploy::deploy(operation, &payload, &rollout, plot).await?;
    } else {
        match update.effect {
            Effect::None => operation.sleep(durations::SMALL_RESOURCE).await?,
            Effect::Restart => configure::restart(operation, &payload, plot).await?,
            Effect::Replace => configure::replace(operation, &payload, &rollout, plot).await?,
        }
    }
    configure::scale(operation, &payload, &update.after).await
}

/// Fetches what a deployment needs: the bundle from S3, the variables with their secrets.
pub(crate) async fn prepare(
    operation: &Operation,
    deployment_id: i64,
    label: &str,
    settings: &Settings,
) -> Step<Payload> {
    let world = &operation.shared.world;
    let application = operation.read(|environment| environment.application.clone())?;
    let location = operation.shared.read(|state| {
        state
            .version(&application, label)
            .ok()
            .and_then(|version| version.bundle.clone())
    });
    let bundle = match location {
        Some((bucket, key)) => match world.storage().get(&bucket, &key).await {
            Some(bytes) => Bundle::Source(bytes),
            None => Bundle::Missing,
        },
        None if label == SAMPLE_APPLICATION => Bundle::Sample,
        None => Bundle::Missing,
    };
    let secret_file = match &bundle {
        Bundle::Source(bytes) => secret_file::resolve(world, bytes, settings).await,
        Bundle::Sample | Bundle::Missing => Ok(None),
    };
    Ok(Payload {
        deployment_id,
        label: label.to_owned(),
        bundle,
        variables: variables::resolve(world, settings).await,
        secret_file,
        health_path: settings.health_path(),
        timeout: Rollout::from_settings(settings).timeout,
    })
}

fn succeed(operation: &Operation, update: &Update) {
    let mut events = Vec::new();
    let mut say = |message: &str| events.push((Severity::Info, message.to_owned()));
    if update.change.version.is_some() {
        say("New application version was deployed to running EC2 instances.");
    }
    if update.change.settings.is_some() {
        say("Successfully deployed new configuration to environment.");
    }
    say("Environment update completed successfully.");
    let now = operation.now();
    let faults = operation.shared.world.faults();
    let touched = update.change.version.is_some() || update.effect != Effect::None;
    let red = if touched {
        faults.red_after(update.facts())
    } else {
        None
    };
    let stuck = if touched {
        faults.health_stuck(update.facts())
    } else {
        None
    };
    if touched && let Some(after) = faults.managed_update(update.facts()) {
        let shared = operation.shared.clone();
        let work = managed::managed_update(shared, operation.environment.clone(), after);
        // Boxed: an update may lead to a managed one, which is an update again.
        operation
            .shared
            .spawn(Box::pin(work) as Pin<Box<dyn Future<Output = ()> + Send>>);
    }
    operation.finish(&events, |environment| {
        if update.change.settings.is_some() {
            environment.settings = update.after.clone();
            environment.attempted = None;
            environment.settings_updated = now;
        }
        if let Some(platform) = update.change.platform {
            environment.platform = platform;
        }
        environment.version_label.clone_from(&update.label);
        environment.expected = Some((update.deployment_id, update.label.clone()));
        environment.stuck = stuck;
        if let Some(red) = red {
            environment.red = Some((update.label.clone(), add(now, red.after)));
        }
    });
}

/// Puts the former configuration back after a configuration change failed, as Beanstalk does (it never
/// does so for versions).
async fn revert(operation: &Operation, update: &Update) {
    operation.error("Failed to deploy configuration.");
    if update.effect != Effect::Restart {
        return;
    }
    let Ok(deployment_id) = operation.change(|environment| {
        environment.deployment_id += 1;
        environment.deployment_id
    }) else {
        return;
    };
    let reverted = async {
        let payload = prepare(operation, deployment_id, &update.label, &update.before).await?;
        configure::restart(operation, &payload, Plot::default()).await
    }
    .await;
    if reverted.is_ok() {
        let label = update.label.clone();
        // An environment that is gone needs no expectation.
        drop(operation.change(|environment| environment.expected = Some((deployment_id, label))));
        operation.info("The environment was reverted to the previous configuration setting.");
    }
}

fn fail(operation: &Operation, update: &Update, trouble: &Trouble) {
    let events = match trouble {
        Trouble::Aborted => vec![(
            Severity::Info,
            "The environment update was aborted.".to_owned(),
        )],
        Trouble::Failed => Vec::new(),
    };
    operation.finish(&events, |environment| {
        if update.change.settings.is_some() {
            environment.attempted = Some((update.after.clone(), "failed"));
        }
    });
}

/// RestartAppServer: the application starts again with the same version and fresh secrets.
pub(crate) async fn restart(operation: Operation) {
    let result = async {
        operation.sleep(durations::START).await?;
        let (number, label, settings, fleet) = operation.read(|environment| {
            let fleet: Vec<_> = environment
                .instances
                .iter()
                .map(|instance| instance.id.clone())
                .collect();
            (
                environment.deployment_id,
                environment.version_label.clone(),
                environment.settings.clone(),
                fleet,
            )
        })?;
        let payload = prepare(&operation, number, &label, &settings).await?;
        let failed = command::run(&operation, &fleet, &payload, None, &Script::default()).await?;
        deploy::give_up_on(&operation, &failed)
    }
    .await;
    let event = match result {
        Ok(()) => (
            Severity::Info,
            "Restarted the application servers.".to_owned(),
        ),
        Err(_) => (
            Severity::Error,
            "Failed to restart the application servers.".to_owned(),
        ),
    };
    operation.finish(&[event], |_| {});
}
