//! Directories of the project that a service sees instead of the image's.

use super::service::Service;
use crate::paths::{inside, parent};
use crate::yaml::{Node, Value};

/// A bind mount of a path of the project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::docker) struct Mount {
    /// The path from the project's root; empty for the root itself.
    pub(in crate::docker) source: String,
    /// The path in the container.
    pub(in crate::docker) target: String,
}

impl Service {
    /// The mounts of paths inside of the project. `file` is the compose file.
    pub(in crate::docker) fn mounts(&self, file: &str) -> Vec<Mount> {
        let volumes = self
            .node
            .get("volumes")
            .map(Node::items)
            .unwrap_or_default();
        volumes
            .iter()
            .filter_map(|item| match &item.value {
                Value::Scalar(text) => {
                    let mut parts = text.split(':');
                    Some((parts.next()?, parts.next()?))
                }
                _ => {
                    let text = |key| item.get(key).and_then(Node::text);
                    Some((text("source")?, text("target")?))
                }
            })
            // Names without a dot in front are volumes of their own.
            .filter(|(source, _)| source.starts_with('.'))
            .filter_map(|(source, target)| {
                Some(Mount {
                    source: inside(parent(file), source)?,
                    target: target.trim_end_matches('/').to_owned(),
                })
            })
            .collect()
    }

    /// Whether the source code is mounted over the image's: the mark of a service for development.
    pub(in crate::docker) fn mounts_code(&self, file: &str) -> bool {
        let context = self
            .build
            .as_ref()
            .and_then(|build| build.context.as_deref());
        let is_code = |source: &str| {
            let beside = source == parent(file);
            let below = source
                .strip_prefix(parent(file))
                .map(|rest| rest.trim_start_matches('/'));
            beside || Some(source) == context || matches!(below, Some("src" | "app"))
        };
        self.node.get("develop").is_some()
            || self.mounts(file).iter().any(|mount| is_code(&mount.source))
    }
}
