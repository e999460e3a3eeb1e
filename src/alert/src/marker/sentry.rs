//! Releases and deploys in Sentry.
//!
//! Facts and where they are from:
//! - `POST /api/0/organizations/ORG/releases/` creates a release, or finds it (208): `version` and
//!   `projects` are required; `ref`, `url` and `commits` (`id`, `message`, `author_name`) are not. The
//!   token needs the scope `project:releases` (docs.sentry.io, "Create a New Release for an
//!   Organization").
//! - `POST …/releases/VERSION/deploys/` records a deploy: `environment` and `name` take up to 64
//!   characters, `dateFinished` is now unless it is given; 201, or 208 if it is known already
//!   (getsentry/sentry, `release_deploys.py`).
//! - The version is the commit's full id: what Sentry's SDK for Python reports by itself from git and
//!   from `SENTRY_RELEASE` as most projects set it.
//!
//! A deploy in Sentry says that a version went live, and Sentry has no word for one that did not. So
//! only a release that succeeded is told.

use beanpole_model::Secret;
use jiff::Timestamp;
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderMap};
use serde_json::{Value, json};

use super::api::{Access, Api, at_most};
use super::error::MarkerError;
use super::{Facts, PATIENCE};
use crate::announcement::State;
use crate::slack::Patience;

/// Sentry's own address.
pub const ADDRESS: &str = "https://sentry.io";

const LONGEST_NAME: usize = 64;

/// A project in Sentry.
#[derive(Debug)]
pub struct Sentry {
    api: Api,
    organization: String,
    project: String,
    environment: Option<String>,
    started: Option<Timestamp>,
}

impl Sentry {
    /// A client. `environment` replaces the release's own name of it, `address` replaces [`ADDRESS`].
    ///
    /// # Errors
    /// A token or an address that cannot be used.
    pub fn new(
        token: &Secret,
        token_variable: &str,
        organization: &str,
        project: &str,
        environment: Option<String>,
        address: Option<&str>,
    ) -> Result<Self, MarkerError> {
        let access = Access {
            service: "Sentry",
            address: address.unwrap_or(ADDRESS),
            address_setting: "markers.sentry.url",
            header: AUTHORIZATION,
            scheme: "Bearer ",
            token,
            token_variable,
            permission: "Use an auth token with the scope `project:releases`, and check \
                         `markers.sentry.organization` and `project`.",
        };
        Ok(Self {
            api: Api::new(&access, HeaderMap::new(), PATIENCE)?,
            organization: organization.to_owned(),
            project: project.to_owned(),
            environment,
            started: None,
        })
    }

    pub(super) fn hurry(&mut self, patience: Patience) {
        self.api.hurry(patience);
    }

    /// Keeps the start for the deploy's record.
    pub(super) fn begin(&mut self) {
        self.started = Some(Timestamp::now());
    }

    /// Records the release and its deploy, if it succeeded.
    pub(super) async fn end(&mut self, facts: &Facts, state: State) -> Result<(), MarkerError> {
        if state != State::Succeeded {
            return Ok(());
        }
        let releases = format!("/api/0/organizations/{}/releases/", self.organization);
        let release = self.release(facts);
        self.api.send(Method::POST, &releases, &release).await?;
        let deploys = format!("{releases}{}/deploys/", facts.commit.id);
        let deploy = self.deploy(facts);
        self.api
            .send(Method::POST, &deploys, &deploy)
            .await
            .map(|_| ())
    }

    fn release(&self, facts: &Facts) -> Value {
        let mut release = json!({
            "version": facts.commit.id,
            "ref": facts.commit.id,
            "projects": [self.project],
        });
        let Some(fields) = release.as_object_mut() else {
            return release;
        };
        if let Some(url) = &facts.details.run_url {
            fields.insert("url".to_owned(), url.clone().into());
        }
        if let Some(commits) = facts.details.commits.as_ref().filter(|all| all.total() > 0) {
            let commits = commits.latest.iter().map(|commit| {
                json!({
                    "id": commit.id,
                    "message": commit.subject,
                    "author_name": at_most(&commit.author, 128),
                })
            });
            fields.insert("commits".to_owned(), commits.collect());
        }
        release
    }

    fn deploy(&self, facts: &Facts) -> Value {
        let environment = self.environment.as_ref().unwrap_or(&facts.environment);
        let mut deploy = json!({ "environment": at_most(environment, LONGEST_NAME) });
        let Some(fields) = deploy.as_object_mut() else {
            return deploy;
        };
        if let Some(version) = &facts.details.version {
            fields.insert("name".to_owned(), at_most(version, LONGEST_NAME).into());
        }
        if let Some(url) = &facts.details.run_url {
            fields.insert("url".to_owned(), url.clone().into());
        }
        if let Some(started) = self.started {
            fields.insert("dateStarted".to_owned(), started.to_string().into());
        }
        deploy
    }
}
