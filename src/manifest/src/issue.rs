//! One thing that is wrong in a manifest, with its place.

use std::fmt;

use beanpole_model::Location;
use camino::Utf8Path;
use serde::Serialize;

use crate::tree::Position;

/// The longest line that is shown whole around the place of an issue, in characters.
const LONGEST_EXCERPT: usize = 100;

/// What is wrong at one position, before the file is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) at: Position,
    pub(crate) message: String,
    pub(crate) suggestion: Option<String>,
}

impl Fault {
    pub(crate) fn new(at: Position, message: impl Into<String>) -> Self {
        Self {
            at,
            message: message.into(),
            suggestion: None,
        }
    }

    pub(crate) fn suggest(mut self, suggestion: impl Into<String>) -> Self {
        self.suggestion = Some(suggestion.into());
        self
    }
}

/// One thing that is wrong in a manifest: where, what, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Issue {
    /// The file, line and column.
    pub location: Location,
    /// What is wrong.
    pub message: String,
    /// What to write instead, if there is a good guess.
    pub suggestion: Option<String>,
    /// The source line, with a marker under the place.
    pub excerpt: Vec<String>,
}

impl Issue {
    /// Adds the file and the excerpt to a fault.
    pub(crate) fn new(path: &Utf8Path, text: &str, fault: Fault) -> Self {
        let Fault { at, message, suggestion } = fault;
        Self {
            location: Location {
                path: path.to_string(),
                line: Some(at.line),
                column: Some(at.column),
            },
            excerpt: excerpt(text, at),
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
/// meant.
fn excerpt(text: &str, at: Position) -> Vec<String> {
    let index = usize::try_from(at.line).unwrap_or(0).saturating_sub(1);
    let Some(line) = text.lines().nth(index) else {
        return Vec::new();
    };
    let column = usize::try_from(at.column).unwrap_or(1).saturating_sub(1);
    let skip = if line.chars().count() > LONGEST_EXCERPT {
        column.saturating_sub(LONGEST_EXCERPT / 2)
    } else {
        0
    };
    let shown: String = line
        .chars()
        .skip(skip)
        .take(LONGEST_EXCERPT)
        .map(|character| if character.is_control() { ' ' } else { character })
        .collect();
    let number = at.line.to_string();
    let margin = " ".repeat(number.len());
    let marker = " ".repeat(column - skip);
    vec![
        format!("{number} | {}", shown.trim_end()),
        format!("{margin} | {marker}^"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_the_column_under_the_line() {
        let at = Position { line: 2, column: 3 };
        assert_eq!(excerpt("a:\n  b: 1\n", at), ["2 |   b: 1", "  |   ^"]);
    }

    #[test]
    fn long_lines_are_cut_around_the_place() {
        let text = format!("{}X{}", "a".repeat(300), "b".repeat(300));
        let lines = excerpt(&text, Position { line: 1, column: 301 });
        let place = lines[1].find('^').unwrap();
        assert_eq!(lines[0].chars().nth(place), Some('X'));
        assert!(lines[0].len() < 110);
    }

    #[test]
    fn a_position_beyond_the_text_has_no_excerpt() {
        assert!(excerpt("a: 1", Position { line: 7, column: 1 }).is_empty());
    }
}
