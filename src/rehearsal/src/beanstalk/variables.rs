//! The environment variables of an application: plain ones, and those that refer to secrets.

use std::collections::BTreeMap;

use beanpole_model::Secret;

use super::options::{SECRETS, Settings, VARIABLES};
use crate::world::World;

/// A reference to a secret, as `environmentsecrets` writes it: an ARN, and maybe a key of the JSON
/// object that is the secret's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reference<'a> {
    arn: &'a str,
    key: Option<&'a str>,
}

/// Reads `arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME[:KEY[:STAGE[:VERSION]]]`.
fn parse(value: &str) -> Option<Reference<'_>> {
    if !value.starts_with("arn:aws:secretsmanager:") {
        return None;
    }
    // The ARN itself has six colons.
    match value.match_indices(':').nth(6) {
        None => Some(Reference {
            arn: value,
            key: None,
        }),
        Some((colon, _)) => {
            let (arn, rest) = (value.get(..colon)?, value.get(colon + 1..)?);
            let key = rest.split(':').next().filter(|key| !key.is_empty());
            Some(Reference { arn, key })
        }
    }
}

/// Resolves all variables. Every value of a secret is made known to the world's scrubber.
///
/// # Errors
/// One sentence that names the variable whose secret could not be fetched.
pub(crate) async fn resolve(
    world: &World,
    settings: &Settings,
) -> Result<BTreeMap<String, Secret>, String> {
    let mut variables: BTreeMap<String, Secret> = settings
        .namespace(VARIABLES)
        .map(|(name, value)| (name.to_owned(), Secret::new(value)))
        .collect();
    for (name, value) in settings.namespace(SECRETS) {
        let Some(reference) = parse(value) else {
            return Err(format!(
                "The secret of environment variable {name} is not in Secrets Manager."
            ));
        };
        let secret = fetch(world, reference)
            .await
            .map_err(|reason| format!("Failed to fetch the secret of {name}: {reason}"))?;
        world.scrubber.learn(&secret);
        variables.insert(name.to_owned(), secret);
    }
    Ok(variables)
}

async fn fetch(world: &World, reference: Reference<'_>) -> Result<Secret, String> {
    let whole = world
        .secrets()
        .value(reference.arn)
        .await
        .ok_or_else(|| "Secrets Manager can't find the specified secret.".to_owned())?;
    let Some(key) = reference.key else {
        return Ok(whole);
    };
    pick(world, &whole, key)
}

/// The value of a key of the JSON object that a secret's value is.
///
/// # Errors
/// One sentence.
pub(super) fn pick(world: &World, whole: &Secret, key: &str) -> Result<Secret, String> {
    // The whole object is a secret too, and could show up in a log.
    world.scrubber.learn(whole);
    let object: serde_json::Value = serde_json::from_str(whole.expose())
        .map_err(|_| "The secret's value is not a JSON object.".to_owned())?;
    match object.get(key) {
        Some(serde_json::Value::String(text)) => Ok(Secret::new(text.clone())),
        Some(other) => Ok(Secret::new(other.to_string())),
        None => Err(format!("The secret has no key '{key}'.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_arns_with_an_optional_key() {
        let arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:django/db-AbCdEf";
        assert_eq!(parse(arn), Some(Reference { arn, key: None }));
        for text in [format!("{arn}:password"), format!("{arn}:password::")] {
            assert_eq!(
                parse(&text),
                Some(Reference {
                    arn,
                    key: Some("password")
                })
            );
        }
        assert_eq!(
            parse(&format!("{arn}::")),
            Some(Reference { arn, key: None })
        );
        assert_eq!(parse("arn:aws:ssm:eu-central-1:1:parameter/a"), None);
    }
}
