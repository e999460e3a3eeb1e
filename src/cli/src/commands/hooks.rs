//! `beanpole hooks`: git hooks that run the checks, put in place and run.

mod install;
mod run;

use beanpole_model::{ExitCode, Report};
use clap::{Args, Subcommand};

use crate::context::Context;

/// Arguments of `beanpole hooks`.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  beanpole hooks install              pre-commit, commit-msg and pre-push in this clone\n  \
    beanpole hooks install --plan       what that would change\n  \
    beanpole hooks install --uninstall  the former hooks again\n  \
    beanpole hooks install --server     pre-receive, in a repository that people push to\n\n\
    BEANPOLE_HOOKS=0 skips the hooks once, BEANPOLE_HOOKS_STRICT=1 refuses where beanpole is not installed, and \
    BEANPOLE names the program. With lefthook or pre-commit, add `beanpole hooks run <hook>` to their own file: \
    docs/checks.md."
)]
pub struct Hooks {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Put the hooks in place, or take them away
    Install(install::Install),
    /// Run a hook, as git calls it
    Run(run::Run),
}

/// Puts hooks in place, or runs one.
///
/// # Errors
/// No repository, hooks that someone else owns, or what stopped the checks.
pub fn run(context: &Context, arguments: &Hooks) -> Result<ExitCode, Report> {
    match &arguments.action {
        Action::Install(arguments) => install::run(context, arguments),
        Action::Run(arguments) => run::run(context, arguments),
    }
}
