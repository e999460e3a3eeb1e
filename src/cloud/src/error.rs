//! Every failure of an AWS call, as one value: which call, on what, which kind, AWS's code and
//! words, the request id, and what to do next.
//!
//! Rules: the kind follows from AWS's error code, and only where an answer has none (answers to
//! `HEAD`, load balancers, proxies) from the HTTP status. AWS's English is shown, never read. The
//! body of an answer that is no AWS answer is not shown: it may hold anything.

use std::error::Error as StdError;
use std::fmt;
use std::ops::Deref;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use beanpole_model::{ExitCode, Problem};

mod kind;

pub use kind::Kind;
pub(crate) use kind::{is_internal, kind_of_code, kind_of_status};

/// A failed AWS call. Its fields are those of [`Failure`]: `error.kind`, `error.code`.
#[derive(Debug)]
pub struct Error(Box<Failure>);

/// What there is to know about a failed call.
#[derive(Debug)]
pub struct Failure {
    /// The service, by its IAM prefix: `elasticbeanstalk`.
    pub service: &'static str,
    /// The API operation: `UpdateEnvironment`.
    pub operation: &'static str,
    /// What the call was about, for people: ``environment `blog-prod` ``.
    pub object: String,
    /// What kind of failure it is.
    pub kind: Kind,
    /// AWS's error code, if the answer had one.
    pub code: Option<String>,
    /// AWS's own words, or ours where AWS said nothing.
    pub message: String,
    /// AWS's id of the request, which AWS support asks for.
    pub request_id: Option<String>,
    /// A remedy that is better than the general one of the kind.
    pub remedy: Option<String>,
    /// What lies below: connection and credential errors.
    pub source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// A failure without an answer of AWS behind it: an answer that lacks what it must have, a wait
    /// that ran out. `message` is one sentence without a full stop.
    #[must_use]
    pub fn new(
        service: &'static str,
        operation: &'static str,
        object: impl Into<String>,
        kind: Kind,
        message: impl Into<String>,
    ) -> Self {
        Self(Box::new(Failure {
            service,
            operation,
            object: object.into(),
            kind,
            code: None,
            message: message.into(),
            request_id: None,
            remedy: None,
            source: None,
        }))
    }

    /// The same failure with another kind, for callers who found out more than the code says.
    #[must_use]
    pub fn with_kind(mut self, kind: Kind) -> Self {
        self.0.kind = kind;
        self
    }

    /// The same failure with other words.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<String>) -> Self {
        self.0.message = message.into();
        self
    }

    /// The same failure with a better remedy.
    #[must_use]
    pub fn with_remedy(mut self, remedy: impl Into<String>) -> Self {
        self.0.remedy = Some(remedy.into());
        self
    }

    /// The same failure with what lies below it.
    #[must_use]
    pub(crate) fn with_source(
        mut self,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// True if the thing that the call was about does not exist.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.0.kind == Kind::NotFound
    }

    /// The IAM permission that the call needs.
    #[must_use]
    pub fn permission(&self) -> String {
        permission(self.0.service, self.0.operation)
    }
}

impl Deref for Error {
    type Target = Failure;
    fn deref(&self) -> &Failure {
        &self.0
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failure {
            service,
            operation,
            object,
            kind,
            code,
            message,
            ..
        } = &*self.0;
        write!(formatter, "{service}:{operation} for {object}: {kind}")?;
        if !message.is_empty() {
            write!(formatter, ": {}", message.trim_end_matches('.'))?;
        }
        match code {
            Some(code) => write!(formatter, " ({code})"),
            None => Ok(()),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0
            .source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}

impl Problem for Error {
    fn exit_code(&self) -> ExitCode {
        self.0.kind.exit_code()
    }

    fn details(&self) -> Vec<String> {
        self.0
            .request_id
            .iter()
            .map(|id| format!("AWS request id: {id}"))
            .collect()
    }

    fn hint(&self) -> Option<String> {
        self.0.remedy.clone().or_else(|| general_remedy(&self.0))
    }
}

/// What helps against a failure of this kind when nobody knows better.
fn general_remedy(failure: &Failure) -> Option<String> {
    let text = match failure.kind {
        Kind::AccessDenied => format!(
            "allow `{}` for the user or role in use (`aws sts get-caller-identity` shows which)",
            permission(failure.service, failure.operation)
        ),
        Kind::Credentials if failure.code.as_deref() == Some("RequestTimeTooSkewed") => {
            "set this machine's clock: AWS refuses signatures that are off by minutes".to_owned()
        }
        Kind::Credentials => {
            "renew the credentials (`aws sso login`, or new keys) and run the command again"
                .to_owned()
        }
        Kind::Throttled => {
            "AWS limits the request rate, and every attempt was refused: try again in a minute"
                .to_owned()
        }
        Kind::Busy => {
            "wait until it is ready (`beanpole status` shows it) and run the command again"
                .to_owned()
        }
        Kind::LimitExceeded => {
            "remove what is no longer needed, or raise the limit in the Service Quotas console"
                .to_owned()
        }
        Kind::Network => {
            "check the network, the proxy settings and the endpoint URL, then try again".to_owned()
        }
        Kind::OutOfTime => {
            "AWS goes on by itself: `beanpole status` shows how far it is".to_owned()
        }
        Kind::InvalidParameter => {
            "correct the value in `beanpole.yaml` that AWS's message names".to_owned()
        }
        Kind::PreconditionFailed => {
            "someone else was first: look at what is there, then run the command again".to_owned()
        }
        Kind::Service => "AWS failed, not you: try again in a few minutes".to_owned(),
        Kind::NotFound | Kind::AlreadyExists | Kind::Interrupted => return None,
    };
    Some(text)
}

/// The permission that an operation needs. It is the operation's own name but for S3, whose
/// permissions are about objects and buckets (IAM service authorization reference).
fn permission(service: &str, operation: &str) -> String {
    let action = match (service, operation) {
        ("s3", "HeadObject") => "GetObject",
        ("s3", "ListObjectsV2" | "HeadBucket") => "ListBucket",
        ("s3", "CreateMultipartUpload" | "UploadPart" | "CompleteMultipartUpload") => "PutObject",
        (_, own) => own,
    };
    format!("{service}:{action}")
}

/// The name of a call while it is under way; turns the SDK's error into ours.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Service(pub(crate) &'static str);

impl Service {
    /// For `map_err`: everything of an SDK error that people and programs need.
    pub(crate) fn failed<E>(
        self,
        operation: &'static str,
        object: impl Into<String>,
    ) -> impl FnOnce(SdkError<E, HttpResponse>) -> Error
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        let object = object.into();
        move |error| {
            from_sdk(
                Error::new(self.0, operation, object, Kind::Service, ""),
                error,
            )
        }
    }

    /// The answer's `field`, which AWS always sends; its absence is AWS's failure, not a panic.
    pub(crate) fn required<T>(
        self,
        operation: &'static str,
        object: impl Into<String>,
        field: &str,
        value: Option<T>,
    ) -> Result<T, Error> {
        value.ok_or_else(|| {
            let message = format!("the answer has no `{field}`");
            Error::new(self.0, operation, object, Kind::Service, message)
        })
    }

    /// A request that could not be put together, because a value is missing or out of range.
    pub(crate) fn invalid(
        self,
        operation: &'static str,
        object: impl Into<String>,
        message: impl Into<String>,
    ) -> Error {
        Error::new(self.0, operation, object, Kind::InvalidParameter, message)
    }
}

fn from_sdk<E>(mut blank: Error, error: SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    let failure = &mut *blank.0;
    failure.request_id = request_id(&error);
    if let SdkError::ServiceError(answer) = &error {
        failure.code = answer.err().code().map(str::to_owned);
        failure.kind = match &failure.code {
            Some(code) => kind_of_code(code),
            None => kind_of_raw(answer.raw()),
        };
        failure.message = match answer.err().message() {
            Some(message) => message.to_owned(),
            None => describe_raw(answer.raw()),
        };
        if failure.code.is_none() && has_body(answer.raw()) {
            failure.remedy = Some(FOREIGN.to_owned());
        }
        return blank;
    }
    if has_credentials_error(&error) {
        failure.kind = Kind::Credentials;
        failure.message = "no valid credentials could be had".to_owned();
        failure.remedy = Some(
            "log in with `aws sso login`, choose a profile with `--profile`, or, in GitHub Actions, \
             run `aws-actions/configure-aws-credentials` first with `id-token: write`"
                .to_owned(),
        );
        return with_cause(blank, error);
    }
    match &error {
        SdkError::TimeoutError(_) => {
            failure.kind = Kind::Network;
            failure.message = "no answer in time".to_owned();
        }
        SdkError::DispatchFailure(dispatch) => {
            failure.kind = Kind::Network;
            failure.message = if dispatch.is_timeout() {
                "no connection in time".to_owned()
            } else {
                "no connection, or it broke before the answer".to_owned()
            };
        }
        // The SDK takes the body out while it reads it: none is left of one that broke off.
        SdkError::ResponseError(answer) if answer.raw().body().bytes().is_none() => {
            failure.kind = Kind::Network;
            failure.message = "the answer broke off".to_owned();
        }
        SdkError::ResponseError(answer) => {
            failure.kind = kind_of_raw(answer.raw());
            failure.message = describe_raw(answer.raw());
            failure.remedy = Some(FOREIGN.to_owned());
        }
        _ => {
            failure.kind = Kind::InvalidParameter;
            failure.message = "the request could not be put together".to_owned();
        }
    }
    with_cause(blank, error)
}

/// Keeps what lies below the SDK's error, and not the SDK's error itself: that one holds the raw
/// answer, whose body may be a secret.
fn with_cause<E>(blank: Error, error: SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    match error.into_source() {
        Ok(cause) => blank.with_source(cause),
        Err(_) => blank,
    }
}

/// What helps when someone else than AWS has answered.
const FOREIGN: &str = "check the endpoint URL and the proxy settings: something other than AWS may \
    have answered; if not, try again in a few minutes";

/// The kind of an answer without an error code. AWS leaves the code out only where there is no body
/// to hold it: the status tells then. A body without a code comes from something in between, whose
/// 404 says nothing about what exists in the account.
fn kind_of_raw(response: &HttpResponse) -> Kind {
    let status = response.status().as_u16();
    match status {
        200..=299 => Kind::Service,
        _ if !has_body(response) || status >= 429 => kind_of_status(status),
        _ => Kind::Service,
    }
}

fn has_body(response: &HttpResponse) -> bool {
    response.body().bytes().is_some_and(|body| !body.is_empty())
}

/// What can be said about an answer that is not AWS's, without showing its body.
fn describe_raw(response: &HttpResponse) -> String {
    let status = response.status().as_u16();
    let content = response
        .headers()
        .get("content-type")
        .unwrap_or("no content type");
    let length = response.body().bytes().map_or(0, <[u8]>::len);
    if length == 0 {
        format!("HTTP status {status} without a body")
    } else {
        format!("HTTP status {status} with an answer that is not AWS's ({content}, {length} bytes)")
    }
}

/// From the error's metadata (Query and JSON services parse it) or the answer's headers.
fn request_id<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Option<String> {
    let parsed = error.meta().extra("aws_request_id").map(str::to_owned);
    parsed.or_else(|| {
        let headers = error.raw_response()?.headers();
        headers
            .get("x-amzn-requestid")
            .or_else(|| headers.get("x-amz-request-id"))
            .map(str::to_owned)
    })
}

/// True if the chain of causes holds a credential provider's error.
fn has_credentials_error(error: &(dyn StdError + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(cause) = next {
        if cause.is::<CredentialsError>() {
            return true;
        }
        next = cause.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use aws_sdk_sts::operation::get_caller_identity::GetCallerIdentityError as Unhandled;
    use aws_smithy_runtime_api::client::result::ConnectorError;

    use super::*;

    fn failure(kind: Kind, operation: &'static str) -> Error {
        Error::new(
            "elasticbeanstalk",
            operation,
            "environment `blog-prod`",
            kind,
            "No.",
        )
    }

    #[test]
    fn says_what_was_done_on_what_and_why_it_failed() {
        let mut error = failure(Kind::AccessDenied, "UpdateEnvironment");
        error.0.code = Some("AccessDenied".to_owned());
        assert_eq!(
            error.to_string(),
            "elasticbeanstalk:UpdateEnvironment for environment `blog-prod`: access denied: No \
             (AccessDenied)"
        );
    }

    #[test]
    fn the_hint_names_the_missing_permission() {
        let hint = failure(Kind::AccessDenied, "UpdateEnvironment")
            .hint()
            .unwrap();
        assert!(
            hint.contains("`elasticbeanstalk:UpdateEnvironment`"),
            "{hint}"
        );
        assert_eq!(permission("s3", "UploadPart"), "s3:PutObject");
        assert_eq!(permission("s3", "ListObjectsV2"), "s3:ListBucket");
    }

    #[test]
    fn a_better_remedy_wins() {
        let error = failure(Kind::Busy, "UpdateEnvironment").with_remedy("come back");
        assert_eq!(error.hint().as_deref(), Some("come back"));
    }

    #[test]
    fn a_credential_provider_below_is_recognised_by_its_type() {
        let cause = CredentialsError::not_loaded("no providers in chain provided credentials");
        let connector = ConnectorError::other(cause.into(), None);
        let error: SdkError<Unhandled, HttpResponse> = SdkError::dispatch_failure(connector);
        let error = Service("sts").failed("GetCallerIdentity", "the credentials")(error);
        assert_eq!(error.kind, Kind::Credentials);
        assert_eq!(error.exit_code(), ExitCode::Credentials);
        assert!(error.hint().unwrap().contains("aws sso login"));
    }

    #[test]
    fn is_small_enough_to_return_everywhere() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }
}
