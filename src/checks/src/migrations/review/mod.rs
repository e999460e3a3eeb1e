//! The review of a release: the migrations that it brings, judged with the former code still serving.

#[cfg(test)]
mod tests;

use super::MigrationId;
use super::Settings;
use super::graph::Graph;
use super::migration::Hidden;
use super::project::{Key, Project};
use super::rules::separate::Promises;
use super::rules::{self, Context, MigrationFacts, ParsedSql};
use super::serving::Serving;
use super::state::Fold;
use super::unnamed::unnamed;
use crate::SourceTree;
use beanpole_model::{Finding, Location, Severity};
use serde::Serialize;
use std::collections::BTreeSet;

/// What to review.
#[derive(Clone, Copy, Debug)]
pub struct Review<'a> {
    /// The code that serves now. `None`: nothing serves yet, the database is empty.
    pub base: Option<&'a SourceTree>,
    /// The code to be released.
    pub head: &'a SourceTree,
    /// What the project says about itself.
    pub settings: &'a Settings,
}

/// Something that could not be seen without running Python.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotAnalysed {
    /// The migration, if the file is one.
    pub migration: Option<MigrationId>,
    /// Where.
    pub location: Location,
    /// What could not be seen and why.
    pub why: String,
    /// What it is, for those who know more than the text of the file.
    #[serde(skip)]
    pub what: Hidden,
}

/// A migration that a release brings, and what its work depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMigration {
    /// The migration.
    pub id: MigrationId,
    /// Its file, and the files of the project that it imports, however far.
    pub files: Vec<String>,
}

/// What the review found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MigrationReview {
    /// The migrations that the head has and the base has not, in an order in which Django could apply them. Squashed ones
    /// whose parts are all on the base are not among them: Django applies nothing for them.
    pub added: Vec<MigrationId>,
    /// What is wrong, worst first, then by place.
    pub findings: Vec<Finding>,
    /// Whether a finding is an error: the release must not go on without a word of the operator.
    pub blocked: bool,
    /// What could not be judged in the added migrations. Each of them is among the findings as well.
    pub not_analysed: Vec<NotAnalysed>,
}

/// Reviews the migrations between two trees.
#[must_use]
pub fn review(review: &Review<'_>) -> MigrationReview {
    let settings = review.settings;
    let base = review.base.map(|tree| Project::read(tree, settings, None));
    let head = Project::read(review.head, settings, base.as_ref());
    judge(base.as_ref(), &head, settings)
}

/// The review of two projects that have been read.
pub(crate) fn judge(
    base: Option<&Project<'_>>,
    head: &Project<'_>,
    settings: &Settings,
) -> MigrationReview {
    let serving = base.map(Serving::new);
    let graph = Graph::build(head);
    let added = added(base, head, &graph);
    let judged: BTreeSet<Key> = added.iter().map(MigrationId::key).collect();
    let mut findings = Vec::new();
    rules::graph::check(base, head, &graph, &judged, &mut findings);
    let unseen = operations(
        head,
        &graph,
        &judged,
        serving.as_ref(),
        settings,
        &mut findings,
    );
    let mut not_analysed = not_analysed(base, head, &judged);
    not_analysed.extend(unseen);
    findings.extend(not_analysed.iter().map(rules::not_analysed));
    let unnamed = unnamed(base, head);
    findings.extend(unnamed.iter().map(rules::not_named));
    not_analysed.extend(unnamed);
    sort(&mut findings);
    MigrationReview {
        added,
        blocked: findings
            .iter()
            .any(|finding| finding.severity == Severity::Error),
        findings,
        not_analysed,
    }
}

/// What the rules find in the operations of judged migrations, each with what came before it. Gives back what they could not
/// judge.
fn operations(
    head: &Project<'_>,
    graph: &Graph<'_>,
    judged: &BTreeSet<Key>,
    serving: Option<&Serving<'_, '_>>,
    settings: &Settings,
    findings: &mut Vec<Finding>,
) -> Vec<NotAnalysed> {
    let mut unseen = Vec::new();
    let migrations = judged.iter().filter_map(|key| head.migrations.get(key));
    let sql = ParsedSql::new(migrations.flat_map(|migration| &migration.operations));
    let mut promises = Promises::default();
    let mut fold = Fold::default();
    let mut made_by_sql = BTreeSet::new();
    for key in &graph.order {
        let Some(migration) = head.migrations.get(key) else {
            continue;
        };
        let is_judged = judged.contains(key);
        // Without code that serves nothing is about to run before or after it: the marks of old migrations are history.
        if is_judged && serving.is_some() {
            rules::phase::check(head, migration, findings);
        }
        let mut before = MigrationFacts::new(migration);
        for operation in &migration.operations {
            if is_judged {
                let mut context = Context {
                    made_by_sql: &mut made_by_sql,
                    project: head,
                    migration,
                    fold: &fold,
                    serving,
                    judged,
                    settings,
                    facts: &mut before,
                    findings,
                    unseen: &mut unseen,
                };
                rules::operation(&mut context, operation, &sql);
                promises.take_in(&mut fold, migration, operation, &sql);
            } else {
                fold.apply(&key.0, operation, key);
            }
        }
    }
    findings.extend(promises.findings(head, &fold));
    unseen
}

/// The migrations that the head of a review has and its base has not: [`MigrationReview::added`], without a judgement.
#[must_use]
pub fn new_migrations(review: &Review<'_>) -> Vec<NewMigration> {
    let base = (review.base).map(|tree| Project::read(tree, review.settings, None));
    let head = Project::read(review.head, review.settings, base.as_ref());
    let graph = Graph::build(&head);
    let new = added(base.as_ref(), &head, &graph).into_iter();
    new.map(|id| NewMigration {
        files: files(&head, &id.path),
        id,
    })
    .collect()
}

/// The file at that path, and what it imports of the project, however far. Modules whose names are computed are not seen.
fn files(project: &Project<'_>, path: &str) -> Vec<String> {
    let mut found = vec![path.to_owned()];
    let mut next = 0;
    while let Some(path) = found.get(next).cloned() {
        next += 1;
        let Some(Ok(module)) = project.modules.get(&path) else {
            continue;
        };
        for import in module.imports.values().chain(&module.star_imports) {
            let dots = ".".repeat(usize::try_from(import.level).unwrap_or_default());
            let from = format!("{dots}{}", import.module);
            let dot = if import.module.is_empty() { "" } else { "." };
            let named = (import.name.as_deref()).map(|name| format!("{from}{dot}{name}"));
            for module in [Some(from), named].into_iter().flatten() {
                if let Some((path, _)) = project.modules.import(&path, &module)
                    && !found.contains(&path)
                {
                    found.push(path);
                }
            }
        }
    }
    found
}

/// The worst first, then by place; each once.
pub(crate) fn sort(findings: &mut Vec<Finding>) {
    findings.sort_by(|left, right| {
        (right.severity.cmp(&left.severity)).then_with(|| place(left).cmp(&place(right)))
    });
    findings.dedup();
}

fn place(finding: &Finding) -> (&str, Option<u32>, Option<u32>, &str) {
    let location = finding.location.as_ref();
    (
        location.map_or("", |location| location.path.as_str()),
        location.and_then(|location| location.line),
        location.and_then(|location| location.column),
        finding.rule.as_str(),
    )
}

/// Models and tables after all migrations of a project.
pub(crate) fn fold_all(project: &Project<'_>) -> Fold {
    let graph = Graph::build(project);
    let mut fold = Fold::default();
    for key in &graph.order {
        if let Some(migration) = project.migrations.get(key) {
            for operation in &migration.operations {
                fold.apply(&key.0, operation, key);
            }
        }
    }
    fold
}

/// Migrations that the base has not applied, in order.
pub(crate) fn added(
    base: Option<&Project<'_>>,
    head: &Project<'_>,
    graph: &Graph<'_>,
) -> Vec<MigrationId> {
    let applied = |key: &Key| {
        base.is_some_and(|base| {
            base.migrations.contains_key(key)
                || base.unreadable_keys.contains(key)
                // A squashed migration of the base stands for what it replaces.
                || base.replaced.contains(key)
        })
    };
    graph
        .order
        .iter()
        .filter_map(|key| head.migrations.get(key))
        .filter(|migration| !applied(&migration.id.key()))
        .filter(|migration| {
            migration.replaces.is_empty() || !migration.replaces.iter().all(applied)
        })
        .map(|migration| migration.id.clone())
        .collect()
}

fn not_analysed(
    base: Option<&Project<'_>>,
    head: &Project<'_>,
    judged: &BTreeSet<Key>,
) -> Vec<NotAnalysed> {
    let new_file = |path: &str| {
        base.is_none_or(|base| base.modules.tree().get(path) != head.modules.tree().get(path))
    };
    let mut all: Vec<NotAnalysed> = head
        .unreadable
        .iter()
        .filter(|one| new_file(&one.location.path))
        .cloned()
        .collect();
    for migration in head.migrations.values() {
        if !judged.contains(&migration.id.key()) {
            continue;
        }
        all.extend(migration.unseen.iter().map(|unseen| NotAnalysed {
            migration: Some(migration.id.clone()),
            location: head.location(&migration.id.path, Some(unseen.span)),
            why: unseen.why.clone(),
            what: unseen.what,
        }));
    }
    all
}
