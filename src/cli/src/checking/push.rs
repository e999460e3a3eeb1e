//! What a push brings, reference by reference.

use beanpole_checks::Group;
use beanpole_checks::branch::{BranchState, Head, Operation};
use beanpole_git::{
    CommitId, CommitRange, ReferenceKind, ReferenceUpdate, Repository, Selected, Selection,
};
use beanpole_model::Report;
use jiff::civil::Date;

use super::{Answer, Asked, History, Judged, Reports, Rulebook, Site, judge};
use crate::context::Context;

/// Which end of a push asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The clone that pushes.
    Sends,
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
    /// Judges what a reference brings; none where nothing is brought.
    ///
    /// # Errors
    /// What went wrong with git, or a manifest with an error in it.
    pub(crate) fn update(
        &self,
        repository: &Repository,
        update: &ReferenceUpdate,
    ) -> Result<Option<Answer>, Report> {
        let range = match self.side {
            Side::Sends => update.pushed_range(),
            Side::Receives => update.received_range(),
        };
        let Some(range) = range else {
            return Ok(None);
        };
        // Of an annotated tag, the tag's own id is given. What is no commit brings no files.
        let Some(head) = repository.resolve(range.to.as_str())? else {
            return Ok(None);
        };
        let site = match self.side {
            Side::Sends => Site::of_work_tree(self.context)?,
            Side::Receives => Site::of_commit(self.context, repository.clone(), &head)?,
        };
        let rulebook = Rulebook::new(&site, &[])?
            .without(&[Group::ChangeSize])
            .with_baseline_of(&site)?;
        let is_branch = update.kind() == ReferenceKind::Branch;
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
            message: None,
            history,
            reports: Reports::None,
            merge: None,
            exact: None,
            today: self.today,
        };
        let judgement = judge(&site, rulebook, &selected, &asked)?;
        let judged = Judged {
            what: update.reference.clone(),
            base: selected.base.map(|base| base.to_string()),
            head: Some(head.to_string()),
            files: judgement.files,
            commits: Some(commits),
        };
        Ok(Some(Answer::new(judged, judgement.report, &site)))
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
