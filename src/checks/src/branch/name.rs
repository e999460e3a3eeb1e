//! `branch-name`: the name of the branch follows no agreed form.

use super::Settings;
use super::template::{branch_patterns, compile, whole};
use crate::report::{finding, listed};
use crate::{Group, Rule};
use beanpole_model::{Finding, Severity};
use regex::Regex;

pub(super) const RULE: Rule = Rule {
    id: "branch-name",
    group: Group::Branch,
    severity: Severity::Error,
    summary: "the name of the branch follows no agreed form",
};

const REASON: &str = "tools and people read the kind of work and the ticket from the name; a name of another form is \
                      found by neither";

pub(super) fn check(branch: &str, settings: &Settings) -> Vec<Finding> {
    let mut findings = Vec::new();
    let allowed = allowed(settings, &mut findings);
    // Those that cannot be read are said by `protected-branch`.
    let (protected, _) = branch_patterns(&settings.protected);
    let (exempt, unreadable) = branch_patterns(&settings.exempt);
    findings.extend(unreadable.into_iter().map(bad_exempt));
    let mut exempt = protected.iter().chain(&exempt);
    let is_exempt = exempt.any(|pattern| pattern.matches(branch));
    // Without a single pattern that can be read, nothing is known about names.
    if is_exempt || allowed.is_empty() || allowed.iter().any(|form| form.is_match(branch)) {
        return findings;
    }
    findings.push(finding(
        &RULE,
        None,
        format!("the branch `{branch}` has none of the agreed forms"),
        REASON,
        remedy(settings),
    ));
    findings
}

/// The forms of the settings. Those that cannot be read become findings.
fn allowed(settings: &Settings, findings: &mut Vec<Finding>) -> Vec<Regex> {
    let compiled: Vec<(&str, Result<Regex, String>)> = match &settings.pattern {
        Some(pattern) => vec![(pattern.as_str(), whole(pattern))],
        None => settings
            .templates
            .iter()
            .map(|template| (template.as_str(), compile(template, settings)))
            .collect(),
    };
    compiled
        .into_iter()
        .filter_map(|(written, result)| {
            result
                .map_err(|why| findings.push(unreadable(written, &why, settings)))
                .ok()
        })
        .collect()
}

fn unreadable(written: &str, why: &str, settings: &Settings) -> Finding {
    let (key, remedy) = if settings.pattern.is_some() {
        (
            "pattern",
            "correct `checks.branch.pattern` in beanpole.yaml",
        )
    } else if whole(&settings.ticket_pattern).is_err() {
        (
            "templates",
            "correct `checks.branch.ticket_pattern` in beanpole.yaml",
        )
    } else {
        (
            "templates",
            "correct `checks.branch.templates` in beanpole.yaml",
        )
    };
    finding(
        &RULE,
        None,
        format!("`checks.branch.{key}`: `{written}` cannot be read: {why}"),
        "a form that cannot be read lets every name pass, or none",
        remedy,
    )
}

fn bad_exempt(pattern: &str) -> Finding {
    finding(
        &RULE,
        None,
        format!("`checks.branch.exempt` holds `{pattern}`, which is no pattern for branches"),
        "a pattern that cannot be read exempts nothing",
        "correct `checks.branch.exempt` in beanpole.yaml",
    )
}

fn remedy(settings: &Settings) -> String {
    match &settings.pattern {
        Some(pattern) => format!("rename it to match `{pattern}`: `git branch -m <new-name>`"),
        None => {
            let forms: Vec<String> = settings
                .templates
                .iter()
                .map(|form| format!("`{form}`"))
                .collect();
            format!(
                "rename it to one of {}, where the type is one of {}: `git branch -m <new-name>`",
                listed(&forms),
                listed(&settings.types)
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(branch: &str, settings: &Settings) -> Vec<String> {
        check(branch, settings)
            .into_iter()
            .map(|finding| finding.message)
            .collect()
    }

    #[test]
    fn agreed_forms_pass() {
        for branch in [
            "feat/SHOP-12/basket",
            "fix/login",
            "argo/docs/read-me",
            "main",
            "dependabot/pip/django-5.2",
        ] {
            assert!(
                messages(branch, &Settings::default()).is_empty(),
                "{branch}"
            );
        }
    }

    #[test]
    fn other_forms_are_named() {
        for branch in ["basket", "Feat/x", "feat/", "feat/a b", "a/b/c/d", ""] {
            let found = check(branch, &Settings::default());
            assert_eq!(found.len(), 1, "{branch}");
            assert!(found[0].message.contains(&format!("`{branch}`")));
            assert!(found[0].remedy.as_ref().unwrap().contains("git branch -m"));
        }
    }

    #[test]
    fn a_pattern_takes_the_place_of_the_templates() {
        let settings = Settings {
            pattern: Some("[A-Z]+-[0-9]+".to_owned()),
            ..Settings::default()
        };
        assert!(messages("SHOP-1", &settings).is_empty());
        assert_eq!(messages("SHOP-1x", &settings).len(), 1);
        assert_eq!(messages("feat/x", &settings).len(), 1);
    }

    #[test]
    fn a_broken_pattern_is_a_finding_and_judges_nobody() {
        let settings = Settings {
            pattern: Some("(".to_owned()),
            ..Settings::default()
        };
        let found = messages("anything", &settings);
        assert_eq!(found.len(), 1);
        assert!(
            found[0].starts_with("`checks.branch.pattern`: `(` cannot be read"),
            "{found:?}"
        );
    }

    #[test]
    fn the_key_at_fault_is_named() {
        let remedies = |settings: &Settings| -> Vec<String> {
            let found = check("anything", settings).into_iter();
            found.filter_map(|finding| finding.remedy).collect()
        };
        let template = Settings {
            templates: vec!["{typ}".to_owned()],
            ..Settings::default()
        };
        assert_eq!(
            remedies(&template),
            ["correct `checks.branch.templates` in beanpole.yaml"]
        );
        let exempt = Settings {
            exempt: vec!["[".to_owned()],
            ..Settings::default()
        };
        assert_eq!(
            remedies(&exempt)[0],
            "correct `checks.branch.exempt` in beanpole.yaml"
        );
        let ticket = Settings {
            templates: vec!["{ticket}".to_owned()],
            ticket_pattern: "(".to_owned(),
            ..Settings::default()
        };
        assert_eq!(
            remedies(&ticket),
            ["correct `checks.branch.ticket_pattern` in beanpole.yaml"]
        );
    }
}
