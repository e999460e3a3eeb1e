//! The clients against canned answers on a real socket: signing, parsing, paging, retries and the
//! mapping of errors. The bodies are what the services send.

mod beanstalk;
mod broken;
mod failures;
mod services;

use beanpole_model::{Pace, Region, Secret};
use wiremock::matchers::{body_string_contains, method};
use wiremock::{Mock, MockBuilder, MockServer, ResponseTemplate};

use crate::Settings;
use crate::connection::Connection;

/// How often a request is sent at most in these tests.
pub(crate) const ATTEMPTS: u32 = 3;

/// Settings for a server on this machine, with pauses of 10 ms.
pub(crate) fn settings(endpoint: &str) -> Settings {
    Settings {
        region: Some(Region::new("eu-central-1").unwrap()),
        endpoint_url: Some(endpoint.to_owned()),
        static_credentials: Some(("AKIATEST".to_owned(), Secret::new("test-key"), None)),
        maximum_attempts: ATTEMPTS,
        pace: Pace::rehearsal(1000.0, true),
        ..Settings::default()
    }
}

/// A server and a connection to it.
pub(crate) async fn server() -> (MockServer, Connection) {
    let server = MockServer::start().await;
    let connection = Connection::open(&settings(&server.uri())).await.unwrap();
    (server, connection)
}

/// A request of a Query service for one operation.
pub(crate) fn query(operation: &str) -> MockBuilder {
    // The end of the name matters: `DescribeEnvironments` also starts `DescribeEnvironmentsX`.
    Mock::given(method("POST")).and(body_string_contains(format!("Action={operation}&")))
}

pub(crate) fn xml(status: u16, body: impl Into<String>) -> ResponseTemplate {
    ResponseTemplate::new(status)
        .insert_header("x-amzn-requestid", "11111111-2222-3333-4444-555555555555")
        .set_body_raw(body.into().into_bytes(), "text/xml")
}

/// An error as Query services send it.
pub(crate) fn query_error(status: u16, code: &str, message: &str) -> ResponseTemplate {
    xml(
        status,
        format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code>\
             <Message>{message}</Message></Error>\
             <RequestId>11111111-2222-3333-4444-555555555555</RequestId></ErrorResponse>"
        ),
    )
}

/// An error as the JSON services send it.
pub(crate) fn json_error(status: u16, code: &str, message: &str) -> ResponseTemplate {
    let body = format!("{{\"__type\":\"{code}\",\"message\":\"{message}\"}}");
    ResponseTemplate::new(status)
        .insert_header("x-amzn-requestid", "11111111-2222-3333-4444-555555555555")
        .set_body_raw(body.into_bytes(), "application/x-amz-json-1.1")
}
