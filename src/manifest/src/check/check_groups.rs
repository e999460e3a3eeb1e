//! The settings of the groups of checks.
//!
//! Rules: a regular expression is read by its group, which says what is wrong with it; all else is judged here.

use super::Checker;
use super::checks::path;
use super::tickets;
use crate::project::{
    BranchChecks, Checks, CoverageChecks, FileChecks, MigrationChecks, PinChecks, SecretChecks,
};

pub(super) fn check(checks: &Checks, checker: &mut Checker<'_>) {
    migrations(&checks.migrations, checker);
    coverage(&checks.coverage, checker);
    pins(&checks.pins, checker);
    branch(&checks.branch, checker);
    files(&checks.files, checker);
    secrets(&checks.secrets, checker);
    numbers(checks, checker);
    tickets::check(checks, checker);
}

fn numbers(checks: &Checks, checker: &mut Checker<'_>) {
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
    if let Some(places) = coverage.precision.filter(|places| *places > 10) {
        checker.value(
            &["checks", "coverage", "precision"],
            format!("{places} decimal places are more than a percentage has"),
            "0 to 10",
        );
    }
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

fn pins(pins: &PinChecks, checker: &mut Checker<'_>) {
    for (index, file) in pins.development_files.iter().enumerate() {
        let at = ["checks", "pins", "development_files", &index.to_string()];
        path(file, &at, checker);
    }
    for (key, packages) in [
        ("test_packages", &pins.test_packages),
        ("allow_in_production", &pins.allow_in_production),
    ] {
        for (index, package) in packages.iter().enumerate() {
            if !is_package(package) {
                checker.value(
                    &["checks", "pins", key, &index.to_string()],
                    format!("`{package}` is not the name of a package"),
                    "the name alone, such as `factory-boy`, or `pytest-*` for a family",
                );
            }
        }
    }
}

/// A name as PyPI has them, perhaps with `*` at its end.
fn is_package(name: &str) -> bool {
    let start = name.strip_suffix('*').unwrap_or(name);
    start.starts_with(|first: char| first.is_ascii_alphanumeric())
        && start
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

fn branch(branch: &BranchChecks, checker: &mut Checker<'_>) {
    let exempt = branch.exempt.iter().flatten().enumerate();
    for (index, _) in exempt.filter(|(_, name)| name.trim().is_empty()) {
        checker.value(
            &["checks", "branch", "exempt", &index.to_string()],
            "a branch without a name",
            "such as `develop` or `renovate/**`",
        );
    }
    let Some(templates) = &branch.templates else {
        return;
    };
    if branch.pattern.is_some() {
        checker.key(
            &["checks", "branch", "templates"],
            "`pattern` stands instead of `templates`, and both are given",
            "remove one of them",
        );
    }
    if templates.is_empty() {
        checker.value(
            &["checks", "branch", "templates"],
            "`templates` is empty",
            "name at least one; `groups: {branch: false}` judges no branch",
        );
    }
    for (index, template) in templates.iter().enumerate() {
        let at = ["checks", "branch", "templates", &index.to_string()];
        if let Some(why) = template_fault(template) {
            checker.value(
                &at,
                format!("`{template}` is not the form of a branch: {why}"),
                "made of `{type}`, `{ticket}`, `{developer}`, `{name}` and plain text",
            );
        } else if branch.ticket_required == Some(true) && !template.contains("{ticket}") {
            checker.value(
                &at,
                format!("`{template}` has no ticket, and `ticket_required` asks for one"),
                "put `{ticket}` into it",
            );
        }
    }
}

/// What is wrong with a template.
fn template_fault(template: &str) -> Option<String> {
    if template.is_empty() {
        return Some("it is empty".to_owned());
    }
    let mut rest = template;
    while let Some((_, after)) = rest.split_once('{') {
        let Some((word, after)) = after.split_once('}') else {
            return Some("a `{` is not closed".to_owned());
        };
        if !["type", "ticket", "developer", "name"].contains(&word) {
            return Some(format!("`{{{word}}}` is not known"));
        }
        rest = after;
    }
    None
}

fn files(files: &FileChecks, checker: &mut Checker<'_>) {
    for (index, module) in files.debug_modules.iter().enumerate() {
        if !module.split('.').all(is_identifier) {
            checker.value(
                &["checks", "files", "debug_modules", &index.to_string()],
                format!("`{module}` is not the name of a module"),
                "as an import writes it, such as `shop.debug`",
            );
        }
    }
}

/// A name of Python.
fn is_identifier(name: &str) -> bool {
    name.starts_with(|first: char| first.is_alphabetic() || first == '_')
        && name
            .chars()
            .all(|letter| letter.is_alphanumeric() || letter == '_')
}

fn secrets(secrets: &SecretChecks, checker: &mut Checker<'_>) {
    for (index, fingerprint) in secrets.baseline.iter().enumerate() {
        let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if fingerprint.len() != 8 || !fingerprint.bytes().all(is_hex) {
            // Someone may have written the secret itself.
            checker.hidden(
                &["checks", "secrets", "baseline", &index.to_string()],
                "a text that is not a fingerprint",
                "the last word of a finding's message: eight digits, `0` to `9` and `a` to `f`",
            );
        }
    }
}
