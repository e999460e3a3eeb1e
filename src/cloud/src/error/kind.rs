//! Kinds of failure, and how AWS's error codes map onto them.
//!
//! Codes: each service's API reference, "Common Errors", and the codes seen on the wire. Query
//! services drop the suffix that their models carry (`DBInstanceNotFound` for
//! `DBInstanceNotFoundFault`), so most rules are about the end of a code.

use std::fmt;

use beanpole_model::ExitCode;
use serde::Serialize;

/// What kind of failure a call met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The thing does not exist.
    NotFound,
    /// The thing exists already.
    AlreadyExists,
    /// The thing is changing, and takes no other change until it is done.
    Busy,
    /// Too many requests; all attempts were refused.
    Throttled,
    /// The caller may not do this.
    AccessDenied,
    /// The credentials are missing, expired or wrong, or belong to another account.
    Credentials,
    /// AWS does not take a value, or values that exclude each other.
    InvalidParameter,
    /// A quota of the account is used up.
    LimitExceeded,
    /// The state that the call depended on is another one.
    PreconditionFailed,
    /// No connection, or no answer.
    Network,
    /// A wait of ours ran out; AWS goes on.
    OutOfTime,
    /// The caller gave the work up.
    Interrupted,
    /// AWS itself failed, or said something that is not known here.
    Service,
}

impl Kind {
    /// The exit code of a command that ends with this kind of failure.
    #[must_use]
    pub const fn exit_code(self) -> ExitCode {
        match self {
            Self::Credentials | Self::AccessDenied => ExitCode::Credentials,
            Self::Busy | Self::PreconditionFailed => ExitCode::Busy,
            Self::OutOfTime => ExitCode::OutOfTime,
            Self::Interrupted => ExitCode::Interrupted,
            // Names and values come from the manifest or the command line.
            Self::InvalidParameter | Self::NotFound | Self::AlreadyExists => ExitCode::Usage,
            Self::Network | Self::Service | Self::Throttled | Self::LimitExceeded => {
                ExitCode::Outside
            }
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NotFound => "not found",
            Self::AlreadyExists => "exists already",
            Self::Busy => "busy",
            Self::Throttled => "too many requests",
            Self::AccessDenied => "access denied",
            Self::Credentials => "credentials refused",
            Self::InvalidParameter => "not accepted",
            Self::LimitExceeded => "limit reached",
            Self::PreconditionFailed => "changed meanwhile",
            Self::Network => "AWS not reached",
            Self::OutOfTime => "out of time",
            Self::Interrupted => "interrupted",
            Self::Service => "AWS failed",
        })
    }
}

/// Too many requests. The first list is the SDK's own; `LimitExceededException` is missing on
/// purpose, because Secrets Manager and others use it for quotas, where trying again is no use.
const THROTTLING: [&str; 14] = [
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottledException",
    "TooManyRequestsException",
    "TooManyRequests",
    "ProvisionedThroughputExceededException",
    "TransactionInProgressException",
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
    "RequestThrottled",
    "SlowDown",
    "PriorRequestNotComplete",
    "EC2ThrottledException",
];

/// Missing, expired or wrong credentials, and a clock that spoils the signature.
const CREDENTIALS: [&str; 17] = [
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "IncompleteSignatureException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidIdentityToken",
    "InvalidSignatureException",
    "InvalidToken",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "RequestExpired",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
    "UnrecognizedClientException",
];

/// The caller is known and may not do this.
const ACCESS_DENIED: [&str; 9] = [
    "AccessDenied",
    "AccessDeniedException",
    "AllAccessDisabled",
    "InsufficientPrivileges",
    "InsufficientPrivilegesException",
    "NotAuthorized",
    "OptInRequired",
    "UnauthorizedAccess",
    "UnauthorizedOperation",
];

/// Under change, or in use by something else.
const BUSY: [&str; 16] = [
    "ConcurrentModification",
    "ConcurrentModificationException",
    "ConditionalRequestConflict",
    "DependencyViolation",
    "IncorrectState",
    "InvalidCacheClusterState",
    "InvalidCacheClusterStateFault",
    "InvalidDBInstanceState",
    "InvalidDBInstanceStateFault",
    "InvalidReplicationGroupState",
    "InvalidReplicationGroupStateFault",
    "OperationAborted",
    "OperationInProgress",
    "OperationInProgressException",
    "OperationInProgressFailure",
    "ResourceInUse",
];

/// AWS's own failures, which the next attempt may not meet.
const INTERNAL: [&str; 9] = [
    "InternalError",
    "InternalException",
    "InternalFailure",
    "InternalServerError",
    "InternalServiceError",
    "InternalServiceException",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "Unavailable",
];

/// The kind of an AWS error code.
pub(crate) fn kind_of_code(code: &str) -> Kind {
    let ends = |endings: &[&str]| endings.iter().any(|ending| code.ends_with(ending));
    if THROTTLING.contains(&code) {
        Kind::Throttled
    } else if CREDENTIALS.contains(&code) {
        Kind::Credentials
    } else if ACCESS_DENIED.contains(&code) {
        Kind::AccessDenied
    } else if BUSY.contains(&code) {
        Kind::Busy
    } else if matches!(code, "PreconditionFailed" | "PreconditionNotMetException") {
        Kind::PreconditionFailed
    } else if matches!(code, "RequestTimeout" | "RequestTimeoutException") {
        Kind::Network
    } else if ends(&["NotFound", "NotFoundFault", "NotFoundException"])
        || code.starts_with("NoSuch")
    {
        Kind::NotFound
    } else if ends(&[
        "AlreadyExists",
        "AlreadyExistsFault",
        "AlreadyExistsException",
    ]) || ends(&[".Duplicate", "AlreadyOwnedByYou"])
        || code == "ResourceExistsException"
    {
        Kind::AlreadyExists
    } else if is_quota(code) {
        Kind::LimitExceeded
    } else if is_about_values(code) {
        Kind::InvalidParameter
    } else {
        Kind::Service
    }
}

fn is_quota(code: &str) -> bool {
    [
        "LimitExceeded",
        "LimitExceededException",
        "LimitExceededFault",
    ]
    .iter()
    .chain(&[
        "QuotaExceeded",
        "QuotaExceededFault",
        "QuotaExceededException",
    ])
    .any(|ending| code.ends_with(ending))
        || code.starts_with("TooMany")
}

fn is_about_values(code: &str) -> bool {
    code.starts_with("Invalid")
        || code.starts_with("Malformed")
        || code.starts_with("Missing")
        || code.starts_with("Validation")
        || matches!(
            code,
            // Beanstalk's word for option settings that it does not take.
            "ConfigurationValidationException"
                | "UnknownParameter"
                | "EntityTooLarge"
                | "EntityTooSmall"
        )
}

/// True for the codes of AWS's own passing failures.
pub(crate) fn is_internal(code: &str) -> bool {
    INTERNAL.contains(&code)
}

/// The kind of an answer that has no code.
pub(crate) fn kind_of_status(status: u16) -> Kind {
    match status {
        401 => Kind::Credentials,
        403 => Kind::AccessDenied,
        404 => Kind::NotFound,
        408 => Kind::Network,
        409 => Kind::Busy,
        412 => Kind::PreconditionFailed,
        429 => Kind::Throttled,
        400..=499 => Kind::InvalidParameter,
        _ => Kind::Service,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_every_service_have_their_kind() {
        let expected = [
            ("InvalidParameterValue", Kind::InvalidParameter),
            ("InvalidParameterCombination", Kind::InvalidParameter),
            ("ValidationError", Kind::InvalidParameter),
            ("ConfigurationValidationException", Kind::InvalidParameter),
            ("ValidationException", Kind::InvalidParameter),
            ("InsufficientPrivilegesException", Kind::AccessDenied),
            ("UnauthorizedOperation", Kind::AccessDenied),
            ("TooManyApplicationVersionsException", Kind::LimitExceeded),
            ("TooManyRequestsException", Kind::Throttled),
            ("RequestLimitExceeded", Kind::Throttled),
            ("SecurityGroupLimitExceeded", Kind::LimitExceeded),
            ("LimitExceededException", Kind::LimitExceeded),
            ("StorageQuotaExceeded", Kind::LimitExceeded),
            ("OperationInProgressFailure", Kind::Busy),
            ("InvalidDBInstanceState", Kind::Busy),
            ("InvalidReplicationGroupState", Kind::Busy),
            ("DBInstanceNotFound", Kind::NotFound),
            ("DBSubnetGroupNotFoundFault", Kind::NotFound),
            ("ReplicationGroupNotFoundFault", Kind::NotFound),
            ("InvalidGroup.NotFound", Kind::NotFound),
            ("NoSuchKey", Kind::NotFound),
            ("NoSuchEntity", Kind::NotFound),
            ("ResourceNotFoundException", Kind::NotFound),
            ("DBInstanceAlreadyExists", Kind::AlreadyExists),
            ("InvalidPermission.Duplicate", Kind::AlreadyExists),
            ("ResourceExistsException", Kind::AlreadyExists),
            ("BucketAlreadyOwnedByYou", Kind::AlreadyExists),
            ("PreconditionFailed", Kind::PreconditionFailed),
            ("ExpiredToken", Kind::Credentials),
            ("UnrecognizedClientException", Kind::Credentials),
            ("InvalidClientTokenId", Kind::Credentials),
            ("SlowDown", Kind::Throttled),
            ("SomethingNew", Kind::Service),
        ];
        for (code, kind) in expected {
            assert_eq!(kind_of_code(code), kind, "{code}");
        }
    }

    #[test]
    fn exit_codes_are_the_documented_ones() {
        assert_eq!(Kind::Credentials.exit_code().code(), 7);
        assert_eq!(Kind::AccessDenied.exit_code().code(), 7);
        assert_eq!(Kind::Network.exit_code().code(), 8);
        assert_eq!(Kind::Throttled.exit_code().code(), 8);
        assert_eq!(Kind::Busy.exit_code().code(), 5);
        assert_eq!(Kind::OutOfTime.exit_code().code(), 6);
        assert_eq!(Kind::InvalidParameter.exit_code().code(), 2);
    }
}
