//! What a push does to references: the lines that git writes to `pre-push` and `pre-receive`.

use serde::Serialize;

use crate::commit::CommitId;
use crate::range::{CommitRange, Without};

/// The most references of one push that are read. More are no push of a person.
const MOST: usize = 10_000;

/// A reference that a push changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReferenceUpdate {
    /// The whole name on the side that receives: `refs/heads/main`.
    pub reference: String,
    /// What it points to before; none for a new one.
    pub old: Option<CommitId>,
    /// What it points to afterwards; none for one that is deleted. Of an annotated tag, the tag's own id.
    pub new: Option<CommitId>,
}

/// What kind of reference it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReferenceKind {
    /// A branch.
    Branch,
    /// A tag.
    Tag,
    /// Anything else: notes, a server's own.
    Other,
}

/// A line that is not in git's form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpdateError {
    /// A line that is not in git's form.
    #[error("line {line} of what git writes to a hook is not in its form: `{text}`")]
    Line {
        /// The line, from 1.
        line: usize,
        /// What it says.
        text: String,
    },
    /// More references than any push has.
    #[error("the push changes more than {MOST} references")]
    TooMany,
}

impl ReferenceUpdate {
    /// Reads what git writes to `pre-receive`: `<old> <new> <reference>` on each line.
    ///
    /// # Errors
    /// [`UpdateError`].
    pub fn received(input: &str) -> Result<Vec<Self>, UpdateError> {
        read(input, |line| {
            let mut fields = line.splitn(3, ' ');
            let (old, new) = (fields.next()?, fields.next()?);
            Self::new(fields.next()?, old, new)
        })
    }

    /// Reads what git writes to `pre-push`: `<local reference> <new> <remote reference> <old>` on each line.
    ///
    /// # Errors
    /// [`UpdateError`].
    pub fn pushed(input: &str) -> Result<Vec<Self>, UpdateError> {
        read(input, |line| {
            // What is pushed may be an expression with spaces; the names of references have none.
            let mut fields = line.rsplitn(4, ' ');
            let (old, reference, new) = (fields.next()?, fields.next()?, fields.next()?);
            fields.next()?;
            Self::new(reference, old, new)
        })
    }

    fn new(reference: &str, old: &str, new: &str) -> Option<Self> {
        let id = |text: &str| -> Option<Option<CommitId>> {
            let id = CommitId::new(text).ok()?;
            let is_none = id.as_str().bytes().all(|digit| digit == b'0');
            Some((!is_none).then_some(id))
        };
        (!reference.is_empty()).then_some(Self {
            reference: reference.to_owned(),
            old: id(old)?,
            new: id(new)?,
        })
    }

    /// What kind of reference it is.
    #[must_use]
    pub fn kind(&self) -> ReferenceKind {
        if self.reference.starts_with("refs/heads/") {
            ReferenceKind::Branch
        } else if self.reference.starts_with("refs/tags/") {
            ReferenceKind::Tag
        } else {
            ReferenceKind::Other
        }
    }

    /// The name without `refs/heads/` or `refs/tags/`.
    #[must_use]
    pub fn short_name(&self) -> &str {
        let name = self.reference.as_str();
        ["refs/heads/", "refs/tags/"]
            .iter()
            .find_map(|prefix| name.strip_prefix(prefix))
            .unwrap_or(name)
    }

    /// The commits that are new where the push is received. None for a deletion. While `pre-receive` runs, no
    /// reference has them yet, so what any reference has is not new: not on a new branch, and not after a
    /// forced push.
    #[must_use]
    pub fn received_range(&self) -> Option<CommitRange> {
        Some(CommitRange {
            to: self.new.clone()?,
            without: Without::AnyReference,
        })
    }

    /// The commits that a push would make known: those that no remote has, as far as this clone knows. What is
    /// taken from one remote to another is not new, and a remote without a name is no reason to judge the whole
    /// history. None for a deletion.
    #[must_use]
    pub fn pushed_range(&self) -> Option<CommitRange> {
        Some(CommitRange {
            to: self.new.clone()?,
            without: Without::AnyRemote,
        })
    }
}

fn read(
    input: &str,
    parse: impl Fn(&str) -> Option<ReferenceUpdate>,
) -> Result<Vec<ReferenceUpdate>, UpdateError> {
    let mut updates = Vec::new();
    for (index, line) in input.lines().enumerate() {
        if line.is_empty() {
            continue;
        }
        if updates.len() == MOST {
            return Err(UpdateError::TooMany);
        }
        updates.push(parse(line).ok_or_else(|| UpdateError::Line {
            line: index + 1,
            text: line.chars().take(200).collect(),
        })?);
    }
    Ok(updates)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn new_changed_and_deleted_references() {
        let (zero, one, two) = ("0".repeat(40), "1".repeat(40), "2".repeat(40));
        let input = format!(
            "{zero} {one} refs/heads/feature/x\n{one} {two} refs/tags/v1\n{one} {zero} refs/notes/x\n"
        );
        let updates = ReferenceUpdate::received(&input).unwrap();
        let seen: Vec<_> = updates
            .iter()
            .map(|update| {
                (
                    update.short_name(),
                    update.kind(),
                    update.old.is_some(),
                    update.new.is_some(),
                )
            })
            .collect();
        assert_eq!(
            seen,
            [
                ("feature/x", ReferenceKind::Branch, false, true),
                ("v1", ReferenceKind::Tag, true, true),
                ("refs/notes/x", ReferenceKind::Other, true, false),
            ]
        );
        assert_eq!(updates[2].received_range(), None);
        assert_eq!(updates[2].pushed_range(), None);
    }

    #[test]
    fn what_is_pushed_may_have_any_name_here() {
        let (zero, one) = ("0".repeat(64), "1".repeat(64));
        let input = format!(
            "HEAD@{{1 day ago}} {one} refs/heads/x {zero}\n(delete) {zero} refs/heads/y {one}\n"
        );
        let updates = ReferenceUpdate::pushed(&input).unwrap();
        assert_eq!(updates[0].reference, "refs/heads/x");
        assert_eq!(
            (updates[0].old.is_some(), updates[0].new.is_some()),
            (false, true)
        );
        assert_eq!(
            (updates[1].old.is_some(), updates[1].new.is_some()),
            (true, false)
        );
    }

    #[test]
    fn other_lines_are_refused_with_their_number() {
        let (zero, one) = ("0".repeat(40), "1".repeat(40));
        let input = format!("{zero} {one} refs/heads/x\nHEAD main x\n");
        let error = ReferenceUpdate::received(&input).unwrap_err();
        assert!(
            matches!(error, UpdateError::Line { line: 2, .. }),
            "{error}"
        );
        assert!(ReferenceUpdate::received(&format!("{zero} {one} \n")).is_err());
        assert!(ReferenceUpdate::pushed(&format!("{one} refs/heads/x {zero}\n")).is_err());
        let many = format!("{zero} {one} refs/heads/x\n").repeat(MOST + 1);
        assert_eq!(ReferenceUpdate::received(&many), Err(UpdateError::TooMany));
        assert_eq!(ReferenceUpdate::received(""), Ok(Vec::new()));
    }

    proptest! {
        #[test]
        fn never_panics(input in ".{0,100}") {
            let _ = ReferenceUpdate::received(&input);
            let _ = ReferenceUpdate::pushed(&input);
        }
    }
}
