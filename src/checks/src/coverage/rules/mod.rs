//! The rules, one file each, over the reports once united.

mod changed;
mod decrease;
mod diff;
mod not_judged;
mod path;
mod total;

use super::changed::{self as changes, ChangedFile, Shapes};
use super::figures::{Numbers, Tally};
use super::merged::Merged;
use super::{CoverageInput, Settings, StoredCoverage};
use crate::python::side_by_side;
use crate::{Rule, Scope};
use beanpole_model::Finding;

pub(super) use not_judged::check as not_judged;

/// The rules of this group.
pub const RULES: &[Rule] = &[
    not_judged::RULE,
    total::RULE,
    path::RULE,
    diff::RULE,
    decrease::RULE,
    changed::UNCOVERED,
    changed::MISSING,
];

/// What the rules see.
struct Context<'a> {
    merged: &'a Merged,
    scope: &'a Scope,
    settings: &'a Settings,
    /// The whole.
    total: Tally,
    /// What changed; none when every file is judged.
    changed_total: Option<Tally>,
    base: Option<&'a StoredCoverage>,
    /// None when every file is judged.
    changed: Option<&'a [ChangedFile<'a>]>,
}

/// What was judged of the coverage.
#[derive(Clone, Debug, PartialEq)]
pub struct JudgedCoverage {
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// The figures, however good they are.
    pub numbers: Numbers,
}

/// Judges the coverage of a project. Call it only where tests have run: without a readable report it says so.
#[must_use]
pub fn check(input: &CoverageInput, scope: &Scope, settings: &Settings) -> JudgedCoverage {
    let (merged, shapes) = read(input, scope, settings);
    let mut findings = not_judged(&merged, settings);
    let unreadable = input
        .base_unreadable
        .as_ref()
        .filter(|_| settings.never_lower);
    findings.extend(unreadable.map(|why| not_judged::base(why)));
    let mut numbers = Numbers {
        total: None,
        changed: None,
        base: input.base.as_ref().map(|base| base.total.percent()),
    };
    if merged.read == 0 || merged.knows_nothing() {
        return JudgedCoverage { findings, numbers };
    }
    let changed =
        (!changes::is_everything(scope)).then(|| changes::files(scope, &merged, settings, &shapes));
    let context = Context {
        merged: &merged,
        scope,
        settings,
        total: merged.total(),
        changed_total: changed.as_deref().map(changes::total),
        base: input.base.as_ref(),
        changed: changed.as_deref(),
    };
    findings.extend(total::check(&context));
    findings.extend(path::check(&context));
    findings.extend(diff::check(&context));
    findings.extend(decrease::check(&context));
    findings.extend(changed::check(&context));
    numbers.total = Some(context.total);
    numbers.changed = context.changed_total;
    JudgedCoverage { findings, numbers }
}

/// Reads the reports, and beside them the changed files.
fn read<'s>(input: &CoverageInput, scope: &'s Scope, settings: &Settings) -> (Merged, Shapes<'s>) {
    let merged = || Merged::new(input, scope, settings);
    side_by_side(merged, || changes::shapes(scope))
}

#[cfg(test)]
mod tests {
    use super::RULES;

    #[test]
    fn every_rule_has_its_page() {
        crate::pages::assert_pages(RULES);
    }
}
