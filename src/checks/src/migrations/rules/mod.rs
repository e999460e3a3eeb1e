//! The rules: one file each, with its id, its reason, its remedy and its tests.

mod add_index;
mod all_rows;
pub(super) mod catalog;
mod change_type;
mod column_rewrite;
mod composite_key;
mod concurrently;
mod constraint;
mod drop_column;
mod drop_default;
mod drop_table;
mod foreign_key;
pub(super) mod graph;
mod lock_held;
mod made_by_sql;
mod mixed;
pub(super) mod phase;
mod rename_column;
mod rename_table;
mod required_column;
mod run_python;
pub(super) mod run_sql;
pub(super) mod separate;
mod set_not_null;
mod unique;

use super::Settings;
use super::migration::{Hidden, Migration};
use super::operation::{Kind, Operation};
use super::project::{Key, Project};
use super::review::NotAnalysed;
use super::serving::Serving;
use super::state::{Fold, Model};
use crate::paths::{base_name, parent};
use crate::python::{self, Span};
use crate::sql::{self, Statement};
use beanpole_model::{Finding, Severity};
use std::collections::{BTreeSet, HashMap};

/// What a rule may look at.
pub(super) struct Context<'a> {
    pub(super) project: &'a Project<'a>,
    pub(super) migration: &'a Migration,
    /// Models and tables before the operation.
    pub(super) fold: &'a Fold,
    /// The code that still serves.
    pub(super) serving: Option<&'a Serving<'a, 'a>>,
    /// The migrations of this release.
    pub(super) judged: &'a BTreeSet<Key>,
    pub(super) settings: &'a Settings,
    /// Tables that SQL of this release has made.
    pub(super) made_by_sql: &'a mut BTreeSet<String>,
    /// What the migration has done before this operation.
    pub(super) facts: &'a mut MigrationFacts,
    pub(super) findings: &'a mut Vec<Finding>,
    /// What could not be judged in the light of what came before.
    pub(super) unseen: &'a mut Vec<NotAnalysed>,
}

/// What rules about whole migrations remember of the operations before.
#[derive(Debug, Default)]
pub(super) struct MigrationFacts {
    /// The name of the first operation that changed an old table.
    pub(super) schema: Option<&'static str>,
    /// The name of the first operation that changed rows.
    pub(super) data: Option<&'static str>,
    /// The name of the first operation that took the strongest lock of an old table.
    pub(super) locked: Option<&'static str>,
    /// Whether the mixture has been said.
    pub(super) mixed_is_said: bool,
    /// How many operations the migration has.
    pub(super) operations: usize,
}

impl MigrationFacts {
    pub(super) fn new(migration: &Migration) -> Self {
        Self {
            operations: migration.operations.len(),
            ..Self::default()
        }
    }
}

/// What a rule says.
pub(super) struct Said {
    pub(super) rule: &'static str,
    pub(super) severity: Severity,
    pub(super) span: Span,
    pub(super) message: String,
    pub(super) reason: &'static str,
    pub(super) remedy: String,
}

impl<'a> Context<'a> {
    /// Adds a finding.
    pub(super) fn say(&mut self, said: Said) {
        self.findings.push(Finding {
            rule: said.rule.to_owned(),
            severity: said.severity,
            location: Some(
                self.project
                    .location(&self.migration.id.path, Some(said.span)),
            ),
            message: said.message,
            reason: said.reason.to_owned(),
            remedy: Some(said.remedy),
        });
    }

    /// Notes that something of an operation cannot be seen.
    pub(super) fn cannot_see(&mut self, span: Span, why: String) {
        self.unseen.push(NotAnalysed {
            migration: Some(self.migration.id.clone()),
            location: (self.project).location(&self.migration.id.path, Some(span)),
            why,
            what: Hidden::Column,
        });
    }

    /// The app of the migration.
    pub(super) fn app(&self) -> &'a str {
        &self.migration.id.app
    }

    /// The model with its table as the database has it, if the table was there before this release.
    pub(super) fn old_table(&self, model: &str) -> Option<&'a Model> {
        // For an empty database every table is new: nothing has to be looked up.
        self.serving?;
        let found = self.fold.database.model(self.app(), model);
        found.filter(|found| found.has_table() && !self.is_new(found))
    }

    /// Whether the table was made in this release.
    pub(super) fn is_new(&self, model: &Model) -> bool {
        self.serving.is_none() || self.judged.contains(&model.born)
    }

    /// Whether locks on that table hurt at once.
    pub(super) fn is_hot(&self, model: &Model) -> bool {
        self.settings.hot_tables.iter().any(|hot| {
            hot.eq_ignore_ascii_case(&model.table)
                || hot.split_once('.').is_some_and(|(app, name)| {
                    app == model.app && name.eq_ignore_ascii_case(&model.name)
                })
        })
    }

    /// A warning, or an error on a hot table.
    pub(super) fn lock_severity(&self, model: &Model) -> Severity {
        if self.is_hot(model) {
            Severity::Error
        } else {
            Severity::Warning
        }
    }
}

/// Rules of one operation.
pub(super) fn operation(context: &mut Context<'_>, operation: &Operation, sql: &ParsedSql<'_>) {
    if let Kind::Separate { database, state } = &operation.kind {
        for inner in database {
            self::operation(context, inner, sql);
        }
        required_column::left_behind(context, database, state);
        return;
    }
    let said_before = context.findings.len();
    let sql = sql.of(operation);
    drop_table::check(context, operation);
    drop_column::check(context, operation);
    rename_table::check(context, operation);
    rename_column::check(context, operation);
    required_column::check(context, operation);
    set_not_null::check(context, operation);
    drop_default::check(context, operation);
    change_type::check(context, operation);
    unique::check(context, operation);
    constraint::check(context, operation);
    add_index::check(context, operation);
    concurrently::check(context, operation);
    foreign_key::check(context, operation);
    column_rewrite::check(context, operation);
    composite_key::check(context, operation);
    lock_held::check(context, operation, said_before);
    run_python::check(context, operation);
    run_sql::check(context, operation, &sql);
    mixed::check(context, operation, &sql);
}

/// The statements of the SQL that operations run, by its text. They are parsed on all cores, before the rules go through the
/// operations one after the other.
pub(super) struct ParsedSql<'p>(HashMap<&'p str, Vec<Statement>>);

/// How many texts make another thread worth its start: some 100 µs each (measured with 100 of them).
const TEXTS_FOR_A_THREAD: usize = 2;

impl<'p> ParsedSql<'p> {
    /// Parses what these operations run, and those inside of them.
    pub(super) fn new(operations: impl Iterator<Item = &'p Operation>) -> Self {
        let mut texts = BTreeSet::new();
        operations.for_each(|operation| collect_sql(operation, &mut texts));
        let texts: Vec<&str> = texts.into_iter().collect();
        let parsed = python::on_all_cores(&texts, TEXTS_FOR_A_THREAD, |text| sql::read(text));
        Self(texts.into_iter().zip(parsed).collect())
    }

    /// The statements of each SQL of an operation.
    fn of(&self, operation: &Operation) -> Vec<&[Statement]> {
        let parsed = |text: &str| self.0.get(text).map_or(&[][..], Vec::as_slice);
        let texts = texts_of(operation).iter();
        texts.map(|(text, _)| parsed(text)).collect()
    }
}

fn collect_sql<'p>(operation: &'p Operation, texts: &mut impl Extend<&'p str>) {
    texts.extend(texts_of(operation).iter().map(|(text, _)| text.as_str()));
    if let Kind::Separate { database, .. } = &operation.kind {
        (database.iter()).for_each(|inner| collect_sql(inner, texts));
    }
}

/// The texts of SQL that an operation runs itself.
fn texts_of(operation: &Operation) -> &[(String, Span)] {
    match &operation.kind {
        Kind::RunSql(run) => &run.sql,
        Kind::RunPython(python) => &python.sql,
        _ => &[],
    }
}

/// Rules whose findings mean that code without the migration breaks.
pub(super) fn breaks_old_code(rule: &str) -> bool {
    [
        drop_table::RULE,
        drop_column::RULE,
        rename_table::RULE,
        rename_column::RULE,
        required_column::RULE,
        set_not_null::RULE,
        drop_default::RULE,
        change_type::NARROWED,
        change_type::CHANGED,
    ]
    .contains(&rule)
}

/// The id of the finding for something that could not be seen.
pub(super) const NOT_ANALYSED: &str = "migration-not-analysed";

/// The finding for something that could not be seen.
pub(super) fn not_analysed(one: &NotAnalysed) -> Finding {
    let remedy = if one.what == Hidden::Column {
        "read the SQL that `manage.py sqlmigrate` prints for it, or have it judged with `--exact`"
    } else {
        "write the operations as a plain list, or read this migration with care"
    };
    Finding {
        rule: NOT_ANALYSED.to_owned(),
        severity: Severity::Warning,
        location: Some(one.location.clone()),
        message: format!("cannot be judged without running it: {}", one.why),
        reason: "what cannot be seen may drop, lock or rewrite a table".to_owned(),
        remedy: Some(remedy.to_owned()),
    }
}

/// The finding for a package of migrations that nothing names.
pub(super) fn not_named(one: &NotAnalysed) -> Finding {
    let directory = parent(&one.location.path);
    let package = directory.replace('/', ".");
    let app = match base_name(parent(directory)) {
        "" => "APP",
        app => app,
    };
    Finding {
        message: one.why.clone(),
        remedy: Some(format!(
            "name it in beanpole.yaml, with the label of its app: `checks.migrations.modules: {{{app}: {package}}}`"
        )),
        ..not_analysed(one)
    }
}
