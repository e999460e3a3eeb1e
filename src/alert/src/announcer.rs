//! The one message of a release: which one it is, when it may be changed, and what became of it.

use std::time::Duration;

use beanpole_model::{Problem as _, SecretScrubber};
use serde::Serialize;
use tokio::time::Instant;

use crate::announcement::{Announcement, State};
use crate::error::Error;
use crate::render::{Message, render};
use crate::slack::{Identity, Patience, Slack};

/// The shortest pause between two changes of the message. `chat.update` has about 50 calls a minute
/// for a whole workspace, which other tools share; Grafana OnCall keeps 10 s as well.
pub const DEBOUNCE: Duration = Duration::from_secs(10);

/// Why nothing was sent although nothing failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Skip {
    /// The message already says this.
    Unchanged,
    /// The last change was too short a time ago; the next state will be sent.
    TooSoon,
    /// A webhook cannot change its message, so states in between are not sent.
    WebhookSendsOnlyTheEnd,
}

/// What became of an announcement. Never an error: chat does not stop a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "delivery", rename_all = "kebab-case")]
pub enum Delivery {
    /// Slack has it.
    Sent {
        /// Which message it is; `None` by webhook.
        identity: Option<Identity>,
    },
    /// Nothing had to be sent.
    Skipped {
        /// Why.
        reason: Skip,
    },
    /// Slack does not have it.
    Failed {
        /// Why, in one line without secrets.
        reason: String,
        /// What to do about it.
        hint: Option<String>,
    },
}

impl Delivery {
    /// True unless the delivery failed.
    #[must_use]
    pub const fn is_fine(&self) -> bool {
        !matches!(self, Self::Failed { .. })
    }
}

impl From<&Error> for Delivery {
    fn from(error: &Error) -> Self {
        Self::Failed {
            reason: error.summary(),
            hint: error.hint(),
        }
    }
}

/// Sends the announcements of one release into one message.
#[derive(Debug)]
pub struct Announcer {
    slack: Slack,
    scrubber: SecretScrubber,
    debounce: Duration,
    webhook_tells_start: bool,
    patience: Patience,
    patience_between: Patience,
    identity: Option<Identity>,
    last: Option<(Instant, Message)>,
    /// A permanent failure of the destination: no further request is made.
    given_up: Option<Delivery>,
}

impl Announcer {
    /// An announcer that has sent nothing yet. The scrubber also learns the destination's secret.
    #[must_use]
    pub fn new(slack: Slack, scrubber: SecretScrubber) -> Self {
        scrubber.learn(slack.destination().secret());
        Self {
            slack,
            scrubber,
            debounce: DEBOUNCE,
            webhook_tells_start: false,
            patience: Patience::FINAL,
            patience_between: Patience::INTERMEDIATE,
            identity: None,
            last: None,
            given_up: None,
        }
    }

    /// Another pause between changes than [`DEBOUNCE`].
    #[must_use]
    pub fn with_debounce(mut self, debounce: Duration) -> Self {
        self.debounce = debounce;
        self
    }

    /// By webhook, sends a message at the start as well, which then stands beside the one at the
    /// end. Without this only the end is sent.
    #[must_use]
    pub fn with_webhook_start(mut self, tells_start: bool) -> Self {
        self.webhook_tells_start = tells_start;
        self
    }

    /// How long to try: for final states, and for those in between.
    #[must_use]
    pub fn with_patience(mut self, final_state: Patience, between: Patience) -> Self {
        self.patience = final_state;
        self.patience_between = between;
        self
    }

    /// Goes on with the message of an earlier process instead of posting a new one.
    #[must_use]
    pub fn resume(mut self, identity: Identity) -> Self {
        self.identity = Some(identity);
        self
    }

    /// The message, once one was posted by a bot. Kept in a journal, it serves [`Self::resume`].
    #[must_use]
    pub const fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// How long from now until the next change may be sent; zero if it may be sent now.
    #[must_use]
    pub fn pause(&self) -> Duration {
        self.last.as_ref().map_or(Duration::ZERO, |(at, _)| {
            self.debounce.saturating_sub(at.elapsed())
        })
    }

    /// The longest time that sending a final state takes.
    #[must_use]
    pub const fn longest_final(&self) -> Duration {
        self.patience.total
    }

    /// Sends the announcement if it is worth it: a final state always, others when they say something
    /// new and the last change is long enough ago. Takes at most the total patience.
    pub async fn announce(&mut self, announcement: &Announcement) -> Delivery {
        let message = render(&announcement.scrubbed(&self.scrubber));
        if let Some(reason) = self.skip(announcement.state, &message) {
            return Delivery::Skipped { reason };
        }
        if let Some(delivery) = &self.given_up {
            return delivery.clone();
        }
        match self.send(announcement.state, &message).await {
            Ok(()) => {
                self.last = Some((Instant::now(), message));
                Delivery::Sent {
                    identity: self.identity.clone(),
                }
            }
            Err(error) => {
                // Counts as an attempt: a destination in trouble is not asked more often.
                self.last = Some((
                    Instant::now(),
                    Message {
                        text: String::new(),
                        blocks: Vec::new(),
                    },
                ));
                let delivery = Delivery::from(&error);
                tracing::debug!("announcement not delivered: {}", error.summary());
                if error.is_final() {
                    self.given_up = Some(delivery.clone());
                }
                delivery
            }
        }
    }

    fn skip(&self, state: State, message: &Message) -> Option<Skip> {
        let told = self.last.as_ref();
        if told.is_some_and(|(_, last)| last == message) {
            return Some(Skip::Unchanged);
        }
        if state.is_final() {
            return None;
        }
        if !self.slack.destination().can_update() && (told.is_some() || !self.webhook_tells_start) {
            return Some(Skip::WebhookSendsOnlyTheEnd);
        }
        (!self.pause().is_zero()).then_some(Skip::TooSoon)
    }

    async fn send(&mut self, state: State, message: &Message) -> Result<(), Error> {
        let patience = if state.is_final() {
            self.patience
        } else {
            self.patience_between
        };
        if let Some(identity) = &self.identity {
            match self.slack.update(identity, message, patience).await {
                // Someone deleted the message, or it is too old to change: post it anew.
                Err(error) if error.asks_for_a_new_message() => {}
                other => return other,
            }
        }
        self.identity = self.slack.post(message, patience).await?;
        Ok(())
    }
}
