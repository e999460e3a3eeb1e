//! Findings that a project has decided to live with.
//!
//! Three places say so: a comment on the line of the finding or on the line above
//! (`# beanpole: ignore[rule-id] -- reason`), one in the first lines of a file
//! (`# beanpole: ignore-file[rule-id] -- reason`), and the settings ([`Ignore`]). Each may end:
//! `until 2027-01-31` is the last day on which it holds.
//!
//! Rules of this module: a suppression explains itself and does not outlive its use. One without a reason
//! holds, and is a finding; an expired one does not hold, and is a finding; so is one that names no rule, and
//! one that nothing needs any more. That nothing needs it is said only where its rule has looked.

mod apply;
mod comment;
mod ignore;

use beanpole_model::{Finding, Location, Severity};
use jiff::civil::Date;
use serde::Serialize;

pub use ignore::{Ignore, Pattern, PatternError};

pub(crate) use apply::apply;

/// A rule about suppressions and baselines. It belongs to no group: it runs beside every other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpkeepRule {
    /// The stable id, in kebab case.
    pub id: &'static str,
    /// How much its findings matter, unless the manifest says otherwise.
    pub severity: Severity,
    /// What it reports, in one line without a full stop.
    pub summary: &'static str,
}

const MALFORMED: UpkeepRule = UpkeepRule {
    id: "suppression-malformed",
    severity: Severity::Error,
    summary: "a suppression that cannot be read and so does nothing",
};
const UNEXPLAINED: UpkeepRule = UpkeepRule {
    id: "suppression-without-reason",
    severity: Severity::Error,
    summary: "a suppression that does not say why",
};
const EXPIRED: UpkeepRule = UpkeepRule {
    id: "suppression-expired",
    severity: Severity::Warning,
    summary: "a suppression whose last day is over",
};
const UNKNOWN: UpkeepRule = UpkeepRule {
    id: "suppression-unknown-rule",
    severity: Severity::Error,
    summary: "a suppression of a rule that does not exist",
};
const UNUSED: UpkeepRule = UpkeepRule {
    id: "suppression-unused",
    severity: Severity::Warning,
    summary: "a suppression that nothing needs any more",
};

pub(crate) const RULES: [UpkeepRule; 5] = [MALFORMED, UNEXPLAINED, EXPIRED, UNKNOWN, UNUSED];

/// A finding that does not count, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Suppressed {
    /// The finding.
    #[serde(flatten)]
    pub finding: Finding,
    /// Why it does not count, if anyone said.
    #[serde(rename = "suppressed_because")]
    pub reason: Option<String>,
    /// The last day on which it does not count.
    #[serde(rename = "suppressed_until")]
    pub until: Option<Date>,
    /// The comment or the setting.
    #[serde(rename = "suppressed_at")]
    pub location: Location,
}

impl UpkeepRule {
    fn finding(
        &self,
        location: Location,
        message: String,
        reason: &str,
        remedy: Option<String>,
    ) -> Finding {
        Finding {
            rule: self.id.to_owned(),
            severity: self.severity,
            location: Some(location),
            message,
            reason: reason.to_owned(),
            remedy,
        }
    }
}
