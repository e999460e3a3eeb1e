//! Secrets that instances fetch themselves: a bundle may bring a list of them, and a hook that fetches
//! them before the application is set up. Hooks are not run here; the list is read, and this world's
//! Secrets Manager is asked.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Deserialize;

use super::options::{Settings, VARIABLES};
use super::variables::pick;
use crate::data_plane::SecretFile;
use crate::data_plane::archive::file_of;
use crate::world::World;

/// The list in the bundle.
const LIST: &str = ".beanpole/dot_env.json";

/// The variable that says which environment of the manifest an instance belongs to.
const ENVIRONMENT: &str = "BEANPOLE_ENVIRONMENT";

#[derive(Debug, Deserialize, PartialEq, Eq)]
struct List {
    environment: String,
    file: String,
    variables: Vec<Wanted>,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
struct Wanted {
    name: String,
    secret: String,
    #[serde(default)]
    key: Option<String>,
}

/// Fetches what the bundle's list asks for; `None` if the bundle has no list. Every value is made known
/// to the world's scrubber.
///
/// # Errors
/// One sentence that names the list or the secret, as the hook would say it.
pub(crate) async fn resolve(
    world: &World,
    bundle: &Bytes,
    settings: &Settings,
) -> Result<Option<SecretFile>, String> {
    let Some(text) = file_of(bundle, LIST) else {
        return Ok(None);
    };
    let list: List =
        serde_json::from_str(&text).map_err(|error| format!("{LIST} is not valid: {error}."))?;
    let own = settings
        .namespace(VARIABLES)
        .find(|(name, value)| *name == ENVIRONMENT && !value.is_empty());
    if let Some((_, own)) = own
        && own != list.environment
    {
        return Err(format!(
            "This version was made for the environment {} and would give its secrets to {own}.",
            list.environment
        ));
    }
    let mut variables = BTreeMap::new();
    for wanted in list.variables {
        let Wanted { name, secret, key } = wanted;
        let failed = |reason: &str| format!("The secret {secret} could not be read: {reason}");
        let whole = world
            .secrets()
            .value(&secret)
            .await
            .ok_or_else(|| failed("Secrets Manager can't find the specified secret."))?;
        let value = match &key {
            None => whole,
            Some(key) => pick(world, &whole, key).map_err(|reason| failed(&reason))?,
        };
        world.scrubber.learn(&value);
        variables.insert(name, value);
    }
    Ok(Some(SecretFile {
        path: list.file,
        variables,
    }))
}
