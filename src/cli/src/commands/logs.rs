//! `beanpole logs`: the logs of every instance: their ends, their ends as they grow, or all of them as
//! archives.
//!
//! Rules: lines come from the application. They are shown without control characters and without the
//! secrets that this run knows. Archives are kept as they came; nothing in them is unpacked.

mod bundle;

use std::fmt;
use std::time::Duration;

use beanpole_cloud::{Beanstalk, InstanceLog, LogKind, LogRequest};
use beanpole_deploy::live_project;
use beanpole_deploy::logs::news::{News, Tails};
use beanpole_deploy::logs::sections::{Section, sections};
use beanpole_manifest::Project;
use beanpole_model::{ExitCode, Report};
use camino::Utf8PathBuf;
use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use crate::arguments::Aws;
use crate::aws;
use crate::context::Context;
use crate::failure::Failure;
use crate::patience::{Patience, pause};

/// How long the instances may take to send their logs, in AWS time. They usually need half a minute.
const TAIL_DEADLINE: Duration = Duration::from_secs(2 * 60);

/// The same for all logs, which instances have to pack first.
const BUNDLE_DEADLINE: Duration = Duration::from_secs(10 * 60);

/// The pause between two tails while following, in AWS time. Each is a request to every instance.
const FOLLOW: Duration = Duration::from_secs(30);

/// Arguments of `beanpole logs`.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  beanpole logs --env production --lines 20\n  \
    beanpole logs --env production --follow --instance i-0123456789abcdef0\n  \
    beanpole logs --env production --bundle --output logs.zip\n\n\
    Beanstalk sends at most the last 100 lines of each file; --bundle has all of them. --follow asks\n\
    every 30 seconds and shows what is new: where more than 100 lines came in between, it says that\n\
    lines are missing. Ctrl-C ends it with exit code 130.\n\
    With --json: a list of instances with their files; with --follow --json: one object a line."
)]
pub struct Logs {
    /// Go on and show new lines as they come, until Ctrl-C
    #[arg(long, short, conflicts_with = "bundle")]
    follow: bool,
    /// Download all logs, one ZIP archive for each instance
    #[arg(long)]
    bundle: bool,
    /// The archive to write; with several instances each gets its id in the name [default: named after environment, instance and time]
    #[arg(long, short, value_name = "FILE", requires = "bundle")]
    output: Option<Utf8PathBuf>,
    /// Replace an archive that exists
    #[arg(long, requires = "output")]
    force: bool,
    /// This instance only
    #[arg(long, value_name = "ID")]
    instance: Option<String>,
    /// Show the last N lines of each file [default: all that Beanstalk sends, 100]
    #[arg(long, value_name = "N", conflicts_with = "bundle", value_parser = clap::value_parser!(u16).range(1..=100))]
    lines: Option<u16>,
    #[command(flatten)]
    aws: Aws,
}

/// The ends of the logs of one instance.
#[derive(Debug, Serialize)]
struct Tail {
    instance: String,
    at: Option<Timestamp>,
    files: Vec<Section>,
}

/// The ends of all logs.
#[derive(Debug, Serialize)]
#[serde(transparent)]
struct AllTails(Vec<Tail>);

impl fmt::Display for AllTails {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut is_first = true;
        for tail in &self.0 {
            for file in &tail.files {
                if !is_first {
                    write!(formatter, "\n\n")?;
                }
                is_first = false;
                formatter.write_str(&heading(&tail.instance, &file.file))?;
                for line in &file.lines {
                    write!(formatter, "\n{line}")?;
                }
            }
        }
        Ok(())
    }
}

/// As `tail` writes it over the lines of one of several files.
fn heading(instance: &str, file: &str) -> String {
    format!("==> {instance} {file} <==").replace("  ", " ")
}

/// A new line while following; its text form is the line alone.
#[derive(Debug, Serialize)]
struct NewLine<'a> {
    instance: &'a str,
    file: &'a str,
    line: &'a str,
}

impl fmt::Display for NewLine<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.line)
    }
}

/// Fetches logs.
///
/// # Errors
/// The environment or the instance does not exist, no instance answered, or a file could not be
/// written.
pub fn run(context: &Context, arguments: &Logs) -> Result<ExitCode, Report> {
    context.block_on(fetch(context, arguments))
}

async fn fetch(context: &Context, arguments: &Logs) -> Result<ExitCode, Report> {
    let project = context.located_project()?.project;
    let cloud = aws::connect(context, &arguments.aws, &project, &*context.terminal).await?;
    let project = live_project(&cloud, &project).await?;
    let beanstalk = &cloud.beanstalk;
    let instances = chosen(beanstalk, &project, arguments.instance.as_deref()).await?;
    let (kind, deadline) = if arguments.bundle {
        (LogKind::Bundle, BUNDLE_DEADLINE)
    } else {
        (LogKind::Tail, TAIL_DEADLINE)
    };
    let request = LogRequest {
        environment: project.environment.clone(),
        kind,
        instances,
        pace: aws::pace(&arguments.aws),
        deadline,
    };
    if arguments.bundle {
        let place = bundle::Place {
            file: arguments.output.as_ref(),
            force: arguments.force,
        };
        return bundle::download(context, beanstalk, &request, &place).await;
    }
    if arguments.follow {
        return follow(context, beanstalk, &request, arguments.lines).await;
    }
    let tails: Vec<Tail> = tails(context, beanstalk, &request)
        .await?
        .into_iter()
        .map(|(log, mut files)| {
            for file in &mut files {
                keep_last(&mut file.lines, arguments.lines);
            }
            Tail {
                instance: log.instance,
                at: log.at,
                files,
            }
        })
        .collect();
    context.terminal.result(&AllTails(tails));
    Ok(ExitCode::Done)
}

/// The instances to ask; none means all.
async fn chosen(
    beanstalk: &Beanstalk,
    project: &Project,
    instance: Option<&str>,
) -> Result<Vec<String>, Report> {
    if beanstalk
        .environment(&project.application, &project.environment)
        .await?
        .is_none()
    {
        return Err(Failure::no_environment(project).into());
    }
    let Some(instance) = instance else {
        return Ok(Vec::new());
    };
    let known = beanstalk.resources(&project.environment).await?.instances;
    if known.iter().any(|id| id == instance) {
        return Ok(vec![instance.to_owned()]);
    }
    Err(Failure::NoInstance {
        instance: instance.to_owned(),
        environment: project.environment.to_string(),
        known,
    }
    .into())
}

/// Asks once and reads what came, from all instances at the same time.
async fn tails(
    context: &Context,
    beanstalk: &Beanstalk,
    request: &LogRequest,
) -> Result<Vec<(InstanceLog, Vec<Section>)>, Report> {
    let read = async {
        let found = beanstalk.collect_logs(request).await?;
        let read = found
            .samples
            .iter()
            .map(|sample| beanstalk.read_log(sample));
        let read = futures_util::future::join_all(read).await;
        Ok::<_, beanpole_cloud::Error>((read, found.silent))
    };
    let (read, silent) = tokio::select! {
        biased;
        () = context.cancel.cancelled() => return Err(Failure::Stopped.into()),
        read = read => read?,
    };
    for instance in silent {
        context.terminal.say(&format!(
            "warning: {instance} did not send its logs in time"
        ));
    }
    let mut tails = Vec::new();
    for log in read {
        match log {
            Ok(log) => {
                let files = sections(&context.scrubber.scrub(&log.text));
                tails.push((log, files));
            }
            Err(error) => context.terminal.say(&format!("warning: {error}")),
        }
    }
    Ok(tails)
}

async fn follow(
    context: &Context,
    beanstalk: &Beanstalk,
    request: &LogRequest,
    lines: Option<u16>,
) -> Result<ExitCode, Report> {
    let mut known = Tails::default();
    let mut shown = Shown::default();
    let mut patience = Patience::new(FOLLOW);
    let mut is_first = true;
    loop {
        match tails(context, beanstalk, request).await {
            Ok(tails) => {
                patience.well();
                for (log, files) in tails {
                    for mut news in known.take(&log.instance, files) {
                        if is_first {
                            keep_last(&mut news.lines, lines);
                        }
                        shown.show(context, &news);
                    }
                }
                is_first = false;
            }
            Err(report) if context.cancel.is_cancelled() => {
                drop(report);
                return Ok(ExitCode::Interrupted);
            }
            // Out of time, throttled or cut off: AWS may answer the next time.
            Err(report)
                if matches!(report.exit_code(), ExitCode::OutOfTime | ExitCode::Outside) =>
            {
                if let Some(line) = patience.trouble(&report) {
                    context.terminal.say(&line);
                }
            }
            Err(report) => return Err(report),
        }
        if context.terminal.is_closed() {
            return Ok(ExitCode::Done);
        }
        if !pause(context, request.pace, patience.wait()).await {
            return Ok(ExitCode::Interrupted);
        }
    }
}

/// Keeps the last lines; all of them if no number is given.
fn keep_last(lines: &mut Vec<String>, count: Option<u16>) {
    if let Some(count) = count {
        let cut = lines.len().saturating_sub(usize::from(count));
        lines.drain(..cut);
    }
}

/// Remembers which file was shown last, so that a heading stands only where another one begins.
#[derive(Default)]
struct Shown {
    last: Option<(String, String)>,
}

impl Shown {
    fn show(&mut self, context: &Context, news: &News) {
        let terminal = &context.terminal;
        let place = (news.instance.clone(), news.file.clone());
        if !terminal.settings().json && self.last.as_ref() != Some(&place) {
            let line_break = if self.last.is_some() { "\n" } else { "" };
            let heading = heading(&news.instance, &news.file);
            terminal.text(&format!("{line_break}{heading}"));
        }
        self.last = Some(place);
        if news.gap {
            let (instance, file) = (&news.instance, &news.file);
            terminal.say(&format!(
                "warning: lines of {file} on {instance} are missing here: more came than Beanstalk sends"
            ));
        }
        for line in &news.lines {
            terminal.line(&NewLine {
                instance: &news.instance,
                file: &news.file,
                line,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(file: &str, lines: &[&str]) -> Section {
        Section {
            file: file.to_owned(),
            lines: lines.iter().map(|line| (*line).to_owned()).collect(),
        }
    }

    #[test]
    fn each_file_has_a_heading() {
        let tails = AllTails(vec![Tail {
            instance: "i-1".to_owned(),
            at: Some("2026-11-20T10:00:00Z".parse().unwrap()),
            files: vec![
                section("/var/log/a.log", &["one", "two"]),
                section("", &["three"]),
            ],
        }]);
        insta::assert_snapshot!(tails.to_string(), @r"
        ==> i-1 /var/log/a.log <==
        one
        two

        ==> i-1 <==
        three
        ");
        insta::assert_snapshot!(serde_json::to_string(&tails).unwrap(), @r#"[{"instance":"i-1","at":"2026-11-20T10:00:00Z","files":[{"file":"/var/log/a.log","lines":["one","two"]},{"file":"","lines":["three"]}]}]"#);
    }

    #[test]
    fn the_last_lines_are_kept() {
        let mut lines = vec!["a".to_owned(), "b".to_owned(), "c".to_owned()];
        keep_last(&mut lines, None);
        assert_eq!(lines.len(), 3);
        keep_last(&mut lines, Some(2));
        assert_eq!(lines, ["b", "c"]);
    }
}
