//! Findings that were there before: an old project starts clean, and only what is new counts.
//!
//! A baseline is a file that is committed. It names findings by a fingerprint of the rule, the path and the
//! text of the line, so that lines may move; how often the same one occurs is counted, so that one more is
//! new. The file is sorted and has one finding a line: two branches that shrink it rarely conflict.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use beanpole_model::{ExitCode, Finding, Problem, Severity};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::suppression::UpkeepRule;

/// The form of the file that is written.
const VERSION: u32 = 1;

/// How many bytes of the digest are kept. Two different lines of one file and rule are never that many.
const DIGEST_BYTES: usize = 16;

pub(crate) const STALE: UpkeepRule = UpkeepRule {
    id: "baseline-stale",
    severity: Severity::Note,
    summary: "an entry of the baseline that nothing matches any more",
};

/// Findings that were there before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    counts: BTreeMap<Key, u32>,
}

/// What a finding is known by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    path: String,
    rule: String,
    fingerprint: String,
}

/// A baseline that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BaselineError {
    /// It is not the JSON that it should be.
    #[error("{path}:{line}:{column}: the baseline cannot be read: {why}")]
    Broken {
        /// The file.
        path: String,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What is wrong.
        why: String,
    },
    /// It has a form that this release does not know.
    #[error("{path}: the baseline has version {version}, and this release reads version {VERSION}")]
    Version {
        /// The file.
        path: String,
        /// The version that it names.
        version: u32,
    },
}

impl Problem for BaselineError {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Usage
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Broken { .. } => {
                "If a merge has left its marks, take either side and write the baseline anew."
                    .to_owned()
            }
            Self::Version { .. } => "Write it anew, or use the release that wrote it.".to_owned(),
        })
    }
}

/// The file's form.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    findings: Vec<FileEntry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileEntry {
    path: String,
    rule: String,
    fingerprint: String,
    #[serde(default = "once")]
    count: u32,
}

const fn once() -> u32 {
    1
}

impl Baseline {
    /// Reads a file's text. `path` is used in messages only.
    ///
    /// # Errors
    /// [`BaselineError`].
    pub fn parse(path: &str, text: &str) -> Result<Self, BaselineError> {
        let broken = |error: &serde_json::Error| BaselineError::Broken {
            path: path.to_owned(),
            line: error.line().max(1),
            column: error.column().max(1),
            why: plain(error),
        };
        // Another version may have other keys: it is asked for first.
        #[derive(Deserialize)]
        struct OnlyVersion {
            version: u32,
        }
        let OnlyVersion { version } = serde_json::from_str(text).map_err(|error| broken(&error))?;
        if version != VERSION {
            return Err(BaselineError::Version {
                path: path.to_owned(),
                version,
            });
        }
        let file: File = serde_json::from_str(text).map_err(|error| broken(&error))?;
        let mut counts: BTreeMap<Key, u32> = BTreeMap::new();
        for entry in file.findings {
            let key = Key {
                path: entry.path,
                rule: entry.rule,
                fingerprint: entry.fingerprint,
            };
            let count = counts.entry(key).or_default();
            *count = count.saturating_add(entry.count);
        }
        counts.retain(|_, count| *count > 0);
        Ok(Self { counts })
    }

    /// The baseline in which all of these findings were there before. Each comes with its fingerprint.
    pub fn of<'a>(findings: impl IntoIterator<Item = (&'a Finding, &'a str)>) -> Self {
        let mut counts: BTreeMap<Key, u32> = BTreeMap::new();
        for (finding, fingerprint) in findings {
            let count = counts
                .entry(Key::new(finding, path_of(finding), fingerprint))
                .or_default();
            *count = count.saturating_add(1);
        }
        Self { counts }
    }

    /// This baseline with the entries of the rules that ran replaced by those of `fresh`: what `--baseline
    /// write` keeps when only some rules were chosen.
    #[must_use]
    pub fn updated(mut self, fresh: Self, ran: impl Fn(&str) -> bool) -> Self {
        self.counts.retain(|key, _| !ran(&key.rule));
        self.counts.extend(fresh.counts);
        self
    }

    /// The text of the file: sorted, one finding a line.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!("{{\n  \"version\": {VERSION},\n  \"findings\": [");
        for (index, (key, count)) in self.counts.iter().enumerate() {
            let entry = FileEntry {
                path: key.path.clone(),
                rule: key.rule.clone(),
                fingerprint: key.fingerprint.clone(),
                count: *count,
            };
            // Strings and a number always have a JSON form.
            let entry = serde_json::to_string(&entry).unwrap_or_default();
            let comma = if index == 0 { "" } else { "," };
            let _ = write!(text, "{comma}\n    {entry}");
        }
        text.push_str(if self.counts.is_empty() {
            "]\n}\n"
        } else {
            "\n  ]\n}\n"
        });
        text
    }

    /// How many findings it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        let counts = self.counts.values();
        counts.fold(0, |sum, count| {
            sum.saturating_add(usize::try_from(*count).unwrap_or(usize::MAX))
        })
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Takes one finding out. False if it was not there before, or as often already.
    pub(crate) fn take(&mut self, finding: &Finding, path: &str, fingerprint: &str) -> bool {
        match self.counts.get_mut(&Key::new(finding, path, fingerprint)) {
            Some(count) if *count > 0 => {
                *count -= 1;
                true
            }
            Some(_) | None => false,
        }
    }

    /// The paths that a rule's entries name and that are no longer there, by the rule.
    pub(crate) fn gone(&self, is_there: impl Fn(&str) -> bool) -> BTreeMap<String, Vec<String>> {
        let mut gone: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for key in self.counts.keys() {
            if key.path.is_empty() || is_there(&key.path) {
                continue;
            }
            let paths = gone.entry(key.rule.clone()).or_default();
            // Sorted by path: the same one comes in a row, but for the rules between.
            if paths.last() != Some(&key.path) {
                paths.push(key.path.clone());
            }
        }
        gone
    }

    /// The rules and paths of what was not taken, and how many there are of each.
    pub(crate) fn rest(&self) -> BTreeMap<(&str, &str), u32> {
        let mut rest: BTreeMap<(&str, &str), u32> = BTreeMap::new();
        for (key, count) in self.counts.iter().filter(|(_, count)| **count > 0) {
            let sum = rest.entry((&key.path, &key.rule)).or_default();
            *sum = sum.saturating_add(*count);
        }
        rest
    }
}

impl Key {
    fn new(finding: &Finding, path: &str, fingerprint: &str) -> Self {
        Self {
            path: path.to_owned(),
            rule: finding.rule.clone(),
            fingerprint: fingerprint.to_owned(),
        }
    }
}

/// The path of a finding; empty for one without a place.
pub(crate) fn path_of(finding: &Finding) -> &str {
    finding
        .location
        .as_ref()
        .map_or("", |place| place.path.as_str())
}

/// What a finding is known by wherever its line stands. Without a line, its message says what it is about;
/// numbers in it change from day to day.
pub(crate) fn fingerprint(finding: &Finding, path: &str, line: Option<&str>) -> String {
    let about = match line {
        Some(line) => line.split_whitespace().collect::<Vec<_>>().join(" "),
        None => without_numbers(&finding.message),
    };
    let mut digest = Sha256::new();
    for part in [finding.rule.as_str(), path, about.as_str()] {
        digest.update(part.as_bytes());
        digest.update([0]);
    }
    let mut text = String::with_capacity(2 * DIGEST_BYTES);
    for byte in digest.finalize().iter().take(DIGEST_BYTES) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn without_numbers(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '0'..='9' if plain.ends_with('#') => {}
            '0'..='9' => plain.push('#'),
            other => plain.push(other),
        }
    }
    plain
}

/// What serde says, without the place, which is said apart.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) => text.get(..end).unwrap_or(&text).to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use beanpole_model::Location;
    use proptest::prelude::*;

    fn finding(rule: &str, path: &str, line: u32) -> Finding {
        Finding {
            rule: rule.to_owned(),
            severity: Severity::Error,
            location: Some(Location {
                path: path.to_owned(),
                line: Some(line),
                column: None,
            }),
            message: "gone".to_owned(),
            reason: String::new(),
            remedy: None,
        }
    }

    #[test]
    fn the_text_is_stable_and_comes_back() {
        let (one, two) = (finding("drop", "b.py", 1), finding("drop", "a.py", 9));
        let baseline = Baseline::of([(&one, "f1"), (&two, "f2"), (&one, "f1")]);
        let expected = r#"{
  "version": 1,
  "findings": [
    {"path":"a.py","rule":"drop","fingerprint":"f2","count":1},
    {"path":"b.py","rule":"drop","fingerprint":"f1","count":2}
  ]
}
"#;
        assert_eq!(baseline.to_text(), expected);
        assert_eq!(Baseline::parse("x", expected), Ok(baseline.clone()));
        assert_eq!(baseline.len(), 3);
        let empty = Baseline::default();
        assert_eq!(Baseline::parse("x", &empty.to_text()), Ok(empty));
    }

    #[test]
    fn one_more_of_the_same_is_new() {
        let one = finding("drop", "b.py", 1);
        let mut baseline = Baseline::of([(&one, "f")]);
        assert!(baseline.take(&one, "b.py", "f"));
        assert!(!baseline.take(&one, "b.py", "f"));
        assert!(!baseline.take(&one, "c.py", "f"));
        assert!(baseline.rest().is_empty());
    }

    #[test]
    fn only_the_rules_that_ran_are_replaced() {
        let (one, two) = (finding("drop", "a.py", 1), finding("pins", "b.txt", 1));
        let old = Baseline::of([(&one, "1"), (&two, "2")]);
        let updated = old.updated(Baseline::default(), |rule| rule == "drop");
        assert_eq!(updated, Baseline::of([(&two, "2")]));
    }

    #[test]
    fn a_fingerprint_follows_the_text_and_not_the_line() {
        let one = fingerprint(&finding("r", "a.py", 1), "a.py", Some("  x =  1"));
        assert_eq!(
            one,
            fingerprint(&finding("r", "a.py", 7), "a.py", Some("x = 1"))
        );
        assert_ne!(
            one,
            fingerprint(&finding("r", "a.py", 1), "a.py", Some("x = 2"))
        );
        assert_ne!(
            one,
            fingerprint(&finding("r", "a.py", 1), "b.py", Some("x = 1"))
        );
        assert_eq!(one.len(), 32);
        let mut sized = finding("large", "a", 1);
        sized.message = "412 lines".to_owned();
        let before = fingerprint(&sized, "", None);
        sized.message = "1380 lines".to_owned();
        assert_eq!(before, fingerprint(&sized, "", None));
    }

    #[test]
    fn a_broken_file_says_where() {
        let conflict = "{\n  \"version\": 1,\n<<<<<<< HEAD\n";
        let error = Baseline::parse("base.json", conflict).unwrap_err();
        assert_eq!(
            error.to_string(),
            "base.json:3:1: the baseline cannot be read: key must be a string"
        );
        let unknown = r#"{"version": 1, "findings": [{"rule": "x"}]}"#;
        let error = Baseline::parse("b", unknown).unwrap_err();
        assert!(error.to_string().contains("missing field"), "{error}");
        let newer = Baseline::parse("b", r#"{"version": 2, "things": []}"#).unwrap_err();
        assert!(matches!(newer, BaselineError::Version { version: 2, .. }));
        assert!(Baseline::parse("b", "").is_err());
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,100}") {
            let _ = Baseline::parse("b", &text);
        }
    }
}
