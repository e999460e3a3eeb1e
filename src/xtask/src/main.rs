//! Developer tasks. `cargo run -p beanpole-xtask -- docs` writes the generated reference;
//! `docs --check` fails when it is stale, and CI runs that.

mod reference;

use anyhow::{Context as _, Result, bail};
use camino::{Utf8Path, Utf8PathBuf};
use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(about = "Developer tasks of beanpole")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Write docs/reference from the code
    Docs {
        /// Write nothing; fail if a page is stale
        #[arg(long)]
        check: bool,
    },
}

fn main() -> Result<()> {
    match Arguments::parse().task {
        Task::Docs { check } => docs(check),
    }
}

/// Writes or checks every generated page.
fn docs(check: bool) -> Result<()> {
    let directory = repository_root()?.join("docs/reference");
    let mut stale = Vec::new();
    for page in reference::pages()? {
        let path = directory.join(page.name);
        let current = fs_err::read_to_string(&path).unwrap_or_default();
        if current == page.text {
            continue;
        }
        if check {
            stale.push(difference(page.name, &current, &page.text));
        } else {
            fs_err::create_dir_all(&directory)?;
            fs_err::write(&path, &page.text)?;
        }
    }
    if stale.is_empty() {
        return Ok(());
    }
    bail!(
        "the generated reference is stale; run `cargo run -p beanpole-xtask -- docs`\n{}",
        stale.join("\n")
    )
}

fn difference(name: &str, current: &str, wanted: &str) -> String {
    similar::TextDiff::from_lines(current, wanted)
        .unified_diff()
        .context_radius(1)
        .header(name, name)
        .to_string()
}

fn repository_root() -> Result<Utf8PathBuf> {
    Utf8Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .map(Utf8Path::to_owned)
        .context("xtask does not stand two directories below the repository's root")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generated_reference_is_up_to_date() {
        docs(true).unwrap();
    }
}
