//! `beanpole alert test`: a test message to the alert routes.

use std::fmt;

use beanpole_alert::{Announcement, Announcer, Delivery, Destination, Slack, State};
use beanpole_model::{ExitCode, Report};
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::announce;
use crate::context::Context;
use crate::failure::Failure;
use crate::github;

/// Arguments of `beanpole alert`.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  SLACK_BOT_TOKEN=... beanpole alert test --env production")]
pub struct Alert {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Send one message that says it is a test, with a reply in its thread
    Test,
}

/// Where the test message went.
#[derive(Debug, Serialize)]
struct Sent {
    route: &'static str,
    channel: Option<String>,
}

impl fmt::Display for Sent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.channel {
            Some(channel) => write!(
                formatter,
                "Sent to {channel} as a bot, with details in the thread."
            ),
            None => write!(formatter, "Sent through the incoming webhook."),
        }
    }
}

/// Sends the message.
///
/// # Errors
/// No route, or Slack did not take the message.
pub fn run(context: &Context, arguments: &Alert) -> Result<ExitCode, Report> {
    match arguments.action {
        Action::Test => context.block_on(test(context)),
    }
}

async fn test(context: &Context) -> Result<ExitCode, Report> {
    let project = context.located_project()?.project;
    let destination = announce::destination(&project, &context.environment)?.ok_or_else(|| {
        let reason = match &project.alerts.slack {
            None => "the manifest has no `alerts.slack`".to_owned(),
            Some(_) => "the variable that `alerts.slack` names is not set".to_owned(),
        };
        Failure::NoAlertRoute { reason }
    })?;
    context.scrubber.learn(destination.secret());
    let sent = match &destination {
        Destination::Bot { channel, .. } => Sent {
            route: "bot",
            channel: Some(channel.clone()),
        },
        Destination::Webhook { .. } => Sent {
            route: "webhook",
            channel: None,
        },
    };
    let mut announcement = Announcement::new(
        format!("Test message for {}", project.environment),
        project.application.as_str(),
        project.environment.as_str(),
    );
    announcement.state = State::Succeeded;
    announcement.note = Some("sent by `beanpole alert test`; nothing was released".to_owned());
    announcement.details.released_by = github::actor(&context.environment);
    announcement.details.run_url = github::run_url(&context.environment);
    announcement.details.reason = Some("to see that the thread takes details".to_owned());
    let mut announcer = Announcer::new(Slack::new(destination)?, context.scrubber.clone());
    match announcer.announce(&announcement).await {
        Delivery::Sent { .. } | Delivery::Skipped { .. } => {
            context.terminal.result(&sent);
            Ok(ExitCode::Done)
        }
        Delivery::Failed { reason, hint } => Err(Failure::NotDelivered { reason, hint }.into()),
    }
}
