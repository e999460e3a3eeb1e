//! What a release has to tell, as a plain value. No Slack in here.

use std::time::Duration;

use beanpole_model::{Event, SecretScrubber, StepOutcome};
use serde::Serialize;

use crate::details::ReleaseDetails;

/// Where the release stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It is under way.
    Running,
    /// The new version is proven healthy.
    Succeeded,
    /// It failed, and nothing was put back.
    Failed,
    /// It failed, and the former version serves again.
    RolledBack,
    /// A person or a signal stopped it.
    Interrupted,
}

impl State {
    /// True if nothing more will come: such a state is always sent.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Running)
    }

    /// The state in words: `rolled back`.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Running => "in progress",
            Self::Succeeded => "released",
            Self::Failed => "failed",
            Self::RolledBack => "rolled back",
            Self::Interrupted => "interrupted",
        }
    }
}

/// One step of the release, as it stands now.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    /// The stable id: `build-image`.
    pub id: String,
    /// What it does, for people.
    pub title: String,
    /// How it ended; `None` while it runs.
    pub outcome: Option<StepOutcome>,
    /// How long it took in seconds of wall-clock time; `None` while it runs.
    pub seconds: Option<f64>,
    /// The latest news of the step, or its result. May be empty.
    pub message: String,
}

/// A release announcement. Everything but the names is optional, because a release learns about
/// itself as it goes on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Announcement {
    /// The headline without the state, at best under 100 characters: `blog to production`.
    pub title: String,
    /// Where it stands.
    pub state: State,
    /// The Beanstalk application.
    pub application: String,
    /// The Beanstalk environment.
    pub environment: String,
    /// What is known beyond the steps: version, commits, migrations, who and why.
    pub details: ReleaseDetails,
    /// The address of the released application.
    pub url: Option<String>,
    /// The steps so far, in the order in which they started.
    pub steps: Vec<Step>,
    /// Why it failed, in a sentence or a few.
    pub cause: Option<String>,
    /// The last lines of the log that shows the failure, oldest first.
    pub log_tail: Vec<String>,
    /// Small print under the message: `rehearsal on the embedded AWS, without containers`.
    pub note: Option<String>,
}

impl Announcement {
    /// A running release about which nothing but the names is known.
    #[must_use]
    pub fn new(
        title: impl Into<String>,
        application: impl Into<String>,
        environment: impl Into<String>,
    ) -> Self {
        Self {
            title: title.into(),
            state: State::Running,
            application: application.into(),
            environment: environment.into(),
            details: ReleaseDetails::default(),
            url: None,
            steps: Vec::new(),
            cause: None,
            log_tail: Vec::new(),
            note: None,
        }
    }

    /// Takes an event of the release into the steps. True if that changed the announcement: output
    /// lines, notes and warnings do not.
    pub fn apply(&mut self, event: &Event) -> bool {
        match event {
            Event::StepStarted { id, title } => {
                self.steps.push(Step {
                    id: id.clone(),
                    title: title.clone(),
                    outcome: None,
                    seconds: None,
                    message: String::new(),
                });
                true
            }
            Event::StepProgress { id, message } => match self.step(id) {
                Some(step) if step.outcome.is_none() => {
                    step.message.clone_from(message);
                    true
                }
                _ => false,
            },
            Event::StepFinished {
                id,
                outcome,
                message,
                elapsed,
            } => {
                self.finish_step(id, *outcome, message, *elapsed);
                true
            }
            Event::Output { .. }
            | Event::Warning { .. }
            | Event::Environment(_)
            | Event::Note { .. } => false,
        }
    }

    /// The latest step of that id: a repeated step (a second attempt) is a second line.
    fn step(&mut self, id: &str) -> Option<&mut Step> {
        self.steps.iter_mut().rev().find(|step| step.id == id)
    }

    /// Notes how a step ended. A step whose start went unheard is added, so that no outcome is lost.
    fn finish_step(&mut self, id: &str, outcome: StepOutcome, message: &str, elapsed: Duration) {
        if self.step(id).is_none() {
            self.steps.push(Step {
                id: id.to_owned(),
                title: id.to_owned(),
                outcome: None,
                seconds: None,
                message: String::new(),
            });
        }
        if let Some(step) = self.step(id) {
            step.outcome = Some(outcome);
            step.seconds = Some(elapsed.as_secs_f64());
            message.clone_into(&mut step.message);
        }
    }

    /// A copy without any of the secrets that `scrubber` knows. Must happen before rendering: cutting
    /// and escaping would leave pieces that no longer match.
    #[must_use]
    pub fn scrubbed(&self, scrubber: &SecretScrubber) -> Self {
        let clean = |text: &String| scrubber.scrub(text);
        let maybe = |text: &Option<String>| text.as_ref().map(clean);
        Self {
            title: clean(&self.title),
            state: self.state,
            application: clean(&self.application),
            environment: clean(&self.environment),
            details: self.details.scrubbed(scrubber),
            url: maybe(&self.url),
            steps: self
                .steps
                .iter()
                .map(|step| Step {
                    id: step.id.clone(),
                    title: clean(&step.title),
                    outcome: step.outcome,
                    seconds: step.seconds,
                    message: clean(&step.message),
                })
                .collect(),
            cause: maybe(&self.cause),
            log_tail: self.log_tail.iter().map(clean).collect(),
            note: maybe(&self.note),
        }
    }
}

#[cfg(test)]
mod tests {
    use beanpole_model::Secret;

    use super::*;

    fn started(id: &str) -> Event {
        Event::StepStarted {
            id: id.into(),
            title: format!("Do {id}"),
        }
    }

    fn finished(id: &str, outcome: StepOutcome) -> Event {
        Event::StepFinished {
            id: id.into(),
            outcome,
            message: "made it".into(),
            elapsed: Duration::from_millis(1500),
        }
    }

    #[test]
    fn events_become_steps() {
        let mut announcement = Announcement::new("blog", "blog", "blog-prod");
        assert!(announcement.apply(&started("build")));
        let progress = Event::StepProgress {
            id: "build".into(),
            message: "half".into(),
        };
        assert!(announcement.apply(&progress));
        assert_eq!(announcement.steps[0].message, "half");
        assert!(announcement.apply(&finished("build", StepOutcome::Done)));
        assert_eq!(announcement.steps[0].outcome, Some(StepOutcome::Done));
        assert_eq!(announcement.steps[0].seconds, Some(1.5));
        // News of a step that has ended comes too late to change its result.
        assert!(!announcement.apply(&progress));
        assert_eq!(announcement.steps[0].message, "made it");
    }

    #[test]
    fn an_outcome_without_a_start_is_kept() {
        let mut announcement = Announcement::new("blog", "blog", "blog-prod");
        announcement.apply(&finished("probe", StepOutcome::Failed));
        assert_eq!(announcement.steps.len(), 1);
        assert_eq!(announcement.steps[0].outcome, Some(StepOutcome::Failed));
    }

    #[test]
    fn a_repeated_step_is_a_second_line() {
        let mut announcement = Announcement::new("blog", "blog", "blog-prod");
        announcement.apply(&started("update"));
        announcement.apply(&finished("update", StepOutcome::Failed));
        announcement.apply(&started("update"));
        announcement.apply(&finished("update", StepOutcome::Done));
        let outcomes: Vec<_> = announcement.steps.iter().map(|step| step.outcome).collect();
        assert_eq!(
            outcomes,
            [Some(StepOutcome::Failed), Some(StepOutcome::Done)]
        );
    }

    #[test]
    fn scrubbing_reaches_every_text() {
        let scrubber = SecretScrubber::default();
        scrubber.learn(&Secret::new("hunter2-hunter2"));
        let planted = "x hunter2-hunter2 y".to_owned();
        let mut announcement = Announcement::new(&planted, &planted, &planted);
        announcement.details.version = Some(planted.clone());
        announcement.details.reason = Some(planted.clone());
        announcement.url = Some(planted.clone());
        announcement.cause = Some(planted.clone());
        announcement.note = Some(planted.clone());
        announcement.log_tail = vec![planted.clone()];
        announcement.apply(&Event::StepStarted {
            id: "s".into(),
            title: planted.clone(),
        });
        announcement.apply(&Event::StepProgress {
            id: "s".into(),
            message: planted,
        });
        let shown = format!("{:?}", announcement.scrubbed(&scrubber));
        assert!(!shown.contains("hunter2"), "{shown}");
        assert_eq!(shown.matches("[redacted]").count(), 11);
    }
}
