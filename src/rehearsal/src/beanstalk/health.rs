//! Health: from what the checks saw to colours, statuses and causes in AWS's words. Pure.
//!
//! Sources: developer guide, "Health colors and statuses", "Basic health reporting" and "Notifications
//! and troubleshooting".

use std::time::Duration;

use jiff::Timestamp;

use crate::clock::between;
use crate::data_plane::HealthObservation;
use crate::faults::StuckHealth;

/// Failed checks in a row after which an instance counts as unhealthy (three in a minute).
pub(crate) const FAILED_CHECKS: u32 = 3;

/// How long a finished operation is still named as the cause of the present health.
const RECENT: Duration = Duration::from_secs(300);

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
        Self { status, causes: causes.into_iter().collect() }
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
                [format!("Initialization in progress (running for {}).", running(since))],
            );
        }
        Phase::Busy { since } => {
            return Verdict::new(
                Status::Info,
                [format!("Application update in progress (running for {}).", running(since))],
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
        return Verdict::new(Status::Degraded, causes.into_iter().chain(request_causes(facts)));
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

/// What kind of operation is under way or was finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    Creation,
    ApplicationUpdate,
    ConfigurationUpdate,
    Termination,
}

impl Work {
    fn title(self) -> &'static str {
        match self {
            Self::Creation => "Initialization",
            Self::ApplicationUpdate => "Application update",
            Self::ConfigurationUpdate => "Configuration update",
            Self::Termination => "Termination",
        }
    }
}

/// An operation under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) work: Work,
    pub(crate) started: Timestamp,
    /// How many instances it has brought to its end.
    pub(crate) done: usize,
    /// How many commands failed.
    pub(crate) failed: usize,
}

/// An operation that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finished {
    pub(crate) work: Work,
    pub(crate) at: Timestamp,
    pub(crate) took: Duration,
}

/// What the verdict on an environment rests on.
#[derive(Clone, Debug)]
pub(crate) struct EnvironmentFacts<'a> {
    pub(crate) instances: &'a [Verdict],
    /// How many instances run something else than expected.
    pub(crate) incorrect: usize,
    pub(crate) expected: Option<(i64, &'a str)>,
    pub(crate) progress: Option<&'a Progress>,
    pub(crate) finished: Option<&'a Finished>,
    pub(crate) stuck: Option<StuckHealth>,
    pub(crate) now: Timestamp,
}

/// The verdict on an environment with enhanced health.
pub(crate) fn of_environment(facts: &EnvironmentFacts<'_>) -> Verdict {
    if let Some(stuck) = facts.stuck
        && facts.progress.is_none()
    {
        return stuck_verdict(stuck);
    }
    match facts.progress {
        Some(progress) if progress.work == Work::Termination => {
            return Verdict::new(Status::NoData, ["There are no instances.".to_owned()]);
        }
        Some(progress) if progress.failed > 0 => {
            return Verdict::new(Status::Degraded, [commands_failed(facts, progress)]);
        }
        Some(progress) if progress.work == Work::Creation => {
            return Verdict::new(Status::Pending, in_progress(facts, progress));
        }
        _ => {}
    }
    if facts.instances.is_empty() {
        return Verdict::new(Status::NoData, ["There are no instances.".to_owned()]);
    }
    if let Some(verdict) = trouble(facts) {
        return verdict;
    }
    if let Some(progress) = facts.progress {
        return Verdict::new(Status::Info, in_progress(facts, progress));
    }
    let recent = facts.finished.filter(|finished| between(finished.at, facts.now) < RECENT);
    let causes = recent.map(|finished| {
        format!(
            "{} completed {} ago and took {}.",
            finished.work.title(),
            spell(between(finished.at, facts.now)),
            spell(finished.took)
        )
    });
    let settled = facts.instances.iter().all(|verdict| verdict.status == Status::Ok);
    Verdict::new(if settled { Status::Ok } else { Status::Info }, causes)
}

fn trouble(facts: &EnvironmentFacts<'_>) -> Option<Verdict> {
    let all = facts.instances.len();
    let severe: Vec<&Verdict> =
        facts.instances.iter().filter(|verdict| verdict.status == Status::Severe).collect();
    let mut causes = Vec::new();
    let mut status = None;
    if let Some(first) = severe.first() {
        causes.extend(first.causes.iter().filter(|cause| cause.contains("HTTP 5xx")).cloned());
        causes.push(if severe.len() == all {
            "ELB processes are not healthy on all instances.".to_owned()
        } else {
            format!("ELB processes are unhealthy on {} out of {all} instances.", severe.len())
        });
        status = Some(if severe.len() == all {
            Status::Severe
        } else if severe.len().saturating_mul(3) >= all {
            Status::Degraded
        } else {
            Status::Warning
        });
    }
    let expected = facts.expected.map_or_else(String::new, |(id, label)| {
        format!("Expected version \"{label}\" (deployment {id}).")
    });
    if facts.incorrect > 0 {
        causes.push(if facts.incorrect == all {
            format!("Incorrect application version on environment instances. {expected}")
        } else {
            format!(
                "Incorrect application version found on {} out of {all} instances. {expected}",
                facts.incorrect
            )
        });
        status = Some(match status {
            Some(Status::Severe) => Status::Severe,
            _ => Status::Degraded,
        });
    } else if status.is_none()
        && facts.instances.iter().any(|verdict| verdict.status == Status::Degraded)
    {
        causes.push("Command failed on some instances.".to_owned());
        status = Some(Status::Degraded);
    }
    status.map(|status| Verdict::new(status, causes))
}

fn commands_failed(facts: &EnvironmentFacts<'_>, progress: &Progress) -> String {
    if progress.failed >= facts.instances.len() {
        "Command failed on all instances.".to_owned()
    } else {
        format!(
            "Command failed on {} out of {} instances.",
            progress.failed,
            facts.instances.len()
        )
    }
}

fn in_progress(facts: &EnvironmentFacts<'_>, progress: &Progress) -> Vec<String> {
    let title = progress.work.title();
    let running = spell(between(progress.started, facts.now));
    match facts.instances.len() {
        0 => vec![
            format!("{title} in progress (running for {running})."),
            "There are no instances.".to_owned(),
        ],
        all => vec![format!(
            "{title} in progress on {}. {} out of {} completed (running for {running}).",
            count(all.saturating_sub(progress.done)),
            progress.done.min(all),
            count(all),
        )],
    }
}

fn stuck_verdict(stuck: StuckHealth) -> Verdict {
    match stuck {
        StuckHealth::Grey => Verdict::new(
            Status::Pending,
            ["None of the instances are sending data.".to_owned()],
        ),
        StuckHealth::Yellow => Verdict::new(
            Status::Warning,
            ["20.0 % of the requests are failing with HTTP 5xx.".to_owned()],
        ),
        StuckHealth::Red => Verdict::new(
            Status::Degraded,
            ["60.0 % of the requests are failing with HTTP 5xx.".to_owned()],
        ),
    }
}

/// The colour of an environment with basic health, which knows the load balancer's checks only.
pub(crate) fn basic_color(checks: &[&Checks], creating: bool) -> &'static str {
    let failed = checks.iter().map(|checks| checks.failed_in_row).max().unwrap_or_default();
    let passed = !checks.is_empty() && checks.iter().all(|checks| checks.ok_in_row > 0);
    match failed {
        _ if creating => "Grey",
        0 if passed => "Green",
        0 => "Grey",
        1 | 2 => "Yellow",
        _ => "Red",
    }
}

/// `1 instance`, `3 instances`.
fn count(instances: usize) -> String {
    if instances == 1 { "1 instance".to_owned() } else { format!("{instances} instances") }
}

/// A duration as AWS spells it: `13 seconds`, `2 minutes`, `3 hours`.
pub(crate) fn spell(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (number, unit) = match seconds {
        0..60 => (seconds, "second"),
        60..3600 => (seconds / 60, "minute"),
        _ => (seconds / 3600, "hour"),
    };
    if number == 1 { format!("1 {unit}") } else { format!("{number} {unit}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn checks(results: &[bool]) -> Checks {
        let mut checks = Checks::default();
        for (second, ok) in (0..).zip(results) {
            let status = Some(if *ok { 200 } else { 500 });
            checks.record(HealthObservation { ok: *ok, status, cause: None }, at(second * 10));
        }
        checks
    }

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

    fn environment<'a>(instances: &'a [Verdict]) -> EnvironmentFacts<'a> {
        EnvironmentFacts {
            instances,
            incorrect: 0,
            expected: Some((1, "v1")),
            progress: None,
            finished: None,
            stuck: None,
            now: at(60),
        }
    }

    #[test]
    fn three_failed_checks_make_an_instance_severe_and_one_good_check_heals_it() {
        let two = checks(&[true, false, false]);
        assert_ne!(of_instance(&instance(&two, (1, "v1"))).status, Status::Severe);
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
        assert_eq!(of_instance(&instance(&healed, (1, "v1"))).status, Status::Ok);
    }

    #[test]
    fn another_version_or_another_deployment_of_the_same_is_incorrect() {
        let good = checks(&[true]);
        let verdict = of_instance(&instance(&good, (2, "v2")));
        assert_eq!(verdict.status, Status::Degraded);
        assert_eq!(
            verdict.causes,
            ["Incorrect application version \"v2\" (deployment 2). Expected version \"v1\" \
              (deployment 1)."]
        );
        assert_eq!(of_instance(&instance(&good, (2, "v1"))).status, Status::Degraded);
    }

    #[test]
    fn an_environment_is_as_bad_as_the_share_of_its_bad_instances() {
        let ok = || Verdict::new(Status::Ok, []);
        let bad = || Verdict::new(Status::Severe, []);
        let status = |instances: &[Verdict]| of_environment(&environment(instances)).status;
        assert_eq!(status(&[ok(), ok()]), Status::Ok);
        assert_eq!(status(&[bad()]), Status::Severe);
        assert_eq!(status(&[bad(), ok()]), Status::Degraded);
        assert_eq!(status(&[bad(), ok(), ok(), ok()]), Status::Warning);
        assert_eq!(status(&[]), Status::NoData);
    }

    #[test]
    fn a_mixed_fleet_is_degraded_and_says_how_many() {
        let instances = [Verdict::new(Status::Ok, []), Verdict::new(Status::Degraded, [])];
        let verdict = of_environment(&EnvironmentFacts { incorrect: 1, ..environment(&instances) });
        assert_eq!(verdict.status, Status::Degraded);
        assert_eq!(
            verdict.causes,
            ["Incorrect application version found on 1 out of 2 instances. Expected version \"v1\" \
              (deployment 1)."]
        );
    }

    #[test]
    fn an_operation_under_way_is_info_and_a_failed_command_degraded() {
        let instances = [Verdict::new(Status::Info, []), Verdict::new(Status::Ok, [])];
        let mut progress = Progress {
            work: Work::ApplicationUpdate,
            started: at(0),
            done: 1,
            failed: 0,
        };
        let judge = |progress: &Progress| {
            of_environment(&EnvironmentFacts { progress: Some(progress), ..environment(&instances) })
        };
        assert_eq!(
            judge(&progress),
            Verdict::new(
                Status::Info,
                ["Application update in progress on 1 instance. 1 out of 2 instances completed \
                  (running for 1 minute)."
                    .to_owned()]
            )
        );
        progress.failed = 2;
        assert_eq!(judge(&progress).causes, ["Command failed on all instances."]);
        progress = Progress { work: Work::Creation, failed: 0, ..progress };
        assert_eq!(judge(&progress).status, Status::Pending);
    }

    #[test]
    fn a_stuck_environment_keeps_its_colour() {
        let instances = [Verdict::new(Status::Ok, [])];
        for (stuck, color) in
            [(StuckHealth::Grey, "Grey"), (StuckHealth::Yellow, "Yellow"), (StuckHealth::Red, "Red")]
        {
            let facts = EnvironmentFacts { stuck: Some(stuck), ..environment(&instances) };
            assert_eq!(of_environment(&facts).status.color(), color);
        }
    }

    #[test]
    fn basic_health_follows_the_last_checks() {
        let (good, one, three) =
            (checks(&[true]), checks(&[false]), checks(&[false, false, false]));
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
