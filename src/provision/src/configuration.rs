//! The change of an environment's configuration that goes with a release: pure.
//!
//! Rules:
//! - What is wanted is what [`crate::settings::declared`] says, compared as the planner compares it.
//! - The safe order is: what is new or other goes before the version, so that the new code finds it;
//!   what is no longer wanted goes after the version is proven, so that the old code never misses it.
//! - Only variables are ever removed, and only those that the former manifest declared. Everything
//!   else that the manifest does not name belongs to someone else.
//! - Values that may be secret are in the settings, because AWS needs them, and in no text: `Debug`
//!   and [`ConfigurationChange::fields`] hide them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use beanpole_cloud::{OptionName, OptionSetting};
use beanpole_manifest::Project;
use serde::{Deserialize, Serialize};

use crate::connections;
use crate::error::PlanError;
use crate::plan::{FieldChange, KNOWN_AFTER_APPLY, SECRET};
use crate::planner::{fixed_load_balancer, missing_secrets};
use crate::settings::{
    SECRET_REFERENCES, Setting, VARIABLES, declared, holds, looks_secret, value_of, values,
};

/// What has to change so that the environment is configured as the manifest says.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ConfigurationChange {
    /// New and other settings: sent before the version.
    pub before: Vec<OptionSetting>,
    /// What is no longer wanted: taken away once the version is proven.
    pub removed: Vec<OptionName>,
    /// What brings the former configuration back.
    pub restore: OptionChange,
    fields: Vec<FieldChange>,
}

/// Options to set and options to take away, in one update. As [`ConfigurationChange::restore`]: what
/// brings the former configuration back.
///
/// The serialised form holds values in full; [`OptionChange::without_secrets`] is for places where
/// secrets must not be kept.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptionChange {
    /// What to set; for a way back, the former values of what was changed or removed.
    pub settings: Vec<OptionSetting>,
    /// What to take away; for a way back, what was not there before.
    pub remove: Vec<OptionName>,
}

/// The change between what is in force and what the manifest wants.
///
/// `references` are the variables from Secrets Manager with their ARNs
/// ([`crate::secret_references`]); `in_force` are the environment's settings as AWS lists them;
/// `formerly` are the places that the manifest of the running release declared ([`declared_names`]).
/// Give the project as the manifest has it, also for the second environment of a blue/green release:
/// the names of secrets follow from it.
///
/// # Errors
/// [`PlanError::Blocked`] when a secret does not exist yet, or something differs that AWS cannot
/// change in place.
pub fn configuration_change(
    project: &Project,
    references: &BTreeMap<String, Option<String>>,
    in_force: &[OptionSetting],
    formerly: &BTreeSet<OptionName>,
) -> Result<ConfigurationChange, PlanError> {
    let wanted = declared(project, references);
    let present = values(in_force);
    let mut change = ConfigurationChange::default();
    let mut blockers = Vec::new();
    let mut unknown = Vec::new();
    for setting in &wanted {
        let from = value_of(&present, setting);
        if holds(setting, from) {
            continue;
        }
        let field = setting.change_from(from);
        blockers.extend(fixed_load_balancer(project, &field));
        match &setting.value {
            Some(to) => change.set(setting, to, from),
            None => unknown.push(setting.name.clone()),
        }
        change.fields.push(field);
    }
    if !unknown.is_empty() {
        blockers.push(missing_secrets(project, &unknown));
    }
    if !blockers.is_empty() {
        return Err(PlanError::Blocked {
            environment: project.environment.clone(),
            findings: blockers,
        });
    }
    let kept: BTreeSet<OptionName> = wanted.iter().map(place).collect();
    for name in formerly.difference(&kept).filter(|name| removable(name)) {
        let key = (name.namespace.as_str(), name.name.as_str());
        if let Some(value) = present.get(&key) {
            change.remove(name, value);
        }
    }
    Ok(change)
}

/// The places that a manifest declares, whatever their values: what a later release may remove.
#[must_use]
pub fn declared_names(project: &Project) -> BTreeSet<OptionName> {
    let references = connections::references(project, &|_| None);
    declared(project, &references).iter().map(place).collect()
}

/// The difference between two environments' settings: what of `wanted` the settings in force lack, and
/// which variables they have beyond it. For the second environment of a blue/green release, which has
/// to be configured as the first.
#[must_use]
pub fn levelling(wanted: &[OptionSetting], in_force: &[OptionSetting]) -> ConfigurationChange {
    let present = values(in_force);
    let mut change = ConfigurationChange::default();
    for own in wanted.iter().filter(|own| !own.value.is_empty()) {
        let setting = Setting::of(own);
        let from = value_of(&present, &setting);
        if !holds(&setting, from) {
            change.set(&setting, &own.value, from);
            change.fields.push(setting.change_from(from));
        }
    }
    let wanted = values(wanted);
    for ((namespace, name), value) in &present {
        let place = OptionName::new(*namespace, *name);
        if removable(&place) && !wanted.contains_key(&(*namespace, *name)) {
            change.remove(&place, value);
        }
    }
    change
}

fn place(setting: &Setting) -> OptionName {
    OptionName::new(&setting.namespace, &setting.name)
}

fn removable(name: &OptionName) -> bool {
    name.namespace == VARIABLES || name.namespace == SECRET_REFERENCES
}

impl ConfigurationChange {
    fn set(&mut self, setting: &Setting, to: &str, from: Option<&str>) {
        let (namespace, name) = (&setting.namespace, &setting.name);
        self.before.push(OptionSetting::new(namespace, name, to));
        match from {
            Some(value) => {
                let former = OptionSetting::new(namespace, name, value);
                self.restore.settings.push(former);
            }
            None => self.restore.remove.push(OptionName::new(namespace, name)),
        }
    }

    fn remove(&mut self, name: &OptionName, value: &str) {
        let former = OptionSetting::new(&name.namespace, &name.name, value);
        self.fields.push(FieldChange {
            to: None,
            ..Setting::of(&former).change_from(Some(value))
        });
        self.removed.push(name.clone());
        self.restore.settings.push(former);
    }

    /// The part that belongs to the application: its variables and references to secrets. The rest is
    /// infrastructure, which `beanpole apply` changes and a release leaves alone.
    #[must_use]
    pub fn of_application(self) -> Self {
        let is_own = |namespace: &str| namespace == VARIABLES || namespace == SECRET_REFERENCES;
        let keep = |settings: Vec<OptionSetting>| -> Vec<OptionSetting> {
            let kept = settings.into_iter();
            kept.filter(|own| is_own(&own.namespace)).collect()
        };
        let before = keep(self.before);
        let removed = self.removed;
        let names: BTreeSet<&str> = before
            .iter()
            .map(|own| own.name.as_str())
            .chain(removed.iter().map(|own| own.name.as_str()))
            .collect();
        let fields = self
            .fields
            .into_iter()
            .filter(|field| names.iter().any(|name| field.name.ends_with(name)))
            .collect();
        Self {
            restore: OptionChange {
                settings: keep(self.restore.settings),
                remove: {
                    let kept = self.restore.remove.into_iter();
                    kept.filter(|own| is_own(&own.namespace)).collect()
                },
            },
            before,
            removed,
            fields,
        }
    }

    /// True if nothing has to be changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.before.is_empty() && self.removed.is_empty()
    }

    /// What changes, for people: values that may be secret are hidden.
    #[must_use]
    pub fn fields(&self) -> &[FieldChange] {
        &self.fields
    }

    /// The half that goes before the version.
    #[must_use]
    pub fn first_half(&self) -> OptionChange {
        OptionChange {
            settings: self.before.clone(),
            remove: Vec::new(),
        }
    }

    /// The half that goes after the version is proven.
    #[must_use]
    pub fn second_half(&self) -> OptionChange {
        OptionChange {
            settings: Vec::new(),
            remove: self.removed.clone(),
        }
    }

    /// Both halves at once, for an environment without traffic.
    #[must_use]
    pub fn whole(&self) -> OptionChange {
        OptionChange {
            settings: self.before.clone(),
            remove: self.removed.clone(),
        }
    }
}

impl OptionChange {
    /// What of it is not in force.
    #[must_use]
    pub fn left(&self, in_force: &[OptionSetting]) -> Self {
        Self {
            settings: settings_left(&self.settings, in_force),
            remove: removals_left(&self.remove, in_force),
        }
    }

    /// True if there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.settings.is_empty() && self.remove.is_empty()
    }

    /// The same without plain variables that may hold a secret, and the names of those.
    #[must_use]
    pub fn without_secrets(&self) -> (Self, Vec<OptionName>) {
        let (withheld, settings): (Vec<_>, Vec<_>) = self
            .settings
            .iter()
            .cloned()
            .partition(|own| own.namespace == VARIABLES && looks_secret(&own.name, &own.value));
        let names = withheld
            .into_iter()
            .map(|own| OptionName::new(own.namespace, own.name))
            .collect();
        let restore = Self {
            settings,
            remove: self.remove.clone(),
        };
        (restore, names)
    }
}

fn settings_left(wanted: &[OptionSetting], in_force: &[OptionSetting]) -> Vec<OptionSetting> {
    let present = values(in_force);
    wanted
        .iter()
        .filter(|own| {
            let setting = Setting::of(own);
            !holds(&setting, value_of(&present, &setting))
        })
        .cloned()
        .collect()
}

fn removals_left(names: &[OptionName], in_force: &[OptionSetting]) -> Vec<OptionName> {
    let present = values(in_force);
    names
        .iter()
        .filter(|name| present.contains_key(&(name.namespace.as_str(), name.name.as_str())))
        .cloned()
        .collect()
}

/// Names only.
impl fmt::Debug for ConfigurationChange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ConfigurationChange")
            .field("before", &names(&self.before))
            .field("removed", &self.removed)
            .field("restore", &self.restore)
            .finish_non_exhaustive()
    }
}

/// Names only.
impl fmt::Debug for OptionChange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("OptionChange")
            .field("settings", &names(&self.settings))
            .field("remove", &self.remove)
            .finish()
    }
}

fn names(settings: &[OptionSetting]) -> Vec<String> {
    settings
        .iter()
        .map(|own| format!("{} {}", own.namespace, own.name))
        .collect()
}

/// One line for each field: `~ aws:autoscaling:asg MaxSize: 4 -> 6`, `- … DEBUG`.
impl fmt::Display for ConfigurationChange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, field) in self.fields.iter().enumerate() {
            if index > 0 {
                writeln!(formatter)?;
            }
            let name = &field.name;
            match (field.from.as_deref(), field.to.as_deref()) {
                (from, Some(SECRET | KNOWN_AFTER_APPLY)) => {
                    let sign = if from.is_some() { '~' } else { '+' };
                    write!(formatter, "{sign} {name}")?;
                }
                (None, Some(to)) => write!(formatter, "+ {name}: {to}")?,
                (Some(from), Some(to)) => write!(formatter, "~ {name}: {from} -> {to}")?,
                (_, None) => write!(formatter, "- {name}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "configuration_tests.rs"]
mod tests;
