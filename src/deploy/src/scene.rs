//! What every step of a release needs at hand, and how it looks at AWS.
//!
//! Rules: every pause can be interrupted; every look tells passing trouble (throttling, a broken
//! connection, AWS's own failures) from final trouble. Passing trouble never ends a release: before
//! the update it is waited out here, after it the poll loops go on until their deadline. Calls are
//! boxed: the SDK's futures are large, and nested in ours they overflow a thread's stack.

use std::future::Future;
use std::time::Duration;

use beanpole_cloud::{BeanstalkEvent, Cloud, EventQuery, Kind};
use beanpole_manifest::Project;
use beanpole_model::{Pace, SecretScrubber};
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::observation::{EnvironmentSight, EventSight, InstanceSight, Sight, is_healthy};
use crate::step::{StepId, Steps, one_line};

/// How long throttling is waited out before the update, in AWS time, beyond the client's own
/// attempts.
const PATIENCE_WITH_THROTTLING: Duration = Duration::from_secs(5 * 60);

/// The same for a broken connection and for AWS's own failures.
const PATIENCE_WITH_FAILURES: Duration = Duration::from_secs(60);

/// The first pause after passing trouble; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(5);

/// The longest pause after passing trouble.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Polls of several jobs must not fall into step: each pause differs by up to this share.
const JITTER: f64 = 0.1;

/// What every step of a release needs.
#[derive(Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub(crate) cloud: &'a Cloud,
    pub(crate) project: &'a Project,
    pub(crate) pace: Pace,
    pub(crate) steps: &'a Steps,
    pub(crate) cancel: &'a CancellationToken,
    pub(crate) scrubber: &'a SecretScrubber,
}

/// How far before an update's own time its events are asked for: AWS's parts have clocks of their
/// own.
const EVENT_OVERLAP: SignedDuration = SignedDuration::from_secs(60);

/// Which events belong to an update. All times are AWS's: our clock may differ.
#[derive(Clone, Debug, Default)]
pub(crate) struct EventFilter {
    /// AWS's id of the request, if its answer arrived.
    pub(crate) request: Option<String>,
    /// When the environment was changed.
    pub(crate) begun: Option<Timestamp>,
}

impl EventFilter {
    /// Changes of health carry no request id, so those since the beginning count as well.
    fn takes(&self, event: &BeanstalkEvent) -> bool {
        match (&self.request, &event.request_id) {
            (Some(wanted), Some(found)) => wanted == found,
            (None, _) | (_, None) => self
                .begun
                .is_some_and(|begun| event.at.is_some_and(|at| at >= begun)),
        }
    }
}

impl Scene<'_> {
    /// Sleeps for `aws_time`, give or take the jitter.
    ///
    /// # Errors
    /// [`Error::Interrupted`].
    pub(crate) async fn pause(&self, aws_time: Duration) -> Result<(), Error> {
        let jitter = rand::random_range(1.0 - JITTER..=1.0 + JITTER);
        let pause = self.pace.wait(aws_time.mul_f64(jitter));
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(Error::Interrupted),
            () = tokio::time::sleep(pause) => Ok(()),
        }
    }

    /// Makes a call that may be repeated and given up at any point, and waits passing trouble out.
    ///
    /// # Errors
    /// [`Error::Interrupted`]; [`Error::Cloud`] when the trouble is final or lasts.
    pub(crate) async fn patiently<T, Call, Answer>(
        &self,
        doing: &'static str,
        call: Call,
    ) -> Result<T, Error>
    where
        Call: Fn() -> Answer,
        Answer: Future<Output = Result<T, beanpole_cloud::Error>>,
    {
        self.repeatedly(doing, || async {
            tokio::select! {
                biased;
                () = self.cancel.cancelled() => Err(given_up()),
                answer = Box::pin(call()) => answer,
            }
        })
        .await
    }

    /// The same for a call that knows itself how to be given up.
    ///
    /// # Errors
    /// [`Error::Interrupted`]; [`Error::Cloud`] when the trouble is final or lasts.
    pub(crate) async fn repeatedly<T, Call, Answer>(
        &self,
        doing: &'static str,
        call: Call,
    ) -> Result<T, Error>
    where
        Call: Fn() -> Answer,
        Answer: Future<Output = Result<T, beanpole_cloud::Error>>,
    {
        let started = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let error = match Box::pin(call()).await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let patience = match error.kind {
                Kind::Interrupted => return Err(Error::Interrupted),
                Kind::Throttled => PATIENCE_WITH_THROTTLING,
                Kind::Network | Kind::Service => PATIENCE_WITH_FAILURES,
                _ => Duration::ZERO,
            };
            if started.elapsed() >= self.pace.deadline(patience) {
                return Err(Error::Cloud {
                    doing,
                    source: error,
                });
            }
            self.pause(pause).await?;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// The environment as it is now, without its instances and causes; none if it does not exist.
    ///
    /// # Errors
    /// The failed call.
    pub(crate) async fn environment(
        &self,
    ) -> Result<Option<EnvironmentSight>, beanpole_cloud::Error> {
        let project = self.project;
        let found = Box::pin(
            self.cloud
                .beanstalk
                .environment(&project.application, &project.environment),
        )
        .await?;
        Ok(found.as_ref().map(EnvironmentSight::from))
    }

    /// The environment, its instances, and its causes if it is not well.
    ///
    /// # Errors
    /// The failed call.
    pub(crate) async fn sight(&self) -> Result<Sight, beanpole_cloud::Error> {
        let name = &self.project.environment;
        let beanstalk = &self.cloud.beanstalk;
        let (environment, instances) =
            tokio::join!(self.environment(), Box::pin(beanstalk.instances(name)));
        let Some(mut environment) = environment? else {
            return Ok(Sight {
                environment: None,
                instances: None,
            });
        };
        let instances = match instances {
            Ok(instances) => Some(instances.iter().map(InstanceSight::from).collect()),
            // Without enhanced health the call is refused; a vanished environment is told above.
            Err(error) if matches!(error.kind, Kind::InvalidParameter | Kind::NotFound) => None,
            Err(error) => return Err(error),
        };
        if !is_healthy(environment.color, environment.status.as_deref())
            && instances.is_some()
            // Causes only explain: a failed call must not hide what is known.
            && let Ok(health) = Box::pin(beanstalk.health(name)).await
        {
            environment.causes = health.causes;
        }
        Ok(Sight {
            environment: Some(environment),
            instances,
        })
    }

    /// The events of an update, oldest first. Events only explain, so trouble gives none.
    pub(crate) async fn events(&self, filter: &EventFilter) -> Vec<EventSight> {
        let mut query = EventQuery {
            application: Some(self.project.application.clone()),
            environment: Some(self.project.environment.clone()),
            ..EventQuery::default()
        };
        match filter.begun {
            Some(begun) => query.since = begun.checked_sub(EVENT_OVERLAP).ok(),
            // Never without any bound: AWS keeps six weeks of events.
            None if filter.request.is_some() => query.request_id.clone_from(&filter.request),
            None => return Vec::new(),
        }
        match Box::pin(self.cloud.beanstalk.events(&query)).await {
            Ok(events) => events
                .iter()
                .filter(|event| filter.takes(event))
                .map(|event| self.clean(event.into()))
                .collect(),
            Err(_) => Vec::new(),
        }
    }

    /// Text of other origin, fit to be shown: one line, without known secrets.
    pub(crate) fn scrub(&self, text: &str) -> String {
        one_line(&self.scrubber.scrub(text))
    }

    fn clean(&self, event: EventSight) -> EventSight {
        EventSight {
            message: self.scrub(&event.message),
            ..event
        }
    }

    /// A line about the progress of a step.
    pub(crate) fn progress(&self, step: StepId, message: impl Into<String>) {
        self.steps.reporter().progress(step.id(), message);
    }

    /// Shows an event of Beanstalk's as output of a step.
    pub(crate) fn show_event(&self, step: StepId, event: &EventSight) {
        let line = match event.severity.as_str() {
            "WARN" | "ERROR" | "FATAL" => format!("{}: {}", event.severity, event.message),
            _ => event.message.clone(),
        };
        self.steps.reporter().output(step.id(), "beanstalk", line);
    }
}

/// True for trouble that may be over at the next attempt.
pub(crate) fn is_passing(error: &beanpole_cloud::Error) -> bool {
    matches!(error.kind, Kind::Throttled | Kind::Network | Kind::Service)
}

/// What a call that was given up comes to.
fn given_up() -> beanpole_cloud::Error {
    beanpole_cloud::Error::new("", "", "", Kind::Interrupted, "")
}
