//! Moves the environment to a version: waits until it takes changes, asks once, and follows.
//!
//! Rules: version and settings never go in one update. A busy environment is waited for, with a
//! deadline, before anything is sent. A call whose answer was lost is never repeated blindly: the
//! environment is read first. The deadline of the watch follows from policy, batches and timeout.

use std::sync::Arc;
use std::time::Duration;

use beanpole_cloud::{Kind, UpdateEnvironment};
use beanpole_model::VersionLabel;
use beanpole_provision::OptionChange;
use jiff::Timestamp;
use tokio::time::Instant;

use crate::deadline;
use crate::error::Error;
use crate::following::{End, Following};
use crate::observation::{EnvironmentSight, EnvironmentState, EventSight, Sight, is_healthy};
use crate::poll::Poll;
use crate::proof::Expectation;
use crate::release_watch::ReleaseWatch;
use crate::scene::{EventFilter, Scene};
use crate::step::StepId;

/// How many of a busy environment's last events are shown.
const EVENTS_SHOWN: usize = 5;

/// What the environment was before it was changed: the state to go back to.
#[derive(Clone, Debug)]
pub(crate) struct Baseline {
    /// The version that it ran.
    pub(crate) version: Option<String>,
    /// True if it was healthy with it.
    pub(crate) was_healthy: bool,
    /// The newest deployment id on its instances.
    pub(crate) newest_deployment: Option<i64>,
    /// How many instances it had.
    pub(crate) instances: u32,
}

impl Baseline {
    pub(crate) fn of(sight: &Sight) -> Self {
        let environment = sight.environment.as_ref();
        let count = sight.instances.as_ref().map_or(0, Vec::len);
        Self {
            version: environment.and_then(|environment| environment.version.clone()),
            was_healthy: environment.is_some_and(|environment| {
                is_healthy(environment.color, environment.status.as_deref())
            }),
            newest_deployment: sight.newest_deployment(),
            instances: u32::try_from(count).unwrap_or(u32::MAX),
        }
    }
}

/// An update that AWS accepted.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) events: EventFilter,
    /// The watch on the release step; none if the project has none.
    pub(crate) release: Option<Arc<ReleaseWatch>>,
}

impl Scene<'_> {
    /// Waits until the environment takes changes, and says how it stands then.
    ///
    /// # Errors
    /// [`Error::NoEnvironment`], [`Error::EnvironmentGone`], [`Error::Busy`], [`Error::Cloud`],
    /// [`Error::Interrupted`].
    pub(crate) async fn wait_until_ready(&self, step: StepId) -> Result<Sight, Error> {
        let end = Instant::now() + self.pace.deadline(deadline::BUSY);
        let mut told = None;
        loop {
            let sight = self
                .patiently("reading the environment", || self.sight())
                .await?;
            let environment = self.expect_environment(&sight)?;
            let EnvironmentState::Busy(state) = &environment.state else {
                return Ok(sight);
            };
            if Instant::now() >= end {
                return Err(self.busy(state, environment.updated).await);
            }
            if told.as_ref() != Some(state) {
                let why = self.what_keeps_it_busy(state).await;
                self.progress(step, format!("waiting: the environment is {why}"));
                told = Some(state.clone());
            }
            self.pause(deadline::POLL).await?;
        }
    }

    /// The environment, unless it is missing or going away.
    ///
    /// # Errors
    /// [`Error::NoEnvironment`], [`Error::EnvironmentGone`].
    pub(crate) fn expect_environment<'s>(
        &self,
        sight: &'s Sight,
    ) -> Result<&'s EnvironmentSight, Error> {
        let Some(environment) = &sight.environment else {
            return Err(Error::NoEnvironment {
                application: self.project.application.to_string(),
                environment: self.project.environment.to_string(),
            });
        };
        match &environment.state {
            EnvironmentState::Ending(state) => Err(self.gone(state)),
            EnvironmentState::Ready | EnvironmentState::Busy(_) => Ok(environment),
        }
    }

    pub(crate) fn gone(&self, state: &str) -> Error {
        Error::EnvironmentGone {
            environment: self.project.environment.to_string(),
            state: state.to_owned(),
        }
    }

    async fn busy(&self, state: &str, begun: Option<Timestamp>) -> Error {
        let state = self.what_keeps_it_busy(state).await;
        let events = self
            .events(&EventFilter {
                request: None,
                begun,
            })
            .await;
        let skipped = events.len().saturating_sub(EVENTS_SHOWN);
        Error::Busy {
            environment: self.project.environment.to_string(),
            state,
            waited: deadline::BUSY,
            events: events
                .iter()
                .skip(skipped)
                .map(|event| format!("{} {}", event.at, event.message))
                .collect(),
        }
    }

    /// Asks Beanstalk to move the environment to `label`; `release` watches its release step.
    ///
    /// # Errors
    /// Those of [`Scene::send`].
    pub(crate) async fn send_update(
        &self,
        label: &VersionLabel,
        release: Option<ReleaseWatch>,
        step: StepId,
    ) -> Result<Sent, Error> {
        let project = self.project;
        let update = UpdateEnvironment::deploy(
            project.application.clone(),
            project.environment.clone(),
            label.clone(),
        );
        let sent = self.send(&update, step).await?;
        Ok(Sent {
            release: release.map(Arc::new),
            ..sent
        })
    }

    /// Asks Beanstalk to change the environment. It was Ready a moment ago; if someone else is
    /// faster, this waits for them.
    ///
    /// # Errors
    /// Those of [`Scene::wait_until_ready`], and the refusal.
    pub(crate) async fn send(
        &self,
        update: &UpdateEnvironment,
        step: StepId,
    ) -> Result<Sent, Error> {
        let end = Instant::now() + self.pace.deadline(deadline::BUSY);
        let mut refusals = 0;
        loop {
            // Not to be interrupted half way: either it was sent, or it was not.
            if self.cancel.is_cancelled() {
                return Err(Error::Interrupted);
            }
            let source = match Box::pin(self.cloud.beanstalk.update_environment(update)).await {
                Ok(started) => {
                    let events = EventFilter {
                        request: started.request_id,
                        begun: started.environment.updated,
                    };
                    return Ok(Sent {
                        events,
                        release: None,
                    });
                }
                Err(error) => error,
            };
            refusals += 1;
            let is_worth_another = match source.kind {
                Kind::Busy | Kind::Throttled | Kind::Network | Kind::Service => true,
                // Beanstalk refuses a busy environment with this code too, and it may have become
                // Ready before the client could look.
                Kind::InvalidParameter => refusals == 1,
                _ => false,
            };
            if !is_worth_another || Instant::now() >= end {
                return Err(Error::Cloud {
                    doing: "updating the environment",
                    source,
                });
            }
            self.pause(deadline::POLL).await?;
            let sight = self.wait_until_ready(step).await?;
            // The call may have worked although its answer was lost.
            let was_lost = matches!(source.kind, Kind::Network | Kind::Service);
            if was_lost
                && let Some(environment) = &sight.environment
                && self.has_taken(update, environment).await?
            {
                let events = EventFilter {
                    request: None,
                    begun: environment.updated,
                };
                return Ok(Sent {
                    events,
                    release: None,
                });
            }
        }
    }

    /// True if the environment is as an update would have it.
    async fn has_taken(
        &self,
        update: &UpdateEnvironment,
        environment: &EnvironmentSight,
    ) -> Result<bool, Error> {
        let label = update.version_label.as_ref().map(VersionLabel::as_str);
        if label.is_some() && label != environment.version.as_deref() {
            return Ok(false);
        }
        let options = OptionChange {
            settings: update.settings.clone(),
            remove: update.remove.clone(),
        };
        if options.is_empty() {
            return Ok(true);
        }
        let sets = self.option_sets().await?;
        Ok(options.left(&sets.in_force).is_empty())
    }

    /// Follows an update until the environment is Ready again, and shows what its release step
    /// prints. Returns the errors that Beanstalk told meanwhile.
    ///
    /// # Errors
    /// [`Error::OutOfTime`], [`Error::EnvironmentGone`], [`Error::Interrupted`], [`Error::Cloud`]
    /// when AWS can no longer be asked.
    pub(crate) async fn follow(
        &self,
        sent: &Sent,
        expectation: Expectation,
        instances: u32,
        step: StepId,
        errors: &mut Vec<EventSight>,
    ) -> Result<(), Error> {
        let followed = self.follow_state(sent, expectation, instances, step, errors);
        match &sent.release {
            None => followed.await,
            Some(release) => self.while_showing(release, step, followed).await,
        }
    }

    async fn follow_state(
        &self,
        sent: &Sent,
        expectation: Expectation,
        instances: u32,
        step: StepId,
        errors: &mut Vec<EventSight>,
    ) -> Result<(), Error> {
        let count = instances.max(self.project.instances.min);
        let limit = deadline::update(&self.project.deployment, count);
        let mut poll = Poll::new(self, limit);
        let mut following = Following::new(expectation);
        loop {
            let (sight, events) = self
                .seen(async { tokio::join!(self.sight(), self.events(&sent.events)) })
                .await?;
            let told = following.look(sight.as_ref().ok(), &events);
            for event in &told.news {
                self.show_event(step, event);
            }
            *errors = following.errors();
            if let Some(progress) = told.progress {
                self.progress(step, progress);
            }
            match told.end {
                Some(End::Settled) => return Ok(()),
                Some(End::Gone) => return Err(self.gone("gone")),
                None => {}
            }
            let trouble = sight.err();
            poll.next(self, "following the update", trouble, |limit| {
                self.out_of_time(limit)
            })
            .await?;
        }
    }

    pub(crate) fn out_of_time(&self, limit: Duration) -> Error {
        Error::OutOfTime {
            environment: self.project.environment.to_string(),
            limit,
        }
    }
}
