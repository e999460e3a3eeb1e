//! What can go wrong with secrets. No message holds a value.

use beanpole_model::{ExitCode, Problem};
use camino::Utf8PathBuf;

use crate::names::NameError;

/// A failure of this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// AWS refused or failed.
    #[error("{doing} failed")]
    Cloud {
        /// What was being done: ``reading the secret `django/blog-prod/database` ``.
        doing: String,
        /// AWS's answer.
        source: beanpole_cloud::Error,
    },
    /// A secret exists, and does not have the form that is needed.
    #[error("the secret `{name}` {fault}")]
    Form {
        /// The secret.
        name: String,
        /// What is wrong with it: `is not a JSON object`.
        fault: String,
    },
    /// A variable needs a secret that does not exist.
    #[error("the secret `{secret}`, which `{variable}` comes from, does not exist")]
    Missing {
        /// The variable.
        variable: String,
        /// The secret's name or ARN.
        secret: String,
    },
    /// A secret is scheduled for deletion: its value cannot be read, and its name is taken.
    #[error("the secret `{name}` is scheduled for deletion")]
    Deleted {
        /// The secret.
        name: String,
    },
    /// A name cannot be made from a secret, or is taken.
    #[error("a variable's name could not be made")]
    Name {
        /// Which rule was broken.
        source: NameError,
    },
    /// A value cannot stand in a `.env` file.
    #[error("the variable `{variable}` cannot stand in a `.env` file: {fault}")]
    DotEnv {
        /// The variable.
        variable: String,
        /// Why.
        fault: &'static str,
    },
    /// The `.env` file could not be written.
    #[error("`{path}` could not be written")]
    Write {
        /// The file.
        path: Utf8PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl Error {
    /// For `map_err`: an AWS error with what was being done.
    pub(crate) fn cloud(doing: impl Into<String>) -> impl FnOnce(beanpole_cloud::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Cloud { doing, source }
    }

    /// Reading a secret's value failed. Secrets Manager has a code of its own for secrets that are
    /// scheduled for deletion (API reference, GetSecretValue, `InvalidRequestException`).
    pub(crate) fn reading(name: &str, source: beanpole_cloud::Error) -> Self {
        if source.code.as_deref() == Some("InvalidRequestException") {
            return Self::Deleted {
                name: name.to_owned(),
            };
        }
        Self::Cloud {
            doing: format!("reading the secret `{name}`"),
            source,
        }
    }
}

impl From<NameError> for Error {
    fn from(source: NameError) -> Self {
        Self::Name { source }
    }
}

impl Problem for Error {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Cloud { source, .. } => source.exit_code(),
            Self::Form { .. }
            | Self::Missing { .. }
            | Self::Deleted { .. }
            | Self::Name { .. }
            | Self::DotEnv { .. } => ExitCode::Usage,
            Self::Write { .. } => ExitCode::Outside,
        }
    }

    fn details(&self) -> Vec<String> {
        match self {
            Self::Cloud { source, .. } => source.details(),
            _ => Vec::new(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Cloud { source, .. } => source.hint(),
            Self::Form { name, .. } => Some(format!(
                "correct it with `aws secretsmanager put-secret-value --secret-id {name} \
                 --secret-string file://FILE`"
            )),
            Self::Missing { secret, .. } => Some(format!(
                "create it with `aws secretsmanager create-secret --name {secret} --secret-string \
                 file://FILE`, or correct `secrets.names` in `beanpole.yaml`"
            )),
            Self::Deleted { name } => Some(format!(
                "take the deletion back with `aws secretsmanager restore-secret --secret-id {name}`"
            )),
            Self::Name { source } => Some(source.remedy().to_owned()),
            Self::DotEnv { .. } => {
                Some("use `secrets.mode: native`, which has no such limit".to_owned())
            }
            Self::Write { .. } => None,
        }
    }
}
