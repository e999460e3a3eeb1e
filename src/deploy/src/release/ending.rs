//! How a release ends, and what a failure after the first change means.
//!
//! Rules: before the environment was touched, an error ends the release and nothing else follows.
//! After that, only a failure that is known to be one leads to the roll-back; an interruption, a lost
//! connection or a passed deadline never does: it says what AWS goes on doing, and a person or the
//! next run decides.

use beanpole_model::{ExitCode, Problem as _, StepOutcome};

use super::Story;
use crate::error::Error;
use crate::report::{FailureReport, Verdict};
use crate::step::{StepId, Steps};
use crate::update::Baseline;

/// How the story ended.
pub(super) struct Ending {
    pub(super) verdict: Verdict,
    pub(super) exit_code: ExitCode,
    pub(super) failure: Option<FailureReport>,
    pub(super) goes_on: Vec<String>,
}

impl Ending {
    pub(super) fn good(verdict: Verdict) -> Self {
        Self {
            verdict,
            exit_code: ExitCode::Done,
            failure: None,
            goes_on: Vec::new(),
        }
    }

    /// An end before the environment was touched.
    pub(super) fn untouched(error: Error, steps: &Steps) -> Self {
        let verdict = match error.exit_code() {
            ExitCode::Interrupted => Verdict::Interrupted,
            ExitCode::Busy => Verdict::Busy,
            _ => Verdict::Stopped,
        };
        let (failure, exit_code) = FailureReport::of(failed_step(steps), error);
        Self {
            verdict,
            exit_code,
            failure: Some(failure),
            goes_on: Vec::new(),
        }
    }
}

fn failed_step(steps: &Steps) -> Option<String> {
    let last = steps.reports().pop()?;
    (last.outcome == StepOutcome::Failed).then_some(last.id)
}

impl Story<'_> {
    /// Decides what a failure after the first change means, and undoes what can be undone.
    pub(super) async fn after_failure(&mut self, error: Error, baseline: &Baseline) -> Ending {
        let verdict = match &error {
            Error::Interrupted | Error::LockLost { .. } => Some(Verdict::Interrupted),
            Error::OutOfTime { .. } => Some(Verdict::OutOfTime),
            Error::Cloud { .. } => Some(Verdict::Unverified),
            Error::EnvironmentGone { .. } | Error::NoEnvironment { .. } => {
                Some(Verdict::NotRestored)
            }
            _ => None,
        };
        let (mut failure, mut exit_code) = FailureReport::of(failed_step(self.scene.steps), error);
        if let Some(verdict) = verdict {
            if verdict == Verdict::NotRestored {
                exit_code = ExitCode::FailedNotRestored;
            }
            failure.events.clone_from(&self.errors);
            let goes_on = self.what_goes_on(verdict);
            return Ending {
                verdict,
                exit_code,
                failure: Some(failure),
                goes_on,
            };
        }
        self.scene
            .investigate(&mut failure, self.errors.clone())
            .await;
        self.undo(failure, baseline).await
    }

    /// Brings the former version and configuration back.
    pub(super) async fn undo(&mut self, mut failure: FailureReport, baseline: &Baseline) -> Ending {
        self.remember_failure(&failure).await;
        let undone = self.take_back(baseline).await;
        let (verdict, exit_code, goes_on) = match undone {
            Ok(()) => (Verdict::RolledBack, ExitCode::FailedRestored, Vec::new()),
            Err(Error::Interrupted) => (
                Verdict::Interrupted,
                ExitCode::Interrupted,
                vec![format!(
                    "The roll-back of `{}` was interrupted; the same command goes on with it, \
                     `beanpole status` shows how it stands.",
                    self.scene.project.environment
                )],
            ),
            Err(error) => {
                let (trouble, _) = FailureReport::of(None, error);
                failure
                    .details
                    .push(format!("Roll-back: {}", trouble.message));
                failure.details.extend(trouble.causes);
                failure.details.extend(trouble.details);
                failure.hint = trouble.hint.or(failure.hint);
                let environment = &self.scene.project.environment;
                let goes_on = vec![format!("`{environment}` stays as it is now.")];
                (Verdict::NotRestored, ExitCode::FailedNotRestored, goes_on)
            }
        };
        Ending {
            verdict,
            exit_code,
            failure: Some(failure),
            goes_on,
        }
    }

    async fn take_back(&mut self, baseline: &Baseline) -> Result<(), Error> {
        let label = self.request.source.label();
        // The environment is touched, so trouble with the journal is told as a warning; a lock that
        // was lost is no reason to leave a broken version in place.
        let _told = self.begun(StepId::RollBack).await;
        let steps = self.scene.steps;
        let undone = if self.colours.is_some() {
            steps.run(StepId::RollBack, self.swap_back()).await
        } else {
            let settings = self.configured.as_ref();
            let work = self.scene.roll_back(baseline, label, settings);
            steps.run(StepId::RollBack, work).await
        };
        let _told = self.ended(StepId::RollBack).await;
        undone
    }

    /// What AWS does without us from here on.
    fn what_goes_on(&self, verdict: Verdict) -> Vec<String> {
        let environment = &self.scene.project.environment;
        let label = self.request.source.label();
        if verdict == Verdict::NotRestored {
            return Vec::new();
        }
        if self.is_settled {
            let way_back = match &self.former {
                Some(former) => format!("; `beanpole rollback` goes back to `{former}`"),
                None => String::new(),
            };
            return vec![format!(
                "`{environment}` has `{label}`, which is not proven{way_back}. The same command goes \
                 on with the proof."
            )];
        }
        // When AWS could not be asked, whether it has taken the update is open as well.
        let moves = match verdict {
            Verdict::Unverified => "may still be moving",
            _ => "goes on moving",
        };
        vec![format!(
            "AWS {moves} `{environment}` to `{label}`: `beanpole events --follow` shows how it ends, \
             the same command goes on with it, `beanpole abort` takes it back."
        )]
    }
}
