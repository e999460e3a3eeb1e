//! The base's figures, small enough to keep beside an artifact or on a branch.

use super::changed::ChangedFile;
use super::figures::Tally;
use super::merged::{Merged, tally};
use super::{CoverageInput, Settings};
use crate::{ChangeKind, Scope};
use beanpole_model::Finding;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a base had covered. Written and read as JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct StoredCoverage {
    /// The form of this value: 1.
    pub format: u32,
    /// The whole.
    pub total: Tally,
    /// The project's files by path. With them, removed lines can be told from lines that are no longer covered.
    #[serde(default)]
    pub files: BTreeMap<String, Tally>,
}

impl StoredCoverage {
    /// The form that this version writes and reads.
    pub const FORMAT: u32 = 1;

    /// Reads what was stored. None: it is something else, such as a report.
    ///
    /// # Errors
    /// [`StoredCoverageError`], within the option.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Result<Self, StoredCoverageError>> {
        /// What every form has, and no report: coverage.py writes the number of its form under `meta`.
        #[derive(Deserialize)]
        struct Form {
            format: u32,
        }
        let form: Form = serde_json::from_slice(bytes).ok()?;
        Some(if form.format == Self::FORMAT {
            serde_json::from_slice(bytes).map_err(StoredCoverageError::Broken)
        } else {
            Err(StoredCoverageError::Form(form.format))
        })
    }
}

/// Stored figures that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum StoredCoverageError {
    /// They are not what they should be; the error names line and column.
    #[error("{0}")]
    Broken(serde_json::Error),
    /// They have a form that this release does not know.
    #[error("it has the form {0}, and this release reads form {form}", form = StoredCoverage::FORMAT)]
    Form(u32),
}

/// The figures of a run's reports, to be stored for later comparisons. `scope` gives the paths of the project.
///
/// # Errors
/// The findings that say which report could not be read, or that none is about this project.
pub fn store(
    input: &CoverageInput,
    scope: &Scope,
    settings: &Settings,
) -> Result<StoredCoverage, Vec<Finding>> {
    let merged = Merged::new(input, scope, settings);
    let findings = super::rules::not_judged(&merged, settings);
    if findings
        .iter()
        .any(|finding| finding.severity == beanpole_model::Severity::Error)
    {
        return Err(findings);
    }
    Ok(StoredCoverage {
        format: StoredCoverage::FORMAT,
        total: merged.total(),
        files: merged
            .files
            .iter()
            .map(|(path, lines)| (path.clone(), tally(lines.values())))
            .collect(),
    })
}

/// The base's figures without the lines that this change removes, as Codecov's `removed_code_behavior: adjust_base`: to remove
/// covered lines lowers the percentage, and nobody should be blamed for it.
///
/// Which lines went is not known, but how many: what the base had in a changed file, less what is unchanged there now. As many
/// of them were covered as the file has lost covered ones, within what is possible. For files that are gone this is exact.
pub(super) fn without_removed(
    base: &StoredCoverage,
    scope: &Scope,
    files: &[ChangedFile<'_>],
) -> Tally {
    let mut left = base.total;
    for change in &scope.changes {
        let former = match &change.kind {
            ChangeKind::Renamed { from } => from,
            ChangeKind::Added => continue,
            ChangeKind::Modified | ChangeKind::Deleted => &change.path,
        };
        let Some(before) = base.files.get(former) else {
            continue;
        };
        let kept = if change.is_there() {
            match files
                .iter()
                .find(|file| file.path == change.path && !file.is_missing)
            {
                Some(file) => file.unchanged,
                None => continue,
            }
        } else {
            Tally::default()
        };
        let (statements, covered) = removed(
            (before.statements, before.covered),
            (kept.statements, kept.covered),
        );
        let (branches, taken) = removed(
            (before.branches, before.covered_branches),
            (kept.branches, kept.covered_branches),
        );
        left.statements = left.statements.saturating_sub(statements);
        left.covered = left.covered.saturating_sub(covered);
        left.branches = left.branches.saturating_sub(branches);
        left.covered_branches = left.covered_branches.saturating_sub(taken);
    }
    left
}

/// How many went, and how many of them were covered. Each pair: all, covered.
fn removed(before: (u64, u64), kept: (u64, u64)) -> (u64, u64) {
    let all = before.0.saturating_sub(kept.0);
    let covered = before.1.saturating_sub(kept.1);
    let missed_before = before.0.saturating_sub(before.1);
    (all, covered.clamp(all.saturating_sub(missed_before), all))
}

#[cfg(test)]
mod tests {
    use super::removed;

    #[test]
    fn removed_lines_were_covered_as_far_as_possible() {
        assert_eq!(removed((10, 8), (7, 5)), (3, 3), "three covered ones went");
        assert_eq!(removed((10, 8), (8, 8)), (2, 0), "two missed ones went");
        assert_eq!(
            removed((10, 8), (10, 3)),
            (0, 0),
            "none went: five are no longer covered"
        );
        assert_eq!(removed((10, 8), (9, 3)), (1, 1));
        assert_eq!(
            removed((10, 10), (8, 9)),
            (2, 2),
            "all were covered, so both of them"
        );
        assert_eq!(removed((3, 9), (0, 0)), (3, 3));
    }
}
