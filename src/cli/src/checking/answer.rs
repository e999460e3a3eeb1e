//! What a check answers: one value, and the forms in which it is read.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use beanpole_checks::{CheckReport, Reported, Rule, RuleSelection, UPKEEP_RULES, Unseen};
use beanpole_model::{ExitCode, Finding, Location, Severity};
use beanpole_terminal::findings::{self, SarifRule, SarifTool, Shown};
use camino::Utf8PathBuf;
use clap::ValueEnum;
use serde::Serialize;

use super::figures::Figures;
use super::{Exactly, Fixes, Site};

/// Where the pages of rules are.
const PAGES: &str = "https://github.com/beanpole/beanpole/blob/main/docs/checks";

/// The forms of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// One JSON value: all findings, with those that are suppressed or in the baseline
    Json,
    /// SARIF 2.1.0, for GitHub's code scanning and editors
    Sarif,
    /// Annotations of GitHub Actions
    Github,
    /// JUnit's XML, for test reports of CI
    Junit,
    /// A table for a summary or a comment
    Markdown,
}

/// What was judged.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Judged {
    /// `staged`, `since`, `everything`, `message`, or a reference.
    pub(crate) what: String,
    /// The commit that the state was compared with.
    pub(crate) base: Option<String>,
    /// The commit that was judged; none for the index.
    pub(crate) head: Option<String>,
    /// How many files have changed, or are judged whole.
    pub(crate) files: usize,
    /// How many commits were looked at by themselves; none where no rule looks at commits.
    pub(crate) commits: Option<usize>,
}

impl Judged {
    /// The state in a few words.
    fn words(&self) -> String {
        let files = counted(self.files, "file");
        let base = self.base.as_deref().map(short).unwrap_or_default();
        let commits = self.commits.map(|commits| counted(commits, "commit"));
        let within = commits.map_or_else(String::new, |commits| format!(" in {commits}"));
        match self.what.as_str() {
            "staged" => format!("{files} staged"),
            "since" => format!("{files}{within} since {base}"),
            "everything" => format!("all {files}"),
            "message" => "the message".to_owned(),
            reference if self.commits.is_none() => {
                format!("the migrations of {reference} since {base}: {files}")
            }
            reference => format!("{reference}: {files}{within}"),
        }
    }
}

/// What a check answers.
#[derive(Debug, Serialize)]
pub(crate) struct Answer {
    pub(crate) judged: Judged,
    #[serde(flatten)]
    pub(crate) report: CheckReport,
    /// The project's directory in its repository. Findings name their paths from there.
    pub(crate) directory: Utf8PathBuf,
    /// What was done about findings, if that was asked for. What is fixed is not among the findings any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fixes: Option<Fixes>,
    /// Which migrations were judged by the SQL that Django makes of them, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) exact: Option<Exactly>,
    /// The figures of the coverage, if it was judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) coverage: Option<Figures>,
    #[serde(skip)]
    manifest: String,
}

/// An answer together with what some forms need to know of the rules.
pub(crate) struct Prepared<'a> {
    pub(crate) answer: &'a Answer,
    pub(crate) rules: &'a [Rule],
    pub(crate) selection: &'a RuleSelection,
    pub(crate) color: bool,
}

impl Answer {
    pub(crate) fn new(judged: Judged, report: CheckReport, site: &Site) -> Self {
        Self {
            judged,
            report,
            directory: site.under.clone(),
            fixes: None,
            exact: None,
            coverage: None,
            manifest: site.manifest.clone(),
        }
    }

    /// How the command ends.
    pub(crate) fn exit_code(&self, fail_on: Severity) -> ExitCode {
        if self.report.reaches(fail_on) {
            ExitCode::Findings
        } else {
            ExitCode::Done
        }
    }

    /// The findings for people, what could not be judged, and what was fixed. Empty if there is none of it.
    pub(crate) fn text(&self, color: bool) -> String {
        let shown: Vec<Shown<'_>> = self.report.findings.iter().map(shown).collect();
        let mut text = findings::text(&shown, color);
        let fixes: Vec<String> = self.fixes.iter().flat_map(Fixes::lines).collect();
        let untold = self.untold();
        if !(text.is_empty() || untold.is_empty() && fixes.is_empty()) {
            text.push('\n');
        }
        for unseen in untold {
            let place = unseen.location.as_ref().map(|place| format!("{place}: "));
            let place = place.unwrap_or_default();
            say(&mut text, &format!("not judged: {place}{}", unseen.why));
        }
        fixes.iter().for_each(|line| say(&mut text, line));
        text
    }

    /// What could not be judged and is no finding as well.
    fn untold(&self) -> Vec<&Unseen> {
        let places: BTreeSet<String> = self
            .report
            .findings
            .iter()
            .filter_map(|reported| reported.finding.location.as_ref())
            .map(ToString::to_string)
            .collect();
        let is_told = |unseen: &&Unseen| {
            let place = unseen.location.as_ref();
            place.is_some_and(|place| place.line.is_some() && places.contains(&place.to_string()))
        };
        let all = self.report.unseen.iter();
        all.filter(|unseen| !is_told(unseen)).collect()
    }

    /// One line: what was judged and what was found.
    pub(crate) fn summary(&self) -> String {
        let counts = &self.report.counts;
        let mut parts: Vec<String> = [
            (counts.errors, "error"),
            (counts.warnings, "warning"),
            (counts.notes, "note"),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| counted(count, word))
        .collect();
        if parts.is_empty() {
            parts.push("nothing found".to_owned());
        }
        parts.extend(self.fixes.as_ref().and_then(Fixes::count));
        for (count, words) in [
            (counts.suppressed, "suppressed"),
            (counts.baselined, "in the baseline"),
            (counts.unseen, "not judged"),
        ] {
            if count > 0 {
                parts.push(format!("{count} {words}"));
            }
        }
        parts.extend(self.coverage.as_ref().map(Figures::words));
        format!("checked {}: {}", self.judged.words(), parts.join(", "))
    }

    /// The findings with paths from the root of the repository, as other tools know them. What is no file has no path.
    fn rooted(&self) -> Vec<Reported> {
        let findings = self.report.findings.iter();
        findings
            .map(|reported| Reported {
                finding: self.placed(&reported.finding),
                ..reported.clone()
            })
            .collect()
    }

    fn placed(&self, finding: &Finding) -> Finding {
        let Some(place) = &finding.location else {
            return finding.clone();
        };
        if place.path.starts_with("commit ") {
            return Finding {
                message: format!("{}: {}", place.path, finding.message),
                location: None,
                ..finding.clone()
            };
        }
        Finding {
            location: Some(Location {
                path: self.directory.join(&place.path).into_string(),
                ..place.clone()
            }),
            ..finding.clone()
        }
    }

    /// Annotations of GitHub Actions, one a line.
    pub(crate) fn annotations(&self) -> Vec<String> {
        let placed = self.rooted();
        findings::annotations(&placed.iter().map(shown).collect::<Vec<_>>())
    }

    /// A table, for a summary.
    pub(crate) fn markdown(&self) -> String {
        let placed = self.rooted();
        let shown: Vec<Shown<'_>> = placed.iter().map(shown).collect();
        let coverage = self.coverage.as_ref().map(Figures::words);
        let judged = std::iter::once(self.judged.words()).chain(coverage);
        let title = format!("beanpole check: {}", judged.collect::<Vec<_>>().join(", "));
        findings::markdown(&title, &shown)
    }
}

impl Prepared<'_> {
    /// The answer in a form. Without a line break at the end, and empty where a form has nothing to say.
    ///
    /// # Errors
    /// None that can happen: every value here has a JSON form.
    pub(crate) fn render(&self, format: Format) -> Result<String, serde_json::Error> {
        let answer = self.answer;
        Ok(match format {
            Format::Text => answer.text(self.color),
            Format::Json => serde_json::to_string_pretty(answer)?,
            Format::Sarif => self.sarif()?,
            Format::Github => answer.annotations().join("\n"),
            Format::Junit => {
                let placed = answer.rooted();
                findings::junit(&placed.iter().map(shown).collect::<Vec<_>>())
            }
            Format::Markdown => answer.markdown(),
        })
    }

    fn sarif(&self) -> Result<String, serde_json::Error> {
        let chosen = self.rules.iter().filter(|rule| self.selection.has(rule.id));
        let chosen = chosen.map(|rule| SarifRule {
            id: rule.id,
            summary: rule.summary,
            severity: rule.severity,
            help_uri: Some(format!("{PAGES}/{}.md", rule.id)),
            tags: vec![rule.group.name()],
        });
        let upkeep = UPKEEP_RULES.iter().map(|rule| SarifRule {
            id: rule.id,
            summary: rule.summary,
            severity: rule.severity,
            help_uri: Some(format!("{PAGES}.md#suppressions")),
            tags: vec!["upkeep"],
        });
        let rules: Vec<SarifRule<'_>> = chosen.chain(upkeep).collect();
        let fallback_path = self.answer.directory.join(&self.answer.manifest);
        let tool = SarifTool {
            version: env!("CARGO_PKG_VERSION"),
            information_uri: env!("CARGO_PKG_REPOSITORY"),
            rules: &rules,
            fallback_path: fallback_path.as_str(),
        };
        let placed = self.answer.rooted();
        findings::sarif(&placed.iter().map(shown).collect::<Vec<_>>(), &tool)
    }
}

fn shown(reported: &Reported) -> Shown<'_> {
    Shown {
        finding: &reported.finding,
        source: reported.source.as_deref(),
        fingerprint: Some(&reported.fingerprint),
    }
}

/// Adds a line. Names come from files; they must not move the cursor.
fn say(text: &mut String, line: &str) {
    let line: String = line.chars().map(visible).collect();
    let _ = writeln!(text, "{line}");
}

fn visible(character: char) -> char {
    if character.is_control() {
        '\u{fffd}'
    } else {
        character
    }
}

fn counted(count: usize, word: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {word}{plural}")
}

fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}
