//! `beanpole check` and the git hooks: from a state that git has to a report.
//!
//! Rules: the state is read once, through git, and nothing but git's state is judged. What decides over findings stands in
//! the `checks` crate; here is only who asks, what is read, and how it is answered. No async runtime and no connection to
//! anything: a hook has to answer before its developer notices. Only `exact` runs anything else than git, when it is asked to.

mod answer;
mod contents;
mod coverage;
mod disk;
mod exact;
mod figures;
mod fixing;
mod history;
mod judging;
mod merging;
mod push;
mod reading;
mod rulebook;
mod settings;
mod site;

pub(crate) use answer::{Answer, Format, Judged, Prepared};
pub(crate) use coverage::{Reports, Run};
pub(crate) use disk::Disk;
pub(crate) use exact::{Exact, Exactly};
pub(crate) use fixing::{Fixes, propose};
pub(crate) use history::History;
pub(crate) use judging::{Asked, Judgement, branch_state, comment_mark, judge, leave};
pub(crate) use push::{Push, Side};
pub(crate) use rulebook::{Rulebook, baseline, no_baseline};
pub(crate) use site::{Site, read as read_optional};
