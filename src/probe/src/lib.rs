//! Probes over HTTP, and what they mean.
//!
//! A probe looks from outside, as a visitor would: a fresh connection each time, redirects shown and
//! not followed, one deadline, and the time of each phase. It understands the answers of
//! django-health-check (HTML and JSON, versions 3 and 4), where a 200 may still hold a failing
//! component, and it knows the usual traps of Django behind a load balancer.
//!
//! A probe that finds something wrong is an answer, not an error: [`check_http`] always returns a
//! [`ProbeResult`].
//!
//! `components` (the parsers) and `diagnosis` are pure; `http` is the thin shell around them.

mod client;
mod components;
mod diagnosis;
mod failure;
mod html;
mod http;
mod json;
mod network;
mod probe;
mod repeat;
mod result;
mod rows;

pub use components::Component;
pub use failure::{Failure, FailureKind};
pub use http::check_http;
pub use probe::{HttpProbe, Method, Parse};
pub use repeat::{InARow, Outcome, Streak, in_a_row};
pub use result::{Phase, Phases, ProbeResult};
