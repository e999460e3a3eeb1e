//! `unparsable-python`, and the debugging aids of the files that can be read.

use super::{Settings, debug};
use crate::pattern::path_patterns;
use crate::python::{Lines, Unreadable, decode, uses, with_deep_stack};
use crate::report::{finding, place};
use crate::{Change, FileMode, Group, Rule, Scope};
use beanpole_model::{Finding, Location, Severity};

pub(super) const RULE: Rule = Rule {
    id: "unparsable-python",
    group: Group::Files,
    severity: Severity::Error,
    summary: "a Python file that Python cannot read",
};

pub(super) fn check(scope: &Scope, settings: &Settings) -> Vec<Finding> {
    let (exempt, _) = path_patterns(&settings.debug_files);
    let files: Vec<(&Change, &[u8])> = scope
        .changed_files()
        .filter(|(change, _)| is_python(scope, &change.path))
        .collect();
    if files.is_empty() {
        return Vec::new();
    }
    let judge = || {
        files
            .iter()
            .flat_map(|(change, bytes)| {
                let may_debug = exempt.iter().any(|pattern| pattern.matches(&change.path));
                file(change, bytes, settings, may_debug)
            })
            .collect()
    };
    // All files on one thread: its start costs more than a file.
    with_deep_stack(judge).unwrap_or_else(|failure| {
        files
            .iter()
            .map(|(change, bytes)| unreadable(change, bytes, &failure))
            .collect()
    })
}

/// Python that is meant to run: no link, and no file of a template whose braces are filled in later.
fn is_python(scope: &Scope, path: &str) -> bool {
    (path.ends_with(".py") || path.ends_with(".pyi"))
        && !path.contains("{{")
        && scope
            .entries
            .get(path)
            .is_none_or(|entry| matches!(entry.mode, FileMode::Regular | FileMode::Executable))
}

fn file(change: &Change, bytes: &[u8], settings: &Settings, may_debug: bool) -> Vec<Finding> {
    let found = match decode(bytes).and_then(|text| uses(&text)) {
        Ok(found) => found,
        Err(failure) => return vec![unreadable(change, bytes, &failure)],
    };
    if may_debug {
        return Vec::new();
    }
    let lines = Lines::new(bytes);
    debug::aids(&change.path, &found, settings, |span| {
        lines.position(bytes, span.start).0
    })
    .into_iter()
    .filter(|(line, (span, what))| {
        let aid = bytes.get(lines.raw_offset(bytes, span.start)..);
        change.lines.contains(*line) && !debug::is_marked(aid.unwrap_or_default(), what)
    })
    .map(|(_, (span, what))| {
        let at = lines.position(bytes, span.start);
        debug::found(place(&change.path, at), &what)
    })
    .collect()
}

/// The place need not be a changed line: a bracket that was opened on one is missed at the end of the file.
fn unreadable(change: &Change, bytes: &[u8], failure: &Unreadable) -> Finding {
    let at = failure
        .at
        .map(|span| Lines::new(bytes).position(bytes, span.start));
    let (line, column) = at.unzip();
    Finding {
        // What is only too large or too deep for us may be fine for Python.
        severity: if at.is_some() {
            Severity::Error
        } else {
            Severity::Note
        },
        ..finding(
            &RULE,
            Some(Location {
                path: change.path.clone(),
                line,
                column,
            }),
            failure.why.clone(),
            "the module fails when it is imported, and no other check can look into it",
            "correct the file: `python -m py_compile` says whether Python reads it",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{found, found_on, shown};
    use super::*;
    use crate::Entry;

    #[test]
    fn broken_python_has_a_place() {
        let settings = Settings::default();
        assert_eq!(
            found(&[("a.py", "x = 1\ny = = 2\n")], &settings),
            ["a.py:2:5 unparsable-python"]
        );
        assert_eq!(
            found(
                &[("a.py", "x = 1\nprint 'x'\n"), ("b.py", "x = 1")],
                &settings
            )
            .len(),
            1
        );
        // The fault is on another line than the change that made it.
        assert_eq!(
            found_on("a.py", "x = (\n\ny = 1\n", &[(1, 1)], &settings).len(),
            1
        );
    }

    #[test]
    fn other_encodings_are_said() {
        let tree = [("a.py", b"x = '\xe9'".to_vec())].into_iter().collect();
        assert_eq!(
            shown(&Scope::all(tree), &Settings::default()),
            ["a.py:1:6 unparsable-python"]
        );
    }

    #[test]
    fn what_is_too_large_is_only_noted() {
        let long = " ".repeat(crate::LARGEST_FILE + 1);
        let tree = [("a.py", long)].into_iter().collect();
        let found = super::super::check(
            &Scope::all(tree),
            &Settings {
                largest_file_kib: 0,
                ..Settings::default()
            },
        );
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].severity, Severity::Note);
        assert!(found[0].message.contains("bytes"));
    }

    #[test]
    fn templates_and_links_are_not_python() {
        let mut scope = Scope::all(
            [("{{project}}/a.py", "{{ x"), ("b.py", "../else where")]
                .into_iter()
                .collect(),
        );
        scope.entries.insert(
            "b.py".to_owned(),
            Entry {
                mode: FileMode::Link,
                size: None,
            },
        );
        assert_eq!(shown(&scope, &Settings::default()), [""; 0]);
    }
}
