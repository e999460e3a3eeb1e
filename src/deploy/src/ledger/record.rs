//! The record of one release: who moved which environment to which version, what was there before,
//! every step, and how it ended.
//!
//! Rules: plain data, one JSON document per release. Entries are only ever appended, so of two copies
//! the longer one knows more. A field that is not known here is skipped, so that fields can be added;
//! what an older program would misread raises [`FORMAT`], and a document of a newer format is refused
//! politely. No secret values: foreign text is scrubbed before it gets here.

use std::collections::BTreeMap;
use std::fmt;

use beanpole_model::{ExitCode, StepOutcome};
use jiff::{Timestamp, Unit};
use serde::{Deserialize, Serialize};

use crate::report::Verdict;

/// The format of the documents that this program writes.
pub const FORMAT: u32 = 1;

/// The longest id: a time, a version label of 100 characters, and a suffix.
const LONGEST_ID: usize = 160;

/// The id of a record: `<yyyymmddThhmmssZ>-<version label>`. Ids sort by time, and are safe as file
/// names and as S3 keys.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RecordId(String);

/// A text that is no record id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not the id of a record: it looks like `20260131T235959Z-0123456789ab-fedcba987654`"
)]
pub struct NotARecordId(String);

impl RecordId {
    /// The id of a release that started at `started`. Characters of the label that are not safe
    /// everywhere become `-`.
    #[must_use]
    pub fn of(started: Timestamp, version: &str) -> Self {
        let time = started.strftime("%Y%m%dT%H%M%SZ");
        let label: String = version
            .chars()
            .map(|letter| if is_safe(letter) { letter } else { '-' })
            .collect();
        Self(format!("{time}-{label}"))
    }

    /// The same with something added, for when the plain id is taken.
    #[must_use]
    pub fn with_suffix(&self, suffix: &str) -> Self {
        Self(format!("{}-{suffix}", self.0))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// When the release started, in whole seconds.
    #[must_use]
    pub fn started(&self) -> Option<Timestamp> {
        let time = self.0.get(..16)?;
        jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", time)
            .ok()?
            .to_zoned(jiff::tz::TimeZone::UTC)
            .ok()
            .map(|zoned| zoned.timestamp())
    }
}

fn is_safe(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.' | '_')
}

impl TryFrom<String> for RecordId {
    type Error = NotARecordId;
    fn try_from(text: String) -> Result<Self, NotARecordId> {
        let id = Self(text);
        let is_good = id.0.len() <= LONGEST_ID
            && id.0.chars().all(is_safe)
            && id.0.get(16..17) == Some("-")
            && id.started().is_some();
        if is_good {
            Ok(id)
        } else {
            Err(NotARecordId(id.0))
        }
    }
}

impl From<RecordId> for String {
    fn from(id: RecordId) -> Self {
        id.0
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What kind of release it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReleaseKind {
    /// From a commit.
    Deploy,
    /// Back to a former version.
    Rollback,
    /// The version of another environment.
    Promote,
}

impl fmt::Display for ReleaseKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Deploy => "deploy",
            Self::Rollback => "rollback",
            Self::Promote => "promote",
        })
    }
}

/// One release of one environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// See [`FORMAT`].
    pub format: u32,
    /// Its id.
    pub id: RecordId,
    /// What kind of release.
    pub kind: ReleaseKind,
    /// The Beanstalk application.
    pub application: String,
    /// The Beanstalk environment.
    pub environment: String,
    /// The version label that the environment was to run.
    pub version: String,
    /// The full id of the commit, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The commit's subject line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Who started it.
    pub who: String,
    /// Why, in their words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The page of the CI run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_url: Option<String>,
    /// When it started.
    pub started: Timestamp,
    /// What the environment was before it was touched: the state to go back to. None until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub former: Option<Former>,
    /// True from the moment at which the environment may have been changed.
    #[serde(default)]
    pub touched: bool,
    /// The migrations that it brings, as `app.name`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub migrations: Vec<String>,
    /// Why unsafe migrations were allowed, if they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsafe_migrations_reason: Option<String>,
    /// What happened, oldest first.
    #[serde(default)]
    pub entries: Vec<Entry>,
    /// How it ended; none while it goes on, and for ever if it was killed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ending: Option<Ending>,
}

/// What the environment was before a release touched it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Former {
    /// The version that it ran.
    #[serde(default)]
    pub version: Option<String>,
    /// True if it was healthy with it.
    #[serde(default)]
    pub was_healthy: bool,
    /// The newest deployment id on its instances.
    #[serde(default)]
    pub newest_deployment: Option<i64>,
    /// How many instances it had.
    #[serde(default)]
    pub instances: u32,
    /// The settings that the release changes, as they were.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<FormerSetting>,
}

/// A configuration option as it was.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FormerSetting {
    /// `aws:autoscaling:asg`.
    pub namespace: String,
    /// The resource, for scheduled actions and the like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// `MinSize`.
    pub name: String,
    /// Its value; none if it was not set, or is [`withheld`](Self::withheld).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// True if the value is not written down because it is, or may be, a secret.
    #[serde(default, skip_serializing_if = "is_false")]
    pub withheld: bool,
}

/// Serde asks with a reference.
fn is_false(value: &bool) -> bool {
    !*value
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub happening: Happening,
}

/// What an entry tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Happening {
    /// A step is about to begin.
    Begun {
        /// The step's stable id.
        step: String,
    },
    /// A step ended.
    Ended {
        /// The step's stable id.
        step: String,
        /// How.
        outcome: StepOutcome,
        /// One line: what was made or proven, or why it failed.
        message: String,
        /// How long it took, in wall-clock seconds.
        seconds: f64,
    },
    /// Something was found out that a later run may need.
    Fact {
        /// Its name: `deployment`, `green-environment`.
        key: String,
        /// Its value.
        value: String,
    },
    /// The environment is about to be changed.
    Touched,
    /// Another run goes on with the release.
    Resumed {
        /// Who.
        who: String,
        /// The page of the CI run.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        run_url: Option<String>,
    },
    /// Something that a newer program of the same format writes down.
    #[serde(other)]
    Other,
}

/// How a release ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ending {
    /// When.
    pub at: Timestamp,
    /// The verdict's stable word: `released`, `rolled-back`, `abandoned`.
    pub verdict: String,
    /// The exit code. 0 means done and proven.
    pub exit_code: u8,
    /// One line: what was proven, or why it failed.
    pub message: String,
}

/// The verdict of a record that another release closed, because the one that wrote it never came
/// back.
pub const ABANDONED: &str = "abandoned";

/// Who makes a release, of what, and why. The rest of a [`Record`] comes from the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRecord {
    /// What kind of release.
    pub kind: ReleaseKind,
    /// The version label that the environment shall run.
    pub version: String,
    /// The full id of the commit.
    pub commit: Option<String>,
    /// The commit's subject line.
    pub subject: Option<String>,
    /// Who starts it.
    pub who: String,
    /// Why, in their words.
    pub why: Option<String>,
    /// The page of the CI run.
    pub run_url: Option<String>,
}

impl Record {
    /// True if it ended well: the version ran on every instance, and was proven.
    #[must_use]
    pub fn is_proven(&self) -> bool {
        self.ending
            .as_ref()
            .is_some_and(|ending| ending.exit_code == ExitCode::Done.code())
    }

    /// True if nobody knows how it ended: it goes on, was killed, was interrupted, ran out of time,
    /// or lost sight of AWS.
    #[must_use]
    pub fn is_unfinished(&self) -> bool {
        let open = [
            Verdict::Interrupted,
            Verdict::OutOfTime,
            Verdict::Unverified,
        ];
        self.ending.as_ref().is_none_or(|ending| {
            open.iter()
                .any(|verdict| verdict_word(*verdict) == ending.verdict)
        })
    }

    /// True if nobody goes on with it any more: no machine knows more of it than this.
    pub(crate) fn is_final(&self) -> bool {
        self.ending.is_some() && !self.is_unfinished()
    }

    /// True if the environment is, for all that this record knows, well with the version that it
    /// names now: the release was proven, went back, or never touched anything.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        // The last two: AWS refused the change that was about to be made.
        let as_before = [Verdict::RolledBack, Verdict::Stopped, Verdict::Busy];
        !self.touched
            || self.is_proven()
            || self.ending.as_ref().is_some_and(|ending| {
                as_before
                    .iter()
                    .any(|verdict| verdict_word(*verdict) == ending.verdict)
            })
    }

    /// The newest value of a fact.
    #[must_use]
    pub fn fact(&self, name: &str) -> Option<&str> {
        self.entries
            .iter()
            .rev()
            .find_map(|entry| match &entry.happening {
                Happening::Fact { key, value } if key == name => Some(value.as_str()),
                _ => None,
            })
    }

    /// All facts with their newest values.
    #[must_use]
    pub fn facts(&self) -> BTreeMap<&str, &str> {
        self.entries
            .iter()
            .filter_map(|entry| match &entry.happening {
                Happening::Fact { key, value } => Some((key.as_str(), value.as_str())),
                _ => None,
            })
            .collect()
    }

    /// How a step ended the last time, with its message; none if it never ended.
    #[must_use]
    pub fn outcome(&self, id: &str) -> Option<(StepOutcome, &str)> {
        self.entries
            .iter()
            .rev()
            .find_map(|entry| match &entry.happening {
                Happening::Ended {
                    step,
                    outcome,
                    message,
                    ..
                } if step == id => Some((*outcome, message.as_str())),
                _ => None,
            })
    }

    /// The step that was under way when the record broke off.
    #[must_use]
    pub fn step_under_way(&self) -> Option<&str> {
        let begun_and_ended = self
            .entries
            .iter()
            .rev()
            .find_map(|entry| match &entry.happening {
                Happening::Begun { step } => Some(Some(step.as_str())),
                Happening::Ended { .. } => Some(None),
                Happening::Fact { .. }
                | Happening::Touched
                | Happening::Resumed { .. }
                | Happening::Other => None,
            });
        begun_and_ended.flatten()
    }

    /// The wall-clock seconds of each step that did not fail, over all runs.
    #[must_use]
    pub fn seconds_by_step(&self) -> BTreeMap<&str, f64> {
        let mut seconds_by_step = BTreeMap::new();
        for entry in &self.entries {
            if let Happening::Ended {
                step,
                outcome,
                seconds,
                ..
            } = &entry.happening
                && *outcome != StepOutcome::Failed
            {
                *seconds_by_step.entry(step.as_str()).or_insert(0.0) += seconds;
            }
        }
        seconds_by_step
    }
}

/// The stable word of a verdict, as its JSON form has it.
#[must_use]
pub(crate) fn verdict_word(verdict: Verdict) -> String {
    match serde_json::to_value(verdict) {
        Ok(serde_json::Value::String(word)) => word,
        // A plain enum is always a word.
        Ok(_) | Err(_) => String::new(),
    }
}

/// Times in documents have milliseconds: enough to compare, and short enough to read.
pub(crate) fn to_milliseconds(time: Timestamp) -> Timestamp {
    time.round(Unit::Millisecond).unwrap_or(time)
}
