//! Release announcements in Slack: one message a release, changed in place as the release goes on.
//!
//! How it travels: an [`Announcement`] (a plain value) is scrubbed, rendered into a [`Message`]
//! (blocks within Slack's limits, pure) and handed to [`Slack`] (HTTP, retries). The [`Announcer`]
//! remembers which message is ours and how often it may be changed; [`Live`] feeds it from the
//! release's events without ever holding the release up.
//!
//! Rules:
//! - Chat never fails a release. Every send ends in a [`Delivery`], never in a panic or an early
//!   return, and within a total deadline.
//! - The final state is always sent; states in between may be dropped.
//! - The bot token and the webhook's URL are secrets: they appear in no error, log or debug output.
//! - An incoming webhook gives no message id back (Slack answers just `ok`), so its message cannot
//!   be changed later. By webhook the end of the release is sent, and the start too if asked for.

pub mod announcement;
pub mod announcer;
pub mod destination;
pub mod error;
pub mod live;
pub mod render;
pub mod slack;
pub mod text;

pub use announcement::{Announcement, State, Step};
pub use announcer::{Announcer, Delivery, Skip};
pub use destination::{DEFAULT_API_URL, Destination, Names};
pub use error::Error;
pub use live::Live;
pub use render::{Message, render};
pub use slack::{Identity, Patience, Slack};
