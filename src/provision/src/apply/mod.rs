//! Applying a plan: the account is looked at again, the rest of the plan is made, and every change
//! runs as soon as what it needs is done.
//!
//! Rules:
//! - What was agreed to is the plan. If the account changed so that more would be done, nothing is.
//! - A change is repeatable: "exists already" means that an earlier run got this far.
//! - A failure or an interruption stops the waiting, not AWS: what goes on there is told.

mod data;
mod environment;
mod network;
mod secrets;
mod wait;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use beanpole_cloud::Cloud;
use beanpole_manifest::Project;
use beanpole_model::{Event, Pace, Reporter, SecretScrubber, StepOutcome};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use serde::Serialize;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::connections;
use crate::error::Error;
use crate::names::Store;
use crate::observed::{Observed, SecretFacts};
use crate::plan::{Action, Change, Kind, Plan, Resource};

/// How often a step is tried when the network or AWS itself fails.
const ATTEMPTS: u32 = 4;

/// A resource that was created or changed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Created {
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// AWS's id or ARN, where it differs from the name.
    pub id: Option<String>,
    /// Whether it was created or changed.
    pub action: Action,
    /// How long that took, in seconds of wall-clock time.
    pub seconds: f64,
}

/// Host name and port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Endpoint {
    /// The host name.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// The outcome of applying a plan.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Applied {
    /// What was created or changed, in the order in which it was done. Empty if nothing had to be.
    pub resources: Vec<Created>,
    /// How many resources were as they should be.
    pub unchanged: usize,
    /// Where database and cache are.
    pub endpoints: BTreeMap<Store, Endpoint>,
    /// The variables that come from Secrets Manager, with the references that Beanstalk has.
    pub references: BTreeMap<String, String>,
    /// The environment's id.
    pub environment_id: Option<String>,
    /// The environment's public name.
    pub cname: Option<String>,
}

/// Makes the account what the plan says. Repeating it changes nothing. All secret values that are read
/// or made go to `scrubber`.
///
/// Reports one step a change, `apply-<id>`. Durations are AWS's: they pass through `pace`.
///
/// # Errors
/// [`Error::Plan`] and [`Error::OutOfDate`] before anything is changed; [`Error::Apply`] with the first
/// failure, what was done before, and what AWS goes on with.
pub async fn apply(
    cloud: &Cloud,
    project: &Project,
    plan: &Plan,
    pace: Pace,
    reporter: &dyn Reporter,
    scrubber: &SecretScrubber,
    cancel: &CancellationToken,
) -> Result<Applied, Error> {
    plan.check()?;
    let observed = Box::pin(crate::observe(cloud, project, scrubber, cancel)).await?;
    let fresh = crate::plan(project, &observed, &cloud.identity);
    fresh.check()?;
    let beyond = plan.beyond(&fresh);
    if !beyond.is_empty() {
        return Err(Error::OutOfDate {
            environment: project.environment.clone(),
            beyond,
        });
    }
    let context = Context {
        cloud,
        project,
        observed: &observed,
        pace,
        reporter,
        scrubber,
        stop: cancel.child_token(),
        state: Mutex::new(State::from_observed(&observed)),
    };
    Box::pin(context.run(&fresh)).await
}

/// What the steps of one run share.
struct Context<'a> {
    cloud: &'a Cloud,
    project: &'a Project,
    observed: &'a Observed,
    pace: Pace,
    reporter: &'a dyn Reporter,
    scrubber: &'a SecretScrubber,
    /// Set when the caller interrupts, or when a step has failed.
    stop: CancellationToken,
    state: Mutex<State>,
}

/// What became known so far. Filled from what existed, then by the steps.
#[derive(Default)]
struct State {
    security_groups: BTreeMap<Store, String>,
    endpoints: BTreeMap<Store, Endpoint>,
    /// By the secret's name or ARN as the project says it.
    secrets: BTreeMap<String, SecretFacts>,
    environment_id: Option<String>,
    cname: Option<String>,
    /// What AWS was asked to do and has not finished, in words, by step.
    ongoing: BTreeMap<String, String>,
}

impl State {
    fn from_observed(observed: &Observed) -> Self {
        let mut state = Self {
            secrets: observed.secrets.clone(),
            ..Self::default()
        };
        for (store, group) in &observed.security_groups {
            state.security_groups.insert(*store, group.id.clone());
        }
        let endpoints = connections::endpoints(observed);
        let database = endpoints.database.map(|own| (Store::Database, own));
        let cache = endpoints.cache.map(|own| (Store::Cache, own));
        for (store, (host, port)) in database.into_iter().chain(cache) {
            state.endpoints.insert(store, Endpoint { host, port });
        }
        if let Some(environment) = &observed.environment {
            state.environment_id = Some(environment.id.clone());
            state.cname.clone_from(&environment.cname);
        }
        state
    }
}

/// How a step ended, for the list of what was done.
struct Finished {
    change: Change,
    elapsed: Duration,
    result: Result<Option<String>, Error>,
}

impl Context<'_> {
    async fn run(&self, plan: &Plan) -> Result<Applied, Error> {
        let total = plan.pending().count();
        let mut waiting: Vec<&Change> = plan.pending().collect();
        let mut ready: BTreeSet<&str> = plan
            .changes
            .iter()
            .filter(|change| change.action == Action::Nothing)
            .map(|change| change.id.as_str())
            .collect();
        let mut resources = Vec::new();
        let mut failure: Option<Error> = None;
        let mut running = FuturesUnordered::new();
        loop {
            // A child token is set together with its parent, so this sees an interruption too.
            if !self.stop.is_cancelled() {
                waiting.retain(|change| {
                    let starts = change
                        .needs
                        .iter()
                        .all(|need| ready.contains(need.as_str()));
                    if starts {
                        // On the heap: the SDK's futures are large.
                        running.push(Box::pin(self.step(change)));
                    }
                    !starts
                });
            }
            let Some(finished) = running.next().await else {
                break;
            };
            match finished.result {
                Ok(id) => {
                    if let Some(change) = plan.change(&finished.change.id) {
                        ready.insert(&change.id);
                    }
                    let created = Created {
                        kind: finished.change.resource.kind,
                        name: finished.change.resource.name,
                        id,
                        action: finished.change.action,
                        seconds: finished.elapsed.as_secs_f64(),
                    };
                    note(&mut resources, created);
                }
                Err(error) => {
                    // The first failure is the cause; the steps that it stops are interruptions.
                    failure.get_or_insert(error);
                    self.stop.cancel();
                }
            }
        }
        if failure.is_none()
            && let Some(change) = waiting.first()
        {
            failure = Some(Error::Interrupted {
                resource: change.resource.clone(),
            });
        }
        if let Some(source) = failure {
            let done = resources
                .into_iter()
                .map(|created| Resource {
                    kind: created.kind,
                    name: created.name,
                })
                .collect();
            let ongoing = self.with_state(|state| state.ongoing.values().cloned().collect());
            return Err(Error::Apply {
                done,
                total,
                ongoing,
                source: Box::new(source),
            });
        }
        let unchanged = plan.count(Action::Nothing);
        Ok(self.outcome(resources, unchanged))
    }

    fn outcome(&self, resources: Vec<Created>, unchanged: usize) -> Applied {
        self.with_state(|state| Applied {
            resources,
            unchanged,
            endpoints: state.endpoints.clone(),
            references: self
                .references(state)
                .into_iter()
                .filter_map(|(variable, reference)| Some((variable, reference?)))
                .collect(),
            environment_id: state.environment_id.clone(),
            cname: state.cname.clone(),
        })
    }

    /// The references that the environment gets, with the ARNs that are known by now.
    fn references(&self, state: &State) -> BTreeMap<String, Option<String>> {
        connections::references(self.project, &|secret| {
            state.secrets.get(secret).map(|found| found.arn.clone())
        })
    }

    /// Runs one change and reports it.
    async fn step(&self, change: &Change) -> Finished {
        let id = format!("apply-{}", change.id);
        let verb = match change.action {
            Action::Create => "Create",
            Action::Update | Action::Replace | Action::Nothing => "Change",
        };
        let title = format!("{verb} {}", change.resource);
        self.reporter.report(&Event::StepStarted {
            id: id.clone(),
            title,
        });
        let started = Instant::now();
        let result = if self.stop.is_cancelled() {
            Err(Error::Interrupted {
                resource: change.resource.clone(),
            })
        } else {
            self.make_until_it_holds(change, &id).await
        };
        let elapsed = started.elapsed();
        // AWS goes on only where the waiting was given up, not where it failed itself.
        if !matches!(
            result,
            Err(Error::Interrupted { .. } | Error::OutOfTime { .. })
        ) {
            self.ended(&id);
        }
        let (outcome, message) = match &result {
            Ok(made) => (StepOutcome::Done, made.clone().unwrap_or_default()),
            Err(error) => (StepOutcome::Failed, one_line(error)),
        };
        self.reporter.report(&Event::StepFinished {
            id,
            outcome,
            message,
            elapsed,
        });
        Finished {
            change: change.clone(),
            elapsed,
            result,
        }
    }

    /// Makes a change, and makes it again when the network or AWS failed meanwhile. The SDK repeats what
    /// it may repeat blindly; a lost answer to "create" is not among that, but here every step finds
    /// what an earlier attempt has made.
    async fn make_until_it_holds(
        &self,
        change: &Change,
        step: &str,
    ) -> Result<Option<String>, Error> {
        let mut attempt = 1;
        loop {
            match self.make(change, step).await {
                Err(error) if attempt < ATTEMPTS && wait::passes(&error) => {
                    attempt += 1;
                    self.reporter
                        .progress(step, format!("again after: {}", one_line(&error)));
                    self.pause(&change.resource).await?;
                }
                other => return other,
            }
        }
    }

    /// Does what a change says. Returns AWS's id or ARN of the resource, if it has one.
    async fn make(&self, change: &Change, step: &str) -> Result<Option<String>, Error> {
        let store = if change.id.starts_with(Store::Cache.word()) {
            Store::Cache
        } else {
            Store::Database
        };
        match change.resource.kind {
            Kind::SecurityGroup => Box::pin(self.security_group(store, change)).await.map(Some),
            Kind::SubnetGroup => Box::pin(self.subnet_group(store, change))
                .await
                .map(|()| None),
            Kind::IngressRule => Box::pin(self.ingress(store, change)).await.map(|()| None),
            Kind::Database => Box::pin(self.database(change, step)).await,
            Kind::Cache => Box::pin(self.cache(change, step)).await,
            Kind::Secret => Box::pin(self.secret(change)).await.map(Some),
            Kind::Application => Box::pin(self.application(change)).await.map(|()| None),
            Kind::Environment => Box::pin(self.environment(change, step)).await,
        }
    }

    fn with_state<T>(&self, use_it: impl FnOnce(&mut State) -> T) -> T {
        use_it(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes that AWS was asked to do something that takes a while. Ends with the step.
    fn begun(&self, step: &str, what: impl Into<String>) {
        self.with_state(|state| state.ongoing.insert(step.to_owned(), what.into()));
    }

    fn ended(&self, step: &str) {
        self.with_state(|state| state.ongoing.remove(step));
    }
}

/// An error with its causes in one line.
fn one_line(error: &Error) -> String {
    let mut line = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        line.push_str(": ");
        line.push_str(&next.to_string());
        cause = next.source();
    }
    line.replace('\n', " ")
}

/// Notes a resource once. A connection secret is made with its password and completed with the
/// address later: two changes, one secret.
fn note(resources: &mut Vec<Created>, created: Created) {
    let former = resources.iter_mut().find(|former| {
        former.kind == created.kind && former.name == created.name && former.id == created.id
    });
    match former {
        Some(former) => former.seconds += created.seconds,
        None => resources.push(created),
    }
}
