//! Deploy markers: what error trackers, monitors and GitHub are told about a release.
//!
//! How it travels: the caller knows [`Facts`] once the commit is known, and calls [`Markers::begin`];
//! each service is told in a task of its own. At the end [`Markers::finish`] tells how it went and
//! waits, within a deadline.
//!
//! Rules: a marker never fails a release and never holds it up. A service that is in trouble stops no
//! other. Without a commit there is nothing to tell. All texts are scrubbed before they leave.

mod api;
mod error;
pub mod github;
pub mod new_relic;
pub mod rollbar;
pub mod sentry;

use std::time::Duration;

use beanpole_model::SecretScrubber;
use tokio::task::JoinHandle;

pub use error::MarkerError;
pub use github::GitHub;
pub use new_relic::NewRelic;
pub use rollbar::Rollbar;
pub use sentry::Sentry;

use crate::announcement::State;
use crate::details::{CommitLine, ReleaseDetails};
use crate::slack::Patience;

/// How long one request to a service is tried: 10 s an answer, 20 s in all.
pub const PATIENCE: Patience = Patience {
    per_request: Duration::from_secs(10),
    total: Duration::from_secs(20),
    first_pause: Duration::from_millis(500),
};

/// What a service is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// The environment's name for people: `production`.
    pub environment: String,
    /// The commit that is released.
    pub commit: CommitLine,
    /// What else is known.
    pub details: ReleaseDetails,
    /// The address of the released application.
    pub url: Option<String>,
}

impl Facts {
    /// The facts without secrets; `None` as long as the commit is not known.
    #[must_use]
    pub fn of(
        environment: &str,
        details: &ReleaseDetails,
        url: Option<&str>,
        scrubber: &SecretScrubber,
    ) -> Option<Self> {
        let details = details.scrubbed(scrubber);
        Some(Self {
            environment: environment.to_owned(),
            commit: details.commit.clone()?,
            details,
            url: url.map(str::to_owned),
        })
    }
}

/// A service that is told about releases.
#[derive(Debug)]
pub enum Service {
    /// Rollbar: deploys.
    Rollbar(Rollbar),
    /// Sentry: releases and deploys.
    Sentry(Sentry),
    /// New Relic: change tracking.
    NewRelic(NewRelic),
    /// GitHub: deployments.
    GitHub(GitHub),
}

impl Service {
    /// Its name, for people.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Rollbar(_) => "Rollbar",
            Self::Sentry(_) => "Sentry",
            Self::NewRelic(_) => "New Relic",
            Self::GitHub(_) => "GitHub",
        }
    }

    /// Another patience than [`PATIENCE`].
    #[must_use]
    pub fn with_patience(mut self, patience: Patience) -> Self {
        match &mut self {
            Self::Rollbar(service) => service.hurry(patience),
            Self::Sentry(service) => service.hurry(patience),
            Self::NewRelic(service) => service.hurry(patience),
            Self::GitHub(service) => service.hurry(patience),
        }
        self
    }

    async fn begin(&mut self, facts: &Facts) -> Result<(), MarkerError> {
        match self {
            Self::Rollbar(service) => service.begin(facts).await,
            Self::GitHub(service) => service.begin(facts).await,
            Self::Sentry(service) => {
                service.begin();
                Ok(())
            }
            // Its marker is set when the code has changed.
            Self::NewRelic(_) => Ok(()),
        }
    }

    async fn end(&mut self, facts: &Facts, state: State) -> Result<(), MarkerError> {
        match self {
            Self::Rollbar(service) => service.end(facts, state).await,
            Self::Sentry(service) => service.end(facts, state).await,
            Self::NewRelic(service) => service.end(facts, state).await,
            Self::GitHub(service) => service.end(facts, state).await,
        }
    }
}

/// A service that was not told.
#[derive(Debug)]
pub struct Untold {
    /// The service's name.
    pub service: &'static str,
    /// Why.
    pub error: MarkerError,
}

/// All services of one release.
#[derive(Debug, Default)]
pub struct Markers {
    waiting: Vec<Service>,
    begun: Vec<JoinHandle<(Service, Result<(), MarkerError>)>>,
}

impl Markers {
    /// Markers that have told nothing yet.
    #[must_use]
    pub const fn new(services: Vec<Service>) -> Self {
        Self {
            waiting: services,
            begun: Vec::new(),
        }
    }

    /// Tells every service that the release began, in the background. Needs a running tokio runtime.
    /// A second call does nothing.
    pub fn begin(&mut self, facts: &Facts) {
        for mut service in self.waiting.drain(..) {
            let facts = facts.clone();
            self.begun.push(tokio::spawn(async move {
                let told = service.begin(&facts).await;
                (service, told)
            }));
        }
    }

    /// Tells every service how the release ended, all at the same time, and waits until that is done.
    /// Returns those that were not told. Takes at most a few times the services' patience. A release
    /// that never came to [`Self::begin`] is not told.
    pub async fn finish(self, facts: &Facts, state: State) -> Vec<Untold> {
        let ends: Vec<_> = self
            .begun
            .into_iter()
            .map(|begun| tokio::spawn(end(begun, facts.clone(), state)))
            .collect();
        let mut untold = Vec::new();
        for task in ends {
            // A task that broke off told what it could.
            if let Ok(Some(missed)) = task.await {
                untold.push(missed);
            }
        }
        untold
    }
}

/// The end for one service, once its beginning is over. What was refused at the beginning would be
/// refused again, so that is one failure and not two.
async fn end(
    begun: JoinHandle<(Service, Result<(), MarkerError>)>,
    facts: Facts,
    state: State,
) -> Option<Untold> {
    let (mut service, told) = begun.await.ok()?;
    let told = match told {
        Err(error) if !error.is_passing() => Err(error),
        _ => service.end(&facts, state).await,
    };
    told.err().map(|error| Untold {
        service: service.name(),
        error,
    })
}
