//! What can go wrong with the Docker Engine, with the object in each variant.

use beanpole_model::{ExitCode, Problem};

/// A failure of the Docker Engine, of a build, or of the files that go into one.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The engine's address has a form that is not supported.
    #[error("the Docker Engine address `{address}` is not supported: {reason}")]
    AddressUnsupported {
        /// The address as configured.
        address: String,
        /// Why.
        reason: &'static str,
    },
    /// Nothing answers as a Docker Engine at the address.
    #[error("no Docker Engine answers at `{address}`")]
    EngineUnreachable {
        /// The address that was tried.
        address: String,
        /// What the connection said.
        #[source]
        source: Box<bollard::errors::Error>,
    },
    /// The engine is older than BuildKit's session protocol.
    #[error("the Docker Engine at `{address}` speaks API {version}, and {needed} is needed")]
    EngineTooOld {
        /// The engine's address.
        address: String,
        /// The newest API version that the engine speaks.
        version: String,
        /// The oldest API version that this crate can use.
        needed: &'static str,
    },
    /// The engine refused or failed a request.
    #[error("the Docker Engine failed to {action}")]
    Request {
        /// What was asked, with the object: `start container web-1`.
        action: String,
        /// What the engine said.
        #[source]
        source: Box<bollard::errors::Error>,
    },
    /// An object that a request needs is not there.
    #[error("the Docker Engine failed to {action}: there is no such object")]
    NotFound {
        /// What was asked, with the object.
        action: String,
    },
    /// A name is taken by another container, network or image.
    #[error("the Docker Engine failed to {action}: the name is taken, or the object is in use")]
    Conflict {
        /// What was asked, with the object.
        action: String,
        /// What the engine said.
        #[source]
        source: Box<bollard::errors::Error>,
    },
    /// A base image is neither on this machine nor to be had from its registry.
    #[error("the base image `{image}` is not on this machine and could not be pulled: {cause}")]
    BaseImageUnavailable {
        /// The image as the Dockerfile or the caller names it.
        image: String,
        /// What the registry or the engine said, in one line.
        cause: String,
    },
    /// The build ran and failed.
    #[error("the image did not build: step `{step}` failed: {message}")]
    BuildFailed {
        /// The failing step as BuildKit names it: `[3/5] RUN pip install -r requirements.txt`.
        step: String,
        /// What BuildKit said, in one line.
        message: String,
        /// The last lines that the step printed, at most [`crate::LOG_TAIL_LINES`].
        log_tail: Vec<String>,
    },
    /// The caller cancelled the work.
    #[error("cancelled while the Docker Engine was asked to {action}")]
    Cancelled {
        /// What was under way.
        action: String,
    },
    /// The build ended without an image and without an error.
    #[error("the build ended without an image id")]
    NoImage,
    /// The registry does not let the caller in, or not so far.
    #[error("the registry refused access to `{repository}`: {cause}")]
    RegistryDenied {
        /// The repository.
        repository: String,
        /// What the registry or the engine said, in one line.
        cause: String,
    },
    /// The registry has no such repository, and makes none by itself.
    #[error("the registry has no repository `{repository}`: {cause}")]
    RepositoryMissing {
        /// The repository.
        repository: String,
        /// What the registry said, in one line.
        cause: String,
    },
    /// An image did not get to its registry, or the registry could not be asked.
    #[error("the Docker Engine failed to {action}: {cause}")]
    PushFailed {
        /// What was asked, with the object.
        action: String,
        /// What the registry or the engine said, in one line.
        cause: String,
    },
    /// The file in which Docker keeps logins, or a credential helper, gave no answer.
    #[error("the registry logins in `{path}` could not be read: {cause}")]
    LoginUnreadable {
        /// The file.
        path: String,
        /// Why.
        cause: String,
    },
    /// A file or folder of the build context cannot be read.
    #[error("`{path}` in the build context cannot be read")]
    ContextUnreadable {
        /// The path.
        path: String,
        /// What the file system said.
        #[source]
        source: std::io::Error,
    },
    /// A path in the build context is not UTF-8.
    #[error("the path `{path}` in the build context is not UTF-8")]
    PathNotText {
        /// The path, with the offending bytes replaced.
        path: String,
    },
    /// An entry's path is absolute, empty or leaves the context.
    #[error("`{path}` is not a path inside the build context")]
    PathOutside {
        /// The path.
        path: String,
    },
    /// The Dockerfile is not in the context.
    #[error("there is no Dockerfile `{dockerfile}` in `{root}`")]
    DockerfileMissing {
        /// The Dockerfile's path, relative to the context.
        dockerfile: String,
        /// The context.
        root: String,
    },
    /// A pattern of an ignore file is malformed.
    #[error("{file}:{line}: {reason}")]
    IgnorePattern {
        /// The ignore file, relative to the context.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        reason: crate::IgnoreError,
    },
}

impl Error {
    /// Turns a refusal of the engine into the variant that its HTTP status calls for.
    pub(crate) fn request(action: impl Into<String>, source: bollard::errors::Error) -> Self {
        let action = action.into();
        match status(&source) {
            Some(404) => Self::NotFound { action },
            Some(409) => Self::Conflict {
                action,
                source: Box::new(source),
            },
            _ => Self::Request {
                action,
                source: Box::new(source),
            },
        }
    }

    /// The message with those of its causes, in one line, for places that hold one text.
    #[must_use]
    pub fn with_causes(&self) -> String {
        let mut text = self.to_string();
        match self {
            Self::EngineUnreachable { source, .. }
            | Self::Request { source, .. }
            | Self::Conflict { source, .. } => {
                text.push_str(": ");
                text.push_str(&message(source));
            }
            Self::ContextUnreadable { source, .. } => {
                text.push_str(": ");
                text.push_str(&one_line(&source.to_string()));
            }
            _ => {}
        }
        text
    }

    /// True if the object that was asked for does not exist.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }
}

/// The HTTP status that the engine answered with, if it answered.
pub(crate) fn status(error: &bollard::errors::Error) -> Option<u16> {
    match error {
        bollard::errors::Error::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

/// The engine's own words where it spoke, in one line.
pub(crate) fn message(error: &bollard::errors::Error) -> String {
    use bollard::errors::Error as Engine;
    let text = match error {
        Engine::DockerResponseServerError { message, .. } => message.clone(),
        Engine::DockerStreamError { error } => error.clone(),
        other => other.to_string(),
    };
    one_line(&text)
}

/// `text` with every run of white space and control characters as one space.
pub(crate) fn one_line(text: &str) -> String {
    text.split(|character: char| character.is_whitespace() || character.is_control())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

impl Problem for Error {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::AddressUnsupported { .. }
            | Self::PathNotText { .. }
            | Self::PathOutside { .. }
            | Self::DockerfileMissing { .. }
            | Self::RepositoryMissing { .. }
            | Self::IgnorePattern { .. } => ExitCode::Usage,
            Self::RegistryDenied { .. } | Self::LoginUnreadable { .. } => ExitCode::Credentials,
            Self::EngineUnreachable { .. }
            | Self::EngineTooOld { .. }
            | Self::Request { .. }
            | Self::NotFound { .. }
            | Self::Conflict { .. }
            | Self::BaseImageUnavailable { .. }
            | Self::NoImage
            | Self::PushFailed { .. }
            | Self::ContextUnreadable { .. } => ExitCode::Outside,
            // Nothing was changed anywhere: the build comes before the first change.
            Self::BuildFailed { .. } => ExitCode::Findings,
            Self::Cancelled { .. } => ExitCode::Interrupted,
        }
    }

    fn details(&self) -> Vec<String> {
        match self {
            Self::BuildFailed { log_tail, .. } => log_tail.clone(),
            _ => Vec::new(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::AddressUnsupported { .. } => {
                Some("set DOCKER_HOST to unix:///path/to/docker.sock or tcp://host:port".to_owned())
            }
            Self::EngineUnreachable { .. } => Some(
                "start the Docker Engine, or point DOCKER_HOST at one; `docker version` shows whether it answers"
                    .to_owned(),
            ),
            Self::EngineTooOld { .. } => Some("upgrade the Docker Engine to 20.10 or later".to_owned()),
            Self::BaseImageUnavailable { image, .. } => {
                Some(format!("run `docker pull {image}`, or name an image that this machine has"))
            }
            Self::BuildFailed { .. } => Some(
                "run `docker build .` in the context to see the whole output, and mend the failing step".to_owned(),
            ),
            Self::RegistryDenied { repository, .. } => Some(format!(
                "log in with `docker login {}`, and check that this login may push",
                crate::registry_host(repository)
            )),
            Self::RepositoryMissing { repository, .. } => Some(format!(
                "create it, at ECR with `aws ecr create-repository --repository-name {}`",
                repository.split_once('/').map_or(repository.as_str(), |(_, path)| path)
            )),
            Self::PushFailed { .. } => Some(
                "check that the engine reaches the registry, and run the command again: what is there is not sent twice"
                    .to_owned(),
            ),
            Self::LoginUnreadable { .. } => {
                Some("correct the file, or write it anew with `docker login`".to_owned())
            }
            Self::DockerfileMissing { .. } => {
                Some("name the Dockerfile in `image.dockerfile` of beanpole.yaml".to_owned())
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status_code: u16) -> bollard::errors::Error {
        bollard::errors::Error::DockerResponseServerError {
            status_code,
            message: "said\r\n so".to_owned(),
        }
    }

    #[test]
    fn statuses_choose_the_variant() {
        assert!(Error::request("remove container x", refusal(404)).is_not_found());
        assert!(matches!(
            Error::request("x", refusal(409)),
            Error::Conflict { .. }
        ));
        assert!(matches!(
            Error::request("x", refusal(500)),
            Error::Request { .. }
        ));
    }

    #[test]
    fn the_engines_words_are_one_line() {
        assert_eq!(message(&refusal(500)), "said so");
    }
}
