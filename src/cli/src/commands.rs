//! The commands, one file each.

pub mod abort;
pub mod alert;
pub mod apply;
pub mod build;
pub mod check;
pub mod completions;
pub mod deploy;
pub mod events;
pub mod history;
pub mod hooks;
pub mod init;
pub mod lock;
pub mod logs;
pub mod man;
pub mod plan;
pub mod probe;
pub mod promote;
pub mod rehearse;
pub mod rollback;
pub mod schema;
pub mod status;

use beanpole_model::{ExitCode, Report};

use crate::arguments::Command;
use crate::context::Context;

/// Runs a command.
///
/// # Errors
/// What stopped it.
pub fn run(context: &Context, command: Command) -> Result<ExitCode, Report> {
    match command {
        Command::Init(arguments) => init::run(context, &arguments),
        Command::Build(arguments) => build::run(context, &arguments),
        Command::Check(arguments) => check::run(context, &arguments),
        Command::Hooks(arguments) => hooks::run(context, &arguments),
        Command::Plan(arguments) => plan::run(context, &arguments),
        Command::Apply(arguments) => apply::run(context, &arguments),
        Command::Deploy(arguments) => deploy::run(context, &arguments),
        Command::Rollback(arguments) => rollback::run(context, &arguments),
        Command::Promote(arguments) => promote::run(context, &arguments),
        Command::History(arguments) => history::run(context, &arguments),
        Command::Lock(arguments) => lock::run(context, &arguments),
        Command::Status(arguments) => status::run(context, &arguments),
        Command::Events(arguments) => events::run(context, &arguments),
        Command::Logs(arguments) => logs::run(context, &arguments),
        Command::Abort(arguments) => abort::run(context, &arguments),
        Command::Rehearse(arguments) => rehearse::run(context, &arguments),
        Command::Probe(arguments) => probe::run(context, &arguments),
        Command::Alert(arguments) => alert::run(context, &arguments),
        Command::Schema(arguments) => schema::run(context, &arguments),
        Command::Completions(arguments) => completions::run(context, &arguments),
        Command::Man(arguments) => man::run(context, &arguments),
    }
}
