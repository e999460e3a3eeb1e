//! The retry policy, one for all services.
//!
//! The SDK does the repeating, with exponential backoff, jitter and a budget that all clients
//! share. What is worth another attempt is decided here, in [`verdict`]: throttling, AWS's own
//! passing failures, and connections that fail or break, wherever they break: before the request,
//! in it, before the answer, or in the middle of it. Everything else is final. A call that must not
//! be carried out twice adds `Once`: it is repeated only where AWS has refused it for sure.

use std::time::Duration;

use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::retries::classifiers::{
    ClassifyRetry, RetryAction, RetryClassifierPriority,
};
use aws_smithy_types::retry::{ErrorKind, RetryConfig};
use aws_smithy_types::timeout::TimeoutConfig;

use crate::error::{is_internal, kind_of_code, kind_of_status};
use crate::{Kind, Settings};

/// The mean of the first pause is half of this; each further pause is twice as long. The value is
/// the SDK's own.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// No pause is longer than this. The SDK's own value.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);
/// A healthy AWS endpoint takes a connection within a fraction of a second.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// The slowest ordinary calls (CreateEnvironment) answer within ten seconds.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);
/// One part of an upload is 8 MiB, which takes this long at 14 KiB/s.
const UPLOAD_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(600);

/// What another attempt is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Too many requests: again, after a longer pause.
    Throttled,
    /// A passing failure: again.
    Passing,
    /// Another attempt would meet the same.
    Final,
}

/// Judges an answer by its error code, or by its HTTP status where it has no code.
#[must_use]
pub fn verdict(code: Option<&str>, status: u16) -> Verdict {
    let kind = code.map_or_else(|| kind_of_status(status), kind_of_code);
    match kind {
        Kind::Throttled => Verdict::Throttled,
        Kind::Network => Verdict::Passing,
        Kind::Service if status >= 500 || code.is_some_and(is_internal) => Verdict::Passing,
        _ => Verdict::Final,
    }
}

/// The SDK's settings for these attempts and pauses.
pub(crate) fn retry_config(settings: &Settings) -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(settings.maximum_attempts.max(1))
        .with_initial_backoff(settings.pace.wait(FIRST_PAUSE))
        .with_max_backoff(settings.pace.wait(LONGEST_PAUSE))
}

/// The time limits of ordinary calls.
pub(crate) fn call_timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .build()
}

/// The time limits of calls that carry files.
pub(crate) fn upload_timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(UPLOAD_ATTEMPT_TIMEOUT)
        .build()
}

/// Puts [`verdict`] in the SDK's place of decision, after and above the SDK's own classifiers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy;

impl ClassifyRetry for Policy {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let Some(Err(error)) = context.output_or_error() else {
            return RetryAction::NoActionIndicated;
        };
        // A response error is an answer whose body broke off: what cannot be parsed is another kind.
        if error.is_timeout_error() || error.is_response_error() {
            return RetryAction::transient_error();
        }
        if let Some(connector) = error.as_connector_error() {
            return if is_broken(connector) {
                RetryAction::transient_error()
            } else {
                RetryAction::RetryForbidden
            };
        }
        let Some(response) = context.response() else {
            return RetryAction::RetryForbidden;
        };
        let status = response.status().as_u16();
        let code = code(response);
        if code.is_none() && status < 500 && is_binary(response) {
            // CloudWatch speaks CBOR. The SDK's own classifiers have read its code by now.
            return RetryAction::NoActionIndicated;
        }
        match verdict(code.as_deref(), status) {
            Verdict::Throttled => RetryAction::throttling_error(),
            Verdict::Passing => RetryAction::transient_error(),
            Verdict::Final => RetryAction::RetryForbidden,
        }
    }

    fn name(&self) -> &'static str {
        "beanpole retry policy"
    }

    fn priority(&self) -> RetryClassifierPriority {
        RetryClassifierPriority::run_after(RetryClassifierPriority::transient_error_classifier())
    }
}

/// True for a connection that failed, broke, or was closed before the whole answer was there. The
/// last is no I/O error to hyper (`IncompleteMessage`); the SDK marks it as passing.
fn is_broken(connector: &ConnectorError) -> bool {
    connector.is_io()
        || connector.is_timeout()
        || connector.as_other() == Some(ErrorKind::TransientError)
}

/// For a call that does harm when it is carried out twice (a swap of names swaps back). Whatever
/// leaves it open whether AWS has carried it out is final: the caller has to look first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Once;

impl ClassifyRetry for Once {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let Some(Err(_)) = context.output_or_error() else {
            return RetryAction::NoActionIndicated;
        };
        match context.response() {
            // A refusal: nothing was done, and the policy says whether to ask again.
            Some(response) if (400..500).contains(&response.status().as_u16()) => {
                RetryAction::NoActionIndicated
            }
            _ => RetryAction::RetryForbidden,
        }
    }

    fn name(&self) -> &'static str {
        "beanpole once only"
    }

    fn priority(&self) -> RetryClassifierPriority {
        RetryClassifierPriority::run_after(Policy.priority())
    }
}

fn is_binary(response: &HttpResponse) -> bool {
    response
        .headers()
        .get("content-type")
        .is_some_and(|content| content.contains("cbor"))
}

/// The error code of a raw answer. The typed error is not within reach here: the SDK hands its
/// classifiers a type-erased one.
fn code(response: &HttpResponse) -> Option<String> {
    if let Some(code) = response.headers().get("x-amzn-errortype") {
        return Some(bare(code));
    }
    let body = std::str::from_utf8(response.body().bytes()?).ok()?;
    if body.trim_start().starts_with('{') {
        let value: serde_json::Value = serde_json::from_str(body).ok()?;
        let code = value
            .get("__type")
            .or_else(|| value.get("code"))?
            .as_str()?;
        return Some(bare(code));
    }
    let (_, rest) = body.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    Some(code.trim().to_owned())
}

/// `aws.example#Code:http://…` and `Code:http://…` to `Code` (AWS JSON protocol, error
/// serialization).
fn bare(code: &str) -> String {
    let code = code.rsplit_once('#').map_or(code, |(_, code)| code);
    code.split_once(':')
        .map_or(code, |(code, _)| code)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_passing_failures_are_repeated() {
        assert_eq!(verdict(Some("Throttling"), 400), Verdict::Throttled);
        assert_eq!(verdict(None, 429), Verdict::Throttled);
        assert_eq!(verdict(None, 500), Verdict::Passing);
        assert_eq!(verdict(None, 503), Verdict::Passing);
        assert_eq!(verdict(Some("InternalError"), 200), Verdict::Passing);
        assert_eq!(verdict(Some("RequestTimeout"), 400), Verdict::Passing);
        assert_eq!(verdict(Some("AccessDenied"), 403), Verdict::Final);
        assert_eq!(verdict(Some("InvalidParameterValue"), 400), Verdict::Final);
        assert_eq!(verdict(Some("LimitExceededException"), 400), Verdict::Final);
        assert_eq!(verdict(Some("ExpiredToken"), 403), Verdict::Final);
        assert_eq!(verdict(Some("SomethingNew"), 400), Verdict::Final);
        assert_eq!(verdict(Some("SomethingNew"), 500), Verdict::Passing);
    }

    #[test]
    fn json_codes_lose_their_decoration() {
        assert_eq!(
            bare("com.amazonaws.x#ThrottlingException:http://y"),
            "ThrottlingException"
        );
        assert_eq!(bare("ThrottlingException"), "ThrottlingException");
    }
}
