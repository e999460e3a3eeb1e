//! The files that a bundle gets from us: `docker-compose.yml` and the release step.
//!
//! Rules: pure. The same project gives the same text, byte for byte, because the text is part of
//! the content address. Compose replaces `$NAME` in every value; commands are meant for the shell in
//! the container, so each `$` is doubled. Strings are quoted wherever a YAML 1.1 reader (Beanstalk's
//! `.ebextensions` reader is one) could take them for something else.
//!
//! All services share one image, named after the content it is built from. The release step may run
//! before or after Beanstalk's own build: with a name by content it cannot meet an older image.

use std::collections::BTreeMap;
use std::iter;

use beanpole_git::Mode;
use beanpole_manifest::{Image, Process, Project};
use serde::Serialize;

use crate::dot_env;
use crate::error::Error;
use crate::label::image_repository;
use crate::release_files;

/// The compose file that Beanstalk's Docker platform looks for.
pub const COMPOSE_FILE: &str = "docker-compose.yml";

/// The configuration file that runs the release step.
pub const RELEASE_FILE: &str = ".ebextensions/00-beanpole-release.config";

/// The directory of the bundle for programs and lists of beanpole's own.
pub const OWN_DIRECTORY: &str = ".beanpole";

/// The service that runs the release step. The manifest lets no process have this name.
pub const RELEASE_SERVICE: &str = "release";

/// Beanstalk writes the environment's variables here, unless the bundle holds a file of this name.
pub const ENVIRONMENT_FILE: &str = ".env";

/// The process that takes traffic.
const WEB: &str = "web";

/// The port that the load balancer sends traffic to on each instance.
const PUBLISHED_PORT: u16 = 80;

const HEADER: &str =
    "# Written by beanpole from beanpole.yaml for this bundle. Not a file of the repository.\n";

/// A file to put into the bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderedFile {
    /// The path from the bundle's root.
    pub path: &'static str,
    /// File or executable file.
    pub mode: Mode,
    /// The text.
    pub text: String,
}

impl RenderedFile {
    /// A file that is not executable.
    #[must_use]
    pub fn text(path: &'static str, text: String) -> Self {
        Self {
            path,
            mode: Mode::File,
            text,
        }
    }
}

#[derive(Serialize)]
struct ComposeFile {
    services: BTreeMap<String, Service>,
}

#[derive(Serialize)]
struct Service {
    image: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    build: Option<Build>,
    command: Vec<String>,
    env_file: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ports: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    profiles: Vec<&'static str>,
    restart: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    volumes: Vec<&'static str>,
}

#[derive(Clone, Serialize)]
struct Build {
    context: String,
    dockerfile: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    args: BTreeMap<String, String>,
}

/// Renders the files for `project`. `source_digest` is the digest of what the image is built from;
/// its first 12 digits name the image.
///
/// # Errors
/// [`Error::Render`] if the YAML library refuses, which is a bug.
pub fn render(project: &Project, source_digest: &str) -> Result<Vec<RenderedFile>, Error> {
    let image = image_name(project, source_digest);
    render_with(project, &image, Some(&build(&project.image)))
}

/// Renders the files for a bundle without sources: its services run `image`, which is pulled, and
/// nothing is built.
///
/// # Errors
/// [`Error::Render`] if the YAML library refuses, which is a bug.
pub fn render_pushed(project: &Project, image: &str) -> Result<Vec<RenderedFile>, Error> {
    render_with(project, image, None)
}

fn render_with(
    project: &Project,
    image: &str,
    build: Option<&Build>,
) -> Result<Vec<RenderedFile>, Error> {
    let compose = compose_file(project, image, build);
    let mut files = vec![RenderedFile::text(
        COMPOSE_FILE,
        yaml(COMPOSE_FILE, &compose)?,
    )];
    files.extend(release_files::render(project)?);
    files.extend(dot_env::render(project)?);
    Ok(files)
}

/// The name of the image that the bundle's services share: `<application>:<first 12 digits>`.
#[must_use]
pub fn image_name(project: &Project, source_digest: &str) -> String {
    let digits: String = source_digest.chars().take(12).collect();
    format!("{}:{digits}", image_repository(&project.application))
}

fn compose_file(project: &Project, image: &str, build: Option<&Build>) -> ComposeFile {
    let env_files: Vec<String> = iter::once(ENVIRONMENT_FILE.to_owned())
        .chain(dot_env::values_file(project))
        .collect();
    let service = |command: Vec<String>| Service {
        image: image.to_owned(),
        build: build.cloned(),
        command: command.iter().map(|word| escape_dollars(word)).collect(),
        env_file: env_files.clone(),
        ports: Vec::new(),
        profiles: Vec::new(),
        restart: "always",
        volumes: Vec::new(),
    };
    let mut services: BTreeMap<String, Service> = project
        .processes
        .iter()
        .map(|(name, process)| {
            let service = Service {
                ports: published_ports(name, process),
                ..service(process_command(&process.command))
            };
            (name.clone(), service)
        })
        .collect();
    if !project.release.is_empty() {
        let release = Service {
            profiles: vec![RELEASE_SERVICE],
            restart: "no",
            volumes: vec![release_files::MOUNT],
            ..service(release_files::command())
        };
        services.insert(RELEASE_SERVICE.to_owned(), release);
    }
    ComposeFile { services }
}

fn build(image: &Image) -> Build {
    Build {
        context: image.context.clone(),
        dockerfile: image.dockerfile.clone(),
        target: image.target.clone(),
        args: image
            .args
            .iter()
            .map(|(name, value)| (name.clone(), escape_dollars(value)))
            .collect(),
    }
}

fn published_ports(name: &str, process: &Process) -> Vec<String> {
    match process.port {
        Some(port) if name == WEB => vec![format!("{PUBLISHED_PORT}:{port}")],
        _ => Vec::new(),
    }
}

/// A command of plain words runs directly, so that it gets the signals itself; everything else goes
/// through the shell.
fn process_command(command: &str) -> Vec<String> {
    if is_plain(command) {
        command.split_whitespace().map(str::to_owned).collect()
    } else {
        shell(command.to_owned())
    }
}

fn shell(script: String) -> Vec<String> {
    vec!["sh".to_owned(), "-c".to_owned(), script]
}

/// True for words that every shell takes literally, led by a program.
fn is_plain(command: &str) -> bool {
    const SHELL_WORDS: [&str; 9] = [
        ".", "cd", "eval", "exec", "export", "set", "source", "ulimit", "umask",
    ];
    let literal = |letter: char| letter.is_alphanumeric() || "_-./:=@%+, ".contains(letter);
    let first = command.split_whitespace().next().unwrap_or_default();
    !first.is_empty()
        && !first.contains('=')
        && !SHELL_WORDS.contains(&first)
        && command.trim().chars().all(literal)
}

fn escape_dollars(text: &str) -> String {
    text.replace('$', "$$")
}

pub(crate) fn yaml<T: Serialize>(path: &'static str, value: &T) -> Result<String, Error> {
    let options = serde_yaml::ser_options! { prefer_block_scalars: false };
    serde_yaml::to_string_with_options(value, options)
        .map(|text| format!("{HEADER}{text}"))
        .map_err(|source| Error::Render {
            path,
            source: Box::new(source),
        })
}

#[cfg(test)]
#[path = "compose_tests.rs"]
mod tests;
