//! The log of the release step, read: pure.
//!
//! The leader writes the log to one object per environment and rewrites it while it grows
//! (`templates/release.sh`), so that a reader gets it whole each time. Lines that begin with
//! `@beanpole ` are JSON for machines; everything else was printed by the commands.
//!
//! Rules:
//! - The first line names the log. A log with the name of the one that was there before the update is
//!   the former release's and says nothing about this one.
//! - The program in the container numbers its run; its marks carry the number, so that a command
//!   that prints a mark of its own is not believed.
//! - A line counts once it is complete. What is not understood is shown as it is: the log is output
//!   of others.
//! - Everything that leaves here for people must still be scrubbed.

use serde::{Deserialize, Serialize};

/// How lines for machines begin.
const MARK: &str = "@beanpole ";

/// Below this the instance profile may put objects (see `templates/release.sh`).
const LOGS: &str = "resources/environments/logs/beanpole";

/// The key of an environment's log in Beanstalk's bucket.
#[must_use]
pub fn log_key(environment: &str) -> String {
    format!("{LOGS}/{environment}/release.log")
}

/// One command of the release step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CommandReport {
    /// The command, as the manifest has it.
    pub command: String,
    /// How long it ran; none if it was not seen to end.
    pub seconds: Option<f64>,
    /// Its exit code; none if it was not seen to end.
    pub exit_code: Option<i64>,
}

/// How the step came by the database's lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Lock {
    /// It was held while the commands ran.
    Taken,
    /// There is none to take: no Django, no PostgreSQL.
    None {
        /// Why.
        reason: String,
    },
    /// Another release kept it; no command ran.
    Timeout {
        /// Who.
        holder: String,
    },
    /// The database could not be asked; no command ran.
    Failed {
        /// Why.
        reason: String,
    },
}

/// What the release step did. The texts are the leader's and not scrubbed yet.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ReleaseStepReport {
    /// The commands that began, in order.
    pub commands: Vec<CommandReport>,
    /// Migrations that were applied meanwhile: `posts.0002_slug`, sorted.
    pub migrations_applied: Vec<String>,
    /// Migrations that were taken back meanwhile, sorted.
    pub migrations_unapplied: Vec<String>,
    /// Applied migrations that this version's code does not have, sorted: a newer version applied them.
    pub migrations_unknown: Vec<String>,
    /// The lock, once it is known.
    pub lock: Option<Lock>,
    /// The step's exit code, once it has ended.
    pub exit_code: Option<i64>,
    /// True if nothing really ran: a rehearsal without a container engine.
    pub pretended: bool,
}

impl ReleaseStepReport {
    /// The same with every text replaced by what `change` makes of it.
    #[must_use]
    pub fn map_texts(mut self, change: impl Fn(&str) -> String) -> Self {
        for command in &mut self.commands {
            command.command = change(&command.command);
        }
        for names in [
            &mut self.migrations_applied,
            &mut self.migrations_unapplied,
            &mut self.migrations_unknown,
        ] {
            for name in names {
                *name = change(name);
            }
        }
        match &mut self.lock {
            Some(Lock::None { reason: text } | Lock::Failed { reason: text })
            | Some(Lock::Timeout { holder: text }) => *text = change(text),
            Some(Lock::Taken) | None => {}
        }
        self
    }

    /// The command that failed, if one did.
    #[must_use]
    pub fn failed_command(&self) -> Option<&CommandReport> {
        self.commands
            .iter()
            .find(|command| command.exit_code.is_some_and(|code| code != 0))
    }
}

#[derive(Deserialize)]
struct Marked {
    #[serde(default)]
    run: Option<String>,
    #[serde(flatten)]
    event: Mark,
}

#[derive(Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum Mark {
    Log {
        id: String,
    },
    Begin {
        #[serde(default)]
        pretended: bool,
    },
    Plain,
    Lock(LockMark),
    Note {
        text: String,
    },
    CommandBegin {
        command: String,
    },
    CommandEnd {
        exit_code: i64,
        seconds: f64,
    },
    Migrations {
        applied: Vec<String>,
        #[serde(default)]
        unapplied: Vec<String>,
        #[serde(default)]
        unknown: Vec<String>,
    },
    End {
        exit_code: i64,
    },
}

#[derive(Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
enum LockMark {
    Taken { seconds: f64 },
    None { reason: String },
    Timeout { seconds: f64, holder: String },
    Failed { reason: String },
}

fn marked(line: &str) -> Option<Marked> {
    serde_json::from_str(line.strip_prefix(MARK)?).ok()
}

/// The name that a log gives itself in its first line.
#[must_use]
pub fn log_name(text: &str) -> Option<String> {
    match marked(text.lines().next()?)?.event {
        Mark::Log { id } => Some(id),
        _ => None,
    }
}

/// Reads a growing log.
#[derive(Clone, Debug, Default)]
pub struct LogReader {
    baseline: Option<String>,
    name: Option<String>,
    run: Option<String>,
    lines: usize,
    report: Option<ReleaseStepReport>,
}

impl LogReader {
    /// A reader for the log that comes after the one named `baseline`, the one that was there before
    /// the update; none if there was none.
    #[must_use]
    pub fn after(baseline: Option<String>) -> Self {
        Self {
            baseline,
            ..Self::default()
        }
    }

    /// The name of the log that was there before the update: what a reader that resumes needs.
    #[must_use]
    pub fn baseline(&self) -> Option<&str> {
        self.baseline.as_deref()
    }

    /// What was read so far; none if the step has not begun.
    #[must_use]
    pub fn report(&self) -> Option<&ReleaseStepReport> {
        self.report.as_ref()
    }

    /// Takes the whole log as it is now, and returns the lines for people that are new.
    pub fn read(&mut self, text: &str) -> Vec<String> {
        let name = log_name(text);
        if name.is_none() || name == self.baseline {
            return Vec::new();
        }
        if name != self.name {
            // Beanstalk began the step anew, on another leader.
            *self = Self {
                name,
                report: Some(ReleaseStepReport::default()),
                ..Self::after(self.baseline.take())
            };
        }
        let complete = text
            .rfind('\n')
            .map_or("", |end| text.get(..end).unwrap_or_default());
        let lines: Vec<&str> = complete.lines().collect();
        let new: Vec<&str> = lines.iter().skip(self.lines).copied().collect();
        self.lines = self.lines.max(lines.len());
        new.into_iter().flat_map(|line| self.take(line)).collect()
    }

    fn take(&mut self, line: &str) -> Vec<String> {
        let Some(marked) = marked(line) else {
            return vec![line.to_owned()];
        };
        if let (Mark::Begin { .. }, None) = (&marked.event, &self.run) {
            self.run.clone_from(&marked.run);
        }
        let is_of_the_host = matches!(marked.event, Mark::Log { .. } | Mark::Plain);
        if !is_of_the_host && (marked.run.is_none() || marked.run != self.run) {
            return vec![line.to_owned()];
        }
        let report = self.report.get_or_insert_default();
        note(report, marked.event)
    }
}

/// Takes a mark into the report, and says it for people.
fn note(report: &mut ReleaseStepReport, event: Mark) -> Vec<String> {
    let line = match event {
        Mark::Log { .. } => return Vec::new(),
        Mark::Begin { pretended } => {
            report.pretended = pretended;
            return Vec::new();
        }
        Mark::Plain => {
            let reason = "the image has no Python 3.7 or newer".to_owned();
            let line = without_lock(&reason);
            report.lock = Some(Lock::None { reason });
            line
        }
        Mark::Lock(lock) => lock_line(report, lock),
        Mark::Note { text } => text,
        Mark::CommandBegin { command } => {
            let line = format!("$ {command}");
            report.commands.push(CommandReport {
                command,
                seconds: None,
                exit_code: None,
            });
            line
        }
        Mark::CommandEnd { exit_code, seconds } => {
            if let Some(command) = report.commands.last_mut() {
                command.seconds = Some(seconds);
                command.exit_code = Some(exit_code);
            }
            match exit_code {
                0 => format!("(done in {seconds:.1} s)"),
                code => format!("(failed with exit code {code} after {seconds:.1} s)"),
            }
        }
        Mark::Migrations {
            applied,
            unapplied,
            unknown,
        } => {
            let lines = migration_lines(&applied, &unapplied, &unknown);
            report.migrations_applied = applied;
            report.migrations_unapplied = unapplied;
            report.migrations_unknown = unknown;
            return lines;
        }
        Mark::End { exit_code } => {
            report.exit_code = Some(exit_code);
            return Vec::new();
        }
    };
    vec![line]
}

fn lock_line(report: &mut ReleaseStepReport, lock: LockMark) -> String {
    let (lock, line) = match lock {
        LockMark::Taken { seconds } => {
            let line = format!("holding the database's release lock (after {seconds:.1} s)");
            (Lock::Taken, line)
        }
        LockMark::None { reason } => {
            let line = without_lock(&reason);
            (Lock::None { reason }, line)
        }
        LockMark::Timeout { seconds, holder } => {
            let line =
                format!("gave up waiting for the release lock after {seconds:.1} s: {holder}");
            (Lock::Timeout { holder }, line)
        }
        LockMark::Failed { reason } => {
            let line = format!("the release lock could not be taken: {reason}");
            (Lock::Failed { reason }, line)
        }
    };
    report.lock = Some(lock);
    line
}

fn without_lock(reason: &str) -> String {
    format!("running without a release lock: {reason}")
}

fn migration_lines(applied: &[String], unapplied: &[String], unknown: &[String]) -> Vec<String> {
    let mut lines = vec![match applied {
        [] => "no migration was applied".to_owned(),
        applied => format!("migrations applied: {}", applied.join(", ")),
    }];
    if !unapplied.is_empty() {
        lines.push(format!("migrations taken back: {}", unapplied.join(", ")));
    }
    if !unknown.is_empty() {
        lines.push(format!(
            "the database has migrations that this version does not know: {}",
            unknown.join(", ")
        ));
    }
    lines
}

#[cfg(test)]
#[path = "release_step_tests.rs"]
mod tests;
