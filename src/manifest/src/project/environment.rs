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
    /// Where a new version goes: onto the environment itself, or onto a second one that takes over.
    pub strategy: Strategy,
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
    /// The trial of the policy `traffic-splitting`. Other policies ignore it.
    pub traffic_split: TrafficSplit,
    /// What becomes of the old environment with the strategy `blue-green`.
    pub blue_green: BlueGreen,
}

impl Default for Deployment {
    fn default() -> Self {
        Self {
            strategy: Strategy::default(),
            policy: Policy::default(),
            batch: Batch::default(),
            timeout: Duration::from_secs(600),
            keep_versions: 20,
            traffic_split: TrafficSplit::default(),
            blue_green: BlueGreen::default(),
        }
    }
}

/// Where a new version goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// Onto the environment's own instances, as the policy says.
    #[default]
    InPlace,
    /// Onto a second environment, which takes over the public name once it is proven.
    BlueGreen,
}

/// The trial of a new version with a share of the traffic (developer guide, option namespace
/// `aws:elasticbeanstalk:trafficsplitting`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TrafficSplit {
    /// The share of the requests that the new version gets at first, in percent.
    #[schemars(range(min = 1, max = 100))]
    pub percentage: u32,
    /// How long it keeps that share before it gets all: whole minutes, 3 minutes to 10 hours.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Text")]
    pub evaluation: Duration,
}

impl Default for TrafficSplit {
    fn default() -> Self {
        Self {
            percentage: 10,
            evaluation: Duration::from_secs(5 * 60),
        }
    }
}

/// The second environment of a blue/green release.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BlueGreen {
    /// How long the old environment is kept after the swap, for an instant way back.
    pub keep: Keep,
}

/// How long the old environment of a blue/green release is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// Until the next release, which reuses it. Two environments are paid for.
    #[default]
    NextRelease,
    /// So long after the swap; then it is terminated, and the release is over.
    For(Duration),
}

/// The word for [`Keep::NextRelease`] in the manifest.
const NEXT_RELEASE: &str = "next-release";

impl Serialize for Keep {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::NextRelease => serializer.serialize_str(NEXT_RELEASE),
            Self::For(time) => duration::serialize(time, serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Keep {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == NEXT_RELEASE {
            return Ok(Self::NextRelease);
        }
        duration::parse(&text)
            .map(Self::For)
            .map_err(|error| serde::de::Error::custom(format!("{error}, or `{NEXT_RELEASE}`")))
    }
}

impl JsonSchema for Keep {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Keep".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let time = <duration::Text as JsonSchema>::json_schema(generator);
        schemars::json_schema!({
            "description": "`next-release`, or a duration such as `30m`.",
            "oneOf": [{"type": "string", "const": NEXT_RELEASE}, time],
        })
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
