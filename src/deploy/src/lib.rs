//! From a commit to a proven release on Elastic Beanstalk.
//!
//! How a release travels:
//!
//! 1. [`check`] looks at the commit ([`preflight`]) and lays out the bundle ([`layout`]): git only,
//!    nobody is called.
//! 2. [`release`](fn@release) builds the image, packs the [`bundle`], uploads it once for each
//!    content, creates the version, and updates the environment. Up to here nothing is changed.
//! 3. It follows the update ([`following`]) until the environment is Ready again, and then leads the
//!    release through the [`gate`]: proof on every instance, probe from outside, soak.
//! 4. If the gate stays shut, the cause is gathered and the former version is brought back.
//!
//! Rules of this crate: decisions are pure ([`preflight`], [`layout`], [`deadline`], [`following`],
//! [`proof`], [`soaking`], [`gate`]); the async code around them looks, waits and calls. State decides,
//! events only explain. Every wait has a deadline and can be interrupted. Nothing is called released
//! that did not pass the gate.

pub mod bundle;
mod check;
pub mod compose;
pub mod deadline;
pub mod dockerfile;
mod error;
mod failure;
pub mod following;
pub mod gate;
mod image;
pub mod label;
pub mod layout;
pub mod observation;
pub mod preflight;
pub mod proof;
mod release;
mod report;
mod rollback;
mod scene;
pub mod soaking;
mod spool;
mod step;
#[cfg(test)]
mod testing;
mod update;
mod upload;
mod verify;
mod version;

pub use check::{Candidate, CheckRequest, check, inspect};
pub use error::Error;
pub use image::build_image;
pub use release::{ReleaseRequest, release, stopped};
pub use report::{Created, FailureReport, LogTail, ReleaseReport, Verdict};
pub use step::{Ended, StepId, StepReport, Steps};
