//! The commit message: its form, its ticket, its lengths.
//!
//! Stages, each a module: the bytes of the file to the lines that git will keep (`text`), the subject to its parts
//! (`header`), and the rules. Places are those of the message file, so that an editor can jump there.

mod encoding;
mod format;
mod header;
mod length;
mod settings;
mod text;
mod ticket;
mod vocabulary;

pub use settings::{Settings, TicketPlace};
pub use text::{SCISSORS, may_have_comments};

use crate::Rule;
use beanpole_model::Finding;
use text::Text;

/// The rules of this group.
pub const RULES: &[Rule] = &[
    format::FORMAT,
    vocabulary::TYPE,
    vocabulary::SCOPE,
    ticket::RULE,
    length::SUBJECT,
    length::BLANK,
    length::BODY,
    encoding::RULE,
];

/// A message that is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// The path of the message file as findings show it: `.git/COMMIT_EDITMSG`.
    pub path: &'a str,
    /// Its content, as the hook `commit-msg` gets it.
    pub bytes: &'a [u8],
    /// What begins a comment line: git's `core.commentString`, usually `#`. `None`: git cuts no comments from this message
    /// (`--cleanup=verbatim`, a message that is committed already, the title of a pull request).
    pub comment: Option<&'a str>,
}

/// What a rule may look at.
struct Context<'a> {
    message: Message<'a>,
    text: &'a Text,
    settings: &'a Settings,
}

/// Judges a message.
#[must_use]
pub fn check(message: Message<'_>, settings: &Settings) -> Vec<Finding> {
    let text = Text::new(message.bytes, message.comment);
    let context = Context {
        message,
        text: &text,
        settings,
    };
    let mut findings: Vec<Finding> = encoding::check(&context).into_iter().collect();
    // Git itself refuses a message without text.
    let Some(subject) = text.subject() else {
        return findings;
    };
    if is_made_by_git(&subject.text) {
        return findings;
    }
    findings.extend(format::check(&context, subject));
    findings.extend(vocabulary::check(&context, subject));
    findings.extend(ticket::check(&context, subject));
    findings.extend(length::check(&context, subject));
    findings.sort_by_key(|finding| {
        finding
            .location
            .as_ref()
            .map(|location| (location.line, location.column))
    });
    findings
}

/// Merges, reverts, and commits that a rebase will melt into others.
fn is_made_by_git(subject: &str) -> bool {
    [
        "Merge branch ",
        "Merge branches ",
        "Merge commit ",
        "Merge commits ",
        "Merge pull request ",
        "Merge remote-tracking branch ",
        "Merge tag ",
        "Merge tags ",
        "Revert \"",
        "Reapply \"",
        "fixup! ",
        "squash! ",
        "amend! ",
    ]
    .iter()
    .any(|start| subject.starts_with(start))
}

#[cfg(test)]
mod testing {
    use super::{Message, Settings, check};

    /// What is found in a message: `rule line:column`.
    pub(super) fn found(bytes: impl AsRef<[u8]>, settings: &Settings) -> Vec<String> {
        let message = Message {
            path: ".git/COMMIT_EDITMSG",
            bytes: bytes.as_ref(),
            comment: Some("#"),
        };
        check(message, settings)
            .into_iter()
            .map(|finding| {
                let place = finding.location.map_or(String::new(), |location| {
                    location.to_string().replace(".git/COMMIT_EDITMSG:", " ")
                });
                format!("{}{place}", finding.rule)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::testing::found;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_rule_has_its_page() {
        crate::pages::assert_pages(RULES);
    }

    #[test]
    fn a_good_message_passes() {
        let message = "feat(basket)!: totals include VAT\n\nBecause of the law.\n\nRefs: SHOP-1\n# Please enter\n";
        assert_eq!(found(message, &Settings::default()), [""; 0]);
    }

    #[test]
    fn what_git_writes_is_not_judged() {
        for subject in [
            "Merge branch 'main' into feat/x",
            "Merge pull request #12 from a/b",
            "Revert \"feat: x\"",
            "Reapply \"feat: x\"",
            "fixup! whatever",
            "squash! whatever",
            "amend! whatever",
        ] {
            assert_eq!(found(subject, &Settings::default()), [""; 0], "{subject}");
        }
        assert_eq!(
            found("Merge two tables", &Settings::default()),
            ["commit-format 1:1"]
        );
    }

    #[test]
    fn an_empty_message_is_left_to_git() {
        for message in ["", "\n\n", "# only a comment\n", "\r\n \r\n"] {
            assert_eq!(found(message, &Settings::default()), [""; 0]);
        }
    }

    fn all_on(ticket_place: TicketPlace) -> Settings {
        Settings {
            ticket_place,
            scopes: vec!["shop".to_owned()],
            require_scope: true,
            subject_length: 20,
            body_line_length: 20,
            ..Settings::default()
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300), comment in prop::option::of("[#;/é]{0,2}")) {
            for place in TicketPlace::ALL {
                let message = Message { path: "m", bytes: &bytes, comment: comment.as_deref() };
                let _ = check(message, &all_on(place));
            }
        }

        #[test]
        fn almost_messages(text in "(feat|fix|\\(|\\)|shop|!|: |:|ABC-1|\\[|\\]| |\r?\n|#|é|BREAKING CHANGE: |Refs: |\u{feff}|x{1,30}){0,20}") {
            for place in TicketPlace::ALL {
                let message = Message { path: "m", bytes: text.as_bytes(), comment: Some("#") };
                for finding in check(message, &all_on(place)) {
                    let location = finding.location.unwrap();
                    let lines = u32::try_from(text.split('\n').count()).unwrap();
                    prop_assert!(location.line.unwrap() <= lines && location.column.unwrap() >= 1);
                }
            }
        }
    }
}
