//! Why a manifest was refused.

use beanpole_model::{ExitCode, Problem};
use camino::Utf8PathBuf;

use crate::find::FILE_NAME;
use crate::issue::{Issue, IssueKind};

/// Why a manifest was refused. Nothing has been touched when one of these comes back.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no manifest at the path.
    #[error("there is no manifest at {path}")]
    Missing {
        /// Where it was looked for.
        path: Utf8PathBuf,
    },
    /// The file could not be read.
    #[error("{path} could not be read")]
    Unreadable {
        /// The file.
        path: Utf8PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not UTF-8 text.
    #[error("{path} is not UTF-8 text: byte {offset} is not valid")]
    NotText {
        /// The file.
        path: Utf8PathBuf,
        /// The offset of the first invalid byte, from 0.
        offset: usize,
    },
    /// The file is larger than any manifest has a reason to be.
    #[error("{path} has {size} bytes, and a manifest has at most {limit}")]
    TooLarge {
        /// The file.
        path: Utf8PathBuf,
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The file is not valid YAML, has unknown keys or wrong values. There is at least one issue.
    #[error("{}", summary(.issues))]
    Invalid {
        /// The file.
        path: Utf8PathBuf,
        /// All that is wrong, in the order of the lines.
        issues: Vec<Issue>,
    },
    /// The manifest has no such environment.
    #[error("{path} has no environment `{name}`")]
    UnknownEnvironment {
        /// The file.
        path: Utf8PathBuf,
        /// The name asked for.
        name: String,
        /// The nearest environment, if one is near.
        nearest: Option<String>,
        /// The environments there are.
        known: Vec<String>,
    },
    /// The manifest has several environments and none was chosen.
    #[error("{path} has {} environments, and none was chosen", .known.len())]
    NoEnvironmentChosen {
        /// The file.
        path: Utf8PathBuf,
        /// The environments there are.
        known: Vec<String>,
    },
}

/// The first issue, and how many more there are.
fn summary(issues: &[Issue]) -> String {
    match issues {
        [] => "the manifest is not valid".to_owned(),
        [only] => only.to_string(),
        [first, rest @ ..] => format!("{first} (and {} more)", rest.len()),
    }
}

impl Error {
    /// All issues with their places; empty unless the file's content is wrong.
    #[must_use]
    pub fn issues(&self) -> &[Issue] {
        match self {
            Self::Invalid { issues, .. } => issues,
            Self::Missing { .. }
            | Self::Unreadable { .. }
            | Self::NotText { .. }
            | Self::TooLarge { .. }
            | Self::UnknownEnvironment { .. }
            | Self::NoEnvironmentChosen { .. } => &[],
        }
    }
}

impl Problem for Error {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Usage
    }

    fn details(&self) -> Vec<String> {
        match self {
            Self::Invalid { issues, .. } => {
                let mut lines = Vec::new();
                for (index, issue) in issues.iter().enumerate() {
                    // The first issue is the error message itself.
                    if index > 0 {
                        lines.push(issue.to_string());
                    }
                    lines.extend(issue.excerpt.iter().cloned());
                }
                lines
            }
            Self::UnknownEnvironment { known, .. } | Self::NoEnvironmentChosen { known, .. } => {
                vec![format!("environments: {}", known.join(", "))]
            }
            Self::Missing { .. }
            | Self::Unreadable { .. }
            | Self::NotText { .. }
            | Self::TooLarge { .. } => Vec::new(),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Missing { .. } => format!(
                "`beanpole init` writes a {FILE_NAME} to start from; `--manifest PATH` names one elsewhere."
            ),
            Self::Unreadable { path, .. } => format!("Check the permissions of {path}."),
            Self::NotText { .. } => "Save the file as UTF-8.".to_owned(),
            Self::TooLarge { .. } => "Check that `--manifest` names the right file.".to_owned(),
            Self::Invalid { issues, .. } => match issues.first()?.kind {
                IssueKind::Syntax => return None,
                IssueKind::UnknownKey => {
                    "`beanpole schema` prints every key that is known; editors that load it complete them."
                }
                IssueKind::Value => "`beanpole schema` prints what each key takes.",
            }
            .to_owned(),
            Self::UnknownEnvironment { nearest: Some(nearest), .. } => {
                format!("Did you mean `--env {nearest}`?")
            }
            Self::UnknownEnvironment { nearest: None, .. } => {
                "Choose one with `--env NAME`, or add it under `environments`.".to_owned()
            }
            Self::NoEnvironmentChosen { .. } => {
                "Choose one with `--env NAME`, or set `default_environment` in the manifest."
                    .to_owned()
            }
        })
    }
}
