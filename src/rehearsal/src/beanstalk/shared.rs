//! What the operations and life cycles of Beanstalk share: the state behind its lock, the bell that
//! rings when it changes, and the way events get into the log.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::event_log::{Event, Severity};
use super::state::{Environment, SAMPLE_APPLICATION, State};
use crate::clock::add;
use crate::faults::{DeploymentFacts, EventFate};
use crate::world::World;

pub(crate) struct Shared {
    pub(crate) world: Arc<World>,
    pub(crate) shutdown: CancellationToken,
    pub(crate) tasks: TaskTracker,
    state: Mutex<State>,
    changes: watch::Sender<u64>,
}

impl Shared {
    pub(crate) fn new(world: &Arc<World>, shutdown: &CancellationToken) -> Arc<Self> {
        Arc::new(Self {
            world: world.clone(),
            shutdown: shutdown.clone(),
            tasks: TaskTracker::new(),
            state: Mutex::new(State::default()),
            changes: watch::channel(0).0,
        })
    }

    /// Looks at the state. Do nothing slow in `look`: the lock is held.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.lock())
    }

    /// Changes the state and wakes whoever waits for a change.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.lock());
        self.changes
            .send_modify(|count| *count = count.wrapping_add(1));
        result
    }

    /// A bell that rings at every change from now on.
    pub(crate) fn bell(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Runs a life cycle until it ends or the rehearsal does.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let shutdown = self.shutdown.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = work => {}
                () = shutdown.cancelled() => {}
            }
        });
    }

    /// Puts an event about an environment into the log, as the fault script lets it.
    pub(crate) fn tell(
        &self,
        state: &mut State,
        environment_id: &str,
        request_id: Option<&str>,
        severity: Severity,
        message: impl Into<String>,
    ) {
        let Some(environment) = state.by_id(environment_id) else {
            return;
        };
        let message = message.into();
        let at = self.world.clock.now();
        let shown_from = match self.world.faults().event(facts(environment), &message) {
            EventFate::Deliver => Some(at),
            EventFate::Lose => None,
            EventFate::Delay(by) => Some(add(at, by)),
        };
        let event = Event {
            at,
            shown_from,
            severity,
            message,
            application: Some(environment.application.clone()),
            environment: Some(environment.name.clone()),
            environment_id: Some(environment.id.clone()),
            version_label: None,
            platform_arn: None,
            request_id: request_id.map(ToOwned::to_owned),
        };
        state.events.push(event);
    }

    /// Puts an event about an application, and maybe one of its versions, into the log.
    pub(crate) fn tell_about_application(
        &self,
        state: &mut State,
        application: &str,
        version_label: Option<&str>,
        request_id: &str,
        severity: Severity,
        message: impl Into<String>,
    ) {
        let at = self.world.clock.now();
        state.events.push(Event {
            at,
            shown_from: Some(at),
            severity,
            message: message.into(),
            application: Some(application.to_owned()),
            environment: None,
            environment_id: None,
            version_label: version_label.map(ToOwned::to_owned),
            platform_arn: None,
            request_id: Some(request_id.to_owned()),
        });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the fault script needs to know about the deployment under way, or the last one.
fn facts(environment: &Environment) -> DeploymentFacts<'_> {
    let newest = environment
        .instances
        .iter()
        .filter_map(|instance| instance.deployment.as_ref())
        .max_by_key(|deployment| deployment.id);
    let version = newest.map_or(environment.version_label.as_str(), |newest| {
        newest.label.as_str()
    });
    DeploymentFacts {
        environment: &environment.name,
        version: if version == SAMPLE_APPLICATION {
            ""
        } else {
            version
        },
        deployment: u64::try_from(environment.deployment_id).unwrap_or_default(),
    }
}
