//! The lines of files, as reports tell them.

use std::collections::BTreeMap;

/// One line that can be executed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) hit: bool,
    /// Ways out that were taken, of how many.
    pub(super) branches: (u32, u32),
}

impl Line {
    /// Both reports together. Which ways out the other took is not known from counts: the better one is kept, so that the
    /// figure is rather too low than too high.
    pub(super) fn unite(&mut self, other: Self) {
        self.hit |= other.hit;
        self.branches = (
            self.branches.0.max(other.branches.0),
            self.branches.1.max(other.branches.1),
        );
    }
}

/// The lines of one file by number, each once. Reports have many and in order, and they are read from first to last: a list is
/// enough, and is taken over as a report gives it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FileLines(Vec<(u32, Line)>);

impl FileLines {
    /// Lines in any order; the same line twice is united.
    pub(super) fn new(mut lines: Vec<(u32, Line)>) -> Self {
        if !lines.is_sorted_by(|(one, _), (next, _)| one < next) {
            lines.sort_by_key(|(number, _)| *number);
            lines.dedup_by(|(number, line), (kept, united)| {
                let is_same = number == kept;
                if is_same {
                    united.unite(*line);
                }
                is_same
            });
        }
        Self(lines)
    }

    /// Adds the ways out that a report counts for a file but names at none of its lines, so that the whole is the figure that
    /// coverage.py shows. They go to the first line: which line has them changes no figure. `counted`: taken, all.
    pub(super) fn add_other_branches(&mut self, counted: (u32, u32)) {
        let named = self.values().fold((0_u32, 0_u32), |sum, line| {
            (
                sum.0.saturating_add(line.branches.0),
                sum.1.saturating_add(line.branches.1),
            )
        });
        if let Some((_, first)) = self.0.first_mut() {
            let taken = counted.0.saturating_sub(named.0);
            let all = counted.1.saturating_sub(named.1);
            first.branches.0 = first.branches.0.saturating_add(taken.min(all));
            first.branches.1 = first.branches.1.saturating_add(all);
        }
    }

    /// The lines alone.
    pub(super) fn into_list(self) -> Vec<(u32, Line)> {
        self.0
    }

    /// Whether no line lies between two others.
    pub(super) fn are_neighbours(&self, first: u32, second: u32) -> bool {
        let behind = self.0.partition_point(|(number, _)| *number <= first);
        self.0
            .get(behind)
            .is_none_or(|(number, _)| *number >= second)
    }

    /// Numbers and lines in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Line)> {
        self.0.iter().map(|(number, line)| (*number, line))
    }

    /// The lines in order.
    pub(super) fn values(&self) -> impl Iterator<Item = &Line> {
        self.0.iter().map(|(_, line)| line)
    }

    #[cfg(test)]
    pub(super) fn line(&self, wanted: u32) -> Option<Line> {
        let mut lines = self.iter();
        lines.find_map(|(number, line)| (number == wanted).then_some(*line))
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Files with what reports tell of their lines, part by part: one file may be in many places, so they are united in the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Parts(BTreeMap<String, Vec<(u32, Line)>>);

impl Parts {
    /// Adds lines of a file.
    pub(super) fn add(&mut self, path: String, lines: Vec<(u32, Line)>) {
        let known = self.0.entry(path).or_default();
        if known.is_empty() {
            *known = lines;
        } else {
            known.extend(lines);
        }
    }

    /// The files with all that was added.
    pub(super) fn into_lists(self) -> impl Iterator<Item = (String, Vec<(u32, Line)>)> {
        self.0.into_iter()
    }

    /// The files with their lines, each once.
    pub(super) fn united(self) -> BTreeMap<String, FileLines> {
        let lists = self.into_lists();
        lists
            .map(|(path, lines)| (path, FileLines::new(lines)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_one_report_saw_run_has_run() {
        let line = |hit, branches| Line { hit, branches };
        let mut parts = Parts::default();
        let first = vec![(3, line(false, (0, 0))), (1, line(false, (1, 2)))];
        parts.add("a.py".to_owned(), first);
        let second = vec![(1, line(true, (0, 2))), (2, line(true, (0, 0)))];
        parts.add("a.py".to_owned(), second);
        parts.add("a.py".to_owned(), vec![(3, line(true, (0, 0)))]);
        let mut lines = parts.united().remove("a.py").unwrap();
        assert_eq!(lines.line(1), Some(line(true, (1, 2))));
        let all: Vec<_> = lines
            .iter()
            .map(|(number, line)| (number, line.hit))
            .collect();
        assert_eq!(all, [(1, true), (2, true), (3, true)]);
        lines.add_other_branches((2, 4));
        assert_eq!(lines.line(1).unwrap().branches, (2, 4));
    }
}
