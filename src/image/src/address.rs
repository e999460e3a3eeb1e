//! Where the Docker Engine listens. A pure decision: what is there is asked by the caller.

use beanpole_model::Environment;

use crate::Error;

/// Where Docker listens on Linux by default (dockerd reference, "Daemon socket option").
const DEFAULT_SOCKET: &str = "/var/run/docker.sock";

/// The address of a Docker Engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A Unix socket, as an absolute path.
    Unix(String),
    /// Plain HTTP, as `host:port`.
    Tcp(String),
}

impl std::fmt::Display for Address {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unix(path) => write!(formatter, "unix://{path}"),
            Self::Tcp(address) => write!(formatter, "tcp://{address}"),
        }
    }
}

impl Address {
    /// The address that the environment asks for: `DOCKER_HOST` if set, else the first default socket
    /// for which `exists` answers true, else the system's default socket.
    ///
    /// The defaults are those of dockerd, rootless dockerd and Docker Desktop, in this order.
    ///
    /// # Errors
    /// [`Error::AddressUnsupported`] for other schemes, and for TLS.
    pub fn from_environment(
        environment: &Environment,
        exists: impl Fn(&str) -> bool,
    ) -> Result<Self, Error> {
        if let Some(host) = environment.get("DOCKER_HOST") {
            return Self::parse(host, environment.get("DOCKER_TLS_VERIFY").is_some());
        }
        let rootless = environment
            .get("XDG_RUNTIME_DIR")
            .map(|folder| format!("{folder}/docker.sock"));
        let desktop = environment
            .get("HOME")
            .map(|folder| format!("{folder}/.docker/run/docker.sock"));
        let socket = std::iter::once(DEFAULT_SOCKET.to_owned())
            .chain(rootless)
            .chain(desktop)
            .find(|path| exists(path))
            .unwrap_or_else(|| DEFAULT_SOCKET.to_owned());
        Ok(Self::Unix(socket))
    }

    fn parse(host: &str, tls: bool) -> Result<Self, Error> {
        let unsupported = |reason| Error::AddressUnsupported {
            address: host.to_owned(),
            reason,
        };
        if let Some(path) = host.strip_prefix("unix://") {
            return if path.starts_with('/') {
                Ok(Self::Unix(path.to_owned()))
            } else {
                Err(unsupported("a Unix socket is named by its absolute path"))
            };
        }
        let Some(rest) = host
            .strip_prefix("tcp://")
            .or_else(|| host.strip_prefix("http://"))
        else {
            return Err(unsupported("it has neither the scheme unix:// nor tcp://"));
        };
        if tls {
            return Err(unsupported(
                "TLS (DOCKER_TLS_VERIFY) is not supported; use an SSH tunnel to its socket",
            ));
        }
        let rest = rest.trim_end_matches('/');
        let port = rest.rsplit_once(':').map(|(_, port)| port.parse::<u16>());
        match port {
            Some(Ok(_)) => Ok(Self::Tcp(rest.to_owned())),
            // 2375 is the registered port of the engine without TLS.
            _ if !rest.is_empty() && !rest.contains(':') => Ok(Self::Tcp(format!("{rest}:2375"))),
            _ => Err(unsupported("after tcp:// comes host:port")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(variables: &[(&str, &str)]) -> Result<Address, Error> {
        Address::from_environment(&variables.iter().copied().collect(), |_| false)
    }

    #[test]
    fn docker_host_wins() {
        for (host, address) in [
            ("unix:///run/d.sock", "unix:///run/d.sock"),
            ("tcp://10.0.0.1:2376/", "tcp://10.0.0.1:2376"),
            ("tcp://docker", "tcp://docker:2375"),
        ] {
            assert_eq!(from(&[("DOCKER_HOST", host)]).unwrap().to_string(), address);
        }
    }

    #[test]
    fn other_addresses_are_refused_by_name() {
        for host in [
            "ssh://me@host",
            "unix://relative",
            "npipe:////./pipe/docker",
            "tcp://",
            "tcp://h:x",
        ] {
            let error = from(&[("DOCKER_HOST", host)]).unwrap_err();
            assert!(error.to_string().contains(host), "{error}");
        }
        assert!(from(&[("DOCKER_HOST", "tcp://h:2376"), ("DOCKER_TLS_VERIFY", "1")]).is_err());
    }

    #[test]
    fn without_docker_host_the_first_socket_that_exists() {
        let environment: Environment = [("HOME", "/home/me"), ("XDG_RUNTIME_DIR", "/run/user/1")]
            .into_iter()
            .collect();
        let desktop =
            Address::from_environment(&environment, |path| path.starts_with("/home")).unwrap();
        assert_eq!(
            desktop,
            Address::Unix("/home/me/.docker/run/docker.sock".to_owned())
        );
        let none = Address::from_environment(&environment, |_| false).unwrap();
        assert_eq!(none, Address::Unix(DEFAULT_SOCKET.to_owned()));
    }
}
