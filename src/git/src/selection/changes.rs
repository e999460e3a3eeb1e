//! What changed between two states, with the lines.

use std::io::BufReader;
use std::process::Stdio;

use crate::commit::CommitId;
use crate::error::Error;
use crate::git::{failed, shown};
use crate::repository::Repository;
use crate::selection::patch::{self, PatchError};
use crate::selection::raw::{self, RawChange};
use crate::selection::{Lines, SelectedChange, joined};

/// What every comparison is told. These are plumbing commands: they follow no settings for people's eyes.
const COMPARISON: [&str; 5] = [
    "-M",
    "--no-ext-diff",
    "--no-textconv",
    "--ignore-submodules=none",
    "--submodule=short",
];

/// What changed.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) changes: Vec<SelectedChange>,
    pub(crate) names_not_text: Vec<String>,
}

impl Repository {
    /// The index against a commit or tree.
    pub(crate) fn staged_changes(&self, tree: &str) -> Result<Changes, Error> {
        if let Some(changes) = self.direct().and_then(|direct| direct.staged_changes(tree)) {
            return Ok(changes);
        }
        // A file that is only announced (`git add --intent-to-add`) will not be in the commit.
        self.compare(
            &["diff-index", "--cached", "--ita-invisible-in-index"],
            &[tree],
        )
    }

    /// One commit against another.
    pub(super) fn changes_between(&self, from: &CommitId, to: &CommitId) -> Result<Changes, Error> {
        if let Some(changes) = self
            .direct()
            .and_then(|direct| direct.changes_between(from, to))
        {
            return Ok(changes);
        }
        self.compare(&["diff-tree", "-r"], &[from.as_str(), to.as_str()])
    }

    /// The id of the tree without files, in the repository's own hash. Git knows it by heart.
    pub(super) fn empty_tree(&self) -> Result<String, Error> {
        let id = self
            .git()
            .read(self.root(), &["hash-object", "-t", "tree", "--stdin"])?;
        Ok(String::from_utf8_lossy(&id).trim().to_owned())
    }

    /// Two processes side by side: names and counts separated by NUL, and a patch whose names are quoted. In
    /// one output, a name with a line break could pose as a part of the patch.
    fn compare(&self, command: &[&str], states: &[&str]) -> Result<Changes, Error> {
        let names = [
            command,
            &COMPARISON,
            &["--raw", "--numstat", "--no-abbrev", "-z"],
            states,
            &["--"],
        ]
        .concat();
        let patch = [
            command,
            &COMPARISON,
            &["--patch", "--unified=0", "--diff-filter=MR"],
            states,
            &["--"],
        ]
        .concat();
        let (names_read, lines) = std::thread::scope(|scope| {
            let lines = scope.spawn(|| self.patched_lines(&patch));
            let names = self.git().read(self.root(), &names);
            (names, joined(lines.join()))
        });
        let raw = raw::parse(&names_read?).map_err(|record| unexpected(&names, &record))?;
        combine(raw, lines?).map_err(|detail| unexpected(&patch, &detail))
    }

    fn patched_lines(&self, arguments: &[&str]) -> Result<Vec<Lines>, Error> {
        let mut child = self
            .git()
            .command(self.root())
            .args(arguments)
            // Stronger than `--unified`, and meant for people's eyes as well.
            .env_remove("GIT_DIFF_OPTS")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|source| self.git().not_started(source))?;
        let lines = match child.stdout.take() {
            Some(output) => patch::parse(&mut BufReader::new(output)),
            None => Ok(Vec::new()),
        };
        if lines.is_err() {
            // Git may still be writing to a pipe that nobody reads.
            let _ = child.kill();
        }
        let output = child
            .wait_with_output()
            .map_err(|source| self.git().not_started(source))?;
        match lines {
            Ok(lines) if output.status.success() => Ok(lines),
            Ok(_) => Err(failed(arguments, &output)),
            Err(PatchError::Read(source)) => Err(self.git().not_started(source)),
            Err(PatchError::Unexpected(line)) => Err(unexpected(arguments, &line)),
        }
    }
}

/// Gives each change its lines. Both outputs name the files in the same order.
fn combine(raw: Vec<RawChange>, lines: Vec<Lines>) -> Result<Changes, String> {
    let patched = raw
        .iter()
        .filter(|change| change.status.has_patch())
        .count();
    if patched != lines.len() {
        return Err(format!(
            "{patched} files have changed, and {} are in the patch",
            lines.len()
        ));
    }
    let mut lines = lines.into_iter();
    let mut changes = Changes::default();
    for change in raw {
        let lines = match change.status {
            raw::Status::Deleted => Lines::Only(Vec::new()),
            status if status.has_patch() => lines.next().unwrap_or(Lines::All),
            _ => Lines::All,
        };
        let path = match String::from_utf8(change.path) {
            Ok(path) => path,
            Err(error) => {
                let shown = String::from_utf8_lossy(error.as_bytes()).into_owned();
                changes.names_not_text.push(shown);
                continue;
            }
        };
        // A former name that is no text is shown with marks: nothing is read from it.
        let from = change
            .from
            .map(|from| String::from_utf8_lossy(&from).into_owned());
        if let Some(kind) = change.status.kind(from) {
            changes.changes.push(SelectedChange {
                path,
                kind,
                lines,
                former: change.former,
                counts: change.counts,
            });
        }
    }
    Ok(changes)
}

fn unexpected(arguments: &[&str], detail: &str) -> Error {
    Error::Unexpected {
        command: shown(arguments),
        detail: format!("`{detail}`"),
    }
}
