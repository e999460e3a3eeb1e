//! Running it: secrets, alarms, alert routes, probes and approvals.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::scalar::duration;

/// Secrets from Secrets Manager.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Secrets {
    /// The prefix of secrets that belong to the project. Their last part becomes the variable's
    /// name.
    pub prefix: String,
    /// Single secrets: the environment variable, and the secret's name or ARN, with `#key` for one
    /// key of a JSON secret.
    pub names: BTreeMap<String, String>,
    /// How the values reach the application.
    pub mode: SecretMode,
}

impl Default for Secrets {
    fn default() -> Self {
        Self {
            prefix: "django".to_owned(),
            names: BTreeMap::new(),
            mode: SecretMode::default(),
        }
    }
}

/// How secret values reach the application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SecretMode {
    /// Beanstalk's own references (`aws:elasticbeanstalk:application:environmentsecrets`).
    #[default]
    Native,
    /// A file of variables that each instance writes itself, with the values that it fetches with its
    /// own role: for platforms from before 2025-03-26.
    DotEnv,
}

/// A CloudWatch alarm on the environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Alarm {
    /// A name that is unique in the project.
    pub name: String,
    /// The metric: `EnvironmentHealth`, `ApplicationRequests5xx`.
    pub metric: String,
    /// The metric's namespace.
    #[serde(default = "beanstalk_namespace")]
    pub namespace: String,
    /// How the values of one period become one.
    #[serde(default)]
    pub statistic: Statistic,
    /// When the alarm goes off.
    #[serde(default)]
    pub comparison: Comparison,
    /// The value that the metric is compared with.
    pub threshold: f64,
    /// The length of one period: 10 s, 30 s or a multiple of one minute.
    #[serde(with = "duration", default = "one_minute")]
    #[schemars(with = "duration::Text")]
    pub period: Duration,
    /// How many periods in a row.
    #[serde(default = "five")]
    #[schemars(range(min = 1))]
    pub periods: u32,
    /// ARNs to notify, such as an SNS topic's.
    #[serde(default)]
    pub actions: Vec<String>,
}

fn beanstalk_namespace() -> String {
    "AWS/ElasticBeanstalk".to_owned()
}

const fn one_minute() -> Duration {
    Duration::from_secs(60)
}

const fn five() -> u32 {
    5
}

/// How the values of one period become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Statistic {
    /// The mean.
    #[default]
    Average,
    /// The greatest.
    Maximum,
    /// The least.
    Minimum,
    /// The sum.
    Sum,
    /// How many.
    SampleCount,
}

impl Statistic {
    /// The name in the CloudWatch API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Average => "Average",
            Self::Maximum => "Maximum",
            Self::Minimum => "Minimum",
            Self::Sum => "Sum",
            Self::SampleCount => "SampleCount",
        }
    }
}

/// When an alarm goes off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Comparison {
    /// Above the threshold.
    Above,
    /// At or above the threshold.
    #[default]
    AtLeast,
    /// Below the threshold.
    Below,
    /// At or below the threshold.
    AtMost,
}

impl Comparison {
    /// The name in the CloudWatch API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Above => "GreaterThanThreshold",
            Self::AtLeast => "GreaterThanOrEqualToThreshold",
            Self::Below => "LessThanThreshold",
            Self::AtMost => "LessThanOrEqualToThreshold",
        }
    }
}

/// Where news is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Alerts {
    /// Slack.
    pub slack: Option<Slack>,
}

/// Slack. The fields hold names of environment variables of beanpole's own process, never values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Slack {
    /// The channel, for the bot; a webhook has its channel built in.
    pub channel: Option<String>,
    /// The environment variable that holds the incoming webhook's address.
    pub webhook_url_variable: Option<String>,
    /// The environment variable that holds the bot's token.
    pub token_variable: Option<String>,
}

/// Who is told that a release happened, beside people. The fields hold names of environment variables
/// of beanpole's own process, never values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Markers {
    /// Deploys in Rollbar.
    pub rollbar: Option<RollbarMarker>,
    /// Releases and deploys in Sentry.
    pub sentry: Option<SentryMarker>,
    /// Deployments in New Relic.
    pub new_relic: Option<NewRelicMarker>,
}

/// Deploys in Rollbar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RollbarMarker {
    /// The environment variable that holds the project access token, with the scopes
    /// `post_server_item` and `write`.
    pub token_variable: String,
    /// The environment's name in Rollbar; the key under `environments` unless given.
    pub environment: Option<String>,
    /// Another address than Rollbar's own.
    pub url: Option<String>,
}

impl Default for RollbarMarker {
    fn default() -> Self {
        Self {
            token_variable: "ROLLBAR_ACCESS_TOKEN".to_owned(),
            environment: None,
            url: None,
        }
    }
}

/// Releases and deploys in Sentry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SentryMarker {
    /// The organization's slug.
    pub organization: String,
    /// The project's slug.
    pub project: String,
    /// The environment variable that holds the auth token, with the scope `project:releases`.
    #[serde(default = "sentry_token")]
    pub token_variable: String,
    /// The environment's name in Sentry; the key under `environments` unless given.
    #[serde(default)]
    pub environment: Option<String>,
    /// Another address than `https://sentry.io`, such as `https://de.sentry.io`.
    #[serde(default)]
    pub url: Option<String>,
}

fn sentry_token() -> String {
    "SENTRY_AUTH_TOKEN".to_owned()
}

/// Deployments in New Relic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRelicMarker {
    /// The GUID of the entity: the application in New Relic.
    pub entity_guid: String,
    /// The environment variable that holds the user key (`NRAK-…`).
    #[serde(default = "new_relic_key")]
    pub key_variable: String,
    /// Where the account is.
    #[serde(default)]
    pub region: NewRelicRegion,
    /// Another address than the region's.
    #[serde(default)]
    pub url: Option<String>,
}

fn new_relic_key() -> String {
    "NEW_RELIC_API_KEY".to_owned()
}

/// Where a New Relic account is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NewRelicRegion {
    /// The United States.
    #[default]
    Us,
    /// The European Union.
    Eu,
}

/// An outside probe beyond the health check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// A name that is unique in the project.
    pub name: String,
    /// A path on the environment (`/`), or a whole address (`https://example.org/`).
    pub target: String,
    /// The status that counts as success.
    #[serde(default = "ok")]
    #[schemars(range(min = 100, max = 599))]
    pub expect_status: u16,
    /// The pause between two probes.
    #[serde(with = "duration", default = "one_minute")]
    #[schemars(with = "duration::Text")]
    pub interval: Duration,
    /// How long one probe may take.
    #[serde(with = "duration", default = "ten_seconds")]
    #[schemars(with = "duration::Text")]
    pub timeout: Duration,
}

const fn ok() -> u16 {
    200
}

const fn ten_seconds() -> Duration {
    Duration::from_secs(10)
}

/// Approvals that a release of this environment needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Approvals {
    /// How many people must approve.
    #[schemars(range(min = 1))]
    pub required: u32,
    /// Who may approve; anyone but the author if empty.
    pub approvers: Vec<String>,
}

impl Default for Approvals {
    fn default() -> Self {
        Self {
            required: 1,
            approvers: Vec::new(),
        }
    }
}
