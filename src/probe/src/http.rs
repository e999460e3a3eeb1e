//! One probe over HTTP.

use std::error::Error as StdError;
use std::io::ErrorKind;

use reqwest::header::{ACCEPT, ACCEPT_LANGUAGE, CACHE_CONTROL, HOST, LOCATION};
use url::Url;

use crate::client::client;
use crate::components::{Component, add_times};
use crate::diagnosis::{Answer, diagnose};
use crate::failure::{Failure, FailureKind};
use crate::network::Progress;
use crate::probe::{HttpProbe, Method, Parse};
use crate::result::{Phase, ProbeResult};
use crate::{html, json};

/// How much of a body is read, in bytes. Health pages have a few kilobytes.
const LARGEST_BODY: usize = 1024 * 1024;

/// Asks once, over a fresh connection, and says what it saw. Never takes longer than the probe's
/// timeout, except that [`Parse::HealthCheck`] with `times` asks a second time with the same timeout.
pub async fn check_http(probe: &HttpProbe) -> ProbeResult {
    let wants = match probe.parse {
        Parse::Nothing => Wants::Anything,
        Parse::HealthCheck { .. } => Wants::Json,
    };
    let mut result = ask(probe, wants).await;
    // Only a JSON answer lacks times, and only an answer that came at all is worth a second look.
    if probe.parse == (Parse::HealthCheck { times: true })
        && !result.components.is_empty()
        && result
            .components
            .iter()
            .all(|component| component.elapsed.is_none())
    {
        let timed = ask(probe, Wants::Html).await;
        add_times(&mut result.components, &timed.components);
    }
    result
}

/// The form of the answer that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wants {
    Anything,
    Json,
    Html,
}

/// What came back.
struct Received {
    status: u16,
    location: Option<String>,
    components: Vec<Component>,
}

async fn ask(probe: &HttpProbe, wants: Wants) -> ProbeResult {
    let progress = Progress::start();
    let received =
        match tokio::time::timeout(probe.timeout, exchange(probe, wants, &progress)).await {
            Ok(received) => received,
            Err(_) => {
                let phase = progress.phase();
                Err(Failure {
                    kind: FailureKind::TimedOut { phase },
                    message: format!(
                        "no answer within {} s: it ended while {phase}",
                        probe.timeout.as_secs_f64()
                    ),
                    hint: timeout_hint(phase),
                })
            }
        };
    let (phases, elapsed) = progress.finish();
    let mut result = ProbeResult {
        url: shown(&probe.url),
        ok: false,
        status: None,
        elapsed,
        phases,
        components: Vec::new(),
        failure: None,
    };
    match received {
        Err(failure) => result.failure = Some(failure),
        Ok(Received {
            status,
            location,
            components,
        }) => {
            result.failure = diagnose(&Answer {
                status,
                location: location.as_deref(),
                url: &probe.url,
                host: probe.host.as_deref(),
                expect_status: probe.expect_status,
                components: &components,
            });
            result.ok = result.failure.is_none();
            result.status = Some(status);
            result.components = components;
        }
    }
    result
}

fn timeout_hint(phase: Phase) -> Option<String> {
    match phase {
        Phase::Resolve => None,
        Phase::Connect => Some("A security group may not let this machine in, or nothing listens on the port.".to_owned()),
        Phase::Wait | Phase::Transfer => Some(
            "A component's own timeout may be longer than the probe's: with more time the health page names it."
                .to_owned(),
        ),
    }
}

async fn exchange(
    probe: &HttpProbe,
    wants: Wants,
    progress: &Progress,
) -> Result<Received, Failure> {
    let client = client(probe, progress).map_err(|error| Failure {
        kind: FailureKind::Probe,
        message: format!("the probe could not be made ready: {}", chain(&error)),
        hint: None,
    })?;
    let method = match probe.method {
        Method::Get => reqwest::Method::GET,
        Method::Head => reqwest::Method::HEAD,
    };
    let mut request = client
        .request(method, address(&probe.url, wants))
        .header(CACHE_CONTROL, "no-cache")
        // Messages in a language that we know.
        .header(ACCEPT_LANGUAGE, "en");
    request = match wants {
        Wants::Anything => request.header(ACCEPT, "*/*"),
        Wants::Json => request.header(ACCEPT, "application/json, text/html;q=0.5, */*;q=0.1"),
        Wants::Html => request.header(ACCEPT, "text/html"),
    };
    if let Some(host) = &probe.host {
        request = request.header(HOST, host);
    }
    let mut response = request
        .send()
        .await
        .map_err(|error| broken(&error, progress, &probe.url))?;
    progress.enter(Phase::Transfer);
    let status = response.status().as_u16();
    let location = response
        .headers()
        .get(LOCATION)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let mut body = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| broken(&error, progress, &probe.url))?
    {
        let room = LARGEST_BODY - body.len();
        body.extend(chunk.iter().take(room));
        if body.len() >= LARGEST_BODY {
            break;
        }
    }
    let components = match wants {
        Wants::Anything => Vec::new(),
        Wants::Json | Wants::Html => components(&body, status == probe.expect_status),
    };
    Ok(Received {
        status,
        location,
        components,
    })
}

/// The components of a health page in whatever form it came.
fn components(body: &[u8], good_status: bool) -> Vec<Component> {
    json::parse(body, good_status)
        .or_else(|| html::parse(&String::from_utf8_lossy(body), good_status))
        .unwrap_or_default()
}

/// The probe's address. A form that is wanted is also asked for in the query, because version 3
/// of django-health-check answers in HTML if anything on the way touches the Accept header.
fn address(url: &Url, wants: Wants) -> Url {
    let mut url = url.clone();
    if wants == Wants::Json && !url.query_pairs().any(|(name, _)| name == "format") {
        url.query_pairs_mut().append_pair("format", "json");
    }
    url
}

/// The address as it may be shown: without a user name and a password.
fn shown(url: &Url) -> String {
    let mut url = url.clone();
    // Both fail only for addresses that cannot have them.
    let _ = url.set_password(None);
    let _ = url.set_username("");
    url.to_string()
}

/// What went wrong below HTTP.
fn broken(error: &reqwest::Error, progress: &Progress, url: &Url) -> Failure {
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or_default();
    let cause = innermost(error);
    if progress.has_name_failed() {
        return Failure {
            kind: FailureKind::Resolve,
            message: format!("the name {host} has no address: {cause}"),
            hint: Some(
                "A new environment's name takes a minute to appear; otherwise check its spelling."
                    .to_owned(),
            ),
        };
    }
    if error.is_redirect() {
        return Failure {
            kind: FailureKind::Redirect {
                location: error.url().map(shown).unwrap_or_default(),
            },
            message: "the redirects do not end".to_owned(),
            hint: None,
        };
    }
    if !progress.has_connected() && error.is_connect() {
        let below_tls = url.scheme() != "https"
            || io_kind(error).is_some_and(|kind| {
                matches!(
                    kind,
                    ErrorKind::ConnectionRefused
                        | ErrorKind::HostUnreachable
                        | ErrorKind::NetworkUnreachable
                        | ErrorKind::AddrNotAvailable
                        | ErrorKind::NetworkDown
                        | ErrorKind::TimedOut
                )
            });
        return if below_tls {
            Failure {
                kind: FailureKind::Connect,
                message: format!("no connection to {host}:{port}: {cause}"),
                hint: None,
            }
        } else {
            Failure {
                kind: FailureKind::Tls,
                message: format!("no TLS with {host}:{port}: {cause}"),
                hint: Some(
                    "Does the certificate cover this name, and has it not expired?".to_owned(),
                ),
            }
        };
    }
    Failure {
        kind: FailureKind::Broken,
        message: format!("the connection to {host}:{port} broke: {cause}"),
        hint: Some("The container may be restarting: look at its log.".to_owned()),
    }
}

/// The kind of the first I/O error among the causes.
fn io_kind(error: &reqwest::Error) -> Option<ErrorKind> {
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(cause) = next {
        if let Some(error) = cause.downcast_ref::<std::io::Error>() {
            return Some(error.kind());
        }
        next = cause.source();
    }
    None
}

/// The last cause: what the system said.
fn innermost(error: &reqwest::Error) -> String {
    let mut last: &dyn StdError = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    last.to_string()
}

/// The error and all its causes in one line.
fn chain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_not_shown() {
        let url = "https://user:pass@a.org/ht/".parse().unwrap();
        assert_eq!(shown(&url), "https://a.org/ht/");
    }

    #[test]
    fn the_format_is_asked_for_once() {
        let url = |text: &str, wants| address(&text.parse().unwrap(), wants).to_string();
        assert_eq!(url("http://a/ht/", Wants::Json), "http://a/ht/?format=json");
        assert_eq!(
            url("http://a/ht/?x=1", Wants::Json),
            "http://a/ht/?x=1&format=json"
        );
        assert_eq!(
            url("http://a/ht/?format=html", Wants::Json),
            "http://a/ht/?format=html"
        );
        assert_eq!(url("http://a/ht/", Wants::Html), "http://a/ht/");
        assert_eq!(url("http://a/ht/", Wants::Anything), "http://a/ht/");
    }
}
