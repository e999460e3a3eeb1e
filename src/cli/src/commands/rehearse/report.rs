//! What a rehearsal says at its start and its end.

use std::fmt;
use std::time::Duration;

use beanpole_deploy::{ReleaseReport, StepReport};
use beanpole_model::ExitCode;
use beanpole_rehearsal::{Rehearsal, Removed};
use beanpole_terminal::short;
use serde::Serialize;

use super::stage::SLACK_TOKEN;
use crate::announce::API_URL_VARIABLE;
use crate::context::Context;
use crate::engine::ChosenEngine;

/// The summary.
#[derive(Debug, Serialize)]
pub(super) struct Rehearsed {
    /// `docker`, or `none` when the control plane alone was rehearsed.
    engine: &'static str,
    /// The engine in words, with the reason if there is none.
    scope: String,
    /// The infrastructure that was made.
    created: Vec<String>,
    /// All steps, from the check to the end.
    steps: Vec<StepReport>,
    /// The messages at Slack's stand-in.
    slack: Vec<SlackLine>,
    /// The release itself.
    pub(super) release: ReleaseReport,
    /// How long it all took.
    seconds: f64,
}

#[derive(Debug, Serialize)]
struct SlackLine {
    channel: String,
    updates: u32,
    /// How many messages stand in its thread.
    replies: usize,
    text: String,
}

impl Rehearsed {
    pub(super) fn new(
        engine: &ChosenEngine,
        aws: &Rehearsal,
        release: ReleaseReport,
        created: Vec<String>,
        steps: Vec<StepReport>,
        elapsed: Duration,
    ) -> Self {
        Self {
            engine: if engine.docker().is_some() {
                "docker"
            } else {
                "none"
            },
            scope: engine.words(),
            created,
            steps,
            slack: slack(aws),
            release,
            seconds: elapsed.as_secs_f64(),
        }
    }
}

impl Rehearsed {
    /// What was rehearsed and how long it took: the last line of the output.
    pub(super) fn last_line(&self) -> String {
        format!(
            "{} in {}.",
            self.scope,
            short(Duration::from_secs_f64(self.seconds))
        )
    }
}

fn slack(aws: &Rehearsal) -> Vec<SlackLine> {
    let messages = aws.slack_messages();
    let replies = |ts: &str| {
        messages
            .iter()
            .filter(|message| message.thread.as_deref() == Some(ts))
            .count()
    };
    messages
        .iter()
        .filter(|message| message.thread.is_none())
        .map(|message| SlackLine {
            channel: message.channel.clone(),
            updates: message.updates,
            replies: replies(&message.ts),
            text: message.text.clone(),
        })
        .collect()
}

impl fmt::Display for Rehearsed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{}", self.release.verdict.words())?;
        writeln!(formatter, "\nCreated")?;
        for name in &self.created {
            writeln!(formatter, "  {name}")?;
        }
        for created in &self.release.created {
            writeln!(formatter, "  {} {}", created.kind, created.name)?;
        }
        writeln!(formatter, "\nSteps")?;
        for step in &self.steps {
            let mark = step.outcome.word();
            let time = short(Duration::from_secs_f64(step.seconds));
            writeln!(
                formatter,
                "  {:<13} {mark:<9} {time:>12}  {}",
                step.id, step.message
            )?;
        }
        if let Some(failure) = &self.release.failure {
            writeln!(formatter, "\nFailure")?;
            write!(formatter, "{failure}")?;
        }
        for sentence in &self.release.goes_on {
            writeln!(formatter, "  {sentence}")?;
        }
        for message in &self.slack {
            let text = message.text.lines().next().unwrap_or_default();
            writeln!(
                formatter,
                "\nSlack {}, 1 message, changed {} times, {} in its thread:\n  {text}",
                message.channel, message.updates, message.replies
            )?;
        }
        if self.release.exit_code == ExitCode::Done
            && let Some(url) = &self.release.url
        {
            writeln!(formatter, "\nThe page was at {url}")?;
        }
        let code = self.release.exit_code;
        write!(
            formatter,
            "\nOn AWS this release would have ended with exit code {}: {}.\n{}",
            code.code(),
            code.meaning(),
            self.last_line()
        )
    }
}

impl ChosenEngine {
    /// What is rehearsed, in words.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Docker(engine) => {
                format!(
                    "Rehearsed with Docker {}: the app really ran",
                    engine.version().engine
                )
            }
            Self::ControlPlane { reason } => {
                format!("Rehearsed the control plane alone, nothing really ran ({reason})")
            }
        }
    }
}

/// What is said before anything else.
pub(super) fn first_line(engine: &ChosenEngine) -> String {
    match engine {
        ChosenEngine::Docker(engine) => format!(
            "Rehearsing with Docker {}: the app really runs, AWS is embedded",
            engine.version().engine
        ),
        ChosenEngine::ControlPlane { reason } => {
            format!("Rehearsing the control plane alone: nothing really runs ({reason})")
        }
    }
}

/// What was cleaned up at the end; nothing if there was nothing to clean.
pub(super) fn removed(removed: &Removed) -> Option<String> {
    let counts = [
        (removed.containers, "containers"),
        (removed.networks, "networks"),
        (removed.images, "images"),
    ];
    let counts: Vec<String> = counts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    (!counts.is_empty()).then(|| format!("Removed {}", counts.join(", ")))
}

/// What another shell needs to reach a rehearsal that goes on.
pub(super) fn how_to_go_on(context: &Context, aws: &Rehearsal, url: Option<&str>) {
    let terminal = &context.terminal;
    let (id, key) = aws.credentials();
    terminal.say("\nThe rehearsal goes on until Ctrl-C. In another shell:");
    let variables = [
        ("AWS_ENDPOINT_URL", aws.endpoint_url()),
        ("AWS_REGION", aws.region().to_string()),
        ("AWS_DEFAULT_REGION", aws.region().to_string()),
        ("AWS_ACCESS_KEY_ID", id),
        ("AWS_SECRET_ACCESS_KEY", key.expose().to_owned()),
        ("BEANPOLE_SPEED", aws.pace().speed().to_string()),
        (API_URL_VARIABLE, aws.slack_api_url()),
        ("SLACK_BOT_TOKEN", SLACK_TOKEN.to_owned()),
    ];
    for (name, value) in variables {
        terminal.say(&format!("  export {name}={value}"));
    }
    match url {
        Some(url) => terminal.say(&format!("The page: {url}")),
        None => terminal.say(&format!(
            "The load balancer: {}",
            aws.load_balancer_address()
        )),
    }
}

/// The messages that Slack's stand-in holds at the end of a rehearsal that went on.
pub(super) fn slack_messages(context: &Context, aws: &Rehearsal) {
    for message in slack(aws) {
        context.terminal.say(&format!(
            "Slack {}, changed {} times, {} in its thread: {}",
            message.channel,
            message.updates,
            message.replies,
            message.text.replace('\n', " ")
        ));
    }
}
