//! How a release ended: one value, shown as text or as JSON.
//!
//! Rules: every release ends in a report, also one that never touched anything. The verdict and the
//! exit code are decided here and nowhere else.

use std::fmt;

use beanpole_model::{ExitCode, Finding, Problem, Report};
use serde::{Serialize, Serializer};

use crate::observation::EventSight;
use crate::release_step::ReleaseStepReport;
use crate::step::StepReport;

/// How a release ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The version runs on every instance, is healthy, and stayed healthy.
    Released,
    /// The same, and nothing had to be changed for it.
    AlreadyReleased,
    /// Stopped before anything was changed in the environment.
    Stopped,
    /// The environment was busy with someone else's change; nothing was changed.
    Busy,
    /// It failed, and the former version runs again.
    RolledBack,
    /// It failed, and the former version could not be brought back.
    NotRestored,
    /// The update did not end in time; AWS goes on.
    OutOfTime,
    /// Interrupted.
    Interrupted,
    /// The update was sent, and then AWS could no longer be asked. Nothing is known.
    Unverified,
}

impl Verdict {
    /// The verdict in words, as a sentence starts.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Released => "Released and proven",
            Self::AlreadyReleased => "Already released, and proven again",
            Self::Stopped => "Stopped; the environment was not touched",
            Self::Busy => "The environment was busy; it was not touched",
            Self::RolledBack => "Failed; the former version serves again",
            Self::NotRestored => "Failed; the former version could not be restored",
            Self::OutOfTime => "Out of time; AWS goes on",
            Self::Interrupted => "Interrupted",
            Self::Unverified => "Unknown; AWS could not be asked any more",
        }
    }
}

/// Something that a release made and that stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Created {
    /// What kind of thing: `image`, `bundle`, `application version`.
    pub kind: String,
    /// Its name, as it can be looked up.
    pub name: String,
}

/// The telling lines of one log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogTail {
    /// The instance; empty if the log does not say which one wrote it.
    pub instance: String,
    /// The file on the instance, or `deployment log`; empty if it has no name.
    pub file: String,
    /// The lines, scrubbed of secrets.
    pub lines: Vec<String>,
}

/// Why a release failed, with all that was found out about it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FailureReport {
    /// The step that failed, by its id.
    pub step: Option<String>,
    /// What happened.
    pub message: String,
    /// The causes below it, nearest first.
    pub causes: Vec<String>,
    /// Facts that help.
    pub details: Vec<String>,
    /// What to do next.
    pub hint: Option<String>,
    /// Beanstalk's own errors during the update, oldest first.
    pub events: Vec<EventSight>,
    /// What instances and environment named as causes.
    pub health_causes: Vec<String>,
    /// The ends of the instances' logs.
    pub logs: Vec<LogTail>,
}

impl FailureReport {
    /// Adds a cause that is not told yet.
    pub(crate) fn add_health_cause(&mut self, cause: String) {
        let told = self.details.iter().chain([&self.message]);
        if !told
            .chain(&self.health_causes)
            .any(|line| line.contains(&cause))
        {
            self.health_causes.push(cause);
        }
    }

    /// The report of an error, without what only AWS can tell.
    pub fn of<P: Problem>(step: Option<String>, problem: P) -> (Self, ExitCode) {
        let report = Report::from(problem);
        let failure = Self {
            step,
            message: report.message(),
            causes: report.causes(),
            details: report.details(),
            hint: report.hint(),
            ..Self::default()
        };
        (failure, report.exit_code())
    }
}

/// How a release ended, and how it got there.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReleaseReport {
    /// How it ended.
    pub verdict: Verdict,
    /// The exit code that belongs to it.
    #[serde(serialize_with = "as_number")]
    pub exit_code: ExitCode,
    /// The Beanstalk application.
    pub application: String,
    /// The Beanstalk environment.
    pub environment: String,
    /// The version, once it has a name.
    pub version_label: Option<String>,
    /// The full id of the commit.
    pub commit: Option<String>,
    /// The commit's subject line.
    pub subject: Option<String>,
    /// The release's id in the ledger, once it has one.
    pub release: Option<String>,
    /// What the environment ran before.
    pub former_version: Option<String>,
    /// The environment's address, if it has one.
    pub url: Option<String>,
    /// The steps that were taken, in order.
    pub steps: Vec<StepReport>,
    /// The migrations that it brought, as `app.name`.
    pub migrations: Vec<String>,
    /// What was made and stays.
    pub created: Vec<Created>,
    /// What the check of the commit found.
    pub findings: Vec<Finding>,
    /// Why it failed, if it did.
    pub failure: Option<FailureReport>,
    /// What AWS goes on doing by itself, one sentence each.
    pub goes_on: Vec<String>,
    /// What the release step did, as far as its log told; none without one.
    pub release_step: Option<ReleaseStepReport>,
    /// How many requests were sent to AWS.
    pub api_calls: u64,
    /// How long it all took, in wall-clock seconds.
    pub seconds: f64,
}

fn as_number<S: Serializer>(code: &ExitCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u8(code.code())
}

impl fmt::Display for ReleaseReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{}.", self.verdict.words())?;
        let facts = [
            ("Environment", Some(&self.environment)),
            ("Version", self.version_label.as_ref()),
            ("Before", self.former_version.as_ref()),
            ("Address", self.url.as_ref()),
        ];
        for (name, value) in facts {
            if let Some(value) = value {
                writeln!(formatter, "  {name:<12} {value}")?;
            }
        }
        for step in &self.steps {
            let mark = step.outcome.word();
            write!(
                formatter,
                "  {:<12} {mark:<9} {:>7.1}s  {}",
                step.id, step.seconds, step.message
            )?;
            match &step.usually {
                Some(usual) => writeln!(formatter, " ({})", usual.beside(step.seconds))?,
                None => writeln!(formatter)?,
            }
        }
        for created in &self.created {
            writeln!(
                formatter,
                "  Created      {} {}",
                created.kind, created.name
            )?;
        }
        if let Some(failure) = &self.failure {
            write!(formatter, "{failure}")?;
        }
        for sentence in &self.goes_on {
            writeln!(formatter, "  {sentence}")?;
        }
        write!(
            formatter,
            "  {} AWS requests, {:.1}s, exit code {}",
            self.api_calls,
            self.seconds,
            self.exit_code.code()
        )
    }
}

impl fmt::Display for FailureReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "  Cause        {}", self.message)?;
        for cause in self
            .causes
            .iter()
            .chain(&self.details)
            .chain(&self.health_causes)
        {
            writeln!(formatter, "               {cause}")?;
        }
        for event in &self.events {
            writeln!(
                formatter,
                "               {} {}",
                event.severity, event.message
            )?;
        }
        for log in &self.logs {
            let words = [log.file.as_str(), "of", log.instance.as_str()];
            let place = match (log.file.is_empty(), log.instance.is_empty()) {
                (true, _) => log.instance.clone(),
                (false, true) => log.file.clone(),
                (false, false) => words.join(" "),
            };
            writeln!(formatter, "  Log          {place}:")?;
            for line in &log.lines {
                writeln!(formatter, "               {line}")?;
            }
        }
        match &self.hint {
            Some(hint) => writeln!(formatter, "  Next         {hint}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use beanpole_model::StepOutcome;

    use super::*;

    fn step(id: &str, outcome: StepOutcome, seconds: f64, message: &str) -> StepReport {
        StepReport {
            id: id.to_owned(),
            title: id.to_owned(),
            outcome,
            seconds,
            message: message.to_owned(),
            usually: None,
        }
    }

    fn rolled_back() -> ReleaseReport {
        ReleaseReport {
            verdict: Verdict::RolledBack,
            exit_code: ExitCode::FailedRestored,
            application: "shop".to_owned(),
            environment: "shop-production".to_owned(),
            version_label: Some("0123456789ab-fedcba987654".to_owned()),
            commit: Some("0123456789abcdef0123456789abcdef01234567".to_owned()),
            subject: Some("feat: slugs".to_owned()),
            release: Some("20261120T101500Z-0123456789ab-fedcba987654".to_owned()),
            former_version: Some("aaaaaaaaaaaa-bbbbbbbbbbbb".to_owned()),
            url: Some("http://shop.eu-central-1.elasticbeanstalk.com/".to_owned()),
            steps: vec![
                step(
                    "upload",
                    StepOutcome::Unchanged,
                    0.04,
                    "s3://bucket/shop/fedc.zip",
                ),
                step(
                    "update",
                    StepOutcome::Done,
                    312.5,
                    "`shop-production` is Ready",
                ),
                step("prove", StepOutcome::Failed, 30.25, "not proven"),
                step(
                    "roll-back",
                    StepOutcome::Done,
                    290.0,
                    "`aaaaaaaaaaaa-bbbbbbbbbbbb` runs again",
                ),
            ],
            migrations: vec!["posts.0002_feed".to_owned()],
            created: vec![Created {
                kind: "application version".to_owned(),
                name: "0123456789ab-fedcba987654".to_owned(),
            }],
            findings: Vec::new(),
            failure: Some(FailureReport {
                step: Some("prove".to_owned()),
                message: "not proven".to_owned(),
                causes: vec!["a cause".to_owned()],
                details: vec!["a fact".to_owned()],
                hint: Some("look at the logs".to_owned()),
                events: vec![EventSight {
                    at: "2026-01-02T03:04:05Z".to_owned(),
                    severity: "ERROR".to_owned(),
                    message: "Failed to deploy application.".to_owned(),
                }],
                health_causes: vec!["i-1 is Severe (red)".to_owned()],
                logs: vec![LogTail {
                    instance: "i-1".to_owned(),
                    file: "/var/log/eb-engine.log".to_owned(),
                    lines: vec!["no such column".to_owned()],
                }],
            }),
            goes_on: Vec::new(),
            release_step: None,
            api_calls: 84,
            seconds: 640.1,
        }
    }

    #[test]
    fn the_text_form() {
        insta::assert_snapshot!(rolled_back().to_string());
    }

    #[test]
    fn the_json_form() {
        insta::assert_json_snapshot!(rolled_back());
    }

    #[test]
    fn a_cause_is_told_once() {
        let mut failure = FailureReport {
            message: "not proven: i-1 is red".to_owned(),
            ..FailureReport::default()
        };
        failure.add_health_cause("i-1 is red".to_owned());
        failure.add_health_cause("i-2 is red".to_owned());
        failure.add_health_cause("i-2 is red".to_owned());
        assert_eq!(failure.health_causes, ["i-2 is red"]);
    }
}
