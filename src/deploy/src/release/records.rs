//! A release's part in lock and ledger.
//!
//! Rules: the lock is taken before anything shared is read for a decision. Every step is written down
//! before it begins and after it ended. A run that was broken off is gone on with by the same version;
//! one that had begun to go back goes on going back.

use std::future::Future;

use beanpole_model::{ExitCode, StepOutcome};

use super::Story;
use super::ending::Ending;
use super::settings::{former_options, former_settings};
use crate::error::Error;
use crate::ledger::{
    BaselineChoice, Closing, Former, Ledger, LedgerSettings, NewRecord, Record, Resumption,
    baseline, decide,
};
use crate::lock::{Claim, EnvironmentLock, LockSettings, Released};
use crate::observation::Sight;
use crate::release_watch::ReleaseWatch;
use crate::report::FailureReport;
use crate::step::{Ended, StepId};
use crate::timings::History;
use crate::update::Baseline;

/// How many records are looked at for the state to go back to.
pub(super) const HISTORY: usize = 10;

/// The fact that keeps the name of the release step's log before the update; empty if there was none.
const RELEASE_LOG: &str = "release-log-before";

/// The fact that keeps why a release is being taken back.
const FAILURE: &str = "failure";

impl Story<'_> {
    /// Takes the lock of the environment, as the step `lock`.
    pub(super) async fn lock(&mut self) -> Result<(), Error> {
        let lock = self.environment_lock(self.bucket().await?);
        let source = &self.request.source;
        let author = self.request.author;
        let claim = Claim {
            operation: source.kind().to_string(),
            who: author.who.clone(),
            why: author.why.clone(),
            version: Some(source.label().to_string()),
            commit: source.commit(),
            run_url: author.run_url.clone(),
        };
        let wait = self.request.wait_for_lock;
        let held = self
            .home
            .steps
            .run(StepId::Lock, async {
                let held = lock.acquire(claim, wait, StepId::Lock.id()).await?;
                Ok::<_, Error>(Ended::done(held, format!("`{}`", lock.environment())))
            })
            .await?;
        self.lock = Some(held);
        Ok(())
    }

    /// Lets the lock go. That it cannot is a warning: it goes stale by itself.
    pub(super) async fn unlock(&mut self) {
        let Some(lock) = self.lock.take() else { return };
        let environment = &self.home.project.environment;
        let trouble = match lock.release().await {
            Ok(Released::Done) => return,
            Ok(Released::WasLost(how)) => how,
            Err(error) => format!("{error}; it goes stale by itself in three minutes"),
        };
        let reporter = self.home.steps.reporter();
        reporter.warn(format!("The lock of `{environment}`: {trouble}."));
    }

    /// Opens a record of this release, or the one that a former run has left. Gives the ending if all
    /// that was left to do was to go back.
    pub(super) async fn open_journal(
        &mut self,
        sight: &Sight,
        ledger: &Ledger,
        history: Vec<Record>,
    ) -> Result<Option<Ending>, Error> {
        self.times = times_of(&history);
        let environment = sight.environment.as_ref();
        let running = environment.and_then(|environment| environment.version.clone());
        let wanted = self.request.source.label().as_str();
        match decide(history.first(), wanted, running.as_deref()) {
            Resumption::Resume { record } => return self.resume(ledger, *record).await,
            Resumption::AbandonedByOther { record, moved_to } => {
                self.abandon(ledger, *record, moved_to).await?;
            }
            Resumption::Fresh => {}
        }
        if let BaselineChoice::FromHistory {
            former,
            record,
            unproven,
        } = baseline(&history, running.as_deref())
        {
            let proven = former.version.as_deref().unwrap_or("no version");
            self.home.steps.reporter().warn(format!(
                "`{unproven}` was never proven; on failure `{proven}` comes back, as release `{record}` knows it."
            ));
            self.known_good = Some(former);
        }
        let journal = ledger
            .begin(self.new_record(), &self.home.steps.reports())
            .await?;
        self.journal = Some(journal);
        Ok(None)
    }

    async fn resume(&mut self, ledger: &Ledger, record: Record) -> Result<Option<Ending>, Error> {
        let id = record.id.clone();
        let message = match record.step_under_way() {
            Some(step) => format!("Going on with release `{id}`, which ended during `{step}`."),
            None => format!("Going on with release `{id}`, which never ended."),
        };
        self.home.steps.reporter().warn(message);
        let author = self.request.author;
        let journal = ledger
            .resume(
                record.clone(),
                &author.who,
                author.run_url.as_deref(),
                &self.home.steps.reports(),
            )
            .await?;
        self.journal = Some(journal);
        let failure = record.fact(FAILURE).map(str::to_owned);
        if record.touched
            && let Some(former) = &record.former
        {
            self.touched = Some(Baseline::from(former));
            self.former.clone_from(&former.version);
            self.configured = former_options(former);
        }
        self.resumed = Some(record);
        match (failure, self.touched.clone()) {
            (Some(message), Some(baseline)) => {
                let failure = FailureReport {
                    message,
                    ..FailureReport::default()
                };
                Ok(Some(self.undo(failure, &baseline).await))
            }
            _ => Ok(None),
        }
    }

    async fn abandon(
        &self,
        ledger: &Ledger,
        record: Record,
        moved_to: Option<String>,
    ) -> Result<(), Error> {
        let id = record.id.clone();
        let version = &record.version;
        let why = match moved_to {
            Some(found) => format!("`{found}` was released past it"),
            None => format!("`{}` is released instead", self.request.source.label()),
        };
        self.home.steps.reporter().warn(format!(
            "Release `{id}` of `{version}` was never finished; {why}."
        ));
        ledger.abandon(record, &why).await
    }

    /// A step is about to begin: written down on this machine. Gives what writes it down in the bucket.
    pub(super) async fn begun(
        &self,
        step: StepId,
    ) -> Result<impl Future<Output = Result<(), Error>> + use<>, Error> {
        if let Some(lock) = &self.lock {
            lock.check()?;
        }
        let journal = self.journal.clone();
        if let Some(journal) = &journal {
            journal.begun(step.id()).await?;
        }
        Ok(async move {
            match journal {
                Some(journal) => journal.send_on().await,
                None => Ok(()),
            }
        })
    }

    /// A step ended; what is written is what was told.
    pub(super) async fn ended(&self, step: StepId) -> Result<(), Error> {
        let reports = self.scene.steps.reports();
        let told = reports.iter().rev().find(|told| told.id == step.id());
        match (&self.journal, told) {
            (Some(journal), Some(told)) => {
                journal
                    .ended(step.id(), told.outcome, &told.message, told.seconds)
                    .await
            }
            _ => Ok(()),
        }
    }

    /// The environment is about to be changed for the first time.
    pub(super) async fn touching(&mut self, baseline: Baseline) -> Result<(), Error> {
        if self.touched.is_some() {
            return Ok(());
        }
        let baseline = match self.known_good.take() {
            Some(former) => Baseline {
                version: former.version,
                was_healthy: former.was_healthy,
                ..baseline
            },
            None => baseline,
        };
        if let Some(journal) = &self.journal {
            let former = Former {
                version: baseline.version.clone(),
                was_healthy: baseline.was_healthy,
                newest_deployment: baseline.newest_deployment,
                instances: baseline.instances,
                settings: former_settings(&self.change.restore),
            };
            journal.touching(former).await?;
        }
        self.former.clone_from(&baseline.version);
        self.touched = Some(baseline);
        Ok(())
    }

    /// Keeps why the release is taken back, so that a later run goes on taking it back.
    pub(super) async fn remember_failure(&self, failure: &FailureReport) {
        if let Some(journal) = &self.journal {
            // The environment is touched, so trouble with writing is told as a warning.
            let _told = journal.fact(FAILURE, &failure.message).await;
        }
    }

    /// Keeps which log of a release step was there before the update, so that a later run shows the new one.
    pub(super) async fn remember_release_log(&self, watch: Option<&ReleaseWatch>) {
        if let (Some(journal), Some(watch)) = (&self.journal, watch) {
            let name = watch.baseline().unwrap_or_default();
            // The environment is touched, so trouble with writing is told as a warning.
            let _told = journal.fact(RELEASE_LOG, &name).await;
        }
    }

    /// The watch on the release step of an update that a former run has sent; none if it is not known
    /// which log that is.
    pub(super) fn former_release_watch(&self) -> Option<ReleaseWatch> {
        let name = self.resumed.as_ref()?.fact(RELEASE_LOG)?;
        let baseline = (!name.is_empty()).then(|| name.to_owned());
        let environment = &self.scene.project.environment;
        Some(ReleaseWatch::after(environment.as_str(), baseline))
    }

    /// Closes the record.
    pub(super) async fn write_end(&self, ending: &Ending) {
        let Some(journal) = &self.journal else { return };
        let message = match (&ending.failure, ending.exit_code) {
            (Some(failure), _) => failure.message.clone(),
            (None, ExitCode::Done) => self.proof_in_words(),
            (None, _) => ending.verdict.words().to_owned(),
        };
        let closing = Closing {
            verdict: ending.verdict,
            exit_code: ending.exit_code,
            message,
        };
        journal.close(closing).await;
    }

    fn proof_in_words(&self) -> String {
        let reports = self.scene.steps.reports();
        reports
            .iter()
            .rev()
            .find(|told| told.id == StepId::Soak.id() && told.outcome == StepOutcome::Done)
            .map_or_else(|| "proven".to_owned(), |told| told.message.clone())
    }

    fn new_record(&self) -> NewRecord {
        let source = &self.request.source;
        let author = self.request.author;
        NewRecord {
            kind: source.kind(),
            version: source.label().to_string(),
            commit: source.commit(),
            subject: source.subject(),
            who: author.who.clone(),
            why: author.why.clone(),
            run_url: author.run_url.clone(),
        }
    }

    pub(super) fn environment_lock(&self, bucket: String) -> EnvironmentLock {
        let project = self.home.project;
        EnvironmentLock::new(LockSettings {
            cloud: self.request.cloud.clone(),
            bucket,
            application: project.application.clone(),
            environment: project.environment.clone(),
            pace: self.request.pace,
            reporter: self.home.steps.shared_reporter(),
            scrubber: self.request.scrubber.clone(),
            cancel: self.home.cancel.clone(),
        })
    }

    pub(super) fn ledger(&self, bucket: String) -> Ledger {
        let project = self.home.project;
        Ledger::new(LedgerSettings {
            cloud: self.request.cloud.clone(),
            bucket,
            application: project.application.clone(),
            environment: project.environment.clone(),
            state_directory: self.request.state_directory.to_owned(),
            pace: self.request.pace,
            clock: jiff::Timestamp::now,
            reporter: self.home.steps.shared_reporter(),
            scrubber: self.request.scrubber.clone(),
            cancel: self.home.cancel.clone(),
        })
    }

    /// Beanstalk's own bucket. Asked for once.
    pub(super) async fn bucket(&self) -> Result<String, Error> {
        let asked = self.bucket.get_or_try_init(|| {
            self.home.patiently("finding the bucket", || {
                self.home.cloud.beanstalk.storage_location()
            })
        });
        asked.await.cloned()
    }
}

/// The times of the steps that did their work in releases that ended well, newest first.
fn times_of(history: &[Record]) -> History {
    let mut times = History::new();
    for record in history.iter().filter(|record| record.is_proven()) {
        for (step, seconds) in record.seconds_by_step() {
            let ended = record.outcome(step).map(|(outcome, _)| outcome);
            if ended == Some(StepOutcome::Done) {
                times.add(step, seconds);
            }
        }
    }
    times
}

impl From<&Former> for Baseline {
    fn from(former: &Former) -> Self {
        Self {
            version: former.version.clone(),
            was_healthy: former.was_healthy,
            newest_deployment: former.newest_deployment,
            instances: former.instances,
        }
    }
}
