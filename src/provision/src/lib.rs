//! Infrastructure: what the manifest wants against what AWS has.
//!
//! How it goes: [`observe()`] reads what exists; [`plan()`] compares it with the manifest and gives a
//! [`Plan`], a value that can be shown and saved; [`apply()`] makes it so. There is no state file: the
//! account itself is the state, and names follow from the manifest ([`names`]).
//!
//! Rules:
//! - Planning is pure. It never asks the network or the clock, and the same world gives the same plan.
//! - Nothing that holds data is ever replaced or shrunk. What cannot be changed in place is a finding
//!   that says what to do by hand, and the plan is refused as a whole.
//! - Every step is safe to repeat: what exists counts as made. A run that was killed anywhere is
//!   finished by the next one.
//! - Passwords are made here, kept in Secrets Manager, and shown nowhere.
//!
//! Exit codes of refused plans: 7 when an IAM role is missing (a person with IAM rights has to act),
//! 5 when something is being deleted, otherwise 2.

pub mod apply;
mod configuration;
mod connections;
pub mod error;
pub mod names;
mod observe;
pub mod observed;
pub mod pair;
pub mod plan;
mod planner;
pub mod settings;
pub mod status;
mod text;

use beanpole_cloud::Identity;
use beanpole_manifest::Project;

pub use apply::{Applied, Created, apply};
pub use configuration::{
    ConfigurationChange, OptionChange, configuration_change, declared_names, levelling,
};
pub use error::{Error, PlanError};
pub use names::Store;
pub use observe::{observe, secret_references};
pub use observed::Observed;
pub use plan::{Action, Change, Disruption, Disturbance, FieldChange, Kind, Plan, Resource};
pub use text::summary;

/// Compares the manifest with what exists. Never fails: what stands in the way is part of the plan, so
/// that it can be shown as a whole; [`Plan::check`] turns it into an error, and [`apply()`] checks too.
#[must_use]
pub fn plan(project: &Project, observed: &Observed, identity: &Identity) -> Plan {
    planner::plan(project, observed, identity)
}
