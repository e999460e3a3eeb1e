//! `coverage-uncovered-change` and `coverage-missing-file`: the changed lines that no test ran, and the files that no report
//! knows.

use super::Context;
use crate::coverage::changed::ChangedFile;
use crate::report::{Said, file, place, say};
use crate::{ChangeKind, Group, Rule, Scope};
use beanpole_model::{Finding, Severity};

pub(super) const UNCOVERED: Rule = Rule {
    id: "coverage-uncovered-change",
    group: Group::Coverage,
    severity: Severity::Warning,
    summary: "changed lines that no test runs",
};

pub(super) const MISSING: Rule = Rule {
    id: "coverage-missing-file",
    group: Group::Coverage,
    severity: Severity::Warning,
    summary: "a changed Python file that is in no coverage report",
};

pub(super) fn check(context: &Context<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for changed in context.changed.unwrap_or_default() {
        if changed.is_missing {
            findings.push(missing(context.scope, changed));
        } else if context.settings.uncovered {
            findings.extend(uncovered(context, changed));
        }
    }
    findings
}

fn missing(scope: &Scope, changed: &ChangedFile<'_>) -> Finding {
    let is_new = scope
        .change(changed.path)
        .is_some_and(|change| change.kind == ChangeKind::Added);
    let words = Said {
        message: if is_new {
            format!("{} is in no coverage report: its {} statements count as uncovered", changed.path, changed.statements.len())
        } else {
            format!("{} is in no coverage report: its changed lines are not judged", changed.path)
        },
        reason: "coverage.py leaves out what no test imports, unless it is told the `source`",
        remedy: "set `source = .` under `[tool.coverage.run]`, or name the file in `checks.coverage.exclude` in beanpole.yaml if it needs no tests".to_owned(),
    };
    let said = say(&MISSING, Some(file(changed.path)), words);
    if is_new {
        said
    } else {
        Finding {
            severity: Severity::Note,
            ..said
        }
    }
}

/// Uncovered statements that follow each other in the report are one finding.
fn uncovered(context: &Context<'_>, changed: &ChangedFile<'_>) -> Vec<Finding> {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    let mut is_open = false;
    let lines = context.merged.files.get(changed.path);
    for (line, ran) in &changed.statements {
        if *ran {
            is_open = false;
            continue;
        }
        match ranges.last_mut() {
            // An unchanged statement between them ends the range.
            Some((_, last))
                if is_open && lines.is_some_and(|lines| lines.are_neighbours(*last, *line)) =>
            {
                *last = *line;
            }
            _ => ranges.push((*line, *line)),
        }
        is_open = true;
    }
    let bytes = context.scope.tree.get(changed.path).unwrap_or_default();
    let columns = Columns::new(bytes);
    ranges
        .into_iter()
        .map(|(first, last)| {
            let words = Said {
                message: if first == last {
                    format!("no test runs the changed line {first} of {}", changed.path)
                } else {
                    format!(
                        "no test runs the changed lines {first} to {last} of {}",
                        changed.path
                    )
                },
                reason: "a fault in them reaches production unseen",
                remedy: "add a test that runs them".to_owned(),
            };
            say(
                &UNCOVERED,
                Some(place(changed.path, (first, columns.of(first)))),
                words,
            )
        })
        .collect()
}

/// Where the text of each line begins.
struct Columns<'b> {
    lines: Vec<&'b [u8]>,
}

impl<'b> Columns<'b> {
    fn new(bytes: &'b [u8]) -> Self {
        Self {
            lines: bytes.split(|byte| *byte == b'\n').collect(),
        }
    }

    fn of(&self, line: u32) -> u32 {
        let index = usize::try_from(line).unwrap_or(usize::MAX).wrapping_sub(1);
        let blank = self.lines.get(index).map_or(0, |line| {
            line.iter()
                .take_while(|byte| matches!(byte, b' ' | b'\t'))
                .count()
        });
        u32::try_from(blank).unwrap_or(u32::MAX).saturating_add(1)
    }
}

#[cfg(test)]
mod tests {
    use super::{MISSING, UNCOVERED};
    use crate::coverage::testing::Case;
    use beanpole_model::Severity;

    const TEXT: &str = "def f():\n    a = 1\n    b = 2\n\n    c = 3\n    d = 4\n    e = 5\n";
    const REPORT: &str = "SF:shop/a.py\nDA:1,1\nDA:2,0\nDA:3,0\nDA:5,0\nDA:6,1\nDA:7,0\n";

    #[test]
    fn lines_that_follow_each_other_are_one_finding() {
        let found = Case::new()
            .changed("shop/a.py", TEXT, &[(1, 7)])
            .lcov(REPORT)
            .check();
        let places: Vec<_> = found
            .iter()
            .map(|finding| {
                assert_eq!(finding.rule, UNCOVERED.id);
                let location = finding.location.clone().unwrap();
                (location.line.unwrap(), location.column.unwrap())
            })
            .collect();
        assert_eq!(places, [(2, 5), (7, 5)]);
        assert!(found[0].message.contains("2 to 5"), "{}", found[0].message);
    }

    #[test]
    fn unchanged_lines_are_not_reported() {
        let found = Case::new()
            .changed("shop/a.py", TEXT, &[(2, 2), (5, 5)])
            .lcov(REPORT)
            .check();
        let lines: Vec<_> = found
            .iter()
            .map(|finding| finding.location.as_ref().unwrap().line.unwrap())
            .collect();
        assert_eq!(lines, [2, 5], "line 3 lies between them");
        assert!(
            Case::new()
                .changed("shop/a.py", TEXT, &[])
                .lcov(REPORT)
                .check()
                .is_empty()
        );
    }

    #[test]
    fn a_changed_file_that_no_report_knows_is_a_note() {
        let found = Case::new()
            .changed("shop/b.py", TEXT, &[(2, 2)])
            .lcov(REPORT)
            .check();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(
            (found[0].rule.as_str(), found[0].severity),
            (MISSING.id, Severity::Note)
        );
        let blank = Case::new()
            .changed("shop/b.py", TEXT, &[(4, 4)])
            .lcov(REPORT)
            .check();
        assert!(blank.is_empty());
    }
}
