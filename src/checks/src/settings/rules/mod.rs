//! The rules, one file each, over what the production settings come to.

mod admin_path;
mod allowed_hosts;
mod append_slash;
mod cookies;
mod cors;
mod database;
mod debug;
mod hsts;
mod not_analysed;
mod secret_key;
mod ssl_redirect;
mod time_zone;

use super::Settings;
use super::evaluate::{Evaluated, evaluate};
use super::find::{self, Found, Production};
use super::see::{self, Seen};
use super::state::Origin;
use crate::paths::parent;
use crate::python::{Lines, Span};
use crate::report::{Said, file, place, say};
use crate::{Change, ChangeKind, Rule, Scope};
use beanpole_model::{Finding, Location};

/// The rules of this group.
pub const RULES: &[Rule] = &[
    debug::RULE,
    secret_key::RULE,
    allowed_hosts::RULE,
    admin_path::RULE,
    cors::RULE,
    cookies::RULE,
    hsts::RULE,
    ssl_redirect::RULE,
    append_slash::RULE,
    time_zone::RULE,
    database::AGE,
    database::TIMEOUT,
    not_analysed::RULE,
];

/// Judges the production settings, and the URL of the admin site. Says nothing in a project without Django.
#[must_use]
pub fn check(scope: &Scope, settings: &Settings) -> Vec<Finding> {
    let mut findings = admin_path::check(scope);
    match find::production(scope, settings) {
        Found::Nothing => {}
        Found::Unclear(why) => findings.extend(not_analysed::unclear(scope, &why)),
        Found::Production(production) => {
            let mut context = Context {
                scope,
                settings,
                evaluated: evaluate(scope, &production.path),
                production,
                findings: Vec::new(),
            };
            if context.is_touched() {
                judge(&mut context);
            }
            findings.append(&mut context.findings);
        }
    }
    findings
}

fn judge(context: &mut Context<'_>) {
    debug::check(context);
    secret_key::check(context);
    allowed_hosts::check(context);
    cors::check(context);
    cookies::check(context);
    hsts::check(context);
    ssl_redirect::check(context);
    append_slash::check(context);
    time_zone::check(context);
    database::check(context);
    not_analysed::check(context);
}

/// What the rules see.
struct Context<'a> {
    scope: &'a Scope,
    settings: &'a Settings,
    production: Production,
    evaluated: Evaluated,
    findings: Vec<Finding>,
}

/// One way in which a setting may stand.
struct Way {
    /// None: it is not given, so that Django's default holds.
    seen: Option<Vec<Seen>>,
    origin: Option<Origin>,
    /// There are others.
    is_one_of_many: bool,
}

impl Context<'_> {
    /// All ways in which a setting may stand: at least one, unless a class that is not followed may set it.
    fn ways(&self, name: &str) -> Vec<Way> {
        let state = &self.evaluated.state;
        let held = state.get(name);
        held.iter()
            .map(|one| Way {
                seen: see::possible(state, one),
                origin: one.origin.clone(),
                is_one_of_many: held.len() > 1,
            })
            .filter(|way| way.seen.is_some() || !self.evaluated.set_elsewhere)
            .collect()
    }

    /// Adds a finding, if this change is about it: its line has changed, or [`Self::may_surface`]. Without an origin it is
    /// about a setting that is missing.
    fn say(&mut self, rule: &Rule, origin: Option<&Origin>, words: Said) {
        if let Some(finding) = self.finding(rule, origin, words)
            && !self.findings.contains(&finding)
        {
            self.findings.push(finding);
        }
    }

    fn finding(&self, rule: &Rule, origin: Option<&Origin>, words: Said) -> Option<Finding> {
        let location = match origin {
            Some(origin) => self.location(origin),
            None => file(&self.production.path),
        };
        let is_changed = location.line.is_some_and(|line| {
            self.scope
                .change(&location.path)
                .is_some_and(|change| change.lines.contains(line))
        });
        (is_changed || self.may_surface()).then(|| say(rule, Some(location), words))
    }

    fn location(&self, origin: &Origin) -> Location {
        self.scope.tree.get(&origin.path).map_or_else(
            || file(&origin.path),
            |bytes| {
                place(
                    &origin.path,
                    Lines::new(bytes).position(bytes, origin.span.start),
                )
            },
        )
    }

    /// The changed files from which the settings are made.
    fn changes(&self) -> impl Iterator<Item = &Change> {
        let named_by = self.production.named_by.iter();
        self.evaluated
            .files
            .keys()
            .chain(named_by)
            .filter_map(|path| self.scope.change(path))
    }

    fn is_touched(&self) -> bool {
        self.changes().next().is_some() || self.has_lost_a_file()
    }

    /// A settings module that is gone may have set what is now missing. Which it was, nobody can say: one beside the others.
    fn has_lost_a_file(&self) -> bool {
        let directory = parent(&self.production.path);
        self.scope.changes.iter().any(|change| {
            change.kind == ChangeKind::Deleted
                && change.path.ends_with(".py")
                && parent(&change.path) == directory
        })
    }

    /// Whether this change may have brought about what stands on a line that did not change, or what is missing: a settings
    /// module is new or lost lines, or an import among them, or the file that names the module, has changed. Lines that are
    /// only added cannot take a value away, and what was there before is not reported again.
    fn may_surface(&self) -> bool {
        let lost_lines = |change: &Change| match change.kind {
            ChangeKind::Added => change.path == self.production.path,
            // Without counts nobody can say that no line went.
            _ => change.counts.is_none_or(|(_, removed)| removed > 0),
        };
        let names_it = |change: &Change| self.production.named_by.as_ref() == Some(&change.path);
        self.changes()
            .any(|change| lost_lines(change) || names_it(change) || self.imports_anew(change))
            || self.has_lost_a_file()
    }

    fn imports_anew(&self, change: &Change) -> bool {
        let (Some(imports), Some(bytes)) = (
            self.evaluated.files.get(&change.path),
            self.scope.tree.get(&change.path),
        ) else {
            return false;
        };
        let lines = Lines::new(bytes);
        let is_changed = |span: &Span| change.lines.contains(lines.position(bytes, span.start).0);
        imports.iter().any(is_changed)
    }
}

/// Whether two settings modules have led to one fault: it is in a module that both of them take it from.
pub(crate) fn is_one_fault(one: &Finding, other: &Finding) -> bool {
    one.rule == other.rule
        && one.location == other.location
        && (one.message == other.message || database::is_of_a_place(one))
}

/// `is`, or `may be` where another way exists.
fn verb(way: &Way) -> &'static str {
    if way.is_one_of_many { "may be" } else { "is" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_two_modules_share_has_one_fault() {
        let finding = |rule: &Rule, message: &str, line: Option<u32>| Finding {
            location: Some(Location {
                path: "base.py".to_owned(),
                line,
                column: None,
            }),
            ..say(
                rule,
                None,
                Said {
                    message: message.to_owned(),
                    reason: "",
                    remedy: message.to_owned(),
                },
            )
        };
        let one =
            |rule: &Rule, line| is_one_fault(&finding(rule, "a", line), &finding(rule, "b", line));
        assert!(one(&database::AGE, Some(3)));
        assert!(!one(&database::AGE, None) && !one(&debug::RULE, Some(3)));
        let same = finding(&debug::RULE, "a", Some(3));
        let other = Finding {
            remedy: None,
            ..same.clone()
        };
        assert!(is_one_fault(&same, &other));
    }

    #[test]
    fn every_rule_has_its_page() {
        crate::pages::assert_pages(RULES);
    }
}
