//! Bytes to text, and byte offsets to lines and columns.

use super::{Span, Unreadable};
use std::borrow::Cow;

/// The text of a Python file: UTF-8 with or without a byte order mark, or Latin-1 where the file says so (PEP 263).
pub(crate) fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, Unreadable> {
    let bytes = without_mark(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Cow::Borrowed(text)),
        Err(_) if declares_latin_1(bytes) => Ok(Cow::Owned(
            bytes.iter().map(|byte| char::from(*byte)).collect(),
        )),
        Err(error) => {
            let at = u32::try_from(error.valid_up_to()).unwrap_or(u32::MAX);
            Err(Unreadable {
                why: "the file is not UTF-8 and names no other encoding that we read (Latin-1)"
                    .to_owned(),
                at: Some(Span { start: at, end: at }),
            })
        }
    }
}

/// Whether one of the first two lines is a comment that names Latin-1.
fn declares_latin_1(bytes: &[u8]) -> bool {
    bytes.split(|byte| *byte == b'\n').take(2).any(|line| {
        let line = String::from_utf8_lossy(line).to_lowercase();
        let Some((_, name)) = line.split_once("coding") else {
            return false;
        };
        let name = name.trim_start_matches([':', '=', ' ']).replace('_', "-");
        line.trim_start().starts_with('#')
            && ["latin-1", "iso-8859-1", "iso8859-1", "latin1", "l1"]
                .iter()
                .any(|known| name.starts_with(known))
    })
}

/// Finds lines and columns in a text.
#[derive(Debug)]
pub(crate) struct Lines {
    /// The offset of the first byte of each line.
    starts: Vec<usize>,
    /// The text, where it is not the file's bytes.
    decoded: Option<String>,
}

impl Lines {
    /// For a file as it was read; the byte order mark may be there.
    pub(crate) fn new(bytes: &[u8]) -> Self {
        // Most files are ASCII, which is seen sooner than that they are UTF-8.
        let decoded = match (!bytes.is_ascii()).then(|| decode(bytes)) {
            Some(Ok(Cow::Owned(text))) => Some(text),
            _ => None,
        };
        let newlines = text(decoded.as_deref(), bytes)
            .iter()
            .enumerate()
            .filter(|(_, byte)| **byte == b'\n')
            .map(|(at, _)| at + 1);
        Self {
            starts: std::iter::once(0).chain(newlines).collect(),
            decoded,
        }
    }

    /// Line and column of a byte offset of that file's text, both from 1; the column counts characters.
    pub(crate) fn position(&self, bytes: &[u8], offset: u32) -> (u32, u32) {
        let text = text(self.decoded.as_deref(), bytes);
        let line = self.line(offset);
        let offset = usize::try_from(offset)
            .unwrap_or(usize::MAX)
            .min(text.len());
        let start = usize::try_from(line - 1)
            .ok()
            .and_then(|line| self.starts.get(line))
            .copied()
            .unwrap_or_default();
        let in_line = text.get(start..offset).unwrap_or_default();
        // Bytes that continue a UTF-8 sequence are not characters of their own.
        let column = in_line
            .iter()
            .filter(|byte| (**byte & 0xC0) != 0x80)
            .count();
        (
            line,
            u32::try_from(column).unwrap_or(u32::MAX).saturating_add(1),
        )
    }

    /// The place among the file's bytes of a byte offset of its text: behind the byte order mark, and one byte for each
    /// letter of Latin-1. What is behind the end stays there.
    pub(crate) fn raw_offset(&self, bytes: &[u8], offset: u32) -> usize {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let mark = bytes.len() - without_mark(bytes).len();
        let in_text = self.decoded.as_deref().map_or(offset, |text| {
            text.char_indices()
                .take_while(|(at, _)| *at < offset)
                .count()
        });
        mark.saturating_add(in_text)
    }

    /// The line of a byte offset, from 1; the last one for what is behind the end.
    pub(crate) fn line(&self, offset: u32) -> u32 {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let line = self.starts.partition_point(|start| *start <= offset);
        u32::try_from(line).unwrap_or(u32::MAX).max(1)
    }
}

/// The bytes of the text in which offsets count.
fn text<'t>(decoded: Option<&'t str>, bytes: &'t [u8]) -> &'t [u8] {
    decoded.map_or_else(|| without_mark(bytes), str::as_bytes)
}

fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_is_not_part_of_the_text() {
        let bytes = b"\xef\xbb\xbfx = 1";
        assert_eq!(decode(bytes).unwrap(), "x = 1");
        assert_eq!(Lines::new(bytes).raw_offset(bytes, 2), 5);
    }

    #[test]
    fn places_in_latin_1_are_those_of_the_text() {
        let bytes = b"# coding: latin-1\nx = '\xe9\xe9\xe9'\ny = '\xe9' + z\n";
        let text = decode(bytes).unwrap();
        let offset = u32::try_from(text.find('z').unwrap()).unwrap();
        let lines = Lines::new(bytes);
        assert_eq!(lines.position(bytes, offset), (3, 11));
        assert_eq!(lines.line(offset), 3);
        let raw = lines.raw_offset(bytes, offset);
        assert_eq!(bytes.get(raw..), Some(&b"z\n"[..]));
        // What cannot be decoded has its own bytes.
        assert_eq!(Lines::new(b"\xff\nx").position(b"\xff\nx", 2), (2, 1));
    }

    #[test]
    fn latin_1_is_read_only_where_it_is_declared() {
        assert_eq!(
            decode(b"# -*- coding: latin-1 -*-\nx = '\xe9'").unwrap(),
            "# -*- coding: latin-1 -*-\nx = 'é'"
        );
        let error = decode(b"x = '\xe9'").unwrap_err();
        assert_eq!(error.at, Some(Span { start: 5, end: 5 }));
    }

    #[test]
    fn columns_count_characters() {
        let bytes = "a\nżółw = 1".as_bytes();
        let lines = Lines::new(bytes);
        assert_eq!(lines.position(bytes, 0), (1, 1));
        assert_eq!(lines.position(bytes, 2), (2, 1));
        let equals = u32::try_from("a\nżółw ".len()).unwrap();
        assert_eq!(lines.position(bytes, equals), (2, 6));
        assert_eq!(lines.position(bytes, 9_999), (2, 9));
    }
}
