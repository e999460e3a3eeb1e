//! Deploy markers, against HTTP servers that check what the real services check.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests stand outside of #[test]"
)]

use std::time::{Duration, Instant};

use beanpole_alert::marker::{Facts, GitHub, Markers, NewRelic, Rollbar, Sentry, Service, Untold};
use beanpole_alert::{CommitLine, Commits, Patience, ReleaseDetails, State};
use beanpole_model::{Problem as _, Secret, SecretScrubber};
use serde_json::{Value, json};
use wiremock::matchers::{body_partial_json, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const TOKEN: &str = "planted-token-4711";
const COMMIT: &str = "3f2a91c0d4be8812aa01ff343f2a91c0d4be8812";
const QUICK: Patience = Patience {
    per_request: Duration::from_millis(300),
    total: Duration::from_millis(1500),
    first_pause: Duration::from_millis(20),
};

fn facts() -> Facts {
    let commit = CommitLine {
        id: COMMIT.to_owned(),
        subject: "Add the feed".to_owned(),
        author: "Ada".to_owned(),
    };
    let details = ReleaseDetails {
        version: Some("3f2a91c0d4be-8812aa01ff34".to_owned()),
        commits: Some(Commits::of([commit.clone()])),
        commit: Some(commit),
        released_by: Some("grace".to_owned()),
        run_url: Some("https://github.com/acme/blog/actions/runs/7".to_owned()),
        ..ReleaseDetails::default()
    };
    let url = Some("https://blog.example.com/");
    Facts::of("production", &details, url, &SecretScrubber::default()).unwrap()
}

fn token() -> Secret {
    Secret::new(TOKEN)
}

fn rollbar(server: &MockServer) -> Service {
    let made = Rollbar::new(&token(), "ROLLBAR_ACCESS_TOKEN", None, Some(&server.uri()));
    Service::Rollbar(made.unwrap()).with_patience(QUICK)
}

fn sentry(server: &MockServer) -> Service {
    let uri = server.uri();
    let made = Sentry::new(&token(), "T", "acme", "blog", None, Some(&uri));
    Service::Sentry(made.unwrap()).with_patience(QUICK)
}

fn new_relic(server: &MockServer) -> Service {
    let made = NewRelic::new(&token(), "K", "MTIzNDU2N3xBUE0", &server.uri());
    Service::NewRelic(made.unwrap()).with_patience(QUICK)
}

fn github(server: &MockServer) -> Service {
    let made = GitHub::new(&token(), "GITHUB_TOKEN", "acme/blog", Some(&server.uri()));
    Service::GitHub(made.unwrap()).with_patience(QUICK)
}

async fn tell(service: Service, state: State) -> Vec<Untold> {
    let mut markers = Markers::new(vec![service]);
    markers.begin(&facts());
    markers.finish(&facts(), state).await
}

async fn sent(server: &MockServer) -> Vec<(String, Value)> {
    let requests = server.received_requests().await.unwrap();
    requests
        .iter()
        .map(|request| {
            let line = format!("{} {}", request.method, request.url.path());
            (line, serde_json::from_slice(&request.body).unwrap())
        })
        .collect()
}

fn ok(status: u16, body: Value) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(body)
}

#[tokio::test]
async fn rollbar_hears_the_start_and_the_end() {
    for (state, status) in [
        (State::Succeeded, "succeeded"),
        (State::RolledBack, "failed"),
    ] {
        let server = MockServer::start().await;
        Mock::given(method("POST"))
            .and(path("/api/1/deploy/"))
            .and(header("x-rollbar-access-token", TOKEN))
            .and(body_partial_json(json!({
                "environment": "production", "revision": COMMIT,
                "local_username": "grace", "status": "started",
            })))
            .respond_with(ok(200, json!({ "data": { "deploy_id": 42 } })))
            .expect(1)
            .mount(&server)
            .await;
        Mock::given(method("PATCH"))
            .and(path("/api/1/deploy/42"))
            .and(header("x-rollbar-access-token", TOKEN))
            .and(body_partial_json(json!({ "status": status })))
            .respond_with(ok(200, json!({ "err": 0, "result": { "id": 42 } })))
            .expect(1)
            .mount(&server)
            .await;
        let untold = tell(rollbar(&server), state).await;
        assert!(untold.is_empty(), "{untold:?}");
    }
}

#[tokio::test]
async fn sentry_hears_of_releases_that_went_live() {
    let server = MockServer::start().await;
    let releases = "/api/0/organizations/acme/releases/";
    Mock::given(method("POST"))
        .and(path(releases))
        .and(header("authorization", format!("Bearer {TOKEN}").as_str()))
        .and(body_partial_json(json!({
            "version": COMMIT, "ref": COMMIT, "projects": ["blog"],
            "commits": [{ "id": COMMIT, "message": "Add the feed", "author_name": "Ada" }],
        })))
        .respond_with(ok(208, json!({ "version": COMMIT })))
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(method("POST"))
        .and(path(format!("{releases}{COMMIT}/deploys/")))
        .and(body_partial_json(json!({ "environment": "production" })))
        .respond_with(ok(201, json!({ "id": "1" })))
        .expect(1)
        .mount(&server)
        .await;
    assert!(tell(sentry(&server), State::Succeeded).await.is_empty());
    let before = sent(&server).await;
    assert!(before[1].1["dateStarted"].is_string());
    // Nothing went live.
    assert!(tell(sentry(&server), State::Failed).await.is_empty());
    assert_eq!(sent(&server).await.len(), before.len());
}

#[tokio::test]
async fn new_relic_takes_a_change_event_and_says_no_with_http_200() {
    let server = MockServer::start().await;
    let created = json!({ "data": { "changeTrackingCreateEvent": {
        "changeTrackingEvent": { "changeTrackingId": "c-1" }, "messages": [] } } });
    Mock::given(method("POST"))
        .and(path("/graphql"))
        .and(header("api-key", TOKEN))
        .and(body_partial_json(json!({ "variables": { "event": {
            "categoryAndTypeData": {
                "kind": { "category": "Deployment", "type": "Basic" },
                "categoryFields": { "deployment": { "commit": COMMIT } },
            },
            "entitySearch": { "query": "id = 'MTIzNDU2N3xBUE0'" },
            "user": "grace",
        } } })))
        .respond_with(ok(200, created))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    assert!(tell(new_relic(&server), State::Succeeded).await.is_empty());
    let errors = json!({ "errors": [{ "message": "Entity not found" }], "data": null });
    Mock::given(method("POST"))
        .respond_with(ok(200, errors))
        .mount(&server)
        .await;
    let untold = tell(new_relic(&server), State::RolledBack).await;
    assert!(untold[0].error.summary().contains("Entity not found"));
    assert!(tell(new_relic(&server), State::Failed).await.is_empty());
    assert_eq!(sent(&server).await.len(), 2);
}

#[tokio::test]
async fn github_says_who_approved_a_run() {
    let server = MockServer::start().await;
    let review = json!({"state": "approved", "user": {"login": "ada"}, "environments": [{"name": "production"}]});
    Mock::given(method("GET"))
        .and(path("/repos/acme/blog/actions/runs/4711/approvals"))
        .and(header("authorization", format!("Bearer {TOKEN}").as_str()))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!([review])))
        .expect(1)
        .mount(&server)
        .await;
    let made = GitHub::new(&token(), "GITHUB_TOKEN", "acme/blog", Some(&server.uri()));
    let github = made.unwrap();
    assert_eq!(
        github.approvers("4711").await.unwrap().as_deref(),
        Some("ada")
    );
    // A number that is none is never sent.
    assert_eq!(github.approvers("4711/../1").await.unwrap(), None);
    // A token that may not ask is no reason to stop.
    let error = github.approvers("1").await.unwrap_err();
    assert!(!error.summary().contains(TOKEN), "{error}");
}

#[tokio::test]
async fn github_gets_a_deployment_and_its_statuses() {
    for (state, status) in [
        (State::Succeeded, "success"),
        (State::RolledBack, "failure"),
        (State::Interrupted, "error"),
    ] {
        let server = MockServer::start().await;
        Mock::given(method("POST"))
            .and(path("/repos/acme/blog/deployments"))
            .and(header("authorization", format!("Bearer {TOKEN}").as_str()))
            .and(header("accept", "application/vnd.github+json"))
            .respond_with(ok(201, json!({ "id": 9 })))
            .expect(1)
            .mount(&server)
            .await;
        Mock::given(method("POST"))
            .and(path("/repos/acme/blog/deployments/9/statuses"))
            .respond_with(ok(201, json!({ "id": 1 })))
            .expect(2)
            .mount(&server)
            .await;
        assert!(tell(github(&server), state).await.is_empty());
        let sent = sent(&server).await;
        let deployment = &sent[0].1;
        assert_eq!(deployment["ref"], COMMIT);
        assert_eq!(deployment["auto_merge"], false);
        assert_eq!(deployment["required_contexts"], json!([]));
        assert_eq!(sent[1].1["state"], "in_progress");
        assert_eq!(sent[2].1["state"], status);
        assert_eq!(sent[2].1["environment_url"], "https://blog.example.com/");
        assert!(sent[2].1["log_url"].as_str().unwrap().contains("/runs/7"));
    }
}

#[tokio::test]
async fn a_refusal_is_one_failure_that_names_the_permission() {
    for (make, status, wanted) in [
        (
            github as fn(&MockServer) -> Service,
            403,
            "deployments: write",
        ),
        (rollbar, 401, "post_server_item"),
        (sentry, 403, "project:releases"),
        (new_relic, 401, "NRAK-"),
    ] {
        let server = MockServer::start().await;
        let said = json!({ "message": "Resource not accessible", "detail": "No" });
        Mock::given(wiremock::matchers::any())
            .respond_with(ok(status, said))
            .mount(&server)
            .await;
        let untold = tell(make(&server), State::Succeeded).await;
        assert_eq!(untold.len(), 1);
        let hint = untold[0].error.hint().unwrap();
        assert!(hint.contains(wanted), "{hint}");
        assert_eq!(sent(&server).await.len(), 1, "a refusal is not repeated");
        let shown = format!("{untold:?} {}", untold[0].error.summary());
        assert!(!shown.contains(TOKEN), "{shown}");
    }
}

#[tokio::test]
async fn limits_are_waited_for_and_trouble_is_retried() {
    let server = MockServer::start().await;
    for trouble in [
        ResponseTemplate::new(429).insert_header("Retry-After", "1"),
        ResponseTemplate::new(503).set_body_string("<html>"),
    ] {
        Mock::given(method("POST"))
            .respond_with(trouble)
            .up_to_n_times(1)
            .mount(&server)
            .await;
    }
    Mock::given(method("POST"))
        .respond_with(ok(200, json!({ "data": { "deploy_id": 1 } })))
        .mount(&server)
        .await;
    Mock::given(method("PATCH"))
        .respond_with(ok(200, json!({ "result": { "id": 1 } })))
        .mount(&server)
        .await;
    let started = Instant::now();
    let untold = tell(rollbar(&server), State::Succeeded).await;
    assert!(untold.is_empty(), "{untold:?}");
    assert!(started.elapsed() >= Duration::from_secs(1));
    assert_eq!(sent(&server).await.len(), 4);
}

#[tokio::test]
async fn a_pause_that_is_too_long_ends_at_once() {
    for limit in [
        ResponseTemplate::new(429).insert_header("Retry-After", "600"),
        ResponseTemplate::new(403).insert_header("Retry-After", "600"),
    ] {
        let server = MockServer::start().await;
        Mock::given(method("POST"))
            .respond_with(limit)
            .mount(&server)
            .await;
        let started = Instant::now();
        let untold = tell(github(&server), State::Succeeded).await;
        assert!(untold[0].error.summary().contains("600 s"), "{untold:?}");
        assert!(started.elapsed() < Duration::from_secs(2));
    }
}

#[tokio::test]
async fn silence_and_trouble_end_with_the_deadline() {
    for answer in [
        ResponseTemplate::new(200).set_delay(Duration::from_secs(30)),
        ResponseTemplate::new(502),
    ] {
        let server = MockServer::start().await;
        Mock::given(method("POST"))
            .respond_with(answer)
            .mount(&server)
            .await;
        let started = Instant::now();
        let mut markers = Markers::new(vec![rollbar(&server), github(&server)]);
        markers.begin(&facts());
        assert!(
            started.elapsed() < Duration::from_millis(500),
            "it was held up"
        );
        let untold = markers.finish(&facts(), State::Succeeded).await;
        assert_eq!(untold.len(), 2);
        assert!(untold.iter().all(|untold| untold.error.is_passing()));
        assert!(
            started.elapsed() < Duration::from_secs(8),
            "{:?}",
            started.elapsed()
        );
    }
}

#[tokio::test]
async fn a_release_without_a_beginning_is_not_told() {
    let server = MockServer::start().await;
    let markers = Markers::new(vec![rollbar(&server), sentry(&server), github(&server)]);
    assert!(markers.finish(&facts(), State::Failed).await.is_empty());
    assert!(sent(&server).await.is_empty());
}

#[test]
fn a_token_travels_encrypted_or_not_at_all() {
    for bad in ["http://rollbar.example", "ftp://x", "rollbar"] {
        assert!(
            Rollbar::new(&token(), "T", None, Some(bad)).is_err(),
            "{bad}"
        );
    }
    let broken = Secret::new("planted\ntoken");
    let error = Rollbar::new(&broken, "ROLLBAR_ACCESS_TOKEN", None, None).unwrap_err();
    assert!(error.summary().contains("ROLLBAR_ACCESS_TOKEN"));
    assert!(!error.summary().contains("planted"));
}
