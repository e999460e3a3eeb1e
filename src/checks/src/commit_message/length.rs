//! `commit-subject-length`, `commit-blank-line`, `commit-body-length`: the shape that git's own output expects.

use super::Context;
use super::text::Line;
use crate::report::{finding, place};
use crate::source::number;
use crate::{Group, Rule};
use beanpole_model::{Finding, Severity};

pub(super) const SUBJECT: Rule = Rule {
    id: "commit-subject-length",
    group: Group::CommitMessage,
    severity: Severity::Warning,
    summary: "the subject is longer than lists show",
};

pub(super) const BLANK: Rule = Rule {
    id: "commit-blank-line",
    group: Group::CommitMessage,
    severity: Severity::Error,
    summary: "the line below the subject is not empty",
};

pub(super) const BODY: Rule = Rule {
    id: "commit-body-length",
    group: Group::CommitMessage,
    severity: Severity::Warning,
    summary: "a line of the body is longer than a terminal",
};

pub(super) fn check(context: &Context<'_>, subject: &Line) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(too_long(
        context,
        &SUBJECT,
        subject,
        context.settings.subject_length,
    ));
    let rest = context.text.rest();
    if let Some(second) = rest.first().filter(|line| !line.text.is_empty()) {
        findings.push(finding(
            &BLANK,
            Some(place(context.message.path, (second.number, 1))),
            "the line below the subject is not empty".to_owned(),
            "git joins the lines up to the first empty one to one long subject, in every list and in every pull request",
            "put an empty line below the subject",
        ));
    }
    for line in rest.iter().filter(|line| !cannot_be_broken(&line.text)) {
        findings.extend(too_long(
            context,
            &BODY,
            line,
            context.settings.body_line_length,
        ));
    }
    findings
}

fn too_long(context: &Context<'_>, rule: &Rule, line: &Line, most: u32) -> Option<Finding> {
    let length = number(line.text.chars().count());
    if most == 0 || length <= most {
        return None;
    }
    let (what, reason, remedy) = if rule.id == SUBJECT.id {
        (
            "the subject",
            "lists, pull requests and chat cut a longer subject, often before the word that matters",
            "say it in fewer words, and the rest in the body",
        )
    } else {
        (
            "the line",
            "git does not break lines: a longer one runs out of the terminal and of review tools",
            "break the line",
        )
    };
    Some(finding(
        rule,
        Some(place(
            context.message.path,
            (line.number, most.saturating_add(1)),
        )),
        format!("{what} has {length} characters; {most} are agreed"),
        reason,
        remedy,
    ))
}

/// Addresses, quoted code and tables are worse when broken.
fn cannot_be_broken(line: &str) -> bool {
    line.contains("://")
        || line.starts_with("    ")
        || line.starts_with('\t')
        || line.starts_with(['>', '|'])
        || !line.trim().contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::super::Settings;
    use super::super::testing::found;

    #[test]
    fn the_subject_has_a_limit_in_characters() {
        let fits = format!("feat: {}", "é".repeat(66));
        assert_eq!(found(&fits, &Settings::default()), [""; 0]);
        assert_eq!(
            found(format!("{fits}é"), &Settings::default()),
            ["commit-subject-length 1:73"]
        );
    }

    #[test]
    fn the_second_line_is_empty() {
        assert_eq!(
            found("feat: x\nbody\n", &Settings::default()),
            ["commit-blank-line 2:1"]
        );
        // A comment between them is gone before git looks.
        assert_eq!(
            found("feat: x\n# note\nbody\n", &Settings::default()),
            ["commit-blank-line 3:1"]
        );
        assert_eq!(
            found("feat: x\r\n\r\nbody\r\n", &Settings::default()),
            [""; 0]
        );
    }

    #[test]
    fn lines_of_the_body_have_a_limit_unless_they_cannot_be_broken() {
        let words = "word ".repeat(21);
        assert_eq!(
            found(format!("feat: x\n\n{words}\n"), &Settings::default()),
            ["commit-body-length 3:101"]
        );
        for line in [
            format!("see https://example.com/ {words}"),
            format!("    {words}"),
            "x".repeat(200),
        ] {
            assert_eq!(
                found(format!("feat: x\n\n{line}\n"), &Settings::default()),
                [""; 0]
            );
        }
    }

    #[test]
    fn zero_means_no_limit() {
        let settings = Settings {
            subject_length: 0,
            body_line_length: 0,
            ..Settings::default()
        };
        let words = "word ".repeat(90);
        assert_eq!(
            found(format!("feat: {words}\n\n{words}"), &settings),
            [""; 0]
        );
    }
}
