//! `beanpole schema`: the JSON Schema of the manifest, so that editors complete it.

use beanpole_manifest::Manifest;
use beanpole_model::{ExitCode, Report};
use clap::Args;

use crate::context::Context;

/// Arguments of `beanpole schema`.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  beanpole schema > beanpole.schema.json\n  \
    # then, as the first line of beanpole.yaml:\n  \
    # yaml-language-server: $schema=./beanpole.schema.json")]
pub struct Schema {}

/// Prints the schema.
///
/// # Errors
/// None today; the signature is that of every command.
pub fn run(context: &Context, _arguments: &Schema) -> Result<ExitCode, Report> {
    let schema = Manifest::json_schema();
    context.terminal.text(&format!("{schema:#}"));
    Ok(ExitCode::Done)
}
