//! What a push brings, reference by reference.

use beanpole_checks::branch::{BranchState, Head, Operation};
use beanpole_checks::{Group, migrations};
use beanpole_git::{
    CommitId, CommitRange, Fork, ReferenceKind, ReferenceUpdate, Repository, Selected, Selection,
};
use beanpole_model::Report;
use jiff::civil::Date;

use super::{Answer, Asked, History, Judged, Reports, Rulebook, Site, judge};
use crate::context::Context;

/// Which end of a push asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The clone that pushes, to the remote of that name if it has one.
    Sends(Option<String>),
    /// The repository that is pushed to.
    Receives,
}

/// A push that is judged.
pub(crate) struct Push<'a> {
    pub(crate) context: &'a Context,
    pub(crate) side: Side,
    pub(crate) today: Date,
}

impl Push<'_> {
    /// Judges what a reference brings; nothing where nothing is brought. The migrations of a branch are judged by
    /// themselves: as a merge into the default branch will hold them.
    ///
    /// # Errors
    /// What went wrong with git, or a manifest with an error in it.
    pub(crate) fn update(
        &self,
        repository: &Repository,
        update: &ReferenceUpdate,
    ) -> Result<Vec<Answer>, Report> {
        let range = match self.side {
            Side::Sends(_) => update.pushed_range(),
            Side::Receives => update.received_range(),
        };
        let Some(range) = range else {
            return Ok(Vec::new());
        };
        // Of an annotated tag, the tag's own id is given. What is no commit brings no files.
        let Some(head) = repository.resolve(range.to.as_str())? else {
            return Ok(Vec::new());
        };
        let site = match self.side {
            Side::Sends(_) => Site::of_work_tree(self.context)?,
            Side::Receives => Site::of_commit(self.context, repository.clone(), &head)?,
        };
        let is_branch = update.kind() == ReferenceKind::Branch;
        let onto = if is_branch {
            self.onto(repository, update, &head)?
        } else {
            None
        };
        let mut rulebook = Rulebook::new(&site, &[])?
            .without(&[Group::ChangeSize])
            .with_baseline_of(&site)?;
        let has_migrations = rulebook.groups.contains(&Group::Migrations);
        let onto = onto.filter(|_| has_migrations);
        if onto.is_some() {
            rulebook = rulebook.without(&[Group::Migrations]);
        }
        let base = self.base(repository, update, &range, &head)?;
        let selected = if is_branch {
            state(&site, base.as_ref(), &head)?
        } else {
            // The files of a tag are those of its commits; only what the commits brought is judged.
            state(&site, Some(&head), &head)?
        };
        let history = History::read(&site, range)?;
        let commits = history.len();
        let asked = Asked {
            branch: is_branch.then(|| BranchState {
                head: Head::Branch(update.short_name().to_owned()),
                operation: Operation::None,
                commits: false,
            }),
            history,
            ..self.asked()
        };
        let judgement = judge(&site, rulebook, &selected, &asked)?;
        let judged = Judged {
            what: update.reference.clone(),
            base: selected.base.map(|base| base.to_string()),
            head: Some(head.to_string()),
            files: judgement.files,
            commits: Some(commits),
        };
        let settings = &judgement.settings.migrations;
        let onto = onto.filter(|_| migrations::is_touched(&judgement.reading.scope, settings));
        let mut answers = vec![Answer::new(judged, judgement.report, &site)];
        if let Some(fork) = onto {
            answers.push(self.merged(&site, update, fork)?);
        }
        Ok(answers)
    }

    /// Judges the migrations of a branch as a merge will hold them.
    fn merged(&self, site: &Site, update: &ReferenceUpdate, fork: Fork) -> Result<Answer, Report> {
        let rulebook = Rulebook::new(site, &[])?
            .only(&[Group::Migrations])
            .with_baseline_of(site)?;
        let judged = Judged {
            what: update.reference.clone(),
            base: Some(fork.base.to_string()),
            head: Some(fork.head.to_string()),
            ..Judged::default()
        };
        let asked = Asked {
            merge: Some(fork.clone()),
            ..self.asked()
        };
        let selection = Selection::Between(fork);
        let selected = site.repository.select(&selection, &site.under)?;
        let judgement = judge(site, rulebook, &selected, &asked)?;
        let judged = Judged {
            files: judgement.files,
            ..judged
        };
        Ok(Answer::new(judged, judgement.report, site))
    }

    /// Nothing beside the files.
    fn asked(&self) -> Asked<'static> {
        Asked {
            branch: None,
            message: None,
            history: History::default(),
            reports: Reports::default(),
            merge: None,
            exact: None,
            is_last: false,
            today: self.today,
        }
    }

    /// Where a branch left the default branch, if it is another one and both have a commit in common.
    fn onto(
        &self,
        repository: &Repository,
        update: &ReferenceUpdate,
        head: &CommitId,
    ) -> Result<Option<Fork>, Report> {
        let default = match &self.side {
            Side::Sends(None) => None,
            Side::Sends(Some(remote)) => repository.default_branch(Some(remote))?,
            Side::Receives => repository.default_branch(None)?,
        };
        let other = default.filter(|default| default.reference != update.reference);
        // In a new repository there is no default branch yet, and in a shallow clone nothing in common.
        Ok(other.and_then(|default| repository.fork(&default.known_as, head.as_str()).ok()))
    }

    /// What the state is compared with: what the reference pointed to, or for a new one where its commits begin.
    fn base(
        &self,
        repository: &Repository,
        update: &ReferenceUpdate,
        range: &CommitRange,
        head: &CommitId,
    ) -> Result<Option<CommitId>, Report> {
        if let Some(old) = &update.old
            // The other side may have what this one has never seen, or begin anew.
            && repository.resolve(old.as_str())?.is_some()
            && let Ok(base) = repository.merge_base(old.as_str(), head)
        {
            return Ok(Some(base));
        }
        Ok(repository.begun_from(range)?)
    }
}

/// A commit against its base; without one, everything is new.
fn state(site: &Site, base: Option<&CommitId>, head: &CommitId) -> Result<Selected, Report> {
    let selection = match base {
        Some(base) => Selection::Since {
            base: base.to_string(),
            head: head.to_string(),
        },
        None => Selection::Commit(head.to_string()),
    };
    Ok(site.repository.select(&selection, &site.under)?)
}
