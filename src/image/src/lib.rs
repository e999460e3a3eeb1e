//! The Docker Engine, and nothing else: build contexts by Docker's own ignore rules, BuildKit builds,
//! images, containers and networks.
//!
//! Rules of this crate: it is the only user of `bollard`, and returns this crate's own types. Every
//! object that it makes gets the labels that the caller gives, so that [`Engine::remove_labelled`]
//! finds it again. Values that may be secret come in as [`beanpole_model::Secret`], travel in request
//! bodies, and never in the arguments of a process, an event or an error.

mod address;
mod archive;
mod build;
mod container;
mod context;
mod dockerfile;
mod engine;
mod error;
mod files;
mod ignore;
mod images;
mod login;
mod network;
mod output;
mod progress;
mod push;
mod reference;
mod removal;

pub use address::Address;
pub use build::{BUILD_STEP, BuildRequest, BuiltImage};
pub use container::{ContainerSpec, ContainerState, Published, RestartPolicy};
pub use context::{Context, Entry, EntryKind};
pub use dockerfile::{base_images, base_images_for};
pub use engine::{Engine, EngineVersion};
pub use error::Error;
pub use files::ContainerFile;
pub use ignore::{IgnoreError, IgnoreRules};
pub use images::ImageInformation;
pub use login::{DockerLogins, RegistryLogin};
pub use network::Attachment;
pub use output::ExecOutput;
pub use progress::LOG_TAIL_LINES;
pub use push::{PUSH_STEP, PushRequest};
pub use reference::{ImageDigest, ImageDigestError, PushedImage, registry_host};
pub use removal::Removed;

// Callers cancel builds and waits with this type; re-exported so that they need not name the crate.
pub use tokio_util::sync::CancellationToken;
