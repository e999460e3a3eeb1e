//! Release announcements in Slack: one message a release, changed in place as the release goes on, with
//! the details in its thread. And [`marker`]s: what Rollbar, Sentry, New Relic and GitHub are told.
//!
//! How it travels: an [`Announcement`] (a plain value) is scrubbed, rendered into a [`Message`]
//! and the [`Reply`]s of its thread (blocks within Slack's limits, pure) and handed to [`Slack`] (HTTP,
//! retries). The [`Announcer`] remembers which messages are ours and how often they may be changed;
//! [`Live`] feeds it from the release's events without ever holding the release up.
//!
//! Rules:
//! - Chat never fails a release. Every send ends in a [`Delivery`], never in a panic or an early
//!   return, and within a total deadline.
//! - The final state is always sent; states in between may be dropped.
//! - The bot token and the webhook's URL are secrets: they appear in no error, log or debug output.
//! - An incoming webhook gives no message id back (Slack answers just `ok`), so its message cannot
//!   be changed later and has no thread. By webhook the end of the release is sent with the details in
//!   it, and the start too if asked for.

pub mod announcement;
pub mod announcer;
pub mod destination;
pub mod details;
pub mod error;
pub mod live;
pub mod marker;
pub mod render;
pub mod slack;
pub mod text;
pub mod thread;

pub use announcement::{Announcement, State, Step};
pub use announcer::{Announcer, Delivery, Place, Skip};
pub use destination::{DEFAULT_API_URL, Destination, Names};
pub use details::{CommitLine, Commits, ReleaseDetails};
pub use error::Error;
pub use live::Live;
pub use render::{Form, Message, render};
pub use slack::{Identity, Patience, Slack};
pub use thread::{Reply, Topic, replies};
