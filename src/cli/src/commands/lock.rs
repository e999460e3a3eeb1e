//! `beanpole lock`: who holds an environment, and taking it by hand.

use std::fmt;
use std::time::Duration;

use beanpole_deploy::lock::{Claim, LockSight};
use beanpole_model::{ExitCode, Report};
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::arguments::Aws;
use crate::aws;
use crate::context::Context;
use crate::manner::{author, duration};
use crate::records;

/// Arguments of `beanpole lock`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  beanpole lock show --env production\n  \
    beanpole lock acquire --env production --reason 'database maintenance until noon'\n  \
    beanpole lock release --env production\n\n\
    Releases take the lock themselves. One that is taken by hand stays until it is released by hand.")]
pub struct Lock {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show who holds the lock; exit code 5 if somebody does
    Show {
        #[command(flatten)]
        aws: Aws,
    },
    /// Take the lock by hand
    Acquire {
        #[command(flatten)]
        aws: Aws,
        /// Why, for those who meet the lock
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Wait this long if someone else holds it, such as `10m`
        #[arg(long, value_name = "TIME", value_parser = duration)]
        wait: Option<Duration>,
    },
    /// Remove a lock that was taken by hand, or that nobody holds any more
    Release {
        #[command(flatten)]
        aws: Aws,
        /// Remove it also from a release that is running: that release stops at its next step
        #[arg(long)]
        force: bool,
    },
}

/// What the command answers.
#[derive(Serialize)]
struct Answer {
    environment: String,
    /// What was done: `shown`, `acquired`, `released`.
    done: &'static str,
    /// The lock as it is, or as it was before it was released; null if there was none.
    lock: Option<LockSight>,
}

impl fmt::Display for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let environment = &self.environment;
        let Some(lock) = &self.lock else {
            return write!(formatter, "{environment}: not locked");
        };
        match self.done {
            "released" => write!(
                formatter,
                "{environment}: released, it was held by {}",
                lock.holder()
            )?,
            "acquired" => write!(formatter, "{environment}: locked")?,
            _ => write!(formatter, "{environment}: locked by {}", lock.holder())?,
        }
        for line in lock.lines() {
            write!(formatter, "\n  {line}")?;
        }
        Ok(())
    }
}

/// Shows, takes or removes the lock.
///
/// # Errors
/// AWS could not be asked, someone else holds it, or the answer was not yes.
pub fn run(context: &Context, arguments: &Lock) -> Result<ExitCode, Report> {
    context.block_on(act(context, &arguments.action))
}

async fn act(context: &Context, action: &Action) -> Result<ExitCode, Report> {
    let (Action::Show { aws } | Action::Acquire { aws, .. } | Action::Release { aws, .. }) = action;
    let project = context.located_project()?.project;
    let cloud = aws::connect(context, aws, &project, &*context.terminal).await?;
    let lock = records::lock(context, &project, &cloud, aws::pace(aws)).await?;
    let (done, sight) = match action {
        Action::Show { .. } => ("shown", lock.show().await?),
        Action::Acquire { reason, wait, .. } => {
            let author = author(context, Some(reason));
            let claim = Claim {
                operation: "manual".to_owned(),
                who: author.who,
                why: author.why,
                version: None,
                commit: None,
                run_url: author.run_url,
            };
            let sight = lock.acquire_by_hand(claim, *wait, "lock").await?;
            ("acquired", Some(sight))
        }
        Action::Release { force, .. } => {
            if *force {
                context.confirm(&format!(
                    "take the lock of `{}` away from whoever holds it",
                    project.environment
                ))?;
            }
            ("released", lock.release(*force).await?)
        }
    };
    let is_held = done == "shown"
        && sight
            .as_ref()
            .is_some_and(|sight| !sight.standing.is_free());
    context.terminal.result(&Answer {
        environment: project.environment.to_string(),
        done,
        lock: sight,
    });
    Ok(if is_held {
        ExitCode::Busy
    } else {
        ExitCode::Done
    })
}
