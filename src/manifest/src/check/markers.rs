//! Deploy markers: names of variables, slugs and addresses.

use super::Checker;
use super::names::is_variable;
use crate::project::Markers;

pub(super) fn check(markers: &Markers, checker: &mut Checker<'_>) {
    if let Some(rollbar) = &markers.rollbar {
        let at = "rollbar";
        variable(at, "token_variable", &rollbar.token_variable, checker);
        name(
            at,
            "environment",
            rollbar.environment.as_deref(),
            255,
            checker,
        );
        address(at, rollbar.url.as_deref(), checker);
    }
    if let Some(sentry) = &markers.sentry {
        let at = "sentry";
        variable(at, "token_variable", &sentry.token_variable, checker);
        slug(at, "organization", &sentry.organization, checker);
        slug(at, "project", &sentry.project, checker);
        name(
            at,
            "environment",
            sentry.environment.as_deref(),
            64,
            checker,
        );
        address(at, sentry.url.as_deref(), checker);
    }
    if let Some(new_relic) = &markers.new_relic {
        let at = "new_relic";
        variable(at, "key_variable", &new_relic.key_variable, checker);
        address(at, new_relic.url.as_deref(), checker);
        // A GUID is base64 without padding (docs.newrelic.com, "What is an entity?").
        let guid = &new_relic.entity_guid;
        let is_guid = (8..=256).contains(&guid.len())
            && guid
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"+/=_-".contains(&byte));
        if !is_guid {
            checker.hidden(
                &["markers", at, "entity_guid"],
                "`entity_guid` is not the GUID of an entity",
                "the one that New Relic shows under `See metadata and manage tags`",
            );
        }
    }
}

fn variable(service: &str, key: &str, value: &str, checker: &mut Checker<'_>) {
    if !is_variable(value) {
        checker.hidden(
            &["markers", service, key],
            format!("`{key}` is not the name of an environment variable"),
            "the variable's name, such as `SENTRY_AUTH_TOKEN`; never the value itself",
        );
    }
}

/// Slugs become part of a path: lower case letters, digits, `-` and `_` (docs.sentry.io, "Organization
/// and user settings").
fn slug(service: &str, key: &str, value: &str, checker: &mut Checker<'_>) {
    let is_slug = (1..=100).contains(&value.len())
        && value.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_'
        });
    if !is_slug {
        checker.value(
            &["markers", service, key],
            format!("`{value}` is not a slug"),
            "lower case letters, digits, `-` and `_`, as in the address of its page",
        );
    }
}

fn name(service: &str, key: &str, value: Option<&str>, longest: usize, checker: &mut Checker<'_>) {
    let Some(value) = value else { return };
    // Sentry takes no `/` and no line break in an environment (docs.sentry.io, "Environments").
    let is_name = (1..=longest).contains(&value.chars().count())
        && !value.contains('/')
        && !value
            .chars()
            .any(|character| character.is_control() || character == ' ');
    if !is_name {
        checker.value(
            &["markers", service, key],
            format!("`{value}` is not the name of an environment"),
            format!("1 to {longest} characters without blanks and `/`"),
        );
    }
}

/// The token travels there, so it must be encrypted unless it stays on this machine.
fn address(service: &str, url: Option<&str>, checker: &mut Checker<'_>) {
    let Some(url) = url else { return };
    let local = ["http://127.0.0.1", "http://localhost", "http://[::1]"];
    let is_local = local.into_iter().any(|start| {
        url.strip_prefix(start)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
    });
    let is_plain =
        url.bytes().all(|byte| byte.is_ascii_graphic()) && !url.contains(['@', '?', '#']);
    let has_host = url
        .strip_prefix("https://")
        .is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['/', ':']));
    if !is_plain || !(has_host || is_local) {
        checker.hidden(
            &["markers", service, "url"],
            "`url` is not an address that a token may be sent to",
            "such as `https://de.sentry.io`, without user, query and fragment",
        );
    }
}
