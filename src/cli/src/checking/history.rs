//! The commits of a range: their messages, and the secrets that they brought.
//!
//! Rules: what a later commit took out is in the history all the same, and is found. What still stands in the judged state is
//! found there, and not told twice.

use std::collections::BTreeSet;

use beanpole_checks::commit_message::Message;
use beanpole_checks::{
    Change, ChangeKind, Entry, FileMode, Group, Levels, Policy, Scope, SourceTree, Unseen,
    added_lines, secrets,
};
use beanpole_git::{CommitMessage, CommitRange, IntroducedBlob};
use beanpole_model::{Finding, Report};
use jiff::civil::Date;

use super::contents::LARGEST;
use super::{Rulebook, Site};

/// How many commits of a range are looked at.
const MOST_COMMITS: usize = 1000;

/// The commits of a range.
#[derive(Default)]
pub(crate) struct History {
    range: Option<CommitRange>,
    /// Each with the name that findings show.
    messages: Vec<(String, CommitMessage)>,
    is_cut: bool,
}

impl History {
    /// Reads the messages of a range.
    ///
    /// # Errors
    /// What went wrong with git.
    pub(crate) fn read(site: &Site, range: CommitRange) -> Result<Self, Report> {
        let read = site.repository.messages(&range, MOST_COMMITS)?;
        let messages = read.items.into_iter();
        Ok(Self {
            messages: messages
                .map(|commit| (format!("commit {}", commit.id.short()), commit))
                .collect(),
            is_cut: read.is_cut,
            range: Some(range),
        })
    }

    /// How many commits there are.
    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    /// The messages that people have written. Merges write their own.
    pub(super) fn written(&self) -> impl Iterator<Item = Message<'_>> {
        self.messages
            .iter()
            .filter(|(_, commit)| commit.parents < 2)
            .map(|(name, commit)| Message {
                path: name,
                bytes: commit.message.as_bytes(),
                comment: None,
            })
    }

    /// That there are more commits than were looked at.
    pub(super) fn unseen(&self) -> Option<Unseen> {
        self.is_cut.then(|| Unseen {
            location: None,
            why: format!("only the newest {MOST_COMMITS} commits were looked at"),
        })
    }

    /// The secrets that commits of the range brought, beside `known`: those of the judged state.
    ///
    /// # Errors
    /// What went wrong with git.
    pub(super) fn secrets(
        &self,
        site: &Site,
        rulebook: &Rulebook,
        scope: &Scope,
        known: &[Finding],
        today: Date,
    ) -> Result<Vec<Finding>, Report> {
        let Some(range) = &self.range else {
            return Ok(Vec::new());
        };
        let blobs = site.repository.introduced_blobs(range, MOST_COMMITS)?;
        let mut reader = site.repository.read_blobs()?;
        let mut told: BTreeSet<(String, String)> = known.iter().map(identity).collect();
        let mut found = Vec::new();
        for blob in blobs.items {
            let Some(path) = inside(site, &blob) else {
                continue;
            };
            let objects = [Some(&blob.object), blob.former.as_ref()];
            let objects: Vec<&str> = objects.into_iter().flatten().map(String::as_str).collect();
            let mut contents = reader.read_all_up_to(&objects, LARGEST)?.into_iter();
            let Some(content) = contents.next().flatten() else {
                continue;
            };
            if scope.tree.get(&path) == Some(content.as_slice()) {
                continue;
            }
            let former = contents.next().flatten();
            for finding in of_blob(rulebook, &path, content, former.as_deref(), today) {
                if told.insert(identity(&finding)) {
                    found.push(in_commit(finding, &blob));
                }
            }
        }
        Ok(found)
    }
}

/// What makes two findings about a secret the same: a message ends with the secret's fingerprint.
fn identity(finding: &Finding) -> (String, String) {
    (finding.rule.clone(), finding.message.clone())
}

/// The path from the project's directory, if the blob lies in it and is a file.
fn inside(site: &Site, blob: &IntroducedBlob) -> Option<String> {
    let is_file = matches!(
        blob.mode,
        beanpole_git::Mode::File | beanpole_git::Mode::Executable
    );
    let path = camino::Utf8Path::new(&blob.path);
    let path = path.strip_prefix(&site.under).ok()?;
    is_file.then(|| path.to_string())
}

/// The secrets that one content brought, without those that a comment in it suppresses.
fn of_blob(
    rulebook: &Rulebook,
    path: &str,
    content: Vec<u8>,
    former: Option<&[u8]>,
    today: Date,
) -> Vec<Finding> {
    let mut scope = Scope::default();
    scope.changes.push(Change {
        path: path.to_owned(),
        kind: ChangeKind::Modified,
        lines: added_lines(former, &content),
        counts: None,
    });
    let entry = Entry {
        mode: FileMode::Regular,
        size: u64::try_from(content.len()).ok(),
    };
    scope.entries.insert(path.to_owned(), entry);
    scope.tree = SourceTree::new();
    scope.tree.insert(path, content);
    let findings = secrets::check(&scope, &rulebook.settings.secrets);
    if findings.is_empty() {
        return findings;
    }
    let policy = Policy {
        rules: &rulebook.rules,
        selection: &rulebook.selection,
        levels: &Levels::default(),
        ignores: &[],
        baseline: None,
        today,
        saw: &|group, _| group == Group::Secrets,
    };
    let report = beanpole_checks::judge(findings, Vec::new(), &scope, &policy);
    let findings = report.findings.into_iter().map(|reported| reported.finding);
    findings
        .filter(|finding| is_secret(&finding.rule))
        .collect()
}

fn is_secret(id: &str) -> bool {
    Group::Secrets.rules().iter().any(|rule| rule.id == id)
}

/// Says which commit it is about: the line is that of the file as it was there.
fn in_commit(finding: Finding, blob: &IntroducedBlob) -> Finding {
    Finding {
        message: format!("in commit {}: {}", blob.commit.short(), finding.message),
        ..finding
    }
}
