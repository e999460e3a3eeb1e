//! Names of images in registries: `host/path`, a tag, and the digest that a push gives.

use std::fmt;

use serde::Serialize;

/// The registry of a name that has no host (Docker Engine, "docker.io").
const DEFAULT_HOST: &str = "docker.io";

/// The content address of an image in a registry: `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ImageDigest(String);

/// A text that is not a digest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not `sha256:` and 64 hexadecimal digits")]
pub struct ImageDigestError(String);

impl ImageDigest {
    /// Checks and wraps a digest.
    ///
    /// # Errors
    /// [`ImageDigestError`] for anything else.
    pub fn new(text: impl Into<String>) -> Result<Self, ImageDigestError> {
        let text = text.into();
        let digits = text.strip_prefix("sha256:").unwrap_or_default();
        let valid = digits.len() == 64
            && digits
                .bytes()
                .all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
        if valid {
            Ok(Self(text))
        } else {
            Err(ImageDigestError(text))
        }
    }

    /// The digest with its algorithm.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ImageDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// An image in a registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PushedImage {
    /// The repository: `123456789012.dkr.ecr.eu-central-1.amazonaws.com/blog`.
    pub repository: String,
    /// The content address.
    pub digest: ImageDigest,
}

impl PushedImage {
    /// The name that means this content and no other: `<repository>@<digest>`.
    #[must_use]
    pub fn reference(&self) -> String {
        format!("{}@{}", self.repository, self.digest)
    }
}

/// The host of a repository's registry, as Docker finds it: the first part, if it has a dot or a
/// port, or is `localhost`; otherwise Docker Hub.
#[must_use]
pub fn registry_host(repository: &str) -> &str {
    match repository.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => host,
        _ => DEFAULT_HOST,
    }
}

/// A repository as the engine shows it: without Docker Hub's host and its official namespace.
pub(crate) fn familiar(repository: &str) -> &str {
    let name = ["docker.io/", "index.docker.io/"]
        .iter()
        .find_map(|host| repository.strip_prefix(host));
    match name {
        Some(name) => name.strip_prefix("library/").unwrap_or(name),
        None => repository,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_whole() {
        let good = format!("sha256:{}", "0a".repeat(32));
        assert_eq!(ImageDigest::new(good.clone()).unwrap().as_str(), good);
        for bad in [
            "",
            "latest",
            "sha256:0a",
            &good.to_uppercase(),
            &format!("{good}0"),
            &format!("sha512:{}", "0a".repeat(32)),
        ] {
            assert!(ImageDigest::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn hosts_are_found_as_docker_does() {
        for (repository, host) in [
            ("blog", "docker.io"),
            ("team/blog", "docker.io"),
            ("ghcr.io/team/blog", "ghcr.io"),
            ("127.0.0.1:5000/blog", "127.0.0.1:5000"),
            ("localhost/blog", "localhost"),
        ] {
            assert_eq!(registry_host(repository), host, "{repository}");
        }
        assert_eq!(familiar("docker.io/library/python"), "python");
        assert_eq!(familiar("docker.io/team/blog"), "team/blog");
        assert_eq!(familiar("ghcr.io/library/blog"), "ghcr.io/library/blog");
    }
}
