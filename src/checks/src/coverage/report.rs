//! One report: which lines of which files can be executed, and which were.

use std::collections::BTreeMap;

/// The largest report that is read, in bytes. 26,000 lines make 1 MB of XML.
const LARGEST: usize = 128 * 1024 * 1024;

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

/// The lines of one file, by number.
pub(super) type FileLines = BTreeMap<u32, Line>;

/// A report that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Report {
    /// By the path as the report writes it.
    pub(super) files: BTreeMap<String, FileLines>,
    /// The directories to which paths are relative, if the report names them.
    pub(super) roots: Vec<String>,
}

impl Report {
    /// Notes one line of a file; the same line twice is united.
    pub(super) fn line(&mut self, path: &str, number: u32, line: Line) {
        if let Some(lines) = self.files.get_mut(path) {
            lines.entry(number).or_default().unite(line);
        } else {
            let lines = FileLines::from([(number, line)]);
            self.files.insert(path.to_owned(), lines);
        }
    }

    /// Notes lines of a file, sorted or not; the same line twice is united.
    pub(super) fn lines(&mut self, path: String, lines: Vec<(u32, Line)>) {
        let known = self.files.entry(path).or_default();
        if known.is_empty() && lines.is_sorted_by(|(one, _), (next, _)| one < next) {
            // One after the other into an empty map is twice the work.
            *known = lines.into_iter().collect();
            return;
        }
        for (number, line) in lines {
            known.entry(number).or_default().unite(line);
        }
    }
}

/// Adds the ways out that a report counts for a file but names at none of its lines, so that the whole is the figure that
/// coverage.py shows. They go to the first line: which line has them changes no figure. `counted`: taken, all.
pub(super) fn add_other_branches(lines: &mut FileLines, counted: (u32, u32)) {
    let named = lines.values().fold((0_u32, 0_u32), |sum, line| {
        (
            sum.0.saturating_add(line.branches.0),
            sum.1.saturating_add(line.branches.1),
        )
    });
    if let Some(first) = lines.values_mut().next() {
        let taken = counted.0.saturating_sub(named.0);
        let all = counted.1.saturating_sub(named.1);
        first.branches.0 = first.branches.0.saturating_add(taken.min(all));
        first.branches.1 = first.branches.1.saturating_add(all);
    }
}

/// Why a report could not be read, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unreadable {
    pub(super) why: String,
    pub(super) remedy: String,
}

impl Unreadable {
    pub(super) fn damaged(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            remedy: "write the report anew: `coverage json`, `coverage xml` or `coverage lcov`"
                .to_owned(),
        }
    }
}

/// Refuses what is too large for the memory.
pub(super) fn check_size(bytes: &[u8]) -> Result<(), Unreadable> {
    if bytes.len() > LARGEST {
        return Err(Unreadable::damaged(format!(
            "it has {} bytes; up to {LARGEST} are read",
            bytes.len()
        )));
    }
    Ok(())
}

/// Reads a report of any kind; its first bytes say which it is.
pub(super) fn read(bytes: &[u8]) -> Result<Report, Unreadable> {
    check_size(bytes)?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|error| {
        Unreadable::damaged(format!("byte {} is not UTF-8", error.valid_up_to()))
    })?;
    match text.trim_start().as_bytes().first() {
        None => Err(Unreadable::damaged("it is empty")),
        Some(b'{') => super::json::read(text),
        Some(b'<') => super::xml::read(text),
        Some(_) if text.lines().any(|line| line.starts_with("SF:")) => super::lcov::read(text),
        Some(_) => Err(Unreadable {
            why: "it is neither coverage.py's JSON or database nor Cobertura XML nor LCOV"
                .to_owned(),
            remedy: "give the output of `coverage json`, `coverage xml` or `coverage lcov`"
                .to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_report_is_said() {
        for (bytes, part) in [
            (b"".as_slice(), "empty"),
            (b"   \n", "empty"),
            (b"Name Stmts Miss", "neither"),
            (b"\xff\xfe<", "UTF-8"),
        ] {
            let error = read(bytes).unwrap_err();
            assert!(error.why.contains(part), "{error:?}");
        }
    }

    #[test]
    fn a_line_that_one_report_saw_run_has_run() {
        let mut report = Report::default();
        let line = |hit, branches| Line { hit, branches };
        report.line("a.py", 1, line(false, (1, 2)));
        report.line("a.py", 1, line(true, (0, 2)));
        assert_eq!(report.files["a.py"][&1], line(true, (1, 2)));
    }
}
