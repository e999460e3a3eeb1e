//! Tickets in the names of branches and in commit messages.

use super::Checker;
use crate::project::{Checks, TicketPlace};

/// What a section says about the form of tickets.
struct Form<'a> {
    section: &'static str,
    projects: &'a [String],
    pattern: Option<&'a str>,
}

pub(super) fn check(checks: &Checks, checker: &mut Checker<'_>) {
    let branch = &checks.branch;
    let message = &checks.commit_message;
    for form in [
        Form {
            section: "branch",
            projects: &branch.ticket_projects,
            pattern: branch.ticket_pattern.as_deref(),
        },
        Form {
            section: "commit_message",
            projects: &message.ticket_projects,
            pattern: message.ticket_pattern.as_deref(),
        },
    ] {
        self::form(&form, checker);
    }
    let contradiction = match (message.ticket_required, message.ticket_place) {
        (Some(true), Some(TicketPlace::None)) => {
            "`none` asks for no ticket, and `ticket_required` does"
        }
        (Some(false), Some(place)) if place != TicketPlace::None => {
            "a place asks for a ticket, and `ticket_required` does not"
        }
        _ => return,
    };
    checker.value(
        &["checks", "commit_message", "ticket_place"],
        contradiction,
        "remove `ticket_required`: the place alone says it",
    );
}

fn form(form: &Form<'_>, checker: &mut Checker<'_>) {
    if let Some(pattern) = form.pattern {
        let at = ["checks", form.section, "ticket_pattern"];
        if pattern.trim().is_empty() {
            checker.value(
                &at,
                "the pattern is empty",
                "a regular expression for one ticket, such as `#[0-9]+`",
            );
        } else if !form.projects.is_empty() {
            checker.key(
                &at,
                "`ticket_pattern` stands instead of `ticket_projects`, and both are given",
                "remove one of them",
            );
        }
    }
    for (index, project) in form.projects.iter().enumerate() {
        let is_project = project.starts_with(|first: char| first.is_ascii_uppercase())
            && project
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
        if !is_project {
            checker.value(
                &[
                    "checks",
                    form.section,
                    "ticket_projects",
                    &index.to_string(),
                ],
                format!("`{project}` is not a ticket's project"),
                "capital letters and digits, such as `SHOP` for `SHOP-123`",
            );
        }
    }
}
