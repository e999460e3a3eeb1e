//! `merge-conflict`: markers of a merge that nobody finished.

use crate::report::{finding, place};
use crate::{Change, Group, Rule};
use beanpole_model::{Finding, Severity};

pub(super) const RULE: Rule = Rule {
    id: "merge-conflict",
    group: Group::Files,
    severity: Severity::Error,
    summary: "markers of an unfinished merge",
};

/// The kinds of markers. `=======` alone underlines titles in reStructuredText and Markdown, so it only counts in a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Marker {
    Ours,
    Base,
    Middle,
    Theirs,
}

fn marker(line: &[u8]) -> Option<Marker> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let of = |sign: u8| {
        line.iter().take(7).filter(|byte| **byte == sign).count() == 7
            && line.get(7).is_none_or(|byte| *byte == b' ')
    };
    match line.first()? {
        b'<' if of(b'<') => Some(Marker::Ours),
        b'|' if of(b'|') => Some(Marker::Base),
        b'=' if of(b'=') && line.len() == 7 => Some(Marker::Middle),
        b'>' if of(b'>') => Some(Marker::Theirs),
        _ => None,
    }
}

/// One conflict: its markers with their lines.
#[derive(Default)]
struct Conflict {
    markers: Vec<(Marker, u32, bool)>,
}

impl Conflict {
    fn has(&self, wanted: Marker) -> bool {
        self.markers.iter().any(|(marker, _, _)| *marker == wanted)
    }

    /// A whole set, or a start or an end that names what was merged: only git writes these.
    fn is_certain(&self) -> bool {
        let is_whole =
            self.has(Marker::Ours) && self.has(Marker::Middle) && self.has(Marker::Theirs);
        let names = self
            .markers
            .iter()
            .any(|(marker, _, named)| *named && matches!(marker, Marker::Ours | Marker::Theirs));
        is_whole || names
    }
}

pub(super) fn check(change: &Change, bytes: &[u8]) -> Vec<Finding> {
    if super::is_binary(bytes) {
        return Vec::new();
    }
    conflicts(bytes)
        .iter()
        .filter(|conflict| conflict.is_certain())
        .filter_map(|conflict| {
            let (_, line, _) = conflict
                .markers
                .iter()
                .find(|(_, line, _)| change.lines.contains(*line))?;
            Some(finding(
                &RULE,
                Some(place(&change.path, (*line, 1))),
                "a merge conflict that nobody resolved".to_owned(),
                "both versions stand in the file, and neither Python nor a template can read it",
                "keep one version or join both, and delete the lines with `<<<<<<<`, `=======` and `>>>>>>>`",
            ))
        })
        .collect()
}

/// The markers of a file, put together: a start begins a conflict, an end closes it.
fn conflicts(bytes: &[u8]) -> Vec<Conflict> {
    let mut conflicts: Vec<Conflict> = Vec::new();
    let mut open = Conflict::default();
    for (line, number) in bytes.split(|byte| *byte == b'\n').zip(1..) {
        let Some(marker) = marker(line) else { continue };
        if marker == Marker::Ours && !open.markers.is_empty() {
            conflicts.push(std::mem::take(&mut open));
        }
        // Underlines of titles are not collected.
        if open.markers.is_empty() && marker == Marker::Middle {
            continue;
        }
        let is_named = line.get(7) == Some(&b' ');
        // Between start and end, more than three markers add nothing.
        if open.markers.len() < 4 || marker == Marker::Theirs {
            open.markers.push((marker, number, is_named));
        }
        if marker == Marker::Theirs {
            conflicts.push(std::mem::take(&mut open));
        }
    }
    conflicts.push(open);
    conflicts
}

#[cfg(test)]
mod tests {
    use super::super::Settings;
    use super::super::testing::{found, found_on};

    const SET: &str = "a\n<<<<<<< HEAD\nb\n=======\nc\n>>>>>>> feat/x\nd\n";

    #[test]
    fn a_set_is_one_finding() {
        let settings = Settings::default();
        assert_eq!(
            found(&[("a.txt", SET)], &settings),
            ["a.txt:2:1 merge-conflict"]
        );
        let windows = SET.replace('\n', "\r\n");
        assert_eq!(
            found(&[("a.txt", &windows)], &settings),
            ["a.txt:2:1 merge-conflict"]
        );
        let twice = format!("{SET}{SET}");
        assert_eq!(found(&[("a.txt", &twice)], &settings).len(), 2);
    }

    #[test]
    fn only_changed_markers_count() {
        let settings = Settings::default();
        assert_eq!(
            found_on("a.txt", SET, &[(6, 6)], &settings),
            ["a.txt:6:1 merge-conflict"]
        );
        assert_eq!(
            found_on("a.txt", SET, &[(1, 1), (3, 3), (5, 5)], &settings),
            [""; 0]
        );
    }

    #[test]
    fn half_a_set_counts_if_it_names_what_was_merged() {
        let settings = Settings::default();
        assert_eq!(found(&[("a.txt", ">>>>>>> main\n")], &settings).len(), 1);
        assert_eq!(found(&[("a.txt", "<<<<<<< HEAD\nx\n")], &settings).len(), 1);
        assert_eq!(
            found(&[("a.txt", "<<<<<<<\nx\n>>>>>>>\n")], &settings),
            [""; 0]
        );
        assert_eq!(
            found(&[("a.txt", "<<<<<<<\nx\n=======\n>>>>>>>\n")], &settings).len(),
            1
        );
    }

    #[test]
    fn underlines_are_no_markers() {
        let settings = Settings::default();
        let text = "Title 1\n=======\n\nOther\n========\n\n>>> f()\n>>>>>>>>>> x\n";
        assert_eq!(
            found(&[("a.rst", text), ("a.md", text)], &settings),
            [""; 0]
        );
    }
}
