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
//! Beside these stand the strategies: [`blue_green`] releases onto a second environment, and settings
//! change in updates of their own ([`Scene::configure`]).
//! Two releases of one environment never meet ([`mod@lock`]), every release is written down while it
//! happens ([`ledger`]), and what is old is removed ([`mod@prune`]).
//!
//! Rules of this crate: decisions are pure ([`preflight`], [`layout`], [`deadline`], [`following`],
//! [`proof`], [`soaking`], [`gate`], [`ledger::decide`], [`prune::plan`]); the async code around them looks, waits and calls. State decides,
//! events only explain. Every wait has a deadline and can be interrupted. Nothing is called released
//! that did not pass the gate.

pub mod abort;
pub mod blue_green;
pub mod bundle;
mod check;
pub mod compose;
mod configuration;
pub mod deadline;
pub mod dockerfile;
pub mod dot_env;
mod error;
pub mod event_stream;
mod failure;
pub mod fleet;
pub mod following;
mod form;
pub mod gate;
pub mod ignore_file;
mod image;
mod kept;
pub mod label;
pub mod layout;
pub mod ledger;
mod links;
pub mod lock;
pub mod logs;
mod managed;
pub mod migrations;
mod news;
pub mod observation;
mod patience;
pub mod plan;
mod poll;
pub mod preflight;
mod promotion;
pub mod proof;
pub mod prune;
mod registry;
mod release;
pub mod release_files;
pub mod release_step;
pub mod release_watch;
mod report;
mod rollback;
mod scene;
mod snapshot;
pub mod soaking;
mod spool;
mod step;
#[cfg(test)]
mod testing;
pub mod timings;
mod update;
mod upload;
mod verify;
mod version;

pub use blue_green::{Colours, Green, changing_project, live_project};
pub use check::{Candidate, CheckRequest, check, inspect};
pub use error::Error;
pub use form::{Form, ImageForm};
pub use image::build_image;
pub use promotion::proven_version;
pub use registry::{PushedCandidateRequest, push_image};
pub use release::{
    Author, KnownVersion, ReleaseRequest, Source, plan as plan_release, release, stopped,
};
pub use report::{Created, FailureReport, LogTail, ReleaseReport, Verdict};
pub use scene::Scene;
pub use step::{Ended, StepId, StepReport, Steps};
