//! Commits and their ids.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

/// How many characters of a commit id are shown.
const SHORT: usize = 12;

/// The full id of a commit: 40 (SHA-1) or 64 (SHA-256) lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct CommitId(String);

/// A text that is not the full id of a commit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is not the full id of a commit: 40 or 64 hexadecimal digits")]
pub struct CommitIdError {
    value: String,
}

impl CommitId {
    /// Checks and wraps an id. Upper-case digits become lower case.
    ///
    /// # Errors
    /// [`CommitIdError`] unless it is a full id.
    pub fn new(value: impl Into<String>) -> Result<Self, CommitIdError> {
        let value = value.into();
        if is_object_id(&value) {
            Ok(Self(value.to_ascii_lowercase()))
        } else {
            Err(CommitIdError { value })
        }
    }

    /// The full id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first 12 digits, for people and for version labels.
    #[must_use]
    pub fn short(&self) -> &str {
        self.0.get(..SHORT).unwrap_or(&self.0)
    }
}

impl fmt::Display for CommitId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::str::FromStr for CommitId {
    type Err = CommitIdError;

    fn from_str(value: &str) -> Result<Self, CommitIdError> {
        Self::new(value)
    }
}

/// True for the full id of any object.
pub(crate) fn is_object_id(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// One commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Commit {
    /// Its id.
    pub id: CommitId,
    /// The first paragraph of its message, in one line.
    pub subject: String,
    /// The author's name.
    pub author: String,
    /// When it was committed.
    pub committed_at: Timestamp,
}

/// The format that [`parse_commits`] reads: one line for each commit, fields separated by NUL.
pub(crate) const COMMIT_FORMAT: &str = "--format=%H%x00%ct%x00%an%x00%s";

/// Reads lines of [`COMMIT_FORMAT`]. Lines without a NUL are the headers that `git rev-list` puts
/// before each commit. Text that is not UTF-8 is shown with marks.
pub(crate) fn parse_commits(output: &[u8]) -> Result<Vec<Commit>, String> {
    let mut commits = Vec::new();
    for line in output.split(|byte| *byte == b'\n') {
        if !line.contains(&0) {
            continue;
        }
        let line = String::from_utf8_lossy(line);
        let mut fields = line.splitn(4, '\0');
        let mut next = || fields.next().unwrap_or_default();
        let id = CommitId::new(next()).map_err(|error| error.to_string())?;
        let committed_at = next()
            .parse()
            .ok()
            .and_then(|seconds| Timestamp::from_second(seconds).ok())
            .ok_or_else(|| format!("the time of commit {} is not a number", id.short()))?;
        let author = next().to_owned();
        let subject = next().to_owned();
        commits.push(Commit {
            id,
            subject,
            author,
            committed_at,
        });
    }
    Ok(commits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ids_are_full_ones() {
        let id = CommitId::new("ABCDEF0123".repeat(4)).unwrap();
        assert_eq!(id.short(), "abcdef0123ab");
        for bad in ["", "abc123", &"g".repeat(40), "HEAD", "--all"] {
            assert!(CommitId::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn reads_lines_and_skips_headers() {
        let id = "0123456789".repeat(4);
        let output = format!("commit {id}\n{id}\0001700000000\0Ann Author\0Fix it: now\n");
        let commits = parse_commits(output.as_bytes()).unwrap();
        assert_eq!(commits.len(), 1);
        assert_eq!(commits[0].subject, "Fix it: now");
        assert_eq!(commits[0].committed_at.as_second(), 1_700_000_000);
    }

    proptest! {
        #[test]
        fn never_panics(output in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse_commits(&output);
        }
    }
}
