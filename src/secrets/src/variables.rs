//! Which environment variable comes from which secret.
//!
//! What people write wins: a name under `variables` or `secrets.names` of the manifest takes the
//! place of the one that a connection secret would feed.

use std::collections::BTreeMap;

use beanpole_manifest::{Project, SecretMode};
use serde::Serialize;

use crate::connection::Connection;

/// The namespace of the option settings that hold references: environment variable to ARN.
pub const ENVIRONMENT_SECRETS: &str = "aws:elasticbeanstalk:application:environmentsecrets";

/// The variable that tells an instance which environment of the manifest it belongs to, where the
/// instances fetch secrets themselves. A list of secrets that was made for another environment is
/// refused there.
pub const ENVIRONMENT_VARIABLE: &str = "BEANPOLE_ENVIRONMENT";

/// Where a variable's value lies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Origin {
    /// The secret's name or ARN.
    pub secret: String,
    /// The key of a JSON secret; `None` takes the whole value.
    pub key: Option<String>,
}

impl Origin {
    /// Reads the manifest's form: `name`, `name#key`, or the same with an ARN.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text.split_once('#') {
            Some((secret, key)) => Self {
                secret: secret.to_owned(),
                key: Some(key.to_owned()),
            },
            None => Self {
                secret: text.to_owned(),
                key: None,
            },
        }
    }
}

/// All variables of a project that come from Secrets Manager: `DATABASE_URL`, `DB_HOSTNAME`,
/// `DB_PORT`, `DB_NAME`, `DB_USERNAME` and `DB_PASSWORD` with a database; `REDIS_URL`, `REDIS_HOST`,
/// `REDIS_PORT` and, with TLS, `REDIS_PASSWORD` with a cache; `DJANGO_SECRET_KEY` always; and what
/// the manifest lists under `secrets.names`.
#[must_use]
pub fn variables(project: &Project) -> BTreeMap<String, Origin> {
    let mut variables = BTreeMap::new();
    for connection in Connection::of(project) {
        for (variable, key) in connection.keys(project) {
            if !project.variables.contains_key(variable) {
                let origin = Origin {
                    secret: connection.name(project),
                    key: Some(key.to_owned()),
                };
                variables.insert(variable.to_owned(), origin);
            }
        }
    }
    let named = &project.secrets.names;
    variables.extend(
        named
            .iter()
            .map(|(name, text)| (name.clone(), Origin::parse(text))),
    );
    variables
}

/// Variables that go with the connection secrets and are no secrets: `DB_ENGINE`, Django's name of
/// the database engine, and [`ENVIRONMENT_VARIABLE`] where the instances fetch secrets themselves. A
/// project's own variables win.
#[must_use]
pub fn plain_variables(project: &Project) -> BTreeMap<String, String> {
    let taken = |name: &str| {
        project.variables.contains_key(name) || project.secrets.names.contains_key(name)
    };
    let mut variables = BTreeMap::new();
    if project.database.is_some() && !taken("DB_ENGINE") {
        let engine = "django.db.backends.postgresql".to_owned();
        variables.insert("DB_ENGINE".to_owned(), engine);
    }
    if project.secrets.mode == SecretMode::DotEnv && !taken(ENVIRONMENT_VARIABLE) {
        let environment = project.environment.to_string();
        variables.insert(ENVIRONMENT_VARIABLE.to_owned(), environment);
    }
    variables
}

/// Beanstalk's reference to a secret: the ARN with its six random characters, and `:key` for a key
/// of a JSON secret. Only top-level keys can be named, a key cannot contain `:`, and values that are
/// no texts become JSON (developer guide, "Extracting JSON keys from Secrets Manager secrets", for
/// platform versions from 2026-01-13 on; whole secrets from 2025-03-26 on).
#[must_use]
pub fn reference(arn: &str, key: Option<&str>) -> String {
    match key {
        Some(key) => format!("{arn}:{key}"),
        None => arn.to_owned(),
    }
}

/// The option settings of the namespace [`ENVIRONMENT_SECRETS`]: variable to reference. `arn_of`
/// gives the ARN of a secret by the name or ARN that the project uses; where it gives `None`, the
/// reference is `None`: the secret does not exist yet.
#[must_use]
pub fn references(
    project: &Project,
    arn_of: &dyn Fn(&str) -> Option<String>,
) -> BTreeMap<String, Option<String>> {
    variables(project)
        .into_iter()
        .map(|(variable, origin)| {
            let arn = arn_of(&origin.secret);
            (
                variable,
                arn.map(|arn| reference(&arn, origin.key.as_deref())),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_project::{project, with};

    fn names(project: &Project) -> Vec<String> {
        variables(project).into_keys().collect()
    }

    #[test]
    fn connections_feed_the_variables_that_django_projects_read() {
        assert_eq!(
            names(&project()),
            [
                "DATABASE_URL",
                "DB_HOSTNAME",
                "DB_NAME",
                "DB_PASSWORD",
                "DB_PORT",
                "DB_USERNAME",
                "DJANGO_SECRET_KEY",
                "REDIS_HOST",
                "REDIS_PORT",
                "REDIS_URL",
            ]
        );
        let plain = plain_variables(&project());
        assert_eq!(plain["DB_ENGINE"], "django.db.backends.postgresql");
    }

    #[test]
    fn the_cache_has_a_password_with_tls_only() {
        let project = with("cache: {transit_encryption: true}");
        assert!(names(&project).contains(&"REDIS_PASSWORD".to_owned()));
    }

    #[test]
    fn what_people_write_wins() {
        let project = with(
            "variables: {REDIS_URL: redis://elsewhere, DB_ENGINE: own}, \
             secrets: {names: {DATABASE_URL: 'shared/db#url', API_KEY: shared/key}}",
        );
        let variables = variables(&project);
        assert!(!variables.contains_key("REDIS_URL"));
        assert!(plain_variables(&project).is_empty());
        let origin = |secret: &str, key: Option<&str>| Origin {
            secret: secret.to_owned(),
            key: key.map(str::to_owned),
        };
        assert_eq!(variables["DATABASE_URL"], origin("shared/db", Some("url")));
        assert_eq!(variables["API_KEY"], origin("shared/key", None));
        assert_eq!(
            variables["DB_PORT"],
            origin("django/blog-prod/database", Some("port"))
        );
    }

    #[test]
    fn references_are_whole_arns_with_the_key_behind_a_colon() {
        let project = with("secrets: {names: {API_KEY: shared/key}}");
        let arn_of = |secret: &str| {
            secret.contains("database").then(|| {
                format!("arn:aws:secretsmanager:eu-central-1:123456789012:secret:{secret}-AbCdEf")
            })
        };
        let references = references(&project, &arn_of);
        assert_eq!(
            references["DB_PASSWORD"].as_deref(),
            Some(
                "arn:aws:secretsmanager:eu-central-1:123456789012:secret:\
                 django/blog-prod/database-AbCdEf:password"
            )
        );
        assert_eq!(references["API_KEY"], None);
        assert_eq!(reference("arn", None), "arn");
    }
}
