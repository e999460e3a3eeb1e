//! What the Docker data plane has started, and the names it gives.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::ingress;
use crate::data_plane::{IngressRule, InstanceId, InstanceSpec};

/// The label that every object of a run carries; its value is the run's id.
pub const RUN_LABEL: &str = "beanpole.rehearsal";

/// The label of the containers of one instance; its value is the instance's id.
pub(super) const INSTANCE_LABEL: &str = "beanpole.rehearsal.instance";

/// The label that names the process which will remove the object; absent if the user keeps it.
pub(super) const OWNER_LABEL: &str = "beanpole.rehearsal.owner";

/// A database or a cache. The identifiers of both are names of their own kind, so that the kind is part
/// of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum StoreKind {
    Database,
    Cache,
}

#[derive(Clone, Debug)]
pub(super) struct Store {
    pub(super) network: String,
    pub(super) port: u16,
    pub(super) security_groups: Vec<String>,
}

/// A container that runs a service on an instance.
#[derive(Clone, Debug)]
pub(super) struct Running {
    pub(super) service: String,
    pub(super) container: String,
    pub(super) grace: Duration,
    /// The container port that is served on the instance's port 80.
    pub(super) serves: Option<u16>,
}

/// What an instance was last told to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Application {
    Nothing,
    Sample,
    Bundle,
}

#[derive(Clone, Debug)]
pub(super) struct Instance {
    pub(super) security_groups: Vec<String>,
    pub(super) network: String,
    pub(super) application: Application,
    pub(super) running: Vec<Running>,
    /// All its containers, with those of a deployment under way and of commands.
    pub(super) members: BTreeSet<String>,
    /// Where the service with port 80 was last seen.
    pub(super) address: Option<SocketAddr>,
}

impl Instance {
    pub(super) fn new(spec: &InstanceSpec, network: String) -> Self {
        Self {
            security_groups: spec.security_groups.clone(),
            network,
            application: Application::Nothing,
            running: Vec::new(),
            members: BTreeSet::new(),
            address: None,
        }
    }
}

/// A container in the network of a store.
pub(super) type Connection = (String, String);

#[derive(Default)]
pub(super) struct State {
    pub(super) stores: BTreeMap<(StoreKind, String), Store>,
    pub(super) instances: BTreeMap<InstanceId, Instance>,
    pub(super) rules: Vec<IngressRule>,
    /// The connections that were made.
    pub(super) connected: BTreeSet<Connection>,
}

impl State {
    /// The connections that the rules allow now: container and network.
    pub(super) fn desired(&self) -> BTreeSet<Connection> {
        let mut desired = BTreeSet::new();
        for (id, instance) in &self.instances {
            for store in self.stores.values() {
                let allowed = ingress::allows(
                    &self.rules,
                    &store.security_groups,
                    store.port,
                    &instance.security_groups,
                    private_address(id),
                );
                if allowed {
                    let members = instance.members.iter();
                    desired.extend(members.map(|member| (member.clone(), store.network.clone())));
                }
            }
        }
        desired
    }

    /// Forgets a container that was removed.
    pub(super) fn forget(&mut self, container: &str) {
        for instance in self.instances.values_mut() {
            instance.members.remove(container);
        }
        self.connected.retain(|(other, _)| other != container);
    }
}

/// The private address of an instance, always the same for the same id: one of the default VPC's
/// three subnets of 172.31.0.0/16, and none of those that AWS keeps for itself (the first four, the last).
#[must_use]
pub fn private_address(instance: &InstanceId) -> Ipv4Addr {
    let digest = Sha256::digest(instance.as_str().as_bytes());
    let byte = |index: usize| digest.get(index).copied().unwrap_or_default();
    Ipv4Addr::new(172, 31, byte(0) % 48, 4 + byte(1) % 250)
}

/// The names of a run's objects.
#[derive(Clone, Debug)]
pub(super) struct Names {
    run: String,
    owner: Option<String>,
}

impl Names {
    /// `run` is cut to what object names allow; `owner` becomes a label.
    pub(super) fn new(run: &str, owner: Option<String>) -> Self {
        Self {
            run: plain(run),
            owner,
        }
    }

    pub(super) fn label(&self) -> String {
        format!("{RUN_LABEL}={}", self.run)
    }

    pub(super) fn labels(&self) -> BTreeMap<String, String> {
        let owner = self
            .owner
            .iter()
            .map(|owner| (OWNER_LABEL.to_owned(), owner.clone()));
        owner
            .chain([(RUN_LABEL.to_owned(), self.run.clone())])
            .collect()
    }

    pub(super) fn instance_labels(&self, instance: &InstanceId) -> BTreeMap<String, String> {
        let mut labels = self.labels();
        labels.insert(INSTANCE_LABEL.to_owned(), instance.as_str().to_owned());
        labels
    }

    /// The name of a store's container and network.
    pub(super) fn store(&self, kind: StoreKind, identifier: &str) -> String {
        let kind = match kind {
            StoreKind::Database => "db",
            StoreKind::Cache => "cache",
        };
        format!("beanpole-{}-{kind}-{}", self.run, plain(identifier))
    }

    pub(super) fn network(&self, instance: &InstanceId) -> String {
        format!("beanpole-{}-{}", self.run, plain(instance.as_str()))
    }

    /// The name of a container on an instance; `what` is a service or a command.
    pub(super) fn container(&self, instance: &InstanceId, what: &str, deployment: i64) -> String {
        format!("{}-{}-{deployment}", self.network(instance), plain(what))
    }

    /// The name of the image that is built from a bundle; `part` tells several builds apart.
    pub(super) fn image(&self, digest: &str, part: &str) -> String {
        let separator = if part.is_empty() { "" } else { "-" };
        format!("beanpole-rehearsal:{}-{digest}{separator}{part}", self.run)
    }
}

fn plain(text: &str) -> String {
    text.chars()
        .map(|character| {
            if character.is_ascii_alphanumeric() || character == '_' {
                character
            } else {
                '-'
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data_plane::IngressSource;

    #[test]
    fn addresses_are_stable_and_in_the_default_vpc() {
        for number in 0..500 {
            let id = InstanceId::new(format!("i-{number}"));
            let address = private_address(&id);
            assert_eq!(address, private_address(&id));
            let [first, second, _, last] = address.octets();
            assert_eq!((first, second), (172, 31));
            assert!((4..254).contains(&last), "{address}");
        }
    }

    #[test]
    fn connections_follow_rules_members_and_stores() {
        let id = InstanceId::new("i-1");
        let spec = InstanceSpec {
            environment_id: "e-1".to_owned(),
            environment_name: "blog".to_owned(),
            instance_id: id.clone(),
            security_groups: vec!["sg-web".to_owned()],
        };
        let mut instance = Instance::new(&spec, "net-1".to_owned());
        instance.members = ["one".to_owned(), "two".to_owned()].into();
        let mut state = State::default();
        state.instances.insert(id, instance);
        for (kind, port) in [(StoreKind::Database, 5432), (StoreKind::Cache, 6379)] {
            let store = Store {
                network: format!("net-{port}"),
                port,
                security_groups: vec!["sg-store".to_owned()],
            };
            state.stores.insert((kind, "x".to_owned()), store);
        }
        assert!(state.desired().is_empty());
        state.rules.push(IngressRule {
            group: "sg-store".to_owned(),
            from_port: 6379,
            to_port: 6379,
            source: IngressSource::Group("sg-web".to_owned()),
        });
        let network = "net-6379".to_owned();
        let expected = BTreeSet::from([
            ("one".to_owned(), network.clone()),
            ("two".to_owned(), network),
        ]);
        assert_eq!(state.desired(), expected);
        state.connected = expected;
        state.forget("one");
        assert_eq!(state.desired(), state.connected);
    }

    #[test]
    fn names_are_what_docker_allows() {
        let names = Names::new("run/1 ü", None);
        assert_eq!(
            names.store(StoreKind::Database, "blog.db"),
            "beanpole-run-1---db-blog-db"
        );
        assert_eq!(names.image("abc", ""), "beanpole-rehearsal:run-1---abc");
        assert_eq!(names.image("abc", "x"), "beanpole-rehearsal:run-1---abc-x");
    }
}
