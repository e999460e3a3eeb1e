//! Refusals in AWS's own codes and words.

/// A refused request. Code and message are what AWS's clients match on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

/// The result of an operation.
pub(crate) type Answer<T> = Result<T, Refusal>;

impl Refusal {
    fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
    }

    /// A parameter names something that is not there, is there already, or is in the wrong state.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "InvalidParameterValue", message)
    }

    /// Parameters that do not go together.
    pub(crate) fn combination(message: impl Into<String>) -> Self {
        Self::new(400, "InvalidParameterCombination", message)
    }

    /// A required parameter is missing.
    pub(crate) fn missing(name: &str) -> Self {
        Self::new(
            400,
            "MissingParameter",
            format!("The required parameter '{name}' is missing."),
        )
    }

    /// Option settings that do not pass validation; `detail` is AWS's sentence about the first.
    pub(crate) fn configuration(detail: &str) -> Self {
        Self::new(
            400,
            "ConfigurationValidationException",
            format!("Configuration validation exception: {detail}"),
        )
    }

    /// A call that the environment does not support.
    pub(crate) fn unsupported(message: impl Into<String>) -> Self {
        Self::new(400, "InvalidRequestException", message)
    }

    /// An operation that this rehearsal does not play.
    pub(crate) fn not_played(action: &str) -> Self {
        Self::new(
            400,
            "InvalidAction",
            format!("The embedded AWS does not play {action}."),
        )
    }

    /// The environment is busy. `eb` matches this text to the letter.
    pub(crate) fn must_be_ready(environment: &str) -> Self {
        Self::invalid(format!(
            "Environment named {environment} is in an invalid state for this operation. Must be Ready."
        ))
    }

    /// No such application.
    pub(crate) fn no_application(name: &str) -> Self {
        Self::invalid(format!("No Application named '{name}' found."))
    }

    /// No such version in the application.
    pub(crate) fn no_version(label: &str) -> Self {
        Self::invalid(format!("No Application Version named '{label}' found."))
    }

    /// No such environment; `key` is `EnvironmentName` or `EnvironmentId`.
    pub(crate) fn no_environment(key: &str, value: &str) -> Self {
        Self::invalid(format!("No Environment found for {key} = '{value}'."))
    }

    /// No such resource.
    pub(crate) fn no_resource(arn: &str) -> Self {
        Self::new(
            400,
            "ResourceNotFoundException",
            format!("Resource with ARN '{arn}' is not found."),
        )
    }
}
