//! Which calls of a data migration change all rows of a table in one go.

use crate::migrations::operation::RunPython;
use crate::python::{CallFact, FunctionFacts, Times};

/// The managers of a model.
const MANAGERS: [&str; 2] = ["objects", "_default_manager"];

/// What leaves some rows out, or gives one.
const NARROWS: [&str; 11] = [
    "filter",
    "exclude",
    "get",
    "raw",
    "first",
    "last",
    "earliest",
    "latest",
    "create",
    "get_or_create",
    "update_or_create",
];

/// What gives the same rows again.
const KEEPS: [&str; 13] = [
    "all",
    "alias",
    "annotate",
    "defer",
    "get_queryset",
    "iterator",
    "only",
    "order_by",
    "prefetch_related",
    "reverse",
    "select_for_update",
    "select_related",
    "using",
];

/// A call that changes all rows in one go, and how.
pub(super) fn changed(python: &RunPython) -> Option<(&CallFact, &'static str)> {
    let functions = || python.code.iter().chain(&python.helpers);
    let in_steps = python.calls().any(is_step);
    let in_bulk = python.calls().any(is_bulk);
    let bulk_is_whole = !in_steps && python.calls().filter(|call| is_bulk(call)).all(is_at_once);
    let goes_through_all = functions().any(goes_through_all);
    let calls = functions().flat_map(|facts| facts.calls.iter().map(move |call| (facts, call)));
    let mut changes = calls.filter_map(|(facts, call)| {
        let how = match call.called() {
            "update" | "delete" if !call.looped && has_all(facts, call) => "in one statement",
            "bulk_update" if bulk_is_whole && goes_through_all => "with one bulk_update",
            "save"
                if call.looped
                    && !in_steps
                    && !reads_in_pieces(python)
                    && !in_bulk
                    && !call.passes("objects") =>
            {
                "with one query for each"
            }
            _ => return None,
        };
        Some((call, how))
    });
    changes.next()
}

/// Whether a call says that the code works in steps.
fn is_step(call: &CallFact) -> bool {
    matches!(call.called(), "Paginator" | "batched" | "in_bulk")
        || (call.keywords.iter()).any(|keyword| keyword == "batch_size" || keyword == "chunk_size")
}

/// Whether rows are not read into memory all at once.
fn reads_in_pieces(python: &RunPython) -> bool {
    python.calls().any(|call| call.called() == "iterator")
}

fn is_bulk(call: &CallFact) -> bool {
    call.called() == "bulk_update"
}

/// Whether a call of `bulk_update` writes what it gets in one statement: a third argument is the size of its batches.
fn is_at_once(call: &CallFact) -> bool {
    !call.looped && call.places < 3
}

/// Whether a call is one on all rows.
fn has_all(facts: &FunctionFacts, call: &CallFact) -> bool {
    let of_rows = MANAGERS.iter().any(|name| call.passes(name));
    let narrowed = NARROWS.iter().any(|name| call.passes(name));
    let before = call
        .chain
        .split_last()
        .map_or(&[][..], |(_, before)| before);
    (of_rows && !narrowed) || is_given_all(facts, before)
}

fn goes_through_all(facts: &FunctionFacts) -> bool {
    (facts.iterated.iter()).any(|chain| gives_all(chain) || is_given_all(facts, chain))
}

/// Whether names begin with one that is given all rows, once, and keep them.
fn is_given_all(facts: &FunctionFacts, chain: &[String]) -> bool {
    let Some((root, rest)) = chain.split_first() else {
        return false;
    };
    match facts.given_to(root) {
        Times::Once(given) => gives_all(&given.chain) && keeps(rest),
        Times::Never | Times::Several => false,
    }
}

/// Whether names lead to all rows of a model.
fn gives_all(chain: &[String]) -> bool {
    let manager = |name: &String| MANAGERS.contains(&name.as_str());
    let place = chain.iter().position(manager);
    place.is_some_and(|place| keeps(chain.get(place + 1..).unwrap_or_default()))
}

fn keeps(names: &[String]) -> bool {
    names.iter().all(|name| KEEPS.contains(&name.as_str()))
}
