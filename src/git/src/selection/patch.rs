//! The changed lines of a patch without context, read as it comes.

use std::io::BufRead;

use crate::selection::Lines;

/// How much of a line is looked at. All that matters stands at the beginning.
const HEAD: usize = 256;

/// What was wrong while a patch was read.
#[derive(Debug)]
pub(super) enum PatchError {
    Read(std::io::Error),
    Unexpected(String),
}

/// Reads a patch made with `--unified=0`: one item for each file, in order.
pub(super) fn parse(patch: &mut dyn BufRead) -> Result<Vec<Lines>, PatchError> {
    let mut files: Vec<Lines> = Vec::new();
    // The lines of a hunk that are still to come. Nothing among them is a header, whatever it looks like.
    let mut left: u64 = 0;
    while let Some(line) = head_of_line(patch).map_err(PatchError::Read)? {
        if left > 0 {
            // "\ No newline at end of file" is not counted by git.
            if !line.starts_with(b"\\") {
                left -= 1;
            }
        } else if line.starts_with(b"diff --git ") {
            files.push(Lines::Only(Vec::new()));
        } else if line.starts_with(b"@@ ") {
            let hunk = hunk(&line).ok_or_else(|| {
                PatchError::Unexpected(String::from_utf8_lossy(&line).into_owned())
            })?;
            left = u64::from(hunk.removed) + u64::from(hunk.added);
            if let Some(Lines::Only(ranges)) = files.last_mut()
                && hunk.added > 0
            {
                ranges.push((hunk.start, hunk.start.saturating_add(hunk.added - 1)));
            }
        } else if line.starts_with(b"Binary files ")
            && let Some(file) = files.last_mut()
        {
            *file = Lines::All;
        }
    }
    Ok(files)
}

/// The beginning of the next line, or `None` at the end. The rest of the line is passed over.
fn head_of_line(patch: &mut dyn BufRead) -> std::io::Result<Option<Vec<u8>>> {
    let mut head = Vec::new();
    let mut is_end = true;
    loop {
        let bytes = patch.fill_buf()?;
        if bytes.is_empty() {
            return Ok((!is_end).then_some(head));
        }
        is_end = false;
        let line_break = bytes.iter().position(|byte| *byte == b'\n');
        let part = bytes.split_at(line_break.unwrap_or(bytes.len())).0;
        head.extend(part.iter().take(HEAD.saturating_sub(head.len())));
        let used = part.len() + usize::from(line_break.is_some());
        patch.consume(used);
        if line_break.is_some() {
            return Ok(Some(head));
        }
    }
}

/// The numbers of `@@ -<start>,<removed> +<start>,<added> @@`; a count of 1 is left out.
struct Hunk {
    removed: u32,
    start: u32,
    added: u32,
}

fn hunk(line: &[u8]) -> Option<Hunk> {
    let line = String::from_utf8_lossy(line);
    let mut fields = line.split(' ').skip(1);
    let (_, removed) = range(fields.next()?.strip_prefix('-')?)?;
    let (start, added) = range(fields.next()?.strip_prefix('+')?)?;
    Some(Hunk {
        removed,
        start,
        added,
    })
}

fn range(text: &str) -> Option<(u32, u32)> {
    match text.split_once(',') {
        Some((start, count)) => Some((start.parse().ok()?, count.parse().ok()?)),
        None => Some((text.parse().ok()?, 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(patch: &str) -> Vec<Lines> {
        parse(&mut patch.as_bytes()).unwrap()
    }

    #[test]
    fn hunks_are_counted_so_that_content_cannot_pose_as_a_header() {
        let patch = "diff --git a/x b/x\nindex 1..2 100644\n--- a/x\n+++ b/x\n@@ -1 +1,2 @@ def f():\n-old\n+diff --git a/y b/y\n+@@ -1 +9,9 @@\n\\ No newline at end of file\n@@ -7,2 +8,0 @@\n-a\n-b\ndiff --git a/pic b/pic\nBinary files a/pic and b/pic differ\n";
        assert_eq!(lines(patch), [Lines::Only(vec![(1, 2)]), Lines::All]);
    }

    #[test]
    fn a_removed_line_that_begins_with_a_backslash_is_counted() {
        let patch = "diff --git a/x b/x\n@@ -1 +1 @@\n-\\ No newline\n+b\n@@ -4 +4 @@\n-c\n+d\n";
        assert_eq!(lines(patch), [Lines::Only(vec![(1, 1), (4, 4)])]);
    }

    #[test]
    fn long_lines_are_not_kept() {
        let patch = format!(
            "diff --git a/x b/x\n@@ -0,0 +1,2 @@\n+{}\n+b\n@@ -4 +9 @@\n",
            "x".repeat(100_000)
        );
        assert_eq!(lines(&patch), [Lines::Only(vec![(1, 2), (9, 9)])]);
    }

    #[test]
    fn a_hunk_without_numbers_is_refused() {
        let patch = b"diff --git a/x b/x\n@@ -x +y @@\n";
        assert!(matches!(
            parse(&mut patch.as_slice()),
            Err(PatchError::Unexpected(_))
        ));
    }

    proptest! {
        #[test]
        fn never_panics(patch in "(diff --git a\n|@@ -[0-9]{1,10},[0-9]{1,10} \\+[0-9]{1,10},[0-9]{1,10} @@\n|[-+ \\\\].{0,9}\n){0,20}") {
            let _ = parse(&mut patch.as_bytes());
        }
    }
}
