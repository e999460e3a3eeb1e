//! The secrets that beanpole writes: one for the database, one for the cache, one for the
//! application itself.
//!
//! Names: `<prefix>/<environment>/database`, `…/cache`, `…/app`. Each is one JSON object, so that
//! people can read it and Beanstalk can pick single keys. The database's has the keys that AWS's own
//! rotation expects (Secrets Manager user guide, "JSON structure of AWS Secrets Manager secrets"),
//! and `url` beside them.
//!
//! A secret is written twice: with the password before the store is created, and with the address
//! once the store has one. So a run that is killed in between finds the password again.

use std::collections::BTreeMap;

use beanpole_manifest::{Cache, Database, Project};
use beanpole_model::Secret;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use rand::distr::{Alphanumeric, SampleString as _};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::Error;

/// Letters and digits in a generated password: 190 bits. RDS takes 8 to 128 printable characters
/// without `/`, `"`, `@` and space (API reference, CreateDBInstance), ElastiCache 16 to 128
/// (CreateReplicationGroup, `AuthToken`).
const PASSWORD_LENGTH: usize = 32;

/// Letters and digits in a generated `SECRET_KEY`. Django's own `startproject` makes 50 characters.
const SECRET_KEY_LENGTH: usize = 64;

/// What Django's `SECRET_KEY` is read from.
const SECRET_KEY_VARIABLE: &str = "DJANGO_SECRET_KEY";

/// RFC 3986: what may stand in a URL as it is.
const URL_PART: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// What a connection secret is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Connection {
    /// The database: `engine`, `host`, `port`, `dbname`, `username`, `password`, `url`.
    Database,
    /// The cache: `host`, `port`, `url`, and `password` if the connection needs one.
    Cache,
    /// The application: `secret_key`.
    App,
}

impl Connection {
    /// All that a project needs, in a fixed order. The application's own is left out when the
    /// manifest says where `DJANGO_SECRET_KEY` comes from.
    #[must_use]
    pub fn of(project: &Project) -> Vec<Self> {
        let database = project.database.is_some().then_some(Self::Database);
        let cache = project.cache.is_some().then_some(Self::Cache);
        let named = project.variables.contains_key(SECRET_KEY_VARIABLE)
            || project.secrets.names.contains_key(SECRET_KEY_VARIABLE);
        let app = (!named).then_some(Self::App);
        database.into_iter().chain(cache).chain(app).collect()
    }

    /// The last part of the secret's name.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Cache => "cache",
            Self::App => "app",
        }
    }

    /// The secret's name: `django/blog-prod/database`.
    #[must_use]
    pub fn name(self, project: &Project) -> String {
        format!(
            "{}/{}/{}",
            project.secrets.prefix,
            project.environment,
            self.word()
        )
    }

    /// What the secret's description says.
    pub(crate) fn description(self, project: &Project) -> String {
        let what = match self {
            Self::Database => "how to reach the database",
            Self::Cache => "how to reach the cache",
            Self::App => "what the application signs with",
        };
        format!(
            "{what}; written by beanpole for environment {}",
            project.environment
        )
    }

    /// The environment variables that the secret feeds, each with the key that it takes.
    pub(crate) fn keys(self, project: &Project) -> Vec<(&'static str, &'static str)> {
        match self {
            Self::Database => vec![
                ("DATABASE_URL", "url"),
                ("DB_HOSTNAME", "host"),
                ("DB_NAME", "dbname"),
                ("DB_PASSWORD", "password"),
                ("DB_PORT", "port"),
                ("DB_USERNAME", "username"),
            ],
            Self::Cache => {
                let mut keys = vec![
                    ("REDIS_HOST", "host"),
                    ("REDIS_PORT", "port"),
                    ("REDIS_URL", "url"),
                ];
                if project.cache.as_ref().is_some_and(needs_token) {
                    keys.push(("REDIS_PASSWORD", "password"));
                }
                keys
            }
            Self::App => vec![(SECRET_KEY_VARIABLE, "secret_key")],
        }
    }
}

/// ElastiCache takes a token only for connections with TLS (API reference, CreateReplicationGroup).
#[must_use]
pub fn needs_token(cache: &Cache) -> bool {
    cache.transit_encryption
}

/// The addresses of the stores, as far as they have one: host and port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoints {
    /// The database's.
    pub database: Option<(String, u16)>,
    /// The cache's primary endpoint.
    pub cache: Option<(String, u16)>,
}

/// What has to be known of the secrets to create the stores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The database's main password.
    pub database_password: Option<Secret>,
    /// The cache's token.
    pub cache_token: Option<Secret>,
}

/// The value that a connection secret should have, and whether it has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The whole value: a JSON object.
    pub value: Secret,
    /// True if `value` is what the secret holds already.
    pub unchanged: bool,
}

/// Decides what a connection secret should hold: what `existing` holds, brought up to date with the
/// project and the store's address. `generate` is asked for a password (or key) of the given length
/// only if `existing` has none. An address that is not known leaves the former one in place; keys
/// that people have added stay.
///
/// # Errors
/// [`Error::Form`] when `existing` is not a JSON object or its password is not a text. Nothing is
/// made anew then: the store may go by it.
pub fn decide(
    connection: Connection,
    project: &Project,
    existing: Option<&Secret>,
    endpoints: &Endpoints,
    generate: &mut dyn FnMut(usize) -> Secret,
) -> Result<Decision, Error> {
    let name = connection.name(project);
    let former = existing.map(|value| parse(&name, value)).transpose()?;
    let mut object = former.clone().unwrap_or_default();
    match (connection, &project.database, &project.cache) {
        (Connection::Database, Some(database), _) => {
            let password = kept(&name, &object, "password", PASSWORD_LENGTH, generate)?;
            database_value(
                &mut object,
                database,
                &password,
                endpoints.database.as_ref(),
            );
        }
        (Connection::Cache, _, Some(cache)) => {
            let password = needs_token(cache)
                .then(|| kept(&name, &object, "password", PASSWORD_LENGTH, generate))
                .transpose()?;
            cache_value(
                &mut object,
                cache,
                password.as_ref(),
                endpoints.cache.as_ref(),
            );
        }
        _ => {
            let key = kept(&name, &object, "secret_key", SECRET_KEY_LENGTH, generate)?;
            object.insert("secret_key".to_owned(), key.expose().into());
        }
    }
    let unchanged = former.as_ref() == Some(&object);
    Ok(Decision {
        value: Secret::new(Value::Object(object).to_string()),
        unchanged,
    })
}

/// A key of a connection secret as text; `None` if it is not there.
///
/// # Errors
/// [`Error::Form`] when the value is not a JSON object. `name` is the secret's, for the message.
pub fn key(name: &str, value: &Secret, key: &str) -> Result<Option<Secret>, Error> {
    Ok(parse(name, value)?
        .get(key)
        .map(|value| Secret::new(as_text(value))))
}

/// A new password of `length` letters and digits, from the operating system's random numbers.
#[must_use]
pub fn generate(length: usize) -> Secret {
    Secret::new(Alphanumeric.sample_string(&mut rand::rng(), length))
}

fn parse(name: &str, value: &Secret) -> Result<Map<String, Value>, Error> {
    match serde_json::from_str(value.expose()) {
        Ok(Value::Object(object)) => Ok(object),
        // The parser's own message may quote the value.
        Ok(_) | Err(_) => Err(Error::Form {
            name: name.to_owned(),
            fault: "is not a JSON object".to_owned(),
        }),
    }
}

/// The key's present value, or a new one if there is none at all.
fn kept(
    name: &str,
    object: &Map<String, Value>,
    key: &str,
    length: usize,
    generate: &mut dyn FnMut(usize) -> Secret,
) -> Result<Secret, Error> {
    match object.get(key) {
        None => Ok(generate(length)),
        Some(Value::String(text)) if !text.is_empty() => Ok(Secret::new(text.as_str())),
        Some(_) => Err(Error::Form {
            name: name.to_owned(),
            fault: format!("has a `{key}` that is empty or not a text"),
        }),
    }
}

fn database_value(
    object: &mut Map<String, Value>,
    database: &Database,
    password: &Secret,
    endpoint: Option<&(String, u16)>,
) {
    object.insert("engine".to_owned(), database.engine.as_str().into());
    object.insert("dbname".to_owned(), database.name.as_str().into());
    object.insert("username".to_owned(), database.username.as_str().into());
    object.insert("password".to_owned(), password.expose().into());
    if let Some((host, port)) = address(object, endpoint) {
        let url = format!(
            "postgres://{}:{}@{host}:{port}/{}",
            encoded(&database.username),
            encoded(password.expose()),
            encoded(&database.name)
        );
        object.insert("url".to_owned(), url.into());
    }
}

fn cache_value(
    object: &mut Map<String, Value>,
    cache: &Cache,
    password: Option<&Secret>,
    endpoint: Option<&(String, u16)>,
) {
    match password {
        Some(password) => object.insert("password".to_owned(), password.expose().into()),
        None => object.remove("password"),
    };
    if let Some((host, port)) = address(object, endpoint) {
        let login = password
            .map(|password| format!(":{}@", encoded(password.expose())))
            .unwrap_or_default();
        let url = if cache.transit_encryption {
            // Celery refuses `rediss://` without this; redis-py and django-redis understand it.
            format!("rediss://{login}{host}:{port}/0?ssl_cert_reqs=required")
        } else {
            format!("redis://{login}{host}:{port}/0")
        };
        object.insert("url".to_owned(), url.into());
    }
}

/// Writes host and port if they are known, and returns those that the secret has now.
fn address(
    object: &mut Map<String, Value>,
    endpoint: Option<&(String, u16)>,
) -> Option<(String, u16)> {
    if let Some((host, port)) = endpoint {
        object.insert("host".to_owned(), host.as_str().into());
        object.insert("port".to_owned(), (*port).into());
    }
    let host = object.get("host")?.as_str()?.to_owned();
    let port = u16::try_from(object.get("port")?.as_u64()?).ok()?;
    Some((host, port))
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, URL_PART).to_string()
}

/// A JSON value as an environment variable has it: texts as they are, everything else as JSON.
pub(crate) fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The values of all keys, for the scrubber.
pub(crate) fn parts(value: &Secret) -> BTreeMap<String, Secret> {
    match serde_json::from_str(value.expose()) {
        Ok(Value::Object(object)) => object
            .iter()
            .map(|(key, value)| (key.clone(), Secret::new(as_text(value))))
            .collect(),
        Ok(_) | Err(_) => BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::test_project::{project, with};

    const CACHE_WITH_TLS: &str = "cache: {transit_encryption: true}";

    fn endpoints() -> Endpoints {
        Endpoints {
            database: Some(("db.example".to_owned(), 5433)),
            cache: Some(("cache.example".to_owned(), 6380)),
        }
    }

    fn decided(
        connection: Connection,
        project: &Project,
        existing: Option<&Secret>,
        endpoints: &Endpoints,
    ) -> Decision {
        let mut made = |length| Secret::new("p".repeat(length));
        decide(connection, project, existing, endpoints, &mut made).unwrap()
    }

    fn json_of(decision: &Decision) -> Value {
        serde_json::from_str(decision.value.expose()).unwrap()
    }

    #[test]
    fn names_have_prefix_environment_and_purpose() {
        let project = project();
        let names: Vec<String> = Connection::of(&project)
            .into_iter()
            .map(|own| own.name(&project))
            .collect();
        assert_eq!(
            names,
            [
                "django/blog-prod/database",
                "django/blog-prod/cache",
                "django/blog-prod/app"
            ]
        );
    }

    #[test]
    fn a_secret_key_of_ones_own_needs_no_app_secret() {
        let project = with("secrets: {names: {DJANGO_SECRET_KEY: django/blog/secret-key}}");
        assert!(!Connection::of(&project).contains(&Connection::App));
    }

    #[test]
    fn before_the_database_exists_its_password_is_made() {
        let decision = decided(
            Connection::Database,
            &project(),
            None,
            &Endpoints::default(),
        );
        assert!(!decision.unchanged);
        assert_eq!(
            json_of(&decision),
            json!({"engine": "postgres", "dbname": "blog", "username": "blog",
                   "password": "p".repeat(32)})
        );
    }

    #[test]
    fn once_it_has_an_address_the_url_is_complete() {
        let first = decided(
            Connection::Database,
            &project(),
            None,
            &Endpoints::default(),
        );
        let mut never = |_| panic!("a password was made twice");
        let second = decide(
            Connection::Database,
            &project(),
            Some(&first.value),
            &endpoints(),
            &mut never,
        )
        .unwrap();
        assert!(!second.unchanged);
        let value = json_of(&second);
        assert_eq!(value["host"], "db.example");
        assert_eq!(value["port"], 5433);
        let password = "p".repeat(32);
        assert_eq!(
            value["url"],
            format!("postgres://blog:{password}@db.example:5433/blog")
        );
        let third = decide(
            Connection::Database,
            &project(),
            Some(&second.value),
            &endpoints(),
            &mut never,
        )
        .unwrap();
        assert!(third.unchanged);
    }

    #[test]
    fn an_unknown_address_leaves_the_former_one() {
        let known = decided(Connection::Database, &project(), None, &endpoints());
        let unknown = decided(
            Connection::Database,
            &project(),
            Some(&known.value),
            &Endpoints::default(),
        );
        assert!(unknown.unchanged);
        assert_eq!(json_of(&unknown)["host"], "db.example");
    }

    #[test]
    fn keys_that_people_added_stay_and_their_passwords_are_encoded_in_the_url() {
        let existing = Secret::new(r#"{"password": "a/b@c d%", "note": "by hand"}"#);
        let decision = decided(
            Connection::Database,
            &project(),
            Some(&existing),
            &endpoints(),
        );
        let value = json_of(&decision);
        assert_eq!(value["note"], "by hand");
        assert_eq!(value["password"], "a/b@c d%");
        assert_eq!(
            value["url"],
            "postgres://blog:a%2Fb%40c%20d%25@db.example:5433/blog"
        );
    }

    #[test]
    fn a_cache_without_tls_has_no_password() {
        let value = json_of(&decided(Connection::Cache, &project(), None, &endpoints()));
        assert_eq!(
            value,
            json!({"host": "cache.example", "port": 6380, "url": "redis://cache.example:6380/0"})
        );
    }

    #[test]
    fn a_cache_with_tls_has_a_password_and_another_url() {
        let value = json_of(&decided(
            Connection::Cache,
            &with(CACHE_WITH_TLS),
            None,
            &endpoints(),
        ));
        let password = "p".repeat(32);
        assert_eq!(value["password"], password);
        assert_eq!(
            value["url"],
            format!("rediss://:{password}@cache.example:6380/0?ssl_cert_reqs=required")
        );
    }

    #[test]
    fn a_value_of_someone_else_is_refused_and_not_shown() {
        for bad in [
            "plain-marker-1",
            "[\"plain-marker-1\"]",
            r#"{"password": ""}"#,
            r#"{"password": 1}"#,
        ] {
            let mut never = |_| panic!("a password was made");
            let existing = Secret::new(bad);
            let error = decide(
                Connection::Database,
                &project(),
                Some(&existing),
                &endpoints(),
                &mut never,
            )
            .unwrap_err();
            assert!(matches!(error, Error::Form { .. }), "{bad}");
            assert!(!format!("{error} {error:?}").contains("plain-marker-1"));
        }
    }

    #[test]
    fn generated_passwords_fit_the_rules_and_differ() {
        let (one, two) = (generate(PASSWORD_LENGTH), generate(PASSWORD_LENGTH));
        assert_ne!(one, two);
        assert_eq!(one.expose().len(), 32);
        assert!(one.expose().chars().all(|own| own.is_ascii_alphanumeric()));
    }

    #[test]
    fn single_keys_are_texts() {
        let value = Secret::new(r#"{"port": 5432, "host": "h", "none": null}"#);
        let text = |name| {
            key("x", &value, name)
                .unwrap()
                .map(|secret| secret.expose().to_owned())
        };
        assert_eq!(text("port").as_deref(), Some("5432"));
        assert_eq!(text("host").as_deref(), Some("h"));
        assert_eq!(text("gone"), None);
    }
}
