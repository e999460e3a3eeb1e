//! Slack over HTTP: one post, one change, the reading of answers, and the one place for retries.
//!
//! What is retried: lost connections, missing answers, HTTP 5xx, Slack's own codes for trouble, and
//! HTTP 429 after the pause that `Retry-After` asks for. A pause that does not fit into the total
//! deadline is not shortened: the request fails at once, for an early repeat would be refused again.
//! Everything else is permanent and stops at once. A repeat after a missing answer can post a message
//! twice; a message too many is better than a failed release that nobody hears of.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::destination::Destination;
use crate::error::Error;
use crate::render::Message;

/// The most bytes of an answer that are read. Slack's are a few hundred.
const ANSWER_LIMIT: usize = 256 * 1024;
/// The pause that is assumed when a 429 names none, in seconds (Slack's own SDKs assume one).
const ASSUMED_PAUSE: Duration = Duration::from_secs(1);
/// The method that posts.
const POST: &str = "chat.postMessage";
/// The longest description of a fault that is kept from an answer, in characters.
const MESSAGE_PART: usize = 200;

/// How long to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// The longest wait for one answer.
    pub per_request: Duration,
    /// The longest time for all attempts and the pauses between them.
    pub total: Duration,
    /// The first pause between attempts; it doubles each time, with jitter.
    pub first_pause: Duration,
}

impl Patience {
    /// For a state that must arrive: 10 s an answer, 60 s in all.
    pub const FINAL: Self = Self {
        per_request: Duration::from_secs(10),
        total: Duration::from_secs(60),
        first_pause: Duration::from_millis(500),
    };
    /// For a state that the next one replaces anyway: 10 s an answer, 15 s in all.
    pub const INTERMEDIATE: Self = Self {
        total: Duration::from_secs(15),
        ..Self::FINAL
    };

    /// What is left of it for another request of the same work.
    pub(crate) fn since(self, started: Instant) -> Self {
        Self {
            total: self.total.saturating_sub(started.elapsed()),
            ..self
        }
    }
}

/// Which message is ours. Keep it to change the message from another process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The channel's id, as Slack answered it.
    pub channel: String,
    /// The message's timestamp, which is its id within the channel.
    pub ts: String,
}

/// A client for one destination.
#[derive(Clone)]
pub struct Slack {
    http: reqwest::Client,
    destination: Destination,
}

impl std::fmt::Debug for Slack {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_tuple("Slack")
            .field(&self.destination)
            .finish()
    }
}

impl Slack {
    /// A client. Nothing is sent yet.
    ///
    /// # Errors
    /// [`Error::Client`] if TLS cannot be set up.
    pub fn new(destination: Destination) -> Result<Self, Error> {
        // A redirect would carry the secret elsewhere.
        let mut builder = reqwest::Client::builder()
            .redirect(Policy::none())
            .user_agent(concat!("beanpole/", env!("CARGO_PKG_VERSION")));
        if destination.is_local() {
            builder = builder.no_proxy();
        }
        let http = builder
            .build()
            .map_err(|error| Error::Client(error.without_url()))?;
        Ok(Self { http, destination })
    }

    /// Where this client posts.
    #[must_use]
    pub const fn destination(&self) -> &Destination {
        &self.destination
    }

    /// Posts a new message. Returns its identity, or `None` by webhook.
    ///
    /// # Errors
    /// The last failure once `patience` is used up, or the first permanent one.
    pub async fn post(
        &self,
        message: &Message,
        patience: Patience,
    ) -> Result<Option<Identity>, Error> {
        match &self.destination {
            Destination::Webhook { .. } => {
                let body = json!({ "text": message.text, "blocks": message.blocks });
                self.send("webhook", &body, patience).await?;
                Ok(None)
            }
            Destination::Bot { channel, .. } => {
                let body = json!({
                    "channel": channel,
                    "text": message.text,
                    "blocks": message.blocks,
                    "unfurl_links": false,
                    "unfurl_media": false,
                });
                let answer = self.send(POST, &body, patience).await?;
                // Without an identity every change would become one more message.
                answer.identity().map(Some).ok_or_else(|| Error::NotSlack {
                    doing: POST,
                    status: 200,
                    content: "without `channel` and `ts`".to_owned(),
                })
            }
        }
    }

    /// Changes a message that this bot posted. Text and blocks go together: text alone would remove
    /// the blocks.
    ///
    /// # Errors
    /// As [`Self::post`]; also when the destination is a webhook, which cannot change messages.
    pub async fn update(
        &self,
        identity: &Identity,
        message: &Message,
        patience: Patience,
    ) -> Result<(), Error> {
        if !self.destination.can_update() {
            return Err(Error::Refused {
                doing: "chat.update",
                code: "cant_update_message".to_owned(),
                messages: vec!["an incoming webhook cannot change its messages".to_owned()],
            });
        }
        let body = json!({
            "channel": identity.channel,
            "ts": identity.ts,
            "text": message.text,
            "blocks": message.blocks,
        });
        self.send("chat.update", &body, patience).await.map(|_| ())
    }

    /// Posts a message into the thread of another one.
    ///
    /// Slack refuses no reply to a message that was deleted meanwhile: it posts the reply to the
    /// channel and leaves `thread_ts` out of its answer (slack-go/slack issue 1571). Such a stray
    /// message is deleted again, and the reply counts as refused.
    ///
    /// # Errors
    /// As [`Self::post`]; [`Error::asks_for_a_new_message`] if there is no such thread.
    pub async fn reply(
        &self,
        head: &Identity,
        message: &Message,
        patience: Patience,
    ) -> Result<Identity, Error> {
        if !self.destination.can_update() {
            return Err(Error::Refused {
                doing: POST,
                code: "cannot_reply_to_message".to_owned(),
                messages: vec!["an incoming webhook has no threads".to_owned()],
            });
        }
        let body = json!({
            "channel": head.channel,
            "thread_ts": head.ts,
            "text": message.text,
            "blocks": message.blocks,
            "unfurl_links": false,
            "unfurl_media": false,
        });
        let answer = self.send(POST, &body, patience).await?;
        let is_threaded = answer.thread_ts() == Some(head.ts.as_str());
        let identity = answer.identity();
        match identity {
            Some(identity) if is_threaded => return Ok(identity),
            Some(stray) => self.remove(&stray, patience).await,
            None => {}
        }
        Err(Error::Refused {
            doing: POST,
            code: "thread_not_found".to_owned(),
            messages: Vec::new(),
        })
    }

    /// Deletes a message that this bot posted; that it stays is no reason to fail.
    async fn remove(&self, stray: &Identity, patience: Patience) {
        let body = json!({ "channel": stray.channel, "ts": stray.ts });
        if let Err(error) = self.send("chat.delete", &body, patience).await {
            tracing::debug!("a stray reply stays in the channel: {}", error.summary());
        }
    }

    /// Sends until it works, fails for good, or the time is up.
    async fn send(
        &self,
        doing: &'static str,
        body: &Value,
        patience: Patience,
    ) -> Result<Answer, Error> {
        let started = Instant::now();
        let backoff = ExponentialBuilder::default()
            .with_min_delay(patience.first_pause)
            .with_factor(2.0)
            .with_jitter()
            .without_max_times();
        let left = || patience.total.saturating_sub(started.elapsed());
        (|| self.attempt(doing, body, patience.per_request.min(left())))
            .retry(backoff)
            .sleep(tokio::time::sleep)
            .when(Error::is_passing)
            .adjust(|error, pause| {
                let pause = match error {
                    Error::RateLimited { pause, .. } => Some(*pause),
                    _ => pause,
                };
                pause.filter(|pause| *pause < left())
            })
            .notify(|error, pause| {
                tracing::debug!(pause_ms = pause.as_millis(), "{doing} again: {error}");
            })
            .await
    }

    /// One request and the reading of its answer.
    async fn attempt(
        &self,
        doing: &'static str,
        body: &Value,
        time: Duration,
    ) -> Result<Answer, Error> {
        let request = match &self.destination {
            Destination::Webhook { url } => self.http.post(url.expose()),
            Destination::Bot { token, api_url, .. } => {
                let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.expose()))
                    .map_err(|_| Error::Token {
                        token_variable: "the settings".to_owned(),
                    })?;
                // Sensitive values are left out of the transport's own logs.
                bearer.set_sensitive(true);
                self.http
                    .post(format!("{api_url}/{doing}"))
                    .header(AUTHORIZATION, bearer)
            }
        };
        let exchange = async {
            // Slack warns about JSON without a charset.
            let response = request
                .header(CONTENT_TYPE, "application/json; charset=utf-8")
                .body(body.to_string())
                .send()
                .await?;
            let status = response.status().as_u16();
            let headers = response.headers().clone();
            let body = read(response).await?;
            Ok::<_, reqwest::Error>((status, headers, body))
        };
        let (status, headers, body) = match tokio::time::timeout(time, exchange).await {
            Err(_) => return Err(Error::NoAnswer { doing, time }),
            Ok(Err(error)) => {
                return Err(Error::Network {
                    doing,
                    source: error.without_url(),
                });
            }
            Ok(Ok(parts)) => parts,
        };
        read_answer(
            doing,
            self.destination.can_update(),
            status,
            &headers,
            &body,
        )
    }
}

/// Reads at most [`ANSWER_LIMIT`] bytes.
pub(crate) async fn read(mut response: reqwest::Response) -> Result<Vec<u8>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        body.extend_from_slice(&chunk);
        if body.len() >= ANSWER_LIMIT {
            body.truncate(ANSWER_LIMIT);
            break;
        }
    }
    Ok(body)
}

/// What Slack answers to a Web API call.
#[derive(Debug, Default, Deserialize)]
struct Answer {
    #[serde(default)]
    ok: bool,
    error: Option<String>,
    channel: Option<String>,
    ts: Option<String>,
    message: Option<Posted>,
    response_metadata: Option<Metadata>,
}

/// The message as Slack has it now; only what says whether it stands in a thread.
#[derive(Debug, Default, Deserialize)]
struct Posted {
    thread_ts: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    messages: Vec<String>,
}

impl Answer {
    fn thread_ts(&self) -> Option<&str> {
        self.message.as_ref()?.thread_ts.as_deref()
    }

    fn identity(self) -> Option<Identity> {
        Some(Identity {
            channel: self.channel?,
            ts: self.ts?,
        })
    }
}

/// Judges an answer. The Web API says errors with HTTP 200 and `ok: false`; a webhook says `ok` as
/// plain text, or an error code with a 4xx status.
fn read_answer(
    doing: &'static str,
    is_api: bool,
    status: u16,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Answer, Error> {
    if status == 429 {
        return Err(Error::RateLimited {
            doing,
            pause: pause(headers),
        });
    }
    if status >= 500 {
        return Err(Error::Trouble {
            doing,
            answer: format!("HTTP {status}"),
        });
    }
    let text = String::from_utf8_lossy(body);
    if is_api {
        let answer: Option<Answer> = serde_json::from_slice(body).ok();
        return match answer {
            Some(answer) if answer.ok && (200..300).contains(&status) => Ok(answer),
            Some(Answer {
                error: Some(code),
                response_metadata,
                ..
            }) if is_code(&code) => Err(judge(
                doing,
                code,
                &response_metadata.unwrap_or_default().messages,
                headers,
            )),
            _ => Err(Error::NotSlack {
                doing,
                status,
                content: content(headers, body),
            }),
        };
    }
    let word = text.trim();
    match status {
        200..300 if word == "ok" => Ok(Answer {
            ok: true,
            ..Answer::default()
        }),
        400..500 if is_code(word) => Err(judge(doing, word.to_owned(), &[], headers)),
        // What a removed webhook answers, whatever the page says.
        403 | 404 | 410 => Err(judge(doing, format!("HTTP {status}"), &[], headers)),
        _ => Err(Error::NotSlack {
            doing,
            status,
            content: content(headers, body),
        }),
    }
}

/// Sorts Slack's error codes into passing and permanent ones (API reference, errors of
/// `chat.postMessage`).
fn judge(doing: &'static str, code: String, messages: &[String], headers: &HeaderMap) -> Error {
    match code.as_str() {
        "ratelimited" | "rate_limited" => Error::RateLimited {
            doing,
            pause: pause(headers),
        },
        "internal_error"
        | "fatal_error"
        | "service_unavailable"
        | "request_timeout"
        | "rollup_error" => Error::Trouble {
            doing,
            answer: code,
        },
        _ => {
            let messages = messages
                .iter()
                .take(5)
                .map(|message| message.chars().take(MESSAGE_PART).collect())
                .collect();
            Error::Refused {
                doing,
                code,
                messages,
            }
        }
    }
}

/// Slack's codes are short words with underscores. Other text of an answer is not repeated: it could
/// hold anything.
fn is_code(text: &str) -> bool {
    (2..=64).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

/// `Retry-After` in seconds or as an HTTP date (RFC 9110, 10.2.3).
pub(crate) fn pause(headers: &HeaderMap) -> Duration {
    let Some(value) = headers
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
    else {
        return ASSUMED_PAUSE;
    };
    if let Ok(seconds) = value.trim().parse::<u64>() {
        return Duration::from_secs(seconds);
    }
    jiff::fmt::rfc2822::parse(value)
        .ok()
        .and_then(|date| {
            let wait = date.timestamp().duration_since(jiff::Timestamp::now());
            Duration::try_from(wait).ok()
        })
        .unwrap_or(ASSUMED_PAUSE)
}

fn content(headers: &HeaderMap, body: &[u8]) -> String {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .filter(|value| value.len() <= 60)
        .unwrap_or("no content type");
    format!("{kind}, {} bytes", body.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(is_api: bool, status: u16, body: &str) -> Result<Answer, Error> {
        read_answer("x", is_api, status, &HeaderMap::new(), body.as_bytes())
    }

    #[test]
    fn an_http_200_can_be_a_refusal() {
        let error = answer(true, 200, r#"{"ok":false,"error":"channel_not_found"}"#).unwrap_err();
        assert!(matches!(&error, Error::Refused { code, .. } if code == "channel_not_found"));
        let passing = answer(true, 200, r#"{"ok":false,"error":"internal_error"}"#).unwrap_err();
        assert!(passing.is_passing());
    }

    #[test]
    fn a_page_is_not_an_answer() {
        for (is_api, status) in [(true, 200), (false, 200), (true, 404), (true, 302)] {
            let error = answer(is_api, status, "<html>planted</html>").unwrap_err();
            assert!(matches!(error, Error::NotSlack { .. }), "{error:?}");
            assert!(!format!("{error:?}").contains("planted"));
        }
        assert!(answer(true, 503, "<html>").unwrap_err().is_passing());
    }

    #[test]
    fn a_webhook_says_ok_or_a_word() {
        assert!(answer(false, 200, "ok\n").is_ok());
        for (status, body, code) in [
            (404, "no_service", "no_service"),
            (403, "invalid_token", "invalid_token"),
            (410, "channel_is_archived", "channel_is_archived"),
            (410, "<html>gone</html>", "HTTP 410"),
        ] {
            let error = answer(false, status, body).unwrap_err();
            assert!(matches!(&error, Error::Refused { code: found, .. } if found == code));
            assert!(error.is_final());
        }
    }

    #[test]
    fn retry_after_in_both_forms() {
        let mut headers = HeaderMap::new();
        assert_eq!(pause(&headers), ASSUMED_PAUSE);
        headers.insert(RETRY_AFTER, HeaderValue::from_static("7"));
        assert_eq!(pause(&headers), Duration::from_secs(7));
        headers.insert(
            RETRY_AFTER,
            HeaderValue::from_static("Mon, 21 Oct 2199 07:28:00 GMT"),
        );
        assert!(pause(&headers) > Duration::from_secs(3600));
        headers.insert(RETRY_AFTER, HeaderValue::from_static("soon"));
        assert_eq!(pause(&headers), ASSUMED_PAUSE);
    }
}
