//! `commit-format`: the subject is not `type(scope): description`.

use super::header::Fault;
use super::text::Line;
use super::{Context, TicketPlace, header};
use crate::report::{finding, place, shown};
use crate::{Group, Rule};
use beanpole_model::{Finding, Severity};
use git_conventional::ErrorKind;

pub(super) const FORMAT: Rule = Rule {
    id: "commit-format",
    group: Group::CommitMessage,
    severity: Severity::Error,
    summary: "the subject is not a Conventional Commit",
};

pub(super) fn check(context: &Context<'_>, subject: &Line) -> Option<Finding> {
    let fault = header::read(&subject.text, context.settings).err()?;
    let what = match fault {
        Fault::NoSpace => "has no space behind the colon",
        Fault::Grammar(ErrorKind::MissingDescription) => "says nothing behind the colon",
        Fault::Grammar(ErrorKind::InvalidScope) => "has an empty or unclosed scope",
        Fault::Grammar(ErrorKind::MissingType) => "has no type and colon at its start",
        Fault::Grammar(_) => "is not `type(scope): description`",
    };
    Some(finding(
        &FORMAT,
        Some(place(context.message.path, (subject.number, 1))),
        format!("the subject `{}` {what}", shown(&subject.text)),
        "the changelog and the next version are made from types; a message without one is lost to both",
        format!(
            "write {}, with one of the types {}",
            form(context.settings.ticket_place),
            context.settings.types.join(", ")
        ),
    ))
}

fn form(place: TicketPlace) -> &'static str {
    match place {
        TicketPlace::None | TicketPlace::Anywhere | TicketPlace::Footer => {
            "`type(scope): description` or `type: description`"
        }
        TicketPlace::Start => "`TICKET-1 type: description`",
        TicketPlace::AfterType => "`type [TICKET-1]: description`",
        TicketPlace::Scope => "`type(TICKET-1): description`",
        TicketPlace::Description => "`type: TICKET-1 description`",
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::super::{Message, Settings};
    use super::*;

    #[test]
    fn other_forms_are_said_at_the_subject() {
        for subject in [
            "added a basket",
            "feat:",
            "feat x: y",
            "feat(: x",
            "feat(): x",
            ": x",
            "feat:x",
            "feat(a)!:x",
            "feat:\tx",
        ] {
            assert_eq!(
                found(format!("# hint\n\n{subject}\n"), &Settings::default()),
                ["commit-format 3:1"],
                "{subject}"
            );
        }
    }

    #[test]
    fn the_remedy_shows_the_agreed_form() {
        let settings = Settings {
            ticket_place: TicketPlace::AfterType,
            ..Settings::default()
        };
        let message = Message {
            path: "m",
            bytes: b"nothing",
            comment: None,
        };
        let found = super::super::check(message, &settings);
        assert!(
            found[0]
                .remedy
                .as_ref()
                .unwrap()
                .contains("`type [TICKET-1]: description`")
        );
    }
}
