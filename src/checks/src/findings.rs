//! Collects findings, and keeps those that the change has brought about.

use crate::report::{Said, place, say};
use crate::source::Place;
use crate::{Change, ChangedLines, Rule, Scope};
use beanpole_model::Finding;

/// The findings of a group.
pub(crate) struct Report<'s> {
    pub(crate) scope: &'s Scope,
    findings: Vec<Finding>,
}

impl<'s> Report<'s> {
    pub(crate) const fn new(scope: &'s Scope) -> Self {
        Self {
            scope,
            findings: Vec::new(),
        }
    }

    /// Says something about lines of a file, if one of them changed.
    pub(crate) fn say(&mut self, rule: &Rule, path: &str, place: Place, said: Said) {
        if self.touches(path, place) {
            self.always(rule, path, place, said);
        }
    }

    /// Says that something is missing between the lines of `place`. A line that was taken out leaves no changed line behind,
    /// so a file that lost more lines than it gained is judged as well.
    pub(crate) fn missing(&mut self, rule: &Rule, path: &str, place: Place, said: Said) {
        if self.touches(path, place) || self.lost_lines(path) {
            self.always(rule, path, place, said);
        }
    }

    /// Says something that the caller knows to be brought about by the change.
    pub(crate) fn always(&mut self, rule: &Rule, path: &str, place: Place, said: Said) {
        let location = self::place(path, (place.line, place.column));
        self.findings.push(say(rule, Some(location), said));
    }

    /// Whether one of the lines of a place changed.
    pub(crate) fn touches(&self, path: &str, place: Place) -> bool {
        self.judged(path)
            .is_some_and(|change| change.lines.touches(place.line, place.last_line))
    }

    /// The change of a file that is there.
    pub(crate) fn judged(&self, path: &str) -> Option<&'s Change> {
        self.scope.change(path).filter(|change| change.is_there())
    }

    /// Whether a path changed in any way, also by going away.
    pub(crate) fn changed(&self, path: &str) -> bool {
        self.scope.change(path).is_some()
    }

    /// Whether a file lost more than it gained.
    pub(crate) fn lost_lines(&self, path: &str) -> bool {
        self.judged(path)
            .is_some_and(|change| match (&change.lines, change.counts) {
                (ChangedLines::All, _) => true,
                (ChangedLines::Only(_), Some((added, removed))) => removed > added,
                (ChangedLines::Only(lines), None) => lines.is_empty(),
            })
    }

    /// All findings by their place; of those of one rule at one place the first.
    pub(crate) fn finish(mut self) -> Vec<Finding> {
        self.findings.sort_by(|left, right| {
            let place = |finding: &Finding| {
                finding
                    .location
                    .as_ref()
                    .map(|location| (location.path.clone(), location.line, location.column))
            };
            (place(left), &left.rule, &left.message).cmp(&(
                place(right),
                &right.rule,
                &right.message,
            ))
        });
        // What several services take from one anchor is one fault at one place.
        self.findings
            .dedup_by(|next, kept| next.rule == kept.rule && next.location == kept.location);
        self.findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ChangeKind, Group, SourceTree};
    use beanpole_model::Severity;

    const RULE: Rule = Rule {
        id: "a-rule",
        group: Group::Docker,
        severity: Severity::Warning,
        summary: "a rule",
    };

    fn scope(lines: ChangedLines, counts: Option<(u32, u32)>) -> Scope {
        let tree: SourceTree = [("a", "1\n2\n3\n")].into_iter().collect();
        let mut scope = Scope::all(tree);
        scope.changes = vec![Change {
            path: "a".to_owned(),
            kind: ChangeKind::Modified,
            lines,
            counts,
        }];
        scope
    }

    fn said() -> Said {
        Said {
            message: String::new(),
            reason: "",
            remedy: String::new(),
        }
    }

    #[test]
    fn only_changed_lines_are_spoken_of() {
        let scope = scope(ChangedLines::Only(vec![(3, 3)]), Some((1, 1)));
        let mut report = Report::new(&scope);
        report.say(&RULE, "a", Place::point(2, 1), said());
        report.missing(&RULE, "a", Place::point(2, 1), said());
        report.say(&RULE, "other", Place::point(3, 1), said());
        assert!(report.finish().is_empty());
        let mut report = Report::new(&scope);
        report.say(&RULE, "a", Place::point(2, 1).until(3), said());
        report.say(&RULE, "a", Place::point(2, 1).until(3), said());
        assert_eq!(report.finish().len(), 1);
    }

    #[test]
    fn a_line_that_went_may_be_missed() {
        for counts in [Some((0, 1)), None] {
            let scope = scope(ChangedLines::Only(Vec::new()), counts);
            let mut report = Report::new(&scope);
            report.missing(&RULE, "a", Place::point(2, 1), said());
            assert_eq!(report.finish().len(), 1, "{counts:?}");
        }
    }
}
