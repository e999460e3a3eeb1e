//! How the application finds its database and its cache: which secrets there are, what they should
//! hold, and which of them can be made at random. Names, forms and contents are those of
//! `beanpole-secrets`; this module says what of that provisioning needs.

use std::collections::BTreeMap;

use beanpole_manifest::{Project, SecretMode};
use beanpole_model::{Secret, SecretScrubber};
use beanpole_secrets::connection::{decide, key};
use beanpole_secrets::{Connection, Endpoints, Origin};

use crate::names::Store;
use crate::observed::Observed;

/// The length of a generated secret key, as `beanpole-secrets` makes them.
const SECRET_KEY_LENGTH: usize = 64;

/// The stores that the project has.
pub(crate) fn stores(project: &Project) -> Vec<Store> {
    let database = project.database.as_ref().map(|_| Store::Database);
    let cache = project.cache.as_ref().map(|_| Store::Cache);
    database.into_iter().chain(cache).collect()
}

/// The connection secret of a store.
pub(crate) const fn of_store(store: Store) -> Connection {
    match store {
        Store::Database => Connection::Database,
        Store::Cache => Connection::Cache,
    }
}

/// The secrets that beanpole writes for the project: those of its stores, and the application's own if
/// the manifest does not name another place for all that is in it.
pub(crate) fn written(project: &Project) -> Vec<Connection> {
    let app = Connection::App.name(project);
    let uses_app = beanpole_secrets::variables(project)
        .values()
        .any(|origin| origin.secret == app);
    Connection::of(project)
        .into_iter()
        .filter(|connection| *connection != Connection::App || uses_app)
        .collect()
}

/// The variables whose secrets belong to the application: those that the manifest names.
pub(crate) fn named(project: &Project) -> BTreeMap<String, Origin> {
    let written: Vec<String> = Connection::of(project)
        .into_iter()
        .map(|connection| connection.name(project))
        .collect();
    beanpole_secrets::variables(project)
        .into_iter()
        .filter(|(_, origin)| !written.contains(&origin.secret))
        .collect()
}

/// The references that the environment gets, by variable; `None` where a secret does not exist yet.
/// Empty where a `.env` file carries the values.
pub(crate) fn references(
    project: &Project,
    arn_of: &dyn Fn(&str) -> Option<String>,
) -> BTreeMap<String, Option<String>> {
    match project.secrets.mode {
        SecretMode::Native => beanpole_secrets::references(project, arn_of),
        SecretMode::DotEnv => BTreeMap::new(),
    }
}

/// The plain variables: the manifest's, and those that go with the connections.
pub(crate) fn plain_variables(project: &Project) -> BTreeMap<String, String> {
    let mut variables = beanpole_secrets::plain_variables(project);
    variables.extend(project.variables.clone());
    variables
}

/// True if nobody needs to know the value, so that beanpole may make it: Django's secret key, under a
/// plain name. Someone else's secret, given by ARN or as a part of one, is never made.
pub(crate) fn can_be_generated(variable: &str, origin: &Origin) -> bool {
    variable.ends_with("SECRET_KEY")
        && !variable.contains("AWS")
        && origin.key.is_none()
        && !origin.secret.starts_with("arn:")
}

/// A new secret key for Django.
pub(crate) fn new_secret_key() -> Secret {
    beanpole_secrets::connection::generate(SECRET_KEY_LENGTH)
}

/// The addresses of the stores that exist.
pub(crate) fn endpoints(observed: &Observed) -> Endpoints {
    Endpoints {
        database: observed
            .database
            .as_ref()
            .and_then(|own| own.endpoint.clone()),
        cache: observed.cache.as_ref().and_then(|own| own.endpoint.clone()),
    }
}

/// Whether a secret holds what it should, given where the stores are.
///
/// # Errors
/// When someone else has written it in another form.
pub(crate) fn is_up_to_date(
    project: &Project,
    connection: Connection,
    value: &Secret,
    endpoints: &Endpoints,
) -> Result<bool, beanpole_secrets::Error> {
    let decision = decide(connection, project, Some(value), endpoints, &mut |_| {
        Secret::new("made later")
    })?;
    Ok(decision.unchanged)
}

/// The password in a store's secret; `None` if it has none, as a cache without TLS.
///
/// # Errors
/// When someone else has written it in another form.
pub(crate) fn password(
    project: &Project,
    store: Store,
    value: &Secret,
) -> Result<Option<Secret>, beanpole_secrets::Error> {
    key(&of_store(store).name(project), value, "password")
}

/// The address that a store's secret names: `host:port`.
pub(crate) fn address(name: &str, value: &Secret) -> Option<String> {
    let part = |part: &str| key(name, value, part).ok().flatten();
    Some(format!(
        "{}:{}",
        part("host")?.expose(),
        part("port")?.expose()
    ))
}

/// Teaches the scrubber a written secret and what in it must not be seen. Host, port and user stay
/// readable: without them no log could be understood.
pub(crate) fn learn(scrubber: &SecretScrubber, name: &str, value: &Secret) {
    scrubber.learn(value);
    for part in ["password", "secret_key", "url"] {
        // A secret of another form is reported where it is needed.
        if let Ok(Some(part)) = key(name, value, part) {
            scrubber.learn(&part);
        }
    }
}
