//! One record out of its copies, and the order of records.
//!
//! Rules: pure. Entries are only appended, so the longer copy knows more; of equally long ones the
//! one that has ended, then the one that has touched the environment.

use std::collections::BTreeMap;

use super::record::{Record, RecordId};

/// The copy that knows more.
#[must_use]
pub fn merge(one: Record, other: Record) -> Record {
    if knows(&other) > knows(&one) {
        other
    } else {
        one
    }
}

fn knows(record: &Record) -> (usize, bool, bool) {
    (
        record.entries.len(),
        record.ending.is_some(),
        record.touched,
    )
}

/// All copies of all records, as one record each, newest first.
#[must_use]
pub fn merge_all(copies: impl IntoIterator<Item = Record>) -> Vec<Record> {
    let mut by_id: BTreeMap<RecordId, Record> = BTreeMap::new();
    for copy in copies {
        let merged = match by_id.remove(&copy.id) {
            Some(known) => merge(known, copy),
            None => copy,
        };
        by_id.insert(merged.id.clone(), merged);
    }
    by_id.into_values().rev().collect()
}

/// The `count` newest of these ids, newest first, each once.
#[must_use]
pub fn newest(ids: impl IntoIterator<Item = RecordId>, count: usize) -> Vec<RecordId> {
    let mut ids: Vec<RecordId> = ids.into_iter().collect();
    ids.sort_unstable_by(|left, right| right.cmp(left));
    ids.dedup();
    ids.truncate(count);
    ids
}
