//! A range of commits: their messages, and the contents that they brought.
//!
//! Rules: what is read is bounded by a number that the caller gives, and a range that is longer says so.

use std::process::Output;

use serde::Serialize;

use crate::commit::{CommitId, is_object_id};
use crate::entry::Mode;
use crate::error::Error;
use crate::git::{failed, shown};
use crate::repository::Repository;

/// Some commits: all that `to` has, without those that something else has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitRange {
    /// The newest commit.
    pub to: CommitId,
    /// What is left out.
    pub without: Without,
}

/// What a range leaves out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Without {
    /// Nothing: the whole history.
    Nothing,
    /// What these commits have. A commit that the repository does not have is an error.
    Commits(Vec<CommitId>),
    /// What any branch or tag has: what a push brings that is still to be received.
    AnyReference,
    /// What is known of any remote.
    AnyRemote,
    /// What is known of one remote.
    Remote(String),
}

/// A commit with its whole message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CommitMessage {
    /// Its id.
    pub id: CommitId,
    /// How many parents it has: 2 or more make a merge.
    pub parents: usize,
    /// The message as it was written, without the line breaks at its end. Text that is not UTF-8 has marks.
    pub message: String,
}

/// A content that a commit brought to a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IntroducedBlob {
    /// The commit.
    pub commit: CommitId,
    /// The path; a name that is not UTF-8 has marks.
    pub path: String,
    /// How git keeps it.
    pub mode: Mode,
    /// The content's id.
    pub object: String,
    /// The id of what stood there before, if anything did. Of a merge, none is given.
    pub former: Option<String>,
}

/// A list that was cut at the caller's limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut<T> {
    /// The items.
    pub items: Vec<T>,
    /// Whether there are more commits than were read.
    pub is_cut: bool,
}

impl CommitRange {
    fn arguments(&self) -> Vec<String> {
        let mut arguments = vec![self.to.to_string()];
        match &self.without {
            Without::Nothing => {}
            Without::Commits(commits) => {
                arguments.extend(commits.iter().map(|commit| format!("^{commit}")));
            }
            Without::AnyReference => arguments.extend(["--not".to_owned(), "--all".to_owned()]),
            Without::AnyRemote => arguments.extend(["--not".to_owned(), "--remotes".to_owned()]),
            Without::Remote(name) => {
                arguments.extend(["--not".to_owned(), format!("--remotes={}", literal(name))]);
            }
        }
        arguments.push("--".to_owned());
        arguments
    }

    fn named(&self) -> Vec<&CommitId> {
        let mut named = vec![&self.to];
        if let Without::Commits(commits) = &self.without {
            named.extend(commits);
        }
        named
    }
}

/// A remote's name where git takes a pattern.
fn literal(name: &str) -> String {
    name.chars()
        .flat_map(|character| {
            let escape = matches!(character, '*' | '?' | '[' | '\\').then_some('\\');
            escape.into_iter().chain([character])
        })
        .collect()
}

impl Repository {
    /// Runs a command that walks a range. An end that is not there is named.
    fn walked(&self, range: &CommitRange, arguments: &[String]) -> Result<Output, Error> {
        let output = self.git().run(self.root(), arguments)?;
        if !output.status.success() {
            self.present(&range.named())?;
            return Err(failed(arguments, &output));
        }
        Ok(output)
    }

    /// The messages of a range, newest first, at most `limit` of them.
    ///
    /// # Errors
    /// [`Error::ObjectMissing`] for an end that is not there, or what went wrong with git.
    pub fn messages(&self, range: &CommitRange, limit: usize) -> Result<Cut<CommitMessage>, Error> {
        let count = format!("--max-count={}", limit.saturating_add(1));
        let mut arguments: Vec<String> = [
            "log",
            "-z",
            "--encoding=UTF-8",
            "--no-show-signature",
            "--no-mailmap",
            "--format=%H%n%P%n%B",
            count.as_str(),
        ]
        .map(str::to_owned)
        .to_vec();
        arguments.extend(range.arguments());
        let output = self.walked(range, &arguments)?;
        let mut items = output
            .stdout
            .split(|byte| *byte == 0)
            .filter(|record| !record.is_empty())
            .map(|record| {
                message(&String::from_utf8_lossy(record)).ok_or_else(|| Error::Unexpected {
                    command: shown(&arguments),
                    detail: format!("`{}`", String::from_utf8_lossy(record)),
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        let is_cut = items.len() > limit;
        items.truncate(limit);
        Ok(Cut { items, is_cut })
    }

    /// The commit from which a range was begun: the first one behind `to`, from parent to first parent, that is left out. `to`
    /// itself if all of it is left out; none if the range goes back to a first commit.
    ///
    /// # Errors
    /// As [`Self::messages`].
    pub fn begun_from(&self, range: &CommitRange) -> Result<Option<CommitId>, Error> {
        let mut arguments: Vec<String> = ["rev-list", "--first-parent", "--parents"]
            .map(str::to_owned)
            .to_vec();
        arguments.extend(range.arguments());
        let output = self.walked(range, &arguments)?;
        // `<id> <parent> …`, from the newest to the oldest.
        let list = String::from_utf8_lossy(&output.stdout);
        let Some(oldest) = list.lines().last() else {
            return Ok(Some(range.to.clone()));
        };
        let parent = oldest.split(' ').nth(1).map(CommitId::new).transpose();
        parent.map_err(|error| Error::Unexpected {
            command: shown(&arguments),
            detail: error.to_string(),
        })
    }

    /// What the commits of a range brought, oldest first: each content once, where it came first, from at
    /// most the newest `limit` commits. Of a merge, what differs from every parent. Submodules are left out.
    ///
    /// # Errors
    /// [`Error::ObjectMissing`] for an end that is not there, or what went wrong with git.
    pub fn introduced_blobs(
        &self,
        range: &CommitRange,
        limit: usize,
    ) -> Result<Cut<IntroducedBlob>, Error> {
        let count = format!("--max-count={}", limit.saturating_add(1));
        let mut arguments = vec!["rev-list".to_owned(), count];
        arguments.extend(range.arguments());
        let output = self.walked(range, &arguments)?;
        let list = String::from_utf8_lossy(&output.stdout);
        let mut commits: Vec<&str> = list.lines().collect();
        let is_cut = commits.len() > limit;
        commits.truncate(limit);
        commits.reverse();
        let questions: String = commits.iter().flat_map(|id| [*id, "\n"]).collect();
        let arguments = [
            "diff-tree",
            "--stdin",
            "-r",
            "-c",
            "--root",
            "--no-renames",
            "--raw",
            "--no-abbrev",
            "-z",
            "--no-ext-diff",
        ];
        let output = self.git().exchange(self.root(), &arguments, questions)?;
        let mut items = introduced(&output).map_err(|detail| Error::Unexpected {
            command: shown(&arguments),
            detail: format!("`{detail}`"),
        })?;
        let mut seen = std::collections::HashSet::new();
        items.retain(|blob| seen.insert(blob.object.clone()));
        Ok(Cut { items, is_cut })
    }
}

/// Reads `<id>LF<parents>LF<message>`.
fn message(record: &str) -> Option<CommitMessage> {
    let (id, rest) = record.split_once('\n')?;
    let (parents, message) = rest.split_once('\n')?;
    Some(CommitMessage {
        id: CommitId::new(id).ok()?,
        parents: parents.split_ascii_whitespace().count(),
        message: message.trim_end_matches(['\n', '\r']).to_owned(),
    })
}

/// Reads `git diff-tree --stdin --raw -z`: ids of commits, each followed by its records. A record has one
/// colon for each parent.
fn introduced(output: &[u8]) -> Result<Vec<IntroducedBlob>, String> {
    let mut blobs = Vec::new();
    let mut commit: Option<CommitId> = None;
    let mut fields = output.split(|byte| *byte == 0);
    while let Some(field) = fields.next() {
        let text = String::from_utf8_lossy(field);
        let text = text.trim_end_matches('\n');
        if text.is_empty() {
            continue;
        }
        if !text.starts_with(':') {
            commit = Some(CommitId::new(text).map_err(|error| error.to_string())?);
            continue;
        }
        let path = fields.next().ok_or_else(|| text.to_owned())?;
        let record = Record::parse(text).ok_or_else(|| text.to_owned())?;
        let commit = commit.clone().ok_or_else(|| text.to_owned())?;
        if let Some(mode @ (Mode::File | Mode::Executable | Mode::Symlink)) = record.mode {
            blobs.push(IntroducedBlob {
                commit,
                path: String::from_utf8_lossy(path).into_owned(),
                mode,
                object: record.object,
                former: record.former,
            });
        }
    }
    Ok(blobs)
}

struct Record {
    /// None: the path is gone.
    mode: Option<Mode>,
    object: String,
    former: Option<String>,
}

impl Record {
    /// `:<mode> <mode> <object> <object> <status>`, with as many modes and objects before the last as there
    /// are parents.
    fn parse(text: &str) -> Option<Self> {
        let parents = text.bytes().take_while(|byte| *byte == b':').count();
        let fields: Vec<&str> = text.get(parents..)?.split(' ').collect();
        let mode = *fields.get(parents)?;
        let objects = fields.get(parents + 1..parents + 1 + parents + 1)?;
        let (object, former) = objects.split_last()?;
        let exists = |id: &&&str| is_object_id(id) && id.bytes().any(|digit| digit != b'0');
        Some(Self {
            mode: match mode {
                "000000" => None,
                mode => Some(crate::selection::mode(mode)?),
            },
            object: (*object).to_owned(),
            former: match former {
                [former] => Some(former).filter(exists).map(|id| (*id).to_owned()),
                _ => None,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_commits_with_their_records() {
        let (one, two, zero) = ("1".repeat(40), "2".repeat(40), "0".repeat(40));
        let output = format!(
            "{one}\0:100644 100755 {one} {two} M\0a\nb\0:100644 000000 {one} {zero} D\0gone\0{two}\0::100644 100644 100644 {one} {one} {two} MM\0c\0\n"
        );
        let blobs = introduced(output.as_bytes()).unwrap();
        let seen: Vec<_> = blobs
            .iter()
            .map(|blob| (blob.path.as_str(), blob.mode, blob.former.is_some()))
            .collect();
        assert_eq!(
            seen,
            [("a\nb", Mode::Executable, true), ("c", Mode::File, false)]
        );
        assert!(introduced(b":100644 M").is_err());
    }

    #[test]
    fn a_remote_is_no_pattern() {
        assert_eq!(literal("or*g[in"), "or\\*g\\[in");
    }

    proptest! {
        #[test]
        fn never_panics(output in prop::collection::vec(any::<u8>(), 0..200), text in "[:0-7 a-f]{0,80}") {
            let _ = introduced(&output);
            let _ = Record::parse(&text);
            let _ = message(&text);
        }
    }
}
