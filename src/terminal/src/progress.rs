//! Steps as they run: spinners on a terminal, plain lines elsewhere.

use std::collections::BTreeMap;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::board::Line;

/// How often a spinner moves.
const TICK: Duration = Duration::from_millis(120);

/// The running steps on a terminal that can redraw.
pub(crate) struct Spinners {
    bars: MultiProgress,
    running: BTreeMap<String, Running>,
    /// The live view below the steps, a bar for each line.
    board: Vec<ProgressBar>,
}

struct Running {
    bar: ProgressBar,
    title: String,
}

impl Spinners {
    pub(crate) fn new() -> Self {
        Self {
            bars: MultiProgress::new(),
            running: BTreeMap::new(),
            board: Vec::new(),
        }
    }

    pub(crate) fn start(&mut self, id: &str, title: &str) {
        // The view stays below the steps.
        let bar = match self.board.first() {
            Some(first) => self.bars.insert_before(first, ProgressBar::new_spinner()),
            None => self.bars.add(ProgressBar::new_spinner()),
        };
        if let Ok(style) = ProgressStyle::with_template("  {spinner} {msg} ({elapsed})") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(TICK);
        bar.set_message(title.to_owned());
        self.running.insert(
            id.to_owned(),
            Running {
                bar,
                title: title.to_owned(),
            },
        );
    }

    pub(crate) fn progress(&self, id: &str, message: &str) {
        if let Some(running) = self.running.get(id) {
            running
                .bar
                .set_message(format!("{}: {message}", running.title));
        }
    }

    pub(crate) fn finish(&mut self, id: &str) {
        if let Some(running) = self.running.remove(id) {
            running.bar.finish_and_clear();
        }
        if self.running.is_empty() {
            self.clear_board();
        }
    }

    /// Draws the live view below the running steps, in place of the one before. The terminal cuts
    /// lines that became too long when it was made narrower.
    pub(crate) fn draw(&mut self, lines: &[Line], color: bool) {
        while self.board.len() > lines.len() {
            if let Some(bar) = self.board.pop() {
                bar.finish_and_clear();
                self.bars.remove(&bar);
            }
        }
        while self.board.len() < lines.len() {
            let bar = self.bars.add(ProgressBar::new_spinner());
            if let Ok(style) = ProgressStyle::with_template("    {wide_msg}") {
                bar.set_style(style);
            }
            self.board.push(bar);
        }
        for (bar, line) in self.board.iter().zip(lines) {
            let text = if color {
                line.colored()
            } else {
                line.text.clone()
            };
            bar.set_message(text);
            bar.tick();
        }
    }

    fn clear_board(&mut self) {
        for bar in self.board.drain(..) {
            bar.finish_and_clear();
            self.bars.remove(&bar);
        }
    }

    /// Clears the bars, lets `speak` write, and draws them again: a half-drawn line makes people
    /// distrust the rest.
    pub(crate) fn suspend(&self, speak: impl FnOnce()) {
        self.bars.suspend(speak);
    }

    pub(crate) fn clear(&mut self) {
        for (_, running) in std::mem::take(&mut self.running) {
            running.bar.finish_and_clear();
        }
        self.clear_board();
    }
}
