//! `commit-ticket`: the ticket is missing where the team agreed to name it.

use super::text::Line;
use super::vocabulary::location;
use super::{Context, TicketPlace, header};
use crate::report::finding;
use crate::{Group, Rule};
use beanpole_model::{Finding, Severity};
use regex::Regex;

pub(super) const RULE: Rule = Rule {
    id: "commit-ticket",
    group: Group::CommitMessage,
    severity: Severity::Error,
    summary: "the ticket is missing where the team agreed to name it",
};

pub(super) fn check(context: &Context<'_>, subject: &Line) -> Option<Finding> {
    let wanted = context.settings.ticket_place;
    if wanted == TicketPlace::None {
        return None;
    }
    let written = &context.settings.ticket_pattern;
    let pattern = match header::ticket_pattern(context.settings) {
        Ok(pattern) => pattern,
        Err(why) => {
            return Some(finding(
                &RULE,
                Some(location(context, subject, 0)),
                format!(
                    "`checks.commit_message.ticket_pattern` (`{written}`) cannot be read: {why}"
                ),
                "without the pattern no ticket can be found",
                "correct `checks.commit_message.ticket_pattern` in beanpole.yaml",
            ));
        }
    };
    if is_there(context, subject, &pattern) {
        return None;
    }
    Some(finding(
        &RULE,
        Some(location(context, subject, 0)),
        format!("no ticket {} (pattern `{written}`)", words(wanted)),
        "the ticket leads from a line of code to the reason why it was written",
        format!("write {}", example(wanted)),
    ))
}

fn is_there(context: &Context<'_>, subject: &Line, pattern: &Regex) -> bool {
    let header = || header::read(&subject.text, context.settings).ok();
    match context.settings.ticket_place {
        TicketPlace::None => true,
        TicketPlace::Start => header::ticket_at(&subject.text, pattern).is_some(),
        TicketPlace::AfterType => subject
            .text
            .split_once(':')
            .and_then(|(before, _)| before.rfind('[').and_then(|at| before.get(at..)))
            .is_some_and(|bracket| header::ticket_at(bracket, pattern).is_some()),
        TicketPlace::Scope => header()
            .and_then(|header| header.scope)
            .is_some_and(|(_, scope)| is_whole(&scope, pattern)),
        TicketPlace::Description => header()
            .is_some_and(|header| header::ticket_at(&header.description.1, pattern).is_some()),
        TicketPlace::Footer => context
            .text
            .footers()
            .iter()
            .any(|line| header::has_ticket(&line.text, pattern)),
        TicketPlace::Anywhere => context
            .text
            .lines
            .iter()
            .any(|line| header::has_ticket(&line.text, pattern)),
    }
}

/// Whether the text is one ticket or several with commas.
fn is_whole(text: &str, pattern: &Regex) -> bool {
    text.split(',').all(|part| {
        let part = part.trim();
        pattern.find(part).is_some_and(|found| {
            found.start() == 0 && found.end() == part.len() && !part.is_empty()
        })
    })
}

fn words(place: TicketPlace) -> &'static str {
    match place {
        TicketPlace::None | TicketPlace::Anywhere => "in the message",
        TicketPlace::Start => "at the start of the subject",
        TicketPlace::AfterType => "between type and colon",
        TicketPlace::Scope => "as the scope",
        TicketPlace::Description => "at the start of the description",
        TicketPlace::Footer => "in a footer",
    }
}

fn example(place: TicketPlace) -> &'static str {
    match place {
        TicketPlace::Start => "`SHOP-1 feat: …`",
        TicketPlace::AfterType => "`feat [SHOP-1]: …`",
        TicketPlace::Scope => "`feat(SHOP-1): …`",
        TicketPlace::Description => "`feat: SHOP-1 …`",
        TicketPlace::None | TicketPlace::Footer | TicketPlace::Anywhere => {
            "`Refs: SHOP-1` as the last line, with an empty line before it"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::super::{Settings, TicketPlace};

    fn judged(message: &str, ticket_place: TicketPlace) -> Vec<String> {
        found(
            message,
            &Settings {
                ticket_place,
                ..Settings::default()
            },
        )
    }

    #[test]
    fn a_ticket_in_its_place_passes() {
        for (message, place) in [
            ("SHOP-1 feat: x", TicketPlace::Start),
            ("[SHOP-1] feat: x", TicketPlace::Start),
            ("feat [SHOP-1]: x", TicketPlace::AfterType),
            ("feat(shop) [SHOP-1]!: x", TicketPlace::AfterType),
            ("feat(SHOP-1): x", TicketPlace::Scope),
            ("feat(SHOP-1, SHOP-2): x", TicketPlace::Scope),
            ("feat: SHOP-1 x", TicketPlace::Description),
            ("feat: [SHOP-1] x", TicketPlace::Description),
            ("feat: x\n\nRefs: SHOP-1", TicketPlace::Footer),
            ("feat: x\n\nRefs: xSHOP-1, #SHOP-2", TicketPlace::Footer),
            ("feat: x\n\nabout SHOP-1", TicketPlace::Anywhere),
        ] {
            assert_eq!(judged(message, place), [""; 0], "{message}");
        }
    }

    #[test]
    fn elsewhere_it_does_not_count() {
        for (message, place) in [
            ("feat: SHOP-1 x", TicketPlace::Start),
            ("SHOP-1x feat: x", TicketPlace::Start),
            ("feat: x [SHOP-1]", TicketPlace::AfterType),
            ("feat(shop): SHOP-1", TicketPlace::Scope),
            ("feat: x SHOP-1", TicketPlace::Description),
            ("feat: x\n\nabout SHOP-1", TicketPlace::Footer),
            ("feat: x\n\nRefs: éSHOP-1", TicketPlace::Footer),
            ("feat: x\n\nRefs: SHOP-1x", TicketPlace::Footer),
            ("feat: x_SHOP-1", TicketPlace::Anywhere),
            ("feat: x\n\n# SHOP-1 in a comment", TicketPlace::Anywhere),
        ] {
            assert!(
                judged(message, place).contains(&"commit-ticket 1:1".to_owned()),
                "{message}"
            );
        }
    }

    #[test]
    fn a_project_is_a_whole_word() {
        let settings = Settings {
            ticket_place: TicketPlace::Footer,
            ticket_pattern: "(?:SHOP)-[0-9]+".to_owned(),
            ..Settings::default()
        };
        let judged = |footer: &str| found(format!("feat: x\n\n{footer}"), &settings).len();
        assert_eq!(judged("Refs: XSHOP-1"), 1);
        assert_eq!(judged("Refs: XSHOP-1 SHOP-2"), 0);
    }

    #[test]
    fn a_broken_pattern_is_said() {
        let settings = Settings {
            ticket_place: TicketPlace::Anywhere,
            ticket_pattern: "[".to_owned(),
            ..Settings::default()
        };
        assert_eq!(found("feat: x", &settings), ["commit-ticket 1:1"]);
    }
}
