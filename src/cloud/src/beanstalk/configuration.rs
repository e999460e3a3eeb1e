//! Option settings: what an environment is configured with.

use std::collections::BTreeMap;

use aws_sdk_elasticbeanstalk::types::{
    ConfigurationOptionSetting, ConfigurationSettingsDescription, OptionSpecification,
};
use beanpole_model::{ApplicationName, EnvironmentName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Beanstalk, SERVICE, named as object};
use crate::Error;
use crate::text::named;
use crate::time::timestamp;

/// One setting: namespace, name, value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OptionSetting {
    /// For example `aws:elasticbeanstalk:command`.
    pub namespace: String,
    /// For example `DeploymentPolicy`.
    pub name: String,
    /// The value; empty where AWS lists a setting without one.
    pub value: String,
}

impl OptionSetting {
    /// A setting from its three parts.
    #[must_use]
    pub fn new(
        namespace: impl Into<String>,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
            value: value.into(),
        }
    }
}

/// A setting's place without its value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OptionName {
    /// For example `aws:elasticbeanstalk:application:environment`.
    pub namespace: String,
    /// For example `DEBUG`.
    pub name: String,
}

impl OptionName {
    /// A place from its two parts.
    #[must_use]
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }
}

named!(
    /// Whether a set of settings is in force. While an update is under way, AWS lists two sets.
    SettingsState {
        /// In force.
        Deployed = "deployed",
        /// On its way.
        Pending = "pending",
        /// Its update failed.
        Failed = "failed",
    }
);

/// A set of settings of an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConfigurationSettings {
    /// Whether it is in force; `None` for sets that belong to no environment.
    pub state: Option<SettingsState>,
    /// The platform version's ARN.
    pub platform_arn: Option<String>,
    /// The settings, in the order of namespace and name. AWS lists its defaults too.
    pub settings: Vec<OptionSetting>,
    /// When it was changed last.
    pub updated: Option<Timestamp>,
}

named!(
    /// How grave AWS finds a fault in settings.
    ValidationSeverity {
        /// The settings cannot be used.
        Error = "error",
        /// The settings can be used, and something may not work.
        Warning = "warning",
    }
);

/// What AWS says about settings before they are used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ValidationMessage {
    /// How grave.
    pub severity: ValidationSeverity,
    /// AWS's words.
    pub message: String,
    /// The namespace of the setting at fault.
    pub namespace: Option<String>,
    /// The name of the setting at fault.
    pub name: Option<String>,
}

impl Beanstalk {
    /// The settings of an environment: one set, or two while a change is under way.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn settings(
        &self,
        application: &ApplicationName,
        environment: &EnvironmentName,
    ) -> Result<Vec<ConfigurationSettings>, Error> {
        let answer = self
            .client
            .describe_configuration_settings()
            .application_name(application.as_str())
            .environment_name(environment.as_str())
            .send()
            .await
            .map_err(SERVICE.failed("DescribeConfigurationSettings", object(environment)))?;
        Ok(answer
            .configuration_settings
            .unwrap_or_default()
            .into_iter()
            .map(from_sdk)
            .collect())
    }

    /// The values that options of an environment's platform have when nobody sets them, as far as
    /// AWS names any.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn option_defaults(
        &self,
        application: &ApplicationName,
        environment: &EnvironmentName,
    ) -> Result<BTreeMap<OptionName, String>, Error> {
        let answer = self
            .client
            .describe_configuration_options()
            .application_name(application.as_str())
            .environment_name(environment.as_str())
            .send()
            .await
            .map_err(SERVICE.failed("DescribeConfigurationOptions", object(environment)))?;
        let options = answer.options.unwrap_or_default().into_iter();
        Ok(options
            .filter_map(|option| {
                let place = OptionName::new(option.namespace?, option.name?);
                Some((place, option.default_value?))
            })
            .collect())
    }

    /// Has AWS check settings without using them. `environment` is the one that they are for, if it
    /// exists. An empty list means that AWS finds no fault.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn validate_settings(
        &self,
        application: &ApplicationName,
        environment: Option<&EnvironmentName>,
        settings: &[OptionSetting],
    ) -> Result<Vec<ValidationMessage>, Error> {
        let about = environment.map_or_else(|| format!("application `{application}`"), object);
        let answer = self
            .client
            .validate_configuration_settings()
            .application_name(application.as_str())
            .set_environment_name(environment.map(ToString::to_string))
            .set_option_settings(Some(to_sdk_settings(settings).unwrap_or_default()))
            .send()
            .await
            .map_err(SERVICE.failed("ValidateConfigurationSettings", about))?;
        let messages = answer.messages.unwrap_or_default().into_iter();
        Ok(messages
            .map(|message| ValidationMessage {
                severity: ValidationSeverity::parse(
                    message.severity.as_ref().map_or("", |own| own.as_str()),
                ),
                message: message.message.unwrap_or_default(),
                namespace: message.namespace,
                name: message.option_name,
            })
            .collect())
    }
}

fn from_sdk(set: ConfigurationSettingsDescription) -> ConfigurationSettings {
    let mut settings: Vec<OptionSetting> = set
        .option_settings
        .unwrap_or_default()
        .into_iter()
        .filter_map(|setting| {
            Some(OptionSetting {
                namespace: setting.namespace?,
                name: setting.option_name?,
                value: setting.value.unwrap_or_default(),
            })
        })
        .collect();
    settings.sort();
    ConfigurationSettings {
        state: set
            .deployment_status
            .as_ref()
            .map(|state| SettingsState::parse(state.as_str())),
        platform_arn: set.platform_arn,
        settings,
        updated: set.date_updated.as_ref().and_then(timestamp),
    }
}

pub(super) fn to_sdk_settings(
    settings: &[OptionSetting],
) -> Option<Vec<ConfigurationOptionSetting>> {
    let settings: Vec<_> = settings
        .iter()
        .map(|setting| {
            ConfigurationOptionSetting::builder()
                .namespace(&setting.namespace)
                .option_name(&setting.name)
                .value(&setting.value)
                .build()
        })
        .collect();
    (!settings.is_empty()).then_some(settings)
}

pub(super) fn to_sdk_names(names: &[OptionName]) -> Option<Vec<OptionSpecification>> {
    let names: Vec<_> = names
        .iter()
        .map(|name| {
            OptionSpecification::builder()
                .namespace(&name.namespace)
                .option_name(&name.name)
                .build()
        })
        .collect();
    (!names.is_empty()).then_some(names)
}
