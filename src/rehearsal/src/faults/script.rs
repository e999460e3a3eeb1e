//! The fault script as data, and its reader.

use std::time::Duration;

use serde::Deserialize;

use super::{FaultScriptError, RequestAnswer, SlackAnswer, duration};

/// A whole fault script. Entries of a list are tried from the top; the first that fires decides.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct FaultScript {
    /// Seeds the dice behind `probability`, so that a run can be repeated. Default 0.
    #[serde(default)]
    pub seed: u64,
    /// What goes wrong with requests to AWS.
    #[serde(default)]
    pub requests: Vec<RequestFault>,
    /// What goes wrong with Beanstalk environments and their deployments.
    #[serde(default)]
    pub environments: Vec<EnvironmentFault>,
    /// What goes wrong with databases and caches.
    #[serde(default)]
    pub resources: Vec<ResourceFault>,
    /// What goes wrong with Slack.
    #[serde(default)]
    pub slack: Vec<SlackFault>,
}

/// One way in which requests to AWS fail.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct RequestFault {
    /// The signing name of the service (`rds`, `elasticbeanstalk`, `s3`), with `*`; default any.
    #[serde(default)]
    pub service: Option<String>,
    /// The operation (`CreateDBInstance`), with `*`; default any.
    #[serde(default)]
    pub operation: Option<String>,
    /// The first matching call that fails, from 1. Default 1.
    #[serde(default = "one")]
    pub nth: u32,
    /// How many matching calls fail at most; 0 is no limit. Default 1.
    #[serde(default = "one")]
    pub times: u32,
    /// How likely each of those calls fails, 0 to 1. Default 1.
    #[serde(default = "certain")]
    pub probability: f64,
    /// How it fails.
    pub fault: RequestAnswer,
}

/// One thing that goes wrong with a Beanstalk environment.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentFault {
    /// The environment's name, with `*`; default any.
    #[serde(default)]
    pub environment: Option<String>,
    /// The version label that is deployed, with `*`; default any.
    #[serde(default)]
    pub version: Option<String>,
    /// The DeploymentId, counted from 1 (creation is the first); default any.
    #[serde(default)]
    pub deployment: Option<u64>,
    /// How often this happens at most; 0 is no limit. Default 1.
    #[serde(default = "one")]
    pub times: u32,
    /// What happens.
    pub fault: EnvironmentFaultKind,
}

/// What goes wrong with a Beanstalk environment.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum EnvironmentFaultKind {
    /// The deployment fails in this batch (from 1); batches before it keep the new version.
    FailingBatch(u32),
    /// The version turns red this long after its deployment was reported as done.
    #[serde(deserialize_with = "duration::deserialize")]
    RedAfter(Duration),
    /// The deployment is reported as done although this many instances stay on the old version.
    MixedFleet(u32),
    /// Events whose message contains this text never appear in DescribeEvents.
    LoseEvents(String),
    /// Events appear this long after they happened, with the time at which they happened.
    #[serde(deserialize_with = "duration::deserialize")]
    DelayEvents(Duration),
    /// An operation that changes the environment is refused with "Must be Ready".
    MustBeReady,
    /// Health stays at this colour (`Grey`, `Yellow`, `Red`) instead of turning green.
    HealthStuck(StuckColor),
    /// A managed platform update begins this long after the deployment was reported as done, or as
    /// soon after as the environment is free.
    #[serde(deserialize_with = "duration::deserialize")]
    ManagedUpdate(Duration),
    /// The environment is created as one of Beanstalk Cluster, which runs on EKS.
    ClusterMode,
    /// Instances take this many times as long to launch. Lasts; `times` does not apply.
    SlowLaunch(f64),
}

/// The colour that a stuck health shows.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub enum StuckColor {
    /// Pending: the agent does not report.
    Grey,
    /// Warning.
    Yellow,
    /// Degraded.
    Red,
}

/// One thing that goes wrong with a database or a cache.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct ResourceFault {
    /// The identifier, with `*`; default any.
    #[serde(default)]
    pub identifier: Option<String>,
    /// How often this happens at most; 0 is no limit. Default 1.
    #[serde(default = "one")]
    pub times: u32,
    /// What happens.
    pub fault: ResourceFaultKind,
}

/// What goes wrong with a database or a cache.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum ResourceFaultKind {
    /// Creation ends in `failed` (RDS) or `create-failed` (ElastiCache).
    CreationFails,
    /// Creation takes this much longer.
    #[serde(deserialize_with = "duration::deserialize")]
    SlowCreation(Duration),
}

/// One way in which Slack fails.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct SlackFault {
    /// The method (`chat.postMessage`, `chat.update`, `auth.test`, `webhook`), with `*`; default any.
    #[serde(default)]
    pub method: Option<String>,
    /// The first matching call that fails, from 1. Default 1.
    #[serde(default = "one")]
    pub nth: u32,
    /// How many matching calls fail at most; 0 is no limit. Default 1.
    #[serde(default = "one")]
    pub times: u32,
    /// How it fails.
    pub fault: SlackAnswer,
}

fn one() -> u32 {
    1
}

fn certain() -> f64 {
    1.0
}

impl FaultScript {
    /// Reads a script. `file` is only used in errors, which name the line and the column.
    ///
    /// # Errors
    /// If the text is no YAML, has an unknown key or a value that makes no sense.
    pub fn parse(file: &str, text: &str) -> Result<Self, FaultScriptError> {
        // An empty file, or one of comments only, is a script without faults.
        if text
            .lines()
            .all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'))
        {
            return Ok(Self::default());
        }
        let script: Self = serde_yaml::from_str(text).map_err(|error| {
            let place = error.location();
            FaultScriptError::Syntax {
                file: file.to_owned(),
                line: place.map_or(0, |place| place.line()),
                column: place.map_or(0, |place| place.column()),
                message: first_line(&error.without_snippet().to_string()),
            }
        })?;
        script.check(file)?;
        Ok(script)
    }

    fn check(&self, file: &str) -> Result<(), FaultScriptError> {
        let wrong = |key: String, message: &str| {
            Err(FaultScriptError::Value {
                file: file.to_owned(),
                key,
                message: message.to_owned(),
            })
        };
        for (index, fault) in self.requests.iter().enumerate() {
            if !(0.0..=1.0).contains(&fault.probability) {
                return wrong(
                    format!("requests[{index}].probability"),
                    "must be from 0 to 1",
                );
            }
            if fault.nth == 0 {
                return wrong(format!("requests[{index}].nth"), "counts from 1");
            }
            if let RequestAnswer::Error { status, .. } = fault.fault
                && !(400..600).contains(&status)
            {
                return wrong(
                    format!("requests[{index}].fault.error.status"),
                    "must be 400 to 599",
                );
            }
        }
        for (index, fault) in self.environments.iter().enumerate() {
            match fault.fault {
                EnvironmentFaultKind::FailingBatch(0) => {
                    return wrong(
                        format!("environments[{index}].fault.failing-batch"),
                        "counts from 1",
                    );
                }
                EnvironmentFaultKind::SlowLaunch(factor) if !(1.0..=1000.0).contains(&factor) => {
                    return wrong(
                        format!("environments[{index}].fault.slow-launch"),
                        "must be 1 to 1000",
                    );
                }
                _ => {}
            }
        }
        for (index, fault) in self.slack.iter().enumerate() {
            if fault.nth == 0 {
                return wrong(format!("slack[{index}].nth"), "counts from 1");
            }
        }
        Ok(())
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::EXAMPLE;

    #[test]
    fn the_documented_example_is_read_and_uses_every_fault() {
        let script = FaultScript::parse("example.yaml", EXAMPLE).unwrap();
        let used = format!("{script:?}");
        for name in [
            "Throttle",
            "ServerError",
            "Drop",
            "Delay",
            "ExpiredCredentials",
            "AccessDenied",
            "Error",
            "FailingBatch",
            "RedAfter",
            "MixedFleet",
            "LoseEvents",
            "DelayEvents",
            "MustBeReady",
            "HealthStuck",
            "ManagedUpdate",
            "ClusterMode",
            "SlowLaunch",
            "CreationFails",
            "SlowCreation",
            "RateLimited",
            "Refuse",
            "Unavailable",
        ] {
            assert!(used.contains(name), "{name} is missing in the example");
        }
    }

    #[test]
    fn an_unknown_key_is_an_error_with_its_place() {
        let text = "requests:\n  - servise: rds\n    fault: throttle\n";
        let error = FaultScript::parse("faults.yaml", text).unwrap_err();
        let FaultScriptError::Syntax {
            line, ref message, ..
        } = error
        else {
            panic!("{error}")
        };
        assert_eq!(line, 2, "{error}");
        assert!(message.contains("servise"), "{message}");
    }

    #[test]
    fn values_that_make_no_sense_are_refused() {
        for (text, key) in [
            (
                "requests: [{probability: 1.5, fault: throttle}]",
                "requests[0].probability",
            ),
            ("requests: [{nth: 0, fault: drop}]", "requests[0].nth"),
            (
                "environments: [{fault: {failing-batch: 0}}]",
                "failing-batch",
            ),
            (
                "requests: [{fault: {error: {status: 200, code: X, message: y}}}]",
                "status",
            ),
        ] {
            let error = FaultScript::parse("f", text).unwrap_err().to_string();
            assert!(error.contains(key), "{error}");
        }
        assert!(FaultScript::parse("f", "requests: [{fault: {delay: 3 days}}]").is_err());
        assert!(FaultScript::parse("f", "requests: [{fault: {explode: 1}}]").is_err());
    }

    #[test]
    fn a_file_of_comments_is_a_script_without_faults() {
        assert_eq!(
            FaultScript::parse("f", "# none\n\n").unwrap(),
            FaultScript::default()
        );
    }
}
