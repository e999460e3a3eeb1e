//! What a probe saw.

use std::fmt;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::components::Component;
use crate::failure::Failure;

/// The parts of a probe, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Looking up the host's name.
    Resolve,
    /// Connecting, TLS included.
    Connect,
    /// Waiting for the first byte of the answer: the application's own time.
    Wait,
    /// Reading the answer.
    Transfer,
}

impl fmt::Display for Phase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Resolve => "looking up the name",
            Self::Connect => "connecting",
            Self::Wait => "waiting for the answer",
            Self::Transfer => "reading the answer",
        })
    }
}

/// How long each part took. A part that was not reached, or not needed, is `None`; one that was cut
/// off by the deadline counts up to there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Phases {
    /// See [`Phase::Resolve`].
    #[serde(serialize_with = "optional_seconds")]
    pub resolve: Option<Duration>,
    /// See [`Phase::Connect`].
    #[serde(serialize_with = "optional_seconds")]
    pub connect: Option<Duration>,
    /// See [`Phase::Wait`].
    #[serde(serialize_with = "optional_seconds")]
    pub wait: Option<Duration>,
    /// See [`Phase::Transfer`].
    #[serde(serialize_with = "optional_seconds")]
    pub transfer: Option<Duration>,
}

/// What one probe saw. In JSON all times are seconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProbeResult {
    /// The address that was asked for.
    pub url: String,
    /// True if everything was as expected.
    pub ok: bool,
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    /// How long it took in all; a second request for times does not count.
    #[serde(serialize_with = "seconds", rename = "seconds")]
    pub elapsed: Duration,
    /// How long each part took.
    pub phases: Phases,
    /// The components of the health page, in its order.
    pub components: Vec<Component>,
    /// Why it is not ok; set if and only if `ok` is false.
    pub failure: Option<Failure>,
}

impl ProbeResult {
    /// The components that do not work.
    pub fn failing(&self) -> impl Iterator<Item = &Component> {
        self.components.iter().filter(|component| !component.ok)
    }
}

/// One line: `200 in 0.034 s, 4 of 4 components work`.
impl fmt::Display for ProbeResult {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(failure) = &self.failure {
            write!(formatter, "{failure}")?;
        } else if let Some(status) = self.status {
            write!(formatter, "{status}")?;
        }
        write!(formatter, " in {:.3} s", self.elapsed.as_secs_f64())?;
        if self.failure.is_none() && !self.components.is_empty() {
            let working = self.components.len() - self.failing().count();
            write!(
                formatter,
                ", {working} of {} components work",
                self.components.len()
            )?;
        }
        Ok(())
    }
}

pub(crate) fn seconds<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(value.as_secs_f64())
}

pub(crate) fn optional_seconds<S: Serializer>(
    value: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.serialize_some(&value.as_secs_f64()),
        None => serializer.serialize_none(),
    }
}
