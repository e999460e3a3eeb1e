//! YAML as nodes that know where they stand, for compose files and workflows.
//!
//! The reader behind `serde_yaml` (see the workspace's Cargo.toml) resolves anchors and merge keys itself and keeps both places:
//! where a value is used and where it is written. What may be read is bounded: size, depth, nodes, and what aliases expand to.

use crate::source::{Place, Source, number};
use beanpole_manifest::yaml::{self, Limits, Raw};
use serde_yaml::{Location, Spanned};
use std::ops::Range;

/// What a file may have.
const LIMITS: Limits = Limits {
    deepest: 48,
    most_nodes: 30_000,
    most_aliases: 1000,
    // Compose has tags of its own: `!reset` and `!override`.
    allows_tags: true,
};

/// A node.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    /// Where it is written; for an alias, where the anchor stands.
    pub(crate) place: Place,
    /// Where it is used: the alias or the merge key, else the same.
    pub(crate) used: Place,
    /// The bytes that it is written in, when the reader knows them.
    span: Option<Range<usize>>,
    pub(crate) value: Value,
}

/// What a node holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    /// Text, numbers and booleans, as text.
    Scalar(String),
    List(Vec<Node>),
    /// In the order of the file; keys are unique.
    Map(Vec<Entry>),
}

/// One key of a mapping.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) place: Place,
    pub(crate) node: Node,
}

impl Node {
    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    pub(crate) fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    /// The value of a key.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.node)
    }

    /// The text, if this is a scalar.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(text) => Some(text),
            _ => None,
        }
    }

    /// A scalar, or a list of scalars, as texts with their nodes.
    pub(crate) fn texts(&self) -> Vec<(&str, &Self)> {
        match &self.value {
            Value::Scalar(text) => vec![(text, self)],
            Value::List(items) => items
                .iter()
                .filter_map(|item| Some((item.text()?, item)))
                .collect(),
            _ => Vec::new(),
        }
    }

    /// The place of a piece of this scalar's text: the `nth` occurrence in the source, counted from 0. The scalar's own
    /// place if the piece is written in another way there.
    pub(crate) fn place_of(&self, source: &Source<'_>, piece: &str, nth: usize) -> Place {
        let lines = self.value_lines();
        let Some(Range { start, end }) = self.span.clone() else {
            return self.place;
        };
        // The span of a block may begin behind its indicator; it ends with the text.
        let end = end.max(source.line_start(self.place.line.saturating_add(lines)));
        let text = source.text.get(start..end.min(source.text.len()));
        text.and_then(|text| text.match_indices(piece).nth(nth))
            .map_or(self.place, |(at, _)| source.place(start + at))
    }

    /// How many lines the text of this scalar has.
    fn value_lines(&self) -> u32 {
        self.text()
            .map_or(1, |text| number(text.lines().count()).saturating_add(1))
    }
}

/// Reads a file. An empty text is a null. The error says what is wrong, and where.
pub(crate) fn parse(source: &Source<'_>) -> Result<Node, (String, Place)> {
    let raw = yaml::read(source.text, &LIMITS).map_err(|error| fault(&error))?;
    Ok(raw.map_or(
        Node {
            place: Place::START,
            used: Place::START,
            span: None,
            value: Value::Null,
        },
        |raw| convert(raw, source.text),
    ))
}

fn fault(error: &serde_yaml::Error) -> (String, Place) {
    (
        yaml::message(error),
        error.location().map_or(Place::START, place),
    )
}

fn place(location: Location) -> Place {
    let (line, column) = yaml::line_and_column(location);
    Place::point(line, column)
}

fn convert(raw: Spanned<Raw>, text: &str) -> Node {
    let span = yaml::bytes(raw.defined);
    let written = span.clone().and_then(|bytes| text.get(bytes));
    let value = match raw.value {
        Raw::Null => Value::Null,
        Raw::Text(text) => Value::Scalar(text),
        Raw::Typed(shown) => Value::Scalar(written.map_or(shown, |text| text.trim().to_owned())),
        Raw::List(items) => {
            Value::List(items.into_iter().map(|item| convert(item, text)).collect())
        }
        Raw::Map(entries) => Value::Map(
            entries
                .into_iter()
                .map(|(key, value)| Entry {
                    place: place(key.defined),
                    key: key.value,
                    node: convert(value, text),
                })
                .collect(),
        ),
    };
    Node {
        place: place(raw.defined),
        used: place(raw.referenced),
        span,
        value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn node(text: &str) -> Node {
        parse(&Source::new(text)).unwrap()
    }

    #[test]
    fn scalars_are_text_as_written() {
        let node = node("on: push\na: 0644\nb: true\nc: 3.10\nd:\n\"e\": '5432:5432'\n");
        let texts: Vec<_> = node
            .entries()
            .iter()
            .map(|entry| (entry.key.as_str(), entry.node.text()))
            .collect();
        assert_eq!(
            texts,
            [
                ("on", Some("push")),
                ("a", Some("0644")),
                ("b", Some("true")),
                ("c", Some("3.10")),
                ("d", None),
                ("e", Some("5432:5432"))
            ]
        );
    }

    #[test]
    fn aliases_and_merges_know_both_places() {
        let node = node("x: &x\n  e:\n    P: '1'\na:\n  <<: *x\nb: *x\nc: !reset []\n");
        let merged = node.get("a").unwrap().get("e").unwrap().get("P").unwrap();
        assert_eq!((merged.place.line, merged.text()), (3, Some("1")));
        let alias = node.get("b").unwrap();
        assert_eq!((alias.used.line, alias.entries().len()), (6, 1));
    }

    #[test]
    fn pieces_of_blocks_are_found() {
        let text = "jobs:\n  a:\n    run: |\n      echo 1\n      echo ${{ x }} ${{ x }}\n    plain: echo ${{ x }}\n    fold: >-\n      a\n      é ${{ x }}\n";
        let source = Source::new(text);
        let job = node(text);
        let job = job.get("jobs").unwrap().get("a").unwrap();
        let find = |key: &str, nth| job.get(key).unwrap().place_of(&source, "${{ x }}", nth);
        assert_eq!(find("run", 0), Place::point(5, 12));
        assert_eq!(find("run", 1), Place::point(5, 21));
        assert_eq!(find("plain", 0), Place::point(6, 17));
        assert_eq!(find("fold", 0), Place::point(9, 9));
        assert_eq!(find("plain", 7), job.get("plain").unwrap().place);
    }

    #[test]
    fn what_is_too_much_is_refused() {
        let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for level in 1..9 {
            let last = format!("*a{},", level - 1).repeat(10);
            bomb.push_str(&format!("a{level}: &a{level} [{last}]\n"));
        }
        for text in [
            bomb,
            "[".repeat(5000),
            "a: 1\na: 2\n".to_owned(),
            "a: [\n".to_owned(),
        ] {
            assert!(parse(&Source::new(&text)).is_err());
        }
        assert_eq!(node("# nothing\n").value, Value::Null);
    }

    proptest! {
        #[test]
        fn never_panics(text in "(?s).{0,200}") {
            let _ = parse(&Source::new(&text));
        }

        #[test]
        fn never_panics_on_yaml_like_text(text in "[-a-c:{}\\[\\]&*!|>'\"%@`#,?é \n\t0-9~<$]{0,80}") {
            let source = Source::new(&text);
            if let Ok(node) = parse(&source) {
                for entry in node.entries() {
                    let _ = entry.node.place_of(&source, "a", 0);
                }
            }
        }
    }
}
