//! What counts of the checks' findings, and how much.

use super::{Checker, check_groups};
use crate::project::{CheckIgnore, Checks};

pub(super) fn check(checks: &Checks, checker: &mut Checker<'_>) {
    for name in checks.severity.keys() {
        if !is_id(name) {
            checker.key(
                &["checks", "severity", name],
                format!("`{name}` is not the name of a rule or a group"),
                "lower-case letters, digits and hyphens, such as `drop-column`",
            );
        }
    }
    for (index, ignore) in checks.ignore.iter().enumerate() {
        self::ignore(ignore, &index.to_string(), checker);
    }
    if let Some(baseline) = &checks.baseline {
        path(baseline, &["checks", "baseline"], checker);
    }
    check_groups::check(checks, checker);
}

fn ignore(ignore: &CheckIgnore, index: &str, checker: &mut Checker<'_>) {
    if ignore.reason.trim().is_empty() {
        checker.value(
            &["checks", "ignore", index, "reason"],
            "the reason is empty",
            "say why, so that the next reader can judge whether it still holds",
        );
    }
    for (key, list) in [("paths", &ignore.paths), ("rules", &ignore.rules)] {
        if list.is_empty() {
            checker.value(
                &["checks", "ignore", index, key],
                format!("`{key}` is empty"),
                "name at least one",
            );
        }
    }
    for (position, rule) in ignore.rules.iter().enumerate() {
        if !is_id(rule) {
            checker.value(
                &["checks", "ignore", index, "rules", &position.to_string()],
                format!("`{rule}` is not the id of a rule"),
                "lower-case letters, digits and hyphens, such as `drop-column`",
            );
        }
    }
    for (position, pattern) in ignore.paths.iter().enumerate() {
        let at = ["checks", "ignore", index, "paths", &position.to_string()];
        path(pattern, &at, checker);
    }
}

/// The name of a rule or a group, in kebab case.
fn is_id(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// Paths stay inside of the project.
pub(super) fn path(text: &str, at: &[&str], checker: &mut Checker<'_>) {
    if text.is_empty() || text.starts_with('/') || text.split('/').any(|part| part == "..") {
        checker.value(
            at,
            format!("`{text}` is not a path inside of the project"),
            "from the project's root, without a `/` at the beginning",
        );
    }
}
