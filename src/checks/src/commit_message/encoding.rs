//! `commit-encoding`: bytes that other people's tools show as rubbish.

use super::Context;
use crate::python::Lines;
use crate::report::{finding, place};
use crate::source::number;
use crate::{Group, Rule};
use beanpole_model::{Finding, Severity};

pub(super) const RULE: Rule = Rule {
    id: "commit-encoding",
    group: Group::CommitMessage,
    severity: Severity::Warning,
    summary: "the message is not plain UTF-8",
};

pub(super) fn check(context: &Context<'_>) -> Option<Finding> {
    let bytes = context.message.bytes;
    let (offset, what) = if bytes.starts_with(b"\xef\xbb\xbf") {
        (0, "the message begins with a byte order mark")
    } else if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        (0, "the message is UTF-16")
    } else if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
        (at, "the message holds a zero byte")
    } else if let Err(error) = std::str::from_utf8(bytes) {
        (error.valid_up_to(), "the message is not UTF-8")
    } else {
        return None;
    };
    let position = Lines::new(bytes).position(bytes, number(offset));
    Some(finding(
        &RULE,
        Some(place(context.message.path, position)),
        what.to_owned(),
        "git keeps the bytes as they are, and every tool that reads the message later shows signs that nobody wrote",
        "save the message as UTF-8 without a byte order mark",
    ))
}

#[cfg(test)]
mod tests {
    use super::super::Settings;
    use super::super::testing::found;

    #[test]
    fn other_encodings_are_said_at_the_first_odd_byte() {
        let settings = Settings::default();
        assert_eq!(found(b"feat: caf\xe9", &settings), ["commit-encoding 1:10"]);
        assert_eq!(
            found(b"\xef\xbb\xbffeat: x", &settings),
            ["commit-encoding 1:1"]
        );
        assert_eq!(
            found(b"feat: x\n\na\0b", &settings),
            ["commit-encoding 3:2"]
        );
        assert!(found(b"\xff\xfef\0", &settings).contains(&"commit-encoding 1:1".to_owned()));
        assert_eq!(found("feat: café".as_bytes(), &settings), [""; 0]);
    }
}
