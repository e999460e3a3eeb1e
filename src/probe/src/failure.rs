//! Why a probe failed.

use std::fmt;

use serde::Serialize;

use crate::result::Phase;

/// Why a probe failed, for programs and for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The kind.
    #[serde(flatten)]
    pub kind: FailureKind,
    /// What was seen, in one line.
    pub message: String,
    /// The likely cause and its remedy, where the signs are clear.
    pub hint: Option<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

/// The kinds of failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum FailureKind {
    /// The host's name has no address.
    Resolve,
    /// The connection was refused, or no one was there.
    Connect,
    /// The connection stood, but TLS did not.
    Tls,
    /// It took too long.
    TimedOut {
        /// What was being waited for.
        phase: Phase,
    },
    /// The connection broke, or the answer was not HTTP.
    Broken,
    /// The answer has another status than the expected one.
    Status,
    /// The answer is a redirect, which was not asked for.
    Redirect {
        /// Where it leads.
        location: String,
    },
    /// The health page says that components do not work.
    Components {
        /// Their names.
        names: Vec<String>,
    },
    /// The probe itself could not be made ready.
    Probe,
}
