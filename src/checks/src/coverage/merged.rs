//! All reports together, under the project's paths.

use super::database::{self, Ran};
use super::figures::Tally;
use super::lines::{FileLines, Line, Parts};
use super::paths::ProjectPaths;
use super::report::{self, Unreadable};
use super::reporting::Reporting;
use super::{CoverageInput, Settings};
use crate::python::{Exclusion, on_all_cores, with_deep_stack};
use crate::{Scope, SourceTree};
use std::collections::{BTreeMap, BTreeSet};

/// How many files make another thread worth its start, as for other Python files (`migrations/modules.rs`).
const FILES_FOR_A_THREAD: usize = 4;

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
    /// Files of the project in a database whose statements are not known, with the reason. They do not count.
    pub(super) unknown: Vec<(String, String)>,
    /// Files of the project that coverage.py's settings leave out of a database's report.
    pub(super) left_out: BTreeSet<String>,
    /// What coverage.py's settings for a database leave out of files.
    exclusion: Option<Exclusion>,
    /// Databases with branches, which are not counted.
    pub(super) without_branches: Vec<String>,
    /// Settings of coverage.py that a database needs and that are not understood: their file, their words, the reason.
    pub(super) unknown_settings: Vec<(String, String, String)>,
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
        let mut found = Found::default();
        for (name, bytes) in &input.reports {
            let read = if database::is_database(bytes) {
                merged.add_database(name, bytes, &paths, &input.sources, &mut found)
            } else {
                found.add_report(bytes, &paths)
            };
            match read {
                Ok(()) => merged.read += 1,
                Err(error) => merged.unreadable.push((name.clone(), error)),
            }
        }
        merged.files = found.files.united();
        merged.others = found.others.united();
        merged
    }

    /// A database tells what ran; which statements there are, the project's files tell.
    fn add_database(
        &mut self,
        name: &str,
        bytes: &[u8],
        paths: &ProjectPaths<'_>,
        sources: &SourceTree,
        found: &mut Found,
    ) -> Result<(), Unreadable> {
        let database = database::read(bytes)?;
        let reporting = Reporting::of(name, sources);
        let mut ran: Vec<(&str, &Ran)> = Vec::new();
        for (raw, lines) in &database.files {
            match paths.find(raw, &[]) {
                Some(path) if reporting.shows(raw, path) => ran.push((path, lines)),
                Some(path) => {
                    self.left_out.insert(path.to_owned());
                }
                None => found.others.add(raw.clone(), Vec::new()),
            }
        }
        sources.fetch(ran.iter().map(|(path, _)| *path));
        let lines = |(path, ran): &(&str, &Ran)| match sources.get(path) {
            Some(source) => database::measured(source, ran, &reporting.exclusion),
            None => Err("its content was not read".to_owned()),
        };
        let judged = with_deep_stack(|| on_all_cores(&ran, FILES_FOR_A_THREAD, lines));
        let judged = judged.map_err(|error| Unreadable::damaged(error.why))?;
        let are_code = database::are_annotations_code(judged.iter().flatten());
        for ((path, _), measured) in ran.into_iter().zip(judged) {
            match measured {
                Ok(measured) => found.files.add(path.to_owned(), measured.lines(are_code)),
                Err(why) => self.unknown.push((path.to_owned(), why)),
            }
        }
        if database.has_branches {
            self.without_branches.push(name.to_owned());
        }
        self.exclusion = Some(reporting.exclusion);
        let file = reporting.path.unwrap_or_default();
        let unknown = reporting.unknown.into_iter();
        self.unknown_settings
            .extend(unknown.map(|(what, why)| (file.clone(), what, why)));
        Ok(())
    }

    /// Whether the reports have files, but none of the project's.
    pub(super) fn is_about_another_project(&self) -> bool {
        self.knows_nothing() && self.unknown.is_empty() && self.left_out.is_empty()
    }

    /// Whether coverage.py's settings leave out all that the databases know of the project.
    pub(super) fn is_left_out(&self) -> bool {
        self.knows_nothing() && self.unknown.is_empty() && !self.left_out.is_empty()
    }

    /// Whether files are known, but nothing of what the project has: a figure of it would be one of nothing.
    pub(super) fn knows_nothing(&self) -> bool {
        let knows_of_some =
            !(self.others.is_empty() && self.unknown.is_empty() && self.left_out.is_empty());
        self.files.is_empty() && knows_of_some
    }

    /// What does not count in a file that no report has.
    pub(super) fn exclusion(&self) -> &Exclusion {
        self.exclusion.as_ref().unwrap_or(Exclusion::standard())
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

/// The files of the reports that were read so far.
#[derive(Default)]
struct Found {
    files: Parts,
    others: Parts,
}

impl Found {
    fn add_report(&mut self, bytes: &[u8], paths: &ProjectPaths<'_>) -> Result<(), Unreadable> {
        let report = report::read(bytes)?;
        for (raw, lines) in report.files.into_lists() {
            match paths.find(&raw, &report.roots) {
                Some(path) => self.files.add(path.to_owned(), lines),
                None => self.others.add(raw, lines),
            }
        }
        Ok(())
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
