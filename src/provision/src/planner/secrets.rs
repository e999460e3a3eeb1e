//! Secrets that beanpole writes: passwords before the stores, connections after them.
//!
//! A store's secret is written twice: with the password before the store is created, and with the
//! address once there is one. So a run that is killed in between finds the password again, and no
//! password is ever made twice for one store.

use beanpole_secrets::Connection;

use super::findings::error;
use super::{Draft, unchanged};
use crate::connections;
use crate::names::Store;
use crate::plan::{Action, Change, Disruption, FieldChange, KNOWN_AFTER_APPLY, Kind, SECRET};

/// The id of the change that creates one of the written secrets.
pub(crate) fn secret_id(connection: Connection) -> String {
    format!("{}-secret", connection.word())
}

/// The id of the change that brings a store's secret up to date with the store's address.
pub(crate) fn connection_id(store: Store) -> String {
    format!("{}-connection", store.word())
}

/// The id of the change of a generated secret for a variable.
pub(crate) fn generated_id(variable: &str) -> String {
    format!("secret-{}", variable.to_ascii_lowercase().replace('_', "-"))
}

/// The secrets that must be there before the stores.
pub(super) fn before_stores(draft: &mut Draft<'_>) {
    // A cache without TLS has no token, so its secret is written once only, with the address.
    let needs_token = draft
        .project
        .cache
        .as_ref()
        .is_some_and(beanpole_secrets::connection::needs_token);
    for connection in connections::written(draft.project) {
        if connection != Connection::Cache || needs_token {
            written(draft, connection);
        }
    }
}

fn written(draft: &mut Draft<'_>, connection: Connection) {
    let name = connection.name(draft.project);
    let id = secret_id(connection);
    if draft.observed.secrets.contains_key(&name) {
        draft.add(unchanged(id, Kind::Secret, name));
        return;
    }
    let (holds, reason, store_exists) = match connection {
        Connection::Database => (
            "password",
            "the database is created with it",
            draft.observed.database.is_some(),
        ),
        Connection::Cache => (
            "token",
            "the cache is created with it",
            draft
                .observed
                .cache
                .as_ref()
                .is_some_and(|cache| cache.auth_token),
        ),
        Connection::App => ("secret_key", "the application signs with it", false),
    };
    if store_exists {
        let message = format!(
            "the {} exists, and its {holds} is not in Secrets Manager as `{name}`",
            connection.word()
        );
        draft.find(error(
            "unknown-password",
            message,
            "without it the application cannot connect, and a new one would lock out everything \
             that uses the old one",
            Some(format!(
                "aws secretsmanager create-secret --name {name} --secret-string file://FILE, with \
                 {{\"password\": \"...\"}} in FILE"
            )),
        ));
        return;
    }
    let change = Change::new(id, Action::Create, Kind::Secret, name, reason)
        .with_fields(vec![FieldChange::new(holds, SECRET)]);
    draft.add(change);
}

/// The stores' secrets with the stores' addresses, and the secrets that the manifest names.
pub(super) fn after_stores(draft: &mut Draft<'_>) {
    for store in connections::stores(draft.project) {
        connection(draft, store);
    }
    for (variable, origin) in connections::named(draft.project) {
        if draft.observed.secrets.contains_key(&origin.secret) {
            continue;
        }
        if connections::can_be_generated(&variable, &origin) {
            let reason = format!("nobody needs to know `{variable}`, so it is made at random");
            let id = generated_id(&variable);
            let change = Change::new(id, Action::Create, Kind::Secret, origin.secret, reason)
                .with_fields(vec![FieldChange::new("value", SECRET)]);
            draft.add(change);
        } else {
            let secret = &origin.secret;
            draft.find(error(
                "unknown-secret",
                format!("the secret `{secret}` for the variable `{variable}` does not exist"),
                "the application would start without it",
                Some(format!(
                    "aws secretsmanager create-secret --name {secret} --secret-string file://FILE"
                )),
            ));
        }
    }
}

fn connection(draft: &mut Draft<'_>, store: Store) {
    let connection = connections::of_store(store);
    let name = connection.name(draft.project);
    let id = connection_id(store);
    let needs = draft.present(&[secret_id(connection), store.word().to_owned()]);
    let endpoints = connections::endpoints(draft.observed);
    let endpoint = match store {
        Store::Database => &endpoints.database,
        Store::Cache => &endpoints.cache,
    };
    let found = draft
        .observed
        .secrets
        .get(&name)
        .and_then(|secret| secret.value.as_ref());
    let up_to_date = match (found, endpoint) {
        (Some(value), Some(_)) => {
            match connections::is_up_to_date(draft.project, connection, value, &endpoints) {
                Ok(up_to_date) => up_to_date,
                Err(fault) => {
                    draft.find(error(
                        "unreadable-secret",
                        fault.to_string(),
                        "it was not written by beanpole, and is not overwritten",
                        Some(format!(
                            "aws secretsmanager put-secret-value --secret-id {name} ..."
                        )),
                    ));
                    return;
                }
            }
        }
        // Nothing, or not everything, is there to compare with.
        _ => false,
    };
    if up_to_date {
        draft.add(unchanged(id, Kind::Secret, name).needing(needs));
        return;
    }
    // It exists, or an earlier change creates it.
    let exists =
        draft.observed.secrets.contains_key(&name) || needs.contains(&secret_id(connection));
    let action = if exists {
        Action::Update
    } else {
        Action::Create
    };
    let from = found.and_then(|value| connections::address(&name, value));
    let to = endpoint.as_ref().map_or_else(
        || KNOWN_AFTER_APPLY.to_owned(),
        |(host, port)| format!("{host}:{port}"),
    );
    let reason = format!("the application finds the {} through it", store.word());
    let mut change = Change::new(id, action, Kind::Secret, name, reason);
    change.fields = vec![
        FieldChange {
            name: "address".to_owned(),
            from,
            to: Some(to),
        },
        FieldChange::new("url", SECRET),
    ];
    if draft.observed.environment.is_some() {
        // Beanstalk reads referenced secrets when an instance starts (developer guide, "Best
        // practices for secrets synchronization").
        change.disturb(
            Disruption::None,
            "running instances keep the former value until the next release or restart",
        );
    }
    draft.add(change.needing(needs));
}
