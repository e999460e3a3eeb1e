//! How to reach AWS: who we are, where, and through which door.
//!
//! Order of preference, each for itself: what is set here, then the environment that was handed in,
//! then the SDK's default chain (profile files, SSO, OIDC web identity, instance roles). The chain
//! reads the process environment by itself.

use beanpole_model::{Environment, Pace, Region, Secret};

/// The default for [`Settings::maximum_attempts`]: one request and five repeats, about 15 seconds of
/// patience with a throttling AWS.
pub(crate) const DEFAULT_ATTEMPTS: u32 = 6;

/// A role to take on before anything else is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssumeRole {
    /// The role's ARN.
    pub arn: String,
    /// The name under which the session shows in CloudTrail.
    pub session_name: String,
    /// The external id that the role's trust policy asks for, if it does.
    pub external_id: Option<String>,
}

/// Everything that decides how AWS is reached.
#[derive(Clone, Debug)]
pub struct Settings {
    /// A profile of the shared configuration files; `None` takes `AWS_PROFILE`, then `default`.
    pub profile: Option<String>,
    /// The region; `None` takes `AWS_REGION`, `AWS_DEFAULT_REGION`, then the profile's.
    pub region: Option<Region>,
    /// Another address for all services: a rehearsal, a test server; `None` takes
    /// `AWS_ENDPOINT_URL`, then AWS itself.
    pub endpoint_url: Option<String>,
    /// A role to assume with the credentials found.
    pub assume_role: Option<AssumeRole>,
    /// Access key id, secret access key and session token. With them no other source of credentials
    /// is asked. For rehearsals and tests.
    pub static_credentials: Option<(String, Secret, Option<Secret>)>,
    /// The process environment as read at the edge.
    pub environment: Environment,
    /// How often a request is sent at most, the first time included; at least 1.
    pub maximum_attempts: u32,
    /// How fast the other side's clock runs: pauses between attempts shrink with it.
    pub pace: Pace,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            profile: None,
            region: None,
            endpoint_url: None,
            assume_role: None,
            static_credentials: None,
            environment: Environment::default(),
            maximum_attempts: DEFAULT_ATTEMPTS,
            pace: Pace::AWS,
        }
    }
}

impl Settings {
    /// The profile in use, if one was chosen.
    #[must_use]
    pub fn profile(&self) -> Option<&str> {
        self.profile
            .as_deref()
            .or_else(|| self.environment.get("AWS_PROFILE"))
    }

    /// The region chosen by the caller or the environment, as text: the environment's may be
    /// anything.
    pub(crate) fn region_text(&self) -> Option<&str> {
        self.region
            .as_ref()
            .map(Region::as_str)
            .or_else(|| self.environment.get("AWS_REGION"))
            .or_else(|| self.environment.get("AWS_DEFAULT_REGION"))
    }

    /// The endpoint chosen by the caller or the environment.
    pub(crate) fn endpoint(&self) -> Option<&str> {
        self.endpoint_url
            .as_deref()
            .or_else(|| self.environment.get("AWS_ENDPOINT_URL"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_wins_over_the_environment() {
        let environment: Environment = [
            ("AWS_PROFILE", "from-environment"),
            ("AWS_DEFAULT_REGION", "eu-west-1"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
        ]
        .into_iter()
        .collect();
        let mut settings = Settings {
            environment,
            ..Settings::default()
        };
        assert_eq!(settings.profile(), Some("from-environment"));
        assert_eq!(settings.region_text(), Some("eu-west-1"));
        assert_eq!(settings.endpoint(), Some("http://127.0.0.1:1"));
        settings.profile = Some("mine".to_owned());
        settings.region = Some(Region::new("ap-south-1").unwrap());
        settings.endpoint_url = Some("http://127.0.0.1:2".to_owned());
        assert_eq!(settings.profile(), Some("mine"));
        assert_eq!(settings.region_text(), Some("ap-south-1"));
        assert_eq!(settings.endpoint(), Some("http://127.0.0.1:2"));
    }
}
