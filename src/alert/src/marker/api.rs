//! One small HTTP client for all services that are told about releases: JSON in, JSON out, and the one
//! place for their retries.
//!
//! What is retried: lost connections, missing answers, HTTP 5xx, and limits after the pause that the
//! service asks for. A pause that does not fit into the time that is left fails at once. Everything
//! else is permanent. A repeat after a missing answer can leave two marks; one too many is better than
//! none.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use beanpole_model::Secret;
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use serde_json::Value;
use tokio::time::Instant;

use super::error::MarkerError;
use crate::destination;
use crate::slack::{Patience, pause, read};

/// The longest text of a service's answer that is kept, in characters.
const LONGEST_SAID: usize = 200;

/// How a service is reached.
pub(crate) struct Access<'a> {
    /// Its name, for people.
    pub(crate) service: &'static str,
    /// The address without a slash at its end.
    pub(crate) address: &'a str,
    /// Where the address came from.
    pub(crate) address_setting: &'a str,
    /// The header that carries the token.
    pub(crate) header: HeaderName,
    /// What stands before the token in the header: `Bearer `.
    pub(crate) scheme: &'static str,
    /// The token.
    pub(crate) token: &'a Secret,
    /// The variable that the token came from.
    pub(crate) token_variable: &'a str,
    /// What the token must be allowed to do, as a hint.
    pub(crate) permission: &'static str,
}

/// A client for one service.
#[derive(Clone)]
pub(crate) struct Api {
    http: reqwest::Client,
    service: &'static str,
    permission: &'static str,
    address: String,
    patience: Patience,
}

impl std::fmt::Debug for Api {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Api").field(&self.service).finish()
    }
}

impl Api {
    /// A client. Nothing is sent yet.
    pub(crate) fn new(
        access: &Access<'_>,
        mut headers: HeaderMap,
        patience: Patience,
    ) -> Result<Self, MarkerError> {
        let address = access.address.trim_end_matches('/');
        if !destination::is_usable(address) {
            return Err(MarkerError::Address {
                setting: access.address_setting.to_owned(),
            });
        }
        let text = format!("{}{}", access.scheme, access.token.expose().trim());
        let mut token = HeaderValue::try_from(text).map_err(|_| MarkerError::Token {
            variable: access.token_variable.to_owned(),
        })?;
        // Sensitive values are left out of the transport's own logs.
        token.set_sensitive(true);
        headers.insert(access.header.clone(), token);
        // A redirect would carry the token elsewhere.
        let mut builder = reqwest::Client::builder()
            .redirect(Policy::none())
            .default_headers(headers)
            .user_agent(concat!("beanpole/", env!("CARGO_PKG_VERSION")));
        if destination::is_on_this_machine(address) {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|source| MarkerError::Client {
            service: access.service,
            source: source.without_url(),
        })?;
        Ok(Self {
            http,
            service: access.service,
            permission: access.permission,
            address: address.to_owned(),
            patience,
        })
    }

    /// Another patience than the one it was made with.
    pub(crate) const fn hurry(&mut self, patience: Patience) {
        self.patience = patience;
    }

    /// Asks until there is an answer, it fails for good, or the time is up.
    pub(crate) async fn ask(&self, path: &str) -> Result<Value, MarkerError> {
        self.exchange(Method::GET, path, None).await
    }

    /// Sends until it works, fails for good, or the time is up.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Result<Value, MarkerError> {
        self.exchange(method, path, Some(body)).await
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, MarkerError> {
        let started = Instant::now();
        let backoff = ExponentialBuilder::default()
            .with_min_delay(self.patience.first_pause)
            .with_factor(2.0)
            .with_jitter()
            .without_max_times();
        let left = || self.patience.total.saturating_sub(started.elapsed());
        (|| {
            let time = self.patience.per_request.min(left());
            self.attempt(method.clone(), path, body, time)
        })
        .retry(backoff)
        .sleep(tokio::time::sleep)
        .when(MarkerError::is_passing)
        .adjust(|error, pause| {
            let pause = match error {
                MarkerError::RateLimited { pause, .. } => Some(*pause),
                _ => pause,
            };
            pause.filter(|pause| *pause < left())
        })
        .await
    }

    async fn attempt(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        time: Duration,
    ) -> Result<Value, MarkerError> {
        let service = self.service;
        let mut request = self.http.request(method, format!("{}{path}", self.address));
        if let Some(body) = body {
            request = request.json(body);
        }
        let exchange = async {
            let response = request.send().await?;
            let status = response.status().as_u16();
            let headers = response.headers().clone();
            let body = read(response).await?;
            Ok::<_, reqwest::Error>((status, headers, body))
        };
        let (status, headers, body) = match tokio::time::timeout(time, exchange).await {
            Err(_) => return Err(MarkerError::NoAnswer { service, time }),
            Ok(Err(source)) => {
                return Err(MarkerError::Network {
                    service,
                    source: source.without_url(),
                });
            }
            Ok(Ok(parts)) => parts,
        };
        self.judge(status, &headers, &body)
    }

    /// A refusal in the service's own words.
    pub(crate) fn refused(&self, status: u16, said: Option<String>) -> MarkerError {
        MarkerError::Refused {
            service: self.service,
            status,
            said,
            permission: self.permission,
        }
    }

    /// An answer that lacks what the service always gives.
    pub(crate) const fn odd(&self, status: u16) -> MarkerError {
        MarkerError::NotTheService {
            service: self.service,
            status,
        }
    }

    fn judge(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> Result<Value, MarkerError> {
        let service = self.service;
        if let Some(pause) = limit(status, headers) {
            return Err(MarkerError::RateLimited { service, pause });
        }
        let answer: Option<Value> = serde_json::from_slice(body).ok();
        match (status, answer) {
            (500.., _) => Err(MarkerError::Trouble { service, status }),
            (200..300, Some(answer)) => Ok(answer),
            (400..500, answer) => Err(self.refused(status, answer.as_ref().and_then(words))),
            _ => Err(self.odd(status)),
        }
    }
}

/// The pause that the service asks for, if the answer is a limit: HTTP 429, and GitHub's 403 with
/// `Retry-After` or with nothing left of the limit (docs.github.com, "Rate limits for the REST API").
fn limit(status: u16, headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<i64>().ok();
    let is_used_up = number("x-ratelimit-remaining") == Some(0);
    let is_limit =
        status == 429 || (status == 403 && (headers.contains_key(RETRY_AFTER) || is_used_up));
    if !is_limit {
        return None;
    }
    if !headers.contains_key(RETRY_AFTER)
        && is_used_up
        && let Some(reset) = number("x-ratelimit-reset")
    {
        let seconds = reset - jiff::Timestamp::now().as_second();
        return Some(Duration::from_secs(
            u64::try_from(seconds).unwrap_or(1).max(1),
        ));
    }
    Some(pause(headers))
}

/// What an answer says about its refusal: `message` (GitHub, Rollbar), `detail` (Sentry).
fn words(answer: &Value) -> Option<String> {
    ["message", "detail"]
        .into_iter()
        .find_map(|key| answer.get(key)?.as_str())
        .map(short)
}

/// One line without control characters, cut short.
pub(crate) fn short(text: &str) -> String {
    crate::text::one_line(&crate::text::without_terminal_codes(text))
        .chars()
        .take(LONGEST_SAID)
        .collect()
}

/// The first `limit` characters: services refuse longer texts.
pub(crate) fn at_most(text: &str, limit: usize) -> String {
    text.chars().take(limit).collect()
}
