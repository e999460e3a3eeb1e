//! What the account of a rehearsal holds before the release, and where it differs from a real one.

use std::collections::BTreeMap;

use beanpole_cloud::Cloud;
use beanpole_manifest::{Network, Project, Roles};
use beanpole_model::{Report, Secret};
use camino::Utf8PathBuf;

use crate::context::Context;
use crate::failure::Failure;

/// How many characters a made-up secret has.
const RANDOM_LENGTH: usize = 40;

/// Beanstalk's default roles, the only ones in the embedded AWS.
const INSTANCE_PROFILE: &str = "aws-elasticbeanstalk-ec2-role";
const SERVICE_ROLE: &str = "aws-elasticbeanstalk-service-role";

/// Puts what only the real account has (its network, certificates, roles, other people's secrets) by
/// what the embedded AWS has. Returns one sentence for each difference.
pub(super) fn adapt(project: &mut Project) -> Vec<String> {
    let mut notes = Vec::new();
    let network = &project.network;
    if network.vpc.is_some()
        || !network.subnets.is_empty()
        || !network.load_balancer_subnets.is_empty()
    {
        notes.push("the rehearsal uses its default VPC in place of the manifest's network".into());
        project.network = Network {
            vpc: None,
            subnets: Vec::new(),
            load_balancer_subnets: Vec::new(),
        };
    }
    if project.load_balancer.certificate_arn.take().is_some() {
        notes.push("the rehearsal listens on HTTP only; the certificate is left out".into());
    }
    if project.image.registry.take().is_some() {
        notes.push("the rehearsal pushes no image; its instances build it".into());
    }
    let roles = Roles {
        instance_profile: INSTANCE_PROFILE.to_owned(),
        service_role: SERVICE_ROLE.to_owned(),
    };
    if project.roles != roles {
        notes
            .push("the rehearsal uses Beanstalk's default roles in place of the manifest's".into());
        project.roles = roles;
    }
    for (variable, reference) in &mut project.secrets.names {
        if let Some(name) = name_in_arn(reference) {
            notes.push(format!(
                "the rehearsal has its own secret `{name}` for {variable}"
            ));
            *reference = name;
        }
    }
    notes
}

/// The name in a secret's ARN, without the six random characters at its end; a JSON key stays.
fn name_in_arn(reference: &str) -> Option<String> {
    let (arn, key) = match reference.split_once('#') {
        Some((arn, key)) => (arn, Some(key)),
        None => (reference, None),
    };
    let rest = arn.strip_prefix("arn:")?;
    let name = rest.split(':').nth(5)?;
    let name = match name.rsplit_once('-') {
        Some((name, suffix)) if suffix.len() == 6 => name,
        _ => name,
    };
    Some(key.map_or_else(|| name.to_owned(), |key| format!("{name}#{key}")))
}

/// The values that the user gives to secrets, by the secrets' names.
pub(super) type Planted = BTreeMap<String, Secret>;

/// Reads `NAME=VALUE` lines; blank lines and those that start with `#` are skipped.
pub(super) fn planted(context: &Context, path: Option<&Utf8PathBuf>) -> Result<Planted, Report> {
    let Some(path) = path else {
        return Ok(Planted::new());
    };
    let text =
        fs_err::read_to_string(context.directory.join(path)).map_err(|source| Failure::Read {
            path: path.clone(),
            source,
        })?;
    let mut planted = Planted::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((name, value)) = line.split_once('=') else {
            return Err(Failure::SecretLine {
                path: path.clone(),
                line: index + 1,
            }
            .into());
        };
        let value = Secret::new(value);
        context.scrubber.learn(&value);
        planted.insert(name.trim().to_owned(), value);
    }
    Ok(planted)
}

/// Creates the secrets that the manifest expects to find: planted values first, random ones for the
/// rest.
pub(super) async fn seed(
    context: &Context,
    cloud: &Cloud,
    project: &Project,
    planted: &Planted,
) -> Result<(), Report> {
    let mut wanted: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for reference in project.secrets.names.values() {
        let (name, key) = reference.split_once('#').unwrap_or((reference, ""));
        let keys = wanted.entry(name).or_default();
        if !key.is_empty() {
            keys.push(key);
        }
    }
    for (name, keys) in wanted {
        let value = match planted.get(name) {
            Some(value) => value.clone(),
            None if keys.is_empty() => random(context),
            None => random_object(context, &keys),
        };
        let description = "Made for a rehearsal";
        cloud
            .secrets
            .create(name, &value, description, &BTreeMap::new())
            .await?;
    }
    Ok(())
}

fn random(context: &Context) -> Secret {
    use rand::distr::{Alphanumeric, SampleString as _};
    let value = Secret::new(Alphanumeric.sample_string(&mut rand::rng(), RANDOM_LENGTH));
    context.scrubber.learn(&value);
    value
}

fn random_object(context: &Context, keys: &[&str]) -> Secret {
    let object: serde_json::Map<String, serde_json::Value> = keys
        .iter()
        .map(|key| {
            (
                (*key).to_owned(),
                random(context).expose().to_owned().into(),
            )
        })
        .collect();
    Secret::new(serde_json::Value::Object(object).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_becomes_the_name_and_keeps_its_key() {
        let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/api-Ab12Cd";
        assert_eq!(name_in_arn(arn).as_deref(), Some("shop/api"));
        assert_eq!(
            name_in_arn(&format!("{arn}#key")).as_deref(),
            Some("shop/api#key")
        );
        assert_eq!(name_in_arn("shop/api"), None);
    }
}
