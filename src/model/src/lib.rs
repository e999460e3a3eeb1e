//! The vocabulary of beanpole: names, exit codes, problems, findings, release events and redacted
//! values.
//!
//! Rules of this crate: plain data only. No I/O, no clock, no environment, no async. Everything here
//! may be used by every other crate; this crate knows none of them.

pub mod environment;
pub mod event;
pub mod exit;
pub mod finding;
pub mod name;
pub mod pace;
pub mod problem;
pub mod secret;
pub mod snapshot;

pub use environment::Environment;
pub use event::{Event, Reporter, Silent, StepOutcome};
pub use exit::ExitCode;
pub use finding::{Finding, Location, Severity};
pub use name::{AccountId, ApplicationName, EnvironmentName, NameError, Region, VersionLabel};
pub use pace::Pace;
pub use problem::{Problem, Report};
pub use secret::{Secret, SecretScrubber};
pub use snapshot::{InstanceSnapshot, Rates, Rollout, Snapshot};
