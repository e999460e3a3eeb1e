//! What is known about a release beyond its steps: one plain value, filled in as the release goes on.
//!
//! Rules: every field is optional, because a release learns about itself as it goes on. What is
//! learned later replaces what was known; what is left empty changes nothing.

use std::collections::BTreeMap;

use beanpole_model::SecretScrubber;
use serde::Serialize;

/// How many commits are named; the others are counted.
pub const MOST_COMMITS: usize = 20;

/// How many digits of a commit's id people are shown, as in version labels.
const SHORT_ID: usize = 12;

/// A commit in a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CommitLine {
    /// The full id.
    pub id: String,
    /// The first line of its message.
    pub subject: String,
    /// The author's name.
    pub author: String,
}

impl CommitLine {
    /// The first 12 digits of the id.
    #[must_use]
    pub fn short_id(&self) -> &str {
        self.id.get(..SHORT_ID).unwrap_or(&self.id)
    }

    fn scrubbed(&self, scrubber: &SecretScrubber) -> Self {
        Self {
            id: self.id.clone(),
            subject: scrubber.scrub(&self.subject),
            author: scrubber.scrub(&self.author),
        }
    }
}

/// Commits, newest first: the latest by name, the others by number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Commits {
    /// The latest, at most [`MOST_COMMITS`].
    pub latest: Vec<CommitLine>,
    /// How many there are besides.
    pub more: usize,
}

impl Commits {
    /// Takes commits, newest first, and keeps the latest [`MOST_COMMITS`] by name.
    #[must_use]
    pub fn of(commits: impl IntoIterator<Item = CommitLine>) -> Self {
        let mut commits = commits.into_iter();
        let latest: Vec<CommitLine> = commits.by_ref().take(MOST_COMMITS).collect();
        Self {
            latest,
            more: commits.count(),
        }
    }

    /// How many there are in all.
    #[must_use]
    pub const fn total(&self) -> usize {
        self.latest.len() + self.more
    }

    fn scrubbed(&self, scrubber: &SecretScrubber) -> Self {
        Self {
            latest: self
                .latest
                .iter()
                .map(|commit| commit.scrubbed(scrubber))
                .collect(),
            more: self.more,
        }
    }
}

/// What is known about a release beyond its steps.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ReleaseDetails {
    /// The version label that is being released.
    pub version: Option<String>,
    /// The version label that served before.
    pub former_version: Option<String>,
    /// The commit that is being released.
    pub commit: Option<CommitLine>,
    /// The commits since the former version. Empty when there are none; `None` when that is not
    /// known, as in a shallow clone.
    pub commits: Option<Commits>,
    /// The commits of the former version that the new one does not have: a rollback's.
    pub removed_commits: Option<Commits>,
    /// The migrations that the release step applied, in order: `posts.0002_feed`. Empty when there
    /// were none to apply; `None` until the release step is over.
    pub migrations: Option<Vec<String>>,
    /// How long each step usually takes in wall-clock seconds, by the step's id.
    pub usual_seconds: BTreeMap<String, f64>,
    /// Who releases.
    pub released_by: Option<String>,
    /// Who approved it, as one text.
    pub approved_by: Option<String>,
    /// Why it is released, or why a check was overruled.
    pub reason: Option<String>,
    /// The address of the run that releases, such as one of GitHub Actions.
    pub run_url: Option<String>,
}

impl ReleaseDetails {
    /// Takes over what `news` knows. True if that changed anything.
    pub fn learn(&mut self, news: Self) -> bool {
        let before = self.clone();
        replace(&mut self.version, news.version);
        replace(&mut self.former_version, news.former_version);
        replace(&mut self.commit, news.commit);
        replace(&mut self.commits, news.commits);
        replace(&mut self.removed_commits, news.removed_commits);
        replace(&mut self.migrations, news.migrations);
        self.usual_seconds.extend(news.usual_seconds);
        replace(&mut self.released_by, news.released_by);
        replace(&mut self.approved_by, news.approved_by);
        replace(&mut self.reason, news.reason);
        replace(&mut self.run_url, news.run_url);
        *self != before
    }

    /// A copy without any of the secrets that `scrubber` knows.
    #[must_use]
    pub fn scrubbed(&self, scrubber: &SecretScrubber) -> Self {
        let maybe = |text: &Option<String>| text.as_ref().map(|text| scrubber.scrub(text));
        let commits =
            |commits: &Option<Commits>| commits.as_ref().map(|commits| commits.scrubbed(scrubber));
        Self {
            version: maybe(&self.version),
            former_version: maybe(&self.former_version),
            commit: self.commit.as_ref().map(|commit| commit.scrubbed(scrubber)),
            commits: commits(&self.commits),
            removed_commits: commits(&self.removed_commits),
            migrations: self
                .migrations
                .as_ref()
                .map(|names| names.iter().map(|name| scrubber.scrub(name)).collect()),
            usual_seconds: self.usual_seconds.clone(),
            released_by: maybe(&self.released_by),
            approved_by: maybe(&self.approved_by),
            reason: maybe(&self.reason),
            run_url: maybe(&self.run_url),
        }
    }
}

fn replace<T>(known: &mut Option<T>, news: Option<T>) {
    if news.is_some() {
        *known = news;
    }
}

#[cfg(test)]
mod tests {
    use beanpole_model::Secret;

    use super::*;

    fn commit(number: usize) -> CommitLine {
        CommitLine {
            id: format!("{number:040x}"),
            subject: format!("Change {number}"),
            author: "Ada".to_owned(),
        }
    }

    #[test]
    fn the_latest_are_named_and_the_others_counted() {
        let commits = Commits::of((0..25).map(commit));
        assert_eq!((commits.latest.len(), commits.more), (MOST_COMMITS, 5));
        assert_eq!(commits.latest[0].subject, "Change 0");
        assert_eq!(commits.total(), 25);
        assert_eq!(Commits::of([]).total(), 0);
    }

    #[test]
    fn what_is_left_empty_changes_nothing() {
        let mut details = ReleaseDetails {
            version: Some("v1".to_owned()),
            migrations: Some(Vec::new()),
            ..ReleaseDetails::default()
        };
        assert!(!details.learn(ReleaseDetails::default()));
        assert!(details.learn(ReleaseDetails {
            version: Some("v2".to_owned()),
            usual_seconds: BTreeMap::from([("update".to_owned(), 60.0)]),
            ..ReleaseDetails::default()
        }));
        assert_eq!(details.version.as_deref(), Some("v2"));
        assert_eq!(details.migrations, Some(Vec::new()));
        assert_eq!(details.usual_seconds.len(), 1);
    }

    #[test]
    fn scrubbing_reaches_every_text() {
        let scrubber = SecretScrubber::default();
        scrubber.learn(&Secret::new("hunter2-hunter2"));
        let planted = "x hunter2-hunter2 y".to_owned();
        let line = CommitLine {
            id: "abc".to_owned(),
            subject: planted.clone(),
            author: planted.clone(),
        };
        let details = ReleaseDetails {
            version: Some(planted.clone()),
            former_version: Some(planted.clone()),
            commit: Some(line.clone()),
            commits: Some(Commits::of([line.clone()])),
            removed_commits: Some(Commits::of([line])),
            migrations: Some(vec![planted.clone()]),
            usual_seconds: BTreeMap::new(),
            released_by: Some(planted.clone()),
            approved_by: Some(planted.clone()),
            reason: Some(planted.clone()),
            run_url: Some(planted),
        };
        let shown = format!("{:?}", details.scrubbed(&scrubber));
        assert!(!shown.contains("hunter2"), "{shown}");
        assert_eq!(shown.matches("[redacted]").count(), 13);
    }
}
