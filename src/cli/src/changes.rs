//! What a release changes, as git knows it: the commits since the former version.

use beanpole_alert::{CommitLine, Commits, ReleaseDetails};
use beanpole_deploy::label::commit_of_label;
use beanpole_deploy::{Candidate, KnownVersion, ReleaseReport};
use beanpole_git::{Commit, CommitId, Repository};

/// The candidate's version and commit, and the commits between it and the former version. Commits that
/// git cannot name (a shallow clone, a version that was made elsewhere) stay unknown.
pub(crate) fn of(candidate: &Candidate, former: Option<String>) -> ReleaseDetails {
    let new = (&candidate.repository, &candidate.commit.id);
    ReleaseDetails {
        version: Some(candidate.label.to_string()),
        commit: Some(line(&candidate.commit)),
        ..since(Some(new), former)
    }
}

/// The same for a version that exists: what is known of it by its label.
pub(crate) fn of_version(version: &KnownVersion, former: Option<String>) -> ReleaseDetails {
    let found = version.repository.as_ref().and_then(|(repository, _)| {
        let new = commit_of(repository, version.label.as_str())?;
        Some((repository, new))
    });
    let new = found.as_ref().map(|(repository, new)| (*repository, new));
    ReleaseDetails {
        version: Some(version.label.to_string()),
        commit: new
            .and_then(|(repository, new)| repository.commit(new).ok())
            .as_ref()
            .map(line),
        ..since(new, former)
    }
}

/// The former version, and the commits between it and the new one as far as git knows both.
fn since(new: Option<(&Repository, &CommitId)>, former: Option<String>) -> ReleaseDetails {
    let both = new.and_then(|(repository, new)| {
        let old = commit_of(repository, former.as_deref()?)?;
        let between = |from: &CommitId, to: &CommitId| {
            let commits = repository.log(Some(from), to).ok()?;
            Some(Commits::of(commits.iter().map(line)))
        };
        Some((between(&old, new), between(new, &old)))
    });
    let (commits, removed) = both.unwrap_or_default();
    ReleaseDetails {
        former_version: former,
        commits,
        removed_commits: removed.filter(|commits| commits.total() > 0),
        ..ReleaseDetails::default()
    }
}

/// What the release itself has found out.
pub(crate) fn after(report: &ReleaseReport) -> ReleaseDetails {
    let applied = report
        .release_step
        .as_ref()
        .filter(|step| !step.pretended)
        .map(|step| step.migrations_applied.clone());
    ReleaseDetails {
        migrations: applied,
        usual_seconds: report
            .steps
            .iter()
            .filter_map(|step| Some((step.id.clone(), step.usually.as_ref()?.median)))
            .collect(),
        ..ReleaseDetails::default()
    }
}

/// The commit that a version label begins with, as ours do.
fn commit_of(repository: &Repository, label: &str) -> Option<CommitId> {
    repository.resolve(commit_of_label(label)?).ok()?
}

fn line(commit: &Commit) -> CommitLine {
    CommitLine {
        id: commit.id.to_string(),
        subject: commit.subject.clone(),
        author: commit.author.clone(),
    }
}
