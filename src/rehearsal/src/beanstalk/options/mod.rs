//! Option settings: kept, merged, validated. Pure.

mod table;

use std::collections::BTreeMap;

pub(crate) use table::{FREE_NAMESPACES, KNOWN, Kind, Known};
use winterbaume_elasticbeanstalk::model::{ConfigurationOptionSetting, OptionSpecification};

/// The namespace of plain environment variables.
pub(crate) const VARIABLES: &str = "aws:elasticbeanstalk:application:environment";
/// The namespace of environment variables that refer to secrets.
pub(crate) const SECRETS: &str = "aws:elasticbeanstalk:application:environmentsecrets";
/// The process that the load balancer checks and sends requests to.
pub(crate) const DEFAULT_PROCESS: &str = "aws:elasticbeanstalk:environment:process:default";

/// All plain variables together, names and values (developer guide, "eb setenv").
const MOST_VARIABLE_BYTES: usize = 4096;

/// Which option.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) resource: Option<String>,
}

/// Options that someone set, without the defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Settings {
    values: BTreeMap<Key, String>,
}

impl Settings {
    /// The value of an option: what was set, else its default.
    pub(crate) fn get(&self, namespace: &str, name: &str) -> Option<&str> {
        let key = Key {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            resource: None,
        };
        match self.values.get(&key) {
            Some(value) => Some(value),
            None => known(namespace, name).and_then(|known| known.default),
        }
    }

    /// True if the option has this value, by setting or by default.
    pub(crate) fn is(&self, namespace: &str, name: &str, value: &str) -> bool {
        self.get(namespace, name)
            .is_some_and(|found| found.eq_ignore_ascii_case(value))
    }

    #[cfg(test)]
    pub(crate) fn set(&mut self, namespace: &str, name: &str, value: &str) {
        let key = Key {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            resource: None,
        };
        self.values.insert(key, value.to_owned());
    }

    /// These settings with others laid over them and some taken out. An option that is both set and
    /// removed is set.
    pub(crate) fn changed(
        &self,
        set: &[ConfigurationOptionSetting],
        remove: &[OptionSpecification],
    ) -> Self {
        let mut values = self.values.clone();
        for option in remove {
            values.retain(|key, _| !specifies(option, key));
        }
        for option in set {
            if let (Some(namespace), Some(name)) = (&option.namespace, &option.option_name) {
                let key = Key {
                    namespace: namespace.clone(),
                    name: name.clone(),
                    resource: option.resource_name.clone(),
                };
                values.insert(key, option.value.clone().unwrap_or_default());
            }
        }
        Self { values }
    }

    /// What was set in a namespace.
    pub(crate) fn namespace(&self, namespace: &str) -> impl Iterator<Item = (&str, &str)> {
        self.values
            .iter()
            .filter(move |(key, _)| key.namespace == namespace)
            .map(|(key, value)| (key.name.as_str(), value.as_str()))
    }

    /// Everything that was set, and every default of a fixed namespace that was not.
    pub(crate) fn effective(&self) -> Vec<(Key, Option<String>)> {
        let mut all: BTreeMap<Key, Option<String>> = KNOWN
            .iter()
            .filter_map(|option| {
                let namespace = match option.namespace {
                    "aws:elasticbeanstalk:environment:process:*" => DEFAULT_PROCESS,
                    "aws:elbv2:listener:*" => "aws:elbv2:listener:default",
                    wild if wild.ends_with('*') => return None,
                    namespace => namespace,
                };
                let key = Key {
                    namespace: namespace.to_owned(),
                    name: option.name.to_owned(),
                    resource: None,
                };
                Some((key, option.default.map(ToOwned::to_owned)))
            })
            // Scheduled actions and a coupled database exist only once they are set.
            .filter(|(key, _)| {
                key.namespace != "aws:autoscaling:scheduledaction"
                    && key.namespace != "aws:rds:dbinstance"
                    && key.namespace != "aws:elasticbeanstalk:sqsd"
            })
            .collect();
        all.extend(
            self.values
                .iter()
                .map(|(key, value)| (key.clone(), Some(value.clone()))),
        );
        all.into_iter().collect()
    }

    /// A comma-separated option as a list without empty parts.
    pub(crate) fn list(&self, namespace: &str, name: &str) -> Vec<String> {
        self.get(namespace, name)
            .unwrap_or_default()
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(ToOwned::to_owned)
            .collect()
    }

    /// How many instances the environment starts with and keeps at least.
    pub(crate) fn least_instances(&self) -> usize {
        self.size("MinSize", 1)
    }

    /// How many instances it has at most.
    pub(crate) fn most_instances(&self) -> usize {
        self.size("MaxSize", 4).max(self.least_instances())
    }

    fn size(&self, name: &str, default: usize) -> usize {
        if self.is(
            "aws:elasticbeanstalk:environment",
            "EnvironmentType",
            "SingleInstance",
        ) {
            return 1;
        }
        self.get("aws:autoscaling:asg", name)
            .and_then(|text| text.parse().ok())
            .unwrap_or(default)
    }

    /// True if the environment reports enhanced health. The API's default is basic.
    pub(crate) fn enhanced_health(&self) -> bool {
        self.is(
            "aws:elasticbeanstalk:healthreporting:system",
            "SystemType",
            "enhanced",
        )
    }

    /// The path of the load balancer's health check.
    pub(crate) fn health_path(&self) -> String {
        let classic = self
            .get(
                "aws:elasticbeanstalk:application",
                "Application Healthcheck URL",
            )
            .and_then(|url| url.find('/').and_then(|slash| url.get(slash..)));
        let process = self
            .get(DEFAULT_PROCESS, "HealthCheckPath")
            .filter(|path| *path != "/");
        process.or(classic).unwrap_or("/").to_owned()
    }

    /// The first instance type.
    pub(crate) fn instance_type(&self) -> String {
        let set = |namespace: &str, name: &str| {
            self.namespace(namespace)
                .find(|(found, _)| *found == name)
                .and_then(|(_, value)| value.split(',').next())
                .map(|first| first.trim().to_owned())
                .filter(|first| !first.is_empty())
        };
        set("aws:ec2:instances", "InstanceTypes")
            .or_else(|| set("aws:autoscaling:launchconfiguration", "InstanceType"))
            .unwrap_or_else(|| "t3.micro".to_owned())
    }
}

fn specifies(option: &OptionSpecification, key: &Key) -> bool {
    option.namespace.as_deref() == Some(key.namespace.as_str())
        && option.option_name.as_deref() == Some(key.name.as_str())
        && (option.resource_name.is_none() || option.resource_name == key.resource)
}

/// The option of that name, if Beanstalk knows it.
pub(crate) fn known(namespace: &str, name: &str) -> Option<&'static Known> {
    // A namespace of its own goes before one with a star: `aws:elb:listener` before `aws:elb:listener:*`.
    KNOWN
        .iter()
        .filter(|known| covers(known.namespace, namespace) && known.name == name)
        .min_by_key(|known| known.namespace.ends_with('*'))
}

fn covers(pattern: &str, namespace: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => namespace.len() > start.len() && namespace.starts_with(start),
        None => pattern == namespace,
    }
}

/// A setting that is not valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Invalid {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) message: String,
}

/// What is wrong with `set`, which would lead to `result`. Empty if nothing is.
pub(crate) fn validate(set: &[ConfigurationOptionSetting], result: &Settings) -> Vec<Invalid> {
    let mut found: Vec<Invalid> = set.iter().filter_map(validate_one).collect();
    let bytes: usize = result
        .namespace(VARIABLES)
        .map(|(name, value)| name.len() + value.len())
        .sum();
    if bytes > MOST_VARIABLE_BYTES {
        found.push(Invalid {
            namespace: VARIABLES.to_owned(),
            name: String::new(),
            message: format!(
                "The environment variables together take {bytes} bytes. The limit is \
                 {MOST_VARIABLE_BYTES} bytes."
            ),
        });
    }
    if result.least_instances() > result.size("MaxSize", 4) {
        found.push(Invalid {
            namespace: "aws:autoscaling:asg".to_owned(),
            name: "MinSize".to_owned(),
            message: "Invalid option value: MinSize must not be greater than MaxSize.".to_owned(),
        });
    }
    found
}

fn validate_one(setting: &ConfigurationOptionSetting) -> Option<Invalid> {
    let namespace = setting.namespace.clone().unwrap_or_default();
    let name = setting.option_name.clone().unwrap_or_default();
    let value = setting.value.as_deref().unwrap_or_default();
    let place = format!("(Namespace: '{namespace}', OptionName: '{name}')");
    if FREE_NAMESPACES.iter().any(|free| covers(free, &namespace)) {
        let message = validate_free(&namespace, &name, value, &place)?;
        return Some(Invalid {
            namespace,
            name,
            message,
        });
    }
    let message = match known(&namespace, &name) {
        None => format!("Invalid option specification {place}: Unknown configuration setting."),
        // An empty value takes the setting back.
        Some(_) if value.is_empty() => return None,
        Some(known) => {
            let rule = broken_rule(known.kind, value)?;
            format!("Invalid option value: '{value}' {place}: {rule}")
        }
    };
    Some(Invalid {
        namespace,
        name,
        message,
    })
}

fn validate_free(namespace: &str, name: &str, value: &str, place: &str) -> Option<String> {
    if namespace == SECRETS && !value.is_empty() {
        let arn = ["arn:aws:secretsmanager:", "arn:aws:ssm:"];
        if !arn.iter().any(|start| value.starts_with(start)) {
            return Some(format!(
                "Invalid option value: {place}: Value is not the ARN of a secret or a parameter."
            ));
        }
    }
    if (namespace == SECRETS || namespace == VARIABLES) && name.len() > 128 {
        return Some(format!(
            "Invalid option specification {place}: The name is too long."
        ));
    }
    None
}

fn broken_rule(kind: Kind, value: &str) -> Option<String> {
    match kind {
        Kind::Text | Kind::List => None,
        Kind::Flag if matches!(value.to_ascii_lowercase().as_str(), "true" | "false") => None,
        Kind::Flag => Some("Value is not one of the allowed values: [true, false]".to_owned()),
        Kind::OneOf(allowed) if allowed.iter().any(|one| one.eq_ignore_ascii_case(value)) => None,
        Kind::OneOf(allowed) => Some(format!(
            "Value is not one of the allowed values: [{}]",
            allowed.join(", ")
        )),
        Kind::Number(least, most) => match value.parse::<i32>() {
            Err(_) => Some("Value is not a number".to_owned()),
            Ok(number) if number < least => {
                Some(format!("Value is less than minimum allowed value: {least}"))
            }
            Ok(number) if number > most => Some(format!(
                "Value is greater than maximum allowed value: {most}"
            )),
            Ok(_) => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(namespace: &str, name: &str, value: &str) -> ConfigurationOptionSetting {
        ConfigurationOptionSetting {
            namespace: Some(namespace.to_owned()),
            option_name: Some(name.to_owned()),
            value: Some(value.to_owned()),
            resource_name: None,
        }
    }

    fn problems(set: &[ConfigurationOptionSetting]) -> Vec<String> {
        let result = Settings::default().changed(set, &[]);
        validate(set, &result)
            .into_iter()
            .map(|invalid| invalid.message)
            .collect()
    }

    #[test]
    fn defaults_show_through_until_a_value_is_set_and_again_when_it_is_removed() {
        let asg = "aws:autoscaling:asg";
        let mut settings = Settings::default();
        assert_eq!(settings.get(asg, "MaxSize"), Some("4"));
        settings.set(asg, "MaxSize", "6");
        assert_eq!(settings.most_instances(), 6);
        let removal = OptionSpecification {
            namespace: Some(asg.to_owned()),
            option_name: Some("MaxSize".to_owned()),
            resource_name: None,
        };
        assert_eq!(settings.changed(&[], &[removal]).most_instances(), 4);
    }

    #[test]
    fn unknown_options_and_values_are_refused_in_aws_words() {
        let found = problems(&[
            setting("aws:autoscaling:asg", "MaxSice", "6"),
            setting("aws:elasticbeanstalk:command", "DeploymentPolicy", "Slow"),
            setting("aws:elasticbeanstalk:command", "Timeout", "7200"),
        ]);
        assert_eq!(
            found[0],
            "Invalid option specification (Namespace: 'aws:autoscaling:asg', OptionName: \
             'MaxSice'): Unknown configuration setting."
        );
        assert!(found[1].ends_with(
            "[AllAtOnce, Rolling, RollingWithAdditionalBatch, Immutable, TrafficSplitting]"
        ));
        assert!(found[2].ends_with("greater than maximum allowed value: 3600"));
    }

    #[test]
    fn names_are_free_where_the_user_chooses_them() {
        assert_eq!(
            problems(&[
                setting(VARIABLES, "DEBUG", "0"),
                setting("aws:elbv2:listener:443", "Protocol", "HTTPS"),
                setting(
                    "aws:elasticbeanstalk:environment:process:web",
                    "Port",
                    "8000"
                ),
                setting("aws:elb:listener", "InstancePort", "80"),
                setting(
                    SECRETS,
                    "KEY",
                    "arn:aws:secretsmanager:eu-central-1:1:secret:a-b"
                ),
            ]),
            Vec::<String>::new()
        );
        assert_eq!(problems(&[setting(SECRETS, "KEY", "plain")]).len(), 1);
    }

    #[test]
    fn variables_have_a_limit_together() {
        let values: Vec<_> = (0..41)
            .map(|index| setting(VARIABLES, &format!("VARIABLE{index:02}"), &"x".repeat(90)))
            .collect();
        assert_eq!(problems(&values[..40]), Vec::<String>::new());
        assert!(problems(&values)[0].contains("4096 bytes"));
    }

    #[test]
    fn more_at_least_than_at_most_is_refused() {
        assert_eq!(
            problems(&[setting("aws:autoscaling:asg", "MinSize", "5")]).len(),
            1
        );
    }

    #[test]
    fn the_health_path_comes_from_either_namespace() {
        let mut settings = Settings::default();
        assert_eq!(settings.health_path(), "/");
        settings.set(
            "aws:elasticbeanstalk:application",
            "Application Healthcheck URL",
            "HTTP:80/up",
        );
        assert_eq!(settings.health_path(), "/up");
        settings.set(DEFAULT_PROCESS, "HealthCheckPath", "/ht/");
        assert_eq!(settings.health_path(), "/ht/");
    }

    #[test]
    fn the_first_instance_type_counts() {
        let mut settings = Settings::default();
        assert_eq!(settings.instance_type(), "t3.micro");
        settings.set("aws:ec2:instances", "InstanceTypes", " t3.small, t3.medium");
        assert_eq!(settings.instance_type(), "t3.small");
    }
}
