//! The errors of starting and stopping the embedded AWS.

use std::net::SocketAddr;

use beanpole_model::{ExitCode, Problem};

/// Why the embedded AWS did not start or stop.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address could not be listened on.
    #[error("the embedded AWS could not listen on {address}")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The data plane could not be prepared.
    #[error("the data plane of the embedded AWS could not start")]
    DataPlane {
        /// What the data plane said.
        #[source]
        source: crate::data_plane::DataPlaneError,
    },
}

impl Problem for Error {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Outside
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Listen { address, .. } => Some(format!(
                "Choose another address with `--serve`, or free port {}.",
                address.port()
            )),
            Self::DataPlane { .. } => Some(
                "Run `beanpole rehearse --engine none` to rehearse without containers.".to_owned(),
            ),
        }
    }
}
