//! The command line: parse, call, render.
//!
//! Rules:
//! - One file per command in `commands/`, named as the user types it: arguments and `run`.
//! - Commands see a [`context::Context`]; they never read the environment, the clock's zone or the
//!   working directory themselves.
//! - A command returns an exit code or a report; the status is decided once, in [`run`].

mod announce;
pub mod arguments;
mod aws;
mod changes;
mod checking;
pub mod commands;
pub mod context;
pub mod deferred;
mod engine;
pub mod failure;
mod github;
mod interrupt;
mod line;
mod logging;
mod manner;
mod patience;
mod records;
mod reporters;
mod side_by_side;
mod telling;

use std::process::ExitCode as ProcessExitCode;
use std::sync::Arc;

use beanpole_model::{Environment, ExitCode, SecretScrubber};
use beanpole_terminal::{Settings, Terminal, Verbosity};
use camino::Utf8PathBuf;
use clap::{CommandFactory as _, Parser as _};

use crate::arguments::Arguments;
use crate::context::Context;

/// The clap command, for completions, man pages and the reference documentation.
#[must_use]
pub fn command() -> clap::Command {
    Arguments::command()
}

/// What the process brings along.
pub struct Process {
    /// The command line, program name first.
    pub arguments: Vec<std::ffi::OsString>,
    /// The environment variables.
    pub environment: Environment,
    /// The working directory.
    pub directory: Utf8PathBuf,
    /// Whether stderr is a terminal.
    pub stderr_is_terminal: bool,
    /// Whether stdin is a terminal, so that a question can be asked.
    pub stdin_is_terminal: bool,
}

/// Runs one command line to its exit code. Everything the process does happens below this call.
#[must_use]
pub fn run(process: Process) -> ProcessExitCode {
    deferred::note_named(&process.arguments);
    let arguments = match Arguments::try_parse_from(&process.arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            let code = if error.use_stderr() {
                ExitCode::Usage
            } else {
                ExitCode::Done
            };
            let _closed = error.print();
            return code.into();
        }
    };
    let global = &arguments.global;
    let verbosity = match (global.quiet, global.verbose) {
        (true, _) => Verbosity::Quiet,
        (false, 0) => Verbosity::Normal,
        (false, _) => Verbosity::Verbose,
    };
    let settings = Settings::decide(
        arguments.answers_json(),
        verbosity,
        global.no_color,
        &process.environment,
        process.stderr_is_terminal,
    );
    let scrubber = SecretScrubber::default();
    let terminal = Arc::new(Terminal::new(settings, scrubber.clone()));
    logging::start(&process.environment);
    let context = Context::new(
        process,
        arguments.global.clone(),
        Arc::clone(&terminal),
        scrubber,
    );
    match commands::run(&context, arguments.command) {
        Ok(code) => code.into(),
        Err(report) => {
            terminal.error(&report);
            report.exit_code().into()
        }
    }
}
