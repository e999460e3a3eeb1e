//! What exists in the account, as far as one project is concerned. Plain data; [`crate::observe()`]
//! gathers it, tests make it up.

use std::collections::BTreeMap;

use beanpole_cloud::{CacheGroup, DatabaseInstance, OptionSetting, Rule, SecurityGroup, Source};
use beanpole_manifest::Project;
use beanpole_model::{EnvironmentName, Secret};

use crate::names::Store;

/// All that planning needs to know.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// The project's VPC; `None` if there is none by that id, or no default VPC.
    pub network: Option<NetworkFacts>,
    /// Which of the project's IAM roles exist.
    pub roles: RoleFacts,
    /// The platform version that the manifest means; `None` if AWS has no such one.
    pub platform: Option<PlatformFacts>,
    /// The security groups of the stores, by our names.
    pub security_groups: BTreeMap<Store, SecurityGroup>,
    /// The subnets of the stores' subnet groups, by our names.
    pub subnet_groups: BTreeMap<Store, Vec<String>>,
    /// The database.
    pub database: Option<DatabaseInstance>,
    /// The cache.
    pub cache: Option<CacheGroup>,
    /// The secrets that the project refers to and that exist, by name or ARN as the project says it.
    pub secrets: BTreeMap<String, SecretFacts>,
    /// True if the application exists.
    pub application: bool,
    /// The name of the environment that holds the production name, for releases onto a second
    /// environment; `None` stands for the manifest's own.
    pub live: Option<EnvironmentName>,
    /// The environment, unless it is terminated; of a pair the live one.
    pub environment: Option<EnvironmentFacts>,
    /// Whether the environment's wanted public name is free; `None` if that was not asked.
    pub cname_free: Option<bool>,
}

impl Observed {
    /// The name of the environment that the facts are about.
    #[must_use]
    pub fn environment_name<'a>(&'a self, project: &'a Project) -> &'a EnvironmentName {
        self.live.as_ref().unwrap_or(&project.environment)
    }
}

/// A VPC.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkFacts {
    /// Its id.
    pub vpc: String,
    /// Its subnets: id and availability zone.
    pub subnets: BTreeMap<String, String>,
}

/// Whether roles exist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RoleFacts {
    /// The instance profile.
    pub instance_profile: bool,
    /// The service role.
    pub service_role: bool,
}

/// A version of a platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlatformFacts {
    /// Its ARN, which ends in `/<branch>/<version>`.
    pub arn: String,
}

/// A secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretFacts {
    /// Its ARN.
    pub arn: String,
    /// Its value, for the secrets that beanpole writes; `None` for those it only refers to.
    pub value: Option<Secret>,
}

/// A Beanstalk environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnvironmentFacts {
    /// Its id.
    pub id: String,
    /// Beanstalk's status: `Ready`, `Launching`, ...
    pub status: String,
    /// Its platform version's ARN.
    pub platform_arn: Option<String>,
    /// Its public name.
    pub cname: Option<String>,
    /// The settings in force, or on their way while it changes.
    pub settings: Vec<OptionSetting>,
    /// The id of its instances' security group; `None` until AWS has made one.
    pub security_group: Option<String>,
}

/// True if `rule` lets the members of security group `group` reach a TCP port.
#[must_use]
pub fn allows(rule: &Rule, group: &str, port: u16) -> bool {
    covers(rule, port) && matches!(&rule.source, Source::Group(id) if id == group)
}

/// True if `rule` lets the whole internet reach a TCP port.
#[must_use]
pub fn is_open(rule: &Rule, port: u16) -> bool {
    let everywhere =
        matches!(&rule.source, Source::Cidr(range) if range == "0.0.0.0/0" || range == "::/0");
    everywhere && covers(rule, port)
}

fn covers(rule: &Rule, port: u16) -> bool {
    let protocol = matches!(rule.protocol.as_str(), "tcp" | "6" | "-1");
    protocol
        && rule
            .ports
            .is_none_or(|(from, to)| (from..=to).contains(&port))
}
