//! Dockerfiles as instructions that know their lines.
//!
//! After Docker's reference (<https://docs.docker.com/reference/dockerfile/>): parser directives, continuation lines, comments
//! between them, here-documents, JSON and shell forms, flags, stages, ARG and ENV. The reader never fails: what it does not know is an
//! instruction like any other. Looked at before: `dockerfile-parser-rs` 3.4 refuses a file for one line that it does not
//! know, gives no places, and brings `clap`; `dockerfile-parser` 0.9 knows no here-documents and has not been touched since 2021.

use crate::source::{Place, number};

mod read;
mod stage;

pub(crate) use stage::{Stage, pairs};

/// A Dockerfile.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dockerfile {
    pub(crate) instructions: Vec<Instruction>,
    pub(crate) stages: Vec<Stage>,
    /// Whether all of the file was read.
    pub(crate) is_whole: bool,
}

/// One instruction.
#[derive(Clone, Debug)]
pub(crate) struct Instruction {
    /// In capitals: `RUN`.
    pub(crate) keyword: String,
    /// From the keyword to the last line, here-documents included.
    pub(crate) place: Place,
    /// `--mount=…` and the like, without the dashes. A flag without a value has an empty one.
    pub(crate) flags: Vec<(String, String)>,
    /// What follows keyword and flags, continuation lines joined.
    pub(crate) body: Text,
    pub(crate) heredocs: Vec<Heredoc>,
}

/// Lines below an instruction that belong to it: `<<EOF`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Heredoc {
    pub(crate) content: String,
    /// The first line of the content.
    pub(crate) line: u32,
}

/// A text that was joined from several lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) text: String,
    /// Where the pieces begin: in the text, and in the file. In the order of both.
    pieces: Vec<(usize, Place)>,
}

impl Text {
    /// The place of a byte of the text.
    pub(crate) fn place(&self, offset: usize) -> Place {
        let after = self.pieces.partition_point(|(start, _)| *start <= offset);
        let Some((start, place)) = after.checked_sub(1).and_then(|at| self.pieces.get(at)) else {
            return self
                .pieces
                .first()
                .map_or(Place::START, |(_, place)| *place);
        };
        let inside = self.text.get(*start..offset).unwrap_or_default();
        Place::point(
            place.line,
            place.column.saturating_add(number(inside.chars().count())),
        )
    }

    /// The text from an offset on.
    fn from(&self, offset: usize) -> Self {
        let first = (0, self.place(offset));
        let later = self
            .pieces
            .iter()
            .filter(|(start, _)| *start > offset)
            .map(|(start, place)| (start - offset, *place));
        Self {
            text: self.text.get(offset..).unwrap_or_default().to_owned(),
            pieces: std::iter::once(first).chain(later).collect(),
        }
    }
}

impl Instruction {
    pub(crate) fn is(&self, keyword: &str) -> bool {
        self.keyword == keyword
    }

    pub(crate) fn flag(&self, name: &str) -> Option<&str> {
        self.flags
            .iter()
            .find(|(flag, _)| flag == name)
            .map(|(_, value)| value.as_str())
    }

    /// The words of the JSON form: `["gunicorn", "config.wsgi"]`.
    pub(crate) fn json(&self) -> Option<Vec<String>> {
        let text = self.body.text.trim();
        text.starts_with('[')
            .then(|| serde_json::from_str(text).ok())
            .flatten()
    }

    /// The words of COPY and ADD, in either form, without here-documents.
    pub(crate) fn paths(&self) -> Vec<String> {
        self.json().unwrap_or_else(|| {
            self.body
                .text
                .split_whitespace()
                .filter(|word| !word.contains("<<"))
                .map(|word| word.trim_matches(['"', '\'']).to_owned())
                .collect()
        })
    }

    /// The shell text that RUN runs, each part with the way to find places in it.
    pub(crate) fn scripts(&self) -> Vec<Text> {
        let heredocs = self.heredocs.iter().map(|heredoc| Text {
            pieces: line_pieces(&heredoc.content, heredoc.line),
            text: heredoc.content.clone(),
        });
        std::iter::once(self.body.clone()).chain(heredocs).collect()
    }
}

/// The lines of a text that stands in the file as it is.
fn line_pieces(text: &str, first_line: u32) -> Vec<(usize, Place)> {
    let starts = text.match_indices('\n').map(|(at, _)| at + 1);
    std::iter::once(0)
        .chain(starts)
        .enumerate()
        .map(|(index, start)| {
            let line = first_line.saturating_add(number(index));
            (start, Place::point(line, 1))
        })
        .collect()
}
