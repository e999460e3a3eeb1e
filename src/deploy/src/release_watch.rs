//! Shows the release step while it runs: reads its log from S3 beside the watch of the update.
//!
//! Rules: the log explains, it decides nothing. Trouble with reading it is told once and never ends a
//! release.

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use beanpole_cloud::Kind;

use crate::error::Error;
use crate::release_step::{LogReader, ReleaseStepReport, log_key, log_name};
use crate::scene::Scene;
use crate::step::StepId;
use crate::update::Sent;

/// Between two looks at the log, in AWS time. S3 has no limits that this could meet, and the leader
/// writes every 5 seconds.
const BETWEEN_LOOKS: Duration = Duration::from_secs(3);

/// As whom lines are shown.
const SOURCE: &str = "release";

/// Follows the log of one environment's release step.
#[derive(Debug)]
pub struct ReleaseWatch {
    key: String,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    reader: LogReader,
    has_told_trouble: bool,
}

impl ReleaseWatch {
    /// A watch for the log that comes after the one named `baseline`: what
    /// [`ReleaseWatch::baseline`] said before the update.
    #[must_use]
    pub fn after(environment: &str, baseline: Option<String>) -> Self {
        Self {
            key: log_key(environment),
            state: Mutex::new(State {
                reader: LogReader::after(baseline),
                has_told_trouble: false,
            }),
        }
    }

    /// The name of the log that was there before the update: what a run that resumes begins with.
    #[must_use]
    pub fn baseline(&self) -> Option<String> {
        self.with(|state| state.reader.baseline().map(str::to_owned))
    }

    /// What is known of the step; none if it was not seen to begin. Not scrubbed.
    #[must_use]
    pub fn report(&self) -> Option<ReleaseStepReport> {
        self.with(|state| state.reader.report().cloned())
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Scene<'_> {
    /// Begins to watch before an update is sent; none if the project has no release step.
    pub(crate) async fn watch_release(&self) -> Option<ReleaseWatch> {
        if self.project.release.is_empty() {
            return None;
        }
        let watch = ReleaseWatch::after(self.project.environment.as_str(), None);
        let former = self.release_log(&watch).await.ok().flatten();
        let baseline = former.as_deref().and_then(log_name);
        watch.with(|state| state.reader = LogReader::after(baseline));
        Some(watch)
    }

    /// Shows what is new in the log.
    pub(crate) async fn look_at_release(&self, watch: &ReleaseWatch, step: StepId) {
        match self.release_log(watch).await {
            Ok(None) => {}
            Ok(Some(text)) => {
                for line in watch.with(|state| state.reader.read(&text)) {
                    let line = visible(&self.scrubber.scrub(&line));
                    self.steps.reporter().output(step.id(), SOURCE, line);
                }
            }
            Err(error) => {
                let is_first =
                    watch.with(|state| !std::mem::replace(&mut state.has_told_trouble, true));
                if is_first {
                    let why = self.scrubber.scrub(&error.to_string());
                    let message = format!("the output of the release step is not shown: {why}");
                    self.steps.reporter().warn(message);
                }
            }
        }
    }

    /// What the release step of an update did, as far as its log told; fit to be shown.
    pub(crate) fn release_step(&self, sent: &Sent) -> Option<ReleaseStepReport> {
        let report = sent.release.as_ref()?.report()?;
        Some(report.map_texts(|text| visible(&self.scrubber.scrub(text))))
    }

    /// Does `work`, shows what the release step prints meanwhile, and looks once more at its end.
    ///
    /// # Errors
    /// Those of `work`.
    pub(crate) async fn while_showing<T>(
        &self,
        watch: &ReleaseWatch,
        step: StepId,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let show = async {
            while self.pause(BETWEEN_LOOKS).await.is_ok() {
                self.look_at_release(watch, step).await;
            }
            std::future::pending().await
        };
        let done = tokio::select! {
            biased;
            done = work => done,
            never = show => never,
        };
        if !self.cancel.is_cancelled() {
            self.look_at_release(watch, step).await;
        }
        done
    }

    /// The log as it is now; none if there is none. Passing trouble counts as none.
    async fn release_log(
        &self,
        watch: &ReleaseWatch,
    ) -> Result<Option<String>, beanpole_cloud::Error> {
        // As the leader names it, which knows no more than its account and region.
        let identity = &self.cloud.identity;
        let bucket = identity.beanstalk_bucket();
        match Box::pin(self.cloud.storage.get(&bucket, &watch.key)).await {
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            // Without the right to list, S3 says this of an object that does not exist.
            Err(error) if matches!(error.kind, Kind::NotFound | Kind::AccessDenied) => Ok(None),
            Err(error) if crate::scene::is_passing(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// A line without characters that would move a terminal's cursor. Indentation stays: tracebacks live
/// by it.
fn visible(line: &str) -> String {
    line.chars().filter(|letter| !letter.is_control()).collect()
}
