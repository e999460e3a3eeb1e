//! `commit-type` and `commit-scope`: words that nobody agreed on.

use super::text::Line;
use super::{Context, TicketPlace, header};
use crate::report::{finding, place};
use crate::source::number;
use crate::{Group, Rule};
use beanpole_model::{Finding, Location, Severity};

pub(super) const TYPE: Rule = Rule {
    id: "commit-type",
    group: Group::CommitMessage,
    severity: Severity::Error,
    summary: "the type of the commit is not an agreed one",
};

pub(super) const SCOPE: Rule = Rule {
    id: "commit-scope",
    group: Group::CommitMessage,
    severity: Severity::Error,
    summary: "the scope of the commit is missing or not an agreed one",
};

pub(super) fn check(context: &Context<'_>, subject: &Line) -> Vec<Finding> {
    let Ok(header) = header::read(&subject.text, context.settings) else {
        return Vec::new();
    };
    let at = |offset: usize| location(context, subject, offset);
    let mut findings = Vec::new();
    let (offset, kind) = &header.kind;
    if !context.settings.types.contains(kind) {
        findings.push(finding(
            &TYPE,
            Some(at(*offset)),
            format!("`{kind}` is not one of the agreed types"),
            "the changelog and the next version are made from types; an unknown one counts as nothing",
            format!("write one of {}", context.settings.types.join(", ")),
        ));
    }
    findings.extend(scope(context, &header, &at));
    findings
}

fn scope(
    context: &Context<'_>,
    header: &header::Header,
    at: &impl Fn(usize) -> Location,
) -> Option<Finding> {
    // Where the scope is the ticket's place, the rule about tickets judges it.
    if context.settings.ticket_place == TicketPlace::Scope {
        return None;
    }
    let scopes = &context.settings.scopes;
    let reason =
        "the changelog is grouped by scopes; a spelling of its own makes a group of its own";
    let remedy = if scopes.is_empty() {
        format!("write `{}(scope): …`", header.kind.1)
    } else {
        format!("write one of {}", scopes.join(", "))
    };
    match &header.scope {
        None if context.settings.require_scope => Some(finding(
            &SCOPE,
            Some(at(header.kind.0 + header.kind.1.len())),
            "the scope is missing".to_owned(),
            reason,
            remedy,
        )),
        Some((offset, scope)) if !scopes.is_empty() && !scopes.contains(scope) => Some(finding(
            &SCOPE,
            Some(at(*offset)),
            format!("`{scope}` is not one of the agreed scopes"),
            reason,
            remedy,
        )),
        _ => None,
    }
}

/// A byte of the subject as a place in the file.
pub(super) fn location(context: &Context<'_>, line: &Line, offset: usize) -> Location {
    let column = line
        .text
        .get(..offset)
        .map_or(1, |before| number(before.chars().count()).saturating_add(1));
    place(context.message.path, (line.number, column))
}

#[cfg(test)]
mod tests {
    use super::super::Settings;
    use super::super::testing::found;

    #[test]
    fn unknown_types_are_said_where_they_stand() {
        assert_eq!(
            found("feature: x", &Settings::default()),
            ["commit-type 1:1"]
        );
        assert_eq!(found("Feat: x", &Settings::default()), ["commit-type 1:1"]);
        assert_eq!(found("fix: x", &Settings::default()), [""; 0]);
    }

    #[test]
    fn scopes_are_judged_only_where_they_are_agreed() {
        let mut settings = Settings::default();
        assert_eq!(found("fix(anything): x", &settings), [""; 0]);
        settings.scopes = vec!["shop".to_owned()];
        assert_eq!(found("fix(shop): x", &settings), [""; 0]);
        assert_eq!(found("fix: x", &settings), [""; 0]);
        assert_eq!(found("fix(shóp): x", &settings), ["commit-scope 1:5"]);
        settings.require_scope = true;
        assert_eq!(found("fix: x", &settings), ["commit-scope 1:4"]);
    }
}
