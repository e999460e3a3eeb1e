//! All groups of rules together: what they want to read, and what they find.
//!
//! Rules: as everywhere in this crate, someone else has read everything. The groups know nothing of each other, so they run
//! side by side.

use std::collections::BTreeSet;

use beanpole_model::Finding;

use crate::branch::BranchState;
use crate::commit_message::Message;
use crate::coverage::{CoverageInput, Numbers};
use crate::engine::Unseen;
use crate::migrations::{ExactAnswer, NotAnalysed, Review};
use crate::python::{joined, spawn_deep};
use crate::{
    Group, Rule, Scope, SourceTree, branch, change_size, commit_message, coverage, docker, files,
    migrations, pins, secrets, settings, test_names, workflows,
};

/// The rules of all groups.
#[must_use]
pub fn rules() -> Vec<Rule> {
    let groups = Group::ALL.into_iter();
    groups.flat_map(|group| group.rules()).copied().collect()
}

impl Group {
    /// The rules of the group.
    #[must_use]
    pub const fn rules(self) -> &'static [Rule] {
        match self {
            Self::Migrations => migrations::RULES,
            Self::Coverage => coverage::RULES,
            Self::Pins => pins::RULES,
            Self::TestNames => test_names::RULES,
            Self::Branch => branch::RULES,
            Self::CommitMessage => commit_message::RULES,
            Self::Files => files::RULES,
            Self::ChangeSize => change_size::RULES,
            Self::Secrets => secrets::RULES,
            Self::Settings => settings::RULES,
            Self::Docker => docker::RULES,
            Self::Workflows => workflows::RULES,
        }
    }

    /// Whether the group needs the content of a path although it did not change.
    #[must_use]
    pub fn wants(self, path: &str) -> bool {
        match self {
            Self::Migrations => migrations::wants(path),
            Self::Coverage => coverage::wants(path),
            Self::Pins => pins::wants(path),
            Self::TestNames => test_names::wants(path),
            Self::Branch | Self::CommitMessage => false,
            Self::Files => files::wants(path),
            Self::ChangeSize => change_size::wants(path),
            Self::Secrets => secrets::wants(path),
            Self::Settings => settings::wants(path),
            Self::Docker => docker::wants(path),
            Self::Workflows => workflows::wants(path),
        }
    }

    /// Whether the group needs the content of a path that changed.
    #[must_use]
    pub fn wants_changed(self, path: &str) -> bool {
        match self {
            Self::Pins => pins::wants_changed(path),
            Self::TestNames => test_names::wants_changed(path),
            Self::Files => files::wants_changed(path),
            // Every text may hold a secret.
            Self::Secrets => true,
            Self::Coverage => path.ends_with(".py"),
            Self::Migrations
            | Self::Branch
            | Self::CommitMessage
            | Self::ChangeSize
            | Self::Settings
            | Self::Docker
            | Self::Workflows => self.wants(path),
        }
    }
}

/// The settings of every group.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProjectSettings {
    /// Django migrations.
    pub migrations: migrations::Settings,
    /// Coverage.
    pub coverage: coverage::Settings,
    /// Packages and base images.
    pub pins: pins::Settings,
    /// Names of test files.
    pub test_names: test_names::Settings,
    /// Names of branches.
    pub branch: branch::Settings,
    /// Commit messages.
    pub commit_message: commit_message::Settings,
    /// All files.
    pub files: files::Settings,
    /// The size of a change.
    pub change_size: change_size::Settings,
    /// Secrets.
    pub secrets: secrets::Settings,
    /// Django's settings, once for each module that production loads. Empty: one, which is looked up.
    pub settings: Vec<settings::Settings>,
    /// Dockerfiles, entrypoints and compose files.
    pub docker: docker::Settings,
    /// GitHub Actions workflows.
    pub workflows: workflows::Settings,
}

/// What the rules look at beside the files of a scope. What is not there is not judged.
#[derive(Clone, Debug, Default)]
pub struct Facts<'a> {
    /// The branch.
    pub branch: Option<BranchState>,
    /// Messages of commits.
    pub messages: Vec<Message<'a>>,
    /// What tests have measured.
    pub coverage: Option<CoverageInput>,
    /// The Python files of the code that serves while the migrations run. None: nothing serves yet.
    pub serving: Option<&'a SourceTree>,
    /// What the project's own Django says of the new migrations, for those for which it was asked.
    pub exact: Vec<ExactAnswer>,
    /// The state that a merge into the base will have, which is what migrations are judged in. None: the scope itself.
    pub merged: Option<&'a Scope>,
    /// Whether the process ends soon after: then memory is left to the operating system.
    pub is_last: bool,
}

/// What all groups found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// What could not be judged.
    pub unseen: Vec<Unseen>,
    /// The figures of the coverage, if it was judged.
    pub coverage: Option<Numbers>,
}

/// Runs the groups side by side. The findings are in the order of the groups, whichever ends first.
#[must_use]
pub fn check(
    groups: &BTreeSet<Group>,
    scope: &Scope,
    settings: &ProjectSettings,
    facts: &Facts<'_>,
) -> Found {
    let all = std::thread::scope(|threads| {
        let running: Vec<_> = groups
            .iter()
            .map(|group| {
                let judge = move || of_group(*group, scope, settings, facts);
                if is_brief(*group) {
                    return Err(judge);
                }
                // One deep stack for a group, on which all its files are parsed.
                spawn_deep(threads, judge).map_err(|_| judge)
            })
            .collect();
        running
            .into_iter()
            .map(|thread| thread.map_or_else(|judge| judge(), joined))
            .collect::<Vec<Found>>()
    });
    let mut found = Found::default();
    for of_group in all {
        found.findings.extend(of_group.findings);
        found.unseen.extend(of_group.unseen);
        found.coverage = found.coverage.or(of_group.coverage);
    }
    found
}

/// Whether a thread would cost more than the judgement, which parses no Python.
const fn is_brief(group: Group) -> bool {
    matches!(
        group,
        Group::Branch | Group::CommitMessage | Group::ChangeSize
    )
}

fn of_group(group: Group, scope: &Scope, settings: &ProjectSettings, facts: &Facts<'_>) -> Found {
    let findings = match group {
        Group::Migrations => {
            let scope = facts.merged.unwrap_or(scope);
            return of_migrations(scope, &settings.migrations, facts);
        }
        Group::Coverage => {
            let judged = (facts.coverage.as_ref())
                .map(|input| coverage::check(input, scope, &settings.coverage));
            return judged.map_or_else(Found::default, |judged| Found {
                findings: judged.findings,
                coverage: Some(judged.numbers),
                ..Found::default()
            });
        }
        Group::Pins => pins::check(scope, &settings.pins),
        Group::TestNames => test_names::check(scope, &settings.test_names),
        Group::Branch => facts
            .branch
            .as_ref()
            .map_or_else(Vec::new, |state| branch::check(state, &settings.branch)),
        Group::CommitMessage => of_messages(&facts.messages, &settings.commit_message),
        Group::Files => files::check(scope, &settings.files),
        Group::ChangeSize => change_size::check(scope, &settings.change_size),
        Group::Secrets => secrets::check(scope, &settings.secrets),
        Group::Settings => of_settings(scope, &settings.settings),
        Group::Docker => docker::check(scope, &settings.docker),
        Group::Workflows => workflows::check(scope, &settings.workflows),
    };
    Found {
        findings,
        ..Found::default()
    }
}

fn of_messages(messages: &[Message<'_>], settings: &commit_message::Settings) -> Vec<Finding> {
    let messages = messages.iter();
    messages
        .flat_map(|message| commit_message::check(*message, settings))
        .collect()
}

fn of_settings(scope: &Scope, modules: &[settings::Settings]) -> Vec<Finding> {
    if modules.is_empty() {
        return settings::check(scope, &settings::Settings::default());
    }
    let mut findings: Vec<Finding> = Vec::new();
    for module in modules {
        for finding in settings::check(scope, module) {
            // What two modules take from a third is one fault.
            let is_known = |known: &Finding| settings::is_one_fault(known, &finding);
            if !findings.iter().any(is_known) {
                findings.push(finding);
            }
        }
    }
    findings
}

fn of_migrations(scope: &Scope, settings: &migrations::Settings, facts: &Facts<'_>) -> Found {
    if !migrations::is_touched(scope, settings) {
        return Found::default();
    }
    let review = Review {
        base: facts.serving,
        head: &scope.tree,
        settings,
    };
    let review = migrations::review_with_sql(&review, &facts.exact, facts.is_last);
    Found {
        findings: review.findings,
        unseen: review.not_analysed.into_iter().map(unseen).collect(),
        ..Found::default()
    }
}

fn unseen(not_analysed: NotAnalysed) -> Unseen {
    Unseen {
        location: Some(not_analysed.location),
        why: not_analysed.why,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Change, ChangeKind, ChangedLines, ContentSource};
    use std::sync::{Arc, Mutex};

    #[test]
    fn every_rule_belongs_to_its_group_and_has_a_name_of_its_own() {
        let mut ids = BTreeSet::new();
        for group in Group::ALL {
            assert!(!group.rules().is_empty(), "{group}");
            for rule in group.rules() {
                assert_eq!(rule.group, group, "{}", rule.id);
                assert!(ids.insert(rule.id), "{} twice", rule.id);
            }
        }
        assert_eq!(ids.len(), rules().len());
    }

    #[test]
    fn what_a_group_wants_at_all_it_wants_when_it_changed() {
        for path in [
            "a.py",
            "Dockerfile",
            ".gitattributes",
            "requirements.txt",
            "x.png",
        ] {
            for group in Group::ALL {
                assert!(
                    !group.wants(path) || group.wants_changed(path),
                    "{group} {path}"
                );
            }
        }
    }

    #[test]
    fn only_the_groups_that_are_named_run() {
        let scope = Scope::all(
            [("a.py", "<<<<<<< HEAD\n"), ("Dockerfile", "FROM x\n")]
                .into_iter()
                .collect(),
        );
        let rules_of = |groups: &[Group]| -> BTreeSet<String> {
            let groups = groups.iter().copied().collect();
            let found = check(
                &groups,
                &scope,
                &ProjectSettings::default(),
                &Facts::default(),
            );
            found
                .findings
                .into_iter()
                .map(|finding| finding.rule)
                .collect()
        };
        assert!(rules_of(&[]).is_empty());
        assert!(rules_of(&[Group::Branch, Group::CommitMessage, Group::Coverage]).is_empty());
        let files = rules_of(&[Group::Files]);
        assert!(files.contains("merge-conflict") && !files.contains("unpinned-base-image"));
        assert!(rules_of(&Group::ALL).contains("unpinned-base-image"));
    }

    #[test]
    fn a_new_migration_does_not_lead_to_all_files() {
        let asked = Arc::new(Mutex::new(BTreeSet::new()));
        let noted = Arc::clone(&asked);
        let source = ContentSource::new(move |keys| {
            let keys = keys.iter().map(|key| (*key).to_owned());
            noted.lock().unwrap().extend(keys.clone());
            keys.map(|_| Some(Vec::new())).collect()
        });
        let mut serving = SourceTree::new();
        for path in [
            "shop/__init__.py",
            "shop/apps.py",
            "shop/migrations/__init__.py",
            "shop/models.py",
            "shop/tests/test_views.py",
            "shop/views.py",
        ] {
            serving.insert_later(path, &source, path);
        }
        let first = "from django.db import migrations, models\n\nclass Migration(migrations.Migration):\n    operations = [migrations.CreateModel('Order', [('id', models.BigAutoField(primary_key=True))])]\n";
        serving.insert("shop/migrations/0001_initial.py", first);
        let mut scope = Scope {
            tree: serving.clone(),
            ..Scope::default()
        };
        let path = "shop/migrations/0002_note.py";
        let second = "from django.db import migrations, models\n\nclass Migration(migrations.Migration):\n    dependencies = [('shop', '0001_initial')]\n    operations = [migrations.AddField('order', 'note', models.TextField(null=True))]\n";
        scope.tree.insert(path, second);
        scope.changes.push(Change {
            path: path.to_owned(),
            kind: ChangeKind::Added,
            lines: ChangedLines::All,
            counts: Some((5, 0)),
        });
        let facts = Facts {
            serving: Some(&serving),
            ..Facts::default()
        };
        let groups = Group::ALL.into();
        let _found = check(&groups, &scope, &ProjectSettings::default(), &facts);
        let asked = asked.lock().unwrap();
        assert!(asked.contains("shop/apps.py"), "{asked:?}");
        assert!(
            !asked.iter().any(|path| path.contains("views")),
            "{asked:?}"
        );
    }

    #[test]
    fn what_a_review_could_not_see_is_said() {
        let migration = "from django.db import migrations\n\nclass Migration(migrations.Migration):\n    operations = made()\n";
        let scope = Scope::all(
            [
                ("shop/__init__.py", ""),
                ("shop/migrations/__init__.py", ""),
                ("shop/migrations/0001_initial.py", migration),
            ]
            .into_iter()
            .collect(),
        );
        let groups = [Group::Migrations].into();
        let found = check(
            &groups,
            &scope,
            &ProjectSettings::default(),
            &Facts::default(),
        );
        assert_eq!(found.unseen.len(), 1, "{found:#?}");
        assert!(
            found
                .findings
                .iter()
                .any(|finding| finding.rule == "migration-not-analysed")
        );
    }
}
