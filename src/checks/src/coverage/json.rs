//! coverage.py's JSON, formats 2 and 3 (coverage/jsonreport.py, `FORMAT_VERSION`).

use super::lines::{FileLines, Line};
use super::report::{Report, Unreadable};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Document {
    meta: Meta,
    files: BTreeMap<String, File>,
}

#[derive(Deserialize)]
struct Meta {
    format: Option<u64>,
}

#[derive(Deserialize)]
struct File {
    executed_lines: Vec<u32>,
    missing_lines: Vec<u32>,
    /// From line, to line; negative where a function or module ends.
    #[serde(default)]
    executed_branches: Vec<(i64, i64)>,
    #[serde(default)]
    missing_branches: Vec<(i64, i64)>,
    #[serde(default)]
    summary: Summary,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Summary {
    num_branches: u32,
    covered_branches: u32,
}

pub(super) fn read(text: &str) -> Result<Report, Unreadable> {
    let document: Document = serde_json::from_str(text)
        .map_err(|error| Unreadable::damaged(format!("it is not coverage.py's JSON: {error}")))?;
    match document.meta.format {
        Some(2 | 3) => {}
        Some(other) => {
            return Err(Unreadable {
                why: format!("its format is {other}; 2 and 3 are known"),
                remedy: "give the output of `coverage xml` instead".to_owned(),
            });
        }
        None => {
            return Err(Unreadable {
                why: "it does not say its format: it comes from coverage.py before 6.3".to_owned(),
                remedy: "give the output of `coverage xml` instead".to_owned(),
            });
        }
    }
    let mut report = Report::default();
    for (path, file) in document.files {
        let mut lines: BTreeMap<u32, Line> = BTreeMap::new();
        for (numbers, hit) in [(&file.executed_lines, true), (&file.missing_lines, false)] {
            for number in numbers {
                let line = Line {
                    hit,
                    branches: (0, 0),
                };
                lines.entry(*number).or_default().unite(line);
            }
        }
        for (ways, taken) in [(&file.executed_branches, 1), (&file.missing_branches, 0)] {
            for (from, _) in ways {
                // A way out belongs to a statement of the report; others cannot be placed.
                let line = u32::try_from(*from)
                    .ok()
                    .and_then(|from| lines.get_mut(&from));
                if let Some(line) = line {
                    line.branches.0 = line.branches.0.saturating_add(taken);
                    line.branches.1 = line.branches.1.saturating_add(1);
                }
            }
        }
        let summary = (file.summary.covered_branches, file.summary.num_branches);
        let mut lines = FileLines::new(lines.into_iter().collect());
        lines.add_other_branches(summary);
        report.files.add(path, lines.into_list());
    }
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As coverage.py 7.17 writes it with `branch = True`.
    const THREE: &str = r#"{"meta": {"format": 3, "version": "7.17.3", "timestamp": "2026-11-20T10:00:00", "branch_coverage": true, "show_contexts": false},
        "files": {"shop/a.py": {"executed_lines": [1, 2], "summary": {"covered_lines": 2, "num_statements": 3, "percent_covered": 60.0},
        "missing_lines": [3], "excluded_lines": [9], "executed_branches": [[2, -1]], "missing_branches": [[2, 3]], "functions": {}, "classes": {}}},
        "totals": {"covered_lines": 2}}"#;

    #[test]
    fn lines_and_ways_out_are_read() {
        let files = read(THREE).unwrap().files.united();
        let lines = &files["shop/a.py"];
        assert_eq!(lines.iter().count(), 3, "excluded lines are no statements");
        assert_eq!(
            lines.line(2),
            Some(Line {
                hit: true,
                branches: (1, 2)
            })
        );
        assert_eq!(lines.line(3), Some(Line::default()));
    }

    #[test]
    fn ways_out_that_are_only_counted_count() {
        // coverage.py counts the ways out of `while True:` without naming them.
        let more = THREE.replace(
            "\"num_statements\": 3",
            "\"num_statements\": 3, \"num_branches\": 5, \"covered_branches\": 2",
        );
        let files = read(&more).unwrap().files.united();
        let lines = &files["shop/a.py"];
        let sum = lines.values().fold((0, 0), |sum, line| {
            (sum.0 + line.branches.0, sum.1 + line.branches.1)
        });
        assert_eq!(sum, (2, 5));
    }

    #[test]
    fn other_formats_are_said() {
        let four = THREE.replace("\"format\": 3", "\"format\": 4");
        assert!(read(&four).unwrap_err().why.contains("format is 4"));
        let none = THREE.replace("\"format\": 3, ", "");
        assert!(read(&none).unwrap_err().remedy.contains("coverage xml"));
        assert!(read(&THREE.replace("\"format\": 3", "\"format\": 2")).is_ok());
    }

    #[test]
    fn other_json_is_said() {
        for text in [
            "{}",
            "{\"files\": 3}",
            "{\"meta\": {\"format\": 3}, \"files\": {\"a\": {}}}",
            "{",
        ] {
            assert!(read(text).unwrap_err().why.contains("JSON"), "{text}");
        }
        let deep = format!("{{\"x\": {}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(read(&deep).is_err());
    }
}
