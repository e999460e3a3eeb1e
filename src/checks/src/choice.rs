//! Which rules run, and how much their findings matter.

use std::collections::{BTreeMap, BTreeSet};

use beanpole_model::{ExitCode, Finding, Problem, Severity};
use serde::{Deserialize, Serialize};

use crate::engine::UPKEEP_RULES;
use crate::nearest::nearest;
use crate::rule::{Group, Rule};

/// How much the findings of a rule matter, by the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// They are not reported.
    Off,
    /// Worth knowing.
    Note,
    /// Should be looked at.
    Warning,
    /// Stops a commit or a release.
    Error,
}

/// A name that is neither a rule nor a group.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no check `{name}`")]
pub struct UnknownRule {
    /// The name.
    pub name: String,
    /// The nearest name that there is.
    pub nearest: Option<String>,
}

impl Problem for UnknownRule {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Usage
    }

    fn hint(&self) -> Option<String> {
        Some(match &self.nearest {
            Some(nearest) => format!("Did you mean `{nearest}`?"),
            None => {
                let groups: Vec<&str> = Group::ALL.iter().map(|group| group.name()).collect();
                format!("Name a rule, `all`, or a group: {}.", groups.join(", "))
            }
        })
    }
}

/// The rules that were chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleSelection {
    ids: BTreeSet<&'static str>,
    groups: BTreeSet<Group>,
}

impl RuleSelection {
    /// Chooses by names: of groups, of rules, or `all`. No name at all chooses everything.
    ///
    /// # Errors
    /// [`UnknownRule`] for the first name that is none.
    pub fn new(names: &[String], rules: &[Rule]) -> Result<Self, UnknownRule> {
        let mut chosen: Vec<&Rule> = Vec::new();
        for name in names {
            let before = chosen.len();
            chosen.extend(
                rules
                    .iter()
                    .filter(|rule| name == "all" || rule.group.name() == name || rule.id == name),
            );
            let is_group = Group::ALL.iter().any(|group| group.name() == name);
            if chosen.len() == before && name != "all" && !is_group {
                return Err(unknown(name, rules));
            }
        }
        if names.is_empty() {
            chosen.extend(rules);
        }
        Ok(Self {
            ids: chosen.iter().map(|rule| rule.id).collect(),
            groups: chosen.iter().map(|rule| rule.group).collect(),
        })
    }

    /// Whether a rule was chosen.
    #[must_use]
    pub fn has(&self, rule: &str) -> bool {
        self.ids.contains(rule)
    }

    /// Whether a rule of that group was chosen.
    #[must_use]
    pub fn has_group(&self, group: Group) -> bool {
        self.groups.contains(&group)
    }
}

/// What the settings say about severities.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Levels {
    by_name: BTreeMap<String, Level>,
}

impl Levels {
    /// Levels by the names of rules and groups. That of a rule wins over that of its group.
    ///
    /// # Errors
    /// [`UnknownRule`] for the first name that is none.
    pub fn new(
        levels: impl IntoIterator<Item = (String, Level)>,
        rules: &[Rule],
    ) -> Result<Self, UnknownRule> {
        let by_name: BTreeMap<String, Level> = levels.into_iter().collect();
        for name in by_name.keys() {
            let is_known = rules.iter().any(|rule| rule.id == name)
                || UPKEEP_RULES.iter().any(|rule| rule.id == name)
                || Group::ALL.iter().any(|group| group.name() == name);
            if !is_known {
                return Err(unknown(name, rules));
            }
        }
        Ok(Self { by_name })
    }

    /// The severity of a finding, or none if it is not reported.
    pub(crate) fn severity(&self, finding: &Finding, group: Option<Group>) -> Option<Severity> {
        let of_group = || group.and_then(|group| self.by_name.get(group.name()));
        match self.by_name.get(&finding.rule).or_else(of_group) {
            None => Some(finding.severity),
            Some(Level::Off) => None,
            Some(Level::Note) => Some(Severity::Note),
            Some(Level::Warning) => Some(Severity::Warning),
            Some(Level::Error) => Some(Severity::Error),
        }
    }

    pub(crate) fn is_off(&self, rule: &str, group: Option<Group>) -> bool {
        let of_group = || group.and_then(|group| self.by_name.get(group.name()));
        self.by_name.get(rule).or_else(of_group) == Some(&Level::Off)
    }
}

fn unknown(name: &str, rules: &[Rule]) -> UnknownRule {
    let groups = Group::ALL.iter().map(|group| group.name());
    let upkeep = UPKEEP_RULES.iter().map(|rule| rule.id);
    let candidates = groups.chain(rules.iter().map(|rule| rule.id)).chain(upkeep);
    UnknownRule {
        name: name.to_owned(),
        nearest: nearest(name, candidates).map(str::to_owned),
    }
}
