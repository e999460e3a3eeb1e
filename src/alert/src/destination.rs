//! Where announcements go, and how that is found out.

use std::fmt;

use beanpole_model::{Environment, Secret};
use url::{Host, Url};

use crate::error::Error;

/// The Slack Web API. Tests and rehearsals name another one.
pub const DEFAULT_API_URL: &str = "https://slack.com/api";

const ADDRESS_RULE: &str = "it must be an https:// URL (http:// only on this machine)";

/// A place in Slack that takes messages.
#[derive(Clone, PartialEq, Eq)]
pub enum Destination {
    /// An incoming webhook. Its channel is fixed, and its messages cannot be changed later.
    Webhook {
        /// The whole address; a secret, for whoever has it may post.
        url: Secret,
    },
    /// A bot, which posts to a channel and changes its message as the release goes on.
    Bot {
        /// The bot token (`xoxb-…`, scope `chat:write`).
        token: Secret,
        /// The channel: an id (`C0123456789`) or a name (`#releases`).
        channel: String,
        /// The API's address without a slash at its end.
        api_url: String,
    },
}

impl fmt::Debug for Destination {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Webhook { .. } => formatter.write_str("Webhook"),
            Self::Bot { channel, .. } => write!(formatter, "Bot({channel})"),
        }
    }
}

/// The names under which the environment holds Slack's secrets. The manifest gives names, never
/// values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// The variable with the bot token; `SLACK_BOT_TOKEN` unless the manifest says otherwise.
    pub token: String,
    /// The variable with the webhook's URL; `SLACK_WEBHOOK_URL` unless the manifest says otherwise.
    pub webhook_url: String,
}

impl Default for Names {
    fn default() -> Self {
        Self {
            token: "SLACK_BOT_TOKEN".to_owned(),
            webhook_url: "SLACK_WEBHOOK_URL".to_owned(),
        }
    }
}

impl Destination {
    /// Finds the destination in the environment: the bot if its token is set, because it can change
    /// its message; else the webhook; `None` if neither variable is set. `api_url` replaces
    /// [`DEFAULT_API_URL`].
    ///
    /// # Errors
    /// A token without a channel, or an address that cannot be used.
    pub fn find(
        environment: &Environment,
        names: &Names,
        channel: Option<&str>,
        api_url: Option<&str>,
    ) -> Result<Option<Self>, Error> {
        if let Some(token) = environment.get(&names.token) {
            let Some(channel) = channel else {
                return Err(Error::NoChannel {
                    token_variable: names.token.clone(),
                });
            };
            let token_is_plain = token.trim().bytes().all(|byte| byte.is_ascii_graphic());
            if !token_is_plain {
                return Err(Error::Token {
                    token_variable: names.token.clone(),
                });
            }
            let bot = Self::bot(Secret::new(token.trim()), channel, api_url)?;
            return Ok(Some(bot));
        }
        environment
            .get(&names.webhook_url)
            .map(|url| Self::webhook(Secret::new(url.trim()), &names.webhook_url))
            .transpose()
    }

    /// A bot's channel. `api_url` replaces [`DEFAULT_API_URL`].
    ///
    /// # Errors
    /// [`Error::Address`] if the API's address cannot be used.
    pub fn bot(
        token: Secret,
        channel: impl Into<String>,
        api_url: Option<&str>,
    ) -> Result<Self, Error> {
        let api_url = api_url.unwrap_or(DEFAULT_API_URL).trim_end_matches('/');
        check(api_url, "api_url")?;
        Ok(Self::Bot {
            token,
            channel: channel.into(),
            api_url: api_url.to_owned(),
        })
    }

    /// A webhook. `setting` says in errors where the address came from.
    ///
    /// # Errors
    /// [`Error::Address`] if the address cannot be used.
    pub fn webhook(url: Secret, setting: &str) -> Result<Self, Error> {
        check(url.expose(), setting)?;
        Ok(Self::Webhook { url })
    }

    /// True if a message can be changed after it was sent.
    #[must_use]
    pub const fn can_update(&self) -> bool {
        matches!(self, Self::Bot { .. })
    }

    /// The secret of this destination, for a scrubber to learn.
    #[must_use]
    pub const fn secret(&self) -> &Secret {
        match self {
            Self::Webhook { url } => url,
            Self::Bot { token, .. } => token,
        }
    }

    /// True if the other end is on this machine: a rehearsal or a test. No proxy stands in between.
    #[must_use]
    pub fn is_local(&self) -> bool {
        let address = match self {
            Self::Webhook { url } => url.expose(),
            Self::Bot { api_url, .. } => api_url,
        };
        is_on_this_machine(address)
    }
}

/// True if the other end is on this machine.
pub(crate) fn is_on_this_machine(address: &str) -> bool {
    Url::parse(address).is_ok_and(|url| is_loopback(&url))
}

/// True if a secret may travel to the address: encrypted, or within this machine.
pub(crate) fn is_usable(address: &str) -> bool {
    check(address, "").is_ok()
}

/// The address carries a secret, so it must be encrypted unless it stays on this machine.
fn check(address: &str, setting: &str) -> Result<(), Error> {
    let refused = || Error::Address {
        setting: setting.to_owned(),
        rule: ADDRESS_RULE,
    };
    let url = Url::parse(address).map_err(|_| refused())?;
    match url.scheme() {
        "https" if url.has_host() => Ok(()),
        "http" if is_loopback(&url) => Ok(()),
        _ => Err(refused()),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use beanpole_model::Problem as _;

    use super::*;

    const WEBHOOK: &str = "https://hooks.slack.com/services/T0/B0/planted-secret";

    #[test]
    fn the_bot_goes_before_the_webhook() {
        let both: Environment = [
            ("SLACK_BOT_TOKEN", "xoxb-1"),
            ("SLACK_WEBHOOK_URL", WEBHOOK),
        ]
        .into_iter()
        .collect();
        let names = Names::default();
        let found = Destination::find(&both, &names, Some("#releases"), None)
            .unwrap()
            .unwrap();
        assert!(found.can_update());
        let one: Environment = [("SLACK_WEBHOOK_URL", WEBHOOK)].into_iter().collect();
        let found = Destination::find(&one, &names, None, None)
            .unwrap()
            .unwrap();
        assert!(!found.can_update());
        let none = Environment::default();
        assert_eq!(
            Destination::find(&none, &names, Some("#releases"), None).unwrap(),
            None
        );
    }

    #[test]
    fn a_token_needs_a_channel_and_must_be_plain() {
        let token: Environment = [("SLACK_BOT_TOKEN", "xoxb-1")].into_iter().collect();
        let names = Names::default();
        let error = Destination::find(&token, &names, None, None).unwrap_err();
        assert!(matches!(error, Error::NoChannel { .. }), "{error}");
        assert!(error.hint().unwrap().contains("alerts.slack.channel"));
        let broken: Environment = [("SLACK_BOT_TOKEN", "xoxb-1\nplanted")]
            .into_iter()
            .collect();
        let error = Destination::find(&broken, &names, Some("#r"), None).unwrap_err();
        assert!(matches!(error, Error::Token { .. }), "{error}");
        assert!(!error.summary().contains("planted"));
    }

    #[test]
    fn a_secret_travels_encrypted_or_not_at_all() {
        for good in [
            WEBHOOK,
            "http://127.0.0.1:8080/x",
            "http://slack.localhost:1/x",
        ] {
            assert!(
                Destination::webhook(Secret::new(good), "W").is_ok(),
                "{good}"
            );
        }
        for bad in [
            "http://hooks.slack.com/planted-secret",
            "planted-secret",
            "file:///planted",
        ] {
            let error = Destination::webhook(Secret::new(bad), "W").unwrap_err();
            assert!(
                !format!("{error:?} {}", error.summary()).contains("planted"),
                "{bad}"
            );
        }
        assert!(Destination::bot(Secret::new("x"), "#r", Some("http://example.com")).is_err());
    }

    #[test]
    fn debug_output_holds_no_secret() {
        let webhook = Destination::webhook(Secret::new(WEBHOOK), "W").unwrap();
        let bot = Destination::bot(Secret::new("xoxb-planted"), "#r", None).unwrap();
        assert!(!format!("{webhook:?} {bot:?}").contains("planted"));
    }
}
