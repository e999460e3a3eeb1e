//! The release announcement: where it goes, and what becomes of it.
//!
//! Chat never fails a release. A destination that is missing or refused is a warning.

use std::sync::Arc;
use std::time::Duration;

use beanpole_alert::{Announcement, Announcer, Delivery, Destination, Live, Names, Slack, State};
use beanpole_deploy::{ReleaseReport, Verdict};
use beanpole_manifest::Project;
use beanpole_model::{Environment, ExitCode, Report, Reporter, SecretScrubber};

/// The variable that names another Slack API, such as a rehearsal's stand-in.
pub(crate) const API_URL_VARIABLE: &str = "BEANPOLE_SLACK_API_URL";

/// A release that is being announced, or not.
pub(crate) struct Announcing {
    live: Option<Arc<Live>>,
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
            return Self { live: None };
        };
        // The token of a stand-in on this machine is no secret, and is printed on purpose.
        if !destination.is_local() {
            scrubber.learn(destination.secret());
        }
        let slack = match Slack::new(destination) {
            Ok(slack) => slack,
            Err(error) => {
                warn(&Delivery::from(&error), reporter);
                return Self { live: None };
            }
        };
        let mut announcer = Announcer::new(slack, scrubber.clone());
        if let Some(debounce) = debounce {
            announcer = announcer.with_debounce(debounce);
        }
        Self {
            live: Some(Arc::new(Live::start(announcer, announcement))),
        }
    }

    /// What hears the release's events.
    pub(crate) fn reporter(&self) -> Option<Arc<dyn Reporter>> {
        self.live.clone().map(|live| live as Arc<dyn Reporter>)
    }

    /// Sends the final state and waits for it, within the announcer's deadline. Every other holder
    /// of the reporter must be gone by then.
    pub(crate) async fn finish(
        self,
        reporter: &dyn Reporter,
        change: impl FnOnce(&mut Announcement),
    ) -> Option<Delivery> {
        let live = Arc::into_inner(self.live?)?;
        let delivery = live.finish(change).await;
        warn(&delivery, reporter);
        Some(delivery)
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

/// Writes a release's outcome into its announcement.
pub(crate) fn conclude(announcement: &mut Announcement, report: &ReleaseReport) {
    announcement.state = match report.verdict {
        Verdict::Released | Verdict::AlreadyReleased => State::Succeeded,
        Verdict::RolledBack => State::RolledBack,
        Verdict::Interrupted => State::Interrupted,
        Verdict::Stopped
        | Verdict::Busy
        | Verdict::NotRestored
        | Verdict::OutOfTime
        | Verdict::Unverified => State::Failed,
    };
    announcement.version.clone_from(&report.version_label);
    announcement
        .former_version
        .clone_from(&report.former_version);
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
    announcement.state = if report.exit_code() == ExitCode::Interrupted {
        State::Interrupted
    } else {
        State::Failed
    };
    announcement.cause = Some(report.message());
}
