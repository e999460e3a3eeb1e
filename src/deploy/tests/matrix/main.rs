//! The fault matrix: every fault of the embedded AWS at every step of a release. For each cell: what
//! is said, what is true afterwards, what is left behind, and whether the next run puts it right.
//!
//! How it is built: a release that goes well and one that is rolled back are watched, which gives the
//! operations that each step calls ([`stage`]). [`cells`] multiplies them by the faults. What must
//! come of a cell is said by [`rules`], which knows nothing of the code under test. Cells run many at
//! a time, each in a world of its own ([`run`]).
//!
//! One rule stands above all tables: no cell ends with exit 0 unless version, health and probe are
//! right on every instance ([`truth`]).

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a world that cannot be built ends the test"
)]

mod cells;
mod environments;
mod page;
mod requests;
mod rules;
mod run;
mod stage;
mod stories;
#[expect(dead_code, reason = "shared with the test binary `release`")]
#[path = "../release/support/mod.rs"]
mod support;
mod truth;
