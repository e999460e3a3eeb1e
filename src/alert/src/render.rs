//! An announcement as a Slack message: pure, and always within Slack's limits.
//!
//! Limits (Block Kit reference): 50 blocks a message, 150 characters in a header, 3000 in a section,
//! 2000 in a field, 10 fields in a section. All blocks together must stay well under about 13,200
//! characters, or Slack answers `msg_blocks_too_long` (slackapi/bolt-js issue 2509): we stop at
//! [`MESSAGE_LIMIT`].

use beanpole_model::StepOutcome;
use serde::Serialize;
use serde_json::{Value, json};

use crate::announcement::{Announcement, State, Step};
use crate::text::{code, cut, escape, length, one_line, without_terminal_codes};
use crate::thread;

/// The most characters that all texts of a message have together.
pub const MESSAGE_LIMIT: usize = 12_000;
/// The most characters in a header (Block Kit reference, header block).
pub const HEADER_LIMIT: usize = 150;
/// The most characters in a section's text (Block Kit reference, section block).
pub const SECTION_LIMIT: usize = 3_000;

/// What the parts may use. Their sum leaves room for marks and labels within [`MESSAGE_LIMIT`].
const FIELD_BUDGET: usize = 250;
const STEPS_BUDGET: usize = 4_000;
const STEPS_BUDGET_ALONE: usize = 1_500;
const STEP_BUDGET: usize = 240;
const CAUSE_BUDGET: usize = 1_500;
const NOTE_BUDGET: usize = 300;
const FALLBACK_BUDGET: usize = 400;

/// Whether a thread takes the details.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The message is the head of a thread, and the details follow there.
    WithThread,
    /// The message stands alone, so the details are in it: by webhook.
    Alone,
}

/// A message for Slack. Identical announcements give identical messages, so comparing two messages
/// tells whether an update is worth sending.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Message {
    /// What notifications and screen readers get; already escaped.
    pub text: String,
    /// The blocks, as the API takes them.
    pub blocks: Vec<Value>,
}

/// Renders an announcement. It must have been scrubbed before.
#[must_use]
pub fn render(announcement: &Announcement, form: Form) -> Message {
    let budget = match form {
        Form::WithThread => STEPS_BUDGET,
        Form::Alone => STEPS_BUDGET_ALONE,
    };
    let mut blocks = vec![header(announcement), fields(announcement)];
    blocks.extend(steps(&announcement.steps, budget));
    if let Some(cause) = &announcement.cause {
        let cause = escape(&cut(cause.trim(), CAUSE_BUDGET));
        blocks.push(section(&format!("*Cause*\n{cause}")));
    }
    if form == Form::Alone {
        blocks.extend(thread::in_one_message(announcement));
    }
    if let Some(note) = &announcement.note {
        blocks.push(json!({
            "type": "context",
            "elements": [mrkdwn(&escape(&cut(&one_line(note), NOTE_BUDGET)))],
        }));
    }
    Message {
        text: fallback(announcement),
        blocks,
    }
}

pub(crate) fn headline(announcement: &Announcement) -> String {
    let state = announcement.state.words();
    let room = HEADER_LIMIT - length(state) - 5;
    let title = cut(
        &one_line(&without_terminal_codes(&announcement.title)),
        room,
    );
    format!("{} {title}: {state}", symbol(announcement.state))
}

/// A header is plain text, in which nothing is a mark: it is not escaped.
fn header(announcement: &Announcement) -> Value {
    json!({
        "type": "header",
        "text": { "type": "plain_text", "text": headline(announcement), "emoji": true },
    })
}

fn fields(announcement: &Announcement) -> Value {
    let details = &announcement.details;
    let mut fields = vec![
        field("Application", &announcement.application),
        field("Environment", &announcement.environment),
    ];
    if let Some(version) = &details.version {
        fields.push(field("Version", version));
    }
    let serving_former = matches!(
        announcement.state,
        State::Failed | State::RolledBack | State::Interrupted
    );
    if let Some(former) = details.former_version.as_ref().filter(|_| serving_former) {
        fields.push(field("Version before", former));
    }
    if let Some(commit) = &details.commit {
        let commit = format!("{} {}", commit.short_id(), commit.subject);
        fields.push(plain_field("Commit", &commit));
    }
    let author = details.commit.as_ref().map(|commit| &commit.author);
    if let Some(by) = details.released_by.as_ref().or(author) {
        fields.push(plain_field("By", by));
    }
    if let Some(url) = &announcement.url {
        fields.push(mrkdwn(&format!("*URL*\n{}", link(url))));
    }
    json!({ "type": "section", "fields": fields })
}

fn field(label: &str, value: &str) -> Value {
    mrkdwn(&format!(
        "*{label}*\n{}",
        code(&cut(&one_line(value), FIELD_BUDGET))
    ))
}

fn plain_field(label: &str, value: &str) -> Value {
    mrkdwn(&format!(
        "*{label}*\n{}",
        escape(&cut(&one_line(value), FIELD_BUDGET))
    ))
}

/// A link for an http address without blanks or marks; anything else is shown as it is.
pub(crate) fn link(url: &str) -> String {
    let is_web = url.starts_with("https://") || url.starts_with("http://");
    let is_plain = !url.contains(['<', '>', '|', ' ', '\n', '\t']) && length(url) <= FIELD_BUDGET;
    if is_web && is_plain {
        format!("<{}>", escape(url))
    } else {
        escape(&cut(&one_line(url), FIELD_BUDGET))
    }
}

/// The steps as sections. Too many for the budget: failed ones are kept first, then the latest,
/// which say where the release stands; the others are counted.
fn steps(steps: &[Step], budget: usize) -> Vec<Value> {
    let mut kept: Vec<(usize, String)> = Vec::new();
    let mut used = 0;
    for failed in [true, false] {
        for (position, step) in steps.iter().enumerate().rev() {
            if (step.outcome == Some(StepOutcome::Failed)) != failed {
                continue;
            }
            let line = step_line(step);
            let cost = length(&line) + 1;
            if used + cost > budget {
                break;
            }
            used += cost;
            kept.push((position, line));
        }
    }
    kept.sort_by_key(|(position, _)| *position);
    let mut lines: Vec<String> = Vec::new();
    if kept.len() < steps.len() {
        lines.push(format!(
            "… {} of {} steps are not shown",
            steps.len() - kept.len(),
            steps.len()
        ));
    }
    lines.extend(kept.into_iter().map(|(_, line)| line));
    sections_of(&lines)
}

/// Lines as sections, each within [`SECTION_LIMIT`]. No line may be longer than that.
pub(crate) fn sections_of(lines: &[String]) -> Vec<Value> {
    let mut sections = Vec::new();
    let mut current = String::new();
    for line in lines {
        if !current.is_empty() && length(&current) + 1 + length(line) > SECTION_LIMIT {
            sections.push(section(&current));
            current.clear();
        }
        if !current.is_empty() {
            current.push('\n');
        }
        current.push_str(line);
    }
    if !current.is_empty() {
        sections.push(section(&current));
    }
    sections
}

fn step_line(step: &Step) -> String {
    let mark = match step.outcome {
        None => "⏳",
        Some(StepOutcome::Done) => "✅",
        Some(StepOutcome::Unchanged) => "☑️",
        Some(StepOutcome::Skipped) => "➖",
        Some(StepOutcome::Failed) => "❌",
    };
    let mut text = one_line(&step.title);
    if !step.message.is_empty() {
        text.push_str(": ");
        text.push_str(&one_line(&step.message));
    }
    let time = step
        .seconds
        .map(|seconds| format!(" · {}", duration(seconds)));
    format!(
        "{mark} {}{}",
        escape(&cut(&text, STEP_BUDGET - 30)),
        time.unwrap_or_default()
    )
}

/// `0.4 s`, `12 s`, `3 min 20 s`.
pub(crate) fn duration(seconds: f64) -> String {
    if seconds < 10.0 {
        format!("{seconds:.1} s")
    } else if seconds < 60.0 {
        format!("{seconds:.0} s")
    } else {
        let minutes = (seconds / 60.0).floor();
        format!(
            "{minutes:.0} min {:.0} s",
            (seconds - minutes * 60.0).floor()
        )
    }
}

const fn symbol(state: State) -> &'static str {
    match state {
        State::Running => "⏳",
        State::Succeeded => "✅",
        State::Failed => "❌",
        State::RolledBack => "↩️",
        State::Interrupted => "✋",
    }
}

fn fallback(announcement: &Announcement) -> String {
    let mut text = headline(announcement);
    if let Some(version) = &announcement.details.version {
        text.push_str(&format!(" ({version})"));
    }
    if let Some(cause) = &announcement.cause {
        text.push_str(&format!(". {cause}"));
    }
    escape(&cut(&one_line(&text), FALLBACK_BUDGET))
}

pub(crate) fn section(text: &str) -> Value {
    json!({ "type": "section", "text": mrkdwn(text) })
}

/// `verbatim` keeps Slack from turning `@here` and bare addresses in foreign text into links.
fn mrkdwn(text: &str) -> Value {
    json!({ "type": "mrkdwn", "text": text, "verbatim": true })
}

#[cfg(test)]
#[path = "render_tests.rs"]
pub(crate) mod tests;
