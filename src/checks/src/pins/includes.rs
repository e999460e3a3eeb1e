//! `missing-include` and `include-loop`: links of requirements files that lead nowhere, or back.

use super::Context;
use super::requirements_file::{Link, RequirementsFile};
use super::source::{exists, is_gone};
use crate::report::{finding, shown};
use crate::{Group, Rule};
use beanpole_model::{Finding, Severity};
use std::collections::BTreeSet;

pub(super) const MISSING: Rule = Rule {
    id: "missing-include",
    group: Group::Pins,
    severity: Severity::Error,
    summary: "a requirements file includes a file that is not there",
};

pub(super) const LOOP: Rule = Rule {
    id: "include-loop",
    group: Group::Pins,
    severity: Severity::Error,
    summary: "requirements files include each other in a circle",
};

pub(super) fn check(context: &Context<'_>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = context
        .graph
        .files
        .values()
        .flat_map(|file| file.links.iter().map(move |link| (file, link)))
        .filter_map(|(file, link)| missing(context, file, link))
        .collect();
    let mut seen = BTreeSet::new();
    for start in context.graph.files.keys().copied() {
        loops_from(context, start, &mut seen, &mut findings);
    }
    findings
}

fn missing(context: &Context<'_>, file: &RequirementsFile<'_>, link: &Link) -> Option<Finding> {
    let target = link.path.as_deref()?;
    if exists(context.scope, target) {
        return None;
    }
    // The line may be old: the file that it names was deleted or moved by this change.
    let is_new = context.graph.is_touched(file, link.at, link.at) || is_gone(context.scope, target);
    is_new.then(|| {
        finding(
            &MISSING,
            Some(file.source.place(link.at)),
            format!("`{}` is not there ({target})", shown(&link.written)),
            "pip stops at a file that it cannot open, and nothing is installed",
            "correct the path: it counts from the directory of this file",
        )
    })
}

/// Walks the links from a file on, in depth; a link to a file on the way is a loop. Files seen before cannot lead to a new one.
fn loops_from<'a>(
    context: &'a Context<'_>,
    start: &'a str,
    seen: &mut BTreeSet<&'a str>,
    findings: &mut Vec<Finding>,
) {
    // The way: each file, the link by which it was left, and its links that are still to be followed.
    let mut way: Vec<Step<'a>> = Vec::new();
    if seen.insert(start) {
        way.push(Step::new(context, start));
    }
    while let Some(step) = way.last_mut() {
        let Some((link, target)) = step.open.pop() else {
            way.pop();
            continue;
        };
        step.left_by = Some(link);
        if let Some(index) = way.iter().position(|step| step.path == target) {
            findings.extend(way.get(index..).and_then(|circle| found(context, circle)));
        } else if seen.insert(target) {
            way.push(Step::new(context, target));
        }
    }
}

struct Step<'a> {
    path: &'a str,
    left_by: Option<&'a Link>,
    open: Vec<(&'a Link, &'a str)>,
}

impl<'a> Step<'a> {
    fn new(context: &'a Context<'_>, path: &'a str) -> Self {
        Self {
            path,
            left_by: None,
            open: context.graph.targets(path).collect(),
        }
    }
}

/// A circle is new if any of its links is; it is said at the last new one.
fn found(context: &Context<'_>, circle: &[Step<'_>]) -> Option<Finding> {
    let (file, link) = circle.iter().rev().find_map(|step| {
        let file = context.graph.files.get(step.path)?;
        let link = step.left_by?;
        file.source
            .is_changed(context.scope, link.at, link.at)
            .then_some((file, link))
    })?;
    let names: Vec<&str> = circle.iter().map(|step| step.path).collect();
    let first = names.first().copied().unwrap_or_default();
    Some(finding(
        &LOOP,
        Some(file.source.place(link.at)),
        format!(
            "files include each other in a circle: {} → {first}",
            names.join(" → ")
        ),
        "pip refuses a file that includes itself, and nothing is installed",
        "move what both need to a third file that includes neither",
    ))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{changed, deleted, found, new};

    #[test]
    fn missing_files_are_said_at_their_links() {
        assert_eq!(
            found(&new(&[(
                "requirements.txt",
                "-r  base.txt\n-c https://h/c.txt\n-r ../out.txt\n"
            )])),
            ["requirements.txt:1:5 missing-include"]
        );
    }

    #[test]
    fn an_old_link_breaks_when_its_file_goes() {
        let files = [("requirements.txt", "-r base.txt\n")];
        assert_eq!(
            found(&deleted(&files, "base.txt")),
            ["requirements.txt:1:4 missing-include"]
        );
        assert_eq!(found(&deleted(&files, "other.txt")), [""; 0]);
    }

    #[test]
    fn a_loop_is_said_once() {
        let files = [
            ("requirements/a.txt", "-r b.txt\n"),
            ("requirements/b.txt", "-r c.txt\nx==1\n"),
            ("requirements/c.txt", "-c a.txt\n-r b.txt\n"),
            ("requirements/d.txt", "-r d.txt\n"),
        ];
        let loops = found(&new(&files));
        assert_eq!(loops.len(), 3, "{loops:?}");
        assert!(loops.contains(&"requirements/d.txt:1:4 include-loop".to_owned()));
        assert_eq!(
            found(&changed(&files, "requirements/a.txt", &[(1, 1)])),
            ["requirements/a.txt:1:4 include-loop"]
        );
        assert_eq!(
            found(&changed(&files, "requirements/b.txt", &[(2, 2)])),
            [""; 0]
        );
    }

    #[test]
    fn the_same_file_twice_is_no_loop() {
        let files = [
            ("requirements/prod.txt", "-r base.txt\n-r more.txt\n"),
            ("requirements/more.txt", "-r base.txt\n"),
            ("requirements/base.txt", "a==1\n"),
        ];
        assert_eq!(found(&new(&files)), [""; 0]);
    }
}
