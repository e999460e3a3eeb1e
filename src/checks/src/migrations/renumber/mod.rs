//! Fixes for new migrations that stand beside a released one: they get the next free numbers and follow the last released
//! migration of their app.
//!
//! Rules: the file of a released migration is never changed. Everything that names a renamed migration is found and changed, or
//! nothing is. Each plan is carried out on a copy and judged again before it is proposed.

mod chain;
mod mentions;
mod number;
mod plan;
mod reference;
#[cfg(test)]
mod tests;

use super::project::Project;
use super::rules::graph::{LEAVES, TAKEN};
use super::{Review, Settings};
use crate::SourceTree;
use crate::fix::{Answer, Proposal};
use beanpole_model::Finding;
use plan::Plan;
use std::collections::BTreeMap;

/// What can be done about the findings of a review: one proposal for each app with migrations that stand beside each other. Others
/// of the findings are left.
#[must_use]
pub fn fixes(review: &Review<'_>, findings: &[Finding]) -> Vec<Proposal> {
    if !findings.iter().any(is_about_numbers) {
        return Vec::new();
    }
    let settings = review.settings;
    let base = review.base.map(|tree| Project::read(tree, settings, None));
    let apps = apps(
        &Project::read(review.head, settings, base.as_ref()),
        findings,
    );
    let mut tree = review.head.clone();
    apps.into_iter()
        .map(|(app, findings)| Proposal {
            findings,
            answer: answer(base.as_ref(), &mut tree, settings, &app),
        })
        .collect()
}

fn is_about_numbers(finding: &Finding) -> bool {
    finding.rule == LEAVES || finding.rule == TAKEN
}

/// The places of the findings by the app of their migrations.
fn apps(head: &Project<'_>, findings: &[Finding]) -> BTreeMap<String, Vec<usize>> {
    let paths: BTreeMap<&str, &str> = (head.migrations.values())
        .map(|migration| (migration.id.path.as_str(), migration.id.app.as_str()))
        .collect();
    let mut apps: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, finding) in findings.iter().enumerate() {
        let place = finding.location.as_ref();
        if let Some(app) = place.and_then(|place| paths.get(place.path.as_str()))
            && is_about_numbers(finding)
        {
            apps.entry((*app).to_owned()).or_default().push(index);
        }
    }
    apps
}

/// What to do for one app. If that is something, the tree is as it is afterwards.
fn answer(
    base: Option<&Project<'_>>,
    tree: &mut SourceTree,
    settings: &Settings,
    app: &str,
) -> Answer {
    let Some(base) = base else {
        return Answer::No {
            why: "without a base, nothing says which of the migrations are released".to_owned(),
        };
    };
    match Plan::new(base, tree, settings, app) {
        Ok(plan) => {
            *tree = plan.tree;
            Answer::Fix {
                what: plan.what,
                fixes: plan.fixes,
            }
        }
        Err(why) => Answer::No { why },
    }
}
