//! Faults of single requests: to AWS and to Slack.

use std::time::Duration;

use rand::RngExt as _;
use serde::Deserialize;

use super::{Faults, State, duration, matches};

/// How a request to AWS fails.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum RequestAnswer {
    /// The service's own throttling error (`Throttling`, `RequestLimitExceeded`, `SlowDown`, ...).
    Throttle,
    /// HTTP 500 `InternalFailure` (or the service's word for it).
    ServerError,
    /// HTTP 503 `ServiceUnavailable`.
    Unavailable,
    /// The connection is closed without an answer. The request had no effect.
    Drop,
    /// The request is carried out, but the connection is closed without an answer.
    DropAnswer,
    /// The answer comes late, by this much of AWS's time.
    #[serde(deserialize_with = "duration::deserialize")]
    Delay(Duration),
    /// The credentials have expired (`ExpiredToken`).
    ExpiredCredentials,
    /// The caller is not allowed to do this (`AccessDenied` and its kin).
    AccessDenied,
    /// Any other error.
    Error {
        /// HTTP status, 400 to 599.
        status: u16,
        /// The error code.
        code: String,
        /// The error message.
        message: String,
    },
}

/// How Slack fails.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum SlackAnswer {
    /// HTTP 429 with this `Retry-After`, in whole seconds of the wall clock.
    #[serde(deserialize_with = "duration::deserialize")]
    RateLimited(Duration),
    /// HTTP 200 with `ok: false` and this error (`channel_not_found`, `invalid_auth`).
    Refuse(String),
    /// HTTP 503.
    Unavailable,
    /// The connection is closed without an answer.
    Drop,
}

impl Faults {
    /// What goes wrong with this call to AWS, if anything. Counts the call, so ask once.
    pub fn request(&self, service: &str, operation: &str) -> Option<RequestAnswer> {
        let mut state = self.state();
        let State { requests, dice, .. } = &mut *state;
        let entry = self
            .script
            .requests
            .iter()
            .zip(requests)
            .find_map(|(fault, counter)| {
                let concerned = matches(fault.service.as_deref(), service)
                    && matches(fault.operation.as_deref(), operation);
                // `fires` counts every matching call, also those that an earlier entry left alone.
                let fires = concerned
                    && counter.fires(fault.nth, fault.times, || {
                        dice.random_bool(fault.probability)
                    });
                fires.then_some(fault)
            })?;
        Some(entry.fault.clone())
    }

    /// What goes wrong with this call to Slack, if anything. Counts the call, so ask once.
    pub fn slack(&self, method: &str) -> Option<SlackAnswer> {
        let mut state = self.state();
        let entry =
            self.script
                .slack
                .iter()
                .zip(&mut state.slack)
                .find_map(|(fault, counter)| {
                    let fires = matches(fault.method.as_deref(), method)
                        && counter.fires(fault.nth, fault.times, || true);
                    fires.then_some(fault)
                })?;
        Some(entry.fault.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::FaultScript;

    fn faults(text: &str) -> Faults {
        Faults::new(FaultScript::parse("test", text).unwrap())
    }

    #[test]
    fn only_the_named_call_fails() {
        let faults =
            faults("requests: [{service: rds, operation: Create*, nth: 2, fault: throttle}]");
        assert_eq!(faults.request("rds", "CreateDBInstance"), None);
        assert_eq!(faults.request("ec2", "CreateVpc"), None);
        assert_eq!(
            faults.request("rds", "CreateDBInstance"),
            Some(RequestAnswer::Throttle)
        );
        assert_eq!(faults.request("rds", "CreateDBInstance"), None);
    }

    #[test]
    fn the_same_seed_throws_the_same_dice() {
        let text = "seed: 9\nrequests: [{times: 0, probability: 0.3, fault: drop}]";
        let run = || {
            let faults = faults(text);
            (0..200)
                .map(|_| faults.request("s3", "PutObject").is_some())
                .collect::<Vec<_>>()
        };
        let first = run();
        assert_eq!(first, run());
        let failed = first.iter().filter(|failed| **failed).count();
        assert!((30..90).contains(&failed), "{failed} of 200 at 0.3");
    }

    #[test]
    fn slack_has_its_own_list() {
        let faults = faults("slack: [{method: chat.*, fault: {rate-limited: 2s}}]");
        assert_eq!(faults.slack("auth.test"), None);
        let limited = SlackAnswer::RateLimited(Duration::from_secs(2));
        assert_eq!(faults.slack("chat.update"), Some(limited));
        assert_eq!(faults.slack("chat.update"), None);
    }
}
