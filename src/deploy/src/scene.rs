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
use beanpole_model::{Event, Pace, SecretScrubber};
use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::observation::{EnvironmentSight, EventSight, InstanceSight, Sight, is_healthy};
use crate::patience::Patience;
use crate::step::{StepId, Steps, one_line};

/// What every step of a release needs.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// The connected account.
    pub cloud: &'a Cloud,
    /// The project, with the environment that is worked on.
    pub project: &'a Project,
    /// AWS's clock.
    pub pace: Pace,
    /// Tells and remembers the steps.
    pub steps: &'a Steps,
    /// Ends all waits.
    pub cancel: &'a CancellationToken,
    /// Knows the secret values of this run.
    pub scrubber: &'a SecretScrubber,
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
    fn patience(&self) -> Patience<'_> {
        Patience {
            pace: self.pace,
            cancel: self.cancel,
        }
    }

    /// Sleeps for `aws_time`, give or take the jitter.
    ///
    /// # Errors
    /// [`Error::Interrupted`].
    pub(crate) async fn pause(&self, aws_time: Duration) -> Result<(), Error> {
        self.patience().pause(aws_time).await
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
        self.patience().patiently(doing, call).await
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
        self.patience().repeatedly(doing, call).await
    }

    /// Refuses an environment of Beanstalk Cluster, which runs on EKS: it has no instances to prove a
    /// version on, and other settings than ours.
    ///
    /// # Errors
    /// [`Error::ClusterMode`].
    pub(crate) fn refuse_cluster_mode(&self, is_cluster: bool) -> Result<(), Error> {
        if is_cluster {
            return Err(Error::ClusterMode {
                environment: self.project.environment.to_string(),
            });
        }
        Ok(())
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
        self.tell_sight(&environment, instances.as_deref().unwrap_or_default());
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

    /// Shows a look at the environment to live views.
    fn tell_sight(
        &self,
        environment: &EnvironmentSight,
        instances: &[beanpole_cloud::InstanceHealth],
    ) {
        let name = self.project.environment.as_str();
        let snapshot = crate::snapshot::snapshot(name, environment, instances);
        self.steps.reporter().report(&Event::Environment(snapshot));
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
