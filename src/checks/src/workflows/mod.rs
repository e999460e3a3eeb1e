//! GitHub Actions: workflows and composite actions.
//!
//! Rules of this module: the handful of faults that give a repository away, judged on the lines that changed. `zizmor` (data flow,
//! caches, artifacts, known-vulnerable actions) and `actionlint` (types of expressions, the scripts themselves) go deeper, and do well
//! beside this.

mod expression;
mod rules;
#[cfg(test)]
mod testing;
mod workflow;

use crate::findings::Report;
use crate::paths::base_name;
use crate::report::Said;
use crate::source::{Place, Source};
use crate::{Group, Rule, Scope};
use beanpole_model::{Finding, Severity};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use workflow::Workflow;

/// A workflow that could not be read.
const NOT_ANALYSED: Rule = Rule {
    id: "workflow-not-analysed",
    group: Group::Workflows,
    severity: Severity::Warning,
    summary: "a workflow or an action could not be read",
};

/// All rules of this group.
pub const RULES: &[Rule] = &[
    rules::pin::THIRD_PARTY,
    rules::pin::FIRST_PARTY,
    rules::permissions::MISSING,
    rules::permissions::WIDE,
    rules::secret::ECHOED,
    rules::secret::COMMAND_LINE,
    rules::untrusted::RULE,
    rules::target::RULE,
    NOT_ANALYSED,
];

/// Settings of this group. The default is right for most projects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Settings {
    /// Owners whose actions may be named by tag with a warning. Those of GitHub itself are the default.
    pub first_party: BTreeSet<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            first_party: ["actions", "github"]
                .into_iter()
                .map(str::to_owned)
                .collect(),
        }
    }
}

/// Whether the content of that path is needed: workflows and actions. Each of them is judged by itself.
#[must_use]
pub fn wants(path: &str) -> bool {
    is_workflow(path) || is_action(path)
}

/// Judges the workflows and actions of a scope that changed.
#[must_use]
pub fn check(scope: &Scope, settings: &Settings) -> Vec<Finding> {
    let mut report = Report::new(scope);
    for (change, bytes) in scope.changed_files() {
        let path = change.path.as_str();
        if !wants(path) {
            continue;
        }
        match read(path, bytes) {
            Ok(workflow) => rules::check(settings, &workflow, &mut report),
            Err((why, place)) => report.always(
                &NOT_ANALYSED,
                path,
                place,
                Said {
                    message: format!("cannot be judged: {why}"),
                    reason: "nothing is known about a workflow that cannot be read, and GitHub may not run it either",
                    remedy: "repair the file".to_owned(),
                },
            ),
        }
    }
    report.finish()
}

fn read<'s>(path: &'s str, bytes: &'s [u8]) -> Result<Workflow<'s>, (String, Place)> {
    let source = Source::read(bytes).map_err(|why| (why.to_owned(), Place::START))?;
    Workflow::read(path, source)
}

fn is_yaml(path: &str) -> bool {
    path.ends_with(".yml") || path.ends_with(".yaml")
}

/// GitHub looks into this directory alone, and not below it.
fn is_workflow(path: &str) -> bool {
    path.strip_prefix(".github/workflows/")
        .is_some_and(|name| !name.contains('/') && is_yaml(name))
}

fn is_action(path: &str) -> bool {
    matches!(base_name(path), "action.yml" | "action.yaml")
}

#[cfg(test)]
mod tests {
    use super::testing::Case;
    use super::*;
    use proptest::prelude::*;

    /// A workflow that every rule is content with.
    const GOOD: &str = "on:\n  pull_request:\npermissions: {}\njobs:\n  test:\n    permissions: {contents: read}\n    runs-on: ubuntu-24.04\n    steps:\n      - uses: actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2\n        with: {persist-credentials: false}\n      - uses: ./.github/actions/setup\n      - run: echo \"$TITLE\" | login --password-stdin\n        env:\n          TITLE: ${{ github.event.pull_request.title }}\n          TOKEN: ${{ secrets.TOKEN }}\n";

    #[test]
    fn files_are_known_by_their_path() {
        for path in [
            ".github/workflows/ci.yml",
            ".github/workflows/a.yaml",
            "action.yml",
            ".github/actions/setup/action.yaml",
        ] {
            assert!(wants(path), "{path}");
        }
        for path in [
            ".github/workflows/sub/ci.yml",
            "workflows/ci.yml",
            ".github/dependabot.yml",
            ".github/workflows/readme.md",
        ] {
            assert!(!wants(path), "{path}");
        }
    }

    #[test]
    fn a_good_workflow_has_no_findings() {
        assert_eq!(Case::new(GOOD).all(), Vec::<String>::new());
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        assert_eq!(Case::new("jobs: [").rules(), ["workflow-not-analysed"]);
        assert_eq!(
            Case::new([0xff_u8].as_slice()).rules(),
            ["workflow-not-analysed"]
        );
        assert_eq!(
            Case::new("a: 1\na: 2\n").all(),
            [".github/workflows/ci.yml:2:1 workflow-not-analysed"]
        );
    }

    #[test]
    fn odd_shapes_are_survived() {
        for text in [
            "",
            "jobs:",
            "jobs: 1",
            "jobs: {a: }",
            "jobs: {a: {steps: 1}}",
            "on: {a: [b]}\njobs: {a: {steps: [1, {uses: }, {run: [a]}, {uses: '@'}], permissions: [1], env: 3}}",
        ] {
            let _ = Case::new(text).all();
        }
    }

    #[test]
    fn settings_are_strict_and_have_defaults() {
        let settings: Settings = serde_json::from_str(r#"{"first-party": ["shop"]}"#).unwrap();
        assert!(settings.first_party.contains("shop"));
        assert!(serde_json::from_str::<Settings>(r#"{"trusted": []}"#).is_err());
    }

    #[test]
    fn every_rule_has_its_page() {
        crate::pages::assert_pages(RULES);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Case::new(bytes.as_slice()).findings();
        }

        #[test]
        fn never_panics_on_almost_right_files(at in any::<prop::sample::Index>(), length in 0..30_usize, with in "[-a-z\\[\\]{}:\"'$|>\n é.@]{0,8}") {
            let text = GOOD.replace("pull_request:", "pull_request_target:").replace("echo \"$TITLE\"", "echo ${{ secrets.A }} ${{ github.head_ref }}");
            let mut text: Vec<char> = text.chars().collect();
            let start = at.index(text.len());
            let end = (start + length).min(text.len());
            text.splice(start..end, with.chars());
            let text: String = text.into_iter().collect();
            for finding in Case::new(text.as_str()).findings() {
                let line = finding.location.unwrap().line.unwrap();
                prop_assert!(line >= 1 && usize::try_from(line).unwrap() <= text.lines().count() + 1);
            }
        }
    }
}
