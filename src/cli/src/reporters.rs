//! Reporters that are made of others, and one that remembers.

use std::sync::{Arc, Mutex};

use beanpole_model::{Event, Reporter, StepOutcome};
use serde::Serialize;

/// Hands every event to several reporters, in order.
pub(crate) struct Fanout(pub(crate) Vec<Arc<dyn Reporter>>);

impl Reporter for Fanout {
    fn report(&self, event: &Event) {
        for reporter in &self.0 {
            reporter.report(event);
        }
    }
}

/// How long one step took and how it ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct StepTime {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) outcome: StepOutcome,
    pub(crate) message: String,
    pub(crate) seconds: f64,
}

/// Remembers the finished steps for the summary.
#[derive(Default)]
pub(crate) struct StepRecorder {
    titles: Mutex<Vec<(String, String)>>,
    finished: Mutex<Vec<StepTime>>,
}

impl StepRecorder {
    /// The finished steps so far, in the order in which they ended.
    pub(crate) fn steps(&self) -> Vec<StepTime> {
        self.finished.lock().map(|steps| steps.clone()).unwrap_or_default()
    }
}

impl Reporter for StepRecorder {
    fn report(&self, event: &Event) {
        match event {
            Event::StepStarted { id, title } => {
                if let Ok(mut titles) = self.titles.lock() {
                    titles.push((id.clone(), title.clone()));
                }
            }
            Event::StepFinished { id, outcome, message, elapsed } => {
                let title = self
                    .titles
                    .lock()
                    .ok()
                    .and_then(|titles| {
                        titles.iter().rev().find(|(known, _)| known == id).map(|(_, t)| t.clone())
                    })
                    .unwrap_or_else(|| id.clone());
                if let Ok(mut finished) = self.finished.lock() {
                    finished.push(StepTime {
                        id: id.clone(),
                        title,
                        outcome: *outcome,
                        message: message.clone(),
                        seconds: elapsed.as_secs_f64(),
                    });
                }
            }
            Event::StepProgress { .. }
            | Event::Output { .. }
            | Event::Warning { .. }
            | Event::Note { .. } => {}
        }
    }
}
