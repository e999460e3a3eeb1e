//! The HTTP server of all services, on one port.
//!
//! A request travels so: its service is read from the scope of its signature ([`route`]), its body is
//! freed of AWS's own chunking ([`chunked`]), its credentials are looked at, the fault script has its
//! say, and then the service answers. Each request has one id: services find it in the
//! [`answers::REQUEST_ID`] header of what they get, and clients find it in headers and body of the answer.
//!
//! Rules for services: they get the address that AWS would have seen
//! (`https://rds.eu-central-1.amazonaws.com/...`), a body in plain form, and never a request of another
//! region.

pub(crate) mod answers;
mod chunked;
pub(crate) mod form;
mod route;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use winterbaume_core::{MockRequest, MockResponse, MockService};

use crate::calls::{Call as CallRecord, CallObserver};
use crate::faults::RequestAnswer;
use crate::slack::Slack;
use crate::world::World;
use answers::{Protocol, REQUEST_ID};
use route::Scope;

/// The largest body that is taken: a source bundle may have 512 MiB, and a little more for its framing.
const LARGEST_BODY: usize = 600 * 1024 * 1024;

/// Access keys that begin so have expired, for tests of that without a fault script.
const EXPIRED_KEY_PREFIX: &str = "EXPIRED";

/// Services that have one endpoint for all regions, so that any region may be in the scope.
const GLOBAL_SERVICES: [&str; 3] = ["iam", "sts", "s3"];

/// The connection is closed without an answer.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the fault script dropped the connection")]
pub(crate) struct Dropped;

struct Api {
    world: Arc<World>,
    services: HashMap<String, Arc<dyn MockService>>,
    slack: Arc<Slack>,
    calls: Option<Arc<dyn CallObserver>>,
}

/// What the server needs.
pub(crate) struct ServerParts {
    pub(crate) world: Arc<World>,
    pub(crate) services: Vec<Arc<dyn MockService>>,
    pub(crate) slack: Arc<Slack>,
    /// Is told of every request.
    pub(crate) calls: Option<Arc<dyn CallObserver>>,
}

/// Serves until cancelled. Each service is found by its [`MockService::service_name`], which is its
/// signing name. Connections are closed when the returned task ends.
pub(crate) fn serve(
    listener: TcpListener,
    parts: ServerParts,
    cancel: CancellationToken,
) -> JoinHandle<()> {
    let services = parts
        .services
        .into_iter()
        .map(|service| (service.service_name().to_owned(), service))
        .collect();
    let api = Arc::new(Api {
        world: parts.world,
        services,
        slack: parts.slack,
        calls: parts.calls,
    });
    tokio::spawn(accept_until(listener, cancel, move |stream| {
        connection(stream, api.clone())
    }))
}

/// Accepts connections until cancelled, and then closes those that are open.
pub(crate) async fn accept_until<F>(
    listener: TcpListener,
    cancel: CancellationToken,
    mut connection: impl FnMut(TcpStream) -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            () = cancel.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(open.spawn(connection(stream))),
                Err(error) => tracing::warn!(%error, "a connection could not be accepted"),
            },
            Some(_) = open.join_next() => {}
        }
    }
    open.shutdown().await;
}

async fn connection(stream: TcpStream, api: Arc<Api>) {
    // Small answers must not wait for the client's acknowledgement.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "the connection keeps Nagle's algorithm");
    }
    let service = service_fn(move |request| {
        let api = api.clone();
        async move { api.answer(request).await }
    });
    let served = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "the connection ended early");
    }
}

/// A request with all that routing found out.
struct Call {
    service: String,
    operation: String,
    protocol: Protocol,
    request_id: String,
    scope: Option<Scope>,
    request: MockRequest,
}

impl Api {
    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Dropped> {
        let (parts, body) = request.into_parts();
        let body = match Limited::new(body, LARGEST_BODY).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) => {
                tracing::debug!(%error, "the body could not be read");
                return Err(Dropped);
            }
        };
        if parts.uri.path().starts_with("/slack/") {
            return self.slack.answer(&parts, &body);
        }
        let started = Instant::now();
        let bytes = u64::try_from(body.len()).unwrap_or(u64::MAX);
        let call = match self.call(parts, body) {
            Ok(call) => call,
            Err(refusal) => return Ok(finish(*refusal)),
        };
        let (service, operation) = (call.service.clone(), call.operation.clone());
        let (protocol, request_id) = (call.protocol, call.request_id.clone());
        let client = client_of(&call.request);
        let outcome = self.spoil_or_dispatch(call).await;
        let status = outcome.as_ref().map_or(0, |answer| answer.status);
        let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(
            service,
            operation,
            request_id,
            status,
            milliseconds,
            "request"
        );
        if let Some(calls) = &self.calls {
            calls.called(&CallRecord {
                at: Timestamp::now(),
                service,
                operation,
                status,
                bytes,
                milliseconds,
                client,
            });
        }
        outcome.map(|answer| finish(answers::with_request_id(answer, protocol, &request_id)))
    }

    /// Finds out what a request is for. An error is the answer to a request that makes no sense.
    fn call(&self, parts: Parts, body: Bytes) -> Result<Call, Box<MockResponse>> {
        let Parts {
            method,
            uri,
            mut headers,
            ..
        } = parts;
        let request_id = uuid::Uuid::new_v4().to_string();
        let scope = route::scope(&headers, uri.query().unwrap_or_default());
        let mut body = body;
        let mut path = uri.path().to_owned();
        let query = uri.query().unwrap_or_default();
        let is_form = headers
            .get(http::header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.starts_with("application/x-www-form-urlencoded"));
        // A Query request may also come as GET; services read the body only.
        if method == Method::GET && query.contains("Action=") {
            body = Bytes::copy_from_slice(query.as_bytes());
        }
        let fields = if is_form || query.contains("Action=") {
            form::parse(&body)
        } else {
            HashMap::new()
        };
        let service = match &scope {
            Some(scope) => scope.service.clone(),
            None => route::unsigned_service(&fields).to_owned(),
        };
        let protocol = Protocol::of(&service, &path, &headers);
        let refuse = |status, code: &str, message: &str| {
            let refusal = protocol.error(status, code, message);
            Err(Box::new(answers::with_request_id(
                refusal,
                protocol,
                &request_id,
            )))
        };
        if service == "s3" {
            let host = headers
                .get(http::header::HOST)
                .and_then(|value| value.to_str().ok());
            if let Some(bucket) = host.and_then(route::virtual_bucket) {
                path = format!("/{bucket}{path}");
            }
        }
        if chunked::is_chunked(&headers) {
            match chunked::decode(&mut headers, &body) {
                Ok(content) => body = content,
                Err(error) => return refuse(400, "IncompleteBody", &error.to_string()),
            }
        }
        let region = self.world.region.as_str();
        if let Some(scope) = &scope
            && !scope.region.is_empty()
            && scope.region != region
            && !GLOBAL_SERVICES.contains(&service.as_str())
        {
            let message = format!(
                "The rehearsal runs in {region} only; this request was signed for {}.",
                scope.region
            );
            return refuse(400, "InvalidClientRegion", &message);
        }
        if route::is_expired(query, Timestamp::now()) {
            return refuse(403, "AccessDenied", "Request has expired");
        }
        let operation = route::operation(&service, &method, &path, query, &headers, &fields);
        if let Ok(id) = HeaderValue::from_str(&request_id) {
            headers.insert(REQUEST_ID, id);
        }
        let question = if query.is_empty() {
            String::new()
        } else {
            format!("?{query}")
        };
        let uri = format!("https://{service}.{region}.amazonaws.com{path}{question}");
        let request = MockRequest {
            method: method.to_string(),
            uri,
            headers,
            body,
        };
        Ok(Call {
            service,
            operation,
            protocol,
            request_id,
            scope,
            request,
        })
    }

    async fn spoil_or_dispatch(&self, call: Call) -> Result<MockResponse, Dropped> {
        let protocol = call.protocol;
        let access_key = call.scope.as_ref().map(|scope| scope.access_key.as_str());
        match access_key {
            None if !route::may_be_unsigned(&call.operation) => return Ok(protocol.unsigned()),
            Some(key) if key.starts_with(EXPIRED_KEY_PREFIX) => {
                return Ok(protocol.expired_credentials());
            }
            _ => {}
        }
        match self.world.faults().request(&call.service, &call.operation) {
            None => Ok(self.dispatch(call).await),
            Some(RequestAnswer::Throttle) => Ok(protocol.throttled()),
            Some(RequestAnswer::ServerError) => Ok(protocol.internal_error()),
            Some(RequestAnswer::Unavailable) => Ok(protocol.unavailable()),
            Some(RequestAnswer::Drop) => Err(Dropped),
            Some(RequestAnswer::DropAnswer) => {
                self.dispatch(call).await;
                Err(Dropped)
            }
            Some(RequestAnswer::Delay(by)) => {
                self.world.clock.sleep(by).await;
                Ok(self.dispatch(call).await)
            }
            Some(RequestAnswer::ExpiredCredentials) => Ok(protocol.expired_credentials()),
            Some(RequestAnswer::AccessDenied) => {
                Ok(protocol.access_denied(&format!("{}:{}", call.service, call.operation)))
            }
            Some(RequestAnswer::Error {
                status,
                code,
                message,
            }) => Ok(protocol.error(status, &code, &message)),
        }
    }

    async fn dispatch(&self, call: Call) -> MockResponse {
        match self.services.get(&call.service) {
            Some(service) => service.handle(call.request).await,
            None => call.protocol.error(
                400,
                "UnknownService",
                &format!("The rehearsal has no service `{}`.", call.service),
            ),
        }
    }
}

/// What the client calls itself.
fn client_of(request: &MockRequest) -> String {
    request
        .headers
        .get(http::header::USER_AGENT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_owned()
}

/// The answer as HTTP.
fn finish(answer: MockResponse) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(answer.body));
    // A status out of range would be a fault of a service.
    *response.status_mut() = http::StatusCode::from_u16(answer.status)
        .unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = answer.headers;
    response
}

/// The access key id that signed a request which a service got.
pub(crate) fn access_key(request: &MockRequest) -> Option<String> {
    let query = request.uri.split_once('?').map_or("", |(_, query)| query);
    route::scope(&request.headers, query).map(|scope| scope.access_key)
}
