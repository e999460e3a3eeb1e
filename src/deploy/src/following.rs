//! Following an update: pure. State is read, events only explain.
//!
//! Rules: an update is over when the environment is Ready again, never because an event said so and
//! never because one failed to come. Right after the call an environment may still be shown as
//! Ready (a stale answer, or an update faster than the poll), so Ready ends the watch only once it
//! was seen busy, or all instances report the new deployment, or it stayed Ready for
//! [`QUIET_LOOKS`] looks. What the end was worth is for the proof to say.

use crate::news::News;
use crate::observation::{EnvironmentState, EventSight, Sight};
use crate::proof::{Expectation, Judgement, count_running, judge};

/// How many looks in a row may show Ready, without ever having been busy, before the update counts
/// as over: at 10 seconds each far beyond any stale answer that was seen.
pub const QUIET_LOOKS: u32 = 3;

/// How an update came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The environment takes changes again. Nothing is said about which version it runs.
    Settled,
    /// The environment is gone or going.
    Gone,
}

/// What one look told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Events that were not known before, oldest first.
    pub news: Vec<EventSight>,
    /// A progress line, if it differs from the last one.
    pub progress: Option<String>,
    /// Set when the update is over.
    pub end: Option<End>,
}

/// Follows one update over many looks.
#[derive(Debug)]
pub struct Following {
    expectation: Expectation,
    was_busy: bool,
    quiet: u32,
    news: News,
    last_progress: Option<String>,
}

impl Following {
    /// Starts following an update that was just requested.
    #[must_use]
    pub fn new(expectation: Expectation) -> Self {
        Self {
            expectation,
            was_busy: false,
            quiet: 0,
            news: News::default(),
            last_progress: None,
        }
    }

    /// Takes one look. `sight` is none when it could not be read this time; `events` may repeat, and
    /// are oldest first where they share an instant.
    pub fn look(&mut self, sight: Option<&Sight>, events: &[EventSight]) -> Told {
        let news = self.news.take(events);
        let Some(sight) = sight else {
            return Told {
                news,
                ..Told::default()
            };
        };
        let progress = self.progress(sight);
        Told {
            news,
            progress,
            end: self.end(sight),
        }
    }

    /// Every error that was told so far, oldest first.
    #[must_use]
    pub fn errors(&self) -> Vec<EventSight> {
        self.news.errors()
    }

    fn progress(&mut self, sight: &Sight) -> Option<String> {
        let instances = sight.instances.as_ref()?;
        let (running, all) = count_running(&self.expectation.version, instances);
        let line = format!(
            "{running} of {all} instances run `{}`",
            self.expectation.version
        );
        if self.last_progress.as_ref() == Some(&line) {
            return None;
        }
        self.last_progress = Some(line.clone());
        Some(line)
    }

    fn end(&mut self, sight: &Sight) -> Option<End> {
        let Some(environment) = &sight.environment else {
            return Some(End::Gone);
        };
        match environment.state {
            EnvironmentState::Ending(_) => Some(End::Gone),
            EnvironmentState::Busy(_) => {
                self.was_busy = true;
                None
            }
            EnvironmentState::Ready => {
                self.quiet += 1;
                let all_report_it =
                    matches!(judge(&self.expectation, sight), Judgement::Proven { .. });
                (self.was_busy || all_report_it || self.quiet >= QUIET_LOOKS)
                    .then_some(End::Settled)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::{
        Color, DeploymentSight, DeploymentStatus, EnvironmentSight, InstanceSight,
    };

    fn expectation() -> Expectation {
        Expectation {
            version: "v2".to_owned(),
            minimum_instances: 1,
            after_deployment: Some(4),
            healthy: true,
        }
    }

    fn sight(state: EnvironmentState, version: &str, deployment: i64) -> Sight {
        Sight {
            environment: Some(EnvironmentSight {
                state,
                version: Some(version.to_owned()),
                color: Color::Green,
                status: Some("Ok".to_owned()),
                causes: Vec::new(),
                address: None,
                updated: None,
                is_cluster: false,
            }),
            instances: Some(vec![InstanceSight {
                id: "i-1".to_owned(),
                color: Color::Green,
                status: Some("Ok".to_owned()),
                causes: Vec::new(),
                deployment: Some(DeploymentSight {
                    id: deployment,
                    version: Some(version.to_owned()),
                    status: DeploymentStatus::Deployed,
                }),
            }]),
        }
    }

    fn event(at: &str, severity: &str, message: &str) -> EventSight {
        EventSight {
            at: at.to_owned(),
            severity: severity.to_owned(),
            message: message.to_owned(),
        }
    }

    fn busy() -> EnvironmentState {
        EnvironmentState::Busy("Updating".to_owned())
    }

    #[test]
    fn ready_after_busy_is_the_end() {
        let mut following = Following::new(expectation());
        assert_eq!(
            following
                .look(Some(&sight(EnvironmentState::Ready, "v1", 4)), &[])
                .end,
            None
        );
        assert_eq!(following.look(Some(&sight(busy(), "v1", 4)), &[]).end, None);
        let told = following.look(Some(&sight(EnvironmentState::Ready, "v1", 4)), &[]);
        assert_eq!(told.end, Some(End::Settled));
    }

    #[test]
    fn a_stale_ready_does_not_end_it_but_a_lasting_one_does() {
        let mut following = Following::new(expectation());
        for _ in 1..QUIET_LOOKS {
            let told = following.look(Some(&sight(EnvironmentState::Ready, "v1", 4)), &[]);
            assert_eq!(told.end, None);
        }
        let told = following.look(Some(&sight(EnvironmentState::Ready, "v1", 4)), &[]);
        assert_eq!(told.end, Some(End::Settled));
    }

    #[test]
    fn an_update_faster_than_the_poll_ends_at_the_first_look() {
        let mut following = Following::new(expectation());
        let told = following.look(Some(&sight(EnvironmentState::Ready, "v2", 5)), &[]);
        assert_eq!(told.end, Some(End::Settled));
        assert_eq!(told.progress.as_deref(), Some("1 of 1 instances run `v2`"));
    }

    #[test]
    fn events_alone_never_end_it() {
        let mut following = Following::new(expectation());
        let done = event("1", "INFO", "Environment update completed successfully.");
        let failed = event("2", "ERROR", "Failed to deploy application.");
        for _ in 0..100 {
            let told = following.look(
                Some(&sight(busy(), "v2", 5)),
                &[failed.clone(), done.clone()],
            );
            assert_eq!(told.end, None);
        }
        assert_eq!(following.look(None, &[done]).end, None);
        assert_eq!(following.errors(), [failed]);
    }

    #[test]
    fn without_any_event_the_state_still_ends_it() {
        let mut following = Following::new(expectation());
        following.look(Some(&sight(busy(), "v1", 4)), &[]);
        let told = following.look(Some(&sight(EnvironmentState::Ready, "v2", 5)), &[]);
        assert_eq!(told.end, Some(End::Settled));
    }

    #[test]
    fn a_vanished_environment_ends_it() {
        let mut following = Following::new(expectation());
        let told = following.look(
            Some(&Sight {
                environment: None,
                instances: None,
            }),
            &[],
        );
        assert_eq!(told.end, Some(End::Gone));
        let ending = EnvironmentState::Ending("Terminating".to_owned());
        assert_eq!(
            following.look(Some(&sight(ending, "v1", 4)), &[]).end,
            Some(End::Gone)
        );
    }

    #[test]
    fn repeated_events_are_told_once_and_in_order() {
        let mut following = Following::new(expectation());
        let first = event("10:00", "INFO", "a");
        let twin = event("10:00", "INFO", "b");
        let later = event("10:05", "WARN", "c");
        let told = following.look(None, &[later.clone(), first.clone(), twin.clone()]);
        assert_eq!(told.news, [first.clone(), twin, later.clone()]);
        assert_eq!(following.look(None, &[later, first]).news, []);
    }

    #[test]
    fn progress_is_told_when_it_changes() {
        let mut following = Following::new(expectation());
        assert!(
            following
                .look(Some(&sight(busy(), "v1", 4)), &[])
                .progress
                .is_some()
        );
        assert!(
            following
                .look(Some(&sight(busy(), "v1", 4)), &[])
                .progress
                .is_none()
        );
        assert!(
            following
                .look(Some(&sight(busy(), "v2", 5)), &[])
                .progress
                .is_some()
        );
    }
}
