//! Secrets, alarms, alert routes, probes and approvals.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Checker;
use super::names::{is_path, is_secret_reference, is_variable};
use crate::project::Project;

pub(super) fn check(project: &Project, checker: &mut Checker<'_>) {
    secrets(project, checker);
    alarms(project, checker);
    alerts(project, checker);
    probes(project, checker);
    if let Some(approvals) = &project.approvals
        && approvals.required == 0
    {
        checker.value(
            &["approvals", "required"],
            "0 approvals are none",
            "1 or more, or remove `approvals`",
        );
    }
}

fn secrets(project: &Project, checker: &mut Checker<'_>) {
    let prefix = &project.secrets.prefix;
    if !is_secret_reference(prefix) || prefix.contains(['#', ':']) || prefix.ends_with('/') {
        checker.value(
            &["secrets", "prefix"],
            format!("`{prefix}` is not the beginning of a secret's name"),
            "letters, digits and `/_+=.@-`, no `/` at the end, such as `django`",
        );
    }
    for (name, reference) in &project.secrets.names {
        let path = ["secrets", "names", name.as_str()];
        if !is_variable(name) {
            checker.key(
                &path,
                format!("`{name}` is not the name of an environment variable"),
                "letters, digits and underscores, no digit first",
            );
        }
        if !is_secret_reference(reference) {
            checker.hidden(
                &path,
                format!("the value of `{name}` is not the name of a secret"),
                "the name or ARN in Secrets Manager, with `#key` for a key of a JSON secret; never the secret itself",
            );
        }
    }
}

fn alarms(project: &Project, checker: &mut Checker<'_>) {
    let mut names = BTreeSet::new();
    for (index, alarm) in project.alarms.iter().enumerate() {
        let index = index.to_string();
        if alarm.name.trim().is_empty() || alarm.name.chars().count() > 255 {
            checker.value(
                &["alarms", &index, "name"],
                "an alarm has a name of 1 to 255 characters",
                "such as `too-many-errors`",
            );
        }
        if !names.insert(&alarm.name) {
            checker.value(
                &["alarms", &index, "name"],
                format!("two alarms are called `{}`", alarm.name),
                "give each its own name",
            );
        }
        // CloudWatch API reference, PutMetricAlarm: 10, 30 or a multiple of 60.
        let seconds = alarm.period.as_secs();
        let valid = alarm.period.subsec_nanos() == 0
            && (matches!(seconds, 10 | 30) || (seconds > 0 && seconds.is_multiple_of(60)));
        if !valid {
            checker.value(
                &["alarms", &index, "period"],
                "the period is not one that CloudWatch takes",
                "`10s`, `30s` or whole minutes",
            );
        }
        let evaluated = seconds.saturating_mul(u64::from(alarm.periods));
        if alarm.periods == 0 || evaluated > 7 * 24 * 3600 {
            checker.value(
                &["alarms", &index, "periods"],
                format!("{} periods are out of range", alarm.periods),
                "at least 1, and all of them together at most 7 days",
            );
        }
        for (action, arn) in alarm.actions.iter().enumerate() {
            if !arn.starts_with("arn:") {
                checker.value(
                    &["alarms", &index, "actions", &action.to_string()],
                    format!("`{arn}` is not an ARN"),
                    "such as `arn:aws:sns:eu-central-1:123456789012:alerts`",
                );
            }
        }
    }
}

fn alerts(project: &Project, checker: &mut Checker<'_>) {
    let Some(slack) = &project.alerts.slack else {
        return;
    };
    for (key, name) in [
        ("webhook_url_variable", &slack.webhook_url_variable),
        ("token_variable", &slack.token_variable),
    ] {
        if let Some(name) = name
            && !is_variable(name)
        {
            checker.hidden(
                &["alerts", "slack", key],
                format!("`{key}` is not the name of an environment variable"),
                "the variable's name, such as `SLACK_WEBHOOK_URL`; never the value itself",
            );
        }
    }
    match (
        &slack.webhook_url_variable,
        &slack.token_variable,
        &slack.channel,
    ) {
        (None, None, _) => checker.key(
            &["alerts", "slack"],
            "neither a webhook nor a bot is named",
            "add `webhook_url_variable` or `token_variable`",
        ),
        (_, Some(_), None) => checker.key(
            &["alerts", "slack", "token_variable"],
            "the bot has no channel to write to",
            "add `channel`",
        ),
        _ => {}
    }
}

fn probes(project: &Project, checker: &mut Checker<'_>) {
    let mut names = BTreeSet::new();
    for (index, probe) in project.probes.iter().enumerate() {
        let index = index.to_string();
        if probe.name.trim().is_empty() {
            checker.value(
                &["probes", &index, "name"],
                "a probe has a name",
                "such as `front-page`",
            );
        }
        if !names.insert(&probe.name) {
            checker.value(
                &["probes", &index, "name"],
                format!("two probes are called `{}`", probe.name),
                "give each its own name",
            );
        }
        let whole = probe.target.starts_with("http://") || probe.target.starts_with("https://");
        if !whole && !is_path(&probe.target) {
            checker.value(
                &["probes", &index, "target"],
                format!("`{}` is neither a path nor an address", probe.target),
                "such as `/` or `https://example.org/`",
            );
        }
        if !(100..=599).contains(&probe.expect_status) {
            checker.value(
                &["probes", &index, "expect_status"],
                format!("{} is not a status of HTTP", probe.expect_status),
                "100 to 599",
            );
        }
        for (key, value) in [("interval", probe.interval), ("timeout", probe.timeout)] {
            if value < Duration::from_secs(1) || value > Duration::from_secs(3600) {
                checker.value(
                    &["probes", &index, key],
                    format!("`{key}` is out of range"),
                    "`1s` to `1h`",
                );
            }
        }
    }
}
