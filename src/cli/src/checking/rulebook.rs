//! Which rules run and how much they matter: what was asked for, and what the manifest says.

use std::collections::BTreeSet;

use beanpole_checks::{
    Baseline, Group, Ignore, Level, Levels, Pattern, ProjectSettings, Rule, RuleSelection,
};
use beanpole_manifest::{CheckIgnore, CheckLevel, Checks};
use beanpole_model::{Location, Report};
use camino::{Utf8Path, Utf8PathBuf};

use super::{Site, settings};
use crate::failure::Failure;

/// Everything that decides over findings but the state itself.
pub(crate) struct Rulebook {
    pub(crate) rules: Vec<Rule>,
    pub(crate) selection: RuleSelection,
    pub(crate) levels: Levels,
    pub(crate) ignores: Vec<Ignore>,
    /// The groups that run.
    pub(crate) groups: BTreeSet<Group>,
    /// Those of them that were named.
    pub(crate) named: BTreeSet<Group>,
    pub(crate) settings: ProjectSettings,
    /// Patterns of further requirements files.
    pub(crate) requirements: Vec<Pattern>,
    /// Patterns of requirements files that are not production.
    pub(crate) development_requirements: Vec<Pattern>,
    pub(crate) baseline: Option<Baseline>,
}

impl Rulebook {
    /// The rules that the names choose; without a name, all. What the manifest switches off stays off unless it is named
    /// itself.
    ///
    /// # Errors
    /// A name that is none, or a setting that cannot be read.
    pub(crate) fn new(site: &Site, names: &[String]) -> Result<Self, Report> {
        let rules = beanpole_checks::rules();
        let selection = RuleSelection::new(names, &rules)?;
        let about = |source| Failure::CheckName {
            manifest: site.manifest.clone(),
            source,
        };
        let levels = site.checks.severity.iter();
        let levels = levels.map(|(name, level)| (name.clone(), self::level(*level)));
        let levels = Levels::new(levels, &rules).map_err(about)?;
        let chosen = || {
            Group::ALL
                .into_iter()
                .filter(|group| selection.has_group(*group))
        };
        let named: BTreeSet<Group> = chosen().filter(|group| is_named(names, *group)).collect();
        let groups = chosen()
            .filter(|group| is_on(&site.checks, *group) || named.contains(group))
            .collect();
        let ignores = site.checks.ignore.iter();
        Ok(Self {
            levels,
            groups,
            named,
            ignores: ignores
                .map(|ignore| self::ignore(ignore, &site.manifest))
                .collect::<Result<_, _>>()?,
            settings: settings::of(&site.checks),
            requirements: patterns(site.checks.pins.files.iter().flatten(), &site.manifest, 0)?,
            development_requirements: patterns(
                &site.checks.pins.development_files,
                &site.manifest,
                0,
            )?,
            baseline: None,
            selection,
            rules,
        })
    }

    /// Leaves these groups out.
    #[must_use]
    pub(crate) fn without(mut self, groups: &[Group]) -> Self {
        self.groups.retain(|group| !groups.contains(group));
        self
    }

    /// Leaves everything but these groups out.
    #[must_use]
    pub(crate) fn only(mut self, groups: &[Group]) -> Self {
        self.groups.retain(|group| groups.contains(group));
        self
    }

    /// Takes the findings of the manifest's baseline as known.
    ///
    /// # Errors
    /// It is not there, or cannot be read.
    pub(crate) fn with_baseline_of(mut self, site: &Site) -> Result<Self, Report> {
        if let Some(path) = &site.checks.baseline {
            let Some(bytes) = site.read(path)? else {
                return Err(no_baseline(path.into()));
            };
            self.baseline = Some(baseline(path.as_str().into(), &bytes)?);
        }
        Ok(self)
    }
}

/// Reads a baseline.
pub(crate) fn baseline(path: &Utf8Path, bytes: &[u8]) -> Result<Baseline, Report> {
    let text = String::from_utf8_lossy(bytes);
    Ok(Baseline::parse(path.as_str(), &text)?)
}

/// The baseline is named and is not there. It is never taken as empty.
pub(crate) fn no_baseline(path: Utf8PathBuf) -> Report {
    Failure::NoBaseline { path }.into()
}

fn is_on(checks: &Checks, group: Group) -> bool {
    let groups = checks.groups.by_name();
    let found = groups.iter().find(|(name, _)| *name == group.name());
    found.is_none_or(|(_, is_on)| *is_on)
}

/// Whether the group or one of its rules was named.
fn is_named(names: &[String], group: Group) -> bool {
    names.iter().any(|name| {
        name == group.name() || group.rules().iter().any(|rule| rule.id == name.as_str())
    })
}

const fn level(level: CheckLevel) -> Level {
    match level {
        CheckLevel::Off => Level::Off,
        CheckLevel::Note => Level::Note,
        CheckLevel::Warning => Level::Warning,
        CheckLevel::Error => Level::Error,
    }
}

fn ignore(ignore: &CheckIgnore, manifest: &str) -> Result<Ignore, Failure> {
    Ok(Ignore {
        paths: patterns(&ignore.paths, manifest, ignore.line)?,
        rules: ignore.rules.clone(),
        reason: Some(ignore.reason.clone()),
        until: ignore.until,
        location: Location {
            path: manifest.to_owned(),
            line: (ignore.line > 0).then_some(ignore.line),
            column: None,
        },
    })
}

fn patterns<'a>(
    texts: impl IntoIterator<Item = &'a String>,
    manifest: &str,
    line: u32,
) -> Result<Vec<Pattern>, Failure> {
    let read = |text: &'a String| {
        Pattern::new(text).map_err(|source| Failure::CheckPattern {
            place: Location {
                path: manifest.to_owned(),
                line: (line > 0).then_some(line),
                column: None,
            },
            source,
        })
    };
    texts.into_iter().map(read).collect()
}
