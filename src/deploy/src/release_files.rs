//! The release step as files of a bundle: what runs the commands of `release:` once, on the leader,
//! before the new version takes traffic.
//!
//! Who calls whom: Beanstalk runs a container command on the leader ([`RELEASE_FILE`]); it calls
//! `release.sh` on the instance, which streams the output to S3; that runs the compose service
//! `release`, a container of the new version; in there `release_run.sh` finds a Python for
//! `release.py`, which takes the lock and runs the commands. The image needs nothing of ours: the
//! files reach the container through a read-only mount.
//!
//! What is guaranteed:
//! - The commands run on one instance of a deployment (`leader_only`), after the bundle was extracted
//!   there and before its containers are replaced. A command that fails ends the step, the step fails
//!   the deployment, and no instance has the new version yet (developer guide, "Customizing software
//!   on Linux servers").
//! - With Django and PostgreSQL no two release steps of an application run at the same time, on
//!   whatever environments that share a database: they wait for one advisory lock, and give up with
//!   exit code 75 after [`lock_patience`].
//! - A deployment that is not repeated runs each command once.
//!
//! What is not:
//! - A deployment that is repeated runs the commands again: the same release after its tool was
//!   killed, or the former version in a roll-back. Commands must therefore be safe to repeat, as
//!   `migrate` and `collectstatic` are. No marker of a version keeps them from it: a marker would skip
//!   the commands after a database was restored, or after a command of the first try had failed
//!   unnoticed, and nothing that is safe to repeat is saved by it. In a roll-back the former code's
//!   `migrate` does nothing, since migrations are never taken back; the step then names the
//!   migrations that this code does not know.
//! - Instances that Beanstalk adds or replaces later do not run the commands: no command may prepare
//!   the instance itself.
//! - The lock is the session's. Behind a pool that shares sessions between transactions (PgBouncer
//!   in transaction mode) it does not hold; nor does it when the database ends the session. The
//!   second is told when it happens.
//! - Without Python 3.7 in the image the commands run one after another without lock and times.

use std::collections::BTreeMap;
use std::time::Duration;

use beanpole_manifest::Project;
use serde::Serialize;

use crate::compose::{RELEASE_FILE, RenderedFile, yaml};
use crate::error::Error;

/// Runs on the instance.
const HOST_FILE: &str = ".beanpole/release.sh";

/// Runs in the container.
const RUN_FILE: &str = ".beanpole/release_run.sh";

/// Runs in the container if there is a Python.
const PROGRAM_FILE: &str = ".beanpole/release.py";

/// What the program is to do.
const CONFIGURATION_FILE: &str = ".beanpole/release.json";

/// The mount of the service `release`.
pub(crate) const MOUNT: &str = "./.beanpole:/opt/beanpole:ro";

const HOST: &str = include_str!("templates/release.sh");

const RUN: &str = include_str!("templates/release_run.sh");

const PROGRAM: &str = include_str!("templates/release.py");

/// The longest wait for the lock.
const LONGEST_PATIENCE: Duration = Duration::from_secs(300);

/// Keys of connection secrets whose values are no secrets by themselves; hiding a port would only make
/// the output hard to read.
const READABLE_KEYS: [&str; 5] = ["engine", "host", "port", "dbname", "username"];

#[derive(Serialize)]
struct Configuration<'a> {
    application: &'a str,
    commands: &'a [String],
    lock_seconds: u64,
    secrets: Vec<String>,
}

#[derive(Serialize)]
struct Extension {
    container_commands: BTreeMap<&'static str, ContainerCommand>,
}

#[derive(Serialize)]
struct ContainerCommand {
    command: String,
    leader_only: bool,
}

/// How long the step waits for another one's lock: half of the time that Beanstalk gives the commands
/// of an instance, so that a failure to get it is told before Beanstalk ends everything.
#[must_use]
pub fn lock_patience(project: &Project) -> Duration {
    LONGEST_PATIENCE.min(project.deployment.timeout / 2)
}

/// The command of the service `release`.
pub(crate) fn command() -> Vec<String> {
    vec!["sh".to_owned(), "/opt/beanpole/release_run.sh".to_owned()]
}

/// The files that the bundle gets; none without release commands.
///
/// # Errors
/// [`Error::Render`] if the YAML or the JSON library refuses, which is a bug.
pub(crate) fn render(project: &Project) -> Result<Vec<RenderedFile>, Error> {
    if project.release.is_empty() {
        return Ok(Vec::new());
    }
    let configuration = Configuration {
        application: project.application.as_str(),
        commands: &project.release,
        lock_seconds: lock_patience(project).as_secs(),
        secrets: secret_variables(project),
    };
    let configuration =
        serde_json::to_string_pretty(&configuration).map_err(|source| Error::Render {
            path: CONFIGURATION_FILE,
            source: Box::new(source),
        })?;
    let run = format!("{RUN}{}\n", plain_script(&project.release));
    Ok(vec![
        RenderedFile::text(RELEASE_FILE, yaml(RELEASE_FILE, &extension())?),
        RenderedFile::text(HOST_FILE, HOST.to_owned()),
        RenderedFile::text(RUN_FILE, run),
        RenderedFile::text(PROGRAM_FILE, PROGRAM.to_owned()),
        RenderedFile::text(CONFIGURATION_FILE, format!("{configuration}\n")),
    ])
}

fn extension() -> Extension {
    let command = ContainerCommand {
        command: format!("sh {HOST_FILE}"),
        leader_only: true,
    };
    Extension {
        container_commands: BTreeMap::from([("10_beanpole_release", command)]),
    }
}

/// The variables whose values the program keeps out of the output.
fn secret_variables(project: &Project) -> Vec<String> {
    beanpole_secrets::variables(project)
        .into_iter()
        .filter(|(_, origin)| {
            let key = origin.key.as_deref().unwrap_or_default();
            !READABLE_KEYS.contains(&key)
        })
        .map(|(name, _)| name)
        .collect()
}

/// All commands in order, each in a shell of its own, as the program runs them; the first that fails
/// ends it. The line break ends a comment.
fn plain_script(commands: &[String]) -> String {
    commands
        .iter()
        .map(|command| format!("( {}\n)", command.trim()))
        .collect::<Vec<_>>()
        .join(" &&\n")
}

#[cfg(test)]
#[path = "release_files_tests.rs"]
mod tests;
