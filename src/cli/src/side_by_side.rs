//! Two things at once.

use std::panic::resume_unwind;

/// Does one thing here and another one on a thread of its own. A panic there goes on here.
pub(crate) fn side_by_side<A, B: Send>(
    here: impl FnOnce() -> A,
    there: impl FnOnce() -> B + Send,
) -> (A, B) {
    std::thread::scope(|threads| {
        let there = threads.spawn(there);
        let here = here();
        let there = there.join();
        (here, there.unwrap_or_else(|panic| resume_unwind(panic)))
    })
}
