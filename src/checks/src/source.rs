//! The text of a file that is not Python, and places in it.

/// The largest Dockerfile, script, compose file or workflow that is read. Those that people write have a few kilobytes; GitHub
/// itself refuses workflows of more than 512 KiB.
const LARGEST: usize = 1024 * 1024;

/// A stretch of a file that a finding is about: where it begins, and the last line that belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place {
    /// From 1.
    pub(crate) line: u32,
    /// From 1, counted in characters.
    pub(crate) column: u32,
    /// A change of any line up to this one is a change of the thing.
    pub(crate) last_line: u32,
}

impl Place {
    pub(crate) const START: Self = Self::point(1, 1);

    /// A place of one line.
    pub(crate) const fn point(line: u32, column: u32) -> Self {
        Self {
            line,
            column,
            last_line: line,
        }
    }

    /// The same beginning, reaching further.
    pub(crate) fn until(self, last_line: u32) -> Self {
        Self {
            last_line: last_line.max(self.line),
            ..self
        }
    }
}

/// A text that knows its lines. A byte order mark is not part of it.
#[derive(Clone, Debug)]
pub(crate) struct Source<'t> {
    pub(crate) text: &'t str,
    /// The offset of the first byte of each line.
    starts: Vec<usize>,
}

impl<'t> Source<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        let newlines = text.match_indices('\n').map(|(at, _)| at + 1);
        Self {
            text,
            starts: std::iter::once(0).chain(newlines).collect(),
        }
    }

    /// The text of a file, or why it is not read.
    pub(crate) fn read(bytes: &'t [u8]) -> Result<Self, &'static str> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        if bytes.len() > LARGEST {
            return Err("the file is larger than 1 MiB");
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Self::new(text)),
            Err(_) => Err("the file is not UTF-8"),
        }
    }

    /// The place of a byte offset.
    pub(crate) fn place(&self, offset: usize) -> Place {
        let offset = offset.min(self.text.len());
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = line
            .checked_sub(1)
            .and_then(|line| self.starts.get(line))
            .copied()
            .unwrap_or_default();
        let before = self
            .text
            .as_bytes()
            .get(start..offset)
            .unwrap_or_default()
            .iter()
            // Bytes that continue a character are not characters of their own.
            .filter(|byte| (**byte & 0xC0) != 0x80)
            .count();
        Place::point(number(line).max(1), number(before).saturating_add(1))
    }

    /// The offset of the first byte of a line.
    pub(crate) fn line_start(&self, line: u32) -> usize {
        usize::try_from(line)
            .ok()
            .and_then(|line| self.starts.get(line.checked_sub(1)?))
            .copied()
            .unwrap_or(self.text.len())
    }
}

/// A count as the number of a line or column.
pub(crate) fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_characters() {
        let source = Source::read("\u{feff}a\nżółw: 1\n".as_bytes()).unwrap();
        assert_eq!(source.place(0), Place::point(1, 1));
        assert_eq!(
            source.place(source.text.find(':').unwrap()),
            Place::point(2, 5)
        );
        assert_eq!(source.place(9_999), Place::point(3, 1));
        assert_eq!(source.line_start(2), 2);
        assert_eq!(source.line_start(99), source.text.len());
    }

    #[test]
    fn what_is_no_text_is_not_read() {
        assert!(Source::read(b"\xff").is_err());
        assert!(Source::read(&vec![b'a'; LARGEST + 1]).is_err());
        assert!(Source::read(&vec![b'a'; LARGEST]).is_ok());
    }
}
