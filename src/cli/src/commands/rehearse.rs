//! `beanpole rehearse`: a whole release on this machine, against an embedded AWS.
//!
//! The same code that talks to AWS talks to a server on loopback. With a Docker engine the app really
//! runs; without one the control plane alone is rehearsed, and the first and the last line say so.

mod access_log;
mod account;
mod report;
mod stage;

use std::net::SocketAddr;
use std::sync::Arc;

use beanpole_model::{AccountId, ExitCode, Region, Report, Reporter};
use beanpole_rehearsal::data_plane::{Docker, DockerOptions};
use beanpole_rehearsal::{CallObserver, DataPlane, FaultScript, Options, Rehearsal};
use camino::Utf8PathBuf;
use clap::Args;

use crate::context::{Context, Located};
use crate::engine::{self, ChosenEngine, EngineChoice, Needs};
use crate::failure::Failure;
use access_log::AccessLog;
use report::Rehearsed;

/// The account of the embedded AWS unless the manifest or a flag names one. AWS uses this number in
/// its own documentation.
const DEFAULT_ACCOUNT: &str = "123456789012";

/// The region unless a manifest names one.
const DEFAULT_REGION: &str = "us-east-1";

/// The clock's speed without real work: minutes of AWS pass in seconds.
const CONTROL_PLANE_SPEED: f64 = 600.0;

/// The clock's speed with containers. The clock stands still while real work is under way, so this
/// shortens the waiting only.
const DOCKER_SPEED: f64 = 60.0;

/// Arguments of `beanpole rehearse`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    beanpole rehearse examples/blog\n  \
    beanpole rehearse --env production --engine none --json\n  \
    beanpole rehearse --keep                     # then open the page that is printed\n  \
    beanpole rehearse --serve 127.0.0.1:4100     # for boto3, eb, or another shell")]
pub struct Rehearse {
    /// The project's directory [default: here; with --serve, none]
    path: Option<Utf8PathBuf>,
    /// Where the app runs
    #[arg(long, value_enum, default_value_t)]
    engine: EngineChoice,
    /// How many times as fast as the wall clock the embedded AWS runs [default: 60 with Docker, 600 without]
    #[arg(long, value_name = "FACTOR", value_parser = speed)]
    speed: Option<f64>,
    /// A script of what goes wrong, in YAML (docs/faults.md)
    #[arg(long, value_name = "FILE")]
    faults: Option<Utf8PathBuf>,
    /// Leave the embedded AWS running at this address of loopback, for other clients, until Ctrl-C
    #[arg(long, value_name = "ADDRESS")]
    serve: Option<SocketAddr>,
    /// Write every request to the embedded AWS to this file, one JSON object a line
    #[arg(long, value_name = "FILE")]
    access_log: Option<Utf8PathBuf>,
    /// Keep everything running after the release, until Ctrl-C
    #[arg(long)]
    keep: bool,
    /// Values for Secrets Manager, one `NAME=VALUE` a line; the rest gets random ones
    #[arg(long, value_name = "FILE")]
    secrets: Option<Utf8PathBuf>,
    /// The account of the embedded AWS [default: the manifest's, or 123456789012]
    #[arg(long, value_name = "ID")]
    account: Option<AccountId>,
    /// Release the commit although the work tree has changes that are not in it
    #[arg(long)]
    allow_dirty: bool,
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if (1.0..=100_000.0).contains(&speed) => Ok(speed),
        _ => Err("a number from 1 to 100000".to_owned()),
    }
}

/// Rehearses.
///
/// # Errors
/// What stopped the rehearsal before the release began; a release that began ends in its report.
pub fn run(context: &Context, arguments: &Rehearse) -> Result<ExitCode, Report> {
    context.block_on(rehearse(context, arguments))
}

async fn rehearse(context: &Context, arguments: &Rehearse) -> Result<ExitCode, Report> {
    let found = project(context, arguments)?;
    let faults = faults(context, arguments)?;
    let log = access_log(context, arguments)?;
    let planted = account::planted(context, arguments.secrets.as_ref())?;
    let terminal = Arc::clone(&context.terminal) as Arc<dyn Reporter>;
    let needs = found
        .as_ref()
        .map(|found| Needs::of_rehearsal(&found.project, &found.directory));
    let engine = engine::choose(
        arguments.engine,
        &context.environment,
        needs,
        &*terminal,
        &context.cancel,
    )
    .await?;
    context.terminal.say(&report::first_line(&engine));
    if let Some(engine) = engine.docker() {
        clear_abandoned(context, engine).await;
    }

    let mut options = options(context, arguments, found.as_ref(), faults, &engine);
    options.calls = log;
    let aws = beanpole_rehearsal::start(options, Arc::clone(&terminal)).await?;
    let outcome = match &found {
        Some(found) => {
            let stage = stage::Stage {
                context,
                arguments,
                found,
                engine: &engine,
                aws: &aws,
            };
            Some(stage.perform(&planted).await)
        }
        None => None,
    };
    let stays = (arguments.keep || arguments.serve.is_some()) && !context.cancel.is_cancelled();
    if stays {
        stay(context, &aws, outcome.as_ref()).await;
    }
    remove_image(context, &engine, outcome.as_ref()).await;
    let removed = aws.stop().await?;
    if let Some(line) = report::removed(&removed) {
        context.terminal.say(&line);
    }
    for left in &removed.left_behind {
        context
            .terminal
            .say(&format!("warning: left behind: {left}"));
    }
    match outcome {
        // The summary was shown before the rehearsal stayed; the last line still says what it was.
        Some(Ok(rehearsed)) if stays => {
            context.terminal.say(&rehearsed.last_line());
            Ok(rehearsed.release.exit_code)
        }
        Some(Ok(rehearsed)) => Ok(show(context, &rehearsed)),
        Some(Err(report)) => Err(report),
        None => Ok(ExitCode::Done),
    }
}

/// Removes the name of the image that the release built here. Its layers stay in the build cache, so
/// that the next build is quick. That it cannot is a warning.
async fn remove_image(
    context: &Context,
    engine: &ChosenEngine,
    outcome: Option<&Result<Rehearsed, Report>>,
) {
    let (Some(engine), Some(Ok(rehearsed))) = (engine.docker(), outcome) else {
        return;
    };
    for image in rehearsed
        .release
        .created
        .iter()
        .filter(|created| created.kind == "image")
    {
        if let Err(error) = engine.remove_image(&image.name).await {
            context.terminal.say(&format!("warning: {error}"));
        }
    }
}

/// Removes what a rehearsal left whose process was killed. That it cannot is no reason to stop.
async fn clear_abandoned(context: &Context, engine: &beanpole_image::Engine) {
    match Docker::remove_abandoned(engine).await {
        Ok(removed) => {
            if let Some(line) = report::removed(&removed) {
                context
                    .terminal
                    .say(&format!("{line} of a rehearsal that was killed"));
            }
        }
        Err(error) => context.terminal.say(&format!("warning: {error}")),
    }
}

/// Shows the summary, and says what failed on stderr too when stdout is for a machine.
fn show(context: &Context, rehearsed: &Rehearsed) -> ExitCode {
    if context.terminal.settings().json
        && let Some(failure) = &rehearsed.release.failure
    {
        context.terminal.say(&format!("error: {}", failure.message));
    }
    context.terminal.result(rehearsed);
    rehearsed.release.exit_code
}

/// Shows how it went so far and how to reach what runs, and waits for Ctrl-C.
async fn stay(context: &Context, aws: &Rehearsal, outcome: Option<&Result<Rehearsed, Report>>) {
    let url = match outcome {
        Some(Ok(rehearsed)) => {
            show(context, rehearsed);
            rehearsed.release.url.as_deref()
        }
        Some(Err(report)) => {
            context.terminal.say(&format!("error: {report}"));
            None
        }
        None => None,
    };
    report::how_to_go_on(context, aws, url);
    context.cancel.cancelled().await;
    report::slack_messages(context, aws);
}

/// The project to release; none with `--serve` alone.
fn project(context: &Context, arguments: &Rehearse) -> Result<Option<Located>, Report> {
    let directory = match (&arguments.path, arguments.serve) {
        (Some(path), _) => context.directory.join(path),
        (None, Some(_)) => return Ok(None),
        (None, None) => context.directory.clone(),
    };
    if !directory.is_dir() {
        return Err(Failure::NoDirectory { path: directory }.into());
    }
    // Git gives absolute paths without links; so must we.
    let directory = directory.canonicalize_utf8().unwrap_or(directory);
    let mut found = context.located_project_from(&directory)?;
    for note in account::adapt(&mut found.project) {
        context.terminal.say(&format!("note: {note}"));
    }
    Ok(Some(found))
}

fn faults(context: &Context, arguments: &Rehearse) -> Result<Option<FaultScript>, Report> {
    let Some(path) = &arguments.faults else {
        return Ok(None);
    };
    let text =
        fs_err::read_to_string(context.directory.join(path)).map_err(|source| Failure::Read {
            path: path.clone(),
            source,
        })?;
    let script = FaultScript::parse(path.as_str(), &text);
    Ok(Some(
        script.map_err(|source| Failure::FaultScript { source })?,
    ))
}

fn access_log(
    context: &Context,
    arguments: &Rehearse,
) -> Result<Option<Arc<dyn CallObserver>>, Report> {
    let Some(path) = &arguments.access_log else {
        return Ok(None);
    };
    let terminal = Arc::clone(&context.terminal) as Arc<dyn Reporter>;
    let log = AccessLog::create(&context.directory.join(path), terminal).map_err(|source| {
        Failure::Write {
            path: path.clone(),
            source,
        }
    })?;
    Ok(Some(Arc::new(log)))
}

fn options(
    context: &Context,
    arguments: &Rehearse,
    found: Option<&Located>,
    faults: Option<FaultScript>,
    engine: &ChosenEngine,
) -> Options {
    let project = found.map(|found| &found.project);
    let region = project.map_or_else(default_region, |project| project.region.clone());
    let account = arguments
        .account
        .clone()
        .or_else(|| project.and_then(|project| project.account.clone()))
        .unwrap_or_else(default_account);
    let mut options = Options::new(region, account);
    if let Some(address) = arguments.serve {
        options.address = address;
    }
    options.faults = faults;
    options.speed = arguments.speed.unwrap_or(match engine {
        ChosenEngine::Docker(_) => DOCKER_SPEED,
        ChosenEngine::ControlPlane { .. } => CONTROL_PLANE_SPEED,
    });
    options.data_plane = engine.docker().map(|engine| {
        Arc::new(Docker::new(DockerOptions {
            engine: engine.clone(),
            run: run_id(),
            keep: false,
            reporter: Arc::clone(&context.terminal) as Arc<dyn Reporter>,
            cancel: context.cancel.clone(),
        })) as Arc<dyn DataPlane>
    });
    options
}

/// Tells two rehearsals on one engine apart.
fn run_id() -> String {
    let number: u32 = rand::random();
    format!("{number:08x}")
}

#[expect(
    clippy::expect_used,
    reason = "the constant is a region, and a test holds it"
)]
fn default_region() -> Region {
    Region::new(DEFAULT_REGION).expect("the constant is a region")
}

#[expect(
    clippy::expect_used,
    reason = "the constant is an account id, and a test holds it"
)]
fn default_account() -> AccountId {
    AccountId::new(DEFAULT_ACCOUNT).expect("the constant is an account id")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_names() {
        assert_eq!(default_region().as_str(), DEFAULT_REGION);
        assert_eq!(default_account().as_str(), DEFAULT_ACCOUNT);
    }

    #[test]
    fn speeds_below_the_wall_clocks_are_refused() {
        assert_eq!(speed("60"), Ok(60.0));
        for text in ["0.5", "0", "-1", "fast", "NaN", "inf"] {
            assert!(speed(text).is_err(), "{text}");
        }
    }
}
