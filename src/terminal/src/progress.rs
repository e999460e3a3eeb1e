//! Steps as they run: spinners on a terminal, plain lines elsewhere.

use std::collections::BTreeMap;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// How often a spinner moves.
const TICK: Duration = Duration::from_millis(120);

/// The running steps on a terminal that can redraw.
pub(crate) struct Spinners {
    bars: MultiProgress,
    running: BTreeMap<String, Running>,
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
        }
    }

    pub(crate) fn start(&mut self, id: &str, title: &str) {
        let bar = self.bars.add(ProgressBar::new_spinner());
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
    }
}
