//! The load balancer of all environments, on a port of its own.
//!
//! It finds the environment by the Host header, picks one of its instances in service in turn, passes
//! the request on with `X-Forwarded-*`, and answers as an Application Load Balancer does when it must
//! speak for itself: 503 when nothing is in service, 502 when the instance does not answer, 504 when it
//! takes too long. Without a data plane nothing runs that could answer, so a stand-in does, and says so.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Uri};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::server::accept_until;
use crate::world::{Target, Targets, World};

/// An Application Load Balancer's default idle timeout, in real time: real work takes real time.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// Headers that concern one connection only (RFC 9110, 7.6.1) and are not passed on.
const HOP_BY_HOP: [HeaderName; 5] = [
    http::header::CONNECTION,
    http::header::TE,
    http::header::TRANSFER_ENCODING,
    http::header::UPGRADE,
    HeaderName::from_static("keep-alive"),
];

/// Last segments of paths that are taken for health checks when the stand-in answers.
const HEALTH_SEGMENTS: [&str; 9] = [
    "ht",
    "health",
    "healthz",
    "healthcheck",
    "health-check",
    "health_check",
    "livez",
    "readyz",
    "up",
];

type Body = UnsyncBoxBody<Bytes, hyper::Error>;

struct Balancer {
    world: Arc<World>,
    client: Client<HttpConnector, Incoming>,
    /// How many requests each environment has had.
    turns: Mutex<HashMap<String, u64>>,
}

/// Serves until cancelled.
pub(crate) fn serve(
    listener: TcpListener,
    world: Arc<World>,
    cancel: CancellationToken,
) -> JoinHandle<()> {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let balancer = Arc::new(Balancer {
        world,
        client,
        turns: Mutex::default(),
    });
    tokio::spawn(accept_until(listener, cancel, move |stream| {
        connection(stream, balancer.clone())
    }))
}

async fn connection(stream: TcpStream, balancer: Arc<Balancer>) {
    let peer = stream.peer_addr().ok();
    let service = service_fn(move |request| {
        let balancer = balancer.clone();
        async move { Ok::<_, std::convert::Infallible>(balancer.answer(request, peer).await) }
    });
    if let Err(error) = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await
    {
        tracing::debug!(%error, "a connection to the load balancer ended early");
    }
}

impl Balancer {
    async fn answer(&self, request: Request<Incoming>, peer: Option<SocketAddr>) -> Response<Body> {
        let host = host(request.headers()).to_owned();
        let targets = match self.world.routes().targets(&host) {
            Targets::UnknownHost => {
                let text = format!("No environment of this rehearsal has the name {host:?}.\n");
                return plain(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", text);
            }
            Targets::NoneInService => return own_words(StatusCode::SERVICE_UNAVAILABLE),
            Targets::InService(targets) => targets,
        };
        let Some(target) = self.pick(&targets) else {
            return own_words(StatusCode::SERVICE_UNAVAILABLE);
        };
        match target.address {
            _ if target.faulty => faulty(&request),
            Some(address) => self.forward(request, address, peer).await,
            None => self.stand_in(&request, target).await,
        }
    }

    /// The next target in turn. Turns are counted per environment.
    fn pick<'a>(&self, targets: &'a [Target]) -> Option<&'a Target> {
        let environment = targets.first()?.environment.clone();
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = turns.entry(environment).or_default();
        *turn = turn.wrapping_add(1);
        weighted(targets, *turn)
    }

    async fn forward(
        &self,
        mut request: Request<Incoming>,
        address: SocketAddr,
        peer: Option<SocketAddr>,
    ) -> Response<Body> {
        let path = request
            .uri()
            .path_and_query()
            .map_or("/", |path| path.as_str());
        let Ok(uri) = format!("http://{address}{path}").parse::<Uri>() else {
            return own_words(StatusCode::BAD_REQUEST);
        };
        *request.uri_mut() = uri;
        let port = self.world.load_balancer_address.port();
        pass_on_headers(request.headers_mut(), peer, port);
        match tokio::time::timeout(ANSWER_TIMEOUT, self.client.request(request)).await {
            Ok(Ok(mut response)) => {
                for name in HOP_BY_HOP {
                    response.headers_mut().remove(name);
                }
                response.map(|body| body.boxed_unsync())
            }
            Ok(Err(error)) => {
                tracing::debug!(%address, %error, "the instance did not answer");
                own_words(StatusCode::BAD_GATEWAY)
            }
            Err(_) => own_words(StatusCode::GATEWAY_TIMEOUT),
        }
    }

    /// What stands in for the application when nothing is run.
    async fn stand_in(&self, request: &Request<Incoming>, target: &Target) -> Response<Body> {
        let path = request.uri().path();
        if is_health_path(path) {
            let healthy = self.world.data_plane.check(&target.instance, path).await.ok;
            return health_answer(healthy, wants_json(request));
        }
        let status = if path == "/" {
            StatusCode::OK
        } else {
            StatusCode::NOT_FOUND
        };
        plain(status, "text/html; charset=utf-8", page(target))
    }
}

/// The Host header, lower-cased by nobody: [`crate::world::Routes`] decides what matches.
fn host(headers: &HeaderMap) -> &str {
    headers
        .get(HOST)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// The target whose share holds this turn.
fn weighted(targets: &[Target], turn: u64) -> Option<&Target> {
    let total: u64 = targets
        .iter()
        .map(|target| u64::from(target.weight.max(1)))
        .sum();
    let mut place = turn.checked_rem(total)?;
    targets.iter().find(|target| {
        let share = u64::from(target.weight.max(1));
        let here = place < share;
        place = place.saturating_sub(share);
        here
    })
}

/// Adds what a load balancer adds and removes what ends at it. The Host header stays.
fn pass_on_headers(headers: &mut HeaderMap, peer: Option<SocketAddr>, port: u16) {
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
    let client = peer.map_or_else(|| "127.0.0.1".to_owned(), |peer| peer.ip().to_string());
    let before = headers
        .get("x-forwarded-for")
        .and_then(|value| value.to_str().ok());
    let chain = before.map_or_else(|| client.clone(), |before| format!("{before}, {client}"));
    if let Ok(value) = HeaderValue::from_str(&chain) {
        headers.insert("x-forwarded-for", value);
    }
    headers.insert("x-forwarded-proto", HeaderValue::from_static("http"));
    headers.insert("x-forwarded-port", HeaderValue::from(port));
}

/// An instance that the fault script made answer 500 to everything.
fn faulty(request: &Request<Incoming>) -> Response<Body> {
    if is_health_path(request.uri().path()) {
        return health_answer(false, wants_json(request));
    }
    own_words(StatusCode::INTERNAL_SERVER_ERROR)
}

fn is_health_path(path: &str) -> bool {
    let last = path
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or_default();
    HEALTH_SEGMENTS.contains(&last)
}

fn wants_json(request: &Request<Incoming>) -> bool {
    let accepts = request
        .headers()
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok());
    accepts.is_some_and(|accepts| accepts.contains("application/json"))
        || request
            .uri()
            .query()
            .is_some_and(|query| query.split('&').any(|one| one == "format=json"))
}

/// As django-health-check answers: 200 or 500, a JSON object or a table.
fn health_answer(healthy: bool, json: bool) -> Response<Body> {
    let status = if healthy {
        StatusCode::OK
    } else {
        StatusCode::INTERNAL_SERVER_ERROR
    };
    let word = if healthy {
        "working"
    } else {
        "unavailable: the rehearsal's fault script says so"
    };
    if json {
        let body = serde_json::json!({ "Rehearsal stand-in": word }).to_string();
        return plain(status, "application/json", body);
    }
    let body = format!(
        "<!doctype html>\n<html lang=\"en\"><head><title>System status</title></head><body>\n\
         <h1>System status</h1>\n<table><tr><th>Service</th><th>Status</th><th>Time Taken</th></tr>\n\
         <tr><td>Rehearsal stand-in</td><td>{word}</td><td>0.0000 seconds</td></tr></table>\n</body></html>\n"
    );
    plain(status, "text/html; charset=utf-8", body)
}

fn page(target: &Target) -> String {
    let environment = winterbaume_core::xml_escape(&target.environment);
    let version = winterbaume_core::xml_escape(&target.version_label);
    let instance = target.instance.as_str();
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><title>{environment}</title></head><body>\n\
         <h1>{environment}</h1>\n<p>Only the control plane is rehearsed: no container engine is in use, so\n\
         nothing runs on instance {instance}. With an engine, version {version} would answer here.</p>\n\
         </body></html>\n"
    )
}

/// The page with which an Application Load Balancer answers for itself.
fn own_words(status: StatusCode) -> Response<Body> {
    let reason = match status {
        StatusCode::SERVICE_UNAVAILABLE => "Service Temporarily Unavailable",
        StatusCode::GATEWAY_TIMEOUT => "Gateway Time-out",
        other => other.canonical_reason().unwrap_or("Error"),
    };
    let title = format!("{} {reason}", status.as_u16());
    let body = format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
    );
    plain(status, "text/html", body)
}

fn plain(status: StatusCode, kind: &'static str, body: String) -> Response<Body> {
    let body = Full::new(Bytes::from(body))
        .map_err(|never| match never {})
        .boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data_plane::InstanceId;

    fn target(name: &str, weight: u32) -> Target {
        Target {
            instance: InstanceId::new(name),
            address: None,
            environment: "shop".to_owned(),
            version_label: "v1".to_owned(),
            weight,
            faulty: false,
        }
    }

    #[test]
    fn targets_take_turns_by_weight() {
        let targets = [target("i-a", 3), target("i-b", 1)];
        let picked: Vec<&str> = (0..8)
            .map(|turn| weighted(&targets, turn).unwrap().instance.as_str())
            .collect();
        assert_eq!(
            picked,
            ["i-a", "i-a", "i-a", "i-b", "i-a", "i-a", "i-a", "i-b"]
        );
        assert!(weighted(&[], 1).is_none());
    }

    #[test]
    fn forwarded_headers_grow_and_connection_headers_end_here() {
        let mut headers = HeaderMap::new();
        headers.insert("connection", HeaderValue::from_static("keep-alive"));
        headers.insert("x-forwarded-for", HeaderValue::from_static("10.0.0.1"));
        headers.insert(HOST, HeaderValue::from_static("shop.example"));
        pass_on_headers(&mut headers, Some("192.0.2.7:999".parse().unwrap()), 8080);
        assert_eq!(headers["x-forwarded-for"], "10.0.0.1, 192.0.2.7");
        assert_eq!(headers["x-forwarded-proto"], "http");
        assert_eq!(headers["x-forwarded-port"], "8080");
        assert_eq!(headers[HOST], "shop.example");
        assert!(!headers.contains_key("connection"));
    }

    /// Answers each host name with what a test says.
    struct Table(HashMap<&'static str, Targets>);

    impl crate::world::Routes for Table {
        fn targets(&self, host: &str) -> Targets {
            self.0.get(host).cloned().unwrap_or(Targets::UnknownHost)
        }
    }

    /// An instance that answers with the request as it got it.
    async fn mirror() -> SocketAddr {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let reflect = service_fn(|request: Request<Incoming>| async move {
            let mut lines = vec![format!("{} {}", request.method(), request.uri())];
            for (name, value) in request.headers() {
                lines.push(format!("{name}: {}", value.to_str().unwrap()));
            }
            lines.push(
                String::from_utf8(request.collect().await.unwrap().to_bytes().to_vec()).unwrap(),
            );
            Ok::<_, std::convert::Infallible>(Response::new(Full::new(Bytes::from(
                lines.join("\n"),
            ))))
        });
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), reflect));
            }
        });
        address
    }

    /// Sends one request through a load balancer with these routes; its status and body.
    async fn send(routes: HashMap<&'static str, Targets>, host: &str, path: &str) -> (u16, String) {
        let world = crate::services::tests_support::world_with_faults("");
        let services = crate::world::Services::default();
        world.install(crate::world::Services {
            routes: Arc::new(Table(routes)),
            ..services
        });
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let cancel = CancellationToken::new();
        let served = serve(listener, world, cancel.clone());
        let client: Client<HttpConnector, Full<Bytes>> =
            Client::builder(TokioExecutor::new()).build_http();
        let request = Request::post(format!("http://{address}{path}"))
            .header(HOST, host)
            .body(Full::new(Bytes::from_static(b"the body")))
            .unwrap();
        let answer = client.request(request).await.unwrap();
        let status = answer.status().as_u16();
        let body = answer.collect().await.unwrap().to_bytes();
        cancel.cancel();
        served.await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    fn at(address: SocketAddr) -> Targets {
        Targets::InService(vec![Target {
            address: Some(address),
            ..target("i-a", 1)
        }])
    }

    #[tokio::test]
    async fn a_request_reaches_the_instance_as_it_was_with_headers_added() {
        let routes = HashMap::from([("shop.example", at(mirror().await))]);
        let (status, body) = send(routes, "shop.example", "/basket?item=1").await;
        assert_eq!(status, 200);
        assert!(body.starts_with("POST /basket?item=1\n"), "{body}");
        for line in [
            "host: shop.example",
            "x-forwarded-for: 127.0.0.1",
            "x-forwarded-proto: http",
        ] {
            assert!(body.contains(line), "{line} is missing in {body}");
        }
        assert!(body.ends_with("\nthe body"), "{body}");
    }

    #[tokio::test]
    async fn speaks_for_itself_when_no_instance_can() {
        let closed = TcpListener::bind(("127.0.0.1", 0))
            .await
            .unwrap()
            .local_addr()
            .unwrap();
        let faulty = Target {
            address: Some(mirror().await),
            faulty: true,
            ..target("i-a", 1)
        };
        let routes = HashMap::from([
            ("closed", at(closed)),
            ("empty", Targets::NoneInService),
            ("faulty", Targets::InService(vec![faulty])),
            ("stand-in", Targets::InService(vec![target("i-a", 1)])),
        ]);
        for (host, path, status, word) in [
            ("closed", "/", 502, "502 Bad Gateway"),
            ("empty", "/", 503, "503 Service Temporarily Unavailable"),
            ("faulty", "/", 500, "500 Internal Server Error"),
            ("faulty", "/ht/", 500, "unavailable"),
            ("stand-in", "/", 200, "Only the control plane is rehearsed"),
            (
                "stand-in",
                "/admin/",
                404,
                "Only the control plane is rehearsed",
            ),
            ("other", "/", 404, "No environment"),
        ] {
            let (answered, body) = send(routes.clone(), host, path).await;
            assert_eq!(answered, status, "{host}{path}: {body}");
            assert!(body.contains(word), "{host}{path}: {body}");
        }
    }
}
