//! Which findings count, and which suppressions are in order.

use std::collections::{BTreeMap, BTreeSet};

use beanpole_model::{Finding, Location};
use jiff::civil::Date;

use super::comment::{Comments, Directive, Target, read};
use super::{EXPIRED, Ignore, MALFORMED, Suppressed, UNEXPLAINED, UNKNOWN, UNUSED};
use crate::engine::Policy;
use crate::nearest::nearest;
use crate::scope::{ChangedLines, Scope};

/// What came out.
#[derive(Debug, Default)]
pub(crate) struct Applied {
    /// Findings that count.
    pub(crate) kept: Vec<Finding>,
    /// Findings that do not.
    pub(crate) suppressed: Vec<Suppressed>,
    /// What is wrong with the suppressions themselves.
    pub(crate) upkeep: Vec<Finding>,
}

/// A suppression, wherever it stands.
struct Suppression<'a> {
    rules: &'a [String],
    until: Option<Date>,
    reason: Option<&'a str>,
    location: Location,
    cover: Cover<'a>,
    /// The rules of it that something needed.
    used: BTreeSet<&'a str>,
}

enum Cover<'a> {
    Comment {
        path: &'a str,
        directive: &'a Directive,
    },
    Setting(&'a Ignore),
}

impl Suppression<'_> {
    fn has_expired(&self, today: Date) -> bool {
        self.until.is_some_and(|last| last < today)
    }

    fn covers(&self, finding: &Finding) -> bool {
        let Some(place) = &finding.location else {
            return false;
        };
        match &self.cover {
            Cover::Setting(ignore) => ignore.covers(&finding.rule, &place.path),
            Cover::Comment { path, directive } => {
                *path == place.path
                    && directive.rules.contains(&finding.rule)
                    && match directive.target {
                        Target::File => true,
                        Target::Line(line) => place.line == Some(line),
                    }
            }
        }
    }
}

/// Sorts the findings out, and judges the suppressions.
pub(crate) fn apply(findings: Vec<Finding>, scope: &Scope, policy: &Policy<'_>) -> Applied {
    let comments = comments(&findings, scope);
    let mut suppressions: Vec<Suppression<'_>> = settings(policy.ignores)
        .chain(
            comments
                .iter()
                .flat_map(|(path, comments)| in_file(path, comments)),
        )
        .collect();
    let mut applied = Applied::default();
    for finding in findings {
        let covering = suppressions.iter_mut().find(|suppression| {
            !suppression.has_expired(policy.today) && suppression.covers(&finding)
        });
        match covering {
            None => applied.kept.push(finding),
            Some(suppression) => {
                let rule = suppression.rules.iter().find(|rule| **rule == finding.rule);
                suppression.used.extend(rule.map(String::as_str));
                applied.suppressed.push(Suppressed {
                    finding,
                    reason: suppression.reason.map(str::to_owned),
                    until: suppression.until,
                    location: suppression.location.clone(),
                });
            }
        }
    }
    for (path, comments) in &comments {
        if let Some(change) = scope.change(path) {
            let of_change = comments
                .malformed
                .iter()
                .filter(|found| change.lines.contains(found.line));
            applied.upkeep.extend(of_change.map(|found| {
                MALFORMED.finding(
                    at(path, found.line),
                    format!("this suppression does nothing: {}", found.why),
                    "It was meant to change what is reported.",
                    Some("`beanpole: ignore[rule-id] -- reason` as a comment".to_owned()),
                )
            }));
        }
    }
    for suppression in &suppressions {
        if is_judged(suppression, scope) {
            applied.upkeep.extend(upkeep(suppression, scope, policy));
        }
    }
    applied
}

/// The comments of the files that changed and were read, and of those with findings. What no rule has read has none to judge.
fn comments<'a>(findings: &[Finding], scope: &'a Scope) -> BTreeMap<&'a str, Comments> {
    let found = findings
        .iter()
        .filter_map(|finding| finding.location.as_ref())
        .filter_map(|place| scope.entries.get_key_value(&place.path))
        .map(|(path, _)| path.as_str());
    let changed = scope.changes.iter().map(|change| change.path.as_str());
    let read_ones = changed.filter(|path| scope.tree.is_read(path));
    let paths: BTreeSet<&str> = found.chain(read_ones).collect();
    paths
        .into_iter()
        .filter_map(|path| Some((path, read(path, scope.tree.get(path)?))))
        .filter(|(_, comments)| *comments != Comments::default())
        .collect()
}

fn settings(ignores: &[Ignore]) -> impl Iterator<Item = Suppression<'_>> {
    ignores.iter().map(|ignore| Suppression {
        rules: &ignore.rules,
        until: ignore.until,
        reason: ignore.reason.as_deref(),
        location: ignore.location.clone(),
        cover: Cover::Setting(ignore),
        used: BTreeSet::new(),
    })
}

fn in_file<'a>(path: &'a str, comments: &'a Comments) -> impl Iterator<Item = Suppression<'a>> {
    comments
        .directives
        .iter()
        .map(move |directive| Suppression {
            rules: &directive.rules,
            until: directive.until,
            reason: directive.reason.as_deref(),
            location: at(path, directive.line),
            cover: Cover::Comment { path, directive },
            used: BTreeSet::new(),
        })
}

fn at(path: &str, line: u32) -> Location {
    Location {
        path: path.to_owned(),
        line: Some(line),
        column: None,
    }
}

/// Whether the suppression itself lies in what is judged. Settings always do.
fn is_judged(suppression: &Suppression<'_>, scope: &Scope) -> bool {
    match &suppression.cover {
        Cover::Setting(_) => true,
        Cover::Comment { path, directive } => scope.change(path).is_some_and(|change| {
            let about = match directive.target {
                Target::Line(line) => line,
                Target::File => directive.line,
            };
            change.lines.contains(directive.line) || change.lines.contains(about)
        }),
    }
}

/// What is wrong with a suppression.
fn upkeep(suppression: &Suppression<'_>, scope: &Scope, policy: &Policy<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let place = || suppression.location.clone();
    for rule in suppression.rules {
        if !policy.knows(rule) {
            let near = nearest(rule, policy.ids());
            findings.push(UNKNOWN.finding(
                place(),
                format!("there is no rule `{rule}`"),
                "A suppression of a rule that does not exist does nothing.",
                near.map(|near| format!("did you mean `{near}`?")),
            ));
        }
    }
    if suppression.reason.is_none() {
        findings.push(
            UNEXPLAINED.finding(
                place(),
                format!(
                    "the suppression of {} does not say why",
                    list(suppression.rules)
                ),
                "Whoever reads it next cannot judge whether it still holds.",
                Some(
                    "add ` -- ` and a reason; in `checks.ignore` of beanpole.yaml, `reason:`"
                        .to_owned(),
                ),
            ),
        );
    }
    if let Some(last) = suppression.until
        && suppression.has_expired(policy.today)
    {
        findings.push(EXPIRED.finding(
            place(),
            format!(
                "the suppression of {} ended on {last}",
                list(suppression.rules)
            ),
            "What it covered counts again.",
            Some("solve what it covered and remove it, or set another day".to_owned()),
        ));
        return findings;
    }
    let unused: Vec<String> = suppression
        .rules
        .iter()
        .filter(|rule| !suppression.used.contains(rule.as_str()))
        .filter(|rule| has_looked(suppression, rule, scope, policy))
        .cloned()
        .collect();
    if !unused.is_empty() {
        findings.push(UNUSED.finding(
            place(),
            format!("nothing needs the suppression of {}", list(&unused)),
            "It would hide the next finding of that kind.",
            Some("remove it".to_owned()),
        ));
    }
    findings
}

/// Whether a rule has looked at all that the suppression covers.
fn has_looked(
    suppression: &Suppression<'_>,
    rule: &str,
    scope: &Scope,
    policy: &Policy<'_>,
) -> bool {
    match &suppression.cover {
        Cover::Comment { path, directive } => {
            policy.ran(rule, path)
                && scope
                    .change(path)
                    .is_some_and(|change| match directive.target {
                        Target::File => change.lines == ChangedLines::All,
                        Target::Line(line) => change.lines.contains(line),
                    })
        }
        // Seen in part, what it covers may lie in the other part.
        Cover::Setting(_) => crate::engine::is_complete(scope) && policy.runs(rule),
    }
}

fn list(rules: &[String]) -> String {
    let quoted: Vec<String> = rules.iter().map(|rule| format!("`{rule}`")).collect();
    quoted.join(", ")
}
