//! One state, judged: what was read, what the rules found, and what counts of it.

use std::collections::BTreeSet;

use beanpole_checks::branch::{BranchState, Head, Operation};
use beanpole_checks::commit_message::{self, Message};
use beanpole_checks::coverage::{StoredCoverage, store};
use beanpole_checks::migrations::{ExactAnswer, Review};
use beanpole_checks::{
    CheckReport, Facts, Group, Pattern, Policy, ProjectSettings, Scope, migrations,
};
use beanpole_git::{CommitRange, Fork, HeadState, Selected};
use beanpole_model::{Environment, Report};
use jiff::civil::Date;

use super::figures::Figures;
use super::reading::{self, Reading};
use super::{Exact, Exactly, History, Reports, Rulebook, Site, coverage};
use crate::failure::Failure;

/// What is judged beside the files.
pub(crate) struct Asked<'a> {
    pub(crate) branch: Option<BranchState>,
    /// A message that is being written.
    pub(crate) message: Option<Message<'a>>,
    /// The commits that lead to the state.
    pub(crate) history: History,
    pub(crate) reports: Reports,
    /// The merge that the state is meant for, if it is a branch.
    pub(crate) merge: Option<Fork>,
    /// Who is asked for the SQL of new migrations, if anyone.
    pub(crate) exact: Option<Exact<'a>>,
    /// Whether no other state is judged before the process ends.
    pub(crate) is_last: bool,
    pub(crate) today: Date,
}

/// What came out.
pub(crate) struct Judgement {
    pub(crate) report: CheckReport,
    /// How many files have changed, or are judged whole.
    pub(crate) files: usize,
    /// Which migrations were judged by their SQL, if that was asked for.
    pub(crate) exact: Option<Exactly>,
    /// The figures of the coverage, if it was judged.
    pub(crate) coverage: Option<Figures>,
    /// The coverage to be kept for later runs, if that was asked for. None also for reports that cannot be read, which findings say.
    pub(crate) stored: Option<StoredCoverage>,
    /// What it was judged by.
    pub(crate) reading: Reading,
    pub(super) settings: ProjectSettings,
}

/// Keeps what the command no longer needs until the process ends, which is soon: to give the memory of 10,000 files back piece by
/// piece takes 3 of 60 ms (measured).
pub(crate) fn leave<T>(what: T) {
    std::mem::forget(what);
}

/// Judges a state.
///
/// # Errors
/// What went wrong with git, a report of tests that cannot be read or is not there to be kept, or Django could not be asked.
pub(crate) fn judge(
    site: &Site,
    mut rulebook: Rulebook,
    selected: &Selected,
    asked: &Asked<'_>,
) -> Result<Judgement, Report> {
    if asked.reports.are_none() {
        rulebook = rulebook.without(&[Group::Coverage]);
    }
    rulebook.name_requirements(selected);
    let mut reading = if rulebook.needs_files() {
        reading::read(site, &rulebook, selected, asked.merge.as_ref())?
    } else {
        Reading::default()
    };
    let mut unseen = std::mem::take(&mut reading.unseen);
    let scope = &reading.scope;
    let (coverage, not_covered) =
        coverage::read(&asked.reports, site, &rulebook, &reading, selected)?;
    if asked.reports.stores && coverage.is_none() {
        return Err(Failure::NoCoverage.into());
    }
    let to_store = coverage.as_ref().filter(|_| asked.reports.stores);
    // What is wrong with the reports is a finding.
    let stored = to_store.and_then(|input| store(input, scope, &rulebook.settings.coverage).ok());
    let exact = match &asked.exact {
        Some(exact) => Some(ask(exact, &rulebook, &reading)?),
        None => None,
    };
    let told = exact.as_deref().map(Exactly::of);
    let facts = Facts {
        branch: asked.branch.clone(),
        messages: asked.history.written().chain(asked.message).collect(),
        coverage,
        serving: reading.serving.as_ref(),
        exact: exact.unwrap_or_default(),
        merged: reading.merged.as_ref(),
        is_last: asked.is_last,
    };
    let found = beanpole_checks::check(&rulebook.groups, scope, &rulebook.settings, &facts);
    let mut findings = found.findings;
    if rulebook.groups.contains(&Group::Secrets) {
        let history = &asked.history;
        let secrets = history.secrets(site, &rulebook, scope, &findings, asked.today)?;
        findings.extend(secrets);
    }
    unseen.extend(reading.too_large()?);
    unseen.extend(found.unseen);
    unseen.extend(not_covered);
    unseen.extend(asked.history.unseen());
    let saw = Saw::new(&rulebook, &reading).without_sql(site, told.as_ref());
    let policy = Policy {
        rules: &rulebook.rules,
        selection: &rulebook.selection,
        levels: &rulebook.levels,
        ignores: &rulebook.ignores,
        baseline: rulebook.baseline.as_ref(),
        today: asked.today,
        saw: &|group, path| saw.has(group, path),
    };
    Ok(Judgement {
        report: beanpole_checks::judge(findings, unseen, scope, &policy),
        files: scope.changes.len(),
        exact: told,
        coverage: (found.coverage)
            .and_then(|numbers| Figures::new(&numbers, &rulebook.settings.coverage)),
        stored,
        reading,
        settings: rulebook.settings,
    })
}

/// The SQL of the new migrations, as far as the migrations are judged at all.
fn ask(
    exact: &Exact<'_>,
    rulebook: &Rulebook,
    reading: &Reading,
) -> Result<Vec<ExactAnswer>, Report> {
    let head = reading.merged.as_ref().unwrap_or(&reading.scope);
    let settings = &rulebook.settings.migrations;
    if !migrations::is_touched(head, settings) {
        return Ok(Vec::new());
    }
    exact.ask(&Review {
        base: reading.serving.as_ref(),
        head: &head.tree,
        settings,
    })
}

impl Rulebook {
    /// The commits of a range, if a group looks at them.
    ///
    /// # Errors
    /// What went wrong with git.
    pub(crate) fn history(
        &self,
        site: &Site,
        range: CommitRange,
    ) -> Result<Option<History>, Report> {
        let looks = [Group::CommitMessage, Group::Secrets];
        if looks.iter().any(|group| self.groups.contains(group)) {
            History::read(site, range).map(Some)
        } else {
            Ok(None)
        }
    }

    /// Whether a group runs that looks at files.
    fn needs_files(&self) -> bool {
        let files = |group: &Group| !matches!(group, Group::Branch | Group::CommitMessage);
        self.groups.iter().any(files)
    }

    /// The requirements files that the manifest means by patterns, for production and not.
    fn name_requirements(&mut self, selected: &Selected) {
        let meant = |patterns: &[Pattern]| -> Vec<String> {
            let paths = selected.entries.iter().map(|entry| entry.path.as_str());
            paths
                .filter(|path| patterns.iter().any(|one| one.matches(path)))
                .map(str::to_owned)
                .collect()
        };
        let production = meant(&self.requirements);
        let development = meant(&self.development_requirements);
        let pins = &mut self.settings.pins;
        pins.production_files.extend(production);
        pins.development_files.extend(development);
    }
}

/// Which group has looked at which path.
struct Saw<'a> {
    groups: BTreeSet<Group>,
    scope: &'a Scope,
    /// Migrations that were not seen whole.
    partly: BTreeSet<String>,
}

impl<'a> Saw<'a> {
    fn new(rulebook: &Rulebook, reading: &'a Reading) -> Self {
        let mut groups = rulebook.groups.clone();
        if !reading.touches_migrations {
            groups.remove(&Group::Migrations);
        }
        Self {
            groups,
            scope: &reading.scope,
            partly: BTreeSet::new(),
        }
    }

    /// Leaves migrations out that were not seen as this project wants it, by their SQL: nothing about them is unused or stale.
    fn without_sql(mut self, site: &Site, told: Option<&Exactly>) -> Self {
        match told {
            Some(told) => self.partly.extend(told.not_judged().map(str::to_owned)),
            None if site.checks.migrations.manage.is_some() => {
                self.groups.remove(&Group::Migrations);
            }
            None => {}
        }
        self
    }

    fn has(&self, group: Group, path: &str) -> bool {
        self.groups.contains(&group)
            && !(group == Group::Migrations && self.partly.contains(path))
            && if self.scope.change(path).is_some() {
                group.wants_changed(path)
            } else {
                group.wants(path)
            }
    }
}

/// What begins a comment in a message. Git is asked only if a line may be one.
///
/// # Errors
/// What went wrong with git.
pub(crate) fn comment_mark(site: &Site, message: &[u8]) -> Result<Option<String>, Report> {
    if commit_message::may_have_comments(message) {
        Ok(site.repository.comment_mark()?)
    } else {
        Ok(None)
    }
}

/// The branch that is checked out, as the rules see it. `commits`: a commit is about to be made on it.
pub(crate) fn branch_state(
    state: &HeadState,
    environment: &Environment,
    commits: bool,
) -> BranchState {
    use beanpole_git::Operation as Doing;

    let head = match (&state.branch, &state.commit) {
        (Some(branch), Some(_)) => Head::Branch(branch.clone()),
        (Some(branch), None) => Head::Unborn(branch.clone()),
        (None, _) => branch_of_ci(environment).map_or(Head::Detached, Head::Branch),
    };
    BranchState {
        head,
        operation: match &state.operation {
            None => Operation::None,
            Some(Doing::Merge { .. }) => Operation::Merge,
            Some(Doing::Rebase { .. }) => Operation::Rebase,
            Some(Doing::CherryPick | Doing::ApplyMails) => Operation::CherryPick,
            Some(Doing::Revert) => Operation::Revert,
        },
        commits,
    }
}

/// The branch that a run of GitHub Actions is about: it checks out a commit by itself (docs.github.com, "Default environment
/// variables").
fn branch_of_ci(environment: &Environment) -> Option<String> {
    let of_push = || {
        (environment.get("GITHUB_REF_TYPE") == Some("branch"))
            .then(|| environment.get("GITHUB_REF_NAME"))
            .flatten()
    };
    let name = environment.get("GITHUB_HEAD_REF").or_else(of_push);
    name.map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_of_ci_names_its_branch() {
        let of = |pairs: &[(&str, &str)]| branch_of_ci(&pairs.iter().copied().collect());
        assert_eq!(of(&[]), None);
        let push = [("GITHUB_REF_TYPE", "branch"), ("GITHUB_REF_NAME", "feat/x")];
        assert_eq!(of(&push).as_deref(), Some("feat/x"));
        assert_eq!(
            of(&[("GITHUB_REF_TYPE", "tag"), ("GITHUB_REF_NAME", "v1")]),
            None
        );
        let pull = [("GITHUB_HEAD_REF", "fix/y"), ("GITHUB_REF_NAME", "7/merge")];
        assert_eq!(of(&pull).as_deref(), Some("fix/y"));
    }
}
