//! Why a message did not reach Slack, and what to do about it.
//!
//! Rules: no variant holds the token, the webhook's URL, or text of an answer that is not one of
//! Slack's own error codes. The transport's errors would quote the URL: it is taken out.

use std::time::Duration;

use beanpole_model::{ExitCode, Problem};

/// Why a message was not delivered, or why a destination is not usable.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address of the webhook or of the API is not usable. It is not repeated here, because a
    /// webhook's address is a secret.
    #[error("the address in {setting} is not usable: {rule}")]
    Address {
        /// Where the address came from: the name of a variable or of a key.
        setting: String,
        /// What an address must be like.
        rule: &'static str,
    },
    /// A token is there but no channel to post to.
    #[error("the Slack token in {token_variable} needs a channel, and the manifest names none")]
    NoChannel {
        /// The variable that holds the token.
        token_variable: String,
    },
    /// The token holds characters that no HTTP header can carry, such as a line break.
    #[error("the Slack token in {token_variable} holds characters that a token cannot have")]
    Token {
        /// The variable that holds the token.
        token_variable: String,
    },
    /// The HTTP client could not be set up.
    #[error("the HTTP client for Slack could not be set up")]
    Client(#[source] reqwest::Error),
    /// Slack was not reached, or the connection broke.
    #[error("Slack was not reached ({doing})")]
    Network {
        /// The method: `chat.update`, `webhook`.
        doing: &'static str,
        /// The transport's error, without the URL.
        #[source]
        source: reqwest::Error,
    },
    /// No answer came in time.
    #[error("Slack did not answer {doing} within {time:?}")]
    NoAnswer {
        /// The method.
        doing: &'static str,
        /// How long was waited for.
        time: Duration,
    },
    /// Slack asked for a longer pause than there is time for.
    #[error("Slack asks for a pause of {} s before the next {doing}", .pause.as_secs())]
    RateLimited {
        /// The method.
        doing: &'static str,
        /// The pause that was asked for.
        pause: Duration,
    },
    /// Slack itself has trouble (HTTP 5xx, or an error code that says so).
    #[error("Slack has trouble with {doing}: {answer}")]
    Trouble {
        /// The method.
        doing: &'static str,
        /// The HTTP status or Slack's error code.
        answer: String,
    },
    /// Slack refused the message. Repeating it would not help.
    #[error("Slack refused {doing}: {code}")]
    Refused {
        /// The method.
        doing: &'static str,
        /// Slack's error code, or the HTTP status if there was none: `invalid_auth`, `HTTP 404`.
        code: String,
        /// What Slack says about the fault in the message, if anything.
        messages: Vec<String>,
    },
    /// The answer is not one of Slack's: a page of a proxy, perhaps.
    #[error("the answer to {doing} is not from Slack's API: HTTP {status}, {content}")]
    NotSlack {
        /// The method.
        doing: &'static str,
        /// The HTTP status.
        status: u16,
        /// The kind of content: `text/html, 512 bytes`.
        content: String,
    },
}

impl Error {
    /// True if the same request may work a little later.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Network { .. }
                | Self::NoAnswer { .. }
                | Self::RateLimited { .. }
                | Self::Trouble { .. }
        )
    }

    /// True if the message that should be changed is not there (any more), or may not be changed, so
    /// that a new one has to be posted.
    #[must_use]
    pub fn asks_for_a_new_message(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if matches!(
            code.as_str(),
            "message_not_found" | "cant_update_message" | "edit_window_closed"
                | "thread_not_found" | "cannot_reply_to_message"
        ))
    }

    /// True if the fault is the destination's, so that no other message will get through either:
    /// anything that is neither passing nor about one particular message.
    #[must_use]
    pub fn is_final(&self) -> bool {
        let about_this_message = matches!(self, Self::Refused { code, .. } if matches!(
            code.as_str(),
            "invalid_blocks" | "invalid_blocks_format" | "msg_blocks_too_long" | "msg_too_long"
                | "no_text" | "invalid_payload" | "invalid_arguments"
        ));
        !self.is_passing() && !self.asks_for_a_new_message() && !about_this_message
    }

    /// One line with the causes: what a [`crate::Delivery`] shows.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut summary = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            summary.push_str(": ");
            summary.push_str(&error.to_string());
            cause = error.source();
        }
        summary
    }
}

impl Problem for Error {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Address { .. } | Self::NoChannel { .. } | Self::Token { .. } => ExitCode::Usage,
            Self::Refused { code, .. } if is_about_credentials(code) => ExitCode::Credentials,
            Self::Client(_)
            | Self::Network { .. }
            | Self::NoAnswer { .. }
            | Self::RateLimited { .. }
            | Self::Trouble { .. }
            | Self::Refused { .. }
            | Self::NotSlack { .. } => ExitCode::Outside,
        }
    }

    fn details(&self) -> Vec<String> {
        match self {
            Self::Refused { messages, .. } => messages.clone(),
            _ => Vec::new(),
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Address { .. } => {
                "Copy the webhook's URL again from the Slack app's page `Incoming Webhooks`; it \
                 starts with https://hooks.slack.com/."
            }
            Self::NoChannel { .. } => {
                "Set `alerts.slack.channel` in `beanpole.yaml`, or use an incoming webhook."
            }
            Self::Token { .. } => {
                "Copy the token again from the Slack app's page `OAuth & Permissions`."
            }
            Self::Client(_) => "Install the machine's CA certificates (package ca-certificates).",
            Self::Network { .. } | Self::NoAnswer { .. } => {
                "Check the way to slack.com from here (proxy, firewall), then run `beanpole alert \
                 test`."
            }
            Self::RateLimited { .. } => {
                "Other senders use up the same limit (about one message a second and channel)."
            }
            Self::Trouble { .. } => "See https://slack-status.com.",
            Self::NotSlack { .. } => {
                "Something between here and Slack answered instead: check the proxy, and \
                 `api_url` if it is set."
            }
            Self::Refused { code, .. } => return refusal_hint(code).map(str::to_owned),
        };
        Some(hint.to_owned())
    }
}

fn is_about_credentials(code: &str) -> bool {
    matches!(
        code,
        "invalid_auth"
            | "not_authed"
            | "token_revoked"
            | "token_expired"
            | "account_inactive"
            | "missing_scope"
            | "no_permission"
            | "invalid_token"
            | "not_allowed_token_type"
            | "ekm_access_denied"
            | "access_denied"
            | "HTTP 401"
            | "HTTP 403"
    )
}

/// What to do about Slack's error codes (API reference of `chat.postMessage` and of incoming
/// webhooks).
fn refusal_hint(code: &str) -> Option<&'static str> {
    Some(match code {
        "invalid_auth"
        | "not_authed"
        | "token_revoked"
        | "token_expired"
        | "account_inactive"
        | "not_allowed_token_type" => {
            "Give the variable a valid bot token (it starts with `xoxb-`), then run `beanpole alert \
             test`."
        }
        "missing_scope" | "no_permission" => {
            "Add the scope `chat:write` to the Slack app and install it again."
        }
        "channel_not_found" => {
            "Check `alerts.slack.channel`; for a private channel invite the bot first: `/invite \
             @<bot>`."
        }
        "not_in_channel" | "cant_post_message" => {
            "Invite the bot to the channel: `/invite @<bot>`, or add the scope `chat:write.public`."
        }
        "is_archived" | "channel_is_archived" => {
            "The channel is archived: name another one in `alerts.slack.channel`."
        }
        "restricted_action"
        | "restricted_action_read_only_channel"
        | "posting_to_general_channel_denied"
        | "action_prohibited" => {
            "The workspace's rules forbid posts there: ask its owner, or name another channel."
        }
        "invalid_token" | "no_service" | "no_service_id" | "no_team" | "team_disabled"
        | "HTTP 404" | "HTTP 410" | "HTTP 403" => {
            "The webhook was removed or its URL is wrong: make a new one on the Slack app's page \
             `Incoming Webhooks`."
        }
        "msg_blocks_too_long" | "invalid_blocks" | "invalid_blocks_format" | "invalid_payload" => {
            "This is a fault of beanpole: report it with the version and the details above."
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: &str) -> Error {
        Error::Refused {
            doing: "chat.postMessage",
            code: code.to_owned(),
            messages: Vec::new(),
        }
    }

    #[test]
    fn permanent_refusals_have_a_hint_and_end_the_talk() {
        for code in [
            "invalid_auth",
            "channel_not_found",
            "is_archived",
            "no_service",
            "HTTP 404",
        ] {
            let error = refused(code);
            assert!(error.is_final(), "{code}");
            assert!(error.hint().is_some(), "{code}");
        }
        assert_eq!(refused("invalid_auth").exit_code(), ExitCode::Credentials);
        assert_eq!(refused("is_archived").exit_code(), ExitCode::Outside);
    }

    #[test]
    fn a_fault_of_one_message_does_not_end_the_talk() {
        for code in ["msg_blocks_too_long", "message_not_found"] {
            assert!(!refused(code).is_final(), "{code}");
        }
        let busy = Error::RateLimited {
            doing: "webhook",
            pause: Duration::from_secs(30),
        };
        assert!(!busy.is_final() && busy.is_passing());
    }
}
