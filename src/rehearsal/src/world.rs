//! What all services of the embedded AWS share: the clock, the account, the data plane, and each other.
//!
//! Services know each other only through the small traits of this module. Each is filled in once, when
//! the services are built ([`World::install`]). What is not filled in answers as an empty service
//! would: no bucket, no secret, no network. Tests of one service run with just that.

use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use beanpole_model::{AccountId, Region, Reporter, Secret, SecretScrubber};
use bytes::Bytes;

use crate::clock::{Clock, Hold};
use crate::data_plane::{DataPlane, InstanceId};
use crate::faults::Faults;

/// What all services share. Lives in an [`Arc`] as long as the rehearsal.
pub struct World {
    /// Virtual time. All timestamps that services show come from here.
    pub clock: Clock,
    /// The one account.
    pub account: AccountId,
    /// The one region. Other regions do not exist.
    pub region: Region,
    /// Where things run.
    pub data_plane: Arc<dyn DataPlane>,
    /// Takes notes and warnings for people. Never gets a secret.
    pub reporter: Arc<dyn Reporter>,
    /// Learns every secret value that passes, and cleans texts of foreign origin.
    pub scrubber: SecretScrubber,
    /// Where the API answers.
    pub api_address: SocketAddr,
    /// Where the load balancer answers.
    pub load_balancer_address: SocketAddr,
    faults: RwLock<Arc<Faults>>,
    services: RwLock<Arc<Services>>,
}

/// What services offer to each other.
pub struct Services {
    /// S3.
    pub storage: Arc<dyn ObjectStorage>,
    /// Secrets Manager.
    pub secrets: Arc<dyn SecretValues>,
    /// EC2.
    pub network: Arc<dyn Network>,
    /// IAM.
    pub roles: Arc<dyn Roles>,
    /// Beanstalk, for the load balancer.
    pub routes: Arc<dyn Routes>,
}

impl Default for Services {
    fn default() -> Self {
        let nothing = Arc::new(Nothing);
        Self {
            storage: nothing.clone(),
            secrets: nothing.clone(),
            network: nothing.clone(),
            roles: nothing.clone(),
            routes: nothing,
        }
    }
}

/// What a [`World`] is made of.
pub struct WorldParts {
    /// See [`World::clock`].
    pub clock: Clock,
    /// See [`World::account`].
    pub account: AccountId,
    /// See [`World::region`].
    pub region: Region,
    /// See [`World::data_plane`].
    pub data_plane: Arc<dyn DataPlane>,
    /// See [`World::reporter`].
    pub reporter: Arc<dyn Reporter>,
    /// See [`World::faults`].
    pub faults: Arc<Faults>,
    /// See [`World::api_address`].
    pub api_address: SocketAddr,
    /// See [`World::load_balancer_address`].
    pub load_balancer_address: SocketAddr,
}

impl World {
    /// A world whose services are not there yet.
    #[must_use]
    pub fn new(parts: WorldParts) -> Arc<Self> {
        Arc::new(Self {
            clock: parts.clock,
            account: parts.account,
            region: parts.region,
            data_plane: parts.data_plane,
            reporter: parts.reporter,
            scrubber: SecretScrubber::default(),
            api_address: parts.api_address,
            load_balancer_address: parts.load_balancer_address,
            faults: RwLock::new(parts.faults),
            services: RwLock::default(),
        })
    }

    /// Makes the services known to each other. Installing none at the end lets go of all of them:
    /// services hold the world and the world holds services, so nobody would ever be dropped.
    pub fn install(&self, services: Services) {
        *self
            .services
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(services);
    }

    /// S3.
    #[must_use]
    pub fn storage(&self) -> Arc<dyn ObjectStorage> {
        self.services().storage.clone()
    }

    /// Secrets Manager.
    #[must_use]
    pub fn secrets(&self) -> Arc<dyn SecretValues> {
        self.services().secrets.clone()
    }

    /// EC2: networks, security groups, instances.
    #[must_use]
    pub fn network(&self) -> Arc<dyn Network> {
        self.services().network.clone()
    }

    /// IAM.
    #[must_use]
    pub fn roles(&self) -> Arc<dyn Roles> {
        self.services().roles.clone()
    }

    /// Which instances serve a host name.
    #[must_use]
    pub fn routes(&self) -> Arc<dyn Routes> {
        self.services().routes.clone()
    }

    /// The fault script at work.
    #[must_use]
    pub fn faults(&self) -> Arc<Faults> {
        self.faults
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Plays another fault script from now on, from its beginning.
    pub fn play(&self, faults: Faults) {
        *self.faults.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(faults);
    }

    /// Holds the clock if the data plane does real work; keep the value while it does.
    #[must_use]
    pub fn hold_for_real_work(&self) -> Option<Hold> {
        self.data_plane.is_real().then(|| self.clock.hold())
    }

    /// A text of foreign origin without the secrets that this world knows, and without characters that
    /// XML cannot carry.
    #[must_use]
    pub fn clean(&self, text: &str) -> String {
        self.scrubber
            .scrub(text)
            .chars()
            .filter(|character| !character.is_control() || matches!(character, '\n' | '\t'))
            .collect()
    }

    fn services(&self) -> Arc<Services> {
        self.services
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl std::fmt::Debug for World {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("World")
            .field("account", &self.account)
            .field("region", &self.region)
            .field("data_plane", &self.data_plane.name())
            .finish_non_exhaustive()
    }
}

/// What other services need of S3.
#[async_trait]
pub trait ObjectStorage: Send + Sync {
    /// Makes the bucket in this world's region unless it exists.
    async fn ensure_bucket(&self, bucket: &str);
    /// True if the bucket exists.
    async fn has_bucket(&self, bucket: &str) -> bool;
    /// The object's content; `None` if the bucket or the object does not exist.
    async fn get(&self, bucket: &str, key: &str) -> Option<Bytes>;
    /// True if the object exists.
    async fn has(&self, bucket: &str, key: &str) -> bool;
    /// Writes an object, replacing what is there.
    async fn put(&self, bucket: &str, key: &str, content: Bytes);
    /// Deletes an object; one that does not exist counts as deleted.
    async fn delete(&self, bucket: &str, key: &str);
}

/// What other services need of Secrets Manager.
#[async_trait]
pub trait SecretValues: Send + Sync {
    /// The current text value of the secret with this ARN, ARN without suffix, or name.
    async fn value(&self, id: &str) -> Option<Secret>;
}

/// A virtual network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vpc {
    /// `vpc-…`.
    pub id: String,
    /// Its subnets.
    pub subnets: Vec<Subnet>,
}

/// A subnet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subnet {
    /// `subnet-…`.
    pub id: String,
    /// Its availability zone: `eu-central-1a`.
    pub zone: String,
}

/// A security group that a service makes on its user's behalf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSecurityGroup {
    /// Its name.
    pub name: String,
    /// Its description.
    pub description: String,
    /// The network it belongs to.
    pub vpc: String,
    /// Tags: name and value.
    pub tags: Vec<(String, String)>,
    /// TCP ports it lets in, each from a source.
    pub ingress: Vec<(u16, crate::data_plane::IngressSource)>,
}

/// An instance that a service runs on its user's behalf, as EC2 shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningInstance {
    /// Its id.
    pub id: InstanceId,
    /// Its type: `t3.small`.
    pub instance_type: String,
    /// Its subnet.
    pub subnet: String,
    /// Ids of its security groups.
    pub security_groups: Vec<String>,
    /// Tags: name and value.
    pub tags: Vec<(String, String)>,
}

/// What other services need of EC2.
#[async_trait]
pub trait Network: Send + Sync {
    /// The network with this id, or the default one.
    async fn vpc(&self, id: Option<&str>) -> Option<Vpc>;
    /// Makes a security group and returns its id; if the name is taken in that network, returns the id
    /// of the one that is there. `None` if the network does not exist.
    async fn create_security_group(&self, group: &NewSecurityGroup) -> Option<String>;
    /// True if a rule of a group other than `except` refers to the group, so that EC2 would refuse to
    /// delete it.
    async fn is_security_group_used(&self, id: &str, except: &[String]) -> bool {
        let _ = (id, except);
        false
    }
    /// Deletes a security group, and the rules of other groups that refer to it.
    async fn delete_security_group(&self, id: &str);
    /// Shows an instance as running.
    async fn run_instance(&self, instance: &RunningInstance);
    /// Shows an instance as terminated.
    async fn terminate_instance(&self, id: &InstanceId);
}

/// What other services need of IAM.
#[async_trait]
pub trait Roles: Send + Sync {
    /// True if the instance profile exists.
    async fn has_instance_profile(&self, name: &str) -> bool;
}

/// One instance that takes requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The instance.
    pub instance: InstanceId,
    /// Where it listens; `None` if it can only be stood in for.
    pub address: Option<SocketAddr>,
    /// The environment's name.
    pub environment: String,
    /// The version that the instance runs.
    pub version_label: String,
    /// Its share of the requests, relative to the other targets' weights; at least 1.
    pub weight: u32,
    /// The fault script wants this instance to answer 500, whatever runs on it.
    pub faulty: bool,
}

/// Who answers for a host name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Targets {
    /// No environment has that name: the name would not resolve on AWS.
    UnknownHost,
    /// The environment has no instance in service: 503 on AWS.
    NoneInService,
    /// These take requests.
    InService(Vec<Target>),
}

/// What the load balancer asks.
pub trait Routes: Send + Sync {
    /// The targets behind `host`, which is a Host header with or without a port.
    fn targets(&self, host: &str) -> Targets;
}

/// Stands in for services that are not installed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nothing;

#[async_trait]
impl ObjectStorage for Nothing {
    async fn ensure_bucket(&self, _bucket: &str) {}
    async fn has_bucket(&self, _bucket: &str) -> bool {
        false
    }
    async fn get(&self, _bucket: &str, _key: &str) -> Option<Bytes> {
        None
    }
    async fn has(&self, _bucket: &str, _key: &str) -> bool {
        false
    }
    async fn put(&self, _bucket: &str, _key: &str, _content: Bytes) {}
    async fn delete(&self, _bucket: &str, _key: &str) {}
}

#[async_trait]
impl SecretValues for Nothing {
    async fn value(&self, _id: &str) -> Option<Secret> {
        None
    }
}

#[async_trait]
impl Network for Nothing {
    async fn vpc(&self, _id: Option<&str>) -> Option<Vpc> {
        None
    }
    async fn create_security_group(&self, _group: &NewSecurityGroup) -> Option<String> {
        None
    }
    async fn delete_security_group(&self, _id: &str) {}
    async fn run_instance(&self, _instance: &RunningInstance) {}
    async fn terminate_instance(&self, _id: &InstanceId) {}
}

#[async_trait]
impl Roles for Nothing {
    async fn has_instance_profile(&self, _name: &str) -> bool {
        true
    }
}

impl Routes for Nothing {
    fn targets(&self, _host: &str) -> Targets {
        Targets::UnknownHost
    }
}
