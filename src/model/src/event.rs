//! What happens during long work, told as values. The work emits events; others draw them (the
//! terminal), forward them (chat) or keep them (journal). The work itself never prints.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Snapshot;

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepOutcome {
    /// It did something, and that worked.
    Done,
    /// Nothing had to be done: what it makes exists already.
    Unchanged,
    /// It was left out on purpose; the message says why.
    Skipped,
    /// It failed.
    Failed,
}

impl StepOutcome {
    /// The outcome in one word, for lists: `done`, `unchanged`, `skipped`, `failed`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Unchanged => "unchanged",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
        }
    }
}

/// One thing that happened. Texts hold no secrets and no line breaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A step of the release began. `id` is stable and in kebab case: `build-image`.
    StepStarted {
        /// Stable id of the step.
        id: String,
        /// What it does, for people: `Build the image`.
        title: String,
    },
    /// A step has something new to say about its progress: `3 of 5 instances run the version`.
    StepProgress {
        /// Stable id of the step.
        id: String,
        /// The news.
        message: String,
    },
    /// A step ended.
    StepFinished {
        /// Stable id of the step.
        id: String,
        /// How.
        outcome: StepOutcome,
        /// One line for people: what was made or proven.
        message: String,
        /// How long it took, in wall-clock time.
        #[serde(serialize_with = "as_seconds", rename = "seconds")]
        elapsed: Duration,
    },
    /// A line of output from someone else (build, container, Beanstalk event), already scrubbed.
    Output {
        /// Stable id of the step it belongs to.
        id: String,
        /// Who said it: `docker`, `beanstalk`, `migrate`.
        source: String,
        /// The line.
        line: String,
    },
    /// Something a person should know and may act on, while the work goes on.
    Warning {
        /// The warning.
        message: String,
    },
    /// How the environment looks at this moment, for live views. Others may ignore it: what matters
    /// of it is told in words, too.
    Environment(Snapshot),
    /// A fact worth a line: the account in use, the plan's size.
    Note {
        /// The fact.
        message: String,
    },
}

fn as_seconds<S: serde::Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(value.as_secs_f64())
}

/// Takes events as they happen. Must be quick and must not fail: a broken listener never stops the
/// work.
pub trait Reporter: Send + Sync {
    /// Takes one event.
    fn report(&self, event: &Event);
}

/// A reporter that drops everything.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Reporter for Silent {
    fn report(&self, _event: &Event) {}
}

impl dyn Reporter + '_ {
    /// Shorthand for [`Event::Note`].
    pub fn note(&self, message: impl Into<String>) {
        self.report(&Event::Note {
            message: message.into(),
        });
    }

    /// Shorthand for [`Event::Warning`].
    pub fn warn(&self, message: impl Into<String>) {
        self.report(&Event::Warning {
            message: message.into(),
        });
    }

    /// Shorthand for [`Event::StepProgress`].
    pub fn progress(&self, id: &str, message: impl Into<String>) {
        self.report(&Event::StepProgress {
            id: id.to_owned(),
            message: message.into(),
        });
    }

    /// Shorthand for [`Event::Output`].
    pub fn output(&self, id: &str, source: &str, line: impl Into<String>) {
        self.report(&Event::Output {
            id: id.to_owned(),
            source: source.to_owned(),
            line: line.into(),
        });
    }
}
