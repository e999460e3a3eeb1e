//! Deployments in New Relic.
//!
//! Facts and where they are from:
//! - The mutation `changeTrackingCreateEvent` of NerdGraph records a change. REST API v2 with its
//!   deployments ends on 2027-07-31 (docs.newrelic.com, "New Relic REST API v2 and Deployments v0 API,
//!   end-of-life"), so it is not used.
//! - Addresses: `https://api.newrelic.com/graphql`, and `https://api.eu.newrelic.com/graphql` for
//!   accounts in the EU; a user key goes into the header `API-Key` (docs.newrelic.com, "Introduction to
//!   NerdGraph").
//! - A deployment is the category `Deployment` with the type `Basic`, its fields under
//!   `categoryFields.deployment` (`version` is required); the entity is found by a query such as
//!   `id = 'GUID'` (docs.newrelic.com, "Track changes using NerdGraph").
//! - Refusals come as HTTP 200 with `errors` (GraphQL specification, 7.1), doubts as `messages`.
//!
//! A marker says that the running code changed. So it is set for a release that succeeded, and for
//! one that was rolled back after it had been out.

use beanpole_model::Secret;
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName};
use serde_json::{Value, json};

use super::api::{Access, Api, at_most, short};
use super::error::MarkerError;
use super::{Facts, PATIENCE};
use crate::announcement::State;
use crate::slack::Patience;

/// The address of accounts in the US.
pub const ADDRESS_US: &str = "https://api.newrelic.com";
/// The address of accounts in the EU.
pub const ADDRESS_EU: &str = "https://api.eu.newrelic.com";

/// Attributes of events take up to 4,095 characters (docs.newrelic.com, "Event API limits").
const LONGEST_ATTRIBUTE: usize = 4_000;

const MUTATION: &str = "\
mutation($event: ChangeTrackingEventInput!) {
  changeTrackingCreateEvent(changeTrackingEvent: $event) {
    changeTrackingEvent { changeTrackingId }
    messages
  }
}";

/// An entity in New Relic: the application.
#[derive(Debug)]
pub struct NewRelic {
    api: Api,
    entity: String,
}

impl NewRelic {
    /// A client. `entity_guid` names the application, `address` is one of [`ADDRESS_US`] and
    /// [`ADDRESS_EU`].
    ///
    /// # Errors
    /// A key or an address that cannot be used.
    pub fn new(
        key: &Secret,
        key_variable: &str,
        entity_guid: &str,
        address: &str,
    ) -> Result<Self, MarkerError> {
        let access = Access {
            service: "New Relic",
            address,
            address_setting: "markers.new_relic.url",
            header: HeaderName::from_static("api-key"),
            scheme: "",
            token: key,
            token_variable: key_variable,
            permission: "Use a user key (it starts with `NRAK-`) of the account's region, and check \
                         `markers.new_relic.region`.",
        };
        Ok(Self {
            api: Api::new(&access, HeaderMap::new(), PATIENCE)?,
            entity: entity_guid.to_owned(),
        })
    }

    pub(super) fn hurry(&mut self, patience: Patience) {
        self.api.hurry(patience);
    }

    /// Records the change, if there was one.
    pub(super) async fn end(&mut self, facts: &Facts, state: State) -> Result<(), MarkerError> {
        if !matches!(state, State::Succeeded | State::RolledBack) {
            return Ok(());
        }
        let body = json!({
            "query": MUTATION,
            "variables": { "event": self.event(facts, state) },
        });
        let answer = self.api.send(Method::POST, "/graphql", &body).await?;
        let created = "/data/changeTrackingCreateEvent/changeTrackingEvent/changeTrackingId";
        if answer.pointer(created).is_some_and(Value::is_string) {
            return Ok(());
        }
        let said = [
            "/errors/0/message",
            "/data/changeTrackingCreateEvent/messages/0",
        ]
        .into_iter()
        .find_map(|path| answer.pointer(path)?.as_str())
        .map(short);
        match said {
            Some(said) => Err(self.api.refused(200, Some(said))),
            None => Err(self.api.odd(200)),
        }
    }

    fn event(&self, facts: &Facts, state: State) -> Value {
        let details = &facts.details;
        let version = details.version.as_ref().unwrap_or(&facts.commit.id);
        let mut deployment = json!({ "version": version, "commit": facts.commit.id });
        let changelog = changelog(facts);
        if let Some(fields) = deployment.as_object_mut() {
            if !changelog.is_empty() {
                fields.insert("changelog".to_owned(), changelog.into());
            }
            if let Some(url) = &details.run_url {
                fields.insert("deepLink".to_owned(), url.clone().into());
            }
        }
        let description = format!("{} ({})", facts.commit.subject, state.words());
        let mut event = json!({
            "categoryAndTypeData": {
                "kind": { "category": "Deployment", "type": "Basic" },
                "categoryFields": { "deployment": deployment },
            },
            "entitySearch": { "query": format!("id = '{}'", self.entity) },
            "description": at_most(&description, LONGEST_ATTRIBUTE),
            "groupId": facts.environment,
        });
        if let (Some(by), Some(event)) = (&details.released_by, event.as_object_mut()) {
            event.insert("user".to_owned(), by.clone().into());
        }
        event
    }
}

fn changelog(facts: &Facts) -> String {
    let Some(commits) = &facts.details.commits else {
        return String::new();
    };
    let lines: Vec<String> = commits
        .latest
        .iter()
        .map(|commit| format!("{} {}", commit.short_id(), commit.subject))
        .collect();
    at_most(&lines.join("\n"), LONGEST_ATTRIBUTE)
}
