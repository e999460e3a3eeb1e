//! `beanpole completions`: completion scripts from the flag table.

use beanpole_model::{ExitCode, Report};
use clap::Args;
use clap_complete::Shell;

use crate::context::Context;

/// Arguments of `beanpole completions`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    beanpole completions bash > /etc/bash_completion.d/beanpole\n  \
    beanpole completions zsh > \"${fpath[1]}/_beanpole\"")]
pub struct Completions {
    /// The shell
    shell: Shell,
}

/// Prints the script.
///
/// # Errors
/// None today; the signature is that of every command.
pub fn run(context: &Context, arguments: &Completions) -> Result<ExitCode, Report> {
    let mut script = Vec::new();
    clap_complete::generate(
        arguments.shell,
        &mut crate::command(),
        "beanpole",
        &mut script,
    );
    context.terminal.text(&String::from_utf8_lossy(&script));
    Ok(ExitCode::Done)
}
