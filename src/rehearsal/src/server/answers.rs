//! Errors in each of AWS's protocols, and request ids that agree between header and body.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use winterbaume_core::{MockResponse, xml_escape};

/// The header that carries the request's id: on answers for clients, and on requests for services that
/// want to know it.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
/// S3's name for the same.
const S3_REQUEST_ID: HeaderName = HeaderName::from_static("x-amz-request-id");
const S3_EXTENDED_ID: HeaderName = HeaderName::from_static("x-amz-id-2");

/// The protocol in which a service answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Form in, XML out.
    Query,
    /// EC2's dialect of it.
    Ec2,
    /// JSON 1.1.
    Json,
    /// CBOR by path, which CloudWatch's current clients speak.
    Cbor,
    /// S3's REST with XML.
    RestXml,
}

impl Protocol {
    /// The protocol of a request to `service`.
    pub(crate) fn of(service: &str, path: &str, headers: &HeaderMap) -> Self {
        match service {
            "s3" => Self::RestXml,
            "ec2" => Self::Ec2,
            _ if headers.contains_key("x-amz-target") => Self::Json,
            "secretsmanager" | "ecr" => Self::Json,
            "monitoring" if path.contains("/operation/") => Self::Cbor,
            _ => Self::Query,
        }
    }

    /// An error answer. The request id is filled in later by [`with_request_id`].
    pub(crate) fn error(self, status: u16, code: &str, message: &str) -> MockResponse {
        let (code_xml, message_xml) = (xml_escape(code), xml_escape(message));
        match self {
            Self::Query => {
                let side = if status < 500 { "Sender" } else { "Receiver" };
                MockResponse::xml(
                    status,
                    format!(
                        "<ErrorResponse><Error><Type>{side}</Type><Code>{code_xml}</Code><Message>{message_xml}</Message></Error><RequestId></RequestId></ErrorResponse>"
                    ),
                )
            }
            Self::Ec2 => MockResponse::xml(
                status,
                format!(
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>{code_xml}</Code><Message>{message_xml}</Message></Error></Errors><RequestID></RequestID></Response>"
                ),
            ),
            Self::Json => winterbaume_core::json_error_response(status, code, message),
            Self::Cbor => winterbaume_cloudwatch::wire::cbor_error_response(status, code, message),
            Self::RestXml => MockResponse::xml(
                status,
                format!(
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code_xml}</Code><Message>{message_xml}</Message><RequestId></RequestId></Error>"
                ),
            ),
        }
    }

    /// Throttled, as this protocol's services say it.
    pub(crate) fn throttled(self) -> MockResponse {
        match self {
            Self::Query | Self::Cbor => self.error(400, "Throttling", "Rate exceeded"),
            Self::Ec2 => self.error(503, "RequestLimitExceeded", "Request limit exceeded."),
            Self::Json => self.error(400, "ThrottlingException", "Rate exceeded"),
            Self::RestXml => self.error(503, "SlowDown", "Please reduce your request rate."),
        }
    }

    /// A fault of the service's own.
    pub(crate) fn internal_error(self) -> MockResponse {
        let message = "An internal error has occurred. Please retry your request.";
        match self {
            Self::Query | Self::Cbor => self.error(500, "InternalFailure", message),
            Self::Ec2 | Self::RestXml => self.error(500, "InternalError", message),
            Self::Json => self.error(500, "InternalServiceError", message),
        }
    }

    /// The service is out of order for a while.
    pub(crate) fn unavailable(self) -> MockResponse {
        self.error(
            503,
            "ServiceUnavailable",
            "The service is temporarily unavailable.",
        )
    }

    /// The credentials have expired.
    pub(crate) fn expired_credentials(self) -> MockResponse {
        let message = "The security token included in the request is expired";
        match self {
            Self::Query | Self::Cbor => self.error(403, "ExpiredToken", message),
            Self::Ec2 => self.error(400, "RequestExpired", "Request has expired."),
            Self::Json => self.error(400, "ExpiredTokenException", message),
            Self::RestXml => self.error(400, "ExpiredToken", "The provided token has expired."),
        }
    }

    /// Nobody signed a request that must be signed.
    pub(crate) fn unsigned(self) -> MockResponse {
        let message = "Missing Authentication Token";
        match self {
            Self::Query | Self::Cbor | Self::Ec2 => {
                self.error(403, "MissingAuthenticationToken", message)
            }
            Self::Json => self.error(400, "MissingAuthenticationTokenException", message),
            Self::RestXml => self.error(403, "AccessDenied", "Access Denied"),
        }
    }

    /// The caller may not do this.
    pub(crate) fn access_denied(self, action: &str) -> MockResponse {
        let message = format!("User is not authorized to perform: {action}");
        match self {
            Self::Query | Self::Cbor => self.error(403, "AccessDenied", &message),
            Self::Ec2 => self.error(
                403,
                "UnauthorizedOperation",
                &format!("You are not authorized to perform this operation. {message}"),
            ),
            Self::Json => self.error(400, "AccessDeniedException", &message),
            Self::RestXml => self.error(403, "AccessDenied", "Access Denied"),
        }
    }
}

/// Puts the request's id into the headers, and into the XML body in place of the one that its
/// serializer made up.
pub(crate) fn with_request_id(
    mut response: MockResponse,
    protocol: Protocol,
    request_id: &str,
) -> MockResponse {
    // What S3 hands out with success is the user's own bytes.
    if protocol != Protocol::RestXml || response.status >= 400 {
        response.body = id_in_body(&response.body, protocol, request_id);
    }
    insert(&mut response.headers, REQUEST_ID, request_id);
    if protocol == Protocol::RestXml {
        insert(&mut response.headers, S3_REQUEST_ID, request_id);
        insert(&mut response.headers, S3_EXTENDED_ID, request_id);
    }
    response
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// EC2 has the id first or in the error, the others have it last: an event list holds ids of other
/// requests before it. JSON and CBOR carry the id in the header only.
fn id_in_body(body: &Bytes, protocol: Protocol, request_id: &str) -> Bytes {
    let Ok(text) = std::str::from_utf8(body) else {
        return body.clone();
    };
    let (open, close, from_end) = match protocol {
        Protocol::Query | Protocol::RestXml => ("<RequestId>", "</RequestId>", true),
        Protocol::Ec2 if text.contains("<RequestID>") => ("<RequestID>", "</RequestID>", true),
        Protocol::Ec2 => ("<requestId>", "</requestId>", false),
        Protocol::Json | Protocol::Cbor => return body.clone(),
    };
    let start = if from_end {
        text.rfind(open)
    } else {
        text.find(open)
    };
    let Some(start) = start.map(|start| start + open.len()) else {
        return body.clone();
    };
    let Some((before, after)) = text.split_at_checked(start) else {
        return body.clone();
    };
    let Some(length) = after.find(close) else {
        return body.clone();
    };
    let after = after.get(length..).unwrap_or_default();
    Bytes::from(format!("{before}{request_id}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_id_of_a_query_answer_is_the_requests() {
        let xml = "<R><Event><RequestId>other</RequestId></Event><RequestId>x</RequestId></R>";
        let answer = with_request_id(MockResponse::xml(200, xml), Protocol::Query, "mine");
        assert_eq!(
            answer.body,
            "<R><Event><RequestId>other</RequestId></Event><RequestId>mine</RequestId></R>"
        );
        assert_eq!(answer.headers["x-amzn-requestid"], "mine");
    }

    #[test]
    fn every_protocols_error_names_its_code_and_the_request() {
        for protocol in [Protocol::Query, Protocol::Ec2, Protocol::RestXml] {
            let answer =
                with_request_id(protocol.error(400, "Co<de", "why & how"), protocol, "id-1");
            let body = String::from_utf8(answer.body.to_vec()).unwrap();
            assert!(
                body.contains("Co&lt;de") && body.contains("why &amp; how"),
                "{body}"
            );
            assert!(body.contains("id-1"), "{body}");
        }
        let answer = Protocol::Json.error(400, "X", "say \"no\"");
        assert_eq!(answer.body, r#"{"__type":"X","message":"say \"no\""}"#);
    }

    #[test]
    fn object_contents_are_left_alone() {
        let content = "<RequestId>secret plan</RequestId>";
        let answer = with_request_id(MockResponse::xml(200, content), Protocol::RestXml, "id");
        assert_eq!(answer.body, content);
    }
}
