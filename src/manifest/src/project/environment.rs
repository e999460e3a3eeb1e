//! The Beanstalk environment: platform, instances, roll-out, network, load balancer and roles.

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::scalar::duration;

/// The Beanstalk platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Platform {
    /// The platform branch.
    pub branch: String,
    /// The platform version, such as `4.6.1`; the newest supported one if unset.
    #[schemars(with = "Option<crate::schema::Text>")]
    pub version: Option<String>,
}

impl Default for Platform {
    fn default() -> Self {
        Self {
            branch: "Docker running on 64bit Amazon Linux 2023".to_owned(),
            version: None,
        }
    }
}

/// Instance types and counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Instances {
    /// EC2 instance types, best first.
    #[schemars(length(min = 1))]
    pub types: Vec<String>,
    /// The fewest instances.
    #[schemars(range(min = 1, max = 10000))]
    pub min: u32,
    /// The most instances.
    #[schemars(range(min = 1, max = 10000))]
    pub max: u32,
}

impl Default for Instances {
    fn default() -> Self {
        Self {
            types: vec!["t3.small".to_owned()],
            min: 1,
            max: 4,
        }
    }
}

/// How a new version is rolled out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Deployment {
    /// Beanstalk's deployment policy.
    pub policy: Policy,
    /// How many instances get the version at a time: a percentage (`30%`) or a count (`2`).
    pub batch: Batch,
    /// How long Beanstalk lets the commands on one instance run: 1 second to 1 hour.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Text")]
    pub timeout: Duration,
    /// How many application versions are kept. The one that runs and the one before it are always
    /// kept.
    #[schemars(range(min = 2, max = 1000))]
    pub keep_versions: u32,
}

impl Default for Deployment {
    fn default() -> Self {
        Self {
            policy: Policy::default(),
            batch: Batch::default(),
            timeout: Duration::from_secs(600),
            keep_versions: 20,
        }
    }
}

/// Beanstalk's deployment policies (developer guide, "Deployment policies and settings").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// Every instance at once. The application is away for a moment.
    AllAtOnce,
    /// Batch by batch, with fewer instances meanwhile.
    Rolling,
    /// Batch by batch, with one more batch of instances meanwhile.
    #[default]
    RollingWithAdditionalBatch,
    /// A second set of instances, then a switch.
    Immutable,
    /// A second set of instances that takes a share of the traffic first.
    TrafficSplitting,
}

impl Policy {
    /// The value of the option `aws:elasticbeanstalk:command` `DeploymentPolicy`.
    #[must_use]
    pub const fn option_value(self) -> &'static str {
        match self {
            Self::AllAtOnce => "AllAtOnce",
            Self::Rolling => "Rolling",
            Self::RollingWithAdditionalBatch => "RollingWithAdditionalBatch",
            Self::Immutable => "Immutable",
            Self::TrafficSplitting => "TrafficSplitting",
        }
    }
}

/// The size of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Batch {
    /// A share of the instances, 1 to 100.
    Percentage(u8),
    /// A number of instances, at least 1.
    Fixed(u32),
}

impl Default for Batch {
    fn default() -> Self {
        Self::Percentage(30)
    }
}

impl fmt::Display for Batch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Percentage(share) => write!(formatter, "{share}%"),
            Self::Fixed(count) => write!(formatter, "{count}"),
        }
    }
}

impl std::str::FromStr for Batch {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || {
            format!(
                "batch `{text}` is not valid: a percentage from `1%` to `100%`, or a count from 1 to 10000"
            )
        };
        let digits = |digits: &str| {
            if digits.bytes().all(|byte| byte.is_ascii_digit()) {
                digits.parse::<u32>().ok()
            } else {
                None
            }
        };
        if let Some(share) = text.strip_suffix('%') {
            let share = digits(share).and_then(|share| u8::try_from(share).ok());
            return match share {
                Some(share @ 1..=100) => Ok(Self::Percentage(share)),
                _ => Err(refused()),
            };
        }
        match digits(text) {
            Some(count @ 1..=10_000) => Ok(Self::Fixed(count)),
            _ => Err(refused()),
        }
    }
}

impl Serialize for Batch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Percentage(_) => serializer.collect_str(self),
            Self::Fixed(count) => serializer.serialize_u32(*count),
        }
    }
}

impl<'de> Deserialize<'de> for Batch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Batch {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Batch".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A share of the instances (`30%`) or a number of instances (`2`).",
            "oneOf": [
                {"type": "string", "pattern": "^([1-9][0-9]?|100)%$"},
                {"type": "integer", "minimum": 1, "maximum": 10000},
            ],
        })
    }
}

/// VPC and subnets. With none given, the region's default VPC is used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Network {
    /// The VPC's id; the default VPC if unset.
    pub vpc: Option<String>,
    /// The subnets of the instances; all of the VPC's if empty.
    pub subnets: Vec<String>,
    /// The subnets of the load balancer; the same as `subnets` if empty.
    pub load_balancer_subnets: Vec<String>,
}

/// The load balancer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LoadBalancer {
    /// Who can reach it.
    pub scheme: Scheme,
    /// The certificate for HTTPS, from AWS Certificate Manager. Without one there is no HTTPS
    /// listener.
    pub certificate_arn: Option<String>,
}

/// Who can reach the load balancer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// The internet.
    #[default]
    Public,
    /// The VPC.
    Internal,
}

impl Scheme {
    /// The value of the option `aws:ec2:vpc` `ELBScheme`.
    #[must_use]
    pub const fn option_value(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Internal => "internal",
        }
    }
}

/// IAM roles, by name. The defaults are the names that AWS's own tools create.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Roles {
    /// The instance profile: what the application may do.
    pub instance_profile: String,
    /// The service role: what Beanstalk may do.
    pub service_role: String,
}

impl Default for Roles {
    fn default() -> Self {
        Self {
            instance_profile: "aws-elasticbeanstalk-ec2-role".to_owned(),
            service_role: "aws-elasticbeanstalk-service-role".to_owned(),
        }
    }
}
