//! Logins for registries, where Docker keeps them.
//!
//! Rules: what `docker login`, a credential helper or a login action of a CI set up works here too:
//! `config.json` in `DOCKER_CONFIG`, or in `.docker` of the home, with `auths`, `credHelpers` and
//! `credsStore`. No login is an answer, since many registries let anybody read; a login that cannot be
//! read is an error. The `docker_credential` crate reads the file and runs the helpers.

use beanpole_model::{Environment, Secret};
use bollard::auth::DockerCredentials;
use camino::Utf8PathBuf;
use docker_credential::{CredentialRetrievalError, DockerCredential, get_credential_from_reader};

use crate::Error;
use crate::reference::registry_host;

/// The name under which Docker keeps the login for Docker Hub.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// A login for one registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegistryLogin {
    /// User and password.
    Password {
        /// The user: `AWS` at ECR.
        username: String,
        /// The password or token.
        password: Secret,
    },
    /// A token that Docker exchanges for others.
    IdentityToken(Secret),
}

impl RegistryLogin {
    /// The secret part.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        match self {
            Self::Password { password, .. } => password,
            Self::IdentityToken(token) => token,
        }
    }

    pub(crate) fn credentials(&self, host: &str) -> DockerCredentials {
        let serveraddress = Some(host.to_owned());
        match self {
            Self::Password { username, password } => DockerCredentials {
                username: Some(username.clone()),
                password: Some(password.expose().to_owned()),
                serveraddress,
                ..DockerCredentials::default()
            },
            Self::IdentityToken(token) => DockerCredentials {
                identitytoken: Some(token.expose().to_owned()),
                serveraddress,
                ..DockerCredentials::default()
            },
        }
    }
}

/// Where Docker keeps its logins. Cheap to clone; reads nothing until it is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DockerLogins {
    file: Option<Utf8PathBuf>,
}

impl DockerLogins {
    /// The place that the environment names: `DOCKER_CONFIG`, or `.docker` in `HOME`.
    #[must_use]
    pub fn from_environment(environment: &Environment) -> Self {
        let directory = match environment.get("DOCKER_CONFIG") {
            Some(directory) if !directory.is_empty() => Some(Utf8PathBuf::from(directory)),
            _ => environment
                .get("HOME")
                .map(|home| Utf8PathBuf::from(home).join(".docker")),
        };
        Self {
            file: directory.map(|directory| directory.join("config.json")),
        }
    }

    /// The login for a repository's registry, if there is one. May run a credential helper, which
    /// may ask a keychain or a network.
    ///
    /// # Errors
    /// [`Error::LoginUnreadable`].
    pub async fn login(&self, repository: &str) -> Result<Option<RegistryLogin>, Error> {
        let Some(file) = self.file.clone() else {
            return Ok(None);
        };
        let names = names(registry_host(repository));
        let path = file.to_string();
        tokio::task::spawn_blocking(move || read(&file, &names))
            .await
            .unwrap_or_else(|_| Err("the credential helper ended without an answer".to_owned()))
            .map_err(|cause| Error::LoginUnreadable { path, cause })
    }
}

/// The names under which the login for a host may stand: `docker login` writes the host, other tools
/// write an address.
fn names(host: &str) -> Vec<String> {
    if host == "docker.io" || host == "index.docker.io" {
        return vec![DOCKER_HUB.to_owned(), host.to_owned()];
    }
    vec![host.to_owned(), format!("https://{host}")]
}

/// The login under the first of the names that has one. What a helper prints may be secret, and is
/// not passed on.
fn read(file: &Utf8PathBuf, names: &[String]) -> Result<Option<RegistryLogin>, String> {
    use CredentialRetrievalError as Trouble;
    let text = match fs_err::read(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    for name in names {
        match get_credential_from_reader(text.as_slice(), name) {
            Ok(DockerCredential::UsernamePassword(username, password)) => {
                return Ok(Some(RegistryLogin::Password {
                    username,
                    password: Secret::new(password),
                }));
            }
            Ok(DockerCredential::IdentityToken(token)) => {
                return Ok(Some(RegistryLogin::IdentityToken(Secret::new(token))));
            }
            // A helper fails as well when it has no login for the registry; its protocol does not
            // tell the two apart.
            Err(Trouble::NoCredentialConfigured | Trouble::HelperFailure { .. }) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logins(text: &str) -> (tempfile::TempDir, DockerLogins) {
        let directory = tempfile::tempdir().unwrap();
        fs_err::write(directory.path().join("config.json"), text).unwrap();
        let variables = [("DOCKER_CONFIG", directory.path().to_str().unwrap())];
        let logins = DockerLogins::from_environment(&variables.into_iter().collect());
        (directory, logins)
    }

    #[tokio::test]
    async fn reads_what_docker_login_writes() {
        // `ann:pa:ss` in base64.
        let (_directory, logins) = logins(
            r#"{"auths": {"127.0.0.1:5000": {"auth": "YW5uOnBhOnNz"}, "https://ghcr.io": {"identitytoken": "t0ken"},
                "https://index.docker.io/v1/": {"auth": "YW5uOnBhOnNz"}}}"#,
        );
        let password = RegistryLogin::Password {
            username: "ann".to_owned(),
            password: Secret::new("pa:ss"),
        };
        for (repository, expected) in [
            ("127.0.0.1:5000/blog", Some(password.clone())),
            (
                "ghcr.io/team/blog",
                Some(RegistryLogin::IdentityToken(Secret::new("t0ken"))),
            ),
            ("team/blog", Some(password)),
            ("quay.io/team/blog", None),
        ] {
            assert_eq!(
                logins.login(repository).await.unwrap(),
                expected,
                "{repository}"
            );
        }
    }

    #[tokio::test]
    async fn no_file_is_no_login_and_a_damaged_one_is_named() {
        let nowhere = [("HOME", "/nowhere")].into_iter().collect();
        let logins_of_nobody = DockerLogins::from_environment(&nowhere);
        assert_eq!(logins_of_nobody.login("ghcr.io/a/b").await.unwrap(), None);
        let (_directory, damaged) = logins("{");
        let error = damaged.login("ghcr.io/a/b").await.unwrap_err();
        assert!(error.to_string().contains("config.json"), "{error}");
    }
}
