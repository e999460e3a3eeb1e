//! Why a marker did not reach its service, and what to do about it.
//!
//! Rules: no variant holds a token. What a service said is cut short, and is scrubbed by the caller.

use std::time::Duration;

use beanpole_model::{ExitCode, Problem};

/// Why a service was not told about a release.
#[derive(Debug, thiserror::Error)]
pub enum MarkerError {
    /// An address is not usable.
    #[error(
        "the address in {setting} is not usable: it must be https:// (http:// only on this machine)"
    )]
    Address {
        /// The name of the key or variable.
        setting: String,
    },
    /// A token holds characters that no HTTP header can carry.
    #[error("the value of {variable} holds characters that a token cannot have")]
    Token {
        /// The variable that holds the token.
        variable: String,
    },
    /// The repository's name is not one.
    #[error("{variable} is not `owner/name`")]
    Repository {
        /// The variable that holds the name.
        variable: &'static str,
    },
    /// The HTTP client could not be set up.
    #[error("the HTTP client for {service} could not be set up")]
    Client {
        /// The service.
        service: &'static str,
        /// The transport's error.
        #[source]
        source: reqwest::Error,
    },
    /// The service was not reached, or the connection broke.
    #[error("{service} was not reached")]
    Network {
        /// The service.
        service: &'static str,
        /// The transport's error, without the URL.
        #[source]
        source: reqwest::Error,
    },
    /// No answer came in time.
    #[error("{service} did not answer within {time:?}")]
    NoAnswer {
        /// The service.
        service: &'static str,
        /// How long was waited for.
        time: Duration,
    },
    /// The service asked for a longer pause than there is time for.
    #[error("{service} asks for a pause of {} s", .pause.as_secs())]
    RateLimited {
        /// The service.
        service: &'static str,
        /// The pause that was asked for.
        pause: Duration,
    },
    /// The service itself has trouble.
    #[error("{service} has trouble: HTTP {status}")]
    Trouble {
        /// The service.
        service: &'static str,
        /// The HTTP status.
        status: u16,
    },
    /// The service refused it. Repeating it would not help.
    #[error("{service} refused it with HTTP {status}{}", in_words(.said))]
    Refused {
        /// The service.
        service: &'static str,
        /// The HTTP status.
        status: u16,
        /// What the service said, in one short line.
        said: Option<String>,
        /// What the token must be allowed to do.
        permission: &'static str,
    },
    /// The answer is not one of the service's: a page of a proxy, perhaps.
    #[error("the answer is not from {service}'s API: HTTP {status}")]
    NotTheService {
        /// The service.
        service: &'static str,
        /// The HTTP status.
        status: u16,
    },
}

fn in_words(said: &Option<String>) -> String {
    said.as_ref()
        .map(|said| format!(": {said}"))
        .unwrap_or_default()
}

impl MarkerError {
    /// True if the same request may work a little later.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Network { .. }
                | Self::NoAnswer { .. }
                | Self::RateLimited { .. }
                | Self::Trouble { .. }
        )
    }

    /// One line with the causes.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut summary = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            summary.push_str(": ");
            summary.push_str(&error.to_string());
            cause = error.source();
        }
        summary
    }
}

impl Problem for MarkerError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Address { .. } | Self::Token { .. } | Self::Repository { .. } => ExitCode::Usage,
            Self::Refused {
                status: 401 | 403, ..
            } => ExitCode::Credentials,
            Self::Client { .. }
            | Self::Network { .. }
            | Self::NoAnswer { .. }
            | Self::RateLimited { .. }
            | Self::Trouble { .. }
            | Self::Refused { .. }
            | Self::NotTheService { .. } => ExitCode::Outside,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            // Services that hide what a token may not see answer 404 as well.
            Self::Refused {
                status: 401 | 403 | 404,
                permission,
                ..
            } => *permission,
            Self::Address { .. } => "Correct the address, or leave it out for the service's own.",
            Self::Token { .. } => "Copy the token again, without line breaks.",
            Self::Repository { .. } => "GitHub Actions sets it; elsewhere unset it.",
            Self::Client { .. } => {
                "Install the machine's CA certificates (package ca-certificates)."
            }
            Self::Network { .. } | Self::NoAnswer { .. } | Self::NotTheService { .. } => {
                "Check the way there from this machine: proxy and firewall."
            }
            Self::RateLimited { .. } | Self::Trouble { .. } | Self::Refused { .. } => return None,
        };
        Some(hint.to_owned())
    }
}
