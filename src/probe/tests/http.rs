//! The probe against a real HTTP server that answers as told.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::time::Duration;

use beanpole_probe::{FailureKind, HttpProbe, Method, Parse, Phase, check_http};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use url::Url;
use wiremock::matchers::{header, method, path, query_param, query_param_is_missing};
use wiremock::{Mock, MockServer, ResponseTemplate};

const JSON_OK: &str = include_str!("../fixtures/4.8.0-ok.json");
const HTML_OK: &str = include_str!("../fixtures/4.8.0-ok.html");
const HTML_WARNING: &str = include_str!("../fixtures/3.18.3-warning.html");
const JSON_FAILING: &str = include_str!("../fixtures/4.8.0-failing.json");

fn url(server: &MockServer, path: &str) -> Url {
    Url::parse(&server.uri()).unwrap().join(path).unwrap()
}

fn health(url: Url) -> HttpProbe {
    HttpProbe::health(url, Duration::from_secs(10))
}

#[tokio::test]
async fn a_health_page_in_json_is_asked_for_and_read() {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .and(path("/ht/"))
        .and(query_param("format", "json"))
        .and(header("accept-language", "en"))
        .respond_with(ResponseTemplate::new(200).set_body_raw(JSON_OK, "application/json"))
        .expect(1)
        .mount(&server)
        .await;
    let result = check_http(&health(url(&server, "/ht/"))).await;
    assert!(result.ok, "{result:?}");
    assert_eq!(result.components.len(), 4);
    assert_eq!(result.components[3].host.as_deref(), Some("ip-10-0-1-7"));
    assert!(result.phases.connect.is_some() && result.phases.wait.is_some());
    assert!(
        result.to_string().ends_with("4 of 4 components work"),
        "{result}"
    );
}

#[tokio::test]
async fn times_come_from_a_second_request() {
    let server = MockServer::start().await;
    Mock::given(query_param("format", "json"))
        .respond_with(ResponseTemplate::new(200).set_body_raw(JSON_OK, "application/json"))
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(query_param_is_missing("format"))
        .and(header("accept", "text/html"))
        .respond_with(ResponseTemplate::new(200).set_body_raw(HTML_OK, "text/html"))
        .expect(1)
        .mount(&server)
        .await;
    let mut probe = health(url(&server, "/ht/"));
    probe.parse = Parse::HealthCheck { times: true };
    let result = check_http(&probe).await;
    assert!(result.ok);
    assert!(
        result
            .components
            .iter()
            .all(|component| component.elapsed.is_some()),
        "{result:?}"
    );
}

#[tokio::test]
async fn a_failing_component_inside_a_200_is_unhealthy() {
    let server = MockServer::start().await;
    Mock::given(path("/ht/"))
        .respond_with(ResponseTemplate::new(200).set_body_raw(HTML_WARNING, "text/html"))
        .mount(&server)
        .await;
    let result = check_http(&health(url(&server, "/ht/"))).await;
    assert!(!result.ok);
    let failure = result.failure.unwrap();
    assert_eq!(
        failure.kind,
        FailureKind::Components {
            names: vec!["DiskUsage".to_owned()]
        }
    );
    assert_eq!(
        failure.message,
        "status 200, DiskUsage: warning: vm 23.2% disk usage exceeds 1%"
    );
}

#[tokio::test]
async fn a_500_names_the_culprit() {
    let server = MockServer::start().await;
    Mock::given(path("/ht/"))
        .respond_with(ResponseTemplate::new(500).set_body_raw(JSON_FAILING, "application/json"))
        .mount(&server)
        .await;
    let result = check_http(&health(url(&server, "/ht/"))).await;
    assert_eq!(result.status, Some(500));
    assert!(
        result
            .failure
            .unwrap()
            .message
            .starts_with("status 500, Cache(alias='default'): Unavailable")
    );
    let json = serde_json::to_value(check_http(&health(url(&server, "/ht/"))).await).unwrap();
    assert_eq!(json["failure"]["kind"], "components");
    assert_eq!(json["components"][2]["ok"], true);
    assert!(json["seconds"].is_f64() && json["phases"]["wait"].is_f64());
}

#[tokio::test]
async fn redirects_are_shown_and_followed_only_when_asked() {
    let server = MockServer::start().await;
    Mock::given(path("/ht"))
        .respond_with(ResponseTemplate::new(301).insert_header("location", "/ht/"))
        .mount(&server)
        .await;
    Mock::given(path("/ht/"))
        .respond_with(ResponseTemplate::new(200).set_body_string("fine"))
        .mount(&server)
        .await;
    let mut probe = HttpProbe::new(url(&server, "/ht"), Duration::from_secs(10));
    let result = check_http(&probe).await;
    assert_eq!(result.status, Some(301));
    assert_eq!(
        result.failure.unwrap().kind,
        FailureKind::Redirect {
            location: "/ht/".to_owned()
        }
    );
    probe.follow_redirects = 1;
    assert!(check_http(&probe).await.ok);
}

#[tokio::test]
async fn names_under_localhost_are_this_machine_and_the_host_can_be_another() {
    let server = MockServer::start().await;
    let host = format!(
        "blog.eu-central-1.elasticbeanstalk.localhost:{}",
        server.address().port()
    );
    Mock::given(header("host", host.as_str()))
        .respond_with(ResponseTemplate::new(200))
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(header("host", "10.0.1.7"))
        .respond_with(ResponseTemplate::new(400))
        .expect(1)
        .mount(&server)
        .await;
    let mut probe = HttpProbe::new(
        Url::parse(&format!("http://{host}/")).unwrap(),
        Duration::from_secs(10),
    );
    let result = check_http(&probe).await;
    assert!(result.ok, "{result:?}");
    assert_eq!(result.phases.resolve, None);
    probe.host = Some("10.0.1.7".to_owned());
    let result = check_http(&probe).await;
    assert!(
        result
            .failure
            .unwrap()
            .hint
            .unwrap()
            .contains("allow `10.0.1.7`")
    );
}

#[tokio::test]
async fn a_body_that_is_no_health_page_is_not_held_against_it() {
    let server = MockServer::start().await;
    Mock::given(path("/alive/"))
        .respond_with(ResponseTemplate::new(200).set_body_string("alive"))
        .mount(&server)
        .await;
    let result = check_http(&health(url(&server, "/alive/"))).await;
    assert!(result.ok && result.components.is_empty());
}

#[tokio::test]
async fn head_reads_no_body() {
    let server = MockServer::start().await;
    Mock::given(method("HEAD"))
        .respond_with(ResponseTemplate::new(200))
        .expect(1)
        .mount(&server)
        .await;
    let mut probe = health(url(&server, "/"));
    probe.method = Method::Head;
    assert!(check_http(&probe).await.ok);
}

#[tokio::test]
async fn a_slow_answer_says_what_was_waited_for() {
    let server = MockServer::start().await;
    Mock::given(path("/"))
        .respond_with(ResponseTemplate::new(200).set_delay(Duration::from_secs(30)))
        .mount(&server)
        .await;
    let probe = HttpProbe::new(url(&server, "/"), Duration::from_millis(300));
    let result = check_http(&probe).await;
    let failure = result.failure.unwrap();
    assert_eq!(failure.kind, FailureKind::TimedOut { phase: Phase::Wait });
    assert!(
        result.elapsed >= Duration::from_millis(300) && result.elapsed < Duration::from_secs(5)
    );
    assert!(result.phases.wait.is_some() && result.phases.transfer.is_none());
}

/// A server that reads one request, writes `answer` and then waits or hangs up.
async fn raw(answer: &'static [u8], hang_up: bool) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(answer).await;
                if !hang_up {
                    tokio::time::sleep(Duration::from_secs(60)).await;
                }
            });
        }
    });
    Url::parse(&format!("http://{address}/")).unwrap()
}

#[tokio::test]
async fn a_body_that_does_not_end_times_out_in_the_transfer() {
    let url = raw(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf", false).await;
    let result = check_http(&HttpProbe::new(url, Duration::from_millis(300))).await;
    assert_eq!(
        result.failure.unwrap().kind,
        FailureKind::TimedOut {
            phase: Phase::Transfer
        }
    );
}

#[tokio::test]
async fn a_connection_that_breaks_is_not_a_refused_one() {
    for answer in [
        b"".as_slice(),
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf",
        b"SSH-2.0-x\r\n",
    ] {
        let url = raw(answer, true).await;
        let result = check_http(&HttpProbe::new(url, Duration::from_secs(5))).await;
        assert_eq!(
            result.failure.unwrap().kind,
            FailureKind::Broken,
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn nobody_there_is_a_failed_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    for scheme in ["http", "https"] {
        let url = Url::parse(&format!("{scheme}://{address}/")).unwrap();
        let result = check_http(&HttpProbe::new(url, Duration::from_secs(5))).await;
        let failure = result.failure.unwrap();
        assert_eq!(failure.kind, FailureKind::Connect, "{failure}");
        assert!(
            failure
                .message
                .starts_with(&format!("no connection to {address}")),
            "{failure}"
        );
    }
}

#[tokio::test]
async fn http_where_tls_is_expected_is_a_tls_failure() {
    let mut url = raw(b"HTTP/1.1 400 Bad Request\r\n\r\n", true).await;
    url.set_scheme("https").unwrap();
    let result = check_http(&HttpProbe::new(url, Duration::from_secs(5))).await;
    let failure = result.failure.unwrap();
    assert_eq!(failure.kind, FailureKind::Tls, "{failure}");
}

#[tokio::test]
async fn a_name_without_an_address_is_said_to_be_one() {
    // RFC 6761: `.invalid` never has an address.
    let url = Url::parse("http://beanpole-probe.invalid/").unwrap();
    let result = check_http(&HttpProbe::new(url, Duration::from_secs(20))).await;
    let failure = result.failure.unwrap();
    assert_eq!(failure.kind, FailureKind::Resolve, "{failure}");
}
