//! What a record that was left behind means for the next release.
//!
//! Rules: pure. The same version goes on with the record, unless someone has moved the environment
//! meanwhile. Another version starts anew, but never takes an unproven environment for the state to
//! go back to: then the last proven state is that.

use serde::{Deserialize, Serialize};

use super::record::{Former, Record};

/// How a release has to begin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "decision", rename_all = "kebab-case")]
pub enum Resumption {
    /// With a record of its own; nothing was left behind.
    Fresh,
    /// With this record, which broke off: the same version, and nobody else has moved the
    /// environment.
    Resume {
        /// The record to go on with.
        record: Box<Record>,
    },
    /// With a record of its own, after closing this one: it broke off, and its version is not wanted
    /// any more, or someone else has moved the environment meanwhile.
    AbandonedByOther {
        /// The record that was left behind.
        record: Box<Record>,
        /// The version that someone else has brought meanwhile, past the record.
        moved_to: Option<String>,
    },
}

/// Decides how a release begins.
///
/// `newest` is the newest record of the environment, `wanted` the version label to release, `running`
/// the label that the environment names now.
#[must_use]
pub fn decide(newest: Option<&Record>, wanted: &str, running: Option<&str>) -> Resumption {
    let Some(record) = newest.filter(|record| record.is_unfinished()) else {
        return Resumption::Fresh;
    };
    let moved_to = moved_past(record, running);
    let is_same = record.version == wanted && moved_to.is_none();
    let record = Box::new(record.clone());
    if is_same {
        Resumption::Resume { record }
    } else {
        Resumption::AbandonedByOther { record, moved_to }
    }
}

/// The version that runs now, if it is neither what the release brings nor what was there before.
fn moved_past(record: &Record, running: Option<&str>) -> Option<String> {
    if !record.touched {
        // Nobody was in its way: it had not begun to move anything.
        return None;
    }
    let former = record
        .former
        .as_ref()
        .and_then(|former| former.version.as_deref());
    match running {
        Some(found) if found != record.version && Some(found) != former => Some(found.to_owned()),
        _ => None,
    }
}

/// The state that a new release goes back to if it fails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "baseline", rename_all = "kebab-case")]
pub enum BaselineChoice {
    /// The environment as it is now.
    Present,
    /// An earlier state, because the present one was left by a release that was never proven.
    FromHistory {
        /// That state.
        former: Former,
        /// The record that knows it.
        record: String,
        /// The version that was left unproven.
        unproven: String,
    },
}

/// Chooses the state to go back to.
///
/// `history` is newest first, and without the record of the new release; `running` is the label that
/// the environment names now.
#[must_use]
pub fn baseline(history: &[Record], running: Option<&str>) -> BaselineChoice {
    let Some(newest) = history.iter().find(|record| record.touched) else {
        return BaselineChoice::Present;
    };
    if newest.is_settled() || moved_past(newest, running).is_some() {
        return BaselineChoice::Present;
    }
    match last_proven(history) {
        Some((former, record)) => BaselineChoice::FromHistory {
            former,
            record: record.id.to_string(),
            unproven: newest.version.clone(),
        },
        None => BaselineChoice::Present,
    }
}

/// The last state that was well, and the record that knows it. `history` is newest first.
fn last_proven(history: &[Record]) -> Option<(Former, &Record)> {
    for record in history.iter().filter(|record| record.touched) {
        if record.is_proven() {
            let former = Former {
                version: Some(record.version.clone()),
                was_healthy: true,
                // Instances and ids of that time say nothing about the present ones; settings are
                // as that release has left them.
                ..Former::default()
            };
            return Some((former, record));
        }
        // What a failed release had found was well, if it says so.
        if let Some(former) = record.former.as_ref().filter(|former| former.was_healthy) {
            return Some((former.clone(), record));
        }
    }
    None
}
