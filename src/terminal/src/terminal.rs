//! The printer.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::{IsTerminal as _, Write};
use std::sync::{Mutex, MutexGuard};

use beanpole_model::{Event, Report, Reporter, SecretScrubber, Snapshot, StepOutcome};
use owo_colors::{OwoColorize as _, Style};
use serde::Serialize;

use crate::board::{Line, board};
use crate::progress::Spinners;
use crate::{ErrorReport, Settings, Verbosity, github, short};

/// Whose output is shown without being asked for: the release step changes the database, and its output
/// tells how.
const ALWAYS_SHOWN: [&str; 1] = ["release"];

/// The width that live views are made for: 80 columns less the indent. Narrower terminals cut lines.
const WIDTH: u16 = 76;

/// Writes results to stdout and everything else to stderr.
pub struct Terminal {
    settings: Settings,
    scrubber: SecretScrubber,
    streams: Mutex<Streams>,
    /// Whether results may be in colour: stdout may be a file where stderr is a terminal.
    colors_results: bool,
}

struct Streams {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    spinners: Option<Spinners>,
    titles: BTreeMap<String, String>,
    /// Set once stdout could not be written any more.
    is_closed: bool,
}

impl Terminal {
    /// A terminal on the process's own streams.
    #[must_use]
    pub fn new(settings: Settings, scrubber: SecretScrubber) -> Self {
        let choice = |is_colored: bool| {
            if is_colored {
                anstream::ColorChoice::AlwaysAnsi
            } else {
                anstream::ColorChoice::Never
            }
        };
        let colors_results = settings.color && !settings.json && std::io::stdout().is_terminal();
        let out = anstream::AutoStream::new(std::io::stdout(), choice(colors_results));
        let err = anstream::AutoStream::new(std::io::stderr(), choice(settings.color));
        let terminal = Self::with_streams(settings, scrubber, Box::new(out), Box::new(err));
        Self {
            colors_results,
            ..terminal
        }
    }

    /// A terminal on other streams, for tests.
    #[must_use]
    pub fn with_streams(
        settings: Settings,
        scrubber: SecretScrubber,
        out: Box<dyn Write + Send>,
        err: Box<dyn Write + Send>,
    ) -> Self {
        let spinners =
            (settings.interactive && settings.verbosity == Verbosity::Normal).then(Spinners::new);
        let streams = Mutex::new(Streams {
            out,
            err,
            spinners,
            titles: BTreeMap::new(),
            is_closed: false,
        });
        Self {
            settings,
            scrubber,
            streams,
            colors_results: false,
        }
    }

    /// Whether a text result may be in colour.
    #[must_use]
    pub const fn colors_results(&self) -> bool {
        self.colors_results
    }

    /// How this terminal behaves.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Writes a result: its text form, or its JSON form with `--json`.
    pub fn result<T: Serialize + Display>(&self, value: &T) {
        if self.settings.json {
            self.json(value);
        } else {
            self.out(&value.to_string());
        }
    }

    /// Writes a text result that has no JSON form of its own, such as a completion script. It is
    /// written as it is, with one line break at the end.
    pub fn text(&self, text: &str) {
        self.out(text.strip_suffix('\n').unwrap_or(text));
    }

    /// Writes one of many results on a line of its own: its text form, or its JSON form without line
    /// breaks with `--json`. For commands that go on for as long as there is news.
    pub fn line<T: Serialize + Display>(&self, value: &T) {
        if !self.settings.json {
            self.out(&value.to_string());
            return;
        }
        match serde_json::to_string(value) {
            Ok(text) => self.out(&text),
            Err(error) => self.err(&no_json_form(&error)),
        }
    }

    /// Draws a text in place of the one before, on a terminal that can redraw lines. False if this is
    /// no such terminal, or stdout is for a machine: then nothing is written.
    pub fn redraw(&self, text: &str) -> bool {
        if self.settings.json {
            return false;
        }
        let clean = self.scrubber.scrub(text);
        let mut streams = self.streams();
        let Some(spinners) = &mut streams.spinners else {
            return false;
        };
        let lines: Vec<Line> = clean.lines().map(Line::plain).collect();
        spinners.draw(&lines, self.settings.color);
        true
    }

    /// True once stdout could not be written any more, because its reader has gone: a command that
    /// goes on for ever has nobody to go on for.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.streams().is_closed
    }

    /// Writes an error: to stderr as text, and with `--json` to stdout as `{"error": …}`.
    pub fn error(&self, report: &Report) {
        let rendered = ErrorReport::from(report);
        self.streams().clear_spinners();
        if self.settings.json {
            self.json(&serde_json::json!({ "error": rendered }));
        }
        let text = rendered.to_string();
        let shown = match text.split_once(':') {
            Some((head, rest)) => {
                format!("{}:{rest}", self.styled(head, Style::new().red().bold()))
            }
            None => text,
        };
        self.err(&shown);
        if self.settings.github {
            self.err(&github::annotation("error", &rendered.message));
        }
    }

    /// Writes a command for GitHub's runner to stderr, which it reads as well as stdout. Also when quiet: it is no news for a
    /// person at a terminal.
    pub fn annotate(&self, command: &str) {
        self.err(command);
    }

    /// Writes a line to stderr, unless quiet.
    pub fn say(&self, line: &str) {
        if self.settings.verbosity > Verbosity::Quiet {
            self.err(line);
        }
    }

    fn json<T: Serialize>(&self, value: &T) {
        match serde_json::to_string_pretty(value) {
            Ok(text) => self.out(&text),
            // Only a map with keys that are no strings gets here; our results have none.
            Err(error) => self.err(&no_json_form(&error)),
        }
    }

    fn styled(&self, text: &str, style: Style) -> String {
        if self.settings.color {
            text.style(style).to_string()
        } else {
            text.to_owned()
        }
    }

    fn out(&self, text: &str) {
        let clean = self.scrubber.scrub(text);
        let mut streams = self.streams();
        streams.clear_spinners();
        if !write_line(&mut *streams.out, &clean) {
            streams.is_closed = true;
        }
    }

    fn err(&self, text: &str) {
        let clean = self.scrubber.scrub(text);
        let streams = &mut *self.streams();
        match &streams.spinners {
            Some(spinners) => spinners.suspend(|| {
                write_line(&mut *streams.err, &clean);
            }),
            None => {
                write_line(&mut *streams.err, &clean);
            }
        }
    }

    /// Draws the live view where lines can be redrawn; elsewhere the steps' own lines say enough.
    fn draw(&self, snapshot: &Snapshot) {
        let mut streams = self.streams();
        if let Some(spinners) = &mut streams.spinners {
            let lines = board(snapshot, usize::from(WIDTH));
            spinners.draw(&lines, self.settings.color);
        }
    }

    fn streams(&self) -> MutexGuard<'_, Streams> {
        match self.streams.lock() {
            Ok(streams) => streams,
            Err(poisoned) => poisoned.into_inner(),
        }
    }

    fn step_started(&self, id: &str, title: &str) {
        let mut streams = self.streams();
        streams.titles.insert(id.to_owned(), title.to_owned());
        let interactive = match &mut streams.spinners {
            Some(spinners) => {
                spinners.start(id, &self.scrubber.scrub(title));
                true
            }
            None => false,
        };
        drop(streams);
        if !interactive {
            self.say(&format!("  … {title}"));
        }
    }

    fn step_progress(&self, id: &str, message: &str) {
        let streams = self.streams();
        if let Some(spinners) = &streams.spinners {
            spinners.progress(id, &self.scrubber.scrub(message));
            return;
        }
        drop(streams);
        self.say(&format!("      {message}"));
    }

    fn step_finished(&self, id: &str, outcome: StepOutcome, message: &str, elapsed: &str) {
        let mut streams = self.streams();
        if let Some(spinners) = &mut streams.spinners {
            spinners.finish(id);
        }
        let title = streams.titles.remove(id).unwrap_or_else(|| id.to_owned());
        drop(streams);
        let (sign, style) = match outcome {
            StepOutcome::Done => ("✓", Style::new().green()),
            StepOutcome::Unchanged => ("=", Style::new().dimmed()),
            StepOutcome::Skipped => ("-", Style::new().yellow()),
            StepOutcome::Failed => ("✗", Style::new().red().bold()),
        };
        let sign = self.styled(sign, style);
        let message = if message.is_empty() {
            String::new()
        } else {
            format!(": {message}")
        };
        self.say(&format!("  {sign} {title}{message} ({elapsed})"));
    }
}

impl Reporter for Terminal {
    fn report(&self, event: &Event) {
        match event {
            Event::StepStarted { id, title } => self.step_started(id, title),
            Event::StepProgress { id, message } => self.step_progress(id, message),
            Event::StepFinished {
                id,
                outcome,
                message,
                elapsed,
            } => {
                self.step_finished(id, *outcome, message, &short(*elapsed));
            }
            Event::Output { source, line, .. } => {
                let is_shown = match self.settings.verbosity {
                    Verbosity::Quiet => false,
                    Verbosity::Normal => ALWAYS_SHOWN.contains(&source.as_str()),
                    Verbosity::Verbose => true,
                };
                if is_shown {
                    self.err(&format!("      {source} | {line}"));
                }
            }
            Event::Warning { message } => {
                let head = self.styled("warning", Style::new().yellow().bold());
                self.say(&format!("{head}: {message}"));
                if self.settings.github {
                    self.say(&github::annotation(
                        "warning",
                        &self.scrubber.scrub(message),
                    ));
                }
            }
            Event::Environment(snapshot) => self.draw(snapshot),
            Event::Note { message } => self.say(message),
        }
    }
}

impl Streams {
    fn clear_spinners(&mut self) {
        if let Some(spinners) = &mut self.spinners {
            spinners.clear();
        }
    }
}

/// A closed pipe is the reader's choice, not our fault: what cannot be written is dropped. False if
/// that happened.
fn write_line(stream: &mut dyn Write, text: &str) -> bool {
    writeln!(stream, "{text}")
        .and_then(|()| stream.flush())
        .is_ok()
}

fn no_json_form(error: &serde_json::Error) -> String {
    format!("error: the result has no JSON form: {error}")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use beanpole_model::Secret;

    use super::*;

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Buffer {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    fn terminal(json: bool, verbosity: Verbosity) -> (Terminal, Buffer, Buffer) {
        let (out, err) = (Buffer::default(), Buffer::default());
        let settings = Settings {
            json,
            verbosity,
            color: false,
            interactive: false,
            github: false,
        };
        let scrubber = SecretScrubber::default();
        scrubber.learn(&Secret::new("hunter2hunter2"));
        let terminal = Terminal::with_streams(
            settings,
            scrubber,
            Box::new(out.clone()),
            Box::new(err.clone()),
        );
        (terminal, out, err)
    }

    #[derive(Serialize)]
    struct Answer {
        url: String,
    }

    impl Display for Answer {
        fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(formatter, "The page is at {}", self.url)
        }
    }

    #[test]
    fn one_value_has_a_text_and_a_json_form() {
        let answer = Answer {
            url: "http://blog.localhost".to_owned(),
        };
        let (terminal, out, err) = terminal(false, Verbosity::Normal);
        terminal.result(&answer);
        assert_eq!(out.text(), "The page is at http://blog.localhost\n");
        assert_eq!(err.text(), "");
        let (terminal, out, _) = self::terminal(true, Verbosity::Normal);
        terminal.result(&answer);
        assert_eq!(out.text(), "{\n  \"url\": \"http://blog.localhost\"\n}\n");
    }

    #[test]
    fn one_of_many_results_stays_on_its_line() {
        let answer = Answer {
            url: "http://blog.localhost".to_owned(),
        };
        let (terminal, out, _) = terminal(true, Verbosity::Normal);
        terminal.line(&answer);
        terminal.line(&answer);
        assert_eq!(
            out.text(),
            "{\"url\":\"http://blog.localhost\"}\n".repeat(2)
        );
        assert!(!terminal.is_closed());
    }

    #[test]
    fn a_reader_that_has_gone_is_noticed() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
                Err(std::io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let (plain, _, err) = terminal(false, Verbosity::Normal);
        let settings = plain.settings().clone();
        let terminal = Terminal::with_streams(
            settings,
            SecretScrubber::default(),
            Box::new(Gone),
            Box::new(err),
        );
        assert!(!terminal.is_closed());
        terminal.text("line");
        assert!(terminal.is_closed());
    }

    #[test]
    fn steps_are_plain_lines_without_a_terminal() {
        let (terminal, out, err) = terminal(false, Verbosity::Normal);
        terminal.report(&Event::StepStarted {
            id: "bundle".into(),
            title: "Bundle".into(),
        });
        terminal.report(&Event::StepFinished {
            id: "bundle".into(),
            outcome: StepOutcome::Done,
            message: "214 files".into(),
            elapsed: Duration::from_millis(12),
        });
        assert_eq!(err.text(), "  … Bundle\n  ✓ Bundle: 214 files (12 ms)\n");
        assert_eq!(out.text(), "");
    }

    #[test]
    fn output_of_others_is_scrubbed_and_only_shown_when_verbose() {
        let line = Event::Output {
            id: "build-image".into(),
            source: "docker".into(),
            line: "using hunter2hunter2".into(),
        };
        let (terminal, _, err) = terminal(false, Verbosity::Verbose);
        terminal.report(&line);
        assert_eq!(err.text(), "      docker | using [redacted]\n");
        let (terminal, _, err) = self::terminal(false, Verbosity::Normal);
        terminal.report(&line);
        assert_eq!(err.text(), "");
    }

    #[test]
    fn output_of_the_release_step_is_shown_unasked() {
        let line = Event::Output {
            id: "update".into(),
            source: "release".into(),
            line: "  Applying posts.0002_slug... OK".into(),
        };
        let (terminal, _, err) = terminal(false, Verbosity::Normal);
        terminal.report(&line);
        let shown = "      release |   Applying posts.0002_slug... OK\n";
        assert_eq!(err.text(), shown);
        let (terminal, _, err) = self::terminal(false, Verbosity::Quiet);
        terminal.report(&line);
        assert_eq!(err.text(), "");
    }

    #[test]
    fn quiet_leaves_errors_only() {
        let (terminal, _, err) = terminal(false, Verbosity::Quiet);
        terminal.report(&Event::Warning {
            message: "disk is nearly full".into(),
        });
        terminal.report(&Event::Note {
            message: "account 1".into(),
        });
        assert_eq!(err.text(), "");
    }
}
