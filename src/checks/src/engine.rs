//! From what the rules found to what is reported.
//!
//! The order: rules that are not selected or switched off are dropped, severities are set, suppressions take
//! out what they cover, the baseline takes out what was there before, and the rest is sorted. What takes a
//! finding out is counted and kept in the report: nothing disappears.

use std::collections::{BTreeMap, BTreeSet};

use beanpole_model::{Finding, Location, Severity};
use jiff::civil::Date;
use serde::Serialize;

use crate::baseline::{self, Baseline};
use crate::choice::{Levels, RuleSelection};
use crate::excerpt::{self, Lines};
use crate::paths::base_name;
use crate::rule::{Group, Rule};
use crate::scope::{ChangedLines, Scope};
use crate::secrets::hide;
use crate::suppression::{self, Ignore, Suppressed, UpkeepRule};

/// The rules about suppressions and baselines. They run beside every other.
pub const UPKEEP_RULES: [UpkeepRule; 6] = {
    let [malformed, unexplained, expired, unknown, unused] = suppression::RULES;
    [
        malformed,
        unexplained,
        expired,
        unknown,
        unused,
        baseline::STALE,
    ]
};

/// What decides over findings.
pub struct Policy<'a> {
    /// All rules that there are.
    pub rules: &'a [Rule],
    /// Those that were chosen.
    pub selection: &'a RuleSelection,
    /// Severities.
    pub levels: &'a Levels,
    /// Suppressions in the settings.
    pub ignores: &'a [Ignore],
    /// What was there before.
    pub baseline: Option<&'a Baseline>,
    /// Today.
    pub today: Date,
    /// Whether a group has looked at a path: the groups' own `wants`.
    pub saw: &'a dyn Fn(Group, &str) -> bool,
}

impl Policy<'_> {
    fn group(&self, rule: &str) -> Option<Group> {
        let found = self.rules.iter().find(|known| known.id == rule);
        found.map(|rule| rule.group)
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.rules.iter().map(|rule| rule.id)
    }

    pub(crate) fn knows(&self, rule: &str) -> bool {
        self.group(rule).is_some()
    }

    /// Whether a rule was chosen and is on.
    pub(crate) fn runs(&self, rule: &str) -> bool {
        self.selection.has(rule) && !self.levels.is_off(rule, self.group(rule))
    }

    /// Whether a rule has looked at a path.
    pub(crate) fn ran(&self, rule: &str, path: &str) -> bool {
        self.runs(rule)
            && self
                .group(rule)
                .is_some_and(|group| (self.saw)(group, path))
    }
}

/// Something that could not be judged, which is no finding and no absence of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unseen {
    /// Where.
    pub location: Option<Location>,
    /// What could not be seen and why.
    pub why: String,
}

/// A finding with what helps to show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reported {
    /// The finding.
    #[serde(flatten)]
    pub finding: Finding,
    /// What it is known by, wherever its line stands. The same text twice in a file has the same.
    pub fingerprint: String,
    /// Its line, without what may be a secret. None where nothing may be shown.
    pub source: Option<String>,
}

/// How many there are of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Findings that are errors.
    pub errors: usize,
    /// Findings that are warnings.
    pub warnings: usize,
    /// Findings that are notes.
    pub notes: usize,
    /// Findings that are suppressed.
    pub suppressed: usize,
    /// Findings that were there before.
    pub baselined: usize,
    /// Things that could not be judged.
    pub unseen: usize,
}

/// What is reported.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// The findings that count: the worst first, then by path and line.
    pub findings: Vec<Reported>,
    /// Those that are suppressed.
    pub suppressed: Vec<Suppressed>,
    /// Those that were there before.
    pub baselined: Vec<Reported>,
    /// What could not be judged.
    pub unseen: Vec<Unseen>,
    /// How many there are of each kind.
    pub counts: Counts,
    /// The worst severity of a finding that counts.
    pub worst: Option<Severity>,
}

impl CheckReport {
    /// Whether a finding is at least that severe.
    #[must_use]
    pub fn reaches(&self, severity: Severity) -> bool {
        self.worst.is_some_and(|worst| worst >= severity)
    }

    /// Takes findings out, by their places in the list, because they are solved. What is left is counted anew.
    pub fn take_out(&mut self, places: &BTreeSet<usize>) {
        let findings = std::mem::take(&mut self.findings).into_iter().enumerate();
        self.findings = findings
            .filter(|(place, _)| !places.contains(place))
            .map(|(_, reported)| reported)
            .collect();
        self.count();
    }

    /// Findings quote the project, and so do their lines.
    fn hide_secrets(&mut self) {
        let reported = self.findings.iter_mut().chain(&mut self.baselined);
        let of_reported = reported.flat_map(|one| {
            let words = words(&mut one.finding);
            words.chain(&mut one.source)
        });
        of_reported.for_each(hide);
        let suppressed = self.suppressed.iter_mut();
        (suppressed.flat_map(|one| words(&mut one.finding))).for_each(hide);
        self.unseen.iter_mut().for_each(|one| hide(&mut one.why));
    }

    fn count(&mut self) {
        self.counts = counts(self);
        let findings = self.findings.iter();
        self.worst = findings.map(|reported| reported.finding.severity).max();
    }

    /// The baseline that makes this project start clean: all that counts, and what was there before.
    #[must_use]
    pub fn new_baseline(&self) -> Baseline {
        let all = self.findings.iter().chain(&self.baselined);
        Baseline::of(
            all.filter(|reported| reported.finding.rule != baseline::STALE.id)
                .map(|reported| (&reported.finding, reported.fingerprint.as_str())),
        )
    }
}

/// What a finding says.
fn words(finding: &mut Finding) -> impl Iterator<Item = &mut String> {
    let said = [&mut finding.message, &mut finding.reason];
    said.into_iter().chain(&mut finding.remedy)
}

/// Whether every file is judged whole.
pub(crate) fn is_complete(scope: &Scope) -> bool {
    let changed = scope.changes.iter().filter(|change| change.is_there());
    scope
        .changes
        .iter()
        .all(|change| change.lines == ChangedLines::All)
        && changed.count() >= scope.entries.len()
}

/// Decides over what the rules found. A finding whose rule is not known is kept: dropping it would hide it.
#[must_use]
pub fn judge(
    findings: Vec<Finding>,
    unseen: Vec<Unseen>,
    scope: &Scope,
    policy: &Policy<'_>,
) -> CheckReport {
    let is_chosen =
        |finding: &Finding| !policy.knows(&finding.rule) || policy.selection.has(&finding.rule);
    let chosen = findings.into_iter().filter(is_chosen).collect();
    let applied = suppression::apply(leveled(chosen, policy), scope, policy);
    let mut counting = applied.kept;
    counting.extend(leveled(applied.upkeep, policy));
    sort(&mut counting);
    counting.dedup();
    let (new, old, stale) = against_baseline(counting, scope, policy);
    let mut report = CheckReport {
        suppressed: applied.suppressed,
        baselined: old,
        unseen,
        findings: new,
        ..CheckReport::default()
    };
    let stale = leveled(stale, policy).into_iter().map(|finding| Reported {
        fingerprint: baseline::fingerprint(&finding, baseline::path_of(&finding), None),
        source: None,
        finding,
    });
    report.findings.extend(stale);
    report
        .findings
        .sort_by(|one, other| order(&one.finding, &other.finding));
    report
        .suppressed
        .sort_by(|one, other| order(&one.finding, &other.finding));
    report.hide_secrets();
    report.count();
    report
}

/// The findings that are on, with their severities.
fn leveled(findings: Vec<Finding>, policy: &Policy<'_>) -> Vec<Finding> {
    findings
        .into_iter()
        .filter_map(|mut finding| {
            let group = policy.group(&finding.rule);
            finding.severity = policy.levels.severity(&finding, group)?;
            Some(finding)
        })
        .collect()
}

/// Parts what is new from what was there before, and says what of the baseline is gone.
fn against_baseline(
    findings: Vec<Finding>,
    scope: &Scope,
    policy: &Policy<'_>,
) -> (Vec<Reported>, Vec<Reported>, Vec<Finding>) {
    let mut baseline = policy.baseline.cloned().unwrap_or_default();
    let is_complete = is_complete(scope);
    // Without a comparison, nothing tells which files were moved.
    let gone = if is_complete {
        baseline.gone(|path| scope.entries.contains_key(path))
    } else {
        BTreeMap::new()
    };
    let mut lines = Lines::new(scope);
    let (mut new, mut old) = (Vec::new(), Vec::new());
    for finding in findings {
        let line = finding.location.as_ref().and_then(|place| lines.get(place));
        let path = baseline::path_of(&finding);
        let fingerprint = baseline::fingerprint(&finding, path, line.as_deref());
        let is_old = baseline.take(&finding, path, &fingerprint)
            || former_path(scope, path).is_some_and(|former| {
                let fingerprint = baseline::fingerprint(&finding, former, line.as_deref());
                baseline.take(&finding, former, &fingerprint)
            })
            || gone.get(&finding.rule).is_some_and(|gone| {
                likeliest_first(gone, path).any(|former| {
                    let fingerprint = baseline::fingerprint(&finding, former, line.as_deref());
                    baseline.take(&finding, former, &fingerprint)
                })
            });
        // A finding about a secret stands on the secret's own line.
        let is_secret = policy.group(&finding.rule) == Some(Group::Secrets);
        let source = line
            .filter(|_| !is_secret)
            .and_then(|line| excerpt::shown(&line));
        let reported = Reported {
            finding,
            fingerprint,
            source,
        };
        if is_old {
            old.push(reported);
        } else {
            new.push(reported);
        }
    }
    let stale = if is_complete {
        stale(&baseline, policy)
    } else {
        // What was not looked at is not gone.
        Vec::new()
    };
    (new, old, stale)
}

/// Paths that a file may have had: first those with its name, since most moves keep it.
fn likeliest_first<'p>(gone: &'p [String], path: &'p str) -> impl Iterator<Item = &'p String> {
    let has_name = |former: &&String| base_name(former) == base_name(path);
    let same = gone.iter().filter(move |former| has_name(former));
    let others = gone.iter().filter(move |former| !has_name(former));
    same.chain(others)
}

/// The path that a file had before it was moved.
fn former_path<'a>(scope: &'a Scope, path: &str) -> Option<&'a str> {
    match &scope.change(path)?.kind {
        crate::scope::ChangeKind::Renamed { from } => Some(from),
        crate::scope::ChangeKind::Added
        | crate::scope::ChangeKind::Modified
        | crate::scope::ChangeKind::Deleted => None,
    }
}

fn stale(baseline: &Baseline, policy: &Policy<'_>) -> Vec<Finding> {
    let rest = baseline.rest().into_iter();
    rest.filter(|((_, rule), _)| policy.runs(rule) || !policy.knows(rule))
        .map(|((path, rule), count)| Finding {
            rule: baseline::STALE.id.to_owned(),
            severity: baseline::STALE.severity,
            location: (!path.is_empty()).then(|| Location {
                path: path.to_owned(),
                line: None,
                column: None,
            }),
            message: format!("{count} × `{rule}` of the baseline is gone"),
            reason: "The baseline would hide the next finding of that kind.".to_owned(),
            remedy: Some("write the baseline anew".to_owned()),
        })
        .collect()
}

fn sort(findings: &mut [Finding]) {
    findings.sort_by(order);
}

/// The worst first, then by place.
fn order(one: &Finding, other: &Finding) -> std::cmp::Ordering {
    fn place(finding: &Finding) -> Option<(&String, Option<u32>, Option<u32>)> {
        finding
            .location
            .as_ref()
            .map(|place| (&place.path, place.line, place.column))
    }
    other
        .severity
        .cmp(&one.severity)
        .then_with(|| place(one).cmp(&place(other)))
        .then_with(|| one.rule.cmp(&other.rule))
        .then_with(|| one.message.cmp(&other.message))
}

fn counts(report: &CheckReport) -> Counts {
    let of = |severity: Severity| {
        let findings = report.findings.iter();
        findings
            .filter(|reported| reported.finding.severity == severity)
            .count()
    };
    Counts {
        errors: of(Severity::Error),
        warnings: of(Severity::Warning),
        notes: of(Severity::Note),
        suppressed: report.suppressed.len(),
        baselined: report.baselined.len(),
        unseen: report.unseen.len(),
    }
}
