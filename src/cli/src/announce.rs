//! The release announcement: where it goes, and what becomes of it.
//!
//! Chat never fails a release. A destination that is missing or refused is a warning.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use beanpole_alert::{
    Announcement, Announcer, Delivery, Destination, Live, Names, Place, ReleaseDetails, Slack,
    State,
};
use beanpole_deploy::{ReleaseReport, Verdict};
use beanpole_manifest::Project;
use beanpole_model::{Environment, Event, ExitCode, Report, Reporter, SecretScrubber};

/// The variable that names another Slack API, such as a rehearsal's stand-in.
pub(crate) const API_URL_VARIABLE: &str = "BEANPOLE_SLACK_API_URL";

/// A release that is being announced, or not. Clones speak for the same release; once it ended they
/// say nothing.
#[derive(Clone)]
pub(crate) struct Announcing {
    live: Arc<Mutex<Option<Live>>>,
}

/// Finds where the manifest wants announcements to go; `None` when it wants none or the variable
/// that it names is not set.
pub(crate) fn destination(
    project: &Project,
    environment: &Environment,
) -> Result<Option<Destination>, beanpole_alert::Error> {
    let Some(slack) = &project.alerts.slack else {
        return Ok(None);
    };
    let defaults = Names::default();
    let names = Names {
        token: slack.token_variable.clone().unwrap_or(defaults.token),
        webhook_url: slack
            .webhook_url_variable
            .clone()
            .unwrap_or(defaults.webhook_url),
    };
    let api_url = environment.get(API_URL_VARIABLE);
    Destination::find(environment, &names, slack.channel.as_deref(), api_url)
}

impl Announcing {
    /// Starts to announce. The first message goes out at once.
    pub(crate) fn start(
        destination: Result<Option<Destination>, beanpole_alert::Error>,
        announcement: Announcement,
        scrubber: &SecretScrubber,
        reporter: &dyn Reporter,
    ) -> Self {
        Self::start_with(destination, announcement, None, scrubber, reporter)
    }

    /// Announces to nobody.
    pub(crate) fn nobody() -> Self {
        Self::of(None)
    }

    /// The same, with another pause between two changes than Slack itself wants.
    pub(crate) fn start_with(
        destination: Result<Option<Destination>, beanpole_alert::Error>,
        announcement: Announcement,
        debounce: Option<Duration>,
        scrubber: &SecretScrubber,
        reporter: &dyn Reporter,
    ) -> Self {
        let destination = destination.unwrap_or_else(|error| {
            warn(&Delivery::from(&error), reporter);
            None
        });
        let Some(destination) = destination else {
            return Self::of(None);
        };
        // The token of a stand-in on this machine is no secret, and is printed on purpose.
        if !destination.is_local() {
            scrubber.learn(destination.secret());
        }
        let slack = match Slack::new(destination) {
            Ok(slack) => slack,
            Err(error) => {
                warn(&Delivery::from(&error), reporter);
                return Self::of(None);
            }
        };
        let mut announcer = Announcer::new(slack, scrubber.clone());
        if let Some(debounce) = debounce {
            announcer = announcer.with_debounce(debounce);
        }
        Self::of(Some(Live::start(announcer, announcement)))
    }

    fn of(live: Option<Live>) -> Self {
        Self {
            live: Arc::new(Mutex::new(live)),
        }
    }

    /// What hears the release's events.
    pub(crate) fn reporter(&self) -> Option<Arc<dyn Reporter>> {
        let is_live = self.lock().is_some();
        is_live.then(|| Arc::new(self.clone()) as Arc<dyn Reporter>)
    }

    /// Changes what is announced. It is sent when the next message may go out.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Announcement)) {
        if let Some(live) = &*self.lock() {
            live.change(change);
        }
    }

    /// Where the release is told, once it is.
    pub(crate) fn place(&self) -> Option<Place> {
        self.lock().as_ref()?.place()
    }

    /// Sends the final state and waits for it, within the announcer's deadline.
    pub(crate) async fn finish(
        self,
        reporter: &dyn Reporter,
        change: impl FnOnce(&mut Announcement),
    ) -> Option<Delivery> {
        let live = self.lock().take()?;
        let delivery = live.finish(change).await;
        warn(&delivery, reporter);
        Some(delivery)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reporter for Announcing {
    fn report(&self, event: &Event) {
        if let Some(live) = &*self.lock() {
            live.report(event);
        }
    }
}

fn warn(delivery: &Delivery, reporter: &dyn Reporter) {
    if let Delivery::Failed { reason, hint } = delivery {
        let hint = hint
            .as_deref()
            .map(|hint| format!(" ({hint})"))
            .unwrap_or_default();
        reporter.warn(format!(
            "Slack was not told: {reason}{hint}. The release does not depend on it."
        ));
    }
}

/// The announcement of a release that begins.
pub(crate) fn opening(project: &Project) -> Announcement {
    Announcement::new(
        format!("{} to {}", project.application, project.environment_key),
        project.application.as_str(),
        project.environment.as_str(),
    )
}

/// What a verdict is for the chat.
pub(crate) const fn state(verdict: Verdict) -> State {
    match verdict {
        Verdict::Released | Verdict::AlreadyReleased => State::Succeeded,
        Verdict::RolledBack => State::RolledBack,
        Verdict::Interrupted => State::Interrupted,
        Verdict::Stopped
        | Verdict::Busy
        | Verdict::NotRestored
        | Verdict::OutOfTime
        | Verdict::Unverified => State::Failed,
    }
}

/// What the end of work is for the chat that never came to a release.
pub(crate) fn early_state(report: &Report) -> State {
    if report.exit_code() == ExitCode::Interrupted {
        State::Interrupted
    } else {
        State::Failed
    }
}

/// Writes a release's outcome into its announcement.
pub(crate) fn conclude(announcement: &mut Announcement, report: &ReleaseReport) {
    announcement.state = state(report.verdict);
    announcement.details.learn(ReleaseDetails {
        version: report.version_label.clone(),
        former_version: report.former_version.clone(),
        ..ReleaseDetails::default()
    });
    announcement.url.clone_from(&report.url);
    if let Some(failure) = &report.failure {
        announcement.cause = Some(failure.message.clone());
        announcement.log_tail = failure
            .logs
            .iter()
            .flat_map(|log| log.lines.iter().cloned())
            .collect();
    }
}

/// Writes the end of work that never came to a release into its announcement.
pub(crate) fn conclude_early(announcement: &mut Announcement, report: &Report) {
    announcement.state = early_state(report);
    announcement.cause = Some(report.message());
}
