//! Settings of the environment: changed in an update of their own, taken back, and tidied up.
//!
//! Rules: never together with a version. What is in force already is not sent again, so every function
//! here may be repeated after it was killed. An update of settings is over when the environment is
//! Ready and AWS lists the settings as deployed; Ready without them means that AWS took them back. The
//! way an update ended is read from the settings, never from events.

use beanpole_cloud::{ConfigurationSettings, OptionSetting, SettingsState, UpdateEnvironment};
use beanpole_provision::{ConfigurationChange, OptionChange};

use crate::deadline;
use crate::error::Error;
use crate::following::QUIET_LOOKS;
use crate::news::News;
use crate::observation::{EnvironmentState, EventSight};
use crate::poll::Poll;
use crate::scene::Scene;
use crate::step::{Ended, StepId};
use crate::update::Sent;

/// The sets of settings of an environment, as far as a decision needs them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OptionSets {
    /// The settings in force.
    pub(crate) in_force: Vec<OptionSetting>,
    /// True while others are on their way.
    pub(crate) pending: bool,
}

impl OptionSets {
    pub(crate) fn of(sets: Vec<ConfigurationSettings>) -> Self {
        let has = |state: &SettingsState| sets.iter().any(|set| set.state.as_ref() == Some(state));
        let pending = has(&SettingsState::Pending);
        // A set that failed is not in force, and neither is one on its way.
        let in_force = sets.into_iter().find(|set| {
            !matches!(
                set.state,
                Some(SettingsState::Pending | SettingsState::Failed)
            )
        });
        Self {
            in_force: in_force.map(|set| set.settings).unwrap_or_default(),
            pending,
        }
    }
}

/// How an update of settings ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// The settings are in force.
    InForce,
    /// The environment is Ready without them: AWS took them back.
    NotKept,
    /// The environment is gone or going.
    Gone,
}

/// Follows one update of settings over many looks. Pure.
#[derive(Clone, Copy, Debug, Default)]
struct Settling {
    was_busy: bool,
    quiet: u32,
}

impl Settling {
    /// Takes one look: the state, none if the environment is missing, and how the settings stand,
    /// none while that was not read.
    fn look(
        &mut self,
        state: Option<&EnvironmentState>,
        settings: Option<(bool, bool)>,
    ) -> Option<Outcome> {
        match (state, settings) {
            (None | Some(EnvironmentState::Ending(_)), _) => Some(Outcome::Gone),
            (Some(EnvironmentState::Busy(_)), _) => {
                self.was_busy = true;
                None
            }
            (Some(EnvironmentState::Ready), None) => None,
            (Some(EnvironmentState::Ready), Some((_, true))) => None,
            (Some(EnvironmentState::Ready), Some((true, false))) => Some(Outcome::InForce),
            // Right after the call Ready may be stale.
            (Some(EnvironmentState::Ready), Some((false, false))) => {
                self.quiet += 1;
                (self.was_busy || self.quiet >= QUIET_LOOKS).then_some(Outcome::NotKept)
            }
        }
    }
}

impl Scene<'_> {
    /// Sends the half of a change that goes before the version, and waits until it is in force.
    ///
    /// # Errors
    /// [`Error::ConfigurationNotKept`] when AWS took it back; [`Error::OutOfTime`]; those of
    /// `wait_until_ready`; [`Error::Cloud`] when AWS refuses a value.
    pub async fn configure(
        &self,
        change: &ConfigurationChange,
        step: StepId,
    ) -> Result<Ended<()>, Error> {
        self.ensure_options(&change.first_half(), step).await
    }

    /// Sends the half of a change that goes after the version was proven: what is no longer wanted.
    ///
    /// # Errors
    /// Those of [`Scene::configure`].
    pub async fn finish_removals(
        &self,
        change: &ConfigurationChange,
        step: StepId,
    ) -> Result<Ended<()>, Error> {
        self.ensure_options(&change.second_half(), step).await
    }

    /// Brings a former configuration back. Nothing is sent if AWS did so by itself.
    ///
    /// # Errors
    /// Those of [`Scene::configure`].
    pub async fn restore_configuration(
        &self,
        former: &OptionChange,
        step: StepId,
    ) -> Result<Ended<()>, Error> {
        self.ensure_options(former, step).await
    }

    /// Sees to it that options are as they should be, in one update; sends nothing if they are.
    pub(crate) async fn ensure_options(
        &self,
        wanted: &OptionChange,
        step: StepId,
    ) -> Result<Ended<()>, Error> {
        if wanted.is_empty() {
            return Ok(Ended::unchanged((), "no setting changes"));
        }
        let sight = self.wait_until_ready(step).await?;
        let left = wanted.left(&self.option_sets().await?.in_force);
        if left.is_empty() {
            return Ok(Ended::unchanged((), "the settings are in force"));
        }
        let count = left.settings.len() + left.remove.len();
        let instances = sight.instances.as_ref().map_or(0, Vec::len);
        let instances = u32::try_from(instances).unwrap_or(u32::MAX);
        let project = self.project;
        let update = UpdateEnvironment::configure(
            project.application.clone(),
            project.environment.clone(),
            left.settings.clone(),
            left.remove.clone(),
        );
        self.progress(step, format!("sending {}", settings(count)));
        let sent = self.send(&update, step).await?;
        self.settle(&left, &sent, instances, step).await?;
        let name = &project.environment;
        let message = format!("{} in force on `{name}`", settings(count));
        Ok(Ended::done((), message))
    }

    /// Waits until settings that were sent are in force.
    async fn settle(
        &self,
        wanted: &OptionChange,
        sent: &Sent,
        instances: u32,
        step: StepId,
    ) -> Result<(), Error> {
        let fewest = self.project.instances.min;
        let count = instances.max(fewest);
        let limit = deadline::configuration(&self.project.deployment, fewest, count);
        let mut poll = Poll::new(self, limit);
        let mut settling = Settling::default();
        let mut news = News::default();
        loop {
            let (environment, events) = self
                .seen(async { tokio::join!(self.environment(), self.events(&sent.events)) })
                .await?;
            for event in news.take(&events) {
                self.show_event(step, &event);
            }
            let trouble = match environment {
                Err(trouble) => Some(trouble),
                Ok(environment) => {
                    let state = environment.map(|environment| environment.state);
                    let (settings, trouble) = self.compared(wanted, state.as_ref()).await?;
                    match settling.look(state.as_ref(), settings) {
                        Some(Outcome::InForce) => return Ok(()),
                        Some(Outcome::NotKept) => return Err(self.not_kept(wanted, &news)),
                        Some(Outcome::Gone) => return Err(self.gone("gone")),
                        None => trouble,
                    }
                }
            };
            let doing = "following the change of settings";
            poll.next(self, doing, trouble, |limit| self.out_of_time(limit))
                .await?;
        }
    }

    /// Whether settings are in force, and whether others are on their way. Read only once the
    /// environment is Ready: before, the answer decides nothing.
    async fn compared(
        &self,
        wanted: &OptionChange,
        state: Option<&EnvironmentState>,
    ) -> Result<(Option<(bool, bool)>, Option<beanpole_cloud::Error>), Error> {
        if state != Some(&EnvironmentState::Ready) {
            return Ok((None, None));
        }
        let project = self.project;
        let read = self
            .cloud
            .beanstalk
            .settings(&project.application, &project.environment);
        Ok(match self.seen(Box::pin(read)).await? {
            Err(trouble) => (None, Some(trouble)),
            Ok(sets) => {
                let sets = OptionSets::of(sets);
                let is_in_force = wanted.left(&sets.in_force).is_empty();
                (Some((is_in_force, sets.pending)), None)
            }
        })
    }

    fn not_kept(&self, wanted: &OptionChange, news: &News) -> Error {
        let set = wanted
            .settings
            .iter()
            .map(|own| format!("{} {}", own.namespace, own.name));
        let removed = wanted
            .remove
            .iter()
            .map(|own| format!("{} {} (removed)", own.namespace, own.name));
        let told = |event: &EventSight| format!("{} {}", event.severity, event.message);
        Error::ConfigurationNotKept {
            environment: self.project.environment.to_string(),
            names: set.chain(removed).collect(),
            events: news.errors().iter().map(told).collect(),
        }
    }

    /// The environment's settings, once they can be read.
    ///
    /// # Errors
    /// [`Error::Cloud`], [`Error::Interrupted`].
    pub(crate) async fn option_sets(&self) -> Result<OptionSets, Error> {
        let project = self.project;
        let sets = self
            .patiently("reading the settings", || {
                self.cloud
                    .beanstalk
                    .settings(&project.application, &project.environment)
            })
            .await?;
        Ok(OptionSets::of(sets))
    }

    /// The settings in force, as AWS lists them: what a change is computed from.
    ///
    /// # Errors
    /// [`Error::Cloud`], [`Error::Interrupted`].
    pub async fn settings_in_force(&self) -> Result<Vec<OptionSetting>, Error> {
        Ok(self.option_sets().await?.in_force)
    }
}

fn settings(count: usize) -> String {
    match count {
        1 => "1 setting".to_owned(),
        _ => format!("{count} settings"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READY: EnvironmentState = EnvironmentState::Ready;

    fn busy() -> EnvironmentState {
        EnvironmentState::Busy("Updating".to_owned())
    }

    #[test]
    fn settings_in_force_end_it_and_a_pending_set_does_not() {
        let mut settling = Settling::default();
        assert_eq!(settling.look(Some(&READY), Some((true, true))), None);
        assert_eq!(settling.look(Some(&busy()), None), None);
        assert_eq!(
            settling.look(Some(&READY), Some((true, false))),
            Some(Outcome::InForce)
        );
    }

    #[test]
    fn ready_without_the_settings_is_a_refusal_once_it_was_busy() {
        let mut settling = Settling::default();
        assert_eq!(settling.look(Some(&busy()), None), None);
        assert_eq!(
            settling.look(Some(&READY), Some((false, false))),
            Some(Outcome::NotKept)
        );
    }

    #[test]
    fn a_stale_ready_is_no_refusal_but_a_lasting_one_is() {
        let mut settling = Settling::default();
        for _ in 1..QUIET_LOOKS {
            assert_eq!(settling.look(Some(&READY), Some((false, false))), None);
        }
        assert_eq!(
            settling.look(Some(&READY), Some((false, false))),
            Some(Outcome::NotKept)
        );
        // Settings that could not be read say nothing.
        assert_eq!(Settling::default().look(Some(&READY), None), None);
    }

    #[test]
    fn a_vanished_environment_ends_it() {
        let ending = EnvironmentState::Ending("Terminating".to_owned());
        let mut settling = Settling::default();
        assert_eq!(settling.look(Some(&ending), None), Some(Outcome::Gone));
        assert_eq!(settling.look(None, None), Some(Outcome::Gone));
    }

    #[test]
    fn failed_and_pending_sets_are_not_in_force() {
        let set = |state: Option<SettingsState>, value: &str| ConfigurationSettings {
            state,
            platform_arn: None,
            settings: vec![OptionSetting::new("n", "a", value)],
            updated: None,
        };
        let sets = OptionSets::of(vec![
            set(Some(SettingsState::Failed), "failed"),
            set(Some(SettingsState::Deployed), "deployed"),
        ]);
        assert_eq!(sets.in_force[0].value, "deployed");
        assert!(!sets.pending);
        let sets = OptionSets::of(vec![
            set(Some(SettingsState::Pending), "pending"),
            set(Some(SettingsState::Deployed), "deployed"),
        ]);
        assert_eq!(sets.in_force[0].value, "deployed");
        assert!(sets.pending);
    }
}
