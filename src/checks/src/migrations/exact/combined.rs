//! A review together with the SQL of its migrations: what each of them finds once, and what the SQL shows that the text of a
//! migration does not.
//!
//! A finding of the review stands at its operation and the one of the SQL at the class, so of two about the same the review's
//! stays. Which are about the same is guessed only to leave one out, and never in a migration that the review could not see
//! whole: there each finding of the review stands for one of the SQL at most.

#[cfg(test)]
mod tests;

use super::judge;
use crate::migrations::migration::Hidden;
use crate::migrations::operation::Kind;
use crate::migrations::project::Project;
use crate::migrations::review::{self, MigrationReview, NotAnalysed, Review, sort};
use crate::migrations::rules;
use crate::migrations::{MigrationId, Settings};
use beanpole_model::{Finding, Location, Severity};
use std::collections::{BTreeMap, BTreeSet};

/// In a comment of Django's: an operation for which there is no SQL (django/db/migrations/migration.py; before Django 4.0 with
/// other words in front of it).
const NO_SQL: &str = "CANNOT BE WRITTEN AS SQL";
/// A comment of Django's: an operation that has done nothing.
const NO_OPERATION: &str = "-- (no-op)";

/// What Django has said of a migration, asked for its SQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExactAnswer {
    /// The migration.
    pub migration: MigrationId,
    /// Its SQL on Postgres, or why there is none.
    pub sql: Result<String, NotMade>,
}

/// There is no SQL of a migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotMade {
    /// Why, without the name of the migration.
    pub why: String,
    /// What to do about it.
    pub remedy: String,
}

/// Reviews the migrations between two trees by their operations, and those for which there is SQL by that as well. A migration
/// whose SQL could not be had is an error: who asks for it must not take the rest for the whole.
///
/// `is_last`: the process ends soon, so what was read is left to the operating system. To give 1,400 migrations back piece by
/// piece takes 10 of 128 ms (measured).
#[must_use]
pub fn review_with_sql(
    review: &Review<'_>,
    answers: &[ExactAnswer],
    is_last: bool,
) -> MigrationReview {
    let settings = review.settings;
    let base = review.base.map(|tree| Project::read(tree, settings, None));
    let head = Project::read(review.head, settings, base.as_ref());
    let found = judge_both(base.as_ref(), &head, settings, answers);
    if is_last {
        std::mem::forget((base, head));
    }
    found
}

/// Judges two projects by their operations and by the SQL.
fn judge_both(
    base: Option<&Project<'_>>,
    head: &Project<'_>,
    settings: &Settings,
    answers: &[ExactAnswer],
) -> MigrationReview {
    let mut found = review::judge(base, head, settings);
    if answers.is_empty() {
        return found;
    }
    let texts: BTreeMap<&str, &str> = answers
        .iter()
        .filter_map(|one| Some((one.migration.path.as_str(), one.sql.as_deref().ok()?)))
        .collect();
    let partly: BTreeSet<String> = (found.not_analysed.iter())
        .filter(|one| one.what != Hidden::Code)
        .map(|one| one.location.path.clone())
        .collect();
    let mut by_sql = judge(base, head, settings, &texts);
    take_out_doubles(&found.findings, &mut by_sql, &partly);
    take_out_shown(&mut found, head, &texts);
    found.findings.extend(by_sql);
    not_made(&mut found, head, answers);
    sort(&mut found.findings);
    found.blocked = found
        .findings
        .iter()
        .any(|finding| finding.severity == Severity::Error);
    found
}

/// Takes out what the review has found as well.
fn take_out_doubles(review: &[Finding], by_sql: &mut Vec<Finding>, partly: &BTreeSet<String>) {
    let mut left: Vec<&Finding> = review.iter().collect();
    by_sql.retain(|finding| {
        let same = |other: &&Finding| other.rule == finding.rule && path(other) == path(finding);
        if !partly.contains(path(finding)) {
            return !review.iter().any(|other| same(&other));
        }
        let is_about = |other: &&Finding| {
            subject(&finding.message).is_none_or(|name| mentions(&other.message, name))
        };
        let double = left.iter().position(|other| same(other) && is_about(other));
        if let Some(place) = double {
            left.swap_remove(place);
        }
        double.is_none()
    });
}

fn path(finding: &Finding) -> &str {
    finding
        .location
        .as_ref()
        .map_or("", |location| location.path.as_str())
}

/// What a message is about: the last part of the first name of a table or a column.
fn subject(message: &str) -> Option<&str> {
    let mut words = message.split([' ', ',']);
    let name = words.find(|word| word.contains(['_', '.']))?;
    name.rsplit('.').next()
}

fn mentions(message: &str, name: &str) -> bool {
    message.split([' ', ',', '.']).any(|word| word == name)
}

/// Takes out what the text of a migration does not show and its SQL does.
fn take_out_shown(found: &mut MigrationReview, head: &Project<'_>, texts: &BTreeMap<&str, &str>) {
    let is_shown = |one: &NotAnalysed| {
        let text = texts.get(one.location.path.as_str());
        let migration = one.migration.as_ref();
        let migration = migration.and_then(|id| head.migrations.get(&id.key()));
        let (Some(text), Some(migration)) = (text, migration) else {
            return false;
        };
        let is_code = |kind: &Kind| matches!(kind, Kind::RunPython(_));
        let operations = migration.operations.iter();
        let code = operations.filter(|one| is_code(&one.kind)).count();
        // Of an app that a router keeps in another database, all operations do nothing here.
        if !rules::run_sql::does_something(text) {
            return false;
        }
        // More than the text has: a helper has made one.
        let has_more_code = comments(text, NO_SQL) > code;
        match one.what {
            Hidden::Operations | Hidden::Column => !has_more_code,
            Hidden::OwnMethod => !has_more_code && comments(text, NO_OPERATION) == 0,
            Hidden::Code | Hidden::File => false,
        }
    };
    let (shown, hidden): (Vec<_>, Vec<_>) = std::mem::take(&mut found.not_analysed)
        .into_iter()
        .partition(is_shown);
    found.not_analysed = hidden;
    let shown: Vec<Finding> = shown.iter().map(rules::not_analysed).collect();
    found.findings.retain(|finding| !shown.contains(finding));
}

/// How many comments of the SQL have these words.
fn comments(text: &str, words: &str) -> usize {
    let lines = text.lines().map(str::trim);
    lines
        .filter(|line| line.starts_with("--") && line.contains(words))
        .count()
}

/// Adds what is to be said of migrations without SQL: the same of all of them once.
fn not_made(found: &mut MigrationReview, head: &Project<'_>, answers: &[ExactAnswer]) {
    let failed: Vec<(&MigrationId, &NotMade)> = answers
        .iter()
        .filter_map(|one| Some((&one.migration, one.sql.as_ref().err()?)))
        .collect();
    if let [(_, first), _, ..] = failed.as_slice()
        && failed.len() == answers.len()
        && failed.iter().all(|(_, other)| other == first)
    {
        let message = format!(
            "the SQL of none of the {} new migrations could be judged: {}",
            failed.len(),
            first.why
        );
        found.findings.push(said(None, message, first));
        return;
    }
    for (id, one) in failed {
        let span = head.migrations.get(&id.key()).map(|known| known.span);
        let location = head.location(&id.path, span);
        let message = format!("its SQL could not be judged: {}", one.why);
        found
            .findings
            .push(said(Some(location.clone()), message, one));
        found.not_analysed.push(NotAnalysed {
            migration: Some(id.clone()),
            location,
            why: one.why.clone(),
            what: Hidden::Operations,
        });
    }
}

fn said(location: Option<Location>, message: String, one: &NotMade) -> Finding {
    Finding {
        rule: rules::NOT_ANALYSED.to_owned(),
        severity: Severity::Error,
        location,
        message,
        reason: "exact mode was asked for, and the operations alone were judged".to_owned(),
        remedy: Some(one.remedy.clone()),
    }
}
