//! Taking back an update that is under way, and saying what runs afterwards.
//!
//! Rules: nothing is aborted that Beanstalk does not offer to abort. An abort is no roll-back: batches
//! that are done keep the new version, so the result is only called well when every instance was seen
//! with one version in [`LOOKS`] looks in a row. Health data lags behind by up to a minute; one look
//! proves nothing.

use std::collections::HashSet;
use std::fmt;

use beanpole_cloud::{Cloud, Kind};
use beanpole_manifest::Project;
use beanpole_model::{ExitCode, Pace, SecretScrubber};
use serde::{Serialize, Serializer};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::deadline;
use crate::error::Error;
use crate::fleet::Fleet;
use crate::observation::{EnvironmentState, Sight};
use crate::scene::{EventFilter, Scene, is_passing};
use crate::step::{Ended, StepId, Steps};

/// How many looks in a row must agree on what the instances run, [`deadline::POLL`] apart.
pub const LOOKS: u32 = 3;

/// The step's stable id.
pub const STEP: &str = "abort";

/// What an abort needs.
#[derive(Clone, Copy, Debug)]
pub struct AbortRequest<'a> {
    /// The account.
    pub cloud: &'a Cloud,
    /// The project, resolved for the environment.
    pub project: &'a Project,
    /// How fast AWS's clock runs.
    pub pace: Pace,
    /// Knows the secret values of this run.
    pub scrubber: &'a SecretScrubber,
}

/// Whether there is something to abort.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Abortable {
    /// An update is under way and can be taken back.
    Yes {
        /// AWS's word for what goes on.
        state: String,
    },
    /// It is being taken back already.
    Already,
    /// Nothing is under way.
    Nothing,
    /// Something is under way that Beanstalk does not take back.
    Not {
        /// AWS's word for what goes on.
        state: String,
    },
}

/// How an abort ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AbortReport {
    /// The environment.
    pub environment: String,
    /// True if an update was taken back; false if there was none.
    pub aborted: bool,
    /// The version that Beanstalk names for the environment.
    pub version: Option<String>,
    /// What the instances run.
    pub fleet: Fleet,
    /// The exit code that belongs to it.
    #[serde(serialize_with = "as_number")]
    pub exit_code: ExitCode,
}

fn as_number<S: Serializer>(code: &ExitCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u8(code.code())
}

impl fmt::Display for AbortReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let environment = &self.environment;
        if !self.aborted {
            return write!(
                formatter,
                "Nothing to abort: no update of `{environment}` is under way. {}.",
                capital(&self.fleet.to_string())
            );
        }
        write!(
            formatter,
            "Aborted. `{environment}` is at rest, and {}.",
            self.fleet
        )?;
        if !self.fleet.is_consistent() {
            write!(
                formatter,
                "\nBeanstalk leaves it so: `beanpole rollback` brings one version to all instances."
            )?;
        }
        Ok(())
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

/// Looks whether there is something to abort.
///
/// # Errors
/// [`Error::NoEnvironment`], [`Error::Cloud`].
pub async fn abortable(request: &AbortRequest<'_>) -> Result<Abortable, Error> {
    let project = request.project;
    let environment = Box::pin(
        request
            .cloud
            .beanstalk
            .environment(&project.application, &project.environment),
    )
    .await
    .map_err(|source| Error::Cloud {
        doing: "reading the environment",
        source,
    })?
    .ok_or_else(|| Error::NoEnvironment {
        application: project.application.to_string(),
        environment: project.environment.to_string(),
    })?;
    use beanpole_cloud::EnvironmentStatus as Status;
    let state = environment.status.to_string();
    Ok(match environment.status {
        _ if environment.abortable => Abortable::Yes { state },
        Status::Ready => Abortable::Nothing,
        Status::Aborting => Abortable::Already,
        _ => Abortable::Not { state },
    })
}

/// Aborts what is under way, follows until the environment is at rest, and says what runs then.
/// Without anything to abort it only looks.
///
/// # Errors
/// [`Error::NotAbortable`], [`Error::NoEnvironment`], [`Error::EnvironmentGone`],
/// [`Error::OutOfTime`], [`Error::Interrupted`] (AWS goes on), [`Error::Cloud`].
pub async fn abort(
    request: &AbortRequest<'_>,
    found: &Abortable,
    steps: &Steps,
    cancel: &CancellationToken,
) -> Result<AbortReport, Error> {
    let scene = Scene {
        cloud: request.cloud,
        project: request.project,
        pace: request.pace,
        steps,
        cancel,
        scrubber: request.scrubber,
    };
    let environment = request.project.environment.to_string();
    let report = |aborted: bool, sight: &Sight, fleet: Fleet| AbortReport {
        environment: environment.clone(),
        aborted,
        version: sight
            .environment
            .as_ref()
            .and_then(|environment| environment.version.clone()),
        exit_code: if fleet.is_consistent() || !aborted {
            ExitCode::Done
        } else {
            ExitCode::Findings
        },
        fleet,
    };
    match found {
        Abortable::Not { state } => Err(Error::NotAbortable {
            environment,
            state: state.clone(),
        }),
        Abortable::Nothing => {
            let sight = scene
                .patiently("reading the environment", || scene.sight())
                .await?;
            let fleet = Fleet::of(&sight);
            Ok(report(false, &sight, fleet))
        }
        Abortable::Yes { .. } | Abortable::Already => {
            let (sight, fleet) = steps
                .run_named(STEP, "Abort the update", async {
                    if matches!(found, Abortable::Yes { .. }) {
                        scene.send_abort().await?;
                    }
                    let (sight, fleet) = scene.settle_after_abort().await?;
                    let message = fleet.to_string();
                    Ok::<_, Error>(Ended::done((sight, fleet), message))
                })
                .await?;
            Ok(report(true, &sight, fleet))
        }
    }
}

impl Scene<'_> {
    /// Asks Beanstalk to take the update back. An update that ended meanwhile is no error: what runs
    /// then is read afterwards in any case.
    async fn send_abort(&self) -> Result<(), Error> {
        let name = &self.project.environment;
        let sent = self
            .patiently("aborting the update", || self.cloud.beanstalk.abort(name))
            .await;
        let Err(error) = sent else { return Ok(()) };
        let Error::Cloud { source, .. } = &error else {
            return Err(error);
        };
        let is_refused = matches!(source.kind, Kind::InvalidParameter | Kind::Busy);
        let now = self
            .patiently("reading the environment", || self.environment())
            .await?;
        let is_under_way = now.is_some_and(|environment| {
            // A repeated call is refused because the first one worked and its answer was lost.
            environment.state != EnvironmentState::Ready
                && environment.state != EnvironmentState::Busy("Aborting".to_owned())
        });
        if is_refused && !is_under_way {
            self.steps
                .reporter()
                .progress(STEP, "the update had ended by itself");
            return Ok(());
        }
        Err(error)
    }

    /// Waits until the environment is Ready and its instances were seen alike several times.
    async fn settle_after_abort(&self) -> Result<(Sight, Fleet), Error> {
        let limit = deadline::update(&self.project.deployment, self.project.instances.max)
            + deadline::PROOF;
        let mut end = Instant::now() + self.pace.deadline(limit);
        let mut was_ready = false;
        let mut filter = EventFilter::default();
        let mut known = HashSet::new();
        let mut last: Option<(Fleet, u32)> = None;
        loop {
            let seen = tokio::select! {
                biased;
                () = self.cancel.cancelled() => return Err(Error::Interrupted),
                seen = self.sight() => seen,
            };
            let is_late = Instant::now() >= end;
            match seen {
                Ok(sight) => {
                    let environment = self.expect_environment(&sight)?;
                    // From the moment of the abort on, by AWS's own clock.
                    filter.begun = filter.begun.or(environment.updated);
                    for event in self.events(&filter).await {
                        if known.insert(event.clone()) {
                            self.show_event(StepId::Update, &event);
                        }
                    }
                    let fleet = Fleet::of(&sight);
                    let times = match &last {
                        Some((before, times)) if *before == fleet => times.saturating_add(1),
                        _ => 1,
                    };
                    if times == 1 {
                        self.steps
                            .reporter()
                            .progress(STEP, self.scrub(&fleet.to_string()));
                    }
                    let is_ready = environment.state == EnvironmentState::Ready;
                    if is_ready && !was_ready {
                        // An instance may stay half way for ever; its word is not waited for as long.
                        was_ready = true;
                        end = end.min(Instant::now() + self.pace.deadline(deadline::PROOF));
                    }
                    let is_moving = matches!(fleet, Fleet::Moving { .. });
                    if is_ready && ((times >= LOOKS && !is_moving) || is_late) {
                        return Ok((sight, fleet));
                    }
                    last = Some((fleet, times));
                }
                Err(source) if is_late || !is_passing(&source) => {
                    return Err(Error::Cloud {
                        doing: "following the abort",
                        source,
                    });
                }
                Err(_) => {}
            }
            if is_late {
                let environment = self.project.environment.to_string();
                return Err(Error::OutOfTime { environment, limit });
            }
            self.pause(deadline::POLL).await?;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn report(aborted: bool, fleet: Fleet) -> AbortReport {
        AbortReport {
            environment: "shop-production".to_owned(),
            aborted,
            version: Some("v1".to_owned()),
            exit_code: ExitCode::Findings,
            fleet,
        }
    }

    #[test]
    fn the_report_says_what_runs() {
        let one = Fleet::Consistent {
            version: "v1".to_owned(),
            instances: 2,
        };
        insta::assert_snapshot!(report(false, one.clone()), @"Nothing to abort: no update of `shop-production` is under way. All 2 instances run `v1`.");
        insta::assert_snapshot!(report(true, one), @"Aborted. `shop-production` is at rest, and all 2 instances run `v1`.");
        let mixed = Fleet::Mixed {
            versions: BTreeMap::from([("v1".to_owned(), 1), ("v2".to_owned(), 1)]),
            failed: Vec::new(),
        };
        insta::assert_snapshot!(report(true, mixed), @r"
        Aborted. `shop-production` is at rest, and the fleet is mixed: 1 on `v1`, 1 on `v2`.
        Beanstalk leaves it so: `beanpole rollback` brings one version to all instances.
        ");
    }
}
