//! The sending, against an HTTP server that answers as Slack does.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests stand outside of #[test]"
)]

use std::time::Duration;

use beanpole_alert::{
    Announcement, Announcer, Delivery, Destination, Identity, Live, Patience, Skip, Slack, State,
};
use beanpole_model::{Event, Reporter as _, Secret, SecretScrubber, StepOutcome};
use serde_json::{Value, json};
use wiremock::matchers::{body_partial_json, header, method, path};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

const TOKEN: &str = "xoxb-planted-token-4711";
const PASSWORD: &str = "planted-password-0815";
const QUICK: Patience = Patience {
    per_request: Duration::from_millis(300),
    total: Duration::from_millis(2500),
    first_pause: Duration::from_millis(20),
};

fn announcement() -> Announcement {
    Announcement::new("blog to production", "blog", "blog-production")
}

fn in_state(state: State) -> Announcement {
    Announcement {
        state,
        ..announcement()
    }
}

fn bot(server: &MockServer) -> Announcer {
    let destination =
        Destination::bot(Secret::new(TOKEN), "#releases", Some(&server.uri())).unwrap();
    announcer(destination)
}

fn webhook(server: &MockServer) -> Announcer {
    let url = Secret::new(format!("{}/services/T/B/{PASSWORD}", server.uri()));
    announcer(Destination::webhook(url, "SLACK_WEBHOOK_URL").unwrap())
}

fn announcer(destination: Destination) -> Announcer {
    Announcer::new(Slack::new(destination).unwrap(), SecretScrubber::default())
        .with_debounce(Duration::ZERO)
        .with_patience(QUICK, QUICK)
}

/// Slack's yes. A reply's answer says in which thread it stands.
fn posted() -> Threaded {
    Threaded { delay: None }
}

#[derive(Clone, Copy)]
struct Threaded {
    delay: Option<Duration>,
}

impl Threaded {
    fn set_delay(self, delay: Duration) -> Self {
        Self { delay: Some(delay) }
    }
}

impl Respond for Threaded {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let sent: Value = serde_json::from_slice(&request.body).unwrap();
        let thread = sent.get("thread_ts").cloned().unwrap_or_default();
        let (ts, message) = if thread.is_null() {
            ("1700000000.000100", json!({}))
        } else {
            ("1700000000.000200", json!({ "thread_ts": thread }))
        };
        let answer = ResponseTemplate::new(200).set_body_json(json!({
            "ok": true, "channel": "C123", "ts": ts, "message": message
        }));
        match self.delay {
            Some(delay) => answer.set_delay(delay),
            None => answer,
        }
    }
}

fn refused(code: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({ "ok": false, "error": code }))
}

async fn answer(server: &MockServer, api_method: &str, response: impl Respond + 'static) {
    Mock::given(method("POST"))
        .and(path(api_method))
        .respond_with(response)
        .mount(server)
        .await;
}

async fn paths(server: &MockServer) -> Vec<String> {
    let requests = server.received_requests().await.unwrap();
    requests
        .iter()
        .map(|request| request.url.path().to_owned())
        .collect()
}

fn sent_text(request: &Request) -> String {
    String::from_utf8(request.body.clone()).unwrap()
}

fn reason(delivery: &Delivery) -> (&str, &str) {
    match delivery {
        Delivery::Failed { reason, hint } => (reason, hint.as_deref().unwrap_or("")),
        other => panic!("expected a failure, got {other:?}"),
    }
}

#[tokio::test]
async fn a_bot_posts_once_and_then_changes_its_message() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/chat.postMessage"))
        .and(header("authorization", format!("Bearer {TOKEN}").as_str()))
        .and(header("content-type", "application/json; charset=utf-8"))
        .and(body_partial_json(
            json!({ "channel": "#releases", "unfurl_links": false }),
        ))
        .respond_with(posted())
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(method("POST"))
        .and(path("/chat.update"))
        .and(body_partial_json(
            json!({ "channel": "C123", "ts": "1700000000.000100" }),
        ))
        .respond_with(posted())
        .expect(1)
        .mount(&server)
        .await;

    let mut announcer = bot(&server);
    let identity = Identity {
        channel: "C123".into(),
        ts: "1700000000.000100".into(),
    };
    let sent = Delivery::Sent {
        identity: Some(identity.clone()),
    };
    assert_eq!(announcer.announce(&announcement()).await, sent);
    assert_eq!(
        announcer.announce(&announcement()).await,
        Delivery::Skipped {
            reason: Skip::Unchanged
        }
    );
    assert_eq!(announcer.announce(&in_state(State::Succeeded)).await, sent);
    assert_eq!(announcer.identity(), Some(&identity));

    // Text and blocks travel together: text alone would remove the blocks.
    let requests = server.received_requests().await.unwrap();
    let update: Value = serde_json::from_slice(&requests[1].body).unwrap();
    assert!(update["blocks"].as_array().unwrap().len() >= 2);
    assert!(update["text"].as_str().unwrap().contains("released"));
}

#[tokio::test]
async fn a_message_of_an_earlier_process_is_changed() {
    let server = MockServer::start().await;
    answer(&server, "/chat.update", posted()).await;
    let identity = Identity {
        channel: "C123".into(),
        ts: "1.2".into(),
    };
    let delivery = bot(&server)
        .resume(identity)
        .announce(&in_state(State::Failed))
        .await;
    assert!(delivery.is_fine());
    assert_eq!(paths(&server).await, ["/chat.update"]);
}

#[tokio::test]
async fn a_deleted_message_is_posted_anew() {
    let server = MockServer::start().await;
    answer(&server, "/chat.update", refused("message_not_found")).await;
    answer(&server, "/chat.postMessage", posted()).await;
    let identity = Identity {
        channel: "C123".into(),
        ts: "1.2".into(),
    };
    let mut announcer = bot(&server).resume(identity);
    assert!(
        announcer
            .announce(&in_state(State::RolledBack))
            .await
            .is_fine()
    );
    assert_eq!(paths(&server).await, ["/chat.update", "/chat.postMessage"]);
    assert_eq!(announcer.identity().unwrap().ts, "1700000000.000100");
}

#[tokio::test]
async fn changes_are_debounced_but_the_end_is_not() {
    let server = MockServer::start().await;
    answer(&server, "/chat.postMessage", posted()).await;
    answer(&server, "/chat.update", posted()).await;
    let mut announcer = bot(&server).with_debounce(Duration::from_secs(3600));
    announcer.announce(&announcement()).await;
    let mut second = announcement();
    second.details.version = Some("v2".into());
    assert_eq!(
        announcer.announce(&second).await,
        Delivery::Skipped {
            reason: Skip::TooSoon
        }
    );
    assert!(
        announcer
            .announce(&in_state(State::Interrupted))
            .await
            .is_fine()
    );
    assert_eq!(paths(&server).await, ["/chat.postMessage", "/chat.update"]);
}

#[tokio::test]
async fn retry_after_is_honoured() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(429).insert_header("Retry-After", "1"))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    answer(&server, "/chat.postMessage", posted()).await;
    let started = std::time::Instant::now();
    assert!(bot(&server).announce(&announcement()).await.is_fine());
    assert!(
        started.elapsed() >= Duration::from_secs(1),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(paths(&server).await.len(), 2);
}

#[tokio::test]
async fn a_pause_longer_than_the_deadline_ends_at_once() {
    let server = MockServer::start().await;
    let busy = ResponseTemplate::new(429).insert_header("Retry-After", "600");
    answer(&server, "/chat.postMessage", busy).await;
    let started = std::time::Instant::now();
    let mut announcer = bot(&server);
    let delivery = announcer.announce(&announcement()).await;
    assert!(reason(&delivery).0.contains("600 s"), "{delivery:?}");
    assert!(started.elapsed() < Duration::from_secs(2));
    // It passes: the end is still tried.
    announcer.announce(&in_state(State::Succeeded)).await;
    assert_eq!(paths(&server).await.len(), 2);
}

#[tokio::test]
async fn trouble_at_slack_is_retried_until_it_passes() {
    let server = MockServer::start().await;
    for trouble in [
        ResponseTemplate::new(503).set_body_string("<html>Service Unavailable</html>"),
        refused("internal_error"),
    ] {
        Mock::given(method("POST"))
            .respond_with(trouble)
            .up_to_n_times(1)
            .mount(&server)
            .await;
    }
    answer(&server, "/chat.postMessage", posted()).await;
    assert!(bot(&server).announce(&announcement()).await.is_fine());
    assert_eq!(paths(&server).await.len(), 3);
}

#[tokio::test]
async fn silence_ends_with_the_deadline() {
    let server = MockServer::start().await;
    let silence = posted().set_delay(Duration::from_secs(30));
    answer(&server, "/chat.postMessage", silence).await;
    let started = std::time::Instant::now();
    let delivery = bot(&server).announce(&announcement()).await;
    assert!(
        reason(&delivery).0.contains("did not answer"),
        "{delivery:?}"
    );
    assert!(
        started.elapsed() < Duration::from_secs(6),
        "{:?}",
        started.elapsed()
    );
    assert!(
        paths(&server).await.len() > 1,
        "a missing answer is retried"
    );
}

#[tokio::test]
async fn refusals_stop_at_once_with_a_hint() {
    for (code, hint) in [
        ("invalid_auth", "xoxb-"),
        ("channel_not_found", "alerts.slack.channel"),
        ("is_archived", "archived"),
        ("not_in_channel", "/invite"),
    ] {
        let server = MockServer::start().await;
        answer(&server, "/chat.postMessage", refused(code)).await;
        let mut announcer = bot(&server);
        let first = announcer.announce(&announcement()).await;
        assert!(reason(&first).0.contains(code), "{first:?}");
        assert!(reason(&first).1.contains(hint), "{first:?}");
        // The destination is at fault, so not even the end is tried again.
        assert_eq!(announcer.announce(&in_state(State::Failed)).await, first);
        assert_eq!(paths(&server).await.len(), 1, "{code}");
    }
}

#[tokio::test]
async fn a_page_of_a_proxy_is_told_from_slack() {
    let server = MockServer::start().await;
    let page = ResponseTemplate::new(200).set_body_raw(
        "<html>Log in to the network</html>",
        "text/html; charset=utf-8",
    );
    answer(&server, "/chat.postMessage", page).await;
    let delivery = bot(&server).announce(&announcement()).await;
    assert!(
        reason(&delivery).0.contains("text/html, 34 bytes"),
        "{delivery:?}"
    );
    assert!(reason(&delivery).1.contains("proxy"));
}

#[tokio::test]
async fn a_redirect_is_not_followed_with_the_token() {
    let server = MockServer::start().await;
    let elsewhere = ResponseTemplate::new(302).insert_header("Location", "/elsewhere");
    answer(&server, "/chat.postMessage", elsewhere).await;
    let delivery = bot(&server).announce(&announcement()).await;
    assert!(reason(&delivery).0.contains("HTTP 302"), "{delivery:?}");
    assert_eq!(paths(&server).await, ["/chat.postMessage"]);
}

#[tokio::test]
async fn a_webhook_tells_the_end_only_unless_asked() {
    let server = MockServer::start().await;
    let ok = ResponseTemplate::new(200).set_body_string("ok");
    Mock::given(method("POST"))
        .respond_with(ok)
        .mount(&server)
        .await;
    let sent = Delivery::Sent { identity: None };
    let skipped = Delivery::Skipped {
        reason: Skip::WebhookSendsOnlyTheEnd,
    };

    let mut quiet = webhook(&server);
    assert_eq!(quiet.announce(&announcement()).await, skipped);
    assert_eq!(quiet.announce(&in_state(State::Succeeded)).await, sent);
    assert_eq!(paths(&server).await.len(), 1);

    let mut both = webhook(&server).with_webhook_start(true);
    assert_eq!(both.announce(&announcement()).await, sent);
    let mut second = announcement();
    second.details.version = Some("v2".into());
    assert_eq!(both.announce(&second).await, skipped);
    assert_eq!(both.announce(&in_state(State::Succeeded)).await, sent);
    assert_eq!(paths(&server).await.len(), 3);
}

#[tokio::test]
async fn a_removed_webhook_is_said_without_its_address() {
    let server = MockServer::start().await;
    let gone = ResponseTemplate::new(404).set_body_string("no_service");
    Mock::given(method("POST"))
        .respond_with(gone)
        .mount(&server)
        .await;
    let delivery = webhook(&server).announce(&in_state(State::Failed)).await;
    assert!(reason(&delivery).0.contains("no_service"));
    assert!(reason(&delivery).1.contains("Incoming Webhooks"));
    assert!(!format!("{delivery:?}").contains(PASSWORD));
}

#[tokio::test]
async fn an_unreachable_server_is_no_secret_leak() {
    // A port that nobody listens on: bound once, then closed.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let url = Secret::new(format!("http://127.0.0.1:{port}/services/{PASSWORD}"));
    let mut announcer = announcer(Destination::webhook(url, "SLACK_WEBHOOK_URL").unwrap());
    let delivery = announcer.announce(&in_state(State::Failed)).await;
    assert!(reason(&delivery).0.contains("not reached"), "{delivery:?}");
    let shown = format!(
        "{delivery:?} {announcer:?} {}",
        serde_json::to_string(&delivery).unwrap()
    );
    assert!(!shown.contains(PASSWORD), "{shown}");
}

#[tokio::test]
async fn no_planted_secret_reaches_slack() {
    let server = MockServer::start().await;
    answer(&server, "/chat.postMessage", posted()).await;
    let scrubber = SecretScrubber::default();
    scrubber.learn(&Secret::new(PASSWORD));
    let destination =
        Destination::bot(Secret::new(TOKEN), "#releases", Some(&server.uri())).unwrap();
    let mut announcer = Announcer::new(Slack::new(destination).unwrap(), scrubber);
    let mut failed = in_state(State::Failed);
    failed.cause = Some(format!("connection to postgres://u:{PASSWORD}@db failed"));
    // Long enough that a cut goes through the middle of the secrets.
    failed.log_tail = (0..400)
        .map(|number| format!("{number} {PASSWORD} {TOKEN}"))
        .collect();
    assert!(announcer.announce(&failed).await.is_fine());
    let request = &server.received_requests().await.unwrap()[0];
    let body = sent_text(request);
    assert!(body.contains("[redacted]"));
    assert!(!body.contains("planted"), "{body}");
}

#[tokio::test]
async fn a_live_release_sends_its_latest_state_and_its_end() {
    let server = MockServer::start().await;
    answer(&server, "/chat.postMessage", posted()).await;
    answer(&server, "/chat.update", posted()).await;
    let live = Live::start(
        bot(&server).with_debounce(Duration::from_secs(3600)),
        announcement(),
    );
    for number in 0..1000 {
        live.report(&Event::StepStarted {
            id: format!("s{number}"),
            title: "Step".into(),
        });
        live.report(&Event::StepFinished {
            id: format!("s{number}"),
            outcome: StepOutcome::Done,
            message: String::new(),
            elapsed: Duration::from_secs(1),
        });
    }
    live.change(|announcement| announcement.details.version = Some("the-version".into()));
    let delivery = live
        .finish(|announcement| {
            announcement.state = State::RolledBack;
            announcement.cause = Some("it was red".into());
        })
        .await;
    assert!(delivery.is_fine(), "{delivery:?}");
    let requests = server.received_requests().await.unwrap();
    let is_reply = |request: &&Request| {
        let sent: Value = serde_json::from_slice(&request.body).unwrap();
        sent.get("thread_ts").is_some()
    };
    let replies: Vec<_> = requests.iter().filter(is_reply).map(sent_text).collect();
    assert!(
        replies.iter().any(|reply| reply.contains("it was red")),
        "{replies:?}"
    );
    // The first state may have been overtaken by the end, so there are one or two messages.
    let states: Vec<_> = requests
        .iter()
        .filter(|request| !is_reply(request))
        .collect();
    assert!(states.len() <= 2, "{} messages", states.len());
    let last = sent_text(states.last().unwrap());
    for part in ["rolled back", "the-version", "it was red", "not shown"] {
        assert!(last.contains(part), "{part} is missing in {last}");
    }
}

#[tokio::test]
async fn a_live_release_is_not_held_up_by_silence() {
    let server = MockServer::start().await;
    let silence = posted().set_delay(Duration::from_secs(30));
    Mock::given(method("POST"))
        .respond_with(silence)
        .mount(&server)
        .await;
    let live = Live::start(bot(&server), announcement());
    let started = std::time::Instant::now();
    for _ in 0..100 {
        live.report(&Event::StepStarted {
            id: "s".into(),
            title: "Step".into(),
        });
    }
    assert!(started.elapsed() < Duration::from_millis(500));
    let delivery = live
        .finish(|announcement| announcement.state = State::Succeeded)
        .await;
    assert!(!delivery.is_fine());
    assert!(
        started.elapsed() < Duration::from_secs(10),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn an_end_that_was_not_named_is_an_interruption() {
    let server = MockServer::start().await;
    answer(&server, "/chat.postMessage", posted()).await;
    answer(&server, "/chat.update", posted()).await;
    let live = Live::start(bot(&server), announcement());
    assert!(live.finish(|_| {}).await.is_fine());
    let requests = server.received_requests().await.unwrap();
    assert!(sent_text(requests.last().unwrap()).contains("interrupted"));
}
