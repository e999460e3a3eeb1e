//! What the server was asked: one record for each request to AWS, told to whoever wants to know.
//!
//! For cost (how many calls does a client make, and when) and for tests that must act at a certain
//! call. An observer is told after the answer is made and before it leaves, on the request's own
//! task: it must not block for long.

use jiff::Timestamp;
use serde::Serialize;

/// One request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Call {
    /// When the answer was made, by this machine's clock.
    pub at: Timestamp,
    /// The signing name of the service: `elasticbeanstalk`.
    pub service: String,
    /// The operation: `DescribeEvents`.
    pub operation: String,
    /// The HTTP status of the answer; 0 if the fault script dropped the connection.
    pub status: u16,
    /// The size of the request's body in bytes.
    pub bytes: u64,
    /// How long the answer took, in milliseconds of this machine's clock.
    pub milliseconds: u64,
    /// What the client calls itself; empty if it does not say.
    pub client: String,
}

/// Takes records of requests.
pub trait CallObserver: Send + Sync {
    /// Takes one.
    fn called(&self, call: &Call);
}
