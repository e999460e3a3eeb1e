//! `beanpole man`: the manual page, in roff.

use beanpole_model::{ExitCode, Report};
use clap::Args;

use crate::context::Context;
use crate::failure::Failure;

/// Arguments of `beanpole man`.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  beanpole man > /usr/local/share/man/man1/beanpole.1")]
pub struct Man {}

/// Prints the page.
///
/// # Errors
/// The page could not be written.
pub fn run(context: &Context, _arguments: &Man) -> Result<ExitCode, Report> {
    let mut page = Vec::new();
    clap_mangen::Man::new(crate::command())
        .render(&mut page)
        .map_err(|source| Failure::Write {
            path: "the manual page".into(),
            source,
        })?;
    context.terminal.text(&String::from_utf8_lossy(&page));
    Ok(ExitCode::Done)
}
