//! `beanpole init`: a manifest to start from.

use beanpole_model::{ApplicationName, ExitCode, Region, Report};
use camino::{Utf8Path, Utf8PathBuf};
use clap::Args;

use crate::context::Context;
use crate::failure::Failure;

/// Arguments of `beanpole init`.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  beanpole init --application blog")]
pub struct Init {
    /// The project's root
    #[arg(default_value = ".")]
    path: Utf8PathBuf,
    /// The Beanstalk application [default: the directory's name]
    #[arg(long, value_name = "NAME")]
    application: Option<ApplicationName>,
    /// The AWS region
    #[arg(long, value_name = "NAME", default_value = "us-east-1")]
    region: Region,
    /// The Python package with wsgi.py [default: the one that is found, else `config`]
    #[arg(long, value_name = "NAME")]
    package: Option<String>,
    /// Replace a manifest that is there
    #[arg(long)]
    force: bool,
}

/// Writes the manifest.
///
/// # Errors
/// The directory is missing, the file exists, or it cannot be written.
pub fn run(context: &Context, arguments: &Init) -> Result<ExitCode, Report> {
    let directory = context.directory.join(&arguments.path);
    if !directory.is_dir() {
        return Err(Failure::NoDirectory {
            path: arguments.path.clone(),
        }
        .into());
    }
    let path = directory.join("beanpole.yaml");
    if path.exists() && !arguments.force {
        return Err(Failure::FileExists { path }.into());
    }
    let application = match &arguments.application {
        Some(name) => name.clone(),
        None => from_directory(&directory)?,
    };
    let package = match &arguments.package {
        Some(package) => package.clone(),
        None => package(&directory),
    };
    let region = arguments.region.as_str();
    let text = beanpole_manifest::template(application.as_str(), region, &package);
    fs_err::write(&path, text).map_err(|source| Failure::Write {
        path: path.clone(),
        source,
    })?;
    context
        .terminal
        .text(&format!("Wrote {path}. Next: `beanpole rehearse`"));
    Ok(ExitCode::Done)
}

/// The name of the package that holds `wsgi.py`, as Django's `startproject` lays it out.
fn package(directory: &Utf8Path) -> String {
    let mut found: Vec<String> = directory
        .read_dir_utf8()
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.path().join("wsgi.py").is_file())
        .map(|entry| entry.file_name().to_owned())
        .collect();
    found.sort();
    found
        .into_iter()
        .next()
        .unwrap_or_else(|| "config".to_owned())
}

/// The directory's name, made into one that can also start an environment's name.
fn from_directory(directory: &Utf8Path) -> Result<ApplicationName, Report> {
    let failure = || Failure::NoApplicationName {
        directory: directory.to_owned(),
    };
    let absolute = directory.canonicalize_utf8().map_err(|_| failure())?;
    let name: String = absolute
        .file_name()
        .ok_or_else(failure)?
        .chars()
        .map(|letter| {
            if letter.is_ascii_alphanumeric() {
                letter
            } else {
                '-'
            }
        })
        .collect();
    let name = name.trim_matches('-').to_ascii_lowercase();
    ApplicationName::new(name).map_err(|_| failure().into())
}
