//! What `git diff-index --raw --numstat -z` and its siblings say about files.

use std::collections::BTreeMap;

use crate::selection::entries::mode;
use crate::selection::{Former, SelectedKind};

/// A file that changed, before its lines are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RawChange {
    pub(super) path: Vec<u8>,
    /// The former path of a file that was moved.
    pub(super) from: Option<Vec<u8>>,
    pub(super) status: Status,
    pub(super) former: Option<Former>,
    pub(super) counts: Counts,
}

/// Lines added and removed.
type Counts = Option<(u32, u32)>;

/// The letter that git gives a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Added,
    Modified,
    Renamed,
    Deleted,
    /// A file became a link or a submodule, or the reverse. Nothing of it can be compared.
    OtherType,
    /// A conflict that is not resolved.
    Unmerged,
}

impl Status {
    /// Whether `git diff --patch --diff-filter=MR` speaks of it.
    pub(super) const fn has_patch(self) -> bool {
        matches!(self, Self::Modified | Self::Renamed)
    }

    /// The kind of the change, if it is one.
    pub(super) fn kind(self, from: Option<String>) -> Option<SelectedKind> {
        Some(match self {
            Self::Added => SelectedKind::Added,
            Self::Modified | Self::OtherType => SelectedKind::Modified,
            Self::Renamed => SelectedKind::Renamed { from: from? },
            Self::Deleted => SelectedKind::Deleted,
            Self::Unmerged => return None,
        })
    }
}

/// Reads raw records and then counts, both separated by NUL. The error is a record that is not in the
/// documented form.
pub(super) fn parse(output: &[u8]) -> Result<Vec<RawChange>, String> {
    let mut changes: Vec<RawChange> = Vec::new();
    let mut counts = BTreeMap::new();
    let mut fields = output.split(|byte| *byte == 0);
    while let Some(record) = fields.next() {
        if record.is_empty() {
            continue;
        }
        let shown = || String::from_utf8_lossy(record).into_owned();
        let mut next = || fields.next().map(<[u8]>::to_vec).ok_or_else(shown);
        if record.starts_with(b":") {
            let status = status(record).ok_or_else(shown)?;
            let first = next()?;
            let (from, path) = match status {
                Status::Renamed => (Some(first), next()?),
                _ => (None, first),
            };
            changes.push(RawChange {
                path,
                from,
                status,
                former: former(record),
                counts: None,
            });
        } else {
            let (count, name) = numbers(record).ok_or_else(shown)?;
            let path = if name.is_empty() {
                // Of a moved file, both names follow.
                next()?;
                next()?
            } else {
                name.to_vec()
            };
            counts.insert(path, count);
        }
    }
    for change in &mut changes {
        change.counts = counts.get(&change.path).copied().flatten();
    }
    Ok(changes)
}

/// What was there before, in `:100644 100644 <object> <object> R086`; the mode of nothing is 0.
fn former(record: &[u8]) -> Option<Former> {
    let fields = std::str::from_utf8(record.strip_prefix(b":")?).ok()?;
    let mut fields = fields.split(' ');
    let mode = mode(fields.next()?)?;
    let object = fields.nth(1)?.to_owned();
    Some(Former { mode, object })
}

/// The status in `:100644 100644 <object> <object> R086`.
fn status(record: &[u8]) -> Option<Status> {
    let last = record.rsplit(|byte| *byte == b' ').next()?;
    Some(match last.first()? {
        b'A' => Status::Added,
        b'M' => Status::Modified,
        b'R' => Status::Renamed,
        b'D' => Status::Deleted,
        b'T' => Status::OtherType,
        b'U' => Status::Unmerged,
        _ => return None,
    })
}

/// What stands in `<added>TAB<removed>TAB<path>`; both are `-` for binary files.
fn numbers(record: &[u8]) -> Option<(Counts, &[u8])> {
    let mut fields = record.splitn(3, |byte| *byte == b'\t');
    let added = std::str::from_utf8(fields.next()?).ok()?;
    let removed = std::str::from_utf8(fields.next()?).ok()?;
    let path = fields.next()?;
    if (added, removed) == ("-", "-") {
        return Some((None, path));
    }
    Some((Some((added.parse().ok()?, removed.parse().ok()?)), path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_changes_and_their_counts() {
        let output = b":100644 100644 aa bb M\0a\nb\0:100644 100644 aa bb R086\0old\0new\0:000000 100644 00 cc A\0pic\x001\t2\ta\nb\x003\t0\t\0old\0new\0-\t-\tpic\0";
        let changes = parse(output).unwrap();
        assert_eq!(changes[0].path, b"a\nb");
        assert_eq!(changes[0].counts, Some((1, 2)));
        assert_eq!(changes[1].from.as_deref(), Some(b"old".as_slice()));
        assert_eq!(changes[1].counts, Some((3, 0)));
        assert_eq!(changes[2].counts, None);
        let before = |index: usize| {
            changes[index]
                .former
                .as_ref()
                .map(|one| one.object.as_str())
        };
        assert_eq!(
            [before(0), before(1), before(2)],
            [Some("aa"), Some("aa"), None]
        );
        for bad in [b":100644 X\0a\0".as_slice(), b":100644 M", b"1\ta\0"] {
            assert!(parse(bad).is_err());
        }
    }

    proptest! {
        #[test]
        fn never_panics(output in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&output);
        }
    }
}
