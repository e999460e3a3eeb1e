//! `beanpole events`: what Beanstalk says about its work, once or as it comes.
//!
//! Rules: nothing is lost and nothing is shown twice ([`beanpole_deploy::event_stream`]). Following ends
//! with Ctrl-C only, and then with 130, as `tail -f` and `kubectl logs -f` end: the reader interrupted
//! it, and a script that waits for it must see that. A reader that closes the pipe ends it with 0.

use std::fmt;
use std::time::Duration;

use beanpole_cloud::{Beanstalk, BeanstalkEvent, EventQuery, EventSeverity, Kind};
use beanpole_deploy::event_stream::EventStream;
use beanpole_deploy::live_project;
use beanpole_deploy::logs::sections::printable;
use beanpole_manifest::Project;
use beanpole_model::{ExitCode, Pace, Report};
use clap::{Args, ValueEnum};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::arguments::Aws;
use crate::aws;
use crate::context::Context;
use crate::failure::Failure;
use crate::patience::{Patience, pause};

/// The pause between two questions, in AWS time. Faster polling by several jobs was enough to be
/// throttled.
const POLL: Duration = Duration::from_secs(10);

/// How many events are shown when neither `--since` nor `--limit` says how many.
const USUAL: usize = 100;

/// Arguments of `beanpole events`.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  beanpole events --env production --since 1h\n  \
    beanpole events --env production --follow --severity warn\n  \
    beanpole events --env production --follow --json | jq -r .message\n\n\
    Oldest first. With --json: one list; with --follow --json: one object a line.\n\
    Asks every 10 seconds while following; Ctrl-C ends it with exit code 130."
)]
pub struct Events {
    /// Go on and show events as they come, until Ctrl-C
    #[arg(long, short)]
    follow: bool,
    /// Show those since then: `90s`, `1h`, `2 days`, or an instant such as `2026-11-20T10:00:00Z`
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<Since>,
    /// Show those at least this grave
    #[arg(long, value_enum, value_name = "SEVERITY")]
    severity: Option<Severity>,
    /// Show the newest N [default: 100, or all with --since]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    #[command(flatten)]
    aws: Aws,
}

/// How grave events are, from least to most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Severity {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
    Fatal,
}

impl From<Severity> for EventSeverity {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Trace => Self::Trace,
            Severity::Debug => Self::Debug,
            Severity::Info => Self::Info,
            Severity::Warn => Self::Warn,
            Severity::Error => Self::Error,
            Severity::Fatal => Self::Fatal,
        }
    }
}

/// From when on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Since {
    Ago(SignedDuration),
    At(Timestamp),
}

impl Since {
    fn instant(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::Ago(ago) => now.checked_sub(ago).unwrap_or(Timestamp::MIN),
        }
    }
}

fn since(text: &str) -> Result<Since, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(Since::At(at));
    }
    let span: Option<jiff::Span> = text.parse().ok();
    span.and_then(|span| {
        span.to_duration(jiff::SpanRelativeTo::days_are_24_hours())
            .ok()
    })
    .filter(SignedDuration::is_positive)
    .map(Since::Ago)
    .ok_or_else(|| {
        "a time ago such as `90s`, `1h` or `2 days`, or an instant such as \
             `2026-11-20T10:00:00Z`"
            .to_owned()
    })
}

/// One event as it is shown.
#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Shown(BeanstalkEvent);

impl Shown {
    /// An event, fit to be shown: on one line, without known secrets.
    fn of(context: &Context, event: BeanstalkEvent) -> Self {
        let message = event
            .message
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        Self(BeanstalkEvent {
            message: printable(&context.scrubber.scrub(&message)),
            ..event
        })
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let event = &self.0;
        let at = event
            .at
            .map(|at| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string())
            .unwrap_or_default();
        write!(
            formatter,
            "{at:<20}  {:<5}  {}",
            event.severity.as_str(),
            event.message
        )
    }
}

/// The events of one question.
#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Listed(Vec<Shown>);

impl fmt::Display for Listed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, event) in self.0.iter().enumerate() {
            if number > 0 {
                writeln!(formatter)?;
            }
            write!(formatter, "{event}")?;
        }
        Ok(())
    }
}

/// Shows events.
///
/// # Errors
/// The environment does not exist, or AWS could not be asked.
pub fn run(context: &Context, arguments: &Events) -> Result<ExitCode, Report> {
    context.block_on(show(context, arguments))
}

async fn show(context: &Context, arguments: &Events) -> Result<ExitCode, Report> {
    let project = context.located_project()?.project;
    let cloud = aws::connect(context, &arguments.aws, &project, &*context.terminal).await?;
    let project = live_project(&cloud, &project).await?;
    let beanstalk = &cloud.beanstalk;
    let mut query = query(beanstalk, &project, arguments).await?;
    let events = beanstalk.events(&query).await?;
    if !arguments.follow {
        let shown = events.into_iter().map(|event| Shown::of(context, event));
        let listed = Listed(shown.collect());
        if listed.0.is_empty() {
            context.terminal.say("No events.");
        }
        // An empty list is a JSON value, too, but no line of text.
        if context.terminal.settings().json || !listed.0.is_empty() {
            context.terminal.result(&listed);
        }
        return Ok(ExitCode::Done);
    }
    let mut stream = EventStream::since(query.since);
    if let Some(oldest) = events.first().filter(|_| query.limit == Some(events.len())) {
        stream.begin_at(oldest);
    }
    tell(context, stream.take(events));
    query.limit = None;
    follow(context, beanstalk, query, stream, aws::pace(&arguments.aws)).await
}

/// What to ask for. The id of the environment, unlike its name, was never a former environment's.
async fn query(
    beanstalk: &Beanstalk,
    project: &Project,
    arguments: &Events,
) -> Result<EventQuery, Report> {
    let found = beanstalk
        .environment(&project.application, &project.environment)
        .await?
        .ok_or_else(|| Failure::no_environment(project))?;
    let usual = arguments.since.is_none().then_some(USUAL);
    let limit = arguments
        .limit
        .and_then(|limit| usize::try_from(limit).ok())
        .or(usual);
    Ok(EventQuery {
        environment_id: Some(found.id),
        since: arguments.since.map(|since| since.instant(Timestamp::now())),
        severity: arguments.severity.map(EventSeverity::from),
        limit,
        ..EventQuery::default()
    })
}

async fn follow(
    context: &Context,
    beanstalk: &Beanstalk,
    mut query: EventQuery,
    mut stream: EventStream,
    pace: Pace,
) -> Result<ExitCode, Report> {
    let mut patience = Patience::new(POLL);
    loop {
        if !pause(context, pace, patience.wait()).await {
            return Ok(ExitCode::Interrupted);
        }
        if context.terminal.is_closed() {
            return Ok(ExitCode::Done);
        }
        query.since = stream.ask_from();
        let answer = tokio::select! {
            biased;
            () = context.cancel.cancelled() => return Ok(ExitCode::Interrupted),
            answer = beanstalk.events(&query) => answer,
        };
        match answer {
            Ok(events) => {
                patience.well();
                tell(context, stream.take(events));
            }
            Err(error) if is_passing(error.kind) => {
                if let Some(line) = patience.trouble(&error) {
                    context.terminal.say(&line);
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// True for trouble that may be over at the next question.
fn is_passing(kind: Kind) -> bool {
    matches!(kind, Kind::Throttled | Kind::Network | Kind::Service)
}

fn tell(context: &Context, news: Vec<BeanstalkEvent>) {
    for event in news {
        context.terminal.line(&Shown::of(context, event));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_durations_or_instants() {
        let now: Timestamp = "2026-11-20T10:00:00Z".parse().unwrap();
        for (text, expected) in [
            ("90s", "2026-11-20T09:58:30Z"),
            ("1h", "2026-11-20T09:00:00Z"),
            ("1h 30m", "2026-11-20T08:30:00Z"),
            ("2 days", "2026-11-18T10:00:00Z"),
            ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
        ] {
            let found = since(text).unwrap().instant(now).to_string();
            assert_eq!(found, expected, "{text}");
        }
        for text in ["", "soon", "1 month", "-1h", "0s", "5"] {
            assert!(since(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_event_is_one_line_and_its_json_form_has_all_of_it() {
        let event = Shown(BeanstalkEvent {
            at: Some("2026-11-20T10:00:00.123Z".parse().unwrap()),
            message: "Environment update is starting.".to_owned(),
            severity: EventSeverity::Info,
            environment: Some("shop-production".to_owned()),
            version_label: None,
            request_id: Some("r-1".to_owned()),
        });
        insta::assert_snapshot!(event.to_string(), @"2026-11-20 10:00:00Z  INFO   Environment update is starting.");
        insta::assert_snapshot!(serde_json::to_string(&event).unwrap(), @r#"{"at":"2026-11-20T10:00:00.123Z","message":"Environment update is starting.","severity":"INFO","environment":"shop-production","version_label":null,"request_id":"r-1"}"#);
    }
}
