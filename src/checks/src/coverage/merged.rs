//! All reports together, under the project's paths.

use super::figures::Tally;
use super::paths::ProjectPaths;
use super::report::{self, FileLines, Line, Unreadable};
use super::{CoverageInput, Settings};
use crate::Scope;
use std::collections::BTreeMap;

/// What the reports say of the project.
#[derive(Default)]
pub(super) struct Merged {
    /// The project's files by path.
    pub(super) files: BTreeMap<String, FileLines>,
    /// Files of the reports that the project does not have, by the path as written. They count in the whole, as they do in
    /// coverage.py's figure.
    pub(super) others: BTreeMap<String, FileLines>,
    /// Reports that could not be read, by name.
    pub(super) unreadable: Vec<(String, Unreadable)>,
    /// How many reports were read.
    pub(super) read: usize,
}

impl Merged {
    /// Reads all reports and unites them.
    pub(super) fn new(input: &CoverageInput, scope: &Scope, settings: &Settings) -> Self {
        let paths = ProjectPaths::new(
            scope.entries.keys().map(String::as_str),
            &settings.source_paths,
        );
        let mut merged = Self::default();
        for (name, bytes) in &input.reports {
            let report = match report::read(bytes) {
                Ok(report) => report,
                Err(error) => {
                    merged.unreadable.push((name.clone(), error));
                    continue;
                }
            };
            merged.read += 1;
            for (raw, lines) in report.files {
                let known = match paths.find(&raw, &report.roots) {
                    Some(path) => merged.files.entry(path.to_owned()),
                    None => merged.others.entry(raw),
                };
                unite(known.or_default(), lines);
            }
        }
        merged
    }

    /// Whether the reports have files, but none of the project's.
    pub(super) fn is_about_another_project(&self) -> bool {
        self.files.is_empty() && !self.others.is_empty()
    }

    /// The whole.
    pub(super) fn total(&self) -> Tally {
        let mut total = Tally::default();
        for lines in self.files.values().chain(self.others.values()) {
            total.add(tally(lines.values()));
        }
        total
    }
}

fn unite(known: &mut FileLines, lines: FileLines) {
    if known.is_empty() {
        *known = lines;
        return;
    }
    for (number, line) in lines {
        known.entry(number).or_default().unite(line);
    }
}

/// The counts of some lines.
pub(super) fn tally<'l>(lines: impl Iterator<Item = &'l Line>) -> Tally {
    let mut sum = Tally::default();
    for line in lines {
        sum.add(Tally {
            statements: 1,
            covered: u64::from(line.hit),
            branches: u64::from(line.branches.1),
            covered_branches: u64::from(line.branches.0.min(line.branches.1)),
        });
    }
    sum
}
