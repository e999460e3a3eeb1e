//! Reading values from Secrets Manager: for a project's variables, and by selection.

use std::collections::{BTreeMap, BTreeSet};

use beanpole_cloud::Cloud;
use beanpole_manifest::Project;
use beanpole_model::{Environment, Secret, SecretScrubber};

use crate::connection;
use crate::names::{NameError, Rules, Selector, SelectorTarget, VariableSet};
use crate::{Error, variables};

/// The most secrets that a prefix may match (`aws-secretsmanager-get-secrets`, README).
const LARGEST_PREFIX: usize = 100;

/// What to read, and how to name it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Which secrets.
    pub selectors: Vec<Selector>,
    /// How variables are named.
    pub rules: Rules,
}

/// The values of all variables of a project that come from Secrets Manager. Each secret is read
/// once. All values go to `scrubber`.
///
/// # Errors
/// [`Error::Missing`] for a secret or a key that does not exist, [`Error::Deleted`],
/// [`Error::Form`], [`Error::Cloud`].
pub async fn values(
    cloud: &Cloud,
    project: &Project,
    scrubber: &SecretScrubber,
) -> Result<BTreeMap<String, Secret>, Error> {
    let mut secrets: BTreeMap<String, Secret> = BTreeMap::new();
    let mut values = BTreeMap::new();
    for (variable, origin) in variables(project) {
        if !secrets.contains_key(&origin.secret) {
            let found = cloud.secrets.find(&origin.secret).await;
            let found = found.map_err(|error| Error::reading(&origin.secret, error))?;
            let Some(found) = found else {
                return Err(Error::Missing {
                    variable,
                    secret: origin.secret,
                });
            };
            secrets.insert(origin.secret.clone(), found.value);
        }
        let Some(whole) = secrets.get(&origin.secret) else {
            continue;
        };
        scrubber.learn(whole);
        let value = match &origin.key {
            None => whole.clone(),
            Some(key) => match connection::key(&origin.secret, whole, key)? {
                Some(value) => value,
                None => {
                    let fault = format!("has no key `{key}`, which `{variable}` comes from");
                    return Err(Error::Form {
                        name: origin.secret,
                        fault,
                    });
                }
            },
        };
        if !is_readable(origin.key.as_deref()) {
            scrubber.learn(&value);
        }
        values.insert(variable, value);
    }
    Ok(values)
}

/// Keys of connection secrets that are no secrets by themselves.
fn is_readable(key: Option<&str>) -> bool {
    key.is_some_and(|key| matches!(key, "engine" | "host" | "port" | "dbname" | "username"))
}

/// The ARNs of the secrets that the manifest names under `secrets.names`, by the name or ARN that
/// it uses. Beanstalk's references need them whole.
///
/// # Errors
/// [`Error::Missing`] for a secret that does not exist, [`Error::Deleted`], [`Error::Cloud`].
pub async fn arns(cloud: &Cloud, project: &Project) -> Result<BTreeMap<String, String>, Error> {
    let mut arns = BTreeMap::new();
    for (variable, text) in &project.secrets.names {
        let secret = crate::Origin::parse(text).secret;
        if arns.contains_key(&secret) {
            continue;
        }
        let found = cloud
            .secrets
            .describe(&secret)
            .await
            .map_err(Error::cloud(format!("looking up the secret `{secret}`")))?;
        match found {
            None => {
                return Err(Error::Missing {
                    variable: variable.clone(),
                    secret,
                });
            }
            Some(found) if found.deleted.is_some() => return Err(Error::Deleted { name: secret }),
            Some(found) => arns.insert(secret, found.arn),
        };
    }
    Ok(arns)
}

/// Reads selected secrets as variables, by the rules of [`crate::names`]. `taken` is the environment
/// that the variables go to: a name that it has with a value is refused. All values go to
/// `scrubber`.
///
/// # Errors
/// [`Error::Name`] when a rule is broken, [`Error::Cloud`], [`Error::Deleted`].
pub async fn fetch(
    cloud: &Cloud,
    selection: &Selection,
    taken: &Environment,
    scrubber: &SecretScrubber,
) -> Result<BTreeMap<String, Secret>, Error> {
    let mut set = VariableSet::new(selection.rules, taken.clone());
    let mut seen = BTreeSet::new();
    for selector in &selection.selectors {
        for id in ids(cloud, selector).await? {
            // The same secret selected twice under the same alias is read once.
            if !seen.insert((selector.alias.clone(), id.clone())) {
                continue;
            }
            let found = cloud
                .secrets
                .get(&id)
                .await
                .map_err(|error| Error::reading(&id, error))?;
            scrubber.learn(&found.value);
            for value in set.add(selector.alias.as_deref(), &found.name, &found.value)? {
                scrubber.learn(&value);
            }
        }
    }
    Ok(set.into_variables())
}

async fn ids(cloud: &Cloud, selector: &Selector) -> Result<Vec<String>, Error> {
    let prefix = match &selector.target {
        SelectorTarget::Secret(id) => return Ok(vec![id.clone()]),
        SelectorTarget::Prefix(prefix) => prefix,
    };
    let found = cloud
        .secrets
        .list(prefix)
        .await
        .map_err(Error::cloud(format!(
            "listing the secrets named `{prefix}*`"
        )))?;
    let aliased = selector
        .alias
        .as_ref()
        .is_some_and(|alias| !alias.is_empty());
    let fault = match found.len() {
        0 => NameError::NoMatch {
            prefix: prefix.clone(),
        },
        count if aliased && count > 1 => NameError::AliasOfMany {
            prefix: prefix.clone(),
            matches: count,
        },
        count if count > LARGEST_PREFIX => NameError::TooMany {
            prefix: prefix.clone(),
            matches: count,
        },
        _ => return Ok(found.into_iter().map(|secret| secret.name).collect()),
    };
    Err(fault.into())
}
