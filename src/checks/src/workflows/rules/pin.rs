//! `action-not-pinned`, `first-party-action-not-pinned`: actions whose code may change without a commit here.

use crate::findings::Report;
use crate::report::Said;
use crate::workflows::Settings;
use crate::workflows::workflow::Workflow;
use crate::yaml::Node;
use crate::{Group, Rule};
use beanpole_model::Severity;

/// After GitHub's "Secure use reference": a full-length commit hash is the only way to use an action as an immutable release.
pub(in crate::workflows) const THIRD_PARTY: Rule = Rule {
    id: "action-not-pinned",
    group: Group::Workflows,
    severity: Severity::Error,
    summary: "an action of someone else is not named by a full commit hash or image digest",
};

/// After GitHub's "Secure use reference"; tags are weighed by who may move them.
pub(in crate::workflows) const FIRST_PARTY: Rule = Rule {
    id: "first-party-action-not-pinned",
    group: Group::Workflows,
    severity: Severity::Warning,
    summary: "an action of GitHub's own is named by a tag or branch",
};

/// What stands before an image.
const IMAGE: &str = "docker://";

pub(super) fn check(settings: &Settings, workflow: &Workflow<'_>, report: &mut Report<'_>) {
    for job in workflow.jobs() {
        // A job may be a workflow of another repository.
        let reused = job
            .node
            .get("uses")
            .and_then(|node| Some((node.text()?, node)));
        let used = job.steps.iter().filter_map(|step| step.uses());
        for (action, node) in reused.into_iter().chain(used) {
            judge(settings, workflow, action, node, report);
        }
    }
}

fn judge(
    settings: &Settings,
    workflow: &Workflow<'_>,
    action: &str,
    node: &Node,
    report: &mut Report<'_>,
) {
    if action.starts_with("./") || action.starts_with("../") || is_pinned(action) {
        return;
    }
    let owner = action.split('/').next().unwrap_or_default();
    let own = settings.first_party.contains(owner);
    let rule = if own { &FIRST_PARTY } else { &THIRD_PARTY };
    let image = action.strip_prefix(IMAGE);
    let (name, version) = match image {
        Some(image) => parts_of_image(image),
        None => action.rsplit_once('@').unwrap_or((action, "")),
    };
    let message = if version.is_empty() && image.is_some() {
        format!("the image `{name}` has no tag, which means `latest`")
    } else if image.is_some() {
        format!("the image `{name}` is named by `{version}`, which can be moved to another image")
    } else if version.is_empty() {
        format!("`{name}` is used without a version")
    } else {
        format!("`{name}` is named by `{version}`, which can be moved to other code")
    };
    let remedy = match image {
        Some(image) => {
            let tagged = image.split_once('@').map_or(image, |(tagged, _)| tagged);
            format!("uses: {IMAGE}{tagged}@sha256:<digest>")
        }
        None => format!("uses: {name}@<all 40 digits of the commit> # {version}"),
    };
    report.say(
        rule,
        workflow.path,
        node.place,
        Said {
            message,
            reason: "whoever takes over the action moves its tags, and the next run hands them the job's token and secrets",
            remedy,
        },
    );
}

/// The name of an image, and its tag or, if it has one, its digest. A colon before the last slash belongs to the port of a registry.
fn parts_of_image(image: &str) -> (&str, &str) {
    let tag = || {
        let parts = image.rsplit_once(':');
        parts.filter(|(_, tag)| !tag.contains('/'))
    };
    let parts = image.split_once('@').or_else(tag);
    parts.unwrap_or((image, ""))
}

/// Whether nothing but a change of this file changes what runs.
fn is_pinned(action: &str) -> bool {
    let Some((_, version)) = action.rsplit_once('@') else {
        return false;
    };
    let digest = version.strip_prefix("sha256:");
    let is_hex = |text: &str, lengths: &[usize]| {
        lengths.contains(&text.len()) && text.chars().all(|digit| digit.is_ascii_hexdigit())
    };
    match digest {
        Some(digest) => is_hex(digest, &[64]),
        // Git's hashes have 40 digits, or 64 in repositories with SHA-256.
        None => is_hex(version, &[40, 64]) && !action.starts_with(IMAGE),
    }
}

#[cfg(test)]
mod tests {
    use crate::workflows::testing::Case;

    const HASH: &str = "11bd71901bbe5b1630ceea73d27597364c9af683";

    fn uses(action: &str) -> Vec<(String, bool)> {
        Case::steps(&format!("      - uses: {action}\n")).places()
    }

    #[test]
    fn actions_of_others_need_a_hash() {
        for action in [
            "docker/build-push-action@v6",
            "a/b/c@main",
            "a/b@11bd719",
            "a/b",
            "docker://alpine:3.19",
            "docker://alpine",
        ] {
            assert_eq!(
                uses(action),
                [("7:15 action-not-pinned".to_owned(), true)],
                "{action}"
            );
        }
    }

    #[test]
    fn images_have_tags_or_digests() {
        let said = |action: &str| {
            let case = Case::steps(&format!("      - uses: {action}\n"));
            let found = case.findings().remove(0);
            (found.message, found.remedy.unwrap_or_default())
        };
        let (message, remedy) = said("docker://ghcr.io:443/a/b:3.20");
        assert!(message.starts_with("the image `ghcr.io:443/a/b` is named by `3.20`"));
        assert_eq!(
            remedy,
            "uses: docker://ghcr.io:443/a/b:3.20@sha256:<digest>"
        );
        let (message, _) = said("docker://ghcr.io:443/a/b");
        assert!(message.contains("has no tag"), "{message}");
        let (message, remedy) = said("docker://a:1@sha256:1234");
        assert!(
            message.contains("`a:1` is named by `sha256:1234`"),
            "{message}"
        );
        assert_eq!(remedy, "uses: docker://a:1@sha256:<digest>");
    }

    #[test]
    fn actions_of_github_are_a_warning() {
        for action in [
            "actions/checkout@v4",
            "github/codeql-action/init@v3",
            "actions/checkout@main",
        ] {
            assert_eq!(
                uses(action),
                [("7:15 first-party-action-not-pinned".to_owned(), false)],
                "{action}"
            );
        }
        let mut case = Case::steps("      - uses: shop/tools@v1\n");
        case.settings.first_party.insert("shop".to_owned());
        assert_eq!(case.rules(), ["first-party-action-not-pinned"]);
    }

    #[test]
    fn hashes_digests_and_local_actions_are_fine() {
        let digest = "a".repeat(64);
        for action in [
            format!("a/b@{HASH}"),
            "./.github/actions/x".to_owned(),
            format!("docker://alpine@sha256:{digest}"),
        ] {
            assert!(uses(&action).is_empty(), "{action}");
        }
    }

    #[test]
    fn workflows_and_actions_are_read() {
        let reused = Case::new(
            "on: push\npermissions: {}\njobs:\n  a:\n    uses: a/b/.github/workflows/x.yml@v1\n",
        );
        assert_eq!(reused.rules(), ["action-not-pinned"]);
        let action = Case::new("runs:\n  using: composite\n  steps:\n    - uses: a/b@v1\n")
            .at("tools/action.yml");
        assert_eq!(action.all(), ["tools/action.yml:4:13 action-not-pinned"]);
    }
}
