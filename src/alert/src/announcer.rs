//! The one message of a release and its thread: which messages they are, when they may be changed,
//! and what became of them.
//!
//! Rules: the head is sent before its replies. A topic that speaks for the first time is posted at
//! once; changes wait for their turn. Replies that belong to a head that is gone are posted anew under
//! the next one.

use std::collections::BTreeMap;
use std::time::Duration;

use beanpole_model::{Problem as _, SecretScrubber};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::announcement::{Announcement, State};
use crate::error::Error;
use crate::render::{Form, Message, render};
use crate::slack::{Identity, Patience, Slack};
use crate::thread::{Reply, Topic, replies};

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

/// Where a release is told: its message, and the replies in the thread of that message. Kept in a
/// journal, it lets another process go on with the same message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The message in the channel.
    pub head: Identity,
    /// The replies, by topic.
    #[serde(default)]
    pub replies: BTreeMap<Topic, Identity>,
}

impl From<Identity> for Place {
    fn from(head: Identity) -> Self {
        Self {
            head,
            replies: BTreeMap::new(),
        }
    }
}

/// Sends the announcements of one release into one message and its thread.
#[derive(Debug)]
pub struct Announcer {
    slack: Slack,
    scrubber: SecretScrubber,
    debounce: Duration,
    webhook_tells_start: bool,
    patience: Patience,
    patience_between: Patience,
    place: Option<Place>,
    /// When something was sent last, or tried to be.
    tried_at: Option<Instant>,
    /// What the head said last; the inner `None` if that failed.
    head: Option<Option<Message>>,
    /// What the replies said last; `None` if that failed.
    told: BTreeMap<Topic, Option<Message>>,
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
            place: None,
            tried_at: None,
            head: None,
            told: BTreeMap::new(),
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
    pub fn resume(mut self, place: impl Into<Place>) -> Self {
        self.place = Some(place.into());
        self
    }

    /// The message and its replies, once a bot posted it. Kept in a journal, it serves
    /// [`Self::resume`].
    #[must_use]
    pub const fn place(&self) -> Option<&Place> {
        self.place.as_ref()
    }

    /// The message, once a bot posted it.
    #[must_use]
    pub fn identity(&self) -> Option<&Identity> {
        self.place.as_ref().map(|place| &place.head)
    }

    /// How long from now until the next change may be sent; zero if it may be sent now.
    #[must_use]
    pub fn pause(&self) -> Duration {
        self.tried_at.map_or(Duration::ZERO, |at| {
            self.debounce.saturating_sub(at.elapsed())
        })
    }

    /// The longest time that sending a final state takes.
    #[must_use]
    pub const fn longest_final(&self) -> Duration {
        self.patience.total
    }

    /// True if a topic of the announcement speaks for the first time, which waits for nobody.
    #[must_use]
    pub fn has_new_topic(&self, announcement: &Announcement) -> bool {
        self.place.is_some()
            && self.given_up.is_none()
            && replies(announcement)
                .iter()
                .any(|reply| self.is_new(reply.topic))
    }

    /// Sends the announcement if it is worth it: a final state always, others when they say something
    /// new and the last change is long enough ago. Takes at most the total patience.
    pub async fn announce(&mut self, announcement: &Announcement) -> Delivery {
        let clean = announcement.scrubbed(&self.scrubber);
        let (form, replies) = if self.slack.destination().can_update() {
            (Form::WithThread, replies(&clean))
        } else {
            (Form::Alone, Vec::new())
        };
        let head = render(&clean, form);
        let is_final = clean.state.is_final();
        let skip = self.skip(clean.state, &head);
        let is_turn = is_final || self.pause().is_zero();
        if let Some(reason) = skip
            && !replies.iter().any(|reply| self.is_due(reply, is_turn))
        {
            return Delivery::Skipped { reason };
        }
        if let Some(delivery) = &self.given_up {
            return delivery.clone();
        }
        let patience = if is_final {
            self.patience
        } else {
            self.patience_between
        };
        let started = Instant::now();
        let due_head = skip.is_none().then_some(&head);
        let mut outcome = self.tell(due_head, &replies, is_turn, patience).await;
        if is_final && matches!(&outcome, Err(error) if error.asks_for_a_new_message()) {
            // The head went away under its replies. The end must be told, so it is told anew.
            let patience = patience.since(started);
            outcome = self.tell(Some(&head), &replies, true, patience).await;
        }
        match outcome {
            Ok(()) => Delivery::Sent {
                identity: self.identity().cloned(),
            },
            Err(error) => self.failed(&error),
        }
    }

    /// Keeps in mind what a failure means for what comes.
    fn failed(&mut self, error: &Error) -> Delivery {
        let delivery = Delivery::from(error);
        tracing::debug!("announcement not delivered: {}", error.summary());
        if error.is_final() {
            self.given_up = Some(delivery.clone());
        }
        delivery
    }

    /// Why the head is not sent, if it is not.
    fn skip(&self, state: State, message: &Message) -> Option<Skip> {
        if let Some(Some(last)) = &self.head
            && last == message
        {
            return Some(Skip::Unchanged);
        }
        if state.is_final() {
            return None;
        }
        let is_told = self.head.is_some();
        if !self.slack.destination().can_update() && (is_told || !self.webhook_tells_start) {
            return Some(Skip::WebhookSendsOnlyTheEnd);
        }
        (!self.pause().is_zero()).then_some(Skip::TooSoon)
    }

    /// True if a reply is to be sent now: a new topic at once, a change when it is its turn.
    fn is_due(&self, reply: &Reply, is_turn: bool) -> bool {
        let is_said = self.told.get(&reply.topic) == Some(&Some(reply.message.clone()));
        self.place.is_some() && !is_said && (is_turn || self.is_new(reply.topic))
    }

    /// True if nobody tried to tell the topic yet. One that failed waits for its turn.
    fn is_new(&self, topic: Topic) -> bool {
        !self.told.contains_key(&topic)
    }

    /// Sends the head, if it is given, and then the replies that are due, all within `patience`.
    async fn tell(
        &mut self,
        head: Option<&Message>,
        replies: &[Reply],
        is_turn: bool,
        patience: Patience,
    ) -> Result<(), Error> {
        let started = Instant::now();
        if let Some(message) = head {
            let sent = self.send_head(message, patience).await;
            // A failure counts as an attempt: a destination in trouble is not asked more often.
            self.tried_at = Some(Instant::now());
            self.head = Some(sent.is_ok().then(|| message.clone()));
            sent?;
        }
        for reply in replies {
            if !self.is_due(reply, is_turn) {
                continue;
            }
            let sent = self.send_reply(reply, patience.since(started)).await;
            self.tried_at = Some(Instant::now());
            let told = sent.is_ok().then(|| reply.message.clone());
            self.told.insert(reply.topic, told);
            if let Err(error) = sent {
                if error.asks_for_a_new_message() {
                    self.forget_place();
                }
                return Err(error);
            }
        }
        Ok(())
    }

    async fn send_head(&mut self, message: &Message, patience: Patience) -> Result<(), Error> {
        let started = Instant::now();
        if let Some(place) = &self.place {
            match self.slack.update(&place.head, message, patience).await {
                // Someone deleted the message, or it is too old to change: post it anew.
                Err(error) if error.asks_for_a_new_message() => self.forget_place(),
                other => return other,
            }
        }
        let identity = self.slack.post(message, patience.since(started)).await?;
        self.place = identity.map(Place::from);
        Ok(())
    }

    /// Posts a reply, or changes the one that is there. Without a head there is nothing to reply to.
    async fn send_reply(&mut self, reply: &Reply, patience: Patience) -> Result<(), Error> {
        let started = Instant::now();
        let Some(place) = &mut self.place else {
            return Ok(());
        };
        if let Some(known) = place.replies.get(&reply.topic) {
            match self.slack.update(known, &reply.message, patience).await {
                // Someone deleted the reply alone.
                Err(error) if error.asks_for_a_new_message() => {}
                other => return other,
            }
        }
        let patience = patience.since(started);
        let identity = self
            .slack
            .reply(&place.head, &reply.message, patience)
            .await?;
        place.replies.insert(reply.topic, identity);
        Ok(())
    }

    /// The head is gone, and its thread with it.
    fn forget_place(&mut self) {
        self.place = None;
        self.head = None;
        self.told.clear();
    }
}
