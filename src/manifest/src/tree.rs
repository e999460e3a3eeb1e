//! YAML as nodes that remember where they stand.
//!
//! Rules: a scalar keeps the text as it was written (`3.10` stays `3.10`, `012` stays `012`), because
//! the type that reads it decides what it means. What may be read is bounded here: file size, depth,
//! number of nodes, and aliases, which could otherwise blow up a small file.

use serde_yaml::{Location, Spanned};

use crate::issue::{Fault, IssueKind};
use crate::yaml::{self, Limits, Raw};

/// The largest manifest in bytes: 1 MiB.
pub(crate) const LARGEST: u64 = 1024 * 1024;

/// What a manifest may have.
const LIMITS: Limits = Limits {
    deepest: 32,
    most_nodes: 50_000,
    most_aliases: 1000,
    allows_tags: false,
};

/// A place in the file, both counted from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Position {
    pub(crate) line: u32,
    pub(crate) column: u32,
}

impl Position {
    pub(crate) const START: Self = Self { line: 1, column: 1 };

    fn from_location(location: Location) -> Self {
        let (line, column) = yaml::line_and_column(location);
        Self { line, column }
    }
}

/// A node and its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) at: Position,
    pub(crate) value: Value,
}

/// What a node holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// Nothing. `written` tells `key: null` from a bare `key:`.
    Null { written: bool },
    /// Text as written, without its quotes. `quoted` tells `"16"` from `16`.
    Scalar { text: String, quoted: bool },
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of the file. Keys are unique.
    Map(Vec<Entry>),
}

/// One key of a mapping.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_at: Position,
    pub(crate) node: Node,
}

impl Node {
    /// An empty mapping.
    pub(crate) const fn empty_map(at: Position) -> Self {
        Self {
            at,
            value: Value::Map(Vec::new()),
        }
    }

    /// The entries, if this is a mapping.
    pub(crate) fn entries(&self) -> Option<&[Entry]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            Value::Null { .. } | Value::Scalar { .. } | Value::List(_) => None,
        }
    }

    /// The entry with this key, if this is a mapping that has it.
    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries()?.iter().find(|entry| entry.key == key)
    }

    /// Where the value at `path` stands. A step into a mapping is its key, a step into a list is
    /// its index. If the path ends early, the nearest node that exists answers.
    pub(crate) fn position(&self, path: &[&str]) -> Position {
        let mut node = self;
        for step in path {
            let next = match &node.value {
                Value::Map(entries) => entries
                    .iter()
                    .find(|entry| entry.key == *step)
                    .map(|entry| &entry.node),
                Value::List(items) => step
                    .parse::<usize>()
                    .ok()
                    .and_then(|index| items.get(index)),
                Value::Null { .. } | Value::Scalar { .. } => None,
            };
            match next {
                Some(next) => node = next,
                None => break,
            }
        }
        node.at
    }

    /// Where the key at the end of `path` stands; like [`Node::position`] if it does not exist.
    pub(crate) fn key_position(&self, path: &[&str]) -> Position {
        if let Some((last, parents)) = path.split_last() {
            let mut node = self;
            for step in parents {
                match node.entry(step) {
                    Some(entry) => node = &entry.node,
                    None => return self.position(path),
                }
            }
            if let Some(entry) = node.entry(last) {
                return entry.key_at;
            }
        }
        self.position(path)
    }
}

/// Reads YAML. An empty text is an empty mapping.
pub(crate) fn parse(text: &str) -> Result<Node, Fault> {
    let raw = yaml::read(text, &LIMITS).map_err(|error| fault(&error).of(IssueKind::Syntax))?;
    Ok(match raw {
        None => Node::empty_map(Position::START),
        Some(raw) => match convert(raw, text) {
            Node {
                value: Value::Null { .. },
                at,
            } => Node::empty_map(at),
            node => node,
        },
    })
}

/// The reader's error in our words where its own would speak of Rust or of its API.
fn fault(error: &serde_yaml::Error) -> Fault {
    use serde_yaml::Error as Yaml;

    let mut error = error.without_snippet();
    let at = error
        .location()
        .map_or(Position::START, Position::from_location);
    // An error inside an alias keeps the place of the alias, and speaks for itself.
    while let Yaml::AliasError { error: inner, .. } = error {
        error = inner.without_snippet();
    }
    match error {
        Yaml::DuplicateMappingKey { key: Some(key), .. } => {
            Fault::new(at, format!("`{key}` is given twice")).suggest("keep one of them")
        }
        Yaml::MultipleDocuments { .. } => Fault::new(
            at,
            "a manifest is one YAML document, and here a second one begins",
        )
        .suggest("use `environments` for what differs"),
        Yaml::UnknownAnchor { .. } => Fault::new(at, "there is no anchor of this name"),
        Yaml::Budget { .. }
        | Yaml::AliasReplayLimitExceeded { .. }
        | Yaml::AliasReplayStackDepthExceeded { .. }
        | Yaml::AliasExpansionLimitExceeded { .. }
        | Yaml::AliasReplayCounterOverflow { .. } => Fault::new(
            at,
            format!(
                "the manifest is too large or too deep: at most {} levels, {} values and {} aliases",
                LIMITS.deepest, LIMITS.most_nodes, LIMITS.most_aliases
            ),
        ),
        Yaml::UnsupportedTag { tag, .. } => {
            Fault::new(at, format!("the tag `{tag}` has no meaning here")).suggest("remove it")
        }
        other => Fault::new(
            at,
            format!("this is not valid YAML: {}", yaml::message(other)),
        ),
    }
}

fn convert(raw: Spanned<Raw>, source: &str) -> Node {
    let at = Position::from_location(raw.referenced);
    let written = yaml::bytes(raw.defined).and_then(|bytes| source.get(bytes));
    let value = match raw.value {
        Raw::Null => Value::Null {
            written: written.is_some_and(|text| {
                let text = text.trim();
                text == "~" || text.eq_ignore_ascii_case("null")
            }),
        },
        Raw::Text(text) => match written.map(str::trim) {
            Some(number) if is_too_large(number) => Value::Scalar {
                text: number.to_owned(),
                quoted: false,
            },
            _ => Value::Scalar {
                quoted: written.is_none_or(|written| written != text),
                text,
            },
        },
        Raw::Typed(shown) => Value::Scalar {
            text: written.map_or(shown, |text| text.trim().to_owned()),
            quoted: false,
        },
        Raw::List(items) => Value::List(
            items
                .into_iter()
                .map(|item| convert(item, source))
                .collect(),
        ),
        Raw::Map(entries) => Value::Map(
            entries
                .into_iter()
                .map(|(key, value)| Entry {
                    key_at: Position::from_location(key.referenced),
                    key: key.value,
                    node: convert(value, source),
                })
                .collect(),
        ),
    };
    Node { at, value }
}

/// A number that is infinite to the YAML reader, which gives `.inf` for it: `1e234567`, a fingerprint perhaps.
fn is_too_large(written: &str) -> bool {
    written.parse::<f64>().is_ok_and(f64::is_infinite)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scalar(text: &str) -> (String, bool) {
        let node = parse(&format!("a: {text}\n")).unwrap();
        match &node.entry("a").unwrap().node.value {
            Value::Scalar { text, quoted } => (text.clone(), *quoted),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn scalars_keep_the_text_as_written() {
        for text in [
            "16",
            "3.10",
            "012345678901",
            "0x1F",
            "true",
            "1e3",
            "1e234567",
            "-1e999",
            ".inf",
            "inf",
            "-7",
            "hello world",
            "on",
        ] {
            assert_eq!(scalar(text), (text.to_owned(), false), "{text}");
        }
        assert_eq!(scalar("16   # a comment"), ("16".to_owned(), false));
        assert_eq!(scalar("\"16\""), ("16".to_owned(), true));
        assert_eq!(scalar("'it''s'"), ("it's".to_owned(), true));
    }

    #[test]
    fn a_bare_key_is_not_a_written_null() {
        let node = parse("a:\nb: null\nc: ~\nd:   # later\n").unwrap();
        let written = |key: &str| match node.entry(key).unwrap().node.value {
            Value::Null { written } => written,
            _ => panic!("{key}"),
        };
        assert!(!written("a") && written("b") && written("c") && !written("d"));
    }

    #[test]
    fn keys_and_values_know_their_place() {
        let node = parse("a: 1\nb:\n  c:\n    - x\n    - y: 2\n").unwrap();
        assert_eq!(
            node.key_position(&["b", "c"]),
            Position { line: 3, column: 3 }
        );
        assert_eq!(
            node.position(&["b", "c", "1", "y"]),
            Position {
                line: 5,
                column: 10
            }
        );
        assert_eq!(node.position(&["b", "nothing"]), node.position(&["b"]));
    }

    #[test]
    fn aliases_and_merge_keys_work_and_point_at_their_use() {
        let node = parse("a: &a {x: 1}\nb: *a\nc:\n  <<: *a\n  y: 2\n").unwrap();
        assert_eq!(node.position(&["b"]).line, 2);
        assert!(node.entry("c").unwrap().node.entry("x").is_some());
    }

    #[test]
    fn refuses_what_is_twice_too_deep_or_too_much() {
        assert_eq!(
            parse("a: 1\nb: 2\na: 3\n").unwrap_err(),
            Fault::new(Position { line: 3, column: 1 }, "`a` is given twice")
                .suggest("keep one of them")
                .of(IssueKind::Syntax)
        );
        assert!(parse(&"[".repeat(500)).is_err());
        let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for level in 1..9 {
            let last = format!("*a{},", level - 1).repeat(10);
            bomb.push_str(&format!("a{level}: &a{level} [{last}]\n"));
        }
        let fault = parse(&bomb).unwrap_err();
        assert!(fault.message.contains("too large"), "{fault:?}");
        assert!(parse("a: 1\n---\nb: 2\n").is_err());
        assert!(parse("a: !ruby/object x\n").is_err());
    }

    #[test]
    fn nothing_is_an_empty_mapping() {
        for text in ["", "\n", "# only a comment\n", "---\n", "null\n"] {
            assert_eq!(
                parse(text).unwrap().entries(),
                Some([].as_slice()),
                "{text:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "(?s).{0,200}") {
            let _ = parse(&text);
        }

        #[test]
        fn never_panics_on_yaml_like_text(text in "[-a-c:{}\\[\\]&*!|>'\"%@`#,? \n\t0-9~<]{0,80}") {
            let _ = parse(&text);
        }
    }
}
