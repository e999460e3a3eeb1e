//! The steps of a release, as they happen and as they are reported afterwards.
//!
//! Rules: every step that starts ends, with an outcome and one line. A step's id never changes:
//! scripts, chat messages and the journal know steps by it. Listeners and the final report are fed
//! from the same place, so they cannot disagree.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use beanpole_model::{Event, Reporter, StepOutcome};
use serde::Serialize;

use crate::timings::Usual;

/// The steps that this crate takes, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StepId {
    /// Look at the commit before anything is touched.
    Check,
    /// Build the image on this machine.
    BuildImage,
    /// Push it to its registry.
    PushImage,
    /// Take the environment's lock.
    Lock,
    /// Look at the migrations that the serving code will meet.
    Migrations,
    /// Make the source bundle.
    Bundle,
    /// Upload it.
    Upload,
    /// Create the application version.
    Version,
    /// Have a second environment to release on.
    PrepareGreen,
    /// Change settings, in an update of their own.
    Configure,
    /// Update the environment and follow it until it is Ready.
    Update,
    /// Prove version and health on every instance.
    Prove,
    /// Ask the health check from outside.
    Probe,
    /// Watch it stay well.
    Soak,
    /// Give the public name to the second environment.
    Swap,
    /// Remove settings that the new version does not need any more.
    RemoveSettings,
    /// End the environment that served before.
    Retire,
    /// Remove old versions and bundles.
    Prune,
    /// Go back to the former version.
    RollBack,
}

impl StepId {
    /// The stable id, in kebab case.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::BuildImage => "build-image",
            Self::PushImage => "push-image",
            Self::Lock => "lock",
            Self::Migrations => "migrations",
            Self::Bundle => "bundle",
            Self::Upload => "upload",
            Self::Version => "version",
            Self::PrepareGreen => "prepare-green",
            Self::Configure => "configure",
            Self::Update => "update",
            Self::Prove => "prove",
            Self::Probe => "probe",
            Self::Soak => "soak",
            Self::Swap => "swap",
            Self::RemoveSettings => "remove-settings",
            Self::Retire => "retire",
            Self::Prune => "prune",
            Self::RollBack => "roll-back",
        }
    }

    /// What the step does, for people.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Check => "Check the commit",
            Self::BuildImage => "Build the image",
            Self::PushImage => "Push the image",
            Self::Lock => "Lock the environment",
            Self::Migrations => "Review the migrations",
            Self::Bundle => "Make the bundle",
            Self::Upload => "Upload the bundle",
            Self::Version => "Create the version",
            Self::PrepareGreen => "Prepare the second environment",
            Self::Configure => "Change the settings",
            Self::Update => "Update the environment",
            Self::Prove => "Prove version and health on every instance",
            Self::Probe => "Probe from outside",
            Self::Soak => "Watch it stay healthy",
            Self::Swap => "Swap the public names",
            Self::RemoveSettings => "Remove settings that are not needed any more",
            Self::Retire => "Retire the old environment",
            Self::Prune => "Remove old versions",
            Self::RollBack => "Roll back",
        }
    }
}

/// One step in the final report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StepReport {
    /// The stable id.
    pub id: String,
    /// What it does.
    pub title: String,
    /// How it ended.
    pub outcome: StepOutcome,
    /// How long it took, in wall-clock seconds.
    pub seconds: f64,
    /// One line: what was made or proven, or why it failed.
    pub message: String,
    /// How long it took in earlier releases; none for a step that was not timed before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usually: Option<Usual>,
}

/// What a step's work gives back when it worked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended<T> {
    value: T,
    outcome: StepOutcome,
    message: String,
}

impl<T> Ended<T> {
    /// The step did something.
    pub fn done(value: T, message: impl Into<String>) -> Self {
        Self {
            value,
            outcome: StepOutcome::Done,
            message: message.into(),
        }
    }

    /// Nothing had to be done.
    pub fn unchanged(value: T, message: impl Into<String>) -> Self {
        Self {
            value,
            outcome: StepOutcome::Unchanged,
            message: message.into(),
        }
    }

    /// Left out on purpose; the message says why.
    pub fn skipped(value: T, message: impl Into<String>) -> Self {
        Self {
            value,
            outcome: StepOutcome::Skipped,
            message: message.into(),
        }
    }
}

/// Runs steps, tells the listener, and remembers them for the report. Clones share their memory.
#[derive(Clone)]
pub struct Steps {
    reporter: Arc<dyn Reporter>,
    taken: Arc<Mutex<Vec<StepReport>>>,
}

impl fmt::Debug for Steps {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Steps")
            .field("taken", &*self.memory())
            .finish_non_exhaustive()
    }
}

impl Steps {
    /// Steps that are told to `reporter`.
    #[must_use]
    pub fn new(reporter: Arc<dyn Reporter>) -> Self {
        Self {
            reporter,
            taken: Arc::default(),
        }
    }

    /// The listener.
    #[must_use]
    pub fn reporter(&self) -> &dyn Reporter {
        &*self.reporter
    }

    /// The listener, to hand on.
    #[must_use]
    pub fn shared_reporter(&self) -> Arc<dyn Reporter> {
        Arc::clone(&self.reporter)
    }

    /// The steps so far, in order of their end.
    #[must_use]
    pub fn reports(&self) -> Vec<StepReport> {
        self.memory().clone()
    }

    /// Runs one of this crate's steps.
    ///
    /// # Errors
    /// What the work fails with. The step is then reported as failed, with the error's own line.
    pub async fn run<T, E: fmt::Display>(
        &self,
        step: StepId,
        work: impl Future<Output = Result<Ended<T>, E>>,
    ) -> Result<T, E> {
        self.run_named(step.id(), step.title(), work).await
    }

    /// Runs a step of the caller's own, such as `plan` or `apply`.
    ///
    /// # Errors
    /// What the work fails with. The step is then reported as failed, with the error's own line.
    pub async fn run_named<T, E: fmt::Display>(
        &self,
        id: &str,
        title: &str,
        work: impl Future<Output = Result<Ended<T>, E>>,
    ) -> Result<T, E> {
        self.reporter.report(&Event::StepStarted {
            id: id.to_owned(),
            title: title.to_owned(),
        });
        let started = Instant::now();
        // Boxed: futures of whole steps are large, and this one is nested in larger ones.
        match Box::pin(work).await {
            Ok(ended) => {
                self.finish(id, title, ended.outcome, ended.message, started.elapsed());
                Ok(ended.value)
            }
            Err(error) => {
                let message = one_line(&error.to_string());
                self.finish(id, title, StepOutcome::Failed, message, started.elapsed());
                Err(error)
            }
        }
    }

    fn finish(
        &self,
        id: &str,
        title: &str,
        outcome: StepOutcome,
        message: String,
        elapsed: Duration,
    ) {
        self.memory().push(StepReport {
            id: id.to_owned(),
            title: title.to_owned(),
            outcome,
            seconds: elapsed.as_secs_f64(),
            message: message.clone(),
            usually: None,
        });
        self.reporter.report(&Event::StepFinished {
            id: id.to_owned(),
            outcome,
            message,
            elapsed,
        });
    }

    fn memory(&self) -> MutexGuard<'_, Vec<StepReport>> {
        // A listener that panicked has not spoiled a list of finished steps.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Event texts hold no line breaks.
pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Heard(Mutex<Vec<Event>>);

    impl Reporter for Heard {
        fn report(&self, event: &Event) {
            self.0.lock().unwrap().push(event.clone());
        }
    }

    #[tokio::test]
    async fn every_step_that_starts_ends_also_when_it_fails() {
        let heard = Arc::new(Heard::default());
        let steps = Steps::new(Arc::<Heard>::clone(&heard));
        let made: Result<u8, String> = steps
            .run(StepId::Bundle, async { Ok(Ended::done(7, "7 files")) })
            .await;
        assert_eq!(made, Ok(7));
        let failed: Result<(), String> = steps
            .run(StepId::Upload, async { Err("no\nnetwork".to_owned()) })
            .await;
        assert_eq!(failed, Err("no\nnetwork".to_owned()));

        let reports = steps.reports();
        let told: Vec<_> = reports
            .iter()
            .map(|step| (step.id.as_str(), step.outcome, step.message.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                ("bundle", StepOutcome::Done, "7 files"),
                ("upload", StepOutcome::Failed, "no network"),
            ]
        );
        assert_eq!(heard.0.lock().unwrap().len(), 4);
    }
}
