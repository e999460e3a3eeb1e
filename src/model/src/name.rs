//! Names that cannot be swapped by accident and are valid once they exist.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why a name was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} `{value}` is not valid: {rule}")]
pub struct NameError {
    kind: &'static str,
    value: String,
    rule: &'static str,
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $kind:literal, $rule:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(
            Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
        )]
        #[serde(try_from = "String", into = "String")]
        #[schemars(with = "String")]
        pub struct $type(String);

        impl $type {
            /// Checks and wraps a name.
            ///
            /// # Errors
            /// [`NameError`] with the rule that is broken.
            pub fn new(value: impl Into<String>) -> Result<Self, NameError> {
                let value = value.into();
                let valid: fn(&str) -> bool = $valid;
                if valid(&value) {
                    Ok(Self(value))
                } else {
                    Err(NameError { kind: $kind, value, rule: $rule })
                }
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = NameError;
            fn from_str(value: &str) -> Result<Self, NameError> {
                Self::new(value)
            }
        }

        impl TryFrom<String> for $type {
            type Error = NameError;
            fn try_from(value: String) -> Result<Self, NameError> {
                Self::new(value)
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.0
            }
        }
    };
}

name!(
    /// A Beanstalk application: 1 to 100 characters, no slash (API reference, CreateApplication).
    ApplicationName,
    "application name",
    "1 to 100 characters without `/`",
    |value| (1..=100).contains(&value.chars().count()) && !value.contains('/')
);

name!(
    /// A Beanstalk environment: 4 to 40 letters, digits and hyphens, no hyphen at either end (API
    /// reference, CreateEnvironment).
    EnvironmentName,
    "environment name",
    "4 to 40 letters, digits and hyphens, with no hyphen at either end",
    |value| (4..=40).contains(&value.len())
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !value.starts_with('-')
        && !value.ends_with('-')
);

name!(
    /// A version label: 1 to 100 characters, no slash (API reference, CreateApplicationVersion).
    VersionLabel,
    "version label",
    "1 to 100 characters without `/`",
    |value| (1..=100).contains(&value.chars().count()) && !value.contains('/')
);

name!(
    /// An AWS region: `ap-south-1`.
    Region,
    "region",
    "lower-case letters, digits and hyphens, such as `eu-central-1`",
    |value| value.len() >= 5
        && value.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'
        })
        && value.contains('-')
);

name!(
    /// An AWS account id: 12 digits.
    AccountId,
    "account id",
    "12 digits",
    |value| value.len() == 12 && value.bytes().all(|byte| byte.is_ascii_digit())
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn environment_names_follow_the_api() {
        for good in ["prod", "prod-env", "Blog-2"] {
            assert!(EnvironmentName::new(good).is_ok(), "{good}");
        }
        let long = "a".repeat(41);
        for bad in ["abc", "-prod", "prod-", "prod_env", long.as_str(), ""] {
            assert!(EnvironmentName::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_refused_name_says_which_rule() {
        assert_eq!(
            AccountId::new("12345").unwrap_err().to_string(),
            "account id `12345` is not valid: 12 digits"
        );
    }

    #[test]
    fn deserialising_checks_too() {
        assert!(serde_json::from_str::<Region>("\"EU\"").is_err());
    }
}
