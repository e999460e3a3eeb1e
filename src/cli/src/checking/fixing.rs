//! Fixes for the findings that count: what is proposed, how that is shown, and what the files become.

use std::collections::BTreeSet;
use std::fmt;

use beanpole_checks::fix::{self, Answer, FileChange, Fix, Proposal};
use beanpole_checks::migrations::Review;
use beanpole_checks::{CheckReport, Reported, Scope, docker, migrations, test_names};
use beanpole_model::{Finding, Report};
use serde::Serialize;

use super::judging::Judgement;
use crate::failure::Failure;

/// What is done about findings.
#[derive(Debug, Serialize)]
pub(crate) struct Fixes {
    /// Whether it is only shown.
    is_plan: bool,
    fixed: Vec<Fixed>,
    refused: Vec<Refused>,
}

/// Something that is done, and what it solves.
#[derive(Debug, Serialize)]
struct Fixed {
    what: String,
    steps: Vec<Step>,
    findings: Vec<Reported>,
}

/// Findings that a person has to see to, although others of their rule can be fixed.
#[derive(Debug, Serialize)]
struct Refused {
    why: String,
    findings: Vec<Reported>,
}

/// What happens to one file.
#[derive(Debug, Serialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
enum Step {
    Edit { path: String },
    Rename { path: String, to: String },
    Create { path: String },
    MakeExecutable { path: String },
}

impl From<&Fix> for Step {
    fn from(fix: &Fix) -> Self {
        match fix {
            Fix::Edit { path, .. } => Self::Edit { path: path.clone() },
            Fix::Rename { path, to } => Self::Rename {
                path: path.clone(),
                to: to.clone(),
            },
            Fix::Create { path, .. } => Self::Create { path: path.clone() },
            Fix::MakeExecutable { path } => Self::MakeExecutable { path: path.clone() },
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Edit { path } => write!(formatter, "edit {path}"),
            Self::Rename { path, to } => write!(formatter, "move {path} to {to}"),
            Self::Create { path } => write!(formatter, "write {path}"),
            Self::MakeExecutable { path } => write!(formatter, "make {path} executable"),
        }
    }
}

/// What to do about a report, before anything is done.
pub(crate) struct Proposed {
    pub(crate) changes: Vec<FileChange>,
    proposals: Vec<Proposal>,
}

/// Proposes fixes. `keeps_execute_bit`: git looks at that bit of files on disk.
///
/// # Errors
/// A fix that is not for the judged files.
pub(crate) fn propose(judgement: &Judgement, keeps_execute_bit: bool) -> Result<Proposed, Report> {
    let (reading, settings) = (&judgement.reading, &judgement.settings);
    let findings = judgement.report.findings.iter();
    let findings: Vec<Finding> = findings.map(|reported| reported.finding.clone()).collect();
    let merged = reading.merged.as_ref().unwrap_or(&reading.scope);
    let review = Review {
        base: reading.serving.as_ref(),
        head: &merged.tree,
        settings: &settings.migrations,
    };
    let mut proposals = migrations::fixes(&review, &findings);
    let mut changes = outcome(merged, &proposals)?;
    let mut further = test_names::fixes(&reading.scope, &settings.test_names, &findings);
    let mut scripts = docker::fixes(&reading.scope, &findings);
    if !keeps_execute_bit {
        scripts.iter_mut().for_each(leave_to_git);
    }
    further.append(&mut scripts);
    let moved: BTreeSet<String> = changes.iter().map(|change| change.path.clone()).collect();
    further.iter_mut().for_each(|one| keep_apart(one, &moved));
    changes.extend(outcome(&reading.scope, &further)?);
    proposals.append(&mut further);
    // Fixes have asked for more contents. What could not be read must not look as if it were not there.
    reading.too_large()?;
    Ok(Proposed { changes, proposals })
}

fn outcome(scope: &Scope, proposals: &[Proposal]) -> Result<Vec<FileChange>, Failure> {
    let fixes = proposals.iter().flat_map(Proposal::fixes).cloned();
    fix::outcome(scope, &fixes.collect::<Vec<_>>()).map_err(Failure::Fix)
}

/// A bit on disk that git does not look at solves nothing.
fn leave_to_git(proposal: &mut Proposal) {
    let scripts = proposal.fixes().iter().map(path);
    let scripts: Vec<&str> = scripts.collect();
    if let [path, ..] = scripts.as_slice() {
        let why = format!(
            "git does not look at the bit on disk here (core.fileMode is false): run `git update-index --chmod=+x {path}`"
        );
        proposal.answer = Answer::No { why };
    }
}

/// Two fixes of one file that do not know of each other are made one after the other.
fn keep_apart(proposal: &mut Proposal, taken: &BTreeSet<String>) {
    let mut paths = proposal.fixes().iter().map(path);
    if let Some(path) = paths.find(|path| taken.contains(*path)) {
        let why = format!("another fix changes {path}: run the command again after that one");
        proposal.answer = Answer::No { why };
    }
}

fn path(fix: &Fix) -> &str {
    match fix {
        Fix::Edit { path, .. }
        | Fix::Rename { path, .. }
        | Fix::Create { path, .. }
        | Fix::MakeExecutable { path } => path,
    }
}

impl Proposed {
    /// Says what is done. What is fixed leaves the report; what is only planned stays in it.
    pub(crate) fn settle(self, report: &mut CheckReport, is_plan: bool) -> Fixes {
        let mut fixes = Fixes {
            is_plan,
            fixed: Vec::new(),
            refused: Vec::new(),
        };
        let mut solved = BTreeSet::new();
        for proposal in self.proposals {
            let places = proposal.findings.iter();
            let findings = places.filter_map(|place| report.findings.get(*place).cloned());
            let findings = findings.collect();
            match proposal.answer {
                Answer::No { why } => fixes.refused.push(Refused { why, findings }),
                Answer::Fix { what, fixes: steps } => {
                    solved.extend(proposal.findings);
                    fixes.fixed.push(Fixed {
                        what,
                        steps: steps.iter().map(Step::from).collect(),
                        findings,
                    });
                }
            }
        }
        if !is_plan {
            report.take_out(&solved);
        }
        fixes
    }
}

impl Fixes {
    /// How many findings they solve, in words. None: none.
    pub(super) fn count(&self) -> Option<String> {
        let count: usize = self.fixed.iter().map(|fixed| fixed.findings.len()).sum();
        let word = if self.is_plan {
            "can be fixed"
        } else {
            "fixed"
        };
        (count > 0).then(|| format!("{count} {word}"))
    }

    /// What is done to which file, and why nothing is done about the rest.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for fixed in &self.fixed {
            let word = if self.is_plan { "planned fix" } else { "fix" };
            lines.push(format!("{word}: {}", fixed.what));
            lines.extend(fixed.steps.iter().map(|step| format!("  {step}")));
        }
        for refused in &self.refused {
            for reported in &refused.findings {
                let place = reported.finding.location.as_ref();
                let place = place.map(|place| format!("{place}: ")).unwrap_or_default();
                let rule = &reported.finding.rule;
                lines.push(format!("not fixed: {place}{} [{rule}]", refused.why));
            }
        }
        lines
    }
}
