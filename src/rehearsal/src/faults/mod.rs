//! The fault script: what goes wrong in a rehearsal, and when.
//!
//! A script is a YAML file with strict keys; `example.yaml` beside this file shows and explains every
//! fault, and a test reads it. [`FaultScript`] is the file as data. [`Faults`] is a script at work: it
//! counts calls and answers "does something go wrong now?". It knows neither HTTP nor Beanstalk; those
//! who do ask it.

mod duration;
mod environment;
mod request;
mod script;

use std::sync::{Mutex, MutexGuard};

use rand::SeedableRng as _;
use rand::rngs::StdRng;

pub use environment::{DeploymentFacts, EventFate, RedAfter, StuckHealth};
pub use request::{RequestAnswer, SlackAnswer};
pub use script::{
    EnvironmentFault, EnvironmentFaultKind, FaultScript, RequestFault, ResourceFault,
    ResourceFaultKind, SlackFault, StuckColor,
};

/// The documented example of a fault script, as it stands in the source tree.
pub const EXAMPLE: &str = include_str!("example.yaml");

/// A fault script that could not be used.
#[derive(Debug, thiserror::Error)]
pub enum FaultScriptError {
    /// The text is not a fault script: unknown key, wrong type, not YAML.
    #[error("{file}:{line}:{column}: {message}")]
    Syntax {
        /// The file as it was named.
        file: String,
        /// 1-based line; 0 if the parser could not tell.
        line: u64,
        /// 1-based column; 0 if the parser could not tell.
        column: u64,
        /// What is wrong there, in one line.
        message: String,
    },
    /// The text is well-formed, but a value makes no sense.
    #[error("{file}: {key}: {message}")]
    Value {
        /// The file as it was named.
        file: String,
        /// The key, such as `requests[2].probability`.
        key: String,
        /// What is wrong with it.
        message: String,
    },
}

/// A fault script at work.
#[derive(Debug)]
pub struct Faults {
    script: FaultScript,
    state: Mutex<State>,
}

/// How often each entry of the script was asked and used, and the seeded dice.
#[derive(Debug)]
struct State {
    requests: Vec<Counter>,
    environments: Vec<Counter>,
    resources: Vec<Counter>,
    slack: Vec<Counter>,
    dice: StdRng,
}

/// The life of one entry: how many calls matched it, and how many it has spoiled.
#[derive(Clone, Copy, Debug, Default)]
struct Counter {
    matched: u32,
    fired: u32,
}

impl Faults {
    /// Starts the script from its beginning.
    #[must_use]
    pub fn new(script: FaultScript) -> Self {
        let state = State {
            requests: vec![Counter::default(); script.requests.len()],
            environments: vec![Counter::default(); script.environments.len()],
            resources: vec![Counter::default(); script.resources.len()],
            slack: vec![Counter::default(); script.slack.len()],
            dice: StdRng::seed_from_u64(script.seed),
        };
        Self {
            script,
            state: Mutex::new(state),
        }
    }

    /// A script in which nothing goes wrong.
    #[must_use]
    pub fn none() -> Self {
        Self::new(FaultScript::default())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        match self.state.lock() {
            Ok(state) => state,
            // Counters stay usable whatever a panicking holder did to them.
            Err(poisoned) => poisoned.into_inner(),
        }
    }
}

impl Default for Faults {
    fn default() -> Self {
        Self::none()
    }
}

impl Counter {
    /// Counts one matching call; true if this entry spoils it. `nth` is the first call that may be
    /// spoiled (from 1), `times` how many at most (0 = no limit).
    fn fires(&mut self, nth: u32, times: u32, dice: impl FnOnce() -> bool) -> bool {
        self.matched = self.matched.saturating_add(1);
        if self.matched < nth || (times > 0 && self.fired >= times) || !dice() {
            return false;
        }
        self.fired = self.fired.saturating_add(1);
        true
    }
}

/// True if `name` is what `pattern` says: no pattern is anything, `*` stands for any text, and case
/// does not count.
fn matches(pattern: Option<&str>, name: &str) -> bool {
    let Some(pattern) = pattern else { return true };
    let pattern = pattern.to_ascii_lowercase();
    let name = name.to_ascii_lowercase();
    let Some((first, tail)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = tail.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else {
            return false;
        };
        rest = after;
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_take_stars_anywhere_and_ignore_case() {
        for (pattern, name, expected) in [
            ("rds", "RDS", true),
            ("rds", "rds2", false),
            ("Create*", "CreateDBInstance", true),
            ("*Instance", "CreateDBInstance", true),
            ("*Instance", "CreateDBInstances", false),
            ("C*B*e", "CreateDBInstance", true),
            ("Create*", "DeleteDBInstance", false),
            ("*", "", true),
        ] {
            assert_eq!(matches(Some(pattern), name), expected, "{pattern} {name}");
        }
        assert!(matches(None, "anything"));
    }

    #[test]
    fn a_counter_starts_at_nth_and_stops_after_times() {
        let mut counter = Counter::default();
        let fired: Vec<bool> = (0..6).map(|_| counter.fires(2, 3, || true)).collect();
        assert_eq!(fired, [false, true, true, true, false, false]);
    }

    #[test]
    fn zero_times_means_for_ever() {
        let mut counter = Counter::default();
        assert!((0..100).all(|_| counter.fires(1, 0, || true)));
    }
}
