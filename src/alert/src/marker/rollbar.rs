//! Deploys in Rollbar.
//!
//! Facts and where they are from:
//! - `POST /api/1/deploy/` records a deploy, `PATCH /api/1/deploy/ID` changes its status: started,
//!   succeeded, failed, timed_out (docs.rollbar.com, reference "Report a deploy" and "Update a
//!   deploy"). The token goes into the header `X-Rollbar-Access-Token` (docs.rollbar.com,
//!   "Deploys: Bash").
//! - The answer to POST has the id at `data.deploy_id`; PATCH answers `result.id`
//!   (rollbar/github-deploy-action, entrypoint.sh).
//! - `environment`, `revision` and `local_username` take up to 255 characters, `comment` up to 64 kB
//!   (rollbar.com, "API: deploys").
//! - A token with the scope `post_server_item` may POST, one with `write` may PATCH (docs.rollbar.com,
//!   "Project Access Tokens").

use beanpole_model::Secret;
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName};
use serde_json::{Value, json};

use super::api::{Access, Api, at_most};
use super::error::MarkerError;
use super::{Facts, PATIENCE};
use crate::announcement::State;
use crate::slack::Patience;

/// Rollbar's own address.
pub const ADDRESS: &str = "https://api.rollbar.com";

const LONGEST_NAME: usize = 255;
const LONGEST_COMMENT: usize = 10_000;

/// A project in Rollbar.
#[derive(Debug)]
pub struct Rollbar {
    api: Api,
    environment: Option<String>,
    deploy: Option<u64>,
}

impl Rollbar {
    /// A client. `environment` replaces the release's own name of it, `address` replaces [`ADDRESS`].
    ///
    /// # Errors
    /// A token or an address that cannot be used.
    pub fn new(
        token: &Secret,
        token_variable: &str,
        environment: Option<String>,
        address: Option<&str>,
    ) -> Result<Self, MarkerError> {
        let access = Access {
            service: "Rollbar",
            address: address.unwrap_or(ADDRESS),
            address_setting: "markers.rollbar.url",
            header: HeaderName::from_static("x-rollbar-access-token"),
            scheme: "",
            token,
            token_variable,
            permission: "Use a project access token with the scopes `post_server_item` and `write`.",
        };
        Ok(Self {
            api: Api::new(&access, HeaderMap::new(), PATIENCE)?,
            environment,
            deploy: None,
        })
    }

    pub(super) fn hurry(&mut self, patience: Patience) {
        self.api.hurry(patience);
    }

    /// Records that the deploy started.
    pub(super) async fn begin(&mut self, facts: &Facts) -> Result<(), MarkerError> {
        let answer = self.post(facts, "started").await?;
        let id = answer.pointer("/data/deploy_id").and_then(Value::as_u64);
        self.deploy = Some(id.ok_or_else(|| self.api.odd(200))?);
        Ok(())
    }

    /// Records how it ended; a deploy whose start was not recorded is recorded with its end.
    pub(super) async fn end(&mut self, facts: &Facts, state: State) -> Result<(), MarkerError> {
        let status = match state {
            State::Succeeded => "succeeded",
            State::Running | State::Failed | State::RolledBack | State::Interrupted => "failed",
        };
        let Some(deploy) = self.deploy else {
            return self.post(facts, status).await.map(|_| ());
        };
        let body = json!({ "status": status, "comment": comment(facts, state) });
        let path = format!("/api/1/deploy/{deploy}");
        self.api.send(Method::PATCH, &path, &body).await.map(|_| ())
    }

    async fn post(&self, facts: &Facts, status: &str) -> Result<Value, MarkerError> {
        let environment = self.environment.as_ref().unwrap_or(&facts.environment);
        let mut body = json!({
            "environment": at_most(environment, LONGEST_NAME),
            "revision": at_most(&facts.commit.id, LONGEST_NAME),
            "status": status,
            "comment": comment(facts, State::Running),
        });
        if let (Some(by), Some(body)) = (&facts.details.released_by, body.as_object_mut()) {
            body.insert(
                "local_username".to_owned(),
                at_most(by, LONGEST_NAME).into(),
            );
        }
        self.api.send(Method::POST, "/api/1/deploy/", &body).await
    }
}

fn comment(facts: &Facts, state: State) -> String {
    let mut comment = facts.commit.subject.clone();
    if state.is_final() && state != State::Succeeded {
        comment = format!("{}: {comment}", state.words());
    }
    if let Some(url) = &facts.details.run_url {
        comment.push_str(&format!(" ({url})"));
    }
    at_most(&comment, LONGEST_COMMENT)
}
