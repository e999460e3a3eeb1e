//! The life cycles: what happens after a request was accepted, on the world's clock.
//!
//! Each life cycle tells its story from top to bottom: sleep, act through the data plane, say so in an
//! event. What to do is decided in `rollout` and `health`; here it is done. All durations are virtual.

mod command;
mod configure;
mod create;
mod deploy;
mod engine_log;
mod immutable;
mod instances;
mod managed;
mod operation;
mod swap;
mod terminate;
mod update;

pub(crate) use create::{create, resources, storage_bucket};
pub(crate) use operation::{Operation, begin};
pub(crate) use swap::swap;
pub(crate) use terminate::terminate;
pub(crate) use update::{Change, restart, update};

/// How long things take on AWS. Where no other source is named, read off event logs of real
/// environments, rounded, so that a creation takes about four minutes.
pub(crate) mod durations {
    use std::time::Duration;

    /// From a request to the first thing that is done about it.
    pub(crate) const START: Duration = Duration::from_secs(5);
    /// A security group, a target group, an alarm.
    pub(crate) const SMALL_RESOURCE: Duration = Duration::from_secs(5);
    /// A load balancer.
    pub(crate) const LOAD_BALANCER: Duration = Duration::from_secs(30);
    /// From the launch of an instance to its readiness for commands.
    pub(crate) const BOOT: Duration = Duration::from_secs(45);
    /// A deployment command, without what the application itself takes.
    pub(crate) const COMMAND: Duration = Duration::from_secs(30);
    /// Taking instances out of service (`DeregistrationDelay`, 20 s).
    pub(crate) const DEREGISTRATION: Duration = Duration::from_secs(20);
    /// Between two health reports of an instance (developer guide, "Enhanced health": 10 s).
    pub(crate) const HEALTH_REPORT: Duration = Duration::from_secs(10);
    /// Terminating instances.
    pub(crate) const TERMINATION: Duration = Duration::from_secs(60);
}
