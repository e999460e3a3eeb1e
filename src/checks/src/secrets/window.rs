//! The parts of a file that are worth a look: lines, or parts of very long ones, around a keyword.

/// Lines up to this length, in bytes, are looked at whole.
const WHOLE_LINE: usize = 4096;

/// Of longer ones, so much before a keyword,
const BEFORE: usize = 256;
/// and so much behind it.
const BEHIND: usize = 4096;

/// A part of one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Where the line begins.
    pub(super) line_start: usize,
    /// The line, from 1.
    pub(super) line: u32,
}

/// Walks through the lines of a text, forwards only, so that it needs no list of them.
pub(super) struct Cursor<'t> {
    text: &'t [u8],
    line: u32,
    line_start: usize,
    line_end: usize,
}

impl<'t> Cursor<'t> {
    pub(super) fn new(text: &'t [u8]) -> Self {
        let mut cursor = Self {
            text,
            line: 1,
            line_start: 0,
            line_end: 0,
        };
        cursor.line_end = cursor.end_of_line(0);
        cursor
    }

    fn end_of_line(&self, from: usize) -> usize {
        self.text
            .get(from..)
            .and_then(|rest| memchr::memchr(b'\n', rest))
            .map_or(self.text.len(), |length| from + length)
    }

    /// The window around a keyword at that offset, which must not lie before the former one's line.
    pub(super) fn window(&mut self, offset: usize) -> Window {
        while offset > self.line_end && self.line_end < self.text.len() {
            self.line_start = self.line_end + 1;
            self.line = self.line.saturating_add(1);
            self.line_end = self.end_of_line(self.line_start);
        }
        let is_short = self.line_end - self.line_start <= WHOLE_LINE;
        Window {
            start: if is_short {
                self.line_start
            } else {
                offset.saturating_sub(BEFORE).max(self.line_start)
            },
            end: if is_short {
                self.line_end
            } else {
                offset.saturating_add(BEHIND).min(self.line_end)
            },
            line_start: self.line_start,
            line: self.line,
        }
    }
}

/// The column of an offset in a line that begins there: from 1, in characters.
pub(super) fn column(text: &[u8], line_start: usize, offset: usize) -> u32 {
    let before = text.get(line_start..offset).unwrap_or_default();
    let characters = before.iter().filter(|byte| (**byte & 0xC0) != 0x80).count();
    u32::try_from(characters)
        .unwrap_or(u32::MAX)
        .saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_line_is_taken_whole() {
        let text = b"one\ntwo key\n\nfour";
        let mut cursor = Cursor::new(text);
        let two = cursor.window(8);
        assert_eq!(
            (two.line, &text[two.start..two.end]),
            (2, b"two key".as_slice())
        );
        assert_eq!(cursor.window(5), two);
        let four = cursor.window(13);
        assert_eq!(
            (four.line, &text[four.start..four.end]),
            (4, b"four".as_slice())
        );
        assert_eq!(column("żółw = x".as_bytes(), 0, "żółw = ".len()), 8);
    }

    #[test]
    fn a_long_line_is_taken_around_the_keyword() {
        let text = vec![b'a'; 100_000];
        let window = Cursor::new(&text).window(50_000);
        assert_eq!(
            (window.start, window.end, window.line),
            (50_000 - BEFORE, 50_000 + BEHIND, 1)
        );
    }

    #[test]
    fn an_empty_text_has_one_empty_line() {
        let window = Cursor::new(b"").window(0);
        assert_eq!((window.start, window.end, window.line), (0, 0, 1));
    }
}
