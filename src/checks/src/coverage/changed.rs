//! What changed, as statements of the report: a changed line counts for the statement that it belongs to.

use super::Settings;
use super::figures::Tally;
use super::lines::FileLines;
use super::merged::{Merged, tally};
use crate::globs::Globs;
use crate::python::{Exclusion, LongStatements, long_statements, statements};
use crate::{Change, ChangeKind, ChangedLines, Scope};
use std::collections::HashMap;

/// The changed statements of one file.
#[derive(Debug)]
pub(super) struct ChangedFile<'s> {
    pub(super) path: &'s str,
    /// First line of each changed statement, and whether it ran.
    pub(super) statements: Vec<(u32, bool)>,
    /// The file is in no report.
    pub(super) is_missing: bool,
    /// The unchanged statements of the report.
    pub(super) unchanged: Tally,
}

/// Whether every file is judged whole: then nothing is a change, and there is no base.
pub(super) fn is_everything(scope: &Scope) -> bool {
    let whole =
        |change: &Change| change.kind == ChangeKind::Added && change.lines == ChangedLines::All;
    scope.changes.len() == scope.entries.len() && scope.changes.iter().all(whole)
}

/// The long statements of Python files that changed in parts, by path.
pub(super) type Shapes<'s> = HashMap<&'s str, LongStatements>;

/// Reads them. No report is needed for it, so it can be done while one is read.
pub(super) fn shapes(scope: &Scope) -> Shapes<'_> {
    scope
        .changes
        .iter()
        .filter(|change| change.is_there() && change.lines != ChangedLines::All)
        .filter(|change| is_python(&change.path))
        .filter_map(|change| {
            let found = long_statements(scope.tree.get(&change.path)?).ok()?;
            Some((change.path.as_str(), found))
        })
        .collect()
}

/// The changed files that are in a report, and Python files that should be.
pub(super) fn files<'s>(
    scope: &'s Scope,
    merged: &Merged,
    settings: &Settings,
    shapes: &Shapes<'_>,
) -> Vec<ChangedFile<'s>> {
    let omitted = Globs::new(&settings.omit);
    scope
        .changes
        .iter()
        .filter(|change| change.is_there())
        .filter_map(|change| match merged.files.get(&change.path) {
            Some(lines) => Some(in_report(change, lines, shapes)),
            None if merged.left_out.contains(&change.path) => None,
            None if is_python(&change.path) && !omitted.fits(&change.path) => {
                missing(scope, change, merged.exclusion())
            }
            None => None,
        })
        .collect()
}

/// The tally of all changed statements.
pub(super) fn total(files: &[ChangedFile<'_>]) -> Tally {
    let mut sum = Tally::default();
    for (_, ran) in files.iter().flat_map(|file| &file.statements) {
        sum.add(Tally {
            statements: 1,
            covered: u64::from(*ran),
            ..Tally::default()
        });
    }
    sum
}

pub(super) fn is_python(path: &str) -> bool {
    path.rsplit_once('.')
        .is_some_and(|(_, extension)| extension == "py")
}

fn in_report<'s>(change: &'s Change, lines: &FileLines, shapes: &Shapes<'_>) -> ChangedFile<'s> {
    // Where the file is not Python, or cannot be read, every line stands for itself.
    let shape = shapes.get(change.path.as_str());
    let last_line = |line: u32| shape.map_or(line, |shape| shape.last_line(line));
    let is_changed = |line: u32| change.lines.touches(line, last_line(line));
    let (changed, unchanged): (Vec<_>, Vec<_>) =
        lines.iter().partition(|(line, _)| is_changed(*line));
    ChangedFile {
        path: &change.path,
        statements: changed
            .into_iter()
            .map(|(line, seen)| (line, seen.hit))
            .collect(),
        is_missing: false,
        unchanged: tally(unchanged.into_iter().map(|(_, line)| line)),
    }
}

/// A Python file that no report knows has not run: its changed statements count as uncovered. A file without statements is
/// none. One that was there before may be left out on purpose: it is said, but not counted.
fn missing<'s>(
    scope: &Scope,
    change: &'s Change,
    exclusion: &Exclusion,
) -> Option<ChangedFile<'s>> {
    let found = statements(scope.tree.get(&change.path)?, exclusion).ok()?;
    let touched: Vec<(u32, bool)> = found
        .executable
        .iter()
        .filter(|line| change.lines.touches(**line, found.long.last_line(**line)))
        .map(|line| (*line, false))
        .collect();
    if touched.is_empty() {
        return None;
    }
    let is_new = change.kind == ChangeKind::Added;
    Some(ChangedFile {
        path: &change.path,
        statements: if is_new { touched } else { Vec::new() },
        is_missing: true,
        unchanged: Tally::default(),
    })
}
