//! One thing that is wrong in a manifest, with its place.

use std::fmt;

use beanpole_model::Location;
use beanpole_model::secret::REDACTED;
use camino::Utf8Path;
use serde::Serialize;

use crate::tree::Position;

/// The longest line that is shown whole around the place of an issue, in characters.
const LONGEST_EXCERPT: usize = 100;

/// Words in a key that say that its value may be a secret in the wrong place.
const SECRET_WORDS: [&str; 7] = [
    "password",
    "passwd",
    "secret",
    "token",
    "webhook",
    "credential",
    "key",
];

/// What kind of thing is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum IssueKind {
    /// The file is not valid YAML, or not within the limits of what is read.
    Syntax,
    /// A key that no section has.
    UnknownKey,
    /// A value that is missing, of the wrong kind, out of range, or at odds with another one.
    Value,
}

/// What is wrong at one position, before the file is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) kind: IssueKind,
    pub(crate) at: Position,
    pub(crate) message: String,
    pub(crate) suggestion: Option<String>,
    /// The value at the position may be a secret: it is not shown.
    pub(crate) hidden: bool,
}

impl Fault {
    pub(crate) fn new(at: Position, message: impl Into<String>) -> Self {
        Self {
            kind: IssueKind::Value,
            at,
            message: message.into(),
            suggestion: None,
            hidden: false,
        }
    }

    pub(crate) const fn of(mut self, kind: IssueKind) -> Self {
        self.kind = kind;
        self
    }

    pub(crate) const fn hidden(mut self) -> Self {
        self.hidden = true;
        self
    }

    pub(crate) fn suggest(mut self, suggestion: impl Into<String>) -> Self {
        self.suggestion = Some(suggestion.into());
        self
    }
}

/// One thing that is wrong in a manifest: where, what, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Issue {
    /// What kind of thing is wrong.
    pub kind: IssueKind,
    /// The file, line and column.
    pub location: Location,
    /// What is wrong.
    pub message: String,
    /// What to write instead, if there is a good guess.
    pub suggestion: Option<String>,
    /// The source line, with a marker under the place. What may be a secret in it is not shown.
    pub excerpt: Vec<String>,
}

impl Issue {
    /// Adds the file and the excerpt to a fault.
    pub(crate) fn new(path: &Utf8Path, text: &str, fault: Fault) -> Self {
        let Fault {
            kind,
            at,
            message,
            suggestion,
            hidden,
        } = fault;
        Self {
            kind,
            location: Location {
                path: path.to_string(),
                line: Some(at.line),
                column: Some(at.column),
            },
            excerpt: excerpt(text, at, hidden),
            message,
            suggestion,
        }
    }
}

impl fmt::Display for Issue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.location, self.message)?;
        if let Some(suggestion) = &self.suggestion {
            write!(formatter, " ({suggestion})")?;
        }
        Ok(())
    }
}

/// The source line of a position and a marker under its column. Long lines are cut to the
/// neighbourhood of the column; control characters become spaces, so that a terminal shows what is
/// meant. With `hidden`, nothing from the position on is shown.
fn excerpt(text: &str, at: Position, hidden: bool) -> Vec<String> {
    let index = usize::try_from(at.line).unwrap_or(0).saturating_sub(1);
    let Some(line) = text.lines().nth(index) else {
        return Vec::new();
    };
    let column = usize::try_from(at.column).unwrap_or(1).saturating_sub(1);
    let secret = first_secret(line)
        .into_iter()
        .chain(hidden.then_some(column))
        .min();
    let mut characters: Vec<char> = line.chars().collect();
    if let Some(start) = secret
        && start < characters.len()
    {
        characters.truncate(start);
        characters.extend(REDACTED.chars());
    }
    // The marker never stands beyond what is shown.
    let column = column.min(characters.len());
    let skip = if characters.len() > LONGEST_EXCERPT {
        column.saturating_sub(LONGEST_EXCERPT / 2)
    } else {
        0
    };
    let shown: String = characters
        .into_iter()
        .skip(skip)
        .take(LONGEST_EXCERPT)
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .collect();
    let number = at.line.to_string();
    let margin = " ".repeat(number.len());
    let marker = " ".repeat(column - skip);
    vec![
        format!("{number} | {}", shown.trim_end()),
        format!("{margin} | {marker}^"),
    ]
}

/// The column, from 0, of the first value on a line whose key sounds like a secret's. A name that is
/// known to hold no secret (`token_variable`) is left alone, and so is a section.
fn first_secret(line: &str) -> Option<usize> {
    let mut column = 0;
    let mut word = String::new();
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        column += 1;
        if character == ':' && characters.peek().is_some_and(|next| next.is_whitespace()) {
            let key = word.to_lowercase();
            let sounds_secret =
                SECRET_WORDS.iter().any(|term| key.contains(term)) && !key.ends_with("_variable");
            let rest: String = characters.clone().collect();
            let value = rest.trim_start();
            if sounds_secret && !value.is_empty() && !value.starts_with(['{', '[', '#']) {
                return Some(column + rest.chars().count() - value.chars().count());
            }
        }
        if character.is_alphanumeric() || matches!(character, '_' | '-') {
            word.push(character);
        } else if !matches!(character, '"' | '\'') {
            word.clear();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_the_column_under_the_line() {
        let at = Position { line: 2, column: 3 };
        assert_eq!(
            excerpt("a:\n  b: 1\n", at, false),
            ["2 |   b: 1", "  |   ^"]
        );
    }

    #[test]
    fn long_lines_are_cut_around_the_place() {
        let text = format!("{}X{}", "a".repeat(300), "b".repeat(300));
        let lines = excerpt(
            &text,
            Position {
                line: 1,
                column: 301,
            },
            false,
        );
        let place = lines[1].find('^').unwrap();
        assert_eq!(lines[0].chars().nth(place), Some('X'));
        assert!(lines[0].len() < 110);
    }

    #[test]
    fn a_position_beyond_the_text_has_no_excerpt() {
        assert!(excerpt("a: 1", Position { line: 7, column: 1 }, false).is_empty());
    }

    #[test]
    fn what_may_be_a_secret_is_not_shown() {
        for (line, column, hidden, shown) in [
            (
                "  webhook_url: https://hooks.slack.com/T0",
                3,
                false,
                "  webhook_url: [redacted]",
            ),
            (
                "\"API_TOKEN\":   abc # x",
                1,
                false,
                "\"API_TOKEN\":   [redacted]",
            ),
            (
                "a: {b: 1, password: x, c: 2}",
                4,
                false,
                "a: {b: 1, password: [redacted]",
            ),
            (
                "secrets: {prefix: 'a b'}",
                11,
                false,
                "secrets: {prefix: 'a b'}",
            ),
            ("token_variable: TOKEN", 1, false, "token_variable: TOKEN"),
            ("names: {A: 'hunter2'}", 12, true, "names: {A: [redacted]"),
        ] {
            let lines = excerpt(line, Position { line: 1, column }, hidden);
            assert_eq!(lines[0], format!("1 | {shown}"));
        }
    }
}
