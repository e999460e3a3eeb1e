//! Parts of a text that are replaced, and the rest of it that stays byte for byte.

use std::ops::Range;

/// The mark with which some editors begin a UTF-8 file.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A part of a file to replace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The bytes, as they are in the file: a byte order mark counts. An empty range inserts.
    pub range: Range<usize>,
    /// The new text. Its line breaks are `\n`: they become those of the file.
    pub replacement: String,
}

/// Why edits could not be applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FixError {
    /// A range ends before it begins, or beyond the file.
    #[error("bytes {start} to {end} are not in the file, which has {length}")]
    Outside {
        /// The beginning of the range.
        start: usize,
        /// The end of the range.
        end: usize,
        /// The length of the file.
        length: usize,
    },
    /// Two edits want the same bytes, or to insert at the same place.
    #[error("two fixes want to change what stands at byte {at}")]
    Overlap {
        /// Where they meet.
        at: usize,
    },
    /// A range begins or ends inside of a character or of a line break.
    #[error("byte {at} is inside of a character or a line break")]
    Inside {
        /// Which end.
        at: usize,
    },
    /// An edit would remove the byte order mark, or write before it.
    #[error("the fix would touch the byte order mark")]
    ByteOrderMark,
}

/// The content with the edits applied.
///
/// Line breaks in replacements become `\r\n` where the file has more of those than of `\n` alone. What is not
/// replaced stays as it is, byte for byte.
///
/// # Errors
/// [`FixError`]; then nothing was applied.
pub fn apply(content: &[u8], edits: &[Edit]) -> Result<Vec<u8>, FixError> {
    let mut edits: Vec<&Edit> = edits.iter().collect();
    edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
    let is_windows = has_windows_breaks(content);
    let mut result = Vec::with_capacity(content.len());
    let mut position = 0;
    let mut last: Option<&Edit> = None;
    for edit in edits {
        let Range { start, end } = edit.range;
        let outside = FixError::Outside {
            start,
            end,
            length: content.len(),
        };
        if start > end || end > content.len() {
            return Err(outside);
        }
        if start < position || last.is_some_and(|last| last.range == edit.range) {
            return Err(FixError::Overlap { at: start });
        }
        if content.starts_with(BYTE_ORDER_MARK) && start < BYTE_ORDER_MARK.len() {
            return Err(FixError::ByteOrderMark);
        }
        if let Some(at) = [start, end].into_iter().find(|at| is_inside(content, *at)) {
            return Err(FixError::Inside { at });
        }
        result.extend_from_slice(content.get(position..start).unwrap_or_default());
        let plain = edit.replacement.replace("\r\n", "\n");
        if is_windows {
            result.extend_from_slice(plain.replace('\n', "\r\n").as_bytes());
        } else {
            result.extend_from_slice(plain.as_bytes());
        }
        position = end;
        last = Some(edit);
    }
    result.extend_from_slice(content.get(position..).unwrap_or_default());
    Ok(result)
}

/// Whether most lines end as on Windows.
fn has_windows_breaks(content: &[u8]) -> bool {
    let mut windows = 0usize;
    let mut all = 0usize;
    let mut before = 0u8;
    for byte in content {
        if *byte == b'\n' {
            all += 1;
            windows += usize::from(before == b'\r');
        }
        before = *byte;
    }
    windows > all - windows
}

/// Whether a place lies between the bytes of one character, or of `\r\n`.
fn is_inside(content: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|index| content.get(index));
    match (before, content.get(at)) {
        (Some(b'\r'), Some(b'\n')) => true,
        (Some(_), Some(byte)) => byte & 0b1100_0000 == 0b1000_0000,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn edit(range: Range<usize>, replacement: &str) -> Edit {
        Edit {
            range,
            replacement: replacement.to_owned(),
        }
    }

    #[test]
    fn edits_apply_in_any_order() {
        let edits = [edit(8..9, "Z"), edit(0..3, "one"), edit(4..4, "+")];
        assert_eq!(apply(b"abc def ghi", &edits).unwrap(), b"one +def Zhi");
        assert_eq!(apply(b"abc", &[]).unwrap(), b"abc");
        // Next to each other is not over each other.
        let next = [edit(0..1, "x"), edit(1..2, "y")];
        assert_eq!(apply(b"abc", &next).unwrap(), b"xyc");
    }

    #[test]
    fn the_files_own_line_breaks_and_mark_stay() {
        let windows = b"\xef\xbb\xbfa\r\nb\r\nc\n";
        let fixed = apply(windows, &[edit(3..4, "x\ny\r\nz")]).unwrap();
        assert_eq!(fixed, b"\xef\xbb\xbfx\r\ny\r\nz\r\nb\r\nc\n");
        assert_eq!(
            apply(windows, &[edit(0..4, "x")]),
            Err(FixError::ByteOrderMark)
        );
        assert_eq!(
            apply(windows, &[edit(4..5, "x")]),
            Err(FixError::Inside { at: 5 })
        );
        assert_eq!(apply(b"a\n", &[edit(0..1, "x\r\ny")]).unwrap(), b"x\ny\n");
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let overlap = [edit(0..3, "x"), edit(2..4, "y")];
        assert_eq!(apply(b"abcdef", &overlap), Err(FixError::Overlap { at: 2 }));
        let twice = [edit(1..1, "x"), edit(1..1, "y")];
        assert_eq!(apply(b"abc", &twice), Err(FixError::Overlap { at: 1 }));
        assert!(matches!(
            apply(b"abc", &[edit(2..9, "")]),
            Err(FixError::Outside {
                end: 9,
                length: 3,
                ..
            })
        ));
        let wrong_way = Range { start: 2, end: 1 };
        assert!(apply(b"abc", &[edit(wrong_way, "")]).is_err());
        assert_eq!(
            apply("é".as_bytes(), &[edit(1..2, "")]),
            Err(FixError::Inside { at: 1 })
        );
    }

    proptest! {
        #[test]
        fn never_panics_and_keeps_text_valid(
            text in "(\u{feff}|\r|\n|a|é|😀){0,12}",
            edits in prop::collection::vec((0usize..30, 0usize..30, "[a\n]{0,3}"), 0..4),
        ) {
            let edits: Vec<Edit> = edits
                .into_iter()
                .map(|(start, end, replacement)| Edit { range: start..end, replacement })
                .collect();
            if let Ok(fixed) = apply(text.as_bytes(), &edits) {
                prop_assert!(String::from_utf8(fixed).is_ok());
            }
        }
    }
}
