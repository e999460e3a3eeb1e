//! The manifest as Beanstalk option settings, and their comparison with what is in force.
//!
//! Source of the namespaces and names: developer guide, "General options for all environments".
//!
//! Rules:
//! - Only what the manifest says, and what beanpole insists on, is declared. Everything else is left
//!   as it is: AWS's defaults, what `.ebextensions` set, what someone set in the console.
//! - Values are compared in one spelling: lists that have no order are sorted, `True` is `true`, a
//!   role's ARN is its name.

use std::collections::BTreeMap;

use beanpole_cloud::OptionSetting;
use beanpole_manifest::{Batch, Policy, Project, Scheme};

use crate::plan::{FieldChange, KNOWN_AFTER_APPLY, SECRET};

/// The namespace of environment variables in plain text.
pub const VARIABLES: &str = "aws:elasticbeanstalk:application:environment";
/// The namespace of environment variables whose values come from Secrets Manager.
pub const SECRET_REFERENCES: &str = beanpole_secrets::ENVIRONMENT_SECRETS;
/// The namespace of the environment's type and load balancer.
pub const ENVIRONMENT: &str = "aws:elasticbeanstalk:environment";
/// How many days logs are kept in CloudWatch: long enough for an incident review.
const LOG_DAYS: u32 = 30;

/// A declared setting.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Setting {
    /// The namespace.
    pub namespace: String,
    /// The option's name.
    pub name: String,
    /// The value; `None` for the ARN of a secret that does not exist yet.
    pub value: Option<String>,
}

impl Setting {
    #[expect(
        clippy::needless_pass_by_value,
        reason = "callers hand over numbers, flags and names alike"
    )]
    fn new(namespace: &str, name: &str, value: impl ToString) -> Self {
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            value: Some(value.to_string()),
        }
    }

    /// A setting as AWS lists it.
    pub(crate) fn of(option: &OptionSetting) -> Self {
        Self {
            namespace: option.namespace.clone(),
            name: option.name.clone(),
            value: Some(option.value.clone()),
        }
    }

    /// Namespace and name as one text, as plans show them.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{} {}", self.namespace, self.name)
    }

    /// The setting as a field that changes from another value, with what may be secret hidden.
    pub(crate) fn change_from(&self, from: Option<&str>) -> FieldChange {
        let from = from.map(|value| if self.hides(value) { SECRET } else { value });
        FieldChange {
            name: self.full_name(),
            from: from.map(str::to_owned),
            to: Some(self.shown().to_owned()),
        }
    }

    /// The setting as a field of something new.
    #[must_use]
    pub fn as_field(&self) -> FieldChange {
        FieldChange::new(self.full_name(), self.shown())
    }

    /// The value as plans show it.
    fn shown(&self) -> &str {
        match &self.value {
            None => KNOWN_AFTER_APPLY,
            Some(value) if self.hides(value) => SECRET,
            Some(value) => value,
        }
    }

    /// True if a value of this setting must not be shown: someone may have put a secret into a plain
    /// variable.
    fn hides(&self, value: &str) -> bool {
        self.namespace == VARIABLES && looks_secret(&self.name, value)
    }
}

/// All declared settings, sorted by namespace and name. `references` are the variables that come
/// from Secrets Manager, with the references that Beanstalk takes (ARNs), or `None` where the
/// secret does not exist yet.
#[must_use]
pub fn declared(project: &Project, references: &BTreeMap<String, Option<String>>) -> Vec<Setting> {
    let mut settings = Vec::new();
    settings.extend(environment(project));
    settings.extend(instances(project));
    settings.extend(network(project));
    settings.extend(roll_out(project));
    settings.extend(health(project));
    settings.extend(listeners(project));
    settings.extend(logs());
    let plain = crate::connections::plain_variables(project);
    settings.extend(
        plain
            .iter()
            .map(|(name, value)| Setting::new(VARIABLES, name, value)),
    );
    settings.extend(references.iter().map(|(name, reference)| Setting {
        namespace: SECRET_REFERENCES.to_owned(),
        name: name.clone(),
        value: reference.clone(),
    }));
    settings.sort();
    settings
}

fn environment(project: &Project) -> Vec<Setting> {
    vec![
        Setting::new(ENVIRONMENT, "EnvironmentType", "LoadBalanced"),
        // The API's own default is a classic load balancer, which cannot be changed later.
        Setting::new(ENVIRONMENT, "LoadBalancerType", "application"),
        Setting::new(ENVIRONMENT, "ServiceRole", &project.roles.service_role),
    ]
}

fn instances(project: &Project) -> Vec<Setting> {
    let launch = "aws:autoscaling:launchconfiguration";
    vec![
        Setting::new(
            launch,
            "IamInstanceProfile",
            &project.roles.instance_profile,
        ),
        // IMDSv1 hands the role's credentials to whoever makes the application fetch a URL.
        Setting::new(launch, "DisableIMDSv1", true),
        Setting::new(
            "aws:ec2:instances",
            "InstanceTypes",
            project.instances.types.join(","),
        ),
        Setting::new("aws:autoscaling:asg", "MinSize", project.instances.min),
        Setting::new("aws:autoscaling:asg", "MaxSize", project.instances.max),
    ]
}

/// Nothing in the default VPC, unless the load balancer is internal: Beanstalk finds that VPC itself.
fn network(project: &Project) -> Vec<Setting> {
    let namespace = "aws:ec2:vpc";
    let network = &project.network;
    let mut settings = Vec::new();
    if let Some(vpc) = &network.vpc {
        settings.push(Setting::new(namespace, "VPCId", vpc));
    }
    if !network.subnets.is_empty() {
        settings.push(Setting::new(
            namespace,
            "Subnets",
            network.subnets.join(","),
        ));
    }
    let balancer = if network.load_balancer_subnets.is_empty() {
        &network.subnets
    } else {
        &network.load_balancer_subnets
    };
    if !balancer.is_empty() {
        settings.push(Setting::new(namespace, "ELBSubnets", balancer.join(",")));
    }
    let scheme = project.load_balancer.scheme;
    if network.vpc.is_some() || scheme == Scheme::Internal {
        settings.push(Setting::new(namespace, "ELBScheme", scheme.option_value()));
    }
    settings
}

fn roll_out(project: &Project) -> Vec<Setting> {
    let command = "aws:elasticbeanstalk:command";
    let update = "aws:autoscaling:updatepolicy:rollingupdate";
    let deployment = &project.deployment;
    let mut settings = vec![
        Setting::new(
            command,
            "DeploymentPolicy",
            deployment.policy.option_value(),
        ),
        Setting::new(command, "Timeout", deployment.timeout.as_secs()),
        // Changes of the launch configuration replace instances: batch by batch, after health.
        Setting::new(update, "RollingUpdateEnabled", true),
        Setting::new(update, "RollingUpdateType", "Health"),
    ];
    // The other policies replace all instances at a time, whatever the batch says.
    if matches!(
        deployment.policy,
        Policy::Rolling | Policy::RollingWithAdditionalBatch
    ) {
        let (kind, size) = match deployment.batch {
            Batch::Percentage(share) => ("Percentage", u32::from(share)),
            Batch::Fixed(count) => ("Fixed", count),
        };
        settings.push(Setting::new(command, "BatchSizeType", kind));
        settings.push(Setting::new(command, "BatchSize", size));
    }
    if deployment.policy == Policy::TrafficSplitting {
        let namespace = "aws:elasticbeanstalk:trafficsplitting";
        let split = &deployment.traffic_split;
        let minutes = split.evaluation.as_secs() / 60;
        settings.push(Setting::new(
            namespace,
            "NewVersionPercent",
            split.percentage,
        ));
        settings.push(Setting::new(namespace, "EvaluationTime", minutes));
    }
    settings
}

fn health(project: &Project) -> Vec<Setting> {
    let process = "aws:elasticbeanstalk:environment:process:default";
    let health = &project.health;
    vec![
        // Without enhanced health nothing says which version an instance runs.
        Setting::new(
            "aws:elasticbeanstalk:healthreporting:system",
            "SystemType",
            "enhanced",
        ),
        Setting::new(process, "HealthCheckPath", &health.load_balancer_path),
        Setting::new(process, "HealthyThresholdCount", health.thresholds.healthy),
        Setting::new(
            process,
            "UnhealthyThresholdCount",
            health.thresholds.unhealthy,
        ),
        Setting::new(process, "MatcherHTTPCode", 200),
    ]
}

fn listeners(project: &Project) -> Vec<Setting> {
    let Some(certificate) = &project.load_balancer.certificate_arn else {
        return Vec::new();
    };
    let https = "aws:elbv2:listener:443";
    vec![
        Setting::new(https, "ListenerEnabled", true),
        Setting::new(https, "Protocol", "HTTPS"),
        Setting::new(https, "SSLCertificateArns", certificate),
    ]
}

fn logs() -> Vec<Setting> {
    let namespace = "aws:elasticbeanstalk:cloudwatch:logs";
    vec![
        Setting::new(namespace, "StreamLogs", true),
        // The log of a terminated environment is what an incident review needs.
        Setting::new(namespace, "DeleteOnTerminate", false),
        Setting::new(namespace, "RetentionInDays", LOG_DAYS),
    ]
}

/// What of the declared settings differs from those in force.
#[must_use]
pub fn differences(declared: &[Setting], in_force: &[OptionSetting]) -> Vec<FieldChange> {
    let in_force = values(in_force);
    declared
        .iter()
        .filter_map(|setting| {
            let from = value_of(&in_force, setting);
            (!holds(setting, from)).then(|| setting.change_from(from))
        })
        .collect()
}

/// Settings by their place, without those that have no value: AWS lists them as empty ones.
pub(crate) fn values(settings: &[OptionSetting]) -> BTreeMap<(&str, &str), &str> {
    settings
        .iter()
        .filter(|own| !own.value.is_empty())
        .map(|own| {
            (
                (own.namespace.as_str(), own.name.as_str()),
                own.value.as_str(),
            )
        })
        .collect()
}

/// The value in force of a setting.
pub(crate) fn value_of<'v>(
    in_force: &BTreeMap<(&str, &str), &'v str>,
    setting: &Setting,
) -> Option<&'v str> {
    let place = (setting.namespace.as_str(), setting.name.as_str());
    in_force.get(&place).copied()
}

/// True if what is in force is what the setting says.
pub(crate) fn holds(setting: &Setting, in_force: Option<&str>) -> bool {
    let place = (setting.namespace.as_str(), setting.name.as_str());
    match (&setting.value, in_force) {
        (Some(to), Some(from)) => spelling(place, to) == spelling(place, from),
        (Some(to), None) => to.is_empty(),
        (None, _) => false,
    }
}

/// The one spelling in which values are compared.
fn spelling((namespace, name): (&str, &str), value: &str) -> String {
    let items = || {
        value
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
    };
    match name {
        // What a variable holds is nobody's business: every character counts.
        _ if namespace == VARIABLES || namespace == SECRET_REFERENCES => value.to_owned(),
        "Subnets" | "ELBSubnets" | "SecurityGroups" | "SSLCertificateArns" => {
            let mut items: Vec<&str> = items().collect();
            items.sort_unstable();
            items.join(",")
        }
        // The order says which type is preferred.
        "InstanceTypes" => items().collect::<Vec<_>>().join(","),
        "ServiceRole" | "IamInstanceProfile" if value.starts_with("arn:") => {
            value.rsplit('/').next().unwrap_or(value).to_owned()
        }
        _ if value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false") => {
            value.to_ascii_lowercase()
        }
        _ => value.trim().to_owned(),
    }
}

/// True if a variable's name or value suggests that the value must not be shown: names of
/// credentials, and URLs that hold a password.
#[must_use]
pub fn looks_secret(name: &str, value: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let named = [
        "PASSWORD",
        "PASSWD",
        "SECRET",
        "TOKEN",
        "PRIVATE",
        "CREDENTIAL",
        "API_KEY",
    ]
    .iter()
    .any(|word| name.contains(word))
        || name.ends_with("_KEY")
        || name.ends_with("_DSN");
    let url_with_password = value
        .split_once("://")
        .and_then(|(_, rest)| rest.split('/').next())
        .and_then(|authority| authority.rsplit_once('@'))
        .is_some_and(|(user, _)| user.contains(':'));
    named || url_with_password
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
