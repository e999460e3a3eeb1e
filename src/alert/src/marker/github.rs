//! Deployments in GitHub.
//!
//! Facts and where they are from (docs.github.com, REST API, "Deployments" and "Deployment statuses"):
//! - `POST /repos/OWNER/NAME/deployments` with `ref` creates one (201). `auto_merge: false` keeps GitHub
//!   from merging the default branch into it, `required_contexts: []` from waiting for checks.
//! - `POST …/deployments/ID/statuses` takes the states `in_progress`, `success`, `failure` and `error`,
//!   `log_url`, `environment_url`, and a `description` of up to 140 characters.
//! - `GET /repos/OWNER/NAME/actions/runs/ID/approvals` lists the reviews of a run's deployments to protected environments:
//!   `state` (`approved`, `rejected`), `user.login`, `environments[].name`. It needs `actions: read`.
//! - The token needs `deployments: write`; in a workflow that is `permissions: {deployments: write}`.
//!   A token without it gets 403 "Resource not accessible by integration", or 404 for a repository
//!   that it cannot see.
//! - Headers: `Accept: application/vnd.github+json`, `X-GitHub-Api-Version: 2022-11-28`, a user agent.

use beanpole_model::Secret;
use reqwest::Method;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::api::{Access, Api, at_most};
use super::error::MarkerError;
use super::{Facts, PATIENCE};
use crate::announcement::State;
use crate::slack::Patience;

/// The address of github.com's API.
pub const ADDRESS: &str = "https://api.github.com";

const LONGEST_DESCRIPTION: usize = 140;

/// A repository in GitHub.
#[derive(Debug)]
pub struct GitHub {
    api: Api,
    repository: String,
    deployment: Option<u64>,
}

impl GitHub {
    /// A client. `repository` is `owner/name`, `address` replaces [`ADDRESS`].
    ///
    /// # Errors
    /// A token, a name or an address that cannot be used.
    pub fn new(
        token: &Secret,
        token_variable: &str,
        repository: &str,
        address: Option<&str>,
    ) -> Result<Self, MarkerError> {
        if !is_repository(repository) {
            return Err(MarkerError::Repository {
                variable: "GITHUB_REPOSITORY",
            });
        }
        let access = Access {
            service: "GitHub",
            address: address.unwrap_or(ADDRESS),
            address_setting: "GITHUB_API_URL",
            header: AUTHORIZATION,
            scheme: "Bearer ",
            token,
            token_variable,
            permission: "Give the token `deployments: write`; in a workflow: `permissions: \
                         {deployments: write}`.",
        };
        let mut headers = HeaderMap::new();
        headers.insert(
            ACCEPT,
            HeaderValue::from_static("application/vnd.github+json"),
        );
        headers.insert(
            HeaderName::from_static("x-github-api-version"),
            HeaderValue::from_static("2022-11-28"),
        );
        Ok(Self {
            api: Api::new(&access, headers, PATIENCE)?,
            repository: repository.to_owned(),
            deployment: None,
        })
    }

    /// Who approved a run's deployment, in the order of their reviews, each once; none if it needed no approval. `run` is the
    /// run's number.
    ///
    /// # Errors
    /// GitHub cannot be asked, or the token may not ask (`actions: read`).
    pub async fn approvers(&self, run: &str) -> Result<Option<String>, MarkerError> {
        let is_number = !run.is_empty() && run.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number {
            return Ok(None);
        }
        let path = format!("/repos/{}/actions/runs/{run}/approvals", self.repository);
        let answer = self.api.ask(&path).await?;
        Ok(approvers(&answer))
    }

    pub(super) fn hurry(&mut self, patience: Patience) {
        self.api.hurry(patience);
    }

    /// Creates the deployment, in progress.
    pub(super) async fn begin(&mut self, facts: &Facts) -> Result<(), MarkerError> {
        let body = json!({
            "ref": facts.commit.id,
            "environment": facts.environment,
            "auto_merge": false,
            "required_contexts": [],
            "description": at_most(&facts.commit.subject, LONGEST_DESCRIPTION),
        });
        let path = format!("/repos/{}/deployments", self.repository);
        let answer = self.api.send(Method::POST, &path, &body).await?;
        // 202 without an id means that a merge was made in place of it, which `auto_merge` forbids.
        let id = answer.get("id").and_then(Value::as_u64);
        self.deployment = Some(id.ok_or_else(|| self.api.odd(202))?);
        self.status(facts, "in_progress", "The release is under way")
            .await
    }

    /// Says how it ended; a deployment that could not be created before is created now.
    pub(super) async fn end(&mut self, facts: &Facts, state: State) -> Result<(), MarkerError> {
        if self.deployment.is_none() {
            self.begin(facts).await?;
        }
        let status = match state {
            State::Succeeded => "success",
            State::Failed | State::RolledBack => "failure",
            State::Running | State::Interrupted => "error",
        };
        let words = match &facts.details.version {
            Some(version) => format!("{}: {version}", state.words()),
            None => state.words().to_owned(),
        };
        self.status(facts, status, &words).await
    }

    async fn status(
        &self,
        facts: &Facts,
        state: &str,
        description: &str,
    ) -> Result<(), MarkerError> {
        let Some(id) = self.deployment else {
            return Ok(());
        };
        let mut body = json!({
            "state": state,
            "environment": facts.environment,
            "description": at_most(description, LONGEST_DESCRIPTION),
        });
        if let Some(body) = body.as_object_mut() {
            for (key, url) in [
                ("log_url", &facts.details.run_url),
                ("environment_url", &facts.url),
            ] {
                if let Some(url) = url {
                    body.insert(key.to_owned(), url.clone().into());
                }
            }
        }
        let path = format!("/repos/{}/deployments/{id}/statuses", self.repository);
        self.api.send(Method::POST, &path, &body).await.map(|_| ())
    }
}

fn approvers(answer: &Value) -> Option<String> {
    let mut names: Vec<&str> = Vec::new();
    for review in answer.as_array()? {
        let name = review.pointer("/user/login").and_then(Value::as_str);
        let is_approval = review.get("state").and_then(Value::as_str) == Some("approved");
        if let Some(name) = name.filter(|name| is_approval && !names.contains(name)) {
            names.push(name);
        }
    }
    (!names.is_empty()).then(|| names.join(", "))
}

/// `owner/name` of letters, digits, `-`, `_` and `.`, as GitHub has them. It becomes part of a path.
fn is_repository(text: &str) -> bool {
    let is_name = |name: &str| {
        !name.is_empty()
            && name.bytes().any(|byte| byte != b'.')
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    text.split_once('/')
        .is_some_and(|(owner, name)| is_name(owner) && is_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_approved_are_named_once() {
        let review = |state: &str, login: &str| json!({"state": state, "user": {"login": login}});
        let answer = json!([
            review("rejected", "eve"),
            review("approved", "ada"),
            review("approved", "grace"),
            review("approved", "ada"),
            {"state": "approved", "user": null},
        ]);
        assert_eq!(approvers(&answer).as_deref(), Some("ada, grace"));
        assert_eq!(approvers(&json!([])), None);
        assert_eq!(approvers(&json!({"message": "x"})), None);
    }

    #[test]
    fn a_repository_is_two_plain_names() {
        for good in ["acme/blog", "a-b/c_d.e"] {
            assert!(is_repository(good), "{good}");
        }
        for bad in [
            "acme", "acme/", "/blog", "a/b/c", "acme/..", "a b/c", "a/b?x",
        ] {
            assert!(!is_repository(bad), "{bad}");
        }
    }
}
