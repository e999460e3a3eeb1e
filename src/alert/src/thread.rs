//! The details of a release as replies in the thread of its message: pure, within Slack's limits.
//!
//! Rules: one reply a topic, so that a topic that learns more is changed in place. A reply is there as
//! soon as its topic has something to say: commits when they are known, migrations when the release
//! step is over, timings and failure at the end. A message that stands alone (a webhook's) takes the
//! same details in shorter form.

use beanpole_model::StepOutcome;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::announcement::{Announcement, Step};
use crate::details::{CommitLine, Commits, ReleaseDetails};
use crate::render::{Message, SECTION_LIMIT, duration, headline, link, section, sections_of};
use crate::text::{
    code, cut, escape, fenced, last_lines, length, one_line, without_terminal_codes,
};

/// The most characters of one commit's line.
const COMMIT_BUDGET: usize = 180;
/// The most characters of a commit's id. The short one has 12.
const ID_BUDGET: usize = 40;
/// The most characters of one name: a person's, a migration's.
const NAME_BUDGET: usize = 200;
const REASON_BUDGET: usize = 1_000;
const MIGRATIONS_BUDGET: usize = 2_600;
const CAUSE_BUDGET: usize = 2_800;
/// Room for the fence around the lines of a section.
const LINES_BUDGET: usize = SECTION_LIMIT - 20;
const FALLBACK_BUDGET: usize = 200;

/// The same in a message that stands alone.
const COMMITS_ALONE: usize = 1_000;
const MIGRATIONS_ALONE: usize = 600;
const REASON_ALONE: usize = 300;
const LOG_ALONE: usize = 1_500;

/// A step is called slow when it took this much longer than usual, and at least [`SLOW_BY`] longer.
const SLOW_FACTOR: f64 = 1.5;
/// In seconds. Shorter differences are noise.
const SLOW_BY: f64 = 5.0;

/// What a reply is about. In the order in which they stand in the thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topic {
    /// What is released, by whom and why.
    Changes,
    /// The migrations that the release step applied.
    Migrations,
    /// Why it failed, and the log that shows it.
    Failure,
    /// How long each step took.
    Timings,
}

/// A reply in the thread.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reply {
    /// What it is about.
    pub topic: Topic,
    /// What it says.
    pub message: Message,
}

/// The replies that have something to say by now, in the order of their topics. The announcement must
/// have been scrubbed before.
#[must_use]
pub fn replies(announcement: &Announcement) -> Vec<Reply> {
    let details = &announcement.details;
    let ended = announcement.state.is_final();
    let topics = [
        (Topic::Changes, changes(details)),
        (Topic::Migrations, migrations(details)),
        (Topic::Failure, failure(announcement).filter(|_| ended)),
        (Topic::Timings, timings(announcement).filter(|_| ended)),
    ];
    topics
        .into_iter()
        .filter_map(|(topic, said)| said.map(|(text, blocks)| (topic, text, blocks)))
        .map(|(topic, text, blocks)| Reply {
            topic,
            message: Message {
                text: escape(&cut(&one_line(&text), FALLBACK_BUDGET)),
                blocks,
            },
        })
        .collect()
}

/// The details in shorter form, for a message without a thread.
pub(crate) fn in_one_message(announcement: &Announcement) -> Vec<Value> {
    let details = &announcement.details;
    let mut lines = commit_lines(details, COMMITS_ALONE);
    lines.extend(people(details, REASON_ALONE));
    if let Some(names) = details
        .migrations
        .as_ref()
        .filter(|names| !names.is_empty())
    {
        lines.push(migration_title(names.len()));
        lines.extend(migration_lines(names, MIGRATIONS_ALONE));
    }
    let mut blocks = sections_of(&lines);
    blocks.extend(log(&announcement.log_tail, LOG_ALONE));
    blocks
}

/// What a reply says: its text for notifications, and its blocks.
type Said = (String, Vec<Value>);

fn changes(details: &ReleaseDetails) -> Option<Said> {
    let mut lines = commit_lines(details, usize::MAX);
    lines.extend(people(details, REASON_BUDGET));
    let text = match (&details.commits, &details.removed_commits) {
        (_, Some(removed)) => format!("{} taken back", count(removed.total(), "commit")),
        (Some(commits), None) => count(commits.total(), "commit"),
        (None, None) => "About this release".to_owned(),
    };
    (!lines.is_empty()).then(|| (text, sections_of(&lines)))
}

fn commit_lines(details: &ReleaseDetails, budget: usize) -> Vec<String> {
    let former = details
        .former_version
        .as_ref()
        .map(|former| shown_code(former));
    let since = former
        .as_ref()
        .map(|former| format!(" since {former}"))
        .unwrap_or_default();
    let mut lines = Vec::new();
    if let Some(commits) = &details.commits {
        if commits.total() > 0 {
            lines.push(format!("*{}*{since}", count(commits.total(), "commit")));
            lines.extend(list(commits, budget));
        } else if details.removed_commits.is_none() {
            lines.push(format!("*No commits*{since}: the same commit again"));
        }
    }
    if let Some(removed) = details.removed_commits.as_ref().filter(|c| c.total() > 0) {
        let of = former
            .map(|former| format!(" of {former}"))
            .unwrap_or_default();
        lines.push(format!(
            "*{} taken back*{of}",
            count(removed.total(), "commit")
        ));
        lines.extend(list(removed, budget));
    }
    lines
}

/// As many commits as fit into `budget`, the newest first, and how many there are besides.
fn list(commits: &Commits, budget: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut used = 0;
    for commit in &commits.latest {
        let line = commit_line(commit);
        used += length(&line) + 1;
        if used > budget {
            break;
        }
        lines.push(line);
    }
    let more = commits.total() - lines.len();
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    lines
}

fn commit_line(commit: &CommitLine) -> String {
    let said = format!(
        "{} · {}",
        one_line(&commit.subject),
        one_line(&commit.author)
    );
    format!(
        "• {} {}",
        code(&cut(&one_line(commit.short_id()), ID_BUDGET)),
        escape(&cut(&said, COMMIT_BUDGET))
    )
}

fn people(details: &ReleaseDetails, reason: usize) -> Vec<String> {
    let named = [
        ("Released by", &details.released_by, NAME_BUDGET),
        ("Approved by", &details.approved_by, NAME_BUDGET),
        ("Why", &details.reason, reason),
    ];
    let mut lines: Vec<String> = named
        .into_iter()
        .filter_map(|(label, value, budget)| {
            let value = escape(&cut(&one_line(value.as_ref()?), budget));
            Some(format!("*{label}* {value}"))
        })
        .collect();
    if let Some(url) = &details.run_url {
        lines.push(format!("*Run* {}", link(url)));
    }
    lines
}

fn migrations(details: &ReleaseDetails) -> Option<Said> {
    let names = details
        .migrations
        .as_ref()
        .filter(|names| !names.is_empty())?;
    let mut lines = vec![migration_title(names.len())];
    lines.extend(migration_lines(names, MIGRATIONS_BUDGET));
    let text = format!("{} applied", count(names.len(), "migration"));
    Some((text, sections_of(&lines)))
}

fn migration_title(number: usize) -> String {
    format!(
        "*{} applied* by the release step",
        count(number, "migration")
    )
}

fn migration_lines(names: &[String], budget: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut used = 0;
    for name in names {
        let line = format!("• {}", shown_code(name));
        used += length(&line) + 1;
        if used > budget {
            break;
        }
        lines.push(line);
    }
    let more = names.len() - lines.len();
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    lines
}

fn failure(announcement: &Announcement) -> Option<Said> {
    let mut blocks = Vec::new();
    if let Some(cause) = &announcement.cause {
        let cause = escape(&cut(cause.trim(), CAUSE_BUDGET));
        blocks.push(section(&format!("*Cause*\n{cause}")));
    }
    blocks.extend(log(&announcement.log_tail, LINES_BUDGET));
    (!blocks.is_empty()).then(|| (format!("Why: {}", headline(announcement)), blocks))
}

/// The end of a log. What does not fit is left out at its beginning.
fn log(lines: &[String], budget: usize) -> Option<Value> {
    if lines.is_empty() {
        return None;
    }
    let clean: Vec<String> = lines
        .iter()
        .map(|line| without_terminal_codes(line))
        .collect();
    Some(section(&fenced(&last_lines(&clean, budget))))
}

/// The steps that took time, each against its usual time where that is known.
fn timings(announcement: &Announcement) -> Option<Said> {
    let usual = &announcement.details.usual_seconds;
    let lines: Vec<String> = announcement
        .steps
        .iter()
        .filter(|step| step.outcome != Some(StepOutcome::Skipped))
        .filter_map(|step| timing(step, usual.get(&step.id).copied()))
        .collect();
    if lines.is_empty() {
        return None;
    }
    let slow = lines.iter().filter(|line| line.ends_with(SLOW)).count();
    let text = match slow {
        0 => "Timings".to_owned(),
        slow => format!("Timings: {} slower than usual", count(slow, "step")),
    };
    let block = section(&format!(
        "*Timings*\n{}",
        fenced(&last_lines(&lines, LINES_BUDGET - 20))
    ));
    Some((text, vec![block]))
}

/// Marks a step that took longer than usual.
const SLOW: &str = "slower";

fn timing(step: &Step, usual: Option<f64>) -> Option<String> {
    let seconds = step.seconds?;
    let id = cut(&one_line(&step.id), 30);
    let mut line = format!("{id:<14} {:>12}", duration(seconds));
    if let Some(usual) = usual {
        line.push_str(&format!("  usually {}", duration(usual)));
        if seconds > usual * SLOW_FACTOR && seconds > usual + SLOW_BY {
            line.push_str(", ");
            line.push_str(SLOW);
        }
    }
    Some(line)
}

/// `1 commit`, `3 commits`.
fn count(number: usize, what: &str) -> String {
    if number == 1 {
        format!("1 {what}")
    } else {
        format!("{number} {what}s")
    }
}

fn shown_code(text: &str) -> String {
    code(&cut(&one_line(text), NAME_BUDGET))
}

#[cfg(test)]
#[path = "thread_tests.rs"]
mod tests;
