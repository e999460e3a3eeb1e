//! Progress, told often enough to be seen and seldom enough to be read.

use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How often progress is told.
const NEWS_EVERY: Duration = Duration::from_secs(2);

/// Counts what has ended, and says so now and then.
pub(super) struct News {
    total: usize,
    state: Mutex<(usize, Instant)>,
}

impl News {
    pub(super) fn new(total: usize) -> Self {
        Self {
            total,
            state: Mutex::new((0, Instant::now())),
        }
    }

    /// What to say now that one more has ended, if anything.
    pub(super) fn one_more(&self) -> Option<String> {
        let mut state = match self.state.lock() {
            Ok(state) => state,
            Err(poisoned) => poisoned.into_inner(),
        };
        let (done, told) = &mut *state;
        *done += 1;
        if *done == self.total || told.elapsed() < NEWS_EVERY {
            return None;
        }
        *told = Instant::now();
        Some(format!("{done} of {}", self.total))
    }
}
