//! `beanpole history`: the releases of an environment, newest first.

use std::fmt;

use beanpole_deploy::ledger::{Happening, Record};
use beanpole_model::{ExitCode, Report};
use clap::Args;
use serde::Serialize;

use crate::arguments::Aws;
use crate::aws;
use crate::context::Context;
use crate::records;

/// Arguments of `beanpole history`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  beanpole history --env production\n  \
    beanpole history --env production --limit 3 --verbose\n  \
    beanpole history --env production --json\n\n\
    The JSON form holds each release's whole record: every step with its time, who, why, and how it ended.")]
pub struct History {
    #[command(flatten)]
    aws: Aws,
    /// Show the newest N
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
}

#[derive(Serialize)]
struct Releases {
    environment: String,
    releases: Vec<Record>,
    #[serde(skip)]
    with_steps: bool,
}

impl fmt::Display for Releases {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.releases.is_empty() {
            return write!(formatter, "{}: no releases yet", self.environment);
        }
        for (index, record) in self.releases.iter().enumerate() {
            if index > 0 {
                writeln!(formatter)?;
            }
            show(record, self.with_steps, formatter)?;
        }
        Ok(())
    }
}

fn show(record: &Record, with_steps: bool, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    let verdict = record
        .ending
        .as_ref()
        .map_or("unfinished", |ending| ending.verdict.as_str());
    write!(
        formatter,
        "{}  {:<12} {} {}",
        record.started.strftime("%Y-%m-%d %H:%M:%SZ"),
        verdict,
        record.kind,
        record.version
    )?;
    if let Some(subject) = &record.subject {
        write!(formatter, "  {subject}")?;
    }
    write!(formatter, "\n    by {}", record.who)?;
    if let Some(why) = &record.why {
        write!(formatter, ": {why}")?;
    }
    if let Some(url) = &record.run_url {
        write!(formatter, " ({url})")?;
    }
    if let Some(ending) = &record.ending
        && ending.exit_code != ExitCode::Done.code()
    {
        write!(formatter, "\n    {}", ending.message)?;
    }
    if let Some(reason) = &record.unsafe_migrations_reason {
        write!(formatter, "\n    unsafe migrations were allowed: {reason}")?;
    }
    if !with_steps {
        return Ok(());
    }
    for entry in &record.entries {
        if let Happening::Ended {
            step,
            outcome,
            message,
            seconds,
        } = &entry.happening
        {
            let outcome = outcome.word();
            write!(
                formatter,
                "\n    {step:<15} {outcome:<9} {seconds:>7.1}s  {message}"
            )?;
        }
    }
    Ok(())
}

/// Shows the releases.
///
/// # Errors
/// AWS could not be asked.
pub fn run(context: &Context, arguments: &History) -> Result<ExitCode, Report> {
    context.block_on(list(context, arguments))
}

async fn list(context: &Context, arguments: &History) -> Result<ExitCode, Report> {
    let project = context.located_project()?.project;
    let aws = &arguments.aws;
    let cloud = aws::connect(context, aws, &project, &*context.terminal).await?;
    let releases = match records::ledger(context, &project, &cloud, aws::pace(aws)).await? {
        Some(ledger) => ledger.recent(usize::from(arguments.limit)).await?,
        None => Vec::new(),
    };
    context.terminal.result(&Releases {
        environment: project.environment.to_string(),
        releases,
        with_steps: context.global.verbose > 0,
    });
    Ok(ExitCode::Done)
}
