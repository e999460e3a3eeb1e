//! What EC2 says when it refuses.

use winterbaume_core::MockResponse;

use crate::server::answers::Protocol;

/// An error answer of EC2; its status is 400.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    pub(super) fn group_not_found(id: &str) -> Self {
        Self::new(
            "InvalidGroup.NotFound",
            format!("The security group '{id}' does not exist"),
        )
    }

    pub(super) fn missing(parameter: &str) -> Self {
        Self::new(
            "MissingParameter",
            format!("The request must contain the parameter {parameter}"),
        )
    }
}

impl From<Refusal> for MockResponse {
    fn from(refusal: Refusal) -> Self {
        Protocol::Ec2.error(400, refusal.code, &refusal.message)
    }
}
