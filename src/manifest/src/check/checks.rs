//! The settings of checks.

use super::Checker;
use crate::project::{CheckIgnore, Checks, CoverageChecks, MigrationChecks};

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
    migrations(&checks.migrations, checker);
    coverage(&checks.coverage, checker);
    let message = &checks.commit_message;
    let size = &checks.change_size;
    for (section, key, value, least) in [
        (
            "migrations",
            "postgres",
            checks.migrations.postgres.map(u64::from),
            9,
        ),
        (
            "commit_message",
            "longest_subject",
            message.longest_subject.map(u64::from),
            20,
        ),
        (
            "commit_message",
            "longest_line",
            message.longest_line.map(u64::from),
            20,
        ),
        ("files", "largest_kib", checks.files.largest_kib, 1),
        ("change_size", "warning", size.warning.map(u64::from), 1),
        ("change_size", "error", size.error.map(u64::from), 1),
    ] {
        if let Some(value) = value
            && value < least
        {
            checker.value(
                &["checks", section, key],
                format!("{value} is too small"),
                format!("{least} or more"),
            );
        }
    }
    if let (Some(warning), Some(error)) = (size.warning, size.error)
        && warning > error
    {
        checker.value(
            &["checks", "change_size", "warning"],
            format!("a warning from {warning} lines on comes after the error from {error}"),
            "make it the smaller one",
        );
    }
    for (section, projects) in [
        ("branch", &checks.branch.ticket_projects),
        ("commit_message", &checks.commit_message.ticket_projects),
    ] {
        for (index, project) in projects.iter().enumerate() {
            let is_project = project.starts_with(|first: char| first.is_ascii_uppercase())
                && project
                    .bytes()
                    .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
            if !is_project {
                checker.value(
                    &["checks", section, "ticket_projects", &index.to_string()],
                    format!("`{project}` is not a ticket's project"),
                    "capital letters and digits, such as `SHOP` for `SHOP-123`",
                );
            }
        }
    }
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

fn migrations(migrations: &MigrationChecks, checker: &mut Checker<'_>) {
    if let Some(release) = &migrations.django {
        let mut parts = release.split('.');
        let is_number = |part: Option<&str>| part.is_some_and(|part| part.parse::<u32>().is_ok());
        if !is_number(parts.next()) || !is_number(parts.next()) || parts.next().is_some() {
            checker.value(
                &["checks", "migrations", "django"],
                format!("`{release}` is not a release of Django"),
                "major and minor, such as `5.2`; quoted, since 5.10 is not 5.1",
            );
        }
    }
    for (index, table) in migrations.hot_tables.iter().enumerate() {
        if table.is_empty() || table.contains(char::is_whitespace) || table.split('.').count() > 2 {
            checker.value(
                &["checks", "migrations", "hot_tables", &index.to_string()],
                format!("`{table}` is neither a table nor a model"),
                "such as `shop_order` or `shop.Order`",
            );
        }
    }
}

fn coverage(coverage: &CoverageChecks, checker: &mut Checker<'_>) {
    let mut percentage = |value: f64, path: &[&str]| {
        if !(0.0..=100.0).contains(&value) {
            checker.value(path, format!("{value} is not a percentage"), "0 to 100");
        }
    };
    for (key, value) in [
        ("total", coverage.total),
        ("changed", coverage.changed),
        ("tolerance", coverage.tolerance),
    ] {
        if let Some(value) = value {
            percentage(value, &["checks", "coverage", key]);
        }
    }
    for (name, value) in &coverage.paths {
        percentage(*value, &["checks", "coverage", "paths", name]);
    }
    for (key, reports) in [
        ("reports", &coverage.reports),
        ("base_reports", &coverage.base_reports),
    ] {
        for (index, report) in reports.iter().enumerate() {
            path(
                report,
                &["checks", "coverage", key, &index.to_string()],
                checker,
            );
        }
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
fn path(text: &str, at: &[&str], checker: &mut Checker<'_>) {
    if text.is_empty() || text.starts_with('/') || text.split('/').any(|part| part == "..") {
        checker.value(
            at,
            format!("`{text}` is not a path inside of the project"),
            "from the project's root, without a `/` at the beginning",
        );
    }
}
