//! A stand-in for Slack, so that a rehearsal shows the announcements that a release would make.
//!
//! It answers under `/slack/api/METHOD` (bot tokens) and `/slack/services/...` (incoming webhooks) as
//! Slack does: the Web API says no with HTTP 200 and `ok: false`, webhooks say no with a status and one
//! word, and both answer 429 with `Retry-After` when the fault script says so. Messages stay in memory.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::faults::SlackAnswer;
use crate::server::{Dropped, form};
use crate::world::World;

/// Slack refuses a text longer than this many characters (`msg_too_long`).
const LONGEST_TEXT: usize = 40_000;
/// Slack refuses a message with more blocks than this (`invalid_blocks`).
const MOST_BLOCKS: usize = 50;
/// The longest texts of blocks (Block Kit reference): of a header, a section, and a section's field.
const LONGEST_HEADER: usize = 150;
const LONGEST_SECTION: usize = 3_000;
const LONGEST_FIELD: usize = 2_000;
/// A section has at most so many fields (Block Kit reference).
const MOST_FIELDS: usize = 10;
/// All texts of a message together (`msg_blocks_too_long`, slackapi/bolt-js issue 2509).
const LONGEST_BLOCKS: usize = 13_200;

/// A message that was posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlackMessage {
    /// The channel as the poster named it; `webhook` for one that came in through a webhook.
    pub channel: String,
    /// Its time stamp, which is its id.
    pub ts: String,
    /// Its present text; if it has blocks only, the texts of the blocks, one a line.
    pub text: String,
    /// How many times it was updated.
    pub updates: u32,
    /// The message it replies to, as a time stamp.
    pub thread: Option<String>,
}

/// The stand-in.
pub(crate) struct Slack {
    world: Arc<World>,
    messages: Mutex<Vec<SlackMessage>>,
}

type HttpAnswer = Response<Full<Bytes>>;

impl Slack {
    pub(crate) fn new(world: &Arc<World>) -> Self {
        Self {
            world: world.clone(),
            messages: Mutex::default(),
        }
    }

    /// What takes the place of `https://slack.com/api`.
    pub(crate) fn api_url(&self) -> String {
        format!("http://{}/slack/api", self.world.api_address)
    }

    /// All messages, oldest first.
    pub(crate) fn messages(&self) -> Vec<SlackMessage> {
        self.lock().clone()
    }

    /// Answers a request whose path begins with `/slack/`.
    pub(crate) fn answer(&self, parts: &Parts, body: &Bytes) -> Result<HttpAnswer, Dropped> {
        let path = parts.uri.path();
        if let Some(method) = path.strip_prefix("/slack/api/") {
            return match self.world.faults().slack(method) {
                None => Ok(json_answer(&self.call(method, parts, body))),
                Some(SlackAnswer::Refuse(error)) => Ok(json_answer(&refusal(&error))),
                Some(SlackAnswer::RateLimited(after)) => Ok(limited(after.as_secs())),
                Some(SlackAnswer::Unavailable) => Ok(text(StatusCode::SERVICE_UNAVAILABLE, "")),
                Some(SlackAnswer::Drop) => Err(Dropped),
            };
        }
        if path.starts_with("/slack/services/") {
            return match self.world.faults().slack("webhook") {
                None => Ok(self.webhook(parts, body)),
                Some(SlackAnswer::Refuse(error)) => Ok(text(StatusCode::BAD_REQUEST, &error)),
                Some(SlackAnswer::RateLimited(after)) => Ok(limited(after.as_secs())),
                Some(SlackAnswer::Unavailable) => Ok(text(StatusCode::SERVICE_UNAVAILABLE, "")),
                Some(SlackAnswer::Drop) => Err(Dropped),
            };
        }
        Ok(text(StatusCode::NOT_FOUND, "not_found"))
    }

    /// One method of the Web API.
    fn call(&self, method: &str, parts: &Parts, body: &Bytes) -> Value {
        let arguments = match arguments(parts, body) {
            Ok(arguments) => arguments,
            Err(error) => return refusal(error),
        };
        if let Some(error) = token_error(parts, &arguments) {
            return refusal(error);
        }
        let outcome = match method {
            "auth.test" => Ok(json!({
                "ok": true,
                "url": "https://rehearsal.slack.com/",
                "team": "Rehearsal",
                "user": "beanpole",
                "team_id": "T0REHEARSAL",
                "user_id": "U0REHEARSAL",
                "bot_id": "B0REHEARSAL",
                "is_enterprise_install": false,
            })),
            "chat.postMessage" => self.post(&arguments),
            "chat.update" => self.update(&arguments),
            "chat.delete" => self.delete(&arguments),
            _ => Err("unknown_method"),
        };
        outcome.unwrap_or_else(refusal)
    }

    fn post(&self, arguments: &Value) -> Result<Value, &'static str> {
        let channel = text_of(arguments, "channel").ok_or("channel_not_found")?;
        let content = content(arguments)?;
        let thread = text_of(arguments, "thread_ts").map(str::to_owned);
        if let Some(thread) = &thread {
            self.check_thread(channel, thread)?;
        }
        let ts = self.keep(channel, &content, thread.clone());
        let mut message = json!({
            "type": "message", "subtype": "bot_message", "text": content, "ts": ts,
            "user": "U0REHEARSAL", "bot_id": "B0REHEARSAL",
        });
        if let (Some(thread), Some(fields)) = (thread, message.as_object_mut()) {
            fields.insert("thread_ts".to_owned(), thread.into());
        }
        Ok(json!({ "ok": true, "channel": channel_id(channel), "ts": ts, "message": message }))
    }

    /// A thread begins with a message of the channel that is no reply itself. Slack is laxer: a reply
    /// to a message that is gone it puts into the channel. A release must never do that, so it is
    /// refused here.
    fn check_thread(&self, channel: &str, thread: &str) -> Result<(), &'static str> {
        let messages = self.lock();
        let head = messages
            .iter()
            .find(|message| {
                message.ts == thread && channel_id(&message.channel) == channel_id(channel)
            })
            .ok_or("thread_not_found")?;
        if head.thread.is_some() {
            return Err("cannot_reply_to_message");
        }
        Ok(())
    }

    /// Takes a message away. Its replies stay, as in Slack.
    fn delete(&self, arguments: &Value) -> Result<Value, &'static str> {
        let channel = text_of(arguments, "channel").ok_or("channel_not_found")?;
        let ts = text_of(arguments, "ts").ok_or("message_not_found")?;
        let mut messages = self.lock();
        let place = messages
            .iter()
            .position(|message| message.ts == ts && channel_id(&message.channel) == channel)
            .ok_or("message_not_found")?;
        messages.remove(place);
        Ok(json!({ "ok": true, "channel": channel, "ts": ts }))
    }

    fn update(&self, arguments: &Value) -> Result<Value, &'static str> {
        let channel = text_of(arguments, "channel").ok_or("channel_not_found")?;
        let ts = text_of(arguments, "ts").ok_or("message_not_found")?;
        // Slack takes a channel's name when posting, but its id only when updating.
        if !is_channel_id(channel) {
            return Err("channel_not_found");
        }
        let content = content(arguments)?;
        let mut messages = self.lock();
        let message = messages
            .iter_mut()
            .find(|message| message.ts == ts && channel_id(&message.channel) == channel)
            .ok_or("message_not_found")?;
        message.text.clone_from(&content);
        message.updates = message.updates.saturating_add(1);
        Ok(json!({
            "ok": true, "channel": channel, "ts": ts, "text": content,
            "message": { "type": "message", "text": content, "user": "U0REHEARSAL" },
        }))
    }

    fn webhook(&self, parts: &Parts, body: &Bytes) -> HttpAnswer {
        if parts.method != Method::POST {
            return text(StatusCode::BAD_REQUEST, "invalid_payload");
        }
        // Like Slack: `/services/T…/B…/secret`, and nothing about which part is wrong.
        if parts
            .uri
            .path()
            .trim_start_matches("/slack/services/")
            .split('/')
            .count()
            != 3
        {
            return text(StatusCode::NOT_FOUND, "no_service");
        }
        let Ok(arguments) = arguments(parts, body) else {
            return text(StatusCode::BAD_REQUEST, "invalid_payload");
        };
        match content(&arguments) {
            Ok(content) => {
                self.keep("webhook", &content, None);
                text(StatusCode::OK, "ok")
            }
            Err(error) => text(StatusCode::BAD_REQUEST, error),
        }
    }

    /// Keeps a message under a time stamp of its own.
    fn keep(&self, channel: &str, text: &str, thread: Option<String>) -> String {
        let mut messages = self.lock();
        let now = self.world.clock.now();
        // The count keeps stamps apart that fall into one microsecond of a fast clock.
        let micros = (now.subsec_nanosecond() / 1000 + i32::try_from(messages.len()).unwrap_or(0))
            % 1_000_000;
        let ts = format!("{}.{micros:06}", now.as_second());
        messages.push(SlackMessage {
            channel: channel.to_owned(),
            ts: ts.clone(),
            text: text.to_owned(),
            updates: 0,
            thread,
        });
        ts
    }

    fn lock(&self) -> MutexGuard<'_, Vec<SlackMessage>> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The arguments of a call: a JSON object, or a form whose `payload` may be JSON.
fn arguments(parts: &Parts, body: &Bytes) -> Result<Value, &'static str> {
    let kind = parts
        .headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if kind.starts_with("application/json") {
        let value: Value = serde_json::from_slice(body).map_err(|_| "invalid_json")?;
        return if value.is_object() {
            Ok(value)
        } else {
            Err("json_not_object")
        };
    }
    let mut fields = form::parse(body);
    if let Some(payload) = fields.remove("payload") {
        return serde_json::from_str(&payload).map_err(|_| "invalid_json");
    }
    let mut value: serde_json::Map<String, Value> = fields
        .into_iter()
        .map(|(name, text)| (name, Value::String(text)))
        .collect();
    // In a form, blocks are JSON inside a text.
    if let Some(Value::String(blocks)) = value.get("blocks") {
        let blocks = serde_json::from_str(blocks).map_err(|_| "invalid_blocks_format")?;
        value.insert("blocks".to_owned(), blocks);
    }
    Ok(Value::Object(value))
}

/// Any token is good except none and those that say what is wrong with them: `invalid…`, `revoked…`,
/// `expired…`.
fn token_error(parts: &Parts, arguments: &Value) -> Option<&'static str> {
    let header = parts
        .headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let token = header
        .and_then(|value| value.strip_prefix("Bearer "))
        .or_else(|| text_of(arguments, "token"));
    match token.map(str::trim) {
        None | Some("") => Some("not_authed"),
        Some(token) if token.starts_with("invalid") => Some("invalid_auth"),
        Some(token) if token.starts_with("revoked") => Some("token_revoked"),
        Some(token) if token.starts_with("expired") => Some("token_expired"),
        Some(_) => None,
    }
}

/// The text of a message, or the texts of its blocks.
fn content(arguments: &Value) -> Result<String, &'static str> {
    let blocks = match arguments.get("blocks") {
        None | Some(Value::Null) => &[],
        Some(Value::Array(blocks)) => blocks.as_slice(),
        Some(_) => return Err("invalid_blocks_format"),
    };
    if blocks.len() > MOST_BLOCKS || blocks.iter().any(|block| text_of(block, "type").is_none()) {
        return Err("invalid_blocks");
    }
    check_lengths(blocks)?;
    let plain = text_of(arguments, "text").unwrap_or_default();
    let text = if plain.is_empty() {
        blocks
            .iter()
            .filter_map(block_text)
            .collect::<Vec<_>>()
            .join("\n")
    } else {
        plain.to_owned()
    };
    let has_attachments = arguments
        .get("attachments")
        .and_then(Value::as_array)
        .is_some_and(|all| !all.is_empty());
    if text.is_empty() && blocks.is_empty() && !has_attachments {
        return Err("no_text");
    }
    if text.chars().count() > LONGEST_TEXT {
        return Err("msg_too_long");
    }
    Ok(text)
}

/// Refuses texts that are too long for their blocks, or for a message altogether.
fn check_lengths(blocks: &[Value]) -> Result<(), &'static str> {
    let mut total = 0;
    for block in blocks {
        let longest = match text_of(block, "type") {
            Some("header") => LONGEST_HEADER,
            _ => LONGEST_SECTION,
        };
        let length = block_text(block).map_or(0, |text| text.chars().count());
        let fields = block.get("fields").and_then(Value::as_array);
        let fields: Vec<usize> = fields
            .into_iter()
            .flatten()
            .map(|field| text_of(field, "text").map_or(0, |text| text.chars().count()))
            .collect();
        let is_too_long = length > longest || fields.iter().any(|field| *field > LONGEST_FIELD);
        if is_too_long || fields.len() > MOST_FIELDS {
            return Err("invalid_blocks");
        }
        total += length + fields.iter().sum::<usize>();
    }
    if total > LONGEST_BLOCKS {
        return Err("msg_blocks_too_long");
    }
    Ok(())
}

fn block_text(block: &Value) -> Option<&str> {
    block.pointer("/text/text").and_then(Value::as_str)
}

fn text_of<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value
        .get(name)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
}

/// The id that stands for a channel's name; an id stands for itself.
fn channel_id(channel: &str) -> String {
    if is_channel_id(channel) {
        return channel.to_owned();
    }
    let digest = hex::encode_upper(Sha256::digest(channel.trim_start_matches('#')));
    format!("C{}", digest.get(..10).unwrap_or_default())
}

/// `C`, `D` or `G` and at least eight capitals or digits.
fn is_channel_id(channel: &str) -> bool {
    channel.len() >= 9
        && channel.starts_with(['C', 'D', 'G'])
        && channel
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

fn refusal(error: &str) -> Value {
    json!({ "ok": false, "error": error })
}

fn json_answer(value: &Value) -> HttpAnswer {
    let mut answer = text(StatusCode::OK, &value.to_string());
    let kind = HeaderValue::from_static("application/json; charset=utf-8");
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    answer
}

fn limited(seconds: u64) -> HttpAnswer {
    let mut answer = json_answer(&refusal("ratelimited"));
    *answer.status_mut() = StatusCode::TOO_MANY_REQUESTS;
    answer
        .headers_mut()
        .insert(RETRY_AFTER, HeaderValue::from(seconds));
    answer
}

fn text(status: StatusCode, body: &str) -> HttpAnswer {
    let mut answer = Response::new(Full::new(Bytes::copy_from_slice(body.as_bytes())));
    *answer.status_mut() = status;
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
    answer
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;
    use crate::services::tests_support::world_with_faults;

    fn slack(script: &str) -> Slack {
        Slack::new(&world_with_faults(script))
    }

    fn send(
        slack: &Slack,
        path: &str,
        token: Option<&str>,
        body: &Value,
    ) -> (u16, String, HttpAnswer) {
        let mut request =
            Request::post(path).header(CONTENT_TYPE, "application/json; charset=utf-8");
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let answer = slack
            .answer(&parts, &Bytes::from(body.to_string()))
            .unwrap();
        let status = answer.status().as_u16();
        let text = body_of(answer.body());
        (status, text, answer)
    }

    fn body_of(body: &Full<Bytes>) -> String {
        use futures_util::FutureExt as _;
        use http_body_util::BodyExt as _;
        let bytes = body
            .clone()
            .collect()
            .now_or_never()
            .unwrap()
            .unwrap()
            .to_bytes();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    fn call(slack: &Slack, method: &str, body: &Value) -> Value {
        let (status, text, _) = send(slack, &format!("/slack/api/{method}"), Some("xoxb-1"), body);
        assert_eq!(status, 200);
        serde_json::from_str(&text).unwrap()
    }

    #[tokio::test]
    async fn posts_and_updates_by_channel_id() {
        let slack = slack("");
        let posted = call(
            &slack,
            "chat.postMessage",
            &json!({"channel": "#deploys", "text": "started"}),
        );
        assert_eq!(posted["ok"], true);
        let (channel, ts) = (&posted["channel"], &posted["ts"]);
        let by_name = json!({"channel": "#deploys", "ts": ts, "text": "done"});
        assert_eq!(
            call(&slack, "chat.update", &by_name)["error"],
            "channel_not_found"
        );
        let update = json!({"channel": channel, "ts": ts, "text": "done"});
        assert_eq!(call(&slack, "chat.update", &update)["ok"], true);
        let unknown = json!({"channel": channel, "ts": "1.000001", "text": "done"});
        assert_eq!(
            call(&slack, "chat.update", &unknown)["error"],
            "message_not_found"
        );
        let reply = json!({"channel": channel, "thread_ts": ts, "blocks": [
            {"type": "section", "text": {"type": "mrkdwn", "text": "a reply"}}]});
        assert_eq!(call(&slack, "chat.postMessage", &reply)["ok"], true);
        let messages = slack.messages();
        assert_eq!(
            (messages[0].text.as_str(), messages[0].updates),
            ("done", 1)
        );
        assert_eq!(messages[1].text, "a reply");
        assert_eq!(messages[1].thread.as_deref(), ts.as_str());
        assert_ne!(messages[0].ts, messages[1].ts);
    }

    #[tokio::test]
    async fn says_no_as_slack_does() {
        let slack = slack("");
        let error = |method: &str, token: Option<&str>, body: Value| {
            let (status, text, _) = send(&slack, &format!("/slack/api/{method}"), token, &body);
            assert_eq!(status, 200);
            serde_json::from_str::<Value>(&text).unwrap()["error"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        assert_eq!(error("auth.test", None, json!({})), "not_authed");
        assert_eq!(
            error("auth.test", Some("invalid-1"), json!({})),
            "invalid_auth"
        );
        assert_eq!(
            error("chat.postMessage", Some("x"), json!({"channel": "#a"})),
            "no_text"
        );
        assert_eq!(
            error("chat.postMessage", Some("x"), json!({"text": "a"})),
            "channel_not_found"
        );
        assert_eq!(error("users.list", Some("x"), json!({})), "unknown_method");
        let many = vec![json!({"type": "divider"}); 51];
        let body = json!({"channel": "#a", "blocks": many});
        assert_eq!(error("chat.postMessage", Some("x"), body), "invalid_blocks");
        assert!(slack.messages().is_empty());
    }

    #[tokio::test]
    async fn replies_need_a_thread_of_their_channel() {
        let slack = slack("");
        let head = call(
            &slack,
            "chat.postMessage",
            &json!({"channel": "#a", "text": "head"}),
        );
        let reply = |thread: &Value, channel: &str| {
            let body = json!({"channel": channel, "text": "more", "thread_ts": thread});
            call(&slack, "chat.postMessage", &body)
        };
        let posted = reply(&head["ts"], "#a");
        assert_eq!(posted["message"]["thread_ts"], head["ts"]);
        assert_eq!(reply(&head["ts"], "#b")["error"], "thread_not_found");
        assert_eq!(reply(&json!("1.2"), "#a")["error"], "thread_not_found");
        let error = reply(&posted["ts"], "#a");
        assert_eq!(error["error"], "cannot_reply_to_message");
        let gone = json!({"channel": head["channel"], "ts": head["ts"]});
        assert_eq!(call(&slack, "chat.delete", &gone)["ok"], true);
        assert_eq!(reply(&head["ts"], "#a")["error"], "thread_not_found");
    }

    #[tokio::test]
    async fn texts_that_are_too_long_are_refused() {
        let slack = slack("");
        let error = |blocks: Value| {
            let body = json!({"channel": "#a", "text": "t", "blocks": blocks});
            call(&slack, "chat.postMessage", &body)["error"].clone()
        };
        let section = |length: usize| json!({"type": "section", "text": {"type": "mrkdwn", "text": "x".repeat(length)}});
        let header = json!({"type": "header", "text": {"text": "x".repeat(151)}});
        let field = json!({"type": "section", "fields": [{"text": "x".repeat(2001)}]});
        let fields = json!({"type": "section", "fields": vec![json!({"text": "x"}); 11]});
        for block in [section(3001), header, field, fields] {
            assert_eq!(error(json!([block])), "invalid_blocks");
        }
        assert_eq!(error(json!(vec![section(3000); 5])), "msg_blocks_too_long");
        assert_eq!(error(json!(vec![section(3000); 4])), Value::Null);
    }

    #[tokio::test]
    async fn a_webhook_answers_ok_in_plain_text() {
        let slack = slack("");
        let (status, text, _) = send(
            &slack,
            "/slack/services/T1/B1/abc",
            None,
            &json!({"text": "hi"}),
        );
        assert_eq!((status, text.as_str()), (200, "ok"));
        let (status, text, _) = send(&slack, "/slack/services/T1/B1/abc", None, &json!({}));
        assert_eq!((status, text.as_str()), (400, "no_text"));
        let (status, text, _) = send(&slack, "/slack/services/T1", None, &json!({"text": "hi"}));
        assert_eq!((status, text.as_str()), (404, "no_service"));
        assert_eq!(slack.messages().len(), 1);
    }

    #[tokio::test]
    async fn the_fault_script_limits_and_refuses() {
        let slack = slack(
            "slack:\n  - {method: chat.postMessage, fault: {rate-limited: 3s}}\n  - {method: chat.postMessage, fault: {refuse: is_archived}}",
        );
        let body = json!({"channel": "#a", "text": "b"});
        let (status, _, answer) = send(&slack, "/slack/api/chat.postMessage", Some("x"), &body);
        assert_eq!(
            (status, answer.headers()[RETRY_AFTER].to_str().unwrap()),
            (429, "3")
        );
        assert_eq!(
            call(&slack, "chat.postMessage", &body)["error"],
            "is_archived"
        );
        assert_eq!(call(&slack, "chat.postMessage", &body)["ok"], true);
    }
}
