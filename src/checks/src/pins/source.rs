//! A file whose text was read, and places in it.

use crate::Scope;
use crate::python::{Lines, decode};
use crate::report::place;
use crate::source::number;
use beanpole_model::Location;
use std::borrow::Cow;

/// The largest file that is read, in bytes. The largest lock files of public projects have some 3 MiB.
pub(super) const LARGEST: usize = 16 * 1024 * 1024;

/// A text with its path.
#[derive(Debug)]
pub(super) struct Source<'a> {
    pub(super) path: &'a str,
    pub(super) text: Cow<'a, str>,
    lines: Lines,
}

/// What is wrong with a file, and at which byte of its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) why: String,
}

impl<'a> Source<'a> {
    /// The text of a file; if it cannot be read, an empty one and the fault.
    pub(super) fn new(path: &'a str, bytes: &'a [u8]) -> (Self, Option<Fault>) {
        let (text, fault) = match decode(bytes) {
            Ok(_) if bytes.len() > LARGEST => {
                let why = format!(
                    "the file has {} bytes; up to {LARGEST} are read",
                    bytes.len()
                );
                (Cow::Borrowed(""), Some(Fault { at: 0, why }))
            }
            Ok(text) => (text, None),
            Err(_) if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") => {
                let why = "the file is UTF-16; save it as UTF-8".to_owned();
                (Cow::Borrowed(""), Some(Fault { at: 0, why }))
            }
            Err(_) => {
                let why = "the file is not UTF-8".to_owned();
                (Cow::Borrowed(""), Some(Fault { at: 0, why }))
            }
        };
        let lines = Lines::new(text.as_bytes());
        (Self { path, text, lines }, fault)
    }

    /// The place of a byte of the text.
    pub(super) fn place(&self, at: usize) -> Location {
        place(
            self.path,
            self.lines.position(self.text.as_bytes(), number(at)),
        )
    }

    /// The line of a byte of the text.
    pub(super) fn line(&self, at: usize) -> u32 {
        self.lines.position(self.text.as_bytes(), number(at)).0
    }

    /// Whether a line of that part of the text changed.
    pub(super) fn is_changed(&self, scope: &Scope, from: usize, to: usize) -> bool {
        scope.change(self.path).is_some_and(|change| {
            change.is_there()
                && change
                    .lines
                    .touches(self.line(from), self.line(to.max(from)))
        })
    }
}

/// Whether anything of that file changed, or whether it is gone.
pub(super) fn is_touched(scope: &Scope, path: &str) -> bool {
    scope.change(path).is_some() || is_gone(scope, path)
}

/// Whether this change deleted or moved the file.
pub(super) fn is_gone(scope: &Scope, path: &str) -> bool {
    scope.changes.iter().any(|change| match &change.kind {
        crate::ChangeKind::Deleted => change.path == path,
        crate::ChangeKind::Renamed { from } => from == path,
        _ => false,
    })
}

/// Whether the file is there, read or not.
pub(super) fn exists(scope: &Scope, path: &str) -> bool {
    scope.entries.contains_key(path) || scope.tree.get(path).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Change, ChangeKind, ChangedLines};

    #[test]
    fn what_cannot_be_read_is_a_fault_with_a_place() {
        for bytes in [b"\xff\xfed\0".as_slice(), b"a\xe9"] {
            let (source, fault) = Source::new("a.txt", bytes);
            assert!(source.text.is_empty() && fault.is_some());
            assert_eq!(source.place(fault.unwrap().at).to_string(), "a.txt:1:1");
        }
        let big = vec![b'a'; LARGEST + 1];
        assert!(Source::new("a", &big).1.unwrap().why.contains("bytes"));
    }

    #[test]
    fn a_byte_order_mark_moves_nothing() {
        let (source, fault) = Source::new("a.txt", b"\xef\xbb\xbfa\nb");
        assert!(fault.is_none());
        assert_eq!(source.place(2).to_string(), "a.txt:2:1");
    }

    #[test]
    fn moved_files_are_gone() {
        let scope = Scope {
            changes: vec![Change {
                path: "b".to_owned(),
                kind: ChangeKind::Renamed {
                    from: "a".to_owned(),
                },
                lines: ChangedLines::Only(vec![(2, 2)]),
                counts: None,
            }],
            ..Scope::default()
        };
        assert!(is_gone(&scope, "a") && !is_gone(&scope, "b") && is_touched(&scope, "b"));
        let (source, _) = Source::new("b", b"x\ny\nz");
        assert!(source.is_changed(&scope, 0, 2) && !source.is_changed(&scope, 4, 4));
    }
}
