//! The details in the thread of a release's message, against an HTTP server that answers as Slack does.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests stand outside of #[test]"
)]

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use beanpole_alert::{
    Announcement, Announcer, CommitLine, Commits, Delivery, Destination, Live, Patience, Place,
    Slack, State, Topic,
};
use beanpole_model::{Event, Reporter as _, Secret, SecretScrubber, StepOutcome};
use serde_json::{Value, json};
use wiremock::matchers::{body_partial_json, method, path};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

const QUICK: Patience = Patience {
    per_request: Duration::from_millis(300),
    total: Duration::from_millis(2500),
    first_pause: Duration::from_millis(20),
};

/// Gives every message a time stamp of its own and says in which thread it stands.
#[derive(Default)]
struct Posts(AtomicU32);

impl Respond for Posts {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let sent: Value = serde_json::from_slice(&request.body).unwrap();
        let number = self.0.fetch_add(1, Ordering::SeqCst);
        ResponseTemplate::new(200).set_body_json(json!({
            "ok": true,
            "channel": "C123",
            "ts": format!("1700000000.00{number:04}"),
            "message": { "thread_ts": sent.get("thread_ts") },
        }))
    }
}

async fn answer(server: &MockServer, api_method: &str, response: impl Respond + 'static) {
    Mock::given(method("POST"))
        .and(path(api_method))
        .respond_with(response)
        .mount(server)
        .await;
}

fn refused(code: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({ "ok": false, "error": code }))
}

fn ok() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({ "ok": true }))
}

fn bot(server: &MockServer) -> Announcer {
    let token = Secret::new("xoxb-planted-token-4711");
    let destination = Destination::bot(token, "#releases", Some(&server.uri())).unwrap();
    Announcer::new(Slack::new(destination).unwrap(), SecretScrubber::default())
        .with_debounce(Duration::ZERO)
        .with_patience(QUICK, QUICK)
}

fn release() -> Announcement {
    let mut release = Announcement::new("blog to production", "blog", "blog-production");
    release.details.commits = Some(Commits::of([CommitLine {
        id: "3f2a91c0d4be8812aa01ff34".to_owned(),
        subject: "Add the feed".to_owned(),
        author: "Ada".to_owned(),
    }]));
    release
}

/// What was asked of Slack: the method, the message it is about, the thread, and the text.
async fn story(server: &MockServer) -> Vec<(String, String, String)> {
    let requests = server.received_requests().await.unwrap();
    requests
        .iter()
        .map(|request| {
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            let text = |key: &str| {
                let found = body.get(key).and_then(Value::as_str);
                found.unwrap_or_default().to_owned()
            };
            let about = format!("{}{}", text("ts"), text("thread_ts"));
            (request.url.path().to_owned(), about, text("text"))
        })
        .collect()
}

fn said(story: &[(String, String, String)]) -> Vec<(&str, &str)> {
    story
        .iter()
        .map(|(method, about, _)| (method.as_str(), about.as_str()))
        .collect()
}

const HEAD: &str = "1700000000.000000";

#[tokio::test]
async fn details_stand_in_the_thread_of_the_one_message() {
    let server = MockServer::start().await;
    answer(&server, "/chat.postMessage", Posts::default()).await;
    answer(&server, "/chat.update", ok()).await;
    let mut announcer = bot(&server);
    let mut release = release();
    assert!(announcer.announce(&release).await.is_fine());
    release.details.migrations = Some(vec!["posts.0002_feed".to_owned()]);
    assert!(announcer.announce(&release).await.is_fine());
    release.details.reason = Some("the feed is awaited".to_owned());
    release.cause = Some("it was red".to_owned());
    release.state = State::RolledBack;
    assert!(announcer.announce(&release).await.is_fine());
    let story = story(&server).await;
    assert_eq!(
        said(&story),
        [
            ("/chat.postMessage", ""),
            ("/chat.postMessage", HEAD),
            ("/chat.postMessage", HEAD),
            ("/chat.update", HEAD),
            ("/chat.update", "1700000000.000001"),
            ("/chat.postMessage", HEAD),
        ]
    );
    let texts: Vec<&str> = story.iter().map(|(_, _, text)| text.as_str()).collect();
    assert_eq!(texts[1], "1 commit");
    assert_eq!(texts[2], "1 migration applied");
    assert!(texts[5].starts_with("Why: "), "{texts:?}");
}

#[tokio::test]
async fn migrations_are_told_at_once_and_not_when_the_message_may_change() {
    let server = MockServer::start().await;
    answer(&server, "/chat.postMessage", Posts::default()).await;
    answer(&server, "/chat.update", ok()).await;
    let announcer = bot(&server).with_debounce(Duration::from_secs(3600));
    let live = Live::start(announcer, release());
    let wait = |wanted: &'static str| {
        let server = &server;
        async move {
            for _ in 0..200 {
                if story(server)
                    .await
                    .iter()
                    .any(|(_, _, text)| text == wanted)
                {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            unreachable!("`{wanted}` was not told: {:?}", story(server).await);
        }
    };
    wait("1 commit").await;
    live.change(|release| {
        release.details.migrations = Some(vec!["posts.0002_feed".to_owned()]);
    });
    wait("1 migration applied").await;
    let place = live.place().unwrap();
    assert_eq!(place.head.ts, HEAD);
    assert!(place.replies.contains_key(&Topic::Changes));
    assert!(
        live.finish(|release| release.state = State::Succeeded)
            .await
            .is_fine()
    );
}

#[tokio::test]
async fn another_process_goes_on_in_the_same_thread() {
    let server = MockServer::start().await;
    answer(&server, "/chat.postMessage", Posts::default()).await;
    answer(&server, "/chat.update", ok()).await;
    let mut first = bot(&server);
    assert!(first.announce(&release()).await.is_fine());
    let kept = serde_json::to_string(first.place().unwrap()).unwrap();
    let place: Place = serde_json::from_str(&kept).unwrap();
    let mut second = bot(&server).resume(place);
    let mut ended = release();
    ended.state = State::Succeeded;
    assert!(second.announce(&ended).await.is_fine());
    let story = story(&server).await;
    assert_eq!(
        said(&story)[2..],
        [
            ("/chat.update", HEAD),
            ("/chat.update", "1700000000.000001")
        ]
    );
}

#[tokio::test]
async fn a_stray_reply_is_taken_back_and_the_end_is_told_anew() {
    let server = MockServer::start().await;
    // The head was deleted by someone: Slack puts the reply into the channel and does not say so.
    Mock::given(method("POST"))
        .and(path("/chat.postMessage"))
        .and(body_partial_json(json!({ "thread_ts": HEAD })))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({
            "ok": true, "channel": "C123", "ts": "1700000000.999999", "message": {}
        })))
        .mount(&server)
        .await;
    answer(&server, "/chat.postMessage", Posts::default()).await;
    answer(&server, "/chat.delete", ok()).await;
    answer(&server, "/chat.update", refused("message_not_found")).await;
    let mut release = release();
    release.state = State::Succeeded;
    let delivery = bot(&server).announce(&release).await;
    assert!(delivery.is_fine(), "{delivery:?}");
    assert_eq!(
        said(&story(&server).await),
        [
            ("/chat.postMessage", ""),
            ("/chat.postMessage", HEAD),
            ("/chat.delete", "1700000000.999999"),
            ("/chat.postMessage", ""),
            ("/chat.postMessage", "1700000000.000001"),
        ]
    );
}

#[tokio::test]
async fn a_thread_that_fails_is_not_asked_again_and_again() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/chat.postMessage"))
        .and(body_partial_json(json!({ "thread_ts": HEAD })))
        .respond_with(refused("invalid_blocks"))
        .mount(&server)
        .await;
    answer(&server, "/chat.postMessage", Posts::default()).await;
    answer(&server, "/chat.update", ok()).await;
    let announcer = bot(&server).with_debounce(Duration::from_secs(3600));
    let live = Live::start(announcer, release());
    tokio::time::sleep(Duration::from_millis(200)).await;
    for number in 0..50 {
        live.report(&Event::StepFinished {
            id: format!("s{number}"),
            outcome: StepOutcome::Done,
            message: String::new(),
            elapsed: Duration::from_secs(1),
        });
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(story(&server).await.len(), 2, "the head and one reply");
    let delivery = live
        .finish(|release| release.state = State::Succeeded)
        .await;
    assert!(
        matches!(&delivery, Delivery::Failed { reason, .. } if reason.contains("invalid_blocks")),
        "{delivery:?}"
    );
}

#[tokio::test]
async fn a_busy_channel_is_waited_for() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(body_partial_json(json!({ "thread_ts": HEAD })))
        .respond_with(ResponseTemplate::new(429).insert_header("Retry-After", "1"))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    answer(&server, "/chat.postMessage", Posts::default()).await;
    let started = std::time::Instant::now();
    assert!(bot(&server).announce(&release()).await.is_fine());
    assert!(started.elapsed() >= Duration::from_secs(1));
    assert_eq!(story(&server).await.len(), 3);
}

#[tokio::test]
async fn a_webhook_has_the_details_in_its_one_message() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(200).set_body_string("ok"))
        .mount(&server)
        .await;
    let url = Secret::new(format!("{}/services/T/B/secret", server.uri()));
    let destination = Destination::webhook(url, "SLACK_WEBHOOK_URL").unwrap();
    let mut announcer = Announcer::new(Slack::new(destination).unwrap(), SecretScrubber::default())
        .with_patience(QUICK, QUICK);
    let mut release = release();
    release.details.migrations = Some(vec!["posts.0002_feed".to_owned()]);
    release.state = State::Succeeded;
    assert!(announcer.announce(&release).await.is_fine());
    let requests = server.received_requests().await.unwrap();
    assert_eq!(requests.len(), 1);
    let body = String::from_utf8(requests[0].body.clone()).unwrap();
    assert!(body.contains("Add the feed") && body.contains("posts.0002_feed"));
}
