//! The verdict on one instance.

use jiff::Timestamp;

use super::{Checks, Status, Verdict, spell};
use crate::clock::between;

/// What an instance is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Launched, with nothing deployed yet.
    Booting { since: Timestamp },
    /// A command runs on it.
    Busy { since: Timestamp },
    /// Nothing but the application runs on it.
    Idle,
}

/// What the verdict on an instance rests on.
#[derive(Clone, Debug)]
pub(crate) struct InstanceFacts<'a> {
    pub(crate) phase: Phase,
    pub(crate) checks: &'a Checks,
    /// Number and label of what is deployed.
    pub(crate) deployed: Option<(i64, &'a str)>,
    /// The last deployment command failed.
    pub(crate) failed: bool,
    /// Number and label of what should be deployed; `None` while an operation decides.
    pub(crate) expected: Option<(i64, &'a str)>,
    pub(crate) now: Timestamp,
}

/// The verdict on one instance.
pub(crate) fn of_instance(facts: &InstanceFacts<'_>) -> Verdict {
    let running = |since| spell(between(since, facts.now));
    match facts.phase {
        Phase::Booting { since } => {
            return Verdict::new(
                Status::Pending,
                [format!(
                    "Initialization in progress (running for {}).",
                    running(since)
                )],
            );
        }
        Phase::Busy { since } => {
            return Verdict::new(
                Status::Info,
                [format!(
                    "Application update in progress (running for {}).",
                    running(since)
                )],
            );
        }
        Phase::Idle => {}
    }
    if facts.failed {
        let causes = [
            "Application deployment failed with exit status 1 and error: Engine execution has \
             encountered an error."
                .to_owned(),
        ];
        return Verdict::new(
            Status::Degraded,
            causes.into_iter().chain(request_causes(facts)),
        );
    }
    if facts.checks.failing() {
        return Verdict::new(Status::Severe, request_causes(facts));
    }
    if let (Some(deployed), Some(expected)) = (facts.deployed, facts.expected)
        && deployed != expected
    {
        return Verdict::new(
            Status::Degraded,
            [format!(
                "Incorrect application version \"{}\" (deployment {}). Expected version \"{}\" \
                 (deployment {}).",
                deployed.1, deployed.0, expected.1, expected.0
            )],
        );
    }
    if facts.checks.ok_in_row == 0 {
        return Verdict::new(Status::Info, []);
    }
    Verdict::new(Status::Ok, [])
}

fn request_causes(facts: &InstanceFacts<'_>) -> Vec<String> {
    if !facts.checks.failing() {
        return Vec::new();
    }
    let since = facts.checks.failing_since.unwrap_or(facts.now);
    let status = facts.checks.last.as_ref().and_then(|last| last.status);
    let mut causes = Vec::new();
    if status.is_some_and(|status| status >= 500) {
        causes.push("100.0 % of the requests are failing with HTTP 5xx.".to_owned());
    }
    let reason = match status {
        Some(_) => "Target.ResponseCodeMismatch",
        None => "Target.FailedHealthChecks",
    };
    causes.push(format!(
        "Process default has been unhealthy for {} ({reason}).",
        spell(between(since, facts.now))
    ));
    causes
}

#[cfg(test)]
mod tests {
    use super::super::tests::{at, checks};
    use super::*;

    fn instance<'a>(checks: &'a Checks, deployed: (i64, &'a str)) -> InstanceFacts<'a> {
        InstanceFacts {
            phase: Phase::Idle,
            checks,
            deployed: Some(deployed),
            failed: false,
            expected: Some((1, "v1")),
            now: at(60),
        }
    }

    #[test]
    fn three_failed_checks_make_an_instance_severe_and_one_good_check_heals_it() {
        let two = checks(&[true, false, false]);
        assert_ne!(
            of_instance(&instance(&two, (1, "v1"))).status,
            Status::Severe
        );
        let three = checks(&[true, false, false, false]);
        let verdict = of_instance(&instance(&three, (1, "v1")));
        assert_eq!(verdict.status, Status::Severe);
        assert_eq!(
            verdict.causes,
            [
                "100.0 % of the requests are failing with HTTP 5xx.",
                "Process default has been unhealthy for 50 seconds (Target.ResponseCodeMismatch).",
            ]
        );
        let healed = checks(&[false, false, false, true]);
        assert_eq!(
            of_instance(&instance(&healed, (1, "v1"))).status,
            Status::Ok
        );
    }

    #[test]
    fn another_version_or_another_deployment_of_the_same_is_incorrect() {
        let good = checks(&[true]);
        let verdict = of_instance(&instance(&good, (2, "v2")));
        assert_eq!(verdict.status, Status::Degraded);
        assert_eq!(
            verdict.causes,
            [
                "Incorrect application version \"v2\" (deployment 2). Expected version \"v1\" \
              (deployment 1)."
            ]
        );
        assert_eq!(
            of_instance(&instance(&good, (2, "v1"))).status,
            Status::Degraded
        );
    }
}
