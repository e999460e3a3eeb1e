//! Secrets for platforms that lack native references: what a bundle brings so that the instances
//! fetch them themselves (`secrets.mode: dotenv`).
//!
//! Rules:
//! - No value is in the bundle. The list names variables, secrets and keys; the instance asks Secrets
//!   Manager with its own role.
//! - The values go into a file that only root can read, outside of the application's directory: that
//!   directory is the context of the image's build, and `COPY . .` would put the file into the image.
//!   The file is named by the digest of the list, so that a version that is being staged does not
//!   touch the file of the version that runs.
//! - The hook runs before the image is built and again for every change of the configuration, which
//!   is how a rotated secret gets to the application (developer guide, "Platform hooks": `prebuild`
//!   runs after the bundle is extracted; `.platform/confighooks` for changes of the configuration).
//! - A list belongs to one environment. It says which, and an instance whose variable
//!   [`beanpole_secrets::ENVIRONMENT_VARIABLE`] says otherwise refuses it: a version of staging that is moved to
//!   production as it is would run production on staging's database.

use beanpole_git::Mode;
use beanpole_manifest::{Project, SecretMode};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::compose::RenderedFile;
use crate::error::Error;

/// The list of what is fetched: JSON, no values.
pub const LIST_FILE: &str = ".beanpole/dot_env.json";

/// The program that fetches.
const PROGRAM_FILE: &str = ".beanpole/dot_env.py";

/// Runs before a version is set up.
const HOOK_FILE: &str = ".platform/hooks/prebuild/00_beanpole_secrets.sh";

/// Runs before a changed configuration is set up.
const CONFIGURATION_HOOK_FILE: &str = ".platform/confighooks/prebuild/00_beanpole_secrets.sh";

/// Where the files with values stand on an instance.
const DIRECTORY: &str = "/var/lib/beanpole";

const PROGRAM: &str = include_str!("templates/dot_env.py");

const HOOK: &str = include_str!("templates/dot_env_hook.sh");

#[derive(Serialize)]
struct List {
    environment: String,
    region: String,
    file: String,
    variables: Vec<Variable>,
}

#[derive(Serialize)]
struct Variable {
    name: String,
    secret: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

/// True if the project's instances fetch the secrets themselves.
#[must_use]
pub fn is_used(project: &Project) -> bool {
    project.secrets.mode == SecretMode::DotEnv && !beanpole_secrets::variables(project).is_empty()
}

/// The file with the values on an instance, for `env_file`; `None` where Beanstalk itself fetches.
#[must_use]
pub fn values_file(project: &Project) -> Option<String> {
    if !is_used(project) {
        return None;
    }
    let mut hasher = Sha256::new();
    hasher.update(project.environment.as_str());
    for (name, origin) in beanpole_secrets::variables(project) {
        let key = origin.key.unwrap_or_default();
        hasher.update(format!("\0{name}\0{}\0{key}", origin.secret));
    }
    let digits: String = hex::encode(hasher.finalize()).chars().take(12).collect();
    Some(format!("{DIRECTORY}/secrets-{digits}.env"))
}

/// The files that the bundle gets; none where Beanstalk itself fetches.
///
/// # Errors
/// [`Error::Render`] if the JSON library refuses, which is a bug.
pub fn render(project: &Project) -> Result<Vec<RenderedFile>, Error> {
    let Some(file) = values_file(project) else {
        return Ok(Vec::new());
    };
    let list = List {
        environment: project.environment.to_string(),
        region: project.region.to_string(),
        file,
        variables: beanpole_secrets::variables(project)
            .into_iter()
            .map(|(name, origin)| Variable {
                name,
                secret: origin.secret,
                key: origin.key,
            })
            .collect(),
    };
    let list = serde_json::to_string_pretty(&list).map_err(|source| Error::Render {
        path: LIST_FILE,
        source: Box::new(source),
    })?;
    let executable = |path| RenderedFile {
        path,
        mode: Mode::Executable,
        text: HOOK.to_owned(),
    };
    Ok(vec![
        RenderedFile::text(LIST_FILE, format!("{list}\n")),
        RenderedFile::text(PROGRAM_FILE, PROGRAM.to_owned()),
        executable(HOOK_FILE),
        executable(CONFIGURATION_HOOK_FILE),
    ])
}

#[cfg(test)]
#[path = "dot_env_tests.rs"]
mod tests;
