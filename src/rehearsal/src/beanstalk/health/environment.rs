//! The verdict on a whole environment.

use std::time::Duration;

use jiff::Timestamp;

use super::{Status, Verdict, spell};
use crate::clock::between;
use crate::faults::StuckHealth;

/// How long a finished operation is still named as the cause of the present health.
const RECENT: Duration = Duration::from_secs(300);

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
    let recent = facts
        .finished
        .filter(|finished| between(finished.at, facts.now) < RECENT);
    let causes = recent.map(|finished| {
        format!(
            "{} completed {} ago and took {}.",
            finished.work.title(),
            spell(between(finished.at, facts.now)),
            spell(finished.took)
        )
    });
    let settled = facts
        .instances
        .iter()
        .all(|verdict| verdict.status == Status::Ok);
    Verdict::new(if settled { Status::Ok } else { Status::Info }, causes)
}

fn trouble(facts: &EnvironmentFacts<'_>) -> Option<Verdict> {
    let all = facts.instances.len();
    let severe: Vec<&Verdict> = facts
        .instances
        .iter()
        .filter(|verdict| verdict.status == Status::Severe)
        .collect();
    let mut causes = Vec::new();
    let mut status = None;
    if let Some(first) = severe.first() {
        causes.extend(
            first
                .causes
                .iter()
                .filter(|cause| cause.contains("HTTP 5xx"))
                .cloned(),
        );
        causes.push(if severe.len() == all {
            "ELB processes are not healthy on all instances.".to_owned()
        } else {
            format!(
                "ELB processes are unhealthy on {} out of {all} instances.",
                severe.len()
            )
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
        && facts
            .instances
            .iter()
            .any(|verdict| verdict.status == Status::Degraded)
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

/// `1 instance`, `3 instances`.
fn count(instances: usize) -> String {
    if instances == 1 {
        "1 instance".to_owned()
    } else {
        format!("{instances} instances")
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::at;
    use super::*;

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
        let instances = [
            Verdict::new(Status::Ok, []),
            Verdict::new(Status::Degraded, []),
        ];
        let verdict = of_environment(&EnvironmentFacts {
            incorrect: 1,
            ..environment(&instances)
        });
        assert_eq!(verdict.status, Status::Degraded);
        assert_eq!(
            verdict.causes,
            [
                "Incorrect application version found on 1 out of 2 instances. Expected version \"v1\" \
              (deployment 1)."
            ]
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
            of_environment(&EnvironmentFacts {
                progress: Some(progress),
                ..environment(&instances)
            })
        };
        assert_eq!(
            judge(&progress),
            Verdict::new(
                Status::Info,
                [
                    "Application update in progress on 1 instance. 1 out of 2 instances completed \
                  (running for 1 minute)."
                        .to_owned()
                ]
            )
        );
        progress.failed = 2;
        assert_eq!(
            judge(&progress).causes,
            ["Command failed on all instances."]
        );
        progress = Progress {
            work: Work::Creation,
            failed: 0,
            ..progress
        };
        assert_eq!(judge(&progress).status, Status::Pending);
    }

    #[test]
    fn a_stuck_environment_keeps_its_colour() {
        let instances = [Verdict::new(Status::Ok, [])];
        for (stuck, color) in [
            (StuckHealth::Grey, "Grey"),
            (StuckHealth::Yellow, "Yellow"),
            (StuckHealth::Red, "Red"),
        ] {
            let facts = EnvironmentFacts {
                stuck: Some(stuck),
                ..environment(&instances)
            };
            assert_eq!(of_environment(&facts).status.color(), color);
        }
    }
}
