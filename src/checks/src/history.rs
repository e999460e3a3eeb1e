//! What a commit added to a file, told from the two contents alone.

use crate::ChangedLines;
use crate::source::number;
use std::collections::HashMap;

/// The lines of a content that the former content does not have. A line that only moved is not among them; one that stands
/// there once more than before is. Without a former content, all are.
#[must_use]
pub fn added_lines(former: Option<&[u8]>, content: &[u8]) -> ChangedLines {
    let Some(former) = former else {
        return ChangedLines::All;
    };
    let mut known: HashMap<&[u8], usize> = HashMap::new();
    for line in lines(former) {
        *known.entry(line).or_default() += 1;
    }
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for (index, line) in lines(content).enumerate() {
        if let Some(left) = known.get_mut(line).filter(|left| **left > 0) {
            *left -= 1;
            continue;
        }
        let line = number(index + 1);
        match ranges.last_mut() {
            Some((_, last)) if last.saturating_add(1) == line => *last = line,
            Some(_) | None => ranges.push((line, line)),
        }
    }
    ChangedLines::Only(ranges)
}

fn lines(content: &[u8]) -> impl Iterator<Item = &[u8]> {
    content.split(|byte| *byte == b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_new_is_told_from_what_moved() {
        let added =
            |former: &str, content: &str| added_lines(Some(former.as_bytes()), content.as_bytes());
        assert_eq!(added("a\nb\n", "b\na\n"), ChangedLines::Only(Vec::new()));
        assert_eq!(
            added("a\nb\n", "a\nx\ny\nb\nz\n"),
            ChangedLines::Only(vec![(2, 3), (5, 5)])
        );
        assert_eq!(added("a\n", "a\na\n"), ChangedLines::Only(vec![(2, 2)]));
        assert_eq!(added("", "a"), ChangedLines::Only(vec![(1, 1)]));
        assert_eq!(added_lines(None, b"a"), ChangedLines::All);
    }
}
