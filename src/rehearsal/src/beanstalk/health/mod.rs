//! Health: from what the checks saw to colours, statuses and causes in AWS's words. Pure.
//!
//! Sources: developer guide, "Health colors and statuses", "Basic health reporting" and "Notifications
//! and troubleshooting".

mod environment;
mod instance;

use std::time::Duration;

use jiff::Timestamp;

use crate::data_plane::HealthObservation;

pub(crate) use environment::{EnvironmentFacts, Finished, Progress, Work, of_environment};
pub(crate) use instance::{InstanceFacts, Phase, of_instance};

/// Failed checks in a row after which an instance counts as unhealthy (three in a minute).
const FAILED_CHECKS: u32 = 3;

/// A health status of enhanced health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Ok,
    Info,
    Warning,
    Degraded,
    Severe,
    Pending,
    NoData,
}

impl Status {
    pub(crate) fn color(self) -> &'static str {
        match self {
            Self::Ok | Self::Info => "Green",
            Self::Warning => "Yellow",
            Self::Degraded | Self::Severe => "Red",
            Self::Pending | Self::NoData => "Grey",
        }
    }

    /// As the health calls spell it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "Ok",
            Self::Info => "Info",
            Self::Warning => "Warning",
            Self::Degraded => "Degraded",
            Self::Severe => "Severe",
            Self::Pending => "Pending",
            Self::NoData => "No Data",
        }
    }

    pub(crate) fn is_trouble(self) -> bool {
        matches!(self, Self::Warning | Self::Degraded | Self::Severe)
    }
}

/// A status and its reasons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) status: Status,
    pub(crate) causes: Vec<String>,
}

impl Verdict {
    pub(crate) fn new(status: Status, causes: impl IntoIterator<Item = String>) -> Self {
        Self {
            status,
            causes: causes.into_iter().collect(),
        }
    }
}

/// What the checks of one instance saw since its last deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Checks {
    pub(crate) ok_in_row: u32,
    pub(crate) failed_in_row: u32,
    pub(crate) failing_since: Option<Timestamp>,
    pub(crate) last: Option<HealthObservation>,
}

impl Checks {
    pub(crate) fn record(&mut self, observation: HealthObservation, now: Timestamp) {
        if observation.ok {
            self.ok_in_row = self.ok_in_row.saturating_add(1);
            self.failed_in_row = 0;
            self.failing_since = None;
        } else {
            self.ok_in_row = 0;
            self.failed_in_row = self.failed_in_row.saturating_add(1);
            self.failing_since = self.failing_since.or(Some(now));
        }
        self.last = Some(observation);
    }

    fn failing(&self) -> bool {
        self.failed_in_row >= FAILED_CHECKS
    }
}

/// The colour of an environment with basic health, which knows the load balancer's checks only.
pub(crate) fn basic_color(checks: &[&Checks], creating: bool) -> &'static str {
    let failed = checks
        .iter()
        .map(|checks| checks.failed_in_row)
        .max()
        .unwrap_or_default();
    let passed = !checks.is_empty() && checks.iter().all(|checks| checks.ok_in_row > 0);
    match failed {
        _ if creating => "Grey",
        0 if passed => "Green",
        0 => "Grey",
        1 | 2 => "Yellow",
        _ => "Red",
    }
}

/// A duration as AWS spells it: `13 seconds`, `2 minutes`, `3 hours`.
pub(crate) fn spell(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (number, unit) = match seconds {
        0..60 => (seconds, "second"),
        60..3600 => (seconds / 60, "minute"),
        _ => (seconds / 3600, "hour"),
    };
    if number == 1 {
        format!("1 {unit}")
    } else {
        format!("{number} {unit}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    pub(super) fn checks(results: &[bool]) -> Checks {
        let mut checks = Checks::default();
        for (second, ok) in (0..).zip(results) {
            let status = Some(if *ok { 200 } else { 500 });
            checks.record(
                HealthObservation {
                    ok: *ok,
                    status,
                    cause: None,
                },
                at(second * 10),
            );
        }
        checks
    }

    #[test]
    fn basic_health_follows_the_last_checks() {
        let (good, one, three) = (
            checks(&[true]),
            checks(&[false]),
            checks(&[false, false, false]),
        );
        assert_eq!(basic_color(&[&good], false), "Green");
        assert_eq!(basic_color(&[&good, &one], false), "Yellow");
        assert_eq!(basic_color(&[&good, &three], false), "Red");
        assert_eq!(basic_color(&[&good], true), "Grey");
        assert_eq!(basic_color(&[], false), "Grey");
    }

    #[test]
    fn durations_are_spelled_with_one_unit() {
        assert_eq!(spell(Duration::from_secs(1)), "1 second");
        assert_eq!(spell(Duration::from_secs(59)), "59 seconds");
        assert_eq!(spell(Duration::from_secs(119)), "1 minute");
        assert_eq!(spell(Duration::from_secs(7200)), "2 hours");
    }
}
